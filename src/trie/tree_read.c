/* Handles, and reading a tree in memory. */
#include "trie/tree_node.h"

void subx_tree__init(struct subx_tree *tree, const struct subx_trie_hasher *hasher)
{
    *tree = (struct subx_tree){.hasher = hasher};
}

void subx_tree__free(struct subx_tree *tree)
{
    subx_node__release(tree->root);
    subx_tree__init(tree, tree->hasher);
}

void subx_tree__snapshot(const struct subx_tree *tree, struct subx_tree *out)
{
    *out = (struct subx_tree){tree->root, tree->hasher, tree->count, {0, 0, 0}};
    if (out->root != NULL)
        subx_node__take(out->root);
}

void subx_tree__hex(subx_slice bytes, char out[SUBX_TREE_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    const size_t len = bytes.len < SUBX_TRIE_HASH_SIZE ? bytes.len : SUBX_TRIE_HASH_SIZE;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    out[2 * len] = '\0';
}

static subx_status missing(const char *what, subx_slice merkle, subx_error *error)
{
    char text[SUBX_TREE_HEX_SIZE];
    subx_tree__hex(merkle, text);
    return subx_error__set(error, SUBX_TRIE_INCOMPLETE, "incomplete proof: the %s 0x%s is missing",
                           what, text);
}

subx_status subx_tree__missing_node(const struct subx_tree_node *stub, subx_error *error)
{
    return missing("node", subx_node__merkle(stub), error);
}

subx_status subx_tree__missing_value(const uint8_t hash[SUBX_TRIE_HASH_SIZE], subx_error *error)
{
    return missing("value", subx_slice__of(hash, SUBX_TRIE_HASH_SIZE), error);
}

/* Stop at stubs, record what is recorded. */
static inline subx_status visit(const struct subx_tree *tree, const struct subx_tree_node *node,
                                struct subx_proof *recorder, subx_error *error)
{
    if (subx_node__is_stub(node))
        return subx_tree__missing_node(node, error);
    if (recorder == NULL)
        return SUBX_OK;
    return subx_tree__record_node(recorder, node, node == tree->root, error);
}

/* The node that ends where the key does, or NULL. */
static subx_status find(const struct subx_tree *tree, subx_slice key, struct subx_proof *recorder,
                        const struct subx_tree_node **out, subx_error *error)
{
    const struct subx_tree_node *node = tree->root;
    struct subx_nibbles rest = subx_nibbles__of_key(key);
    *out = NULL;
    if (node == NULL && recorder != NULL)
        return subx_tree__record_empty(recorder, error);
    while (node != NULL) {
        const subx_status status = visit(tree, node, recorder, error);
        if (status != SUBX_OK)
            return status;
        /* near the root most partial keys are empty */
        if (node->partial_len > 0) {
            if (!subx_nibbles__starts_with(rest, subx_node__partial(node)))
                return SUBX_OK;
            rest = subx_nibbles__skip(rest, node->partial_len);
        }
        if (rest.len == 0) {
            *out = node;
            return SUBX_OK;
        }
        const uint8_t nibble = subx_nibbles__get(rest, 0);
        if (!subx_node__has_child(node, nibble))
            return SUBX_OK;
        rest = subx_nibbles__skip(rest, 1);
        node = node->children[subx_node__rank(node, nibble)];
    }
    return SUBX_OK;
}

subx_status subx_tree__probe(const struct subx_tree *tree, subx_slice key,
                             struct subx_proof *recorder, struct subx_tree_entry *out,
                             subx_error *error)
{
    const struct subx_tree_node *node = NULL;
    *out = (struct subx_tree_entry){.found = false};
    const subx_status status = find(tree, key, recorder, &node, error);
    if (status == SUBX_OK && node != NULL && (node->kind & SUBX_NODE_VALUE) != 0)
        subx_node__entry(node, out);
    return status;
}

subx_status subx_tree__get(const struct subx_tree *tree, subx_slice key,
                           struct subx_proof *recorder, struct subx_tree_entry *out,
                           subx_error *error)
{
    const struct subx_tree_node *node = NULL;
    *out = (struct subx_tree_entry){.found = false};
    const subx_status status = find(tree, key, recorder, &node, error);
    if (status != SUBX_OK || node == NULL || (node->kind & SUBX_NODE_VALUE) == 0)
        return status;
    subx_node__entry(node, out);
    if (out->hashed && node->value_len == SUBX_NODE_ABSENT) {
        const uint8_t *const hash = out->hash;
        *out = (struct subx_tree_entry){.found = false};
        return subx_tree__missing_value(hash, error);
    }
    return recorder == NULL ? SUBX_OK : subx_tree__record_value(recorder, node, error);
}

/* A place below which all keys are greater than the one asked about. */
struct greater {
    /* NULL: none */
    const struct subx_tree_node *node;
    /* nibbles of the key on the way to it; then, unless it is the root, the nibble that leads to it
     */
    size_t depth;
    uint8_t nibble;
};

/* The child with the smallest nibble above `nibble`, below which `depth` nibbles of the key lie. */
static void note_greater_child(const struct subx_tree_node *node, uint8_t nibble, size_t depth,
                               struct greater *greater)
{
    const unsigned above = node->bitmap & ~((2u << nibble) - 1u);
    if (above == 0)
        return;
    const unsigned next = (unsigned)__builtin_ctz(above);
    *greater = (struct greater){node->children[subx_node__rank(node, next)], depth, (uint8_t)next};
}

/* Find the last place on the key's way where keys greater than it branch off. */
static subx_status find_greater(const struct subx_tree *tree, subx_slice key,
                                struct subx_proof *recorder, struct greater *greater,
                                subx_error *error)
{
    const struct subx_tree_node *node = tree->root;
    const struct subx_nibbles whole = subx_nibbles__of_key(key);
    /* the node itself as the place, should its partial key turn out to be greater */
    struct greater here = {node, 0, 0};
    size_t depth = 0;
    *greater = (struct greater){NULL, 0, 0};
    for (;;) {
        const subx_status status = visit(tree, node, recorder, error);
        if (status != SUBX_OK)
            return status;
        const struct subx_nibbles rest = subx_nibbles__skip(whole, depth);
        const struct subx_nibbles partial = subx_node__partial(node);
        const size_t common = subx_nibbles__common(partial, rest);
        if (common < partial.len) {
            if (common == rest.len ||
                subx_nibbles__get(partial, common) > subx_nibbles__get(rest, common))
                *greater = here;
            return SUBX_OK;
        }
        depth += common;
        if (common == rest.len) {
            if (node->bitmap != 0) {
                const unsigned first = (unsigned)__builtin_ctz(node->bitmap);
                *greater = (struct greater){node->children[0], depth, (uint8_t)first};
            }
            return SUBX_OK;
        }
        const uint8_t nibble = subx_nibbles__get(rest, common);
        note_greater_child(node, nibble, depth, greater);
        if (!subx_node__has_child(node, nibble))
            return SUBX_OK;
        node = node->children[subx_node__rank(node, nibble)];
        here = (struct greater){node, depth, nibble};
        depth++;
    }
}

/* Extend the path to the smallest key at or below a node. */
static subx_status append_smallest(const struct subx_tree *tree, const struct subx_tree_node *node,
                                   struct subx_proof *recorder, struct subx_nibble_path *path,
                                   subx_error *error)
{
    for (;;) {
        const subx_status status = visit(tree, node, recorder, error);
        if (status != SUBX_OK)
            return status;
        subx_nibble_path__append(path, subx_node__partial(node));
        if ((node->kind & SUBX_NODE_VALUE) != 0)
            return SUBX_OK;
        subx_nibble_path__append_one(path, (uint8_t)__builtin_ctz(node->bitmap));
        node = node->children[0];
    }
}

subx_status subx_tree__next_key(const struct subx_tree *tree, subx_slice key,
                                struct subx_proof *recorder, struct subx_buf *out, bool *found,
                                subx_error *error)
{
    struct greater greater;
    *found = false;
    out->len = 0;
    if (tree->root == NULL)
        return recorder == NULL ? SUBX_OK : subx_tree__record_empty(recorder, error);
    subx_status status = find_greater(tree, key, recorder, &greater, error);
    if (status != SUBX_OK || greater.node == NULL)
        return status;
    struct subx_nibble_path path = {*out, 0};
    subx_nibble_path__append(&path, subx_nibbles__first(subx_nibbles__of_key(key), greater.depth));
    if (greater.node != tree->root)
        subx_nibble_path__append_one(&path, greater.nibble);
    status = append_smallest(tree, greater.node, recorder, &path, error);
    if (status == SUBX_OK && path.bytes.failed)
        status = subx_error__nomem(error);
    if (status == SUBX_OK && (path.len & 1) != 0)
        status = subx_error__set(error, SUBX_INVALID_INPUT, "trie: a value under half a byte");
    *out = path.bytes;
    out->failed = false;
    *found = status == SUBX_OK;
    if (!*found)
        out->len = 0;
    return status;
}
