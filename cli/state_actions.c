/* What `state` can tell: root, values, keys, child tries. */
#include "state_actions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "output.h"
#include "state_walk.h"

static const subx_slice *child_of(const struct state_request *request)
{
    return request->has_child ? &request->child : NULL;
}

static subx_slice slice_of(const subx_bytes *bytes)
{
    return (subx_slice){bytes->data, bytes->len};
}

static void print_hex_line(subx_slice bytes)
{
    output_hex(stdout, bytes);
    putchar('\n');
}

/* ---- root ---- */

struct root_facts {
    uint8_t root[32], genesis[32];
    bool knows_head;
    subx_block_id head;
};

/* Root and block of the same moment, though somebody else may be writing to the database. */
static subx_status read_root(const struct state_request *request, struct root_facts *facts,
                             subx_error *error)
{
    subx_block_id head;
    bool known = false;
    subx_status status = subx_state_head(request->state, &facts->knows_head, &facts->head, error);
    while (status == SUBX_OK) {
        status = subx_state_root(request->state, facts->root, error);
        if (status == SUBX_OK)
            status = subx_state_head(request->state, &known, &head, error);
        if (known == facts->knows_head &&
            memcmp(head.hash, facts->head.hash, sizeof head.hash) == 0)
            break;
        facts->knows_head = known;
        facts->head = head;
    }
    subx_genesis_hash(facts->root, facts->genesis);
    /* Of a file it is told as it always was: its state is a genesis state. */
    facts->knows_head = facts->knows_head && request->is_database;
    return status;
}

json_t *state_head_json(const subx_block_id *head)
{
    json_t *object = json_object();
    output_json_set(object, "number", json_integer((json_int_t)head->number));
    output_json_set(object, "hash", output_json_hex((subx_slice){head->hash, sizeof head->hash}));
    return object;
}

void state_info_set(json_t *object, const subx_import_info *info)
{
    output_json_set(object, "state_version", json_integer(info->state_version));
    output_json_set(object, "keys", json_integer((json_int_t)info->keys));
    output_json_set(object, "children", json_integer((json_int_t)info->children));
    output_json_set(object, "child_keys", json_integer((json_int_t)info->child_keys));
    output_json_set(object, "bytes", json_integer((json_int_t)info->bytes));
}

void state_info_print(const subx_import_info *info)
{
    output_label("version");
    printf("%u\n", info->state_version);
    output_label("keys");
    printf("%" PRIu64 ", %" PRIu64 " bytes with their values", info->keys, info->bytes);
    if (info->children > 0)
        printf("; %" PRIu64 " child tries with %" PRIu64 " keys", info->children, info->child_keys);
    putchar('\n');
}

static void print_root_json(const struct state_request *request, const struct root_facts *facts)
{
    json_t *object = json_object();
    output_json_set(object, "state_root",
                    output_json_hex((subx_slice){facts->root, sizeof facts->root}));
    if (!facts->knows_head)
        output_json_set(object, "genesis_hash",
                        output_json_hex((subx_slice){facts->genesis, sizeof facts->genesis}));
    else
        output_json_set(object, "head", state_head_json(&facts->head));
    if (!request->is_database)
        state_info_set(object, &request->info);
    output_json(object);
}

void state_head_print(const subx_block_id *head)
{
    output_label("head");
    printf("%" PRIu64 ", ", head->number);
    print_hex_line((subx_slice){head->hash, sizeof head->hash});
}

enum exit_code state_action_root(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    struct root_facts facts;
    if (read_root(request, &facts, &error) != SUBX_OK)
        return output_failure(&error, request->json);
    if (request->json) {
        print_root_json(request, &facts);
        return EXIT_DONE;
    }
    output_label("state root");
    print_hex_line((subx_slice){facts.root, sizeof facts.root});
    if (facts.knows_head) {
        state_head_print(&facts.head);
    } else {
        output_label("genesis");
        print_hex_line((subx_slice){facts.genesis, sizeof facts.genesis});
    }
    if (!request->is_database)
        state_info_print(&request->info);
    return EXIT_DONE;
}

/* ---- get ---- */

enum exit_code state_action_get(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes value = SUBX_BYTES_INIT;
    bool found = false;
    if (subx_state_get(request->state, child_of(request), request->key, &found, &value, &error) !=
        SUBX_OK)
        return output_failure(&error, request->json);
    enum exit_code outcome = found ? EXIT_DONE : EXIT_RUNTIME;
    if (!found)
        output_error("the state has no such key");
    else if (request->output_path != NULL &&
             !files_write(request->output_path, slice_of(&value), &error))
        outcome = output_failure(&error, request->json);
    if (request->json && outcome != EXIT_INPUT) {
        json_t *object = json_object();
        output_json_set(object, "value", found ? output_json_hex(slice_of(&value)) : json_null());
        output_json(object);
    } else if (outcome == EXIT_DONE && request->output_path == NULL) {
        print_hex_line(slice_of(&value));
    }
    subx_bytes_free(&value);
    return outcome;
}

/* ---- keys ---- */

/* Print hex texts as lines, or as one JSON array without keeping them all. */
struct list {
    bool json;
    size_t count;
};

static void list_add(struct list *list, subx_slice bytes)
{
    if (list->json)
        fputs(list->count == 0 ? "[\n  \"" : ",\n  \"", stdout);
    output_hex(stdout, bytes);
    fputs(list->json ? "\"" : "\n", stdout);
    list->count++;
}

static void list_end(const struct list *list)
{
    if (list->json)
        puts(list->count == 0 ? "[]" : "\n]");
}

enum exit_code state_action_keys(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    struct state_walk walk = {
        .view = request->view, .child = child_of(request), .prefix = request->prefix};
    struct list list = {request->json, 0};
    bool more = false;
    subx_status status = state_walk_next(&walk, &more, &error);
    while (status == SUBX_OK && more) {
        list_add(&list, walk.key);
        status = state_walk_next(&walk, &more, &error);
    }
    list_end(&list);
    state_walk_close(&walk);
    return status == SUBX_OK ? EXIT_DONE : output_failure(&error, false);
}

/* ---- child ---- */

static subx_status count_keys(struct state_view view, const subx_slice *child, uint64_t *count,
                              subx_error *error)
{
    struct state_walk walk = {.view = view, .child = child};
    bool more = false;
    *count = 0;
    subx_status status = state_walk_next(&walk, &more, error);
    while (status == SUBX_OK && more) {
        ++*count;
        status = state_walk_next(&walk, &more, error);
    }
    state_walk_close(&walk);
    return status;
}

static subx_status tell_child(const struct state_walk *walk, json_t *array, subx_error *error)
{
    const subx_slice child = state_child_name(walk->key);
    struct file_bytes value = {NULL, 0};
    uint64_t count = 0;
    bool found = false;
    subx_status status = state_view_get(walk->view, NULL, walk->key, &found, &value, error);
    const subx_slice root = {value.data, value.len};
    const bool known = state_view_has_child(walk->view, child);
    if (status == SUBX_OK && known)
        status = count_keys(walk->view, &child, &count, error);
    if (status == SUBX_OK && array != NULL) {
        json_t *object = json_object();
        output_json_set(object, "child", output_json_hex(child));
        output_json_set(object, "root", output_json_hex(root));
        output_json_set(object, "keys", known ? json_integer((json_int_t)count) : json_null());
        output_json_append(array, object);
    } else if (status == SUBX_OK) {
        output_hex(stdout, child);
        putchar(' ');
        output_hex(stdout, root);
        if (known)
            printf(" %" PRIu64 "\n", count);
        else
            puts(" unknown");
    }
    free(value.data);
    return status;
}

enum exit_code state_action_children(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    struct state_walk walk = {.view = request->view, .prefix = state_child_prefix};
    json_t *array = request->json ? json_array() : NULL;
    bool more = false;
    subx_status status = state_walk_next(&walk, &more, &error);
    while (status == SUBX_OK && more) {
        status = tell_child(&walk, array, &error);
        if (status == SUBX_OK)
            status = state_walk_next(&walk, &more, &error);
    }
    state_walk_close(&walk);
    if (status != SUBX_OK) {
        json_decref(array);
        return output_failure(&error, request->json);
    }
    if (request->json)
        output_json(array);
    return EXIT_DONE;
}
