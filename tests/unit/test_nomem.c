/*
 * Failure sweeps: the first allocation of the host fails, then the second, and so on until the whole succeeds.
 * Each failure says so, leaves nothing behind (AddressSanitizer looks) and hinders nothing afterwards. Only the
 * checked flavour can make allocations fail; the other runs each scenario once.
 */
#include "guests.h"

#include <stdlib.h>
#include <unistd.h>

#include "util/hex.h"
#include "util/mem.h"
#include "wasm_bytes.h"

/* What a scenario works with and on. */
struct scene {
    subx_executor *executor;
    subx_runtime *runtime;
    subx_runtime_options options;
    subx_slice code;
    const char *method;
    subx_slice input;
    bool new_executor; /* for each attempt */
};

/* One attempt; cleans up what it made. Everything it calls answers SUBX_NOMEM or succeeds. */
typedef subx_status (*attempt_fn)(struct scene *scene, subx_error *error);

/* Sweep; the number of allocations that the whole takes. */
static unsigned sweep(const char *name, attempt_fn attempt, struct scene *scene)
{
    unsigned count = 0;
    subx_status status = SUBX_NOMEM;
    for (; status != SUBX_OK; count++) {
        if (count > 20000)
            fail_msg("%s never succeeds", name);
        subx_error error = SUBX_ERROR_INIT;
        subx_mem__fail_after(count);
        status = attempt(scene, &error);
        subx_mem__fail_after(-1);
        if (status != SUBX_OK && (status != SUBX_NOMEM || error.status != SUBX_NOMEM ||
                                  strstr(error.message, "memory") == NULL))
            fail_msg("%s, allocation %u: %s, %s: '%s'", name, count, subx_status_name(status),
                     subx_status_name(error.status), error.message);
    }
    /* And once more, with nothing in the way. */
    subx_error error = SUBX_ERROR_INIT;
    if (attempt(scene, &error) != SUBX_OK)
        fail_msg("%s afterwards: %s", name, error.message);
#ifdef SUBX_CHECKED
    if (count < 2)
        fail_msg("%s: no allocation failed", name);
#endif
    return count;
}

/* ---- Executors and runtimes ---- */

static subx_status make_executor(struct scene *scene, subx_error *error)
{
    (void)scene;
    subx_executor *executor = NULL;
    const subx_status status = subx_executor_new(NULL, &executor, error);
    assert_true((executor != NULL) == (status == SUBX_OK));
    subx_executor_free(executor);
    return status;
}

static void test_executor(void **state)
{
    (void)state;
    struct scene scene = {0};
    sweep("executor", make_executor, &scene);
}

static subx_status load_code(struct scene *scene, subx_error *error)
{
    subx_code *code = NULL;
    const subx_status status = subx_code_load(scene->code, 0, &code, error);
    assert_true((code != NULL) == (status == SUBX_OK));
    subx_code_free(code);
    return status;
}

static void test_code(void **state)
{
    (void)state;
    static const char *const names[] = {"integration", "table", "extensions"};
    for (int i = 0; i < 3; i++) {
        struct scene scene = {.code = guest_wasm(names[i])};
        sweep(names[i], load_code, &scene);
        /* As hex text. */
        struct subx_buf text = SUBX_BUF_INIT;
        subx_hex__append(&text, guest_wasm(names[i]));
        scene.code = subx_buf__slice(&text);
        sweep("hex text", load_code, &scene);
        subx_buf__free(&text);
    }
}

/* On a new executor, whose engines are made too, or on one that has them. */
static subx_status load(struct scene *scene, subx_error *error)
{
    subx_executor *executor = scene->executor;
    if (scene->new_executor) {
        subx_executor_options options = SUBX_EXECUTOR_OPTIONS_INIT;
        options.parallel_compilation = false;
        const subx_status status = subx_executor_new(&options, &executor, error);
        if (status != SUBX_OK)
            return status;
    }
    subx_runtime *runtime = NULL;
    const subx_status status =
        subx_runtime_load(executor, scene->code, &scene->options, &runtime, error);
    assert_true((runtime != NULL) == (status == SUBX_OK));
    subx_runtime_free(runtime);
    if (scene->new_executor)
        subx_executor_free(executor);
    return status;
}

static bool do_nothing(void *user, subx_call *call, subx_value *values)
{
    (void)user, (void)call, (void)values;
    return true;
}

static void test_load(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    static const subx_host_import imports[] = {
        {"env", "missing_external", "", "", do_nothing, NULL},
        {"other", "missing_external", "", "I", do_nothing, NULL}};
    struct scene scene = {.executor = new_executor(),
                          .options = options_of(strategy),
                          .code = guest_wasm("not_existing")};
    scene.options.allow_missing_imports = true;
    scene.options.imports = imports;
    scene.options.import_count = 2;
    sweep("load", load, &scene);
    scene.options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 100};
    sweep("load, dynamic heap", load, &scene);
    scene.options.stack_logical_max = 1000;
    scene.options.stack_native_max = 1 << 20;
    sweep("load with a stack limit", load, &scene);
    scene.new_executor = true;
    sweep("load on a new executor", load, &scene);
    scene.new_executor = false;
    scene.options.heap = (subx_heap){SUBX_HEAP_STATIC, 16};
    scene.options.stack_logical_max = 0;

    /* From an artifact that fits, and one that does not. */
    subx_bytes artifact = prepare(scene.executor, scene.code, &scene.options);
    scene.code = wasm_slice(artifact);
    sweep("load an artifact", load, &scene);
    scene.options.canonicalize_nans = true;
    sweep("load an artifact of other options", load, &scene);
    subx_bytes_free(&artifact);
    subx_executor_free(scene.executor);
}

/* Code that cannot be loaded: the failure of an allocation goes before the other, or does not matter. */
static subx_status fail_to_load(struct scene *scene, subx_error *error)
{
    subx_runtime *runtime = NULL;
    const subx_status status =
        subx_runtime_load(scene->executor, scene->code, &scene->options, &runtime, error);
    assert_null(runtime);
    return status == SUBX_MISSING_IMPORTS || status == SUBX_INSTANTIATION ||
                   status == SUBX_INVALID_MODULE
               ? SUBX_OK
               : status;
}

static void test_failing_load(void **state)
{
    (void)state;
    struct scene scene = {.executor = new_executor(),
                          .options = options_of(SUBX_STRATEGY_RESET),
                          .code = guest_wasm("not_existing")};
    sweep("missing imports", fail_to_load, &scene);
    scene.code = guest_wasm("integration");
    scene.options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 1};
    sweep("no memory for the module", fail_to_load, &scene);
    /* An empty body where a value is due: the engine's text becomes the message. */
    subx_bytes code = wasm_module("01(01 60 00 01 7f) 03(01 00) 05(01 00 01) 06(01 7f 00 41 08 0b)"
                                  " 07(02 ('memory') 02 00 ('__heap_base') 03 00) 0a(01 (00 0b))");
    scene.code = wasm_slice(code);
    sweep("invalid code", fail_to_load, &scene);
    subx_bytes_free(&code);
    subx_executor_free(scene.executor);
}

/* ---- Artifacts ---- */

static subx_status prepare_artifact(struct scene *scene, subx_error *error)
{
    subx_code *code = NULL;
    subx_bytes artifact = SUBX_BYTES_INIT;
    subx_status status = subx_code_load(scene->code, 0, &code, error);
    if (status == SUBX_OK)
        status = subx_artifact_prepare(scene->executor, code, &scene->options, &artifact, error);
    assert_true((artifact.data != NULL) == (status == SUBX_OK));
    subx_bytes_free(&artifact);
    subx_code_free(code);
    return status;
}

static subx_status load_file(struct scene *scene, subx_error *error)
{
    subx_runtime *runtime = NULL;
    const subx_status status =
        subx_runtime_load_file(scene->executor, scene->method, &scene->options, &runtime, error);
    assert_true((runtime != NULL) == (status == SUBX_OK));
    subx_runtime_free(runtime);
    return status;
}

static subx_status load_descriptor(struct scene *scene, subx_error *error)
{
    FILE *file = fopen(scene->method, "rbe");
    assert_non_null(file);
    subx_runtime *runtime = NULL;
    const subx_status status = subx_runtime_load_descriptor(scene->executor, fileno(file),
                                                            &scene->options, &runtime, error);
    assert_true((runtime != NULL) == (status == SUBX_OK));
    subx_runtime_free(runtime);
    fclose(file);
    return status;
}

static void test_artifacts(void **state)
{
    (void)state;
    struct scene scene = {.executor = new_executor(),
                          .options = options_of(SUBX_STRATEGY_RESET),
                          .code = guest_wasm("table")};
    sweep("prepare", prepare_artifact, &scene);

    char folder[] = "test_nomem.XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    subx_bytes artifact = prepare(scene.executor, scene.code, &scene.options);
    for (int i = 0; i < 2; i++) {
        const subx_slice contents = i == 0 ? wasm_slice(artifact) : guest_wasm("table");
        FILE *file = fopen(path, "wbe");
        assert_non_null(file);
        assert_int_equal(fwrite(contents.data, 1, contents.len, file), contents.len);
        assert_int_equal(fclose(file), 0);
        scene.method = path;
        sweep("load a file", load_file, &scene);
        sweep("load a descriptor", load_descriptor, &scene);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    subx_bytes_free(&artifact);
    subx_executor_free(scene.executor);
}

/* ---- Calls ---- */

static void drop_line(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    (void)data, (void)level, (void)target, (void)message;
}

/* Any end of a call will do that is not for lack of memory. */
static subx_status call(struct scene *scene, subx_error *error)
{
    subx_call_options options = SUBX_CALL_OPTIONS_INIT;
    options.log = drop_line;
    options.log_level = SUBX_LOG_TRACE;
    subx_bytes output = SUBX_BYTES_INIT;
    const subx_status status =
        subx_runtime_call(scene->runtime, scene->method, scene->input, &options, &output, error);
    assert_true((output.data != NULL) == (status == SUBX_OK));
    subx_bytes_free(&output);
    return status == SUBX_NOMEM ? SUBX_NOMEM : SUBX_OK;
}

static subx_status hold(struct scene *scene, subx_error *error)
{
    subx_instance *instance = NULL;
    subx_status status = subx_instance_new(scene->runtime, &instance, error);
    assert_true((instance != NULL) == (status == SUBX_OK));
    const subx_entry *entry = subx_runtime_entry(scene->runtime, scene->method);
    for (int i = 0; i < 2 && status == SUBX_OK; i++) {
        subx_bytes output = SUBX_BYTES_INIT;
        status = subx_instance_call(instance, entry, scene->input, NULL, &output, error);
        subx_bytes_free(&output);
    }
    subx_instance_free(instance);
    return status;
}

static subx_status read_global(struct scene *scene, subx_error *error)
{
    bool found = false;
    subx_value_kind kind = SUBX_VALUE_I32;
    subx_value value = {.u64 = 0};
    return subx_runtime_global(scene->runtime, "__heap_base", &found, &kind, &value, error);
}

static void test_calls(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    struct scene scene = {.executor = new_executor(), .options = options_of(strategy)};
    /* Under the resetting strategy a call that grew the memory costs an instance, so that each is made anew. */
    scene.options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 100};
    scene.runtime = load_runtime(scene.executor, guest_wasm("integration"), &scene.options);
    static const char *const methods[] = {
        "test_echo",           "test_panic_with_input",      "test_blake2_256",
        "test_keccak_512",     "test_unreachable_intrinsic", "test_log",
        "test_free_twice",     "test_allocate_and_free",     "test_panic_and_return",
        "test_return_overflow"};
    scene.input = LITERAL("\1 some input");
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        scene.method = methods[i];
        sweep(methods[i], call, &scene);
    }
    scene.method = "test_echo";
    sweep("held instance", hold, &scene);
    if (strategy != SUBX_STRATEGY_RESET) /* which has an instance to look at */
        sweep("global", read_global, &scene);
    expect_output(scene.runtime, "test_echo", LITERAL("abc"), LITERAL("abc"));
    subx_runtime_free(scene.runtime);
    subx_executor_free(scene.executor);
}

/* Where the guest allocates by itself. */
static void test_own_allocator(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    struct scene scene = {.executor = new_executor(),
                          .options = options_of(strategy),
                          .code = guest_wasm("own_allocator"),
                          .input = LITERAL("some input")};
    sweep("load", load, &scene);
    scene.runtime = load_runtime(scene.executor, scene.code, &scene.options);
    scene.method = "echo";
    sweep("echo", call, &scene);
    sweep("echo on a held instance", hold, &scene);
    scene.method = "hash";
    sweep("hash", call, &scene);
    expect_output(scene.runtime, "echo", LITERAL("abc"), LITERAL("abc"));
    subx_runtime_free(scene.runtime);
    subx_executor_free(scene.executor);
}

/* The reset itself allocates nothing, so that it cannot fail for lack of memory. */
static void test_reset_allocates_nothing(void **state)
{
    (void)state;
    struct scene scene = {.executor = new_executor(),
                          .options = options_of(SUBX_STRATEGY_RESET),
                          .method = "test_returns_mutable_static"};
    scene.runtime = load_runtime(scene.executor, guest_wasm("integration"), &scene.options);
    expect_output(scene.runtime, scene.method, SUBX_EMPTY, LITERAL("\x21\0\0\0"));
    (void)subx_mem__fail_after(-1);
    for (int i = 0; i < 10; i++)
        expect_output(scene.runtime, scene.method, SUBX_EMPTY, LITERAL("\x21\0\0\0"));
    /* One for each output. */
    const uint64_t allocations = subx_mem__fail_after(-1);
#ifdef SUBX_CHECKED
    assert_int_equal(allocations, 10);
#else
    assert_int_equal(allocations, 0);
#endif
    sweep("a call on an instance that is there", call, &scene);
    assert_int_equal(subx_runtime_stats_of(scene.runtime).discarded, 0);
    subx_runtime_free(scene.runtime);
    subx_executor_free(scene.executor);
}

/* The answer, or a failure; never another answer. */
static subx_status ask_for_version(struct scene *scene, subx_error *error)
{
    subx_bytes output = SUBX_BYTES_INIT;
    const subx_status status =
        subx_runtime_call(scene->runtime, "run", scene->input, NULL, &output, error);
    /* Some, and a compact length, before the 60 bytes of the version. */
    if (status == SUBX_OK && (output.len != 62 || memcmp(output.data,
                                                         "\1\xf0\x14"
                                                         "basic",
                                                         8) != 0))
        fail_msg("for lack of memory the guest was told something else: %zu bytes", output.len);
    subx_bytes_free(&output);
    return status;
}

/* A host function that cannot have memory: the call says so, and does not blame the guest. */
static void test_version_of_code(void **state)
{
    (void)state;
    struct scene scene = {.executor = new_executor(), .options = options_of(SUBX_STRATEGY_RESET)};
    /* Asks for the version of its input. */
    subx_bytes code = wasm_module(
        "01(02 60 02 7f 7f 01 7e 60 01 7e 01 7e)"
        " 02(01 ('env') ('ext_misc_runtime_version_version_1') 00 01) 03(01 00) 05(01 00 02)"
        " 06(01 7f 00 41 8008 0b) 07(03 ('run') 00 01 ('memory') 02 00 ('__heap_base') 03 00)"
        " 0a(01 (00 20 00 ad 20 01 ad 42 20 86 84 10 00 0b))");
    scene.runtime = load_runtime(scene.executor, wasm_slice(code), &scene.options);
    subx_bytes_free(&code);
    scene.input = guest_wasm("basic");
    sweep("version of code", ask_for_version, &scene);
    subx_runtime_free(scene.runtime);
    subx_executor_free(scene.executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_executor),
        cmocka_unit_test(test_code),
        OVER_ALL(test_load),
        cmocka_unit_test(test_failing_load),
        cmocka_unit_test(test_artifacts),
        OVER_ALL(test_calls),
        OVER_ALL(test_own_allocator),
        cmocka_unit_test(test_reset_allocates_nothing),
        cmocka_unit_test(test_version_of_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
