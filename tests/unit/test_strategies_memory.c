/*
 * Memory limits, growth and exhaustion under all strategies (spec/executor.md sections 1.1, 5 and 11).
 */
#include "guests.h"

#include "exec/runtime_internal.h"
#include "wasm_bytes.h"

#define DYNAMIC_10            \
    {                         \
        SUBX_HEAP_DYNAMIC, 10 \
    }
#define DYNAMIC_UNBOUNDED    \
    {                        \
        SUBX_HEAP_DYNAMIC, 0 \
    }
#define STATIC_10            \
    {                        \
        SUBX_HEAP_STATIC, 10 \
    }

/* ---- Modules that grow their memory by one page ---- */

/* A number below 64 in its last group in LEB128, signed or not, as text for wasm_module(). */
static const char *leb(char text[16], uint32_t value)
{
    size_t at = 0;
    for (; value >= 0x80; value >>= 7, at += 2)
        snprintf(text + at, 16 - at, "%02x", (value & 0x7f) | 0x80);
    snprintf(text + at, 16 - at, "%02x", value);
    return text;
}

/* `grow`: answers an empty range if memory.grow(delta) gives the old size, else traps. */
static subx_bytes growing_module(bool imported, uint32_t pages, uint32_t maximum, uint32_t delta)
{
    char minimum_text[16], maximum_text[16], delta_text[16], text[512];
    snprintf(
        text, sizeof text,
        "01(01 60 02 7f 7f 01 7e) %s%s%s%s%s"
        " 06(01 7f 00 41 8008 0b) 07(%s ('grow') 00 00 ('__heap_base') 03 00%s)"
        /* i32.const delta; memory.grow; i32.const -1; i32.eq; if; unreachable; end; i64.const 0 */
        " 0a(01 (00 41 %s 40 00 41 7f 46 04 40 00 0b 42 00 0b))",
        imported ? "02(01 ('env') ('memory') 02 " : "03(01 00) 05(01 ", maximum != 0 ? "01" : "00",
        leb(minimum_text, pages), maximum != 0 ? leb(maximum_text, maximum) : "",
        imported ? ") 03(01 00)" : ")", imported ? "02" : "03", imported ? "" : " ('memory') 02 00",
        leb(delta_text, delta));
    return wasm_module(text);
}

struct growth {
    subx_heap heap;
    uint32_t pages, maximum, delta;
    bool grows;
};

static void check_growth(subx_executor *executor, subx_slice code, subx_strategy strategy,
                         const struct growth *growth, const char *form)
{
    subx_runtime_options options = options_of(strategy);
    options.heap = growth->heap;
    options.recompile_mismatched = false;
    subx_runtime *runtime = load_runtime(executor, code, &options);
    for (int i = 0; i < 2; i++) {
        struct outcome outcome;
        call_export(runtime, "grow", SUBX_EMPTY, &outcome);
        if ((outcome.status == SUBX_OK) != growth->grows)
            fail_msg("%s, %s, %u pages by %u under heap %d:%u: %s", form,
                     subx_strategy_name(strategy), growth->pages, growth->delta, growth->heap.kind,
                     growth->heap.pages, outcome.error.message);
        const uint32_t expected = growth->pages +
                                  (growth->heap.kind == SUBX_HEAP_STATIC ? growth->heap.pages : 0) +
                                  (growth->grows ? growth->delta : 0);
        assert_int_equal(outcome.stats.memory_pages, expected);
        outcome_free(&outcome);
    }
    subx_runtime_free(runtime);
}

static void check_growth_everywhere(subx_executor *executor, subx_strategy strategy,
                                    const struct growth *growth)
{
    for (int imported = 0; imported < 2; imported++) {
        subx_bytes code =
            growing_module(imported != 0, growth->pages, growth->maximum, growth->delta);
        const char *form = imported != 0 ? "imported memory" : "exported memory";
        check_growth(executor, wasm_slice(code), strategy, growth, form);
        const subx_runtime_options options = options_of(strategy);
        subx_bytes artifact = prepare(executor, wasm_slice(code), &options);
        check_growth(executor, wasm_slice(artifact), strategy, growth, form);
        subx_bytes_free(&artifact);
        subx_bytes_free(&code);
    }
}

static void test_max_memory_pages(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    static const struct growth cases[] = {
        {DYNAMIC_10, 1, 0, 1, true},
        {DYNAMIC_10, 9, 0, 1, true},
        {DYNAMIC_10, 10, 0, 1, false},
        {DYNAMIC_UNBOUNDED, 1, 0, 1, true},
        {DYNAMIC_UNBOUNDED, 9, 0, 1, true},
        {DYNAMIC_UNBOUNDED, 10, 0, 1, true},
        {STATIC_10, 1, 0, 1, false},
        {STATIC_10, 9, 0, 1, false},
        {STATIC_10, 10, 0, 1, false},
        /* The module's own maximum does not count. */
        {DYNAMIC_10, 2, 2, 1, true},
        {DYNAMIC_10, 10, 20, 1, false},
        {DYNAMIC_UNBOUNDED, 2, 3, 25, true},
        {STATIC_10, 1, 30, 1, false},
        {DYNAMIC_10, 1, 0, 9, true},
        {DYNAMIC_10, 1, 0, 10, false},
        {DYNAMIC_10, 1, 0, 0, true},
        {STATIC_10, 1, 0, 0, true},
    };
    subx_executor *executor = new_executor();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_growth_everywhere(executor, strategy, &cases[i]);
    subx_executor_free(executor);
}

/* Up to the whole address space of the guest. Comparing 4 GiB after a reset is not for the checked flavour. */
static void test_largest_memory(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
#ifdef SUBX_CHECKED
    if (strategy == SUBX_STRATEGY_RESET)
        return;
#endif
    static const struct growth cases[] = {
        {{SUBX_HEAP_STATIC, 1024}, 64511, 0, 1, false},
        {{SUBX_HEAP_STATIC, 1024}, 64512, 65536, 1, false},
        {DYNAMIC_UNBOUNDED, 64511, 0, 1025, true},
        {DYNAMIC_UNBOUNDED, 64511, 0, 1026, false},
    };
    subx_executor *executor = new_executor();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_growth_everywhere(executor, strategy, &cases[i]);
    /* A static heap beyond the address space cannot be had. */
    subx_runtime_options options = options_of(strategy);
    options.heap.pages = 65536 - 17;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    struct outcome outcome;
    call_export(runtime, "test_return_max_memory_offset", SUBX_EMPTY, &outcome);
    assert_int_equal(outcome.status, SUBX_OK);
    assert_int_equal(outcome.stats.memory_pages, 65536);
    outcome_free(&outcome);
    call_export(runtime, "test_grow", u32_input(1), &outcome);
    assert_int_equal(u32_output(&outcome), UINT32_MAX);
    outcome_free(&outcome);
    subx_runtime_free(runtime);
    for (int i = 0; i < 2; i++) {
        options.heap.pages = i == 0 ? 65536 - 16 : UINT32_MAX;
        expect_no_runtime(executor, guest_wasm("integration"), &options, SUBX_INSTANTIATION,
                          i == 0 ? "failed to pre-grow memory by 65520 pages"
                                 : "failed to pre-grow memory by 4294967295 pages");
    }
    subx_executor_free(executor);
}

/* A limit below what the module starts with leaves nothing to instantiate. */
static void test_limit_below_start(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 16};
    expect_no_runtime(executor, guest_wasm("integration"), &options, SUBX_INSTANTIATION, "memory");
    options.heap.pages = 17;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    expect_failure(runtime, "test_echo", LITERAL("abc"), SUBX_ALLOCATOR,
                   "Allocator ran out of space");
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* ---- The guest's heap ---- */

static const char exhausted[] =
    "host code panicked while being called by the runtime: ext_allocator_malloc_version_1: "
    "Failed to allocate memory: \"Allocator ran out of space\"";

static void test_heap_exhaustion(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    static const subx_heap heaps[] = {
        {SUBX_HEAP_STATIC, 17}, {SUBX_HEAP_DYNAMIC, 18}, {SUBX_HEAP_DYNAMIC, 600}};
    static const uint32_t pages[] = {34, 18, 600};
    subx_executor *executor = new_executor();
    for (size_t i = 0; i < 3; i++) {
        subx_runtime_options options = options_of(strategy);
        options.heap = heaps[i];
        subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
        for (int round = 0; round < 2; round++) {
            struct outcome outcome;
            call_export(runtime, "test_exhaust_heap", SUBX_EMPTY, &outcome);
            assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
            assert_string_equal(outcome.error.message, exhausted);
            assert_in_range(outcome.stats.memory_pages, 17, pages[i]);
            /* The input's block, and under the largest heap two blocks of 16 MiB. */
            assert_int_equal(outcome.stats.bytes_allocated,
                             i < 2 ? 16 : 16 + 2 * ((16u << 20) + 8));
            outcome_free(&outcome);
            expect_output(runtime, "test_echo", LITERAL("abc"), LITERAL("abc"));
        }
        subx_runtime_free(runtime);
    }
    subx_executor_free(executor);
}

static void test_allocate_two_gigabyte(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    options.heap = (subx_heap)DYNAMIC_UNBOUNDED;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    for (int round = 0; round < 2; round++) {
        struct outcome outcome;
        call_export(runtime, "test_allocate_two_gigabyte", SUBX_EMPTY, &outcome);
        assert_int_equal(u32_output(&outcome), 205u * (10u << 20));
        /* Blocks are powers of two, each with its header. */
        assert_int_equal(outcome.stats.bytes_allocated_sum, 16 + 205ull * ((16u << 20) + 8));
        assert_int_equal(outcome.stats.bytes_allocated_peak, outcome.stats.bytes_allocated);
        outcome_free(&outcome);
    }
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* Growth does not reach the next call, neither the size nor what was written. */
static void test_growth_is_undone(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 100};
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    for (int round = 0; round < 3; round++) {
        struct outcome outcome;
        /* Placing the input has grown it already: the heap starts where the memory ends. */
        call_export(runtime, "test_grow", u32_input(5), &outcome);
        assert_int_equal(u32_output(&outcome), 34);
        assert_int_equal(outcome.stats.memory_pages, 39);
        outcome_free(&outcome);
        call_export(runtime, "test_allocate", u32_input(1 << 20), &outcome);
        assert_int_equal(u32_output(&outcome), 1114112 + 16 + 8);
        assert_int_equal(outcome.stats.memory_pages, 34);
        outcome_free(&outcome);
    }
    const subx_runtime_stats stats = subx_runtime_stats_of(runtime);
    assert_int_equal(stats.calls, 6);
    if (strategy == SUBX_STRATEGY_RESET)
        assert_int_equal(stats.discarded, 6);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* ---- What stays resident ---- */

/* Sum of the resident KiB of the mappings that overlap a range. */
static size_t resident_kib(const uint8_t *base, size_t size)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    char line[512];
    bool inside = false;
    size_t sum = 0, value = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long long start = 0, end = 0;
        if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
            inside = start < (uintptr_t)base + size && end > (uintptr_t)base;
        else if (inside && sscanf(line, "Rss: %zu kB", &value) == 1)
            sum += value;
    }
    fclose(maps);
    return sum;
}

/* The resetting strategy keeps a bounded part of what a call wrote, and nothing of it once it asks for less. */
static void test_resident_memory(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.heap.pages = 1032;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    static const uint32_t dirty[] = {1, 1024, 1, 0, 1024};
    for (size_t i = 0; i < sizeof dirty / sizeof dirty[0]; i++) {
        expect_output(runtime, "test_dirty_memory", u32_input(dirty[i]), SUBX_EMPTY);
        const struct subx_guest *guest = &runtime->idle->call.guest;
        assert_in_range(resident_kib(guest->base, guest->size), 0, (8 << 10) + 64);
    }
    assert_int_equal(subx_runtime_stats_of(runtime).discarded, 0);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_max_memory_pages),        OVER_ALL(test_largest_memory),
        OVER_ALL(test_limit_below_start),       OVER_ALL(test_heap_exhaustion),
        OVER_ALL(test_growth_is_undone),        OVER_ALL(test_allocate_two_gigabyte),
        cmocka_unit_test(test_resident_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
