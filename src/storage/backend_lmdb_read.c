/* Snapshots of a state's database and walks over them; see backend_lmdb_read.h. */
#include "storage/backend_lmdb_read.h"

#include "util/mem.h"

struct subx_lmdb_space subx_lmdb__space(const struct subx_lmdb_tables *tables,
                                        enum subx_lmdb_table table, uint64_t trie)
{
    return (struct subx_lmdb_space){tables->tables[table], tables->longs, trie};
}

void subx_lmdb_snapshot__release(struct subx_lmdb_snapshot *snapshot)
{
    if (snapshot == NULL ||
        atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
        return;
    if (snapshot->owns_txn)
        mdb_txn_abort(snapshot->txn);
    subx_tree__free(&snapshot->newer);
    subx_tree__free(&snapshot->older);
    subx_buf__free(&snapshot->scratch);
    subx_mem__free(snapshot);
}

/* Look an entry up in what is not moved yet. */
static subx_status get_unmoved(struct subx_lmdb_snapshot *snapshot, enum subx_lmdb_table table,
                               uint64_t trie, subx_slice key, struct subx_tree_entry *out,
                               subx_error *error)
{
    struct subx_buf *const scratch = &snapshot->scratch;
    out->found = false;
    if (snapshot->newer.root == NULL && snapshot->older.root == NULL)
        return SUBX_OK;
    scratch->len = 0;
    subx_lmdb_record__append_head(scratch, table, trie);
    subx_buf__append_slice(scratch, key);
    if (scratch->failed) {
        scratch->failed = false;
        return subx_error__nomem(error);
    }
    subx_status status =
        subx_tree__get(&snapshot->newer, subx_buf__slice(scratch), NULL, out, error);
    if (status == SUBX_OK && !out->found)
        status = subx_tree__get(&snapshot->older, subx_buf__slice(scratch), NULL, out, error);
    return status;
}

subx_status subx_lmdb_snapshot__get(struct subx_lmdb_snapshot *snapshot, enum subx_lmdb_table table,
                                    uint64_t trie, subx_slice key, bool *found, subx_slice *entry,
                                    subx_error *error)
{
    struct subx_tree_entry unmoved = {.found = false};
    *found = false;
    subx_status status = get_unmoved(snapshot, table, trie, key, &unmoved, error);
    if (status != SUBX_OK)
        return status;
    if (unmoved.found) {
        *found = unmoved.value.len > 0 && unmoved.value.data[0] != SUBX_LMDB_GONE;
        *entry = unmoved.value;
        return SUBX_OK;
    }
    status = subx_lmdb_keys__get(snapshot->txn, subx_lmdb__space(snapshot->tables, table, trie),
                                 key, found, entry, error);
    if (status == SUBX_OK && *found && entry->len == 0)
        status = subx_lmdb_record__damaged("an empty entry", error);
    return status;
}

subx_status subx_lmdb_snapshot__trie(struct subx_lmdb_snapshot *snapshot, const subx_slice *name,
                                     struct subx_lmdb_trie *out, subx_error *error)
{
    struct subx_buf key = SUBX_BUF_INIT;
    bool found = false;
    subx_slice record = SUBX_EMPTY;
    *out = (struct subx_lmdb_trie){.exists = false};
    subx_buf__append_u8(&key, name != NULL);
    if (name != NULL)
        subx_buf__append_slice(&key, *name);
    subx_status status =
        key.failed ? subx_error__nomem(error)
                   : subx_lmdb_snapshot__get(snapshot, SUBX_LMDB_TRIES, 0, subx_buf__slice(&key),
                                             &found, &record, error);
    subx_buf__free(&key);
    return status == SUBX_OK && found ? subx_lmdb_record__read_trie(record, out, error) : status;
}

/* ---- Walks ---- */

/* One of the two trees in memory. */
struct overlay {
    struct subx_tree_cursor *cursor; /* NULL: at its end */
    subx_slice key, value;           /* where it stands; the key without its head */
};

struct subx_lmdb_walk {
    struct overlay overlays[2]; /* the newer one first */
    struct subx_lmdb_cursor database;
    /* who told the last key, and goes on with the next call: bit i for overlay i, 4 for the
     * database */
    unsigned told;
};

static subx_status advance_overlay(struct overlay *overlay, subx_error *error)
{
    struct subx_tree_entry entry = {.found = false};
    if (overlay->cursor == NULL)
        return SUBX_OK;
    const subx_status status =
        subx_tree_cursor__next(overlay->cursor, &overlay->key, &entry, error);
    if (status != SUBX_OK)
        return status;
    if (entry.found) {
        overlay->key.data += SUBX_LMDB_HEAD;
        overlay->key.len -= SUBX_LMDB_HEAD;
        overlay->value = entry.value;
    } else {
        subx_tree_cursor__close(overlay->cursor);
        overlay->cursor = NULL;
    }
    return SUBX_OK;
}

static subx_status open_overlay(const struct subx_tree *tree, enum subx_lmdb_table table,
                                uint64_t trie, subx_slice from, struct overlay *out,
                                subx_error *error)
{
    struct subx_buf key = SUBX_BUF_INIT;
    if (tree->root == NULL)
        return SUBX_OK;
    subx_lmdb_record__append_head(&key, table, trie);
    subx_buf__append_slice(&key, from);
    subx_status status =
        key.failed ? subx_error__nomem(error)
                   : subx_tree_cursor__open(tree, subx_slice__of(key.data, SUBX_LMDB_HEAD),
                                            subx_buf__slice(&key), SUBX_TREE_KEYS_AND_VALUES, NULL,
                                            &out->cursor, error);
    subx_buf__free(&key);
    return status == SUBX_OK ? advance_overlay(out, error) : status;
}

subx_status subx_lmdb_walk__open(struct subx_lmdb_snapshot *snapshot, enum subx_lmdb_table table,
                                 uint64_t trie, subx_slice from, struct subx_lmdb_walk **out,
                                 subx_error *error)
{
    struct subx_lmdb_walk *const walk = subx_mem__calloc(1, sizeof *walk);
    *out = NULL;
    if (walk == NULL)
        return subx_error__nomem(error);
    subx_status status =
        open_overlay(&snapshot->newer, table, trie, from, &walk->overlays[0], error);
    if (status == SUBX_OK)
        status = open_overlay(&snapshot->older, table, trie, from, &walk->overlays[1], error);
    if (status == SUBX_OK)
        status = subx_lmdb_cursor__open(&walk->database, snapshot->txn,
                                        subx_lmdb__space(snapshot->tables, table, trie), error);
    if (status == SUBX_OK)
        status = subx_lmdb_cursor__seek(&walk->database, from, error);
    if (status == SUBX_OK)
        *out = walk;
    else
        subx_lmdb_walk__close(walk);
    return status;
}

void subx_lmdb_walk__close(struct subx_lmdb_walk *walk)
{
    if (walk == NULL)
        return;
    subx_tree_cursor__close(walk->overlays[0].cursor);
    subx_tree_cursor__close(walk->overlays[1].cursor);
    subx_lmdb_cursor__close(&walk->database);
    subx_mem__free(walk);
}

/* Let those who told the last key go on. */
static subx_status advance(struct subx_lmdb_walk *walk, subx_error *error)
{
    subx_status status = SUBX_OK;
    for (unsigned i = 0; i < 2 && status == SUBX_OK; i++)
        if ((walk->told & 1u << i) != 0)
            status = advance_overlay(&walk->overlays[i], error);
    if (status == SUBX_OK && (walk->told & 4) != 0)
        status = subx_lmdb_cursor__next(&walk->database, error);
    walk->told = 0;
    return status;
}

/* Take another source into account: `told` becomes who has the least key, newest first. */
static void consider(struct subx_lmdb_walk *walk, unsigned source, subx_slice source_key,
                     subx_slice source_value, subx_slice *key, subx_slice *value)
{
    const int order = walk->told == 0 ? -1 : subx_trie__compare(source_key, *key);
    if (order > 0)
        return;
    walk->told = order == 0 ? walk->told | source : source;
    if (order < 0) {
        *key = source_key;
        *value = source_value;
    }
}

subx_status subx_lmdb_walk__next(struct subx_lmdb_walk *walk, bool *found, subx_slice *key,
                                 subx_slice *entry, subx_error *error)
{
    *found = false;
    for (;;) {
        const subx_status status = advance(walk, error);
        if (status != SUBX_OK)
            return status;
        for (unsigned i = 0; i < 2; i++)
            if (walk->overlays[i].cursor != NULL)
                consider(walk, 1u << i, walk->overlays[i].key, walk->overlays[i].value, key, entry);
        if (walk->database.is_valid)
            consider(walk, 4, subx_buf__slice(&walk->database.key), walk->database.value, key,
                     entry);
        if (walk->told == 0)
            return SUBX_OK;
        if (entry->len == 0)
            return subx_lmdb_record__damaged("an empty entry", error);
        if (entry->data[0] != SUBX_LMDB_GONE) {
            *found = true;
            return SUBX_OK;
        }
    }
}
