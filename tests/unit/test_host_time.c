/* How often host functions are called and what they take (subx_call_stats), if the options ask for it. */
#include "guests.h"

#include <time.h>

static bool linger(void *user, subx_call *call, subx_value *values)
{
    (void)call;
    const struct timespec pause = {0, *(const long *)user};
    nanosleep(&pause, NULL);
    values[0].i32 = -5;
    return true;
}

static bool refuse(void *user, subx_call *call, subx_value *values)
{
    (void)user, (void)values;
    return subx_call_fail(call, "no");
}

static subx_call_stats timed(subx_runtime *runtime, const char *method, subx_slice input, bool time,
                             subx_status expected)
{
    subx_call_options options = SUBX_CALL_OPTIONS_INIT;
    subx_call_stats stats = {.host_function_calls = 99, .host_functions_time = 99};
    subx_bytes output = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    options.stats = &stats;
    options.time_host_functions = time;
    if (subx_runtime_call(runtime, method, input, &options, &output, &error) != expected)
        fail_msg("%s: %s", method, error.message);
    subx_bytes_free(&output);
    return stats;
}

/* `give_i32` and `greet` are the caller's own, twox_64 and the allocator are ours. */
static void test_time(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    long pause = 20000000;
    const subx_host_import imports[] = {
        {"env", "give_i32", "", "i", linger, &pause},
        {"env", "give_up", "i", "", refuse, NULL},
    };
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    options.imports = imports;
    options.import_count = 2;
    options.allow_missing_imports = true;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    for (int round = 0; round < 2; round++) {
        subx_call_stats stats = timed(runtime, "linger", SUBX_EMPTY, true, SUBX_OK);
        assert_int_equal(stats.host_function_calls, 4);
        assert_true(stats.host_functions_time >= 2 * (uint64_t)pause);
        stats = timed(runtime, "linger", SUBX_EMPTY, false, SUBX_OK);
        assert_int_equal(stats.host_function_calls, 0);
        assert_int_equal(stats.host_functions_time, 0);
        stats = timed(runtime, "no_host", SUBX_EMPTY, true, SUBX_OK);
        assert_int_equal(stats.host_function_calls, 0);
        assert_int_equal(stats.host_functions_time, 0);
        /* The one that fails counts; the trap of one that is missing does not. */
        stats = timed(runtime, "fail", LITERAL("\1\1"), true, SUBX_ABORTED_DUE_TO_TRAP);
        assert_int_equal(stats.host_function_calls, 1);
        assert_true(stats.host_functions_time > 0 &&
                    stats.host_functions_time < (uint64_t)pause * 1000);
        stats = timed(runtime, "greet", SUBX_EMPTY, true, SUBX_ABORTED_DUE_TO_TRAP);
        assert_int_equal(stats.host_function_calls, 0);
    }
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {OVER_ALL(test_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
