/* The tree in memory against the naive model: random operations, forms, snapshots, cost, depth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "naive_trie.h"
#include "trie/tree.h"
#include "util/mem.h"

/* A tree and what should be in it. */
struct pair {
    struct subx_tree tree;
    struct naive_trie naive;
};

/* A key that often is a prefix of others, or differs from them in one nibble. */
static subx_slice random_key(uint64_t *seed, uint8_t room[80])
{
    static const uint8_t few[] = {0x00, 0x01, 0x10, 0x11, 0x61, 0xff};
    const uint32_t kind = naive_random(seed, 20);
    const size_t len = kind == 0 ? 40 + naive_random(seed, 40) : naive_random(seed, 5);
    for (size_t i = 0; i < len; i++)
        room[i] = kind == 0 && i < 38 ? 0x61 : few[naive_random(seed, sizeof few)];
    return subx_slice__of(room, len);
}

/* Lengths around every border that matters. */
static subx_slice random_value(uint64_t *seed, uint8_t room[1500])
{
    static const size_t lens[] = {0, 1, 1, 2, 20, 31, 32, 33, 34, 64, 100, 511, 512, 513, 1400};
    const size_t len = lens[naive_random(seed, sizeof lens / sizeof *lens)];
    for (size_t i = 0; i < len; i++)
        room[i] = (uint8_t)naive_random(seed, 4);
    return subx_slice__of(room, len);
}

static void expect_root(struct subx_tree *tree, const struct naive_trie *naive)
{
    uint8_t root[32], expected[32];
    assert_int_equal(subx_tree__root(tree, root, NULL), SUBX_OK);
    naive_trie_root(naive, tree->hasher, expected);
    assert_memory_equal(root, expected, 32);
}

static void expect_entry(const struct subx_tree_entry *entry, const struct naive_pair *pair)
{
    assert_int_equal(entry->found, pair != NULL);
    if (pair == NULL)
        return;
    assert_int_equal(entry->hashed, pair->hashed);
    assert_int_equal(entry->hash != NULL, pair->hashed);
    assert_int_equal(entry->value.len, pair->value_len);
    assert_true(subx_slice__equal(entry->value, naive_value(pair)));
}

/* All keys from `from` on that begin with `prefix`, with their values. */
static void expect_cursor(const struct subx_tree *tree, const struct naive_trie *naive,
                          subx_slice prefix, subx_slice from)
{
    struct subx_tree_cursor *cursor = NULL;
    struct subx_tree_entry entry;
    subx_slice key;
    assert_int_equal(
        subx_tree_cursor__open(tree, prefix, from, SUBX_TREE_KEYS_AND_VALUES, NULL, &cursor, NULL),
        SUBX_OK);
    const subx_slice start = subx_trie__compare(prefix, from) > 0 ? prefix : from;
    for (size_t i = naive_trie_find(naive, start);
         i < naive->count && subx_slice__starts_with(naive_key(&naive->pairs[i]), prefix); i++) {
        assert_int_equal(subx_tree_cursor__next(cursor, &key, &entry, NULL), SUBX_OK);
        expect_entry(&entry, &naive->pairs[i]);
        assert_true(subx_slice__equal(key, naive_key(&naive->pairs[i])));
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(subx_tree_cursor__next(cursor, &key, &entry, NULL), SUBX_OK);
        assert_false(entry.found);
    }
    subx_tree_cursor__close(cursor);
}

static void expect_next_key(const struct subx_tree *tree, const struct naive_trie *naive,
                            subx_slice key)
{
    struct subx_buf next = SUBX_BUF_INIT;
    bool found = false;
    size_t at = naive_trie_find(naive, key);
    at += naive_trie_get(naive, key) != NULL;
    assert_int_equal(subx_tree__next_key(tree, key, NULL, &next, &found, NULL), SUBX_OK);
    assert_int_equal(found, at < naive->count);
    if (found)
        assert_true(subx_slice__equal(subx_buf__slice(&next), naive_key(&naive->pairs[at])));
    else
        assert_int_equal(next.len, 0);
    subx_buf__free(&next);
}

static void compare_reads(const struct subx_tree *tree, const struct naive_trie *naive,
                          uint64_t *seed)
{
    uint8_t key_room[80], other_room[80];
    assert_int_equal(tree->count, naive->count);
    for (int i = 0; i < 10; i++) {
        const subx_slice key = random_key(seed, key_room);
        const subx_slice other = random_key(seed, other_room);
        struct subx_tree_entry entry;
        assert_int_equal(subx_tree__get(tree, key, NULL, &entry, NULL), SUBX_OK);
        expect_entry(&entry, naive_trie_get(naive, key));
        assert_int_equal(subx_tree__probe(tree, key, NULL, &entry, NULL), SUBX_OK);
        assert_int_equal(entry.found, naive_trie_get(naive, key) != NULL);
        expect_next_key(tree, naive, key);
        expect_cursor(tree, naive, key, other);
        expect_cursor(tree, naive, SUBX_EMPTY, other);
        expect_cursor(tree, naive, subx_slice__of(key.data, key.len / 2), key);
    }
    expect_next_key(tree, naive, SUBX_EMPTY);
    expect_cursor(tree, naive, SUBX_EMPTY, SUBX_EMPTY);
}

static void remove_prefix(struct pair *both, subx_slice prefix)
{
    uint64_t removed = 0, expected = 0;
    assert_int_equal(subx_tree__remove_prefix(&both->tree, prefix, &removed, NULL), SUBX_OK);
    for (size_t i = naive_trie_find(&both->naive, prefix);
         i < both->naive.count &&
         subx_slice__starts_with(naive_key(&both->naive.pairs[i]), prefix);) {
        const subx_slice key = naive_key(&both->naive.pairs[i]);
        (void)naive_trie_remove(&both->naive, key);
        expected++;
    }
    assert_int_equal(removed, expected);
}

static void random_change(struct pair *both, uint64_t *seed)
{
    uint8_t key_room[80], value_room[1500];
    const subx_slice key = random_key(seed, key_room);
    const uint32_t what = naive_random(seed, 40);
    if (what < 22) {
        const subx_slice value = random_value(seed, value_room);
        const bool hashed = naive_random(seed, 2) == 0;
        assert_int_equal(subx_tree__set(&both->tree, key, value, hashed, NULL), SUBX_OK);
        naive_trie_set(&both->naive, key, value, hashed);
    } else if (what < 38) {
        bool removed = false;
        assert_int_equal(subx_tree__remove(&both->tree, key, &removed, NULL), SUBX_OK);
        assert_int_equal(removed, naive_trie_remove(&both->naive, key));
    } else if (what == 38 || key.len > 0) {
        remove_prefix(both, key);
    }
}

static void random_operations(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (int round = 0; round < 60; round++) {
        struct pair both = {.naive = {NULL, 0, 0}};
        subx_tree__init(&both.tree, round % 7 == 0 ? &subx_trie_keccak : &subx_trie_blake2b);
        for (int step = 0; step < 150; step++) {
            random_change(&both, &seed);
            if (naive_random(&seed, 4) == 0)
                expect_root(&both.tree, &both.naive);
            if (naive_random(&seed, 15) == 0)
                compare_reads(&both.tree, &both.naive, &seed);
        }
        expect_root(&both.tree, &both.naive);
        while (both.naive.count > 0) {
            const subx_slice key =
                naive_key(&both.naive.pairs[naive_random(&seed, (uint32_t)both.naive.count)]);
            bool removed = false;
            assert_int_equal(subx_tree__remove(&both.tree, key, &removed, NULL), SUBX_OK);
            assert_true(removed);
            (void)naive_trie_remove(&both.naive, key);
            expect_root(&both.tree, &both.naive);
        }
        assert_null(both.tree.root);
        subx_tree__free(&both.tree);
        naive_trie_free(&both.naive);
    }
}

/* Handles that share nodes in all ways: each keeps what is its own, hashed or not. */
static void random_snapshots(void **state)
{
    (void)state;
    uint64_t seed = 7;
    enum { HANDLES = 6 };
    struct pair pairs[HANDLES];
    memset(pairs, 0, sizeof pairs);
    for (size_t i = 0; i < HANDLES; i++)
        subx_tree__init(&pairs[i].tree, &subx_trie_blake2b);
    for (int step = 0; step < 6000; step++) {
        struct pair *const one = &pairs[naive_random(&seed, HANDLES)];
        const uint32_t what = naive_random(&seed, 30);
        if (what == 0) {
            struct pair *const other = &pairs[naive_random(&seed, HANDLES)];
            if (other == one)
                continue;
            subx_tree__free(&other->tree);
            naive_trie_free(&other->naive);
            subx_tree__snapshot(&one->tree, &other->tree);
            other->naive = naive_trie_copy(&one->naive);
        } else if (what == 1) {
            expect_root(&one->tree, &one->naive);
        } else if (what == 2) {
            compare_reads(&one->tree, &one->naive, &seed);
        } else {
            random_change(one, &seed);
        }
    }
    for (size_t i = 0; i < HANDLES; i++) {
        compare_reads(&pairs[i].tree, &pairs[i].naive, &seed);
        expect_root(&pairs[i].tree, &pairs[i].naive);
        subx_tree__free(&pairs[i].tree);
        naive_trie_free(&pairs[i].naive);
    }
}

static struct subx_tree build(const struct naive_trie *naive)
{
    struct subx_tree tree;
    struct subx_tree_builder *const builder = subx_tree_builder__new(&subx_trie_blake2b);
    assert_non_null(builder);
    for (size_t i = 0; i < naive->count; i++)
        assert_int_equal(subx_tree_builder__push(builder, naive_key(&naive->pairs[i]),
                                                 naive_value(&naive->pairs[i]),
                                                 naive->pairs[i].hashed, NULL),
                         SUBX_OK);
    assert_int_equal(subx_tree_builder__finish(builder, &tree, NULL), SUBX_OK);
    subx_tree_builder__free(builder);
    return tree;
}

static void building_at_once(void **state)
{
    (void)state;
    uint64_t seed = 8;
    uint8_t key_room[80], value_room[1500];
    for (int round = 0; round < 100; round++) {
        struct naive_trie naive = {NULL, 0, 0};
        for (uint32_t i = naive_random(&seed, 80); i > 0; i--) {
            const subx_slice key = random_key(&seed, key_room);
            naive_trie_set(&naive, key, random_value(&seed, value_room), i % 2 == 0);
        }
        struct subx_tree tree = build(&naive);
        assert_int_equal(tree.stats.nodes, naive_trie_nodes(&naive));
        expect_root(&tree, &naive);
        compare_reads(&tree, &naive, &seed);
        subx_tree__free(&tree);
        naive_trie_free(&naive);
    }
    struct subx_tree_builder *const builder = subx_tree_builder__new(&subx_trie_blake2b);
    const subx_slice key = subx_slice__text("key");
    assert_int_equal(subx_tree_builder__push(builder, key, key, false, NULL), SUBX_OK);
    assert_int_equal(subx_tree_builder__push(builder, key, key, false, NULL), SUBX_INVALID_INPUT);
    subx_tree_builder__free(builder);
}

/* A value changes its form only when it is written; neighbours that come and go leave it. */
static void forms(void **state)
{
    (void)state;
    static const uint8_t bytes[600] = {1, 2, 3};
    static const size_t lens[] = {0, 32, 33, 512, 513, 600};
    const subx_slice key = subx_slice__text("kk"), above = subx_slice__text("k");
    const subx_slice below = subx_slice__text("kkk"), beside = subx_slice__text("kl");
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        const subx_slice value = subx_slice__of(bytes, lens[i]);
        struct pair both = {.naive = {NULL, 0, 0}};
        struct subx_tree_entry entry;
        subx_tree__init(&both.tree, &subx_trie_blake2b);
        for (int round = 0; round < 4; round++) {
            const bool hashed = round % 2 == 1;
            assert_int_equal(subx_tree__set(&both.tree, key, value, hashed, NULL), SUBX_OK);
            naive_trie_set(&both.naive, key, value, hashed);
            expect_root(&both.tree, &both.naive);
            const subx_slice others[] = {above, below, beside};
            for (size_t k = 0; k < 6; k++) {
                const subx_slice other = others[k % 3];
                if (k < 3) {
                    assert_int_equal(subx_tree__set(&both.tree, other, value, !hashed, NULL),
                                     SUBX_OK);
                    naive_trie_set(&both.naive, other, value, !hashed);
                } else {
                    assert_int_equal(subx_tree__remove(&both.tree, other, NULL, NULL), SUBX_OK);
                    (void)naive_trie_remove(&both.naive, other);
                }
                expect_root(&both.tree, &both.naive);
                assert_int_equal(subx_tree__get(&both.tree, key, NULL, &entry, NULL), SUBX_OK);
                assert_int_equal(entry.hashed, hashed && lens[i] >= 33);
                assert_true(subx_slice__equal(entry.value, value));
            }
        }
        subx_tree__free(&both.tree);
        naive_trie_free(&both.naive);
    }
}

/* What does not fit is refused before anything of it is read. */
static void too_large(void **state)
{
    (void)state;
    static const uint8_t byte = 1;
    const subx_slice small = {&byte, 1}, key = {&byte, UINT32_MAX}, value = {&byte, UINT32_MAX};
    struct pair both = {.naive = {NULL, 0, 0}};
    struct subx_tree_builder *const builder = subx_tree_builder__new(&subx_trie_blake2b);
    subx_tree__init(&both.tree, &subx_trie_blake2b);
    assert_int_equal(subx_tree__set(&both.tree, small, small, true, NULL), SUBX_OK);
    naive_trie_set(&both.naive, small, small, true);
    assert_int_equal(subx_tree__set(&both.tree, key, small, true, NULL), SUBX_TOO_LARGE);
    assert_int_equal(subx_tree__set(&both.tree, small, value, true, NULL), SUBX_TOO_LARGE);
    expect_root(&both.tree, &both.naive);
    assert_int_equal(subx_tree_builder__push(builder, key, small, true, NULL), SUBX_TOO_LARGE);
    assert_int_equal(subx_tree_builder__push(builder, small, value, true, NULL), SUBX_TOO_LARGE);
    subx_tree_builder__free(builder);
    subx_tree__free(&both.tree);
    naive_trie_free(&both.naive);
}

/* A change costs the nodes of its path, a root their hashes; nothing costs nothing. */
static void cost(void **state)
{
    (void)state;
    uint64_t seed = 9;
    struct naive_trie naive = {NULL, 0, 0};
    uint8_t key[32], value[40] = {0};
    for (int i = 0; i < 3000; i++) {
        for (size_t k = 0; k < sizeof key; k++)
            key[k] = (uint8_t)naive_random(&seed, 256);
        naive_trie_append(&naive, subx_slice__of(key, 32), subx_slice__of(value, 40), true);
    }
    naive_trie_sort(&naive);
    struct subx_tree tree = build(&naive), copy;
    expect_root(&tree, &naive);
    assert_int_equal(tree.stats.nodes, naive_trie_nodes(&naive));
    assert_int_equal(tree.stats.hashes, naive_trie_nodes(&naive));
    assert_int_equal(tree.stats.value_hashes, 3000);
    uint8_t root[32];
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    assert_int_equal(tree.stats.hashes, naive_trie_nodes(&naive));
    for (size_t i = 0; i < naive.count; i += 37) {
        const subx_slice sought = naive_key(&naive.pairs[i]);
        const size_t depth = naive_trie_depth(&naive, sought);
        value[0] = (uint8_t)(i + 1);
        /* shared: the path is copied */
        subx_tree__snapshot(&tree, &copy);
        assert_int_equal(subx_tree__set(&copy, sought, subx_slice__of(value, 40), true, NULL),
                         SUBX_OK);
        assert_int_equal(copy.stats.nodes, depth);
        assert_int_equal(copy.stats.hashes, 0);
        assert_int_equal(subx_tree__root(&copy, root, NULL), SUBX_OK);
        assert_int_equal(copy.stats.hashes, depth);
        /* its own: a value of the same length is written in place */
        value[0]++;
        assert_int_equal(subx_tree__set(&copy, sought, subx_slice__of(value, 40), true, NULL),
                         SUBX_OK);
        assert_int_equal(copy.stats.nodes, depth);
        assert_int_equal(subx_tree__root(&copy, root, NULL), SUBX_OK);
        assert_int_equal(copy.stats.hashes, 2 * depth);
        /* the same value: nothing at all */
        assert_int_equal(subx_tree__set(&copy, sought, subx_slice__of(value, 40), true, NULL),
                         SUBX_OK);
        assert_int_equal(subx_tree__remove(&copy, subx_slice__of(value, 3), NULL, NULL), SUBX_OK);
        assert_int_equal(copy.stats.nodes, depth);
        assert_int_equal(subx_tree__root(&copy, root, NULL), SUBX_OK);
        assert_int_equal(copy.stats.hashes, 2 * depth);
        assert_int_equal(copy.stats.value_hashes, 2);
        subx_tree__free(&copy);
        expect_root(&tree, &naive);
    }
    subx_tree__free(&tree);
    naive_trie_free(&naive);
}

/* Keys of up to 70 000 bytes, each a prefix of the next, with branches at every nibble: the trie is
 * 140 000 nodes deep. */
static void depth_of_the_longest_key(void **state)
{
    (void)state;
    enum { LONGEST = 70000 };
    static uint8_t zeros[LONGEST + 1], odd[LONGEST], even[LONGEST];
    struct subx_tree tree, copy;
    struct subx_tree_builder *const builder = subx_tree_builder__new(&subx_trie_blake2b);
    const subx_slice value = subx_slice__text("value");
    for (size_t len = 1; len <= LONGEST; len++)
        assert_int_equal(
            subx_tree_builder__push(builder, subx_slice__of(zeros, len), value, false, NULL),
            SUBX_OK);
    for (size_t len = LONGEST; len >= 1; len--) {
        odd[len - 1] = 0x01;
        even[len - 1] = 0x10;
        assert_int_equal(
            subx_tree_builder__push(builder, subx_slice__of(odd, len), value, false, NULL),
            SUBX_OK);
        assert_int_equal(
            subx_tree_builder__push(builder, subx_slice__of(even, len), value, false, NULL),
            SUBX_OK);
        odd[len - 1] = even[len - 1] = 0;
    }
    assert_int_equal(subx_tree_builder__finish(builder, &tree, NULL), SUBX_OK);
    subx_tree_builder__free(builder);
    uint8_t root[32], changed[32];
    assert_int_equal(tree.count, 3 * LONGEST);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    assert_true(tree.stats.hashes > LONGEST);

    subx_tree__snapshot(&tree, &copy);
    const subx_slice deepest = subx_slice__of(zeros, LONGEST);
    struct subx_tree_entry entry;
    struct subx_buf next = SUBX_BUF_INIT;
    bool found = false;
    assert_int_equal(subx_tree__set(&copy, deepest, subx_slice__text("other"), false, NULL),
                     SUBX_OK);
    assert_int_equal(subx_tree__set(&copy, subx_slice__of(zeros, LONGEST + 1), value, false, NULL),
                     SUBX_OK);
    assert_int_equal(subx_tree__root(&copy, changed, NULL), SUBX_OK);
    assert_memory_not_equal(root, changed, 32);
    assert_int_equal(subx_tree__remove(&copy, subx_slice__of(zeros, LONGEST + 1), NULL, NULL),
                     SUBX_OK);
    assert_int_equal(subx_tree__set(&copy, deepest, value, false, NULL), SUBX_OK);
    assert_int_equal(subx_tree__root(&copy, changed, NULL), SUBX_OK);
    assert_memory_equal(root, changed, 32);
    assert_int_equal(subx_tree__get(&tree, deepest, NULL, &entry, NULL), SUBX_OK);
    assert_true(entry.found);
    assert_int_equal(subx_tree__next_key(&tree, deepest, NULL, &next, &found, NULL), SUBX_OK);
    assert_true(found);
    assert_int_equal(next.len, LONGEST);
    assert_int_equal(next.data[LONGEST - 1], 0x01);
    subx_buf__free(&next);

    struct subx_tree_cursor *cursor = NULL;
    subx_slice key;
    assert_int_equal(subx_tree_cursor__open(&tree, subx_slice__of(zeros, LONGEST / 2), SUBX_EMPTY,
                                            SUBX_TREE_KEYS, NULL, &cursor, NULL),
                     SUBX_OK);
    size_t count = 0;
    for (; subx_tree_cursor__next(cursor, &key, &entry, NULL) == SUBX_OK && entry.found; count++)
        assert_true(key.len >= LONGEST / 2);
    subx_tree_cursor__close(cursor);
    assert_int_equal(count, 3 * (LONGEST / 2) + 1);
    uint64_t removed = 0;
    assert_int_equal(
        subx_tree__remove_prefix(&copy, subx_slice__of(zeros, LONGEST / 2), &removed, NULL),
        SUBX_OK);
    assert_int_equal(removed, count);
    assert_int_equal(subx_tree__remove_prefix(&copy, SUBX_EMPTY, &removed, NULL), SUBX_OK);
    assert_int_equal(removed, 3 * LONGEST - count);
    subx_tree__free(&copy);
    subx_tree__free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(random_snapshots),
        cmocka_unit_test(building_at_once),
        cmocka_unit_test(forms),
        cmocka_unit_test(too_large),
        cmocka_unit_test(cost),
        cmocka_unit_test(depth_of_the_longest_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
