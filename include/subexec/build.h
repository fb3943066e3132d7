/**
 * \file
 * Building blocks: a header to begin with, inherents, extrinsics one by one, the finished header.
 * And executing a block in the same steps, to see what each extrinsic does.
 *
 * A builder does what a node does that authors: each extrinsic is applied in a transaction of its
 * own, which is kept if the extrinsic belongs to the block and undone otherwise.
 */
#ifndef SUBEXEC_BUILD_H
#define SUBEXEC_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/block.h>
#include <subexec/chain.h>
#include <subexec/export.h>
#include <subexec/runtime.h>
#include <subexec/state.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A block that is being built; one thread at a time. */
typedef struct subx_builder subx_builder;

/** Options of a builder. Start from SUBX_BUILD_OPTIONS_INIT. */
typedef struct subx_build_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    /** Hash of the block's parent, and the block's own number. */
    uint8_t parent_hash[32];
    uint64_t number;
    /** Digest items in SCALE that the block begins with: what the consensus engine has to say
     * before execution, for instance a slot claim of BABE. Copied. */
    const subx_slice *digest;
    size_t digest_count;
    /** Of all calls; NULL for the defaults. Copied, without what it points to; its `changes` are
     * not looked at. */
    const subx_call_options *call;
} subx_build_options;

#define SUBX_BUILD_OPTIONS_INIT                           \
    {                                                     \
        sizeof(subx_build_options), {0}, 1, NULL, 0, NULL \
    }

/** What the author knows from outside of the chain: an identifier of 8 bytes, as "timstap0", and a
 * value in SCALE. */
typedef struct subx_inherent {
    uint8_t id[8];
    subx_slice value;
} subx_inherent;

/** What became of an extrinsic. */
typedef enum subx_applied_kind {
    /** It is in the block, and did what it should. */
    SUBX_APPLIED_OK = 0,
    /** It is in the block, but its call failed (DispatchError): only the fee was taken. */
    SUBX_APPLIED_FAILED = 1,
    /** It is not valid (TransactionValidityError), not in the block, and changed nothing. */
    SUBX_APPLIED_INVALID = 2
} subx_applied_kind;

/** What the runtime says of an extrinsic. */
typedef struct subx_applied {
    subx_applied_kind kind;
    /** Why, as "InvalidTransaction::BadProof"; empty for SUBX_APPLIED_OK. NUL-terminated. */
    char reason[96];
    /** The error is one of a module (pallet): its index, and its own error. Runtimes before
     * version 6 of the API BlockBuilder have one byte of error, the others are 0. */
    bool has_module;
    uint8_t module, module_error[4];
    /** The answer in SCALE; borrowed until the builder is used again. */
    subx_slice encoded;
    /** What it took, in nanoseconds. */
    uint64_t time;
    /** How many events it left (System.EventCount), if the runtime keeps such a count; 0 for
     * SUBX_APPLIED_INVALID. */
    bool events_known;
    uint32_t events;
} subx_applied;

/**
 * Begin a block: `Core_version` for the versions of the runtime's APIs, then
 * `Core_initialize_block`.
 *
 * \param runtime  of the parent's state. A node builds with the heap of other calls, not with twice
 *                 as much as it does when it executes
 * \param changes  over the parent's state, nothing in them yet; used by the builder alone until it
 *                 is released, and best dropped if the block is not finished
 * \param options  NULL for the defaults, which fit no chain
 * \param[out] out  filled on SUBX_OK, release with subx_builder_free(); NULL otherwise. Keeps
 *                  neither runtime nor changes alive
 * \param[out] error  optional; begins with the block's number
 * \return SUBX_OK; SUBX_INVALID_INPUT for a malformed digest item; SUBX_INVALID_RETURN for an answer
 *         that is none; as subx_version_decode() and subx_runtime_call()
 */
SUBX_API subx_status subx_builder_new(subx_runtime *runtime, subx_changes *changes,
                                      const subx_build_options *options, subx_builder **out,
                                      subx_error *error);

/**
 * Release a builder; the changes stay as they are.
 *
 * \param builder  NULL is fine
 */
SUBX_API void subx_builder_free(subx_builder *builder);

/** The runtime wants no extrinsics but inherents in this block (ExtrinsicInclusionMode, since
 * version 5 of the API Core). The builder does not enforce it. */
SUBX_API bool subx_builder_only_inherents(const subx_builder *builder);

/**
 * Let the runtime make extrinsics of inherent data (`BlockBuilder_inherent_extrinsics`); what that
 * changes is undone. They are not in the block yet: apply them first of all.
 *
 * \param inherents   in any order, no identifier twice
 * \param[out] made   how many there are, for subx_builder_inherent()
 * \param[out] error  optional; begins with the block's number
 * \return SUBX_OK; SUBX_MISUSE for an identifier that comes twice; SUBX_INVALID_RETURN for an answer
 *         that is no list of extrinsics; as subx_runtime_call()
 */
SUBX_API subx_status subx_builder_make_inherents(subx_builder *builder,
                                                 const subx_inherent *inherents, size_t count,
                                                 size_t *made, subx_error *error);

/** An extrinsic that subx_builder_make_inherents() made; `index` below `made`. Borrowed until it is
 * called again. */
SUBX_API subx_slice subx_builder_inherent(const subx_builder *builder, size_t index);

/**
 * Apply an extrinsic (`BlockBuilder_apply_extrinsic`) in a transaction, and put it into the block
 * unless it is not valid.
 *
 * \param extrinsic     in SCALE, its length in front; copied
 * \param[out] applied  filled on SUBX_OK
 * \param[out] error    optional; begins with the block's number and the extrinsic's: how many calls
 *                      of this function there were before
 * \return SUBX_OK, whatever the runtime says of the extrinsic; SUBX_INVALID_INPUT if its length does
 *         not fit; SUBX_INVALID_RETURN for an answer that is none; as subx_runtime_call(). After a
 *         failure it is not in the block and has changed nothing, and others may be applied
 */
SUBX_API subx_status subx_builder_apply(subx_builder *builder, subx_slice extrinsic,
                                        subx_applied *applied, subx_error *error);

/**
 * Finish the block (`BlockBuilder_finalize_block`): the runtime gives the header, whose state root
 * must be that of the changes. Commit them to go on from the block; after this the builder can only
 * be released or adopted by its chain.
 *
 * \param[out] out    filled on SUBX_OK, release with subx_block_free(); NULL otherwise. Without a
 *                    seal, which is the consensus engine's to add
 * \param[out] error  optional; begins with the block's number
 * \return SUBX_OK; SUBX_INVALID_STATE_ROOT; SUBX_INVALID_RETURN for an answer that is no header, or
 *         one of another block; SUBX_MISUSE if it is finished; as subx_runtime_call() and
 *         subx_changes_root()
 */
SUBX_API subx_status subx_builder_finish(subx_builder *builder, subx_block **out,
                                         subx_error *error);

/* ---- Blocks that are there ---- */

/** What a runtime says of a block's inherents. */
typedef struct subx_inherent_check {
    /** They fit the data; if not, whether that can never change. */
    bool okay, fatal;
    /** A SCALE map from identifiers to errors, as each inherent defines them. Release with
     * subx_bytes_free(). */
    subx_bytes errors;
} subx_inherent_check;

/**
 * Compare a block's inherents with what the caller knows (`BlockBuilder_check_inherents`), as a node
 * does before it executes a block of another author.
 *
 * \param changes     over the parent's state; what the call changes is undone
 * \param inherents   in any order, no identifier twice
 * \param options     of the call; NULL for the defaults. Its `changes` are not looked at
 * \param[out] check  filled on SUBX_OK; empty otherwise
 * \return SUBX_OK, whatever the answer is; SUBX_MISUSE for an identifier that comes twice;
 *         SUBX_INVALID_RETURN for an answer that is none; as subx_runtime_call()
 */
SUBX_API subx_status subx_block_check_inherents(subx_runtime *runtime, subx_changes *changes,
                                                const subx_block *block,
                                                const subx_inherent *inherents, size_t count,
                                                const subx_call_options *options,
                                                subx_inherent_check *check, subx_error *error);

/** Takes what became of an extrinsic; SUBX_OK goes on, anything else ends the block and is
 * returned. */
typedef subx_status (*subx_applied_visitor)(void *data, size_t index, const subx_applied *applied);

/**
 * Execute a block in the steps of its author instead of by `Core_execute_block`: its own
 * pre-runtime digest, each of its extrinsics, the end. The header that results must be the block's.
 *
 * It comes to the same state, takes longer, and tells at which extrinsic a block goes wrong.
 *
 * \param changes  as for subx_block_execute()
 * \param visit    called after each extrinsic; must not use the changes; NULL: none
 * \param data     handed to `visit`
 * \param[out] root   of the state after the block, on SUBX_OK; may be NULL
 * \param[out] error  optional; the block's number and hash, the extrinsic's index or the part of the
 *                    header that differs
 * \return SUBX_OK; SUBX_INVALID_STATE_ROOT; SUBX_OTHER for an extrinsic that is not valid or another
 *         difference in the header; as subx_builder_apply() and subx_builder_finish()
 */
SUBX_API subx_status subx_block_execute_each(subx_runtime *runtime, subx_changes *changes,
                                             const subx_block *block,
                                             const subx_call_options *options,
                                             subx_applied_visitor visit, void *data, uint8_t *root,
                                             subx_error *error);

/* ---- Block after block ---- */

/**
 * Begin the next block of a chain, with its state, its runtime and its log.
 *
 * The chain must have `authors` in its options for the heap that authors have. Until the builder is
 * released the chain may only adopt it.
 *
 * \param options  as for subx_builder_new(); parent and number count only until the chain has had a
 *                 block, `call` not at all
 * \return as subx_builder_new() and subx_chain_runtime()
 */
SUBX_API subx_status subx_chain_build(subx_chain *chain, const subx_build_options *options,
                                      subx_builder **out, subx_error *error);

/**
 * Make what a finished block changed part of the chain's state; the next block follows it.
 *
 * \param builder  from subx_chain_build() on this chain, and finished; to be released afterwards
 * \param[out] stats  optional; `runtime_time` and `call` are 0
 * \return SUBX_OK; SUBX_MISUSE for another builder; as subx_changes_commit(). After a failure the
 *         state is as before
 */
SUBX_API subx_status subx_chain_adopt(subx_chain *chain, const subx_builder *builder,
                                      subx_block_stats *stats, subx_error *error);

/**
 * subx_chain_execute() by way of subx_block_execute_each().
 *
 * \param visit  as there; its times add up to less than the block's
 * \param[out] stats  optional; `call` is 0
 */
SUBX_API subx_status subx_chain_execute_each(subx_chain *chain, const subx_block *block,
                                             subx_applied_visitor visit, void *data,
                                             subx_block_stats *stats, subx_error *error);

#ifdef __cplusplus
}
#endif

#endif
