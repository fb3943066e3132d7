/*
 * Storage against a model (tests/support/storage_model.h): random calls with nested transactions,
 * child tries, limited removals, lists, roots of both versions and blocks that are committed one
 * after the other, with the reference's faults and without them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "storage_model.h"

/* The two sides, and where the random numbers come from. */
struct pair {
    struct model model;
    subx_state *state;
    subx_changes *changes;
    uint64_t random;
    unsigned long panics, blocks;
};

static uint32_t below(struct pair *pair, uint32_t bound)
{
    return naive_random(&pair->random, bound);
}

/* Keys of few bytes that begin each other, so that every kind of trie node comes up. */
static subx_slice random_key(struct pair *pair, uint8_t room[64])
{
    static const uint8_t bytes[] = {0x10, 0x11, 0x20, 0x61, 0xff};
    const size_t len = below(pair, 5);
    for (size_t i = 0; i < len; i++)
        room[i] = bytes[below(pair, sizeof bytes)];
    if (below(pair, 30) != 0)
        return (subx_slice){room, len};
    /* a child's root, which only an append can change */
    static const char prefix[] = ":child_storage:default:";
    const subx_slice child = model_child_name(1 + below(pair, MODEL_CHILDREN));
    memcpy(room, prefix, sizeof prefix - 1);
    memcpy(room + sizeof prefix - 1, child.data, child.len);
    return (subx_slice){room, sizeof prefix - 1 + child.len};
}

static subx_slice random_value(struct pair *pair, uint8_t room[128])
{
    static const size_t lens[] = {0, 1, 2, 5, 31, 32, 33, 34, 66};
    static const uint8_t counts[][5] = {
        {0xfc}, {0xfd, 0xff}, {0xfe, 0xff, 0xff, 0xff}, {0x03, 0xff, 0xff, 0xff, 0xff}};
    const size_t len = lens[below(pair, sizeof lens / sizeof lens[0])];
    memset(room, (int)below(pair, 200), len);
    if (len >= 5 && below(pair, 3) == 0)
        memcpy(room, counts[below(pair, 4)], 5);
    return (subx_slice){room, len};
}

static size_t random_trie(struct pair *pair)
{
    return below(pair, 2) == 0 ? 0 : below(pair, MODEL_TRIES);
}

static void assert_slice(subx_slice got, subx_slice expected)
{
    assert_int_equal(got.len, expected.len);
    if (got.len > 0)
        assert_memory_equal(got.data, expected.data, got.len);
}

/* ---- One operation on both sides ---- */

static void check_get(struct pair *pair, size_t trie, subx_slice key)
{
    bool found = false, expected_found = false;
    subx_slice value = SUBX_EMPTY, expected = SUBX_EMPTY;
    const subx_status status =
        subx_changes__get(pair->changes, model_trie_id(trie), key, &found, &value, NULL);
    assert_int_equal(status, model_get(&pair->model, trie, key, &expected_found, &expected));
    if (status != SUBX_OK)
        return;
    assert_int_equal(found, expected_found);
    if (found)
        assert_slice(value, expected);
    assert_int_equal(subx_changes__get(pair->changes, model_trie_id(trie), key, &found, NULL, NULL),
                     SUBX_OK);
    assert_int_equal(found, expected_found);
}

static void check_next(struct pair *pair, size_t trie, subx_slice key)
{
    bool found = false, expected_found = false;
    subx_slice next = SUBX_EMPTY, expected = SUBX_EMPTY;
    const subx_status status =
        subx_changes__next_key(pair->changes, model_trie_id(trie), key, &found, &next, NULL);
    assert_int_equal(status, model_next_key(&pair->model, trie, key, &expected_found, &expected));
    if (status != SUBX_OK)
        return;
    assert_int_equal(found, expected_found);
    if (found)
        assert_slice(next, expected);
}

static void write_key(struct pair *pair, size_t trie)
{
    uint8_t key_room[64], value_room[128];
    const subx_slice key = random_key(pair, key_room);
    const subx_slice value = random_value(pair, value_room);
    const struct subx_trie_id id = model_trie_id(trie);
    if (below(pair, 3) == 0) {
        model_remove(&pair->model, trie, key);
        assert_int_equal(subx_changes__remove(pair->changes, id, key, NULL), SUBX_OK);
    } else {
        model_set(&pair->model, trie, key, value);
        assert_int_equal(subx_changes__set(pair->changes, id, key, value, NULL), SUBX_OK);
    }
    check_get(pair, trie, key);
}

static void append(struct pair *pair)
{
    uint8_t key_room[64], value_room[128];
    const subx_slice key = random_key(pair, key_room);
    /* A child that is spoilt stays so: do that rarely. */
    if (key.len > 10 && below(pair, 20) != 0)
        return;
    const subx_slice element = random_value(pair, value_room);
    model_append(&pair->model, key, element);
    assert_int_equal(subx_changes__append(pair->changes, key, element, NULL), SUBX_OK);
    check_get(pair, 0, key);
}

static void remove_prefix(struct pair *pair, size_t trie)
{
    uint8_t room[64], cursor_room[64];
    subx_slice prefix = random_key(pair, room);
    if (prefix.len > 2 && prefix.len < 10)
        prefix.len = 2;
    if (trie > 0 && below(pair, 3) == 0)
        prefix.len = 0;
    const subx_slice cursor = random_key(pair, cursor_room);
    const uint32_t limit = below(pair, 5);
    const bool limited = below(pair, 2) == 0, starts = below(pair, 4) == 0;
    struct subx_removal removal, expected;
    const subx_status status = subx_changes__remove_prefix(pair->changes, model_trie_id(trie),
                                                           prefix, limited ? &limit : NULL,
                                                           starts ? &cursor : NULL, &removal, NULL);
    assert_int_equal(status,
                     model_remove_prefix(&pair->model, trie, prefix, limited ? &limit : NULL,
                                         starts ? &cursor : NULL, &expected));
    if (status != SUBX_OK)
        return;
    assert_int_equal(removal.has_cursor, expected.has_cursor);
    assert_slice(removal.cursor, expected.cursor);
    assert_int_equal(removal.backend, expected.backend);
    assert_int_equal(removal.unique, expected.unique);
    assert_int_equal(removal.loops, expected.loops);
}

static void index_key(struct pair *pair)
{
    uint8_t key_room[64], value_room[128];
    const subx_slice key = random_key(pair, key_room);
    const subx_slice value = random_value(pair, value_room);
    const bool sets = below(pair, 2) == 0;
    model_index(&pair->model, key, sets ? &value : NULL);
    assert_int_equal(sets ? subx_changes__index_set(pair->changes, key, value, NULL)
                          : subx_changes__index_clear(pair->changes, key, NULL),
                     SUBX_OK);
}

static void check_root(struct pair *pair)
{
    uint8_t root[32], expected[32];
    const uint8_t version = (uint8_t)below(pair, 2);
    const subx_status status = subx_changes__root(pair->changes, version, root, NULL);
    assert_int_equal(status, model_root(&pair->model, version, expected));
    if (status == SUBX_OK)
        assert_memory_equal(root, expected, 32);
    pair->panics += status != SUBX_OK;
}

static void check_child_root(struct pair *pair, size_t trie)
{
    uint8_t root[32], expected[32];
    const uint8_t version = (uint8_t)below(pair, 2);
    const subx_status status =
        subx_changes__child_root(pair->changes, model_trie_id(trie).child, version, root, NULL);
    assert_int_equal(status, model_child_root(&pair->model, trie, version, expected));
    if (status == SUBX_OK)
        assert_memory_equal(root, expected, 32);
}

static void transaction(struct pair *pair)
{
    switch (below(pair, 4)) {
    case 0:
    case 1:
        if (pair->model.depth + 1 < MODEL_DEPTH) {
            model_start(&pair->model);
            assert_int_equal(subx_changes__start(pair->changes, NULL), SUBX_OK);
        }
        break;
    case 2:
        assert_int_equal(subx_changes__commit(pair->changes), model_commit(&pair->model));
        break;
    default:
        assert_int_equal(subx_changes__rollback(pair->changes), model_rollback(&pair->model));
    }
    assert_int_equal(pair->changes->overlay.depth, pair->model.depth);
}

static void step(struct pair *pair)
{
    uint8_t room[64];
    const size_t trie = random_trie(pair);
    const size_t child = 1 + below(pair, MODEL_CHILDREN);
    const uint32_t kind = below(pair, 40);
    if (kind < 10)
        write_key(pair, trie);
    else if (kind < 15)
        append(pair);
    else if (kind < 18)
        remove_prefix(pair, trie);
    else if (kind < 20)
        index_key(pair);
    else if (kind < 24)
        transaction(pair);
    else if (kind < 27)
        check_root(pair);
    else if (kind < 29)
        check_child_root(pair, child);
    else if (kind < 35)
        check_get(pair, trie, random_key(pair, room));
    else
        check_next(pair, trie, random_key(pair, room));
}

/* ---- All of it ---- */

static subx_status check_change(void *data, const subx_change_info *change)
{
    struct pair *const pair = data;
    subx_slice value = SUBX_EMPTY;
    if (change->kind != SUBX_CHANGE_OFFCHAIN_INDEX)
        return SUBX_OK;
    const enum subx_overlay_answer expected = model_indexed(&pair->model, change->key, &value);
    assert_int_equal(change->removed, expected == SUBX_OVERLAY_REMOVED);
    assert_int_not_equal(expected, SUBX_OVERLAY_NOTHING);
    assert_slice(change->value, expected == SUBX_OVERLAY_VALUE ? value : SUBX_EMPTY);
    return SUBX_OK;
}

/* Every key of every trie, by walking on both sides. */
static void check_all(struct pair *pair)
{
    for (size_t trie = 0; trie < MODEL_TRIES; trie++) {
        uint8_t room[64];
        subx_slice key = SUBX_EMPTY;
        check_get(pair, trie, key);
        for (;;) {
            bool found = false;
            subx_slice next = SUBX_EMPTY;
            check_next(pair, trie, key);
            const subx_status status = subx_changes__next_key(pair->changes, model_trie_id(trie),
                                                              key, &found, &next, NULL);
            if (status != SUBX_OK || !found)
                break;
            assert_true(next.len <= sizeof room);
            memmove(room, next.data, next.len);
            key = (subx_slice){room, next.len};
            check_get(pair, trie, key);
        }
    }
    assert_int_equal(subx_changes_list(pair->changes, check_change, pair), SUBX_OK);
}

/* Commit, or drop what cannot be committed. */
static void end_block(struct pair *pair)
{
    uint8_t root[32], expected[32];
    while (pair->model.depth > 0) {
        const bool keep = below(pair, 2) == 0;
        assert_true(keep ? model_commit(&pair->model) : model_rollback(&pair->model));
        assert_int_equal(keep ? subx_changes_keep(pair->changes, NULL)
                              : subx_changes_undo(pair->changes, NULL),
                         SUBX_OK);
    }
    const uint8_t version = (uint8_t)below(pair, 2);
    const subx_status status = subx_changes_commit(pair->changes, version, root, NULL);
    assert_int_equal(status, model_commit_block(&pair->model, version, expected));
    if (status == SUBX_OK) {
        assert_memory_equal(root, expected, 32);
        assert_int_equal(subx_state_root(pair->state, root, NULL), SUBX_OK);
        assert_memory_equal(root, expected, 32);
        pair->blocks++;
        return;
    }
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    options.semantics = pair->model.is_faithful ? SUBX_FAITHFUL : SUBX_CLEAN;
    subx_changes_free(pair->changes);
    assert_int_equal(subx_changes_new(pair->state, &options, &pair->changes, NULL), SUBX_OK);
    model_drop_changes(&pair->model);
}

static void run(uint64_t seed, bool is_faithful, unsigned long *panics, unsigned long *blocks)
{
    struct pair pair = {.model = {.is_faithful = is_faithful}, .random = seed};
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    options.semantics = is_faithful ? SUBX_FAITHFUL : SUBX_CLEAN;
    assert_int_equal(subx_state_new_memory(&pair.state, NULL), SUBX_OK);
    assert_int_equal(subx_changes_new(pair.state, &options, &pair.changes, NULL), SUBX_OK);
    for (unsigned block = 0; block < 8; block++) {
        for (unsigned call = 0; call < 3; call++) {
            model_begin_call(&pair.model);
            assert_int_equal(subx_changes__begin_call(pair.changes, NULL), SUBX_OK);
            for (unsigned i = below(&pair, 40); i > 0; i--)
                step(&pair);
            check_all(&pair);
            model_end_call(&pair.model);
            subx_changes__end_call(pair.changes);
            if (below(&pair, 4) == 0)
                transaction(&pair);
        }
        check_all(&pair);
        end_block(&pair);
    }
    assert_int_equal(subx_changes__see(pair.changes, NULL), SUBX_OK);
    check_all(&pair);
    *panics += pair.panics;
    *blocks += pair.blocks;
    subx_changes_free(pair.changes);
    subx_state_free(pair.state);
    model_free(&pair.model);
}

#define RUNS 250

static void against_the_model_faithful(void **state)
{
    (void)state;
    unsigned long panics = 0, blocks = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(seed, true, &panics, &blocks);
    /* the faults come up, and do not make up everything */
    assert_true(panics > RUNS / 50);
    assert_true(blocks > RUNS * 4);
}

static void against_the_model_clean(void **state)
{
    (void)state;
    unsigned long panics = 0, blocks = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(seed + 100000, false, &panics, &blocks);
    assert_true(blocks > RUNS * 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_the_model_faithful),
        cmocka_unit_test(against_the_model_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
