/* Calls on a state: what they see, and what they change of it. */
#ifndef SUBX_CLI_STATE_CALL_H
#define SUBX_CLI_STATE_CALL_H

#include <jansson.h>

#include <subexec/state.h>

/* Begin changes for one call over a state; `state_version` is the runtime's. */
subx_status state_call_begin(subx_state *state, uint8_t state_version, subx_changes **out,
                             subx_error *error);

/*
 * Make what a call changed part of its state, and tell the root that results and the differences to
 * before (state_compare_json()). Fails as a commit does.
 */
subx_status state_call_commit(subx_state *state, subx_changes *changes, uint8_t state_version,
                              uint8_t root[32], json_t **differences, subx_error *error);

/* The same for a state that must stay as it is: what the call wrote, where that differs. */
subx_status state_call_compare(subx_state *state, subx_changes *changes, uint8_t state_version,
                               uint8_t root[32], json_t **differences, subx_error *error);

#endif
