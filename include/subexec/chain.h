/**
 * \file
 * Following a chain: states from files, blocks executed on them, every state root checked.
 */
#ifndef SUBEXEC_CHAIN_H
#define SUBEXEC_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/block.h>
#include <subexec/export.h>
#include <subexec/runtime.h>
#include <subexec/state.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Genesis ---- */

/** The state version that the runtime in the state's own `:code` has, instead of 0 or 1. */
#define SUBX_STATE_VERSION_OF_CODE 255

/**
 * Told now and then while a file is read, and once more when all of it has been; then the tries are
 * built.
 *
 * \param data        the pointer given beside the callback
 * \param bytes_read  so far
 * \param size        of the file; 0 if that is not known; at the end the same as `bytes_read`
 */
typedef void (*subx_progress_fn)(void *data, uint64_t bytes_read, uint64_t size);

/** Options of an import. Start from SUBX_IMPORT_OPTIONS_INIT. */
typedef struct subx_import_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    /** How values are written: 0, 1, or SUBX_STATE_VERSION_OF_CODE. Decides the root. */
    uint8_t state_version;
    /** Called on the importing thread, does not change the state; NULL: not at all. */
    subx_progress_fn progress;
    /** Handed to `progress`. */
    void *progress_data;
    /** The block that the state is after; NULL: the genesis block for a chain specification whose
     * storage goes into a state without keys, else not known. Needed until the import returns. */
    const subx_block_id *head;
} subx_import_options;

#define SUBX_IMPORT_OPTIONS_INIT                                                  \
    {                                                                             \
        sizeof(subx_import_options), SUBX_STATE_VERSION_OF_CODE, NULL, NULL, NULL \
    }

/** What an import brought. */
typedef struct subx_import_info {
    /** Keys of the main trie, child tries, keys of all child tries; as the file has them. */
    uint64_t keys, children, child_keys;
    /** Bytes of all keys and values. */
    uint64_t bytes;
    /** The state version that values were written with. */
    uint8_t state_version;
} subx_import_info;

/**
 * Add to a state what a file holds: a raw chain specification (its genesis storage), pairs as nodes
 * answer state_getPairs with, or an object {"top":{KEY:VALUE…},"children":{CHILD:{KEY:VALUE…}…}}.
 *
 * The file is read once, piece by piece. Into a database without keys its pairs go as they come, with
 * no more memory than for the largest value and some 150 MB, and commits of others to it wait until
 * the end; otherwise all pairs are in memory until they are in the state. The pairs of a child trie
 * come one after the other. Where neither the options nor the code's sections tell the state
 * version, the code is compiled and asked.
 *
 * \param state    usually without keys
 * \param path     NUL-terminated
 * \param options  NULL for the defaults
 * \param[out] info   optional; filled on SUBX_OK
 * \param[out] error  optional; the file's name, line and column
 * \return SUBX_OK; SUBX_IO; SUBX_INVALID_INPUT for another text, or a child trie in two places;
 *         SUBX_TOO_LARGE; what making a runtime fails with; SUBX_NOMEM. The state is as before then
 */
SUBX_API subx_status subx_state_import_file(subx_state *state, const char *path,
                                            const subx_import_options *options,
                                            subx_import_info *info, subx_error *error);

/**
 * The state version of the runtime in the state's own `:code`; 0 without one. Where the code's
 * sections do not tell, it is compiled and asked.
 *
 * \return SUBX_OK; what code and runtime fail with; SUBX_NOMEM, or what the back end fails with
 */
SUBX_API subx_status subx_state_code_version(subx_state *state, uint8_t *state_version,
                                             subx_error *error);

/**
 * Hash of the genesis block of a chain that begins with this state.
 *
 * \param state_root  of the state
 */
SUBX_API void subx_genesis_hash(const uint8_t state_root[32], uint8_t hash[32]);

/* ---- One block ---- */

/**
 * Execute a block on changes over its parent's state: `Core_execute_block` on the block without its
 * seals, then the state root, which must be the header's.
 *
 * A node runs a block with twice the heap of other calls; the runtime has to be made so
 * (subx_chain does it).
 *
 * \param runtime  of the parent's state
 * \param changes  nothing in them yet; hold what the block changes on SUBX_OK, and are best dropped
 *                 on failure
 * \param options  of the call; NULL for the defaults. Its `changes` are not looked at
 * \param[out] root   of the state after the block, on SUBX_OK; may be NULL
 * \param[out] error  optional; the block's number and hash, both roots if they differ
 * \return SUBX_OK; SUBX_INVALID_STATE_ROOT if the runtime came to another root than the header has;
 *         as subx_runtime_call() if it failed otherwise
 */
SUBX_API subx_status subx_block_execute(subx_runtime *runtime, subx_changes *changes,
                                        const subx_block *block, const subx_call_options *options,
                                        uint8_t *root, subx_error *error);

/* ---- Block after block ---- */

/** A state that follows a chain, and the runtime that is in it; one thread at a time. */
typedef struct subx_chain subx_chain;

/** Options of a chain. Start from SUBX_CHAIN_OPTIONS_INIT. */
typedef struct subx_chain_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    /** How runtimes are made; NULL for the defaults. The heap is that of other calls: blocks get
     * twice as much unless `authors` is set, and `:heappages` in the state goes before it. Needed until the chain is made;
     * its imports and import policy until the chain is freed. */
    const subx_runtime_options *runtime;
    subx_semantics semantics;
    /** Takes log lines of the runtime; NULL drops them. */
    subx_log_fn log;
    /** Handed to `log`. */
    void *log_data;
    subx_log_level log_level;
    /** Blocks get the heap of other calls, not twice as much: what a node does that authors them,
     * so that what it builds surely fits where it is executed. */
    bool authors;
    /** Measure what host functions take, see subx_call_options; not for blocks that are executed
     * extrinsic by extrinsic. */
    bool time_host_functions;
} subx_chain_options;

#define SUBX_CHAIN_OPTIONS_INIT                                                                 \
    {                                                                                           \
        sizeof(subx_chain_options), NULL, SUBX_FAITHFUL, NULL, NULL, SUBX_LOG_OFF, false, false \
    }

/** What a block took; times in nanoseconds. */
typedef struct subx_block_stats {
    /** Reading and compiling the runtime; 0 if it was there already. */
    uint64_t runtime_time;
    /** Execution without state roots; state roots; commit. */
    uint64_t execution_time, root_time, commit_time;
    /** What the guest's allocator did. */
    subx_call_stats call;
    /** The block changed the code or the heap of the blocks after it. */
    bool changes_runtime;
    /** The part of `execution_time` that was spent in host functions; 0 unless the options ask for
     * it. */
    uint64_t host_functions_time;
} subx_block_stats;

/**
 * Follow a chain from a state on.
 *
 * \param executor  makes the runtimes; must outlive the chain
 * \param state     after the block before the first one; kept alive by the chain. Where it says
 *                  which block that is (subx_state_head()), the first one must have it as parent
 * \param options   NULL for the defaults
 * \param[out] out  filled on SUBX_OK, release with subx_chain_free(); NULL otherwise
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_chain_new(subx_executor *executor, subx_state *state,
                                    const subx_chain_options *options, subx_chain **out,
                                    subx_error *error);

/**
 * Release a chain; the state stays.
 *
 * \param chain  NULL is fine
 */
SUBX_API void subx_chain_free(subx_chain *chain);

/**
 * The runtime for the next block: of `:pending_code` if the state has it, else of `:code`.
 *
 * \param[out] runtime  borrowed until the next block is executed
 * \return SUBX_OK; SUBX_CODE_NOT_FOUND; as subx_code_load() and subx_runtime_new()
 */
SUBX_API subx_status subx_chain_runtime(subx_chain *chain, subx_runtime **runtime,
                                        subx_error *error);

/**
 * Execute the next block, check its state root and make what it changed part of the state.
 *
 * After the first block, each must have the one before it as its parent. The state tells then which
 * block it is after (subx_state_head()). The runtime is loaded when
 * the first block comes; when a block has changed it, on a thread of its own at once, and the next
 * block waits for that.
 *
 * \param[out] stats  optional; filled as far as the block came
 * \param[out] error  optional; begins with the block's number and hash
 * \return SUBX_OK; SUBX_INVALID_INPUT for a block with another parent; as subx_block_execute(),
 *         subx_chain_runtime() and subx_changes_commit(). After a failure the state is as before, and
 *         another block may be tried
 */
SUBX_API subx_status subx_chain_execute(subx_chain *chain, const subx_block *block,
                                        subx_block_stats *stats, subx_error *error);

#ifdef __cplusplus
}
#endif

#endif
