/* Commits that a state's database has in its journal only: after the end of a process, and for who only
 * reads. See backend_lmdb_db.h. */
#include "storage/backend_lmdb_db.h"
#include "util/mem.h"

/* Put a commit that the journal has into `newer`. */
static subx_status replay(void *user, const struct subx_lmdb_record_head *head,
                          subx_slice operations, subx_error *error)
{
    static const struct subx_tree_apply options = {.state_version = 0, .faithful = false};
    struct subx_lmdb *const db = user;
    struct subx_tree_change *list = NULL;
    size_t count = 0;
    subx_status status = subx_lmdb_ops__list(operations, &list, &count, error);
    if (status == SUBX_OK)
        status = subx_tree__apply(&db->newer, list, count, &options, error);
    subx_mem__free(list);
    if (status != SUBX_OK)
        return status;
    db->sequence = head->sequence;
    db->next_trie = head->next_trie;
    return SUBX_OK;
}

subx_status subx_lmdb_recover__move(struct subx_lmdb *db, subx_error *error)
{
    subx_status status =
        subx_lmdb_journal__replay(db->folder, db->identity, db->sequence, replay, db, error);
    if (status == SUBX_OK) {
        db->older = db->newer;
        subx_tree__init(&db->newer, &subx_trie_blake2b);
        db->older_sequence = db->sequence;
        db->older_next_trie = db->next_trie;
        status = subx_lmdb_move__write(db, error);
    }
    if (status == SUBX_OK)
        status = subx_lmdb_journal__remove_all(db->folder, error);
    if (status == SUBX_OK)
        status = subx_lmdb_journal__create(db->folder, db->sequence + 1,
                                           db->options.survives_power_loss, &db->journal, error);
    return status;
}

/*
 * What the journal has of commits that follow LMDB's last one, without a gap, is a state that there
 * was, whatever the writer does to the files meanwhile.
 */
subx_status subx_lmdb_recover__follow(struct subx_lmdb *db, MDB_txn *txn, subx_error *error)
{
    struct subx_lmdb_meta meta;
    subx_status status = subx_lmdb_env__read_meta(db, txn, &meta, error);
    if (status != SUBX_OK || (db->has_followed && meta.sequence == db->moved_sequence))
        return status;
    subx_tree__free(&db->newer);
    subx_tree__init(&db->newer, &subx_trie_blake2b);
    db->sequence = db->moved_sequence = meta.sequence;
    db->next_trie = meta.next_trie;
    db->epoch++;
    status = subx_lmdb_journal__replay(db->folder, db->identity, db->sequence, replay, db, error);
    db->has_followed = status == SUBX_OK;
    return status;
}
