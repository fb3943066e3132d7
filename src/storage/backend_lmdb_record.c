/* Records of a state's database; see backend_lmdb_record.h. */
#include "storage/backend_lmdb_record.h"

#include "util/endian.h"
#include "util/reader.h"

/* Flags of a branch's record. The lowest bit keeps it from being 0. */
#define BRANCH_MARK 1
#define BRANCH_INLINE 2
#define BRANCH_HASHED 4

#define KIND_LEAF 1
#define KIND_BRANCH 2

subx_status subx_lmdb_record__damaged(const char *what, subx_error *error)
{
    return subx_error__set(error, SUBX_IO, "state database: damaged: %s", what);
}

void subx_lmdb_record__append_head(struct subx_buf *out, enum subx_lmdb_table table, uint64_t trie)
{
    uint8_t head[SUBX_LMDB_HEAD] = {(uint8_t)table};
    for (int i = 0; i < 8; i++)
        head[1 + i] = (uint8_t)(trie >> (56 - 8 * i));
    subx_buf__append(out, head, sizeof head);
}

uint64_t subx_lmdb_record__trie_of(subx_slice key)
{
    uint64_t trie = 0;
    for (int i = 0; i < 8; i++)
        trie = trie << 8 | key.data[1 + i];
    return trie;
}

void subx_lmdb_record__append_path(struct subx_buf *out, struct subx_nibbles path)
{
    const size_t whole = path.len & ~(size_t)1;
    if (!subx_buf__reserve(out, path.len + 2))
        return;
    uint8_t *at = out->data + out->len;
    for (size_t i = 0; i < whole; i += 2) {
        const unsigned low = subx_nibbles__get(path, i + 1);
        *at++ = (uint8_t)((unsigned)subx_nibbles__get(path, i) << 4 | low);
        if (low == 15)
            *at++ = 0;
    }
    if (whole == path.len) {
        *at++ = 0xff;
        *at++ = 0xff;
    } else {
        *at++ = (uint8_t)(subx_nibbles__get(path, whole) << 4 | 15);
        *at++ = 0x80;
    }
    out->len = (size_t)(at - out->data);
}

/* ---- Partial keys ---- */

static void append_partial(struct subx_buf *out, struct subx_nibbles partial)
{
    const size_t size = subx_nibbles__packed_size(partial.len);
    size_t len = partial.len;
    for (; len >= 0x80; len >>= 7)
        subx_buf__append_u8(out, (uint8_t)(len | 0x80));
    subx_buf__append_u8(out, (uint8_t)len);
    if (size == 0 || !subx_buf__reserve(out, size))
        return;
    subx_nibbles__pack(out->data + out->len, partial);
    out->len += size;
}

static bool read_partial(struct subx_reader *from, struct subx_nibbles *out)
{
    size_t len = 0;
    uint8_t byte = 0x80;
    subx_slice packed = SUBX_EMPTY;
    for (unsigned shift = 0; (byte & 0x80) != 0; shift += 7) {
        if (shift > 28 || !subx_reader__u8(from, &byte))
            return false;
        len |= (size_t)(byte & 0x7f) << shift;
    }
    if (!subx_reader__bytes(from, subx_nibbles__packed_size(len), &packed))
        return false;
    *out = subx_nibbles__of_partial(packed.data, len);
    return true;
}

/* ---- Stubs ---- */

static struct subx_tree_node *new_stub(struct subx_tree_stats *stats,
                                       const struct subx_nibbles *partial, subx_slice merkle)
{
    const struct subx_node_value value = {
        .marks = 0, .len = partial == NULL ? SUBX_LMDB_STUB_LEAF : SUBX_LMDB_STUB_BRANCH};
    struct subx_tree_node *const stub =
        subx_node__new(stats, partial == NULL ? 0 : partial->len, 0, &value);
    if (stub == NULL)
        return NULL;
    if (partial != NULL)
        subx_node__write_partial(stub, 0, *partial);
    memcpy(stub->merkle, merkle.data, merkle.len);
    stub->merkle_len = (uint8_t)merkle.len;
    return stub;
}

static bool is_branch(const struct subx_tree_node *node)
{
    return subx_node__is_stub(node) ? node->value_len == SUBX_LMDB_STUB_BRANCH : node->bitmap != 0;
}

struct subx_tree_node *subx_lmdb_record__root_stub(struct subx_tree_stats *stats,
                                                   const struct subx_lmdb_trie *trie)
{
    return new_stub(stats, trie->is_leaf ? NULL : &trie->partial,
                    subx_slice__of(trie->root, sizeof trie->root));
}

/* ---- Tries ---- */

void subx_lmdb_record__append_trie_parts(struct subx_buf *out, uint64_t number,
                                         const uint8_t root[SUBX_TRIE_HASH_SIZE],
                                         const struct subx_nibbles *partial)
{
    uint8_t bytes[8];
    subx_store_u64(bytes, number);
    subx_buf__append_u8(out, SUBX_LMDB_INLINE);
    subx_buf__append(out, bytes, sizeof bytes);
    subx_buf__append(out, root, SUBX_TRIE_HASH_SIZE);
    subx_buf__append_u8(out, partial == NULL ? KIND_LEAF : KIND_BRANCH);
    if (partial != NULL)
        append_partial(out, *partial);
}

void subx_lmdb_record__append_trie(struct subx_buf *out, uint64_t number,
                                   const uint8_t root[SUBX_TRIE_HASH_SIZE],
                                   const struct subx_tree_node *node)
{
    const struct subx_nibbles partial = subx_node__partial(node);
    subx_lmdb_record__append_trie_parts(out, number, root, is_branch(node) ? &partial : NULL);
}

subx_status subx_lmdb_record__read_trie(subx_slice record, struct subx_lmdb_trie *out,
                                        subx_error *error)
{
    struct subx_reader from = subx_reader__of(record);
    subx_slice root = SUBX_EMPTY;
    uint8_t mark = 0, kind = 0;
    *out = (struct subx_lmdb_trie){.exists = true};
    const bool is_read =
        subx_reader__u8(&from, &mark) && subx_reader__u64(&from, &out->number) &&
        subx_reader__bytes(&from, SUBX_TRIE_HASH_SIZE, &root) && subx_reader__u8(&from, &kind) &&
        (kind == KIND_LEAF || (kind == KIND_BRANCH && read_partial(&from, &out->partial)));
    if (!is_read || from.left != 0)
        return subx_lmdb_record__damaged("the record of a trie", error);
    memcpy(out->root, root.data, sizeof out->root);
    out->is_leaf = kind == KIND_LEAF;
    return SUBX_OK;
}

/* ---- Branches ---- */

void subx_lmdb_record__append_branch_head(struct subx_buf *out, uint16_t bitmap, uint16_t branches,
                                          enum subx_trie_form form, const uint8_t *value_hash)
{
    uint8_t head[5] = {BRANCH_MARK};
    if (form != SUBX_TRIE_NO_VALUE)
        head[0] |= form == SUBX_TRIE_HASHED ? BRANCH_HASHED : BRANCH_INLINE;
    subx_store_u16(head + 1, bitmap);
    subx_store_u16(head + 3, branches);
    subx_buf__append(out, head, sizeof head);
    if (form == SUBX_TRIE_HASHED)
        subx_buf__append(out, value_hash, SUBX_TRIE_HASH_SIZE);
}

void subx_lmdb_record__append_child(struct subx_buf *out, const struct subx_nibbles *partial,
                                    subx_slice merkle)
{
    if (partial != NULL)
        append_partial(out, *partial);
    subx_buf__append_u8(out, (uint8_t)merkle.len);
    subx_buf__append_slice(out, merkle);
}

void subx_lmdb_record__append_branch(struct subx_buf *out, const struct subx_tree_node *node)
{
    unsigned branches = 0;
    size_t rank = 0;
    for (unsigned left = node->bitmap; left != 0; left &= left - 1)
        if (is_branch(node->children[rank++]))
            branches |= left & (0u - left);
    const struct subx_node_value value = subx_node__value(node);
    const enum subx_trie_form form = (value.marks & SUBX_NODE_VALUE) == 0 ? SUBX_TRIE_NO_VALUE
                                     : value.hash != NULL                 ? SUBX_TRIE_HASHED
                                                                          : SUBX_TRIE_INLINE;
    subx_lmdb_record__append_branch_head(out, node->bitmap, (uint16_t)branches, form, value.hash);
    for (size_t i = 0; i < subx_node__child_count(node); i++) {
        const struct subx_tree_node *const child = node->children[i];
        const struct subx_nibbles partial = subx_node__partial(child);
        subx_lmdb_record__append_child(out, is_branch(child) ? &partial : NULL,
                                       subx_node__merkle(child));
    }
}

enum subx_trie_form subx_lmdb_record__form(subx_slice record)
{
    const uint8_t flags = record.len > 0 ? record.data[0] : 0;
    return (flags & BRANCH_HASHED) != 0   ? SUBX_TRIE_HASHED
           : (flags & BRANCH_INLINE) != 0 ? SUBX_TRIE_INLINE
                                          : SUBX_TRIE_NO_VALUE;
}

/* The next child of a record, as a stub. */
static subx_status read_child(struct subx_reader *from, bool has_partial,
                              struct subx_tree_stats *stats, struct subx_tree_node **out,
                              subx_error *error)
{
    struct subx_nibbles partial = {NULL, 0, 0};
    subx_slice merkle = SUBX_EMPTY;
    uint8_t len = 0;
    if ((has_partial && !read_partial(from, &partial)) || !subx_reader__u8(from, &len) ||
        len == 0 || len > SUBX_TRIE_HASH_SIZE || !subx_reader__bytes(from, len, &merkle))
        return subx_lmdb_record__damaged("the record of a branch", error);
    *out = new_stub(stats, has_partial ? &partial : NULL, merkle);
    return *out == NULL ? subx_error__nomem(error) : SUBX_OK;
}

static subx_status read_children(struct subx_reader *from, uint16_t branches,
                                 struct subx_tree_stats *stats, struct subx_tree_node *node,
                                 subx_error *error)
{
    size_t made = 0;
    subx_status status = SUBX_OK;
    for (unsigned left = node->bitmap; left != 0 && status == SUBX_OK; left &= left - 1) {
        const unsigned bit = left & (0u - left);
        status = read_child(from, (branches & bit) != 0, stats, &node->children[made], error);
        made += status == SUBX_OK;
    }
    if (status == SUBX_OK && from->left == 0)
        return SUBX_OK;
    while (made-- > 0)
        subx_node__release(node->children[made]);
    return status != SUBX_OK ? status : subx_lmdb_record__damaged("the record of a branch", error);
}

subx_status subx_lmdb_record__read_branch(subx_slice record, const struct subx_tree_node *stub,
                                          subx_slice value, struct subx_tree_stats *stats,
                                          struct subx_tree_node **out, subx_error *error)
{
    struct subx_reader from = subx_reader__of(record);
    struct subx_node_value made = {.marks = 0};
    subx_slice head = SUBX_EMPTY, hash = SUBX_EMPTY;
    const enum subx_trie_form form = subx_lmdb_record__form(record);
    if (!subx_reader__bytes(&from, 5, &head) || subx_load_u16(head.data + 1) == 0 ||
        (form == SUBX_TRIE_HASHED && !subx_reader__bytes(&from, SUBX_TRIE_HASH_SIZE, &hash)))
        return subx_lmdb_record__damaged("the record of a branch", error);
    subx_status status = SUBX_OK;
    if (form == SUBX_TRIE_INLINE) {
        status = subx_node_value__make(value, NULL, &made, error);
    } else if (form == SUBX_TRIE_HASHED) {
        made.marks = SUBX_NODE_VALUE | SUBX_NODE_HASHED;
        made.hash = hash.data;
    }
    if (status != SUBX_OK)
        return status;
    struct subx_tree_node *const node =
        subx_node__new(stats, stub->partial_len, subx_load_u16(head.data + 1), &made);
    subx_node_value__release(&made);
    if (node == NULL)
        return subx_error__nomem(error);
    subx_node__write_partial(node, 0, subx_node__partial(stub));
    memcpy(node->merkle, stub->merkle, sizeof node->merkle);
    node->merkle_len = stub->merkle_len;
    status = read_children(&from, subx_load_u16(head.data + 3), stats, node, error);
    if (status == SUBX_OK)
        *out = node;
    else
        subx_node__free_shell(node);
    return status;
}
