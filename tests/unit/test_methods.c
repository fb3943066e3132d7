/*
 * What a call can enter (table elements, dispatchers), instances that the caller holds, exported globals:
 * spec/executor.md sections 1.2 and 1.4.
 */
#include "guests.h"

#include "wasm_bytes.h"

static subx_method element(uint32_t index)
{
    return (subx_method){.kind = SUBX_METHOD_TABLE, .index = index};
}

static subx_method dispatched(uint32_t dispatcher, uint32_t function)
{
    return (subx_method){.kind = SUBX_METHOD_DISPATCHER, .index = dispatcher, .function = function};
}

static void expect_method_output(subx_runtime *runtime, subx_method method, subx_slice input,
                                 subx_slice output)
{
    for (int round = 0; round < 2; round++) {
        struct outcome outcome;
        call_method(runtime, &method, input, &outcome);
        if (outcome.status != SUBX_OK)
            fail_msg("element %u: %s", method.index, outcome.error.message);
        assert_bytes(wasm_slice(outcome.output), output);
        outcome_free(&outcome);
    }
}

static void expect_method_failure(subx_runtime *runtime, subx_method method, subx_status status,
                                  const char *message)
{
    for (int round = 0; round < 2; round++) {
        struct outcome outcome;
        call_method(runtime, &method, LITERAL("abc"), &outcome);
        if (outcome.status != status)
            fail_msg("element %u: %s instead of %s: %s", method.index,
                     subx_status_name(outcome.status), subx_status_name(status),
                     outcome.error.message);
        assert_string_equal(outcome.error.message, message);
        assert_null(outcome.output.data);
    }
}

/* Element 1 is echo, 2 the length and a count of calls, 3 a dispatcher, 4 takes one parameter, 5 traps. */
static void check_table(subx_runtime *runtime)
{
    expect_method_output(runtime, element(1), LITERAL("abc"), LITERAL("abc"));
    expect_method_output(runtime, element(1), SUBX_EMPTY, SUBX_EMPTY);
    expect_method_output(runtime, element(2), LITERAL("abc"), LITERAL("\3\0\0\0\1\0\0\0"));
    expect_method_output(runtime, dispatched(3, 1), LITERAL("abc"), LITERAL("abc"));
    expect_method_output(runtime, dispatched(3, 2), LITERAL("abcd"), LITERAL("\4\0\0\0\1\0\0\0"));
    expect_method_output(runtime, (subx_method){.kind = SUBX_METHOD_EXPORT, .name = "run"},
                         LITERAL("ab"), LITERAL("\2\0\0\0\1\0\0\0"));

    expect_method_failure(runtime, element(5), SUBX_ABORTED_DUE_TO_TRAP,
                          "wasm trap: wasm `unreachable` instruction executed");
    expect_method_failure(runtime, element(0), SUBX_FUNCTION_REF_IS_NULL,
                          "Table entry with index 0 is null");
    expect_method_failure(runtime, element(9), SUBX_FUNCTION_REF_IS_NULL,
                          "Table entry with index 9 is null");
    expect_method_failure(runtime, element(10), SUBX_NO_TABLE_ENTRY_WITH_INDEX,
                          "No table entry with index 10");
    expect_method_failure(runtime, element(UINT32_MAX), SUBX_NO_TABLE_ENTRY_WITH_INDEX,
                          "No table entry with index 4294967295");
    expect_method_failure(runtime, element(4), SUBX_OTHER,
                          "Function at table index 4 has invalid signature.");
    expect_method_failure(runtime, element(3), SUBX_OTHER,
                          "Function at table index 3 has invalid signature.");
    expect_method_failure(runtime, dispatched(1, 1), SUBX_OTHER,
                          "Function at table index 1 has invalid signature.");
    expect_method_failure(runtime, dispatched(0, 1), SUBX_FUNCTION_REF_IS_NULL,
                          "Table entry with index 0 is null");
    expect_method_failure(runtime, dispatched(77, 1), SUBX_NO_TABLE_ENTRY_WITH_INDEX,
                          "No table entry with index 77");
    /* What the dispatcher does with its argument is the guest's own business. */
    expect_method_failure(runtime, dispatched(3, 0), SUBX_ABORTED_DUE_TO_TRAP,
                          "wasm trap: uninitialized element");
    expect_method_failure(runtime, dispatched(3, 10), SUBX_ABORTED_DUE_TO_TRAP,
                          "wasm trap: undefined element: out of bounds table access");
    expect_method_failure(runtime, dispatched(3, 4), SUBX_ABORTED_DUE_TO_TRAP,
                          "wasm trap: indirect call type mismatch");
    expect_method_failure(runtime, (subx_method){.kind = SUBX_METHOD_EXPORT, .name = "walk"},
                          SUBX_METHOD_NOT_FOUND, "Exported method walk is not found");
}

static void test_tables(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("table"), &options);
    check_table(runtime);
    subx_runtime_free(runtime);
    /* The limiter puts functions of its own into the table. */
    options.stack_logical_max = 65536;
    options.stack_native_max = 1 << 20;
    runtime = load_runtime(executor, guest_wasm("table"), &options);
    check_table(runtime);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

#define RUNTIME_START "01(01 60 02 7f 7f 01 7e) 03(01 00)"
#define RUNTIME_END " 0a(01 (00 42 00 0b))"

static void test_no_table(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("memory_cleared"), &options);
    expect_method_failure(runtime, element(0), SUBX_NO_TABLE,
                          "Runtime doesn't have an exported table '__indirect_function_table'");
    expect_method_failure(runtime, dispatched(0, 0), SUBX_NO_TABLE,
                          "Runtime doesn't have an exported table '__indirect_function_table'");
    subx_runtime_free(runtime);

    /* The name belongs to a function. */
    subx_bytes code =
        wasm_module(RUNTIME_START " 05(01 00 01) 06(01 7f 00 41 08 0b)"
                                  " 07(03 ('memory') 02 00 ('__heap_base') 03 00"
                                  " ('__indirect_function_table') 00 00)" RUNTIME_END);
    runtime = load_runtime(executor, wasm_slice(code), &options);
    expect_method_failure(runtime, element(0), SUBX_NO_TABLE,
                          "export '__indirect_function_table' is not a table");
    subx_runtime_free(runtime);
    subx_bytes_free(&code);

    /* Elements that are no functions cannot come to be: the engine runs without a garbage collector and
     * refuses such a table. */
    code = wasm_module(RUNTIME_START " 04(01 6f 00 02) 05(01 00 01) 06(01 7f 00 41 08 0b)"
                                     " 07(03 ('memory') 02 00 ('__heap_base') 03 00"
                                     " ('__indirect_function_table') 01 00)" RUNTIME_END);
    options.extensions = SUBX_EXTENSION_REFERENCE_TYPES | SUBX_EXTENSION_BULK_MEMORY;
    expect_no_runtime(executor, wasm_slice(code), &options, SUBX_INVALID_MODULE, "gc types");
    subx_bytes_free(&code);
    subx_executor_free(executor);
}

/* ---- Instances that the caller holds ---- */

static void expect_held(subx_instance *instance, const subx_entry *entry, subx_slice input,
                        subx_status status, subx_slice expected)
{
    subx_bytes output = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status got = subx_instance_call(instance, entry, input, NULL, &output, &error);
    if (got != status)
        fail_msg("%s: %s", subx_status_name(got), error.message);
    assert_bytes(wasm_slice(output), expected);
    subx_bytes_free(&output);
}

static void test_held_instances(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 100};
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    const subx_entry *add = subx_runtime_entry(runtime, "test_returns_mutable_static");
    const subx_entry *trap = subx_runtime_entry(runtime, "test_unreachable_intrinsic");
    const subx_entry *grow = subx_runtime_entry(runtime, "test_grow");
    assert_true(add != NULL && trap != NULL && grow != NULL);
    assert_null(subx_runtime_entry(runtime, "missing"));
    assert_null(subx_runtime_entry(runtime, "memory"));
    assert_null(subx_runtime_entry(runtime, "no_entry_one_param"));
    assert_null(subx_runtime_entry(runtime, ""));

    subx_instance *instances[3] = {NULL};
    subx_error error = SUBX_ERROR_INIT;
    for (int i = 0; i < 3; i++)
        assert_int_equal(subx_instance_new(runtime, &instances[i], &error), SUBX_OK);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++) {
            expect_held(instances[i], add, SUBX_EMPTY, SUBX_OK, LITERAL("\x21\0\0\0"));
            expect_held(instances[i], trap, SUBX_EMPTY, SUBX_ABORTED_DUE_TO_TRAP, SUBX_EMPTY);
            expect_held(instances[i], grow, u32_input(3), SUBX_OK, LITERAL("\x22\0\0\0"));
            expect_held(instances[i], grow, u32_input(90), SUBX_OK, LITERAL("\xff\xff\xff\xff"));
        }
        /* Calls without a held instance go on beside them. */
        expect_output(runtime, "test_returns_mutable_static", SUBX_EMPTY, LITERAL("\x21\0\0\0"));
    }
    assert_int_equal(subx_runtime_stats_of(runtime).calls, 5 * 13);
    for (int i = 0; i < 3; i++)
        subx_instance_free(instances[i]);
    subx_instance_free(NULL);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* A held instance that is reset lets its memory be looked at: pristine after each call. */
static void test_held_memory(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    subx_instance *instance = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_instance_new(runtime, &instance, &error), SUBX_OK);
    const subx_entry *add = subx_runtime_entry(runtime, "test_returns_mutable_static");
    for (int i = 0; i < 3; i++) {
        const subx_slice memory = subx_instance_memory(instance);
        assert_int_equal(memory.len, 33 * 65536);
        assert_memory_equal(memory.data + 1048576, "\x20\0\0\0", 4);
        expect_held(instance, add, SUBX_EMPTY, SUBX_OK, LITERAL("\x21\0\0\0"));
    }
    /* The instance goes back to the others, and is used again. */
    const uint64_t made = subx_runtime_stats_of(runtime).instances;
    subx_instance_free(instance);
    expect_output(runtime, "test_returns_mutable_static", SUBX_EMPTY, LITERAL("\x21\0\0\0"));
    assert_int_equal(subx_runtime_stats_of(runtime).instances, made);
    subx_runtime_free(runtime);

    options.strategy = SUBX_STRATEGY_POOLING;
    runtime = load_runtime(executor, guest_wasm("integration"), &options);
    assert_int_equal(subx_instance_new(runtime, &instance, &error), SUBX_OK);
    expect_held(instance, subx_runtime_entry(runtime, "test_returns_mutable_static"), SUBX_EMPTY,
                SUBX_OK, LITERAL("\x21\0\0\0"));
    assert_int_equal(subx_instance_memory(instance).len, 0);
    subx_instance_free(instance);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* An entry of another runtime is the caller's mistake. Checked builds abort. */
static void test_foreign_entry(void **state)
{
    (void)state;
#ifndef SUBX_CHECKED
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *one = load_runtime(executor, guest_wasm("integration"), &options);
    subx_runtime *other = load_runtime(executor, guest_wasm("table"), &options);
    subx_instance *instance = NULL;
    subx_bytes output = SUBX_BYTES_INIT;
    assert_int_equal(subx_instance_new(other, &instance, NULL), SUBX_OK);
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_instance_call(instance, subx_runtime_entry(one, "test_echo"), SUBX_EMPTY,
                                        NULL, &output, &error),
                     SUBX_MISUSE);
    subx_instance_free(instance);
    subx_runtime_free(one);
    subx_runtime_free(other);
    subx_executor_free(executor);
#endif
}

/* ---- Exported globals ---- */

static void expect_global(subx_runtime *runtime, const char *name, subx_value_kind kind,
                          uint64_t bits)
{
    bool found = false;
    subx_value_kind got_kind = SUBX_VALUE_I32;
    subx_value value = {.u64 = 0};
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_runtime_global(runtime, name, &found, &got_kind, &value, &error),
                     SUBX_OK);
    assert_true(found);
    assert_int_equal(got_kind, kind);
    if (kind == SUBX_VALUE_I32 || kind == SUBX_VALUE_F32)
        assert_int_equal(value.u32, bits);
    else
        assert_int_equal(value.u64, bits);
}

static void expect_no_global(subx_runtime *runtime, const char *name, subx_status status)
{
    bool found = true;
    subx_value_kind kind = SUBX_VALUE_F64;
    subx_value value = {.u64 = 7};
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_runtime_global(runtime, name, &found, &kind, &value, &error), status);
    assert_false(found);
}

static void test_globals(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    /* The entry adds one to the last global. */
    subx_bytes code = wasm_module(
        RUNTIME_START
        " 05(01 00 01)"
        " 06(05 7f 00 41 8008 0b 7e 00 42 7f 0b 7d 00 43 000080bf 0b 7c 01 44 00000000000004c0 0b"
        " 7f 01 41 05 0b)"
        " 07(07 ('memory') 02 00 ('__heap_base') 03 00 ('long') 03 01 ('float') 03 02"
        " ('double') 03 03 ('count') 03 04 ('run') 00 00)"
        " 0a(01 (00 23 04 41 01 6a 24 04 42 00 0b))");
    subx_runtime *runtime = load_runtime(executor, wasm_slice(code), &options);
    subx_bytes_free(&code);
    for (int round = 0; round < 2; round++) {
        expect_global(runtime, "__heap_base", SUBX_VALUE_I32, 1024);
        expect_global(runtime, "long", SUBX_VALUE_I64, UINT64_MAX);
        expect_global(runtime, "float", SUBX_VALUE_F32, 0xbf800000);
        expect_global(runtime, "double", SUBX_VALUE_F64, 0xc004000000000000);
        expect_global(runtime, "count", SUBX_VALUE_I32, 5);
        expect_no_global(runtime, "missing", SUBX_OK);
        expect_no_global(runtime, "run", SUBX_OTHER);
        expect_no_global(runtime, "memory", SUBX_OTHER);
        expect_output(runtime, "run", SUBX_EMPTY, SUBX_EMPTY);
    }
    subx_runtime_free(runtime);

    options.extensions = SUBX_EXTENSION_SIMD | SUBX_EXTENSION_REFERENCE_TYPES;
    code = wasm_module(RUNTIME_START " 05(01 00 01)"
                                     " 06(03 7f 00 41 08 0b 70 00 d0 70 0b"
                                     " 7b 00 fd 0c 00000000000000000000000000000000 0b)"
                                     " 07(04 ('memory') 02 00 ('__heap_base') 03 00"
                                     " ('reference') 03 01 ('vector') 03 02)" RUNTIME_END);
    runtime = load_runtime(executor, wasm_slice(code), &options);
    subx_bytes_free(&code);
    expect_no_global(runtime, "reference", SUBX_OTHER);
    expect_no_global(runtime, "vector", SUBX_OTHER);
    expect_global(runtime, "__heap_base", SUBX_VALUE_I32, 8);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_tables),
        cmocka_unit_test(test_no_table),
        OVER_ALL(test_held_instances),
        cmocka_unit_test(test_held_memory),
        cmocka_unit_test(test_foreign_entry),
        OVER_ALL(test_globals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
