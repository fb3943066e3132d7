/* Loading code: which form the bytes have, decompression, hash, sections (spec/executor.md section
 * 1.3). */
#include "blob/code.h"

#include <stdatomic.h>
#include <stdio.h>

#include "blob/artifact.h"
#include "blob/decompress.h"
#include "blob/wasm_code.h"
#include "codec/chain_spec.h"
#include "crypto/hash.h"
#include "platform/file.h"
#include "util/check.h"
#include "util/hex.h"
#include "util/mem.h"

/* Largest file that is looked into: chain specifications carry whole states. */
#define MAX_FILE_SIZE ((size_t)1 << 30)

/* Characters that must be digits before bytes are taken for hex text. */
enum { HEX_SNIFFED = 8 };

/* Code as the chain stores it: found in the caller's bytes, or decoded from text and owned. */
struct stored_code {
    subx_code_container container;
    subx_slice bytes;
    subx_bytes owned;
};

static bool is_wasm(subx_slice bytes)
{
    static const uint8_t magic[] = {0, 'a', 's', 'm'};
    return subx_slice__starts_with(bytes, subx_slice__of(magic, sizeof magic));
}

static bool is_polkavm(subx_slice bytes)
{
    static const uint8_t magic[] = {'P', 'V', 'M', 0};
    return subx_slice__starts_with(bytes, subx_slice__of(magic, sizeof magic));
}

static bool is_space(uint8_t character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static subx_slice trim(subx_slice text)
{
    while (text.len > 0 && is_space(text.data[0]))
        text = (subx_slice){text.data + 1, text.len - 1};
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

static bool is_hex(subx_slice text)
{
    if (text.len == 0)
        return false;
    if (text.len >= 2 && text.data[0] == '0' && (text.data[1] == 'x' || text.data[1] == 'X'))
        return true;
    for (size_t i = 0; i < text.len && i < HEX_SNIFFED; i++)
        if (subx_hex__digit(text.data[i]) < 0)
            return false;
    return true;
}

/* Bytes of no known form; say how they begin. */
static subx_status unknown_form(subx_slice bytes, subx_error *error)
{
    static const uint8_t zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    if (bytes.len == 0)
        return subx_error__set(error, SUBX_INVALID_INPUT, "code is empty");
    if (subx_slice__starts_with(bytes, subx_slice__of(zstd_magic, sizeof zstd_magic)))
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "this is a bare zstd frame; compressed code has the prefix "
                               "52bc537646db8e05 before it");
    char first[3 * 8 + 1] = "";
    for (size_t i = 0; i < bytes.len && i < 8; i++)
        snprintf(first + 3 * i, sizeof first - 3 * i, " %02x", bytes.data[i]);
    return subx_error__set(error, SUBX_INVALID_INPUT,
                           "neither Wasm, compressed Wasm, hex text nor a chain specification: "
                           "the first bytes are%s",
                           first);
}

/* The code inside an artifact, as the chain stores it. What was compiled from it is not looked at,
 * so this needs no trust. */
static subx_status find_in_artifact(subx_slice file, size_t max_size, struct stored_code *stored,
                                    subx_error *error)
{
    struct subx_artifact artifact;
    stored->container = SUBX_CODE_ARTIFACT;
    subx_status status = subx_artifact__read(file, &artifact, error);
    if (status == SUBX_OK)
        status = subx_artifact__stored_code(&artifact, max_size, &stored->owned, error);
    if (status != SUBX_OK)
        return status;
    uint8_t hash[32];
    stored->bytes = subx_slice__of(stored->owned.data, stored->owned.len);
    subx_hash__blake2b_256(stored->bytes, hash);
    if (memcmp(hash, artifact.code_hash, sizeof hash) != 0)
        return subx_error__set(
            error, SUBX_ARTIFACT,
            "damaged artifact: the code inside is not the one that its hash says");
    return SUBX_OK;
}

/* Look for code in bytes of any form. */
static subx_status find_stored(subx_slice bytes, size_t max_size, struct stored_code *stored,
                               subx_error *error)
{
    *stored = (struct stored_code){SUBX_CODE_PLAIN, bytes, SUBX_BYTES_INIT};
    if (subx_artifact__is(bytes))
        return find_in_artifact(bytes, max_size, stored, error);
    if (is_wasm(bytes) || is_polkavm(bytes) || subx_decompress__has_prefix(bytes))
        return SUBX_OK;
    const subx_slice text = trim(bytes);
    subx_status status = SUBX_OK;
    if (text.len > 0 && text.data[0] == '{') {
        stored->container = SUBX_CODE_CHAIN_SPEC;
        status = subx_chain_spec__code(bytes, &stored->owned, error);
    } else if (is_hex(text)) {
        stored->container = SUBX_CODE_HEX;
        status = subx_hex__decode(text, &stored->owned, error);
    } else {
        return unknown_form(bytes, error);
    }
    stored->bytes = subx_slice__of(stored->owned.data, stored->owned.len);
    return status;
}

/* What the code was found in, in front of what is wrong with it. */
static void name_container(const struct stored_code *stored, subx_error *error)
{
    if (stored->container == SUBX_CODE_HEX)
        subx_error__prefix(error, "decoded hex text");
    else if (stored->container == SUBX_CODE_CHAIN_SPEC)
        subx_error__prefix(error, "chain specification: :code");
    else if (stored->container == SUBX_CODE_ARTIFACT)
        subx_error__prefix(error, "code inside the artifact");
}

/* Keep the compressed bytes, copied or taken over, beside what they hold. */
static subx_status keep_stored(struct stored_code *stored, subx_code *code, subx_error *error)
{
    if (stored->owned.data != NULL) {
        code->stored = stored->owned;
        stored->owned = (subx_bytes)SUBX_BYTES_INIT;
        return SUBX_OK;
    }
    code->stored.data = subx_mem__copy(stored->bytes.data, stored->bytes.len);
    if (code->stored.data == NULL)
        return subx_error__nomem(error);
    code->stored.len = stored->bytes.len;
    return SUBX_OK;
}

/* The Wasm module of `stored`, decompressed, copied or taken over. */
static subx_status take_wasm(struct stored_code *stored, size_t max_size, subx_code *code,
                             subx_error *error)
{
    if (subx_decompress__has_prefix(stored->bytes)) {
        code->info.compressed = true;
        const subx_status status =
            subx_decompress__code(stored->bytes, max_size, &code->wasm, error);
        return status == SUBX_OK ? keep_stored(stored, code, error) : status;
    }
    if (!is_wasm(stored->bytes) && !is_polkavm(stored->bytes))
        return unknown_form(stored->bytes, error);
    if (stored->bytes.len > max_size)
        return subx_error__set(error, SUBX_TOO_LARGE,
                               "code of %zu bytes is larger than the bound of %zu bytes",
                               stored->bytes.len, max_size);
    if (stored->owned.data != NULL) {
        code->wasm = stored->owned;
        stored->owned = (subx_bytes)SUBX_BYTES_INIT;
        return SUBX_OK;
    }
    code->wasm.data = subx_mem__copy(stored->bytes.data, stored->bytes.len);
    if (code->wasm.data == NULL)
        return subx_error__nomem(error);
    code->wasm.len = stored->bytes.len;
    return SUBX_OK;
}

static subx_status parse(subx_code *code, subx_error *error)
{
    const subx_slice wasm = subx_slice__of(code->wasm.data, code->wasm.len);
    if (is_polkavm(wasm))
        return subx_error__set(error, SUBX_UNSUPPORTED,
                               "this is PolkaVM code; only Wasm is supported");
    subx_status status = subx_wasm__parse(wasm, SUBX_WASM_RELAXED, &code->module, error);
    if (status == SUBX_OK)
        status = subx_code_texts__make(&code->module, &code->texts, error);
    if (status != SUBX_OK)
        return status;
    code->features = subx_wasm__features_text(code->module.features);
    return code->features == NULL ? subx_error__nomem(error) : SUBX_OK;
}

subx_status subx_code_load(subx_slice bytes, size_t max_size, subx_code **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    subx_code *code = subx_mem__calloc(1, sizeof *code);
    if (code == NULL)
        return subx_error__nomem(error);
    atomic_init(&code->references, 1);
    struct stored_code stored;
    if (max_size == 0)
        max_size = SUBX_MAX_CODE_SIZE;
    subx_status status = find_stored(bytes, max_size, &stored, error);
    if (status != SUBX_OK)
        goto done;
    code->info.container = stored.container;
    code->info.stored_size = stored.bytes.len;
    subx_hash__blake2b_256(stored.bytes, code->info.hash);
    status = take_wasm(&stored, max_size, code, error);
    if (status == SUBX_OK)
        status = parse(code, error);
    if (status != SUBX_OK) {
        name_container(&stored, error);
        goto done;
    }
    code->info.wasm_size = code->wasm.len;
    *out = code;
    code = NULL;
done:
    subx_bytes_free(&stored.owned);
    subx_code_free(code);
    return status;
}

subx_status subx_code_load_file(const char *path, size_t max_size, subx_code **out,
                                subx_error *error)
{
    SUBX_CHECK_ARG(path != NULL && out != NULL, error);
    *out = NULL;
    struct subx_file file;
    struct subx_file_fault fault;
    if (!subx_file__read(path, MAX_FILE_SIZE, &file, &fault))
        return subx_error__set(error, fault.too_large ? SUBX_TOO_LARGE : SUBX_IO, "%s: %s", path,
                               fault.reason);
    const subx_status status =
        subx_code_load(subx_slice__of(file.data, file.len), max_size, out, error);
    subx_file__free(&file);
    if (status != SUBX_OK)
        subx_error__prefix(error, "%s", path);
    return status;
}

bool subx_code__hash(subx_slice bytes, size_t max_size, uint8_t hash[32])
{
    struct stored_code stored;
    const subx_status status =
        find_stored(bytes, max_size != 0 ? max_size : SUBX_MAX_CODE_SIZE, &stored, NULL);
    if (status == SUBX_OK)
        subx_hash__blake2b_256(stored.bytes, hash);
    subx_bytes_free(&stored.owned);
    return status == SUBX_OK;
}

bool subx_code__hash_of_file(const char *path, size_t max_size, uint8_t hash[32])
{
    struct subx_file file;
    struct subx_file_fault fault;
    if (!subx_file__read(path, MAX_FILE_SIZE, &file, &fault))
        return false;
    const bool is_found = subx_code__hash(subx_slice__of(file.data, file.len), max_size, hash);
    subx_file__free(&file);
    return is_found;
}

subx_code *subx_code__retain(const subx_code *code)
{
    /* only the count changes of what is shared as const */
    subx_code *const shared = (subx_code *)(uintptr_t)code;
    atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    return shared;
}

void subx_code_free(subx_code *code)
{
    if (code == NULL || atomic_fetch_sub_explicit(&code->references, 1, memory_order_acq_rel) != 1)
        return;
    subx_mem__free(code->features);
    subx_code_texts__free(&code->texts);
    subx_wasm__free(&code->module);
    subx_bytes_free(&code->wasm);
    subx_bytes_free(&code->stored);
    subx_mem__free(code);
}

subx_slice subx_code__stored(const subx_code *code)
{
    return code->info.compressed ? subx_slice__of(code->stored.data, code->stored.len)
                                 : subx_code_wasm(code);
}

subx_code_info subx_code_info_of(const subx_code *code)
{
    return code->info;
}

subx_slice subx_code_wasm(const subx_code *code)
{
    return subx_slice__of(code->wasm.data, code->wasm.len);
}

size_t subx_code_import_count(const subx_code *code)
{
    return code->module.import_count;
}

subx_extern subx_code__import(const subx_code *code, size_t index)
{
    SUBX_CHECK(index < code->module.import_count);
    const struct subx_wasm_import *import = &code->module.imports[index];
    const char *text = (const char *)code->texts.text.data + code->texts.imports[index];
    return (subx_extern){(subx_extern_kind)import->kind, import->module, import->name, text, false};
}

size_t subx_code_export_count(const subx_code *code)
{
    return code->module.export_count;
}

subx_extern subx_code_export(const subx_code *code, size_t index)
{
    SUBX_CHECK(index < code->module.export_count);
    const struct subx_wasm_export *export = &code->module.exports[index];
    const char *text = (const char *)code->texts.text.data + code->texts.exports[index];
    return (subx_extern){(subx_extern_kind) export->kind, SUBX_EMPTY, export->name, text, false};
}

/* Whether an expression is an i32 constant and its end. */
static bool read_i32_const(subx_slice expression, uint32_t *out)
{
    struct subx_wasm_code code;
    struct subx_wasm_instruction first = {0}, rest;
    subx_wasm_code__open_expression(&code, expression, SUBX_WASM_RELAXED);
    uint32_t count = 0;
    for (; subx_wasm_code__next(&code, count == 0 ? &first : &rest); count++)
        continue;
    if (count != 2 || first.opcode != SUBX_OP_I32_CONST)
        return false;
    *out = (uint32_t)first.value;
    return true;
}

bool subx_code_heap_base(const subx_code *code, uint32_t *address)
{
    const struct subx_wasm_module *module = &code->module;
    const struct subx_wasm_export *export =
        subx_wasm__find_export(module, SUBX_WASM_GLOBAL, "__heap_base");
    if (export == NULL || export->index < module->imported_globals ||
        export->index - module->imported_globals >= module->global_count)
        return false;
    const struct subx_wasm_global *global =
        &module->globals[export->index - module->imported_globals];
    return global->type == SUBX_WASM_I32 && read_i32_const(global->init, address);
}

const char *subx_code_features(const subx_code *code)
{
    return code->features;
}

subx_status subx_code_check_strict(const subx_code *code, subx_error *error)
{
    struct subx_wasm_module module;
    const subx_status status =
        subx_wasm__parse(subx_code_wasm(code), SUBX_WASM_STRICT, &module, error);
    if (status == SUBX_OK)
        subx_wasm__free(&module);
    return status;
}
