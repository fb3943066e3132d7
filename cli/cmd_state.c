/* subexec state: what is in a state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "files.h"
#include "load_state.h"
#include "opt.h"
#include "output.h"
#include "state_actions.h"

enum {
    OPTION_CHILD,
    OPTION_PREFIX,
    OPTION_OUTPUT,
    OPTION_STATE_VERSION,
    OPTION_ROOT,
    OPTION_COMPACT,
    OPTION_AFTER,
    OPTION_DURABILITY,
    OPTION_JSON
};

static const struct option_spec options[] = {
    [OPTION_CHILD] = {"child", "KEY", "look into this child trie instead of the main one"},
    [OPTION_PREFIX] = {"prefix", "KEY", "keys: only those that begin so"},
    [OPTION_OUTPUT] =
        {"output", "FILE",
         "get: write the value's bytes to FILE; export: the state; prove: the\nproof's bytes"},
    [OPTION_STATE_VERSION] = SPEC_STATE_VERSION,
    [OPTION_ROOT] = {"root", "HASH", "verify: the state's root; needed"},
    [OPTION_COMPACT] = {"compact", NULL, "prove, verify: the proof is in the compact form"},
    [OPTION_AFTER] = {"after", "NUMBER:HASH",
                      "import: the block that the state is after; default: the genesis block\n"
                      "for a chain specification, else unknown"},
    [OPTION_DURABILITY] = SPEC_DURABILITY,
    [OPTION_JSON] = {"json", NULL, "print facts as JSON"},
};

static const struct argument_spec arguments_taken[] = {
    {"STATE", STATE_FILE_HELP},
    {"ACTION", "root, get, keys, child, export, diff, import, prove or verify"},
    {"[KEY|STATE]...", "get: a key; diff: the other state; import: the database to fill;\n"
                       "prove, verify: any number of keys"},
};

static const struct action {
    const char *name;
    bool takes_key, takes_state, takes_keys;
    enum exit_code (*run)(const struct state_request *request);
} actions[] = {
    {"root", false, false, false, state_action_root},
    {"get", true, false, false, state_action_get},
    {"keys", false, false, false, state_action_keys},
    {"child", false, false, false, state_action_children},
    {"export", false, false, false, state_action_export},
    {"diff", false, true, false, state_action_diff},
    {"prove", false, false, true, state_action_prove},
    {"verify", false, false, true, state_action_verify},
    {"import", false, true, false, state_action_import},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

bool state_key_of(const struct command *command, const char *what, const char *text,
                  struct file_bytes *out, enum exit_code *outcome)
{
    subx_error error = SUBX_ERROR_INIT;
    *outcome = EXIT_DONE;
    *out = (struct file_bytes){NULL, 0};
    if (text == NULL)
        return true;
    if (text[0] == ':') {
        out->len = strlen(text);
        out->data = output_memory(out->len, 1);
        memcpy(out->data, text, out->len);
        return true;
    }
    if (files_bytes_of(text, out, &error))
        return true;
    *outcome = error.status == SUBX_INVALID_INPUT
                   ? opt_wrong(command, "state: %s: %s (a key is hex, :TEXT or @FILE)", what,
                               error.message)
                   : output_failure(&error, false);
    return false;
}

/* The state as it is now, whatever somebody else commits meanwhile. */
static subx_status look_at(subx_state *state, struct state_view *view, subx_error *error)
{
    view->state = state;
    return subx_changes_new(state, NULL, &view->snapshot, error);
}

static enum exit_code run_action(const struct action *action, struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    if (action->run == state_action_verify)
        return state_action_verify(request);
    if (action->run == state_action_import)
        return state_action_import(request);
    request->is_database = load_is_database(request->path);
    subx_status status =
        load_state(request->path, request->state_version, &request->state, &request->info, &error);
    if (status == SUBX_OK)
        status = look_at(request->state, &request->view, &error);
    if (status == SUBX_OK && action->takes_state)
        status =
            load_state(request->other_path, request->state_version, &request->other, NULL, &error);
    if (status == SUBX_OK && action->takes_state)
        status = look_at(request->other, &request->other_view, &error);
    bool is_empty = false;
    if (status == SUBX_OK && request->is_database)
        status = load_is_empty(request->state, &is_empty, &error);
    if (is_empty)
        output_hint("%s: the database has no keys: no import into it has been finished",
                    request->path);
    const enum exit_code outcome =
        status == SUBX_OK ? action->run(request) : output_failure(&error, request->json);
    subx_changes_free(request->view.snapshot);
    subx_changes_free(request->other_view.snapshot);
    subx_state_free(request->state);
    subx_state_free(request->other);
    return outcome;
}

/* The state and the action may be named in either order. */
static const struct action *sort_arguments(const struct arguments *given,
                                           struct state_request *request)
{
    const struct action *action = find_action(given->positional[1]);
    request->path = given->positional[0];
    if (action == NULL) {
        action = find_action(given->positional[0]);
        request->path = given->positional[1];
    }
    return action;
}

static enum exit_code run(const struct arguments *arguments)
{
    const struct command *command = arguments->command;
    const char *third = arguments->positional[2];
    struct state_request request = {
        .output_path = arguments->values[OPTION_OUTPUT],
        .json = arguments->given[OPTION_JSON],
        .has_child = arguments->given[OPTION_CHILD],
    };
    const struct action *action = sort_arguments(arguments, &request);
    if (action == NULL)
        return opt_wrong(command,
                         "state: %s is no action; they are root, get, keys, child, export, diff, "
                         "import, prove and verify",
                         arguments->positional[1]);
    const size_t takes = action->takes_key || action->takes_state;
    if (!action->takes_keys && arguments->positional_count - 2 != takes)
        return opt_wrong(command, "state: %s takes %s", action->name,
                         action->takes_key     ? "a key"
                         : action->takes_state ? "another state, or the database to fill"
                                               : "no more arguments");
    if (!load_state_version(arguments->values[OPTION_STATE_VERSION], &request.state_version))
        return opt_wrong(command, "state: --state-version is 0 or 1, not %s",
                         arguments->values[OPTION_STATE_VERSION]);
    if (!load_durability(arguments->values[OPTION_DURABILITY], &request.durability))
        return opt_wrong(command, "state: --durability is process or power, not %s",
                         arguments->values[OPTION_DURABILITY]);
    request.after = arguments->values[OPTION_AFTER];
    subx_block_id block;
    if (request.after != NULL && !state_block_of(request.after, &block))
        return opt_wrong(command, "state: --after is NUMBER:HASH, not %s", request.after);
    request.other_path = third;
    request.command = command;
    request.keys = arguments->positional + 2;
    request.key_count = arguments->positional_count - 2;
    request.root = arguments->values[OPTION_ROOT];
    request.compact = arguments->given[OPTION_COMPACT];
    struct file_bytes key = {NULL, 0}, prefix = {NULL, 0}, child = {NULL, 0};
    enum exit_code outcome = EXIT_DONE;
    if (state_key_of(command, "KEY", action->takes_key ? third : NULL, &key, &outcome) &&
        state_key_of(command, "--prefix", arguments->values[OPTION_PREFIX], &prefix, &outcome) &&
        state_key_of(command, "--child", arguments->values[OPTION_CHILD], &child, &outcome)) {
        request.key = (subx_slice){key.data, key.len};
        request.prefix = (subx_slice){prefix.data, prefix.len};
        request.child = (subx_slice){child.data, child.len};
        outcome = run_action(action, &request);
    }
    free(key.data);
    free(prefix.data);
    free(child.data);
    return outcome;
}

const struct command command_state = {
    .name = "state",
    .summary = "Look into the state of a chain, make a database of it",
    .details =
        "  root     root of the state, hash of the genesis block that it would make, what is in "
        "it\n"
        "  get      the value of KEY; exit code 1 if there is none\n"
        "  keys     all keys, or those under --prefix, in order\n"
        "  child    the child tries: storage key, root, number of keys\n"
        "  export   the whole state as {\"top\": ..., \"children\": ...}\n"
        "  diff     keys whose values differ between two states; exit code 1 if there are any\n"
        "  prove    a storage proof of KEYs: what suffices to read them, or their absence, by who\n"
        "           knows the root only\n"
        "  verify   the values of KEYs by a proof, which stands in the place of STATE: a file, "
        "hex\n"
        "           from 0x on, or @FILE; exit code 1 if it does not tell them\n"
        "  import   fills a database, which is made if it is not there, from a file of any size:\n"
        "           state import FILE DATABASE\n"
        "Keys are hex, or text that begins with a colon, as :code.",
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
