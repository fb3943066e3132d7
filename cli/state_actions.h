/* The actions of `state`. */
#ifndef SUBX_CLI_STATE_ACTIONS_H
#define SUBX_CLI_STATE_ACTIONS_H

#include <subexec/chain.h>

#include "exit_codes.h"

struct state_request {
    const char *path, *other_path, *output_path;
    subx_slice key, prefix, child;
    bool has_child, json;
    uint8_t state_version;
    subx_state *state, *other;
    subx_import_info info; /* of `state` */
};

enum exit_code state_action_root(const struct state_request *request);
enum exit_code state_action_get(const struct state_request *request);
enum exit_code state_action_keys(const struct state_request *request);
enum exit_code state_action_children(const struct state_request *request);
enum exit_code state_action_export(const struct state_request *request);
enum exit_code state_action_diff(const struct state_request *request);

#endif
