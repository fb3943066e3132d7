/*
 * Filling a state from outside: many keys of several tries at once. Where the back end has a way to
 * take them one by one (backend.h), it does; else they are gathered, sorted, and applied.
 */
#ifndef SUBX_STORAGE_IMPORT_H
#define SUBX_STORAGE_IMPORT_H

#include "storage/import_gather.h"
#include "storage/state.h"

/* What is known when all pairs are there. */
struct subx_import_end {
    uint8_t state_version;
    const subx_block_id *head; /* the block that the state is after; NULL: unknown, or: */
    bool is_genesis;           /* the state is a chain's first, if it had no keys before */
};

/* subx_state_import() without its checks. */
subx_status subx_import__tries(subx_state *state, const subx_trie_pairs *tries, size_t count,
                               const struct subx_import_end *end, subx_error *error);

/* An import under way. */
struct subx_import {
    subx_state *state;
    void *bulk; /* of the back end; NULL: pairs are gathered */
    struct subx_gathered gathered;
};

/* Begin. `likely_version`: the state version, if it is known yet. After a failure there is nothing
 * to be released. Statuses of subx_state_import(), here and below. */
subx_status subx_import__begin(subx_state *state, uint8_t likely_version,
                               struct subx_import *import, subx_error *error);

/* Add a pair; those of a child trie come one after the other. `child` NULL: the main trie. */
subx_status subx_import__add(struct subx_import *import, const subx_slice *child, subx_slice key,
                             subx_slice value, subx_error *error);

/* Make the pairs part of the state. Releases the import, whatever it returns. */
subx_status subx_import__finish(struct subx_import *import, const struct subx_import_end *end,
                                subx_error *error);

/* Forget all of it. */
void subx_import__drop(struct subx_import *import);

#endif
