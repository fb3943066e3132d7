/*
 * Blocks as text (codec/block_json.h, chain/block.h) from any text. What must hold: a status of the
 * few that are documented and a message on failure; each block is the same after a round trip
 * through SCALE; the text is read the same however it is cut into pieces.
 */
#include <stdlib.h>

#include "chain/block.h"
#include "crypto/hash.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* One byte at a time. */
static subx_status read_byte(void *data, uint8_t *to, size_t room, size_t *got, subx_error *error)
{
    (void)error, (void)room;
    subx_slice *left = data;
    *got = left->len > 0 ? 1 : 0;
    if (left->len > 0) {
        *to = left->data[0];
        *left = (subx_slice){left->data + 1, left->len - 1};
    }
    return SUBX_OK;
}

struct outcome {
    size_t blocks;
    uint8_t digest[32]; /* of all blocks, chained */
    subx_error error;
};

static void add_block(struct outcome *outcome, const struct subx_block_parts *parts,
                      subx_status *status)
{
    subx_block *block = NULL, *again = NULL;
    *status = subx_block__of_parts(parts, &block, &outcome->error);
    if (*status != SUBX_OK)
        return;
    demand(subx_block_decode(subx_block_encoded(block), &again, NULL) == SUBX_OK);
    demand(memcmp(subx_block_header(block)->hash, subx_block_header(again)->hash, 32) == 0);
    uint8_t chained[64];
    memcpy(chained, outcome->digest, 32);
    subx_hash__blake2b_256(subx_block_encoded(block), chained + 32);
    subx_hash__blake2b_256(subx_slice__of(chained, sizeof chained), outcome->digest);
    outcome->blocks++;
    subx_block_free(block);
    subx_block_free(again);
}

static void read_blocks(struct subx_byte_source source, struct outcome *outcome)
{
    struct subx_block_json blocks;
    struct subx_block_parts parts = SUBX_BLOCK_PARTS_INIT;
    subx_status status = subx_block_json__open(&blocks, source, &outcome->error);
    demand(status == SUBX_OK);
    for (bool found = true; status == SUBX_OK && found;) {
        status = subx_block_json__next(&blocks, &parts, &found, &outcome->error);
        if (status == SUBX_OK && found)
            add_block(outcome, &parts, &status);
    }
    demand(status == SUBX_OK || status == SUBX_INVALID_INPUT || status == SUBX_TOO_LARGE);
    demand((status == SUBX_OK) == (outcome->error.message[0] == '\0'));
    subx_block_parts__free(&parts);
    subx_block_json__close(&blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, bytewise;
    memset(&whole, 0, sizeof whole);
    memset(&bytewise, 0, sizeof bytewise);
    subx_slice left = subx_slice__of(data, size);
    read_blocks(subx_byte_source__of_slice(&left), &whole);
    left = subx_slice__of(data, size);
    read_blocks((struct subx_byte_source){read_byte, &left}, &bytewise);
    demand(whole.blocks == bytewise.blocks);
    demand(memcmp(whole.digest, bytewise.digest, 32) == 0);
    demand(strcmp(whole.error.message, bytewise.error.message) == 0);
    return 0;
}
