/*
 * The reference's faults that reach state roots, through the public API: spec/host-api.md section
 * 10, faithful and clean; each also as two blocks, of which the second reads what the first one
 * committed.
 */
#include "states.h"
#include "util/hex.h"

/* ---- Fault 1: removal of absent keys ---- */

static const struct {
    const char *base;       /* keys, in hex; their values are themselves */
    const char *operations; /* -KEY or +KEY */
    const char *after;      /* keys afterwards; NULL: the reference panics */
    const char *clean;      /* the same without the fault */
} removals[] = {
    {"ab ab10 ab20", "-", "ab10 ab20", "ab ab10 ab20"},
    {"ab ab10", "-", NULL, "ab ab10"},
    {"6110 611011 611022 62", "-61", "611011 611022 62", "6110 611011 611022 62"},
    {"6110 611011 611022", "-61", "6110 611011 611022", "6110 611011 611022"},
    {"6110 611011 611022", "+60 -61", "60 611011 611022", "60 6110 611011 611022"},
    {"6110 611011 611022", "-61 +62", "6110 611011 611022 62", "6110 611011 611022 62"},
    {"60 6110 611011 611022", "-60 -61", "6110 611011 611022", "6110 611011 611022"},
    {"6110 611011 611022 62", "-61 -62", "611011 611022", "6110 611011 611022"},
    {"6110 611011 611022 62", "-61 +6110", "6110 611011 611022 62", "6110 611011 611022 62"},
    {"6110 611011 611022 62", "-61 -6110", "611011 611022 62", "611011 611022 62"},
    {"6110 611011 62", "-61 +611022", NULL, "6110 611011 611022 62"},
};

/* Call `take` for each word. */
static void each_word(const char *words, void (*take)(void *to, const char *word), void *to)
{
    for (const char *at = words; *at != '\0';) {
        char word[64] = {0};
        const size_t len = strcspn(at, " ");
        memcpy(word, at, len);
        take(to, word);
        at += len;
        at += *at == ' ';
    }
}

static void put_in_trie(void *to, const char *word)
{
    subx_bytes key;
    ok(subx_hex__decode(text(word), &key, NULL));
    const subx_slice slice = {key.data, key.len};
    naive_trie_set(to, slice, slice, false);
    subx_bytes_free(&key);
}

static void put_in_changes(void *to, const char *word)
{
    subx_bytes key;
    const bool removes = word[0] == '-';
    ok(subx_hex__decode(text(removes || word[0] == '+' ? word + 1 : word), &key, NULL));
    const subx_slice slice = {key.data, key.len};
    ok(subx_changes_set(to, NULL, slice, removes ? NULL : &slice, NULL));
    subx_bytes_free(&key);
}

/* Keys of the state are those of the trie, to `get`, to `next_key` and to the root. */
static void assert_contents(subx_state *state, const struct naive_trie *expected)
{
    subx_bytes key = SUBX_BYTES_INIT;
    size_t at = 0;
    bool found = false;
    assert_state_root(state, expected);
    for (;;) {
        subx_bytes next, value;
        ok(subx_state_next_key(state, NULL, (subx_slice){key.data, key.len}, &found, &next, NULL));
        subx_bytes_free(&key);
        key = next;
        if (!found)
            break;
        assert_true(at < expected->count);
        assert_true(
            subx_slice__equal((subx_slice){key.data, key.len}, naive_key(&expected->pairs[at++])));
        ok(subx_state_get(state, NULL, (subx_slice){key.data, key.len}, &found, &value, NULL));
        assert_true(found);
        subx_bytes_free(&value);
    }
    assert_int_equal(at, expected->count);
}

static void run_removal(size_t row, subx_semantics semantics, bool in_a_call)
{
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, semantics);
    struct naive_trie base = {0}, expected = {0};
    uint8_t root[32];
    each_word(removals[row].base, put_in_changes, changes);
    each_word(removals[row].base, put_in_trie, &base);
    commit(changes, 0, NULL);
    assert_contents(state, &base);
    const char *const after = semantics == SUBX_CLEAN ? removals[row].clean : removals[row].after;
    if (removals[row].operations[1] == '\0') {
        ok(subx_changes_set(changes, NULL, SUBX_EMPTY, NULL, NULL)); /* the empty key */
    } else {
        each_word(removals[row].operations, put_in_changes, changes);
    }
    if (in_a_call) {
        ok(subx_changes__begin_call(changes, NULL));
        assert_int_equal(subx_changes__root(changes, 1, root, NULL),
                         after != NULL ? SUBX_OK : SUBX_ABORTED_DUE_TO_TRAP);
        subx_changes__end_call(changes);
    }
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = subx_changes_commit(changes, 0, root, &error);
    if (after == NULL) {
        assert_int_equal(status, SUBX_ABORTED_DUE_TO_TRAP);
        assert_non_null(strstr(error.message, "the reference panics"));
        assert_contents(state, &base);
    } else {
        ok(status);
        each_word(after, put_in_trie, &expected);
        assert_root(root, &expected);
        assert_contents(state, &expected);
        /* the next block reads what was committed, and builds on it */
        put_in_changes(changes, "+7777");
        put_in_trie(&expected, "7777");
        commit(changes, 0, root);
        assert_contents(state, &expected);
    }
    subx_changes_free(changes);
    subx_state_free(state);
    naive_trie_free(&base);
    naive_trie_free(&expected);
}

static void removal_of_absent_keys(void **unused)
{
    (void)unused;
    for (size_t row = 0; row < sizeof removals / sizeof removals[0]; row++)
        for (unsigned way = 0; way < 4; way++)
            run_removal(row, way < 2 ? SUBX_FAITHFUL : SUBX_CLEAN, way % 2 == 0);
}

/* `get` answers what the fault takes until the block is committed. */
static void removal_is_seen_late(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    set(changes, NULL, "ab", "1");
    set(changes, NULL, "ab1", "2");
    set(changes, NULL, "abA", "3");
    commit(changes, 0, NULL);
    clear(changes, NULL, "");
    assert_seen(changes, NULL, "ab", "1");
    uint8_t root[32];
    ok(subx_changes__root(changes, 0, root, NULL));
    assert_seen(changes, NULL, "ab", "1");
    commit(changes, 0, NULL);
    assert_seen(changes, NULL, "ab", NULL);
    assert_state(state, NULL, "ab", NULL);
    assert_state(state, NULL, "ab1", "2");
    subx_changes_free(changes);
    subx_state_free(state);
}

/* Touching an absent child removes its absent root key: `a\x10` goes with all of its keys. */
static void removal_of_an_absent_child(void **unused)
{
    (void)unused;
    static const char *const names[] = {"a\x10", "a\x10\x11", "a\x10\x22", "b"};
    const subx_slice a = text("a"), victim = text(names[0]), other = text(names[1]);
    for (unsigned way = 0; way < 6; way++) {
        const bool faithful = way % 2 == 0;
        subx_state *const state = empty_state();
        subx_changes *const changes = begin(state, faithful ? SUBX_FAITHFUL : SUBX_CLEAN);
        for (size_t i = 0; i < 4; i++) {
            const subx_slice child = text(names[i]);
            set(changes, &child, "k", names[i]);
        }
        commit(changes, 1, NULL);
        struct subx_removal removal;
        if (way < 2) /* a kill, a removal, or what was set and removed */
            ok(subx_changes__remove_prefix(changes, subx_trie_id__child(a), SUBX_EMPTY, NULL, NULL,
                                           &removal, NULL));
        else if (way < 4)
            set(changes, &a, "k", "v");
        clear(changes, &a, "k");
        assert_seen(changes, &victim, "k", names[0]);
        commit(changes, 1, NULL);
        assert_state(state, &victim, "k", faithful ? NULL : names[0]);
        assert_seen(changes, &victim, "k", faithful ? NULL : names[0]);
        assert_state(state, &other, "k", names[1]);
        /* a child that is gone starts anew */
        set(changes, &victim, "l", "new");
        commit(changes, 1, NULL);
        assert_state(state, &victim, "l", "new");
        assert_state(state, &victim, "k", faithful ? NULL : names[0]);
        subx_changes_free(changes);
        subx_state_free(state);
    }
}

/* ---- Faults 2 to 4: roots that are out of date ---- */

static void get_root(subx_changes *changes, uint8_t version, uint8_t root[32])
{
    ok(subx_changes__root(changes, version, root, NULL));
}

static void append_after_root(void **unused)
{
    (void)unused;
    for (unsigned way = 0; way < 2; way++) {
        const bool faithful = way == 0;
        subx_state *const state = empty_state();
        subx_changes *const changes = begin(state, faithful ? SUBX_FAITHFUL : SUBX_CLEAN);
        uint8_t first[32], second[32], third[32], root[32];
        set(changes, NULL, "a", "1");
        get_root(changes, 1, first);
        ok(subx_changes__append(changes, text("list"), text("x"), NULL));
        get_root(changes, 1, second);
        assert_int_equal(memcmp(first, second, 32) == 0, faithful);
        assert_seen(changes, NULL, "list", "\x04x");
        commit(changes, 1, root);
        assert_int_equal(memcmp(root, first, 32) == 0, faithful);
        assert_state(state, NULL, "list", faithful ? NULL : "\x04x");
        assert_state(state, NULL, "a", "1");
        /* the next block starts from what was committed */
        assert_seen(changes, NULL, "list", faithful ? NULL : "\x04x");
        /* the other version is computed anew, and then it is the one that is kept */
        get_root(changes, 1, first);
        ok(subx_changes__append(changes, text("other"), text("x"), NULL));
        get_root(changes, 0, second);
        get_root(changes, 1, third);
        assert_memory_not_equal(first, second, 32);
        assert_memory_equal(second, third, 32);
        subx_changes_free(changes);
        subx_state_free(state);
    }
}

static void child_root_while_cached(void **unused)
{
    (void)unused;
    const subx_slice c = text("c");
    for (unsigned way = 0; way < 2; way++) {
        const bool faithful = way == 0;
        subx_state *const state = empty_state();
        subx_changes *const changes = begin(state, faithful ? SUBX_FAITHFUL : SUBX_CLEAN);
        uint8_t before[32], root[32], child[32];
        set(changes, &c, "k", "1");
        commit(changes, 1, NULL);
        ok(subx_changes__child_root(changes, c, 1, before, NULL));
        set(changes, &c, "k", "2");
        get_root(changes, 1, root);
        ok(subx_changes__child_root(changes, c, 1, child, NULL));
        assert_int_equal(memcmp(child, before, 32) == 0, faithful);
        /* without a cached root it is right, and stands in the main trie from then on */
        subx_changes_forget_root(changes);
        ok(subx_changes__child_root(changes, c, 1, child, NULL));
        assert_memory_not_equal(child, before, 32);
        bool found = false;
        subx_slice value = SUBX_EMPTY;
        ok(subx_changes_get(changes, NULL, text(":child_storage:default:c"), &found, &value, NULL));
        assert_true(found && subx_slice__equal(value, (subx_slice){child, 32}));
        uint8_t committed[32];
        commit(changes, 1, committed);
        assert_memory_equal(committed, root, 32);
        assert_state(state, &c, "k", "2");
        subx_changes_free(changes);
        subx_state_free(state);
    }
}

static void root_in_an_open_transaction(void **unused)
{
    (void)unused;
    for (unsigned way = 0; way < 4; way++) {
        const bool faithful = way % 2 == 0, asks_late = way < 2;
        subx_state *const state = empty_state();
        subx_changes *const changes = begin(state, faithful ? SUBX_FAITHFUL : SUBX_CLEAN);
        uint8_t inside[32], root[32];
        set(changes, NULL, "a", "1");
        ok(subx_changes__begin_call(changes, NULL));
        ok(subx_changes__start(changes, NULL));
        set(changes, NULL, "b", long_value);
        get_root(changes, 1, inside);
        subx_changes__end_call(changes);
        assert_seen(changes, NULL, "b", NULL);
        if (asks_late) {
            ok(subx_changes_root(changes, 0, root, NULL));
            assert_int_equal(memcmp(root, inside, 32) == 0, faithful);
        }
        /* committed as version 0, and still what was computed under version 1 */
        commit(changes, 0, root);
        assert_int_equal(memcmp(root, inside, 32) == 0, faithful);
        assert_state(state, NULL, "a", "1");
        assert_state(state, NULL, "b", faithful ? long_value : NULL);
        assert_seen(changes, NULL, "b", faithful ? long_value : NULL);
        struct naive_trie expected = {0};
        naive_trie_set(&expected, text("a"), text("1"), false);
        if (faithful)
            naive_trie_set(&expected, text("b"), text(long_value), true);
        assert_state_root(state, &expected);
        naive_trie_free(&expected);
        subx_changes_free(changes);
        subx_state_free(state);
    }
}

/* Asking from outside leaves nothing behind that a commit would take. */
static void asking_changes_nothing(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    uint8_t root[32], v0[32], v1[32];
    set(changes, NULL, "a", long_value);
    ok(subx_changes_root(changes, 0, v0, NULL));
    ok(subx_changes_root(changes, 1, v1, NULL));
    assert_memory_not_equal(v0, v1, 32);
    ok(subx_changes__append(changes, text("list"), text("x"), NULL));
    commit(changes, 1, root);
    assert_memory_not_equal(root, v1, 32);
    assert_state(state, NULL, "list", "\x04x");
    subx_changes_free(changes);
    subx_state_free(state);
}

/* ---- Fault 5: what is no root ---- */

static void child_with_a_wrong_root(void **unused)
{
    (void)unused;
    /* 5 bytes; 32 bytes, as a root has; and after a real root: 33 bytes */
    static const char *const elements[] = {"junk", "0123456789012345678901234567890", "x"};
    const subx_slice c = text("c"), d = text("d");
    for (unsigned way = 0; way < 6; way++) {
        const bool existed = way % 3 == 2;
        subx_state *const state = empty_state();
        subx_changes *const changes = begin(state, way < 3 ? SUBX_FAITHFUL : SUBX_CLEAN);
        subx_error error = SUBX_ERROR_INIT;
        bool found = false;
        subx_slice value = SUBX_EMPTY;
        uint8_t root[32];
        set(changes, &d, "k", "1");
        if (existed)
            set(changes, &c, "k", "1");
        commit(changes, 1, NULL);
        ok(subx_changes__append(changes, text(":child_storage:default:c"), text(elements[way % 3]),
                                NULL));
        /* in the same block the child is what it was */
        assert_seen(changes, &c, "k", existed ? "1" : NULL);
        commit(changes, 1, NULL);
        assert_int_equal(subx_changes_get(changes, &c, text("k"), &found, &value, &error),
                         SUBX_ABORTED_DUE_TO_TRAP);
        assert_non_null(strstr(error.message, "child trie 0x63: what stands as its root"));
        assert_int_equal(subx_changes_next_key(changes, &c, text("k"), &found, &value, NULL),
                         SUBX_ABORTED_DUE_TO_TRAP);
        struct subx_removal removal;
        assert_int_equal(subx_changes__remove_prefix(changes, subx_trie_id__child(c), SUBX_EMPTY,
                                                     NULL, NULL, &removal, NULL),
                         SUBX_ABORTED_DUE_TO_TRAP);
        /* others are not concerned */
        assert_seen(changes, &d, "k", "1");
        set(changes, &c, "k", "2");
        assert_int_equal(subx_changes_root(changes, 1, root, NULL), SUBX_ABORTED_DUE_TO_TRAP);
        assert_int_equal(subx_changes_commit(changes, 1, NULL, NULL), SUBX_ABORTED_DUE_TO_TRAP);
        subx_changes_free(changes);
        subx_state_free(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removal_of_absent_keys),     cmocka_unit_test(removal_is_seen_late),
        cmocka_unit_test(removal_of_an_absent_child), cmocka_unit_test(append_after_root),
        cmocka_unit_test(child_root_while_cached),    cmocka_unit_test(root_in_an_open_transaction),
        cmocka_unit_test(asking_changes_nothing),     cmocka_unit_test(child_with_a_wrong_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
