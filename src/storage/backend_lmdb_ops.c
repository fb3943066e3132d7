/* Operations on entries as bytes; see backend_lmdb_edit.h. */
#include <stdlib.h>

#include "storage/backend_lmdb_edit.h"
#include "util/endian.h"
#include "util/mem.h"
#include "util/reader.h"

static void append_u64(struct subx_buf *out, uint64_t value)
{
    uint8_t bytes[8];
    subx_store_u64(bytes, value);
    subx_buf__append(out, bytes, sizeof bytes);
}

size_t subx_lmdb_ops__begin(struct subx_lmdb_ops *ops, enum subx_lmdb_table table, uint64_t trie,
                            subx_slice key)
{
    append_u64(&ops->bytes, SUBX_LMDB_HEAD + key.len);
    subx_lmdb_record__append_head(&ops->bytes, table, trie);
    subx_buf__append_slice(&ops->bytes, key);
    append_u64(&ops->bytes, 0);
    ops->count++;
    return ops->bytes.len;
}

void subx_lmdb_ops__end(struct subx_lmdb_ops *ops, size_t begun)
{
    if (!ops->bytes.failed)
        subx_store_u64(ops->bytes.data + begun - 8, ops->bytes.len - begun);
}

void subx_lmdb_ops__mark(struct subx_lmdb_ops *ops, enum subx_lmdb_table table, uint64_t trie,
                         subx_slice key, uint8_t mark)
{
    const size_t begun = subx_lmdb_ops__begin(ops, table, trie, key);
    subx_buf__append_u8(&ops->bytes, mark);
    subx_lmdb_ops__end(ops, begun);
}

/* By key; of equal ones that which came first, which lies first. */
static int compare(const void *a, const void *b)
{
    const struct subx_tree_change *const left = a;
    const struct subx_tree_change *const right = b;
    const int order = subx_trie__compare(left->key, right->key);
    return order != 0 ? order
                      : (left->key.data > right->key.data) - (left->key.data < right->key.data);
}

static bool read_part(struct subx_reader *from, size_t least, subx_slice *out)
{
    uint64_t len = 0;
    return subx_reader__u64(from, &len) && len >= least && len <= from->left &&
           subx_reader__bytes(from, (size_t)len, out);
}

subx_status subx_lmdb_ops__list(subx_slice bytes, struct subx_tree_change **list, size_t *count,
                                subx_error *error)
{
    struct subx_reader from = subx_reader__of(bytes);
    struct subx_tree_change *changes = NULL;
    size_t capacity = 0, read = 0, kept = 0;
    bool is_sorted = true;
    while (from.left > 0) {
        if (read == capacity) {
            capacity = capacity + capacity / 2 + 32;
            struct subx_tree_change *const grown =
                subx_mem__realloc(changes, capacity, sizeof *changes);
            if (grown == NULL) {
                subx_mem__free(changes);
                return subx_error__nomem(error);
            }
            changes = grown;
        }
        struct subx_tree_change *const change = &changes[read];
        *change = (struct subx_tree_change){.remove = false};
        if (!read_part(&from, SUBX_LMDB_HEAD, &change->key) ||
            !read_part(&from, 1, &change->value)) {
            subx_mem__free(changes);
            return subx_lmdb_record__damaged("operations of a commit", error);
        }
        is_sorted = is_sorted && (read == 0 || compare(change - 1, change) < 0);
        read++;
    }
    if (!is_sorted)
        qsort(changes, read, sizeof *changes, compare);
    for (size_t i = 0; i < read; i++) {
        if (kept > 0 && subx_slice__equal(changes[kept - 1].key, changes[i].key))
            kept--;
        changes[kept++] = changes[i];
    }
    *list = changes;
    *count = kept;
    return SUBX_OK;
}
