/*
 * Loading code (subexec/code.h) from any bytes: recognising the form, hex text, chain
 * specifications, decompression, sections, the readable types of imports and exports.
 */
#include <stdlib.h>
#include <string.h>

#include <subexec/code.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small, so that bombs of a few bytes are bombs. */
#define MAX_SIZE ((size_t)1 << 16)

static void demand(int condition)
{
    if (!condition)
        abort();
}

static void read_extern(subx_extern item)
{
    demand(item.kind <= SUBX_EXTERN_GLOBAL && item.type != NULL);
    demand(strlen(item.type) > 0);
    demand(item.name.data != NULL || item.name.len == 0);
}

static void read_all(const subx_code *code)
{
    const subx_code_info info = subx_code_info_of(code);
    demand(info.wasm_size <= MAX_SIZE && info.wasm_size == subx_code_wasm(code).len);
    demand(info.compressed || info.stored_size == info.wasm_size);
    for (size_t i = 0; i < subx_code_import_count(code); i++)
        read_extern(subx_code_import(code, i));
    for (size_t i = 0; i < subx_code_export_count(code); i++)
        read_extern(subx_code_export(code, i));
    /* what needs no extension is fine for the strict parser's grammar, or it says why not */
    subx_error error = SUBX_ERROR_INIT;
    if (subx_code_check_strict(code, &error) == SUBX_OK)
        demand(strcmp(subx_code_features(code), "") == 0 ||
               strcmp(subx_code_features(code), "mutable-globals") == 0);
    else
        demand(error.message[0] != '\0');
    subx_version version;
    bool found = false;
    (void)subx_code_version(code, &version, &found, NULL);
    subx_version_free(&version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    const subx_status status = subx_code_load((subx_slice){data, size}, MAX_SIZE, &code, &error);
    demand((status == SUBX_OK) == (code != NULL));
    demand((status == SUBX_OK) == (error.message[0] == '\0'));
    if (code != NULL)
        read_all(code);
    subx_code_free(code);
    return 0;
}
