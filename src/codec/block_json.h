/*
 * Blocks in the forms that the RPC of nodes gives and people keep: a SignedBlock
 * {"block":{"header":…,"extrinsics":[…]},"justifications":…}, the same in an answer's "result", the
 * inner object alone, or SCALE in hexadecimal digits; one after another, each on a line of its own
 * or over several, or as the elements of an array. A header may also be one hex string, and "body"
 * may stand for "extrinsics". Justifications and what else there is are read past.
 *
 * This room does not know what a header means; src/chain/block.c puts the parts together.
 */
#ifndef SUBX_CODEC_BLOCK_JSON_H
#define SUBX_CODEC_BLOCK_JSON_H

#include "codec/json.h"

/* Most bytes of one block; more is SUBX_TOO_LARGE. No runtime takes more than 32 MiB. */
#define SUBX_BLOCK_MAX_SIZE ((size_t)64 * 1024 * 1024)

/* A range of `bytes` in struct subx_block_parts. */
struct subx_block_part {
    size_t offset, len;
};

struct subx_block_part_list {
    struct subx_block_part *parts;
    size_t count, capacity;
};

/* One block as it was written. Start from SUBX_BLOCK_PARTS_INIT, use it for any number of blocks. */
struct subx_block_parts {
    /* All of it is SCALE: `bytes`. */
    bool is_scale;
    /* The header is SCALE: `header`, and the four fields and `logs` are empty. */
    bool header_is_scale;
    struct subx_block_part header;
    uint8_t parent_hash[32], state_root[32], extrinsics_root[32];
    uint64_t number;
    /* SCALE of each digest item and of each extrinsic, its length in front. */
    struct subx_block_part_list logs, extrinsics;
    struct subx_buf bytes;
    /* Where in the text it begins. */
    uint64_t line, column;
};

#define SUBX_BLOCK_PARTS_INIT  \
    {                          \
        .bytes = SUBX_BUF_INIT \
    }

void subx_block_parts__free(struct subx_block_parts *parts);

static inline subx_slice subx_block_parts__bytes(const struct subx_block_parts *parts,
                                                 struct subx_block_part part)
{
    return (subx_slice){part.len == 0 ? NULL : parts->bytes.data + part.offset, part.len};
}

/* Blocks from a source; `in_array` is its own. */
struct subx_block_json {
    struct subx_json json;
    bool in_array;
};

/* Start to read, and stop. */
subx_status subx_block_json__open(struct subx_block_json *blocks, struct subx_byte_source source,
                                  subx_error *error);
void subx_block_json__close(struct subx_block_json *blocks);

/*
 * Read the next block. `found` is false at the end of the source. SUBX_INVALID_INPUT, SUBX_TOO_LARGE
 * with line and column; after a failure nothing more can be read.
 */
subx_status subx_block_json__next(struct subx_block_json *blocks, struct subx_block_parts *parts,
                                  bool *found, subx_error *error);

#endif
