/*
 * An index of changes by the hash of their keys, beside the ordered map that has them: most reads
 * ask for a key that a block has not changed, and this says so after a look at one place.
 *
 * It is a table with open addressing in which a key is at most a few places from home. A key that
 * finds no room there is left out, which its full surroundings tell, and the map is asked. So keys
 * that somebody chose to collide cost what the map costs, and a table that could not grow for want
 * of memory is slow, not wrong.
 */
#ifndef SUBX_STORAGE_CHANGE_INDEX_H
#define SUBX_STORAGE_CHANGE_INDEX_H

#include "storage/change.h"

struct subx_index_slot {
    uint64_t hash;              /* 0: never used */
    struct subx_change *change; /* NULL, with a hash: not used any more */
};

/* All zero: empty. Small sets have none. */
struct subx_change_index {
    struct subx_index_slot *slots;
    unsigned bits; /* there are 2 to that power of them */
    size_t used;   /* now or before */
};

/* Find the change of a key. False: the index does not know, ask the map. */
bool subx_change_index__find(const struct subx_change_index *index, subx_slice key,
                             struct subx_change **out);

/* Take in the change that was just put into `map`. */
void subx_change_index__add(struct subx_change_index *index, const struct subx_ordered_map *map,
                            struct subx_change *change);

/* Forget a change. */
void subx_change_index__remove(struct subx_change_index *index, const struct subx_change *change);

/* Release the index and leave it empty. */
void subx_change_index__clear(struct subx_change_index *index);

#endif
