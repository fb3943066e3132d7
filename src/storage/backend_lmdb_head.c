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

subx_status subx_lmdb_head__read(subx_slice entry, subx_block_id *head, subx_error *error)
{
    if (entry.len != ENTRY_SIZE)
        return subx_lmdb_record__damaged("the block that it is after", error);
    head->number = subx_load_u64(entry.data + 1);
    memcpy(head->hash, entry.data + 9, sizeof head->hash);
    return SUBX_OK;
}
