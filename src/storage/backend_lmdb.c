/* States in an LMDB database: opening, views, changes; see backend_lmdb.h. */
#include "storage/backend_lmdb.h"

#include "storage/backend_lmdb_db.h"
#include "storage/backend_lmdb_proof.h"
#include "util/hex.h"
#include "util/mem.h"

#define MOVE_AFTER_MS 500
#define MOVE_AFTER_BYTES ((size_t)8 << 20)
#define IMPORT_BYTES ((uint64_t)128 << 20)

struct view {
    struct subx_lmdb *db;
    struct subx_lmdb_snapshot *snapshot;
    struct subx_lmdb_trie main;
    /* the child that was looked at last */
    bool knows_child;
    struct subx_buf child_name;
    struct subx_lmdb_trie child;
    /* Keys one after the other: where the last one came from. */
    struct subx_lmdb_walk *walk;
    uint64_t walk_trie;
    struct subx_buf next;
    struct subx_lmdb_recording recording;
};

struct prepared {
    struct subx_lmdb *db;
    struct subx_lmdb_snapshot *snapshot;
    struct subx_lmdb_ops ops; /* behind room for the head of the journal's record */
    uint64_t next_trie;
    uint8_t state_version;
    bool is_faithful;
    /* Of the main trie before the changes, if it was at hand, and after them. */
    struct subx_lmdb_part before, after;
    struct subx_lmdb_recording recording; /* of the roots of child tries */
    bool has_head;
    subx_block_id head;
};

/* ---- Opening and closing ---- */

static void free_db(void *self)
{
    struct subx_lmdb *const db = self;
    subx_lmdb_mover__stop(db);
    subx_lmdb_journal__close(&db->older_journal, false);
    /* what was written and moved is of no use any more */
    subx_lmdb_journal__close(&db->journal, db->newer.root == NULL && db->older.root == NULL);
    subx_tree__free(&db->newer);
    subx_tree__free(&db->older);
    subx_tree__free(&db->part.tree);
    subx_lmdb_env__close(db);
    pthread_cond_destroy(&db->changed);
    pthread_mutex_destroy(&db->lock);
    pthread_mutex_destroy(&db->moves);
    pthread_mutex_destroy(&db->commits);
    subx_mem__free(db->folder);
    subx_mem__free(db);
}

static struct subx_lmdb *new_db(const char *folder, const struct subx_lmdb_options *options)
{
    struct subx_lmdb *const db = subx_mem__calloc(1, sizeof *db);
    char *const copy = subx_mem__strdup(folder);
    pthread_condattr_t clock;
    if (db == NULL || copy == NULL || pthread_condattr_init(&clock) != 0) {
        subx_mem__free(db);
        subx_mem__free(copy);
        return NULL;
    }
    db->folder = copy;
    db->options = *options;
    if (db->options.move_after_ms == 0)
        db->options.move_after_ms = MOVE_AFTER_MS;
    if (db->options.move_after_bytes == 0)
        db->options.move_after_bytes = MOVE_AFTER_BYTES;
    if (db->options.import_bytes == 0)
        db->options.import_bytes = IMPORT_BYTES;
    db->writer_lock = -1;
    db->journal = (struct subx_lmdb_journal)SUBX_LMDB_JOURNAL_INIT;
    db->older_journal = (struct subx_lmdb_journal)SUBX_LMDB_JOURNAL_INIT;
    subx_tree__init(&db->newer, &subx_trie_blake2b);
    subx_tree__init(&db->older, &subx_trie_blake2b);
    /* these do not fail on Linux */
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&db->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    (void)pthread_mutex_init(&db->commits, NULL);
    (void)pthread_mutex_init(&db->moves, NULL);
    (void)pthread_mutex_init(&db->lock, NULL);
    return db;
}

subx_status subx_backend_lmdb__open(const char *folder, const struct subx_lmdb_options *options,
                                    void **out, subx_error *error)
{
    struct subx_lmdb_meta meta = {0};
    *out = NULL;
    struct subx_lmdb *const db = new_db(folder, options);
    if (db == NULL)
        return subx_error__nomem(error);
    subx_status status = subx_lmdb_env__claim(db, error);
    if (status == SUBX_OK)
        status = subx_lmdb_env__open(db, &meta, error);
    db->sequence = db->moved_sequence = meta.sequence;
    db->next_trie = meta.next_trie;
    if (status == SUBX_OK && !options->is_read_only) {
        status = subx_lmdb_recover__move(db, error);
        if (status == SUBX_OK)
            status = subx_lmdb_mover__start(db, error);
    }
    if (status == SUBX_OK)
        *out = db;
    else
        free_db(db);
    return status;
}

subx_status subx_backend_lmdb__flush(void *self, subx_error *error)
{
    struct subx_lmdb *const db = self;
    subx_status status = SUBX_OK;
    if (db->options.is_read_only)
        return SUBX_OK;
    pthread_mutex_lock(&db->lock);
    const uint64_t failures = db->failures, sequence = db->sequence;
    db->wanted_sequence = sequence;
    db->requests++;
    pthread_cond_broadcast(&db->changed);
    while (db->moved_sequence < sequence && db->failures == failures)
        pthread_cond_wait(&db->changed, &db->lock);
    if (db->moved_sequence < sequence)
        status = subx_error__set(error, db->failure.status, "%s", db->failure.message);
    pthread_mutex_unlock(&db->lock);
    return status;
}

uint64_t subx_backend_lmdb__sequence(void *self)
{
    struct subx_lmdb *const db = self;
    pthread_mutex_lock(&db->lock);
    const uint64_t sequence = db->sequence;
    pthread_mutex_unlock(&db->lock);
    return sequence;
}

void subx_backend_lmdb__work(void *self, struct subx_lmdb_work *out)
{
    struct subx_lmdb *const db = self;
    pthread_mutex_lock(&db->lock);
    *out = db->work;
    pthread_mutex_unlock(&db->lock);
}

/* ---- Views ---- */

subx_status subx_lmdb__snapshot(struct subx_lmdb *db, struct subx_lmdb_snapshot **out,
                                subx_error *error)
{
    struct subx_lmdb_snapshot *const snapshot = subx_mem__calloc(1, sizeof *snapshot);
    *out = NULL;
    if (snapshot == NULL)
        return subx_error__nomem(error);
    atomic_init(&snapshot->references, 1);
    snapshot->tables = &db->tables;
    pthread_mutex_lock(&db->lock);
    const int code = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &snapshot->txn);
    subx_status status = code == 0 ? SUBX_OK : subx_lmdb__fail(code, "opening a view", error);
    if (status == SUBX_OK && db->options.is_read_only)
        status = subx_lmdb_recover__follow(db, snapshot->txn, error);
    subx_tree__snapshot(&db->newer, &snapshot->newer);
    subx_tree__snapshot(&db->older, &snapshot->older);
    snapshot->epoch = db->epoch;
    snapshot->next_trie = db->next_trie;
    pthread_mutex_unlock(&db->lock);
    snapshot->owns_txn = code == 0;
    if (status == SUBX_OK)
        *out = snapshot;
    else
        subx_lmdb_snapshot__release(snapshot);
    return status;
}

static void close_view(void *handle)
{
    struct view *const view = handle;
    subx_lmdb_walk__close(view->walk);
    subx_lmdb_recording__free(&view->recording);
    subx_lmdb_snapshot__release(view->snapshot);
    subx_buf__free(&view->child_name);
    subx_buf__free(&view->next);
    subx_mem__free(view);
}

static subx_status open_view(void *self, void **out, subx_error *error)
{
    struct view *const view = subx_mem__calloc(1, sizeof *view);
    *out = NULL;
    if (view == NULL)
        return subx_error__nomem(error);
    view->db = self;
    subx_status status = subx_lmdb__snapshot(view->db, &view->snapshot, error);
    if (status == SUBX_OK)
        status = subx_lmdb_snapshot__trie(view->snapshot, NULL, &view->main, error);
    if (status == SUBX_OK)
        *out = view;
    else
        close_view(view);
    return status;
}

static void record(void *handle, struct subx_proof *recorder)
{
    struct view *const view = handle;
    view->recording.recorder = recorder;
}

/* A value of a trie, which may not exist. */
static subx_status read_value(struct subx_lmdb_snapshot *snapshot,
                              const struct subx_lmdb_trie *trie, subx_slice key, bool *found,
                              subx_slice *value, subx_error *error)
{
    *found = false;
    *value = SUBX_EMPTY;
    if (!trie->exists)
        return SUBX_OK;
    const subx_status status =
        subx_lmdb_snapshot__get(snapshot, SUBX_LMDB_VALUES, trie->number, key, found, value, error);
    if (status == SUBX_OK && *found)
        *value = subx_slice__of(value->data + 1, value->len - 1);
    return status;
}

static subx_status refuse_root(subx_slice name, size_t root_len, subx_error *error)
{
    struct subx_buf text = SUBX_BUF_INIT;
    subx_hex__append(&text, subx_slice__of(name.data, name.len < 64 ? name.len : 64));
    subx_buf__append_u8(&text, '\0');
    const subx_status status = subx_error__set(
        error, SUBX_TRIE_REFERENCE_PANICS,
        "the reference panics here: child trie 0x%s%s: what stands as its root (%zu bytes) is not "
        "the root of a trie that is known",
        text.failed ? "" : (const char *)text.data, name.len > 64 ? "..." : "", root_len);
    subx_buf__free(&text);
    return status;
}

/*
 * The trie that belongs to the root under a child's key in the main trie; it does not exist if that
 * key is gone, and any other root than the one we have is of a trie that nobody knows (section 10,
 * fault 5). `*found_record` is what the database has under the child's name.
 */
static subx_status child_of(struct subx_lmdb_snapshot *snapshot,
                            struct subx_lmdb_recording *recording,
                            const struct subx_lmdb_trie *main, subx_slice name,
                            struct subx_lmdb_trie *out, struct subx_lmdb_trie *found_record,
                            subx_error *error)
{
    struct subx_buf key = SUBX_BUF_INIT;
    bool found = false;
    subx_slice root = SUBX_EMPTY;
    subx_buf__append_text(&key, SUBX_TRIE_CHILD_PREFIX);
    subx_buf__append_slice(&key, name);
    subx_status status =
        key.failed ? subx_error__nomem(error)
                   : read_value(snapshot, main, subx_buf__slice(&key), &found, &root, error);
    if (status == SUBX_OK)
        status = subx_lmdb_recording__key(recording, snapshot, main, false, subx_buf__slice(&key),
                                          &root, error);
    subx_buf__free(&key);
    if (status == SUBX_OK)
        status = subx_lmdb_snapshot__trie(snapshot, &name, found_record, error);
    *out = (struct subx_lmdb_trie){.exists = false};
    if (status != SUBX_OK || !found ||
        subx_slice__equal(root, subx_slice__of(subx_trie_blake2b.empty_root, SUBX_TRIE_HASH_SIZE)))
        return status;
    if (!found_record->exists ||
        !subx_slice__equal(root, subx_slice__of(found_record->root, sizeof found_record->root)))
        return refuse_root(name, root.len, error);
    *out = *found_record;
    return SUBX_OK;
}

static subx_status trie_of(struct view *view, struct subx_trie_id trie,
                           const struct subx_lmdb_trie **out, subx_error *error)
{
    struct subx_lmdb_trie found_record;
    *out = &view->main;
    if (!trie.is_child)
        return SUBX_OK;
    *out = &view->child;
    if (view->knows_child && subx_slice__equal(subx_buf__slice(&view->child_name), trie.child))
        return SUBX_OK;
    view->knows_child = false;
    const subx_status status = child_of(view->snapshot, &view->recording, &view->main, trie.child,
                                        &view->child, &found_record, error);
    if (status != SUBX_OK)
        return status;
    view->child_name.len = 0;
    subx_buf__append_slice(&view->child_name, trie.child);
    view->knows_child = !view->child_name.failed;
    view->child_name.failed = false;
    return SUBX_OK;
}

/* Record the way to a key of a trie, if that is wanted. */
static subx_status note(struct view *view, struct subx_trie_id trie,
                        const struct subx_lmdb_trie *where, subx_slice key, const subx_slice *value,
                        subx_error *error)
{
    return subx_lmdb_recording__key(&view->recording, view->snapshot, where, trie.is_child, key,
                                    value, error);
}

static subx_status get(void *handle, struct subx_trie_id trie, subx_slice key, bool *found,
                       subx_slice *value, subx_error *error)
{
    struct view *const view = handle;
    const struct subx_lmdb_trie *where = NULL;
    subx_slice bytes = SUBX_EMPTY;
    *found = false;
    subx_status status = trie_of(view, trie, &where, error);
    if (status == SUBX_OK)
        status = read_value(view->snapshot, where, key, found, &bytes, error);
    if (status == SUBX_OK)
        status = note(view, trie, where, key, value != NULL ? &bytes : NULL, error);
    if (value != NULL)
        *value = bytes;
    return status;
}

/* Stand behind a key of a trie: often it is the one that was handed out last. */
static subx_status stand_behind(struct view *view, uint64_t number, subx_slice key,
                                subx_error *error)
{
    if (view->walk != NULL && view->walk_trie == number &&
        subx_slice__equal(subx_buf__slice(&view->next), key))
        return SUBX_OK;
    subx_lmdb_walk__close(view->walk);
    view->walk = NULL;
    view->walk_trie = number;
    /* the least that is greater is the key with a zero byte behind it */
    struct subx_buf from = SUBX_BUF_INIT;
    subx_buf__append_slice(&from, key);
    subx_buf__append_u8(&from, 0);
    const subx_status status =
        from.failed ? subx_error__nomem(error)
                    : subx_lmdb_walk__open(view->snapshot, SUBX_LMDB_VALUES, number,
                                           subx_buf__slice(&from), &view->walk, error);
    subx_buf__free(&from);
    return status;
}

static subx_status next_key(void *handle, struct subx_trie_id trie, subx_slice key, bool *found,
                            subx_slice *next, subx_error *error)
{
    struct view *const view = handle;
    const struct subx_lmdb_trie *where = NULL;
    subx_slice at = SUBX_EMPTY, entry = SUBX_EMPTY;
    *found = false;
    subx_status status = trie_of(view, trie, &where, error);
    if (status == SUBX_OK)
        status = note(view, trie, where, key, NULL, error);
    if (status != SUBX_OK || !where->exists)
        return status;
    status = stand_behind(view, where->number, key, error);
    if (status == SUBX_OK)
        status = subx_lmdb_walk__next(view->walk, found, &at, &entry, error);
    if (status == SUBX_OK && *found)
        status = note(view, trie, where, at, NULL, error);
    if (status == SUBX_OK && *found) {
        view->next.len = 0;
        subx_buf__append_slice(&view->next, at);
        if (view->next.failed)
            status = subx_error__nomem(error);
        *next = subx_buf__slice(&view->next);
    }
    if (status != SUBX_OK || !*found) {
        subx_lmdb_walk__close(view->walk);
        view->walk = NULL;
        view->next.failed = false;
    }
    return status;
}

static subx_status walk(void *handle, struct subx_trie_id trie, subx_slice prefix, subx_slice from,
                        subx_backend_visitor *visit, void *user, subx_error *error)
{
    struct view *const view = handle;
    const struct subx_lmdb_trie *where = NULL;
    struct subx_lmdb_walk *keys = NULL;
    const subx_slice first = subx_trie__compare(from, prefix) > 0 ? from : prefix;
    subx_status status = trie_of(view, trie, &where, error);
    if (status == SUBX_OK)
        status = note(view, trie, where, first, NULL, error);
    if (status != SUBX_OK || !where->exists)
        return status;
    status =
        subx_lmdb_walk__open(view->snapshot, SUBX_LMDB_VALUES, where->number, first, &keys, error);
    for (bool stop = false; status == SUBX_OK && !stop;) {
        subx_slice key = SUBX_EMPTY, entry = SUBX_EMPTY;
        bool found = false;
        status = subx_lmdb_walk__next(keys, &found, &key, &entry, error);
        /* the one behind the prefix, too: it shows that there are no more */
        if (status == SUBX_OK && found)
            status = note(view, trie, where, key, NULL, error);
        if (status != SUBX_OK || !found || !subx_slice__starts_with(key, prefix))
            break;
        status = visit(user, key, &stop, error);
    }
    subx_lmdb_walk__close(keys);
    return status;
}

/* ---- Changing ---- */

static void drop(void *handle)
{
    struct prepared *const prepared = handle;
    subx_lmdb_part__give(prepared->db, prepared->snapshot->epoch, &prepared->before);
    subx_tree__free(&prepared->after.tree);
    subx_lmdb_recording__free(&prepared->recording);
    subx_lmdb_snapshot__release(prepared->snapshot);
    subx_buf__free(&prepared->ops.bytes);
    subx_mem__free(prepared);
}

static subx_status prepare(void *handle, uint8_t state_version, bool is_faithful, void **out,
                           subx_error *error)
{
    static const uint8_t head[SUBX_LMDB_RECORD_HEAD];
    const struct view *const view = handle;
    struct prepared *const prepared = subx_mem__calloc(1, sizeof *prepared);
    *out = NULL;
    if (prepared == NULL)
        return subx_error__nomem(error);
    atomic_fetch_add_explicit(&view->snapshot->references, 1, memory_order_relaxed);
    prepared->db = view->db;
    prepared->snapshot = view->snapshot;
    prepared->next_trie = view->snapshot->next_trie;
    prepared->state_version = state_version;
    prepared->is_faithful = is_faithful;
    subx_tree__init(&prepared->before.tree, &subx_trie_blake2b);
    subx_tree__init(&prepared->after.tree, &subx_trie_blake2b);
    prepared->recording.recorder = view->recording.recorder;
    subx_buf__append(&prepared->ops.bytes, head, sizeof head);
    if (prepared->ops.bytes.failed) {
        drop(prepared);
        return subx_error__nomem(error);
    }
    *out = prepared;
    return SUBX_OK;
}

/* What stands under a child's name and is not its trie any more. */
static void clear_orphan(struct prepared *prepared, const struct subx_lmdb_trie *record,
                         subx_slice record_key)
{
    struct subx_lmdb_ops *const ops = &prepared->ops;
    subx_lmdb_ops__mark(ops, SUBX_LMDB_CLEARS, record->number, SUBX_EMPTY, SUBX_LMDB_INLINE);
    subx_lmdb_ops__mark(ops, SUBX_LMDB_TRIES, 0, record_key, SUBX_LMDB_GONE);
}

static void add_work(struct subx_lmdb *db, const struct subx_lmdb_work *work)
{
    pthread_mutex_lock(&db->lock);
    db->work.hashes += work->hashes;
    db->work.branches_read += work->branches_read;
    db->work.branches_written += work->branches_written;
    db->work.values_read += work->values_read;
    db->work.values_written += work->values_written;
    pthread_mutex_unlock(&db->lock);
}

static subx_status apply(void *handle, struct subx_trie_id trie,
                         const struct subx_tree_change *list, size_t count, uint8_t root[32],
                         bool *is_empty, subx_error *error)
{
    struct prepared *const prepared = handle;
    struct subx_lmdb_trie main, found_record = {.exists = false};
    struct subx_lmdb_work work = {0};
    struct subx_buf key = SUBX_BUF_INIT;
    struct subx_lmdb_edit edit = {.snapshot = prepared->snapshot,
                                  .new_number = prepared->next_trie,
                                  .state_version = prepared->state_version,
                                  .is_faithful = prepared->is_faithful,
                                  .ops = &prepared->ops,
                                  .work = &work};
    for (size_t i = 1; i < count; i++)
        if (subx_trie__compare(list[i - 1].key, list[i].key) > 0)
            return subx_error__set(error, SUBX_MISUSE, "trie: change %zu is out of order", i);
    subx_status status = subx_lmdb_snapshot__trie(prepared->snapshot, NULL, &main, error);
    edit.before = main;
    if (status == SUBX_OK && trie.is_child)
        status = child_of(prepared->snapshot, &prepared->recording, &main, trie.child, &edit.before,
                          &found_record, error);
    if (status != SUBX_OK)
        return status;
    if (!trie.is_child || edit.before.exists)
        edit.recorder = prepared->recording.recorder;
    subx_buf__append_u8(&key, trie.is_child);
    subx_buf__append_slice(&key, trie.child);
    edit.record_key = subx_buf__slice(&key);
    if (!key.failed && trie.is_child && found_record.exists && !edit.before.exists)
        clear_orphan(prepared, &found_record, edit.record_key);
    if (!trie.is_child && prepared->after.tree.root == NULL) {
        subx_lmdb_part__take(prepared->db, prepared->snapshot->epoch, &prepared->before);
        subx_tree__snapshot(&prepared->before.tree, &prepared->after.tree);
        prepared->after.bytes = prepared->before.bytes;
        edit.part = &prepared->after;
    }
    status = key.failed ? subx_error__nomem(error)
                        : subx_lmdb_edit__run(&edit, list, count, root, is_empty, error);
    if (status == SUBX_OK && !edit.before.exists && !*is_empty)
        prepared->next_trie++;
    subx_buf__free(&key);
    add_work(prepared->db, &work);
    return status;
}

/* ---- The block that the state is after ---- */

static subx_status head(void *handle, bool *known, subx_block_id *out, subx_error *error)
{
    const struct view *const view = handle;
    return subx_lmdb_head__find(view->snapshot, known, out, error);
}

static void set_head(void *handle, const subx_block_id *head)
{
    struct prepared *const prepared = handle;
    prepared->has_head = head != NULL;
    prepared->head = head != NULL ? *head : (subx_block_id){.number = 0};
}

static subx_status commit(void *handle, subx_error *error)
{
    struct prepared *const prepared = handle;
    struct subx_lmdb_ops *const ops = &prepared->ops;
    const size_t len = ops->bytes.len, count = ops->count;
    subx_status status = subx_lmdb_head__replace(
        ops, prepared->snapshot, prepared->has_head ? &prepared->head : NULL, error);
    if (status == SUBX_OK)
        status = subx_lmdb__commit(prepared->db, &ops->bytes, prepared->snapshot->epoch,
                                   prepared->next_trie, error);
    if (status == SUBX_OK) {
        subx_lmdb_part__give(prepared->db, prepared->snapshot->epoch + 1, &prepared->after);
        drop(prepared);
        return SUBX_OK;
    }
    /* it may be tried again */
    ops->bytes.len = len;
    ops->bytes.failed = false;
    ops->count = count;
    return status;
}

const struct subx_backend subx_backend_lmdb = {
    .name = "lmdb",
    .free = free_db,
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
    .import_begin = subx_lmdb_bulk__begin,
    .import_add = subx_lmdb_bulk__add,
    .import_finish = subx_lmdb_bulk__finish,
    .import_commit = subx_lmdb_bulk__commit,
    .import_drop = subx_lmdb_bulk__drop,
};
