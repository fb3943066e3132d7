/* States in memory; see backend_memory.h and, for what each function promises, backend.h. */
#include "storage/backend_memory.h"

#include <pthread.h>

#include "storage/child_map.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"

/* One state; immutable once others can see it. */
struct version {
    _Atomic size_t references;
    struct subx_tree main;
    struct subx_child_map children;
    bool has_head;
    subx_block_id head;
};

struct memory {
    pthread_mutex_t lock; /* guards `newest` */
    struct version *newest;
};

/* The trie of a child that does not exist. */
static const struct subx_tree no_keys = {.hasher = &subx_trie_blake2b};

/* The child that was looked at last, so that its root need not be compared each time. */
struct known_child {
    bool is_known;
    struct subx_buf key;
    const struct subx_tree *tree;
};

struct view {
    struct memory *memory;
    struct version *version;
    struct known_child known;
    struct subx_buf next; /* the key that next_key handed out */
};

struct prepared {
    struct memory *memory;
    struct version *base; /* what the changes apply to */
    struct subx_tree_apply options;
    struct subx_tree main;
    struct subx_child_change *changes; /* each with a reference */
    size_t count, capacity;
    bool has_head;
    subx_block_id head;
};

/* ---- Versions ---- */

static struct version *new_version(void)
{
    struct version *const version = subx_mem__calloc(1, sizeof *version);
    if (version == NULL)
        return NULL;
    atomic_init(&version->references, 1);
    subx_tree__init(&version->main, &subx_trie_blake2b);
    return version;
}

static struct version *retain(struct version *version)
{
    atomic_fetch_add_explicit(&version->references, 1, memory_order_relaxed);
    return version;
}

static void release(struct version *version)
{
    if (version == NULL ||
        atomic_fetch_sub_explicit(&version->references, 1, memory_order_acq_rel) != 1)
        return;
    subx_tree__free(&version->main);
    subx_child_map__free(&version->children);
    subx_mem__free(version);
}

void *subx_backend_memory__new(void)
{
    struct memory *const memory = subx_mem__calloc(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    memory->newest = new_version();
    if (memory->newest == NULL || pthread_mutex_init(&memory->lock, NULL) != 0) {
        release(memory->newest);
        subx_mem__free(memory);
        return NULL;
    }
    return memory;
}

static void free_memory(void *self)
{
    struct memory *const memory = self;
    release(memory->newest);
    pthread_mutex_destroy(&memory->lock);
    subx_mem__free(memory);
}

/* ---- Child tries of a version ---- */

/*
 * The trie that belongs to the root under the child's key in the main trie. There is none if that
 * key is gone; any other root than the one we have is of a trie that nobody knows (section 10,
 * fault 5).
 */
static subx_status child_of(const struct version *version, subx_slice name,
                            const struct subx_tree **out, subx_error *error)
{
    struct subx_buf key = SUBX_BUF_INIT;
    struct subx_tree_entry entry = {0};
    subx_buf__append_text(&key, SUBX_TRIE_CHILD_PREFIX);
    subx_buf__append_slice(&key, name);
    subx_status status =
        key.failed ? subx_error__nomem(error)
                   : subx_tree__get(&version->main, subx_buf__slice(&key), NULL, &entry, error);
    subx_buf__free(&key);
    if (status != SUBX_OK)
        return status;
    const subx_slice root = entry.value;
    const struct subx_child_trie *const child = subx_child_map__find(&version->children, name);
    *out = &no_keys;
    if (!entry.found || subx_slice__equal(root, subx_slice__of(subx_trie_blake2b.empty_root, 32)))
        return SUBX_OK;
    if (child != NULL && subx_slice__equal(root, subx_slice__of(child->root, sizeof child->root))) {
        *out = &child->tree;
        return SUBX_OK;
    }
    subx_hex__append(&key, subx_slice__of(name.data, name.len < 64 ? name.len : 64));
    subx_buf__append_u8(&key, '\0');
    status = subx_error__set(error, SUBX_TRIE_REFERENCE_PANICS,
                             "the reference panics here: child trie 0x%s%s: what stands as its "
                             "root (%zu bytes) is not the "
                             "root of a trie that is known",
                             key.failed ? "" : (const char *)key.data, name.len > 64 ? "..." : "",
                             root.len);
    subx_buf__free(&key);
    return status;
}

static subx_status tree_of(struct view *view, struct subx_trie_id trie,
                           const struct subx_tree **out, subx_error *error)
{
    struct known_child *const known = &view->known;
    *out = &view->version->main;
    if (!trie.is_child)
        return SUBX_OK;
    if (known->is_known && subx_slice__equal(subx_buf__slice(&known->key), trie.child)) {
        *out = known->tree;
        return SUBX_OK;
    }
    const subx_status status = child_of(view->version, trie.child, out, error);
    if (status != SUBX_OK)
        return status;
    known->key.len = 0;
    subx_buf__append_slice(&known->key, trie.child);
    known->is_known = !known->key.failed;
    known->tree = *out;
    return SUBX_OK;
}

/* ---- Views ---- */

static subx_status open_view(void *self, void **out, subx_error *error)
{
    struct memory *const memory = self;
    struct view *const view = subx_mem__calloc(1, sizeof *view);
    *out = view;
    if (view == NULL)
        return subx_error__nomem(error);
    view->memory = memory;
    pthread_mutex_lock(&memory->lock);
    view->version = retain(memory->newest);
    pthread_mutex_unlock(&memory->lock);
    return SUBX_OK;
}

static void close_view(void *handle)
{
    struct view *const view = handle;
    release(view->version);
    subx_buf__free(&view->known.key);
    subx_buf__free(&view->next);
    subx_mem__free(view);
}

static subx_status get(void *handle, struct subx_trie_id trie, subx_slice key, bool *found,
                       subx_slice *value, subx_error *error)
{
    const struct subx_tree *tree = NULL;
    struct subx_tree_entry entry = {0};
    *found = false;
    subx_status status = tree_of(handle, trie, &tree, error);
    if (status == SUBX_OK)
        status = value != NULL ? subx_tree__get(tree, key, NULL, &entry, error)
                               : subx_tree__probe(tree, key, NULL, &entry, error);
    if (status != SUBX_OK)
        return status;
    *found = entry.found;
    if (value != NULL)
        *value = entry.value;
    return SUBX_OK;
}

static subx_status next_key(void *handle, struct subx_trie_id trie, subx_slice key, bool *found,
                            subx_slice *next, subx_error *error)
{
    struct view *const view = handle;
    const struct subx_tree *tree = NULL;
    *found = false;
    subx_status status = tree_of(view, trie, &tree, error);
    if (status == SUBX_OK)
        status = subx_tree__next_key(tree, key, NULL, &view->next, found, error);
    *next = subx_buf__slice(&view->next);
    return status;
}

static subx_status walk(void *handle, struct subx_trie_id trie, subx_slice prefix, subx_slice from,
                        subx_backend_visitor *visit, void *user, subx_error *error)
{
    const struct subx_tree *tree = NULL;
    struct subx_tree_cursor *cursor = NULL;
    subx_status status = tree_of(handle, trie, &tree, error);
    if (status == SUBX_OK)
        status = subx_tree_cursor__open(tree, prefix, from, SUBX_TREE_KEYS, NULL, &cursor, error);
    for (bool stop = false; status == SUBX_OK && !stop;) {
        subx_slice key = SUBX_EMPTY;
        struct subx_tree_entry entry = {0};
        status = subx_tree_cursor__next(cursor, &key, &entry, error);
        if (status != SUBX_OK || !entry.found)
            break;
        status = visit(user, key, &stop, error);
    }
    subx_tree_cursor__close(cursor);
    return status;
}

/* ---- Changing ---- */

static void drop(void *handle)
{
    struct prepared *const prepared = handle;
    for (size_t i = 0; i < prepared->count; i++)
        subx_child_trie__release(prepared->changes[i].trie);
    subx_mem__free(prepared->changes);
    subx_tree__free(&prepared->main);
    release(prepared->base);
    subx_mem__free(prepared);
}

static subx_status prepare(void *handle, uint8_t state_version, bool is_faithful, void **out,
                           subx_error *error)
{
    const struct view *const view = handle;
    struct prepared *const prepared = subx_mem__calloc(1, sizeof *prepared);
    *out = prepared;
    if (prepared == NULL)
        return subx_error__nomem(error);
    prepared->memory = view->memory;
    prepared->base = retain(view->version);
    prepared->options =
        (struct subx_tree_apply){.state_version = state_version, .faithful = is_faithful};
    subx_tree__snapshot(&view->version->main, &prepared->main);
    return SUBX_OK;
}

/* Take down a changed child trie; takes `tree`. */
static subx_status note_child(struct prepared *prepared, subx_slice key, struct subx_tree *tree,
                              const uint8_t root[32], subx_error *error)
{
    if (prepared->count == prepared->capacity) {
        const size_t capacity = prepared->capacity + prepared->capacity / 2 + 4;
        struct subx_child_change *const changes =
            subx_mem__realloc(prepared->changes, capacity, sizeof *changes);
        if (changes == NULL)
            return subx_error__nomem(error);
        prepared->changes = changes;
        prepared->capacity = capacity;
    }
    struct subx_child_trie *const child = subx_child_trie__new(key, tree, root);
    if (child == NULL)
        return subx_error__nomem(error);
    prepared->changes[prepared->count++] =
        (struct subx_child_change){child, child->tree.root == NULL};
    return SUBX_OK;
}

static subx_status apply_to(struct subx_tree *tree, const struct prepared *prepared,
                            const struct subx_tree_change *list, size_t count, uint8_t root[32],
                            bool *is_empty, subx_error *error)
{
    subx_status status = subx_tree__apply(tree, list, count, &prepared->options, error);
    if (status == SUBX_OK)
        status = subx_tree__root(tree, root, error);
    *is_empty = tree->root == NULL;
    return status;
}

static subx_status apply(void *handle, struct subx_trie_id trie,
                         const struct subx_tree_change *list, size_t count, uint8_t root[32],
                         bool *is_empty, subx_error *error)
{
    struct prepared *const prepared = handle;
    if (!trie.is_child)
        return apply_to(&prepared->main, prepared, list, count, root, is_empty, error);
    const struct subx_tree *before = NULL;
    subx_status status = child_of(prepared->base, trie.child, &before, error);
    if (status != SUBX_OK)
        return status;
    struct subx_tree tree;
    subx_tree__snapshot(before, &tree);
    status = apply_to(&tree, prepared, list, count, root, is_empty, error);
    if (status == SUBX_OK)
        status = note_child(prepared, trie.child, &tree, root, error);
    subx_tree__free(&tree);
    return status;
}

/* The state that a commit makes; NULL: out of memory. */
static struct version *version_of(const struct prepared *prepared)
{
    struct version *const version = new_version();
    if (version == NULL)
        return NULL;
    version->has_head = prepared->has_head;
    version->head = prepared->head;
    subx_tree__snapshot(&prepared->main, &version->main);
    if (subx_child_map__apply(&prepared->base->children, prepared->changes, prepared->count,
                              &version->children))
        return version;
    release(version);
    return NULL;
}

static subx_status commit(void *handle, subx_error *error)
{
    struct prepared *const prepared = handle;
    struct memory *const memory = prepared->memory;
    struct version *version = version_of(prepared);
    if (version == NULL)
        return subx_error__nomem(error);
    pthread_mutex_lock(&memory->lock);
    const bool is_newest = memory->newest == prepared->base;
    if (is_newest)
        memory->newest = version;
    pthread_mutex_unlock(&memory->lock);
    if (!is_newest) {
        release(version);
        return subx_error__set(error, SUBX_EXTERNALITIES,
                               "the state was changed since these changes began");
    }
    release(prepared->base); /* the state's own reference */
    drop(prepared);
    return SUBX_OK;
}

static subx_status head(void *handle, bool *known, subx_block_id *out, subx_error *error)
{
    const struct view *const view = handle;
    (void)error;
    *known = view->version->has_head;
    *out = view->version->head;
    return SUBX_OK;
}

static void set_head(void *handle, const subx_block_id *head)
{
    struct prepared *const prepared = handle;
    prepared->has_head = head != NULL;
    prepared->head = head != NULL ? *head : (subx_block_id){.number = 0};
}

const struct subx_backend subx_backend_memory = {
    .name = "memory",
    .free = free_memory,
    .open = open_view,
    .close = close_view,
    .get = get,
    .next_key = next_key,
    .walk = walk,
    .prepare = prepare,
    .apply = apply,
    .commit = commit,
    .drop = drop,
    .head = head,
    .set_head = set_head,
};
