/*
 * The journal beside a state's database: commits that are not in it yet, so that a commit costs one
 * write. Files journal.<number of their first commit, 16 hexadecimal digits>, each a sequence of
 * records:
 *
 *   checksum 16 of all that follows | magic 8 | database 8 | length of the operations 8 | commit 8
 *   | next trie 8 | operations (backend_lmdb_edit.h)
 *
 * A commit is one record. A record that is cut short or damaged was never acknowledged, or the
 * machine lost power: it ends what can be used.
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_JOURNAL_H
#define SUBX_STORAGE_BACKEND_LMDB_JOURNAL_H

#include "util/bytes.h"

#define SUBX_LMDB_RECORD_HEAD 56

struct subx_lmdb_record_head {
    uint64_t database; /* random number of the database */
    uint64_t sequence; /* of the commit */
    uint64_t next_trie;
};

struct subx_lmdb_journal {
    int file; /* -1: none */
    uint64_t size;
    char *path;
    /* A record that was reported as failed may be in the file: nothing may follow it. */
    bool is_broken;
};

#define SUBX_LMDB_JOURNAL_INIT \
    {                          \
        -1, 0, NULL, false     \
    }

/* Begin a file in a folder, for commits from `sequence` on. `is_synced`: its name survives the loss
 * of power. SUBX_OK, SUBX_NOMEM, SUBX_IO. */
subx_status subx_lmdb_journal__create(const char *folder, uint64_t sequence, bool is_synced,
                                      struct subx_lmdb_journal *out, subx_error *error);

/* Fill in the head of a record: `record` begins with SUBX_LMDB_RECORD_HEAD bytes of room. */
void subx_lmdb_journal__seal(struct subx_buf *record, const struct subx_lmdb_record_head *head);

/* Write a record, to the disk if `is_synced`. After a failure (SUBX_IO) it is not in the journal. */
subx_status subx_lmdb_journal__append(struct subx_lmdb_journal *journal, subx_slice record,
                                      bool is_synced, subx_error *error);

/* Close the file; `removes`: and remove it. */
void subx_lmdb_journal__close(struct subx_lmdb_journal *journal, bool removes);

/* Takes a commit; what it does not return SUBX_OK for ends the replay. */
typedef subx_status subx_lmdb_replayer(void *user, const struct subx_lmdb_record_head *head,
                                       subx_slice operations, subx_error *error);

/* Give `replay` the commits after `sequence`, one after the other without a gap. SUBX_OK, SUBX_NOMEM,
 * SUBX_IO, or what `replay` returned. */
subx_status subx_lmdb_journal__replay(const char *folder, uint64_t database, uint64_t sequence,
                                      subx_lmdb_replayer *replay, void *user, subx_error *error);

/* Remove all files of a journal from a folder. */
subx_status subx_lmdb_journal__remove_all(const char *folder, subx_error *error);

/* Test hook: let `countdown` file operations of journals pass and make the one after them fail, once,
 * as if the disk was full; a write leaves half of its bytes then. Negative switches it off. Returns
 * how many operations there were since the last call. */
uint64_t subx_lmdb_journal__fail_after(int64_t countdown);

#endif
