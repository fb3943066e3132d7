/* Applying a delta to a tree in memory: spec/host-api.md sections 3.7 and 10. */
#include "trie/tree_node.h"

static subx_status apply_one(struct subx_tree *tree, const struct subx_tree_change *change,
                             const struct subx_tree_apply *options, subx_error *error)
{
    if (change->remove) {
        bool removed = false;
        return subx_tree_edit__remove(tree, change->key,
                                      options->faithful ? SUBX_TREE_FAITHFUL : SUBX_TREE_CLEAN,
                                      options->recorder, &removed, error);
    }
    return subx_tree_edit__set(tree, change->key, change->value,
                               subx_trie__is_hashed(options->state_version, change->value.len),
                               options->recorder, error);
}

/* Say which change met what is missing. */
static void name_change(const struct subx_tree_change *change, subx_error *error)
{
    char text[SUBX_TREE_HEX_SIZE];
    subx_tree__hex(change->key, text);
    subx_error__prefix(error, "%s key 0x%s%s", change->remove ? "removal of" : "change of", text,
                       change->key.len > SUBX_TRIE_HASH_SIZE ? "..." : "");
}

subx_status subx_tree__apply(struct subx_tree *tree, const struct subx_tree_change *changes,
                             size_t count, const struct subx_tree_apply *options, subx_error *error)
{
    struct subx_tree result;
    subx_status status = SUBX_OK;
    for (size_t i = 1; i < count; i++)
        if (subx_trie__compare(changes[i - 1].key, changes[i].key) > 0)
            return subx_error__set(error, SUBX_MISUSE, "trie: change %zu is out of order", i);
    if (tree->root == NULL && options->recorder != NULL && count > 0)
        status = subx_tree__record_empty(options->recorder, error);
    subx_tree__snapshot(tree, &result);
    result.stats = tree->stats;
    /* one after the other: the reference's fault depends on the trie at that moment */
    for (size_t i = 0; i < count && status == SUBX_OK; i++) {
        status = apply_one(&result, &changes[i], options, error);
        if (status == SUBX_TRIE_INCOMPLETE)
            name_change(&changes[i], error);
    }
    if (status != SUBX_OK) {
        subx_tree__free(&result);
        return status;
    }
    subx_node__release(tree->root);
    *tree = result;
    return SUBX_OK;
}
