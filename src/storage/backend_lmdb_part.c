/* The part of the main trie that stays in memory between commits; see backend_lmdb_edit.h. */
#include "storage/backend_lmdb_db.h"

/* What a part may have cost before it is made anew: it grows, and its nodes are found by nobody else. */
#define MAX_PART_BYTES ((uint64_t)64 << 20)

void subx_lmdb_part__take(struct subx_lmdb *db, uint64_t epoch, struct subx_lmdb_part *out)
{
    struct subx_lmdb_part old = {.bytes = 0};
    subx_tree__init(&out->tree, &subx_trie_blake2b);
    out->bytes = 0;
    subx_tree__init(&old.tree, &subx_trie_blake2b);
    pthread_mutex_lock(&db->lock);
    struct subx_lmdb_part *const place = db->part_epoch == epoch      ? out
                                         : db->part_epoch < db->epoch ? &old
                                                                      : NULL;
    if (place != NULL && db->part.tree.root != NULL) {
        *place = db->part;
        db->part = (struct subx_lmdb_part){.bytes = 0};
        subx_tree__init(&db->part.tree, &subx_trie_blake2b);
    }
    pthread_mutex_unlock(&db->lock);
    subx_tree__free(&old.tree);
}

void subx_lmdb_part__give(struct subx_lmdb *db, uint64_t epoch, struct subx_lmdb_part *part)
{
    pthread_mutex_lock(&db->lock);
    if (part->tree.root != NULL && part->bytes <= MAX_PART_BYTES && db->epoch == epoch) {
        const struct subx_lmdb_part old = db->part;
        db->part = *part;
        db->part_epoch = epoch;
        *part = old;
    }
    pthread_mutex_unlock(&db->lock);
    subx_tree__free(&part->tree);
}
