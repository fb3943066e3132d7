/* Layers of one key; see change.h. */
#include "storage/change.h"

#include "codec/scale.h"
#include "util/check.h"
#include "util/mem.h"

/* Room for the longest count. */
#define COUNT_ROOM ((size_t)5)

struct subx_change *subx_change__new(subx_slice key)
{
    struct subx_change *const change = subx_mem__alloc(sizeof *change + key.len);
    if (change == NULL)
        return NULL;
    change->top = NULL;
    change->item.key = (subx_slice){change->key, key.len};
    if (key.len > 0)
        memcpy(change->key, key.data, key.len);
    return change;
}

/* ---- Buffers ---- */

/* Write the count in front of the body. */
static void write_count(struct subx_change_layer *list)
{
    uint8_t *const body = list->data + COUNT_ROOM;
    const uint32_t count = list->count;
    const size_t len = count < 1u << 6 ? 1 : count < 1u << 14 ? 2 : count < 1u << 30 ? 4 : 5;
    if (len == 1)
        body[-1] = (uint8_t)(count << 2);
    else if (len == 2)
        subx_store_u16(body - 2, (uint16_t)(count << 2 | 1));
    else if (len == 4)
        subx_store_u32(body - 4, count << 2 | 2);
    else
        subx_store_u32(body - 4, count);
    if (len == 5)
        body[-5] = 3;
    list->start = COUNT_ROOM - len;
}

/* The layer's content goes; a borrowed buffer goes back to where it came from. */
static void drop_content(struct subx_change_layer *layer)
{
    if (layer->borrows) {
        struct subx_change_layer *const below = layer->below;
        below->data = layer->data;
        below->capacity = layer->capacity;
        write_count(below);
    } else {
        subx_mem__free(layer->data);
    }
    layer->borrows = false;
    layer->data = NULL;
    layer->start = layer->end = layer->capacity = 0;
}

/* ---- Layers ---- */

void subx_change__pop(struct subx_change *change)
{
    struct subx_change_layer *const top = change->top;
    drop_content(top);
    change->top = top->below;
    subx_mem__free(top);
}

void subx_change__free(struct subx_change *change)
{
    while (change->top != NULL)
        subx_change__pop(change);
    subx_mem__free(change);
}

bool subx_change__lower(struct subx_change *change, uint32_t depth)
{
    struct subx_change_layer *const top = change->top, *const below = top->below;
    SUBX_CHECK(depth > 0 && top->depth == depth);
    top->depth = depth - 1;
    if (below == NULL || below->depth != depth - 1)
        return true;
    if (top->borrows)
        top->borrows = below->borrows; /* what was lent on is owed to the next one below */
    else
        drop_content(below);
    top->below = below->below;
    subx_mem__free(below);
    return false;
}

/* The layer to write to at that depth: the one on top, emptied, or `fresh`. */
static struct subx_change_layer *put_layer(struct subx_change *change, uint32_t depth,
                                           struct subx_change_layer *fresh)
{
    if (fresh == NULL) {
        drop_content(change->top);
        return change->top;
    }
    *fresh = (struct subx_change_layer){.below = change->top, .depth = depth};
    change->top = fresh;
    return fresh;
}

/* Memory for a layer, if one is needed at that depth. */
static bool get_layer(const struct subx_change *change, uint32_t depth,
                      struct subx_change_layer **fresh)
{
    *fresh = NULL;
    if (!subx_change__is_new_at(change, depth))
        return true;
    *fresh = subx_mem__alloc(sizeof **fresh);
    return *fresh != NULL;
}

bool subx_change__set(struct subx_change *change, uint32_t depth, subx_slice value)
{
    struct subx_change_layer *layer = change->top;
    if (!subx_change__is_new_at(change, depth) && layer->kind != SUBX_LAYER_REMOVED &&
        !layer->borrows && layer->capacity >= value.len && layer->capacity / 4 <= value.len) {
        if (value.len > 0)
            memmove(layer->data, value.data, value.len);
    } else {
        struct subx_change_layer *fresh = NULL;
        uint8_t *const data = subx_mem__copy(value.data, value.len);
        if (data == NULL || !get_layer(change, depth, &fresh)) {
            subx_mem__free(data);
            return false;
        }
        layer = put_layer(change, depth, fresh);
        layer->data = data;
        layer->capacity = value.len;
    }
    layer->kind = SUBX_LAYER_SET;
    layer->start = 0;
    layer->end = value.len;
    return true;
}

bool subx_change__remove(struct subx_change *change, uint32_t depth)
{
    struct subx_change_layer *fresh = NULL;
    if (!get_layer(change, depth, &fresh))
        return false;
    put_layer(change, depth, fresh)->kind = SUBX_LAYER_REMOVED;
    return true;
}

/* ---- Lists ---- */

/* Take a value as a list: its count, and its body. What is no list is an empty one. */
static void read_list(subx_slice value, uint32_t *count, subx_slice *body)
{
    struct subx_reader reader = subx_reader__of(value);
    uint64_t read = 0;
    *count = 0;
    *body = SUBX_EMPTY;
    if (!subx_scale__compact(&reader, &read) || read > UINT32_MAX)
        return;
    *count = (uint32_t)read;
    *body = (subx_slice){reader.at, reader.left};
}

/* Room for `extra` more bytes at the end. */
static bool grow_list(struct subx_change_layer *list, size_t extra)
{
    size_t needed = 0;
    if (__builtin_add_overflow(list->end, extra, &needed) || needed > SIZE_MAX / 2)
        return false;
    if (needed <= list->capacity)
        return true;
    const size_t grown = list->capacity + list->capacity / 2;
    const size_t capacity = grown < needed ? needed + 32 : grown;
    uint8_t *const data = subx_mem__realloc(list->data, capacity, 1);
    if (data == NULL)
        return false;
    list->data = data;
    list->capacity = capacity;
    return true;
}

/* Fill an empty struct with a list that has room for `extra` more bytes. */
static bool make_list(struct subx_change_layer *list, uint32_t count, subx_slice body, size_t extra)
{
    list->end = COUNT_ROOM;
    if (!grow_list(list, body.len + extra))
        return false;
    if (body.len > 0)
        memcpy(list->data + COUNT_ROOM, body.data, body.len);
    list->kind = SUBX_LAYER_LIST;
    list->count = count;
    list->end = COUNT_ROOM + body.len;
    write_count(list);
    return true;
}

static void take_content(struct subx_change_layer *layer, const struct subx_change_layer *from)
{
    layer->kind = from->kind;
    layer->count = from->count;
    layer->data = from->data;
    layer->start = from->start;
    layer->end = from->end;
    layer->capacity = from->capacity;
}

/* Turn the layer on top, a value that is a list, into one of the kind LIST: the bytes stay. */
static bool convert_to_list(struct subx_change_layer *layer, size_t extra)
{
    struct subx_change_layer list = {0};
    uint32_t count = 0;
    subx_slice body = SUBX_EMPTY;
    read_list((subx_slice){layer->data + layer->start, layer->end - layer->start}, &count, &body);
    if (!make_list(&list, count, body, extra))
        return false;
    subx_mem__free(layer->data);
    take_content(layer, &list);
    return true;
}

static void put_element(struct subx_change_layer *list, subx_slice element)
{
    if (element.len > 0)
        memcpy(list->data + list->end, element.data, element.len);
    list->end += element.len;
    list->count++; /* 2^32 wraps to 0, as in the reference (section 10) */
    write_count(list);
}

/* Whether bytes are a list that keeps its bytes when it becomes one of the kind LIST. */
static bool is_list(const struct subx_change_layer *layer)
{
    if (layer->kind != SUBX_LAYER_SET)
        return layer->kind == SUBX_LAYER_LIST;
    struct subx_reader reader =
        subx_reader__of((subx_slice){layer->data + layer->start, layer->end - layer->start});
    uint64_t count = 0;
    return subx_scale__compact(&reader, &count) && count <= UINT32_MAX;
}

/* Append to the list on top: in place, or through a layer that borrows its buffer. */
static bool extend(struct subx_change *change, uint32_t depth, subx_slice element)
{
    struct subx_change_layer *const top = change->top;
    struct subx_change_layer *fresh = NULL;
    if (top->kind == SUBX_LAYER_SET && !convert_to_list(top, element.len))
        return false;
    if (!grow_list(top, element.len) || !get_layer(change, depth, &fresh))
        return false;
    if (fresh == NULL) {
        put_element(top, element);
        return true;
    }
    put_layer(change, depth, fresh);
    take_content(fresh, top);
    fresh->borrows = true;
    top->data = NULL;
    put_element(fresh, element);
    return true;
}

bool subx_change__append(struct subx_change *change, uint32_t depth, subx_slice initial,
                         subx_slice element)
{
    if (change->top != NULL && is_list(change->top))
        return extend(change, depth, element);
    uint32_t count = 0;
    subx_slice body = SUBX_EMPTY;
    if (change->top == NULL)
        read_list(initial, &count, &body);
    struct subx_change_layer list = {0};
    struct subx_change_layer *fresh = NULL;
    if (!make_list(&list, count, body, element.len))
        return false;
    if (!get_layer(change, depth, &fresh)) {
        subx_mem__free(list.data);
        return false;
    }
    take_content(put_layer(change, depth, fresh), &list);
    put_element(change->top, element);
    return true;
}
