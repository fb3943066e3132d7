/*
 * Keys of any length in LMDB, which takes 511 bytes at most (docs/architecture.md, State).
 *
 * A space is a set of keys of its own, named by a number. A key lies in its table as the number of
 * its space, big-endian, and then its bytes; so that a long key keeps its place in the order it is
 * cut, and what follows the first 502 bytes is a key of another space, to which a link leads:
 *
 *   table   space 8 | up to 502 bytes               -> value
 *           space 8 | first 502 bytes | 00          -> link: number of a space in `longs`
 *   longs   the same again, for what follows
 *
 * A link stands directly behind the key that is its 502 bytes, and in front of whatever is greater
 * than all keys that begin with them. Two keys share the links of what they share.
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_KEYS_H
#define SUBX_STORAGE_BACKEND_LMDB_KEYS_H

#include <lmdb.h>

#include "util/bytes.h"

/* Bytes of a key that one entry takes: LMDB's 511 less the space and the mark of a link. */
#define SUBX_LMDB_CHUNK 502

struct subx_lmdb_space {
    MDB_dbi table, longs;
    uint64_t number;
};

/* What a transaction that writes needs besides. */
struct subx_lmdb_writer {
    MDB_txn *txn;
    /* number of the next space in `longs`; kept in the database by the caller */
    uint64_t next_link;
    /* Keys of the table (by its handle, below 8) have been coming in ascending order behind all that
     * are there: LMDB then fills its pages. */
    bool appends[8];
    /* Bytes that LMDB may hold in memory for what was written, not counting pages twice that keys
     * in order share: a bound, in need of being set to 0 with each transaction. */
    uint64_t held;
};

/* Turn what a function of LMDB returned into a status and a message. `what` was being done. */
subx_status subx_lmdb__fail(int code, const char *what, subx_error *error);

/* A slice as LMDB takes it; it is only read. */
MDB_val subx_lmdb__val(subx_slice bytes);

static inline subx_slice subx_lmdb__slice(MDB_val value)
{
    return subx_slice__of(value.mv_data, value.mv_size);
}

/* The value of a key, borrowed until the transaction ends or writes. SUBX_OK, also if there is
 * none; SUBX_IO. */
subx_status subx_lmdb_keys__get(MDB_txn *txn, struct subx_lmdb_space space, subx_slice key,
                                bool *found, subx_slice *value, subx_error *error);

/* Give a key a value. SUBX_OK, SUBX_IO, SUBX_NOMEM. */
subx_status subx_lmdb_keys__put(struct subx_lmdb_writer *writer, struct subx_lmdb_space space,
                                subx_slice key, subx_slice value, subx_error *error);

/* Remove a key, which need not be there, and links that lead nowhere then. */
subx_status subx_lmdb_keys__remove(struct subx_lmdb_writer *writer, struct subx_lmdb_space space,
                                   subx_slice key, subx_error *error);

/* Remove all keys of a space. */
subx_status subx_lmdb_keys__clear(struct subx_lmdb_writer *writer, struct subx_lmdb_space space,
                                  subx_error *error);

/* A cursor over the keys of a space in ascending order. */
struct subx_lmdb_cursor {
    MDB_txn *txn;
    struct subx_lmdb_space space;
    MDB_cursor *top, *deep;
    /* numbers of the spaces that the links on the way lead to, 8 bytes each */
    struct subx_buf spaces;
    /* where it stands: a key and its value, if `is_valid` */
    struct subx_buf key;
    subx_slice value;
    bool is_valid;
};

/* Open a cursor that stands nowhere. Release with subx_lmdb_cursor__close(), failed or not. */
subx_status subx_lmdb_cursor__open(struct subx_lmdb_cursor *cursor, MDB_txn *txn,
                                   struct subx_lmdb_space space, subx_error *error);
/* Go to the first key that is not less than `from`. */
subx_status subx_lmdb_cursor__seek(struct subx_lmdb_cursor *cursor, subx_slice from,
                                   subx_error *error);
/* Go to the next key; the cursor is valid. */
subx_status subx_lmdb_cursor__next(struct subx_lmdb_cursor *cursor, subx_error *error);
/* Take the value anew where the cursor stands, after the transaction has written something else. */
subx_status subx_lmdb_cursor__reread(struct subx_lmdb_cursor *cursor, subx_error *error);
void subx_lmdb_cursor__close(struct subx_lmdb_cursor *cursor);

#endif
