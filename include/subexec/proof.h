/**
 * \file
 * Storage proofs: what suffices of a state's tries to read keys, or to execute a block, by who knows
 * only the state's root.
 *
 * A proof is a set of items: encoded nodes of the main trie and of child tries, and the values that
 * stand in them as a hash (state version 1). Items are found by their hashes from the root on, so
 * what a proof says is true under that root or it says nothing: items that nothing refers to are
 * ignored, and whatever needs an item that is not there fails with SUBX_INCOMPLETE_PROOF.
 */
#ifndef SUBEXEC_PROOF_H
#define SUBEXEC_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/export.h>
#include <subexec/state.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A set of nodes and values. Functions that take it as const may use it from several threads. */
typedef struct subx_proof subx_proof;

/* ---- Items ---- */

/**
 * Make a proof without items.
 *
 * \param[out] out  filled on SUBX_OK, release with subx_proof_free(); NULL otherwise
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_proof_new(subx_proof **out, subx_error *error);

/**
 * Release a proof.
 *
 * \param proof  NULL is fine
 */
SUBX_API void subx_proof_free(subx_proof *proof);

/**
 * Add an item, as lists in JSON have them (state_getReadProof); one that is there already changes
 * nothing.
 *
 * \param item  any bytes; copied
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_proof_add(subx_proof *proof, subx_slice item, subx_error *error);

/** Number of items. */
SUBX_API size_t subx_proof_count(const subx_proof *proof);

/** The item with that number, below subx_proof_count(), in the order in which they were added; empty
 * beyond. Borrowed until the proof is changed. */
SUBX_API subx_slice subx_proof_item(const subx_proof *proof, size_t index);

/* ---- Encoded forms ---- */

/**
 * Write a proof as SCALE `Vec<Vec<u8>>`, its items in ascending order: what nodes send each other
 * and call StorageProof.
 *
 * \param[out] out  filled on SUBX_OK, release with subx_bytes_free(); empty otherwise
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_proof_encode(const subx_proof *proof, subx_bytes *out, subx_error *error);

/**
 * Read a proof from SCALE `Vec<Vec<u8>>`. The items may be in any order, occur several times and be
 * anything; all bytes must belong to the list.
 *
 * \param scale     borrowed; not needed afterwards
 * \param[out] out  filled on SUBX_OK, release with subx_proof_free(); NULL otherwise
 * \return SUBX_OK, SUBX_INVALID_INPUT, SUBX_NOMEM
 */
SUBX_API subx_status subx_proof_decode(subx_slice scale, subx_proof **out, subx_error *error);

/**
 * Write a proof in the compact form (CompactProof, as parachains' blocks carry it): the nodes in the
 * order of the tries, without the hashes that follow from each other.
 *
 * Only what can be reached from the root has a place in it.
 *
 * \param root      of the state that the proof is of
 * \param[out] out  SCALE `Vec<Vec<u8>>`, filled on SUBX_OK, release with subx_bytes_free(); empty
 *                  otherwise
 * \return SUBX_OK; SUBX_INVALID_INPUT if an item that is to be a node is none; SUBX_INCOMPLETE_PROOF if
 *         the root's own node is not there; SUBX_TOO_LARGE for more than 256 MiB, which a small proof
 *         can be made for on purpose; SUBX_NOMEM
 */
SUBX_API subx_status subx_proof_encode_compact(const subx_proof *proof, const uint8_t root[32],
                                               subx_bytes *out, subx_error *error);

/**
 * Read a proof from its compact form, which says itself what its root is.
 *
 * \param compact        borrowed; not needed afterwards
 * \param expected_root  NULL: whatever it is
 * \param[out] out       filled on SUBX_OK, release with subx_proof_free(); NULL otherwise
 * \param[out] root      what the root is, on SUBX_OK; may be NULL
 * \return SUBX_OK; SUBX_INVALID_INPUT for bytes that are no such proof, are cut short, have items left
 *         over or another root; SUBX_NOMEM
 */
SUBX_API subx_status subx_proof_decode_compact(subx_slice compact, const uint8_t *expected_root,
                                               subx_proof **out, uint8_t *root, subx_error *error);

/* ---- Making proofs ---- */

/**
 * Prove what keys have in a state: add to a proof the items that are needed to read them, whether
 * they are there or not.
 *
 * \param child  storage key of a child trie; NULL: the main trie. The way to a child's root in the
 *               main trie, or what shows that there is no such child, is added too
 * \param keys   any keys of that trie
 * \param[out] proof  is added to; after a failure it may have some of the items
 * \param[out] root   of the state, on SUBX_OK; may be NULL
 * \return SUBX_OK; SUBX_UNSUPPORTED if the state lies in a back end that makes no proofs; SUBX_NOMEM,
 *         or what the back end fails with
 */
SUBX_API subx_status subx_state_prove(subx_state *state, const subx_slice *child,
                                      const subx_slice *keys, size_t count, subx_proof *proof,
                                      uint8_t *root, subx_error *error);

/**
 * The proof of what has been read through changes so far: by calls, by subx_changes_get() and the
 * like, and by computing roots. For changes with the option `records_proof`; ask before a commit,
 * with which the recording begins anew.
 *
 * Who executes the same calls on a state of this proof comes to the same results; the root that is
 * to be part of them has to be computed before the proof is taken.
 *
 * \param[out] out   filled on SUBX_OK, release with subx_proof_free(); NULL otherwise
 * \param[out] root  of the state before the changes, on SUBX_OK; may be NULL
 * \return SUBX_OK; SUBX_MISUSE if nothing is recorded; SUBX_NOMEM, or what the back end fails with
 */
SUBX_API subx_status subx_changes_proof(subx_changes *changes, subx_proof **out, uint8_t *root,
                                        subx_error *error);

/**
 * Size of that proof so far: bytes of all items, each with its length in front, as
 * ext_storage_proof_size_storage_proof_size_version_1 answers it.
 *
 * \return UINT64_MAX if nothing is recorded
 */
SUBX_API uint64_t subx_changes_proof_size(const subx_changes *changes);

/* ---- Using proofs ---- */

/**
 * Read one key from a proof. Takes time linear in the proof; for many keys, make a state of it.
 *
 * \param root   of the state
 * \param child  storage key of a child trie; NULL: the main trie
 * \param[out] found  whether the key has a value; false is as certain as true
 * \param[out] value  a copy, release with subx_bytes_free(); empty if there is none
 * \return SUBX_OK, also if there is none; SUBX_INCOMPLETE_PROOF, with the key and what is missing, if
 *         the proof does not tell; SUBX_NOMEM
 */
SUBX_API subx_status subx_proof_verify(const subx_proof *proof, const uint8_t root[32],
                                       const subx_slice *child, subx_slice key, bool *found,
                                       subx_bytes *value, subx_error *error);

/**
 * Make a state in memory that knows only what a proof has.
 *
 * It is used as any other: read, called on, changed, its new roots computed, even committed to.
 * Whatever meets something that the proof lacks (removing a key can need its neighbour) fails with
 * SUBX_INCOMPLETE_PROOF and says which key, which trie and the hash of which node or value; a call
 * ends with that. Keys of hostile proofs are not to be listed without a limit: a few nodes can stand
 * for more keys than anybody can count.
 *
 * \param proof     copied
 * \param root      of the state
 * \param[out] out  filled on SUBX_OK, release with subx_state_free(); NULL otherwise
 * \return SUBX_OK, SUBX_NOMEM; that the proof lacks even the root is found out by who reads
 */
SUBX_API subx_status subx_state_from_proof(const subx_proof *proof, const uint8_t root[32],
                                           subx_state **out, subx_error *error);

#ifdef __cplusplus
}
#endif

#endif
