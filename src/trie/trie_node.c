/* Node codec: spec/host-api.md section 4.2. */
#include "trie/trie_node.h"

#include "codec/scale.h"
#include "util/error.h"

struct header {
    uint8_t first;
    /* the largest length that stands in the first byte, and the mark of longer ones */
    uint8_t most;
};

/* By form of the value, of leaves and branches. A leaf without a value is none. */
static const struct header leaf_headers[] = {{0, 0}, {0x40, 63}, {0x20, 31}};
static const struct header branch_headers[] = {{0x80, 63}, {0xc0, 63}, {0x10, 15}};

static subx_status refuse(const struct subx_reader *at, const char *what, subx_error *error)
{
    return subx_error__set(error, SUBX_INVALID_INPUT, "trie node: %s at offset %zu", what,
                           subx_reader__offset(at));
}

/* Split the first byte; false if no node begins so. `form` and `is_branch` come from it too. */
static bool split_header(uint8_t first, enum subx_trie_form *form, bool *is_branch, uint8_t *most)
{
    if (first >> 6 != 0) {
        *form = first >> 6 == 2 ? SUBX_TRIE_NO_VALUE : SUBX_TRIE_INLINE;
        *is_branch = first >> 7 != 0;
        *most = 63;
    } else if (first >> 5 == 1) {
        *form = SUBX_TRIE_HASHED;
        *is_branch = false;
        *most = 31;
    } else if (first >> 4 == 1) {
        *form = SUBX_TRIE_HASHED;
        *is_branch = true;
        *most = 15;
    } else {
        return false;
    }
    return true;
}

/* Length of the partial key, whose first byte is behind the cursor. */
static bool read_partial_len(struct subx_reader *at, uint8_t first, uint8_t most, size_t *len)
{
    *len = first & most;
    if (*len < most)
        return true;
    uint8_t more = 255;
    while (more == 255) {
        if (!subx_reader__u8(at, &more))
            return false;
        *len += more;
    }
    return true;
}

static subx_status read_partial(struct subx_reader *at, size_t len, struct subx_nibbles *out,
                                subx_error *error)
{
    subx_slice packed = SUBX_EMPTY;
    if (at->left >= 1 && (len & 1) != 0 && at->at[0] >> 4 != 0)
        return refuse(at, "padding of the partial key is not zero", error);
    if (!subx_reader__bytes(at, subx_nibbles__packed_size(len), &packed))
        return refuse(at, "the partial key is cut short", error);
    *out = subx_nibbles__of_partial(packed.data, len);
    return SUBX_OK;
}

static subx_status read_bitmap(struct subx_reader *at, uint16_t *out, subx_error *error)
{
    subx_slice bytes = SUBX_EMPTY;
    if (!subx_reader__bytes(at, 2, &bytes))
        return refuse(at, "the bitmap of children is cut short", error);
    *out = subx_load_u16(bytes.data);
    return *out != 0 ? SUBX_OK : refuse(at, "a branch without children", error);
}

static bool read_value(struct subx_reader *at, struct subx_trie_value *value)
{
    switch (value->form) {
    case SUBX_TRIE_INLINE:
        return subx_scale__bytes(at, &value->bytes);
    case SUBX_TRIE_HASHED:
        return subx_reader__bytes(at, SUBX_TRIE_HASH_SIZE, &value->bytes);
    case SUBX_TRIE_NO_VALUE:
    default:
        return true;
    }
}

static subx_status read_children(struct subx_reader *at, enum subx_trie_grammar grammar,
                                 struct subx_trie_node *out, subx_error *error)
{
    for (size_t i = 0; i < 16; i++) {
        if ((out->bitmap >> i & 1) == 0)
            continue;
        subx_slice *const child = &out->children[i];
        if (!subx_scale__bytes(at, child))
            return refuse(at, "a child is cut short", error);
        if (child->len > SUBX_TRIE_HASH_SIZE)
            return refuse(at, "a child is longer than a hash", error);
        if (child->len == 0 && grammar != SUBX_TRIE_OMITTING)
            return refuse(at, "a child is empty", error);
    }
    return SUBX_OK;
}

subx_status subx_trie_node__decode(subx_slice bytes, enum subx_trie_grammar grammar,
                                   struct subx_trie_node *out, subx_error *error)
{
    struct subx_reader at = subx_reader__of(bytes);
    uint8_t first = 0, most = 0;
    size_t len = 0;
    bool is_branch = false;
    *out = (struct subx_trie_node){.is_empty = false};
    if (!subx_reader__u8(&at, &first))
        return refuse(&at, "no bytes", error);
    if (first == 0) {
        out->is_empty = true;
    } else {
        if (!split_header(first, &out->value.form, &is_branch, &most))
            return subx_error__set(error, SUBX_INVALID_INPUT,
                                   "trie node: no node begins with 0x%02x", first);
        if (!read_partial_len(&at, first, most, &len))
            return refuse(&at, "the length of the partial key is cut short", error);
        subx_status status = read_partial(&at, len, &out->partial, error);
        if (status == SUBX_OK && is_branch)
            status = read_bitmap(&at, &out->bitmap, error);
        if (status == SUBX_OK && !read_value(&at, &out->value))
            status = refuse(&at, "the value is cut short", error);
        if (status == SUBX_OK)
            status = read_children(&at, grammar, out, error);
        if (status != SUBX_OK)
            return status;
    }
    if (at.left != 0 && grammar == SUBX_TRIE_PLAIN)
        return refuse(&at, "bytes after the end", error);
    return SUBX_OK;
}

void subx_trie_node__append_head(struct subx_buf *buf, enum subx_trie_form form,
                                 struct subx_nibbles partial, uint16_t bitmap)
{
    const struct header header = bitmap != 0 ? branch_headers[form] : leaf_headers[form];
    const size_t size = subx_nibbles__packed_size(partial.len);
    if (!subx_buf__reserve(buf, 5 + partial.len / 255 + size))
        return;
    uint8_t *at = buf->data + buf->len;
    if (partial.len < header.most) {
        *at++ = (uint8_t)(header.first | partial.len);
    } else {
        size_t more = partial.len - header.most;
        *at++ = header.first | header.most;
        for (; more >= 255; more -= 255)
            *at++ = 255;
        *at++ = (uint8_t)more;
    }
    subx_nibbles__pack(at, partial);
    at += size;
    if (bitmap != 0) {
        subx_store_u16(at, bitmap);
        at += 2;
    }
    buf->len = (size_t)(at - buf->data);
}

void subx_trie_node__append_value(struct subx_buf *buf, const struct subx_trie_value *value)
{
    if (value->form == SUBX_TRIE_INLINE)
        subx_scale__append_bytes(buf, value->bytes);
    else if (value->form == SUBX_TRIE_HASHED)
        subx_buf__append_slice(buf, value->bytes);
}

void subx_trie_node__append_child(struct subx_buf *buf, subx_slice merkle)
{
    if (!subx_buf__reserve(buf, 1 + merkle.len))
        return;
    uint8_t *const at = buf->data + buf->len;
    at[0] = (uint8_t)(merkle.len << 2);
    if (merkle.len > 0)
        memcpy(at + 1, merkle.data, merkle.len);
    buf->len += 1 + merkle.len;
}

void subx_trie_node__encode(const struct subx_trie_node *node, struct subx_buf *buf)
{
    if (node->is_empty) {
        subx_buf__append_u8(buf, 0);
        return;
    }
    subx_trie_node__append_head(buf, node->value.form, node->partial, node->bitmap);
    subx_trie_node__append_value(buf, &node->value);
    for (size_t i = 0; i < 16; i++)
        if ((node->bitmap >> i & 1) != 0)
            subx_trie_node__append_child(buf, node->children[i]);
}

struct subx_merkle subx_trie_node__merkle(const struct subx_trie_hasher *hasher,
                                          subx_slice encoding)
{
    struct subx_merkle merkle = {.len = SUBX_TRIE_HASH_SIZE};
    if (encoding.len < SUBX_TRIE_HASH_SIZE) {
        merkle.len = (uint8_t)encoding.len;
        memcpy(merkle.bytes, encoding.data, encoding.len);
    } else {
        hasher->hash(encoding, merkle.bytes);
    }
    return merkle;
}
