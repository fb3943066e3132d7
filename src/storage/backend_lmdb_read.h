/*
 * Reading a state's database as it was at one moment: LMDB's own snapshot, and over it the changes
 * that have been committed but not moved there yet, as trees in memory that are used as ordered maps
 * (keys as in backend_lmdb_record.h, values with their first byte).
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_READ_H
#define SUBX_STORAGE_BACKEND_LMDB_READ_H

#include "storage/backend_lmdb_keys.h"
#include "storage/backend_lmdb_record.h"

/* Handles of the tables in LMDB. */
struct subx_lmdb_tables {
    MDB_dbi tables[SUBX_LMDB_TABLES], longs, meta;
};

/* Work done, for those who want to know what a commit costs. */
struct subx_lmdb_work {
    uint64_t hashes;        /* nodes and values that were hashed */
    uint64_t branches_read; /* records of branches */
    uint64_t branches_written;
    uint64_t values_read, values_written;
};

/*
 * Reference-counted. One thread at a time uses a snapshot: LMDB's transactions are made for that.
 */
struct subx_lmdb_snapshot {
    _Atomic size_t references;
    const struct subx_lmdb_tables *tables;
    MDB_txn *txn;
    bool owns_txn;
    struct subx_tree newer, older; /* no keys: nothing to be moved */
    uint64_t epoch;                /* of the state: differs after each commit */
    uint64_t next_trie;            /* number of the next trie that is made */
    struct subx_buf scratch;
};

void subx_lmdb_snapshot__release(struct subx_lmdb_snapshot *snapshot);

/* The space in LMDB of a trie's entries in a table. */
struct subx_lmdb_space subx_lmdb__space(const struct subx_lmdb_tables *tables,
                                        enum subx_lmdb_table table, uint64_t trie);

/* An entry, its first byte included; borrowed from the snapshot. SUBX_OK, also if there is none;
 * SUBX_NOMEM, SUBX_IO. */
subx_status subx_lmdb_snapshot__get(struct subx_lmdb_snapshot *snapshot, enum subx_lmdb_table table,
                                    uint64_t trie, subx_slice key, bool *found, subx_slice *entry,
                                    subx_error *error);

/* Where a trie is: the main trie for `name` NULL. SUBX_OK, also if there is none. */
subx_status subx_lmdb_snapshot__trie(struct subx_lmdb_snapshot *snapshot, const subx_slice *name,
                                     struct subx_lmdb_trie *out, subx_error *error);

/* The entries of a trie in a table, in order of their keys. */
struct subx_lmdb_walk;

/* Begin at the first key that is not less than `from`; the snapshot is borrowed. Release with
 * subx_lmdb_walk__close(); NULL on failure. */
subx_status subx_lmdb_walk__open(struct subx_lmdb_snapshot *snapshot, enum subx_lmdb_table table,
                                 uint64_t trie, subx_slice from, struct subx_lmdb_walk **out,
                                 subx_error *error);
/* The next entry; the key is borrowed until the next call, the entry from the snapshot. */
subx_status subx_lmdb_walk__next(struct subx_lmdb_walk *walk, bool *found, subx_slice *key,
                                 subx_slice *entry, subx_error *error);
void subx_lmdb_walk__close(struct subx_lmdb_walk *walk);

#endif
