/* Cursors over the keys of a tree in memory, and counting them. */
#include "trie/tree_node.h"

#include "util/mem.h"

/*
 * A walk in key order. A step on the stack is a node whose value, and the children before index
 * `nibble`, are behind the walk; one whose value is not carries FRESH.
 */
#define FRESH 0xff

struct walk {
    /* for recording: its encoding is always recorded */
    const struct subx_tree_node *root;
    struct subx_proof *recorder;
    struct subx_tree_path stack;
    /* the path to the end of the node on top, and how long it is at the end of each node */
    struct subx_nibble_path path;
    size_t *depths;
    size_t depth_capacity;
};

static void init_walk(struct walk *walk, const struct subx_tree_node *root,
                      struct subx_proof *recorder)
{
    *walk = (struct walk){.root = root, .recorder = recorder, .path = SUBX_NIBBLE_PATH_INIT};
    subx_tree_path__init(&walk->stack);
}

static void free_walk(struct walk *walk)
{
    subx_tree_path__free(&walk->stack);
    subx_nibble_path__free(&walk->path);
    subx_mem__free(walk->depths);
}

/* Go on to a node, whose parent is on top. */
static subx_status enter(struct walk *walk, struct subx_tree_node *node, subx_error *error)
{
    if (subx_node__is_stub(node))
        return subx_tree__missing_node(node, error);
    if (walk->recorder != NULL) {
        const subx_status status =
            subx_tree__record_node(walk->recorder, node, node == walk->root, error);
        if (status != SUBX_OK)
            return status;
    }
    if (walk->stack.count == walk->depth_capacity) {
        const size_t capacity = walk->depth_capacity == 0 ? 24 : 2 * walk->depth_capacity;
        size_t *const depths = subx_mem__realloc(walk->depths, capacity, sizeof *depths);
        if (depths == NULL)
            return subx_error__nomem(error);
        walk->depths = depths;
        walk->depth_capacity = capacity;
    }
    subx_nibble_path__append(&walk->path, subx_node__partial(node));
    if (walk->path.bytes.failed || !subx_tree_path__push(&walk->stack, node, FRESH))
        return subx_error__nomem(error);
    walk->depths[walk->stack.count - 1] = walk->path.len;
    return SUBX_OK;
}

/* Go on to the child of that index below the node on top. */
static subx_status enter_child(struct walk *walk, size_t index, subx_error *error)
{
    const struct subx_tree_step *const top = &walk->stack.steps[walk->stack.count - 1];
    unsigned left = top->node->bitmap;
    for (size_t i = 0; i < index; i++)
        left &= left - 1;
    subx_nibble_path__cut(&walk->path, walk->depths[walk->stack.count - 1]);
    subx_nibble_path__append_one(&walk->path, (uint8_t)__builtin_ctz(left));
    return enter(walk, top->node->children[index], error);
}

/* Go on to the next node that has a value; NULL at the end. Its key is the path. */
static subx_status advance(struct walk *walk, const struct subx_tree_node **out, subx_error *error)
{
    *out = NULL;
    while (walk->stack.count > 0) {
        struct subx_tree_step *const top = &walk->stack.steps[walk->stack.count - 1];
        if (top->nibble == FRESH) {
            top->nibble = 0;
            if ((top->node->kind & SUBX_NODE_VALUE) != 0) {
                *out = top->node;
                return SUBX_OK;
            }
        }
        if (top->nibble >= subx_node__child_count(top->node)) {
            walk->stack.count--;
            continue;
        }
        const subx_status status = enter_child(walk, top->nibble++, error);
        if (status != SUBX_OK)
            return status;
    }
    return SUBX_OK;
}

/* Begin such that the walk tells the keys that are not less than `key`. */
static subx_status seek(struct walk *walk, struct subx_tree_node *node, subx_slice key,
                        subx_error *error)
{
    struct subx_nibbles rest = subx_nibbles__of_key(key);
    subx_status status = enter(walk, node, error);
    while (status == SUBX_OK) {
        const struct subx_nibbles partial = subx_node__partial(node);
        const size_t common = subx_nibbles__common(partial, rest);
        if (common == rest.len)
            return SUBX_OK;
        struct subx_tree_step *const top = &walk->stack.steps[walk->stack.count - 1];
        const uint8_t nibble = subx_nibbles__get(rest, common);
        if (common < partial.len) {
            /* all of it is greater, or all is less */
            if (subx_nibbles__get(partial, common) < nibble)
                walk->stack.count--;
            return SUBX_OK;
        }
        const size_t rank = subx_node__rank(node, nibble);
        top->nibble = (uint8_t)rank;
        if (!subx_node__has_child(node, nibble))
            return SUBX_OK;
        top->nibble++;
        rest = subx_nibbles__skip(rest, common + 1);
        node = node->children[rank];
        status = enter_child(walk, rank, error);
    }
    return status;
}

subx_status subx_tree__count_below(struct subx_tree_node *node, uint64_t *out, subx_error *error)
{
    /* as a walk, without the keys */
    struct subx_tree_path stack;
    subx_status status = SUBX_OK;
    uint64_t count = 0;
    subx_tree_path__init(&stack);
    for (;;) {
        if (subx_node__is_stub(node)) {
            status = subx_tree__missing_node(node, error);
            break;
        }
        count += (node->kind & SUBX_NODE_VALUE) != 0;
        if (node->bitmap != 0 && !subx_tree_path__push(&stack, node, 0)) {
            status = subx_error__nomem(error);
            break;
        }
        while (stack.count > 0 && stack.steps[stack.count - 1].nibble ==
                                      subx_node__child_count(stack.steps[stack.count - 1].node))
            stack.count--;
        if (stack.count == 0)
            break;
        struct subx_tree_step *const top = &stack.steps[stack.count - 1];
        node = top->node->children[top->nibble++];
    }
    subx_tree_path__free(&stack);
    *out = count;
    return status;
}

struct subx_tree_cursor {
    /* keeps the nodes alive */
    struct subx_tree tree;
    struct walk walk;
    subx_bytes prefix;
    bool reads_values;
};

void subx_tree_cursor__close(struct subx_tree_cursor *cursor)
{
    if (cursor == NULL)
        return;
    free_walk(&cursor->walk);
    subx_tree__free(&cursor->tree);
    subx_bytes_free(&cursor->prefix);
    subx_mem__free(cursor);
}

subx_status subx_tree_cursor__open(const struct subx_tree *tree, subx_slice prefix, subx_slice from,
                                   enum subx_tree_cursor_reads reads, struct subx_proof *recorder,
                                   struct subx_tree_cursor **out, subx_error *error)
{
    subx_status status = SUBX_OK;
    struct subx_tree_cursor *cursor = subx_mem__calloc(1, sizeof *cursor);
    *out = NULL;
    if (cursor == NULL)
        return subx_error__nomem(error);
    subx_tree__snapshot(tree, &cursor->tree);
    init_walk(&cursor->walk, tree->root, recorder);
    cursor->reads_values = reads == SUBX_TREE_KEYS_AND_VALUES;
    cursor->prefix = (subx_bytes){subx_mem__copy(prefix.data, prefix.len), prefix.len};
    if (cursor->prefix.data == NULL)
        status = subx_error__nomem(error);
    else if (tree->root != NULL)
        status = seek(&cursor->walk, tree->root,
                      subx_trie__compare(from, prefix) < 0 ? prefix : from, error);
    else if (recorder != NULL)
        status = subx_tree__record_empty(recorder, error);
    if (status == SUBX_OK)
        *out = cursor;
    else
        subx_tree_cursor__close(cursor);
    return status;
}

subx_status subx_tree_cursor__next(struct subx_tree_cursor *cursor, subx_slice *key,
                                   struct subx_tree_entry *out, subx_error *error)
{
    const struct subx_tree_node *node = NULL;
    *out = (struct subx_tree_entry){.found = false};
    *key = SUBX_EMPTY;
    subx_status status = advance(&cursor->walk, &node, error);
    if (status != SUBX_OK || node == NULL)
        return status;
    const subx_slice path = subx_buf__slice(&cursor->walk.path.bytes);
    if (!subx_slice__starts_with(path, subx_slice__of(cursor->prefix.data, cursor->prefix.len))) {
        /* all that follows is beyond the prefix too */
        cursor->walk.stack.count = 0;
        return SUBX_OK;
    }
    if ((cursor->walk.path.len & 1) != 0)
        return subx_error__set(error, SUBX_INVALID_INPUT, "trie: a value under half a byte");
    if (cursor->reads_values && (node->kind & SUBX_NODE_HASHED) != 0 &&
        node->value_len == SUBX_NODE_ABSENT)
        return subx_tree__missing_value(subx_node__value(node).hash, error);
    if (cursor->reads_values && cursor->walk.recorder != NULL)
        status = subx_tree__record_value(cursor->walk.recorder, node, error);
    if (status == SUBX_OK) {
        *key = path;
        subx_node__entry(node, out);
    }
    return status;
}
