/* Changing a tree in memory: set, remove, and the shape that follows (spec/host-api.md 4.1). */
#include "trie/tree_node.h"

/* Where a key ends in a tree. */
enum outcome {
    /* no node at all */
    NOWHERE,
    /* `node` ends where the key does */
    AT_NODE,
    /* the key goes on from the end of `node` where it has no child */
    BELOW_NODE,
    /* the key parts from the partial key of `node`, or ends in it, after `common` nibbles */
    IN_PARTIAL,
};

struct place {
    enum outcome outcome;
    struct subx_tree_path path;
    struct subx_tree_node *node;
    /* of the key, from the beginning of the node's partial key */
    struct subx_nibbles rest;
    size_t common;
};

/* Stop at stubs; record nodes of the tree as it was, which are those that are not dirty. */
static subx_status visit(const struct subx_tree *tree, const struct subx_tree_node *node,
                         struct subx_proof *recorder, subx_error *error)
{
    if (subx_node__is_stub(node))
        return subx_tree__missing_node(node, error);
    if (recorder == NULL || subx_node__is_dirty(node))
        return SUBX_OK;
    return subx_tree__record_node(recorder, node, node == tree->root, error);
}

/* Find where a key ends. The path in `out` must be initialised, and freed in any case. */
static subx_status descend(const struct subx_tree *tree, subx_slice key,
                           struct subx_proof *recorder, struct place *out, subx_error *error)
{
    struct subx_tree_node *node = tree->root;
    struct subx_nibbles rest = subx_nibbles__of_key(key);
    out->outcome = NOWHERE;
    if (node == NULL)
        return SUBX_OK;
    for (;;) {
        const subx_status status = visit(tree, node, recorder, error);
        if (status != SUBX_OK)
            return status;
        const struct subx_nibbles partial = subx_node__partial(node);
        const size_t common = subx_nibbles__common(partial, rest);
        out->node = node;
        out->rest = rest;
        out->common = common;
        if (common < partial.len) {
            out->outcome = IN_PARTIAL;
            return SUBX_OK;
        }
        if (common == rest.len) {
            out->outcome = AT_NODE;
            return SUBX_OK;
        }
        const uint8_t nibble = subx_nibbles__get(rest, common);
        if (!subx_node__has_child(node, nibble)) {
            out->outcome = BELOW_NODE;
            return SUBX_OK;
        }
        if (!subx_tree_path__push(&out->path, node, nibble))
            return subx_error__nomem(error);
        rest = subx_nibbles__skip(rest, common + 1);
        node = node->children[subx_node__rank(node, nibble)];
    }
}

/* The pointer to the node at the end of the path. */
static struct subx_tree_node **slot(struct subx_tree *tree, const struct subx_tree_path *path,
                                    size_t depth)
{
    if (depth == 0)
        return &tree->root;
    const struct subx_tree_step *const step = &path->steps[depth - 1];
    return &step->node->children[subx_node__rank(step->node, step->nibble)];
}

/* Put copies in place of the nodes of the path that others hold too; contents stay the same, also
 * if this fails halfway. */
static subx_status own(struct subx_tree *tree, struct subx_tree_path *path, subx_error *error)
{
    for (size_t i = 0; i < path->count; i++) {
        struct subx_tree_node *const node = path->steps[i].node;
        if (subx_node__is_single(node))
            continue;
        struct subx_tree_node *const copy = subx_node__copy(&tree->stats, node);
        if (copy == NULL)
            return subx_error__nomem(error);
        *slot(tree, path, i) = copy;
        path->steps[i].node = copy;
        subx_node__release(node);
    }
    return SUBX_OK;
}

/* The path, which is owned, leads to something that changed. */
static void make_dirty(const struct subx_tree_path *path)
{
    for (size_t i = path->count; i-- > 0;) {
        if (subx_node__is_dirty(path->steps[i].node))
            return;
        path->steps[i].node->merkle_len = 0;
    }
}

/* Put a node at the end of the path, which is owned. What was there is for the caller. */
static void put(struct subx_tree *tree, const struct subx_tree_path *path,
                struct subx_tree_node *node)
{
    *slot(tree, path, path->count) = node;
    make_dirty(path);
}

/* Give `to` the children of `from` that its bitmap has; they move if `from` is owned, else both
 * hold them. */
static void give_children(struct subx_tree_node *to, const struct subx_tree_node *from,
                          bool is_owned)
{
    const uint16_t common = to->bitmap & from->bitmap;
    for (unsigned left = common; left != 0; left &= left - 1) {
        const unsigned nibble = (unsigned)__builtin_ctz(left);
        struct subx_tree_node *const child = from->children[subx_node__rank(from, nibble)];
        to->children[subx_node__rank(to, nibble)] = child;
        if (!is_owned)
            subx_node__take(child);
    }
}

/* Drop a node that is no longer in the tree, whose children in `moved` belong to another one if it
 * was owned. */
static void discard(struct subx_tree_node *node, bool is_owned, uint16_t moved)
{
    if (!is_owned) {
        subx_node__release(node);
        return;
    }
    for (unsigned left = node->bitmap & (unsigned)~moved; left != 0; left &= left - 1)
        subx_node__release(node->children[subx_node__rank(node, (unsigned)__builtin_ctz(left))]);
    subx_node__free_shell(node);
}

/* A node with the partial key of an old one. */
static struct subx_tree_node *with_partial(struct subx_tree *tree, struct subx_nibbles partial,
                                           uint16_t bitmap, const struct subx_node_value *value)
{
    struct subx_tree_node *const node = subx_node__new(&tree->stats, partial.len, bitmap, value);
    if (node != NULL)
        subx_node__write_partial(node, 0, partial);
    return node;
}

/* Put another value where the key ends at a node. */
static subx_status set_at_node(struct subx_tree *tree, const struct place *place,
                               const struct subx_node_value *value, subx_error *error)
{
    struct subx_tree_node *const old = place->node;
    const bool is_owned = subx_node__is_single(old);
    const uint8_t old_marks = old->kind & SUBX_NODE_MARKS;
    if (is_owned && old_marks == value->marks && value->shared == NULL &&
        old->value_len == value->len) {
        /* the same room: no new block */
        uint8_t *at = (uint8_t *)(old->children + subx_node__child_count(old));
        if (value->hash != NULL)
            memcpy(at, value->hash, SUBX_TRIE_HASH_SIZE);
        at += subx_node__marks_size(old->kind) + subx_nibbles__packed_size(old->partial_len);
        if (value->len > 0)
            memcpy(at, value->bytes, value->len);
        old->merkle_len = 0;
        make_dirty(&place->path);
        return SUBX_OK;
    }
    struct subx_tree_node *const node =
        with_partial(tree, subx_node__partial(old), old->bitmap, value);
    if (node == NULL)
        return subx_error__nomem(error);
    tree->count += (old_marks & SUBX_NODE_VALUE) == 0;
    give_children(node, old, is_owned);
    put(tree, &place->path, node);
    discard(old, is_owned, old->bitmap);
    return SUBX_OK;
}

/* Add a leaf to a node that has no child for the key's next nibble. */
static subx_status set_below_node(struct subx_tree *tree, const struct place *place,
                                  const struct subx_node_value *value, subx_error *error)
{
    struct subx_tree_node *const old = place->node;
    const bool is_owned = subx_node__is_single(old);
    const uint8_t nibble = subx_nibbles__get(place->rest, place->common);
    const struct subx_node_value old_value = subx_node__value(old);
    struct subx_tree_node *const leaf =
        with_partial(tree, subx_nibbles__skip(place->rest, place->common + 1), 0, value);
    if (leaf == NULL)
        return subx_error__nomem(error);
    struct subx_tree_node *const node = with_partial(
        tree, subx_node__partial(old), (uint16_t)(old->bitmap | 1u << nibble), &old_value);
    if (node == NULL) {
        subx_node__free_shell(leaf);
        return subx_error__nomem(error);
    }
    tree->count++;
    give_children(node, old, is_owned);
    node->children[subx_node__rank(node, nibble)] = leaf;
    put(tree, &place->path, node);
    discard(old, is_owned, old->bitmap);
    return SUBX_OK;
}

/* Split a node whose partial key the new key leaves: a branch takes its place, below which are the
 * rest of the node and, unless the key ends at the branch, a leaf. */
static subx_status set_in_partial(struct subx_tree *tree, const struct place *place,
                                  const struct subx_node_value *value, subx_error *error)
{
    static const struct subx_node_value no_value = {.marks = 0};
    struct subx_tree_node *const old = place->node;
    const bool is_owned = subx_node__is_single(old);
    const bool ends_here = place->common == place->rest.len;
    const struct subx_nibbles partial = subx_node__partial(old);
    const struct subx_node_value old_value = subx_node__value(old);
    const uint8_t old_nibble = subx_nibbles__get(partial, place->common);
    const uint8_t new_nibble =
        ends_here ? old_nibble : subx_nibbles__get(place->rest, place->common);
    struct subx_tree_node *const branch = with_partial(
        tree, subx_nibbles__first(partial, place->common),
        (uint16_t)(1u << old_nibble | 1u << new_nibble), ends_here ? value : &no_value);
    struct subx_tree_node *const lower =
        with_partial(tree, subx_nibbles__skip(partial, place->common + 1), old->bitmap, &old_value);
    struct subx_tree_node *const leaf =
        ends_here
            ? NULL
            : with_partial(tree, subx_nibbles__skip(place->rest, place->common + 1), 0, value);
    if (branch == NULL || lower == NULL || (leaf == NULL && !ends_here)) {
        struct subx_tree_node *const made[] = {branch, lower, leaf};
        for (size_t i = 0; i < sizeof made / sizeof *made; i++)
            if (made[i] != NULL)
                subx_node__free_shell(made[i]);
        return subx_error__nomem(error);
    }
    tree->count++;
    give_children(lower, old, is_owned);
    branch->children[subx_node__rank(branch, old_nibble)] = lower;
    if (leaf != NULL)
        branch->children[subx_node__rank(branch, new_nibble)] = leaf;
    put(tree, &place->path, branch);
    discard(old, is_owned, old->bitmap);
    return SUBX_OK;
}

static subx_status set_nowhere(struct subx_tree *tree, subx_slice key,
                               const struct subx_node_value *value, subx_error *error)
{
    tree->root = with_partial(tree, subx_nibbles__of_key(key), 0, value);
    if (tree->root == NULL)
        return subx_error__nomem(error);
    tree->count++;
    return SUBX_OK;
}

static subx_status set_at(struct subx_tree *tree, struct place *place, subx_slice key,
                          const struct subx_node_value *value, subx_error *error)
{
    const subx_status status = own(tree, &place->path, error);
    if (status != SUBX_OK)
        return status;
    switch (place->outcome) {
    case AT_NODE:
        return set_at_node(tree, place, value, error);
    case BELOW_NODE:
        return set_below_node(tree, place, value, error);
    case IN_PARTIAL:
        return set_in_partial(tree, place, value, error);
    case NOWHERE:
    default:
        return set_nowhere(tree, key, value, error);
    }
}

/* Whether the node has this value in this form already. */
static bool has_value(const struct subx_tree *tree, const struct subx_tree_node *node,
                      subx_slice value, bool hashed)
{
    const struct subx_node_value old = subx_node__value(node);
    if ((old.marks & SUBX_NODE_VALUE) == 0 || hashed != ((old.marks & SUBX_NODE_HASHED) != 0))
        return false;
    if (old.bytes != NULL)
        return subx_slice__equal(subx_slice__of(old.bytes, old.len), value);
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    tree->hasher->hash(value, hash);
    return memcmp(hash, old.hash, sizeof hash) == 0;
}

subx_status subx_tree_edit__set(struct subx_tree *tree, subx_slice key, subx_slice value,
                                bool hashed, struct subx_proof *recorder, subx_error *error)
{
    struct place place;
    struct subx_node_value made = {.marks = 0};
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    hashed = hashed && value.len >= SUBX_TRIE_HASHED_FROM;
    subx_tree_path__init(&place.path);
    subx_status status = subx_tree__check_sizes(key, value, error);
    if (status == SUBX_OK)
        status = descend(tree, key, recorder, &place, error);
    if (status == SUBX_OK &&
        !(place.outcome == AT_NODE && has_value(tree, place.node, value, hashed))) {
        if (hashed) {
            tree->hasher->hash(value, hash);
            tree->stats.value_hashes++;
        }
        status = subx_node_value__make(value, hashed ? hash : NULL, &made, error);
        if (status == SUBX_OK)
            status = set_at(tree, &place, key, &made, error);
        subx_node_value__release(&made);
    }
    subx_tree_path__free(&place.path);
    return status;
}

subx_status subx_tree__set(struct subx_tree *tree, subx_slice key, subx_slice value, bool hashed,
                           subx_error *error)
{
    return subx_tree_edit__set(tree, key, value, hashed, NULL, error);
}

/* What is to be left of the node at the end of a path. */
struct remainder {
    struct subx_tree_node *node;
    uint16_t bitmap;
    bool keeps_value;
};

/* A node that is left with one child and no value becomes one with it. */
static subx_status merge(struct subx_tree *tree, struct subx_tree_path *path,
                         const struct remainder *left, struct subx_proof *recorder,
                         subx_error *error)
{
    struct subx_tree_node *const old = left->node;
    const uint8_t nibble = (uint8_t)__builtin_ctz(left->bitmap);
    struct subx_tree_node *const child = old->children[subx_node__rank(old, nibble)];
    subx_status status = visit(tree, child, recorder, error);
    if (status == SUBX_OK)
        status = own(tree, path, error);
    if (status != SUBX_OK)
        return status;
    const bool is_owned = subx_node__is_single(old);
    const bool child_is_owned = is_owned && subx_node__is_single(child);
    /* only in partial trees can it be more than a key's, because nobody has looked at their depth */
    const size_t len = (size_t)old->partial_len + 1 + child->partial_len;
    if (len > UINT32_MAX)
        return subx_error__set(error, SUBX_TOO_LARGE, "trie: a key of %zu nibbles", len);
    const struct subx_node_value value = subx_node__value(child);
    struct subx_tree_node *const node = subx_node__new(&tree->stats, len, child->bitmap, &value);
    if (node == NULL)
        return subx_error__nomem(error);
    subx_node__write_partial(node, 0, subx_node__partial(old));
    subx_node__write_partial(node, old->partial_len, (struct subx_nibbles){&nibble, 1, 1});
    subx_node__write_partial(node, (size_t)old->partial_len + 1, subx_node__partial(child));
    give_children(node, child, child_is_owned);
    put(tree, path, node);
    if (is_owned)
        discard(child, child_is_owned, child->bitmap);
    discard(old, is_owned, left->bitmap);
    return SUBX_OK;
}

/*
 * Give the end of a path the shape that fits what is left there: nodes with neither a value nor
 * children vanish (one after the other, though in a whole trie only the first can), one with a
 * child and no value is merged with it, others are made anew.
 */
static subx_status reshape(struct subx_tree *tree, struct subx_tree_path *path,
                           struct remainder left, struct subx_proof *recorder, subx_error *error)
{
    static const struct subx_node_value no_value = {.marks = 0};
    bool has_value = left.keeps_value && (left.node->kind & SUBX_NODE_VALUE) != 0;
    while (left.bitmap == 0 && !has_value) {
        if (path->count == 0) {
            subx_node__release(tree->root);
            tree->root = NULL;
            return SUBX_OK;
        }
        const struct subx_tree_step step = path->steps[--path->count];
        const uint16_t bitmap = (uint16_t)(step.node->bitmap & ~(1u << step.nibble));
        left = (struct remainder){step.node, bitmap, true};
        has_value = (step.node->kind & SUBX_NODE_VALUE) != 0;
    }
    if (!has_value && (left.bitmap & (left.bitmap - 1)) == 0)
        return merge(tree, path, &left, recorder, error);
    const subx_status status = own(tree, path, error);
    if (status != SUBX_OK)
        return status;
    struct subx_tree_node *const old = left.node;
    const bool is_owned = subx_node__is_single(old);
    const struct subx_node_value value = has_value ? subx_node__value(old) : no_value;
    struct subx_tree_node *const node =
        with_partial(tree, subx_node__partial(old), left.bitmap, &value);
    if (node == NULL)
        return subx_error__nomem(error);
    give_children(node, old, is_owned);
    put(tree, path, node);
    discard(old, is_owned, left.bitmap);
    return SUBX_OK;
}

/* The first fault of spec section 10: an absent key ends where a branch begins that has a partial
 * key and a value. */
static bool meets_fault(const struct place *place)
{
    return place->outcome == IN_PARTIAL && place->rest.len == 0 && place->node->bitmap != 0 &&
           (place->node->kind & SUBX_NODE_VALUE) != 0;
}

static subx_status panic(subx_slice key, subx_error *error)
{
    char text[SUBX_TREE_HEX_SIZE];
    subx_tree__hex(key, text);
    return subx_error__set(error, SUBX_TRIE_REFERENCE_PANICS,
                           "the reference panics here: removal of the absent key 0x%s%s (%zu "
                           "bytes) where a branch with a value and one child begins",
                           text, key.len > SUBX_TRIE_HASH_SIZE ? "..." : "", key.len);
}

subx_status subx_tree_edit__remove(struct subx_tree *tree, subx_slice key,
                                   enum subx_tree_fault fault, struct subx_proof *recorder,
                                   bool *removed, subx_error *error)
{
    struct place place;
    *removed = false;
    subx_tree_path__init(&place.path);
    subx_status status = descend(tree, key, recorder, &place, error);
    const bool is_there =
        status == SUBX_OK && place.outcome == AT_NODE && (place.node->kind & SUBX_NODE_VALUE) != 0;
    const bool is_fault = status == SUBX_OK && fault == SUBX_TREE_FAITHFUL && meets_fault(&place);
    if (is_fault && subx_node__child_count(place.node) == 1) {
        status = panic(key, error);
    } else if (is_there || is_fault) {
        const struct remainder left = {place.node, place.node->bitmap, false};
        status = reshape(tree, &place.path, left, recorder, error);
        if (status == SUBX_OK)
            tree->count--;
        *removed = status == SUBX_OK && is_there;
    }
    subx_tree_path__free(&place.path);
    return status;
}

subx_status subx_tree__remove(struct subx_tree *tree, subx_slice key, bool *removed,
                              subx_error *error)
{
    bool was_there = false;
    const subx_status status =
        subx_tree_edit__remove(tree, key, SUBX_TREE_CLEAN, NULL, &was_there, error);
    if (removed != NULL)
        *removed = was_there;
    return status;
}

/* Drop all that lies at and below the end of a path. */
static subx_status cut(struct subx_tree *tree, struct subx_tree_path *path, subx_error *error)
{
    const struct remainder nothing = {tree->root, 0, false};
    if (path->count == 0)
        return reshape(tree, path, nothing, NULL, error);
    const struct subx_tree_step step = path->steps[--path->count];
    const uint16_t bitmap = (uint16_t)(step.node->bitmap & ~(1u << step.nibble));
    return reshape(tree, path, (struct remainder){step.node, bitmap, true}, NULL, error);
}

subx_status subx_tree__remove_prefix(struct subx_tree *tree, subx_slice prefix, uint64_t *removed,
                                     subx_error *error)
{
    struct place place;
    uint64_t count = 0;
    subx_tree_path__init(&place.path);
    subx_status status = descend(tree, prefix, NULL, &place, error);
    const bool is_covered =
        status == SUBX_OK && place.outcome != NOWHERE && place.common == place.rest.len;
    if (is_covered)
        status = subx_tree__count_below(place.node, &count, error);
    if (is_covered && status == SUBX_OK)
        status = cut(tree, &place.path, error);
    subx_tree_path__free(&place.path);
    if (status != SUBX_OK)
        count = 0;
    tree->count -= count;
    if (removed != NULL)
        *removed = count;
    return status;
}
