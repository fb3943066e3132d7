/*
 * What Wasmtime's C API lacks, from the Rust static library (deps/rust/src/engine.rs). Only src/exec includes this.
 * Nothing panics; errors are Wasmtime's own and must be deleted.
 */
#ifndef SUBEXEC_RUST_ENGINE_H
#define SUBEXEC_RUST_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wasmtime.h>

/* Exact version of the engine that is linked, "wasmtime 48.0.8"; taken from the lock file. */
const char *subx_rust_engine_version(void);

/* Bits of subx_rust_config_features(); the order is that of FEATURES in engine.rs. */
enum {
    SUBX_RUST_MUTABLE_GLOBAL = 1 << 0,
    SUBX_RUST_SATURATING_CONVERSION = 1 << 1,
    SUBX_RUST_SIGN_EXTENSION = 1 << 2,
    SUBX_RUST_REFERENCE_TYPES = 1 << 3,
    SUBX_RUST_MULTI_VALUE = 1 << 4,
    SUBX_RUST_BULK_MEMORY = 1 << 5,
    SUBX_RUST_SIMD = 1 << 6,
    SUBX_RUST_RELAXED_SIMD = 1 << 7,
    SUBX_RUST_TAIL_CALL = 1 << 8,
    SUBX_RUST_MULTI_MEMORY = 1 << 9,
    SUBX_RUST_MEMORY64 = 1 << 10,
    SUBX_RUST_EXTENDED_CONST = 1 << 11,
    SUBX_RUST_EXCEPTIONS = 1 << 12,
    SUBX_RUST_FUNCTION_REFERENCES = 1 << 13,
    SUBX_RUST_GC = 1 << 14
};

/* Enable exactly these Wasm extensions, disable the others of the list. */
void subx_rust_config_features(wasm_config_t *config, uint32_t bits);

/* Largest stack of the guest, in bytes; above 2 MiB too. */
void subx_rust_config_stack(wasm_config_t *config, size_t wasm_stack);

/* How far apart data segments may lie and still become one copy-on-write image, in bytes. */
void subx_rust_config_dense_image_size(wasm_config_t *config, uint64_t bytes);

/* Frames that a backtrace keeps, 0: none; `details`: file and line from debug information. */
void subx_rust_config_backtrace(wasm_config_t *config, size_t max_frames, bool details);

/* Let artifacts carry the exact engine version and this number. */
wasmtime_error_t *subx_rust_config_artifact_format(wasm_config_t *config, uint32_t format);

/* Page-map scan in the pooling allocator: 0 off, 1 where the kernel has it, 2 or an error. */
void subx_rust_pool_pagemap_scan(wasmtime_pooling_allocation_config_t *pool, uint32_t mode);

/* Make an engine; an error where wasm_engine_new_with_config() would abort. Takes `config`, in failure too. */
wasmtime_error_t *subx_rust_engine_new(wasm_config_t *config, wasm_engine_t **engine);

/* Engines with equal digests load each other's artifacts. */
void subx_rust_engine_compatibility(const wasm_engine_t *engine, uint8_t digest[32]);

/* Compile to artifact bytes without loading the code. */
wasmtime_error_t *subx_rust_engine_precompile(const wasm_engine_t *engine, const uint8_t *wasm,
                                              size_t len, wasm_byte_vec_t *artifact);

/* Whether bytes start like an artifact of this engine family; the contents are not looked at. */
bool subx_rust_is_precompiled(const uint8_t *bytes, size_t len);

/* Load an artifact from an open file, mapped. Takes the descriptor, in failure too. The bytes must be trusted. */
wasmtime_error_t *subx_rust_module_deserialize_fd(const wasm_engine_t *engine, int descriptor,
                                                  wasmtime_module_t **module);

/* Make the copy-on-write image now instead of in the first instantiation. */
wasmtime_error_t *subx_rust_module_prepare_image(const wasmtime_module_t *module);

/* Set the calling thread up for Wasm now instead of in its first call. */
void subx_rust_thread_prepare(void);

/* `error` is a wasmtime_error_t or a wasm_trap_t in the three functions below. */

/* Text of the innermost cause, without the backtrace; delete the vector. */
void subx_rust_error_root(const void *error, wasm_byte_vec_t *text);

/* Trap code (wasmtime/trap.h); false if the cause is no trap of the guest. */
bool subx_rust_error_trap_code(const void *error, uint8_t *code);

/* Frames as text, innermost first; false, and no vector, if there are none. */
bool subx_rust_error_backtrace(const void *error, wasm_byte_vec_t *text);

#endif
