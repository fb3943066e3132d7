/* The passes of the public API: which pass each option stands for, and the memory's limits in the form of 2021. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <subexec/instrument.h>

#include "blob/passes.h"
#include "util/hex.h"
#include "util/mem.h"

#define MAGIC "0061736d01000000"
/* (memory 17), (memory 17 20), (import "env" "memory" (memory 17)) */
#define MEMORY "0503010011"
#define MEMORY_MAX_20 "050401011114"
#define IMPORTED_MEMORY "020f0103656e76066d656d6f7279020011"

/* (import "env" "memory" (memory 3)), two globals, a function `run` that calls another one. */
static const char module_hex[] = MAGIC "010401600000020f0103656e76066d656d6f7279020003030302000006"
                                       "0b027f0041070b7f0141080b070701037275"
                                       "6e00000a090204001001"
                                       "0b02000b";

static subx_code *load(const char *hex)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    subx_code *code = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(hex), &bytes, NULL), SUBX_OK);
    if (subx_code_load(subx_slice__of(bytes.data, bytes.len), 0, &code, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    subx_bytes_free(&bytes);
    return code;
}

static void expect_bytes(subx_bytes found, subx_bytes expected)
{
    assert_true(subx_slice__equal(subx_slice__of(found.data, found.len),
                                  subx_slice__of(expected.data, expected.len)));
}

/* The module after the options is the module after the passes, and not what it was. */
static void expect_passes(const subx_instrument_options *options, const struct subx_passes *passes)
{
    subx_code *code = load(module_hex);
    subx_bytes found = SUBX_BYTES_INIT, expected = SUBX_BYTES_INIT;
    assert_int_equal(subx_code_instrument(code, options, &found, NULL), SUBX_OK);
    assert_int_equal(subx_passes__apply(subx_code_wasm(code), passes, &expected, NULL), SUBX_OK);
    expect_bytes(found, expected);
    assert_false(subx_slice__equal(subx_slice__of(found.data, found.len), subx_code_wasm(code)));
    subx_bytes_free(&found);
    subx_bytes_free(&expected);
    subx_code_free(code);
}

static void every_option_is_its_pass(void **state)
{
    (void)state;
    const subx_instrument_options defaults = SUBX_INSTRUMENT_OPTIONS_INIT;
    expect_passes(NULL, &(struct subx_passes){.export_memory = true});
    expect_passes(&defaults, &(struct subx_passes){.export_memory = true});
    subx_instrument_options options = defaults;
    options.export_memory = false;
    options.stack_limit = 1024;
    expect_passes(&options, &(struct subx_passes){.limit_stack = true, .stack_limit = 1024});
    options.stack_limit = 0;
    options.export_globals = true;
    expect_passes(&options, &(struct subx_passes){.export_globals = "exported_internal_global"});
    options = defaults;
    options.stack_limit = 65536;
    options.export_globals = true;
    options.memory = SUBX_INSTRUMENT_HEAP;
    expect_passes(&options, &(struct subx_passes){.limit_stack = true,
                                                  .stack_limit = 65536,
                                                  .export_memory = true,
                                                  .memory_limits = SUBX_LIMITS_STATIC,
                                                  .memory_pages = 2048,
                                                  .export_globals = "exported_internal_global"});
}

/* The memory's limits afterwards, as "17" or "17..20"; or the name of the status. */
static void expect_limits(const char *memory, const subx_instrument_options *options,
                          const char *expected)
{
    char hex[128], found[64];
    snprintf(hex, sizeof hex, MAGIC "%s", memory);
    subx_code *code = load(hex);
    subx_bytes wasm = SUBX_BYTES_INIT;
    const subx_status status = subx_code_instrument(code, options, &wasm, NULL);
    snprintf(found, sizeof found, "%s", subx_status_name(status));
    if (status == SUBX_OK) {
        struct subx_wasm_module module;
        assert_int_equal(
            subx_wasm__parse(subx_slice__of(wasm.data, wasm.len), SUBX_WASM_STRICT, &module, NULL),
            SUBX_OK);
        assert_int_equal(module.memory_count, 1);
        const struct subx_wasm_limits limits = module.memories[0];
        snprintf(found, sizeof found, limits.has_max ? "%u..%u" : "%u", limits.min, limits.max);
        subx_wasm__free(&module);
    } else {
        assert_null(wasm.data);
    }
    assert_string_equal(found, expected);
    subx_bytes_free(&wasm);
    subx_code_free(code);
}

static void limits_follow_the_heap(void **state)
{
    (void)state;
    subx_instrument_options options = SUBX_INSTRUMENT_OPTIONS_INIT;
    expect_limits(MEMORY, &options, "17");
    expect_limits(MEMORY_MAX_20, &options, "17..20");
    options.memory = SUBX_INSTRUMENT_NO_MAX;
    expect_limits(MEMORY_MAX_20, &options, "17");
    expect_limits(IMPORTED_MEMORY, &options, "17");
    options.memory = SUBX_INSTRUMENT_HEAP;
    expect_limits(MEMORY_MAX_20, &options, "2065..2065");
    expect_limits(IMPORTED_MEMORY, &options, "2065..2065");
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 10};
    expect_limits(MEMORY_MAX_20, &options, "10..10");
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 4096};
    expect_limits(MEMORY, &options, "17..4096");
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 0};
    expect_limits(MEMORY_MAX_20, &options, "17");
    /* a memory that stays an import has no limits to set */
    options.export_memory = false;
    expect_limits(IMPORTED_MEMORY, &options, "InvalidMemory");
    options.export_memory = true;
    expect_limits("", &options, "InvalidMemory");
}

static subx_instrument_options heap_pages(uint32_t pages, uint32_t max)
{
    subx_instrument_options options = SUBX_INSTRUMENT_OPTIONS_INIT;
    options.memory = SUBX_INSTRUMENT_HEAP_PAGES;
    options.heap_pages = pages;
    options.max_memory_pages = max;
    return options;
}

static void limits_in_the_form_of_2021(void **state)
{
    (void)state;
    static const struct {
        const char *memory;
        uint32_t pages, max;
        const char *expected;
    } cases[] = {
        {MEMORY, 8, 0, "25"},
        {MEMORY, 0, 0, "17"},
        {MEMORY, 8, 30, "25..30"},
        {MEMORY, 8, 25, "25..25"},
        {MEMORY, 8, 24, "InvalidHeapPages"},
        {MEMORY_MAX_20, 3, 0, "20..20"},
        {MEMORY_MAX_20, 4, 0, "InvalidHeapPages"},
        {MEMORY_MAX_20, 4, 21, "21..21"},
        {MEMORY_MAX_20, 1, 19, "18..19"},
        {IMPORTED_MEMORY, 8, 30, "25..30"},
        {MEMORY, 65519, 0, "65536"},
        {MEMORY, 65520, 0, "InvalidHeapPages"},
        {MEMORY, UINT32_MAX, 0, "InvalidHeapPages"},
        {MEMORY, 8, UINT32_MAX, "25..4294967295"},
        {MEMORY, 65520, UINT32_MAX, "InvalidHeapPages"},
        {"", 8, 0, "InvalidMemory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const subx_instrument_options options = heap_pages(cases[i].pages, cases[i].max);
        expect_limits(cases[i].memory, &options, cases[i].expected);
    }
}

static void pages_that_do_not_fit_are_named(void **state)
{
    (void)state;
    const subx_instrument_options options = heap_pages(8, 24);
    subx_code *code = load(MAGIC MEMORY);
    subx_bytes wasm = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_code_instrument(code, &options, &wasm, &error), SUBX_INVALID_HEAP_PAGES);
    assert_string_equal(error.message,
                        "17 pages of memory and 8 of heap are more than the 24 there may be");
    subx_code_free(code);
}

/* (func (param i32) (result i32) local.get 0 i32.extend8_s) */
static void only_the_mvp_is_taken(void **state)
{
    (void)state;
    subx_code *code = load(MAGIC "01060160017f017f030201000a070105002000c00b");
    subx_bytes wasm = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_code_instrument(code, NULL, &wasm, &error), SUBX_CANT_DESERIALIZE_WASM);
    assert_null(wasm.data);
    assert_non_null(strstr(error.message, "0xc0 (192) at offset"));
    subx_code_free(code);
}

/* (func call 0) with a stack that the limiter cannot make out */
static void what_the_limiter_refuses_is_refused(void **state)
{
    (void)state;
    subx_code *code = load(MAGIC "01040160000003020100"
                                 "0a08010600006a6a1a0b");
    subx_instrument_options options = SUBX_INSTRUMENT_OPTIONS_INIT;
    options.stack_limit = 1024;
    subx_bytes wasm = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_code_instrument(code, &options, &wasm, &error), SUBX_INVALID_MODULE);
    assert_non_null(strstr(error.message, "stack underflow"));
    subx_code_free(code);
}

static void failed_allocations_leave_nothing(void **state)
{
    (void)state;
    subx_code *code = load(module_hex);
    subx_instrument_options options = SUBX_INSTRUMENT_OPTIONS_INIT;
    options.stack_limit = 1024;
    options.export_globals = true;
    subx_bytes wasm = SUBX_BYTES_INIT;
    subx_status status = SUBX_NOMEM;
    for (int64_t i = 0; status != SUBX_OK; i++) {
        assert_true(i < 1000);
        subx_mem__fail_after(i);
        status = subx_code_instrument(code, &options, &wasm, NULL);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || (status == SUBX_NOMEM && wasm.data == NULL));
    }
    subx_bytes_free(&wasm);
    subx_code_free(code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_its_pass),
        cmocka_unit_test(limits_follow_the_heap),
        cmocka_unit_test(limits_in_the_form_of_2021),
        cmocka_unit_test(pages_that_do_not_fit_are_named),
        cmocka_unit_test(only_the_mvp_is_taken),
        cmocka_unit_test(what_the_limiter_refuses_is_refused),
        cmocka_unit_test(failed_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
