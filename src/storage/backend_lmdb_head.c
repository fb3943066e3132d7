/* The block that a state in a database is after, as an entry; see backend_lmdb_db.h. */
#include "storage/backend_lmdb_db.h"
#include "util/endian.h"

#define ENTRY_SIZE (1 + 8 + 32)

void subx_lmdb_head__append(struct subx_buf *out, const subx_block_id *head)
{
    uint8_t number[8];
    subx_store_u64(number, head->number);
    subx_buf__append_u8(out, SUBX_LMDB_INLINE);
    subx_buf__append(out, number, sizeof number);
    subx_buf__append(out, head->hash, sizeof head->hash);
}

static subx_status find(struct subx_lmdb_snapshot *snapshot, bool *known, subx_slice *entry,
                        subx_error *error)
{
    return subx_lmdb_snapshot__get(snapshot, SUBX_LMDB_TRIES, 0, SUBX_LMDB_HEAD_KEY, known, entry,
                                   error);
}

subx_status subx_lmdb_head__find(struct subx_lmdb_snapshot *snapshot, bool *known,
                                 subx_block_id *head, subx_error *error)
{
    subx_slice entry = SUBX_EMPTY;
    *head = (subx_block_id){.number = 0};
    const subx_status status = find(snapshot, known, &entry, error);
    if (status != SUBX_OK || !*known)
        return status;
    if (entry.len != ENTRY_SIZE)
        return subx_lmdb_record__damaged("the block that it is after", error);
    head->number = subx_load_u64(entry.data + 1);
    memcpy(head->hash, entry.data + 9, sizeof head->hash);
    return SUBX_OK;
}

subx_status subx_lmdb_head__replace(struct subx_lmdb_ops *ops, struct subx_lmdb_snapshot *snapshot,
                                    const subx_block_id *head, subx_error *error)
{
    bool is_there = false;
    subx_slice entry = SUBX_EMPTY;
    if (head != NULL) {
        const size_t begun = subx_lmdb_ops__begin(ops, SUBX_LMDB_TRIES, 0, SUBX_LMDB_HEAD_KEY);
        subx_lmdb_head__append(&ops->bytes, head);
        subx_lmdb_ops__end(ops, begun);
    } else {
        const subx_status status = find(snapshot, &is_there, &entry, error);
        if (status != SUBX_OK)
            return status;
        if (is_there)
            subx_lmdb_ops__mark(ops, SUBX_LMDB_TRIES, 0, SUBX_LMDB_HEAD_KEY, SUBX_LMDB_GONE);
    }
    return ops->bytes.failed ? subx_error__nomem(error) : SUBX_OK;
}
