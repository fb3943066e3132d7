/* Counting and failing; see wrapped_backend.h. */
#include "wrapped_backend.h"

#include <stdlib.h>

#include "storage/backend_memory.h"
#include "util/error.h"

struct handle {
    struct wrapped *wrapper;
    void *inner;
};

static bool fails(struct wrapped *wrapper, enum wrapped_operation operation, subx_error *error)
{
    wrapper->counts[operation]++;
    if (wrapper->countdown < 0 || wrapper->countdown-- > 0)
        return false;
    subx_error__set(error, SUBX_IO, WRAPPED_FAILURE);
    return true;
}

static struct handle *new_handle(struct wrapped *wrapper)
{
    struct handle *const handle = malloc(sizeof *handle);
    if (handle == NULL)
        abort();
    handle->wrapper = wrapper;
    handle->inner = NULL;
    wrapper->open_handles++;
    return handle;
}

static void free_handle(struct handle *handle)
{
    handle->wrapper->open_handles--;
    free(handle);
}

static void free_wrapper(void *self)
{
    struct wrapped *const wrapper = self;
    wrapper->inner->free(wrapper->self);
    free(wrapper);
}

static subx_status open_view(void *self, void **view, subx_error *error)
{
    struct wrapped *const wrapper = self;
    *view = NULL;
    if (fails(wrapper, WRAPPED_OPEN, error))
        return SUBX_IO;
    struct handle *const handle = new_handle(wrapper);
    const subx_status status = wrapper->inner->open(wrapper->self, &handle->inner, error);
    if (status == SUBX_OK)
        *view = handle;
    else
        free_handle(handle);
    return status;
}

static void close_view(void *view)
{
    struct handle *const handle = view;
    handle->wrapper->inner->close(handle->inner);
    free_handle(handle);
}

static void record(void *view, struct subx_proof *recorder)
{
    const struct handle *const handle = view;
    handle->wrapper->inner->record(handle->inner, recorder);
}

static subx_status get(void *view, struct subx_trie_id trie, subx_slice key, bool *found,
                       subx_slice *value, subx_error *error)
{
    const struct handle *const handle = view;
    if (fails(handle->wrapper, WRAPPED_GET, error))
        return SUBX_IO;
    return handle->wrapper->inner->get(handle->inner, trie, key, found, value, error);
}

static subx_status next_key(void *view, struct subx_trie_id trie, subx_slice key, bool *found,
                            subx_slice *next, subx_error *error)
{
    const struct handle *const handle = view;
    if (fails(handle->wrapper, WRAPPED_NEXT_KEY, error))
        return SUBX_IO;
    return handle->wrapper->inner->next_key(handle->inner, trie, key, found, next, error);
}

struct visiting {
    struct wrapped *wrapper;
    subx_backend_visitor *visit;
    void *user;
};

static subx_status visit(void *user, subx_slice key, bool *stop, subx_error *error)
{
    const struct visiting *const visiting = user;
    visiting->wrapper->walked++;
    return visiting->visit(visiting->user, key, stop, error);
}

static subx_status walk(void *view, struct subx_trie_id trie, subx_slice prefix, subx_slice from,
                        subx_backend_visitor *visitor, void *user, subx_error *error)
{
    const struct handle *const handle = view;
    struct visiting visiting = {handle->wrapper, visitor, user};
    if (fails(handle->wrapper, WRAPPED_WALK, error))
        return SUBX_IO;
    return handle->wrapper->inner->walk(handle->inner, trie, prefix, from, visit, &visiting, error);
}

static subx_status prepare(void *view, uint8_t state_version, bool is_faithful, void **prepared,
                           subx_error *error)
{
    const struct handle *const handle = view;
    *prepared = NULL;
    if (fails(handle->wrapper, WRAPPED_PREPARE, error))
        return SUBX_IO;
    struct handle *const made = new_handle(handle->wrapper);
    const subx_status status = handle->wrapper->inner->prepare(handle->inner, state_version,
                                                               is_faithful, &made->inner, error);
    if (status == SUBX_OK)
        *prepared = made;
    else
        free_handle(made);
    return status;
}

static subx_status apply(void *prepared, struct subx_trie_id trie,
                         const struct subx_tree_change *list, size_t count, uint8_t root[32],
                         bool *is_empty, subx_error *error)
{
    const struct handle *const handle = prepared;
    if (fails(handle->wrapper, WRAPPED_APPLY, error))
        return SUBX_IO;
    return handle->wrapper->inner->apply(handle->inner, trie, list, count, root, is_empty, error);
}

static subx_status commit(void *prepared, subx_error *error)
{
    struct handle *const handle = prepared;
    if (fails(handle->wrapper, WRAPPED_COMMIT, error))
        return SUBX_IO;
    const subx_status status = handle->wrapper->inner->commit(handle->inner, error);
    if (status == SUBX_OK)
        free_handle(handle);
    return status;
}

static void drop(void *prepared)
{
    struct handle *const handle = prepared;
    handle->wrapper->inner->drop(handle->inner);
    free_handle(handle);
}

static subx_status head(void *view, bool *known, subx_block_id *out, subx_error *error)
{
    const struct handle *const handle = view;
    if (fails(handle->wrapper, WRAPPED_HEAD, error))
        return SUBX_IO;
    return handle->wrapper->inner->head(handle->inner, known, out, error);
}

static void set_head(void *prepared, const subx_block_id *head)
{
    const struct handle *const handle = prepared;
    handle->wrapper->inner->set_head(handle->inner, head);
}

static const struct subx_backend wrapping = {
    .name = "wrapped",
    .free = free_wrapper,
    .open = open_view,
    .close = close_view,
    .record = record,
    .get = get,
    .next_key = next_key,
    .walk = walk,
    .prepare = prepare,
    .apply = apply,
    .commit = commit,
    .drop = drop,
    .head = head,
    .set_head = set_head,
};

subx_state *wrapped_memory_state(struct wrapped **out)
{
    struct wrapped *const wrapper = calloc(1, sizeof *wrapper);
    subx_state *state = NULL;
    if (wrapper == NULL)
        abort();
    wrapper->inner = &subx_backend_memory;
    wrapper->self = subx_backend_memory__new();
    wrapper->countdown = -1;
    if (wrapper->self == NULL || subx_state__new(&wrapping, wrapper, &state, NULL) != SUBX_OK)
        abort();
    *out = wrapper;
    return state;
}
