/* Walking over the keys of a state. */
#include "state_walk.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"

static const char child_prefix[] = ":child_storage:default:";
const subx_slice state_child_prefix = {(const uint8_t *)child_prefix, sizeof child_prefix - 1};

static bool starts_with(subx_slice bytes, subx_slice prefix)
{
    return bytes.len >= prefix.len &&
           (prefix.len == 0 || memcmp(bytes.data, prefix.data, prefix.len) == 0);
}

bool state_is_child_root(subx_slice key)
{
    return starts_with(key, state_child_prefix);
}

subx_slice state_child_name(subx_slice key)
{
    return (subx_slice){key.data + state_child_prefix.len, key.len - state_child_prefix.len};
}

/* What the library hands out, copied into memory of the program's. */
static struct file_bytes keep(subx_slice bytes)
{
    struct file_bytes kept = {output_memory(bytes.len, 1), bytes.len};
    if (bytes.len > 0)
        memcpy(kept.data, bytes.data, bytes.len);
    return kept;
}

subx_status state_view_get(struct state_view view, const subx_slice *child, subx_slice key,
                           bool *found, struct file_bytes *value, subx_error *error)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    subx_slice borrowed = SUBX_EMPTY;
    *value = (struct file_bytes){NULL, 0};
    const subx_status status =
        view.snapshot != NULL ? subx_changes_get(view.snapshot, child, key, found, &borrowed, error)
                              : subx_state_get(view.state, child, key, found, &bytes, error);
    if (status == SUBX_OK)
        *value = keep(view.snapshot != NULL ? borrowed : (subx_slice){bytes.data, bytes.len});
    subx_bytes_free(&bytes);
    return status;
}

static subx_status next_key(struct state_view view, const subx_slice *child, subx_slice key,
                            bool *found, struct file_bytes *next, subx_error *error)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    subx_slice borrowed = SUBX_EMPTY;
    const subx_status status =
        view.snapshot != NULL
            ? subx_changes_next_key(view.snapshot, child, key, found, &borrowed, error)
            : subx_state_next_key(view.state, child, key, found, &bytes, error);
    *next = keep(view.snapshot != NULL ? borrowed : (subx_slice){bytes.data, bytes.len});
    subx_bytes_free(&bytes);
    return status;
}

bool state_view_has_child(struct state_view view, subx_slice child)
{
    bool found = false;
    struct file_bytes next = {NULL, 0};
    const subx_status status = next_key(view, &child, SUBX_EMPTY, &found, &next, NULL);
    free(next.data);
    return status == SUBX_OK;
}

/* The prefix itself may be a key, and is the first one then; no search for a greater key finds it.
 */
static subx_status begin(struct state_walk *walk, bool *found, subx_error *error)
{
    struct file_bytes value = {NULL, 0};
    walk->has_begun = true;
    walk->key = walk->prefix;
    const subx_status status =
        state_view_get(walk->view, walk->child, walk->prefix, found, &value, error);
    free(value.data);
    return status;
}

subx_status state_walk_next(struct state_walk *walk, bool *more, subx_error *error)
{
    subx_status status = SUBX_OK;
    *more = false;
    if (!walk->has_begun) {
        status = begin(walk, more, error);
        if (status != SUBX_OK || *more)
            return status;
    }
    struct file_bytes next = {NULL, 0};
    status = next_key(walk->view, walk->child, walk->key, more, &next, error);
    free(walk->owned.data);
    walk->owned = next;
    walk->key = (subx_slice){next.data, next.len};
    *more = status == SUBX_OK && *more && starts_with(walk->key, walk->prefix);
    return status;
}

void state_walk_close(struct state_walk *walk)
{
    free(walk->owned.data);
    walk->owned = (struct file_bytes){NULL, 0};
}
