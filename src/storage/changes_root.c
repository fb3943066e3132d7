/* Roots of the changed state, and the one that is cached (spec/host-api.md sections 3.6 and 10). */
#include "platform/monotonic.h"
#include "storage/changes.h"
#include "trie/trie_hasher.h"
#include "util/error.h"
#include "util/mem.h"

void subx_changes__forget_root(struct subx_changes *changes)
{
    if (changes->cached.prepared == NULL)
        return;
    changes->backend->drop(changes->cached.prepared);
    changes->cached.prepared = NULL;
}

/* ---- Changes as a list ---- */

struct change_list {
    struct subx_tree_change *changes;
    size_t count, capacity;
};

static bool reserve(struct change_list *list, size_t count)
{
    if (count <= list->capacity)
        return true;
    struct subx_tree_change *const changes =
        subx_mem__realloc(list->changes, count, sizeof *changes);
    if (changes == NULL)
        return false;
    list->changes = changes;
    list->capacity = count;
    return true;
}

static struct subx_tree_change entry_of(const struct subx_change *change)
{
    struct subx_tree_change entry = {.key = change->item.key};
    entry.remove = !subx_change__value(change, &entry.value);
    return entry;
}

static void add(struct change_list *list, struct subx_tree_change entry)
{
    list->changes[list->count++] = entry;
}

/* All changes of a set. */
static bool list_set(const struct subx_change_set *set, struct change_list *list)
{
    list->count = 0;
    if (!reserve(list, set->map.count))
        return false;
    struct subx_map_cursor cursor = subx_overlay__seek(set, SUBX_EMPTY);
    for (const struct subx_change *change; (change = subx_overlay__next(&cursor)) != NULL;)
        add(list, entry_of(change));
    return true;
}

/* The root of a child trie on its way into the main trie. */
struct child_root {
    size_t key_at, key_len; /* in a buffer of keys */
    bool is_empty;
    uint8_t root[32];
};

struct rooting {
    struct subx_changes *changes;
    void *prepared;
    struct change_list list;
    struct child_root *children;
    size_t child_count;
    struct subx_buf keys;
};

/*
 * The changes of the main trie and the roots of the child tries, merged. Where both have a key the
 * child's root comes second and wins; but each operation on the way counts (section 10, fault 1).
 */
static bool list_main(struct rooting *rooting)
{
    const struct subx_change_set *const set = &rooting->changes->overlay.main;
    struct change_list *const list = &rooting->list;
    list->count = 0;
    if (!reserve(list, set->map.count + rooting->child_count))
        return false;
    struct subx_map_cursor cursor = subx_overlay__seek(set, SUBX_EMPTY);
    const struct subx_change *change = subx_overlay__next(&cursor);
    for (size_t i = 0; i < rooting->child_count; i++) {
        const struct child_root *const child = &rooting->children[i];
        const subx_slice key = {rooting->keys.data + child->key_at, child->key_len};
        for (; change != NULL && subx_ordered_map__compare(change->item.key, key) <= 0;
             change = subx_overlay__next(&cursor))
            add(list, entry_of(change));
        add(list,
            (struct subx_tree_change){key, {child->root, sizeof child->root}, child->is_empty});
    }
    for (; change != NULL; change = subx_overlay__next(&cursor))
        add(list, entry_of(change));
    return true;
}

static subx_status apply_child(struct rooting *rooting, const struct subx_touched_child *touched,
                               subx_error *error)
{
    struct child_root *const child = &rooting->children[rooting->child_count++];
    const subx_slice name = touched->item.key;
    child->key_at = rooting->keys.len;
    subx_changes__append_root_key(&rooting->keys, name);
    child->key_len = rooting->keys.len - child->key_at;
    if (rooting->keys.failed || !list_set(&touched->set, &rooting->list))
        return subx_error__nomem(error);
    return rooting->changes->backend->apply(rooting->prepared, subx_trie_id__child(name),
                                            rooting->list.changes, rooting->list.count, child->root,
                                            &child->is_empty, error);
}

/* Child tries in the order of their names, which is that of their roots' keys; then the main trie.
 */
static subx_status apply_all(struct rooting *rooting, uint8_t root[32], subx_error *error)
{
    const struct subx_ordered_map *const children = &rooting->changes->overlay.children;
    if (children->count > 0) {
        rooting->children = subx_mem__calloc(children->count, sizeof *rooting->children);
        if (rooting->children == NULL)
            return subx_error__nomem(error);
    }
    struct subx_map_cursor cursor = subx_ordered_map__seek(children, SUBX_EMPTY);
    for (struct subx_item *item; (item = subx_ordered_map__next(&cursor)) != NULL;) {
        const subx_status status =
            apply_child(rooting, (const struct subx_touched_child *)item, error);
        if (status != SUBX_OK)
            return status;
    }
    if (!list_main(rooting))
        return subx_error__nomem(error);
    bool is_empty = false;
    return rooting->changes->backend->apply(rooting->prepared, SUBX_MAIN_TRIE,
                                            rooting->list.changes, rooting->list.count, root,
                                            &is_empty, error);
}

/* ---- Roots ---- */

subx_status subx_changes__root(struct subx_changes *changes, uint8_t state_version,
                               uint8_t root[32], subx_error *error)
{
    struct subx_cached_root *const cached = &changes->cached;
    if (cached->prepared == NULL || cached->state_version != state_version) {
        subx_changes__forget_root(changes);
        struct rooting rooting = {.changes = changes, .keys = SUBX_BUF_INIT};
        const uint64_t start = subx_clock__now();
        subx_status status = changes->backend->prepare(
            changes->view, state_version, changes->is_faithful, &rooting.prepared, error);
        if (status == SUBX_OK)
            status = apply_all(&rooting, cached->root, error);
        subx_mem__free(rooting.list.changes);
        subx_mem__free(rooting.children);
        subx_buf__free(&rooting.keys);
        changes->root_time += subx_clock__now() - start;
        if (status != SUBX_OK) {
            if (rooting.prepared != NULL)
                changes->backend->drop(rooting.prepared);
            return status;
        }
        cached->prepared = rooting.prepared;
        cached->state_version = state_version;
    }
    memcpy(root, cached->root, sizeof cached->root);
    return SUBX_OK;
}

/* The root that stands under a child's key: its first 32 bytes, or the root of the empty trie. */
static void read_root(bool found, subx_slice value, uint8_t root[32])
{
    const bool whole = found && value.len >= 32;
    memcpy(root, whole ? value.data : subx_trie_blake2b.empty_root, 32);
}

/* Root of a touched child, from its changes. */
static subx_status compute_child(struct subx_changes *changes, subx_slice child,
                                 const struct subx_change_set *set, uint8_t state_version,
                                 uint8_t root[32], bool *is_empty, subx_error *error)
{
    struct change_list list = {0};
    void *prepared = NULL;
    if (!list_set(set, &list))
        return subx_error__nomem(error);
    subx_status status = changes->backend->prepare(changes->view, state_version,
                                                   changes->is_faithful, &prepared, error);
    if (status == SUBX_OK)
        status = changes->backend->apply(prepared, subx_trie_id__child(child), list.changes,
                                         list.count, root, is_empty, error);
    if (prepared != NULL)
        changes->backend->drop(prepared);
    subx_mem__free(list.changes);
    return status;
}

static subx_status child_root(struct subx_changes *changes, subx_slice child, subx_slice root_key,
                              uint8_t state_version, uint8_t root[32], subx_error *error)
{
    struct subx_overlay *const overlay = &changes->overlay;
    const struct subx_change_set *const set = subx_overlay__child(overlay, child);
    bool found = false, is_empty = false;
    subx_slice value = SUBX_EMPTY;
    /* Fault 3: while a root is cached, the reference takes what the main trie has. */
    const bool trusts_main = changes->is_faithful && changes->cached.prepared != NULL;
    if (trusts_main || set == NULL) {
        const subx_status status =
            trusts_main
                ? subx_changes__get(changes, SUBX_MAIN_TRIE, root_key, &found, &value, error)
                : changes->backend->get(changes->view, SUBX_MAIN_TRIE, root_key, &found, &value,
                                        error);
        read_root(found, value, root);
        return status;
    }
    const subx_status status =
        compute_child(changes, child, set, state_version, root, &is_empty, error);
    if (status != SUBX_OK)
        return status;
    subx_changes__forget_root(changes);
    const bool written =
        is_empty ? subx_overlay__remove(overlay, &overlay->main, root_key)
                 : subx_overlay__set(overlay, &overlay->main, root_key, subx_slice__of(root, 32));
    return written ? SUBX_OK : subx_error__nomem(error);
}

subx_status subx_changes__child_root(struct subx_changes *changes, subx_slice child,
                                     uint8_t state_version, uint8_t root[32], subx_error *error)
{
    struct subx_buf root_key = SUBX_BUF_INIT;
    subx_changes__append_root_key(&root_key, child);
    const subx_status status =
        root_key.failed
            ? subx_error__nomem(error)
            : child_root(changes, child, subx_buf__slice(&root_key), state_version, root, error);
    subx_buf__free(&root_key);
    return status;
}
