/* Storage as calls see it: overlay over back end (spec/host-api.md sections 3.1 to 3.5). */
#include "storage/changes.h"

#include "util/error.h"

/* Keys of the main trie that belong to child tries. */
static const char child_prefix[] = ":child_storage:";

void subx_changes__append_root_key(struct subx_buf *buf, subx_slice child)
{
    subx_buf__append_text(buf, SUBX_TRIE_CHILD_PREFIX);
    subx_buf__append_slice(buf, child);
}

/* ---- Calls and transactions ---- */

static bool may_close(const struct subx_changes *changes)
{
    return changes->overlay.depth > (changes->in_call ? changes->outer_depth : 0);
}

subx_status subx_changes__begin_call(struct subx_changes *changes, subx_error *error)
{
    if (changes->in_call)
        return subx_error__set(error, SUBX_MISUSE, "another call is using these changes");
    const subx_status status = subx_changes__see(changes, error);
    if (status != SUBX_OK)
        return status;
    changes->in_call = true;
    changes->outer_depth = changes->overlay.depth;
    return SUBX_OK;
}

void subx_changes__end_call(struct subx_changes *changes)
{
    /* Fault 4: the reference keeps the root that was computed inside. */
    if (may_close(changes) && !changes->is_faithful)
        subx_changes__forget_root(changes);
    /* As in the reference, child tries that were touched in there stay touched. */
    while (may_close(changes))
        subx_overlay__rollback(&changes->overlay);
    changes->in_call = false;
    changes->has_cursor = false;
}

subx_status subx_changes__start(struct subx_changes *changes, subx_error *error)
{
    return subx_overlay__start(&changes->overlay) ? SUBX_OK : subx_error__nomem(error);
}

bool subx_changes__commit(struct subx_changes *changes)
{
    if (!may_close(changes))
        return false;
    subx_overlay__commit(&changes->overlay);
    return true;
}

bool subx_changes__rollback(struct subx_changes *changes)
{
    if (!may_close(changes))
        return false;
    subx_changes__forget_root(changes);
    subx_overlay__rollback(&changes->overlay);
    subx_overlay__forget_empty_children(&changes->overlay);
    return true;
}

/* ---- Reading ---- */

static const struct subx_change_set *changes_of(const struct subx_changes *changes,
                                                struct subx_trie_id trie)
{
    return trie.is_child ? subx_overlay__child(&changes->overlay, trie.child)
                         : &changes->overlay.main;
}

subx_status subx_changes__get(struct subx_changes *changes, struct subx_trie_id trie,
                              subx_slice key, bool *found, subx_slice *value, subx_error *error)
{
    subx_slice known = SUBX_EMPTY;
    const enum subx_overlay_answer answer =
        subx_overlay__get(changes_of(changes, trie), key, &known);
    if (value != NULL)
        *value = known;
    *found = answer == SUBX_OVERLAY_VALUE;
    if (answer != SUBX_OVERLAY_NOTHING)
        return SUBX_OK;
    return changes->backend->get(changes->view, trie, key, found, value, error);
}

static subx_status next_in_backend(const struct subx_changes *changes, struct subx_trie_id trie,
                                   subx_slice key, bool *found, subx_slice *next, subx_error *error)
{
    *next = SUBX_EMPTY;
    return changes->backend->next_key(changes->view, trie, key, found, next, error);
}

/* A cursor behind `key`. */
static struct subx_map_cursor seek_after(const struct subx_change_set *set, subx_slice key)
{
    struct subx_map_cursor cursor = subx_overlay__seek(set, key), after = cursor;
    const struct subx_change *const change = subx_overlay__next(&after);
    return change != NULL && subx_slice__equal(change->item.key, key) ? after : cursor;
}

subx_status subx_changes__next_key(struct subx_changes *changes, struct subx_trie_id trie,
                                   subx_slice key, bool *found, subx_slice *next, subx_error *error)
{
    const struct subx_change_set *const set = changes_of(changes, trie);
    subx_status status = next_in_backend(changes, trie, key, found, next, error);
    struct subx_map_cursor cursor = seek_after(set, key);
    while (status == SUBX_OK) {
        const struct subx_change *const change = subx_overlay__next(&cursor);
        if (change == NULL)
            break;
        const int order = *found ? subx_ordered_map__compare(*next, change->item.key) : 1;
        if (order < 0)
            break;
        if (change->top->kind != SUBX_LAYER_REMOVED) {
            *found = true;
            *next = change->item.key;
            break;
        }
        if (order == 0)
            status = next_in_backend(changes, trie, change->item.key, found, next, error);
    }
    return status;
}

/* ---- Writing ---- */

static bool is_refused(struct subx_trie_id trie, subx_slice key)
{
    return !trie.is_child && subx_slice__starts_with(key, subx_slice__text(child_prefix));
}

/* The changes to write to, of a trie that is touched by that. The cached root goes. */
static struct subx_change_set *touch(struct subx_changes *changes, struct subx_trie_id trie)
{
    subx_changes__forget_root(changes);
    return trie.is_child ? subx_overlay__touch_child(&changes->overlay, trie.child)
                         : &changes->overlay.main;
}

subx_status subx_changes__set(struct subx_changes *changes, struct subx_trie_id trie,
                              subx_slice key, subx_slice value, subx_error *error)
{
    if (is_refused(trie, key))
        return SUBX_OK;
    struct subx_change_set *const set = touch(changes, trie);
    if (set == NULL || !subx_overlay__set(&changes->overlay, set, key, value))
        return subx_error__nomem(error);
    return SUBX_OK;
}

subx_status subx_changes__remove(struct subx_changes *changes, struct subx_trie_id trie,
                                 subx_slice key, subx_error *error)
{
    if (is_refused(trie, key))
        return SUBX_OK;
    struct subx_change_set *const set = touch(changes, trie);
    if (set == NULL || !subx_overlay__remove(&changes->overlay, set, key))
        return subx_error__nomem(error);
    return SUBX_OK;
}

subx_status subx_changes__append(struct subx_changes *changes, subx_slice key, subx_slice element,
                                 subx_error *error)
{
    struct subx_overlay *const overlay = &changes->overlay;
    subx_slice initial = SUBX_EMPTY;
    if (subx_overlay__get(&overlay->main, key, &initial) == SUBX_OVERLAY_NOTHING) {
        bool found = false;
        const subx_status status =
            changes->backend->get(changes->view, SUBX_MAIN_TRIE, key, &found, &initial, error);
        if (status != SUBX_OK)
            return status;
        if (!found)
            initial = SUBX_EMPTY;
    }
    /* Fault 2: the reference does not notice that its cached root is out of date. */
    if (!changes->is_faithful)
        subx_changes__forget_root(changes);
    if (!subx_overlay__append(overlay, &overlay->main, key, initial, element))
        return subx_error__nomem(error);
    return SUBX_OK;
}

subx_status subx_changes__index_set(struct subx_changes *changes, subx_slice key, subx_slice value,
                                    subx_error *error)
{
    struct subx_overlay *const overlay = &changes->overlay;
    return subx_overlay__set(overlay, &overlay->offchain, key, value) ? SUBX_OK
                                                                      : subx_error__nomem(error);
}

subx_status subx_changes__index_clear(struct subx_changes *changes, subx_slice key,
                                      subx_error *error)
{
    struct subx_overlay *const overlay = &changes->overlay;
    return subx_overlay__remove(overlay, &overlay->offchain, key) ? SUBX_OK
                                                                  : subx_error__nomem(error);
}

/* ---- Removal of a prefix ---- */

/* Whether a prefix of the main trie reaches into the keys of child tries, or is empty. */
static bool reaches_child_keys(subx_slice prefix)
{
    const subx_slice keys = subx_slice__text(child_prefix);
    return subx_slice__starts_with(prefix, keys) || subx_slice__starts_with(keys, prefix);
}

struct removing {
    struct subx_changes *changes;
    struct subx_change_set *set;
    const uint32_t *limit;
    struct subx_removal *removal;
};

/* One key of the back end; what the overlay removed already counts as looked at. */
static subx_status remove_one(void *user, subx_slice key, bool *stop, subx_error *error)
{
    const struct removing *const removing = user;
    struct subx_removal *const removal = removing->removal;
    struct subx_changes *const changes = removing->changes;
    if (removing->limit != NULL && removal->loops == *removing->limit) {
        *stop = true;
        changes->cursor.len = 0;
        subx_buf__append_slice(&changes->cursor, key);
        if (changes->cursor.failed) {
            subx_buf__free(&changes->cursor);
            return subx_error__nomem(error);
        }
        removal->has_cursor = true;
        removal->cursor = subx_buf__slice(&changes->cursor);
        return SUBX_OK;
    }
    subx_slice known = SUBX_EMPTY;
    if (subx_overlay__get(removing->set, key, &known) != SUBX_OVERLAY_REMOVED) {
        if (!subx_overlay__remove(&changes->overlay, removing->set, key))
            return subx_error__nomem(error);
        if (removal->backend < UINT32_MAX)
            removal->backend++;
    }
    if (removal->loops < UINT32_MAX)
        removal->loops++;
    return SUBX_OK;
}

subx_status subx_changes__remove_prefix(struct subx_changes *changes, struct subx_trie_id trie,
                                        subx_slice prefix, const uint32_t *limit,
                                        const subx_slice *cursor, struct subx_removal *removal,
                                        subx_error *error)
{
    *removal = (struct subx_removal){0};
    if (!trie.is_child && reaches_child_keys(prefix))
        return SUBX_OK;
    struct subx_change_set *const set = touch(changes, trie);
    uint32_t had_value = 0;
    if (set == NULL || !subx_overlay__remove_prefix(&changes->overlay, set, prefix, &had_value))
        return subx_error__nomem(error);
    struct removing removing = {changes, set, limit, removal};
    const subx_status status =
        changes->backend->walk(changes->view, trie, prefix, cursor != NULL ? *cursor : SUBX_EMPTY,
                               remove_one, &removing, error);
    removal->unique = had_value + removal->backend;
    return status;
}
