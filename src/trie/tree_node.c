/* Nodes of the tree in memory: layout, reference counts, paths. */
#include "trie/tree_node.h"

#include "util/mem.h"

_Static_assert(offsetof(struct subx_tree_node, children) == 48,
               "the layout that tree_node.h draws");

struct subx_node_value subx_node__value(const struct subx_tree_node *node)
{
    struct subx_node_value value = {.marks = node->kind & SUBX_NODE_MARKS, .len = node->value_len};
    const uint8_t *at = subx_node__tail(node);
    if ((value.marks & SUBX_NODE_OUTSIDE) != 0) {
        memcpy(&value.shared, at, sizeof value.shared);
        value.bytes = value.shared->bytes;
        at += sizeof value.shared;
    }
    if ((value.marks & SUBX_NODE_HASHED) != 0) {
        value.hash = at;
        at += SUBX_TRIE_HASH_SIZE;
    }
    if (value.shared == NULL && value.len != SUBX_NODE_ABSENT)
        value.bytes = at + subx_nibbles__packed_size(node->partial_len);
    return value;
}

struct subx_trie_value subx_node__encoded_value(const struct subx_tree_node *node)
{
    struct subx_trie_value encoded = {SUBX_TRIE_NO_VALUE, SUBX_EMPTY};
    if ((node->kind & SUBX_NODE_VALUE) == 0)
        return encoded;
    const struct subx_node_value value = subx_node__value(node);
    if (value.hash != NULL) {
        encoded.form = SUBX_TRIE_HASHED;
        encoded.bytes = subx_slice__of(value.hash, SUBX_TRIE_HASH_SIZE);
    } else {
        encoded.form = SUBX_TRIE_INLINE;
        encoded.bytes = subx_slice__of(value.bytes, value.len);
    }
    return encoded;
}

void subx_node__entry(const struct subx_tree_node *node, struct subx_tree_entry *out)
{
    const struct subx_node_value value = subx_node__value(node);
    out->found = (value.marks & SUBX_NODE_VALUE) != 0;
    out->hashed = value.hash != NULL;
    out->hash = value.hash;
    out->value = value.bytes == NULL ? SUBX_EMPTY : subx_slice__of(value.bytes, value.len);
}

static bool is_absent(const struct subx_node_value *value)
{
    return (value->marks & SUBX_NODE_HASHED) != 0 && value->bytes == NULL;
}

struct subx_tree_node *subx_node__new(struct subx_tree_stats *stats, size_t partial_len,
                                      uint16_t bitmap, const struct subx_node_value *value)
{
    const unsigned child_count = subx_node__bits(bitmap);
    const size_t packed_size = subx_nibbles__packed_size(partial_len);
    const bool is_inside = value->marks != 0 && value->bytes != NULL && value->shared == NULL;
    const size_t inside_size = is_inside ? value->len : 0;
    struct subx_tree_node *const node =
        subx_mem__alloc(sizeof *node + child_count * sizeof(struct subx_tree_node *) +
                        subx_node__marks_size(value->marks) + packed_size + inside_size);
    if (node == NULL)
        return NULL;
    atomic_init(&node->refs, 1);
    node->partial_len = (uint32_t)partial_len;
    node->value_len = is_absent(value) ? SUBX_NODE_ABSENT : value->len;
    node->bitmap = bitmap;
    node->kind = (uint8_t)(value->marks | child_count);
    node->merkle_len = 0;
    uint8_t *at = (uint8_t *)(node->children + child_count);
    if (value->shared != NULL) {
        atomic_fetch_add_explicit(&value->shared->refs, 1, memory_order_relaxed);
        memcpy(at, &value->shared, sizeof value->shared);
        at += sizeof value->shared;
    }
    if (value->hash != NULL) {
        memcpy(at, value->hash, SUBX_TRIE_HASH_SIZE);
        at += SUBX_TRIE_HASH_SIZE;
    }
    if (packed_size > 0)
        memset(at, 0, packed_size);
    if (inside_size > 0)
        memcpy(at + packed_size, value->bytes, inside_size);
    stats->nodes++;
    return node;
}

void subx_node__write_partial(struct subx_tree_node *node, size_t at, struct subx_nibbles piece)
{
    uint8_t *const packed = (uint8_t *)(node->children + subx_node__child_count(node)) +
                            subx_node__marks_size(node->kind);
    subx_nibbles__copy(packed, (node->partial_len & 1) + at, piece);
}

struct subx_tree_node *subx_node__copy(struct subx_tree_stats *stats,
                                       const struct subx_tree_node *node)
{
    const struct subx_node_value value = subx_node__value(node);
    const size_t child_count = subx_node__child_count(node);
    /* the counts of the children lie all over memory: ask for them at once */
    for (size_t i = 0; i < child_count; i++)
        __builtin_prefetch(node->children[i], 1);
    struct subx_tree_node *const copy =
        subx_node__new(stats, node->partial_len, node->bitmap, &value);
    if (copy == NULL)
        return NULL;
    subx_node__write_partial(copy, 0, subx_node__partial(node));
    copy->merkle_len = node->merkle_len;
    memcpy(copy->merkle, node->merkle, sizeof copy->merkle);
    for (size_t i = 0; i < child_count; i++) {
        copy->children[i] = node->children[i];
        subx_node__take(copy->children[i]);
    }
    return copy;
}

static void release_shared(struct subx_shared_value *shared)
{
    if (atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) == 1)
        subx_mem__free(shared);
}

void subx_node__free_shell(struct subx_tree_node *node)
{
    if ((node->kind & SUBX_NODE_OUTSIDE) != 0)
        release_shared(subx_node__value(node).shared);
    subx_mem__free(node);
}

/* Whether this was the last reference. */
static bool drop(struct subx_tree_node *node)
{
    return subx_node__is_single(node) ||
           atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1;
}

void subx_node__release(struct subx_tree_node *node)
{
    if (node == NULL || !drop(node))
        return;
    /* Nodes to be freed are chained through their Merkle values: a trie may be as deep as its
     * longest key, and there may be no memory. */
    struct subx_tree_node *pending = NULL, *next = NULL;
    memcpy(node->merkle, &pending, sizeof pending);
    for (pending = node; pending != NULL; pending = next) {
        struct subx_tree_node *const dead = pending;
        memcpy(&next, dead->merkle, sizeof next);
        for (size_t i = 0; i < subx_node__child_count(dead); i++) {
            struct subx_tree_node *const child = dead->children[i];
            if (drop(child)) {
                memcpy(child->merkle, &next, sizeof next);
                next = child;
            }
        }
        subx_node__free_shell(dead);
    }
}

subx_status subx_tree__check_sizes(subx_slice key, subx_slice value, subx_error *error)
{
    if (key.len > UINT32_MAX / 2)
        return subx_error__set(error, SUBX_TOO_LARGE, "trie: a key of %zu bytes", key.len);
    if (value.len >= SUBX_NODE_ABSENT)
        return subx_error__set(error, SUBX_TOO_LARGE, "trie: a value of %zu bytes", value.len);
    return SUBX_OK;
}

subx_status subx_node_value__make(subx_slice bytes, const uint8_t *hash,
                                  struct subx_node_value *out, subx_error *error)
{
    static const uint8_t nothing[1];
    *out = (struct subx_node_value){.marks = SUBX_NODE_VALUE, .hash = hash};
    SUBX_CHECK(bytes.len < SUBX_NODE_ABSENT);
    out->len = (uint32_t)bytes.len;
    /* never NULL: that would be an absent value */
    out->bytes = bytes.len == 0 ? nothing : bytes.data;
    if (hash != NULL)
        out->marks |= SUBX_NODE_HASHED;
    if (bytes.len > SUBX_NODE_INSIDE_MAX) {
        struct subx_shared_value *const shared = subx_mem__alloc(sizeof *shared + bytes.len);
        if (shared == NULL)
            return subx_error__nomem(error);
        atomic_init(&shared->refs, 1);
        memcpy(shared->bytes, bytes.data, bytes.len);
        out->shared = shared;
        out->bytes = shared->bytes;
        out->marks |= SUBX_NODE_OUTSIDE;
    }
    return SUBX_OK;
}

void subx_node_value__release(struct subx_node_value *value)
{
    if (value->shared != NULL)
        release_shared(value->shared);
    *value = (struct subx_node_value){.marks = 0};
}

bool subx_tree_path__grow(struct subx_tree_path *path)
{
    const size_t capacity = 2 * path->capacity;
    struct subx_tree_step *const old = path->steps == path->local ? NULL : path->steps;
    struct subx_tree_step *const steps = subx_mem__realloc(old, capacity, sizeof *steps);
    if (steps == NULL)
        return false;
    if (old == NULL)
        memcpy(steps, path->local, path->count * sizeof *steps);
    path->steps = steps;
    path->capacity = capacity;
    return true;
}

void subx_tree_path__free(struct subx_tree_path *path)
{
    if (path->steps != path->local)
        subx_mem__free(path->steps);
    subx_tree_path__init(path);
}
