/*
 * Thousands of calls leave nothing behind: neither memory nor mappings nor descriptors
 * (test_instances_without_reuse_are_not_leaked of the reference, over more strategies and ends of calls).
 */
#include "guests.h"

#include <dirent.h>

struct footprint {
    size_t resident_kib, mappings, descriptors, address_mib;
};

static size_t count_lines(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t lines = 0;
    for (int character = fgetc(file); character != EOF; character = fgetc(file))
        lines += character == '\n';
    fclose(file);
    return lines;
}

static size_t count_entries(const char *path)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t entries = 0;
    while (readdir(folder) != NULL)
        entries++;
    closedir(folder);
    return entries;
}

static struct footprint look(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    size_t size = 0, resident = 0;
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%zu %zu", &size, &resident), 2);
    fclose(statm);
    return (struct footprint){resident * 4, count_lines("/proc/self/maps"),
                              count_entries("/proc/self/fd"), size >> 8};
}

/* A call of every kind, by number. */
static void call(subx_runtime *runtime, unsigned number)
{
    struct outcome outcome;
    switch (number % 100) {
    case 10:
        call_export(runtime, "test_unreachable_intrinsic", SUBX_EMPTY, &outcome);
        assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
        break;
    case 20:
        call_export(runtime, "test_panic", SUBX_EMPTY, &outcome);
        assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_PANIC);
        break;
    case 30:
        call_export(runtime, "test_free_twice", SUBX_EMPTY, &outcome);
        assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
        break;
    case 40:
        call_export(runtime, "test_consume_stack", u32_input(1u << 30), &outcome);
        assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
        break;
    case 50:
        call_export(runtime, "test_dirty_memory", u32_input(10), &outcome);
        assert_int_equal(outcome.status, SUBX_OK);
        break;
    case 60:
        call_export(runtime, "test_grow", u32_input(2), &outcome);
        assert_int_equal(outcome.status, SUBX_OK);
        break;
    default:
        call_export(runtime, "test_returns_mutable_static", SUBX_EMPTY, &outcome);
        assert_int_equal(u32_output(&outcome), 33);
    }
    outcome_free(&outcome);
}

#define CALLS ROUNDS(10000u, 1500u)

static void check_growth(const struct footprint *before, const struct footprint *after)
{
    /* A leaked instance of 10 000 has 4 GiB of addresses, mappings and at least a page each. */
    if (after->resident_kib > before->resident_kib + (SUBX_TEST_SANITIZED ? 60000 : 3000) ||
        after->mappings > before->mappings + 20 || after->descriptors != before->descriptors ||
        after->address_mib > before->address_mib + (SUBX_TEST_SANITIZED ? 4000 : 200))
        fail_msg("%zu KiB, %zu mappings, %zu descriptors, %zu MiB of addresses; "
                 "before: %zu, %zu, %zu, %zu",
                 after->resident_kib, after->mappings, after->descriptors, after->address_mib,
                 before->resident_kib, before->mappings, before->descriptors, before->address_mib);
}

static void endure(subx_strategy strategy, subx_heap heap)
{
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    options.heap = heap;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    for (unsigned i = 0; i < 500; i++)
        call(runtime, i);
    const struct footprint before = look();
    for (unsigned i = 0; i < CALLS; i++)
        call(runtime, i);
    const struct footprint after = look();
    check_growth(&before, &after);
    const subx_runtime_stats stats = subx_runtime_stats_of(runtime);
    assert_int_equal(stats.calls, CALLS + 500);
    /* Instances that are live now: one that waits, if any. */
    assert_in_range(stats.instances - stats.discarded, 1, 2);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

static void test_static_heap(void **state)
{
    endure(*(const subx_strategy *)*state, (subx_heap){SUBX_HEAP_STATIC, 16});
}

static void test_dynamic_heap(void **state)
{
    endure(*(const subx_strategy *)*state, (subx_heap){SUBX_HEAP_DYNAMIC, 200});
}

/* Runtimes come and go; engines stay with the executor. */
static void test_many_runtimes(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    struct footprint before = {0, 0, 0, 0};
    for (unsigned round = 0; round < ROUNDS(300u, 40u); round++) {
        if (round == 20)
            before = look();
        subx_runtime_options options = options_of((subx_strategy)(round % SUBX_STRATEGY_COUNT));
        subx_runtime *runtime = load_runtime(executor, guest_wasm("table"), &options);
        expect_output(runtime, "run", LITERAL("ab"), LITERAL("\2\0\0\0\1\0\0\0"));
        subx_runtime_free(runtime);
    }
    const struct footprint after = look();
    check_growth(&before, &after);
    subx_executor_free(executor);
}

static void test_many_executors(void **state)
{
    (void)state;
    struct footprint before = {0, 0, 0, 0};
    for (unsigned round = 0; round < ROUNDS(60u, 20u); round++) {
        if (round == 10)
            before = look();
        subx_executor *executor = new_executor();
        for (int strategy = 0; strategy < SUBX_STRATEGY_COUNT; strategy++) {
            subx_runtime_options options = options_of((subx_strategy)strategy);
            subx_runtime *runtime = load_runtime(executor, guest_wasm("table"), &options);
            expect_output(runtime, "run", LITERAL("ab"), LITERAL("\2\0\0\0\1\0\0\0"));
            subx_runtime_free(runtime);
        }
        subx_executor_free(executor);
    }
    const struct footprint after = look();
    check_growth(&before, &after);
}

/* Loading that fails half-way, again and again. */
static void test_many_failures(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    struct footprint before = {0, 0, 0, 0};
    for (unsigned round = 0; round < ROUNDS(300u, 60u); round++) {
        if (round == 30)
            before = look();
        subx_runtime_options options = options_of((subx_strategy)(round % SUBX_STRATEGY_COUNT));
        expect_no_runtime(executor, guest_wasm("not_existing"), &options, SUBX_MISSING_IMPORTS, "");
        expect_no_runtime(executor, guest_wasm("no_memory"), &options, SUBX_OTHER, "");
        options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 1};
        expect_no_runtime(executor, guest_wasm("integration"), &options, SUBX_INSTANTIATION, "");
    }
    const struct footprint after = look();
    check_growth(&before, &after);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER(test_static_heap, RESET),         OVER(test_static_heap, RECREATE_COW),
        OVER(test_static_heap, POOLING_COW),   OVER(test_static_heap, RECREATE),
        OVER(test_static_heap, POOLING),       OVER(test_dynamic_heap, RESET),
        OVER(test_dynamic_heap, RECREATE_COW), cmocka_unit_test(test_many_runtimes),
        cmocka_unit_test(test_many_executors), cmocka_unit_test(test_many_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
