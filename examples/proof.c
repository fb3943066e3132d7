/*
 * A block without the state: execute it while recording what it reads, then once more from that alone.
 *
 *     proof STATE BLOCKS
 *
 * STATE and BLOCKS as for the example `replay`; only the first block is taken. The second half is what
 * a light client does, who has the header's parent root, the proof from somebody, and the code.
 */
#include <stdio.h>

#include <subexec/subexec.h>

/* Full node: execute, keep what was read. */
static subx_status record(subx_state *state, subx_runtime *runtime, const subx_block *block,
                          uint8_t state_version, subx_proof **proof, uint8_t parent_root[32],
                          subx_error *error)
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    subx_changes *changes = NULL;
    options.state_version = state_version;
    options.records_proof = true;
    subx_status status = subx_changes_new(state, &options, &changes, error);
    if (status == SUBX_OK)
        status = subx_block_execute(runtime, changes, block, NULL, NULL, error);
    if (status == SUBX_OK)
        status = subx_changes_proof(changes, proof, parent_root, error);
    subx_changes_free(changes);
    return status;
}

/* Light client: the block comes to its header's root, or this fails. */
static subx_status check(const subx_proof *proof, const uint8_t parent_root[32],
                         subx_runtime *runtime, const subx_block *block, uint8_t state_version,
                         subx_error *error)
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    subx_state *state = NULL;
    subx_changes *changes = NULL;
    options.state_version = state_version;
    subx_status status = subx_state_from_proof(proof, parent_root, &state, error);
    if (status == SUBX_OK)
        status = subx_changes_new(state, &options, &changes, error);
    if (status == SUBX_OK)
        status = subx_block_execute(runtime, changes, block, NULL, NULL, error);
    subx_changes_free(changes);
    subx_state_free(state);
    return status;
}

int main(int argc, char **argv)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    subx_state *state = NULL;
    subx_chain *chain = NULL; /* makes the runtime that is in the state */
    subx_runtime *runtime = NULL;
    subx_block_reader *reader = NULL;
    subx_block *block = NULL;
    subx_proof *proof = NULL;
    subx_import_info info;
    uint8_t parent_root[32];
    if (argc != 3) {
        fprintf(stderr, "usage: %s STATE BLOCKS\n", argv[0]);
        return 2;
    }
    subx_status status = subx_executor_new(NULL, &executor, &error);
    if (status == SUBX_OK)
        status = subx_state_new_memory(&state, &error);
    if (status == SUBX_OK)
        status = subx_state_import_file(state, argv[1], NULL, &info, &error);
    if (status == SUBX_OK)
        status = subx_chain_new(executor, state, NULL, &chain, &error);
    if (status == SUBX_OK)
        status = subx_chain_runtime(chain, &runtime, &error);
    if (status == SUBX_OK)
        status = subx_block_reader_open(argv[2], &reader, &error);
    if (status == SUBX_OK)
        status = subx_block_reader_next(reader, &block, &error);
    if (status == SUBX_OK && block != NULL)
        status = record(state, runtime, block, info.state_version, &proof, parent_root, &error);
    if (status == SUBX_OK && block != NULL)
        status = check(proof, parent_root, runtime, block, info.state_version, &error);
    if (status == SUBX_OK && block != NULL)
        printf("block %llu holds by a proof of %zu nodes and values\n",
               (unsigned long long)subx_block_header(block)->number, subx_proof_count(proof));
    else
        fprintf(stderr, "%s: %s\n", subx_status_name(status), error.message);
    subx_proof_free(proof);
    subx_block_free(block);
    subx_block_reader_free(reader);
    subx_chain_free(chain);
    subx_state_free(state);
    subx_executor_free(executor);
    return status == SUBX_OK && block != NULL ? 0 : 1;
}
