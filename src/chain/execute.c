/*
 * One block on the state of its parent: what a node does with a block that it imports
 * (spec/executor.md section 11, spec/host-api.md sections 3.6 and 5).
 */
#include "chain/execute.h"

#include <string.h>

#include "platform/monotonic.h"
#include "storage/changes.h"
#include "util/check.h"
#include "util/error.h"

struct subx_hash_text subx_chain__hash_text(const uint8_t hash[32])
{
    static const char digits[] = "0123456789abcdef";
    struct subx_hash_text out = {"0x"};
    for (size_t i = 0; i < 32; i++) {
        out.text[2 + 2 * i] = digits[hash[i] >> 4];
        out.text[3 + 2 * i] = digits[hash[i] & 15];
    }
    return out;
}

subx_status subx_chain__name_block(const subx_block *block, subx_status status, subx_error *error)
{
    const subx_header *header = subx_block_header(block);
    subx_error__prefix(error, "block %llu (%s)", (unsigned long long)header->number,
                       subx_chain__hash_text(header->hash).text);
    return status;
}

static subx_status wrong_root(const subx_block *block, const uint8_t root[32],
                              const subx_error *said, subx_error *error)
{
    return subx_error__set(
        error, SUBX_INVALID_STATE_ROOT, "the state root is %s, the header has %s%s%s",
        subx_chain__hash_text(root).text,
        subx_chain__hash_text(subx_block_header(block)->state_root).text,
        said != NULL ? "; the runtime: " : "", said != NULL ? said->message : "");
}

static bool is_expected(const subx_block *block, const uint8_t root[32])
{
    return memcmp(root, subx_block_header(block)->state_root, 32) == 0;
}

/*
 * The runtime failed. It checks the state root itself, last of all, so a root that it asked for and
 * that is still the current one tells more than its own words.
 */
static subx_status failed(const subx_changes *changes, const subx_block *block,
                          const subx_error *said, subx_error *error)
{
    const subx_status status = said->status;
    const bool by_runtime =
        status == SUBX_ABORTED_DUE_TO_PANIC || status == SUBX_ABORTED_DUE_TO_TRAP;
    if (error == NULL || error->status != SUBX_OK)
        return status;
    if (!by_runtime || changes->cached.prepared == NULL ||
        is_expected(block, changes->cached.root)) {
        *error = *said;
        return status;
    }
    wrong_root(block, changes->cached.root, said, error);
    subx_error__set_backtrace(error, said->backtrace, strlen(said->backtrace));
    return SUBX_INVALID_STATE_ROOT;
}

static subx_status call(subx_runtime *runtime, subx_changes *changes, const subx_block *block,
                        const subx_call_options *options, subx_error *error)
{
    subx_call_options own = *options;
    own.changes = changes;
    subx_bytes input = SUBX_BYTES_INIT, output = SUBX_BYTES_INIT;
    subx_status status = subx_block_unsealed(block, &input, error);
    if (status != SUBX_OK)
        return status;
    subx_error said = SUBX_ERROR_INIT;
    status = subx_runtime_call(runtime, "Core_execute_block", (subx_slice){input.data, input.len},
                               &own, &output, &said);
    subx_bytes_free(&input);
    subx_bytes_free(&output);
    return status == SUBX_OK ? SUBX_OK : failed(changes, block, &said, error);
}

subx_status subx_chain__execute(subx_runtime *runtime, subx_changes *changes,
                                const subx_block *block, const subx_call_options *options,
                                uint8_t root[32], subx_block_stats *stats, subx_error *error)
{
    const uint64_t start = subx_clock__now(), rooted = changes->root_time;
    subx_status status = call(runtime, changes, block, options, error);
    const uint64_t called = subx_clock__now();
    stats->root_time = changes->root_time - rooted;
    stats->execution_time = called - start - stats->root_time;
    if (status == SUBX_OK && options->time_host_functions && options->stats != NULL) {
        /* the runtime asks for roots by host functions; theirs is not counted twice */
        const uint64_t all = options->stats->host_functions_time;
        stats->host_functions_time = all > stats->root_time ? all - stats->root_time : 0;
    }
    if (status != SUBX_OK)
        return status;
    status = subx_changes_root(changes, changes->state_version, root, error);
    stats->root_time += subx_clock__now() - called;
    if (status == SUBX_OK && !is_expected(block, root))
        status = wrong_root(block, root, NULL, error);
    return status;
}

subx_status subx_block_execute(subx_runtime *runtime, subx_changes *changes,
                               const subx_block *block, const subx_call_options *options,
                               uint8_t *root, subx_error *error)
{
    static const subx_call_options defaults = SUBX_CALL_OPTIONS_INIT;
    SUBX_CHECK_ARG(runtime != NULL && changes != NULL && block != NULL, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    subx_block_stats stats = {0};
    uint8_t own_root[32] = {0};
    const subx_status status = subx_chain__execute(
        runtime, changes, block, options != NULL ? options : &defaults, own_root, &stats, error);
    if (status != SUBX_OK)
        return subx_chain__name_block(block, status, error);
    if (root != NULL)
        memcpy(root, own_root, sizeof own_root);
    return SUBX_OK;
}
