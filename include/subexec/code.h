/**
 * \file
 * The code of a runtime as chains carry it, and what can be read from it without running it.
 */
#ifndef SUBEXEC_CODE_H
#define SUBEXEC_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/export.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bound on code after decompression, in bytes, that chains of the Polkadot-SDK use: 50 MiB. */
#define SUBX_MAX_CODE_SIZE ((size_t)50 * 1024 * 1024)

/** Code, found in its container, decompressed and parsed: immutable, shared between threads. */
typedef struct subx_code subx_code;

/** What the code was found in. */
typedef enum subx_code_container {
    SUBX_CODE_PLAIN = 0,
    /** Hexadecimal text, with or without "0x". */
    SUBX_CODE_HEX = 1,
    /** The `:code` of a raw chain specification. */
    SUBX_CODE_CHAIN_SPEC = 2,
    /** An artifact; what is compiled in it is not looked at (see subx_artifact_inspect_file()). */
    SUBX_CODE_ARTIFACT = 3
} subx_code_container;

/** Sizes and hash of code. */
typedef struct subx_code_info {
    subx_code_container container;
    /** It carried the compression prefix of the Polkadot-SDK and a zstd frame. */
    bool compressed;
    /** Bytes as the chain stores them, and after decompression. */
    size_t stored_size, wasm_size;
    /** BLAKE2b-256 of the bytes as the chain stores them: what identifies code. */
    uint8_t hash[32];
} subx_code_info;

/** Kinds of imports and exports. */
typedef enum subx_extern_kind {
    SUBX_EXTERN_FUNCTION = 0,
    SUBX_EXTERN_TABLE = 1,
    SUBX_EXTERN_MEMORY = 2,
    SUBX_EXTERN_GLOBAL = 3
} subx_extern_kind;

/** An import or export. All pointers are borrowed from the code. */
typedef struct subx_extern {
    subx_extern_kind kind;
    /** Module that it is imported from; empty for exports. UTF-8, not NUL-terminated. */
    subx_slice module;
    subx_slice name;
    /** Readable type: "(i32, i64) -> i64" for functions, "17 pages" or "17..2048 pages" for
     * memories, "mut i32" for globals. NUL-terminated. */
    const char *type;
    /** An imported function that this library provides. */
    bool known;
} subx_extern;

/** The runtime's version, as SCALE has it (Polkadot specification, Core_version). */
typedef struct subx_version {
    /** Names; NUL-terminated, owned by the struct. */
    char *spec_name, *impl_name;
    uint32_t authoring_version, spec_version, impl_version, transaction_version;
    /** 0: values always inline in the trie; 1: hashed from 33 bytes on. */
    uint8_t state_version;
    /** The APIs that the runtime implements. */
    struct subx_api {
        uint8_t id[8];
        uint32_t version;
    } * apis;
    size_t api_count;
} subx_version;

#ifdef __cplusplus
#define SUBX_VERSION_INIT \
    {                     \
    }
#else
/** Initializer of an empty subx_version. */
#define SUBX_VERSION_INIT                  \
    {                                      \
        NULL, NULL, 0, 0, 0, 0, 0, NULL, 0 \
    }
#endif

/**
 * Find code in bytes: Wasm, compressed Wasm, hexadecimal text of either, a raw chain specification,
 * or an artifact with the code that it was made from.
 *
 * The code is decompressed (never beyond the bound, and without allocating it ahead) and its
 * sections are parsed; code that does not parse is refused here.
 *
 * \param bytes     borrowed; not needed afterwards
 * \param max_size  bound on the decompressed code in bytes; 0 for SUBX_MAX_CODE_SIZE
 * \param[out] out  filled on SUBX_OK, release with subx_code_free(); NULL otherwise
 * \param[out] error  optional detail
 * \return SUBX_OK; SUBX_INVALID_INPUT for malformed text or an unknown form; SUBX_CODE_NOT_FOUND
 * for a chain specification without `:code`; SUBX_TOO_LARGE; SUBX_UNSUPPORTED for PolkaVM code;
 *         SUBX_CANT_DESERIALIZE_WASM, with the offset; SUBX_ARTIFACT for a damaged artifact;
 *         SUBX_NOMEM
 */
SUBX_API subx_status subx_code_load(subx_slice bytes, size_t max_size, subx_code **out,
                                    subx_error *error);

/**
 * The same from a file.
 *
 * \param path  NUL-terminated
 * \return as subx_code_load(), or SUBX_IO with the file's name and the system's reason
 */
SUBX_API subx_status subx_code_load_file(const char *path, size_t max_size, subx_code **out,
                                         subx_error *error);

/**
 * Release code.
 *
 * \param code  NULL is fine
 */
SUBX_API void subx_code_free(subx_code *code);

/** Sizes, container and hash. */
SUBX_API subx_code_info subx_code_info_of(const subx_code *code);

/** The decompressed Wasm module; borrowed from the code. */
SUBX_API subx_slice subx_code_wasm(const subx_code *code);

/** Number of imports. */
SUBX_API size_t subx_code_import_count(const subx_code *code);

/** The import with that number; `index` below subx_code_import_count(). */
SUBX_API subx_extern subx_code_import(const subx_code *code, size_t index);

/** Number of exports. */
SUBX_API size_t subx_code_export_count(const subx_code *code);

/** The export with that number; `index` below subx_code_export_count(). */
SUBX_API subx_extern subx_code_export(const subx_code *code, size_t index);

/**
 * Where the guest's heap begins: the value of the exported global `__heap_base`.
 *
 * \param[out] address  filled if it is found
 * \return false if there is no such export, or it is not an i32 that the code gives as a constant
 */
SUBX_API bool subx_code_heap_base(const subx_code *code, uint32_t *address);

/**
 * Names of the Wasm extensions beyond the MVP that the code needs, separated by ", "; empty if
 * none.
 *
 * \return NUL-terminated, borrowed from the code
 */
SUBX_API const char *subx_code_features(const subx_code *code);

/**
 * Tell whether the reference takes the code: its parser knows the Wasm MVP only.
 *
 * The code is parsed once more, with that strict grammar; tens of milliseconds for a large runtime.
 *
 * \param[out] error  optional; what the strict parser refuses, and at which offset of the module
 * \return SUBX_OK; SUBX_CANT_DESERIALIZE_WASM; SUBX_NOMEM
 */
SUBX_API subx_status subx_code_check_strict(const subx_code *code, subx_error *error);

/** Names of the functions that subx_code_add_bench_functions() adds. */
#define SUBX_BENCH_EMPTY "test_empty_return"
#define SUBX_BENCH_DIRTY "test_dirty_plenty_memory"

/**
 * Add to code the functions that measurements of calls need, under the names that the reference's
 * benchmark runtime has them; those that are there already stay.
 *
 * SUBX_BENCH_EMPTY returns 0 at once. SUBX_BENCH_DIRTY takes SCALE (u32 address, u32 pages): from
 * the address, rounded up to a page of 64 KiB, it stores one byte into each 4 KiB of that many
 * pages, and returns 0.
 *
 * \param code      stays as it is
 * \param[out] out  new code, filled on SUBX_OK, release with subx_code_free(); NULL otherwise
 * \param[out] error  optional detail
 * \return SUBX_OK; SUBX_INVALID_MODULE if such a name is taken by something that cannot be called;
 *         SUBX_INVALID_MEMORY for code without a memory; SUBX_NOMEM
 */
SUBX_API subx_status subx_code_add_bench_functions(const subx_code *code, subx_code **out,
                                                   subx_error *error);

/**
 * Read the version that is embedded in the code (custom sections `runtime_version` and
 * `runtime_apis`).
 *
 * \param[out] version  filled if found, release with subx_version_free(); empty otherwise
 * \param[out] found    whether the code embeds one; if not, call `Core_version`
 * \return SUBX_OK, SUBX_VERSION_INVALID for malformed sections, SUBX_NOMEM
 */
SUBX_API subx_status subx_code_version(const subx_code *code, subx_version *version, bool *found,
                                       subx_error *error);

/**
 * Decode the SCALE bytes that `Core_version` answers, of any age.
 *
 * \param scale  borrowed
 * \param[out] version  filled on SUBX_OK, release with subx_version_free(); empty otherwise
 * \return SUBX_OK, SUBX_VERSION_INVALID, SUBX_NOMEM
 */
SUBX_API subx_status subx_version_decode(subx_slice scale, subx_version *version,
                                         subx_error *error);

/**
 * Release the strings and the list, and leave the struct empty.
 *
 * \param version  NULL is fine
 */
SUBX_API void subx_version_free(subx_version *version);

/** One host function that runtimes may import from `env`. Static strings. */
typedef struct subx_host_function_info {
    const char *interface_name;
    const char *name;
    const char *type;
} subx_host_function_info;

/** Number of host functions that this library provides. */
SUBX_API size_t subx_host_function_count(void);

/** The host function with that number, in the order of names; `index` below
 * subx_host_function_count(). */
SUBX_API subx_host_function_info subx_host_function_at(size_t index);

#ifdef __cplusplus
}
#endif

#endif
