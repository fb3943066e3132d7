/* Moving commits from the journal into LMDB, in the background; see backend_lmdb_db.h. */
#include <errno.h>
#include <time.h>

#include "storage/backend_lmdb_db.h"

/* ---- Writing into LMDB ---- */

subx_status subx_lmdb_move__put(const struct subx_lmdb *db, struct subx_lmdb_writer *writer,
                                subx_slice key, subx_slice entry, subx_error *error)
{
    const uint64_t trie = subx_lmdb_record__trie_of(key);
    const subx_slice rest = {key.data + SUBX_LMDB_HEAD, key.len - SUBX_LMDB_HEAD};
    if (key.data[0] < SUBX_LMDB_TABLES) {
        const struct subx_lmdb_space space =
            subx_lmdb__space(&db->tables, (enum subx_lmdb_table)key.data[0], trie);
        return entry.data[0] == SUBX_LMDB_GONE
                   ? subx_lmdb_keys__remove(writer, space, rest, error)
                   : subx_lmdb_keys__put(writer, space, rest, entry, error);
    }
    /* A trie that is to be cleared is never used again; what the same batch has put into it came
     * before, in the order of keys too. */
    const subx_status status =
        subx_lmdb_keys__clear(writer, subx_lmdb__space(&db->tables, SUBX_LMDB_VALUES, trie), error);
    return status != SUBX_OK
               ? status
               : subx_lmdb_keys__clear(
                     writer, subx_lmdb__space(&db->tables, SUBX_LMDB_BRANCHES, trie), error);
}

static subx_status put_all(const struct subx_lmdb *db, struct subx_lmdb_writer *writer,
                           const struct subx_tree *tree, subx_error *error)
{
    struct subx_tree_cursor *cursor = NULL;
    struct subx_tree_entry entry = {.found = true};
    subx_slice key = SUBX_EMPTY;
    subx_status status = subx_tree_cursor__open(tree, SUBX_EMPTY, SUBX_EMPTY,
                                                SUBX_TREE_KEYS_AND_VALUES, NULL, &cursor, error);
    while (status == SUBX_OK && entry.found) {
        status = subx_tree_cursor__next(cursor, &key, &entry, error);
        if (status == SUBX_OK && entry.found)
            status = subx_lmdb_move__put(db, writer, key, entry.value, error);
    }
    subx_tree_cursor__close(cursor);
    return status;
}

/* Write a tree of entries as one transaction. */
static subx_status write_tree(struct subx_lmdb *db, const struct subx_tree *tree, uint64_t sequence,
                              uint64_t next_trie, subx_error *error)
{
    struct subx_lmdb_writer writer;
    struct subx_lmdb_meta meta;
    subx_status status = subx_lmdb_env__begin(db, &writer, &meta, error);
    if (status != SUBX_OK)
        return status;
    status = put_all(db, &writer, tree, error);
    if (status == SUBX_OK) {
        meta.sequence = sequence;
        meta.next_trie = next_trie;
        meta.next_link = writer.next_link;
        status = subx_lmdb_env__write_meta(db, writer.txn, &meta, error);
    }
    if (status != SUBX_OK) {
        mdb_txn_abort(writer.txn);
        return status;
    }
    const int code = mdb_txn_commit(writer.txn);
    return code == 0 ? SUBX_OK : subx_lmdb__fail(code, "writing a batch", error);
}

/* ---- Sealing and dropping ---- */

subx_status subx_lmdb_move__seal(struct subx_lmdb *db, subx_error *error)
{
    struct subx_lmdb_journal journal;
    pthread_mutex_lock(&db->lock);
    const bool has_work = db->newer.root != NULL && db->older.root == NULL;
    const uint64_t sequence = db->sequence;
    pthread_mutex_unlock(&db->lock);
    if (!has_work)
        return SUBX_OK;
    const subx_status status = subx_lmdb_journal__create(
        db->folder, sequence + 1, db->options.survives_power_loss, &journal, error);
    if (status != SUBX_OK)
        return status;
    pthread_mutex_lock(&db->lock);
    db->older = db->newer;
    subx_tree__init(&db->newer, &subx_trie_blake2b);
    db->newer_bytes = 0;
    db->older_sequence = db->sequence;
    db->older_next_trie = db->next_trie;
    db->older_journal = db->journal;
    db->journal = journal;
    pthread_mutex_unlock(&db->lock);
    return SUBX_OK;
}

subx_status subx_lmdb_move__write(struct subx_lmdb *db, subx_error *error)
{
    struct subx_tree tree;
    subx_status status = SUBX_OK;
    pthread_mutex_lock(&db->moves);
    pthread_mutex_lock(&db->lock);
    subx_tree__snapshot(&db->older, &tree);
    const uint64_t sequence = db->older_sequence, next_trie = db->older_next_trie;
    pthread_mutex_unlock(&db->lock);
    if (tree.root != NULL) {
        status = write_tree(db, &tree, sequence, next_trie, error);
        struct subx_tree done;
        subx_tree__init(&done, &subx_trie_blake2b);
        pthread_mutex_lock(&db->lock);
        if (status == SUBX_OK) {
            done = db->older;
            subx_tree__init(&db->older, &subx_trie_blake2b);
            subx_lmdb_journal__close(&db->older_journal, true);
            db->moved_sequence = sequence;
        }
        pthread_cond_broadcast(&db->changed);
        pthread_mutex_unlock(&db->lock);
        subx_tree__free(&done);
    }
    subx_tree__free(&tree);
    pthread_mutex_unlock(&db->moves);
    return status;
}

subx_status subx_lmdb_move__all(struct subx_lmdb *db, subx_error *error)
{
    subx_status status = subx_lmdb_move__write(db, error);
    if (status == SUBX_OK)
        status = subx_lmdb_move__seal(db, error);
    return status == SUBX_OK ? subx_lmdb_move__write(db, error) : status;
}

/* ---- The thread ---- */

static struct timespec later(unsigned milliseconds)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(milliseconds / 1000);
    at.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static bool has_work(const struct subx_lmdb *db)
{
    return db->newer.root != NULL || db->older.root != NULL;
}

static bool is_urgent(const struct subx_lmdb *db)
{
    return db->stops || db->wanted_sequence > db->moved_sequence ||
           db->newer_bytes >= db->options.move_after_bytes;
}

/* Wait until it is time to move something; false: there is nothing any more, and the end is near.
 * `has_failed`: do not try again before somebody asks. `*served`: requests that were there when the
 * last attempt began, and now. */
static bool wait_for_work(struct subx_lmdb *db, bool has_failed, uint64_t *served)
{
    pthread_mutex_lock(&db->lock);
    while (!db->stops && !has_work(db))
        pthread_cond_wait(&db->changed, &db->lock);
    const struct timespec until = later(db->options.move_after_ms);
    while (has_failed ? !db->stops && db->requests == *served : !is_urgent(db))
        if (pthread_cond_timedwait(&db->changed, &db->lock, &until) == ETIMEDOUT)
            break;
    const bool goes_on = has_work(db) && !(db->stops && has_failed);
    *served = db->requests;
    pthread_mutex_unlock(&db->lock);
    return goes_on;
}

static void note_failure(struct subx_lmdb *db, const subx_error *error)
{
    pthread_mutex_lock(&db->lock);
    db->failures++;
    db->failure = *error;
    pthread_cond_broadcast(&db->changed);
    pthread_mutex_unlock(&db->lock);
}

static void *move_on(void *user)
{
    struct subx_lmdb *const db = user;
    bool has_failed = false;
    uint64_t served = 0;
    while (wait_for_work(db, has_failed, &served)) {
        subx_error error = SUBX_ERROR_INIT;
        pthread_mutex_lock(&db->commits);
        subx_status status = subx_lmdb_move__seal(db, &error);
        pthread_mutex_unlock(&db->commits);
        if (status == SUBX_OK)
            status = subx_lmdb_move__write(db, &error);
        has_failed = status != SUBX_OK;
        if (has_failed)
            note_failure(db, &error);
    }
    return NULL;
}

subx_status subx_lmdb_mover__start(struct subx_lmdb *db, subx_error *error)
{
    if (pthread_create(&db->mover, NULL, move_on, db) != 0)
        return subx_error__set(error, SUBX_NOMEM, "no thread for the state database");
    db->has_mover = true;
    return SUBX_OK;
}

void subx_lmdb_mover__stop(struct subx_lmdb *db)
{
    if (!db->has_mover)
        return;
    pthread_mutex_lock(&db->lock);
    db->stops = true;
    pthread_cond_broadcast(&db->changed);
    pthread_mutex_unlock(&db->lock);
    pthread_join(db->mover, NULL);
    db->has_mover = false;
}
