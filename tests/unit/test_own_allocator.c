/*
 * Runtimes that allocate by themselves (RFC-145): entry points that take the length of their input only, and get
 * it by ext_input_read.
 */
#include "guests.h"

#include <stdlib.h>

#include "crypto/hash.h"
#include "wasm_bytes.h"

#define READ_FAILED \
    "host code panicked while being called by the runtime: ext_input_read_version_1: "

static void expect_signature(subx_runtime *runtime, const char *method)
{
    char text[128];
    snprintf(text, sizeof text, "Exported function '%s' has invalid signature.", method);
    expect_failure(runtime, method, LITERAL("abc"), SUBX_OTHER, text);
}

/* Bytes of which no two pages are the same. */
static subx_bytes pattern(size_t len)
{
    subx_bytes out = {malloc(len), len};
    assert_non_null(out.data);
    for (size_t i = 0; i < len; i++)
        out.data[i] = (uint8_t)(i ^ i >> 7 ^ i >> 13);
    return out;
}

static void check_hash(subx_runtime *runtime, subx_slice input)
{
    uint8_t expected[32];
    subx_hash__blake2b_256(input, expected);
    expect_output(runtime, "hash", input, subx_slice__of(expected, 32));
}

static void check_outputs(subx_runtime *runtime)
{
    for (int round = 0; round < 2; round++) {
        expect_output(runtime, "echo", SUBX_EMPTY, SUBX_EMPTY);
        expect_output(runtime, "echo", LITERAL("abc"), LITERAL("abc"));
        /* Nothing is placed before the guest runs, and nothing is left of the call before. */
        struct outcome outcome;
        call_export(runtime, "where", LITERAL("abc"), &outcome);
        assert_int_equal(outcome.status, SUBX_OK);
        assert_int_equal(outcome.output.len, 12);
        assert_memory_equal(outcome.output.data, "\0\4\0\0", 4);
        assert_memory_equal(outcome.output.data + 8, "\3\0\0\0", 4);
        assert_int_equal(outcome.stats.bytes_allocated_sum, 0);
        assert_int_equal(outcome.stats.address_space_used, 0);
        outcome_free(&outcome);
        subx_bytes large = pattern(700001);
        expect_output(runtime, "echo", wasm_slice(large), wasm_slice(large));
        check_hash(runtime, wasm_slice(large));
        subx_bytes_free(&large);
        check_hash(runtime, SUBX_EMPTY);
        expect_output(runtime, "long", LITERAL("abc"), LITERAL("abc\x11\x11\x11\x11\x11"));
        expect_output(runtime, "placed", LITERAL("abc"), LITERAL("abc"));
    }
}

static void check_failures(subx_runtime *runtime)
{
    expect_failure(runtime, "twice", LITERAL("abc"), SUBX_ABORTED_DUE_TO_TRAP,
                   READ_FAILED "the input was read before, it is there only once");
    expect_failure(runtime, "twice", SUBX_EMPTY, SUBX_ABORTED_DUE_TO_TRAP,
                   READ_FAILED "the input was read before, it is there only once");
    expect_failure(runtime, "short", LITERAL("abc"), SUBX_ABORTED_DUE_TO_TRAP,
                   READ_FAILED "'buffer' has 2 bytes, the input 3");
    expect_failure(runtime, "trap", LITERAL("abc"), SUBX_ABORTED_DUE_TO_TRAP,
                   "wasm trap: wasm `unreachable` instruction executed");
    struct outcome outcome;
    call_export(runtime, "outside", LITERAL("abc"), &outcome);
    assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
    assert_non_null(strstr(outcome.error.message, READ_FAILED));
    outcome_free(&outcome);
    call_export(runtime, "output_outside", LITERAL("abc"), &outcome);
    assert_int_equal(outcome.status, SUBX_OUTPUT_EXCEEDS_BOUNDS);
    outcome_free(&outcome);
    call_export(runtime, "store", LITERAL("abc"), &outcome);
    assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
    assert_non_null(strstr(outcome.error.message, "no state was given"));
    outcome_free(&outcome);
    expect_signature(runtime, "i64_length");
    expect_signature(runtime, "i32_result");
    expect_signature(runtime, "no_param");
    expect_signature(runtime, "three_params");
}

static void check_held(subx_runtime *runtime)
{
    subx_instance *instance = NULL;
    assert_int_equal(subx_instance_new(runtime, &instance, NULL), SUBX_OK);
    const subx_entry *echo = subx_runtime_entry(runtime, "echo");
    assert_non_null(echo);
    assert_null(subx_runtime_entry(runtime, "no_param"));
    for (int i = 0; i < 3; i++) {
        subx_bytes output = SUBX_BYTES_INIT;
        assert_int_equal(subx_instance_call(instance, echo, LITERAL("held"), NULL, &output, NULL),
                         SUBX_OK);
        assert_bytes(wasm_slice(output), LITERAL("held"));
        subx_bytes_free(&output);
    }
    subx_instance_free(instance);
}

static void check_state(subx_runtime *runtime)
{
    subx_state *state = NULL;
    subx_call_options options = SUBX_CALL_OPTIONS_INIT;
    assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
    assert_int_equal(subx_changes_new(state, NULL, &options.changes, NULL), SUBX_OK);
    for (int i = 0; i < 2; i++) {
        const subx_slice input = i == 0 ? LITERAL("value") : SUBX_EMPTY;
        subx_bytes output = SUBX_BYTES_INIT;
        subx_error error = SUBX_ERROR_INIT;
        if (subx_runtime_call(runtime, "store", input, &options, &output, &error) != SUBX_OK)
            fail_msg("store: %s", error.message);
        assert_bytes(wasm_slice(output), input);
        subx_bytes_free(&output);
    }
    subx_changes_free(options.changes);
    subx_state_free(state);
}

static void check(subx_executor *executor, subx_slice code, const subx_runtime_options *options)
{
    subx_runtime *runtime = load_runtime(executor, code, options);
    assert_int_equal(subx_runtime_strategy(runtime), options->strategy);
    check_outputs(runtime);
    check_failures(runtime);
    check_held(runtime);
    check_state(runtime);
    check_outputs(runtime);
    subx_runtime_free(runtime);
}

static void test_entries(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    const subx_slice code = guest_wasm("own_allocator");
    check(executor, code, &options);
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 0};
    check(executor, code, &options);
    /* The limiter makes functions of its own for exports. */
    options.stack_logical_max = 65536;
    options.stack_native_max = 1 << 20;
    check(executor, code, &options);
    subx_bytes artifact = prepare(executor, code, &options);
    options.recompile_mismatched = false;
    check(executor, wasm_slice(artifact), &options);
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

static void test_no_room(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    options.heap = (subx_heap){SUBX_HEAP_STATIC, 0};
    subx_runtime *runtime = load_runtime(executor, guest_wasm("own_allocator"), &options);
    subx_bytes large = pattern(2 * 65536);
    /* The guest's own allocator gives up: for the host there is nothing special about it. */
    expect_failure(runtime, "echo", wasm_slice(large), SUBX_ABORTED_DUE_TO_TRAP,
                   "wasm trap: wasm `unreachable` instruction executed");
    large.len -= 1024;
    expect_output(runtime, "echo", wasm_slice(large), wasm_slice(large));
    subx_bytes_free(&large);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* One import of type `type`, and two exports: `short` takes a length, `long` pointer and length. */
static subx_bytes importing(const char *name, const char *type)
{
    char sections[512];
    snprintf(sections, sizeof sections,
             "01(03 60 01 7f 01 7e 60 02 7f 7f 01 7e %s) 02(01 ('env') ('%s') 00 02)"
             " 03(02 00 01) 05(01 00 02) 06(01 7f 00 41 8008 0b)"
             " 07(04 ('memory') 02 00 ('__heap_base') 03 00 ('short') 00 01 ('long') 00 02)"
             " 0a(02 (00 42 00 0b) (00 42 00 0b))",
             type, name);
    return wasm_module(sections);
}

static void test_mixed(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
        bool allocates;
    } imports[] = {
        {"ext_allocator_malloc_version_1", "60 01 7f 01 7f", true},
        {"ext_hashing_blake2_256_version_1", "60 01 7e 01 7f", true}, /* a pointer */
        {"ext_storage_get_version_1", "60 01 7e 01 7e", true},        /* a pointer-size */
        {"ext_hashing_blake2_256_version_2", "60 02 7e 7f 00", false},
        {"ext_storage_exists_version_1", "60 01 7e 01 7f", false}, /* a number */
        {"ext_input_read_version_1", "60 01 7e 00", false},
    };
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        subx_bytes code = importing(imports[i].name, imports[i].type);
        subx_runtime *runtime = load_runtime(executor, wasm_slice(code), &options);
        if (imports[i].allocates)
            expect_signature(runtime, "short");
        else
            expect_output(runtime, "short", LITERAL("abc"), SUBX_EMPTY);
        assert_true((subx_runtime_entry(runtime, "short") == NULL) == imports[i].allocates);
        expect_output(runtime, "long", LITERAL("abc"), SUBX_EMPTY);
        subx_runtime_free(runtime);
        subx_bytes_free(&code);
    }

    /* What the policy stands in for does not allocate. */
    subx_bytes code = importing(imports[0].name, imports[0].type);
    subx_import_policy *policy = NULL;
    assert_int_equal(subx_import_policy_parse(
                         subx_slice__text("ext_allocator_malloc_version_1 trap"), &policy, NULL),
                     SUBX_OK);
    options.import_policy = policy;
    subx_runtime *runtime = load_runtime(executor, wasm_slice(code), &options);
    subx_import_policy_free(policy);
    expect_output(runtime, "short", LITERAL("abc"), SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_bytes_free(&code);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_entries),
        OVER_ALL(test_no_room),
        cmocka_unit_test(test_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
