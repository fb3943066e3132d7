/* The shape of a trie from its sorted keys: spec/host-api.md section 4.1. */
#include "trie/trie_shape.h"

#include "util/error.h"
#include "util/mem.h"

void subx_shape__init(struct subx_shape *shape, subx_shape_receiver *receive, void *user)
{
    *shape = (struct subx_shape){.receive = receive, .user = user, .key = SUBX_BUF_INIT};
}

void subx_shape__free(struct subx_shape *shape)
{
    subx_buf__free(&shape->key);
    subx_mem__free(shape->frames);
    shape->frames = NULL;
    shape->count = shape->capacity = 0;
}

static subx_status open_branch(struct subx_shape *shape, size_t depth, bool has_value,
                               subx_error *error)
{
    if (shape->count == shape->capacity) {
        const size_t capacity = shape->capacity == 0 ? 32 : 2 * shape->capacity;
        struct subx_shape_frame *const frames =
            subx_mem__realloc(shape->frames, capacity, sizeof *frames);
        if (frames == NULL)
            return subx_error__nomem(error);
        shape->frames = frames;
        shape->capacity = capacity;
    }
    shape->frames[shape->count++] = (struct subx_shape_frame){depth, 0, has_value};
    return SUBX_OK;
}

/* Tell a node that ends at nibble `end` of the last key, below the branch on top, if any. */
static subx_status tell(struct subx_shape *shape, size_t end, uint16_t bitmap, bool has_value,
                        subx_error *error)
{
    const struct subx_nibbles path = subx_nibbles__of_key(subx_buf__slice(&shape->key));
    size_t start = 0;
    if (shape->count > 0) {
        struct subx_shape_frame *const parent = &shape->frames[shape->count - 1];
        parent->bitmap |= (uint16_t)(1 << subx_nibbles__get(path, parent->depth));
        start = parent->depth + 1;
    }
    const struct subx_shape_node node = {subx_nibbles__skip(subx_nibbles__first(path, end), start),
                                         bitmap, has_value};
    return shape->receive(shape->user, &node, error);
}

/* Tell the branch on top. */
static subx_status close_branch(struct subx_shape *shape, subx_error *error)
{
    const struct subx_shape_frame frame = shape->frames[--shape->count];
    return tell(shape, frame.depth, frame.bitmap, frame.has_value, error);
}

static bool top_is_above(const struct subx_shape *shape, size_t depth)
{
    return shape->count == 0 || shape->frames[shape->count - 1].depth < depth;
}

/* The next key leaves the last one at nibble `common`: tell what is complete and end with a branch
 * there on top. */
static subx_status leave(struct subx_shape *shape, size_t common, subx_error *error)
{
    subx_status status = SUBX_OK;
    if (top_is_above(shape, common))
        status = open_branch(shape, common, false, error);
    if (status == SUBX_OK)
        status = tell(shape, 2 * shape->key.len, 0, true, error);
    while (status == SUBX_OK && shape->frames[shape->count - 1].depth > common) {
        const struct subx_shape_frame frame = shape->frames[--shape->count];
        if (top_is_above(shape, common))
            status = open_branch(shape, common, false, error);
        if (status == SUBX_OK)
            status = tell(shape, frame.depth, frame.bitmap, frame.has_value, error);
    }
    return status;
}

subx_status subx_shape__push(struct subx_shape *shape, subx_slice key, subx_error *error)
{
    subx_status status = SUBX_OK;
    if (shape->has_key) {
        const struct subx_nibbles last = subx_nibbles__of_key(subx_buf__slice(&shape->key));
        const struct subx_nibbles next = subx_nibbles__of_key(key);
        const size_t common = subx_nibbles__common(last, next);
        if (common == next.len || (common < last.len && subx_nibbles__get(last, common) >
                                                            subx_nibbles__get(next, common)))
            return subx_error__set(error, SUBX_INVALID_INPUT,
                                   "keys of a trie are not in ascending order");
        if (common == last.len)
            status = open_branch(shape, common, true, error);
        else
            status = leave(shape, common, error);
    }
    shape->key.len = 0;
    subx_buf__append_slice(&shape->key, key);
    shape->has_key = true;
    if (status == SUBX_OK && shape->key.failed)
        status = subx_error__nomem(error);
    return status;
}

subx_status subx_shape__finish(struct subx_shape *shape, subx_error *error)
{
    if (!shape->has_key)
        return SUBX_OK;
    subx_status status = tell(shape, 2 * shape->key.len, 0, true, error);
    while (status == SUBX_OK && shape->count > 0)
        status = close_branch(shape, error);
    return status;
}
