/*
 * Follow a chain: read the genesis state from a raw chain specification, execute blocks on it one
 * after another, and see that each comes to the state root that its header has.
 *
 *     replay SPECIFICATION BLOCKS
 *
 * BLOCKS holds a block a line, as a node's RPC gives them (chain_getBlock).
 */
#include <subexec/subexec.h>

#include <stdio.h>

static subx_status follow(subx_chain *chain, subx_block_reader *blocks, subx_error *error)
{
    unsigned long count = 0;
    for (;;) {
        subx_block *block = NULL;
        subx_status status = subx_block_reader_next(blocks, &block, error);
        if (status != SUBX_OK || block == NULL) {
            printf("%lu blocks, all state roots right\n", count);
            return status;
        }
        status = subx_chain_execute(chain, block, NULL, error);
        subx_block_free(block);
        if (status != SUBX_OK)
            return status;
        count++;
    }
}

int main(int argc, char **argv)
{
    subx_executor *executor = NULL;
    subx_state *state = NULL; /* what is stored on the chain */
    subx_chain *chain = NULL; /* a state, and the runtime that is in it */
    subx_block_reader *blocks = NULL;
    subx_error error = SUBX_ERROR_INIT;

    if (argc != 3) {
        fputs("usage: replay SPECIFICATION BLOCKS\n", stderr);
        return 2;
    }
    subx_status status = subx_executor_new(NULL, &executor, &error);
    if (status == SUBX_OK)
        status = subx_state_new_memory(&state, &error);
    if (status == SUBX_OK)
        status = subx_state_import_file(state, argv[1], NULL, NULL, &error);
    if (status == SUBX_OK)
        status = subx_chain_new(executor, state, NULL, &chain, &error);
    if (status == SUBX_OK)
        status = subx_block_reader_open(argv[2], &blocks, &error);
    if (status == SUBX_OK)
        status = follow(chain, blocks, &error);
    if (status != SUBX_OK)
        fprintf(stderr, "%s: %s\n", subx_status_name(status), error.message);

    subx_block_reader_free(blocks);
    subx_chain_free(chain);
    subx_state_free(state);
    subx_executor_free(executor);
    return status != SUBX_OK;
}
