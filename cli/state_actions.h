/* The actions of `state`. */
#ifndef SUBX_CLI_STATE_ACTIONS_H
#define SUBX_CLI_STATE_ACTIONS_H

#include <jansson.h>

#include <subexec/chain.h>
#include <subexec/database.h>

#include "command.h"
#include "exit_codes.h"
#include "files.h"
#include "state_walk.h"

struct state_request {
    const char *path, *other_path, *output_path;
    subx_slice key, prefix, child;
    bool has_child, json;
    uint8_t state_version;
    subx_state *state, *other;
    /* Of proofs: what follows the action, and their options. */
    const struct command *command;
    const char *const *keys;
    size_t key_count;
    const char *root;
    bool compact;
    struct state_view view, other_view; /* as they are when the action begins */
    subx_import_info info;              /* of `state`, unless it is a database */
    bool is_database;
    /* of import */
    subx_durability durability;
    const char *after; /* the block that the state is after, as it was given, or NULL */
};

/* A key as the command line gives it: hex, text like ":code", or @FILE; release with free(). `what` is
 * its name for messages; nothing for `text` NULL. False: a message is out, and `outcome` set. */
bool state_key_of(const struct command *command, const char *what, const char *text,
                  struct file_bytes *out, enum exit_code *outcome);

enum exit_code state_action_root(const struct state_request *request);
enum exit_code state_action_get(const struct state_request *request);
enum exit_code state_action_keys(const struct state_request *request);
enum exit_code state_action_children(const struct state_request *request);
enum exit_code state_action_export(const struct state_request *request);
enum exit_code state_action_diff(const struct state_request *request);
enum exit_code state_action_prove(const struct state_request *request);
/* `path` is the proof; there is no state. */
enum exit_code state_action_verify(const struct state_request *request);
/* Fills the database `other_path` from the file `path`; `state` and `other` are NULL. */
enum exit_code state_action_import(const struct state_request *request);

/* Parts of what root and import tell. */
json_t *state_head_json(const subx_block_id *head);
void state_head_print(const subx_block_id *head);
void state_info_set(json_t *object, const subx_import_info *info);
void state_info_print(const subx_import_info *info);

/* A block as NUMBER:HASH; false if the text is anything else. */
bool state_block_of(const char *text, subx_block_id *out);

#endif
