/* Blocks: what subx_block is, and how one is put together from the parts that JSON gives. */
#ifndef SUBX_CHAIN_BLOCK_H
#define SUBX_CHAIN_BLOCK_H

#include "chain/header.h"
#include "codec/block_json.h"

struct subx_block {
    struct subx_header_parts header;
    subx_digest_item *items;
    subx_slice *extrinsics;
    size_t extrinsic_count;
    /* Everything after the header: the count of extrinsics and they themselves. */
    subx_slice body;
    subx_bytes encoded; /* all slices above are in it */
};

/* Move past one extrinsic: its length and as many bytes, all of which are `extrinsic`. */
bool subx_block__take_extrinsic(struct subx_reader *reader, subx_slice *extrinsic);

/* Like subx_block_decode(), and takes the bytes over, on failure too. */
subx_status subx_block__take(subx_bytes *scale, subx_block **out, subx_error *error);

/* Make a block of parts; a message names the part and the offset in it. */
subx_status subx_block__of_parts(const struct subx_block_parts *parts, subx_block **out,
                                 subx_error *error);

#endif
