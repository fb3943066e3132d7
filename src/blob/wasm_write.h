/* Bytes of a module, every number in its shortest form: what the reference's serializer writes. */
#ifndef SUBX_BLOB_WASM_WRITE_H
#define SUBX_BLOB_WASM_WRITE_H

#include "blob/wasm_code.h"

/* What is changed while code is written: the mentions of functions. */
struct subx_wasm_rewriter {
    /* Write something else for a `call` or `ref.func` and return true; false leaves it. */
    bool (*instruction)(const struct subx_wasm_rewriter *rewriter,
                        const struct subx_wasm_instruction *instruction, struct subx_buf *out);
    /* What an element segment shall name instead of this function. */
    uint32_t (*element)(const struct subx_wasm_rewriter *rewriter, uint32_t function);
    uint32_t body_count; /* bodies from this one on are written as they are */
};

/* Bound on what a module may grow to, in bytes. Real ones grow by a third; a made-up one of 50 MiB
 * could ask for terabytes. */
#define SUBX_WASM_MAX_WRITTEN ((size_t)1 << 30)

/*
 * Write the module. `rewriter` may be NULL. `out` is the caller's to free on SUBX_OK. Errors:
 * SUBX_NOMEM; SUBX_INVALID_MODULE if it became larger than SUBX_WASM_MAX_WRITTEN. Costs one pass
 * over the code; takes memory for the output only.
 */
subx_status subx_wasm__write(const struct subx_wasm_module *module,
                             const struct subx_wasm_rewriter *rewriter, subx_bytes *out,
                             subx_error *error);

#endif
