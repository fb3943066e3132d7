/* Running one case; its form is described in hostcalls/README.md. */
#include "hostcalls_case.h"

#include <string.h>

#include "hostcalls_node.h"
#include "util/hex.h"

/* A case under way; `test` is the case, or the step of it that is performed. */
struct running {
    const json_t *test;
    const struct case_world *world;
    const char *name;
    subx_state *state;
    subx_changes *changes;
    struct node node;
    bool good;
};

#define DIFFERS(running, ...)                                    \
    do {                                                         \
        (running)->world->differs((running)->name, __VA_ARGS__); \
        (running)->good = false;                                 \
    } while (0)

/* What the case expects: under clean semantics `sane` goes before, where it has the field. The one
 * fault that is not of storage stays. */
static const json_t *expected_of(const struct running *running, const char *field)
{
    const json_t *const sane = json_object_get(running->test, "sane");
    const json_t *const quirk = json_array_get(json_object_get(running->test, "quirks"), 0);
    const bool is_of_crypto =
        quirk != NULL && strcmp(json_string_value(quirk), "ed25519-batch-verify-aborts") == 0;
    const json_t *const repaired = json_object_get(sane, field);
    if (running->world->semantics == SUBX_CLEAN && repaired != NULL && !is_of_crypto)
        return json_is_null(repaired) ? NULL : repaired;
    return json_object_get(running->test, field);
}

static bool decode(const json_t *text, subx_bytes *out)
{
    *out = (subx_bytes)SUBX_BYTES_INIT;
    return json_is_string(text) &&
           subx_hex__decode(
               (subx_slice){(const uint8_t *)json_string_value(text), json_string_length(text)},
               out, NULL) == SUBX_OK;
}

static subx_slice slice(subx_bytes bytes)
{
    return (subx_slice){bytes.data, bytes.len};
}

/* ---- The state before ---- */

/* Put the pairs of one trie into the state. */
static bool import_trie(struct running *running, const subx_slice *child, json_t *entries,
                        uint8_t version)
{
    const size_t count = json_object_size(entries);
    subx_pair *const pairs = calloc(count + 1, sizeof *pairs);
    subx_bytes *const owned = calloc(2 * count + 1, sizeof *owned);
    const char *key = NULL;
    json_t *value = NULL;
    size_t i = 0;
    bool good = pairs != NULL && owned != NULL;
    json_object_foreach(entries, key, value)
    {
        json_t *const name = json_string(key);
        good = good && decode(name, &owned[2 * i]) && decode(value, &owned[2 * i + 1]);
        json_decref(name);
        if (!good)
            break;
        pairs[i] = (subx_pair){slice(owned[2 * i]), slice(owned[2 * i + 1])};
        i++;
    }
    const subx_trie_pairs trie = {child, pairs, count};
    good = good && subx_state_import(running->state, &trie, 1, version, NULL) == SUBX_OK;
    for (size_t k = 0; owned != NULL && k < 2 * count; k++)
        subx_bytes_free(&owned[k]);
    free(pairs);
    free(owned);
    return good;
}

static bool import_all(struct running *running)
{
    const json_t *const version_field = json_object_get(running->test, "state_version");
    const uint8_t version = (uint8_t)json_integer_value(version_field);
    bool good = import_trie(running, NULL, json_object_get(running->test, "initial_top"), version);
    const char *name = NULL;
    json_t *entries = NULL;
    json_object_foreach(json_object_get(running->test, "initial_children"), name, entries)
    {
        json_t *const text = json_string(name);
        subx_bytes child = SUBX_BYTES_INIT;
        good = good && decode(text, &child);
        const subx_slice key = slice(child);
        good = good && import_trie(running, &key, entries, version);
        subx_bytes_free(&child);
        json_decref(text);
    }
    return good;
}

static void compare_root(struct running *running, const char *what, subx_status status,
                         const uint8_t root[32], const subx_error *error, const json_t *expected)
{
    if (status != SUBX_OK) {
        DIFFERS(running, "%s: %s: %s", what, subx_status_name(status), error->message);
        return;
    }
    json_t *const got = hex_string((subx_slice){root, 32});
    if (!json_equal(got, expected))
        DIFFERS(running, "%s: %s, expected %s", what, json_string_value(got),
                json_is_string(expected) ? json_string_value(expected) : "none");
    json_decref(got);
}

static bool new_changes(struct running *running)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    options.semantics = running->world->semantics;
    subx_changes_free(running->changes);
    running->changes = NULL;
    if (subx_changes_new(running->state, &options, &running->changes, &error) != SUBX_OK)
        DIFFERS(running, "no changes: %s", error.message);
    return running->changes != NULL;
}

static bool prepare_state(struct running *running)
{
    uint8_t root[32];
    subx_error error = SUBX_ERROR_INIT;
    if (running->world->new_state(&running->state, &error) != SUBX_OK || !import_all(running)) {
        DIFFERS(running, "the state before cannot be made: %s", error.message);
        return false;
    }
    const subx_status status = subx_state_root(running->state, root, &error);
    compare_root(running, "initial_root", status, root, &error,
                 json_object_get(running->test, "initial_root"));
    return new_changes(running);
}

/* ---- The result ---- */

/* The records of an output: code u16, length u32, bytes. False at the end. */
static bool next_record(subx_slice *rest, unsigned *code, subx_slice *record)
{
    if (rest->len == 0)
        return false;
    *code = rest->len >= 2 ? (unsigned)(rest->data[0] | rest->data[1] << 8) : 0;
    size_t len = rest->len;
    if (rest->len >= 6) {
        const uint8_t *const at = rest->data + 2;
        len = 6 + (size_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                           (uint32_t)at[3] << 24);
    }
    if (len > rest->len)
        len = rest->len;
    *record = (subx_slice){rest->data, len};
    *rest = (subx_slice){rest->data + len, rest->len - len};
    return true;
}

static const char *operation_name(const struct running *running, unsigned code)
{
    char number[16];
    snprintf(number, sizeof number, "%u", code);
    const json_t *const name = json_object_get(running->world->operations, number);
    return json_is_string(name) ? json_string_value(name) : "operation";
}

/* The first record in which two outputs differ. */
static void explain_output(struct running *running, subx_slice got, subx_slice expected)
{
    unsigned number = 0, code = 0, other = 0;
    subx_slice mine = SUBX_EMPTY, theirs = SUBX_EMPTY;
    for (;; number++) {
        const bool has_mine = next_record(&got, &code, &mine);
        const bool has_theirs = next_record(&expected, &other, &theirs);
        if (!has_mine || !has_theirs || !subx_slice__equal(mine, theirs))
            break;
    }
    json_t *const left = hex_string(mine), *const right = hex_string(theirs);
    DIFFERS(running, "result: record %u (%s %u): %.400s, expected %.400s", number,
            operation_name(running, other), other, json_string_value(left),
            json_string_value(right));
    json_decref(left);
    json_decref(right);
}

static void compare_result(struct running *running, subx_status status, subx_bytes output,
                           const subx_error *error)
{
    const json_t *const result = expected_of(running, "result");
    const json_t *const ok = json_object_get(result, "ok");
    const json_t *const kind = json_object_get(result, "error");
    if (ok == NULL) {
        if (!json_is_string(kind) || strcmp(subx_status_name(status), json_string_value(kind)) != 0)
            DIFFERS(running, "result: %s %s, expected %s", subx_status_name(status), error->message,
                    json_is_string(kind) ? json_string_value(kind) : "(nothing)");
        return;
    }
    subx_bytes expected;
    if (status != SUBX_OK)
        DIFFERS(running, "result: %s: %s", subx_status_name(status), error->message);
    else if (!decode(ok, &expected))
        DIFFERS(running, "result: the file has no hex");
    else {
        if (!subx_slice__equal(slice(output), slice(expected)))
            explain_output(running, slice(output), slice(expected));
        subx_bytes_free(&expected);
    }
}

static subx_status call(struct running *running)
{
    subx_call_options options = SUBX_CALL_OPTIONS_INIT;
    const json_t *const context = json_object_get(running->test, "context");
    const bool is_offchain =
        json_is_string(context) && strcmp(json_string_value(context), "offchain") == 0;
    node_grant(&running->node, is_offchain, &options);
    options.changes = running->changes;
    subx_bytes input, output;
    subx_error error = SUBX_ERROR_INIT;
    if (!decode(json_object_get(running->test, "input"), &input)) {
        DIFFERS(running, "input: no hex");
        return SUBX_INVALID_INPUT;
    }
    const subx_status status =
        subx_runtime_call(running->world->runtime, "run", slice(input), &options, &output, &error);
    compare_result(running, status, output, &error);
    subx_bytes_free(&input);
    subx_bytes_free(&output);
    return status;
}

/* ---- What the call left behind ---- */

/* Nothing is written as a field that is missing. */
static void compare_json(struct running *running, const char *field, json_t *got)
{
    const json_t *const expected = expected_of(running, field);
    const bool both_empty =
        expected == NULL && json_array_size(got) == 0 && json_object_size(got) == 0;
    if (!both_empty && !json_equal(got, expected)) {
        char *const left = json_dumps(got, JSON_SORT_KEYS | JSON_ENCODE_ANY);
        char *const right =
            expected == NULL ? NULL : json_dumps(expected, JSON_SORT_KEYS | JSON_ENCODE_ANY);
        DIFFERS(running, "%s: %.600s, expected %.600s", field, left,
                right == NULL ? "nothing" : right);
        free(left);
        free(right);
    }
}

static subx_status note_index(void *data, const subx_change_info *change)
{
    if (change->kind != SUBX_CHANGE_OFFCHAIN_INDEX)
        return SUBX_OK;
    json_t *const key = hex_string(change->key);
    json_object_set_new(data, json_string_value(key),
                        change->removed ? json_null() : hex_string(change->value));
    json_decref(key);
    return SUBX_OK;
}

static void compare_effects(struct running *running)
{
    json_t *const index = json_object(), *const local = node_local_storage(&running->node);
    subx_changes_list(running->changes, note_index, index);
    compare_json(running, "offchain_index", index);
    compare_json(running, "local_storage", local);
    compare_json(running, "submitted", running->node.submitted);
    compare_json(running, "transaction_index", running->node.transaction_index);
    compare_json(running, "logs", running->node.logs);
    json_decref(index);
    json_decref(local);
}

static bool is_root(const uint8_t root[32], const json_t *expected)
{
    json_t *const text = hex_string((subx_slice){root, 32});
    const bool same = json_equal(text, expected);
    json_decref(text);
    return same;
}

/*
 * What a commit would make now. A root that the script asked for may still be cached: one that is
 * out of date is `stale_root`; one that is not may be of the other version than the one asked for.
 */
static void compare_committed(struct running *running, uint8_t version)
{
    static const char *const finals[] = {"final_root_v0", "final_root_v1"};
    static const char *const stales[] = {"stale_root_v0", "stale_root_v1"};
    subx_error error = SUBX_ERROR_INIT;
    uint8_t root[32];
    const subx_status status = subx_changes_root(running->changes, version, root, &error);
    const json_t *const stale = json_object_get(running->test, stales[version]);
    if (running->world->semantics == SUBX_FAITHFUL && stale != NULL)
        compare_root(running, stales[version], status, root, &error, stale);
    else if (status != SUBX_OK || !is_root(root, expected_of(running, finals[1 - version])))
        compare_root(running, "root of a commit", status, root, &error,
                     expected_of(running, finals[version]));
}

static void compare_roots(struct running *running)
{
    static const char *const finals[] = {"final_root_v0", "final_root_v1"};
    subx_error error = SUBX_ERROR_INIT;
    uint8_t root[32];
    compare_committed(running, 0);
    compare_committed(running, 1);
    subx_changes_forget_root(running->changes);
    for (uint8_t version = 0; version <= 1; version++) {
        const subx_status status = subx_changes_root(running->changes, version, root, &error);
        compare_root(running, finals[version], status, root, &error,
                     expected_of(running, finals[version]));
    }
}

/* ---- The state afterwards ---- */

/* All pairs of a trie; NULL: it cannot be read. */
static json_t *read_trie(subx_state *state, const subx_slice *child)
{
    json_t *const entries = json_object();
    subx_bytes key = SUBX_BYTES_INIT, value = SUBX_BYTES_INIT;
    bool found = false;
    subx_status status = subx_state_get(state, child, SUBX_EMPTY, &found, &value, NULL);
    while (status == SUBX_OK) {
        if (found) {
            json_t *const name = hex_string(slice(key));
            json_object_set_new(entries, json_string_value(name), hex_string(slice(value)));
            json_decref(name);
        }
        subx_bytes next;
        subx_bytes_free(&value);
        status = subx_state_next_key(state, child, slice(key), &found, &next, NULL);
        subx_bytes_free(&key);
        key = next;
        if (status != SUBX_OK || !found)
            break;
        status = subx_state_get(state, child, slice(key), &found, &value, NULL);
    }
    subx_bytes_free(&key);
    if (status == SUBX_OK)
        return entries;
    json_decref(entries);
    return NULL;
}

/* What is in `after` and not so in `before`; null for what is gone. */
static json_t *difference(json_t *before, json_t *after)
{
    json_t *const changes = json_object();
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(after, key, value)
    {
        if (!json_equal(value, json_object_get(before, key)))
            json_object_set(changes, key, value);
    }
    json_object_foreach(before, key, value)
    {
        if (json_object_get(after, key) == NULL)
            json_object_set_new(changes, key, json_null());
    }
    return changes;
}

static const char child_prefix[] = "3a6368696c645f73746f726167653a64656661756c743a";

/* Take the child tries out of the main trie: names to entries. One that cannot be read stays. */
static json_t *take_children(subx_state *state, json_t *top)
{
    json_t *const children = json_object();
    const char *key = NULL;
    json_t *value = NULL;
    void *next = NULL;
    json_object_foreach_safe(top, next, key, value)
    {
        if (strncmp(key, child_prefix, strlen(child_prefix)) != 0)
            continue;
        const char *const name = key + strlen(child_prefix);
        subx_bytes child;
        json_t *const text = json_string(name);
        json_t *entries = NULL;
        if (decode(text, &child)) {
            const subx_slice child_key = slice(child);
            entries = read_trie(state, &child_key);
            subx_bytes_free(&child);
        }
        json_decref(text);
        if (entries == NULL)
            continue;
        json_object_set_new(children, name, entries);
        json_object_del(top, key);
    }
    return children;
}

/* Child tries before against after; those that cannot be read are left out. */
static json_t *child_difference(const struct running *running, json_t *after, json_t *unread)
{
    json_t *const changes = json_object();
    json_t *const before = json_object_get(running->test, "initial_children");
    const char *name = NULL;
    json_t *entries = NULL;
    json_object_foreach(after, name, entries)
    {
        json_t *const changed = difference(json_object_get(before, name), entries);
        if (json_object_size(changed) > 0)
            json_object_set(changes, name, changed);
        json_decref(changed);
    }
    json_object_foreach(before, name, entries)
    {
        char root_key[8192];
        snprintf(root_key, sizeof root_key, "%s%s", child_prefix, name);
        if (json_object_get(after, name) != NULL || json_object_get(unread, root_key) != NULL)
            continue;
        json_t *const changed = difference(entries, NULL);
        if (json_object_size(changed) > 0)
            json_object_set(changes, name, changed);
        json_decref(changed);
    }
    return changes;
}

static void commit(struct running *running, uint8_t version, const json_t *expected)
{
    subx_error error = SUBX_ERROR_INIT;
    uint8_t root[32], committed[32];
    subx_status status = subx_changes_commit(running->changes, version, committed, &error);
    compare_root(running, "root of the commit", status, committed, &error, expected);
    status = subx_state_root(running->state, root, &error);
    compare_root(running, "root after the commit", status, root, &error, expected);
}

/* The state against the one before the case. */
static void compare_state(struct running *running)
{
    json_t *const top = read_trie(running->state, NULL);
    if (top == NULL) {
        DIFFERS(running, "the main trie cannot be read");
        return;
    }
    json_t *const children = take_children(running->state, top);
    json_t *const top_changes = difference(json_object_get(running->test, "initial_top"), top);
    json_t *const child_changes = child_difference(running, children, top);
    compare_json(running, "final_top_changes", top_changes);
    compare_json(running, "final_child_changes", child_changes);
    json_decref(top);
    json_decref(children);
    json_decref(top_changes);
    json_decref(child_changes);
}

/* ---- The whole ---- */

static void run_call(struct running *running)
{
    const subx_status status = call(running);
    compare_effects(running);
    if (status != SUBX_OK)
        return;
    compare_roots(running);
    commit(running, 1, expected_of(running, "final_root_v1"));
    compare_state(running);
}

/* What the reference cannot commit: neither can we, and the state stays as it is. */
static void fail_to_commit(struct running *running, uint8_t version)
{
    uint8_t before[32], after[32];
    subx_error error = SUBX_ERROR_INIT;
    if (subx_state_root(running->state, before, &error) != SUBX_OK)
        DIFFERS(running, "root before: %s", error.message);
    else if (subx_changes_commit(running->changes, version, NULL, &error) == SUBX_OK)
        DIFFERS(running, "the commit did not fail");
    else if (subx_state_root(running->state, after, NULL) != SUBX_OK ||
             memcmp(before, after, sizeof before) != 0)
        DIFFERS(running, "a commit that failed changed the state");
}

/* One block after the other, each on the state that the one before has left. */
static void run_steps(struct running *running, const json_t *steps)
{
    const json_t *const whole = running->test;
    size_t i = 0;
    json_t *step = NULL;
    json_array_foreach(steps, i, step)
    {
        const json_t *const version = json_object_get(step, "commit_version");
        const json_t *const root = json_object_get(step, "committed_root");
        running->test = step;
        if (!new_changes(running) || call(running) != SUBX_OK)
            continue;
        if (root != NULL)
            commit(running, (uint8_t)json_integer_value(version), root);
        else
            fail_to_commit(running, (uint8_t)json_integer_value(version));
    }
    running->test = whole;
    compare_state(running);
}

bool case_run(const json_t *test, const struct case_world *world)
{
    struct running running = {.test = test, .world = world, .good = true};
    const json_t *const steps = json_object_get(test, "steps");
    running.name = json_string_value(json_object_get(test, "name"));
    if (!node_make(&running.node))
        DIFFERS(&running, "out of memory");
    else if (prepare_state(&running)) {
        if (steps != NULL)
            run_steps(&running, steps);
        else
            run_call(&running);
    }
    subx_changes_free(running.changes);
    subx_state_free(running.state);
    node_drop(&running.node);
    return running.good;
}
