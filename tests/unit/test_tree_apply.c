/* Applying deltas: all or nothing, the reference's first fault (spec/host-api.md section 10),
 * failing allocations, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "naive_trie.h"
#include "trie/tree.h"
#include "util/hex.h"
#include "util/mem.h"

static void expect_root(struct subx_tree *tree, const struct naive_trie *naive)
{
    uint8_t root[32], expected[32];
    assert_int_equal(subx_tree__root(tree, root, NULL), SUBX_OK);
    naive_trie_root(naive, tree->hasher, expected);
    assert_memory_equal(root, expected, 32);
    assert_int_equal(tree->count, naive->count);
}

static struct subx_tree build(const struct naive_trie *naive)
{
    struct subx_tree tree;
    subx_tree__init(&tree, &subx_trie_blake2b);
    for (size_t i = naive->count; i-- > 0;)
        assert_int_equal(subx_tree__set(&tree, naive_key(&naive->pairs[i]),
                                        naive_value(&naive->pairs[i]), naive->pairs[i].hashed,
                                        NULL),
                         SUBX_OK);
    return tree;
}

enum outcome { CLEAN, LOSES, PANICS };

/* The table of the section: what a removal does to a base. Keys are hex; "." is the empty key. */
static const struct {
    const char *base, *changes, *lost;
    enum outcome outcome;
} fault_cases[] = {
    {"ab ab10 ab20", "-.", "ab", LOSES},
    {"ab ab10", "-.", NULL, PANICS},
    {"6110 611011 611022 62", "-61", "6110", LOSES},
    {"6110 611011 611022", "-61", NULL, CLEAN},
    {"6110 611011 611022", "+60 -61", "6110", LOSES},
    {"6110 611011 611022", "-61 +62", NULL, CLEAN},
    {"6110 611011 611022 60", "-60 -61", NULL, CLEAN},
    {"6110 611011 611022 62", "-61 -62", "6110", LOSES},
    {"6110 611011 611022 62", "-61 +6110", NULL, CLEAN},
    {"6110 611011 611022 62", "-61 -6110", NULL, CLEAN},
    {"6110 611011 62", "-61 +611022", NULL, PANICS},
    /* the roots of child tries are values like others: killing the absent child "a" */
    {"3a6310 3a631011 3a631022 3a64", "-3a63", "3a6310", LOSES},
    /* neighbours of the condition */
    {"6110 611011 611022 62", "-6111", NULL, CLEAN},
    {"6110 62", "-61", NULL, CLEAN},                  /* a leaf */
    {"611011 611022 62", "-61", NULL, CLEAN},         /* a branch without a value */
    {"61 6110 611011 611022 62", "-61", NULL, CLEAN}, /* not absent */
    {"6110 611011 611022 71", "-61", NULL, CLEAN},    /* the branch begins a nibble earlier */
    {"6110 611011 611022 6220", "-61", "6110", LOSES},
    {"6110 611011 611022 62", "-61 -61", "6110", LOSES}, /* once */
    {". ab ab10 ab20", "-.", NULL, CLEAN},
};

static subx_slice hex_key(const char *text, size_t len, uint8_t room[40])
{
    size_t count = 0;
    if (text[0] != '.')
        for (size_t i = 0; i + 1 < len; i += 2)
            room[count++] = (uint8_t)(subx_hex__digit((uint8_t)text[i]) * 16 +
                                      subx_hex__digit((uint8_t)text[i + 1]));
    return subx_slice__of(room, count);
}

/* Split "-61 +62" into changes; in a base nothing stands before the keys. */
static size_t split(const char *text, struct subx_tree_change *out, uint8_t rooms[][40])
{
    static const uint8_t value[] = {1, 2};
    size_t count = 0;
    while (*text != '\0') {
        const size_t len = strcspn(text, " ");
        const size_t sign = text[0] == '-' || text[0] == '+';
        out[count] = (struct subx_tree_change){.remove = text[0] == '-'};
        out[count].key = hex_key(text + sign, len - sign, rooms[count]);
        if (!out[count].remove)
            out[count].value = subx_slice__of(value, sizeof value);
        count++;
        text += len;
        text += strspn(text, " ");
    }
    return count;
}

static void change_naive(struct naive_trie *naive, const struct subx_tree_change *change,
                         unsigned version)
{
    if (change->remove)
        (void)naive_trie_remove(naive, change->key);
    else
        naive_trie_set(naive, change->key, change->value, version == 1);
}

static void the_table_of_the_first_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_cases / sizeof *fault_cases; i++) {
        struct subx_tree_change base[8], changes[8];
        uint8_t base_rooms[8][40], change_rooms[8][40], lost_room[40];
        struct naive_trie naive = {NULL, 0, 0};
        const size_t base_count = split(fault_cases[i].base, base, base_rooms);
        const size_t count = split(fault_cases[i].changes, changes, change_rooms);
        for (size_t k = 0; k < base_count; k++)
            change_naive(&naive, &base[k], 1);
        struct subx_tree tree = build(&naive), clean;
        expect_root(&tree, &naive);
        subx_tree__snapshot(&tree, &clean);

        subx_error error = SUBX_ERROR_INIT;
        struct subx_tree_apply options = {.state_version = 1, .faithful = true};
        const subx_status status = subx_tree__apply(&tree, changes, count, &options, &error);
        options.faithful = false;
        assert_int_equal(subx_tree__apply(&clean, changes, count, &options, NULL), SUBX_OK);
        if (fault_cases[i].outcome == PANICS) {
            assert_int_equal(status, SUBX_TRIE_REFERENCE_PANICS);
            assert_non_null(strstr(error.message, "the reference panics here"));
            expect_root(&tree, &naive);
        } else {
            assert_int_equal(status, SUBX_OK);
        }
        for (size_t k = 0; k < count; k++)
            change_naive(&naive, &changes[k], 1);
        expect_root(&clean, &naive);
        if (fault_cases[i].outcome == LOSES) {
            const char *const lost = fault_cases[i].lost;
            assert_true(naive_trie_remove(&naive, hex_key(lost, strlen(lost), lost_room)));
        }
        if (fault_cases[i].outcome != PANICS)
            expect_root(&tree, &naive);
        subx_tree__free(&tree);
        subx_tree__free(&clean);
        naive_trie_free(&naive);
    }
}

/* The reference's own roots for the first of these (host-call vectors). */
static void a_recorded_loss(void **state)
{
    (void)state;
    struct subx_tree tree;
    subx_bytes expected = SUBX_BYTES_INIT;
    uint8_t root[32];
    const struct subx_tree_change removal = {.remove = true};
    const struct subx_tree_apply options = {.state_version = 1, .faithful = true};
    subx_tree__init(&tree, &subx_trie_blake2b);
    (void)subx_tree__set(&tree, subx_slice__text("ab"), subx_slice__text("1"), true, NULL);
    (void)subx_tree__set(&tree, subx_slice__text("ab\x10"), subx_slice__text("2"), true, NULL);
    (void)subx_tree__set(&tree, subx_slice__text("ab "), subx_slice__text("3"), true, NULL);
    assert_int_equal(subx_tree__apply(&tree, &removal, 1, &options, NULL), SUBX_OK);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    assert_int_equal(
        subx_hex__decode(
            subx_slice__text("17657e4a4c25de4124315a2315ceca9b8014db45c59268531fd7de9c210ee804"),
            &expected, NULL),
        SUBX_OK);
    assert_memory_equal(root, expected.data, 32);
    subx_bytes_free(&expected);
    subx_tree__free(&tree);
}

/* Nibbles that two keys have in common. */
static size_t common_nibbles(subx_slice a, subx_slice b)
{
    return subx_nibbles__common(subx_nibbles__of_key(a), subx_nibbles__of_key(b));
}

/* The fault in the words of the section, over the keys present. `*lost` is the key N. */
static enum outcome meet_fault(const struct naive_trie *naive, subx_slice key, subx_slice *lost)
{
    size_t below = 0;
    unsigned nibbles_after = 0;
    bool has_neighbour = key.len == 0, all_below_n = true;
    if (naive_trie_get(naive, key) != NULL)
        return CLEAN;
    for (size_t i = 0; i < naive->count; i++) {
        const subx_slice other = naive_key(&naive->pairs[i]);
        if (key.len > 0 && common_nibbles(key, other) == 2 * key.len - 1)
            has_neighbour = true;
        if (!subx_slice__starts_with(other, key))
            continue;
        if (below++ == 0) {
            *lost = other; /* the first in order is the shortest, if one is a prefix of all */
        } else if (subx_slice__starts_with(other, *lost)) {
            nibbles_after |= 1u << subx_nibbles__get(subx_nibbles__of_key(other), 2 * lost->len);
        } else {
            all_below_n = false;
        }
    }
    if (below < 2 || !all_below_n || !has_neighbour)
        return CLEAN;
    return __builtin_popcount(nibbles_after) >= 2 ? LOSES : PANICS;
}

static subx_slice few_bytes(uint64_t *seed, uint8_t *room, uint32_t most)
{
    static const uint8_t few[] = {0x00, 0x01, 0x10, 0x11, 0x61};
    const size_t len = naive_random(seed, most + 1);
    for (size_t i = 0; i < len; i++)
        room[i] = few[naive_random(seed, sizeof few)];
    return subx_slice__of(room, len);
}

/* Keys that are made for the fault: mostly below 61, with neighbours of 61. */
static subx_slice faulty_bytes(uint64_t *seed, uint8_t room[4])
{
    static const uint8_t choices[3][6] = {{0x61, 0x61, 0x61, 0x61, 0x62, 0x71},
                                          {0x10, 0x10, 0x10, 0x10, 0x10, 0x11},
                                          {0x11, 0x22, 0x33, 0x12, 0x11, 0x22}};
    const size_t len = naive_random(seed, 16) == 0 ? 0 : naive_random(seed, 3) + 1;
    for (size_t i = 0; i < len; i++)
        room[i] = choices[i][naive_random(seed, 6)];
    return subx_slice__of(room, len);
}

static int by_key(const void *left, const void *right)
{
    const struct subx_tree_change *const a = left, *const b = right;
    return subx_trie__compare(a->key, b->key);
}

/* Random deltas, faithful and clean, in both state versions, on trees with snapshots. */
static void random_deltas(void **state)
{
    (void)state;
    uint64_t seed = 10;
    unsigned seen[3] = {0, 0, 0};
    for (int round = 0; round < 12000; round++) {
        struct subx_tree_change changes[8];
        uint8_t key_rooms[8][4], value_rooms[8][40] = {{0}}, base_room[4];
        struct naive_trie naive = {NULL, 0, 0}, clean_naive;
        for (uint32_t i = naive_random(&seed, 9); i > 0; i--)
            naive_trie_set(&naive, faulty_bytes(&seed, base_room),
                           subx_slice__of(value_rooms, 40 * (i % 2)), i % 3 == 0);
        const size_t count = naive_random(&seed, 8) + 1;
        for (size_t i = 0; i < count; i++) {
            value_rooms[i][0] = (uint8_t)naive_random(&seed, 2);
            changes[i] = (struct subx_tree_change){.key = faulty_bytes(&seed, key_rooms[i]),
                                                   .remove = naive_random(&seed, 3) > 0};
            if (!changes[i].remove)
                changes[i].value = subx_slice__of(value_rooms[i], 40 * naive_random(&seed, 2));
        }
        qsort(changes, count, sizeof *changes, by_key);
        const struct subx_tree_apply faithful = {naive_random(&seed, 2), true, NULL};
        const struct subx_tree_apply clean = {faithful.state_version, false, NULL};
        struct subx_tree tree = build(&naive), before, clean_tree;
        struct naive_trie original = naive_trie_copy(&naive);
        if (round % 2 == 0)
            expect_root(&tree, &naive);
        subx_tree__snapshot(&tree, &before);
        subx_tree__snapshot(&tree, &clean_tree);
        clean_naive = naive_trie_copy(&naive);
        enum outcome outcome = CLEAN;
        for (size_t i = 0; i < count && outcome != PANICS; i++) {
            subx_slice lost = SUBX_EMPTY;
            const enum outcome met =
                changes[i].remove ? meet_fault(&naive, changes[i].key, &lost) : CLEAN;
            if (met == LOSES)
                (void)naive_trie_remove(&naive, lost);
            else if (met == CLEAN)
                change_naive(&naive, &changes[i], faithful.state_version);
            outcome = met > outcome ? met : outcome;
        }
        seen[outcome]++;
        for (size_t i = 0; i < count; i++)
            change_naive(&clean_naive, &changes[i], faithful.state_version);
        const subx_status status = subx_tree__apply(&tree, changes, count, &faithful, NULL);
        assert_int_equal(status, outcome == PANICS ? SUBX_TRIE_REFERENCE_PANICS : SUBX_OK);
        assert_int_equal(subx_tree__apply(&clean_tree, changes, count, &clean, NULL), SUBX_OK);
        expect_root(&tree, outcome == PANICS ? &original : &naive);
        expect_root(&clean_tree, &clean_naive);
        expect_root(&before, &original);
        subx_tree__free(&tree);
        subx_tree__free(&before);
        subx_tree__free(&clean_tree);
        naive_trie_free(&naive);
        naive_trie_free(&clean_naive);
        naive_trie_free(&original);
    }
    assert_true(seen[CLEAN] > 1000 && seen[LOSES] > 50 && seen[PANICS] > 50);
}

/* What changes nothing makes no node; what is out of order is refused. */
static void changes_of_nothing(void **state)
{
    (void)state;
    uint8_t value[40] = {1}, root[32];
    struct subx_tree tree;
    subx_tree__init(&tree, &subx_trie_blake2b);
    const subx_slice long_value = subx_slice__of(value, 40);
    assert_int_equal(subx_tree__set(&tree, subx_slice__text("a"), long_value, true, NULL), SUBX_OK);
    assert_int_equal(subx_tree__set(&tree, subx_slice__text("b"), long_value, false, NULL),
                     SUBX_OK);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    const struct subx_tree_stats before = tree.stats;
    const struct subx_tree_change same[] = {
        {subx_slice__text("a"), long_value, false},
        {subx_slice__text("ab"), SUBX_EMPTY, true},
        {subx_slice__text("c"), SUBX_EMPTY, true},
    };
    struct subx_tree_apply options = {.state_version = 1, .faithful = true};
    assert_int_equal(subx_tree__apply(&tree, same, 3, &options, NULL), SUBX_OK);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    assert_memory_equal(&tree.stats, &before, sizeof before);
    /* the same value in the other form is a change */
    const struct subx_tree_change other_form = {subx_slice__text("b"), long_value, false};
    assert_int_equal(subx_tree__apply(&tree, &other_form, 1, &options, NULL), SUBX_OK);
    assert_int_equal(tree.stats.nodes, before.nodes + 2);
    struct subx_tree_entry entry;
    assert_int_equal(subx_tree__get(&tree, subx_slice__text("b"), NULL, &entry, NULL), SUBX_OK);
    assert_true(entry.hashed);
    const struct subx_tree_change unordered[] = {same[2], same[0]};
    assert_int_equal(subx_tree__apply(&tree, unordered, 2, &options, NULL), SUBX_MISUSE);
    /* of equal keys the last wins */
    const struct subx_tree_change twice[] = {{subx_slice__text("d"), long_value, false},
                                             {subx_slice__text("d"), SUBX_EMPTY, true}};
    assert_int_equal(subx_tree__apply(&tree, twice, 2, &options, NULL), SUBX_OK);
    assert_int_equal(tree.count, 2);
    subx_tree__free(&tree);
}

/* A base and changes of all kinds, for the sweeps. */
static void sweep_base(struct naive_trie *naive)
{
    static const uint8_t value[700] = {5};
    uint64_t seed = 11;
    uint8_t room[4];
    for (size_t i = 0; i < 40; i++)
        naive_trie_set(naive, few_bytes(&seed, room, 3), subx_slice__of(value, i * i % 700),
                       i % 2 == 0);
}

/* Whatever allocation fails, the tree is as before, and the work can be done afterwards. */
static void allocations_fail_in_apply(void **state)
{
    (void)state;
    static const uint8_t value[700] = {6};
    static uint8_t rooms[24][4];
    struct subx_tree_change changes[24];
    struct naive_trie naive = {NULL, 0, 0}, after;
    uint64_t seed = 12;
    sweep_base(&naive);
    after = naive_trie_copy(&naive);
    for (size_t i = 0; i < 24; i++)
        changes[i] =
            (struct subx_tree_change){few_bytes(&seed, rooms[i], 3),
                                      subx_slice__of(value, i % 3 == 0 ? 700 : 40), i % 2 == 0};
    qsort(changes, 24, sizeof *changes, by_key);
    for (size_t i = 0; i < 24; i++)
        change_naive(&after, &changes[i], 1);
    const struct subx_tree_apply options = {.state_version = 1, .faithful = false};
    struct subx_tree tree = build(&naive);
    unsigned failures = 0;
    for (int64_t n = 0;; n++) {
        subx_error error = SUBX_ERROR_INIT;
        if (n % 2 == 0)
            expect_root(&tree, &naive);
        (void)subx_mem__fail_after(n);
        const subx_status status = subx_tree__apply(&tree, changes, 24, &options, &error);
        (void)subx_mem__fail_after(-1);
        if (status == SUBX_OK)
            break;
        assert_int_equal(status, SUBX_NOMEM);
        assert_int_equal(error.status, SUBX_NOMEM);
        expect_root(&tree, &naive);
        failures++;
    }
    expect_root(&tree, &after);
#ifdef SUBX_CHECKED
    assert_true(failures > 20);
#else
    assert_int_equal(failures, 0);
#endif
    subx_tree__free(&tree);
    naive_trie_free(&naive);
    naive_trie_free(&after);
}

/* One of some operations on a tree that shares its nodes. */
static subx_status do_one(unsigned kind, struct subx_tree *tree, const struct naive_trie *naive,
                          subx_slice key)
{
    static const uint8_t value[600] = {1};
    uint8_t root[32];
    struct subx_tree_cursor *cursor = NULL;
    struct subx_buf next = SUBX_BUF_INIT;
    bool found = false;
    subx_status status = SUBX_OK;
    switch (kind) {
    case 0:
        return subx_tree__set(tree, key, subx_slice__of(value, 600), true, NULL);
    case 1:
        return subx_tree__remove(tree, key, NULL, NULL);
    case 2:
        return subx_tree__remove_prefix(tree, key, NULL, NULL);
    case 3:
        return subx_tree__root(tree, root, NULL);
    case 4:
        status = subx_tree_cursor__open(tree, key, SUBX_EMPTY, SUBX_TREE_KEYS, NULL, &cursor, NULL);
        for (int i = 0; i < 40 && status == SUBX_OK; i++) {
            struct subx_tree_entry entry;
            status = subx_tree_cursor__next(cursor, &key, &entry, NULL);
        }
        subx_tree_cursor__close(cursor);
        return status;
    case 5:
        status = subx_tree__next_key(tree, key, NULL, &next, &found, NULL);
        subx_buf__free(&next);
        return status;
    default:
        break;
    }
    struct subx_tree built;
    struct subx_tree_builder *const builder = subx_tree_builder__new(&subx_trie_blake2b);
    status = builder == NULL ? SUBX_NOMEM : SUBX_OK;
    for (size_t i = 0; i < naive->count && status == SUBX_OK; i++)
        status = subx_tree_builder__push(builder, naive_key(&naive->pairs[i]),
                                         naive_value(&naive->pairs[i]), true, NULL);
    if (status == SUBX_OK)
        status = subx_tree_builder__finish(builder, &built, NULL);
    if (status == SUBX_OK)
        subx_tree__free(&built);
    subx_tree_builder__free(builder);
    return status;
}

/* The same for single operations, on trees that are deep and share their nodes, hashed and not. */
static void allocations_fail_elsewhere(void **state)
{
    (void)state;
    static const uint8_t zeros[40];
    struct naive_trie naive = {NULL, 0, 0};
    uint64_t seed = 13;
    sweep_base(&naive);
    for (size_t len = 4; len <= sizeof zeros; len++)
        naive_trie_set(&naive, subx_slice__of(zeros, len), subx_slice__of(zeros, len), true);
    for (unsigned round = 0; round < 84; round++) {
        uint8_t room[4];
        const unsigned kind = round % 7;
        const subx_slice key =
            round % 2 == 0 ? subx_slice__of(zeros, 20 + round % 20) : few_bytes(&seed, room, 3);
        struct subx_tree before = build(&naive), tree;
        struct naive_trie after = naive_trie_copy(&naive);
        subx_status status = SUBX_NOMEM;
        if (round % 3 == 0)
            expect_root(&before, &naive);
        for (int64_t n = 0; status != SUBX_OK; n++) {
            subx_tree__snapshot(&before, &tree);
            (void)subx_mem__fail_after(n);
            status = do_one(kind, &tree, &naive, key);
            (void)subx_mem__fail_after(-1);
            if (status == SUBX_OK)
                break;
            assert_int_equal(status, SUBX_NOMEM);
            expect_root(&tree, &naive);
            subx_tree__free(&tree);
        }
        if (kind == 0) {
            static const uint8_t value[600] = {1};
            naive_trie_set(&after, key, subx_slice__of(value, 600), true);
        } else if (kind == 1) {
            (void)naive_trie_remove(&after, key);
        }
        if (kind != 2)
            expect_root(&tree, &after);
        expect_root(&before, &naive);
        subx_tree__free(&tree);
        subx_tree__free(&before);
        naive_trie_free(&after);
    }
    naive_trie_free(&naive);
}

/* One thread's share: handles of the same nodes, changed and hashed by each for itself. */
struct worker {
    const struct subx_tree *shared;
    const struct naive_trie *naive;
    uint64_t seed;
    pthread_barrier_t *start;
    bool good;
};

static void *work(void *user)
{
    struct worker *const self = user;
    self->good = true;
    (void)pthread_barrier_wait(self->start);
    for (int round = 0; round < 10; round++) {
        struct subx_tree tree;
        struct naive_trie naive = naive_trie_copy(self->naive);
        uint8_t room[4], root[32], expected[32];
        subx_tree__snapshot(self->shared, &tree);
        for (int i = 0; i < 20; i++) {
            const subx_slice key = few_bytes(&self->seed, room, 3);
            struct subx_tree_entry entry;
            if (subx_tree__get(self->shared, key, NULL, &entry, NULL) != SUBX_OK ||
                entry.found != (naive_trie_get(self->naive, key) != NULL))
                self->good = false;
            if (i % 2 == 0) {
                (void)subx_tree__set(&tree, key, subx_slice__of(room, 2), false, NULL);
                naive_trie_set(&naive, key, subx_slice__of(room, 2), false);
            } else {
                (void)subx_tree__remove(&tree, key, NULL, NULL);
                (void)naive_trie_remove(&naive, key);
            }
        }
        if (subx_tree__root(&tree, root, NULL) != SUBX_OK)
            self->good = false;
        naive_trie_root(&naive, &subx_trie_blake2b, expected);
        if (memcmp(root, expected, 32) != 0)
            self->good = false;
        subx_tree__free(&tree);
        naive_trie_free(&naive);
    }
    return NULL;
}

static void threads_share_nodes(void **state)
{
    (void)state;
    struct naive_trie naive = {NULL, 0, 0};
    sweep_base(&naive);
    for (int round = 0; round < 16; round++) {
        struct subx_tree tree = build(&naive);
        pthread_barrier_t start;
        struct worker workers[4];
        pthread_t threads[4];
        assert_int_equal(pthread_barrier_init(&start, NULL, 4), 0);
        if (round % 4 == 3)
            expect_root(&tree, &naive);
        for (size_t i = 0; i < 4; i++) {
            workers[i] = (struct worker){&tree, &naive, 100 + i, &start, false};
            assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
        }
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_true(workers[i].good);
        }
        assert_int_equal(pthread_barrier_destroy(&start), 0);
        expect_root(&tree, &naive);
        subx_tree__free(&tree);
    }
    naive_trie_free(&naive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_the_first_fault),
        cmocka_unit_test(a_recorded_loss),
        cmocka_unit_test(random_deltas),
        cmocka_unit_test(changes_of_nothing),
        cmocka_unit_test(allocations_fail_in_apply),
        cmocka_unit_test(allocations_fail_elsewhere),
        cmocka_unit_test(threads_share_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
