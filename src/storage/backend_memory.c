/* States in memory; see backend_memory.h and, for what each function promises, backend.h. */
#include "storage/backend_memory.h"

#include <pthread.h>

#include "storage/child_map.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"

/* What states that go back to a proof have in common: its child tries, which are made when they are
 * asked for. */
struct partial {
    _Atomic size_t references;
    struct subx_proof proof;
    pthread_mutex_t lock; /* guards `loader` */
    struct subx_tree_loader *loader;
};

/* One state; immutable once others can see it. */
struct version {
    _Atomic size_t references;
    struct subx_tree main;
    struct subx_child_map children; /* of a partial state: those that commits have changed */
    struct partial *partial;        /* NULL: the state is whole */
    bool has_head;
    subx_block_id head;
};

struct memory {
    pthread_mutex_t lock; /* guards `newest` */
    struct version *newest;
};

/* A child trie of a version. */
struct child {
    bool exists; /* else it has no keys, nor anything to be recorded */
    struct subx_tree tree;
};

/* The child that was looked at last, so that its root need not be compared each time. */
struct known_child {
    bool is_known;
    struct subx_buf key;
    struct child child;
};

struct view {
    struct memory *memory;
    struct version *version;
    struct subx_proof *recorder; /* NULL: nothing is recorded */
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

static struct partial *retain_partial(struct partial *partial)
{
    if (partial != NULL)
        atomic_fetch_add_explicit(&partial->references, 1, memory_order_relaxed);
    return partial;
}

static void release_partial(struct partial *partial)
{
    if (partial == NULL ||
        atomic_fetch_sub_explicit(&partial->references, 1, memory_order_acq_rel) != 1)
        return;
    subx_tree_loader__free(partial->loader);
    subx_proof__free(&partial->proof);
    pthread_mutex_destroy(&partial->lock);
    subx_mem__free(partial);
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
    release_partial(version->partial);
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

/* ---- States of a proof ---- */

static struct partial *new_partial(const struct subx_proof *proof)
{
    struct partial *const partial = subx_mem__calloc(1, sizeof *partial);
    if (partial == NULL)
        return NULL;
    atomic_init(&partial->references, 1);
    (void)pthread_mutex_init(&partial->lock, NULL); /* does not fail on Linux */
    if (subx_proof__copy(proof, &partial->proof, NULL) == SUBX_OK)
        partial->loader = subx_tree_loader__new(&partial->proof);
    if (partial->loader != NULL)
        return partial;
    release_partial(partial);
    return NULL;
}

static subx_status load_partial(struct partial *partial, const uint8_t root[SUBX_TRIE_HASH_SIZE],
                                struct subx_tree *out, subx_error *error)
{
    pthread_mutex_lock(&partial->lock);
    const subx_status status = subx_tree_loader__load(partial->loader, root, out, error);
    pthread_mutex_unlock(&partial->lock);
    return status;
}

subx_status subx_backend_memory__of_proof(const struct subx_proof *proof,
                                          const uint8_t root[SUBX_TRIE_HASH_SIZE], void **out,
                                          subx_error *error)
{
    *out = NULL;
    struct memory *const memory = subx_backend_memory__new();
    if (memory == NULL)
        return subx_error__nomem(error);
    struct version *const version = memory->newest;
    version->partial = new_partial(proof);
    const subx_status status = version->partial == NULL
                                   ? subx_error__nomem(error)
                                   : load_partial(version->partial, root, &version->main, error);
    if (status == SUBX_OK)
        *out = memory;
    else
        free_memory(memory);
    return status;
}

/* "0x" and the digits of 64 bytes at most. */
static void append_short_hex(struct subx_buf *out, subx_slice bytes)
{
    subx_buf__append_text(out, "0x");
    subx_hex__append(out, subx_slice__of(bytes.data, bytes.len < 64 ? bytes.len : 64));
    if (bytes.len > 64)
        subx_buf__append_text(out, "...");
}

static void name_child(subx_slice name, subx_error *error)
{
    struct subx_buf text = SUBX_BUF_INIT;
    append_short_hex(&text, name);
    subx_buf__append_u8(&text, '\0');
    subx_error__prefix(error, "child trie %s", text.failed ? "" : (const char *)text.data);
    subx_buf__free(&text);
}

/* Say what was asked for, in front of the tree's own words about what is missing. */
static subx_status name_place(subx_status status, struct subx_trie_id trie, const char *what,
                              subx_slice key, subx_error *error)
{
    if (status != SUBX_TRIE_INCOMPLETE)
        return status;
    struct subx_buf text = SUBX_BUF_INIT;
    append_short_hex(&text, key);
    subx_buf__append_u8(&text, '\0');
    subx_error__prefix(error, "%s %s", what, text.failed ? "" : (const char *)text.data);
    subx_buf__free(&text);
    if (trie.is_child)
        name_child(trie.child, error);
    return status;
}

/* ---- Child tries of a version ---- */

static subx_status refuse_root(subx_slice name, size_t root_len, subx_error *error)
{
    struct subx_buf text = SUBX_BUF_INIT;
    append_short_hex(&text, name);
    subx_buf__append_u8(&text, '\0');
    const subx_status status = subx_error__set(
        error, SUBX_TRIE_REFERENCE_PANICS,
        "the reference panics here: child trie %s: what stands as its root (%zu bytes) is not the "
        "root of a trie that is known",
        text.failed ? "" : (const char *)text.data, root_len);
    subx_buf__free(&text);
    return status;
}

/* The child with this root; of a whole state any other than the one we have is of a trie that
 * nobody knows (section 10, fault 5). */
static subx_status child_with_root(const struct version *version, subx_slice name, subx_slice root,
                                   struct subx_tree *out, subx_error *error)
{
    const struct subx_child_trie *const known = subx_child_map__find(&version->children, name);
    if (known != NULL && subx_slice__equal(root, subx_slice__of(known->root, sizeof known->root))) {
        subx_tree__snapshot(&known->tree, out);
        return SUBX_OK;
    }
    if (version->partial == NULL || root.len != SUBX_TRIE_HASH_SIZE)
        return refuse_root(name, root.len, error);
    return load_partial(version->partial, root.data, out, error);
}

/*
 * The trie that belongs to the root under the child's key in the main trie, for the caller to free.
 * There is none if that key is gone.
 */
static subx_status child_of(const struct version *version, subx_slice name,
                            struct subx_proof *recorder, struct child *out, subx_error *error)
{
    struct subx_buf key = SUBX_BUF_INIT;
    struct subx_tree_entry entry = {0};
    out->exists = false;
    subx_tree__init(&out->tree, &subx_trie_blake2b);
    subx_buf__append_text(&key, SUBX_TRIE_CHILD_PREFIX);
    subx_buf__append_slice(&key, name);
    subx_status status =
        key.failed ? subx_error__nomem(error)
                   : subx_tree__get(&version->main, subx_buf__slice(&key), recorder, &entry, error);
    status = name_place(status, SUBX_MAIN_TRIE, "key", subx_buf__slice(&key), error);
    subx_buf__free(&key);
    if (status != SUBX_OK || !entry.found ||
        subx_slice__equal(entry.value, subx_slice__of(subx_trie_blake2b.empty_root, 32)))
        return status;
    status = child_with_root(version, name, entry.value, &out->tree, error);
    out->exists = status == SUBX_OK;
    return status;
}

static void forget_child(struct known_child *known)
{
    known->is_known = false;
    subx_tree__free(&known->child.tree);
}

/* A trie of the view, and who records what is read of it. */
static subx_status tree_of(struct view *view, struct subx_trie_id trie,
                           const struct subx_tree **out, struct subx_proof **recorder,
                           subx_error *error)
{
    struct known_child *const known = &view->known;
    *out = &view->version->main;
    *recorder = view->recorder;
    if (!trie.is_child)
        return SUBX_OK;
    if (!known->is_known || !subx_slice__equal(subx_buf__slice(&known->key), trie.child)) {
        forget_child(known);
        const subx_status status =
            child_of(view->version, trie.child, view->recorder, &known->child, error);
        if (status != SUBX_OK)
            return status;
        known->key.len = 0;
        subx_buf__append_slice(&known->key, trie.child);
        known->is_known = !known->key.failed;
        known->key.failed = false;
    }
    *out = &known->child.tree;
    if (!known->child.exists)
        *recorder = NULL;
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
    subx_tree__init(&view->known.child.tree, &subx_trie_blake2b);
    pthread_mutex_lock(&memory->lock);
    view->version = retain(memory->newest);
    pthread_mutex_unlock(&memory->lock);
    return SUBX_OK;
}

static void close_view(void *handle)
{
    struct view *const view = handle;
    forget_child(&view->known);
    release(view->version);
    subx_buf__free(&view->known.key);
    subx_buf__free(&view->next);
    subx_mem__free(view);
}

static void record(void *handle, struct subx_proof *recorder)
{
    struct view *const view = handle;
    view->recorder = recorder;
}

static subx_status get(void *handle, struct subx_trie_id trie, subx_slice key, bool *found,
                       subx_slice *value, subx_error *error)
{
    const struct subx_tree *tree = NULL;
    struct subx_proof *recorder = NULL;
    struct subx_tree_entry entry = {0};
    *found = false;
    subx_status status = tree_of(handle, trie, &tree, &recorder, error);
    if (status != SUBX_OK)
        return status;
    status = value != NULL ? subx_tree__get(tree, key, recorder, &entry, error)
                           : subx_tree__probe(tree, key, recorder, &entry, error);
    if (status != SUBX_OK)
        return name_place(status, trie, "key", key, error);
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
    struct subx_proof *recorder = NULL;
    *found = false;
    subx_status status = tree_of(view, trie, &tree, &recorder, error);
    if (status != SUBX_OK)
        return status;
    status = subx_tree__next_key(tree, key, recorder, &view->next, found, error);
    *next = subx_buf__slice(&view->next);
    return name_place(status, trie, "the key after", key, error);
}

static subx_status walk_tree(const struct subx_tree *tree, struct subx_proof *recorder,
                             subx_slice prefix, subx_slice from, subx_backend_visitor *visit,
                             void *user, subx_error *error)
{
    struct subx_tree_cursor *cursor = NULL;
    subx_status status =
        subx_tree_cursor__open(tree, prefix, from, SUBX_TREE_KEYS, recorder, &cursor, error);
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

static subx_status walk(void *handle, struct subx_trie_id trie, subx_slice prefix, subx_slice from,
                        subx_backend_visitor *visit, void *user, subx_error *error)
{
    const struct subx_tree *tree = NULL;
    struct subx_proof *recorder = NULL;
    const subx_status status = tree_of(handle, trie, &tree, &recorder, error);
    return status != SUBX_OK
               ? status
               : name_place(walk_tree(tree, recorder, prefix, from, visit, user, error), trie,
                            "keys under", prefix, error);
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
    prepared->options = (struct subx_tree_apply){state_version, is_faithful, view->recorder};
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

static subx_status apply_to(struct subx_tree *tree, const struct subx_tree_apply *options,
                            const struct subx_tree_change *list, size_t count, uint8_t root[32],
                            bool *is_empty, subx_error *error)
{
    subx_status status = subx_tree__apply(tree, list, count, options, error);
    if (status == SUBX_OK)
        status = subx_tree__root(tree, root, error);
    *is_empty = tree->root == NULL;
    return status;
}

static subx_status apply_to_child(struct prepared *prepared, subx_slice name,
                                  const struct subx_tree_change *list, size_t count,
                                  uint8_t root[32], bool *is_empty, subx_error *error)
{
    struct subx_tree_apply options = prepared->options;
    struct child child;
    subx_status status = child_of(prepared->base, name, options.recorder, &child, error);
    if (status != SUBX_OK)
        return status;
    if (!child.exists)
        options.recorder = NULL;
    status = apply_to(&child.tree, &options, list, count, root, is_empty, error);
    if (status == SUBX_TRIE_INCOMPLETE)
        name_child(name, error);
    if (status == SUBX_OK)
        status = note_child(prepared, name, &child.tree, root, error);
    subx_tree__free(&child.tree);
    return status;
}

static subx_status apply(void *handle, struct subx_trie_id trie,
                         const struct subx_tree_change *list, size_t count, uint8_t root[32],
                         bool *is_empty, subx_error *error)
{
    struct prepared *const prepared = handle;
    if (trie.is_child)
        return apply_to_child(prepared, trie.child, list, count, root, is_empty, error);
    return apply_to(&prepared->main, &prepared->options, list, count, root, is_empty, error);
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
    version->partial = retain_partial(prepared->base->partial);
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
    .record = record,
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
