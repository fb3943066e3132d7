/*
 * Recording what is read of a state in a database. Values are read by their keys, without their
 * trie; who records looks them up in the trie as well, so that what the tree of src/trie would have
 * met in memory is recorded here too.
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_PROOF_H
#define SUBX_STORAGE_BACKEND_LMDB_PROOF_H

#include "storage/backend_lmdb_load.h"

/* All zero: nothing is recorded. */
struct subx_lmdb_recording {
    struct subx_proof *recorder;
    struct subx_lmdb_load **loads; /* one for each trie that was read, by its number */
    size_t count, capacity;
    struct subx_lmdb_work work; /* nobody asks for it */
};

void subx_lmdb_recording__free(struct subx_lmdb_recording *recording);

/*
 * Record the way to a key, whether it is there or not, and its value, if that is hashed; `value` NULL:
 * it was not read. The snapshot is the same each time, and outlives the recording. A child trie that
 * does not exist has nothing to be recorded. SUBX_OK, also if nothing is recorded; SUBX_NOMEM,
 * SUBX_IO.
 */
subx_status subx_lmdb_recording__key(struct subx_lmdb_recording *recording,
                                     struct subx_lmdb_snapshot *snapshot,
                                     const struct subx_lmdb_trie *trie, bool is_child,
                                     subx_slice key, const subx_slice *value, subx_error *error);

#endif
