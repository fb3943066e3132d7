/*
 * Building a trie over values that are in a database already: its branches, and its record. Memory
 * is needed for one path and the siblings along it, however many keys there are.
 */
#ifndef SUBX_STORAGE_BACKEND_LMDB_BUILD_H
#define SUBX_STORAGE_BACKEND_LMDB_BUILD_H

#include "storage/backend_lmdb_read.h"

struct subx_lmdb_build {
    const struct subx_lmdb_tables *tables;
    struct subx_lmdb_writer *writer;
    /* Values are put into the form of `state_version`, whatever they have. */
    bool sets_form;
    uint8_t state_version;
    /* Asked after each key: whether the writer's transaction is to be ended, and another one begun. */
    bool (*is_full)(void *user);
    subx_status (*turn)(void *user, subx_error *error);
    void *user;
};

/*
 * Build the trie with this number, whose keys and values are in its transaction, and write its
 * record under `record_key`. Nothing is written for a trie without keys.
 */
subx_status subx_lmdb_build__trie(const struct subx_lmdb_build *build, uint64_t number,
                                  subx_slice record_key, uint8_t root[SUBX_TRIE_HASH_SIZE],
                                  bool *is_empty, subx_error *error);

#endif
