/*
 * The child tries of one state in memory, by storage key: an immutable sorted sequence, cut into
 * chunks that successive states share. A state that differs in k children costs k chunks and the
 * list of chunks; looking one up takes O(log n) comparisons.
 */
#ifndef SUBX_STORAGE_CHILD_MAP_H
#define SUBX_STORAGE_CHILD_MAP_H

#include <stdatomic.h>

#include "trie/tree.h"

/* A child trie with its root. Immutable, reference-counted. */
struct subx_child_trie {
    _Atomic size_t references;
    struct subx_tree tree;
    uint8_t root[32];
    subx_slice key; /* lies behind this struct */
};

struct subx_child_chunk;

/* A map; all zero: empty. Immutable once it is made, so it may be read by many threads. */
struct subx_child_map {
    struct subx_child_chunk **chunks;
    size_t chunk_count;
};

/* A child that differs from a map's. */
struct subx_child_change {
    struct subx_child_trie *trie;
    bool is_gone; /* `trie` is only there for its key */
};

/* Make a child trie with one reference; takes `tree`. NULL: out of memory, `tree` is the caller's.
 */
struct subx_child_trie *subx_child_trie__new(subx_slice key, struct subx_tree *tree,
                                             const uint8_t root[32]);

/* Drop a reference; NULL is fine. */
void subx_child_trie__release(struct subx_child_trie *trie);

/* The child of that name, borrowed from the map; NULL: there is none. */
const struct subx_child_trie *subx_child_map__find(const struct subx_child_map *map,
                                                   subx_slice key);

/*
 * Make of `old` a map that differs in the given children, in ascending order of their keys, each
 * once; it takes references of its own. False: out of memory, and `out` is empty.
 */
bool subx_child_map__apply(const struct subx_child_map *old,
                           const struct subx_child_change *changes, size_t count,
                           struct subx_child_map *out);

/* Drop the map's references and leave it empty. */
void subx_child_map__free(struct subx_child_map *map);

#endif
