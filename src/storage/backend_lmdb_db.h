/*
 * A state's database while it is open, for the files of this back end alone.
 *
 * A folder with the files
 *
 *   state.mdb, state.mdb-lock   LMDB
 *   writer                      locked by the process that may change the state
 *   journal.*                   commits that are not in LMDB yet (backend_lmdb_journal.h)
 *
 * A commit is written to the journal and put into the tree `newer`, which lies over LMDB. From time
 * to time a thread seals `newer`, which becomes `older`, begins a new file of the journal, writes
 * `older` into LMDB in one transaction with full sync, and drops it and its file. Who reads looks
 * into `newer`, `older` and LMDB, in this order; that LMDB may have what `older` has does not
 * matter. Another process that only reads takes `newer` from the journal, anew each time that LMDB
 * has moved on. Locks are taken in the order in which they stand below.
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_DB_H
#define SUBX_STORAGE_BACKEND_LMDB_DB_H

#include <pthread.h>

#include "storage/backend_lmdb.h"
#include "storage/backend_lmdb_edit.h"
#include "storage/backend_lmdb_journal.h"

struct subx_lmdb {
    struct subx_lmdb_options options;
    char *folder;
    int writer_lock;        /* descriptor of the file "writer"; -1: read only */
    uint64_t device, inode; /* of the folder */
    bool is_listed;
    struct subx_lmdb *next_open; /* in the list of what this process has open */
    MDB_env *env;
    struct subx_lmdb_tables tables;
    uint64_t identity; /* random */

    pthread_mutex_t commits; /* one commit, or sealing, at a time: guards `journal` too */
    pthread_mutex_t moves;   /* one who writes into LMDB at a time */
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t changed;
    struct subx_tree newer, older;
    struct subx_lmdb_journal journal, older_journal;
    uint64_t sequence, next_trie;             /* of the state as it is now */
    uint64_t epoch;                           /* commits since it was opened, empty ones too */
    uint64_t older_sequence, older_next_trie; /* of `older` */
    uint64_t moved_sequence;                  /* what is in LMDB */
    uint64_t wanted_sequence;                 /* what somebody waits for */
    uint64_t requests;                        /* how often somebody began to wait */
    uint64_t failures;                        /* of the mover */
    subx_error failure;                       /* the last one */
    size_t newer_bytes;
    struct subx_lmdb_work work;
    /* Of the main trie as it was at `part_epoch`; somebody may have taken it. */
    struct subx_lmdb_part part;
    uint64_t part_epoch;

    bool has_followed; /* who only reads: `newer` fits `moved_sequence` */
    bool has_mover, stops;
    pthread_t mover;
};

/* What the table `meta` has. */
struct subx_lmdb_meta {
    uint64_t identity, sequence, next_trie, next_link;
    /* Parts of an import lie in the tables, which nothing leads to; the state has no keys. */
    bool has_parts;
};

/* Make sure of the folder, and that nobody else writes there and this process has it open once. What
 * it takes subx_lmdb_env__close() gives back. */
subx_status subx_lmdb_env__claim(struct subx_lmdb *db, subx_error *error);

/* Open the environment and its tables, making them if they are not there and may be. */
subx_status subx_lmdb_env__open(struct subx_lmdb *db, struct subx_lmdb_meta *meta,
                                subx_error *error);
void subx_lmdb_env__close(struct subx_lmdb *db);

/* Read and write the table `meta`. */
subx_status subx_lmdb_env__read_meta(const struct subx_lmdb *db, MDB_txn *txn,
                                     struct subx_lmdb_meta *meta, subx_error *error);
subx_status subx_lmdb_env__write_meta(const struct subx_lmdb *db, MDB_txn *txn,
                                      const struct subx_lmdb_meta *meta, subx_error *error);

/* A writer in a new transaction, and what `meta` has; parts of an import that came to no end are
 * removed in it. Release the transaction. */
subx_status subx_lmdb_env__begin(const struct subx_lmdb *db, struct subx_lmdb_writer *writer,
                                 struct subx_lmdb_meta *meta, subx_error *error);

/* Put an operation's entry into LMDB. */
subx_status subx_lmdb_move__put(const struct subx_lmdb *db, struct subx_lmdb_writer *writer,
                                subx_slice key, subx_slice entry, subx_error *error);

/* Take `newer` as `older`, which is empty, and begin a new journal. The caller holds `commits`. */
subx_status subx_lmdb_move__seal(struct subx_lmdb *db, subx_error *error);

/* Write `older`, if there is one, into LMDB, and drop it. */
subx_status subx_lmdb_move__write(struct subx_lmdb *db, subx_error *error);

/* Move everything, now and on this thread. The caller holds `commits`. */
subx_status subx_lmdb_move__all(struct subx_lmdb *db, subx_error *error);

subx_status subx_lmdb_mover__start(struct subx_lmdb *db, subx_error *error);
/* Let the mover finish its work, and end it. */
void subx_lmdb_mover__stop(struct subx_lmdb *db);

/* Take the part of the main trie as it was at that time. Without one, `out` is empty. */
void subx_lmdb_part__take(struct subx_lmdb *db, uint64_t epoch, struct subx_lmdb_part *out);
/* Give back a part of the main trie as it was, or is, at that time; empties it. */
void subx_lmdb_part__give(struct subx_lmdb *db, uint64_t epoch, struct subx_lmdb_part *part);
/* Bring into LMDB what an earlier process left in the journal, and begin a new one. */
subx_status subx_lmdb_recover__move(struct subx_lmdb *db, subx_error *error);

/* For who only reads: have in `newer` what the journal has that LMDB has not, as the transaction sees
 * it. The caller holds `lock`. */
subx_status subx_lmdb_recover__follow(struct subx_lmdb *db, MDB_txn *txn, subx_error *error);

/* A snapshot of the state as it is now. */
subx_status subx_lmdb__snapshot(struct subx_lmdb *db, struct subx_lmdb_snapshot **out,
                                subx_error *error);

/* The key under which the block stands that the state is after, in SUBX_LMDB_TRIES, and its entry. */
#define SUBX_LMDB_HEAD_KEY subx_slice__of("\2", 1)
void subx_lmdb_head__append(struct subx_buf *out, const subx_block_id *head);
/* Find the block in a snapshot; zeros if there is none. SUBX_OK, SUBX_NOMEM, SUBX_IO. */
subx_status subx_lmdb_head__find(struct subx_lmdb_snapshot *snapshot, bool *known,
                                 subx_block_id *head, subx_error *error);
/* What a commit over the snapshot does to it: the new one, or, for NULL, none in place of an old one. */
subx_status subx_lmdb_head__replace(struct subx_lmdb_ops *ops, struct subx_lmdb_snapshot *snapshot,
                                    const subx_block_id *head, subx_error *error);

/* Imports (backend_lmdb.h) as backend.h has them. */
subx_status subx_lmdb_bulk__begin(void *self, uint8_t likely_version, void **import,
                                  subx_error *error);
subx_status subx_lmdb_bulk__add(void *import, struct subx_trie_id trie, subx_slice key,
                                subx_slice value, subx_error *error);
subx_status subx_lmdb_bulk__finish(void *import, uint8_t state_version, uint8_t root[32],
                                   subx_error *error);
subx_status subx_lmdb_bulk__commit(void *import, const subx_block_id *head, subx_error *error);
void subx_lmdb_bulk__drop(void *import);

/*
 * Make operations the next commit, in the journal and in `newer`, or in LMDB if they are many.
 * `record` has them behind room for its head. SUBX_EXTERNALITIES if the state is not of `epoch`;
 * SUBX_NOMEM, SUBX_IO; nothing has happened then.
 */
subx_status subx_lmdb__commit(struct subx_lmdb *db, struct subx_buf *record, uint64_t epoch,
                              uint64_t next_trie, subx_error *error);

#endif
