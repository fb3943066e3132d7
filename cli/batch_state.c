/* The state of a batch request: JSON of hex strings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "files.h"
#include "output.h"
#include "state_call.h"

/* The pairs of one trie, and the memory of their keys and values. */
struct trie {
    struct file_bytes child;
    subx_slice child_slice;
    struct file_bytes *bytes; /* a key, its value, a key, ... */
    subx_pair *pairs;
    size_t count;
};

/* A fault in the member with that number, from 1, of the object `where`. */
static bool fail(subx_error *error, const char *where, size_t number, const char *what)
{
    error->status = SUBX_INVALID_INPUT;
    snprintf(error->message, sizeof error->message, "%s, member %zu: %.1000s", where, number, what);
    return false;
}

static bool take_hex(const char *text, const char *where, size_t number, struct file_bytes *out,
                     subx_error *error)
{
    subx_error reason = SUBX_ERROR_INIT;
    return files_decode_hex(text, out, &reason) || fail(error, where, number, reason.message);
}

/* {KEY:VALUE...} */
static bool take_pairs(json_t *object, const char *where, struct trie *trie, subx_error *error)
{
    const char *key = NULL;
    json_t *value = NULL;
    trie->bytes = output_memory(2 * json_object_size(object), sizeof *trie->bytes);
    trie->pairs = output_memory(json_object_size(object), sizeof *trie->pairs);
    json_object_foreach(object, key, value)
    {
        struct file_bytes *bytes = &trie->bytes[2 * trie->count++];
        if (!json_is_string(value))
            return fail(error, where, trie->count, "the value is no string of hex digits");
        if (!take_hex(key, where, trie->count, &bytes[0], error) ||
            !take_hex(json_string_value(value), where, trie->count, &bytes[1], error))
            return false;
        trie->pairs[trie->count - 1] =
            (subx_pair){{bytes[0].data, bytes[0].len}, {bytes[1].data, bytes[1].len}};
    }
    return true;
}

static bool take_child(const char *name, json_t *object, size_t number, struct trie *trie,
                       subx_error *error)
{
    if (!json_is_object(object))
        return fail(error, "state.children", number, "no object");
    if (!take_hex(name, "state.children", number, &trie->child, error))
        return false;
    trie->child_slice = (subx_slice){trie->child.data, trie->child.len};
    char where[64];
    snprintf(where, sizeof where, "state.children, member %zu", number);
    return take_pairs(object, where, trie, error);
}

static void free_trie(struct trie *trie)
{
    for (size_t i = 0; i < 2 * trie->count; i++)
        free(trie->bytes[i].data);
    free(trie->bytes);
    free(trie->pairs);
    free(trie->child.data);
}

static subx_status import(const struct trie *tries, size_t count, uint8_t state_version,
                          subx_state **out, subx_error *error)
{
    subx_trie_pairs *pairs = output_memory(count, sizeof *pairs);
    for (size_t i = 0; i < count; i++)
        pairs[i] = (subx_trie_pairs){i == 0 ? NULL : &tries[i].child_slice, tries[i].pairs,
                                     tries[i].count};
    subx_status status = subx_state_new_memory(out, error);
    if (status == SUBX_OK)
        status = subx_state_import(*out, pairs, count, state_version, error);
    free(pairs);
    return status;
}

bool batch_state_read(const json_t *json, uint8_t state_version, subx_state **out,
                      subx_error *error)
{
    json_t *top = json_object_get(json, "top"), *children = json_object_get(json, "children");
    const size_t count = 1 + json_object_size(children);
    struct trie *tries = output_memory(count, sizeof *tries);
    const char *name = NULL;
    json_t *child = NULL;
    size_t taken = 1;
    bool good = take_pairs(top, "state.top", &tries[0], error);
    json_object_foreach(children, name, child)
    {
        if (good)
            good = take_child(name, child, taken, &tries[taken], error);
        taken++;
    }
    good = good && import(tries, count, state_version, out, error) == SUBX_OK;
    for (size_t i = 0; i < count; i++)
        free_trie(&tries[i]);
    free(tries);
    if (good)
        return true;
    subx_state_free(*out);
    *out = NULL;
    return false;
}

subx_status batch_state_tell(const struct batch_request *request, subx_changes *changes,
                             json_t *members, subx_error *error)
{
    static const char *const names[2] = {"root_v0", "root_v1"};
    uint8_t root[32];
    for (uint8_t version = 0; version < 2; version++) {
        if (!request->wants_root[version])
            continue;
        /* Of what is there now: one that the call asked for may be older. */
        subx_changes_forget_root(changes);
        const subx_status status = subx_changes_root(changes, version, root, error);
        if (status != SUBX_OK)
            return status;
        output_json_set(members, names[version], output_json_hex((subx_slice){root, 32}));
    }
    if (!request->wants_changes)
        return SUBX_OK;
    json_t *differences = NULL;
    const subx_status status = state_call_commit(request->state, changes, request->state_version,
                                                 root, &differences, error);
    if (status == SUBX_OK)
        output_json_set(members, "changes", differences);
    return status;
}
