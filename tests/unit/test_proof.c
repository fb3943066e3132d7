/* Storage proofs: what is recorded suffices and nothing less does, partial trees behave as whole
 * ones, compact form both ways, hostile proofs (spec/host-api.md sections 4.3 and 4.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/scale.h"
#include "naive_trie.h"
#include "trie/tree.h"
#include "util/mem.h"

static subx_slice random_key(uint64_t *seed, uint8_t room[40])
{
    static const uint8_t few[] = {0x00, 0x01, 0x10, 0x61, 0xff};
    const uint32_t kind = naive_random(seed, 4);
    const size_t len = kind == 0 ? 33 : naive_random(seed, 5);
    for (size_t i = 0; i < len; i++)
        room[i] = kind == 0 && i < 31 ? 0x61 : few[naive_random(seed, sizeof few)];
    return subx_slice__of(room, len);
}

/* A hashed tree of random pairs in both forms. */
static struct subx_tree random_tree(uint64_t *seed, struct naive_trie *naive, uint8_t root[32])
{
    struct subx_tree tree;
    uint8_t key_room[40], value[80] = {0};
    subx_tree__init(&tree, &subx_trie_blake2b);
    for (uint32_t i = naive_random(seed, 60); i > 0; i--) {
        const subx_slice key = random_key(seed, key_room);
        value[0] = (uint8_t)i;
        const subx_slice slice = subx_slice__of(value, naive_random(seed, sizeof value));
        assert_int_equal(subx_tree__set(&tree, key, slice, i % 2 == 0, NULL), SUBX_OK);
        naive_trie_set(naive, key, slice, i % 2 == 0);
    }
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    return tree;
}

/* Do one random read of the whole tree or a partial one. */
static subx_status read_once(const struct subx_tree *tree, const struct naive_trie *naive,
                             uint64_t *seed, struct subx_proof *recorder)
{
    uint8_t room[40];
    const subx_slice key = random_key(seed, room);
    const uint32_t kind = naive_random(seed, 4);
    subx_error error = SUBX_ERROR_INIT;
    subx_status status = SUBX_OK;
    if (kind == 0) {
        struct subx_tree_entry entry;
        const struct naive_pair *const pair = naive_trie_get(naive, key);
        status = subx_tree__get(tree, key, recorder, &entry, &error);
        if (status == SUBX_OK) {
            assert_int_equal(entry.found, pair != NULL);
            if (pair != NULL)
                assert_true(subx_slice__equal(entry.value, naive_value(pair)));
        }
    } else if (kind == 1) {
        struct subx_tree_entry entry;
        status = subx_tree__probe(tree, key, recorder, &entry, &error);
        if (status == SUBX_OK)
            assert_int_equal(entry.found, naive_trie_get(naive, key) != NULL);
    } else if (kind == 2) {
        struct subx_buf next = SUBX_BUF_INIT;
        bool found = false;
        size_t at = naive_trie_find(naive, key);
        at += naive_trie_get(naive, key) != NULL;
        status = subx_tree__next_key(tree, key, recorder, &next, &found, &error);
        if (status == SUBX_OK) {
            assert_int_equal(found, at < naive->count);
            if (found)
                assert_true(
                    subx_slice__equal(subx_buf__slice(&next), naive_key(&naive->pairs[at])));
        }
        subx_buf__free(&next);
    } else {
        struct subx_tree_cursor *cursor = NULL;
        struct subx_tree_entry entry;
        subx_slice found = SUBX_EMPTY;
        size_t at = naive_trie_find(naive, key);
        status = subx_tree_cursor__open(tree, key, SUBX_EMPTY, SUBX_TREE_KEYS_AND_VALUES, recorder,
                                        &cursor, &error);
        for (int i = 0; i < 3 && status == SUBX_OK; i++, at++) {
            status = subx_tree_cursor__next(cursor, &found, &entry, &error);
            if (status != SUBX_OK)
                break;
            const bool expected =
                at < naive->count && subx_slice__starts_with(naive_key(&naive->pairs[at]), key);
            assert_int_equal(entry.found, expected);
            if (!expected)
                break;
            assert_true(subx_slice__equal(found, naive_key(&naive->pairs[at])));
            assert_true(subx_slice__equal(entry.value, naive_value(&naive->pairs[at])));
        }
        subx_tree_cursor__close(cursor);
    }
    assert_int_equal(error.status, status);
    return status;
}

static void expect_same_proof(const struct subx_proof *a, const struct subx_proof *b)
{
    struct subx_buf left = SUBX_BUF_INIT, right = SUBX_BUF_INIT;
    assert_int_equal(subx_proof__encode(a, &left, NULL), SUBX_OK);
    assert_int_equal(subx_proof__encode(b, &right, NULL), SUBX_OK);
    assert_true(subx_slice__equal(subx_buf__slice(&left), subx_buf__slice(&right)));
    subx_buf__free(&left);
    subx_buf__free(&right);
}

/* What was recorded answers the same reads, and records itself; without any one of its blobs some
 * read is incomplete. */
static void recorded_reads(void **state)
{
    (void)state;
    uint64_t seed = 20;
    for (int round = 0; round < 300; round++) {
        struct naive_trie naive = {NULL, 0, 0};
        uint8_t root[32];
        struct subx_tree tree = random_tree(&seed, &naive, root), partial;
        struct subx_proof proof, again;
        const uint64_t reads_seed = seed;
        const uint32_t reads = naive_random(&seed, 6);
        subx_proof__init(&proof, &subx_trie_blake2b);
        subx_proof__init(&again, &subx_trie_blake2b);
        uint64_t at = reads_seed;
        for (uint32_t i = 0; i < reads; i++)
            assert_int_equal(read_once(&tree, &naive, &at, &proof), SUBX_OK);
        assert_int_equal(subx_tree__from_proof(&proof, root, &partial, NULL), SUBX_OK);
        at = reads_seed;
        for (uint32_t i = 0; i < reads; i++)
            assert_int_equal(read_once(&partial, &naive, &at, &again), SUBX_OK);
        expect_same_proof(&proof, &again);
        subx_tree__free(&partial);
        for (size_t without = 0; without < proof.count; without++) {
            struct subx_proof less;
            bool is_incomplete = false;
            subx_proof__init(&less, &subx_trie_blake2b);
            for (size_t i = 0; i < proof.count; i++)
                if (i != without)
                    assert_int_equal(
                        subx_proof__add(&less, subx_proof__blob(&proof, &proof.entries[i]), NULL),
                        SUBX_OK);
            assert_int_equal(subx_tree__from_proof(&less, root, &partial, NULL), SUBX_OK);
            at = reads_seed;
            for (uint32_t i = 0; i < reads; i++) {
                const subx_status status = read_once(&partial, &naive, &at, NULL);
                assert_true(status == SUBX_OK || status == SUBX_TRIE_INCOMPLETE);
                is_incomplete = is_incomplete || status == SUBX_TRIE_INCOMPLETE;
                if (is_incomplete)
                    break;
            }
            /* the root of the empty trie needs no blob */
            assert_int_equal(is_incomplete, naive.count > 0);
            subx_tree__free(&partial);
            subx_proof__free(&less);
        }
        subx_proof__free(&proof);
        subx_proof__free(&again);
        subx_tree__free(&tree);
        naive_trie_free(&naive);
    }
}

static int by_key(const void *left, const void *right)
{
    const struct subx_tree_change *const a = left, *const b = right;
    return subx_trie__compare(a->key, b->key);
}

/* A partial tree of what a delta met takes the delta as the whole tree does. */
static void recorded_deltas(void **state)
{
    (void)state;
    uint64_t seed = 21;
    unsigned incomplete = 0;
    for (int round = 0; round < 1500; round++) {
        static const uint8_t value[80] = {3};
        struct naive_trie naive = {NULL, 0, 0};
        uint8_t root[32], changed[32], partly[32], rooms[6][40];
        struct subx_tree tree = random_tree(&seed, &naive, root), partial;
        struct subx_proof proof;
        struct subx_tree_change changes[6];
        const uint32_t count = naive_random(&seed, 6) + 1;
        for (uint32_t i = 0; i < count; i++)
            changes[i] = (struct subx_tree_change){random_key(&seed, rooms[i]),
                                                   subx_slice__of(value, naive_random(&seed, 80)),
                                                   naive_random(&seed, 2) == 0};
        qsort(changes, count, sizeof *changes, by_key);
        subx_proof__init(&proof, &subx_trie_blake2b);
        struct subx_tree_apply options = {1, round % 2 == 0, &proof};
        const subx_status status = subx_tree__apply(&tree, changes, count, &options, NULL);
        options.recorder = NULL;
        assert_int_equal(subx_tree__from_proof(&proof, root, &partial, NULL), SUBX_OK);
        assert_int_equal(subx_tree__apply(&partial, changes, count, &options, NULL), status);
        assert_int_equal(subx_tree__root(&tree, changed, NULL), SUBX_OK);
        assert_int_equal(subx_tree__root(&partial, partly, NULL), SUBX_OK);
        assert_memory_equal(changed, partly, 32);
        subx_tree__free(&partial);
        /* with one blob less it works no longer, or to the same end; never to another */
        for (size_t without = 0; without < proof.count; without++) {
            struct subx_proof less;
            subx_proof__init(&less, &subx_trie_blake2b);
            for (size_t i = 0; i < proof.count; i++)
                if (i != without)
                    (void)subx_proof__add(&less, subx_proof__blob(&proof, &proof.entries[i]), NULL);
            assert_int_equal(subx_tree__from_proof(&less, root, &partial, NULL), SUBX_OK);
            const subx_status less_status =
                subx_tree__apply(&partial, changes, count, &options, NULL);
            assert_int_equal(subx_tree__root(&partial, partly, NULL), SUBX_OK);
            if (less_status == SUBX_TRIE_INCOMPLETE) {
                assert_memory_equal(partly, root, 32);
                incomplete++;
            } else {
                assert_int_equal(less_status, status);
                assert_memory_equal(partly, changed, 32);
            }
            subx_tree__free(&partial);
            subx_proof__free(&less);
        }
        subx_proof__free(&proof);
        subx_tree__free(&tree);
        naive_trie_free(&naive);
    }
    assert_true(incomplete > 1000);
}

/* A dirty tree has no encodings to record. */
static void recording_needs_the_root(void **state)
{
    (void)state;
    struct subx_tree tree;
    struct subx_proof proof;
    struct subx_tree_entry entry;
    subx_tree__init(&tree, &subx_trie_blake2b);
    subx_proof__init(&proof, &subx_trie_blake2b);
    const subx_slice key = subx_slice__text("key");
    assert_int_equal(subx_tree__set(&tree, key, key, false, NULL), SUBX_OK);
    assert_int_equal(subx_tree__get(&tree, key, &proof, &entry, NULL), SUBX_MISUSE);
    uint8_t root[32];
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    assert_int_equal(subx_tree__get(&tree, key, &proof, &entry, NULL), SUBX_OK);
    assert_int_equal(proof.count, 1);
    assert_memory_equal(proof.entries[0].hash, root, 32);
    subx_proof__free(&proof);
    subx_tree__free(&tree);
}

/* The set: duplicates count once, the size is that of the encoding, lists are checked. */
static void sets_and_lists(void **state)
{
    (void)state;
    struct subx_proof proof, back;
    struct subx_buf encoded = SUBX_BUF_INIT;
    subx_proof__init(&proof, &subx_trie_keccak);
    subx_proof__init(&back, &subx_trie_keccak);
    assert_null(subx_proof__find(&proof, subx_trie_keccak.empty_root));
    for (size_t i = 0; i < 2 * 70 * 30; i++) {
        uint8_t blob[70] = {(uint8_t)(i / 70 % 30)};
        assert_int_equal(subx_proof__add(&proof, subx_slice__of(blob, i % 70), NULL), SUBX_OK);
    }
    assert_int_equal(proof.count, 1 + 69 * 30);
    assert_int_equal(subx_proof__encode(&proof, &encoded, NULL), SUBX_OK);
    assert_int_equal(encoded.len, proof.encoded_size + 2);
    const subx_slice list = subx_buf__slice(&encoded);
    assert_int_equal(subx_proof__decode(&back, list, NULL), SUBX_OK);
    assert_int_equal(subx_proof__decode(&back, list, NULL), SUBX_OK);
    expect_same_proof(&proof, &back);
    for (size_t len = 0; len < list.len; len += 1 + len / 10) {
        subx_proof__clear(&back);
        uint8_t *const cut = subx_mem__copy(list.data, len);
        assert_int_equal(subx_proof__decode(&back, subx_slice__of(cut, len), NULL),
                         SUBX_INVALID_INPUT);
        subx_mem__free(cut);
    }
    subx_buf__append_u8(&encoded, 0);
    assert_int_equal(subx_proof__decode(&back, subx_buf__slice(&encoded), NULL),
                     SUBX_INVALID_INPUT);
    subx_buf__free(&encoded);
    subx_proof__free(&proof);
    subx_proof__free(&back);
}

/* Make a child trie and put its root into the main one. */
static struct subx_tree add_child(struct subx_tree *main_tree, const char *name, uint32_t keys)
{
    struct subx_tree child;
    uint8_t root[32], value[50] = {0};
    struct subx_buf key = SUBX_BUF_INIT;
    subx_tree__init(&child, &subx_trie_blake2b);
    for (uint32_t i = 0; i < keys; i++) {
        const uint8_t child_key[2] = {(uint8_t)(i * 77), 1};
        value[0] = (uint8_t)i;
        (void)subx_tree__set(&child, subx_slice__of(child_key, 2), subx_slice__of(value, 50), true,
                             NULL);
    }
    assert_int_equal(subx_tree__root(&child, root, NULL), SUBX_OK);
    subx_buf__append_text(&key, SUBX_TRIE_CHILD_PREFIX);
    subx_buf__append_text(&key, name);
    assert_int_equal(
        subx_tree__set(main_tree, subx_buf__slice(&key), subx_slice__of(root, 32), true, NULL),
        SUBX_OK);
    subx_buf__free(&key);
    return child;
}

static void record_all(const struct subx_tree *tree, struct subx_proof *proof)
{
    struct subx_tree_cursor *cursor = NULL;
    struct subx_tree_entry entry;
    subx_slice key;
    assert_int_equal(subx_tree_cursor__open(tree, SUBX_EMPTY, SUBX_EMPTY, SUBX_TREE_KEYS_AND_VALUES,
                                            proof, &cursor, NULL),
                     SUBX_OK);
    do
        assert_int_equal(subx_tree_cursor__next(cursor, &key, &entry, NULL), SUBX_OK);
    while (entry.found);
    subx_tree_cursor__close(cursor);
}

/* Compact proofs of a state: which child tries are in it, two of them equal. */
static void compact_children(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a", "b", "c", "same as b", "empty"};
    static const uint32_t keys[] = {3, 40, 5, 17, 5, 0};
    for (unsigned chosen = 0; chosen < 64; chosen++) {
        struct subx_tree main_tree, children[6];
        struct subx_proof proof, back;
        struct subx_buf compact = SUBX_BUF_INIT;
        uint8_t root[32];
        subx_error error = SUBX_ERROR_INIT;
        subx_tree__init(&main_tree, &subx_trie_blake2b);
        subx_proof__init(&proof, &subx_trie_blake2b);
        subx_proof__init(&back, &subx_trie_blake2b);
        (void)subx_tree__set(&main_tree, subx_slice__text(":code"), subx_slice__text("code"), true,
                             NULL);
        for (size_t i = 0; i < 6; i++)
            children[i] = add_child(&main_tree, names[i], keys[i]);
        assert_int_equal(subx_tree__root(&main_tree, root, NULL), SUBX_OK);
        record_all(&main_tree, &proof);
        for (size_t i = 0; i < 6; i++)
            if ((chosen >> i & 1) != 0)
                record_all(&children[i], &proof);
        assert_int_equal(subx_proof__encode_compact(&proof, root, SIZE_MAX, &compact, &error),
                         SUBX_OK);
        assert_int_equal(
            subx_proof__decode_compact(&back, subx_buf__slice(&compact), root, NULL, &error),
            SUBX_OK);
        expect_same_proof(&proof, &back);
        subx_buf__free(&compact);
        subx_proof__free(&proof);
        subx_proof__free(&back);
        subx_tree__free(&main_tree);
        for (size_t i = 0; i < 6; i++)
            subx_tree__free(&children[i]);
    }
}

/* Every item of a compact proof is needed; none may be added; the root counts. */
static void compact_damage(void **state)
{
    (void)state;
    uint64_t seed = 23;
    for (int round = 0; round < 60; round++) {
        struct naive_trie naive = {NULL, 0, 0};
        uint8_t root[32], other_root[32] = {1};
        struct subx_tree tree = random_tree(&seed, &naive, root);
        struct subx_proof proof, back;
        struct subx_buf compact = SUBX_BUF_INIT;
        subx_proof__init(&proof, &subx_trie_blake2b);
        subx_proof__init(&back, &subx_trie_blake2b);
        record_all(&tree, &proof);
        assert_int_equal(subx_proof__encode_compact(&proof, root, SIZE_MAX, &compact, NULL),
                         SUBX_OK);
        const subx_slice whole = subx_buf__slice(&compact);
        assert_int_equal(subx_proof__decode_compact(&back, whole, other_root, NULL, NULL),
                         SUBX_INVALID_INPUT);
        struct subx_reader at = subx_reader__of(whole);
        size_t count = 0;
        assert_true(subx_scale__count(&at, 1, &count));
        subx_slice *const items = calloc(count, sizeof *items);
        for (size_t i = 0; i < count; i++)
            assert_true(subx_scale__bytes(&at, &items[i]));
        for (size_t what = 0; what < 2 * count; what++) {
            struct subx_buf damaged = SUBX_BUF_INIT;
            subx_scale__append_compact(&damaged, what < count ? count - 1 : count + 1);
            for (size_t i = 0; i < count; i++) {
                if (i != what)
                    subx_scale__append_bytes(&damaged, items[i]);
                if (i + count == what)
                    subx_scale__append_bytes(&damaged, items[i]);
            }
            subx_proof__clear(&back);
            assert_int_equal(
                subx_proof__decode_compact(&back, subx_buf__slice(&damaged), root, NULL, NULL),
                SUBX_INVALID_INPUT);
            subx_buf__free(&damaged);
        }
        free(items);
        assert_int_equal(subx_proof__encode_compact(&proof, root, whole.len / 2, &compact, NULL),
                         count > 1 ? SUBX_TOO_LARGE : SUBX_OK);
        subx_buf__free(&compact);
        subx_proof__free(&proof);
        subx_proof__free(&back);
        subx_tree__free(&tree);
        naive_trie_free(&naive);
    }
}

static subx_slice scale_list(struct subx_buf *out, const subx_slice *items, size_t count)
{
    out->len = 0;
    subx_scale__append_compact(out, count);
    for (size_t i = 0; i < count; i++)
        subx_scale__append_bytes(out, items[i]);
    return subx_buf__slice(out);
}

/* Compact proofs written by hand, most of them wrong. */
static void compact_by_hand(void **state)
{
    (void)state;
    static const uint8_t leaf[] = {0x40, 0x04, 0x07}, escaped_leaf[] = {0x01, 0x40, 0x00};
    static const uint8_t escaped_full[] = {0x01, 0x40, 0x04, 0x07}, escape[] = {0x01};
    static const uint8_t escaped_branch[] = {0x01, 0x80, 0x01, 0x00, 0x00}, zero[] = {0x00};
    static const uint8_t no_list[] = {0xfc}, cut[] = {0x04, 0x0c, 0x40};
    static const uint8_t more[] = {0x04, 0x0c, 0x40, 0x04, 0x07, 0x00};
    const subx_slice value = subx_slice__text("some value of more than 32 bytes, it is true");
    const struct {
        subx_slice items[3];
        size_t count;
        subx_status status;
    } cases[] = {
        {{subx_slice__of(leaf, 3)}, 1, SUBX_OK},
        {{subx_slice__of(zero, 1)}, 1, SUBX_OK},
        {{subx_slice__of(escaped_leaf, 3), value}, 2, SUBX_OK},
        {{subx_slice__of(escaped_leaf, 3)}, 1, SUBX_INVALID_INPUT},
        {{subx_slice__of(escaped_full, 4), value}, 2, SUBX_INVALID_INPUT},
        {{subx_slice__of(escaped_branch, 5), value, value}, 3, SUBX_INVALID_INPUT},
        {{subx_slice__of(escape, 1), value}, 2, SUBX_INVALID_INPUT},
        {{SUBX_EMPTY}, 1, SUBX_INVALID_INPUT},
        {{subx_slice__of(leaf, 3), subx_slice__of(leaf, 3)}, 2, SUBX_INVALID_INPUT},
        {{value}, 1, SUBX_INVALID_INPUT},
    };
    struct subx_proof proof;
    struct subx_buf list = SUBX_BUF_INIT;
    uint8_t root[32];
    subx_proof__init(&proof, &subx_trie_blake2b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        subx_error error = SUBX_ERROR_INIT;
        subx_proof__clear(&proof);
        const subx_slice bytes = scale_list(&list, cases[i].items, cases[i].count);
        assert_int_equal(subx_proof__decode_compact(&proof, bytes, NULL, root, &error),
                         cases[i].status);
        assert_int_equal(error.message[0] == '\0', cases[i].status == SUBX_OK);
        if (cases[i].status == SUBX_OK) {
            assert_non_null(subx_proof__find(&proof, root));
            assert_int_equal(proof.count, cases[i].count);
        }
    }
    const subx_slice broken[] = {subx_slice__of(no_list, 1), subx_slice__of(cut, 3),
                                 subx_slice__of(more, 6), SUBX_EMPTY};
    for (size_t i = 0; i < 4; i++) {
        uint8_t *const copy = subx_mem__copy(broken[i].data, broken[i].len);
        assert_int_equal(subx_proof__decode_compact(&proof, subx_slice__of(copy, broken[i].len),
                                                    NULL, NULL, NULL),
                         SUBX_INVALID_INPUT);
        subx_mem__free(copy);
    }
    subx_buf__free(&list);
    subx_proof__free(&proof);
}

/* What stands where the roots of child tries are: something else, or nodes that are missing. */
static void compact_odd_children(void **state)
{
    (void)state;
    struct subx_tree tree;
    struct subx_proof proof, less;
    struct subx_buf compact = SUBX_BUF_INIT;
    struct subx_tree_entry entry;
    uint8_t root[32];
    subx_tree__init(&tree, &subx_trie_blake2b);
    subx_proof__init(&proof, &subx_trie_blake2b);
    subx_proof__init(&less, &subx_trie_blake2b);
    struct subx_tree first = add_child(&tree, "a", 9), second = add_child(&tree, "b", 4);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    /* the root of "b" is read, that of "a" is not; its node is missing */
    assert_int_equal(
        subx_tree__get(&tree, subx_slice__text(SUBX_TRIE_CHILD_PREFIX "b"), &proof, &entry, NULL),
        SUBX_OK);
    record_all(&second, &proof);
    assert_int_equal(subx_proof__encode_compact(&proof, root, SIZE_MAX, &compact, NULL), SUBX_OK);
    assert_int_equal(subx_proof__decode_compact(&less, subx_buf__slice(&compact), root, NULL, NULL),
                     SUBX_OK);
    expect_same_proof(&proof, &less);
    /* a root that is none */
    subx_proof__clear(&proof);
    assert_int_equal(subx_tree__set(&tree, subx_slice__text(SUBX_TRIE_CHILD_PREFIX "c"),
                                    subx_slice__text("short"), true, NULL),
                     SUBX_OK);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    record_all(&tree, &proof);
    record_all(&second, &proof);
    compact.len = 0;
    assert_int_equal(subx_proof__encode_compact(&proof, root, SIZE_MAX, &compact, NULL),
                     SUBX_INVALID_INPUT);
    subx_buf__free(&compact);
    subx_proof__free(&proof);
    subx_proof__free(&less);
    subx_tree__free(&first);
    subx_tree__free(&second);
    subx_tree__free(&tree);
}

/* A blob that is no node where one is needed counts as missing, values that look like nodes do no
 * harm, and neither do blobs of other tries. */
static void blobs_that_are_nothing(void **state)
{
    (void)state;
    struct subx_tree tree, partial;
    struct subx_proof proof;
    struct subx_tree_entry entry;
    uint8_t root[32], hash[32], branch[36] = {0x80, 0x03, 0x00, 0x80};
    /* a value of 36 bytes that is a node by itself */
    subx_tree__init(&tree, &subx_trie_blake2b);
    subx_proof__init(&proof, &subx_trie_blake2b);
    branch[1] = 0x01;
    const subx_slice node_like = subx_slice__of(branch, 36);
    (void)subx_tree__set(&tree, subx_slice__text("k"), node_like, true, NULL);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    assert_int_equal(subx_tree__get(&tree, subx_slice__text("k"), &proof, &entry, NULL), SUBX_OK);
    assert_int_equal(proof.count, 2);
    (void)subx_proof__add(&proof, subx_slice__text("nothing"), NULL);
    (void)subx_proof__add(&proof, SUBX_EMPTY, NULL);
    (void)subx_proof__add(&proof, node_like, NULL);
    assert_int_equal(subx_tree__from_proof(&proof, root, &partial, NULL), SUBX_OK);
    assert_int_equal(subx_tree__get(&partial, subx_slice__text("k"), NULL, &entry, NULL), SUBX_OK);
    assert_true(subx_slice__equal(entry.value, node_like));
    subx_tree__free(&partial);
    /* a root that is no node */
    subx_trie_blake2b.hash(subx_slice__text("nothing"), hash);
    assert_int_equal(subx_tree__from_proof(&proof, hash, &partial, NULL), SUBX_OK);
    assert_int_equal(subx_tree__get(&partial, SUBX_EMPTY, NULL, &entry, NULL),
                     SUBX_TRIE_INCOMPLETE);
    subx_tree__free(&partial);
    /* a parent whose inline child is no node: it can be passed, not entered */
    static const uint8_t parent[] = {0x80, 0x03, 0x00, 0x04, 0x02, 0x08, 0x40, 0x00};
    (void)subx_proof__add(&proof, subx_slice__of(parent, sizeof parent), NULL);
    subx_trie_blake2b.hash(subx_slice__of(parent, sizeof parent), hash);
    assert_int_equal(subx_tree__from_proof(&proof, hash, &partial, NULL), SUBX_OK);
    const uint8_t zero = 0x00, sixteen = 0x20;
    assert_int_equal(subx_tree__get(&partial, subx_slice__of(&zero, 1), NULL, &entry, NULL),
                     SUBX_TRIE_INCOMPLETE);
    assert_int_equal(subx_tree__get(&partial, subx_slice__of(&sixteen, 1), NULL, &entry, NULL),
                     SUBX_OK);
    assert_false(entry.found);
    /* its other child has a value under half a byte */
    struct subx_tree_cursor *cursor = NULL;
    subx_slice key;
    assert_int_equal(subx_tree_cursor__open(&partial, SUBX_EMPTY, SUBX_EMPTY, SUBX_TREE_KEYS, NULL,
                                            &cursor, NULL),
                     SUBX_OK);
    assert_int_equal(subx_tree_cursor__next(cursor, &key, &entry, NULL), SUBX_TRIE_INCOMPLETE);
    assert_int_equal(subx_tree_cursor__next(cursor, &key, &entry, NULL), SUBX_INVALID_INPUT);
    subx_tree_cursor__close(cursor);
    struct subx_buf next = SUBX_BUF_INIT;
    bool found = false;
    assert_int_equal(
        subx_tree__next_key(&partial, subx_slice__of(&zero, 1), NULL, &next, &found, NULL),
        SUBX_TRIE_INCOMPLETE);
    const uint8_t nine = 0x09;
    assert_int_equal(
        subx_tree__next_key(&partial, subx_slice__of(&nine, 1), NULL, &next, &found, NULL),
        SUBX_TRIE_INCOMPLETE);
    /* what is missing cannot be counted */
    assert_int_equal(subx_tree__remove_prefix(&partial, SUBX_EMPTY, NULL, NULL),
                     SUBX_TRIE_INCOMPLETE);
    subx_tree__free(&partial);
    /* the next key would end in half a byte */
    static const uint8_t half[] = {0x80, 0x02, 0x00, 0x08, 0x40, 0x00};
    (void)subx_proof__add(&proof, subx_slice__of(half, sizeof half), NULL);
    subx_trie_blake2b.hash(subx_slice__of(half, sizeof half), hash);
    assert_int_equal(subx_tree__from_proof(&proof, hash, &partial, NULL), SUBX_OK);
    assert_int_equal(subx_tree__next_key(&partial, SUBX_EMPTY, NULL, &next, &found, NULL),
                     SUBX_INVALID_INPUT);
    assert_false(found);
    assert_int_equal(next.len, 0);
    subx_buf__free(&next);
    subx_tree__free(&partial);
    subx_proof__free(&proof);
    subx_tree__free(&tree);
}

/* Two empty leaves below each of sixteen children below each ... : a proof of a few nodes whose
 * trie has 16^n of them. */
static void nodes_at_many_places(void **state)
{
    (void)state;
    struct subx_proof proof, back;
    struct subx_buf blob = SUBX_BUF_INIT, compact = SUBX_BUF_INIT;
    uint8_t hash[32];
    subx_proof__init(&proof, &subx_trie_blake2b);
    subx_proof__init(&back, &subx_trie_blake2b);
    static const uint8_t filling[32] = {1};
    const struct subx_trie_node leaf = {
        .value = {SUBX_TRIE_INLINE, subx_slice__of(filling, sizeof filling)}};
    subx_trie_node__encode(&leaf, &blob);
    for (int level = 0; level < 120; level++) {
        subx_trie_blake2b.hash(subx_buf__slice(&blob), hash);
        assert_int_equal(subx_proof__add(&proof, subx_buf__slice(&blob), NULL), SUBX_OK);
        struct subx_trie_node node = {.bitmap = 0xffff};
        for (size_t i = 0; i < 16; i++)
            node.children[i] = subx_slice__of(hash, 32);
        blob.len = 0;
        subx_trie_node__encode(&node, &blob);
    }
    struct subx_tree tree;
    struct subx_tree_entry entry;
    uint8_t key[60] = {0x3a};
    assert_int_equal(subx_tree__from_proof(&proof, hash, &tree, NULL), SUBX_OK);
    assert_int_equal(tree.stats.nodes, 120);
    assert_int_equal(subx_tree__get(&tree, subx_slice__of(key, 59), NULL, &entry, NULL), SUBX_OK);
    assert_int_equal(entry.found, false);
    /* it can even be changed: the path is copied as with any other holder of its nodes */
    uint8_t changed[32];
    assert_int_equal(
        subx_tree__set(&tree, subx_slice__of(key, 60), subx_slice__text("new"), false, NULL),
        SUBX_OK);
    assert_int_equal(subx_tree__root(&tree, changed, NULL), SUBX_OK);
    assert_memory_not_equal(changed, hash, 32);
    subx_tree__free(&tree);
    assert_int_equal(subx_proof__encode_compact(&proof, hash, 1 << 20, &compact, NULL),
                     SUBX_TOO_LARGE);
    subx_buf__free(&compact);
    /* as a compact proof: each node omits its first child, and names it fifteen times more */
    subx_scale__append_compact(&compact, 121);
    for (size_t i = proof.count; i-- > 0;) {
        struct subx_trie_node node;
        const subx_slice bytes = subx_proof__blob(&proof, &proof.entries[i]);
        assert_int_equal(subx_trie_node__decode(bytes, SUBX_TRIE_PLAIN, &node, NULL), SUBX_OK);
        node.children[0] = SUBX_EMPTY;
        blob.len = 0;
        subx_trie_node__encode(&node, &blob);
        subx_scale__append_bytes(&compact, subx_buf__slice(&blob));
    }
    subx_scale__append_bytes(&compact, SUBX_EMPTY);
    const subx_status status =
        subx_proof__decode_compact(&back, subx_buf__slice(&compact), hash, NULL, NULL);
    assert_true(status == SUBX_INVALID_INPUT || status == SUBX_TOO_LARGE);
    subx_buf__free(&blob);
    subx_buf__free(&compact);
    subx_proof__free(&proof);
    subx_proof__free(&back);
}

/* A trie as deep as its longest key, through all that handles proofs. */
static void deep_proofs(void **state)
{
    (void)state;
    enum { LONGEST = 70000 };
    static uint8_t zeros[LONGEST];
    struct subx_tree tree, partial;
    struct subx_tree_entry entry;
    struct subx_proof proof, back;
    struct subx_buf compact = SUBX_BUF_INIT;
    uint8_t root[32];
    struct subx_tree_builder *const builder = subx_tree_builder__new(&subx_trie_blake2b);
    for (size_t len = 1; len <= LONGEST; len++)
        (void)subx_tree_builder__push(builder, subx_slice__of(zeros, len),
                                      subx_slice__of(zeros, 40), true, NULL);
    assert_int_equal(subx_tree_builder__finish(builder, &tree, NULL), SUBX_OK);
    subx_tree_builder__free(builder);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    subx_proof__init(&proof, &subx_trie_blake2b);
    subx_proof__init(&back, &subx_trie_blake2b);
    assert_int_equal(subx_tree__get(&tree, subx_slice__of(zeros, LONGEST), &proof, &entry, NULL),
                     SUBX_OK);
    assert_int_equal(proof.count, LONGEST + 1);
    assert_int_equal(subx_proof__encode_compact(&proof, root, SIZE_MAX, &compact, NULL), SUBX_OK);
    assert_int_equal(subx_proof__decode_compact(&back, subx_buf__slice(&compact), root, NULL, NULL),
                     SUBX_OK);
    expect_same_proof(&proof, &back);
    assert_int_equal(subx_tree__from_proof(&back, root, &partial, NULL), SUBX_OK);
    assert_int_equal(subx_tree__get(&partial, subx_slice__of(zeros, LONGEST), NULL, &entry, NULL),
                     SUBX_OK);
    assert_true(entry.found);
    subx_tree__free(&partial);
    subx_tree__free(&tree);
    subx_buf__free(&compact);
    subx_proof__free(&proof);
    subx_proof__free(&back);
}

/* Every allocation fails once: a status, and nothing lost. */
static void allocations_fail(void **state)
{
    (void)state;
    uint64_t seed = 24;
    struct subx_tree main_tree;
    struct naive_trie naive = {NULL, 0, 0};
    uint8_t root[32];
    main_tree = random_tree(&seed, &naive, root);
    struct subx_tree child = add_child(&main_tree, "child", 20);
    assert_int_equal(subx_tree__root(&main_tree, root, NULL), SUBX_OK);
    unsigned failures = 0;
    for (int64_t n = 0;; n++) {
        struct subx_proof proof, back;
        struct subx_buf compact = SUBX_BUF_INIT, list = SUBX_BUF_INIT;
        struct subx_tree partial;
        struct subx_tree_cursor *cursor = NULL;
        struct subx_tree_entry entry = {.found = true};
        subx_slice key;
        subx_proof__init(&proof, &subx_trie_blake2b);
        subx_proof__init(&back, &subx_trie_blake2b);
        subx_tree__init(&partial, &subx_trie_blake2b);
        (void)subx_mem__fail_after(n);
        subx_status status = subx_tree_cursor__open(
            &main_tree, SUBX_EMPTY, SUBX_EMPTY, SUBX_TREE_KEYS_AND_VALUES, &proof, &cursor, NULL);
        while (status == SUBX_OK && entry.found)
            status = subx_tree_cursor__next(cursor, &key, &entry, NULL);
        if (status == SUBX_OK)
            status = subx_tree__get(&child, subx_slice__text("x"), &proof, &entry, NULL);
        if (status == SUBX_OK)
            status = subx_proof__encode(&proof, &list, NULL);
        if (status == SUBX_OK)
            status = subx_proof__encode_compact(&proof, root, SIZE_MAX, &compact, NULL);
        if (status == SUBX_OK)
            status = subx_proof__decode_compact(&back, subx_buf__slice(&compact), root, NULL, NULL);
        if (status == SUBX_OK)
            status = subx_proof__decode(&back, subx_buf__slice(&list), NULL);
        if (status == SUBX_OK)
            status = subx_tree__from_proof(&back, root, &partial, NULL);
        (void)subx_mem__fail_after(-1);
        if (status == SUBX_OK)
            expect_same_proof(&proof, &back);
        subx_tree_cursor__close(cursor);
        subx_tree__free(&partial);
        subx_proof__free(&proof);
        subx_proof__free(&back);
        subx_buf__free(&compact);
        subx_buf__free(&list);
        if (status == SUBX_OK)
            break;
        assert_int_equal(status, SUBX_NOMEM);
        failures++;
    }
#ifdef SUBX_CHECKED
    assert_true(failures > 50);
#else
    assert_int_equal(failures, 0);
#endif
    subx_tree__free(&child);
    subx_tree__free(&main_tree);
    naive_trie_free(&naive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_reads),
        cmocka_unit_test(recorded_deltas),
        cmocka_unit_test(recording_needs_the_root),
        cmocka_unit_test(sets_and_lists),
        cmocka_unit_test(compact_children),
        cmocka_unit_test(compact_damage),
        cmocka_unit_test(compact_by_hand),
        cmocka_unit_test(compact_odd_children),
        cmocka_unit_test(blobs_that_are_nothing),
        cmocka_unit_test(nodes_at_many_places),
        cmocka_unit_test(deep_proofs),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
