/*
 * Changing a trie that lies in a database: the tree of src/trie does it, with the parts of the trie
 * that the changes meet read in as they are met, and stubs for the rest. So the rules of shape, form
 * and faults are the same as in memory, and k changes cost O(k * depth) records.
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_EDIT_H
#define SUBX_STORAGE_BACKEND_LMDB_EDIT_H

#include "storage/backend_lmdb_load.h"

/*
 * What is to become of entries, in the order in which it was found out; of equal keys the last
 * counts. Each operation:
 *
 *   length of the key 8 | key, as in backend_lmdb_record.h | length of the entry 8 | entry
 */
struct subx_lmdb_ops {
    struct subx_buf bytes;
    size_t count;
};

/* Begin an operation; what is appended to `bytes` until subx_lmdb_ops__end() is the entry. */
size_t subx_lmdb_ops__begin(struct subx_lmdb_ops *ops, enum subx_lmdb_table table, uint64_t trie,
                            subx_slice key);
void subx_lmdb_ops__end(struct subx_lmdb_ops *ops, size_t begun);

/* An operation of one byte: SUBX_LMDB_GONE, or a mark. */
void subx_lmdb_ops__mark(struct subx_lmdb_ops *ops, enum subx_lmdb_table table, uint64_t trie,
                         subx_slice key, uint8_t mark);

/* Take the operations of `bytes` apart: sorted, of equal keys the last one, borrowed from `bytes`;
 * `*list` is for subx_mem__free(). SUBX_OK, SUBX_NOMEM, SUBX_IO for bytes that are none. */
subx_status subx_lmdb_ops__list(subx_slice bytes, struct subx_tree_change **list, size_t *count,
                                subx_error *error);

/*
 * The part of a trie that is in memory: nodes that changes have met, and stubs for the rest. Kept from
 * one block to the next it saves reading and taking apart what blocks change again and again. One
 * thread at a time has it, since stubs are replaced in place, also in nodes that handles share.
 */
struct subx_lmdb_part {
    struct subx_tree tree; /* no root: nothing is known */
    /* What nodes and values were made for it so far, roughly, those that are gone included. */
    uint64_t bytes;
};

struct subx_lmdb_edit {
    struct subx_lmdb_snapshot *snapshot;
    struct subx_lmdb_trie before;
    subx_slice record_key; /* of the trie, in SUBX_LMDB_TRIES */
    uint64_t new_number;   /* of the trie, if it did not exist */
    uint8_t state_version;
    bool is_faithful;
    struct subx_proof *recorder; /* of what the changes meet in the trie as it was; NULL: none */
    struct subx_lmdb_ops *ops;   /* what has to be done is appended */
    struct subx_lmdb_work *work;
    /* Of the trie before; on SUBX_OK of the trie afterwards. NULL: not wanted. */
    struct subx_lmdb_part *part;
};

/*
 * Apply changes in ascending order of their keys, one after the other.
 *
 * root     of the trie afterwards
 * is_empty it has no keys
 *
 * SUBX_OK, SUBX_NOMEM, SUBX_IO, SUBX_TRIE_REFERENCE_PANICS, SUBX_TOO_LARGE; after a failure `ops`
 * has rubbish at its end.
 */
subx_status subx_lmdb_edit__run(const struct subx_lmdb_edit *edit,
                                const struct subx_tree_change *changes, size_t count,
                                uint8_t root[SUBX_TRIE_HASH_SIZE], bool *is_empty,
                                subx_error *error);

#endif
