/**
 * \file
 * The state of a chain, and what calls change of it.
 *
 * A state is a main trie and child tries, as it is between two blocks. The calls of a block do not
 * touch it: they read it through an object of changes, which holds what they write. Such an object
 * is given to one call after the other (subx_call_options), asked for the root that results, and in
 * the end committed or dropped.
 */
#ifndef SUBEXEC_STATE_H
#define SUBEXEC_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/export.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The storage of a chain after a block. Share it between threads. */
typedef struct subx_state subx_state;

/** What a block changes of a state; one thread at a time. */
typedef struct subx_changes subx_changes;

/** A key and its value. */
typedef struct subx_pair {
    subx_slice key, value;
} subx_pair;

/** The pairs of one trie, in any order; of equal keys the last counts. */
typedef struct subx_trie_pairs {
    /** Storage key of a child trie, without ":child_storage:default:"; NULL: the main trie. */
    const subx_slice *child;
    const subx_pair *pairs;
    size_t count;
} subx_trie_pairs;

/** A block, as its header names it. */
typedef struct subx_block_id {
    uint64_t number;
    uint8_t hash[32];
} subx_block_id;

/* ---- States ---- */

/**
 * Make a state in memory, without any keys.
 *
 * \param[out] out    filled on SUBX_OK, release with subx_state_free(); NULL otherwise
 * \param[out] error  optional detail
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_state_new_memory(subx_state **out, subx_error *error);

/**
 * Release a state. Changes over it keep it alive for themselves.
 *
 * \param state  NULL is fine
 */
SUBX_API void subx_state_free(subx_state *state);

/**
 * Add pairs to a state, all or none of them: the genesis of a chain, or a state that was dumped.
 * Which block the state is after is not known then.
 *
 * The roots of child tries are put into the main trie, whatever the pairs of the main trie have at
 * their keys.
 *
 * \param tries          each trie once
 * \param state_version  0: values stand inline in the trie; 1: those of 33 bytes and more are
 *                       hashed. Decides the root; a chain's genesis has what its runtime's version
 *                       says
 * \return SUBX_OK; SUBX_INVALID_INPUT for a trie that is named twice; SUBX_NOMEM, or what the back
 *         end fails with
 */
SUBX_API subx_status subx_state_import(subx_state *state, const subx_trie_pairs *tries,
                                       size_t count, uint8_t state_version, subx_error *error);

/**
 * Add a state from JSON: the genesis storage of a raw chain specification (genesis.raw.top and
 * genesis.raw.childrenDefault), or what a node answers to state_getPairs. A state without keys is
 * the one after the genesis block when it has been filled from a specification.
 *
 * \param text  the JSON text; what it holds is in memory once more for a while, unless it goes into
 *              a database without keys
 * \return as subx_state_import(); SUBX_INVALID_INPUT, with line and column, for another text;
 *         SUBX_TOO_LARGE for a value of more than 128 MiB
 */
SUBX_API subx_status subx_state_import_json(subx_state *state, subx_slice text,
                                            uint8_t state_version, subx_error *error);

/**
 * Read a value.
 *
 * \param child  storage key of a child trie; NULL: the main trie
 * \param[out] found  whether the key has a value
 * \param[out] value  a copy, release with subx_bytes_free(); empty if there is none
 * \return SUBX_OK, also if there is none; SUBX_NOMEM, or what the back end fails with
 */
SUBX_API subx_status subx_state_get(subx_state *state, const subx_slice *child, subx_slice key,
                                    bool *found, subx_bytes *value, subx_error *error);

/**
 * Find the least key that is greater than a given one.
 *
 * \param child  storage key of a child trie; NULL: the main trie
 * \param key    need not be there; empty: the search begins behind the empty key
 * \param[out] found  whether there is one
 * \param[out] next   a copy, release with subx_bytes_free(); empty if there is none
 * \return as subx_state_get()
 */
SUBX_API subx_status subx_state_next_key(subx_state *state, const subx_slice *child, subx_slice key,
                                         bool *found, subx_bytes *next, subx_error *error);

/** Root of the state. Returns SUBX_OK, SUBX_NOMEM, or what the back end fails with. */
SUBX_API subx_status subx_state_root(subx_state *state, uint8_t root[32], subx_error *error);

/**
 * Tell which block the state is after: the one of subx_changes_commit_block(), or the genesis block
 * after the import of a raw chain specification into a state without keys. A change that names no
 * block makes it unknown. A database keeps it with the state, so that who follows a chain can go on
 * after any end of the process.
 *
 * \param[out] known  whether it is known
 * \param[out] head   the block, if it is known; zeros otherwise
 * \return SUBX_OK, also if it is not known; SUBX_NOMEM, or what the back end fails with
 */
SUBX_API subx_status subx_state_head(subx_state *state, bool *known, subx_block_id *head,
                                     subx_error *error);

/* ---- Changes ---- */

/** What of the reference's faults in storage the changes reproduce. */
typedef enum subx_semantics {
    /** All that decide state roots: what a node does that follows a chain. */
    SUBX_FAITHFUL = 0,
    /** None: for tools. */
    SUBX_CLEAN = 1
} subx_semantics;

/** Options of changes. Start from SUBX_CHANGES_OPTIONS_INIT. */
typedef struct subx_changes_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    subx_semantics semantics;
    /** The runtime's state version, 0 or 1, for the few functions that ask for a root without
     * saying which. */
    uint8_t state_version;
    /** Record what is read of the state, so that subx_changes_proof() can tell it; not every back
     * end can. A call with such changes is told the proof's size, unless its options have a
     * `proof_size` of their own. */
    bool records_proof;
} subx_changes_options;

#define SUBX_CHANGES_OPTIONS_INIT                             \
    {                                                         \
        sizeof(subx_changes_options), SUBX_FAITHFUL, 1, false \
    }

/**
 * Begin to change a state. The changes see it as it is now, whatever is committed to it meanwhile.
 *
 * \param options   NULL for the defaults
 * \param[out] out  filled on SUBX_OK, release with subx_changes_free(); NULL otherwise
 * \return SUBX_OK; SUBX_UNSUPPORTED if a proof is wanted from a back end that makes none; SUBX_NOMEM, or what the back end fails with
 */
SUBX_API subx_status subx_changes_new(subx_state *state, const subx_changes_options *options,
                                      subx_changes **out, subx_error *error);

/**
 * Drop changes.
 *
 * \param changes  NULL is fine; no call may be using them
 */
SUBX_API void subx_changes_free(subx_changes *changes);

/**
 * Read a value as the next call would see it.
 *
 * \param child  storage key of a child trie; NULL: the main trie
 * \param[out] found  whether the key has a value
 * \param[out] value  borrowed until the changes are used again; empty if there is none
 * \return SUBX_OK, also if there is none; SUBX_NOMEM, or what the back end fails with
 */
SUBX_API subx_status subx_changes_get(subx_changes *changes, const subx_slice *child,
                                      subx_slice key, bool *found, subx_slice *value,
                                      subx_error *error);

/**
 * Find the least key that has a value and is greater than a given one, as the next call would.
 *
 * \param child  storage key of a child trie; NULL: the main trie
 * \param[out] found  whether there is one
 * \param[out] next   borrowed until the changes are used again; empty if there is none
 * \return as subx_changes_get()
 */
SUBX_API subx_status subx_changes_next_key(subx_changes *changes, const subx_slice *child,
                                           subx_slice key, bool *found, subx_slice *next,
                                           subx_error *error);

/**
 * Give a key a value, or none, as ext_storage_set and ext_storage_clear do: keys of the main trie
 * that start with ":child_storage:" are left alone.
 *
 * \param child  storage key of a child trie; NULL: the main trie
 * \param value  NULL: the key is removed
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_changes_set(subx_changes *changes, const subx_slice *child,
                                      subx_slice key, const subx_slice *value, subx_error *error);

/**
 * Open a transaction around calls: building a block does so around each extrinsic. Calls cannot
 * close it.
 */
SUBX_API subx_status subx_changes_start(subx_changes *changes, subx_error *error);

/** Close the innermost transaction and keep what was changed in it. SUBX_MISUSE if none is open. */
SUBX_API subx_status subx_changes_keep(subx_changes *changes, subx_error *error);

/** Close the innermost transaction and undo what was changed in it. SUBX_MISUSE if none is open. */
SUBX_API subx_status subx_changes_undo(subx_changes *changes, subx_error *error);

/**
 * Root of the state that a commit would make.
 *
 * Under SUBX_FAITHFUL that is a root which a call asked for and which is still cached, of
 * whatever version, even where the reference forgets that something has changed since.
 *
 * \param state_version  0 or 1: the form in which new values are written
 * \return SUBX_OK; SUBX_ABORTED_DUE_TO_TRAP where the reference panics; SUBX_NOMEM, or what the back end
 *         fails with
 */
SUBX_API subx_status subx_changes_root(subx_changes *changes, uint8_t state_version,
                                       uint8_t root[32], subx_error *error);

/** Forget a root that is cached: the next root, and a commit, describe the changes as they are. */
SUBX_API void subx_changes_forget_root(subx_changes *changes);

/** What a change is about. */
typedef enum subx_change_kind {
    SUBX_CHANGE_MAIN = 0,
    SUBX_CHANGE_CHILD = 1,
    /** The offchain index, which is no part of the state. */
    SUBX_CHANGE_OFFCHAIN_INDEX = 2
} subx_change_kind;

/** One change. All of it is borrowed until the visitor returns. */
typedef struct subx_change_info {
    subx_change_kind kind;
    /** Storage key of the child trie. */
    subx_slice child;
    subx_slice key;
    /** The key has no value any more; `value` is empty. */
    bool removed;
    subx_slice value;
} subx_change_info;

/** Takes a change; SUBX_OK goes on, anything else ends the walk and is returned from it. */
typedef subx_status (*subx_change_visitor)(void *data, const subx_change_info *change);

/**
 * Walk over the changes: the main trie, the child tries, the offchain index, each in order of keys.
 * Roots of child tries are among them only where a call asked for them.
 *
 * \param visit  must not use the changes
 * \param data   handed to `visit`
 * \return SUBX_OK, or what the visitor returned
 */
SUBX_API subx_status subx_changes_list(const subx_changes *changes, subx_change_visitor visit,
                                       void *data);

/**
 * Make the changes part of the state, as a whole or not at all. Afterwards there are no changes,
 * and the object goes on over the new state, for the next block.
 *
 * \param state_version  0 or 1: the form in which new values are written
 * \param[out] root      of the new state; may be NULL
 * \return SUBX_OK; SUBX_MISUSE if a transaction is open; SUBX_ABORTED_DUE_TO_TRAP where the reference
 *         panics; SUBX_EXTERNALITIES if the state was changed otherwise since the changes began;
 *         SUBX_NOMEM, or what the back end fails with. After a failure state and changes are as before
 */
SUBX_API subx_status subx_changes_commit(subx_changes *changes, uint8_t state_version,
                                         uint8_t *root, subx_error *error);

/**
 * The same, and the state is the one after `block` then (subx_state_head()); state and block change
 * together or not at all. subx_chain_execute() does it.
 *
 * \param block  not NULL
 */
SUBX_API subx_status subx_changes_commit_block(subx_changes *changes, uint8_t state_version,
                                               const subx_block_id *block, uint8_t *root,
                                               subx_error *error);

#ifdef __cplusplus
}
#endif

#endif
