/*
 * The node codec (trie/trie_node.h) on any bytes.
 *
 * What must hold: what decodes encodes to the same bytes, or, in the grammar of the proof formats,
 * to bytes that decode to the same node; a partial tree of that one node can be read and changed.
 */
#include <stdlib.h>

#include "trie/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void same_node(const struct subx_trie_node *a, const struct subx_trie_node *b)
{
    demand(a->is_empty == b->is_empty && a->bitmap == b->bitmap);
    demand(a->partial.len == b->partial.len);
    demand(subx_nibbles__common(a->partial, b->partial) == a->partial.len);
    demand(a->value.form == b->value.form);
    demand(subx_slice__equal(a->value.bytes, b->value.bytes));
    for (size_t i = 0; i < 16; i++)
        if ((a->bitmap >> i & 1) != 0)
            demand(subx_slice__equal(a->children[i], b->children[i]));
}

static void try_grammar(subx_slice bytes, enum subx_trie_grammar grammar)
{
    struct subx_trie_node node, again;
    struct subx_buf encoded = SUBX_BUF_INIT;
    const subx_status status = subx_trie_node__decode(bytes, grammar, &node, NULL);
    demand(status == SUBX_OK || status == SUBX_INVALID_INPUT);
    if (status != SUBX_OK)
        return;
    subx_trie_node__encode(&node, &encoded);
    const subx_slice slice = subx_buf__slice(&encoded);
    demand(grammar == SUBX_TRIE_OMITTING || subx_slice__equal(slice, bytes));
    demand(subx_trie_node__decode(slice, grammar, &again, NULL) == SUBX_OK);
    same_node(&node, &again);
    subx_buf__free(&encoded);
}

/* The node as the root of a partial tree. */
static void try_tree(subx_slice bytes)
{
    struct subx_proof proof;
    struct subx_tree tree;
    struct subx_tree_entry entry;
    uint8_t root[SUBX_TRIE_HASH_SIZE], back[SUBX_TRIE_HASH_SIZE];
    const subx_slice key = subx_slice__of(bytes.data, bytes.len < 3 ? bytes.len : 3);
    subx_trie_blake2b.hash(bytes, root);
    subx_proof__init(&proof, &subx_trie_blake2b);
    demand(subx_proof__add(&proof, bytes, NULL) == SUBX_OK);
    demand(subx_tree__from_proof(&proof, root, &tree, NULL) == SUBX_OK);
    demand(subx_tree__root(&tree, back, NULL) == SUBX_OK);
    demand(memcmp(root, back, sizeof root) == 0);
    (void)subx_tree__get(&tree, key, NULL, &entry, NULL);
    if (subx_tree__set(&tree, key, key, false, NULL) == SUBX_OK) {
        demand(subx_tree__root(&tree, back, NULL) == SUBX_OK);
        demand(subx_tree__get(&tree, key, NULL, &entry, NULL) == SUBX_OK && entry.found);
        demand(subx_slice__equal(entry.value, key));
    }
    (void)subx_tree__remove(&tree, key, NULL, NULL);
    demand(subx_tree__root(&tree, back, NULL) == SUBX_OK);
    subx_tree__free(&tree);
    subx_proof__free(&proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16)
        return 0;
    try_grammar(subx_slice__of(data, size), SUBX_TRIE_PLAIN);
    try_grammar(subx_slice__of(data, size), SUBX_TRIE_OMITTING);
    try_tree(subx_slice__of(data, size));
    return 0;
}
