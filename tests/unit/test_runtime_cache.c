/* Runtimes that an executor keeps in memory, and those made ahead of time (include/subexec/cache.h). */
#include "guests.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/mem.h"

static subx_code *code_of(const char *guest)
{
    subx_code *code = NULL;
    assert_int_equal(subx_code_load(guest_wasm(guest), 0, &code, NULL), SUBX_OK);
    return code;
}

static subx_executor *executor_with(uint32_t runtimes, uint64_t bytes)
{
    subx_executor_options options = SUBX_EXECUTOR_OPTIONS_INIT;
    subx_executor *executor = NULL;
    options.parallel_compilation = false;
    options.cache_runtimes = runtimes;
    options.cache_bytes = bytes;
    /* the engine needs its signals back from cmocka */
    subx_executor_free(new_executor());
    assert_int_equal(subx_executor_new(&options, &executor, NULL), SUBX_OK);
    return executor;
}

static subx_runtime *get(subx_executor *executor, const subx_code *code, uint32_t heap_pages)
{
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    options.heap.pages = heap_pages;
    if (subx_runtime_get(executor, code, &options, &runtime, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return runtime;
}

static void test_same_and_other(void **state)
{
    (void)state;
    subx_executor *const executor = executor_with(8, UINT64_MAX);
    subx_code *const code = code_of("integration"), *const again = code_of("integration"),
                     *const other = code_of("basic");
    subx_runtime *const first = get(executor, code, 16);
    subx_runtime *const same = get(executor, again, 16);
    subx_runtime *const heap = get(executor, code, 17);
    subx_runtime *const second = get(executor, other, 16);
    assert_ptr_equal(first, same);
    assert_ptr_not_equal(first, heap);
    assert_ptr_not_equal(first, second);
    expect_output(same, "test_echo", LITERAL("abc"), LITERAL("abc"));
    subx_executor_stats stats = subx_executor_stats_of(executor);
    assert_int_equal(stats.hits, 1);
    assert_int_equal(stats.compilations, 3);
    assert_int_equal(stats.runtimes, 3);
    assert_true(stats.bytes > 0);
    /* every option that changes a call makes another runtime */
    for (int i = 0; i < 6; i++) {
        subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
        subx_runtime *runtime = NULL;
        options.canonicalize_nans = i == 0;
        options.stack_logical_max = i == 1 ? 1000 : 0;
        options.stack_native_max = i == 2 ? 2 << 20 : 0;
        options.allow_missing_imports = i == 3;
        options.extensions = i == 4 ? SUBX_EXTENSION_MULTI_VALUE : 0;
        if (i == 5)
            options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 64};
        subx_error error = SUBX_ERROR_INIT;
        if (subx_runtime_get(executor, code, &options, &runtime, &error) != SUBX_OK)
            fail_msg("%d: %s", i, error.message);
        assert_ptr_not_equal(runtime, first);
        subx_runtime_free(runtime);
    }
    subx_runtime_free(first);
    subx_runtime_free(same);
    subx_runtime_free(heap);
    subx_executor_clear_cache(executor);
    stats = subx_executor_stats_of(executor);
    assert_int_equal(stats.runtimes, 1); /* `second` is in use */
    assert_int_equal(stats.evicted, 8);
    /* used after the executor is gone */
    subx_executor_free(executor);
    expect_output(second, "echo", LITERAL("x"), LITERAL("x"));
    subx_runtime_free(second);
    subx_code_free(code);
    subx_code_free(again);
    subx_code_free(other);
}

static void test_bounds(void **state)
{
    (void)state;
    subx_executor *const executor = executor_with(2, UINT64_MAX);
    subx_code *const code = code_of("integration");
    subx_runtime *const pinned = get(executor, code, 20);
    subx_runtime_free(get(executor, code, 21));
    subx_runtime_free(get(executor, code, 22)); /* drops 21: 20 is in use */
    assert_int_equal(subx_executor_stats_of(executor).evicted, 1);
    subx_runtime *const same = get(executor, code, 20);
    assert_ptr_equal(same, pinned);
    subx_runtime_free(same);
    subx_runtime_free(get(executor, code, 22));
    assert_int_equal(subx_executor_stats_of(executor).hits, 2);
    subx_runtime_free(get(executor, code, 21));
    assert_int_equal(subx_executor_stats_of(executor).compilations, 4);
    subx_runtime_free(pinned);
    subx_executor_free(executor);

    /* one byte of room: only what is in use stays */
    subx_executor *const small = executor_with(8, 1);
    subx_runtime *const held = get(small, code, 16);
    assert_int_equal(subx_executor_stats_of(small).runtimes, 1);
    subx_runtime_free(get(small, code, 17));
    assert_int_equal(subx_executor_stats_of(small).runtimes, 2);
    subx_runtime_free(held);
    subx_runtime_free(get(small, code, 18));
    assert_int_equal(subx_executor_stats_of(small).runtimes, 1);
    subx_executor_free(small);

    /* nothing is kept */
    subx_executor *const none = executor_with(0, UINT64_MAX);
    subx_runtime *const one = get(none, code, 16), *const two = get(none, code, 16);
    assert_ptr_not_equal(one, two);
    assert_int_equal(subx_executor_stats_of(none).runtimes, 0);
    subx_runtime_free(one);
    subx_runtime_free(two);
    subx_executor_free(none);
    subx_code_free(code);
}

/* ---- Many who ask ---- */

#define ASKERS 24

struct asking {
    subx_executor *executor;
    const subx_code *code;
    pthread_barrier_t *barrier;
    uint32_t heap_pages;
    subx_runtime *runtime;
    subx_status status;
    subx_error error;
};

static void *ask(void *data)
{
    struct asking *const asking = data;
    subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
    options.heap.pages = asking->heap_pages;
    pthread_barrier_wait(asking->barrier);
    asking->status = subx_runtime_get(asking->executor, asking->code, &options, &asking->runtime,
                                      &asking->error);
    return NULL;
}

static void ask_all(subx_executor *executor, const subx_code *code, unsigned kinds,
                    struct asking list[ASKERS])
{
    pthread_t threads[ASKERS];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, ASKERS);
    for (unsigned i = 0; i < ASKERS; i++) {
        list[i] = (struct asking){
            .executor = executor, .code = code, .barrier = &barrier, .heap_pages = 16 + i % kinds};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &list[i]), 0);
    }
    for (unsigned i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&barrier);
}

static void test_made_once(void **state)
{
    struct asking list[ASKERS];
    (void)state;
    subx_code *const code = code_of("integration");
    for (uint32_t kept = 0; kept <= 8; kept += 8) {
        subx_executor *const executor = executor_with(kept, UINT64_MAX);
        ask_all(executor, code, 3, list);
        for (unsigned i = 0; i < ASKERS; i++) {
            assert_int_equal(list[i].status, SUBX_OK);
            if (kept > 0)
                assert_ptr_equal(list[i].runtime, list[i % 3].runtime);
        }
        const subx_executor_stats stats = subx_executor_stats_of(executor);
        if (kept > 0)
            assert_int_equal(stats.compilations, 3);
        assert_int_equal(stats.compilations + stats.waits + stats.hits, ASKERS);
        assert_int_equal(stats.runtimes, kept > 0 ? 3 : 0);
        for (unsigned i = 0; i < ASKERS; i++) {
            expect_output(list[i].runtime, "test_echo", LITERAL("q"), LITERAL("q"));
            subx_runtime_free(list[i].runtime);
        }
        subx_executor_free(executor);
    }
    subx_code_free(code);
}

static void test_failures_are_told_to_all(void **state)
{
    struct asking list[ASKERS];
    (void)state;
    subx_executor *const executor = executor_with(8, UINT64_MAX);
    subx_code *const code = code_of("missing_imports");
    ask_all(executor, code, 1, list);
    for (unsigned i = 0; i < ASKERS; i++) {
        assert_int_equal(list[i].status, SUBX_MISSING_IMPORTS);
        assert_int_equal(list[i].error.status, SUBX_MISSING_IMPORTS);
        assert_string_equal(list[i].error.message, list[0].error.message);
        assert_null(list[i].runtime);
    }
    assert_int_equal(subx_executor_stats_of(executor).runtimes, 0);
    /* it is tried again, and other options do */
    subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
    subx_runtime *runtime = NULL;
    assert_int_equal(subx_runtime_get(executor, code, &options, &runtime, NULL),
                     SUBX_MISSING_IMPORTS);
    options.allow_missing_imports = true;
    assert_int_equal(subx_runtime_get(executor, code, &options, &runtime, NULL), SUBX_OK);
    subx_runtime_free(runtime);
    subx_code_free(code);
    subx_executor_free(executor);
}

/* ---- Host functions of one's own ---- */

static bool do_nothing(void *user, subx_call *call, subx_value *values)
{
    (void)user;
    (void)call;
    (void)values;
    return true;
}

static void test_own_host_functions_are_not_shared(void **state)
{
    (void)state;
    subx_executor *const executor = executor_with(8, UINT64_MAX);
    subx_code *const code = code_of("integration");
    const subx_host_import import = {.module = "env",
                                     .name = "ext_own_function",
                                     .params = "",
                                     .results = "",
                                     .run = do_nothing};
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *first = NULL, *second = NULL;
    options.imports = &import;
    options.import_count = 1;
    assert_int_equal(subx_runtime_get(executor, code, &options, &first, NULL), SUBX_OK);
    assert_int_equal(subx_runtime_get(executor, code, &options, &second, NULL), SUBX_OK);
    assert_ptr_not_equal(first, second);
    assert_int_equal(subx_executor_stats_of(executor).runtimes, 0);
    subx_runtime_free(first);
    subx_runtime_free(second);
    subx_code_free(code);
    subx_executor_free(executor);
}

/* ---- Ahead of time ---- */

static void test_preparations(void **state)
{
    (void)state;
    subx_executor *const executor = executor_with(16, UINT64_MAX);
    subx_code *const code = code_of("integration");
    enum { COUNT = 6 };
    subx_preparation *list[COUNT];
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    for (unsigned i = 0; i < COUNT; i++) {
        options.heap.pages = 16 + i;
        assert_int_equal(subx_runtime_prepare(executor, code, &options, &list[i], NULL), SUBX_OK);
    }
    subx_code_free(code); /* it is kept */
    const bool was_cancelled = subx_preparation_cancel(list[COUNT - 1]);
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    for (unsigned i = 0; i < COUNT - 1; i++) {
        assert_int_equal(subx_preparation_wait(list[i], &runtime, NULL), SUBX_OK);
        assert_int_equal(subx_preparation_state_of(list[i]), SUBX_PREPARATION_DONE);
        assert_false(subx_preparation_cancel(list[i]));
        expect_output(runtime, "test_echo", LITERAL("z"), LITERAL("z"));
        subx_runtime_free(runtime);
    }
    /* the last of six is hardly reached that fast; but if so, it is done */
    if (was_cancelled) {
        assert_true(subx_preparation_cancel(list[COUNT - 1]));
        assert_int_equal(subx_preparation_wait(list[COUNT - 1], &runtime, &error), SUBX_OTHER);
        assert_null(runtime);
        assert_non_null(strstr(error.message, "cancelled"));
    }
    subx_code *const again = code_of("integration");
    options.heap.pages = 16;
    assert_int_equal(subx_runtime_get(executor, again, &options, &runtime, NULL), SUBX_OK);
    assert_int_equal(subx_executor_stats_of(executor).hits, 1);
    subx_runtime_free(runtime);

    /* a failure is told */
    subx_code *const missing = code_of("missing_imports");
    subx_preparation *fails = NULL;
    assert_int_equal(subx_runtime_prepare(executor, missing, NULL, &fails, NULL), SUBX_OK);
    subx_error_clear(&error);
    assert_int_equal(subx_preparation_wait(fails, &runtime, &error), SUBX_MISSING_IMPORTS);
    assert_int_equal(subx_preparation_state_of(fails), SUBX_PREPARATION_FAILED);
    assert_non_null(strstr(error.message, "imports"));
    subx_preparation_free(fails);
    subx_code_free(missing);

    /* nobody wants to know, and the executor ends */
    for (unsigned i = 0; i < COUNT; i++) {
        options.heap.pages = 40 + i;
        assert_int_equal(subx_runtime_prepare(executor, again, &options, NULL, NULL), SUBX_OK);
    }
    for (unsigned i = 0; i < COUNT; i++)
        subx_preparation_free(list[i]);
    subx_code_free(again);
    subx_executor_free(executor);
}

static void test_metrics(void **state)
{
    (void)state;
    subx_executor *const executor = executor_with(4, UINT64_MAX);
    subx_code *const code = code_of("integration");
    subx_runtime_free(get(executor, code, 16));
    subx_runtime_free(get(executor, code, 16));
    subx_bytes text = SUBX_BYTES_INIT;
    struct subx_buf copy = SUBX_BUF_INIT;
    assert_int_equal(subx_executor_metrics(executor, &text, NULL), SUBX_OK);
    subx_buf__append(&copy, text.data, text.len);
    subx_buf__append_u8(&copy, '\0');
    assert_false(copy.failed);
    assert_non_null(strstr((const char *)copy.data, "\nsubexec_runtime_cache_hits_total 1\n"));
    assert_non_null(strstr((const char *)copy.data, "\nsubexec_compilations_total 1\n"));
    assert_non_null(strstr((const char *)copy.data, "# TYPE subexec_runtime_cache_bytes gauge\n"));
    subx_buf__free(&copy);
    subx_bytes_free(&text);
    subx_code_free(code);
    subx_executor_free(executor);
}

#ifdef SUBX_CHECKED
/* Any allocation may fail: that is told, nothing is lost, and the next one works. */
static void test_failing_allocations(void **state)
{
    (void)state;
    subx_code *const code = code_of("basic");
    bool went_through = false;
    for (int64_t n = 0; !went_through; n++) {
        subx_executor *const executor = executor_with(4, UINT64_MAX);
        subx_runtime *runtime = NULL;
        subx_preparation *preparation = NULL;
        (void)subx_mem__fail_after(n);
        const subx_status status = subx_runtime_get(executor, code, NULL, &runtime, NULL);
        const subx_status queued = subx_runtime_prepare(executor, code, NULL, &preparation, NULL);
        (void)subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || status == SUBX_NOMEM);
        assert_true(queued == SUBX_OK || queued == SUBX_NOMEM);
        assert_true((runtime != NULL) == (status == SUBX_OK));
        went_through = status == SUBX_OK && queued == SUBX_OK;
        subx_runtime_free(runtime);
        if (preparation != NULL)
            (void)subx_preparation_wait(preparation, NULL, NULL);
        subx_preparation_free(preparation);
        runtime = NULL;
        assert_int_equal(subx_runtime_get(executor, code, NULL, &runtime, NULL), SUBX_OK);
        expect_output(runtime, "echo", LITERAL("x"), LITERAL("x"));
        subx_runtime_free(runtime);
        subx_executor_free(executor);
    }
    subx_code_free(code);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_and_other),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_made_once),
        cmocka_unit_test(test_failures_are_told_to_all),
        cmocka_unit_test(test_own_host_functions_are_not_shared),
        cmocka_unit_test(test_preparations),
        cmocka_unit_test(test_metrics),
#ifdef SUBX_CHECKED
        cmocka_unit_test(test_failing_allocations),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
