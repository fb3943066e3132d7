/* Filling an empty database: values first, then the tries over them; see backend_lmdb.h. */
#include "storage/backend_lmdb_build.h"
#include "storage/backend_lmdb_db.h"
#include "util/hex.h"
#include "util/mem.h"

struct subx_lmdb_import {
    struct subx_lmdb *db;
    struct subx_lmdb_writer writer;
    struct subx_lmdb_meta meta;
    uint64_t next_trie;
    uint64_t main; /* number of the main trie; 0: none yet */
    /* the child trie of the last pair */
    bool knows_child;
    struct subx_buf child_name;
    uint64_t child;
    uint8_t state_version; /* that values are written for */
    bool sets_form;        /* some were written for the other one */
    bool is_done;
    struct subx_buf scratch;
};

/* ---- Transactions ---- */

/* Whether LMDB holds as much as it may in memory. What it has written counts at most once. */
static bool is_full(void *user)
{
    struct subx_lmdb_import *const import = user;
    const struct subx_lmdb *const db = import->db;
    const uint64_t limit = db->options.import_bytes;
    const MDB_dbi tables[] = {db->tables.longs, db->tables.tables[SUBX_LMDB_VALUES],
                              db->tables.tables[SUBX_LMDB_BRANCHES],
                              db->tables.tables[SUBX_LMDB_TRIES]};
    uint64_t bytes = 0;
    if (import->writer.held < limit)
        return false;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        MDB_stat stat = {0};
        (void)mdb_stat(import->writer.txn, tables[i], &stat);
        bytes += (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
                 (uint64_t)stat.ms_psize;
    }
    /* as long as there is not so much at all, it is asked again when as much more was written */
    if (bytes < limit)
        import->writer.held = bytes;
    return bytes >= limit;
}

/* End the transaction and begin another one. */
static subx_status turn(void *user, subx_error *error)
{
    struct subx_lmdb_import *const import = user;
    import->meta.has_parts = true;
    import->meta.next_trie = import->next_trie;
    import->meta.next_link = import->writer.next_link;
    const subx_status status =
        subx_lmdb_env__write_meta(import->db, import->writer.txn, &import->meta, error);
    if (status != SUBX_OK)
        return status;
    int code = mdb_txn_commit(import->writer.txn);
    import->writer.txn = NULL;
    import->writer.held = 0;
    if (code == 0)
        code = mdb_txn_begin(import->db->env, NULL, 0, &import->writer.txn);
    return code == 0 ? SUBX_OK : subx_lmdb__fail(code, "writing a part of an import", error);
}

static subx_status turn_if_full(struct subx_lmdb_import *import, subx_error *error)
{
    if (import->writer.txn == NULL)
        return subx_error__set(error, SUBX_MISUSE, "an import that has failed goes on");
    return is_full(import) ? turn(import, error) : SUBX_OK;
}

/* Remove what is there of an import. Where that fails, the next who writes does it; until then what
 * is there must not get into anybody's way. */
static void remove_parts(const struct subx_lmdb_import *import)
{
    struct subx_lmdb *const db = import->db;
    struct subx_lmdb_writer writer;
    struct subx_lmdb_meta meta;
    pthread_mutex_lock(&db->lock);
    db->next_trie = import->next_trie;
    db->epoch++;
    pthread_mutex_unlock(&db->lock);
    if (subx_lmdb_env__begin(db, &writer, &meta, NULL) != SUBX_OK)
        return;
    meta.next_trie = import->next_trie;
    if (subx_lmdb_env__write_meta(db, writer.txn, &meta, NULL) == SUBX_OK)
        (void)mdb_txn_commit(writer.txn);
    else
        mdb_txn_abort(writer.txn);
}

/* Both locks are held from begin to here. */
static void release(struct subx_lmdb_import *import)
{
    struct subx_lmdb *const db = import->db;
    if (import->writer.txn != NULL)
        mdb_txn_abort(import->writer.txn);
    if (import->meta.has_parts && !import->is_done)
        remove_parts(import);
    subx_buf__free(&import->child_name);
    subx_buf__free(&import->scratch);
    subx_mem__free(import);
    pthread_mutex_unlock(&db->moves);
    pthread_mutex_unlock(&db->commits);
}

void subx_lmdb_import__drop(struct subx_lmdb_import *import)
{
    if (import != NULL)
        release(import);
}

/* ---- Pairs ---- */

static struct subx_lmdb_space space_of(const struct subx_lmdb_import *import,
                                       enum subx_lmdb_table table, uint64_t trie)
{
    return subx_lmdb__space(&import->db->tables, table, trie);
}

/* Without keys there are no tries; a block may still stand among them. */
static subx_status check_empty(struct subx_lmdb_import *import, subx_error *error)
{
    MDB_stat stat;
    const subx_status status = subx_lmdb_keys__remove(
        &import->writer, space_of(import, SUBX_LMDB_TRIES, 0), SUBX_LMDB_HEAD_KEY, error);
    if (status != SUBX_OK)
        return status;
    const int code =
        mdb_stat(import->writer.txn, import->db->tables.tables[SUBX_LMDB_TRIES], &stat);
    if (code != 0)
        return subx_lmdb__fail(code, "looking whether it is empty", error);
    return stat.ms_entries == 0
               ? SUBX_OK
               : subx_error__set(error, SUBX_MISUSE, "%s: the state has keys already",
                                 import->db->folder);
}

subx_status subx_lmdb_import__begin(void *self, uint8_t likely_version,
                                    struct subx_lmdb_import **out, subx_error *error)
{
    struct subx_lmdb *const db = self;
    *out = NULL;
    if (db->options.is_read_only)
        return subx_error__set(error, SUBX_IO, "%s: the database is open for reading only",
                               db->folder);
    struct subx_lmdb_import *const import = subx_mem__calloc(1, sizeof *import);
    if (import == NULL)
        return subx_error__nomem(error);
    import->db = db;
    import->state_version = likely_version;
    pthread_mutex_lock(&db->commits);
    subx_status status = subx_lmdb_move__all(db, error);
    pthread_mutex_lock(&db->moves);
    if (status == SUBX_OK)
        status = subx_lmdb_env__begin(db, &import->writer, &import->meta, error);
    if (status == SUBX_OK)
        status = check_empty(import, error);
    if (status != SUBX_OK) {
        release(import);
        return status;
    }
    import->next_trie = db->next_trie;
    *out = import;
    return SUBX_OK;
}

static subx_status refuse_twice(subx_slice name, subx_error *error)
{
    struct subx_buf text = SUBX_BUF_INIT;
    subx_hex__append(&text, subx_slice__of(name.data, name.len < 64 ? name.len : 64));
    subx_buf__append_u8(&text, '\0');
    const subx_status status = subx_error__set(
        error, SUBX_INVALID_INPUT, "import: one trie is given twice (child trie 0x%s%s)",
        text.failed ? "" : (const char *)text.data, name.len > 64 ? "..." : "");
    subx_buf__free(&text);
    return status;
}

/* Begin a child trie; a record without a root stands for it until it is built. */
static subx_status begin_child(struct subx_lmdb_import *import, subx_slice name, subx_error *error)
{
    static const uint8_t no_root[SUBX_TRIE_HASH_SIZE];
    const struct subx_lmdb_space space = space_of(import, SUBX_LMDB_TRIES, 0);
    struct subx_buf key = SUBX_BUF_INIT, *const scratch = &import->scratch;
    subx_slice record = SUBX_EMPTY;
    bool found = false;
    import->knows_child = false;
    import->child_name.len = scratch->len = 0;
    subx_buf__append_slice(&import->child_name, name);
    subx_buf__append_u8(&key, 1);
    subx_buf__append_slice(&key, name);
    subx_lmdb_record__append_trie_parts(scratch, import->next_trie, no_root, NULL);
    subx_status status = key.failed || import->child_name.failed || scratch->failed
                             ? subx_error__nomem(error)
                             : subx_lmdb_keys__get(import->writer.txn, space, subx_buf__slice(&key),
                                                   &found, &record, error);
    if (status == SUBX_OK && found)
        status = refuse_twice(name, error);
    if (status == SUBX_OK)
        status = subx_lmdb_keys__put(&import->writer, space, subx_buf__slice(&key),
                                     subx_buf__slice(scratch), error);
    subx_buf__free(&key);
    if (status != SUBX_OK)
        return status;
    import->child = import->next_trie++;
    import->knows_child = true;
    return SUBX_OK;
}

static subx_status put_value(struct subx_lmdb_import *import, uint64_t number, subx_slice key,
                             subx_slice value, subx_error *error)
{
    const bool is_hashed = subx_trie__is_hashed(import->state_version, value.len);
    struct subx_buf *const scratch = &import->scratch;
    scratch->len = 0;
    subx_buf__append_u8(scratch, is_hashed ? SUBX_LMDB_HASHED : SUBX_LMDB_INLINE);
    subx_buf__append_slice(scratch, value);
    if (scratch->failed)
        return subx_error__nomem(error);
    return subx_lmdb_keys__put(&import->writer, space_of(import, SUBX_LMDB_VALUES, number), key,
                               subx_buf__slice(scratch), error);
}

subx_status subx_lmdb_import__add(struct subx_lmdb_import *import, struct subx_trie_id trie,
                                  subx_slice key, subx_slice value, subx_error *error)
{
    if (value.len >= UINT32_MAX - 1)
        return subx_error__set(error, SUBX_TOO_LARGE, "trie: a value of %zu bytes", value.len);
    if (key.len > UINT32_MAX / 2)
        return subx_error__set(error, SUBX_TOO_LARGE, "trie: a key of %zu bytes", key.len);
    const subx_status ready = turn_if_full(import, error);
    if (ready != SUBX_OK)
        return ready;
    if (!trie.is_child) {
        if (import->main == 0)
            import->main = import->next_trie++;
        return put_value(import, import->main, key, value, error);
    }
    if (!import->knows_child ||
        !subx_slice__equal(subx_buf__slice(&import->child_name), trie.child)) {
        const subx_status status = begin_child(import, trie.child, error);
        if (status != SUBX_OK)
            return status;
    }
    return put_value(import, import->child, key, value, error);
}

/* ---- Tries ---- */

static subx_status build(struct subx_lmdb_import *import, uint64_t number, subx_slice record_key,
                         uint8_t root[SUBX_TRIE_HASH_SIZE], bool *is_empty, subx_error *error)
{
    const struct subx_lmdb_build how = {.tables = &import->db->tables,
                                        .writer = &import->writer,
                                        .sets_form = import->sets_form,
                                        .state_version = import->state_version,
                                        .is_full = is_full,
                                        .turn = turn,
                                        .user = import};
    return subx_lmdb_build__trie(&how, number, record_key, root, is_empty, error);
}

/* Build one child trie, and put its root into the main trie. `key` is that of its record. */
static subx_status build_child(struct subx_lmdb_import *import, subx_slice key, uint64_t number,
                               subx_error *error)
{
    uint8_t root[SUBX_TRIE_HASH_SIZE];
    bool is_empty = false;
    struct subx_buf root_key = SUBX_BUF_INIT;
    subx_status status = build(import, number, key, root, &is_empty, error);
    subx_buf__append_text(&root_key, SUBX_TRIE_CHILD_PREFIX);
    subx_buf__append(&root_key, key.data + 1, key.len - 1);
    if (status == SUBX_OK && root_key.failed)
        status = subx_error__nomem(error);
    if (status == SUBX_OK)
        status = subx_lmdb_import__add(import, SUBX_MAIN_TRIE, subx_buf__slice(&root_key),
                                       subx_slice__of(root, sizeof root), error);
    subx_buf__free(&root_key);
    return status;
}

/* The first child trie whose record's key is not less than `from`, which becomes the least key behind
 * it. */
static subx_status next_child(struct subx_lmdb_import *import, struct subx_buf *from,
                              uint64_t *number, bool *found, subx_error *error)
{
    struct subx_lmdb_cursor cursor;
    struct subx_lmdb_trie trie;
    subx_status status = subx_lmdb_cursor__open(&cursor, import->writer.txn,
                                                space_of(import, SUBX_LMDB_TRIES, 0), error);
    if (status == SUBX_OK)
        status = subx_lmdb_cursor__seek(&cursor, subx_buf__slice(from), error);
    *found = status == SUBX_OK && cursor.is_valid;
    if (*found) {
        from->len = 0;
        subx_buf__append_slice(from, subx_buf__slice(&cursor.key));
        subx_buf__append_u8(from, 0);
        status = subx_lmdb_record__read_trie(cursor.value, &trie, error);
        *number = trie.number;
    }
    subx_lmdb_cursor__close(&cursor);
    return status;
}

static subx_status build_children(struct subx_lmdb_import *import, subx_error *error)
{
    struct subx_buf from = SUBX_BUF_INIT;
    subx_status status = SUBX_OK;
    bool more = true;
    subx_buf__append_u8(&from, 1);
    while (status == SUBX_OK && more && !from.failed) {
        uint64_t number = 0;
        status = next_child(import, &from, &number, &more, error);
        if (status == SUBX_OK && more && !from.failed)
            status = build_child(import, subx_slice__of(from.data, from.len - 1), number, error);
    }
    if (status == SUBX_OK && from.failed)
        status = subx_error__nomem(error);
    subx_buf__free(&from);
    return status;
}

subx_status subx_lmdb_import__finish(struct subx_lmdb_import *import, uint8_t state_version,
                                     uint8_t root[32], subx_error *error)
{
    static const uint8_t main_key[1] = {0};
    bool is_empty = false;
    memcpy(root, subx_trie_blake2b.empty_root, SUBX_TRIE_HASH_SIZE);
    import->sets_form = import->state_version != state_version;
    import->state_version = state_version;
    const subx_status status = build_children(import, error);
    if (status != SUBX_OK || import->main == 0)
        return status;
    return build(import, import->main, subx_slice__of(main_key, 1), root, &is_empty, error);
}

/* ---- The end ---- */

static subx_status put_head(struct subx_lmdb_import *import, const subx_block_id *head,
                            subx_error *error)
{
    struct subx_buf *const scratch = &import->scratch;
    if (head == NULL)
        return SUBX_OK;
    scratch->len = 0;
    subx_lmdb_head__append(scratch, head);
    if (scratch->failed)
        return subx_error__nomem(error);
    return subx_lmdb_keys__put(&import->writer, space_of(import, SUBX_LMDB_TRIES, 0),
                               SUBX_LMDB_HEAD_KEY, subx_buf__slice(scratch), error);
}

static subx_status commit(struct subx_lmdb_import *import, const subx_block_id *head,
                          subx_error *error)
{
    struct subx_lmdb *const db = import->db;
    struct subx_lmdb_meta meta = import->meta;
    meta.sequence = db->sequence + 1;
    meta.next_trie = import->next_trie;
    meta.next_link = import->writer.next_link;
    meta.has_parts = false;
    subx_status status = put_head(import, head, error);
    if (status == SUBX_OK)
        status = subx_lmdb_env__write_meta(db, import->writer.txn, &meta, error);
    if (status != SUBX_OK)
        return status;
    pthread_mutex_lock(&db->lock);
    const int code = mdb_txn_commit(import->writer.txn);
    import->writer.txn = NULL;
    import->is_done = code == 0;
    if (code == 0) {
        db->sequence++;
        db->epoch++;
        db->moved_sequence = db->sequence;
        db->next_trie = import->next_trie;
    } else {
        status = subx_lmdb__fail(code, "writing an import", error);
    }
    pthread_mutex_unlock(&db->lock);
    return status;
}

subx_status subx_lmdb_import__commit(struct subx_lmdb_import *import, const subx_block_id *head,
                                     subx_error *error)
{
    const subx_status status = commit(import, head, error);
    release(import);
    return status;
}

/* ---- As back ends have it ---- */

subx_status subx_lmdb_bulk__begin(void *self, uint8_t likely_version, void **import,
                                  subx_error *error)
{
    struct subx_lmdb_import *begun = NULL;
    subx_error own = SUBX_ERROR_INIT;
    const subx_status status = subx_lmdb_import__begin(self, likely_version, &begun, &own);
    *import = begun;
    if (status == SUBX_MISUSE) /* it has keys */
        return SUBX_OK;
    return status == SUBX_OK ? status : subx_error__set(error, status, "%s", own.message);
}

subx_status subx_lmdb_bulk__add(void *import, struct subx_trie_id trie, subx_slice key,
                                subx_slice value, subx_error *error)
{
    return subx_lmdb_import__add(import, trie, key, value, error);
}

subx_status subx_lmdb_bulk__finish(void *import, uint8_t state_version, uint8_t root[32],
                                   subx_error *error)
{
    return subx_lmdb_import__finish(import, state_version, root, error);
}

subx_status subx_lmdb_bulk__commit(void *import, const subx_block_id *head, subx_error *error)
{
    return subx_lmdb_import__commit(import, head, error);
}

void subx_lmdb_bulk__drop(void *import)
{
    subx_lmdb_import__drop(import);
}
