/* The public face of changes: include/subexec/state.h. */
#include "storage/changes.h"
#include "storage/state.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

static const subx_changes_options default_options = SUBX_CHANGES_OPTIONS_INIT;

subx_status subx_changes__see(struct subx_changes *changes, subx_error *error)
{
    if (changes->view != NULL)
        return SUBX_OK;
    const subx_status status = changes->backend->open(changes->state->self, &changes->view, error);
    if (status == SUBX_OK && changes->records_proof)
        changes->backend->record(changes->view, &changes->recorder);
    return status;
}

static void close_view(struct subx_changes *changes)
{
    if (changes->view != NULL)
        changes->backend->close(changes->view);
    changes->view = NULL;
    subx_proof__free(&changes->recorder);
}

subx_status subx_changes_new(subx_state *state, const subx_changes_options *options,
                             subx_changes **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(state != NULL, error);
    SUBX_CHECK_ARG(options == NULL ||
                       (options->struct_size == sizeof *options && options->state_version <= 1),
                   error);
    const subx_changes_options *const in_force = options != NULL ? options : &default_options;
    if (in_force->records_proof) {
        const subx_status status = subx_state__can_prove(state, error);
        if (status != SUBX_OK)
            return status;
    }
    subx_changes *const changes = subx_mem__calloc(1, sizeof *changes);
    if (changes == NULL)
        return subx_error__nomem(error);
    changes->state = subx_state__retain(state);
    changes->backend = state->backend;
    changes->is_faithful = in_force->semantics == SUBX_FAITHFUL;
    changes->state_version = in_force->state_version;
    changes->records_proof = in_force->records_proof;
    subx_proof__init(&changes->recorder, &subx_trie_blake2b);
    const subx_status status = subx_changes__see(changes, error);
    if (status != SUBX_OK) {
        subx_changes_free(changes);
        return status;
    }
    *out = changes;
    return SUBX_OK;
}

void subx_changes_free(subx_changes *changes)
{
    if (changes == NULL)
        return;
    subx_changes__forget_root(changes);
    subx_overlay__clear(&changes->overlay);
    subx_buf__free(&changes->cursor);
    close_view(changes);
    subx_state_free(changes->state);
    subx_mem__free(changes);
}

static struct subx_trie_id trie_of(const subx_slice *child)
{
    return child == NULL ? SUBX_MAIN_TRIE : subx_trie_id__child(*child);
}

subx_status subx_changes_get(subx_changes *changes, const subx_slice *child, subx_slice key,
                             bool *found, subx_slice *value, subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL && found != NULL && value != NULL, error);
    *found = false;
    *value = SUBX_EMPTY;
    const subx_status status = subx_changes__see(changes, error);
    return status != SUBX_OK ? status
                             : subx_changes__get(changes, trie_of(child), key, found, value, error);
}

subx_status subx_changes_next_key(subx_changes *changes, const subx_slice *child, subx_slice key,
                                  bool *found, subx_slice *next, subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL && found != NULL && next != NULL, error);
    *found = false;
    *next = SUBX_EMPTY;
    const subx_status status = subx_changes__see(changes, error);
    return status != SUBX_OK
               ? status
               : subx_changes__next_key(changes, trie_of(child), key, found, next, error);
}

subx_status subx_changes_set(subx_changes *changes, const subx_slice *child, subx_slice key,
                             const subx_slice *value, subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL, error);
    if (value == NULL)
        return subx_changes__remove(changes, trie_of(child), key, error);
    return subx_changes__set(changes, trie_of(child), key, *value, error);
}

subx_status subx_changes_start(subx_changes *changes, subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL, error);
    return subx_changes__start(changes, error);
}

subx_status subx_changes_keep(subx_changes *changes, subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL, error);
    return subx_changes__commit(changes)
               ? SUBX_OK
               : subx_error__set(error, SUBX_MISUSE, "no transaction is open");
}

subx_status subx_changes_undo(subx_changes *changes, subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL, error);
    return subx_changes__rollback(changes)
               ? SUBX_OK
               : subx_error__set(error, SUBX_MISUSE, "no transaction is open");
}

void subx_changes_forget_root(subx_changes *changes)
{
    subx_changes__forget_root(changes);
}

subx_status subx_changes_root(subx_changes *changes, uint8_t state_version, uint8_t root[32],
                              subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL && root != NULL && state_version <= 1, error);
    if (changes->cached.prepared != NULL) {
        memcpy(root, changes->cached.root, sizeof changes->cached.root);
        return SUBX_OK;
    }
    subx_status status = subx_changes__see(changes, error);
    if (status == SUBX_OK)
        status = subx_changes__root(changes, state_version, root, error);
    /* Only calls leave a root behind: asking must not change what is committed. */
    subx_changes__forget_root(changes);
    return status;
}

/* ---- Listing ---- */

static subx_status list_set(const struct subx_change_set *set, subx_change_kind kind,
                            subx_slice child, subx_change_visitor visit, void *data)
{
    struct subx_map_cursor cursor = subx_overlay__seek(set, SUBX_EMPTY);
    for (const struct subx_change *change; (change = subx_overlay__next(&cursor)) != NULL;) {
        subx_change_info info = {.kind = kind, .child = child, .key = change->item.key};
        info.removed = !subx_change__value(change, &info.value);
        const subx_status status = visit(data, &info);
        if (status != SUBX_OK)
            return status;
    }
    return SUBX_OK;
}

subx_status subx_changes_list(const subx_changes *changes, subx_change_visitor visit, void *data)
{
    const struct subx_overlay *const overlay = &changes->overlay;
    subx_status status = list_set(&overlay->main, SUBX_CHANGE_MAIN, SUBX_EMPTY, visit, data);
    struct subx_map_cursor cursor = subx_ordered_map__seek(&overlay->children, SUBX_EMPTY);
    while (status == SUBX_OK) {
        const struct subx_touched_child *const child =
            (const struct subx_touched_child *)subx_ordered_map__next(&cursor);
        if (child == NULL)
            break;
        status = list_set(&child->set, SUBX_CHANGE_CHILD, child->item.key, visit, data);
    }
    if (status == SUBX_OK)
        status = list_set(&overlay->offchain, SUBX_CHANGE_OFFCHAIN_INDEX, SUBX_EMPTY, visit, data);
    return status;
}

/* ---- Commit ---- */

/* `block` may be NULL. */
static subx_status commit(subx_changes *changes, uint8_t state_version, const subx_block_id *block,
                          uint8_t *root, subx_error *error)
{
    if (changes->overlay.depth > 0)
        return subx_error__set(error, SUBX_MISUSE, "a transaction is open");
    struct subx_cached_root *const cached = &changes->cached;
    const bool was_cached = cached->prepared != NULL;
    subx_status status = subx_changes__see(changes, error);
    uint8_t computed[32];
    if (status == SUBX_OK && !was_cached)
        status = subx_changes__root(changes, state_version, computed, error);
    if (status == SUBX_OK && changes->backend->set_head != NULL)
        changes->backend->set_head(cached->prepared, block);
    if (status == SUBX_OK)
        status = changes->backend->commit(cached->prepared, error);
    if (status != SUBX_OK) {
        if (!was_cached)
            subx_changes__forget_root(changes);
        return status;
    }
    cached->prepared = NULL;
    if (root != NULL)
        memcpy(root, cached->root, sizeof cached->root);
    subx_overlay__clear(&changes->overlay);
    close_view(changes);
    return SUBX_OK;
}

subx_status subx_changes_commit(subx_changes *changes, uint8_t state_version, uint8_t *root,
                                subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL && state_version <= 1, error);
    return commit(changes, state_version, NULL, root, error);
}

subx_status subx_changes_commit_block(subx_changes *changes, uint8_t state_version,
                                      const subx_block_id *block, uint8_t *root, subx_error *error)
{
    SUBX_CHECK_ARG(changes != NULL && block != NULL && state_version <= 1, error);
    return commit(changes, state_version, block, root, error);
}
