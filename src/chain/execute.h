/* What executing one block and following a chain share. */
#ifndef SUBX_CHAIN_EXECUTE_H
#define SUBX_CHAIN_EXECUTE_H

#include <subexec/chain.h>

/* A hash as "0x" and digits, NUL-terminated. */
struct subx_hash_text {
    char text[2 + 64 + 1];
};

struct subx_hash_text subx_chain__hash_text(const uint8_t hash[32]);

/* Put "block NUMBER (HASH): " in front of an error's message and return `status`. */
subx_status subx_chain__name_block(const subx_block *block, subx_status status, subx_error *error);

/* subx_block_execute() without its checks and without the block's name in messages; fills times of
 * `stats` that belong to it. */
subx_status subx_chain__execute(subx_runtime *runtime, subx_changes *changes,
                                const subx_block *block, const subx_call_options *options,
                                uint8_t root[32], subx_block_stats *stats, subx_error *error);

#endif
