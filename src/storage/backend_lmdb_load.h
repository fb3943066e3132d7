/*
 * Parts of a trie that lies in a database, as nodes of a tree (src/trie): what is met is read in,
 * stubs stand for the rest. Changes are made on such a tree, and proofs are recorded from it.
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_LOAD_H
#define SUBX_STORAGE_BACKEND_LMDB_LOAD_H

#include "storage/backend_lmdb_read.h"

struct subx_lmdb_load {
    struct subx_lmdb_snapshot *snapshot; /* borrowed */
    bool exists;                         /* the trie does, in the database */
    uint64_t number;
    struct subx_lmdb_work *work; /* is added to */
    struct subx_tree tree;
    uint64_t value_bytes; /* of the values that nodes were made with */
    struct subx_buf scratch;
};

/* Begin with nothing but the root's stub. `new_number`: of the trie, if it does not exist. Release with
 * subx_lmdb_load__free() in any case. SUBX_OK, SUBX_NOMEM. */
subx_status subx_lmdb_load__init(struct subx_lmdb_load *load, struct subx_lmdb_snapshot *snapshot,
                                 const struct subx_lmdb_trie *trie, uint64_t new_number,
                                 struct subx_lmdb_work *work, subx_error *error);
void subx_lmdb_load__free(struct subx_lmdb_load *load);

/* Where a key ends in the tree, everything on the way being read in. */
struct subx_lmdb_place {
    struct subx_tree_node *node; /* the last one; NULL: the tree is empty */
    size_t start;                /* nibbles of the key in front of its partial key */
    size_t common;               /* nibbles of its partial key that the key shares */
    bool is_at_node;             /* it ends where the key does */
    struct subx_tree_node *parent;
    size_t parent_end; /* nibbles of the key up to the parent's end */
};

/* Find out where a key ends; SUBX_OK, SUBX_NOMEM, SUBX_IO. */
subx_status subx_lmdb_load__locate(struct subx_lmdb_load *load, subx_slice key,
                                   struct subx_lmdb_place *out, subx_error *error);

/* If `bitmap` has one bit, read in the child of the node that has it: when a node is left with only
 * that, the two become one. `path` leads to the node's end. */
subx_status subx_lmdb_load__only_child(struct subx_lmdb_load *load, struct subx_tree_node *node,
                                       struct subx_nibbles path, uint16_t bitmap,
                                       subx_error *error);

#endif
