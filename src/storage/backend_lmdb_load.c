/* Parts of a trie that lies in a database, as nodes; see backend_lmdb_load.h. */
#include "storage/backend_lmdb_load.h"

#include "util/mem.h"

void subx_lmdb_load__free(struct subx_lmdb_load *load)
{
    subx_tree__free(&load->tree);
    subx_buf__free(&load->scratch);
}

subx_status subx_lmdb_load__init(struct subx_lmdb_load *load, struct subx_lmdb_snapshot *snapshot,
                                 const struct subx_lmdb_trie *trie, uint64_t new_number,
                                 struct subx_lmdb_work *work, subx_error *error)
{
    *load = (struct subx_lmdb_load){.snapshot = snapshot,
                                    .exists = trie->exists,
                                    .number = trie->exists ? trie->number : new_number,
                                    .work = work,
                                    .scratch = SUBX_BUF_INIT};
    subx_tree__init(&load->tree, &subx_trie_blake2b);
    if (!trie->exists)
        return SUBX_OK;
    load->tree.root = subx_lmdb_record__root_stub(&load->tree.stats, trie);
    return load->tree.root != NULL ? SUBX_OK : subx_error__nomem(error);
}

static subx_status get(struct subx_lmdb_load *load, enum subx_lmdb_table table, subx_slice key,
                       bool *found, subx_slice *entry, subx_error *error)
{
    *found = false;
    if (!load->exists)
        return SUBX_OK;
    if (table == SUBX_LMDB_VALUES)
        load->work->values_read++;
    else
        load->work->branches_read++;
    return subx_lmdb_snapshot__get(load->snapshot, table, load->number, key, found, entry, error);
}

/* ---- Reading nodes in ---- */

/* Put a node in the place of the stub that stood for it. */
static void replace(struct subx_tree_node **slot, struct subx_tree_node *node)
{
    struct subx_tree_node *const stub = *slot;
    memcpy(node->merkle, stub->merkle, sizeof node->merkle);
    node->merkle_len = stub->merkle_len;
    *slot = node;
    subx_node__release(stub);
}

/* A leaf `at` nibbles below the root, from its key and entry. */
static subx_status make_leaf(struct subx_lmdb_load *load, struct subx_tree_node **slot, size_t at,
                             subx_slice key, subx_slice entry, subx_error *error)
{
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    struct subx_node_value value = {.marks = 0};
    const subx_slice bytes = {entry.data + 1, entry.len - 1};
    const bool is_hashed = entry.data[0] == SUBX_LMDB_HASHED;
    load->value_bytes += bytes.len;
    if (is_hashed) {
        load->tree.hasher->hash(bytes, hash);
        load->tree.stats.value_hashes++;
    }
    const subx_status status = subx_node_value__make(bytes, is_hashed ? hash : NULL, &value, error);
    if (status != SUBX_OK)
        return status;
    const struct subx_nibbles partial = subx_nibbles__skip(subx_nibbles__of_key(key), at);
    struct subx_tree_node *const node = subx_node__new(&load->tree.stats, partial.len, 0, &value);
    subx_node_value__release(&value);
    if (node == NULL)
        return subx_error__nomem(error);
    subx_node__write_partial(node, 0, partial);
    replace(slot, node);
    return SUBX_OK;
}

/* Read the only leaf under a path, of which only the path is known. */
static subx_status search_leaf(struct subx_lmdb_load *load, struct subx_tree_node **slot,
                               struct subx_nibbles path, subx_error *error)
{
    struct subx_nibble_path from = SUBX_NIBBLE_PATH_INIT;
    struct subx_lmdb_walk *walk = NULL;
    subx_slice key = SUBX_EMPTY, entry = SUBX_EMPTY;
    bool found = false;
    subx_nibble_path__append(&from, path);
    subx_status status = from.bytes.failed
                             ? subx_error__nomem(error)
                             : subx_lmdb_walk__open(load->snapshot, SUBX_LMDB_VALUES, load->number,
                                                    subx_buf__slice(&from.bytes), &walk, error);
    if (status == SUBX_OK)
        status = subx_lmdb_walk__next(walk, &found, &key, &entry, error);
    load->work->values_read++;
    if (status == SUBX_OK &&
        (!found || subx_nibbles__common(subx_nibbles__of_key(key), path) < path.len))
        status = subx_lmdb_record__damaged("a leaf of the trie has no value", error);
    if (status == SUBX_OK)
        status = make_leaf(load, slot, path.len, key, entry, error);
    subx_lmdb_walk__close(walk);
    subx_nibble_path__free(&from);
    return status;
}

static subx_status read_branch(struct subx_lmdb_load *load, struct subx_tree_node **slot,
                               struct subx_nibbles path, subx_error *error)
{
    bool found = false, has_value = true;
    subx_slice record = SUBX_EMPTY, value = SUBX_EMPTY;
    struct subx_tree_node *node = NULL;
    load->scratch.len = 0;
    subx_lmdb_record__append_path(&load->scratch, path);
    if (load->scratch.failed)
        return subx_error__nomem(error);
    subx_status status =
        get(load, SUBX_LMDB_BRANCHES, subx_buf__slice(&load->scratch), &found, &record, error);
    if (status == SUBX_OK && found && subx_lmdb_record__form(record) == SUBX_TRIE_INLINE) {
        /* a value lies under whole bytes */
        const subx_slice key = subx_slice__of(path.data, path.len / 2);
        status = get(load, SUBX_LMDB_VALUES, key, &has_value, &value, error);
    }
    if (status == SUBX_OK && (!found || !has_value))
        status = subx_lmdb_record__damaged("a branch of the trie is missing", error);
    if (status == SUBX_OK && value.len > 0)
        value = subx_slice__of(value.data + 1, value.len - 1);
    load->value_bytes += value.len;
    if (status == SUBX_OK)
        status =
            subx_lmdb_record__read_branch(record, *slot, value, &load->tree.stats, &node, error);
    if (status == SUBX_OK)
        replace(slot, node);
    return status;
}

/*
 * If a slot has a stub, read what it stands for. `path` leads to it, the nibble of the child
 * included, and starts at a byte's border; `key` (may be NULL) is a key below it that is likely to
 * be there.
 */
static subx_status expand(struct subx_lmdb_load *load, struct subx_tree_node **slot,
                          struct subx_nibbles path, const subx_slice *key, subx_error *error)
{
    bool found = false;
    subx_slice entry = SUBX_EMPTY;
    if (!subx_node__is_stub(*slot))
        return SUBX_OK;
    if ((*slot)->value_len == SUBX_LMDB_STUB_BRANCH) {
        struct subx_nibble_path whole = SUBX_NIBBLE_PATH_INIT;
        subx_nibble_path__append(&whole, path);
        subx_nibble_path__append(&whole, subx_node__partial(*slot));
        const subx_status status =
            whole.bytes.failed
                ? subx_error__nomem(error)
                : read_branch(load, slot, (struct subx_nibbles){whole.bytes.data, 0, whole.len},
                              error);
        subx_nibble_path__free(&whole);
        return status;
    }
    if (key != NULL) {
        const subx_status status = get(load, SUBX_LMDB_VALUES, *key, &found, &entry, error);
        if (status != SUBX_OK)
            return status;
    }
    return found ? make_leaf(load, slot, path.len, *key, entry, error)
                 : search_leaf(load, slot, path, error);
}

subx_status subx_lmdb_load__locate(struct subx_lmdb_load *load, subx_slice key,
                                   struct subx_lmdb_place *out, subx_error *error)
{
    const struct subx_nibbles nibbles = subx_nibbles__of_key(key);
    struct subx_tree_node **slot = &load->tree.root;
    *out = (struct subx_lmdb_place){.node = NULL};
    if (*slot == NULL)
        return SUBX_OK;
    for (size_t start = 0;;) {
        const subx_status status =
            expand(load, slot, subx_nibbles__first(nibbles, start), &key, error);
        if (status != SUBX_OK)
            return status;
        struct subx_tree_node *const node = *slot;
        const struct subx_nibbles rest = subx_nibbles__skip(nibbles, start);
        const size_t common = subx_nibbles__common(subx_node__partial(node), rest);
        out->node = node;
        out->start = start;
        out->common = common;
        if (common < node->partial_len)
            return SUBX_OK;
        out->is_at_node = common == rest.len;
        if (out->is_at_node || !subx_node__has_child(node, subx_nibbles__get(rest, common)))
            return SUBX_OK;
        out->parent = node;
        out->parent_end = start + common;
        slot = &node->children[subx_node__rank(node, subx_nibbles__get(rest, common))];
        start += common + 1;
    }
}

subx_status subx_lmdb_load__only_child(struct subx_lmdb_load *load, struct subx_tree_node *node,
                                       struct subx_nibbles path, uint16_t bitmap, subx_error *error)
{
    struct subx_nibble_path whole = SUBX_NIBBLE_PATH_INIT;
    if (bitmap == 0 || (bitmap & (bitmap - 1)) != 0)
        return SUBX_OK;
    const uint8_t nibble = (uint8_t)__builtin_ctz(bitmap);
    subx_nibble_path__append(&whole, path);
    subx_nibble_path__append_one(&whole, nibble);
    const subx_status status =
        whole.bytes.failed
            ? subx_error__nomem(error)
            : expand(load, &node->children[subx_node__rank(node, nibble)],
                     (struct subx_nibbles){whole.bytes.data, 0, whole.len}, NULL, error);
    subx_nibble_path__free(&whole);
    return status;
}
