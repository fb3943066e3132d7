/* A block that is being built, and what building and executing in steps share. */
#ifndef SUBX_CHAIN_BUILDER_H
#define SUBX_CHAIN_BUILDER_H

#include <subexec/build.h>

#include "util/bytes.h"

struct subx_builder {
    subx_runtime *runtime;
    subx_changes *changes;
    subx_call_options call; /* with the changes */
    uint64_t number;
    uint8_t parent_hash[32];
    uint32_t core_api, builder_api; /* versions */
    bool only_inherents;

    /* Extrinsics that the runtime made: the bytes that it answered, and where each is in them. */
    subx_bytes made_bytes;
    subx_slice *made;
    size_t made_count;

    size_t tried; /* extrinsics, in the block or not */
    struct subx_buf body;
    size_t body_count;
    subx_bytes answer; /* to the last extrinsic */

    bool is_finished;   /* finalize_block was called, well or not */
    bool has_block;     /* and well: what follows is valid */
    subx_header header; /* of the finished block */
    uint8_t root[32];   /* of the state after it */
};

/* subx_builder_new() and _finish() without the block's number in messages. */
subx_status subx_builder__begin(subx_runtime *runtime, subx_changes *changes,
                                const subx_build_options *options, subx_builder **out,
                                subx_error *error);
subx_status subx_builder__finish(subx_builder *builder, subx_block **out, subx_error *error);

/* subx_builder_apply() with only the extrinsic's number in messages. */
subx_status subx_builder__apply(subx_builder *builder, subx_slice extrinsic, subx_applied *applied,
                                subx_error *error);

/* Append inherent data: a map in the order of its keys. SUBX_MISUSE for one that comes twice. */
subx_status subx_builder__append_inherents(struct subx_buf *buf, const subx_inherent *inherents,
                                           size_t count, subx_error *error);

/* A call whose changes are undone, however it ends. */
subx_status subx_builder__call_and_undo(subx_runtime *runtime, const char *method, subx_slice input,
                                        const subx_call_options *options, subx_bytes *output,
                                        subx_error *error);

/* subx_block_execute_each() without the block's name in messages. */
subx_status subx_chain__execute_each(subx_runtime *runtime, subx_changes *changes,
                                     const subx_block *block, const subx_call_options *options,
                                     subx_applied_visitor visit, void *data, uint8_t root[32],
                                     subx_error *error);

#endif
