/* Calls on a state. */
#include "state_call.h"

#include <stdlib.h>
#include <string.h>

#include "state_compare.h"

subx_status state_call_begin(subx_state *state, uint8_t state_version, subx_changes **out,
                             subx_error *error)
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    options.state_version = state_version;
    return subx_changes_new(state, &options, out, error);
}

subx_status state_call_commit(subx_state *state, subx_changes *changes, uint8_t state_version,
                              uint8_t root[32], json_t **differences, subx_error *error)
{
    subx_changes *before = NULL;
    *differences = NULL;
    subx_status status = state_call_begin(state, state_version, &before, error);
    if (status != SUBX_OK)
        return status;
    /* A root that the call asked for says nothing about what it did afterwards. */
    subx_changes_forget_root(changes);
    status = subx_changes_commit(changes, state_version, root, error);
    if (status == SUBX_OK) {
        *differences = state_compare_json((struct state_view){state, before},
                                          (struct state_view){state, NULL}, error);
        status = error->status;
    }
    subx_changes_free(before);
    return status;
}

struct comparing {
    subx_state *state;
    json_t *differences;
    subx_error *error;
};

static subx_status compare_change(void *data, const subx_change_info *change)
{
    const struct comparing *comparing = data;
    const subx_slice *child = change->kind == SUBX_CHANGE_CHILD ? &change->child : NULL;
    struct file_bytes old = {NULL, 0};
    bool found = false;
    /* Roots of child tries follow from the rest. */
    if (change->kind == SUBX_CHANGE_OFFCHAIN_INDEX ||
        (child == NULL && state_is_child_root(change->key)))
        return SUBX_OK;
    const subx_status status = state_view_get((struct state_view){comparing->state, NULL}, child,
                                              change->key, &found, &old, comparing->error);
    const subx_slice old_value = {old.data, old.len};
    const struct state_difference difference = {child, change->key, found ? &old_value : NULL,
                                                change->removed ? NULL : &change->value};
    const bool same =
        change->removed ? !found
                        : found && old.len == change->value.len &&
                              (old.len == 0 || memcmp(old.data, change->value.data, old.len) == 0);
    if (status == SUBX_OK && !same)
        state_differences_add(comparing->differences, &difference);
    free(old.data);
    return status;
}

subx_status state_call_compare(subx_state *state, subx_changes *changes, uint8_t state_version,
                               uint8_t root[32], json_t **differences, subx_error *error)
{
    struct comparing comparing = {state, state_differences_new(), error};
    *differences = NULL;
    subx_changes_forget_root(changes);
    subx_status status = subx_changes_root(changes, state_version, root, error);
    if (status == SUBX_OK)
        status = subx_changes_list(changes, compare_change, &comparing);
    if (status == SUBX_OK)
        *differences = comparing.differences;
    else
        json_decref(comparing.differences);
    return status;
}
