/*
 * Real blocks from proofs: corpus_proof STATE BLOCKS. Each block is executed on its parent's state, in
 * memory and in a database, while what it reads is recorded. Both record the same; from that alone,
 * by way of the compact form, the block comes to the same root; and with any one item left out it
 * does not come to a root at all.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <subexec/subexec.h>

/* Each of these blocks is tried without each of its proof's items; the others without one. */
enum { THOROUGH_BLOCKS = 2 };

struct following {
    subx_state *memory, *database;
    subx_chain *chain, *database_chain;
    uint8_t state_version;
    size_t count;
    uint64_t items, bytes, compact_bytes, block_bytes;
};

static bool complain(const char *what, const subx_error *error)
{
    fprintf(stderr, "%s: %s: %s\n", what, subx_status_name(error->status), error->message);
    return false;
}

static subx_slice slice_of(const subx_bytes *bytes)
{
    return (subx_slice){bytes->data, bytes->len};
}

static bool same(const subx_bytes *a, const subx_bytes *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static subx_status begin(const struct following *following, subx_state *state, bool records,
                         subx_changes **out, subx_error *error)
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    options.state_version = following->state_version;
    options.records_proof = records;
    return subx_changes_new(state, &options, out, error);
}

static subx_status record(const struct following *following, subx_state *state,
                          subx_runtime *runtime, const subx_block *block, subx_proof **proof,
                          subx_bytes *encoded, uint8_t parent_root[32], subx_error *error)
{
    subx_changes *changes = NULL;
    subx_status status = begin(following, state, true, &changes, error);
    if (status == SUBX_OK)
        status = subx_block_execute(runtime, changes, block, NULL, NULL, error);
    if (status == SUBX_OK)
        status = subx_changes_proof(changes, proof, parent_root, error);
    if (status == SUBX_OK)
        status = subx_proof_encode(*proof, encoded, error);
    subx_changes_free(changes);
    return status;
}

static subx_status execute_from(const struct following *following, const subx_proof *proof,
                                const uint8_t parent_root[32], subx_runtime *runtime,
                                const subx_block *block, subx_error *error)
{
    subx_state *state = NULL;
    subx_changes *changes = NULL;
    subx_status status = subx_state_from_proof(proof, parent_root, &state, error);
    if (status == SUBX_OK)
        status = begin(following, state, false, &changes, error);
    if (status == SUBX_OK)
        status = subx_block_execute(runtime, changes, block, NULL, NULL, error);
    subx_changes_free(changes);
    subx_state_free(state);
    return status;
}

/* The block without one item of its proof. */
static bool needs_item(const struct following *following, const subx_proof *proof, size_t left_out,
                       const uint8_t parent_root[32], subx_runtime *runtime,
                       const subx_block *block)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_proof *less = NULL;
    subx_status status = subx_proof_new(&less, &error);
    for (size_t i = 0; i < subx_proof_count(proof) && status == SUBX_OK; i++)
        if (i != left_out)
            status = subx_proof_add(less, subx_proof_item(proof, i), &error);
    if (status == SUBX_OK)
        status = execute_from(following, less, parent_root, runtime, block, &error);
    subx_proof_free(less);
    if (status != SUBX_INCOMPLETE_PROOF)
        fprintf(stderr, "block %llu without item %zu of its proof: %s: %s\n",
                (unsigned long long)subx_block_header(block)->number, left_out,
                subx_status_name(status), error.message);
    return status == SUBX_INCOMPLETE_PROOF;
}

/* The proof survives its compact form; the block is executed from what comes out of that. */
static bool use(struct following *following, const subx_proof *proof, const subx_bytes *encoded,
                const uint8_t parent_root[32], subx_runtime *runtime, const subx_block *block)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes compact = SUBX_BYTES_INIT, again = SUBX_BYTES_INIT;
    subx_proof *decoded = NULL;
    subx_status status = subx_proof_encode_compact(proof, parent_root, &compact, &error);
    if (status == SUBX_OK)
        status = subx_proof_decode_compact(slice_of(&compact), parent_root, &decoded, NULL, &error);
    if (status == SUBX_OK)
        status = subx_proof_encode(decoded, &again, &error);
    bool good = status == SUBX_OK && same(encoded, &again);
    if (good)
        status = execute_from(following, decoded, parent_root, runtime, block, &error);
    good = good && status == SUBX_OK;
    if (!good)
        complain("executing from the proof", &error);
    const size_t count = subx_proof_count(proof);
    const bool thorough = following->count < THOROUGH_BLOCKS;
    for (size_t i = thorough ? 0 : following->count % count; good && i < count; i++) {
        good = needs_item(following, proof, i, parent_root, runtime, block);
        if (!thorough)
            break;
    }
    following->items += count;
    following->bytes += encoded->len;
    following->compact_bytes += compact.len;
    following->block_bytes += subx_block_encoded(block).len;
    subx_bytes_free(&compact);
    subx_bytes_free(&again);
    subx_proof_free(decoded);
    return good;
}

static bool execute(struct following *following, const subx_block *block)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_runtime *runtime = NULL;
    subx_proof *proof = NULL, *other = NULL;
    subx_bytes encoded = SUBX_BYTES_INIT, other_encoded = SUBX_BYTES_INIT;
    uint8_t root[32], other_root[32];
    subx_status status = subx_chain_runtime(following->chain, &runtime, &error);
    if (status == SUBX_OK)
        status =
            record(following, following->memory, runtime, block, &proof, &encoded, root, &error);
    if (status == SUBX_OK)
        status = record(following, following->database, runtime, block, &other, &other_encoded,
                        other_root, &error);
    bool good = status == SUBX_OK || complain("recording", &error);
    if (good && (!same(&encoded, &other_encoded) || memcmp(root, other_root, 32) != 0)) {
        fprintf(stderr, "the database records another proof: %zu items, not %zu\n",
                subx_proof_count(other), subx_proof_count(proof));
        good = false;
    }
    good = good && use(following, proof, &encoded, root, runtime, block);
    following->count++;
    if (good && (subx_chain_execute(following->chain, block, NULL, &error) != SUBX_OK ||
                 subx_chain_execute(following->database_chain, block, NULL, &error) != SUBX_OK))
        good = complain("executing", &error);
    subx_proof_free(proof);
    subx_proof_free(other);
    subx_bytes_free(&encoded);
    subx_bytes_free(&other_encoded);
    return good;
}

static bool follow(struct following *following, const char *path)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_block_reader *reader = NULL;
    if (subx_block_reader_open(path, &reader, &error) != SUBX_OK)
        return complain(path, &error);
    bool good = true;
    while (good) {
        subx_block *block = NULL;
        if (subx_block_reader_next(reader, &block, &error) != SUBX_OK)
            good = complain(path, &error);
        if (block == NULL)
            break;
        good = good && execute(following, block);
        subx_block_free(block);
    }
    subx_block_reader_free(reader);
    if (following->count == 0)
        return false;
    printf("%s: %zu blocks of %llu bytes on average; proofs of %llu items, %llu bytes, %llu bytes "
           "in compact form\n",
           path, following->count, (unsigned long long)(following->block_bytes / following->count),
           (unsigned long long)(following->items / following->count),
           (unsigned long long)(following->bytes / following->count),
           (unsigned long long)(following->compact_bytes / following->count));
    return good;
}

static subx_status open_states(struct following *following, const char *path, const char *folder,
                               subx_error *error)
{
    subx_database_options options = SUBX_DATABASE_OPTIONS_INIT;
    subx_import_info info = {0};
    options.create = true;
    options.map_size = (uint64_t)1 << 32;
    subx_status status = subx_state_new_memory(&following->memory, error);
    if (status == SUBX_OK)
        status = subx_state_open(folder, &options, &following->database, error);
    if (status == SUBX_OK)
        status = subx_state_import_file(following->memory, path, NULL, &info, error);
    if (status == SUBX_OK)
        status = subx_state_import_file(following->database, path, NULL, NULL, error);
    following->state_version = info.state_version;
    return status;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

int main(int argc, char **argv)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    struct following following = {.memory = NULL};
    char folder[] = "/tmp/subexec-proof-XXXXXX";
    if (argc != 3 || mkdtemp(folder) == NULL)
        return 2;
    subx_status status = subx_executor_new(NULL, &executor, &error);
    if (status == SUBX_OK)
        status = open_states(&following, argv[1], folder, &error);
    if (status == SUBX_OK)
        status = subx_chain_new(executor, following.memory, NULL, &following.chain, &error);
    if (status == SUBX_OK)
        status =
            subx_chain_new(executor, following.database, NULL, &following.database_chain, &error);
    const bool good =
        status == SUBX_OK ? follow(&following, argv[2]) : complain("beginning", &error);
    subx_chain_free(following.chain);
    subx_chain_free(following.database_chain);
    subx_state_free(following.memory);
    subx_state_free(following.database);
    subx_executor_free(executor);
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return good ? 0 : 1;
}
