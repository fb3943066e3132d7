/* Commits to a state's database; see backend_lmdb_db.h. */
#include "storage/backend_lmdb_db.h"
#include "util/mem.h"

/* Operations of so many bytes do not go through the journal: an import would be written twice. */
#define DIRECT_FROM ((size_t)32 << 20)
/* What may wait to be moved. */
#define MAX_WAITING ((size_t)64 << 20)

static subx_status refuse_stale(subx_error *error)
{
    return subx_error__set(error, SUBX_EXTERNALITIES,
                           "the state was changed since these changes began");
}

static subx_slice operations_of(const struct subx_buf *record)
{
    return subx_slice__of(record->data + SUBX_LMDB_RECORD_HEAD,
                          record->len - SUBX_LMDB_RECORD_HEAD);
}

/* A commit has happened: `db->lock` is held. */
static void advance(struct subx_lmdb *db, uint64_t next_trie)
{
    db->sequence++;
    db->epoch++;
    db->next_trie = next_trie;
    pthread_cond_broadcast(&db->changed);
}

static subx_status write_list(struct subx_lmdb *db, struct subx_lmdb_writer *writer,
                              const struct subx_tree_change *list, size_t count, subx_error *error)
{
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < count && status == SUBX_OK; i++)
        status = subx_lmdb_move__put(db, writer, list[i].key, list[i].value, error);
    return status;
}

/* Write a commit into LMDB, after all that came before it. */
static subx_status commit_directly(struct subx_lmdb *db, const struct subx_tree_change *list,
                                   size_t count, uint64_t next_trie, subx_error *error)
{
    struct subx_lmdb_writer writer;
    struct subx_lmdb_meta meta;
    subx_status status = subx_lmdb_move__all(db, error);
    if (status != SUBX_OK)
        return status;
    pthread_mutex_lock(&db->moves);
    status = subx_lmdb_env__begin(db, &writer, &meta, error);
    if (status == SUBX_OK) {
        status = write_list(db, &writer, list, count, error);
        meta.sequence = db->sequence + 1;
        meta.next_trie = next_trie;
        meta.next_link = writer.next_link;
        if (status == SUBX_OK)
            status = subx_lmdb_env__write_meta(db, writer.txn, &meta, error);
        if (status != SUBX_OK)
            mdb_txn_abort(writer.txn);
    }
    if (status == SUBX_OK) {
        /* nobody may open a view between the one and the other */
        pthread_mutex_lock(&db->lock);
        const int code = mdb_txn_commit(writer.txn);
        if (code == 0) {
            advance(db, next_trie);
            db->moved_sequence = db->sequence;
        } else {
            status = subx_lmdb__fail(code, "writing a commit", error);
        }
        pthread_mutex_unlock(&db->lock);
    }
    pthread_mutex_unlock(&db->moves);
    return status;
}

/* Write a commit into the journal, and over LMDB in memory. */
static subx_status commit_to_journal(struct subx_lmdb *db, struct subx_buf *record,
                                     const struct subx_tree_change *list, size_t count,
                                     uint64_t next_trie, subx_error *error)
{
    static const struct subx_tree_apply options = {.state_version = 0, .faithful = false};
    const struct subx_lmdb_record_head head = {db->identity, db->sequence + 1, next_trie};
    struct subx_tree next;
    subx_tree__snapshot(&db->newer, &next);
    subx_status status = subx_tree__apply(&next, list, count, &options, error);
    if (status == SUBX_OK) {
        subx_lmdb_journal__seal(record, &head);
        status = subx_lmdb_journal__append(&db->journal, subx_buf__slice(record),
                                           db->options.survives_power_loss, error);
    }
    if (status == SUBX_OK) {
        pthread_mutex_lock(&db->lock);
        const struct subx_tree before = db->newer;
        db->newer = next;
        next = before;
        db->newer_bytes += record->len;
        advance(db, next_trie);
        pthread_mutex_unlock(&db->lock);
    }
    subx_tree__free(&next);
    return status;
}

/* Wait while the mover has too much to do; SUBX_IO if it cannot do it. */
static subx_status wait_for_room(struct subx_lmdb *db, subx_error *error)
{
    subx_status status = SUBX_OK;
    pthread_mutex_lock(&db->lock);
    const uint64_t failures = db->failures;
    while (db->newer_bytes >= MAX_WAITING && db->failures == failures)
        pthread_cond_wait(&db->changed, &db->lock);
    if (db->newer_bytes >= MAX_WAITING)
        status = subx_error__set(error, SUBX_IO, "%s", db->failure.message);
    pthread_mutex_unlock(&db->lock);
    return status;
}

subx_status subx_lmdb__commit(struct subx_lmdb *db, struct subx_buf *record, uint64_t epoch,
                              uint64_t next_trie, subx_error *error)
{
    struct subx_tree_change *list = NULL;
    size_t count = 0;
    if (db->options.is_read_only)
        return subx_error__set(error, SUBX_IO, "%s: the database is open for reading only",
                               db->folder);
    subx_status status = subx_lmdb_ops__list(operations_of(record), &list, &count, error);
    if (status == SUBX_OK)
        status = wait_for_room(db, error);
    if (status != SUBX_OK) {
        subx_mem__free(list);
        return status;
    }
    pthread_mutex_lock(&db->commits);
    if (db->epoch != epoch) {
        status = refuse_stale(error);
    } else if (count == 0) {
        pthread_mutex_lock(&db->lock);
        db->epoch++;
        pthread_mutex_unlock(&db->lock);
    } else if (record->len >= DIRECT_FROM) {
        status = commit_directly(db, list, count, next_trie, error);
    } else {
        status = commit_to_journal(db, record, list, count, next_trie, error);
    }
    pthread_mutex_unlock(&db->commits);
    subx_mem__free(list);
    return status;
}
