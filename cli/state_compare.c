/* Where two states differ: both walked over side by side. */
#include "state_compare.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"

struct comparing {
    struct state_view old, new;
    state_difference_fn tell;
    void *data;
};

static int compare(subx_slice a, subx_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len == 0 ? 0 : memcmp(a.data, b.data, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* A root of a child trie whose keys are compared themselves. */
static bool speaks_for_itself(const struct comparing *comparing, const subx_slice *child,
                              subx_slice key)
{
    return child == NULL && state_is_child_root(key) &&
           state_view_has_child(comparing->old, state_child_name(key)) &&
           state_view_has_child(comparing->new, state_child_name(key));
}

/* Look at one key: `order` < 0 if only the old state has it, > 0 if only the new one has. */
static subx_status compare_values(const struct comparing *comparing, const subx_slice *child,
                                  subx_slice key, int order, subx_error *error)
{
    struct file_bytes old = {NULL, 0}, new = {NULL, 0};
    bool found = false;
    subx_status status = SUBX_OK;
    if (order <= 0)
        status = state_view_get(comparing->old, child, key, &found, &old, error);
    if (status == SUBX_OK && order >= 0)
        status = state_view_get(comparing->new, child, key, &found, &new, error);
    const subx_slice old_value = {old.data, old.len}, new_value = {new.data, new.len};
    const bool equal = order == 0 && compare(old_value, new_value) == 0;
    if (status == SUBX_OK && !equal && !speaks_for_itself(comparing, child, key)) {
        const struct state_difference difference = {child, key, order <= 0 ? &old_value : NULL,
                                                    order >= 0 ? &new_value : NULL};
        comparing->tell(comparing->data, &difference);
    }
    free(old.data);
    free(new.data);
    return status;
}

static subx_status compare_tries(const struct comparing *comparing, const subx_slice *child,
                                 subx_error *error)
{
    struct state_walk old = {.view = comparing->old, .child = child};
    struct state_walk new = {.view = comparing->new, .child = child};
    bool in_old = false, in_new = false;
    subx_status status = state_walk_next(&old, &in_old, error);
    if (status == SUBX_OK)
        status = state_walk_next(&new, &in_new, error);
    while (status == SUBX_OK && (in_old || in_new)) {
        const int order = !in_old ? 1 : !in_new ? -1 : compare(old.key, new.key);
        status = compare_values(comparing, child, order <= 0 ? old.key : new.key, order, error);
        if (status == SUBX_OK && order <= 0)
            status = state_walk_next(&old, &in_old, error);
        if (status == SUBX_OK && order >= 0)
            status = state_walk_next(&new, &in_new, error);
    }
    state_walk_close(&old);
    state_walk_close(&new);
    return status;
}

/* The child tries of the old state; of the new one only those that the old one lacks. */
static subx_status compare_children(const struct comparing *comparing, bool of_new,
                                    subx_error *error)
{
    struct state_walk walk = {.view = of_new ? comparing->new : comparing->old,
                              .prefix = state_child_prefix};
    bool more = false;
    subx_status status = state_walk_next(&walk, &more, error);
    while (status == SUBX_OK && more) {
        const subx_slice child = state_child_name(walk.key);
        struct file_bytes root = {NULL, 0};
        bool told = false;
        if (of_new)
            status = state_view_get(comparing->old, NULL, walk.key, &told, &root, error);
        free(root.data);
        if (status == SUBX_OK && !told && state_view_has_child(comparing->old, child) &&
            state_view_has_child(comparing->new, child))
            status = compare_tries(comparing, &child, error);
        if (status == SUBX_OK)
            status = state_walk_next(&walk, &more, error);
    }
    state_walk_close(&walk);
    return status;
}

subx_status state_compare(struct state_view old, struct state_view new, state_difference_fn tell,
                          void *data, subx_error *error)
{
    const struct comparing comparing = {old, new, tell, data};
    subx_status status = compare_tries(&comparing, NULL, error);
    if (status == SUBX_OK)
        status = compare_children(&comparing, false, error);
    if (status == SUBX_OK)
        status = compare_children(&comparing, true, error);
    return status;
}

/* ---- As JSON ---- */

/* The object under `name`, made if it is not there. */
static json_t *object_in(json_t *parent, const char *name)
{
    json_t *member = json_object_get(parent, name);
    if (member == NULL) {
        member = json_object();
        output_json_set(parent, name, member);
    }
    return member;
}

static void set_hex(json_t *object, subx_slice key, json_t *value)
{
    json_t *name = output_json_hex(key);
    output_json_set(object, json_string_value(name), value);
    json_decref(name);
}

void state_differences_add(void *data, const struct state_difference *difference)
{
    json_t *object = data;
    json_t *trie = NULL;
    if (difference->child != NULL) {
        json_t *name = output_json_hex(*difference->child);
        trie = object_in(object_in(object, "children"), json_string_value(name));
        json_decref(name);
    } else {
        trie = object_in(object, "top");
    }
    set_hex(trie, difference->key,
            difference->new != NULL ? output_json_hex(*difference->new) : json_null());
}

json_t *state_differences_new(void)
{
    json_t *object = json_object();
    output_json_set(object, "top", json_object());
    output_json_set(object, "children", json_object());
    return object;
}

json_t *state_compare_json(struct state_view old, struct state_view new, subx_error *error)
{
    json_t *object = state_differences_new();
    if (state_compare(old, new, state_differences_add, object, error) == SUBX_OK)
        return object;
    json_decref(object);
    return NULL;
}
