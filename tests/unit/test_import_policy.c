/*
 * What becomes of imports when code is loaded: the import policy, what is missing, and what the
 * messages say; and that the options of a call reach its host functions.
 */
#include "guests.h"

#include "util/mem.h"
#include "wasm_bytes.h"

#define FIRST "ext_unknown_first_version_1"
#define SECOND "ext_unknown_second_version_1"

static subx_import_policy *parse(const char *text)
{
    subx_import_policy *policy = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_import_policy_parse(subx_slice__text(text), &policy, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return policy;
}

/* Load the guest with that policy; the policy is gone when the runtime is used. */
static subx_runtime *load(subx_executor *executor, const char *policy_text)
{
    subx_import_policy *const policy = parse(policy_text);
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.import_policy = policy;
    subx_runtime *const runtime = load_runtime(executor, guest_wasm("missing_imports"), &options);
    subx_import_policy_free(policy);
    return runtime;
}

static void load_fails(subx_executor *executor, const char *policy_text, subx_status status,
                       const char *message)
{
    subx_import_policy *const policy = parse(policy_text);
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.import_policy = policy;
    options.allow_missing_imports = true;
    expect_no_runtime(executor, guest_wasm("missing_imports"), &options, status, message);
    subx_import_policy_free(policy);
}

/* `unsafe` answers what the first import answers, as pointer-size: here 4 bytes at the start. */
static void returning(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    subx_runtime *const runtime = load(executor, FIRST " return 0x400000000\n" SECOND " return\n");
    expect_output(runtime, "unsafe", SUBX_EMPTY, LITERAL("\0\0\0\0"));
    expect_output(runtime, "safe", SUBX_EMPTY, SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

static void trapping(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    subx_runtime *const runtime = load(executor, FIRST " trap\nenv:" SECOND " trap\n");
    expect_failure(runtime, "unsafe", SUBX_EMPTY, SUBX_ABORTED_DUE_TO_TRAP,
                   "call to the function env:" FIRST
                   " (i32, i64) -> i64: the import policy lets it trap");
    expect_output(runtime, "safe", SUBX_EMPTY, SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

static void refusing(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    load_fails(executor, FIRST " refuse\n", SUBX_MISSING_IMPORTS,
               "the import policy refuses code that imports 'env:" FIRST "' (i32, i64) -> i64");
    load_fails(executor, SECOND " refuse\n" FIRST " refuse\n", SUBX_MISSING_IMPORTS,
               "'env:" FIRST "' (i32, i64) -> i64, 'env:" SECOND "' ()");
    /* a function that this library has */
    load_fails(executor, "ext_allocator_free_version_1 refuse", SUBX_MISSING_IMPORTS,
               "'env:ext_allocator_free_version_1' (i32)");
    subx_executor_free(executor);
}

static void not_fitting(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    load_fails(executor, "\n" FIRST " return\n", SUBX_INVALID_INPUT,
               "the import policy, line 2, does not fit 'env:" FIRST
               "' (i32, i64) -> i64: it has a result");
    load_fails(executor, SECOND " return 0\n", SUBX_INVALID_INPUT,
               "the import policy, line 1, does not fit 'env:" SECOND "' (): it has no result");
    subx_executor_free(executor);
}

/* What no rule speaks of is missing as before. */
static void still_missing(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    subx_import_policy *const policy = parse(FIRST " trap\nother:" SECOND " trap\n");
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.import_policy = policy;
    expect_no_runtime(executor, guest_wasm("missing_imports"), &options, SUBX_MISSING_IMPORTS,
                      "not present on the host: 'env:" SECOND
                      "' (); an import policy, or allow_missing_imports");
    options.allow_missing_imports = true;
    subx_runtime *const runtime = load_runtime(executor, guest_wasm("missing_imports"), &options);
    subx_import_policy_free(policy);
    expect_output(runtime, "safe", SUBX_EMPTY, SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* ---- Before the caller's own functions ---- */

static bool never(void *user, subx_call *call, subx_value *values)
{
    (void)user, (void)values;
    return subx_call_fail(call, "the caller's own function");
}

static void before_custom_functions(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    const subx_host_import imports[] = {{"env", FIRST, "iI", "I", never, NULL},
                                        {"env", SECOND, "", "", never, NULL}};
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.imports = imports;
    options.import_count = 2;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("missing_imports"), &options);
    expect_failure(runtime, "unsafe", SUBX_EMPTY, SUBX_ABORTED_DUE_TO_TRAP,
                   "host code panicked while being called by the runtime: " FIRST
                   ": the caller's own function");
    subx_runtime_free(runtime);
    subx_import_policy *const policy = parse(FIRST " return 0");
    options.import_policy = policy;
    runtime = load_runtime(executor, guest_wasm("missing_imports"), &options);
    expect_output(runtime, "unsafe", SUBX_EMPTY, SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_import_policy_free(policy);
    subx_executor_free(executor);
}

/* ---- Types ---- */

/* A module that imports ext_misc_print_num_version_1 with one parameter of i32, not i64. */
static const char wrong_import[] = "01(02 60 01 7f 00 60 02 7f 7f 01 7e)"
                                   "02(01 ('env') ('ext_misc_print_num_version_1') 00 00)"
                                   "03(01 01) 05(01 00 01) 06(01 7f 00 41 80 08 0b)"
                                   "07(03 ('memory') 02 00 ('run') 00 01 ('__heap_base') 03 00)"
                                   "0a(01 (00 42 00 0b))";

static void wrong_types(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    subx_bytes code = wasm_module(wrong_import);
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    expect_no_runtime(executor, wasm_slice(code), &options, SUBX_INVALID_MODULE,
                      "the runtime imports 'ext_misc_print_num_version_1' with another type than "
                      "the host function has: (i32), not (i64)");
    /* a rule goes before that, too */
    subx_import_policy *const policy = parse("ext_misc_print_num_version_1 return");
    options.import_policy = policy;
    subx_runtime *const runtime = load_runtime(executor, wasm_slice(code), &options);
    expect_output(runtime, "run", SUBX_EMPTY, SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_import_policy_free(policy);
    subx_bytes_free(&code);
    subx_executor_free(executor);
}

/* ---- A guest that imports everything ---- */

/* All functions of the reference's notes but the sandbox are there, with their types. */
static void everything(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    subx_code *code = NULL;
    assert_int_equal(subx_code_load_file(SUBX_TEST_DRIVERS "/driver-all.wasm", 0, &code, NULL),
                     SUBX_OK);
    size_t known = 0;
    for (size_t i = 0; i < subx_code_import_count(code); i++)
        known += subx_code_import(code, i).known;
    assert_int_equal(known + 8, subx_code_import_count(code));
    subx_import_policy *const policy = parse("ext_sandbox_instance_teardown_version_1 return\n"
                                             "ext_sandbox_memory_teardown_version_1 return\n"
                                             "ext_sandbox_get_global_val_version_1 trap\n"
                                             "ext_sandbox_instantiate_version_1 return -1\n"
                                             "ext_sandbox_invoke_version_1 return -3\n"
                                             "ext_sandbox_memory_get_version_1 return -2\n"
                                             "ext_sandbox_memory_new_version_1 trap\n"
                                             "ext_sandbox_memory_set_version_1 return -2\n");
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.import_policy = policy;
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_runtime_new(executor, code, &options, &runtime, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    expect_output(runtime, "run", SUBX_EMPTY, SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_import_policy_free(policy);
    subx_code_free(code);
    subx_executor_free(executor);
}

/* ---- The options of a call ---- */

/*
 * A module that asks for the time, whether the node is a validator and the size of the proof, and
 * answers the sum as the pointer of an empty range: where it lies outside, the error says it.
 */
static const char asking[] =
    "01(03 60 00 01 7e 60 00 01 7f 60 02 7f 7f 01 7e)"
    "02(03 ('env') ('ext_offchain_timestamp_version_1') 00 00"
    " ('env') ('ext_offchain_is_validator_version_1') 00 01"
    " ('env') ('ext_storage_proof_size_storage_proof_size_version_1') 00 00)"
    "03(01 02) 05(01 00 01) 06(01 7f 00 41 80 08 0b)"
    "07(03 ('memory') 02 00 ('run') 00 03 ('__heap_base') 03 00)"
    "0a(01 (00 10 00 10 01 ad 7c 10 02 7c 0b))";

static uint64_t timestamp(void *data)
{
    return *(const uint64_t *)data;
}

static bool is_validator(void *data)
{
    (void)data;
    return true;
}

static void call_options(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    subx_bytes code = wasm_module(asking);
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *const runtime = load_runtime(executor, wasm_slice(code), &options);
    expect_failure(runtime, "run", SUBX_EMPTY, SUBX_ABORTED_DUE_TO_TRAP,
                   "host code panicked while being called by the runtime: "
                   "ext_offchain_timestamp_version_1: this can be called only in an offchain "
                   "worker, and the caller of this call has not granted it; `offchain` in the "
                   "call's options, with the function timestamp, would");
    static const subx_offchain_functions functions = {.timestamp = timestamp,
                                                      .is_validator = is_validator};
    uint64_t now = 4000000000u, size = 20;
    const subx_offchain offchain = {&functions, &now};
    subx_call_options call_options = SUBX_CALL_OPTIONS_INIT;
    call_options.offchain = &offchain;
    call_options.proof_size = timestamp;
    call_options.proof_size_data = &size;
    subx_bytes output = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_runtime_call(runtime, "run", SUBX_EMPTY, &call_options, &output, &error),
                     SUBX_OUTPUT_EXCEEDS_BOUNDS);
    assert_non_null(strstr(error.message, "0 bytes at 4000000021,"));
    /* the next call has none of it */
    subx_error_clear(&error);
    assert_int_equal(subx_runtime_call(runtime, "run", SUBX_EMPTY, NULL, &output, &error),
                     SUBX_ABORTED_DUE_TO_TRAP);
    subx_runtime_free(runtime);
    subx_bytes_free(&code);
    subx_executor_free(executor);
}

#ifdef SUBX_CHECKED
/* Loading with rules of all kinds, while the n-th allocation fails. */
static void failure_sweep(void **state)
{
    (void)state;
    subx_executor *const executor = new_executor();
    subx_code *code = NULL;
    assert_int_equal(subx_code_load(guest_wasm("missing_imports"), 0, &code, NULL), SUBX_OK);
    subx_import_policy *const policy = parse(FIRST " return 0\n" SECOND " trap\n");
    subx_runtime_options options = options_of(SUBX_STRATEGY_RECREATE_COW);
    options.import_policy = policy;
    subx_status status = SUBX_NOMEM;
    for (int64_t n = 0; status != SUBX_OK; n++) {
        subx_runtime *runtime = NULL;
        subx_mem__fail_after(n);
        status = subx_runtime_new(executor, code, &options, &runtime, NULL);
        subx_mem__fail_after(-1);
        assert_int_equal(status == SUBX_OK, runtime != NULL);
        assert_true(status == SUBX_OK || status == SUBX_NOMEM);
        subx_runtime_free(runtime);
        assert_true(n < 1000);
    }
    subx_import_policy_free(policy);
    subx_code_free(code);
    subx_executor_free(executor);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returning),     cmocka_unit_test(trapping),
        cmocka_unit_test(refusing),      cmocka_unit_test(not_fitting),
        cmocka_unit_test(still_missing), cmocka_unit_test(before_custom_functions),
        cmocka_unit_test(wrong_types),   cmocka_unit_test(everything),
        cmocka_unit_test(call_options),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failure_sweep),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
