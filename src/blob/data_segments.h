/*
 * A snapshot of a module's data segments: what memory holds when an instance is new
 * (spec/executor.md section 4).
 */
#ifndef SUBX_BLOB_DATA_SEGMENTS_H
#define SUBX_BLOB_DATA_SEGMENTS_H

#include "blob/wasm_module.h"

struct subx_data_segment {
    uint32_t offset; /* in memory */
    subx_slice bytes;
};

/* The bytes are the module's; they must outlive this. */
struct subx_data_segments {
    struct subx_data_segment *segments;
    uint32_t count;
};

/*
 * List the segments. On SUBX_OK release with subx_data_segments__free(); empty otherwise. Errors
 * name the segment: SUBX_SHARED_MEM_UNSUPPORTED (it is passive),
 * SUBX_INITIALIZER_HAS_TOO_MANY_EXPRESSIONS (its offset is not one instruction and `end`),
 * SUBX_IMPORTED_GLOBALS_UNSUPPORTED (it is a global), SUBX_INVALID_INITIALIZER_EXPRESSION (it is
 * neither constant nor global), SUBX_NOMEM.
 */
subx_status subx_data_segments__take(const struct subx_wasm_module *module,
                                     struct subx_data_segments *segments, subx_error *error);
void subx_data_segments__free(struct subx_data_segments *segments);

/* Bytes of memory from 0 to the end of the highest segment. */
uint64_t subx_data_segments__end(const struct subx_data_segments *segments);

/* Write the segments into memory, in their order. Errors: SUBX_OTHER at the first one that does not
 * fit; those before it are written. */
subx_status subx_data_segments__apply(const struct subx_data_segments *segments, uint8_t *memory,
                                      uint64_t memory_size, subx_error *error);

#endif
