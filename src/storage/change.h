/*
 * The change of one key: a stack of layers, one for each transaction that wrote it, the newest on
 * top (spec/host-api.md section 3.1).
 *
 * A layer of the kind LIST is a value that ext_storage_append extends: its bytes are a compact
 * count and a body of elements that are never looked at. Its buffer keeps room in front, where the
 * count is written as it grows, and grows like any growing buffer, so appending costs what is
 * appended.
 *
 *     data ─► [ 5 - p bytes unused | count, p bytes | body ............ | unused ]
 *                                  └ start                             └ end
 *
 * A layer that appends to a LIST of an outer transaction does not copy it: it borrows the buffer.
 * The layer below keeps its own count and end, and gets the buffer back when the one above goes.
 */
#ifndef SUBX_STORAGE_CHANGE_H
#define SUBX_STORAGE_CHANGE_H

#include "storage/ordered_map.h"

enum subx_layer_kind { SUBX_LAYER_REMOVED, SUBX_LAYER_SET, SUBX_LAYER_LIST };

struct subx_change_layer {
    struct subx_change_layer *below;
    uint32_t depth; /* of the transaction that wrote it; 0: outside of any */
    enum subx_layer_kind kind;
    bool borrows;   /* its buffer belongs to `below` */
    uint32_t count; /* of a LIST */
    uint8_t *data;  /* NULL while lent to the layer above, or if there is none */
    size_t start, end, capacity;
};

struct subx_change {
    struct subx_item item; /* its key lies behind this struct */
    struct subx_change_layer *top;
    uint8_t key[];
};

/* A change of `key` without any layer; NULL: out of memory. Released with subx_mem__free() once
 * it has no layer again. */
struct subx_change *subx_change__new(subx_slice key);

/* Release a change and all its layers. */
void subx_change__free(struct subx_change *change);

/* Drop the newest layer. */
void subx_change__pop(struct subx_change *change);

/* The transaction of depth `depth`, which wrote the newest layer, ends well: the layer now
 * belongs to the one around it. True: that one had not written the key before. */
bool subx_change__lower(struct subx_change *change, uint32_t depth);

/* Whether a layer of depth `depth` would be a new one on top. */
static inline bool subx_change__is_new_at(const struct subx_change *change, uint32_t depth)
{
    return change->top == NULL || change->top->depth != depth;
}

/* The value on top; false: it is removed. Borrowed until the change is touched. */
static inline bool subx_change__value(const struct subx_change *change, subx_slice *value)
{
    const struct subx_change_layer *const top = change->top;
    if (top->kind == SUBX_LAYER_REMOVED)
        return false;
    *value = (subx_slice){top->data + top->start, top->end - top->start};
    return true;
}

/* The following write at depth `depth`. False: out of memory, nothing changed. */

/* Give the key a value; the bytes are copied. */
bool subx_change__set(struct subx_change *change, uint32_t depth, subx_slice value);

bool subx_change__remove(struct subx_change *change, uint32_t depth);

/*
 * Append an element to the value on top, or to `initial` if there is no layer (section 3.3). What
 * does not start with a count in its shortest form is replaced by a list of that one element.
 */
bool subx_change__append(struct subx_change *change, uint32_t depth, subx_slice initial,
                         subx_slice element);

#endif
