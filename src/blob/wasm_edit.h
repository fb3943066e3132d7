/* Changing a parsed module: what the passes have in common. */
#ifndef SUBX_BLOB_WASM_EDIT_H
#define SUBX_BLOB_WASM_EDIT_H

#include "blob/wasm_module.h"

/* Place of a known section in the order of the binary format, from 1; 0 for custom ones. */
int subx_wasm_edit__section_place(uint8_t id);

bool subx_wasm_edit__has_section(const struct subx_wasm_module *module, uint8_t id);

/* Put an empty known section that is not there yet where the order wants it: before the first one
 * that must come later, else at the end. */
subx_status subx_wasm_edit__insert_section(struct subx_wasm_module *module, uint8_t id,
                                           subx_error *error);

/* Append one entry; its section is inserted if there is none. Names and expressions must outlive
 * the module, or be owned by it. */
subx_status subx_wasm_edit__add_global(struct subx_wasm_module *module,
                                       const struct subx_wasm_global *global, subx_error *error);
subx_status subx_wasm_edit__add_export(struct subx_wasm_module *module,
                                       const struct subx_wasm_export *export, subx_error *error);

/*
 * Append a function; sections are inserted where there are none. `type` and `body` must outlive the
 * module, or be owned by it; the first equal type of the module is used. `index` is what calls it.
 * Errors: SUBX_NOMEM.
 */
subx_status subx_wasm_edit__add_function(struct subx_wasm_module *module,
                                         const struct subx_wasm_function_type *type,
                                         subx_slice body, uint32_t *index, subx_error *error);

/*
 * The order of sections that the reference's module builder leaves behind: known ones in their
 * order, those without entries gone, then all others, last first. In the strict grammar the data
 * count section is one of the others, as there; in the relaxed one it keeps its place, without
 * which the module would be invalid.
 */
subx_status subx_wasm_edit__rebuild(struct subx_wasm_module *module, subx_error *error);

/* Bytes that live as long as the module; NULL if memory is short. */
uint8_t *subx_wasm_edit__own(struct subx_wasm_module *module, size_t size);
void subx_wasm_edit__free_owned(struct subx_wasm_owned *owned);

#endif
