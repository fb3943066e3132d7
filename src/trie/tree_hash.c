/* Merkle values of a tree in memory: spec/host-api.md section 4.2. */
#include "trie/tree_node.h"

void subx_tree__encode_node(const struct subx_tree_node *node, struct subx_buf *out)
{
    const struct subx_trie_value value = subx_node__encoded_value(node);
    subx_trie_node__append_head(out, value.form, subx_node__partial(node), node->bitmap);
    subx_trie_node__append_value(out, &value);
    for (size_t i = 0; i < subx_node__child_count(node); i++)
        subx_trie_node__append_child(out, subx_node__merkle(node->children[i]));
}

/* Give a node, whose children are not dirty, its Merkle value. */
static subx_status hash_node(struct subx_tree *tree, struct subx_tree_node *node,
                             struct subx_buf *scratch, subx_error *error)
{
    scratch->len = 0;
    subx_tree__encode_node(node, scratch);
    if (scratch->failed)
        return subx_error__nomem(error);
    if (scratch->len < SUBX_TRIE_HASH_SIZE) {
        memcpy(node->merkle, scratch->data, scratch->len);
        node->merkle_len = (uint8_t)scratch->len;
    } else {
        tree->hasher->hash(subx_buf__slice(scratch), node->merkle);
        node->merkle_len = SUBX_TRIE_HASH_SIZE;
        tree->stats.hashes++;
    }
    return SUBX_OK;
}

/* Make the node in a slot, whose holder is owned, owned too. */
static struct subx_tree_node *own_slot(struct subx_tree *tree, struct subx_tree_node **slot)
{
    struct subx_tree_node *const node = *slot;
    if (subx_node__is_single(node))
        return node;
    struct subx_tree_node *const copy = subx_node__copy(&tree->stats, node);
    if (copy != NULL) {
        *slot = copy;
        subx_node__release(node);
    }
    return copy;
}

/* Hash the dirty children of an owned node; below them nothing is dirty any more. */
static subx_status hash_children(struct subx_tree *tree, struct subx_tree_node *node,
                                 struct subx_buf *scratch, subx_error *error)
{
    for (size_t i = 0; i < subx_node__child_count(node); i++) {
        if (!subx_node__is_dirty(node->children[i]))
            continue;
        struct subx_tree_node *const child = own_slot(tree, &node->children[i]);
        if (child == NULL)
            return subx_error__nomem(error);
        const subx_status status = hash_node(tree, child, scratch, error);
        if (status != SUBX_OK)
            return status;
    }
    return SUBX_OK;
}

/* Push the next dirty branch among the children that the step on top has not looked at. */
static subx_status push_dirty_child(struct subx_tree *tree, struct subx_tree_path *path,
                                    bool *pushed, subx_error *error)
{
    struct subx_tree_step *const step = &path->steps[path->count - 1];
    *pushed = false;
    while (step->nibble < subx_node__child_count(step->node)) {
        struct subx_tree_node **const slot = &step->node->children[step->nibble++];
        if (!subx_node__is_dirty(*slot) || (*slot)->bitmap == 0)
            continue;
        struct subx_tree_node *const child = own_slot(tree, slot);
        if (child == NULL || !subx_tree_path__push(path, child, 0))
            return subx_error__nomem(error);
        *pushed = true;
        return SUBX_OK;
    }
    return SUBX_OK;
}

/* Hash all dirty nodes, children before parents. `path` is a stack here, and the nibble of a step
 * the index of the next child to look at. */
static subx_status hash_dirty(struct subx_tree *tree, struct subx_tree_path *path,
                              struct subx_buf *scratch, subx_error *error)
{
    struct subx_tree_node *const root = own_slot(tree, &tree->root);
    if (root == NULL || !subx_tree_path__push(path, root, 0))
        return subx_error__nomem(error);
    while (path->count > 0) {
        bool pushed = false;
        subx_status status = push_dirty_child(tree, path, &pushed, error);
        if (status == SUBX_OK && !pushed) {
            status = hash_children(tree, path->steps[path->count - 1].node, scratch, error);
            path->count--;
        }
        if (status != SUBX_OK)
            return status;
    }
    return hash_node(tree, root, scratch, error);
}

subx_status subx_tree__root(struct subx_tree *tree, uint8_t out[SUBX_TRIE_HASH_SIZE],
                            subx_error *error)
{
    if (tree->root == NULL) {
        memcpy(out, tree->hasher->empty_root, SUBX_TRIE_HASH_SIZE);
        return SUBX_OK;
    }
    if (subx_node__is_dirty(tree->root)) {
        struct subx_tree_path path;
        struct subx_buf scratch = SUBX_BUF_INIT;
        subx_tree_path__init(&path);
        const subx_status status = hash_dirty(tree, &path, &scratch, error);
        subx_tree_path__free(&path);
        subx_buf__free(&scratch);
        if (status != SUBX_OK)
            return status;
    }
    if (tree->root->merkle_len == SUBX_TRIE_HASH_SIZE) {
        memcpy(out, tree->root->merkle, SUBX_TRIE_HASH_SIZE);
    } else {
        tree->hasher->hash(subx_node__merkle(tree->root), out);
        tree->stats.hashes++;
    }
    return SUBX_OK;
}
