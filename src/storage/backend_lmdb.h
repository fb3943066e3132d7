/*
 * States in an LMDB database, the back end for states that outlive a process (docs/architecture.md,
 * State). See backend.h for what the functions of a back end promise, and backend_lmdb_db.h for how
 * this one works.
 *
 * One process at a time may change a database; any number may read it, and see all that there was
 * when they opened it, later all but the last moments. A process opens a database once.
 *
 * A view keeps its moment of the database alive, and its pages from being used again: close it when
 * it is no longer needed. A view and what is prepared from it are used by one thread at a time.
 * After fork() the child must not use what the parent has opened.
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_H
#define SUBX_STORAGE_BACKEND_LMDB_H

#include "storage/backend.h"

extern const struct subx_backend subx_backend_lmdb;

struct subx_lmdb_options {
    bool is_read_only;
    /* A commit that is acknowledged survives the loss of power, not only the death of the process. */
    bool survives_power_loss;
    /* Make a database where there is none. */
    bool creates;
    /* Bytes of addresses for the database; 0: 1 TiB, or what can be had. */
    uint64_t map_size;
    /* Move commits into LMDB when the first has waited this many milliseconds, or when this many
     * bytes wait; 0: 500 ms, 8 MiB. */
    unsigned move_after_ms;
    size_t move_after_bytes;
    /* What a transaction of an import may hold in memory; 0: 128 MiB. */
    uint64_t import_bytes;
};

/* Open the database in a folder. `*out` is for subx_backend_lmdb.free(). SUBX_OK, SUBX_NOMEM,
 * SUBX_IO, SUBX_MISUSE if this process has it open. */
subx_status subx_backend_lmdb__open(const char *folder, const struct subx_lmdb_options *options,
                                    void **out, subx_error *error);

/* Wait until all that is committed is in LMDB and on the disk. SUBX_OK, or why it cannot be. */
subx_status subx_backend_lmdb__flush(void *self, subx_error *error);

/* How many commits led to the state. */
uint64_t subx_backend_lmdb__sequence(void *self);

/* Work of all `apply` so far. */
struct subx_lmdb_work;
void subx_backend_lmdb__work(void *self, struct subx_lmdb_work *out);

/*
 * Fill an empty database without holding the state in memory: pairs go to LMDB as they come, in
 * ascending order best; then the tries are built over them. All or nothing, though in transactions
 * of a limited size: nothing leads to what the first ones wrote until the last one is done, and what
 * is left of an import that came to no end is removed by the next who writes. The functions are
 * those of backend.h.
 */
struct subx_lmdb_import;

/* SUBX_OK, SUBX_NOMEM, SUBX_IO, SUBX_MISUSE for a state that has keys. */
subx_status subx_lmdb_import__begin(void *self, uint8_t likely_version,
                                    struct subx_lmdb_import **out, subx_error *error);
subx_status subx_lmdb_import__add(struct subx_lmdb_import *import, struct subx_trie_id trie,
                                  subx_slice key, subx_slice value, subx_error *error);
subx_status subx_lmdb_import__finish(struct subx_lmdb_import *import, uint8_t state_version,
                                     uint8_t root[32], subx_error *error);
subx_status subx_lmdb_import__commit(struct subx_lmdb_import *import, const subx_block_id *head,
                                     subx_error *error);
/* NULL is fine. */
void subx_lmdb_import__drop(struct subx_lmdb_import *import);

#endif
