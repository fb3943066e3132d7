/* Code after loading: the bytes, the parsed module and readable types of what it imports and
 * exports. Immutable once made. */
#ifndef SUBX_BLOB_CODE_H
#define SUBX_BLOB_CODE_H

#include <subexec/code.h>

#include "blob/wasm_module.h"

/* Readable types of imports and exports: offsets of NUL-terminated texts. Functions of one type
 * share one text, so that the whole stays in proportion to the code. */
struct subx_code_texts {
    subx_bytes text;
    size_t *imports, *exports;
};

struct subx_code {
    _Atomic uint32_t references;
    subx_code_info info;
    subx_bytes wasm;
    subx_bytes stored;              /* as the chain has it; empty if that is `wasm` */
    struct subx_wasm_module module; /* over `wasm`, read with the relaxed grammar */
    struct subx_code_texts texts;
    char *features;
};

/* As subx_code_import(), except that `known` is left false: which functions the host provides is
 * known to the room src/host only. */
subx_extern subx_code__import(const subx_code *code, size_t index);

/*
 * Hash of the code in bytes or in a file, as in subx_code_info, without decompressing or parsing
 * it. False if it cannot be had, whatever the reason: loading the code tells.
 */
bool subx_code__hash(subx_slice bytes, size_t max_size, uint8_t hash[32]);
bool subx_code__hash_of_file(const char *path, size_t max_size, uint8_t hash[32]);

/* Take a reference; subx_code_free() drops one. */
subx_code *subx_code__retain(const subx_code *code);

/* The bytes as the chain stores them, whose hash identifies the code; borrowed from the code. */
subx_slice subx_code__stored(const subx_code *code);

/* Write the readable types. On failure `texts` is empty. Release with subx_code_texts__free(). */
subx_status subx_code_texts__make(const struct subx_wasm_module *module,
                                  struct subx_code_texts *texts, subx_error *error);
void subx_code_texts__free(struct subx_code_texts *texts);

#endif
