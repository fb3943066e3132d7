/* Export of mutable globals, so that they can be saved and restored (spec/executor.md section 4).
 */
#include <stdio.h>

#include "blob/pass.h"
#include "blob/wasm_edit.h"
#include "util/error.h"

/* Room for "_" and a number of 32 bits, the NUL included. */
#define SUFFIX_SIZE 12

static subx_status export_global(struct subx_wasm_module *module, subx_slice prefix,
                                 uint32_t number, uint32_t index, subx_error *error)
{
    char suffix[SUFFIX_SIZE];
    const int suffix_len = snprintf(suffix, sizeof suffix, "_%u", number);
    uint8_t *const name = subx_wasm_edit__own(module, prefix.len + sizeof suffix);
    if (suffix_len < 0 || name == NULL)
        return subx_error__nomem(error);
    if (prefix.len > 0)
        memcpy(name, prefix.data, prefix.len);
    memcpy(name + prefix.len, suffix, (size_t)suffix_len);
    const struct subx_wasm_export export = {
        .name = {name, prefix.len + (size_t)suffix_len}, .kind = SUBX_WASM_GLOBAL, .index = index};
    return subx_wasm_edit__add_export(module, &export, error);
}

subx_status subx_export_globals__apply(struct subx_wasm_module *module, const char *prefix,
                                       subx_error *error)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < module->global_count; i++) {
        if (!module->globals[i].is_mutable)
            continue;
        const subx_status status = export_global(module, subx_slice__text(prefix), number++,
                                                 module->imported_globals + i, error);
        if (status != SUBX_OK)
            return status;
    }
    return SUBX_OK;
}
