/*
 * One body of conformance over all strategies (spec/executor.md section 5): each case is called twice on
 * runtimes from code and from an artifact, and whatever comes out (output, status, message, backtrace,
 * allocation statistics) is the same everywhere.
 */
#include "guests.h"

#include "util/hex.h"

#define UNREACHABLE "wasm trap: wasm `unreachable` instruction executed"
#define OUT_OF_BOUNDS "output exceeds bounds of wasm memory: "
/* A constant slice of a string literal. */
#define BYTES(literal)                                  \
    {                                                   \
        (const uint8_t *)(literal), sizeof(literal) - 1 \
    }
#define HASH(method, empty, hello)                                 \
    {method " of nothing", method, BYTES(""), SUBX_OK, empty, ""}, \
    {                                                              \
        method, method, BYTES("Hello world!"), SUBX_OK, hello, ""  \
    }

struct conformance_case {
    const char *name, *method;
    subx_slice input;
    subx_status status;
    const char *output;  /* hex */
    const char *message; /* the whole of it, or its start if it ends with '*' */
};

/* The allocator's bound is 32 MiB. */
static const uint8_t too_large[((size_t)32 << 20) + 1];

/* The guest has 17 pages, and options_of() adds 16: 33 * 65536 = 2162688 bytes. */
static const struct conformance_case cases[] = {
    {"returning", "test_empty_return", {0}, SUBX_OK, "", ""},
    {"input is ignored", "test_empty_return", BYTES("abc"), SUBX_OK, "", ""},
    {"echo", "test_echo", BYTES("\0\1\xff"), SUBX_OK, "0001ff", ""},
    {"echo of nothing", "test_echo", {0}, SUBX_OK, "", ""},
    {"input comes first on the heap", "test_input_place", BYTES("12345678901234567"), SUBX_OK,
     "0800110011000000", ""},
    {"input of nothing has its place", "test_input_place", {0}, SUBX_OK, "0800110000000000", ""},
    {"return_value", "test_return_value", {0}, SUBX_OK, "d204000000000000", ""},
    {"return_i8", "test_return_i8", {0}, SUBX_OK, "be", ""},
    {"take_i8", "test_take_i8", BYTES("\xbe"), SUBX_OK, "", ""},
    {"take_i8 of another", "test_take_i8", BYTES("\xbf"), SUBX_ABORTED_DUE_TO_TRAP, "",
     UNREACHABLE},

    {"huge length",
     "test_return_huge_len",
     {0},
     SUBX_OUTPUT_EXCEEDS_BOUNDS,
     "",
     OUT_OF_BOUNDS "4294967295 bytes at 0, of 2162688"},
    {"the last byte", "test_return_max_memory_offset", {0}, SUBX_OK, "00", ""},
    {"behind the last byte",
     "test_return_max_memory_offset_plus_one",
     {0},
     SUBX_OUTPUT_EXCEEDS_BOUNDS,
     "",
     OUT_OF_BOUNDS "1 bytes at 2162688, of 2162688"},
    {"nothing at the end", "test_return_empty_at_the_end", {0}, SUBX_OK, "", ""},
    {"a range that wraps around",
     "test_return_overflow",
     {0},
     SUBX_OUTPUT_EXCEEDS_BOUNDS,
     "",
     OUT_OF_BOUNDS "1 bytes at 4294967295, of 2162688"},

    {"panic", "test_panic", {0}, SUBX_ABORTED_DUE_TO_PANIC, "", "test panic"},
    {"no panic", "test_conditional_panic", {0}, SUBX_OK, "", ""},
    {"panic by input", "test_conditional_panic", BYTES("\2"), SUBX_ABORTED_DUE_TO_PANIC, "",
     "test panic"},
    {"abort_on_panic",
     "test_abort_on_panic",
     {0},
     SUBX_ABORTED_DUE_TO_PANIC,
     "",
     "test_abort_on_panic called"},
    {"panic without a message", "test_panic_with_input", {0}, SUBX_ABORTED_DUE_TO_PANIC, "", ""},
    {"panic with two lines", "test_panic_with_input", BYTES("one\ntwo"), SUBX_ABORTED_DUE_TO_PANIC,
     "", "one\ntwo"},
    {"unreachable", "test_unreachable_intrinsic", {0}, SUBX_ABORTED_DUE_TO_TRAP, "", UNREACHABLE},
    {"division by zero",
     "test_divide_by_zero",
     {0},
     SUBX_ABORTED_DUE_TO_TRAP,
     "",
     "wasm trap: integer divide by zero"},
    {"load behind the memory",
     "test_load_behind_memory",
     {0},
     SUBX_ABORTED_DUE_TO_TRAP,
     "",
     "wasm trap: out of bounds memory access"},

    HASH("test_blake2_128", "cae66941d9efbd404e4d88758ea67670", "cee3ed7e5136b8c3f471fda86351c05a"),
    HASH("test_blake2_256", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
         "3fbc092db9350757e2ab4f7ee9792bfcd2f5220ada5a4bc684487f60c6034369"),
    HASH("test_keccak_256", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
         "ecd0e108a98e192af1d2c25055f4e3bed784b5c877204e73219a5203251feaab"),
    HASH("test_keccak_512",
         "0eab42de4c3ceb9235fc91acffe746b29c29a8c366b7c60e4e67c466f36a4304"
         "c00fa9caf9d87976ba469bcbe06713b435f091ef2769fb160cdab33d3670680e",
         "4010e792acb33c767f1bd0a49619769bf044eef2e8aca32717149dbc95e2b27d"
         "dc24aa8528c6a7f2a18b926c45d0aff290c18f1edfa04fce3ce91b7c69f3e5f5"),
    HASH("test_sha2_256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a"),
    HASH("test_twox_64", "99e9d85137db46ef", "b27dfd7f223f177f"),
    HASH("test_twox_128", "99e9d85137db46ef4bbea33613baafd5", "b27dfd7f223f177f2a13647b533599af"),
    HASH("test_twox_256", "99e9d85137db46ef4bbea33613baafd56f963c64b1f3685a4eb4abd67ff6203a",
         "b27dfd7f223f177f2a13647b533599af0c07f68bda23d96d059da2b451a35a74"),
    {"host function out of bounds",
     "test_hash_out_of_bounds",
     {0},
     SUBX_ABORTED_DUE_TO_TRAP,
     "",
     "host code panicked while being called by the runtime: ext_hashing_twox_64_version_1: *"},

    {"mutable static", "test_returns_mutable_static", {0}, SUBX_OK, "21000000", ""},
    {"mutable static in bss", "test_returns_mutable_static_bss", {0}, SUBX_OK, "01000000", ""},
    {"globals of each type",
     "test_count_in_globals",
     {0},
     SUBX_OK,
     "0b000000f1debc9a785634120000c03f000000000000e83f",
     ""},
    {"a huge array on the stack", "test_allocate_huge_stack_array", BYTES("\0"), SUBX_OK,
     "5a5a5a5a5a5a5a5a", ""},
    {"the same, then a trap", "test_allocate_huge_stack_array", BYTES("\1"),
     SUBX_ABORTED_DUE_TO_TRAP, "", UNREACHABLE},

    /* 8 bytes for the input and its header, then 8 more for the block's own. */
    {"pointers of the allocator", "test_allocate", BYTES("\x64\0\0\0"), SUBX_OK, "18001100", ""},
    {"blocks are used again",
     "test_allocate_and_free",
     {0},
     SUBX_OK,
     "18001100a0001100280111001800"
     "1100",
     ""},
    {"no room for the input",
     "test_echo",
     {too_large, sizeof too_large},
     SUBX_ALLOCATOR,
     "",
     "Requested allocation size is too large"},
    {"double free",
     "test_free_twice",
     {0},
     SUBX_ABORTED_DUE_TO_TRAP,
     "",
     "host code panicked while being called by the runtime: ext_allocator_free_version_1: *"},
    {"heap exhausted",
     "test_exhaust_heap",
     {0},
     SUBX_ABORTED_DUE_TO_TRAP,
     "",
     "host code panicked while being called by the runtime: ext_allocator_malloc_version_1: "
     "Failed to allocate memory: \"Allocator ran out of space\""},
    {"static heap does not grow", "test_grow", BYTES("\1\0\0\0"), SUBX_OK, "ffffffff", ""},
    {"dirty memory", "test_dirty_memory", BYTES("\14\0\0\0"), SUBX_OK, "", ""},
    {"nan", "test_fp_f32add", BYTES("\0\0\xc0\x3f\0\0\x10\x40"), SUBX_OK, "00007040", ""},
    {"a shallow stack", "test_consume_stack", BYTES("\xe8\3\0\0"), SUBX_OK, "e8030000", ""},
    {"a stack without end", "test_consume_stack", BYTES("\xff\xff\xff\x7f"),
     SUBX_ABORTED_DUE_TO_TRAP, "", "wasm trap: call stack exhausted"},

    {"no such export",
     "missing",
     {0},
     SUBX_METHOD_NOT_FOUND,
     "",
     "Exported method missing is not found"},
    {"an export that is a memory",
     "memory",
     {0},
     SUBX_OTHER,
     "",
     "Export memory is not a function"},
    {"an export that is a global",
     "__heap_base",
     {0},
     SUBX_OTHER,
     "",
     "Export __heap_base is not a function"},
    {"an entry with one parameter",
     "no_entry_one_param",
     {0},
     SUBX_OTHER,
     "",
     "Exported function 'no_entry_one_param' has invalid signature."},
    {"an entry without a result",
     "no_entry_no_result",
     {0},
     SUBX_OTHER,
     "",
     "Exported function 'no_entry_no_result' has invalid signature."},
    {"an entry with another result",
     "no_entry_i32_result",
     {0},
     SUBX_OTHER,
     "",
     "Exported function 'no_entry_i32_result' has invalid signature."},
    {"an entry with other parameters",
     "no_entry_i64_param",
     {0},
     SUBX_OTHER,
     "",
     "Exported function 'no_entry_i64_param' has invalid signature."},
};

#define CASE_COUNT (sizeof cases / sizeof cases[0])

/* The first outcome of each case; the others are compared with it. */
static struct outcome first[CASE_COUNT];
static bool have_first[CASE_COUNT];

static bool fits(const char *message, const char *expected)
{
    const size_t len = strlen(expected);
    if (len > 0 && expected[len - 1] == '*')
        return strncmp(message, expected, len - 1) == 0;
    return strcmp(message, expected) == 0;
}

static void check_case(const struct conformance_case *expected, const struct outcome *outcome)
{
    if (outcome->status != expected->status)
        fail_msg("%s: %s: %s", expected->name, subx_status_name(outcome->status),
                 outcome->error.message);
    if (!fits(outcome->error.message, expected->message))
        fail_msg("%s: message '%s'", expected->name, outcome->error.message);
    const bool is_trap = expected->status == SUBX_ABORTED_DUE_TO_TRAP ||
                         expected->status == SUBX_ABORTED_DUE_TO_PANIC;
    if (is_trap != (outcome->error.backtrace[0] != '\0'))
        fail_msg("%s: backtrace '%s'", expected->name, outcome->error.backtrace);
    if (is_trap && strstr(outcome->error.backtrace, expected->method) == NULL &&
        strstr(outcome->error.backtrace, "deeper") == NULL)
        fail_msg("%s: backtrace '%s'", expected->name, outcome->error.backtrace);
    struct subx_buf hex = SUBX_BUF_INIT;
    subx_hex__append(&hex, subx_slice__of(outcome->output.data, outcome->output.len));
    if (!subx_slice__equal(subx_buf__slice(&hex), subx_slice__text(expected->output)))
        fail_msg("%s: output %.*s", expected->name, (int)hex.len, (const char *)hex.data);
    subx_buf__free(&hex);
}

static void run_case(subx_runtime *runtime, size_t i, const char *where)
{
    const struct conformance_case *expected = &cases[i];
    for (int round = 0; round < 2; round++) {
        struct outcome outcome;
        call_export(runtime, expected->method, expected->input, &outcome);
        check_case(expected, &outcome);
        char what[200];
        snprintf(what, sizeof what, "%s with %s, call %d", expected->name, where, round + 1);
        if (have_first[i]) {
            expect_same_outcome(what, &first[i], &outcome);
            outcome_free(&outcome);
        } else {
            first[i] = outcome;
            have_first[i] = true;
        }
    }
}

static void run_all(subx_runtime *runtime, subx_strategy strategy, const char *origin)
{
    if (subx_runtime_strategy(runtime) != strategy)
        fail_msg("%s became %s", subx_strategy_name(strategy),
                 subx_strategy_name(subx_runtime_strategy(runtime)));
    char where[64];
    snprintf(where, sizeof where, "%s from %s", subx_strategy_name(strategy), origin);
    for (size_t i = 0; i < CASE_COUNT; i++)
        run_case(runtime, i, where);
    /* In another order, each case finds nothing of the one before. */
    for (size_t i = CASE_COUNT; i-- > 0;)
        run_case(runtime, i, where);
}

static void test_conformance(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    const subx_runtime_options options = options_of(strategy);
    subx_executor *executor = new_executor();

    subx_runtime *from_code = load_runtime(executor, guest_wasm("integration"), &options);
    run_all(from_code, strategy, "code");

    subx_bytes artifact = prepare(executor, guest_wasm("integration"), &options);
    subx_runtime_options strict = options;
    strict.recompile_mismatched = false;
    subx_runtime *from_artifact =
        load_runtime(executor, subx_slice__of(artifact.data, artifact.len), &strict);
    subx_bytes_free(&artifact);
    run_all(from_artifact, strategy, "an artifact");

    /* The executor may go first. */
    subx_executor_free(executor);
    expect_output(from_code, "test_echo", LITERAL("abc"), LITERAL("abc"));
    subx_runtime_free(from_code);
    subx_runtime_free(from_artifact);
}

/* What the counters of a strategy say after calls of every kind. */
static void test_counters(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    const subx_runtime_options options = options_of(strategy);
    subx_executor *executor = new_executor();
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    const subx_runtime_stats before = subx_runtime_stats_of(runtime);
    assert_int_equal(before.calls, 0);
    for (int i = 0; i < 50; i++) {
        expect_output(runtime, "test_echo", LITERAL("abc"), LITERAL("abc"));
        expect_failure(runtime, "test_unreachable_intrinsic", SUBX_EMPTY, SUBX_ABORTED_DUE_TO_TRAP,
                       UNREACHABLE);
    }
    /* An export that cannot be called needs no instance. */
    expect_failure(runtime, "missing", SUBX_EMPTY, SUBX_METHOD_NOT_FOUND,
                   "Exported method missing is not found");
    const subx_runtime_stats after = subx_runtime_stats_of(runtime);
    assert_int_equal(after.calls, 100);
    if (strategy == SUBX_STRATEGY_RESET) {
        assert_int_equal(after.instances - before.instances, 1);
        assert_int_equal(after.discarded, 0);
        assert_int_equal(after.resets, 100);
        /* Calls that write to the same pages need no scan. */
        assert_in_range(after.scans, 0, ROUNDS(20, 60));
        assert_true(after.restored_pages > 0);
    } else {
        assert_int_equal(after.instances - before.instances, 100);
        assert_int_equal(after.discarded, 100);
        assert_int_equal(after.resets + after.scans + after.restored_pages, 0);
    }
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* A failed host function leaves the instance in doubt: it is not used again. */
static void test_host_failure_discards(void **state)
{
    (void)state;
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_executor *executor = new_executor();
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    struct outcome outcome;
    call_export(runtime, "test_free_twice", SUBX_EMPTY, &outcome);
    assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
    assert_int_equal(subx_runtime_stats_of(runtime).discarded, 1);
    expect_output(runtime, "test_echo", LITERAL("abc"), LITERAL("abc"));
    assert_int_equal(subx_runtime_stats_of(runtime).discarded, 1);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* memory_is_cleared_between_invocations */
static void test_memory_is_cleared(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    const subx_runtime_options options = options_of(strategy);
    subx_executor *executor = new_executor();
    subx_runtime *runtime = load_runtime(executor, guest_wasm("memory_cleared"), &options);
    for (int i = 0; i < 3; i++)
        expect_output(runtime, "returns_no_bss_mutable_static", SUBX_EMPTY,
                      LITERAL("\1\0\0\0\0\0\0\0"));
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[SUBX_STRATEGY_COUNT] = {"reset", "recreate", "recreate_cow",
                                                           "pooling", "pooling_cow"};
    for (int i = 0; i < SUBX_STRATEGY_COUNT; i++)
        assert_string_equal(subx_strategy_name((subx_strategy)i), names[i]);
    assert_string_equal(subx_strategy_name((subx_strategy)SUBX_STRATEGY_COUNT), "unknown");
    assert_string_equal(subx_strategy_name((subx_strategy)-1), "unknown");
}

static int free_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++)
        outcome_free(&first[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        OVER_ALL(test_conformance),
        OVER_ALL(test_counters),
        OVER_ALL(test_memory_is_cleared),
        cmocka_unit_test(test_host_failure_discards),
    };
    return cmocka_run_group_tests(tests, NULL, free_first);
}
