/* Roots without a tree: spec/host-api.md sections 1.5 and 4. */
#include "trie/trie_root.h"

#include <stdlib.h>

#include "codec/scale.h"
#include "util/error.h"
#include "util/mem.h"

/* An encoded value on its stack is followed by 8 bytes: its length times two, plus 1 if it is a hash.
 * This ends the one that begins at `start`. */
static void end_value(struct subx_buf *values, size_t start, bool hashed)
{
    uint8_t trailer[8];
    subx_store_u64(trailer, (uint64_t)(values->len - start) << 1 | hashed);
    subx_buf__append(values, trailer, sizeof trailer);
}

/* Take a value off the top; valid until the next push. */
static subx_slice pop_value(struct subx_buf *values, enum subx_trie_form *form)
{
    values->len -= 8;
    const uint64_t trailer = subx_load_u64(values->data + values->len);
    const size_t len = (size_t)(trailer >> 1);
    values->len -= len;
    *form = (trailer & 1) != 0 ? SUBX_TRIE_HASHED : SUBX_TRIE_INLINE;
    return subx_slice__of(values->data + values->len, len);
}

/* A Merkle value on its stack is followed by its length, one byte. */
static void push_merkle(struct subx_buf *merkles, const struct subx_merkle *merkle)
{
    subx_buf__append(merkles, merkle->bytes, merkle->len);
    subx_buf__append_u8(merkles, merkle->len);
}

static subx_slice pop_merkle(struct subx_buf *merkles)
{
    const size_t len = merkles->data[merkles->len - 1];
    merkles->len -= 1 + len;
    return subx_slice__of(merkles->data + merkles->len, len);
}

/* Receiver of the walker: encode the node, push its Merkle value. */
static subx_status take_node(void *user, const struct subx_shape_node *node, subx_error *error)
{
    struct subx_root_builder *const builder = user;
    struct subx_buf *const encoding = &builder->encoding;
    enum subx_trie_form form = SUBX_TRIE_NO_VALUE;
    subx_slice value = SUBX_EMPTY, children[16];
    if (node->has_value)
        value = pop_value(&builder->values, &form);
    encoding->len = 0;
    subx_trie_node__append_head(encoding, form, node->partial, node->bitmap);
    subx_buf__append_slice(encoding, value);
    const unsigned count = (unsigned)__builtin_popcount(node->bitmap);
    for (unsigned i = count; i-- > 0;)
        children[i] = pop_merkle(&builder->merkles);
    for (unsigned i = 0; i < count; i++)
        subx_trie_node__append_child(encoding, children[i]);
    if (encoding->failed)
        return subx_error__nomem(error);
    const struct subx_merkle merkle =
        subx_trie_node__merkle(builder->hasher, subx_buf__slice(encoding));
    push_merkle(&builder->merkles, &merkle);
    return builder->merkles.failed ? subx_error__nomem(error) : SUBX_OK;
}

void subx_root_builder__init(struct subx_root_builder *builder,
                             const struct subx_trie_hasher *hasher)
{
    *builder = (struct subx_root_builder){.hasher = hasher};
    subx_shape__init(&builder->shape, take_node, builder);
}

void subx_root_builder__free(struct subx_root_builder *builder)
{
    subx_shape__free(&builder->shape);
    subx_buf__free(&builder->values);
    subx_buf__free(&builder->merkles);
    subx_buf__free(&builder->encoding);
}

subx_status subx_root_builder__push(struct subx_root_builder *builder, subx_slice key,
                                    subx_slice value, bool hashed, subx_error *error)
{
    const subx_status status = subx_shape__push(&builder->shape, key, error);
    if (status != SUBX_OK)
        return status;
    struct subx_buf *const values = &builder->values;
    const size_t start = values->len;
    if (hashed) {
        uint8_t hash[SUBX_TRIE_HASH_SIZE];
        builder->hasher->hash(value, hash);
        subx_buf__append(values, hash, sizeof hash);
    } else {
        subx_scale__append_bytes(values, value);
    }
    end_value(values, start, hashed);
    return values->failed ? subx_error__nomem(error) : SUBX_OK;
}

subx_status subx_root_builder__finish(struct subx_root_builder *builder,
                                      uint8_t out[SUBX_TRIE_HASH_SIZE], subx_error *error)
{
    const subx_status status = subx_shape__finish(&builder->shape, error);
    if (status != SUBX_OK)
        return status;
    if (builder->merkles.len == 0) {
        memcpy(out, builder->hasher->empty_root, SUBX_TRIE_HASH_SIZE);
        return SUBX_OK;
    }
    const subx_slice root = pop_merkle(&builder->merkles);
    if (root.len == SUBX_TRIE_HASH_SIZE)
        memcpy(out, root.data, SUBX_TRIE_HASH_SIZE);
    else
        builder->hasher->hash(root, out);
    return SUBX_OK;
}

/* A pair to be sorted. */
struct sorted_pair {
    /* the key's first eight bytes as a number, so that most comparisons end there */
    uint64_t first;
    struct subx_trie_pair pair;
    size_t index;
};

/* By key, then by place. */
static int compare_pairs(const void *left, const void *right)
{
    const struct sorted_pair *const a = left, *const b = right;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    const int order = subx_trie__compare(a->pair.key, b->pair.key);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static uint64_t first_bytes(subx_slice key)
{
    uint64_t bytes = 0;
    if (key.len > 0)
        memcpy(&bytes, key.data, key.len < sizeof bytes ? key.len : sizeof bytes);
    return __builtin_bswap64(bytes);
}

static bool is_ascending(const struct subx_trie_pair *pairs, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (subx_trie__compare(pairs[i - 1].key, pairs[i].key) >= 0)
            return false;
    return true;
}

static subx_status push_unsorted(struct subx_root_builder *builder, unsigned state_version,
                                 const struct subx_trie_pair *pairs, size_t count,
                                 subx_error *error)
{
    struct sorted_pair *const sorted = subx_mem__calloc(count, sizeof *sorted);
    if (sorted == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct sorted_pair){first_bytes(pairs[i].key), pairs[i], i};
    qsort(sorted, count, sizeof *sorted, compare_pairs);
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < count && status == SUBX_OK; i++) {
        const struct subx_trie_pair *const pair = &sorted[i].pair;
        if (i + 1 < count && subx_slice__equal(pair->key, sorted[i + 1].pair.key))
            continue;
        status =
            subx_root_builder__push(builder, pair->key, pair->value,
                                    subx_trie__is_hashed(state_version, pair->value.len), error);
    }
    subx_mem__free(sorted);
    return status;
}

subx_status subx_trie__root(const struct subx_trie_hasher *hasher, unsigned state_version,
                            const struct subx_trie_pair *pairs, size_t count,
                            uint8_t out[SUBX_TRIE_HASH_SIZE], subx_error *error)
{
    struct subx_root_builder builder;
    subx_status status = SUBX_OK;
    subx_root_builder__init(&builder, hasher);
    if (is_ascending(pairs, count)) {
        for (size_t i = 0; i < count && status == SUBX_OK; i++)
            status = subx_root_builder__push(
                &builder, pairs[i].key, pairs[i].value,
                subx_trie__is_hashed(state_version, pairs[i].value.len), error);
    } else {
        status = push_unsorted(&builder, state_version, pairs, count, error);
    }
    if (status == SUBX_OK)
        status = subx_root_builder__finish(&builder, out, error);
    subx_root_builder__free(&builder);
    return status;
}

subx_status subx_trie__ordered_root(const struct subx_trie_hasher *hasher, unsigned state_version,
                                    const subx_slice *values, size_t count,
                                    uint8_t out[SUBX_TRIE_HASH_SIZE], subx_error *error)
{
    struct subx_buf keys = SUBX_BUF_INIT;
    struct subx_trie_pair *const pairs = subx_mem__calloc(count, sizeof *pairs);
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < count; i++)
        subx_scale__append_compact(&keys, i);
    if (pairs == NULL || keys.failed) {
        status = subx_error__nomem(error);
    } else {
        struct subx_reader at = subx_reader__of(subx_buf__slice(&keys));
        for (size_t i = 0; i < count; i++) {
            const uint8_t *const start = at.at;
            uint64_t number = 0;
            (void)subx_scale__compact(&at, &number);
            pairs[i] = (struct subx_trie_pair){{start, (size_t)(at.at - start)}, values[i]};
        }
        status = subx_trie__root(hasher, state_version, pairs, count, out, error);
    }
    subx_buf__free(&keys);
    subx_mem__free(pairs);
    return status;
}
