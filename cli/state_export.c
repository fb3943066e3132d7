/* A whole state as JSON, and the keys in which two differ. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "output.h"
#include "state_actions.h"
#include "state_compare.h"

/* ---- export ---- */

/* Whether a key of the main trie is the root of a child trie that is there. */
static bool is_known_child(struct state_view view, subx_slice key)
{
    return state_is_child_root(key) && state_view_has_child(view, state_child_name(key));
}

static subx_status write_entry(FILE *stream, const struct state_walk *walk, bool first,
                               subx_error *error)
{
    struct file_bytes value = {NULL, 0};
    bool found = false;
    const subx_status status =
        state_view_get(walk->view, walk->child, walk->key, &found, &value, error);
    fputs(first ? "\n\"" : ",\n\"", stream);
    output_hex(stream, walk->key);
    fputs("\":\"", stream);
    output_hex(stream, (subx_slice){value.data, value.len});
    fputc('"', stream);
    free(value.data);
    return status;
}

/* {KEY:VALUE...}; roots of child tries are left out where the child tries themselves follow. */
static subx_status write_trie(FILE *stream, struct state_view view, const subx_slice *child,
                              subx_error *error)
{
    struct state_walk walk = {.view = view, .child = child};
    bool more = false, first = true;
    fputc('{', stream);
    subx_status status = state_walk_next(&walk, &more, error);
    while (status == SUBX_OK && more) {
        if (child != NULL || !is_known_child(view, walk.key)) {
            status = write_entry(stream, &walk, first, error);
            first = false;
        }
        if (status == SUBX_OK)
            status = state_walk_next(&walk, &more, error);
    }
    fputs(first ? "}" : "\n}", stream);
    state_walk_close(&walk);
    return status;
}

static subx_status write_children(FILE *stream, struct state_view view, subx_error *error)
{
    struct state_walk walk = {.view = view, .prefix = state_child_prefix};
    bool more = false, first = true;
    subx_status status = state_walk_next(&walk, &more, error);
    while (status == SUBX_OK && more) {
        const subx_slice child = state_child_name(walk.key);
        if (is_known_child(view, walk.key)) {
            fputs(first ? "\n\"" : ",\n\"", stream);
            output_hex(stream, child);
            fputs("\":", stream);
            first = false;
            status = write_trie(stream, view, &child, error);
        }
        if (status == SUBX_OK)
            status = state_walk_next(&walk, &more, error);
    }
    state_walk_close(&walk);
    return status;
}

static subx_status write_state(FILE *stream, struct state_view view, subx_error *error)
{
    fputs("{\"top\":", stream);
    subx_status status = write_trie(stream, view, NULL, error);
    fputs(",\n\"children\":{", stream);
    if (status == SUBX_OK)
        status = write_children(stream, view, error);
    fputs("}}\n", stream);
    return status;
}

static subx_status write_file(const struct state_request *request, subx_error *error)
{
    struct file_writer file;
    if (!files_create(request->output_path, &file, error))
        return error->status;
    errno = 0;
    subx_status status = write_state(file.stream, request->view, error);
    if (status == SUBX_OK && ferror(file.stream) != 0) {
        snprintf(error->message, sizeof error->message, "%s: %s", request->output_path,
                 strerror(errno));
        error->status = status = SUBX_IO;
    }
    subx_error lost = SUBX_ERROR_INIT;
    if (!files_close(&file, status == SUBX_OK, &lost) && status == SUBX_OK) {
        *error = lost;
        status = lost.status;
    }
    return status;
}

enum exit_code state_action_export(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = request->output_path == NULL
                                   ? write_state(stdout, request->view, &error)
                                   : write_file(request, &error);
    return status == SUBX_OK ? EXIT_DONE : output_failure(&error, false);
}

/* ---- diff ---- */

struct telling {
    json_t *array; /* NULL: lines */
    uint64_t count;
};

static json_t *hex_or_null(const subx_slice *bytes)
{
    return bytes != NULL ? output_json_hex(*bytes) : json_null();
}

/* "- KEY": only in the first state; "+ KEY": only in the second; "! KEY": another value. */
static void tell(void *data, const struct state_difference *difference)
{
    struct telling *telling = data;
    telling->count++;
    if (telling->array == NULL) {
        printf("%c ", difference->old == NULL ? '+' : difference->new == NULL ? '-' : '!');
        if (difference->child != NULL) {
            output_hex(stdout, *difference->child);
            putchar('/');
        }
        output_hex(stdout, difference->key);
        putchar('\n');
        return;
    }
    json_t *object = json_object();
    if (difference->child != NULL)
        output_json_set(object, "child", output_json_hex(*difference->child));
    output_json_set(object, "key", output_json_hex(difference->key));
    output_json_set(object, "old", hex_or_null(difference->old));
    output_json_set(object, "new", hex_or_null(difference->new));
    output_json_append(telling->array, object);
}

enum exit_code state_action_diff(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    struct telling telling = {request->json ? json_array() : NULL, 0};
    const subx_status status =
        state_compare(request->view, request->other_view, tell, &telling, &error);
    if (status != SUBX_OK) {
        json_decref(telling.array);
        return output_failure(&error, request->json);
    }
    if (request->json)
        output_json(telling.array);
    return telling.count > 0 ? EXIT_RUNTIME : EXIT_DONE;
}
