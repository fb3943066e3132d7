/*
 * Host functions of the caller's own (include/subexec/host.h): types, failures, guest memory, the guest's
 * allocator, and calls within calls.
 */
#include "guests.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "util/endian.h"

/* What the host functions below share, behind their user pointer. */
struct host {
    _Atomic unsigned calls;
    subx_runtime *runtime; /* for calls within calls */
    const char *text;      /* what give_up says */
    bool says_and_goes_on;
    struct outcome inner;
};

static bool greet(void *user, subx_call *call, subx_value *values)
{
    struct host *host = user;
    atomic_fetch_add(&host->calls, 1);
    subx_slice name;
    if (!subx_call_read(call, (uint32_t)values[0].u64, (uint32_t)(values[0].u64 >> 32), &name))
        return subx_call_fail(call, "out of bounds");
    char text[64];
    snprintf(text, sizeof text, "hello %.*s", (int)name.len, (const char *)name.data);
    return subx_call_give(call, subx_slice__text(text), &values[0].u64);
}

static bool all_types(void *user, subx_call *call, subx_value *values)
{
    (void)user, (void)call;
    if (values[0].i32 != -2 || values[1].i64 != -3000000000 || values[2].f32 != 0.5f ||
        values[3].f64 != -0.25)
        return subx_call_fail(call, "other values");
    values[0].f64 = 1.75;
    return true;
}

static bool no_types(void *user, subx_call *call, subx_value *values)
{
    (void)call, (void)values;
    atomic_fetch_add(&((struct host *)user)->calls, 1);
    return true;
}

static bool give_i32(void *user, subx_call *call, subx_value *values)
{
    (void)user, (void)call;
    values[0].i32 = -5;
    return true;
}

static bool give_f32(void *user, subx_call *call, subx_value *values)
{
    (void)user, (void)call;
    values[0].f32 = 2.5f;
    return true;
}

static bool give_i64(void *user, subx_call *call, subx_value *values)
{
    (void)user, (void)call;
    values[0].i64 = ~values[0].i64;
    return true;
}

/* 0: goes on; 1: fails with the text; 2: fails without one; 3: says something and goes on. */
static bool give_up(void *user, subx_call *call, subx_value *values)
{
    const struct host *host = user;
    switch (values[0].i32) {
    case 0:
        return true;
    case 1:
        return subx_call_fail(call, host->text);
    case 2:
        return false;
    default:
        (void)subx_call_fail(call, "never mind");
        return true;
    }
}

static bool allocate(void *user, subx_call *call, subx_value *values)
{
    (void)user;
    const uint32_t size = values[0].u32;
    uint32_t pointer = 7;
    if (!subx_call_allocate(call, size, &pointer))
        return pointer != 0; /* it is 0 then */
    subx_slice block;
    if (!subx_call_read(call, pointer, size, &block) || block.len != size)
        return subx_call_fail(call, "the block is not in the memory");
    values[0].u64 = pointer;
    return true;
}

static bool read_range(void *user, subx_call *call, subx_value *values)
{
    (void)user;
    subx_slice bytes = {(const uint8_t *)"x", 1};
    const bool inside = subx_call_read(call, values[0].u32, values[1].u32, &bytes);
    if (!inside && (bytes.data != NULL || bytes.len != 0))
        return subx_call_fail(call, "a range out of bounds is not empty");
    if (inside && bytes.len != values[1].u32)
        return subx_call_fail(call, "another length");
    values[0].i32 = inside;
    return true;
}

static bool write_range(void *user, subx_call *call, subx_value *values)
{
    static const uint8_t ones[4096] = {1, 1, 1, 1};
    (void)user;
    const size_t len = values[1].u32 < sizeof ones ? values[1].u32 : (size_t)values[1].u32;
    /* What is not written is not read either, so a length beyond the array will do. */
    values[0].i32 = subx_call_write(call, values[0].u32, subx_slice__of(ones, len));
    return true;
}

static bool own_hash(void *user, subx_call *call, subx_value *values)
{
    (void)user;
    uint32_t pointer = 0;
    if (!subx_call_allocate(call, 8, &pointer) ||
        !subx_call_write(call, pointer, LITERAL("my hash!")))
        return false;
    values[0].u64 = pointer;
    return true;
}

static struct host host;

#define IMPORT_COUNT 11
static const subx_host_import all_imports[IMPORT_COUNT] = {
    {"env", "ext_my_chain_greet_version_1", "I", "I", greet, &host},
    {"env", "all_types", "iIfF", "F", all_types, NULL},
    {"env", "no_types", "", "", no_types, &host},
    {"env", "give_i32", "", "i", give_i32, NULL},
    {"env", "give_f32", "", "f", give_f32, NULL},
    {"my_chain", "give_i64", "I", "I", give_i64, NULL},
    {"env", "give_up", "i", "", give_up, &host},
    {"env", "allocate", "i", "i", allocate, NULL},
    {"env", "read", "ii", "i", read_range, NULL},
    {"env", "write", "ii", "i", write_range, NULL},
    {"env", "ext_hashing_twox_64_version_1", "I", "i", own_hash, NULL},
};

static subx_runtime_options with_imports(subx_strategy strategy)
{
    subx_runtime_options options = options_of(strategy);
    options.imports = all_imports;
    options.import_count = IMPORT_COUNT;
    return options;
}

/* ---- Types ---- */

static void test_types(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = with_imports(strategy);
    /* The list and its texts are not needed once the runtime is made. */
    subx_host_import *imports = test_malloc(sizeof all_imports);
    char(*names)[64] = test_malloc(IMPORT_COUNT * sizeof *names);
    memcpy(imports, all_imports, sizeof all_imports);
    for (int i = 0; i < IMPORT_COUNT; i++) {
        snprintf(names[i], sizeof names[i], "%s", all_imports[i].name);
        imports[i].name = names[i];
    }
    options.imports = imports;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    memset(names, 'x', IMPORT_COUNT * sizeof *names);
    memset(imports, 0, sizeof all_imports);
    test_free(names);
    test_free(imports);

    atomic_store(&host.calls, 0);
    for (int round = 0; round < 3; round++) {
        expect_output(runtime, "types", SUBX_EMPTY,
                      LITERAL("\0\0\0\0\0\0\xfc\x3f"
                              "\xfb\xff\xff\xff"
                              "\0\0\x20\x40"
                              "\x10\x32\x54\x76\x98\xba\xdc\xfe"));
        expect_output(runtime, "greet", LITERAL("you"), LITERAL("hello you"));
        expect_output(runtime, "greet", SUBX_EMPTY, LITERAL("hello "));
    }
    assert_int_equal(atomic_load(&host.calls), 9);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* An own function goes before the library's of the same name. */
static void test_override(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = with_imports(SUBX_STRATEGY_RESET);
    subx_runtime *own = load_runtime(executor, guest_wasm("custom_host"), &options);
    options.import_count--;
    subx_runtime *built_in = load_runtime(executor, guest_wasm("custom_host"), &options);
    expect_output(own, "hash", LITERAL("Hello world!"), LITERAL("my hash!"));
    expect_output(built_in, "hash", LITERAL("Hello world!"),
                  LITERAL("\xb2\x7d\xfd\x7f\x22\x3f\x17\x7f"));
    subx_runtime_free(own);
    subx_runtime_free(built_in);
    subx_executor_free(executor);
}

/* Each wrong in one way; the message names the function. */
static void test_wrong_types(void **state)
{
    (void)state;
    static const struct {
        size_t import;
        const char *params, *results;
    } wrong[] = {
        {1, "iIf", "F"}, {1, "iIfFi", "F"}, {1, "IIfF", "F"}, {1, "iIFF", "F"}, {1, "iIfF", "f"},
        {1, "iIfF", ""}, {2, "i", ""},      {2, "", "i"},     {3, "", "I"},     {3, "", "ii"},
        {5, "i", "I"},   {1, "iIf?", "F"},  {10, "I", "I"},   {3, "", "?"},
    };
    subx_executor *executor = new_executor();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        subx_host_import imports[IMPORT_COUNT];
        memcpy(imports, all_imports, sizeof imports);
        imports[wrong[i].import].params = wrong[i].params;
        imports[wrong[i].import].results = wrong[i].results;
        subx_runtime_options options = with_imports(SUBX_STRATEGY_RESET);
        options.imports = imports;
        expect_no_runtime(executor, guest_wasm("custom_host"), &options, SUBX_INVALID_MODULE,
                          imports[wrong[i].import].name);
    }
    /* The module counts too: this one is missing then. */
    subx_host_import imports[IMPORT_COUNT];
    memcpy(imports, all_imports, sizeof imports);
    imports[5].module = "env";
    subx_runtime_options options = with_imports(SUBX_STRATEGY_RESET);
    options.imports = imports;
    expect_no_runtime(executor, guest_wasm("custom_host"), &options, SUBX_MISSING_IMPORTS,
                      "'my_chain:give_i64'");
    subx_executor_free(executor);
}

/* ---- Failures ---- */

#define GAVE_UP "host code panicked while being called by the runtime: give_up: "

static void test_failures(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = with_imports(strategy);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    for (int round = 0; round < 2; round++) {
        expect_output(runtime, "fail", LITERAL("\0\0"), SUBX_EMPTY);
        host.text = "no more eggs";
        expect_failure(runtime, "fail", LITERAL("\1\0"), SUBX_ABORTED_DUE_TO_TRAP,
                       GAVE_UP "no more eggs");
        host.text = "";
        expect_failure(runtime, "fail", LITERAL("\0\1"), SUBX_ABORTED_DUE_TO_TRAP, GAVE_UP "");
        host.text = "two\nlines %s";
        expect_failure(runtime, "fail", LITERAL("\1\0"), SUBX_ABORTED_DUE_TO_TRAP,
                       GAVE_UP "two\nlines %s");
        expect_failure(runtime, "fail", LITERAL("\2\0"), SUBX_ABORTED_DUE_TO_TRAP,
                       GAVE_UP "the host function failed without saying why");
        /* What a function says that then goes on is no failure, nor the text of a later one. */
        host.text = "this time";
        expect_output(runtime, "fail", LITERAL("\3\0"), SUBX_EMPTY);
        expect_failure(runtime, "fail", LITERAL("\3\1"), SUBX_ABORTED_DUE_TO_TRAP,
                       GAVE_UP "this time");
        expect_failure(runtime, "fail", LITERAL("\3\2"), SUBX_ABORTED_DUE_TO_TRAP,
                       GAVE_UP "the host function failed without saying why");
    }
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* A text beyond all bounds is cut, and the guest's frames are told. */
static void test_long_text(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = with_imports(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    char *text = test_malloc(100000);
    memset(text, 'a', 99999);
    text[99999] = '\0';
    host.text = text;
    struct outcome outcome;
    call_export(runtime, "fail", LITERAL("\1\0"), &outcome);
    assert_int_equal(outcome.status, SUBX_ABORTED_DUE_TO_TRAP);
    assert_int_equal(strncmp(outcome.error.message, GAVE_UP "aaaa", strlen(GAVE_UP) + 4), 0);
    assert_non_null(strstr(outcome.error.backtrace, "fails"));
    outcome_free(&outcome);
    test_free(text);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* ---- Memory ---- */

static void expect_range(subx_runtime *runtime, const char *method, uint32_t pointer, uint32_t len,
                         bool inside)
{
    uint8_t input[8];
    subx_store_u32(input, pointer);
    subx_store_u32(input + 4, len);
    struct outcome outcome;
    call_export(runtime, method, subx_slice__of(input, sizeof input), &outcome);
    if (u32_output(&outcome) != inside)
        fail_msg("%s of %u bytes at %u", method, len, pointer);
    outcome_free(&outcome);
}

static void test_bounds(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = with_imports(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    const uint32_t size = 18 * 65536;
    for (int i = 0; i < 2; i++) {
        const char *method = i == 0 ? "read" : "write";
        expect_range(runtime, method, 100, 0, true);
        expect_range(runtime, method, 100, 4096, true);
        expect_range(runtime, method, size - 1, 1, true);
        expect_range(runtime, method, size - 4096, 4096, true);
        expect_range(runtime, method, size, 0, true);
        expect_range(runtime, method, size, 1, false);
        expect_range(runtime, method, size - 1, 2, false);
        expect_range(runtime, method, size + 1, 0, false);
        expect_range(runtime, method, UINT32_MAX, 0, false);
        expect_range(runtime, method, UINT32_MAX, 1, false);
        expect_range(runtime, method, UINT32_MAX, UINT32_MAX, false);
        expect_range(runtime, method, 0, UINT32_MAX, false);
        expect_range(runtime, method, 0, size + 1, false);
    }
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

static void test_allocate(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = with_imports(strategy);
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 1000};
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    static const uint32_t sizes[] = {0, 1, 8, 9, 65536, 1 << 20, 32 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t block = 8;
        while (block < sizes[i])
            block *= 2;
        struct outcome outcome;
        call_export(runtime, "allocate", u32_input(sizes[i]), &outcome);
        if (outcome.status != SUBX_OK)
            fail_msg("%u bytes: %s", sizes[i], outcome.error.message);
        /* After the input's block; then the guest's own, after the host's. */
        assert_int_equal(subx_load_u32(outcome.output.data), 65536 + 8 + 8 + 8);
        assert_int_equal(subx_load_u32(outcome.output.data + 4), 65536 + 8 + 8 + 8 + block + 8);
        assert_int_equal(outcome.stats.bytes_allocated, 16 + block + 8 + 16);
        outcome_free(&outcome);
    }
    expect_failure(runtime, "allocate", u32_input((32u << 20) + 1), SUBX_ABORTED_DUE_TO_TRAP,
                   "host code panicked while being called by the runtime: allocate: Failed to "
                   "allocate memory: \"Requested allocation size is too large\"");
    expect_failure(runtime, "allocate", u32_input(UINT32_MAX), SUBX_ABORTED_DUE_TO_TRAP,
                   "host code panicked while being called by the runtime: allocate: Failed to "
                   "allocate memory: \"Requested allocation size is too large\"");
    subx_runtime_free(runtime);

    options.heap = (subx_heap){SUBX_HEAP_STATIC, 1};
    runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    expect_failure(runtime, "allocate", u32_input(1 << 20), SUBX_ABORTED_DUE_TO_TRAP,
                   "host code panicked while being called by the runtime: allocate: Failed to "
                   "allocate memory: \"Allocator ran out of space\"");
    expect_output(runtime, "greet", LITERAL("you"), LITERAL("hello you"));
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* More bytes than a guest can hold: refused before they are looked at. */
static bool give_too_much(void *user, subx_call *call, subx_value *values)
{
    (void)user;
    uint64_t range = 7;
    const bool given = subx_call_give(call, subx_slice__of("", (size_t)1 << 33), &range);
    values[0].u64 = 0;
    return given || range != 0;
}

static void test_give_too_much(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_host_import imports[IMPORT_COUNT];
    memcpy(imports, all_imports, sizeof imports);
    imports[0].run = give_too_much;
    subx_runtime_options options = with_imports(SUBX_STRATEGY_RESET);
    options.imports = imports;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    expect_failure(runtime, "greet", SUBX_EMPTY, SUBX_ABORTED_DUE_TO_TRAP,
                   "host code panicked while being called by the runtime: "
                   "ext_my_chain_greet_version_1: Failed to allocate memory: "
                   "\"Requested allocation size is too large\"");
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* ---- Calls within calls, threads, stack ---- */

static bool call_again(void *user, subx_call *call, subx_value *values)
{
    struct host *own = user;
    (void)call;
    call_export(own->runtime, "types", SUBX_EMPTY, &own->inner);
    values[0].i32 = own->inner.status == SUBX_OK ? (int32_t)own->inner.output.len : -1;
    outcome_free(&own->inner);
    return true;
}

static void test_call_within_call(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_host_import imports[IMPORT_COUNT];
    memcpy(imports, all_imports, sizeof imports);
    subx_runtime_options options = with_imports(strategy);
    subx_runtime *inner = load_runtime(executor, guest_wasm("custom_host"), &options);
    imports[8].run = call_again;
    imports[8].user = &host;
    options.imports = imports;
    subx_runtime *outer = load_runtime(executor, guest_wasm("custom_host"), &options);
    for (int i = 0; i < 2; i++) {
        /* On another runtime, and on the same. */
        host.runtime = i == 0 ? inner : outer;
        for (int round = 0; round < 3; round++) {
            struct outcome outcome;
            call_export(outer, "read", LITERAL("12345678"), &outcome);
            assert_int_equal(u32_output(&outcome), 24);
            assert_int_equal(outcome.stats.bytes_allocated_sum, 16);
            outcome_free(&outcome);
        }
    }
    subx_runtime_free(inner);
    subx_runtime_free(outer);
    subx_executor_free(executor);
}

static void *greet_often(void *data)
{
    for (int i = 0; i < ROUNDS(300, 60); i++) {
        struct outcome outcome;
        call_export(data, "greet", u32_input(0x61626364), &outcome);
        const bool good = outcome.status == SUBX_OK && outcome.output.len == 10 &&
                          memcmp(outcome.output.data, "hello dcba", 10) == 0;
        outcome_free(&outcome);
        if (!good)
            return NULL;
    }
    return data;
}

static void test_threads(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = with_imports(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    atomic_store(&host.calls, 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, greet_often, runtime), 0);
    for (int i = 0; i < 4; i++) {
        void *good = NULL;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_non_null(good);
    }
    assert_int_equal(atomic_load(&host.calls), 4 * ROUNDS(300, 60));
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

static bool use_stack(void *user, subx_call *call, subx_value *values)
{
    (void)user, (void)call;
    volatile char room[512 << 10];
    for (size_t i = 0; i < sizeof room; i += 4096)
        room[i] = 1;
    values[0].i32 = room[0] + room[sizeof room - 4096];
    return true;
}

static void *call_deep(void *data)
{
    struct outcome outcome;
    bool good = true;
    /* From the deepest that works upwards: a host function has stack of its own behind the guest's. */
    for (uint32_t depth = 10000; depth < 60000 && good; depth += 5000) {
        call_export(data, "deep", u32_input(depth), &outcome);
        good = outcome.status == SUBX_OK ? subx_load_u32(outcome.output.data) == depth + 2
                                         : outcome.status == SUBX_ABORTED_DUE_TO_TRAP;
        outcome_free(&outcome);
    }
    return good ? data : NULL;
}

/* Deep in the guest, on a thread with little stack, a host function has half a MiB and more. */
static void test_stack(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_host_import imports[IMPORT_COUNT];
    memcpy(imports, all_imports, sizeof imports);
    imports[3].run = use_stack;
    subx_runtime_options options = with_imports(SUBX_STRATEGY_RESET);
    options.imports = imports;
    subx_runtime *runtime = load_runtime(executor, guest_wasm("custom_host"), &options);
    assert_non_null(call_deep(runtime));
    pthread_attr_t attributes;
    pthread_t thread;
    void *good = NULL;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 256 << 10), 0);
    assert_int_equal(pthread_create(&thread, &attributes, call_deep, runtime), 0);
    assert_int_equal(pthread_join(thread, &good), 0);
    pthread_attr_destroy(&attributes);
    assert_non_null(good);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_types),
        cmocka_unit_test(test_override),
        cmocka_unit_test(test_wrong_types),
        OVER_ALL(test_failures),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_bounds),
        OVER_ALL(test_allocate),
        cmocka_unit_test(test_give_too_much),
        OVER_ALL(test_call_within_call),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
