/* Calls on a state. */
#include "state_call.h"

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
