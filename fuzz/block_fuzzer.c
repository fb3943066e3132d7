/*
 * Blocks in SCALE (chain/block.h) from any bytes. What must hold: the bytes of a block that is
 * accepted are what its parts make up again; without its seals it decodes, and has none at its end;
 * its JSON reads as the same block.
 */
#include <stdlib.h>

#include "chain/block.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static subx_slice slice_of(const subx_bytes *bytes)
{
    return (subx_slice){bytes->data, bytes->len};
}

static void check_parts(const subx_block *block)
{
    const subx_header *header = subx_block_header(block);
    struct subx_buf buf = SUBX_BUF_INIT;
    struct subx_buf items = SUBX_BUF_INIT;
    for (size_t i = 0; i < header->digest_count; i++)
        subx_buf__append_slice(&items, subx_block_digest_item(block, i).encoded);
    subx_header__append(&buf, header, subx_buf__slice(&items), header->digest_count);
    demand(subx_slice__starts_with(subx_block_encoded(block), subx_buf__slice(&buf)));
    size_t extrinsics = 0;
    for (size_t i = 0; i < subx_block_extrinsic_count(block); i++)
        extrinsics += subx_block_extrinsic(block, i).len;
    /* and the count of the extrinsics */
    const size_t rest = subx_block_encoded(block).len - buf.len - extrinsics;
    demand(rest >= 1 && rest <= 9);
    subx_buf__free(&buf);
    subx_buf__free(&items);
}

static void check_unsealed(const subx_block *block)
{
    subx_bytes unsealed = SUBX_BYTES_INIT;
    subx_block *other = NULL;
    demand(subx_block_unsealed(block, &unsealed, NULL) == SUBX_OK);
    demand(subx_block_decode(slice_of(&unsealed), &other, NULL) == SUBX_OK);
    demand(subx_block_header(other)->seal_count == 0);
    demand(subx_block_header(other)->digest_count ==
           subx_block_header(block)->digest_count - subx_block_header(block)->seal_count);
    demand(subx_block_extrinsic_count(other) == subx_block_extrinsic_count(block));
    subx_block_free(other);
    subx_bytes_free(&unsealed);
}

static void check_json(const subx_block *block)
{
    subx_bytes text = SUBX_BYTES_INIT;
    demand(subx_block_to_json(block, &text, NULL) == SUBX_OK);
    subx_slice left = slice_of(&text);
    struct subx_block_json blocks;
    struct subx_block_parts parts = SUBX_BLOCK_PARTS_INIT;
    subx_block *other = NULL;
    bool found = false;
    demand(subx_block_json__open(&blocks, subx_byte_source__of_slice(&left), NULL) == SUBX_OK);
    demand(subx_block_json__next(&blocks, &parts, &found, NULL) == SUBX_OK && found);
    demand(subx_block__of_parts(&parts, &other, NULL) == SUBX_OK);
    demand(subx_slice__equal(subx_block_encoded(block), subx_block_encoded(other)));
    subx_block_free(other);
    subx_block_parts__free(&parts);
    subx_block_json__close(&blocks);
    subx_bytes_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_block *block = NULL;
    const subx_slice bytes = subx_slice__of(data, size);
    const subx_status status = subx_block_decode(bytes, &block, &error);
    if (status != SUBX_OK) {
        demand(status == SUBX_INVALID_INPUT && block == NULL && error.message[0] != '\0');
        return 0;
    }
    demand(subx_slice__equal(subx_block_encoded(block), bytes));
    check_parts(block);
    check_unsealed(block);
    check_json(block);
    subx_block_free(block);
    return 0;
}
