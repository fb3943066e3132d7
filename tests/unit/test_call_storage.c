/*
 * Calls with a state (src/exec, include/subexec/state.h): what of a call stays, what ends with it,
 * and whose failure a failure is.
 */
#include "exec/runtime_internal.h"
#include "guests.h"
#include "storage/changes.h"
#include "util/error.h"
#include "wrapped_backend.h"

struct world {
    subx_executor *executor;
    subx_runtime *runtime;
    struct wrapped *wrapper;
    subx_state *state;
    subx_changes *changes;
};

static void begin(struct world *w, subx_strategy strategy)
{
    const subx_runtime_options options = options_of(strategy);
    w->executor = new_executor();
    w->runtime = load_runtime(w->executor, guest_wasm("storage"), &options);
    w->state = wrapped_memory_state(&w->wrapper);
    assert_int_equal(subx_changes_new(w->state, NULL, &w->changes, NULL), SUBX_OK);
}

static void end(struct world *w)
{
    subx_changes_free(w->changes);
    subx_state_free(w->state);
    subx_runtime_free(w->runtime);
    subx_executor_free(w->executor);
}

static subx_status call(struct world *w, const char *method, const char *input, subx_bytes *output,
                        subx_error *error)
{
    subx_call_options options = SUBX_CALL_OPTIONS_INIT;
    options.changes = w->changes;
    subx_error_clear(error);
    return subx_runtime_call(w->runtime, method, subx_slice__text(input), &options, output, error);
}

static void works(struct world *w, const char *method, const char *input, subx_slice expected)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes output;
    if (call(w, method, input, &output, &error) != SUBX_OK)
        fail_msg("%s: %s", method, error.message);
    assert_int_equal(output.len, expected.len);
    if (expected.len > 0)
        assert_memory_equal(output.data, expected.data, expected.len);
    subx_bytes_free(&output);
}

static void fails(struct world *w, const char *method, subx_status status, const char *text)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes output;
    assert_int_equal(call(w, method, "x", &output, &error), status);
    if (strstr(error.message, text) == NULL)
        fail_msg("%s: unexpected message '%s'", method, error.message);
    assert_null(output.data);
}

static void test_state_of_a_block(void **state)
{
    struct world world, *const w = &world;
    begin(w, *(const subx_strategy *)*state);
    works(w, "get", "", LITERAL("\0"));
    works(w, "set", "1", SUBX_EMPTY);
    works(w, "get", "",
          LITERAL("\1\4"
                  "1"));
    works(w, "set", "", SUBX_EMPTY);
    works(w, "get", "", LITERAL("\1\0"));
    assert_int_equal(subx_changes_commit(w->changes, 1, NULL, NULL), SUBX_OK);
    works(w, "get", "", LITERAL("\1\0"));
    end(w);
}

static void test_open_transactions_end_with_the_call(void **state)
{
    struct world world, *const w = &world;
    begin(w, *(const subx_strategy *)*state);
    works(w, "set_both", "1", SUBX_EMPTY);
    works(w, "get", "",
          LITERAL("\1\4"
                  "1"));
    works(w, "get_other", "", LITERAL("\0"));
    /* so does what a call that fails had done outside of them */
    fails(w, "set_both_and_trap", SUBX_ABORTED_DUE_TO_TRAP, "unreachable");
    works(w, "get", "", LITERAL("\1\4x"));
    works(w, "get_other", "", LITERAL("\0"));
    /* unless there is a transaction around the call */
    assert_int_equal(subx_changes_start(w->changes, NULL), SUBX_OK);
    fails(w, "commit", SUBX_ABORTED_DUE_TO_TRAP, "no open transaction that can be committed");
    works(w, "set", "2", SUBX_EMPTY);
    works(w, "get", "",
          LITERAL("\1\4"
                  "2"));
    assert_int_equal(subx_changes_undo(w->changes, NULL), SUBX_OK);
    works(w, "get", "", LITERAL("\1\4x"));
    end(w);
}

static void test_without_a_state(void **state)
{
    struct world world, *const w = &world;
    begin(w, *(const subx_strategy *)*state);
    subx_changes_free(w->changes);
    w->changes = NULL;
    fails(w, "get", SUBX_ABORTED_DUE_TO_TRAP,
          "ext_storage_get_version_1: no state was given to this call");
    fails(w, "set", SUBX_ABORTED_DUE_TO_TRAP,
          "ext_storage_set_version_1: no state was given to this call");
    end(w);
}

/* A disk that fails is not the runtime's fault: the outcome says so, and the next call works. */
static void test_back_end_that_fails(void **state)
{
    struct world world, *const w = &world;
    begin(w, *(const subx_strategy *)*state);
    w->wrapper->countdown = 0;
    fails(w, "get", SUBX_IO, WRAPPED_FAILURE);
    works(w, "get", "", LITERAL("\0"));
    works(w, "set", "1", SUBX_EMPTY);
    for (long n = 0; n < 2; n++) {
        w->wrapper->countdown = n;
        fails(w, "root", SUBX_IO, WRAPPED_FAILURE);
    }
    works(w, "get", "",
          LITERAL("\1\4"
                  "1"));
    /* the view that a commit closes is opened again before the call begins */
    assert_int_equal(subx_changes_commit(w->changes, 1, NULL, NULL), SUBX_OK);
    w->wrapper->countdown = 0;
    fails(w, "get", SUBX_IO, WRAPPED_FAILURE);
    works(w, "get", "",
          LITERAL("\1\4"
                  "1"));
    end(w);
}

static void test_one_call_at_a_time(void **state)
{
    struct world world, *const w = &world;
    begin(w, *(const subx_strategy *)*state);
    assert_int_equal(subx_changes__begin_call(w->changes, NULL), SUBX_OK);
    fails(w, "get", SUBX_MISUSE, "another call is using these changes");
    subx_changes__end_call(w->changes);
    works(w, "get", "", LITERAL("\0"));
    end(w);
}

/* A runtime that uses storage while it is asked for its version. */
static void test_version_reader_has_a_state(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    subx_bytes version;
    assert_int_equal(subx_version_reader__of_code(executor, guest_wasm("storage"), &version),
                     SUBX_OK);
    assert_int_equal(version.len, 34);
    assert_memory_equal(version.data, "\x1cstorage\x1cstorage\1\0\0\0\2", 21);
    subx_bytes_free(&version);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_state_of_a_block),      OVER_ALL(test_open_transactions_end_with_the_call),
        OVER_ALL(test_without_a_state),       OVER_ALL(test_back_end_that_fails),
        OVER(test_one_call_at_a_time, RESET), cmocka_unit_test(test_version_reader_has_a_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
