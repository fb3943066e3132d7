/*
 * States in LMDB: the same as states in memory for random blocks, whatever has been moved, and with
 * keys of any length; what a commit costs; imports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <subexec/database.h>

#include "lmdb_state.h"
#include "random_blocks.h"
#include "storage/backend_lmdb_db.h"
#include "storage/backend_memory.h"
#include "trie/trie_root.h"
#include "util/endian.h"

static const struct subx_backend *const lmdb = &subx_backend_lmdb;
static const struct subx_backend *const memory = &subx_backend_memory;

/* ---- Random blocks ---- */

static void compare_outcomes(uint64_t seed, const struct block_outcome *a,
                             const subx_error *a_error, const struct block_outcome *b,
                             const subx_error *b_error)
{
    if (a->status != b->status)
        fail_msg("seed %llu: memory %d (%s), lmdb %d (%s)", (unsigned long long)seed, a->status,
                 a_error->message, b->status, b_error->message);
    if (a->status != SUBX_OK)
        assert_string_equal(a_error->message, b_error->message);
    for (size_t t = 0; t < BLOCK_TRIES; t++) {
        if (memcmp(a->roots[t], b->roots[t], 32) != 0)
            fail_msg("seed %llu: roots of trie %zu differ", (unsigned long long)seed, t);
        assert_int_equal(a->is_empty[t], b->is_empty[t]);
    }
}

/* Entries of a table of LMDB. */
static size_t entries_of(void *self, MDB_dbi table)
{
    const struct subx_lmdb *const db = self;
    MDB_txn *txn = NULL;
    MDB_stat stat;
    assert_int_equal(mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_stat(txn, table, &stat), 0);
    mdb_txn_abort(txn);
    return stat.ms_entries;
}

/* No record of a branch is left that is none, and a state without keys leaves nothing at all. */
static void check_tables(void *self, void *in_memory, enum key_sizes sizes)
{
    const struct subx_lmdb_tables *const tables = &((const struct subx_lmdb *)self)->tables;
    size_t branches = 0;
    uint8_t root[32];
    /* child tries that the reference's fault has unlinked stay until they are touched: do that */
    struct block block;
    struct block_outcome outcome;
    block_fill(&block, 1, SHORT_KEYS);
    block.is_faithful = block.is_dropped = false;
    memset(block.touches, true, sizeof block.touches);
    memset(block.counts, 0, sizeof block.counts);
    block_run(&block, lmdb, self, &outcome, NULL);
    assert_int_equal(outcome.status, SUBX_OK);
    block_run(&block, memory, in_memory, &outcome, NULL);
    block_free(&block);
    flush(self);
    for (size_t t = 0; t < BLOCK_TRIES; t++)
        branches += state_branches(memory, in_memory, t);
    if (sizes == SHORT_KEYS)
        assert_int_equal(entries_of(self, tables->tables[SUBX_LMDB_BRANCHES]), branches);
    state_empty(lmdb, self);
    flush(self);
    for (size_t i = 0; i < SUBX_LMDB_TABLES; i++)
        assert_int_equal(entries_of(self, tables->tables[i]), 0);
    assert_int_equal(entries_of(self, tables->longs), 0);
    state_root(lmdb, self, root);
    assert_memory_equal(root, subx_trie_blake2b.empty_root, 32);
}

/* Run blocks over both; sometimes flush, sometimes reopen. */
static void run_both(uint64_t seed, unsigned blocks, enum key_sizes sizes,
                     const struct subx_lmdb_options *options)
{
    char *const folder = folder_new();
    void *const in_memory = subx_backend_memory__new();
    void *self = open_at(folder, options);
    uint8_t first[32], second[32];
    assert_non_null(in_memory);
    for (unsigned i = 0; i < blocks; i++) {
        struct block block;
        struct block_outcome a, b;
        subx_error a_error = SUBX_ERROR_INIT, b_error = SUBX_ERROR_INIT;
        const uint64_t block_seed = random_next(&seed);
        block_fill(&block, block_seed, sizes);
        block_run(&block, memory, in_memory, &a, &a_error);
        block_run(&block, lmdb, self, &b, &b_error);
        block_free(&block);
        compare_outcomes(block_seed, &a, &a_error, &b, &b_error);
        const uint64_t event = random_next(&seed) % 16;
        if (event == 0)
            flush(self);
        if (event == 1) {
            lmdb->free(self);
            self = open_at(folder, options);
        }
        if (event < 8) {
            state_hash(memory, in_memory, first);
            state_hash(lmdb, self, second);
            if (memcmp(first, second, 32) != 0)
                fail_msg("after block with seed %llu: contents differ",
                         (unsigned long long)block_seed);
        }
    }
    check_tables(self, in_memory, sizes);
    lmdb->free(self);
    memory->free(in_memory);
    folder_remove(folder);
}

static void test_random_blocks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        run_both(seed, 150, SHORT_KEYS, seed % 2 == 0 ? &slow_options : &quick_options);
}

static void test_random_blocks_long_keys(void **state)
{
    (void)state;
    for (uint64_t seed = 101; seed <= 104; seed++)
        run_both(seed, 60, LONG_KEYS, seed % 2 == 0 ? &slow_options : &quick_options);
}

/* ---- Views ---- */

static void assert_value(void *view, const char *key, const char *expected)
{
    bool found = false;
    subx_slice value = SUBX_EMPTY;
    assert_int_equal(lmdb->get(view, SUBX_MAIN_TRIE, subx_slice__text(key), &found, &value, NULL),
                     SUBX_OK);
    assert_int_equal(found, expected != NULL);
    if (expected != NULL)
        assert_true(subx_slice__equal(value, subx_slice__text(expected)));
}

static void test_views_keep_their_moment(void **state)
{
    char *const folder = folder_new();
    void *const self = open_at(folder, &slow_options);
    void *views[6] = {NULL};
    char text[2] = "0";
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        text[0] = (char)('0' + i);
        set_one(self, "key", text);
        if (i % 2 == 1)
            flush(self);
        assert_int_equal(lmdb->open(self, &views[i], NULL), SUBX_OK);
    }
    flush(self);
    for (size_t i = 0; i < 6; i++) {
        text[0] = (char)('0' + i);
        assert_value(views[i], "key", text);
        lmdb->close(views[i]);
    }
    lmdb->free(self);
    folder_remove(folder);
}

static void test_stale_changes_are_refused(void **state)
{
    char *const folder = folder_new();
    void *const self = open_at(folder, &slow_options);
    subx_error error = SUBX_ERROR_INIT;
    void *view = NULL, *prepared = NULL;
    uint8_t root[32];
    bool is_empty = false;
    (void)state;
    assert_int_equal(lmdb->open(self, &view, &error), SUBX_OK);
    assert_int_equal(lmdb->prepare(view, 0, true, &prepared, &error), SUBX_OK);
    assert_int_equal(lmdb->apply(prepared, SUBX_MAIN_TRIE, NULL, 0, root, &is_empty, &error),
                     SUBX_OK);
    lmdb->close(view);
    set_one(self, "a", "1");
    assert_int_equal(lmdb->commit(prepared, &error), SUBX_EXTERNALITIES);
    lmdb->drop(prepared);
    lmdb->free(self);
    folder_remove(folder);
}

static void test_opening_what_is_not_there(void **state)
{
    char *const folder = folder_new();
    const struct subx_lmdb_options plain = {.creates = false};
    const struct subx_lmdb_options reader = {.is_read_only = true};
    subx_error error = SUBX_ERROR_INIT;
    void *self = NULL;
    (void)state;
    assert_int_equal(subx_backend_lmdb__open(folder, &plain, &self, &error), SUBX_IO);
    assert_non_null(strstr(error.message, "there is no state database"));
    assert_null(self);
    assert_int_equal(subx_backend_lmdb__open(folder, &reader, &self, NULL), SUBX_IO);
    void *const first = open_at(folder, &slow_options);
    subx_error_clear(&error);
    assert_int_equal(subx_backend_lmdb__open(folder, &slow_options, &self, &error), SUBX_MISUSE);
    assert_non_null(strstr(error.message, "open already"));
    assert_int_equal(subx_backend_lmdb__open(folder, &reader, &self, NULL), SUBX_MISUSE);
    lmdb->free(first);
    lmdb->free(open_at(folder, &plain));
    folder_remove(folder);
}

/* ---- Child tries ---- */

/* Let a child trie have changes, and the main trie the root that results. */
static void change_child(void *self, const char *name, const struct subx_tree_change *changes,
                         size_t count)
{
    struct subx_buf key = SUBX_BUF_INIT;
    uint8_t child_root[32], root[32];
    bool is_empty = false;
    void *view = NULL, *prepared = NULL;
    subx_buf__append_text(&key, SUBX_TRIE_CHILD_PREFIX);
    subx_buf__append_text(&key, name);
    assert_int_equal(lmdb->open(self, &view, NULL), SUBX_OK);
    assert_int_equal(lmdb->prepare(view, 0, true, &prepared, NULL), SUBX_OK);
    assert_int_equal(lmdb->apply(prepared, subx_trie_id__child(subx_slice__text(name)), changes,
                                 count, child_root, &is_empty, NULL),
                     SUBX_OK);
    const struct subx_tree_change change = {subx_buf__slice(&key), subx_slice__of(child_root, 32),
                                            is_empty};
    assert_int_equal(lmdb->apply(prepared, SUBX_MAIN_TRIE, &change, 1, root, &is_empty, NULL),
                     SUBX_OK);
    assert_int_equal(lmdb->commit(prepared, NULL), SUBX_OK);
    lmdb->close(view);
    subx_buf__free(&key);
}

/* The last case of fault 1 in spec/host-api.md section 10: a child trie gets unlinked. What is left
 * of it goes when it is written again. */
static void test_unlinked_child(void **state)
{
    static const char *const names[] = {"a\x10", "a\x10\x11", "a\x10\x22", "b"};
    const struct subx_tree_change changes[] = {
        {subx_slice__text("k"), subx_slice__text("1"), false},
        {subx_slice__text("l"), subx_slice__text("2"), false}};
    char *const folder = folder_new();
    void *const self = open_at(folder, &slow_options);
    const MDB_dbi values = ((const struct subx_lmdb *)self)->tables.tables[SUBX_LMDB_VALUES];
    void *view = NULL;
    bool found = false;
    (void)state;
    for (size_t i = 0; i < 4; i++)
        change_child(self, names[i], changes, 2);
    flush(self);
    assert_int_equal(entries_of(self, values), 4 + 8);
    change_child(self, "a", NULL, 0);
    const struct subx_trie_id unlinked = subx_trie_id__child(subx_slice__text(names[0]));
    assert_int_equal(lmdb->open(self, &view, NULL), SUBX_OK);
    assert_int_equal(lmdb->get(view, unlinked, subx_slice__text("k"), &found, NULL, NULL), SUBX_OK);
    assert_false(found);
    lmdb->close(view);
    change_child(self, names[0], changes, 1);
    flush(self);
    assert_int_equal(entries_of(self, values), 4 + 7);
    assert_int_equal(lmdb->open(self, &view, NULL), SUBX_OK);
    assert_int_equal(lmdb->get(view, unlinked, subx_slice__text("k"), &found, NULL, NULL), SUBX_OK);
    assert_true(found);
    assert_int_equal(lmdb->get(view, unlinked, subx_slice__text("l"), &found, NULL, NULL), SUBX_OK);
    assert_false(found);
    lmdb->close(view);
    lmdb->free(self);
    folder_remove(folder);
}

/* ---- As users open it ---- */

static void test_public_functions(void **state)
{
    char *const folder = folder_new();
    subx_database_options options = SUBX_DATABASE_OPTIONS_INIT;
    const subx_pair pairs[] = {{subx_slice__text("a"), subx_slice__text("1")},
                               {subx_slice__text("b"), subx_slice__text("2")}};
    const subx_trie_pairs tries[] = {{NULL, pairs, 2}};
    subx_error error = SUBX_ERROR_INIT;
    subx_state *database = NULL, *in_memory = NULL;
    subx_bytes value = SUBX_BYTES_INIT;
    uint8_t root[32], expected[32];
    bool found = false;
    (void)state;
    assert_int_equal(subx_state_open(folder, NULL, &database, &error), SUBX_IO);
    assert_null(database);
    options.create = true;
    options.durability = SUBX_DURABILITY_POWER;
    assert_int_equal(subx_state_open(folder, &options, &database, NULL), SUBX_OK);
    assert_int_equal(subx_state_import(database, tries, 1, 1, NULL), SUBX_OK);
    assert_int_equal(subx_state_flush(database, NULL), SUBX_OK);
    subx_state_free(database);
    options.create = false;
    options.read_only = true;
    assert_int_equal(subx_state_open(folder, &options, &database, NULL), SUBX_OK);
    assert_int_equal(subx_state_new_memory(&in_memory, NULL), SUBX_OK);
    assert_int_equal(subx_state_import(in_memory, tries, 1, 1, NULL), SUBX_OK);
    assert_int_equal(subx_state_flush(in_memory, NULL), SUBX_OK);
    assert_int_equal(subx_state_root(database, root, NULL), SUBX_OK);
    assert_int_equal(subx_state_root(in_memory, expected, NULL), SUBX_OK);
    assert_memory_equal(root, expected, 32);
    assert_int_equal(subx_state_get(database, NULL, subx_slice__text("b"), &found, &value, NULL),
                     SUBX_OK);
    assert_true(found && value.len == 1 && value.data[0] == '2');
    subx_bytes_free(&value);
    assert_int_equal(subx_state_import(database, tries, 1, 1, NULL), SUBX_IO);
    subx_state_free(database);
    subx_state_free(in_memory);
    folder_remove(folder);
}

/* ---- Cost ---- */

#define BIG_COUNT 20000

static void key_of(unsigned i, uint8_t key[16])
{
    uint64_t seed = i;
    subx_store_u64(key, random_next(&seed));
    subx_store_u64(key + 8, random_next(&seed));
}

/* A state of many keys, imported. */
static void *big_state(const char *folder)
{
    void *const self = open_at(folder, &slow_options);
    subx_error error = SUBX_ERROR_INIT;
    struct subx_lmdb_import *import = NULL;
    uint8_t root[32];
    assert_int_equal(subx_lmdb_import__begin(self, 1, &import, &error), SUBX_OK);
    for (unsigned i = 0; i < BIG_COUNT; i++) {
        uint8_t key[16], value[40];
        key_of(i, key);
        memset(value, (int)i, sizeof value);
        if (subx_lmdb_import__add(import, SUBX_MAIN_TRIE, subx_slice__of(key, 16),
                                  subx_slice__of(value, i % 41), &error) != SUBX_OK)
            fail_msg("%s", error.message);
    }
    if (subx_lmdb_import__finish(import, 1, root, &error) != SUBX_OK ||
        subx_lmdb_import__commit(import, NULL, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return self;
}

static int compare_changes(const void *a, const void *b)
{
    const struct subx_tree_change *const left = a;
    const struct subx_tree_change *const right = b;
    return subx_trie__compare(left->key, right->key);
}

/* Set `count` keys of the big state to new values, and see what it costs. */
static struct subx_lmdb_work work_of(void *self, unsigned count, uint8_t fill)
{
    static struct subx_tree_change changes[1000];
    static uint8_t keys[1000][16], value[35];
    subx_error error = SUBX_ERROR_INIT;
    struct subx_lmdb_work before, after;
    void *view = NULL, *prepared = NULL;
    uint8_t root[32];
    bool is_empty = false;
    memset(value, fill, sizeof value);
    for (unsigned i = 0; i < count; i++) {
        key_of(i * 7, keys[i]);
        changes[i] = (struct subx_tree_change){subx_slice__of(keys[i], 16),
                                               subx_slice__of(value, sizeof value), false};
    }
    qsort(changes, count, sizeof *changes, compare_changes);
    subx_backend_lmdb__work(self, &before);
    assert_int_equal(lmdb->open(self, &view, &error), SUBX_OK);
    assert_int_equal(lmdb->prepare(view, 1, true, &prepared, &error), SUBX_OK);
    assert_int_equal(lmdb->apply(prepared, SUBX_MAIN_TRIE, changes, count, root, &is_empty, &error),
                     SUBX_OK);
    lmdb->close(view);
    assert_int_equal(lmdb->commit(prepared, &error), SUBX_OK);
    subx_backend_lmdb__work(self, &after);
    after.hashes -= before.hashes;
    after.branches_read -= before.branches_read;
    after.branches_written -= before.branches_written;
    after.values_read -= before.values_read;
    after.values_written -= before.values_written;
    return after;
}

static void test_cost_of_a_commit(void **state)
{
    /* 20 000 random keys: no branch is deeper than 8 */
    const unsigned depth = 8;
    char *const folder = folder_new();
    void *const self = big_state(folder);
    (void)state;
    for (unsigned count = 1; count <= 1000; count *= 10) {
        const struct subx_lmdb_work work = work_of(self, count, (uint8_t)count);
        assert_true(work.branches_read > 0 && work.branches_read <= count * depth);
        assert_true(work.branches_written > 0 && work.branches_written <= count * depth);
        assert_true(work.hashes <= count * (depth + 3));
        assert_int_equal(work.values_written, count);
        assert_true(work.values_read <= count);
    }
    /* the same again changes nothing */
    const struct subx_lmdb_work again = work_of(self, 1000, (uint8_t)1000);
    assert_int_equal(again.branches_written, 0);
    assert_int_equal(again.values_written, 0);
    lmdb->free(self);
    folder_remove(folder);
}

/* ---- Imports ---- */

/* The pairs of random blocks, imported in the order given, must be the state that applying makes. */
static void import_blocks(uint64_t seed, enum key_sizes sizes, uint8_t state_version)
{
    char *const folder = folder_new();
    void *const self = open_at(folder, &slow_options);
    void *const in_memory = subx_backend_memory__new();
    subx_error error = SUBX_ERROR_INIT;
    struct subx_lmdb_import *import = NULL;
    uint8_t root[32], first[32], second[32];
    struct block_outcome outcome;
    struct block block;
    assert_int_equal(subx_lmdb_import__begin(self, state_version, &import, &error), SUBX_OK);
    block_fill(&block, seed, sizes);
    block.state_version = state_version;
    block.is_faithful = block.is_dropped = false;
    static const char *const names[] = {"", "a", "a\x10"};
    for (size_t t = BLOCK_TRIES; t-- > 0;) {
        for (size_t i = 0; i < block.counts[t]; i++) {
            struct subx_tree_change *const change = &block.changes[t][i];
            change->remove = false;
            if (t == 3)
                continue; /* a long name that only random_blocks.c knows */
            const struct subx_trie_id trie = t == BLOCK_CHILDREN
                                                 ? SUBX_MAIN_TRIE
                                                 : subx_trie_id__child(subx_slice__text(names[t]));
            assert_int_equal(
                subx_lmdb_import__add(import, trie, change->key, change->value, &error), SUBX_OK);
        }
    }
    block.touches[3] = false;
    if (subx_lmdb_import__finish(import, state_version, root, &error) != SUBX_OK ||
        subx_lmdb_import__commit(import, NULL, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    block_run(&block, memory, in_memory, &outcome, &error);
    assert_int_equal(outcome.status, SUBX_OK);
    assert_memory_equal(root, outcome.roots[BLOCK_CHILDREN], 32);
    for (unsigned i = 0; i < 30; i++) {
        state_hash(memory, in_memory, first);
        state_hash(lmdb, self, second);
        assert_memory_equal(first, second, 32);
        /* and it goes on from there */
        struct block_outcome other;
        subx_error other_error = SUBX_ERROR_INIT;
        block_free(&block);
        subx_error_clear(&error);
        block_fill(&block, random_next(&seed), sizes);
        block_run(&block, memory, in_memory, &outcome, &error);
        block_run(&block, lmdb, self, &other, &other_error);
        compare_outcomes(seed, &outcome, &error, &other, &other_error);
    }
    block_free(&block);
    memory->free(in_memory);
    lmdb->free(self);
    folder_remove(folder);
}

static void test_import(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++)
        import_blocks(seed, seed % 5 == 0 ? LONG_KEYS : SHORT_KEYS, seed & 1);
}

static void test_import_of_nothing_and_into_something(void **state)
{
    char *const folder = folder_new();
    void *const self = open_at(folder, &slow_options);
    subx_error error = SUBX_ERROR_INIT;
    struct subx_lmdb_import *import = NULL;
    uint8_t root[32];
    (void)state;
    assert_int_equal(subx_lmdb_import__begin(self, 0, &import, &error), SUBX_OK);
    assert_int_equal(subx_lmdb_import__finish(import, 0, root, &error), SUBX_OK);
    assert_int_equal(subx_lmdb_import__commit(import, NULL, &error), SUBX_OK);
    assert_memory_equal(root, subx_trie_blake2b.empty_root, 32);
    assert_int_equal(subx_lmdb_import__begin(self, 0, &import, &error), SUBX_OK);
    assert_int_equal(subx_lmdb_import__add(import, SUBX_MAIN_TRIE, subx_slice__text("a"),
                                           subx_slice__text("1"), &error),
                     SUBX_OK);
    subx_lmdb_import__drop(import);
    set_one(self, "b", "2");
    assert_int_equal(subx_lmdb_import__begin(self, 0, &import, &error), SUBX_MISUSE);
    assert_null(import);
    void *view = NULL;
    assert_int_equal(lmdb->open(self, &view, &error), SUBX_OK);
    assert_value(view, "a", NULL);
    assert_value(view, "b", "2");
    lmdb->close(view);
    lmdb->free(self);
    folder_remove(folder);
}

/* A commit that is too large for the journal. */
static void test_large_commit(void **state)
{
    char *const folder = folder_new();
    void *self = open_at(folder, &slow_options);
    subx_error error = SUBX_ERROR_INIT;
    struct subx_buf value = SUBX_BUF_INIT;
    struct subx_tree_change changes[3];
    void *view = NULL, *prepared = NULL;
    uint8_t root[32], expected[32];
    bool is_empty = false, found = false;
    (void)state;
    set_one(self, "a", "1");
    assert_true(subx_buf__reserve(&value, 20 << 20));
    memset(value.data, 7, 20 << 20);
    value.len = 20 << 20;
    for (size_t i = 0; i < 3; i++)
        changes[i] =
            (struct subx_tree_change){subx_slice__of(&"abc"[i], 1), subx_buf__slice(&value), false};
    assert_int_equal(lmdb->open(self, &view, &error), SUBX_OK);
    assert_int_equal(lmdb->prepare(view, 1, true, &prepared, &error), SUBX_OK);
    assert_int_equal(lmdb->apply(prepared, SUBX_MAIN_TRIE, changes, 3, root, &is_empty, &error),
                     SUBX_OK);
    assert_int_equal(lmdb->commit(prepared, &error), SUBX_OK);
    assert_value(view, "a", "1");
    lmdb->close(view);
    set_one(self, "d", "4");
    for (unsigned i = 0; i < 2; i++) {
        subx_slice got = SUBX_EMPTY;
        assert_int_equal(lmdb->open(self, &view, &error), SUBX_OK);
        assert_value(view, "d", "4");
        assert_int_equal(
            lmdb->get(view, SUBX_MAIN_TRIE, subx_slice__text("b"), &found, &got, &error), SUBX_OK);
        assert_true(found && subx_slice__equal(got, subx_buf__slice(&value)));
        lmdb->close(view);
        lmdb->free(self);
        self = open_at(folder, &slow_options);
        assert_int_equal(subx_backend_lmdb__sequence(self), 3);
    }
    const struct subx_trie_pair pairs[] = {{subx_slice__text("a"), subx_buf__slice(&value)},
                                           {subx_slice__text("b"), subx_buf__slice(&value)},
                                           {subx_slice__text("c"), subx_buf__slice(&value)},
                                           {subx_slice__text("d"), subx_slice__text("4")}};
    assert_int_equal(subx_trie__root(&subx_trie_blake2b, 1, pairs, 4, expected, &error), SUBX_OK);
    state_root(lmdb, self, root);
    assert_memory_equal(root, expected, 32);
    subx_buf__free(&value);
    lmdb->free(self);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_blocks),
        cmocka_unit_test(test_random_blocks_long_keys),
        cmocka_unit_test(test_views_keep_their_moment),
        cmocka_unit_test(test_stale_changes_are_refused),
        cmocka_unit_test(test_opening_what_is_not_there),
        cmocka_unit_test(test_unlinked_child),
        cmocka_unit_test(test_public_functions),
        cmocka_unit_test(test_cost_of_a_commit),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_import_of_nothing_and_into_something),
        cmocka_unit_test(test_large_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
