/* States and changes through the public API (include/subexec/state.h). */
#include <pthread.h>

#include "states.h"
#include "util/mem.h"

/* ---- States ---- */

static void empty(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    const struct naive_trie nothing = {0};
    const subx_slice child = text("c");
    bool found = true;
    subx_bytes next = SUBX_BYTES_INIT;
    assert_state_root(state, &nothing);
    assert_state(state, NULL, "", NULL);
    assert_state(state, &child, "k", NULL);
    ok(subx_state_next_key(state, NULL, SUBX_EMPTY, &found, &next, NULL));
    assert_false(found);
    assert_null(next.data);
    subx_state_free(state);
    subx_state_free(NULL);
    subx_changes_free(NULL);
}

static void import_of_tries(void **unused)
{
    (void)unused;
    for (uint8_t version = 0; version <= 1; version++) {
        subx_state *const state = empty_state();
        const subx_slice c1 = text("c1"), c2 = text("c2"), c3 = text("");
        const subx_pair child_pairs[] = {{text("y"), text("2")}, {text("x"), text(long_value)}};
        const subx_pair main_pairs[] = {
            {text("b"), text(long_value)},
            {text("a"), text("first")},
            {text(":child_storage:default:c1"), text("no root")},
            {text("a"), text("last counts")},
        };
        const subx_trie_pairs tries[] = {
            {NULL, main_pairs, 4}, {&c2, child_pairs, 1}, {&c1, child_pairs, 2}, {&c3, NULL, 0}};
        ok(subx_state_import(state, tries, 4, version, NULL));
        struct naive_trie main_trie = {0}, child = {0};
        uint8_t root[32];
        naive_trie_set(&main_trie, text("b"), text(long_value), version == 1);
        naive_trie_set(&main_trie, text("a"), text("last counts"), false);
        naive_trie_set(&child, text("y"), text("2"), false);
        naive_trie_root(&child, &subx_trie_blake2b, root);
        naive_trie_set(&main_trie, text(":child_storage:default:c2"), (subx_slice){root, 32},
                       false);
        naive_trie_set(&child, text("x"), text(long_value), version == 1);
        naive_trie_root(&child, &subx_trie_blake2b, root);
        naive_trie_set(&main_trie, text(":child_storage:default:c1"), (subx_slice){root, 32},
                       false);
        assert_state_root(state, &main_trie);
        assert_state(state, &c1, "x", long_value);
        assert_state(state, &c2, "x", NULL);
        /* more, later: to what is there */
        const subx_pair more[] = {{text("z"), text("3")}};
        const subx_trie_pairs addition = {&c1, more, 1};
        ok(subx_state_import(state, &addition, 1, 0, NULL));
        naive_trie_set(&child, text("z"), text("3"), false);
        naive_trie_root(&child, &subx_trie_blake2b, root);
        naive_trie_set(&main_trie, text(":child_storage:default:c1"), (subx_slice){root, 32},
                       false);
        assert_state_root(state, &main_trie);
        naive_trie_free(&main_trie);
        naive_trie_free(&child);
        subx_state_free(state);
    }
}

static void import_refused(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    const struct naive_trie nothing = {0};
    const subx_slice c1 = text("c1"), again = text("c1");
    const subx_pair pairs[] = {{text("a"), text("1")}};
    const subx_trie_pairs two_mains[] = {{NULL, pairs, 1}, {&c1, pairs, 1}, {NULL, pairs, 1}};
    const subx_trie_pairs two_children[] = {{&c1, pairs, 1}, {NULL, pairs, 1}, {&again, pairs, 1}};
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_state_import(state, two_mains, 3, 0, &error), SUBX_INVALID_INPUT);
    assert_non_null(strstr(error.message, "twice"));
    assert_int_equal(subx_state_import(state, two_children, 3, 0, NULL), SUBX_INVALID_INPUT);
    assert_state_root(state, &nothing);
    ok(subx_state_import(state, NULL, 0, 0, NULL));
    assert_state_root(state, &nothing);
    subx_state_free(state);
}

static void import_of_json(void **unused)
{
    (void)unused;
    static const char *const forms[] = {
        "{\"genesis\":{\"raw\":{\"top\":{\"0x6161\":\"0x3161\",\"0x6162\":\"0x32\"},"
        "\"childrenDefault\":{\"0x6331\":{\"0x78\":\"0x31\"}}}}}",
        "{\"top\":{\"0x6162\":\"0x32\",\"0x6161\":\"0x3161\"},\"children\":{\"0x6331\":{\"0x78\":"
        "\"0x31\"}}}",
    };
    const subx_slice c1 = text("c1");
    uint8_t roots[2][32];
    for (size_t i = 0; i < 2; i++) {
        subx_state *const state = empty_state();
        ok(subx_state_import_json(state, text(forms[i]), 1, NULL));
        assert_state(state, NULL, "aa", "1a");
        assert_state(state, NULL, "ab", "2");
        assert_state(state, &c1, "x", "1");
        ok(subx_state_root(state, roots[i], NULL));
        subx_state_free(state);
    }
    assert_memory_equal(roots[0], roots[1], 32);
    subx_state *const state = empty_state();
    ok(subx_state_import_json(state, text("[[\"0x61\",\"0x31\"],[\"0x62\",\"0x\"]]"), 0, NULL));
    assert_state(state, NULL, "a", "1");
    assert_state(state, NULL, "b", "");
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_state_import_json(state, text("{\"genesis\":"), 0, &error),
                     SUBX_INVALID_INPUT);
    assert_non_null(strstr(error.message, "line 1"));
    assert_int_equal(subx_state_import_json(state, text("7"), 0, NULL), SUBX_INVALID_INPUT);
    subx_state_free(state);
}

/* ---- Changes ---- */

static void blocks(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    const subx_slice c = text("c");
    struct naive_trie expected = {0}, child = {0};
    uint8_t root[32], child_root[32];
    set(changes, NULL, "a", long_value);
    set(changes, &c, "k", "v");
    assert_state(state, NULL, "a", NULL);
    commit(changes, 1, root);
    naive_trie_set(&child, text("k"), text("v"), false);
    naive_trie_root(&child, &subx_trie_blake2b, child_root);
    naive_trie_set(&expected, text("a"), text(long_value), true);
    naive_trie_set(&expected, text(":child_storage:default:c"), (subx_slice){child_root, 32},
                   false);
    assert_root(root, &expected);
    assert_state_root(state, &expected);
    assert_state(state, &c, "k", "v");
    /* the next block, of the other version: what is not touched keeps its form */
    set(changes, NULL, "b", long_value);
    commit(changes, 0, root);
    naive_trie_set(&expected, text("b"), text(long_value), false);
    assert_root(root, &expected);
    /* the same value again takes the new form */
    set(changes, NULL, "a", long_value);
    commit(changes, 0, NULL);
    naive_trie_set(&expected, text("a"), text(long_value), false);
    assert_state_root(state, &expected);
    /* an emptied child goes */
    clear(changes, &c, "k");
    commit(changes, 0, NULL);
    naive_trie_remove(&expected, text(":child_storage:default:c"));
    assert_state_root(state, &expected);
    assert_state(state, NULL, ":child_storage:default:c", NULL);
    /* a block without changes */
    commit(changes, 0, root);
    assert_root(root, &expected);
    subx_changes_free(changes);
    subx_state_free(state);
    naive_trie_free(&expected);
    naive_trie_free(&child);
}

static void isolation_and_conflict(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const one = begin(state, SUBX_FAITHFUL), *const two = begin(state, SUBX_FAITHFUL);
    subx_error error = SUBX_ERROR_INIT;
    uint8_t root[32], other[32];
    set(one, NULL, "a", "1");
    set(two, NULL, "b", "2");
    commit(one, 0, root);
    assert_seen(two, NULL, "a", NULL);
    assert_int_equal(subx_changes_commit(two, 0, NULL, &error), SUBX_EXTERNALITIES);
    assert_non_null(strstr(error.message, "the state was changed"));
    /* nothing has happened, on either side */
    assert_seen(two, NULL, "b", "2");
    assert_state(state, NULL, "b", NULL);
    ok(subx_state_root(state, other, NULL));
    assert_memory_equal(root, other, 32);
    /* the first goes on over the new state */
    assert_seen(one, NULL, "a", "1");
    subx_state_free(state);
    set(one, NULL, "c", "3"); /* keeps the state alive */
    commit(one, 0, NULL);
    subx_changes_free(one);
    subx_changes_free(two);
}

static void transactions(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    assert_int_equal(subx_changes_keep(changes, NULL), SUBX_MISUSE);
    assert_int_equal(subx_changes_undo(changes, NULL), SUBX_MISUSE);
    set(changes, NULL, "a", "1");
    ok(subx_changes_start(changes, NULL));
    set(changes, NULL, "a", "2");
    assert_int_equal(subx_changes_commit(changes, 0, NULL, NULL), SUBX_MISUSE);
    ok(subx_changes_start(changes, NULL));
    clear(changes, NULL, "a");
    assert_seen(changes, NULL, "a", NULL);
    ok(subx_changes_undo(changes, NULL));
    assert_seen(changes, NULL, "a", "2");
    ok(subx_changes_keep(changes, NULL));
    assert_seen(changes, NULL, "a", "2");
    commit(changes, 0, NULL);
    assert_state(state, NULL, "a", "2");
    subx_changes_free(changes);
    subx_state_free(state);
}

/* A call closes what it opened, and nothing else. */
static void calls_and_transactions(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    ok(subx_changes_start(changes, NULL));
    set(changes, NULL, "a", "1");
    ok(subx_changes__begin_call(changes, NULL));
    assert_int_equal(subx_changes__begin_call(changes, NULL), SUBX_MISUSE);
    assert_false(subx_changes__commit(changes));
    assert_false(subx_changes__rollback(changes));
    ok(subx_changes__start(changes, NULL));
    ok(subx_changes__start(changes, NULL));
    set(changes, NULL, "a", "2");
    assert_true(subx_changes__commit(changes));
    subx_changes__end_call(changes);
    assert_seen(changes, NULL, "a", "1");
    assert_int_equal(changes->overlay.depth, 1);
    ok(subx_changes_keep(changes, NULL));
    assert_seen(changes, NULL, "a", "1");
    subx_changes_free(changes);
    subx_state_free(state);
}

static void refused_keys(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    const subx_slice c = text("c");
    set(changes, NULL, ":child_storage:", "1");
    set(changes, NULL, ":child_storage:default:c", "1");
    assert_seen(changes, NULL, ":child_storage:", NULL);
    assert_seen(changes, NULL, ":child_storage:default:c", NULL);
    assert_int_equal(changes->overlay.main.map.count, 0);
    set(changes, NULL, ":child_storage", "1");
    set(changes, &c, ":child_storage:default:c", "1"); /* in a child it is a key like others */
    assert_seen(changes, NULL, ":child_storage", "1");
    assert_seen(changes, &c, ":child_storage:default:c", "1");
    static const char *const prefixes[] = {"", ":", ":child",
                                           ":child_storage:", ":child_storage:default:c"};
    struct subx_removal removal;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        ok(subx_changes__remove_prefix(changes, SUBX_MAIN_TRIE, text(prefixes[i]), NULL, NULL,
                                       &removal, NULL));
        assert_int_equal(removal.unique, 0);
    }
    assert_seen(changes, NULL, ":child_storage", "1");
    ok(subx_changes__remove_prefix(changes, SUBX_MAIN_TRIE, text(":child_storagf"), NULL, NULL,
                                   &removal, NULL));
    subx_changes_free(changes);
    subx_state_free(state);
}

struct listed {
    unsigned count;
    unsigned stops_at;
    struct subx_buf seen;
};

static subx_status list_one(void *data, const subx_change_info *change)
{
    static const char kinds[] = "mco";
    struct listed *const listed = data;
    if (++listed->count == listed->stops_at)
        return SUBX_OTHER;
    subx_buf__append_format(
        &listed->seen, "%c %.*s %.*s %c%.*s\n", kinds[change->kind], (int)change->child.len,
        (const char *)change->child.data, (int)change->key.len, (const char *)change->key.data,
        change->removed ? '-' : '+', (int)change->value.len, (const char *)change->value.data);
    return SUBX_OK;
}

static void listing(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    const subx_slice c = text("c"), b = text("b");
    set(changes, &c, "k", "v");
    set(changes, &b, "k2", "v2");
    clear(changes, &b, "k1");
    set(changes, NULL, "z", "1");
    clear(changes, NULL, "y");
    ok(subx_changes__index_set(changes, text("i"), text("1"), NULL));
    ok(subx_changes__index_clear(changes, text("h"), NULL));
    struct listed listed = {.seen = SUBX_BUF_INIT};
    ok(subx_changes_list(changes, list_one, &listed));
    subx_buf__append_u8(&listed.seen, '\0');
    assert_string_equal((const char *)listed.seen.data, "m  y -\n"
                                                        "m  z +1\n"
                                                        "c b k1 -\n"
                                                        "c b k2 +v2\n"
                                                        "c c k +v\n"
                                                        "o  h -\n"
                                                        "o  i +1\n");
    subx_buf__free(&listed.seen);
    for (unsigned i = 1; i <= 7; i++) {
        listed = (struct listed){.stops_at = i, .seen = SUBX_BUF_INIT};
        assert_int_equal(subx_changes_list(changes, list_one, &listed), SUBX_OTHER);
        assert_int_equal(listed.count, i);
        subx_buf__free(&listed.seen);
    }
    subx_changes_free(changes);
    subx_state_free(state);
}

/* ---- Threads ---- */

enum { BLOCKS = 200 };

/* In another thread than cmocka's. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Read one state again and again: a block is there as a whole or not at all. */
static void *read_states(void *data)
{
    subx_state *const state = data;
    const subx_slice c = text("c"), mine = text("x");
    for (unsigned i = 0; i < BLOCKS; i++) {
        subx_changes *changes = NULL;
        bool found = false, child_found = false;
        subx_slice value = SUBX_EMPTY, child_value = SUBX_EMPTY;
        uint8_t root[32];
        must(subx_changes_new(state, NULL, &changes, NULL) == SUBX_OK);
        must(subx_changes_get(changes, NULL, text("number"), &found, &value, NULL) == SUBX_OK);
        const uint8_t number = found ? value.data[0] : 0;
        must(subx_changes_get(changes, &c, text("number"), &child_found, &child_value, NULL) ==
             SUBX_OK);
        must(found == child_found);
        must(!child_found || child_value.data[0] == number);
        must(subx_changes_set(changes, NULL, text("mine"), &mine, NULL) == SUBX_OK);
        must(subx_changes_root(changes, 1, root, NULL) == SUBX_OK);
        subx_changes_free(changes);
    }
    return NULL;
}

static void many_readers(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    const subx_slice c = text("c");
    pthread_t readers[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_states, state), 0);
    for (unsigned i = 0; i < BLOCKS; i++) {
        const char number[2] = {(char)(1 + i % 100), '\0'};
        set(changes, NULL, "number", number);
        set(changes, &c, "number", number);
        commit(changes, 1, NULL);
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    subx_changes_free(changes);
    subx_state_free(state);
}

/* ---- Memory runs out ---- */

#ifdef SUBX_CHECKED
/* A block: every allocation fails once; after each failure it is begun again on the same state. */
static subx_status run_block(subx_state *state)
{
    const subx_slice c = text("c"), value = text(long_value);
    subx_changes *changes = NULL;
    uint8_t root[32];
    subx_status status = subx_changes_new(state, NULL, &changes, NULL);
    if (status == SUBX_OK)
        status = subx_changes_set(changes, NULL, text("a"), &value, NULL);
    if (status == SUBX_OK)
        status = subx_changes_set(changes, &c, text("b"), &value, NULL);
    if (status == SUBX_OK)
        status = subx_changes_start(changes, NULL);
    if (status == SUBX_OK)
        status = subx_changes__append(changes, text("list"), text("x"), NULL);
    if (status == SUBX_OK)
        status = subx_changes__child_root(changes, c, 1, root, NULL);
    if (status == SUBX_OK)
        status = subx_changes__root(changes, 1, root, NULL);
    if (status == SUBX_OK)
        status = subx_changes_keep(changes, NULL);
    if (status == SUBX_OK)
        status = subx_changes_commit(changes, 1, root, NULL);
    subx_changes_free(changes);
    return status;
}

static void block_without_memory(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state(), *const other = empty_state();
    const struct naive_trie nothing = {0};
    unsigned failures = 0;
    for (int64_t n = 0;; n++) {
        subx_mem__fail_after(n);
        const subx_status status = run_block(state);
        subx_mem__fail_after(-1);
        if (status == SUBX_OK)
            break;
        assert_int_equal(status, SUBX_NOMEM);
        failures++;
        assert_state_root(state, &nothing);
    }
    assert_true(failures > 30);
    ok(run_block(other));
    uint8_t root[32], expected[32];
    ok(subx_state_root(state, root, NULL));
    ok(subx_state_root(other, expected, NULL));
    assert_memory_equal(root, expected, 32);
    subx_state_free(state);
    subx_state_free(other);
}

static void import_without_memory(void **unused)
{
    (void)unused;
    static const char json[] = "{\"top\":{\"0x61\":\"0x31\",\"0x62\":\"0x32\"},\"children\":"
                               "{\"0x6331\":{\"0x78\":\"0x31\"},\"0x6332\":{\"0x79\":\"0x32\"}}}";
    const struct naive_trie nothing = {0};
    unsigned failures = 0;
    for (int64_t n = 0;; n++) {
        subx_state *state = NULL;
        subx_mem__fail_after(n);
        subx_status status = subx_state_new_memory(&state, NULL);
        if (status == SUBX_OK)
            status = subx_state_import_json(state, text(json), 1, NULL);
        subx_mem__fail_after(-1);
        if (status == SUBX_OK) {
            assert_state(state, NULL, "b", "2");
            subx_state_free(state);
            break;
        }
        assert_int_equal(status, SUBX_NOMEM);
        failures++;
        if (state != NULL)
            assert_state_root(state, &nothing);
        subx_state_free(state);
    }
    assert_true(failures > 20);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(import_of_tries),
        cmocka_unit_test(import_refused),
        cmocka_unit_test(import_of_json),
        cmocka_unit_test(blocks),
        cmocka_unit_test(isolation_and_conflict),
        cmocka_unit_test(transactions),
        cmocka_unit_test(calls_and_transactions),
        cmocka_unit_test(refused_keys),
        cmocka_unit_test(listing),
        cmocka_unit_test(many_readers),
#ifdef SUBX_CHECKED
        cmocka_unit_test(block_without_memory),
        cmocka_unit_test(import_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
