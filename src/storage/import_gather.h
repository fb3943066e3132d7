/* Pairs that are kept in memory, as they came, until they can be imported at once. */
#ifndef SUBX_STORAGE_IMPORT_GATHER_H
#define SUBX_STORAGE_IMPORT_GATHER_H

#include <subexec/state.h>

#include "util/bytes.h"

struct subx_gathered_chunk;

/* The pairs of one trie. */
struct subx_gathered_trie {
    bool is_child;
    subx_slice child;
    subx_pair *pairs;
    size_t count, capacity;
};

/* Start from zeros. */
struct subx_gathered {
    struct subx_gathered_chunk *chunks;
    struct subx_gathered_trie *tries;
    size_t count, capacity;
    size_t main, current; /* numbers from 1 in `tries`: the main trie, where the last pair went */
};

/* Copy a pair; `child` NULL: of the main trie. A child trie that comes again after another one is
 * taken down twice. False: out of memory. */
bool subx_gathered__add(struct subx_gathered *gathered, const subx_slice *child, subx_slice key,
                        subx_slice value);

/* What was gathered, borrowed; release the list with subx_mem__free(). NULL: out of memory. */
subx_trie_pairs *subx_gathered__tries(const struct subx_gathered *gathered);

void subx_gathered__free(struct subx_gathered *gathered);

#endif
