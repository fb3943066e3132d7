/*
 * What the database of a state holds, as bytes (docs/architecture.md, State).
 *
 * Four tables, each entry with a trie's number in front of its key. A value begins with a byte that
 * is never 0 in the database; 0 stands for "no longer there" in what is on its way to it.
 *
 *   values    trie, key                     -> form | value
 *   branches  trie, path to the node's END  -> a branch's record, below; leaves have none
 *   tries     0, '\0' or '\1' name          -> mark | number | root 32 | kind | [partial key]
 *             0, '\2'                       -> mark | number 8 | hash 32: the block it is after
 *   clears    trie                          -> mark (never in the database: remove the whole trie)
 *
 *   branch    flags | children 2 | children that are branches 2 | [hash of the value 32]
 *             | per child, in order: [partial key if it is a branch] | length 1 | Merkle value
 *
 *   partial key   nibble count, as a varint | packed as in a node
 *
 * With the partial keys of its branches in a record the way down needs one read of a level, by the
 * exact key. A record stays where it is when a node above it splits or collapses.
 *
 * Paths are written so that bytewise order is post-order, children before their parent: that is
 * the order in which a trie is built from sorted keys, and in which LMDB is filled at its end. A
 * whole byte is written as it is, and a 00 behind it if its low half is F; then the end:
 *
 *   FF FF   of an even count of nibbles: greater than any byte that could go on there
 *   xF 80   of an odd count that ends with x: greater than any byte that begins with x
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_RECORD_H
#define SUBX_STORAGE_BACKEND_LMDB_RECORD_H

#include "trie/tree_node.h"

enum subx_lmdb_table {
    SUBX_LMDB_VALUES,
    SUBX_LMDB_BRANCHES,
    SUBX_LMDB_TRIES,
    SUBX_LMDB_CLEARS,
};
#define SUBX_LMDB_TABLES 3 /* those that are in the database */

#define SUBX_LMDB_GONE 0
#define SUBX_LMDB_INLINE 1 /* form of a value; the mark of other entries */
#define SUBX_LMDB_HASHED 2

/* An entry's key as one string: table 1 | trie 8 big-endian | key. */
#define SUBX_LMDB_HEAD 9
void subx_lmdb_record__append_head(struct subx_buf *out, enum subx_lmdb_table table, uint64_t trie);
uint64_t subx_lmdb_record__trie_of(subx_slice key);

/* What stands in for a child or a root that has not been read: a stub (tree_node.h), with the
 * partial key of a branch, and in value_len what it stands for. */
#define SUBX_LMDB_STUB_LEAF 1
#define SUBX_LMDB_STUB_BRANCH 2

/* Where a trie is, and its root. */
struct subx_lmdb_trie {
    bool exists; /* else it has no keys, and the rest does not count */
    uint64_t number;
    uint8_t root[SUBX_TRIE_HASH_SIZE];
    bool is_leaf;
    struct subx_nibbles partial; /* of a root that is a branch; borrowed from the record */
};

/* Append a path as the key of a branch. */
void subx_lmdb_record__append_path(struct subx_buf *out, struct subx_nibbles path);

/* Append the record of a trie whose root is this node. */
void subx_lmdb_record__append_trie(struct subx_buf *out, uint64_t number,
                                   const uint8_t root[SUBX_TRIE_HASH_SIZE],
                                   const struct subx_tree_node *node);
/* SUBX_OK, or SUBX_IO for bytes that are no such record. */
subx_status subx_lmdb_record__read_trie(subx_slice record, struct subx_lmdb_trie *out,
                                        subx_error *error);

/* A stub for the root of a trie that exists. NULL: out of memory. */
struct subx_tree_node *subx_lmdb_record__root_stub(struct subx_tree_stats *stats,
                                                   const struct subx_lmdb_trie *trie);

/* Append the record of a branch whose children have their Merkle values. */
void subx_lmdb_record__append_branch(struct subx_buf *out, const struct subx_tree_node *node);

/* What a branch has as its value. */
enum subx_trie_form subx_lmdb_record__form(subx_slice record);

/*
 * Make of a record, of the partial key and Merkle value of its stub, and of its value, if that is
 * inline, a node whose children are stubs. SUBX_OK, SUBX_NOMEM, or SUBX_IO for bytes that are no such
 * record.
 */
subx_status subx_lmdb_record__read_branch(subx_slice record, const struct subx_tree_node *stub,
                                          subx_slice value, struct subx_tree_stats *stats,
                                          struct subx_tree_node **out, subx_error *error);

/*
 * The same record from its parts, for who has no nodes: begin, add the children in order.
 * `value_hash`: with the form SUBX_TRIE_HASHED. `partial`: NULL for a leaf.
 */
void subx_lmdb_record__append_branch_head(struct subx_buf *out, uint16_t bitmap, uint16_t branches,
                                          enum subx_trie_form form, const uint8_t *value_hash);
void subx_lmdb_record__append_child(struct subx_buf *out, const struct subx_nibbles *partial,
                                    subx_slice merkle);
void subx_lmdb_record__append_trie_parts(struct subx_buf *out, uint64_t number,
                                         const uint8_t root[SUBX_TRIE_HASH_SIZE],
                                         const struct subx_nibbles *partial);

subx_status subx_lmdb_record__damaged(const char *what, subx_error *error);

#endif
