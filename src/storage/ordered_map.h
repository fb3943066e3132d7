/*
 * An ordered map of byte-string keys: a B+ tree whose leaves are chained. Lookups, insertions and
 * removals take O(log n) comparisons; walking on costs one step an item. Order is bytewise, a key
 * that another one starts with comes first.
 *
 * The map holds pointers; items and their keys belong to the user and must outlive their place
 * here.
 */
#ifndef SUBX_STORAGE_ORDERED_MAP_H
#define SUBX_STORAGE_ORDERED_MAP_H

#include "util/bytes.h"

/* What a map holds: the first member of the user's own struct. */
struct subx_item {
    subx_slice key;
};

/* An empty map is all zero. */
struct subx_ordered_map {
    void *root;      /* a leaf if `height` is 0; NULL: empty */
    uint32_t height; /* levels above the leaves */
    size_t count;    /* items */
};

/* A place between items; any insertion or removal makes it invalid. */
struct subx_map_cursor {
    const void *leaf; /* NULL: at the end */
    size_t at;
};

/* Bytewise order: negative, 0 or positive. */
int subx_ordered_map__compare(subx_slice a, subx_slice b);

/* The item with that key, or NULL. */
struct subx_item *subx_ordered_map__find(const struct subx_ordered_map *map, subx_slice key);

/* Put an item in; its key must not be there yet. False: out of memory, nothing changed. */
bool subx_ordered_map__insert(struct subx_ordered_map *map, struct subx_item *item);

/* Take an item out; it must be there. The item itself stays the user's. Cannot fail. */
void subx_ordered_map__remove(struct subx_ordered_map *map, const struct subx_item *item);

/* A cursor before the first item whose key is not less than `key`. */
struct subx_map_cursor subx_ordered_map__seek(const struct subx_ordered_map *map, subx_slice key);

/* The item behind the cursor, which moves past it; NULL at the end. */
struct subx_item *subx_ordered_map__next(struct subx_map_cursor *cursor);

/* Release the map's own memory and leave it empty. The items are not touched, so they may have been
 * released before. */
void subx_ordered_map__clear(struct subx_ordered_map *map);

#endif
