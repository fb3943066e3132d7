/*
 * Host functions of storage when something fails: the back end at the n-th thing that is asked of
 * it, memory at the n-th allocation, a child trie that cannot be read; and how little is asked.
 */
#include "storage_world.h"
#include "util/mem.h"

/* ---- The back end fails ---- */

/* Every function that can meet the back end, with arguments that do. */
static union subx_value *fill_call(struct world *w, unsigned which, const char **name,
                                   union subx_value values[8])
{
    struct {
        const char *name;
        union subx_value values[6];
    } calls[] = {
        {S("get_version_1"), {T("k1")}},
        {S("exists_version_1"), {T("k1")}},
        {S("read_version_1"), {T("k1"), room(&w->at, 4), number(0)}},
        {S("read_version_2"), {T("k1"), room(&w->at, 4), number(0), number(1)}},
        {S("next_key_version_1"), {T("k1")}},
        {S("next_key_version_2"), {T("k1"), room(&w->at, 4)}},
        {S("append_version_1"), {T("k1"), T("x")}},
        {S("clear_prefix_version_1"), {T("k")}},
        {S("clear_prefix_version_2"), {T("k"), H("00")}},
        {S("clear_prefix_version_3"), {T("k"), H("00"), H("00")}},
        {S("clear_prefix_version_4"),
         {T("k"), number(UINT64_MAX), number(UINT64_MAX), room(&w->at, 4), number(1000)}},
        {S("root_version_1"), {number(0)}},
        {S("root_version_2"), {number(1)}},
        {S("root_version_3"), {room(&w->at, 33)}},
        {C("get_version_1"), {T("c"), T("k1")}},
        {C("exists_version_1"), {T("c"), T("k1")}},
        {C("next_key_version_1"), {T("c"), T("k1")}},
        {C("storage_kill_version_1"), {T("c")}},
        {C("storage_kill_version_2"), {T("c"), H("00")}},
        {C("storage_kill_version_3"), {T("c"), H("00")}},
        {C("storage_kill_version_4"), {T("c"), H("00"), H("00")}},
        {C("storage_kill_version_5"),
         {T("c"), number(0), number(UINT64_MAX), room(&w->at, 4), number(1000)}},
        {C("root_version_1"), {T("c")}},
        {C("root_version_2"), {T("d"), number(1)}},
        {C("root_version_3"), {T("d"), room(&w->at, 33)}},
    };
    if (which >= sizeof calls / sizeof calls[0])
        return NULL;
    *name = calls[which].name;
    memset(values, 0, 8 * sizeof *values);
    memcpy(values, calls[which].values, sizeof calls[which].values);
    return values;
}

/* Changes to compute roots of. */
static void change_something(struct world *w)
{
    DO(S("set_version_1"), T("new"), T("x"));
    DO(C("set_version_1"), T("c"), T("new"), T("x"));
    start_over(w);
}

static void back_end_fails(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned which = 0;; which++) {
        const char *name = NULL;
        union subx_value values[8];
        bool done = false, exists = true;
        for (long n = 0; !done; n++) {
            struct world world, *const w = &world;
            begin(w);
            change_something(w);
            exists = fill_call(w, which, &name, values) != NULL;
            if (!exists) {
                end(w);
                break;
            }
            w->wrapper->countdown = n;
            done = host_enter(&w->at.guest, name, values);
            w->wrapper->countdown = -1;
            if (!done) {
                assert_int_equal(w->at.guest.failure.status, SUBX_IO);
                assert_non_null(strstr(w->at.guest.failure.message, WRAPPED_FAILURE));
                assert_ptr_equal(strstr(w->at.guest.failure.message, name),
                                 w->at.guest.failure.message);
                failures++;
            }
            /* everything else goes on */
            start_over(w);
            GIVES("010478", S("get_version_1"), T("new"));
            end(w);
            assert_true(n < 10);
        }
        if (!exists)
            break;
    }
    assert_true(failures >= 25);
}

/* A commit that fails leaves state and changes as they were; the next one works. */
static void commit_fails(void **state)
{
    (void)state;
    for (unsigned cached = 0; cached < 2; cached++) {
        for (long n = 0;; n++) {
            struct world world, *const w = &world;
            uint8_t before[32], root[32];
            begin(w);
            change_something(w);
            if (cached == 1)
                assert_int_equal(subx_changes__root(w->changes, 1, root, NULL), SUBX_OK);
            assert_int_equal(subx_state_root(w->state, before, NULL), SUBX_OK);
            w->wrapper->countdown = n;
            const subx_status status = subx_changes_commit(w->changes, 1, NULL, NULL);
            w->wrapper->countdown = -1;
            if (status == SUBX_OK) {
                assert_int_equal(n, cached == 1 ? 1 : 4);
                assert_int_equal(subx_changes__see(w->changes, NULL), SUBX_OK);
                end(w);
                break;
            }
            assert_int_equal(status, SUBX_IO);
            assert_int_equal(subx_state_root(w->state, root, NULL), SUBX_OK);
            assert_memory_equal(root, before, 32);
            GIVES("010478", S("get_version_1"), T("new"));
            assert_int_equal(subx_changes_commit(w->changes, 1, NULL, NULL), SUBX_OK);
            assert_int_equal(subx_state_root(w->state, root, NULL), SUBX_OK);
            assert_memory_not_equal(root, before, 32);
            assert_int_equal(subx_changes__see(w->changes, NULL), SUBX_OK);
            end(w);
        }
    }
}

/* ---- What is asked of a back end ---- */

static void back_end_is_asked_little(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    unsigned long *const counts = w->wrapper->counts;
    memset(counts, 0, sizeof w->wrapper->counts);
    DO(S("set_version_1"), T("a"), T("x"));
    DO(S("get_version_1"), T("a"));
    DO(S("exists_version_1"), T("a"));
    DO(S("clear_version_1"), T("k1"));
    DO(S("get_version_1"), T("k1"));
    DO(S("append_version_1"), T("k1"), T("x"));
    assert_int_equal(counts[WRAPPED_GET], 0);
    DO(S("get_version_1"), T("k2"));
    assert_int_equal(counts[WRAPPED_GET], 1);
    /* one more step for each removed key in between */
    DO(S("clear_version_1"), T("k2"));
    GIVES("01086b33", S("next_key_version_1"), T("k1"));
    assert_int_equal(counts[WRAPPED_NEXT_KEY], 2);
    /* a limit is a limit on the back end, too */
    DO(C("storage_kill_version_3"), T("c"), H("0101000000"));
    assert_int_equal(w->wrapper->walked, 2);
    /* a root that is asked for again is not computed again, nor at the commit */
    DO(S("root_version_2"), number(1));
    DO(S("root_version_2"), number(1));
    assert_int_equal(counts[WRAPPED_PREPARE], 1);
    assert_int_equal(counts[WRAPPED_APPLY], 2);
    assert_int_equal(subx_changes_commit(w->changes, 1, NULL, NULL), SUBX_OK);
    assert_int_equal(counts[WRAPPED_APPLY], 2);
    assert_int_equal(counts[WRAPPED_OPEN], 0);
    assert_int_equal(subx_changes__see(w->changes, NULL), SUBX_OK);
    end(w);
}

/* ---- A child that cannot be read ---- */

static void child_with_a_wrong_root(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    DO(S("append_version_1"), T(":child_storage:default:c"), T("x"));
    assert_int_equal(subx_changes_commit(w->changes, 1, NULL, NULL), SUBX_OK);
    assert_int_equal(subx_changes__see(w->changes, NULL), SUBX_OK);
    static const char text[] = "the reference panics here: child trie 0x63";
    FAILS(text, C("get_version_1"), T("c"), T("k1"));
    FAILS(text, C("next_key_version_1"), T("c"), T("k1"));
    FAILS(text, C("storage_kill_version_1"), T("c"));
    FAILS(text, S("root_version_2"), number(1)); /* the kill has touched it */
    end(w);
}

/* ---- Memory runs out ---- */

#ifdef SUBX_CHECKED
static void host_without_memory(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned which = 0;; which++) {
        const char *name = NULL;
        union subx_value values[8];
        bool done = false, exists = true;
        for (int64_t n = 0; !done; n++) {
            struct world world, *const w = &world;
            begin(w);
            change_something(w);
            exists = fill_call(w, which, &name, values) != NULL;
            if (!exists) {
                end(w);
                break;
            }
            subx_mem__fail_after(n);
            done = host_enter(&w->at.guest, name, values);
            subx_mem__fail_after(-1);
            if (!done)
                assert_int_equal(w->at.guest.failure.status, SUBX_NOMEM);
            failures += !done;
            start_over(w);
            GIVES("010478", S("get_version_1"), T("new"));
            end(w);
            assert_true(n < 200);
        }
        if (!exists)
            break;
    }
    assert_true(failures >= 100);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_end_fails),           cmocka_unit_test(commit_fails),
        cmocka_unit_test(back_end_is_asked_little), cmocka_unit_test(child_with_a_wrong_root),
#ifdef SUBX_CHECKED
        cmocka_unit_test(host_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
