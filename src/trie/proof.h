/*
 * Storage proofs: sets of encoded nodes and of hashed values, by their hashes (spec/host-api.md
 * sections 4.3 to 4.5). Child tries lie in the same set as the main trie.
 *
 * A proof is made by handing it to functions that read a tree, as their recorder; it is used by
 * making a partial tree of it with subx_tree__from_proof(). Whatever it holds, a proof is only
 * looked up by hash: blobs that are nothing do no harm, blobs that occur twice count once.
 *
 * Threads: one at a time on each proof.
 */
#ifndef SUBX_TRIE_PROOF_H
#define SUBX_TRIE_PROOF_H

#include "trie/trie_hasher.h"

/* A node or value is needed that a proof does not hold. */
#define SUBX_TRIE_INCOMPLETE SUBX_INCOMPLETE_PROOF

/* Where the roots of default child tries stand in the main trie: this and the child's own key. */
#define SUBX_TRIE_CHILD_PREFIX ":child_storage:default:"

struct subx_proof_entry {
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    /* place of the blob in `bytes` */
    size_t at, len;
};

/* Start from subx_proof__init(), release with subx_proof__free(). A plain value: it may be moved,
 * not copied. */
struct subx_proof {
    const struct subx_trie_hasher *hasher;
    /* in the order of their first addition */
    struct subx_proof_entry *entries;
    size_t count, capacity;
    /* The blobs, one after the other. */
    struct subx_buf bytes;
    /* Open addressing: indices into `entries` plus one; 0 is free. */
    uint32_t *slots;
    size_t slot_count;
    /* So that nobody can choose blobs that collide. */
    uint64_t seed;
    /* Bytes that all blobs take, each with its compact length: the encoded proof's size without
     * the count in front. It only grows, so it can be watched while recording. */
    size_t encoded_size;
};

void subx_proof__init(struct subx_proof *proof, const struct subx_trie_hasher *hasher);

void subx_proof__free(struct subx_proof *proof);

/* Make `out` a proof with the same blobs. SUBX_OK, or SUBX_NOMEM with `out` empty. */
subx_status subx_proof__copy(const struct subx_proof *proof, struct subx_proof *out,
                             subx_error *error);

/* Forget all blobs. */
void subx_proof__clear(struct subx_proof *proof);

/* Add a blob, which is copied; one that is there already changes nothing. SUBX_OK, or SUBX_NOMEM
 * with the proof as it was. */
subx_status subx_proof__add(struct subx_proof *proof, subx_slice blob, subx_error *error);

/* The same with the blob's hash already known; it is not checked. */
subx_status subx_proof__add_hashed(struct subx_proof *proof,
                                   const uint8_t hash[SUBX_TRIE_HASH_SIZE], subx_slice blob,
                                   subx_error *error);

/* The entry with that hash, or NULL. Borrowed until the proof is changed. */
const struct subx_proof_entry *subx_proof__find(const struct subx_proof *proof,
                                                const uint8_t hash[SUBX_TRIE_HASH_SIZE]);

/* The entry's blob. Borrowed until the proof is changed. */
static inline subx_slice subx_proof__blob(const struct subx_proof *proof,
                                          const struct subx_proof_entry *entry)
{
    return subx_slice__of(proof->bytes.data + entry->at, entry->len);
}

/* Append the blobs as a SCALE Vec<Vec<u8>>, sorted as byte strings (section 4.3). SUBX_OK, or
 * SUBX_NOMEM with some of it appended. */
subx_status subx_proof__encode(const struct subx_proof *proof, struct subx_buf *out,
                               subx_error *error);

/* Add the blobs of a SCALE Vec<Vec<u8>>. Returns SUBX_OK, SUBX_NOMEM, or SUBX_INVALID_INPUT for
 * what is no such list or has bytes left over; some blobs may have been added then. */
subx_status subx_proof__decode(struct subx_proof *proof, subx_slice bytes, subx_error *error);

/*
 * Append the compact form (section 4.4) of the nodes that can be reached from `root` and, for the
 * main trie of a state, of the child tries whose roots these nodes hold; nothing but the count 0 if
 * the root's node is not there.
 *
 * \param limit  bytes that the compact form may have: a hostile proof, in which nodes occur at many
 *               places, has a compact form that is exponentially larger than itself
 * \return SUBX_OK; or, with some of it appended, SUBX_INVALID_INPUT (a reachable blob is no node, a
 *         child's root has not 32 bytes), SUBX_TOO_LARGE or SUBX_NOMEM
 */
subx_status subx_proof__encode_compact(const struct subx_proof *proof,
                                       const uint8_t root[SUBX_TRIE_HASH_SIZE], size_t limit,
                                       struct subx_buf *out, subx_error *error);

/*
 * Add the nodes and values of a compact proof, main trie first, and check it against its root.
 *
 * \param expected_root  of the main trie; NULL: whatever it is
 * \param[out] root      what it is, on SUBX_OK; may be NULL
 * \return SUBX_OK; or, with some of it added, SUBX_INVALID_INPUT: no list of byte strings, no
 *         nodes, cut short, left-over items, another root, a child trie that the main trie does not
 *         have; or SUBX_NOMEM
 */
subx_status subx_proof__decode_compact(struct subx_proof *proof, subx_slice bytes,
                                       const uint8_t *expected_root,
                                       uint8_t root[SUBX_TRIE_HASH_SIZE], subx_error *error);

/*
 * Whether `items` prove that `key` has `value` in the trie with that root, in the format of
 * ext_trie_*_verify_proof (section 4.5), which is none of the above: the nodes on the key's path
 * from the root on, without the value and without the hashes of each other.
 *
 * \param hasher         for nodes and hashed values
 * \param state_version  1: a value of 33 bytes and more is hashed
 * \return SUBX_OK; SUBX_INVALID_INPUT with the reason if they do not prove it; SUBX_NOMEM
 */
subx_status subx_proof__verify_item(const struct subx_trie_hasher *hasher, unsigned state_version,
                                    const uint8_t root[SUBX_TRIE_HASH_SIZE],
                                    const subx_slice *items, size_t item_count, subx_slice key,
                                    subx_slice value, subx_error *error);

#endif
