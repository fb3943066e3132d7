/*
 * A trie in memory: the state itself, not an index of it (docs/architecture.md).
 *
 * It has exactly the shape of the Merkle trie of spec/host-api.md section 4, each node with its
 * Merkle value, and it is persistent: nodes are reference-counted, a change copies what it shares
 * with others of the path from the root to the changed place, and the rest stays shared. So a
 * snapshot costs nothing and k changes cost O(k * depth) nodes and hashes.
 *
 * A value has a form, inline or hashed, that was chosen when it was written (spec section 3.7); no
 * other change touches it.
 *
 * A tree may be partial: made from a proof, it lacks nodes and values that the proof does not have.
 * Whatever meets one of those fails with SUBX_TRIE_INCOMPLETE; everything else works as usual.
 *
 * Threads: a handle (struct subx_tree) is for one thread at a time, except that functions which
 * take it as const may run at once. Handles that share nodes are independent of each other.
 *
 * Depth comes from keys that guests choose: nothing here recurses on it.
 */
#ifndef SUBX_TRIE_TREE_H
#define SUBX_TRIE_TREE_H

#include "trie/proof.h"
#include "trie/trie_node.h"

/* The reference panics where this status is returned (spec section 10, fault 1). */
#define SUBX_TRIE_REFERENCE_PANICS SUBX_ABORTED_DUE_TO_TRAP

/* Work done through a handle, since it was made. */
struct subx_tree_stats {
    /* encodings of nodes that were hashed; those under 32 bytes are not */
    uint64_t hashes;
    /* values that were hashed */
    uint64_t value_hashes;
    /* nodes that were made: new ones and copies */
    uint64_t nodes;
};

/* A handle. Start from subx_tree__init() or a function that makes one; release with
 * subx_tree__free(). A plain value: it may be moved, not copied. */
struct subx_tree {
    struct subx_tree_node *root; /* NULL: no keys */
    const struct subx_trie_hasher *hasher;
    /* keys; of a partial tree: added minus removed */
    uint64_t count;
    struct subx_tree_stats stats;
};

/* What a key has. */
struct subx_tree_entry {
    bool found;
    /* the value stands in its node as a hash */
    bool hashed;
    /* borrowed: valid until a change through the same handle; a snapshot keeps it valid */
    subx_slice value;
    /* of the value, 32 bytes, if `hashed`; else NULL */
    const uint8_t *hash;
};

/* An empty tree. */
void subx_tree__init(struct subx_tree *tree, const struct subx_trie_hasher *hasher);

/* Release the handle and the nodes that no other one shares. The handle is empty then. */
void subx_tree__free(struct subx_tree *tree);

/* Make `out` another handle of the same contents, in no time; it cannot fail. What happens to
 * one is not seen through the other. */
void subx_tree__snapshot(const struct subx_tree *tree, struct subx_tree *out);

/*
 * Read the value of a key. All functions that read take a `recorder`, NULL for none: nodes on the
 * way and the values in hashed form that are read are added to it, so that it becomes a proof of
 * what was read (and of absence). A tree that is recorded must have its Merkle values, that is,
 * subx_tree__root() must have been called since its last change: else SUBX_MISUSE.
 *
 * \return SUBX_OK, whether or not the key is there; SUBX_TRIE_INCOMPLETE; with a recorder
 *         SUBX_NOMEM or SUBX_MISUSE
 */
subx_status subx_tree__get(const struct subx_tree *tree, subx_slice key,
                           struct subx_proof *recorder, struct subx_tree_entry *out,
                           subx_error *error);

/* Look a key up without its value: a hashed value is neither recorded nor needed in a partial tree,
 * and `out->value` may not be used. Otherwise as subx_tree__get(). */
subx_status subx_tree__probe(const struct subx_tree *tree, subx_slice key,
                             struct subx_proof *recorder, struct subx_tree_entry *out,
                             subx_error *error);

/* Replace `out` by the smallest key that is strictly greater than `key`, which need not be there
 * itself and must not lie in `out`. `*found` is false, `out` empty, if there is none. Returns as
 * subx_tree__get(), and SUBX_NOMEM. */
subx_status subx_tree__next_key(const struct subx_tree *tree, subx_slice key,
                                struct subx_proof *recorder, struct subx_buf *out, bool *found,
                                subx_error *error);

/*
 * Set a value. Its form counts from 33 bytes on, shorter ones are always inline. A key that has
 * the same value in the same form already stays as it is. Returns SUBX_OK; or, the contents being
 * as before, SUBX_NOMEM, SUBX_TOO_LARGE (4 GiB) or SUBX_TRIE_INCOMPLETE.
 */
subx_status subx_tree__set(struct subx_tree *tree, subx_slice key, subx_slice value, bool hashed,
                           subx_error *error);

/* Remove a key; `*removed` (may be NULL) says whether it was there. Returns as subx_tree__set(). */
subx_status subx_tree__remove(struct subx_tree *tree, subx_slice key, bool *removed,
                              subx_error *error);

/* Remove all keys that begin with `prefix`, with the work of counting them; `*removed` (may be
 * NULL) says how many there were. (A proof under a root that nobody vouches for may hold the same
 * few nodes at so many places that they are not to be counted.) Returns as subx_tree__set(). */
subx_status subx_tree__remove_prefix(struct subx_tree *tree, subx_slice prefix, uint64_t *removed,
                                     subx_error *error);

/* One change of a key. */
struct subx_tree_change {
    subx_slice key;
    /* nothing if `remove` */
    subx_slice value;
    bool remove;
};

struct subx_tree_apply {
    /* 1: values of 33 bytes and more take the hashed form; 0: all are inline */
    unsigned state_version;
    /* Reproduce the reference's first fault that reaches roots (spec section 10): removing an
     * absent key may lose the value of a longer one, or make the reference panic. */
    bool faithful;
    /* Adds the nodes that the changes meet in the tree as it was: with them a partial tree can do
     * the same. NULL for none. */
    struct subx_proof *recorder;
};

/*
 * Apply changes, one after the other, all or none of them.
 *
 * \param changes  in ascending order of their keys; of equal ones the last one wins
 * \return SUBX_OK; or, the tree being as before, SUBX_TRIE_REFERENCE_PANICS (faithful only),
 *         SUBX_NOMEM, SUBX_TOO_LARGE, SUBX_TRIE_INCOMPLETE, SUBX_MISUSE for changes out of order
 *
 * Those that change nothing (same value and form, removal of what is not there) cost a descent.
 */
subx_status subx_tree__apply(struct subx_tree *tree, const struct subx_tree_change *changes,
                             size_t count, const struct subx_tree_apply *options,
                             subx_error *error);

/* Merkle root. Hashes nodes that changed since the last call, nothing else. Returns SUBX_OK or
 * SUBX_NOMEM, the contents being the same in any case. */
subx_status subx_tree__root(struct subx_tree *tree, uint8_t out[SUBX_TRIE_HASH_SIZE],
                            subx_error *error);

/*
 * A tree from the keys of a whole state in ascending order, each node made once.
 */
struct subx_tree_builder;

/* NULL: out of memory. Release with subx_tree_builder__free(), finished or not. */
struct subx_tree_builder *subx_tree_builder__new(const struct subx_trie_hasher *hasher);

/* Add a pair; nothing is borrowed. Returns SUBX_OK, SUBX_INVALID_INPUT for a key that is not
 * greater than the one before, SUBX_TOO_LARGE or SUBX_NOMEM; after a failure the builder may only
 * be released. */
subx_status subx_tree_builder__push(struct subx_tree_builder *builder, subx_slice key,
                                    subx_slice value, bool hashed, subx_error *error);

/* The tree of all pairs, which is the caller's to free; the builder may only be released then.
 * SUBX_OK, or SUBX_NOMEM with `out` empty. */
subx_status subx_tree_builder__finish(struct subx_tree_builder *builder, struct subx_tree *out,
                                      subx_error *error);

void subx_tree_builder__free(struct subx_tree_builder *builder);

/*
 * Make a partial tree from a proof: the nodes and values that can be reached from `root`, by their
 * hashes. What else is in the proof is ignored, and so is a blob that is no node where one should
 * be: it counts as missing. Linear in the proof's size. Returns SUBX_OK or, with `out` empty,
 * SUBX_NOMEM.
 */
subx_status subx_tree__from_proof(const struct subx_proof *proof,
                                  const uint8_t root[SUBX_TRIE_HASH_SIZE], struct subx_tree *out,
                                  subx_error *error);

/*
 * The same for several roots, as the child tries of a state have: what they share is made once, so
 * that all of them together are linear in the proof's size.
 */
struct subx_tree_loader;

/* The proof is borrowed, and not changed, until subx_tree_loader__free(). NULL: out of memory. */
struct subx_tree_loader *subx_tree_loader__new(const struct subx_proof *proof);

/* As subx_tree__from_proof(). The tree may outlive the loader, which keeps its nodes too: what is
 * borrowed from one such tree stays valid until the loader is released. */
subx_status subx_tree_loader__load(struct subx_tree_loader *loader,
                                   const uint8_t root[SUBX_TRIE_HASH_SIZE], struct subx_tree *out,
                                   subx_error *error);

/* NULL is fine. */
void subx_tree_loader__free(struct subx_tree_loader *loader);

/*
 * A cursor over keys in ascending order, over the tree as it was when the cursor was opened.
 */
struct subx_tree_cursor;

/* What a cursor reads: with KEYS alone, values in hashed form are neither recorded nor needed. */
enum subx_tree_cursor_reads { SUBX_TREE_KEYS, SUBX_TREE_KEYS_AND_VALUES };

/*
 * Open a cursor on the keys that begin with `prefix` and are not less than `from` (SUBX_EMPTY: all
 * of them).
 *
 * \param recorder  as for subx_tree__get(), borrowed until the cursor is closed
 * \param[out] out  release with subx_tree_cursor__close(); NULL on failure
 * \return as subx_tree__get(), and SUBX_NOMEM
 */
subx_status subx_tree_cursor__open(const struct subx_tree *tree, subx_slice prefix, subx_slice from,
                                   enum subx_tree_cursor_reads reads, struct subx_proof *recorder,
                                   struct subx_tree_cursor **out, subx_error *error);

/*
 * The next key and what it has; `out->found` is false at the end. The key is borrowed until the
 * next call, the value until the cursor is closed.
 *
 * Returns as subx_tree__get(), SUBX_NOMEM, and SUBX_INVALID_INPUT if a partial tree has a value
 * under half a byte. After SUBX_TRIE_INCOMPLETE the next call goes on behind what is missing.
 */
subx_status subx_tree_cursor__next(struct subx_tree_cursor *cursor, subx_slice *key,
                                   struct subx_tree_entry *out, subx_error *error);

/* NULL is fine. */
void subx_tree_cursor__close(struct subx_tree_cursor *cursor);

#endif
