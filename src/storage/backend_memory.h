/*
 * The back end in memory: a persistent tree (trie/tree.h) for the main trie and one for each child
 * trie. They are the state, Merkle values included; states of successive blocks share what did not
 * change, so views, roots in the middle of a block and commits copy nothing.
 */
#ifndef SUBX_STORAGE_BACKEND_MEMORY_H
#define SUBX_STORAGE_BACKEND_MEMORY_H

#include "storage/backend.h"

extern const struct subx_backend subx_backend_memory;

/* An empty state, for `self` of the functions above. NULL: out of memory. */
void *subx_backend_memory__new(void);

/*
 * What a proof has of the state with that root. Whatever needs more fails with SUBX_TRIE_INCOMPLETE
 * and says what; changes and commits that need no more work as usual. The proof is copied. `*out` is
 * for `self`; SUBX_OK or SUBX_NOMEM.
 */
subx_status subx_backend_memory__of_proof(const struct subx_proof *proof,
                                          const uint8_t root[SUBX_TRIE_HASH_SIZE], void **out,
                                          subx_error *error);

#endif
