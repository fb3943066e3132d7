/*
 * The runtime's version (spec/host-api.md section 6; where it differs, section 10): as
 * `Core_version` answers it, and as code embeds it in the custom sections `runtime_version` and
 * `runtime_apis`.
 */
#ifndef SUBX_BLOB_VERSION_SECTION_H
#define SUBX_BLOB_VERSION_SECTION_H

#include <subexec/code.h>

#include "blob/wasm_module.h"

/* A version whose parts are borrowed from the bytes that it was read from. */
struct subx_version_fields {
    subx_slice spec_name, impl_name; /* UTF-8 */
    uint32_t authoring_version, spec_version, impl_version, transaction_version;
    uint8_t system_version; /* once called state version */
    subx_slice apis;        /* records of 12 bytes: id of 8, version of 4 */
};

/*
 * Read the version that a module embeds. Without a section `runtime_version` there is none:
 * SUBX_OK and `found` is false, whatever `runtime_apis` holds. Sections that do not decode are
 * SUBX_VERSION_INVALID. A section that occurs twice counts the first time.
 */
subx_status subx_version_section__read(const struct subx_wasm_module *module,
                                       struct subx_version_fields *fields, bool *found,
                                       subx_error *error);

/* Append the SCALE form of today, in which all fields are present: what
 * `ext_misc_runtime_version` answers. */
void subx_version_section__encode(const struct subx_version_fields *fields, struct subx_buf *buf);

#endif
