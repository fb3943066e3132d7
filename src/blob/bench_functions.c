/* The functions that measurements call, as the reference's benchmark runtime has them
 * (spec/executor.md section 5, "bench.rs"). */
#include "blob/code.h"
#include "blob/wasm_edit.h"
#include "blob/wasm_write.h"
#include "util/check.h"

static const uint8_t entry_params[] = {SUBX_WASM_I32, SUBX_WASM_I32};
static const uint8_t entry_results[] = {SUBX_WASM_I64};

static const struct subx_wasm_function_type entry_type = {
    {entry_params, sizeof entry_params},
    {entry_results, sizeof entry_results},
};

/* (i64.const 0) */
static const uint8_t empty_body[] = {0x00, 0x42, 0x00, 0x0b};

static const uint8_t dirty_body[] = {
    /* (local $at i32) (local $left i32), numbers 2 and 3 */
    0x01, 0x02, 0x7f,
    /* $at = (load(input) + 65535) & -65536 */
    0x20, 0x00, 0x28, 0x02, 0x00, 0x41, 0xff, 0xff, 0x03, 0x6a, 0x41, 0x80, 0x80, 0x7c, 0x71, 0x21,
    0x02,
    /* $left = load(input + 4) * 16 */
    0x20, 0x00, 0x28, 0x02, 0x04, 0x41, 0x10, 0x6c, 0x21, 0x03,
    /* block loop: leave when $left is 0 */
    0x02, 0x40, 0x03, 0x40, 0x20, 0x03, 0x45, 0x0d, 0x01,
    /* store8($at, 1) */
    0x20, 0x02, 0x41, 0x01, 0x3a, 0x00, 0x00,
    /* $at += 4096 */
    0x20, 0x02, 0x41, 0x80, 0x20, 0x6a, 0x21, 0x02,
    /* $left -= 1, and again */
    0x20, 0x03, 0x41, 0x01, 0x6b, 0x21, 0x03, 0x0c, 0x00, 0x0b, 0x0b,
    /* (i64.const 0) */
    0x42, 0x00, 0x0b};

static bool is_entry_type(const struct subx_wasm_function_type *type)
{
    return type != NULL && subx_slice__equal(type->params, entry_type.params) &&
           subx_slice__equal(type->results, entry_type.results);
}

/* Look for the name among the exports; it must be free or a function that can be called. */
static subx_status look_up(const struct subx_wasm_module *module, const char *name, bool *found,
                           subx_error *error)
{
    *found = false;
    for (uint32_t i = 0; i < module->export_count; i++) {
        const struct subx_wasm_export *export = &module->exports[i];
        if (!subx_slice__equal(export->name, subx_slice__text(name)))
            continue;
        *found = export->kind == SUBX_WASM_FUNCTION &&
                 is_entry_type(subx_wasm__function_type(module, export->index));
        if (!*found)
            return subx_error__set(error, SUBX_INVALID_MODULE,
                                   "export %s is no function (i32, i32) -> i64", name);
    }
    return SUBX_OK;
}

static subx_status add(struct subx_wasm_module *module, const char *name, subx_slice body,
                       subx_error *error)
{
    bool found = false;
    struct subx_wasm_export export = {.name = subx_slice__text(name), .kind = SUBX_WASM_FUNCTION};
    subx_status status = look_up(module, name, &found, error);
    if (status != SUBX_OK || found)
        return status;
    status = subx_wasm_edit__add_function(module, &entry_type, body, &export.index, error);
    if (status == SUBX_OK)
        status = subx_wasm_edit__add_export(module, &export, error);
    return status;
}

static subx_status add_all(struct subx_wasm_module *module, subx_error *error)
{
    if (module->memory_count + module->imported_memories == 0)
        return subx_error__set(error, SUBX_INVALID_MEMORY, "code without a memory");
    const subx_status status =
        add(module, SUBX_BENCH_EMPTY, subx_slice__of(empty_body, sizeof empty_body), error);
    return status == SUBX_OK
               ? add(module, SUBX_BENCH_DIRTY, subx_slice__of(dirty_body, sizeof dirty_body), error)
               : status;
}

subx_status subx_code_add_bench_functions(const subx_code *code, subx_code **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(code != NULL, error);
    struct subx_wasm_module module;
    subx_bytes wasm = SUBX_BYTES_INIT;
    subx_status status = subx_wasm__parse(subx_code_wasm(code), SUBX_WASM_RELAXED, &module, error);
    if (status != SUBX_OK)
        return status;
    status = add_all(&module, error);
    if (status == SUBX_OK)
        status = subx_wasm__write(&module, NULL, &wasm, error);
    subx_wasm__free(&module);
    if (status == SUBX_OK)
        status = subx_code_load(subx_slice__of(wasm.data, wasm.len), SIZE_MAX, out, error);
    subx_bytes_free(&wasm);
    return status;
}
