/* Which block a state is after: in memory and in a database, by hand and by a chain, after the end of a process. */
#include "guests.h"

#include <lmdb.h>
#include <stdio.h>

#include <subexec/chain.h>
#include <subexec/database.h>

#include "codec/scale.h"
#include "lmdb_state.h"
#include "random_blocks.h"
#include "storage/backend_lmdb_db.h"
#include "storage/state.h"
#include "util/endian.h"
#include "util/error.h"
#include "util/mem.h"
#include "wrapped_backend.h"

static subx_slice text(const char *text)
{
    return subx_slice__text(text);
}

static subx_block_id block_id(uint64_t number)
{
    subx_block_id id = {.number = number};
    memset(id.hash, (int)(number & 0xff), sizeof id.hash);
    return id;
}

/* `number` of the block that the state is after; -1: not known. */
static void expect_head(subx_state *state, int64_t number)
{
    bool known = false;
    subx_block_id head = {.number = 77}, expected = {.number = 0};
    subx_error error = SUBX_ERROR_INIT;
    if (number >= 0)
        expected = block_id((uint64_t)number);
    if (subx_state_head(state, &known, &head, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    assert_int_equal(known, number >= 0);
    assert_int_equal(head.number, expected.number);
    assert_memory_equal(head.hash, expected.hash, 32);
}

/* Commit a key, unless it is NULL, as the block with this number, or as none for -1. */
static void commit(subx_state *state, const char *key, const char *value, int64_t number)
{
    subx_changes *changes = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_changes_new(state, NULL, &changes, &error), SUBX_OK);
    const subx_slice bytes = text(value);
    if (key != NULL)
        assert_int_equal(subx_changes_set(changes, NULL, text(key), &bytes, &error), SUBX_OK);
    const subx_block_id id = block_id((uint64_t)number);
    const subx_status status = number < 0
                                   ? subx_changes_commit(changes, 1, NULL, &error)
                                   : subx_changes_commit_block(changes, 1, &id, NULL, &error);
    if (status != SUBX_OK)
        fail_msg("%s", error.message);
    subx_changes_free(changes);
}

static subx_state *open_database(const char *folder, bool read_only)
{
    subx_database_options options = SUBX_DATABASE_OPTIONS_INIT;
    subx_state *state = NULL;
    subx_error error = SUBX_ERROR_INIT;
    options.create = !read_only;
    options.read_only = read_only;
    if (subx_state_open(folder, &options, &state, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return state;
}

static void heads_of(subx_state *state)
{
    expect_head(state, -1);
    commit(state, "a", "1", 5);
    expect_head(state, 5);
    commit(state, NULL, "", 6); /* a block that changes nothing */
    expect_head(state, 6);
    commit(state, "a", "2", 256);
    expect_head(state, 256);
    commit(state, "a", "3", -1);
    expect_head(state, -1);
    commit(state, "a", "3", 7); /* the same as it was */
    expect_head(state, 7);
    commit(state, NULL, "", -1);
    expect_head(state, -1);

    /* what is not committed has no block, and views keep theirs */
    subx_changes *changes = NULL;
    const subx_slice value = text("9");
    const subx_block_id other = block_id(9);
    assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
    assert_int_equal(subx_changes_set(changes, NULL, text("b"), &value, NULL), SUBX_OK);
    commit(state, "a", "4", 8);
    assert_int_equal(subx_changes_commit_block(changes, 1, &other, NULL, NULL), SUBX_EXTERNALITIES);
    expect_head(state, 8);
    subx_changes_free(changes);

    /* an import names no block */
    const subx_pair pair = {text("c"), text("1")};
    const subx_trie_pairs tries = {NULL, &pair, 1};
    assert_int_equal(subx_state_import(state, &tries, 1, 1, NULL), SUBX_OK);
    expect_head(state, -1);
    commit(state, "a", "5", 10);
}

static void test_memory(void **unused)
{
    (void)unused;
    subx_state *state = NULL;
    assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
    heads_of(state);
    subx_state_free(state);
}

static void test_database(void **unused)
{
    (void)unused;
    char *const folder = folder_new();
    subx_state *state = open_database(folder, false);
    heads_of(state);
    subx_state_free(state);
    state = open_database(folder, true);
    expect_head(state, 10);
    subx_state_free(state);
    /* a block that changes nothing is kept too */
    state = open_database(folder, false);
    expect_head(state, 10);
    commit(state, NULL, "", 11);
    subx_state_free(state);
    state = open_database(folder, false);
    expect_head(state, 11);
    subx_state_free(state);
    folder_remove(folder);
}

/* In the database, in what waits for it, and in the journal: all the same. */
static void test_where_it_lies(void **unused)
{
    (void)unused;
    char *const folder = folder_new(), *const copy = folder_new();
    for (unsigned flushes = 0; flushes < 2; flushes++) {
        subx_state *state = NULL;
        void *const self = open_at(folder, &slow_options);
        assert_int_equal(subx_state__new(&subx_backend_lmdb, self, &state, NULL), SUBX_OK);
        commit(state, "a", "1", 20 + flushes);
        commit(state, NULL, "", 30 + flushes);
        if (flushes != 0)
            flush(self);
        folder_clear(copy);
        folder_copy(folder, copy);                         /* as if the process had ended here */
        subx_state *recovered = open_database(copy, true); /* who only reads sees all of it too */
        expect_head(recovered, 30 + flushes);
        subx_state_free(recovered);
        recovered = open_database(copy, false);
        expect_head(recovered, 30 + flushes);
        subx_state_free(recovered);
        expect_head(state, 30 + flushes);
        subx_state_free(state);
        folder_clear(folder);
    }
    folder_remove(folder);
    folder_remove(copy);
}

static void test_genesis(void **unused)
{
    (void)unused;
    static const char specification[] = "{\"genesis\":{\"raw\":{\"top\":{\"0x61\":\"0x31\"}}}}",
                      plain[] = "{\"top\":{\"0x61\":\"0x31\"}}", pairs[] = "[[\"0x61\",\"0x31\"]]",
                      odd[] = "{\"genesis\":{\"raw\":{}},\"top\":{\"0x61\":\"0x31\"}}";
    for (unsigned in_database = 0; in_database < 2; in_database++) {
        const char *const texts[] = {specification, plain, pairs, odd};
        for (size_t i = 0; i < 4; i++) {
            char *const folder = folder_new();
            subx_state *state = NULL;
            bool known = false;
            subx_block_id head;
            uint8_t root[32], hash[32];
            if (in_database != 0)
                state = open_database(folder, false);
            else
                assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
            assert_int_equal(subx_state_import_json(state, text(texts[i]), 0, NULL), SUBX_OK);
            assert_int_equal(subx_state_head(state, &known, &head, NULL), SUBX_OK);
            assert_int_equal(known, i == 0);
            assert_int_equal(subx_state_root(state, root, NULL), SUBX_OK);
            subx_genesis_hash(root, hash);
            if (known) {
                assert_int_equal(head.number, 0);
                assert_memory_equal(head.hash, hash, 32);
            }
            /* a second one is not the genesis state any more */
            assert_int_equal(subx_state_import_json(state, text(specification), 0, NULL), SUBX_OK);
            assert_int_equal(subx_state_head(state, &known, &head, NULL), SUBX_OK);
            assert_false(known);
            subx_state_free(state);
            folder_remove(folder);
        }
    }
}

/* ---- A chain ---- */

static subx_state *import_guest(const char *folder)
{
    subx_state *const state = open_database(folder, false);
    subx_error error = SUBX_ERROR_INIT;
    const subx_pair pairs[] = {{text(":code"), guest_wasm("chain")}};
    const subx_trie_pairs tries[] = {{NULL, pairs, 1}};
    if (subx_state_import(state, tries, 1, 1, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return state;
}

/* A block that sets the key "a" to a text, and leaves the guest's mark. */
static subx_block *new_block(subx_state *state, const uint8_t parent[32], uint64_t number,
                             const char *value)
{
    static const uint8_t no_hash[32] = {0};
    uint8_t root[32];
    subx_changes *changes = NULL;
    subx_block *block = NULL;
    struct subx_buf buf = SUBX_BUF_INIT, payload = SUBX_BUF_INIT;
    const subx_slice mark = text("mark-one"), bytes = text(value);
    assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
    assert_int_equal(subx_changes_set(changes, NULL, text("a"), &bytes, NULL), SUBX_OK);
    assert_int_equal(subx_changes_set(changes, NULL, text("ran"), &mark, NULL), SUBX_OK);
    assert_int_equal(subx_changes_root(changes, 1, root, NULL), SUBX_OK);
    subx_changes_free(changes);
    subx_buf__append(&buf, parent != NULL ? parent : no_hash, 32);
    subx_scale__append_compact(&buf, number);
    subx_buf__append(&buf, root, 32);
    subx_buf__append(&buf, no_hash, 32);
    subx_scale__append_compact(&buf, 0);
    subx_scale__append_compact(&buf, 1);
    subx_buf__append(&payload, "\1\1a", 3);
    subx_buf__append_slice(&payload, bytes);
    subx_scale__append_bytes(&buf, subx_buf__slice(&payload));
    assert_int_equal(subx_block_decode(subx_buf__slice(&buf), &block, NULL), SUBX_OK);
    subx_buf__free(&buf);
    subx_buf__free(&payload);
    return block;
}

static subx_status run(subx_executor *executor, subx_state *state, subx_block *block,
                       uint8_t hash[32], subx_error *error)
{
    subx_chain *chain = NULL;
    assert_int_equal(subx_chain_new(executor, state, NULL, &chain, NULL), SUBX_OK);
    const subx_status status = subx_chain_execute(chain, block, NULL, error);
    if (hash != NULL)
        memcpy(hash, subx_block_header(block)->hash, 32);
    subx_block_free(block);
    subx_chain_free(chain);
    return status;
}

/* A chain goes on where the database is, in another process as it were. */
static void test_chain_goes_on(void **unused)
{
    (void)unused;
    char *const folder = folder_new();
    subx_executor *const executor = new_executor();
    subx_state *state = import_guest(folder);
    subx_error error = SUBX_ERROR_INIT;
    uint8_t first[32], second[32];
    char value[16];
    expect_head(state, -1);
    assert_int_equal(run(executor, state, new_block(state, NULL, 1, "1"), first, &error), SUBX_OK);
    for (uint64_t number = 2; number < 6; number++) {
        bool known = false;
        subx_block_id head;
        subx_state_free(state);
        state = open_database(folder, false);
        assert_int_equal(subx_state_head(state, &known, &head, NULL), SUBX_OK);
        assert_true(known);
        assert_int_equal(head.number, number - 1);
        assert_memory_equal(head.hash, first, 32);
        snprintf(value, sizeof value, "%u", (unsigned)number);
        /* not over another block than that */
        assert_int_equal(run(executor, state, new_block(state, NULL, number, value), NULL, &error),
                         SUBX_INVALID_INPUT);
        assert_non_null(strstr(error.message, ", but the block before it is number "));
        subx_error_clear(&error);
        assert_int_equal(
            run(executor, state, new_block(state, first, number, value), second, &error), SUBX_OK);
        memcpy(first, second, sizeof first);
    }
    subx_state_free(state);
    subx_executor_free(executor);
    folder_remove(folder);
}

/* ---- What goes wrong ---- */

/* Give the format number in `meta` another value. */
static void set_format(const char *folder, const char format[8])
{
    char path[256];
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi table = 0;
    MDB_val key = {4, (void *)(uintptr_t) "meta"}, value;
    uint8_t bytes[64];
    snprintf(path, sizeof path, "%s/state.mdb", folder);
    assert_int_equal(mdb_env_create(&env), 0);
    /* addresses may be short, under a sanitizer for instance */
    assert_int_equal(mdb_env_set_mapsize(env, (size_t)64 << 20), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0666), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &table), 0);
    assert_int_equal(mdb_get(txn, table, &key, &value), 0);
    assert_true(value.mv_size <= sizeof bytes);
    memcpy(bytes, value.mv_data, value.mv_size);
    memcpy(bytes, format, 8);
    value.mv_data = bytes;
    assert_int_equal(mdb_put(txn, table, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_other_formats(void **unused)
{
    (void)unused;
    char *const folder = folder_new();
    subx_state *state = open_database(folder, false);
    subx_error error = SUBX_ERROR_INIT;
    subx_state_free(state);
    set_format(folder, "subxpdb1");
    assert_int_equal(subx_state_open(folder, NULL, &state, &error), SUBX_IO);
    assert_non_null(strstr(error.message, ": a database in format 1, but this is for format 2; "));
    assert_null(state);
    subx_error_clear(&error);
    set_format(folder, "subexec1");
    assert_int_equal(subx_state_open(folder, NULL, &state, &error), SUBX_IO);
    assert_non_null(strstr(error.message, ": a database of another kind"));
    set_format(folder, "subxpdb2");
    assert_int_equal(subx_state_open(folder, NULL, &state, NULL), SUBX_OK);
    subx_state_free(state);
    folder_remove(folder);
}

/* A back end that fails at any operation: what was to change has not, and the failure is told. */
static void test_failing_back_end(void **unused)
{
    (void)unused;
    static const char specification[] = "{\"genesis\":{\"raw\":{\"top\":{\"0x61\":\"0x31\"}}}}";
    bool done = false;
    for (long n = 0; !done; n++) {
        struct wrapped *wrapper = NULL;
        subx_state *const state = wrapped_memory_state(&wrapper);
        subx_error error = SUBX_ERROR_INIT;
        bool known = false;
        subx_block_id head;
        wrapper->countdown = n;
        subx_status status = subx_state_import_json(state, text(specification), 0, &error);
        const bool imported = status == SUBX_OK;
        if (imported)
            status = subx_state_head(state, &known, &head, &error);
        done = wrapper->countdown >= 0;
        if (status != SUBX_OK) {
            assert_int_equal(status, SUBX_IO);
            assert_string_equal(error.message, WRAPPED_FAILURE);
        }
        wrapper->countdown = -1;
        assert_int_equal(wrapper->open_handles, 0);
        assert_int_equal(subx_state_head(state, &known, &head, NULL), SUBX_OK);
        assert_int_equal(known, imported);
        subx_state_free(state);
        assert_true(n < 50);
    }
}

/* A commit with a block fails, and is tried again without one: the block is forgotten. */
static void test_block_of_a_failed_commit(void **unused)
{
    (void)unused;
    struct wrapped *wrapper = NULL;
    subx_changes *changes = NULL;
    subx_state *const state = wrapped_memory_state(&wrapper);
    const subx_block_id id = block_id(3);
    const subx_slice value = text("1");
    uint8_t root[32];
    assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
    assert_int_equal(subx_changes_set(changes, NULL, text("a"), &value, NULL), SUBX_OK);
    assert_int_equal(subx_changes_root(changes, 1, root, NULL), SUBX_OK);
    wrapper->countdown = 0;
    assert_int_equal(subx_changes_commit_block(changes, 1, &id, NULL, NULL), SUBX_IO);
    assert_int_equal(subx_changes_commit(changes, 1, NULL, NULL), SUBX_OK);
    subx_changes_free(changes);
    expect_head(state, -1);
    subx_state_free(state);
}

#ifdef SUBX_CHECKED
/* A disk that fails: the commit can be tried again, and counts once. */
static void test_failing_journal(void **unused)
{
    (void)unused;
    char *const folder = folder_new();
    bool done = false;
    for (int64_t n = 0; !done; n++) {
        subx_state *state = NULL;
        subx_changes *changes = NULL;
        const subx_slice value = text("2");
        const subx_block_id id = block_id(2);
        assert_int_equal(
            subx_state__new(&subx_backend_lmdb, open_at(folder, &slow_options), &state, NULL),
            SUBX_OK);
        commit(state, "a", "1", 1);
        assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
        assert_int_equal(subx_changes_set(changes, NULL, text("a"), &value, NULL), SUBX_OK);
        subx_lmdb_journal__fail_after(n);
        const subx_status status = subx_changes_commit_block(changes, 1, &id, NULL, NULL);
        done = subx_lmdb_journal__fail_after(-1) <= (uint64_t)n;
        assert_int_equal(status, done ? SUBX_OK : SUBX_IO);
        expect_head(state, done ? 2 : 1);
        /* what is tried again may be a commit without a block */
        const bool forgets = !done && n % 2 == 1;
        if (!done) {
            assert_int_equal(forgets ? subx_changes_commit(changes, 1, NULL, NULL)
                                     : subx_changes_commit_block(changes, 1, &id, NULL, NULL),
                             SUBX_OK);
            expect_head(state, forgets ? -1 : 2);
        }
        subx_changes_free(changes);
        subx_state_free(state);
        state = open_database(folder, false);
        expect_head(state, forgets ? -1 : 2);
        subx_state_free(state);
        folder_clear(folder);
        assert_true(n < 50);
    }
    folder_remove(folder);
}

/* Without memory a commit has not happened, nor has its block. */
static void commit_without_memory(subx_state *state, bool forgets)
{
    commit(state, "a", "1", 1);
    for (int64_t n = 0;; n++) {
        subx_changes *changes = NULL;
        const subx_slice value = text(n % 2 == 0 ? "2" : "3");
        const subx_block_id id = block_id(2);
        assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
        assert_int_equal(subx_changes_set(changes, NULL, text("a"), &value, NULL), SUBX_OK);
        subx_mem__fail_after(n);
        const subx_status status = forgets ? subx_changes_commit(changes, 1, NULL, NULL)
                                           : subx_changes_commit_block(changes, 1, &id, NULL, NULL);
        subx_mem__fail_after(-1);
        expect_head(state, status != SUBX_OK ? 1 : forgets ? -1 : 2);
        subx_changes_free(changes);
        if (status == SUBX_OK) {
            assert_true(n > 3);
            return;
        }
        assert_int_equal(status, SUBX_NOMEM);
    }
}

static void test_without_memory(void **unused)
{
    (void)unused;
    for (unsigned forgets = 0; forgets < 2; forgets++) {
        char *const folder = folder_new();
        subx_state *state = NULL;
        assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
        commit_without_memory(state, forgets != 0);
        subx_state_free(state);
        /* nothing is moved meanwhile: the mover would take the failure */
        assert_int_equal(
            subx_state__new(&subx_backend_lmdb, open_at(folder, &slow_options), &state, NULL),
            SUBX_OK);
        commit_without_memory(state, forgets != 0);
        subx_state_free(state);
        folder_remove(folder);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),           cmocka_unit_test(test_database),
        cmocka_unit_test(test_where_it_lies),    cmocka_unit_test(test_genesis),
        cmocka_unit_test(test_chain_goes_on),    cmocka_unit_test(test_other_formats),
        cmocka_unit_test(test_failing_back_end), cmocka_unit_test(test_block_of_a_failed_commit),
#ifdef SUBX_CHECKED
        cmocka_unit_test(test_failing_journal),  cmocka_unit_test(test_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
