/* Filling a state from outside: many keys of several tries at once. */
#ifndef SUBX_STORAGE_IMPORT_H
#define SUBX_STORAGE_IMPORT_H

#include "storage/state.h"

/* subx_state_import() without its checks. */
subx_status subx_import__tries(subx_state *state, const subx_trie_pairs *tries, size_t count,
                               uint8_t state_version, subx_error *error);

#endif
