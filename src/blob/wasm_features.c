/* Names of the Wasm extensions, as the proposals have them. */
#include "blob/wasm_module.h"

static const struct {
    uint32_t feature;
    const char *name;
} names[] = {
    {SUBX_WASM_SIGN_EXTENSION, "sign-extension"},
    {SUBX_WASM_SATURATING_CONVERSION, "saturating-conversions"},
    {SUBX_WASM_BULK_MEMORY, "bulk-memory"},
    {SUBX_WASM_REFERENCE_TYPES, "reference-types"},
    {SUBX_WASM_MULTI_VALUE, "multi-value"},
    {SUBX_WASM_SIMD, "simd"},
    {SUBX_WASM_MUTABLE_GLOBAL_IMPORT_EXPORT, "mutable-globals"},
};

#define NAME_COUNT (sizeof names / sizeof names[0])

const char *subx_wasm__feature_name(uint32_t feature)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].feature == feature)
            return names[i].name;
    return NULL;
}

char *subx_wasm__features_text(uint32_t features)
{
    struct subx_buf text = SUBX_BUF_INIT;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if ((features & names[i].feature) == 0)
            continue;
        if (text.len > 0)
            subx_buf__append_text(&text, ", ");
        subx_buf__append_text(&text, names[i].name);
    }
    subx_buf__append_u8(&text, '\0');
    subx_bytes out = SUBX_BYTES_INIT;
    return subx_buf__finish(&text, &out, NULL) == SUBX_OK ? (char *)out.data : NULL;
}
