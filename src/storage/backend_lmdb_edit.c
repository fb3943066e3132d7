/* Changing a trie that lies in a database; see backend_lmdb_edit.h. */
#include "storage/backend_lmdb_edit.h"

#include "util/mem.h"

/* A run of changes over one trie. */
struct run {
    const struct subx_lmdb_edit *edit;
    uint64_t number;
    struct subx_tree tree;
    /* Paths of the branches that may be none afterwards: 8 bytes of its nibble count, and packed. */
    struct subx_buf shrunk_paths;
    size_t shrunk_count;
    uint64_t value_bytes; /* of the values that nodes were made with */
    struct subx_buf scratch;
};

static subx_status get(struct run *run, enum subx_lmdb_table table, subx_slice key, bool *found,
                       subx_slice *entry, subx_error *error)
{
    *found = false;
    if (!run->edit->before.exists)
        return SUBX_OK;
    if (table == SUBX_LMDB_VALUES)
        run->edit->work->values_read++;
    else
        run->edit->work->branches_read++;
    return subx_lmdb_snapshot__get(run->edit->snapshot, table, run->number, key, found, entry,
                                   error);
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
static subx_status make_leaf(struct run *run, struct subx_tree_node **slot, size_t at,
                             subx_slice key, subx_slice entry, subx_error *error)
{
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    struct subx_node_value value = {.marks = 0};
    const subx_slice bytes = {entry.data + 1, entry.len - 1};
    const bool is_hashed = entry.data[0] == SUBX_LMDB_HASHED;
    run->value_bytes += bytes.len;
    if (is_hashed) {
        run->tree.hasher->hash(bytes, hash);
        run->tree.stats.value_hashes++;
    }
    const subx_status status = subx_node_value__make(bytes, is_hashed ? hash : NULL, &value, error);
    if (status != SUBX_OK)
        return status;
    const struct subx_nibbles partial = subx_nibbles__skip(subx_nibbles__of_key(key), at);
    struct subx_tree_node *const node = subx_node__new(&run->tree.stats, partial.len, 0, &value);
    subx_node_value__release(&value);
    if (node == NULL)
        return subx_error__nomem(error);
    subx_node__write_partial(node, 0, partial);
    replace(slot, node);
    return SUBX_OK;
}

/* Read the only leaf under a path, of which only the path is known. */
static subx_status search_leaf(struct run *run, struct subx_tree_node **slot,
                               struct subx_nibbles path, subx_error *error)
{
    struct subx_nibble_path from = SUBX_NIBBLE_PATH_INIT;
    struct subx_lmdb_walk *walk = NULL;
    subx_slice key = SUBX_EMPTY, entry = SUBX_EMPTY;
    bool found = false;
    subx_nibble_path__append(&from, path);
    subx_status status =
        from.bytes.failed ? subx_error__nomem(error)
                          : subx_lmdb_walk__open(run->edit->snapshot, SUBX_LMDB_VALUES, run->number,
                                                 subx_buf__slice(&from.bytes), &walk, error);
    if (status == SUBX_OK)
        status = subx_lmdb_walk__next(walk, &found, &key, &entry, error);
    run->edit->work->values_read++;
    if (status == SUBX_OK &&
        (!found || subx_nibbles__common(subx_nibbles__of_key(key), path) < path.len))
        status = subx_lmdb_record__damaged("a leaf of the trie has no value", error);
    if (status == SUBX_OK)
        status = make_leaf(run, slot, path.len, key, entry, error);
    subx_lmdb_walk__close(walk);
    subx_nibble_path__free(&from);
    return status;
}

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

static subx_status read_branch(struct run *run, struct subx_tree_node **slot,
                               struct subx_nibbles path, subx_error *error)
{
    bool found = false, has_value = true;
    subx_slice record = SUBX_EMPTY, value = SUBX_EMPTY;
    struct subx_tree_node *node = NULL;
    run->scratch.len = 0;
    subx_lmdb_record__append_path(&run->scratch, path);
    if (run->scratch.failed)
        return subx_error__nomem(error);
    subx_status status =
        get(run, SUBX_LMDB_BRANCHES, subx_buf__slice(&run->scratch), &found, &record, error);
    if (status == SUBX_OK && found && subx_lmdb_record__form(record) == SUBX_TRIE_INLINE) {
        /* a value lies under whole bytes */
        const subx_slice key = subx_slice__of(path.data, path.len / 2);
        status = get(run, SUBX_LMDB_VALUES, key, &has_value, &value, error);
    }
    if (status == SUBX_OK && (!found || !has_value))
        status = subx_lmdb_record__damaged("a branch of the trie is missing", error);
    if (status == SUBX_OK && value.len > 0)
        value = subx_slice__of(value.data + 1, value.len - 1);
    run->value_bytes += value.len;
    if (status == SUBX_OK)
        status =
            subx_lmdb_record__read_branch(record, *slot, value, &run->tree.stats, &node, error);
    if (status == SUBX_OK)
        replace(slot, node);
    return status;
}

/*
 * If a slot has a stub, read what it stands for. `path` leads to it, the nibble of the child
 * included, and starts at a byte's border; `key` (may be NULL) is a key below it that is likely to
 * be there.
 */
static subx_status expand(struct run *run, struct subx_tree_node **slot, struct subx_nibbles path,
                          const subx_slice *key, subx_error *error)
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
                : read_branch(run, slot, (struct subx_nibbles){whole.bytes.data, 0, whole.len},
                              error);
        subx_nibble_path__free(&whole);
        return status;
    }
    if (key != NULL) {
        const subx_status status = get(run, SUBX_LMDB_VALUES, *key, &found, &entry, error);
        if (status != SUBX_OK)
            return status;
    }
    return found ? make_leaf(run, slot, path.len, *key, entry, error)
                 : search_leaf(run, slot, path, error);
}

/* ---- One change ---- */

/* Where a key ends in the tree, everything on the way being read in. */
struct place {
    struct subx_tree_node *node; /* the last one; NULL: the tree is empty */
    size_t start;                /* nibbles of the key in front of its partial key */
    size_t common;               /* nibbles of its partial key that the key shares */
    bool is_at_node;             /* it ends where the key does */
    struct subx_tree_node *parent;
    size_t parent_end; /* nibbles of the key up to the parent's end */
};

static subx_status locate(struct run *run, subx_slice key, struct place *out, subx_error *error)
{
    const struct subx_nibbles nibbles = subx_nibbles__of_key(key);
    struct subx_tree_node **slot = &run->tree.root;
    *out = (struct place){.node = NULL};
    if (*slot == NULL)
        return SUBX_OK;
    for (size_t start = 0;;) {
        const subx_status status =
            expand(run, slot, subx_nibbles__first(nibbles, start), &key, error);
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

/* Read in the only child of `bitmap` that a node is left with: the two become one. */
static subx_status expand_only(struct run *run, struct subx_tree_node *node,
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
            : expand(run, &node->children[subx_node__rank(node, nibble)],
                     (struct subx_nibbles){whole.bytes.data, 0, whole.len}, NULL, error);
    subx_nibble_path__free(&whole);
    return status;
}

static bool has_value(const struct subx_tree_node *node)
{
    return (node->kind & SUBX_NODE_VALUE) != 0;
}

static subx_status remove_key(struct run *run, subx_slice key, subx_error *error)
{
    const struct subx_nibbles nibbles = subx_nibbles__of_key(key);
    struct place place;
    subx_status status = locate(run, key, &place, error);
    struct subx_tree_node *const node = place.node, *const parent = place.parent;
    if (status != SUBX_OK || node == NULL)
        return status;
    if (place.is_at_node && has_value(node) && node->bitmap != 0) {
        status = expand_only(run, node, nibbles, node->bitmap, error);
    } else if (place.is_at_node && has_value(node) && parent != NULL && !has_value(parent)) {
        const unsigned nibble = subx_nibbles__get(nibbles, place.parent_end);
        status = expand_only(run, parent, subx_nibbles__first(nibbles, place.parent_end),
                             (uint16_t)(parent->bitmap & ~(1u << nibble)), error);
    }
    if (status != SUBX_OK)
        return status;
    /* The key where the node ends: its value may be lost (spec/host-api.md section 10, fault 1). */
    struct subx_nibble_path end = SUBX_NIBBLE_PATH_INIT;
    subx_nibble_path__append(&end, subx_nibbles__first(nibbles, place.start));
    subx_nibble_path__append(&end, subx_node__partial(node));
    const uint64_t count = run->tree.count;
    bool removed = false;
    const bool is_noted =
        !end.bytes.failed &&
        (node->bitmap == 0 ||
         note_shrunk(run, (struct subx_nibbles){end.bytes.data, 0, end.len})) &&
        (parent == NULL || note_shrunk(run, subx_nibbles__first(nibbles, place.parent_end)));
    status = !is_noted ? subx_error__nomem(error)
                       : subx_tree_edit__remove(&run->tree, key,
                                                run->edit->is_faithful ? SUBX_TREE_FAITHFUL
                                                                       : SUBX_TREE_CLEAN,
                                                NULL, &removed, error);
    if (status == SUBX_OK && run->tree.count != count)
        subx_lmdb_ops__mark(run->edit->ops, SUBX_LMDB_VALUES, run->number,
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
    struct place place;
    subx_status status = locate(run, key, &place, error);
    if (status != SUBX_OK || (place.is_at_node && is_same(place.node, value, is_hashed)))
        return status;
    status = subx_tree_edit__set(&run->tree, key, value, is_hashed, NULL, error);
    if (status != SUBX_OK)
        return status;
    struct subx_lmdb_ops *const ops = run->edit->ops;
    const size_t begun = subx_lmdb_ops__begin(ops, SUBX_LMDB_VALUES, run->number, key);
    subx_buf__append_u8(&ops->bytes, is_hashed ? SUBX_LMDB_HASHED : SUBX_LMDB_INLINE);
    subx_buf__append_slice(&ops->bytes, value);
    subx_lmdb_ops__end(ops, begun);
    run->edit->work->values_written++;
    run->value_bytes += value.len;
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
    struct subx_tree_node *next = run->tree.root;
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
            ops, SUBX_LMDB_BRANCHES, run->number,
            subx_slice__of(changes->keys.data + changed.key_at, changed.key_len));
        subx_lmdb_record__append_branch(&ops->bytes, changed.node);
        subx_lmdb_ops__end(ops, begun);
        run->edit->work->branches_written++;
    }
}

/* Whether the tree has a branch that ends there; all above it has been read. */
static bool has_branch(const struct run *run, struct subx_nibbles path)
{
    const struct subx_tree_node *node = run->tree.root;
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
        run->scratch.len = 0;
        subx_lmdb_record__append_path(&run->scratch, path);
        subx_lmdb_ops__mark(run->edit->ops, SUBX_LMDB_BRANCHES, run->number,
                            subx_buf__slice(&run->scratch), SUBX_LMDB_GONE);
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
    struct subx_tree_node *const node = run->tree.root;
    subx_status status = SUBX_OK;
    if (subx_node__is_dirty(node) && node->bitmap != 0)
        status = collect(run, &changes, error);
    if (status == SUBX_OK)
        status = subx_tree__root(&run->tree, root, error);
    if (status == SUBX_OK) {
        write_branches(run, &changes);
        remove_branches(run);
        if (!edit->before.exists || memcmp(edit->before.root, root, SUBX_TRIE_HASH_SIZE) != 0) {
            const size_t begun =
                subx_lmdb_ops__begin(edit->ops, SUBX_LMDB_TRIES, 0, edit->record_key);
            subx_lmdb_record__append_trie(&edit->ops->bytes, run->number, root, node);
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
    subx_lmdb_ops__mark(ops, SUBX_LMDB_CLEARS, run->number, SUBX_EMPTY, SUBX_LMDB_INLINE);
    subx_lmdb_ops__mark(ops, SUBX_LMDB_TRIES, 0, run->edit->record_key, SUBX_LMDB_GONE);
}

/* Begin with the part of the trie that is at hand, else with a stub for its root. */
static subx_status begin(struct run *run, subx_error *error)
{
    const struct subx_lmdb_part *const part = run->edit->part;
    subx_tree__init(&run->tree, &subx_trie_blake2b);
    if (!run->edit->before.exists)
        return SUBX_OK;
    if (part != NULL && part->tree.root != NULL) {
        subx_tree__snapshot(&part->tree, &run->tree);
        run->tree.stats = (struct subx_tree_stats){0};
        return SUBX_OK;
    }
    run->tree.root = subx_lmdb_record__root_stub(&run->tree.stats, &run->edit->before);
    return run->tree.root != NULL ? SUBX_OK : subx_error__nomem(error);
}

/* Hand the tree over to who wants to go on with it. */
static void keep_part(struct run *run)
{
    struct subx_lmdb_part *const part = run->edit->part;
    subx_tree__free(&part->tree);
    part->bytes += run->tree.stats.nodes * sizeof(struct subx_tree_node) * 2 + run->value_bytes;
    part->tree = run->tree;
    subx_tree__init(&run->tree, &subx_trie_blake2b);
}

subx_status subx_lmdb_edit__run(const struct subx_lmdb_edit *edit,
                                const struct subx_tree_change *changes, size_t count,
                                uint8_t root[SUBX_TRIE_HASH_SIZE], bool *is_empty,
                                subx_error *error)
{
    struct run run = {.edit = edit,
                      .number = edit->before.exists ? edit->before.number : edit->new_number,
                      .shrunk_paths = SUBX_BUF_INIT,
                      .scratch = SUBX_BUF_INIT};
    const struct subx_lmdb_ops before = *edit->ops;
    subx_status status = begin(&run, error);
    if (status == SUBX_OK)
        status = apply_all(&run, changes, count, error);
    *is_empty = run.tree.root == NULL;
    if (status == SUBX_OK && run.tree.root != NULL) {
        status = finish(&run, root, error);
    } else if (status == SUBX_OK) {
        finish_empty(&run, &before);
        memcpy(root, run.tree.hasher->empty_root, SUBX_TRIE_HASH_SIZE);
    }
    if (status == SUBX_OK && (edit->ops->bytes.failed || run.scratch.failed))
        status = subx_error__nomem(error);
    edit->work->hashes += run.tree.stats.hashes + run.tree.stats.value_hashes;
    if (status == SUBX_OK && edit->part != NULL)
        keep_part(&run);
    subx_tree__free(&run.tree);
    subx_buf__free(&run.shrunk_paths);
    subx_buf__free(&run.scratch);
    return status;
}
