/* The passes that turn a chain's code into what is compiled, in the reference's order and to the
 * byte. */
#ifndef SUBX_BLOB_PASSES_H
#define SUBX_BLOB_PASSES_H

#include "blob/wasm_module.h"

/* What happens to the limits of the memories (spec/executor.md sections 1.1 and 1.3). */
enum subx_memory_limits {
    SUBX_LIMITS_KEEP,    /* as they are */
    SUBX_LIMITS_NO_MAX,  /* drop the maximum: today's form; limits are then set for each instance */
    SUBX_LIMITS_STATIC,  /* minimum = maximum = initial + pages, saturating */
    SUBX_LIMITS_DYNAMIC, /* maximum = pages, minimum = the smaller of initial and maximum */
    SUBX_LIMITS_UNBOUNDED, /* dynamic without a maximum */
    SUBX_LIMITS_PAGES /* the older form (section 1.2): minimum = initial + pages; maximum as given */
};

struct subx_passes {
    enum subx_wasm_grammar grammar;
    bool limit_stack; /* inject the deterministic stack limiter */
    uint32_t stack_limit;
    bool export_memory; /* turn the memory import into an export */
    enum subx_memory_limits memory_limits;
    uint32_t memory_pages;
    uint32_t memory_max;        /* for SUBX_LIMITS_PAGES; 0: the module's own, if it has one */
    const char *export_globals; /* prefix under which mutable globals are exported, or NULL */
};

/*
 * Parse `wasm`, apply the passes that are asked for, in the order stack limiter, memory export,
 * memory limits, export of mutable globals, and write the module. `out` is the caller's to free on
 * SUBX_OK. Errors: SUBX_CANT_DESERIALIZE_WASM (does not parse), SUBX_INVALID_MODULE (a pass refuses
 * it), SUBX_INVALID_MEMORY (no memory where one is needed), SUBX_INVALID_HEAP_PAGES
 * (SUBX_LIMITS_PAGES ask for more than there may be), SUBX_NOMEM.
 */
subx_status subx_passes__apply(subx_slice wasm, const struct subx_passes *passes, subx_bytes *out,
                               subx_error *error);

#endif
