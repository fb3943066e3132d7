/* The functions that are added for measurements: what they write, byte for byte, and codes that they meet. */
#include <stdlib.h>

#include "blob/wasm_edit.h"
#include "blob/wasm_leb.h"
#include "blob/wasm_write.h"
#include "guests.h"
#include "util/hex.h"
#include "util/mem.h"

enum { PAGE = 65536 };

static subx_code *load_code(subx_slice bytes)
{
    subx_code *code = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_code_load(bytes, 0, &code, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return code;
}

static subx_code *code_of_hex(const char *text)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(text), &bytes, NULL), SUBX_OK);
    subx_code *code = load_code(subx_slice__of(bytes.data, bytes.len));
    subx_bytes_free(&bytes);
    return code;
}

static subx_code *load_driver(const char *name)
{
    char path[1024];
    subx_code *code = NULL;
    subx_error error = SUBX_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s.wasm", SUBX_TEST_DRIVERS, name);
    if (subx_code_load_file(path, 0, &code, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return code;
}

static subx_code *add_functions(const subx_code *code)
{
    subx_code *out = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_code_add_bench_functions(code, &out, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    assert_non_null(out);
    return out;
}

static void expect_refused(subx_code *code, subx_status status, const char *part)
{
    subx_code *out = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_code_add_bench_functions(code, &out, &error), status);
    assert_null(out);
    if (strstr(error.message, part) == NULL)
        fail_msg("'%s' lacks '%s'", error.message, part);
    subx_code_free(code);
}

static size_t count_exports(const subx_code *code, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < subx_code_export_count(code); i++) {
        const subx_extern export = subx_code_export(code, i);
        if (!subx_slice__equal(export.name, subx_slice__text(name)))
            continue;
        assert_int_equal(export.kind, SUBX_EXTERN_FUNCTION);
        assert_string_equal(export.type, "(i32, i32) -> i64");
        count++;
    }
    return count;
}

static void expect_same_extern(subx_extern a, subx_extern b)
{
    assert_int_equal(a.kind, b.kind);
    assert_true(subx_slice__equal(a.module, b.module));
    assert_true(subx_slice__equal(a.name, b.name));
    assert_string_equal(a.type, b.type);
}

/* Everything that was there is still there, and two functions more. */
static void expect_added(const subx_code *before, const subx_code *after)
{
    assert_int_equal(subx_code_import_count(before), subx_code_import_count(after));
    for (size_t i = 0; i < subx_code_import_count(before); i++)
        expect_same_extern(subx_code_import(before, i), subx_code_import(after, i));
    assert_int_equal(subx_code_export_count(before) + 2, subx_code_export_count(after));
    for (size_t i = 0; i < subx_code_export_count(before); i++)
        expect_same_extern(subx_code_export(before, i), subx_code_export(after, i));
    assert_int_equal(count_exports(after, SUBX_BENCH_EMPTY), 1);
    assert_int_equal(count_exports(after, SUBX_BENCH_DIRTY), 1);
    assert_string_equal(subx_code_features(before), subx_code_features(after));
    assert_int_equal(subx_code_check_strict(after, NULL), subx_code_check_strict(before, NULL));
}

/* ---- Codes ---- */

static void drivers_get_them(void **state)
{
    (void)state;
    static const char *const names[] = {"driver", "driver-imported-memory", "driver-all"};
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.allow_missing_imports = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        subx_code *before = load_driver(names[i]);
        subx_code *after = add_functions(before);
        expect_added(before, after);
        subx_runtime *runtime = load_runtime(executor, subx_code_wasm(after), &options);
        expect_output(runtime, SUBX_BENCH_EMPTY, SUBX_EMPTY, SUBX_EMPTY);
        expect_output(runtime, SUBX_BENCH_DIRTY, LITERAL("\0\0\0\0\2\0\0\0"), SUBX_EMPTY);
        subx_runtime_free(runtime);
        subx_code_free(after);
        subx_code_free(before);
    }
    subx_executor_free(executor);
}

static void those_there_stay(void **state)
{
    (void)state;
    subx_code *first = load_driver("driver");
    subx_code *second = add_functions(first);
    subx_code *third = add_functions(second);
    assert_true(subx_slice__equal(subx_code_wasm(second), subx_code_wasm(third)));
    subx_code_free(first);
    subx_code_free(second);
    subx_code_free(third);
}

/* (memory 1) and (func (export "test_empty_return") (param i32 i32) (result i64) (i64.const 7)) */
static void one_there_stays_and_the_other_is_added(void **state)
{
    (void)state;
    subx_code *before = code_of_hex("0061736d0100000001070160027f7f017e030201000503010001071501"
                                    "11746573745f656d7074795f72657475726e00000a0601040042070b");
    subx_code *after = add_functions(before);
    assert_int_equal(count_exports(after, SUBX_BENCH_EMPTY), 1);
    assert_int_equal(count_exports(after, SUBX_BENCH_DIRTY), 1);
    struct subx_wasm_module module;
    assert_int_equal(subx_wasm__parse(subx_code_wasm(after), SUBX_WASM_STRICT, &module, NULL),
                     SUBX_OK);
    assert_int_equal(module.type_count, 1);
    assert_int_equal(module.function_count, 2);
    assert_true(subx_slice__equal(module.bodies[0], LITERAL("\x00\x42\x07\x0b")));
    subx_wasm__free(&module);
    subx_code_free(after);
    subx_code_free(before);
}

/* A module that is a memory and nothing else: all sections are new. */
static void memory_is_enough(void **state)
{
    (void)state;
    subx_code *before = code_of_hex("0061736d010000000503010001");
    subx_code *after = add_functions(before);
    expect_added(before, after);
    static const uint8_t order[] = {SUBX_SECTION_TYPE, SUBX_SECTION_FUNCTION, SUBX_SECTION_MEMORY,
                                    SUBX_SECTION_EXPORT, SUBX_SECTION_CODE};
    struct subx_wasm_module module;
    assert_int_equal(subx_wasm__parse(subx_code_wasm(after), SUBX_WASM_STRICT, &module, NULL),
                     SUBX_OK);
    assert_int_equal(module.section_count, sizeof order);
    for (size_t i = 0; i < sizeof order; i++)
        assert_int_equal(module.sections[i].id, order[i]);
    subx_wasm__free(&module);
    subx_code_free(after);
    subx_code_free(before);
}

static void extensions_are_no_obstacle(void **state)
{
    (void)state;
    subx_code *before = load_code(guest_wasm("extensions"));
    subx_code *after = add_functions(before);
    expect_added(before, after);
    subx_code_free(after);
    subx_code_free(before);
}

static void taken_names_are_refused(void **state)
{
    (void)state;
    /* (memory (export "test_empty_return") 1) */
    expect_refused(code_of_hex("0061736d010000000503010001071501"
                               "11746573745f656d7074795f72657475726e0200"),
                   SUBX_INVALID_MODULE,
                   "export test_empty_return is no function (i32, i32) -> i64");
    /* (memory 1) and (func (export "test_dirty_plenty_memory")) */
    expect_refused(
        code_of_hex("0061736d01000000010401600000030201000503010001071c0118746573745f64697274795f70"
                    "6c656e74795f6d656d6f727900000a040102000b"),
        SUBX_INVALID_MODULE, "export test_dirty_plenty_memory is no function (i32, i32) -> i64");
}

static void code_without_memory_is_refused(void **state)
{
    (void)state;
    expect_refused(load_code(guest_wasm("no_memory")), SUBX_INVALID_MEMORY, "without a memory");
}

static void failed_allocations_leave_nothing(void **state)
{
    (void)state;
    subx_code *code = load_code(guest_wasm("basic"));
    subx_code *out = NULL;
    subx_status status = SUBX_NOMEM;
    for (int64_t i = 0; status != SUBX_OK; i++) {
        assert_true(i < 1000);
        subx_mem__fail_after(i);
        status = subx_code_add_bench_functions(code, &out, NULL);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || (status == SUBX_NOMEM && out == NULL));
    }
    assert_int_equal(count_exports(out, SUBX_BENCH_DIRTY), 1);
    subx_code_free(out);
    subx_code_free(code);
}

/* ---- What is written ---- */

/* Add a function `show` that calls the dirtying one and then answers the whole memory. */
static subx_bytes add_show(const subx_code *code, uint32_t pages)
{
    static const uint8_t params[] = {SUBX_WASM_I32, SUBX_WASM_I32};
    static const uint8_t results[] = {SUBX_WASM_I64};
    const struct subx_wasm_function_type type = {{params, 2}, {results, 1}};
    struct subx_wasm_module module;
    assert_int_equal(subx_wasm__parse(subx_code_wasm(code), SUBX_WASM_STRICT, &module, NULL),
                     SUBX_OK);
    struct subx_buf body = SUBX_BUF_INIT;
    static const uint8_t call[] = {0x00, 0x20, 0x00, 0x20, 0x01, 0x10};
    subx_buf__append(&body, call, sizeof call);
    subx_leb__append_u32(
        &body, subx_wasm__find_export(&module, SUBX_WASM_FUNCTION, SUBX_BENCH_DIRTY)->index);
    static const uint8_t drop_and_const[] = {0x1a, 0x42};
    subx_buf__append(&body, drop_and_const, sizeof drop_and_const);
    subx_leb__append_signed(&body, (int64_t)((uint64_t)pages * PAGE << 32));
    subx_buf__append_u8(&body, 0x0b);
    struct subx_wasm_export export = {.name = subx_slice__text("show"), .kind = SUBX_WASM_FUNCTION};
    assert_int_equal(
        subx_wasm_edit__add_function(&module, &type, subx_buf__slice(&body), &export.index, NULL),
        SUBX_OK);
    assert_int_equal(subx_wasm_edit__add_export(&module, &export, NULL), SUBX_OK);
    subx_bytes wasm = SUBX_BYTES_INIT;
    assert_int_equal(subx_wasm__write(&module, NULL, &wasm, NULL), SUBX_OK);
    subx_wasm__free(&module);
    subx_buf__free(&body);
    return wasm;
}

static subx_slice dirty_input(uint32_t base, uint32_t pages)
{
    static uint8_t input[8];
    for (int i = 0; i < 4; i++) {
        input[i] = (uint8_t)(base >> (8 * i));
        input[4 + i] = (uint8_t)(pages >> (8 * i));
    }
    return subx_slice__of(input, sizeof input);
}

static subx_bytes memory_after(subx_runtime *runtime, uint32_t base, uint32_t pages)
{
    struct outcome outcome;
    call_export(runtime, "show", dirty_input(base, pages), &outcome);
    if (outcome.status != SUBX_OK)
        fail_msg("%s", outcome.error.message);
    return outcome.output;
}

/* The guest has 17 pages, 16 more are its heap, which begins at 65536 with the input. */
enum { TOTAL = 33, HEAP_BASE = 65536 };

static subx_runtime *runtime_that_shows(subx_executor *executor)
{
    subx_code *code = load_code(guest_wasm("basic"));
    subx_code *after = add_functions(code);
    subx_bytes wasm = add_show(after, TOTAL);
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RECREATE);
    subx_runtime *runtime = load_runtime(executor, subx_slice__of(wasm.data, wasm.len), &options);
    subx_bytes_free(&wasm);
    subx_code_free(after);
    subx_code_free(code);
    return runtime;
}

/* Compare with the memory of a call that dirties nothing: one byte in each 4 KiB of `pages` from
 * `first`, and no other, besides the input. */
static void expect_dirty(subx_runtime *runtime, uint32_t base, uint32_t pages, uint32_t first)
{
    subx_bytes clean = memory_after(runtime, base, 0);
    subx_bytes dirty = memory_after(runtime, base, pages);
    assert_int_equal(dirty.len, TOTAL * PAGE);
    memcpy(clean.data + HEAP_BASE + 8, dirty_input(base, pages).data, 8);
    for (uint32_t i = 0; i < 16 * pages; i++)
        clean.data[first * PAGE + i * 4096] = 1;
    for (size_t i = 0; i < dirty.len; i++)
        if (dirty.data[i] != clean.data[i])
            fail_msg("byte %zu is %u, not %u", i, dirty.data[i], clean.data[i]);
    subx_bytes_free(&clean);
    subx_bytes_free(&dirty);
}

static void one_byte_in_each_four_kibibytes(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime *runtime = runtime_that_shows(executor);
    expect_dirty(runtime, 2 * PAGE, 16, 2);
    expect_dirty(runtime, 2 * PAGE, 1, 2);
    /* rounded up to a page of 64 KiB */
    expect_dirty(runtime, 2 * PAGE + 1, 3, 3);
    expect_dirty(runtime, 4 * PAGE - 1, 3, 4);
    /* up to the end of the memory, and not beyond */
    expect_dirty(runtime, (TOTAL - 1) * PAGE, 1, TOTAL - 1);
    expect_failure(runtime, SUBX_BENCH_DIRTY, dirty_input((TOTAL - 1) * PAGE, 2),
                   SUBX_ABORTED_DUE_TO_TRAP, "wasm trap: out of bounds memory access");
    expect_failure(runtime, SUBX_BENCH_DIRTY, dirty_input((TOTAL - 1) * PAGE + 1, 1),
                   SUBX_ABORTED_DUE_TO_TRAP, "wasm trap: out of bounds memory access");
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drivers_get_them),
        cmocka_unit_test(those_there_stay),
        cmocka_unit_test(one_there_stays_and_the_other_is_added),
        cmocka_unit_test(memory_is_enough),
        cmocka_unit_test(extensions_are_no_obstacle),
        cmocka_unit_test(taken_names_are_refused),
        cmocka_unit_test(code_without_memory_is_refused),
        cmocka_unit_test(failed_allocations_leave_nothing),
        cmocka_unit_test(one_byte_in_each_four_kibibytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
