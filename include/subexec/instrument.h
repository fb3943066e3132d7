/**
 * \file
 * The passes that a runtime's code goes through before it is compiled, for those who want to see
 * what they make of it. subx_runtime_new() applies what it needs by itself.
 */
#ifndef SUBEXEC_INSTRUMENT_H
#define SUBEXEC_INSTRUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/code.h>
#include <subexec/export.h>
#include <subexec/runtime.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What becomes of the limits of the code's memory. */
typedef enum subx_instrument_memory {
    /** As they are. */
    SUBX_INSTRUMENT_KEEP = 0,
    /** Without a maximum: today's form, in which each instance gets limits of its own. */
    SUBX_INSTRUMENT_NO_MAX = 1,
    /** As `heap` says: static heaps make minimum and maximum equal, dynamic ones lower the minimum
     * to their maximum. */
    SUBX_INSTRUMENT_HEAP = 2,
    /** The form of 2021: `heap_pages` more, and no more than `max_memory_pages` in all. */
    SUBX_INSTRUMENT_HEAP_PAGES = 3
} subx_instrument_memory;

/** Which passes to apply. Start from SUBX_INSTRUMENT_OPTIONS_INIT, which exports the memory only. */
typedef struct subx_instrument_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    /** Bound of the deterministic stack limiter, in values; 0: no limiter. */
    uint32_t stack_limit;
    /** Turn the import of a memory into a memory that is exported under the import's name. */
    bool export_memory;
    subx_instrument_memory memory;
    /** For SUBX_INSTRUMENT_HEAP. */
    subx_heap heap;
    /** For SUBX_INSTRUMENT_HEAP_PAGES; a maximum of 0 leaves that of the code. */
    uint32_t heap_pages, max_memory_pages;
    /** Export every mutable global, as `exported_internal_global_0` and so on. */
    bool export_globals;
} subx_instrument_options;

#define SUBX_INSTRUMENT_OPTIONS_INIT                                                              \
    {                                                                                             \
        sizeof(subx_instrument_options), 0, true, SUBX_INSTRUMENT_KEEP, {SUBX_HEAP_STATIC, 2048}, \
            0, 0, false                                                                           \
    }

/**
 * Apply the reference's passes to code, in its order and to the byte: stack limiter, export of the
 * memory, limits of the memory, export of globals.
 *
 * Only code that the reference's parser takes is accepted (see subx_code_check_strict()). Without
 * any pass the module is written anew, which makes its numbers as short as can be. A runtime of 6
 * MB takes some tens of milliseconds.
 *
 * \param code     from subx_code_load() or subx_code_load_file()
 * \param options  NULL for the defaults
 * \param[out] wasm   the module, filled on SUBX_OK, release with subx_bytes_free(); empty otherwise
 * \param[out] error  optional detail
 * \return SUBX_OK; SUBX_CANT_DESERIALIZE_WASM for code beyond the Wasm MVP; SUBX_INVALID_MODULE for
 * what a pass refuses; SUBX_INVALID_MEMORY for code without a memory; SUBX_INVALID_HEAP_PAGES if
 *         `heap_pages` do not fit the maximum; SUBX_NOMEM
 */
SUBX_API subx_status subx_code_instrument(const subx_code *code,
                                          const subx_instrument_options *options, subx_bytes *wasm,
                                          subx_error *error);

#ifdef __cplusplus
}
#endif

#endif
