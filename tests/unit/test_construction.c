/*
 * Making a runtime: code that is none, missing imports, start functions, and what becomes of a strategy that
 * the code, the machine or the address space do not allow (spec/executor.md sections 1.1 and 1.4).
 */
#include "guests.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/runtime_internal.h"
#include "wasm_bytes.h"

#define ENTRY_TYPE "01(01 60 02 7f 7f 01 7e)"
#define ONE_FUNCTION " 03(01 00)"
#define MEMORY " 05(01 00 01)"
#define HEAP_BASE " 06(01 7f 00 41 08 0b)"
#define EXPORTS " 07(03 ('run') 00 00 ('memory') 02 00 ('__heap_base') 03 00)"
#define BODY " 0a(01 (00 42 00 0b))"

/* ---- Code that is no runtime ---- */

static void expect_refused(subx_executor *executor, const subx_runtime_options *options,
                           const char *sections, subx_status status, const char *message)
{
    subx_bytes code = wasm_module(sections);
    expect_no_runtime(executor, wasm_slice(code), options, status, message);
    subx_bytes_free(&code);
}

static void test_no_runtime(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    static const struct {
        const char *sections;
        subx_status status;
        const char *message;
    } cases[] = {
        {ENTRY_TYPE ONE_FUNCTION MEMORY " 07(02 ('run') 00 00 ('memory') 02 00)" BODY,
         SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID, "__heap_base is not found"},
        {ENTRY_TYPE ONE_FUNCTION MEMORY " 07(02 ('memory') 02 00 ('__heap_base') 00 00)" BODY,
         SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID, "__heap_base is not a global"},
        {ENTRY_TYPE ONE_FUNCTION MEMORY " 06(01 7e 00 42 08 0b)" EXPORTS BODY,
         SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID, "__heap_base is not a i32"},
        {ENTRY_TYPE ONE_FUNCTION MEMORY " 06(01 7d 00 43 00000000 0b)" EXPORTS BODY,
         SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID, "__heap_base is not a i32"},
        {ENTRY_TYPE ONE_FUNCTION MEMORY HEAP_BASE
         " 07(02 ('mem') 02 00 ('__heap_base') 03 00)" BODY,
         SUBX_OTHER, "memory is not exported under 'memory' name"},
        {ENTRY_TYPE ONE_FUNCTION MEMORY HEAP_BASE
         " 07(02 ('memory') 00 00 ('__heap_base') 03 00)" BODY,
         SUBX_OTHER, "the `memory` export should have memory type"},
        {ENTRY_TYPE ONE_FUNCTION HEAP_BASE " 07(01 ('__heap_base') 03 00)" BODY, SUBX_OTHER,
         "memory is not exported under 'memory' name"},
        /* Data behind the memory, elements behind the table. */
        {ENTRY_TYPE ONE_FUNCTION MEMORY HEAP_BASE EXPORTS BODY " 0b(01 00 41 ffff03 0b ('ab'))",
         SUBX_INSTANTIATION, "wasm trap: out of bounds memory access"},
        {ENTRY_TYPE ONE_FUNCTION " 04(01 70 00 01)" MEMORY HEAP_BASE EXPORTS
                                 " 09(01 00 41 01 0b 01 00)" BODY,
         SUBX_INSTANTIATION, "wasm trap: undefined element: out of bounds table access"},
        /* Imports that are no functions: a table, a global. Of a known function, another type. */
        {ENTRY_TYPE " 02(01 ('env') ('t') 01 70 00 01)" ONE_FUNCTION MEMORY HEAP_BASE EXPORTS BODY,
         SUBX_INVALID_MODULE, "'env:t', which is no function"},
        {ENTRY_TYPE " 02(01 ('env') ('g') 03 7f 00)" ONE_FUNCTION MEMORY
                    " 07(02 ('memory') 02 00 ('__heap_base') 03 00)" BODY,
         SUBX_INVALID_MODULE, "'env:g', which is no function"},
        {ENTRY_TYPE " 02(01 ('env') ('ext_allocator_malloc_version_1') 00 00)" ONE_FUNCTION MEMORY
             HEAP_BASE EXPORTS BODY,
         SUBX_INVALID_MODULE, "ext_allocator_malloc_version_1"},
        /* Valid for a parser, not for the engine: a body that leaves nothing. */
        {ENTRY_TYPE ONE_FUNCTION MEMORY HEAP_BASE EXPORTS " 0a(01 (00 0b))", SUBX_INVALID_MODULE,
         "compiling the runtime"},
    };
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(strategy);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(executor, &options, cases[i].sections, cases[i].status, cases[i].message);
    expect_no_runtime(executor, LITERAL("\0asm\1\0\0\0\1"), &options, SUBX_CANT_DESERIALIZE_WASM,
                      "");
    expect_no_runtime(executor, SUBX_EMPTY, &options, SUBX_INVALID_INPUT, "");
    /* What is well still loads. */
    subx_bytes code = wasm_module(ENTRY_TYPE ONE_FUNCTION MEMORY HEAP_BASE EXPORTS BODY);
    subx_runtime *runtime = load_runtime(executor, wasm_slice(code), &options);
    expect_output(runtime, "run", SUBX_EMPTY, SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_bytes_free(&code);
    subx_executor_free(executor);
}

/* ---- Missing imports ---- */

/* The reference's text, and after it whatever helps. */
static void expect_missing(subx_runtime *runtime, const char *method, const char *text)
{
    for (int round = 0; round < 2; round++) {
        struct outcome outcome;
        call_export(runtime, method, SUBX_EMPTY, &outcome);
        assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
        const size_t len = strlen(text);
        if (strncmp(outcome.error.message, text, len) != 0 ||
            (outcome.error.message[len] != '\0' && outcome.error.message[len] != ' '))
            fail_msg("%s: %s", method, outcome.error.message);
        assert_non_null(strstr(outcome.error.backtrace, method));
        outcome_free(&outcome);
    }
}

static void test_missing_imports(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    /* All of them, and nothing that is there. */
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(
        subx_runtime_load(executor, guest_wasm("not_existing"), &options, &runtime, &error),
        SUBX_MISSING_IMPORTS);
    static const char *const parts[] = {("runtime requires function imports which are not present "
                                         "on the host: 'env:missing_external'"),
                                        "'env:yet_another_missing_external'",
                                        "'other:missing_external'"};
    for (int i = 0; i < 3; i++)
        if (strstr(error.message, parts[i]) == NULL)
            fail_msg("'%s' lacks '%s'", error.message, parts[i]);
    assert_null(strstr(error.message, "ext_allocator_free"));

    options.allow_missing_imports = true;
    runtime = load_runtime(executor, guest_wasm("not_existing"), &options);
    expect_output(runtime, "safe", SUBX_EMPTY, SUBX_EMPTY);
    expect_missing(runtime, "test_calling_missing_external",
                   "call to a missing function env:missing_external");
    expect_missing(runtime, "test_calling_yet_another_missing_external",
                   "call to a missing function env:yet_another_missing_external");
    expect_missing(runtime, "test_calling_of_another_module",
                   "call to a missing function other:missing_external");
    expect_output(runtime, "safe", SUBX_EMPTY, SUBX_EMPTY);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* Many missing imports with long names: listed as far as the message has room, and said to be cut. */
static void test_many_missing_imports(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    struct subx_buf text = SUBX_BUF_INIT;
    subx_buf__append_text(&text, ENTRY_TYPE " 02(c801");
    for (int i = 0; i < 200; i++)
        subx_buf__append_format(&text, " ('env') ('missing_%0100d') 00 00", i);
    subx_buf__append_text(&text, ") 05(01 00 01) 06(01 7f 00 41 08 0b)"
                                 " 07(02 ('memory') 02 00 ('__heap_base') 03 00)");
    subx_buf__append_u8(&text, '\0');
    assert_false(text.failed);
    subx_bytes code = wasm_module((const char *)text.data);
    subx_buf__free(&text);
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_runtime_load(executor, wasm_slice(code), &options, &runtime, &error),
                     SUBX_MISSING_IMPORTS);
    assert_non_null(strstr(error.message, "... [cut]"));
    subx_bytes_free(&code);
    subx_executor_free(executor);
}

/* ---- Strategies that give way ---- */

struct notices {
    unsigned count;
    char last[1024];
};

static void take_notice(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    struct notices *notices = data;
    assert_int_equal(level, SUBX_LOG_WARN);
    assert_true(subx_slice__equal(target, LITERAL("subexec")));
    notices->count++;
    snprintf(notices->last, sizeof notices->last, "%.*s", (int)message.len,
             (const char *)message.data);
}

static subx_executor *noticing_executor(struct notices *notices)
{
    subx_executor_free(new_executor()); /* signals, see there */
    *notices = (struct notices){0, ""};
    subx_executor_options options = SUBX_EXECUTOR_OPTIONS_INIT;
    options.log = take_notice;
    options.log_data = notices;
    subx_executor *executor = NULL;
    assert_int_equal(subx_executor_new(&options, &executor, NULL), SUBX_OK);
    return executor;
}

static void expect_fallback(const struct notices *notices, subx_runtime *runtime,
                            subx_strategy wanted, subx_strategy got, const char *reason)
{
    char start[128];
    snprintf(start, sizeof start, "strategy %s instead of %s: ", subx_strategy_name(got),
             subx_strategy_name(wanted));
    assert_int_equal(subx_runtime_strategy(runtime), got);
    assert_int_equal(notices->count, 1);
    if (strncmp(notices->last, start, strlen(start)) != 0 || strstr(notices->last, reason) == NULL)
        fail_msg("'%s' is not '%s...%s'", notices->last, start, reason);
}

/* A start function runs for every instance: what the resetting strategy cannot do in place. */
static void test_start_function(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    struct notices notices;
    subx_executor *executor = noticing_executor(&notices);
    const subx_runtime_options options = options_of(strategy);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("start_function"), &options);
    if (strategy == SUBX_STRATEGY_RESET)
        expect_fallback(&notices, runtime, strategy, SUBX_STRATEGY_RECREATE_COW,
                        "it has a start function");
    else
        assert_int_equal(subx_runtime_strategy(runtime), strategy);
    for (int i = 0; i < 3; i++)
        expect_output(runtime, "run", SUBX_EMPTY, LITERAL("\x2a\0\0\0"));
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* A start function that calls the host, traps, or never ends of its own. */
static void test_bad_start_functions(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(strategy);
    expect_refused(executor, &options,
                   "01(02 60 02 7f 7f 01 7e 60 00 00) 03(02 00 01)" MEMORY HEAP_BASE EXPORTS
                   " 08 (01) 0a(02 (00 42 00 0b) (00 00 0b))",
                   SUBX_INSTANTIATION, "wasm trap: wasm `unreachable` instruction executed");
    expect_refused(executor, &options,
                   "01(02 60 02 7f 7f 01 7e 60 00 00) 03(02 00 01)" MEMORY HEAP_BASE EXPORTS
                   " 08 (01) 0a(02 (00 42 00 0b) (00 10 01 0b))",
                   SUBX_INSTANTIATION, "wasm trap: call stack exhausted");
    expect_refused(
        executor, &options,
        "01(03 60 02 7f 7f 01 7e 60 00 00 60 01 7f 01 7f)"
        " 02(01 ('env') ('ext_allocator_malloc_version_1') 00 02) 03(02 00 01)" MEMORY HEAP_BASE
        " 07(03 ('run') 00 01 ('memory') 02 00 ('__heap_base') 03 00)"
        " 08 (02) 0a(02 (00 42 00 0b) (00 41 08 10 00 1a 0b))",
        SUBX_INSTANTIATION, "host functions cannot be called while the instance is being made");
    subx_executor_free(executor);
}

/* Everything else that cannot be reset in place, and that it works all the same. */
static void test_obstacles(void **state)
{
    (void)state;
    static const struct {
        const char *sections;
        uint32_t extensions;
        const char *reason;
    } cases[] = {
        /* memory.fill; a passive segment with memory.init and data.drop */
        {ENTRY_TYPE ONE_FUNCTION MEMORY HEAP_BASE EXPORTS
         " 0a(01 (00 41 00 41 01 41 02 fc 0b 00 42 00 0b))",
         SUBX_EXTENSION_BULK_MEMORY, "it may change its tables or drop its segments"},
        {ENTRY_TYPE ONE_FUNCTION MEMORY HEAP_BASE EXPORTS
         " 0c(01)"
         " 0a(01 (00 41 00 41 00 41 01 fc 08 00 00 fc 09 00 42 00 0b)) 0b(01 01 ('x'))",
         SUBX_EXTENSION_BULK_MEMORY, "it may change its tables or drop its segments"},
        /* table.set of null */
        {ENTRY_TYPE ONE_FUNCTION " 04(01 70 00 01)" MEMORY HEAP_BASE EXPORTS
                                 " 0a(01 (00 41 00 d0 70 26 00 42 00 0b))",
         SUBX_EXTENSION_REFERENCE_TYPES, "it may change its tables or drop its segments"},
        /* A mutable v128. */
        {ENTRY_TYPE ONE_FUNCTION MEMORY
         " 06(02 7f 00 41 08 0b 7b 01 fd 0c 00000000000000000000000000000000 0b)" EXPORTS BODY,
         SUBX_EXTENSION_SIMD, "mutable global of a reference or vector type"},
        /* A name of our own. */
        {ENTRY_TYPE ONE_FUNCTION MEMORY HEAP_BASE
         " 07(04 ('run') 00 00 ('memory') 02 00 ('__heap_base') 03 00 ('subexec_global_0') 00 "
         "00)" BODY,
         0, "exports names with the prefix"},
        /* Data that ends 65 MiB up. */
        {ENTRY_TYPE ONE_FUNCTION " 05(01 00 b008)" HEAP_BASE EXPORTS BODY
                                 " 0b(02 00 41 00 0b ('a') 00 41 80808420 0b ('b'))",
         0, "its data segments reach too far"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int dynamic = 0; dynamic < 2; dynamic++) {
            struct notices notices;
            subx_executor *executor = noticing_executor(&notices);
            subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
            options.extensions = cases[i].extensions;
            if (dynamic != 0)
                options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 0};
            subx_bytes code = wasm_module(cases[i].sections);
            subx_runtime *runtime = load_runtime(executor, wasm_slice(code), &options);
            expect_fallback(&notices, runtime, SUBX_STRATEGY_RESET, SUBX_STRATEGY_RECREATE_COW,
                            cases[i].reason);
            for (int round = 0; round < 3; round++)
                expect_output(runtime, "run", SUBX_EMPTY, SUBX_EMPTY);
            subx_runtime_free(runtime);
            subx_bytes_free(&code);
            subx_executor_free(executor);
        }
    }
}

/* A table that no slot of the pool has room for: instances on demand instead. */
static void test_beyond_the_pool(void **state)
{
    (void)state;
    static const struct {
        subx_strategy wanted;
        subx_heap heap;
        subx_strategy got;
    } cases[] = {
        {SUBX_STRATEGY_POOLING, {SUBX_HEAP_STATIC, 16}, SUBX_STRATEGY_RECREATE},
        {SUBX_STRATEGY_POOLING_COW, {SUBX_HEAP_STATIC, 16}, SUBX_STRATEGY_RECREATE_COW},
        {SUBX_STRATEGY_RESET, {SUBX_HEAP_DYNAMIC, 0}, SUBX_STRATEGY_RECREATE_COW},
    };
    /* 1 048 577 elements, one more than a slot has. */
    subx_bytes code =
        wasm_module(ENTRY_TYPE ONE_FUNCTION " 04(01 70 00 818040)" MEMORY HEAP_BASE EXPORTS BODY);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct notices notices;
        subx_executor *executor = noticing_executor(&notices);
        subx_runtime_options options = options_of(cases[i].wanted);
        options.heap = cases[i].heap;
        subx_runtime *runtime = load_runtime(executor, wasm_slice(code), &options);
        expect_fallback(&notices, runtime, cases[i].wanted, cases[i].got, "table");
        expect_output(runtime, "run", SUBX_EMPTY, SUBX_EMPTY);
        subx_runtime_free(runtime);
        subx_executor_free(executor);
    }
    subx_bytes_free(&code);
}

/* Where the kernel does not bring pages back, nothing is mapped copy-on-write. */
static void test_without_copy_on_write(void **state)
{
    (void)state;
    static const subx_strategy cases[][2] = {
        {SUBX_STRATEGY_RESET, SUBX_STRATEGY_RECREATE},
        {SUBX_STRATEGY_RECREATE_COW, SUBX_STRATEGY_RECREATE},
        {SUBX_STRATEGY_POOLING_COW, SUBX_STRATEGY_POOLING},
    };
    for (int i = 0; i < 3; i++) {
        struct notices notices;
        subx_executor *executor = noticing_executor(&notices);
        (void)subx_executor__page_support(executor);
        executor->pages.dont_need_restores = false;
        subx_runtime_options options = options_of(cases[i][0]);
        subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
        expect_fallback(&notices, runtime, cases[i][0], cases[i][1], "MADV_DONTNEED");
        for (int round = 0; round < 2; round++)
            expect_output(runtime, "test_returns_mutable_static", SUBX_EMPTY,
                          LITERAL("\x21\0\0\0"));
        subx_runtime_free(runtime);
        /* Artifacts are made for what comes of it. */
        subx_bytes artifact = prepare(executor, guest_wasm("integration"), &options);
        options.recompile_mismatched = false;
        runtime = load_runtime(executor, wasm_slice(artifact), &options);
        assert_int_equal(subx_runtime_strategy(runtime), cases[i][1]);
        subx_runtime_free(runtime);
        subx_bytes_free(&artifact);
        subx_executor_free(executor);
    }
}

/* ---- After a fork ---- */

/* A child does not have the threads that its parent compiled with. */
static void test_compiling_after_a_fork(void **state)
{
    (void)state;
    subx_executor_free(new_executor()); /* signals, see there */
    subx_executor *executor = NULL;     /* which compiles with all cores */
    assert_int_equal(subx_executor_new(NULL, &executor, NULL), SUBX_OK);
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime_free(load_runtime(executor, guest_wasm("integration"), &options));
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(30);
        subx_runtime *runtime = NULL;
        for (int i = 0; i < 3; i++) {
            if (subx_runtime_load(executor, guest_wasm("integration"), &options, &runtime, NULL) !=
                SUBX_OK)
                _exit(1);
            struct outcome outcome;
            call_export(runtime, "test_returns_mutable_static", SUBX_EMPTY, &outcome);
            if (outcome.status != SUBX_OK)
                _exit(2);
            outcome_free(&outcome);
            subx_runtime_free(runtime);
        }
        _exit(0);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    subx_runtime_free(load_runtime(executor, guest_wasm("integration"), &options));
    subx_executor_free(executor);
}

/* ---- Misuse ---- */

#ifndef SUBX_CHECKED /* which aborts */
static void expect_misuse(subx_status status, const subx_error *error)
{
    assert_int_equal(status, SUBX_MISUSE);
    assert_int_equal(error->status, SUBX_MISUSE);
    assert_non_null(strstr(error->message, "broken: "));
}

#define MISUSE(call)                        \
    do {                                    \
        subx_error error = SUBX_ERROR_INIT; \
        expect_misuse((call), &error);      \
    } while (0)

/* Broken promises of the caller: said, never followed. Outputs are empty all the same. */
static void test_misuse(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_slice wasm = guest_wasm("integration"), nothing = {NULL, 1};
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = load_runtime(executor, wasm, &options), *out = runtime;
    subx_code *code = NULL;
    assert_int_equal(subx_code_load(wasm, 0, &code, NULL), SUBX_OK);
    subx_bytes bytes = {(uint8_t *)executor, 1};
    subx_executor *other = executor;
    subx_instance *instance = NULL;

    subx_executor_options other_size = SUBX_EXECUTOR_OPTIONS_INIT;
    other_size.struct_size = 1;
    MISUSE(subx_executor_new(NULL, NULL, &error));
    MISUSE(subx_executor_new(&other_size, &other, &error));
    assert_null(other);

    MISUSE(subx_runtime_new(NULL, code, &options, &out, &error));
    assert_null(out);
    MISUSE(subx_runtime_new(executor, NULL, &options, &out, &error));
    MISUSE(subx_runtime_new(executor, code, &options, NULL, &error));
    MISUSE(subx_runtime_load(executor, nothing, &options, &out, &error));
    MISUSE(subx_runtime_load_file(executor, NULL, &options, &out, &error));
    MISUSE(subx_runtime_load_descriptor(NULL, 0, &options, &out, &error));
    MISUSE(subx_artifact_prepare(executor, NULL, &options, &bytes, &error));
    assert_null(bytes.data);
    for (int i = 0; i < 2; i++) {
        subx_runtime_options wrong = options;
        if (i == 0)
            wrong.struct_size--;
        else
            wrong.strategy = (subx_strategy)SUBX_STRATEGY_COUNT;
        MISUSE(subx_runtime_new(executor, code, &wrong, &out, &error));
        MISUSE(subx_runtime_load(executor, wasm, &wrong, &out, &error));
        MISUSE(subx_runtime_load_file(executor, "nowhere", &wrong, &out, &error));
        MISUSE(subx_runtime_load_descriptor(executor, 0, &wrong, &out, &error));
        MISUSE(subx_artifact_prepare(executor, code, &wrong, &bytes, &error));
    }

    subx_call_options call_options = SUBX_CALL_OPTIONS_INIT;
    call_options.struct_size++;
    MISUSE(subx_runtime_call(NULL, "test_echo", SUBX_EMPTY, NULL, &bytes, &error));
    MISUSE(subx_runtime_call(runtime, NULL, SUBX_EMPTY, NULL, &bytes, &error));
    MISUSE(subx_runtime_call(runtime, "test_echo", nothing, NULL, &bytes, &error));
    MISUSE(subx_runtime_call(runtime, "test_echo", SUBX_EMPTY, NULL, NULL, &error));
    MISUSE(subx_runtime_call(runtime, "test_echo", SUBX_EMPTY, &call_options, &bytes, &error));
    MISUSE(subx_runtime_call_method(runtime, NULL, SUBX_EMPTY, NULL, &bytes, &error));
    MISUSE(subx_instance_new(NULL, &instance, &error));
    MISUSE(subx_instance_call(NULL, subx_runtime_entry(runtime, "test_echo"), SUBX_EMPTY, NULL,
                              &bytes, &error));
    MISUSE(subx_runtime_global(runtime, NULL, NULL, NULL, NULL, &error));
    /* Nothing of it did any harm. */
    expect_output(runtime, "test_echo", LITERAL("abc"), LITERAL("abc"));
    subx_code_free(code);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
    subx_runtime_free(NULL);
    subx_executor_free(NULL);
}
#endif

/* ---- Short of address space ---- */

static size_t address_space_in_use(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    size_t pages = 0;
    if (statm == NULL || fscanf(statm, "%zu", &pages) != 1)
        _exit(10);
    fclose(statm);
    return pages * 4096;
}

/* In a child: load with that much more address space; 0 if the pool has `slots` and calls work. */
static int load_in_little_space(subx_executor *executor, size_t gigabytes, uint32_t slots,
                                subx_strategy expected)
{
    subx_runtime *runtime = NULL;
    subx_runtime_options options = options_of(SUBX_STRATEGY_POOLING_COW);
    const rlim_t limit = address_space_in_use() + (gigabytes << 30);
    const struct rlimit limits = {limit, RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &limits) != 0)
        return 2;
    if (subx_runtime_load(executor, guest_wasm("integration"), &options, &runtime, NULL) != SUBX_OK)
        return 3;
    if (subx_runtime_strategy(runtime) != expected || runtime->engine->slots != slots)
        return 4;
    for (int i = 0; i < 3; i++) {
        struct outcome outcome;
        call_export(runtime, "test_returns_mutable_static", SUBX_EMPTY, &outcome);
        if (outcome.status != SUBX_OK || outcome.output.data[0] != 33)
            return 5;
        outcome_free(&outcome);
    }
    subx_runtime_free(runtime);
    return 0;
}

static void test_short_of_addresses(void **state)
{
    (void)state;
    (void)guest_wasm("integration");
    static const struct {
        size_t gigabytes;
        uint32_t slots;
        subx_strategy strategy;
    } cases[] = {
        {600, 64, SUBX_STRATEGY_POOLING_COW}, {200, 32, SUBX_STRATEGY_POOLING_COW},
        {100, 16, SUBX_STRATEGY_POOLING_COW}, {50, 8, SUBX_STRATEGY_POOLING_COW},
        {20, 0, SUBX_STRATEGY_RECREATE_COW},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        subx_executor *executor = new_executor();
        (void)subx_executor__page_support(executor);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(load_in_little_space(executor, cases[i].gigabytes, cases[i].slots,
                                       cases[i].strategy));
        subx_executor_free(executor);
        int result = 0;
        assert_int_equal(waitpid(child, &result, 0), child);
        if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
            fail_msg("%zu GiB: 0x%x", cases[i].gigabytes, (unsigned)result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_no_runtime),
        OVER_ALL(test_missing_imports),
        cmocka_unit_test(test_many_missing_imports),
        OVER_ALL(test_start_function),
        OVER_ALL(test_bad_start_functions),
        cmocka_unit_test(test_obstacles),
        cmocka_unit_test(test_beyond_the_pool),
        cmocka_unit_test(test_without_copy_on_write),
#ifndef SUBX_CHECKED
        cmocka_unit_test(test_misuse),
#endif
        cmocka_unit_test(test_compiling_after_a_fork),
        cmocka_unit_test(test_short_of_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
