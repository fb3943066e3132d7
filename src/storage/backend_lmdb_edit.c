/* Changing a trie that lies in a database; see backend_lmdb_edit.h. */
#include "storage/backend_lmdb_edit.h"

/* A run of changes over one trie. */
struct run {
    const struct subx_lmdb_edit *edit;
    struct subx_lmdb_load load;
    /* Paths of the branches that may be none afterwards: 8 bytes of its nibble count, and packed. */
    struct subx_buf shrunk_paths;
    size_t shrunk_count;
};

/* Note that a branch with this path loses something. */
static bool note_shrunk(struct run *run, struct subx_nibbles path)
{
    struct subx_buf *const out = &run->shrunk_paths;
    const uint64_t len = path.len;
    const size_t size = subx_nibbles__packed_size(path.len);
    subx_buf__append(out, &len, sizeof len);
    if (!subx_buf__reserve(out, size + 1))
        return false;
    if (size > 0)
        out->data[out->len + size - 1] = 0;
    subx_nibbles__copy(out->data + out->len, 0, path);
    out->len += size;
    run->shrunk_count++;
    return true;
}

static bool has_value(const struct subx_tree_node *node)
{
    return (node->kind & SUBX_NODE_VALUE) != 0;
}

static subx_status remove_key(struct run *run, subx_slice key, subx_error *error)
{
    const struct subx_nibbles nibbles = subx_nibbles__of_key(key);
    struct subx_lmdb_place place;
    subx_status status = subx_lmdb_load__locate(&run->load, key, &place, error);
    struct subx_tree_node *const node = place.node, *const parent = place.parent;
    if (status != SUBX_OK || node == NULL)
        return status;
    if (place.is_at_node && has_value(node) && node->bitmap != 0) {
        status = subx_lmdb_load__only_child(&run->load, node, nibbles, node->bitmap, error);
    } else if (place.is_at_node && has_value(node) && parent != NULL && !has_value(parent)) {
        const unsigned nibble = subx_nibbles__get(nibbles, place.parent_end);
        status = subx_lmdb_load__only_child(&run->load, parent,
                                            subx_nibbles__first(nibbles, place.parent_end),
                                            (uint16_t)(parent->bitmap & ~(1u << nibble)), error);
    }
    if (status != SUBX_OK)
        return status;
    /* The key where the node ends: its value may be lost (spec/host-api.md section 10, fault 1). */
    struct subx_nibble_path end = SUBX_NIBBLE_PATH_INIT;
    subx_nibble_path__append(&end, subx_nibbles__first(nibbles, place.start));
    subx_nibble_path__append(&end, subx_node__partial(node));
    const uint64_t count = run->load.tree.count;
    bool removed = false;
    const bool is_noted =
        !end.bytes.failed &&
        (node->bitmap == 0 ||
         note_shrunk(run, (struct subx_nibbles){end.bytes.data, 0, end.len})) &&
        (parent == NULL || note_shrunk(run, subx_nibbles__first(nibbles, place.parent_end)));
    status = !is_noted ? subx_error__nomem(error)
                       : subx_tree_edit__remove(&run->load.tree, key,
                                                run->edit->is_faithful ? SUBX_TREE_FAITHFUL
                                                                       : SUBX_TREE_CLEAN,
                                                run->edit->recorder, &removed, error);
    if (status == SUBX_OK && run->load.tree.count != count)
        subx_lmdb_ops__mark(run->edit->ops, SUBX_LMDB_VALUES, run->load.number,
                            subx_buf__slice(&end.bytes), SUBX_LMDB_GONE);
    subx_nibble_path__free(&end);
    return status;
}

/* Whether a node has this value in this form already. */
static bool is_same(const struct subx_tree_node *node, subx_slice value, bool is_hashed)
{
    struct subx_tree_entry entry = {.found = false};
    subx_node__entry(node, &entry);
    if (!entry.found || entry.hashed != is_hashed)
        return false;
    if (node->value_len != SUBX_NODE_ABSENT)
        return subx_slice__equal(entry.value, value);
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    subx_trie_blake2b.hash(value, hash);
    return memcmp(hash, entry.hash, sizeof hash) == 0;
}

static subx_status set_key(struct run *run, subx_slice key, subx_slice value, subx_error *error)
{
    const bool is_hashed = subx_trie__is_hashed(run->edit->state_version, value.len);
    struct subx_lmdb_place place;
    subx_status status = subx_lmdb_load__locate(&run->load, key, &place, error);
    if (status != SUBX_OK)
        return status;
    const bool changes = !place.is_at_node || !is_same(place.node, value, is_hashed);
    /* what changes nothing is recorded all the same */
    if (changes || run->edit->recorder != NULL)
        status =
            subx_tree_edit__set(&run->load.tree, key, value, is_hashed, run->edit->recorder, error);
    if (status != SUBX_OK || !changes)
        return status;
    struct subx_lmdb_ops *const ops = run->edit->ops;
    const size_t begun = subx_lmdb_ops__begin(ops, SUBX_LMDB_VALUES, run->load.number, key);
    subx_buf__append_u8(&ops->bytes, is_hashed ? SUBX_LMDB_HASHED : SUBX_LMDB_INLINE);
    subx_buf__append_slice(&ops->bytes, value);
    subx_lmdb_ops__end(ops, begun);
    run->edit->work->values_written++;
    run->load.value_bytes += value.len;
    return SUBX_OK;
}

/* ---- What has changed ---- */

/* A branch that has to be written, and the key of its record in `keys`. */
struct changed {
    const struct subx_tree_node *node;
    size_t key_at, key_len;
};

struct changes {
    struct subx_buf list; /* of struct changed */
    struct subx_buf keys;
};

/* A change of the tree made everything above it dirty: find the dirty branches from the root down. */
static subx_status collect(const struct run *run, struct changes *out, subx_error *error)
{
    struct subx_nibble_path path = SUBX_NIBBLE_PATH_INIT;
    struct subx_tree_path stack;
    struct subx_tree_node *next = run->load.tree.root;
    bool has_memory = true;
    subx_tree_path__init(&stack);
    while (has_memory) {
        if (next != NULL) {
            subx_nibble_path__append(&path, subx_node__partial(next));
            const size_t at = out->keys.len;
            subx_lmdb_record__append_path(&out->keys,
                                          (struct subx_nibbles){path.bytes.data, 0, path.len});
            const struct changed changed = {next, at, out->keys.len - at};
            subx_buf__append(&out->list, &changed, sizeof changed);
            has_memory = !path.bytes.failed && !out->keys.failed && !out->list.failed &&
                         subx_tree_path__push(&stack, next, 0);
            next = NULL;
        }
        if (!has_memory || stack.count == 0)
            break;
        struct subx_tree_step *const top = &stack.steps[stack.count - 1];
        unsigned left = top->node->bitmap & (unsigned)(0xffffu << top->nibble) & 0xffffu;
        if (top->nibble > 15)
            left = 0;
        for (; left != 0 && next == NULL; left &= left - 1) {
            const unsigned nibble = (unsigned)__builtin_ctz(left);
            struct subx_tree_node *const child =
                top->node->children[subx_node__rank(top->node, nibble)];
            top->nibble = (uint8_t)(nibble + 1);
            if (!subx_node__is_dirty(child) || child->bitmap == 0)
                continue;
            subx_nibble_path__append_one(&path, (uint8_t)nibble);
            next = child;
        }
        if (next == NULL) {
            /* back to the end of the parent */
            const size_t below = top->node->partial_len + (size_t)(stack.count > 1);
            subx_nibble_path__cut(&path, path.len - below);
            stack.count--;
        }
    }
    subx_tree_path__free(&stack);
    subx_nibble_path__free(&path);
    return has_memory ? SUBX_OK : subx_error__nomem(error);
}

static void write_branches(const struct run *run, const struct changes *changes)
{
    struct subx_lmdb_ops *const ops = run->edit->ops;
    for (size_t at = 0; at < changes->list.len; at += sizeof(struct changed)) {
        struct changed changed;
        memcpy(&changed, changes->list.data + at, sizeof changed);
        const size_t begun = subx_lmdb_ops__begin(
            ops, SUBX_LMDB_BRANCHES, run->load.number,
            subx_slice__of(changes->keys.data + changed.key_at, changed.key_len));
        subx_lmdb_record__append_branch(&ops->bytes, changed.node);
        subx_lmdb_ops__end(ops, begun);
        run->edit->work->branches_written++;
    }
}

/* Whether the tree has a branch that ends there; all above it has been read. */
static bool has_branch(const struct run *run, struct subx_nibbles path)
{
    const struct subx_tree_node *node = run->load.tree.root;
    for (;;) {
        const struct subx_nibbles partial = subx_node__partial(node);
        const size_t common = subx_nibbles__common(partial, path);
        if (common < partial.len || (common == path.len && node->bitmap == 0))
            return false;
        if (common == path.len)
            return true;
        const unsigned nibble = subx_nibbles__get(path, common);
        if (!subx_node__has_child(node, nibble))
            return false;
        node = node->children[subx_node__rank(node, nibble)];
        path = subx_nibbles__skip(path, common + 1);
    }
}

/* Remove the records of branches that are branches no more. */
static void remove_branches(struct run *run)
{
    const uint8_t *at = run->shrunk_paths.data;
    for (size_t i = 0; i < run->shrunk_count; i++) {
        uint64_t len = 0;
        memcpy(&len, at, sizeof len);
        const struct subx_nibbles path = {at + sizeof len, 0, (size_t)len};
        at += sizeof len + subx_nibbles__packed_size(path.len);
        if (has_branch(run, path))
            continue;
        run->load.scratch.len = 0;
        subx_lmdb_record__append_path(&run->load.scratch, path);
        subx_lmdb_ops__mark(run->edit->ops, SUBX_LMDB_BRANCHES, run->load.number,
                            subx_buf__slice(&run->load.scratch), SUBX_LMDB_GONE);
        run->edit->work->branches_written++;
    }
}

/* ---- All of it ---- */

static subx_status apply_all(struct run *run, const struct subx_tree_change *changes, size_t count,
                             subx_error *error)
{
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < count && status == SUBX_OK; i++)
        status = changes[i].remove ? remove_key(run, changes[i].key, error)
                                   : set_key(run, changes[i].key, changes[i].value, error);
    return status;
}

static subx_status finish(struct run *run, uint8_t root[SUBX_TRIE_HASH_SIZE], subx_error *error)
{
    const struct subx_lmdb_edit *const edit = run->edit;
    struct changes changes = {SUBX_BUF_INIT, SUBX_BUF_INIT};
    struct subx_tree_node *const node = run->load.tree.root;
    subx_status status = SUBX_OK;
    if (subx_node__is_dirty(node) && node->bitmap != 0)
        status = collect(run, &changes, error);
    if (status == SUBX_OK)
        status = subx_tree__root(&run->load.tree, root, error);
    if (status == SUBX_OK) {
        write_branches(run, &changes);
        remove_branches(run);
        if (!edit->before.exists || memcmp(edit->before.root, root, SUBX_TRIE_HASH_SIZE) != 0) {
            const size_t begun =
                subx_lmdb_ops__begin(edit->ops, SUBX_LMDB_TRIES, 0, edit->record_key);
            subx_lmdb_record__append_trie(&edit->ops->bytes, run->load.number, root, node);
            subx_lmdb_ops__end(edit->ops, begun);
        }
    }
    subx_buf__free(&changes.list);
    subx_buf__free(&changes.keys);
    return status;
}

/* The trie has no keys left: forget what was to be done with them. */
static void finish_empty(struct run *run, const struct subx_lmdb_ops *before)
{
    struct subx_lmdb_ops *const ops = run->edit->ops;
    ops->bytes.len = before->bytes.len;
    ops->count = before->count;
    if (!run->edit->before.exists)
        return;
    subx_lmdb_ops__mark(ops, SUBX_LMDB_CLEARS, run->load.number, SUBX_EMPTY, SUBX_LMDB_INLINE);
    subx_lmdb_ops__mark(ops, SUBX_LMDB_TRIES, 0, run->edit->record_key, SUBX_LMDB_GONE);
}

/* Begin with the part of the trie that is at hand, else with a stub for its root. */
static subx_status begin(struct run *run, subx_error *error)
{
    const struct subx_lmdb_edit *const edit = run->edit;
    struct subx_tree *const tree = &run->load.tree;
    const subx_status status = subx_lmdb_load__init(&run->load, edit->snapshot, &edit->before,
                                                    edit->new_number, edit->work, error);
    if (status != SUBX_OK || !edit->before.exists || edit->part == NULL ||
        edit->part->tree.root == NULL)
        return status;
    subx_tree__free(tree);
    subx_tree__snapshot(&edit->part->tree, tree);
    return SUBX_OK;
}

/* Hand the tree over to who wants to go on with it. */
static void keep_part(struct run *run)
{
    struct subx_lmdb_part *const part = run->edit->part;
    struct subx_tree *const tree = &run->load.tree;
    subx_tree__free(&part->tree);
    part->bytes += tree->stats.nodes * sizeof(struct subx_tree_node) * 2 + run->load.value_bytes;
    part->tree = *tree;
    subx_tree__init(tree, &subx_trie_blake2b);
}

subx_status subx_lmdb_edit__run(const struct subx_lmdb_edit *edit,
                                const struct subx_tree_change *changes, size_t count,
                                uint8_t root[SUBX_TRIE_HASH_SIZE], bool *is_empty,
                                subx_error *error)
{
    struct run run = {.edit = edit, .shrunk_paths = SUBX_BUF_INIT};
    const struct subx_lmdb_ops before = *edit->ops;
    subx_status status = begin(&run, error);
    struct subx_tree *const tree = &run.load.tree;
    if (status == SUBX_OK && tree->root == NULL && edit->recorder != NULL && count > 0)
        status = subx_tree__record_empty(edit->recorder, error);
    if (status == SUBX_OK)
        status = apply_all(&run, changes, count, error);
    *is_empty = tree->root == NULL;
    if (status == SUBX_OK && tree->root != NULL) {
        status = finish(&run, root, error);
    } else if (status == SUBX_OK) {
        finish_empty(&run, &before);
        memcpy(root, tree->hasher->empty_root, SUBX_TRIE_HASH_SIZE);
    }
    if (status == SUBX_OK && (edit->ops->bytes.failed || run.load.scratch.failed))
        status = subx_error__nomem(error);
    edit->work->hashes += tree->stats.hashes + tree->stats.value_hashes;
    if (status == SUBX_OK && edit->part != NULL)
        keep_part(&run);
    subx_lmdb_load__free(&run.load);
    subx_buf__free(&run.shrunk_paths);
    return status;
}
