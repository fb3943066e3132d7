/*
 * The guest's stack under all strategies and on threads of any size: the native bound, the deterministic one
 * (spec/executor.md sections 1.1 and 3), and the canonical NaN.
 */
#include "guests.h"

#include <limits.h>
#include <pthread.h>

#include "util/mem.h"
#include "wasm_bytes.h"

#define UNREACHABLE "wasm trap: wasm `unreachable` instruction executed"
#define EXHAUSTED "wasm trap: call stack exhausted"

/* ---- Calls on threads with little stack ---- */

struct errand {
    subx_runtime *runtime;
    const char *method;
    subx_slice input;
    struct outcome outcome;
};

static void *run_errand(void *data)
{
    struct errand *errand = data;
    call_export(errand->runtime, errand->method, errand->input, &errand->outcome);
    return NULL;
}

static void run_on_thread(struct errand *errand, size_t stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, stack), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run_errand, errand), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

/* Bytes of stack: far too few for the guest, nearly enough, and more than enough. */
static const size_t thread_stacks[] = {192 << 10, 1 << 20, (1 << 20) + (512 << 10), 64 << 20};

/* The same call here and on each of these threads, with the same outcome. */
static void call_everywhere(subx_runtime *runtime, const char *method, subx_slice input,
                            struct outcome *outcome)
{
    call_export(runtime, method, input, outcome);
    struct errand *errand = test_malloc(sizeof *errand);
    *errand = (struct errand){.runtime = runtime, .method = method, .input = input};
    for (size_t i = 0; i < sizeof thread_stacks / sizeof thread_stacks[0]; i++) {
        run_on_thread(errand, thread_stacks[i]);
        char what[100];
        snprintf(what, sizeof what, "%s on a thread with %zu KiB", method, thread_stacks[i] >> 10);
        expect_same_outcome(what, outcome, &errand->outcome);
        outcome_free(&errand->outcome);
    }
    test_free(errand);
}

static void expect_everywhere(subx_runtime *runtime, const char *method, subx_slice input,
                              const char *trap)
{
    struct outcome outcome;
    call_everywhere(runtime, method, input, &outcome);
    const subx_status expected = trap != NULL ? SUBX_ABORTED_DUE_TO_TRAP : SUBX_OK;
    if (outcome.status != expected)
        fail_msg("%s: %s: %s", method, subx_status_name(outcome.status), outcome.error.message);
    assert_string_equal(outcome.error.message, trap != NULL ? trap : "");
    outcome_free(&outcome);
}

/* ---- The native bound ---- */

static bool recurses(subx_runtime *runtime, uint32_t depth)
{
    struct outcome outcome;
    call_export(runtime, "test_consume_stack", u32_input(depth), &outcome);
    const bool good = outcome.status == SUBX_OK;
    if (good)
        assert_int_equal(u32_output(&outcome), depth);
    else
        assert_string_equal(outcome.error.message, EXHAUSTED);
    outcome_free(&outcome);
    return good;
}

static uint32_t greatest_depth(subx_runtime *runtime)
{
    uint32_t good = 0, bad = 1u << 24;
    assert_true(recurses(runtime, good));
    assert_false(recurses(runtime, bad));
    while (bad - good > 1) {
        const uint32_t middle = good + (bad - good) / 2;
        if (recurses(runtime, middle))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

/* test_consume_under_1mb_of_stack_does_not_trap, test_consume_over_1mb_of_stack_does_trap */
static void test_native_bound(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    static uint32_t known_depth;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(strategy);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    const uint32_t depth = greatest_depth(runtime);
    /* 1 MiB in frames of 16 to 48 bytes; the same under every strategy. */
    assert_in_range(depth, (1 << 20) / 48 - 100, (1 << 20) / 16);
    if (known_depth != 0)
        assert_int_equal(depth, known_depth);
    known_depth = depth;
    expect_everywhere(runtime, "test_consume_stack", u32_input(depth), NULL);
    expect_everywhere(runtime, "test_consume_stack", u32_input(depth + 1), EXHAUSTED);
    subx_runtime_free(runtime);

    subx_bytes artifact = prepare(executor, guest_wasm("integration"), &options);
    runtime = load_runtime(executor, wasm_slice(artifact), &options);
    subx_bytes_free(&artifact);
    assert_true(recurses(runtime, depth));
    assert_false(recurses(runtime, depth + 1));
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* Other bounds, larger and smaller, side by side and from one artifact. */
static void test_other_native_bounds(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {64 << 10, 1 << 20, 8 << 20, 64 << 20};
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("integration"), &options);
    options.recompile_mismatched = false;
    uint32_t depths[4];
    subx_runtime *runtimes[4];
    for (int i = 0; i < 4; i++) {
        options.stack_native_max = bounds[i];
        runtimes[i] = load_runtime(executor, wasm_slice(artifact), &options);
        depths[i] = greatest_depth(runtimes[i]);
    }
    const double frame = (double)(bounds[3] - bounds[2]) / (double)(depths[3] - depths[2]);
    for (int i = 0; i < 4; i++) {
        const double expected = (double)bounds[i] / frame;
        assert_true((double)depths[i] > expected * 0.95 - 50 &&
                    (double)depths[i] < expected * 1.05);
        assert_true(recurses(runtimes[i], depths[i]));
        expect_everywhere(runtimes[i], "test_consume_stack", u32_input(depths[i] + 1), EXHAUSTED);
        subx_runtime_free(runtimes[i]);
    }
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

/* ---- The deterministic bound ---- */

static subx_runtime_options limited(subx_strategy strategy, uint32_t logical)
{
    subx_runtime_options options = options_of(strategy);
    options.stack_logical_max = logical;
    options.canonicalize_nans = true;
    return options;
}

/* A function with `count` locals that live across its call of itself, as text for wasm_module(). */
static char *many_locals(unsigned count)
{
    struct subx_buf text = SUBX_BUF_INIT;
    subx_buf__append_format(&text, "(01 %02x%02x 7e", (count & 0x7f) | 0x80, count >> 7);
    for (unsigned i = 1; i < count; i++)
        subx_buf__append_format(&text, " 20 %02x%02x 42 %02x 7e 21 %02x%02x",
                                ((i - 1) & 0x7f) | 0x80, (i - 1) >> 7, 3 + i % 50,
                                (i & 0x7f) | 0x80, i >> 7);
    subx_buf__append_format(&text, " 20 %02x%02x 10 00", ((count - 1) & 0x7f) | 0x80,
                            (count - 1) >> 7);
    for (unsigned i = 0; i < count; i++)
        subx_buf__append_format(&text, " 20 %02x%02x 85", (i & 0x7f) | 0x80, i >> 7);
    subx_buf__append_text(&text, " 0b)");
    subx_buf__append_u8(&text, '\0');
    assert_false(text.failed);
    return (char *)text.data;
}

/* Frames of several pages, so that one of them could step over the guard of a stack. */
static subx_bytes large_frames_module(void)
{
    char *body = many_locals(2000);
    struct subx_buf text = SUBX_BUF_INIT;
    subx_buf__append_format(&text,
                            "01(02 60 01 7e 01 7e 60 02 7f 7f 01 7e) 03(02 00 01) 05(01 00 02)"
                            " 06(01 7f 00 41 8008 0b)"
                            " 07(03 ('large') 00 01 ('__heap_base') 03 00 ('memory') 02 00)"
                            " 0a(02 ");
    subx_buf__append_text(&text, body);
    subx_buf__append_text(&text, " (00 20 00 ac 10 00 0b))");
    subx_buf__append_u8(&text, '\0');
    assert_false(text.failed);
    const subx_bytes module = wasm_module((const char *)text.data);
    subx_buf__free(&text);
    subx_mem__free(body);
    return module;
}

/* test_stack_depth_reaching: limits of validation, 65536 values and 256 MiB. */
static void test_stack_depth_reaching(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = limited(strategy, 65536);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("stack_depth"), &options);
    for (int round = 0; round < 2; round++) {
        expect_everywhere(runtime, "small", SUBX_EMPTY, UNREACHABLE);
        expect_everywhere(runtime, "middle", SUBX_EMPTY, UNREACHABLE);
        /* 3 for the entry, 4 for each call: 16383 calls fit, of which the input counts one less. */
        expect_everywhere(runtime, "bounded", u32_input(16382), NULL);
        expect_everywhere(runtime, "bounded", u32_input(16383), UNREACHABLE);
    }
    subx_runtime_free(runtime);

    subx_bytes module = large_frames_module();
    runtime = load_runtime(executor, wasm_slice(module), &options);
    expect_everywhere(runtime, "large", SUBX_EMPTY, UNREACHABLE);
    subx_runtime_free(runtime);
    subx_bytes artifact = prepare(executor, wasm_slice(module), &options);
    runtime = load_runtime(executor, wasm_slice(artifact), &options);
    expect_everywhere(runtime, "large", SUBX_EMPTY, UNREACHABLE);
    subx_runtime_free(runtime);
    subx_bytes_free(&artifact);
    subx_bytes_free(&module);
    subx_executor_free(executor);
}

/* Frames that step over guard pages, without a deterministic bound: the native one holds. */
static void test_large_frames(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    subx_bytes module = large_frames_module();
    static const uint64_t bounds[] = {0, 64 << 10, 4 << 20};
    for (int i = 0; i < 3; i++) {
        options.stack_native_max = bounds[i];
        subx_runtime *runtime = load_runtime(executor, wasm_slice(module), &options);
        expect_everywhere(runtime, "large", SUBX_EMPTY, EXHAUSTED);
        subx_runtime_free(runtime);
    }
    subx_bytes_free(&module);
    subx_executor_free(executor);
}

/* Whichever bound is met first stops the guest. */
static void test_both_bounds(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = limited(SUBX_STRATEGY_RESET, 65536);
    options.stack_native_max = 64 << 10;
    subx_runtime *native = load_runtime(executor, guest_wasm("stack_depth"), &options);
    options.stack_logical_max = 100;
    subx_runtime *logical = load_runtime(executor, guest_wasm("stack_depth"), &options);
    expect_everywhere(native, "small", SUBX_EMPTY, EXHAUSTED);
    expect_everywhere(logical, "small", SUBX_EMPTY, UNREACHABLE);
    /* 3 + 24 * 4 = 99 */
    expect_everywhere(logical, "bounded", u32_input(23), NULL);
    expect_everywhere(logical, "bounded", u32_input(24), UNREACHABLE);
    subx_runtime_free(native);
    subx_runtime_free(logical);
    subx_executor_free(executor);
}

/* A bound that no machine could keep is refused instead of being believed. */
static void test_absurd_native_bound(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    static const uint64_t bounds[] = {UINT64_MAX, UINT64_MAX - (1 << 20), (uint64_t)1 << 63,
                                      (uint64_t)UINT32_MAX + 1};
    for (int i = 0; i < 4; i++) {
        options.stack_native_max = bounds[i];
        expect_no_runtime(executor, guest_wasm("integration"), &options, SUBX_ENGINE, "stack");
    }
    subx_executor_free(executor);
}

/* ---- Numbers ---- */

static void test_nan_canonicalization(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    subx_runtime *usual = load_runtime(executor, guest_wasm("integration"), &options);
    options.canonicalize_nans = true;
    subx_runtime *canonical = load_runtime(executor, guest_wasm("integration"), &options);
    subx_bytes artifact = prepare(executor, guest_wasm("integration"), &options);
    subx_runtime *from_artifact = load_runtime(executor, wasm_slice(artifact), &options);
    subx_bytes_free(&artifact);

    const subx_slice nan_and_one = LITERAL("\x45\x23\x81\x7f\0\0\x80\x3f");
    for (int round = 0; round < 2; round++) {
        expect_output(canonical, "test_fp_f32add", nan_and_one, LITERAL("\0\0\xc0\x7f"));
        expect_output(from_artifact, "test_fp_f32add", nan_and_one, LITERAL("\0\0\xc0\x7f"));
        /* The machine's own answer: quiet, with the payload that came in. */
        expect_output(usual, "test_fp_f32add", nan_and_one, LITERAL("\x45\x23\xc1\x7f"));
    }
    subx_runtime_free(usual);
    subx_runtime_free(canonical);
    subx_runtime_free(from_artifact);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_native_bound),         cmocka_unit_test(test_other_native_bounds),
        OVER_ALL(test_stack_depth_reaching), OVER_ALL(test_large_frames),
        cmocka_unit_test(test_both_bounds),  cmocka_unit_test(test_absurd_native_bound),
        OVER_ALL(test_nan_canonicalization),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
