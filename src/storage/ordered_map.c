/*
 * A B+ tree of pointers. A node that becomes empty is taken out at once, others are never merged:
 * removal cannot fail and stays short, and with at most a few removals between insertions the tree
 * stays as low as it was.
 *
 *   inner   least[i] is the least item below children[i]; least[0] is not looked at
 *   leaf    items in order, chained to the next and previous leaf
 */
#include "storage/ordered_map.h"

#include "util/check.h"
#include "util/mem.h"

#define LEAF_ITEMS 32
#define INNER_CHILDREN 32

/* A level takes 16 times the insertions of the one below it. */
#define HEIGHT_MAX 16

struct leaf {
    struct leaf *next, *previous;
    size_t count;
    struct subx_item *items[LEAF_ITEMS];
};

struct inner {
    size_t count;
    struct subx_item *least[INNER_CHILDREN];
    void *children[INNER_CHILDREN];
};

/* The way from the root to a leaf, the topmost node first. */
struct path {
    struct inner *nodes[HEIGHT_MAX];
    size_t taken[HEIGHT_MAX]; /* number of the child that was entered */
    struct leaf *leaf;
};

int subx_ordered_map__compare(subx_slice a, subx_slice b)
{
    const size_t shared = a.len < b.len ? a.len : b.len;
    const int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

/* Number of the child that `key` is below. */
static size_t child_of(const struct inner *node, subx_slice key)
{
    size_t low = 0, high = node->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (subx_ordered_map__compare(node->least[middle]->key, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Number of the first item that is not less than `key`; `found`: it is equal. */
static size_t place_of(const struct leaf *leaf, subx_slice key, bool *found)
{
    size_t low = 0, high = leaf->count;
    *found = false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = subx_ordered_map__compare(leaf->items[middle]->key, key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct leaf *leaf_of(const struct subx_ordered_map *map, subx_slice key)
{
    const void *node = map->root;
    for (uint32_t level = map->height; level > 0; level--) {
        const struct inner *const inner = node;
        node = inner->children[child_of(inner, key)];
    }
    return node;
}

static void descend(const struct subx_ordered_map *map, subx_slice key, struct path *path)
{
    void *node = map->root;
    for (uint32_t level = 0; level < map->height; level++) {
        path->nodes[level] = node;
        path->taken[level] = child_of(path->nodes[level], key);
        node = path->nodes[level]->children[path->taken[level]];
    }
    path->leaf = node;
}

struct subx_item *subx_ordered_map__find(const struct subx_ordered_map *map, subx_slice key)
{
    if (map->root == NULL)
        return NULL;
    const struct leaf *const leaf = leaf_of(map, key);
    bool found = false;
    const size_t at = place_of(leaf, key, &found);
    return found ? leaf->items[at] : NULL;
}

struct subx_map_cursor subx_ordered_map__seek(const struct subx_ordered_map *map, subx_slice key)
{
    if (map->root == NULL)
        return (struct subx_map_cursor){NULL, 0};
    const struct leaf *const leaf = leaf_of(map, key);
    bool found = false;
    return (struct subx_map_cursor){leaf, place_of(leaf, key, &found)};
}

struct subx_item *subx_ordered_map__next(struct subx_map_cursor *cursor)
{
    const struct leaf *leaf = cursor->leaf;
    if (leaf != NULL && cursor->at == leaf->count) {
        leaf = leaf->next; /* no leaf is empty */
        *cursor = (struct subx_map_cursor){leaf, 0};
    }
    return leaf == NULL ? NULL : leaf->items[cursor->at++];
}

/* ---- Insertion ---- */

/* Nodes for the splits that an insertion needs, allocated before anything changes. */
struct spares {
    struct leaf *leaf;
    struct inner *inner[HEIGHT_MAX + 1];
    size_t inner_count;
};

static void free_spares(struct spares *spares)
{
    subx_mem__free(spares->leaf);
    while (spares->inner_count > 0)
        subx_mem__free(spares->inner[--spares->inner_count]);
}

/* Every full node from the leaf upwards splits; if all are full, there is a new root above. */
static bool get_spares(const struct subx_ordered_map *map, const struct path *path,
                       struct spares *spares)
{
    *spares = (struct spares){0};
    if (path->leaf->count < LEAF_ITEMS)
        return true;
    uint32_t level = map->height;
    while (level > 0 && path->nodes[level - 1]->count == INNER_CHILDREN)
        level--;
    const size_t needed = map->height - level + (level == 0 ? 1 : 0);
    SUBX_CHECK(map->height < HEIGHT_MAX);
    spares->leaf = subx_mem__alloc(sizeof *spares->leaf);
    bool all = spares->leaf != NULL;
    while (all && spares->inner_count < needed) {
        struct inner *const inner = subx_mem__alloc(sizeof *inner);
        all = inner != NULL;
        if (all)
            spares->inner[spares->inner_count++] = inner;
    }
    if (!all)
        free_spares(spares);
    return all;
}

static void put_item(struct leaf *leaf, size_t at, struct subx_item *item)
{
    memmove(leaf->items + at + 1, leaf->items + at, (leaf->count - at) * sizeof leaf->items[0]);
    leaf->items[at] = item;
    leaf->count++;
}

static void put_child(struct inner *node, size_t at, struct subx_item *least, void *child)
{
    const size_t after = node->count - at;
    memmove(node->least + at + 1, node->least + at, after * sizeof node->least[0]);
    memmove(node->children + at + 1, node->children + at, after * sizeof node->children[0]);
    node->least[at] = least;
    node->children[at] = child;
    node->count++;
}

/* Move the upper half of a leaf into `right`; keys that only ever grow leave full leaves behind. */
static void split_leaf(struct leaf *leaf, struct leaf *right, size_t at)
{
    const size_t kept = at == leaf->count && leaf->next == NULL ? leaf->count : LEAF_ITEMS / 2;
    right->count = leaf->count - kept;
    memcpy(right->items, leaf->items + kept, right->count * sizeof right->items[0]);
    leaf->count = kept;
    right->previous = leaf;
    right->next = leaf->next;
    if (right->next != NULL)
        right->next->previous = right;
    leaf->next = right;
}

static void split_inner(struct inner *node, struct inner *right)
{
    const size_t kept = INNER_CHILDREN / 2;
    right->count = node->count - kept;
    memcpy(right->least, node->least + kept, right->count * sizeof right->least[0]);
    memcpy(right->children, node->children + kept, right->count * sizeof right->children[0]);
    node->count = kept;
}

/* Put `child` behind the one that the path took at each level, splitting what is full. */
static void put_upwards(struct subx_ordered_map *map, const struct path *path,
                        struct subx_item *least, void *child, struct spares *spares)
{
    for (uint32_t level = map->height; level > 0; level--) {
        struct inner *node = path->nodes[level - 1];
        size_t at = path->taken[level - 1] + 1;
        if (node->count < INNER_CHILDREN) {
            put_child(node, at, least, child);
            return;
        }
        struct inner *const right = spares->inner[--spares->inner_count];
        split_inner(node, right);
        struct subx_item *const right_least = right->least[0];
        if (at > node->count) {
            at -= node->count;
            node = right;
        }
        put_child(node, at, least, child);
        least = right_least;
        child = right;
    }
    struct inner *const root = spares->inner[--spares->inner_count];
    root->count = 2;
    root->least[0] = NULL;
    root->least[1] = least;
    root->children[0] = map->root;
    root->children[1] = child;
    map->root = root;
    map->height++;
}

static bool insert_first(struct subx_ordered_map *map, struct subx_item *item)
{
    struct leaf *const leaf = subx_mem__alloc(sizeof *leaf);
    if (leaf == NULL)
        return false;
    leaf->next = NULL;
    leaf->previous = NULL;
    leaf->count = 1;
    leaf->items[0] = item;
    map->root = leaf;
    map->count = 1;
    return true;
}

bool subx_ordered_map__insert(struct subx_ordered_map *map, struct subx_item *item)
{
    if (map->root == NULL)
        return insert_first(map, item);
    struct path path;
    struct spares spares;
    descend(map, item->key, &path);
    if (!get_spares(map, &path, &spares))
        return false;
    bool found = false;
    size_t at = place_of(path.leaf, item->key, &found);
    SUBX_CHECK(!found);
    if (path.leaf->count < LEAF_ITEMS) {
        put_item(path.leaf, at, item);
    } else {
        struct leaf *const left = path.leaf, *const right = spares.leaf;
        spares.leaf = NULL;
        split_leaf(left, right, at);
        if (at > left->count || right->count == 0)
            put_item(right, at - left->count, item);
        else
            put_item(left, at, item);
        put_upwards(map, &path, right->items[0], right, &spares);
    }
    map->count++;
    SUBX_CHECK(spares.leaf == NULL && spares.inner_count == 0);
    return true;
}

/* ---- Removal ---- */

/* The least item below the nodes of `path` from `level` upwards is another one now. */
static void rename_upwards(const struct path *path, uint32_t level, struct subx_item *least)
{
    for (; level > 0; level--) {
        if (path->taken[level - 1] > 0) {
            path->nodes[level - 1]->least[path->taken[level - 1]] = least;
            return;
        }
    }
}

/* Take the child that the path took out of each node that it leaves empty. */
static void drop_upwards(struct subx_ordered_map *map, const struct path *path)
{
    for (uint32_t level = map->height; level > 0; level--) {
        struct inner *const node = path->nodes[level - 1];
        const size_t at = path->taken[level - 1];
        if (node->count == 1) {
            subx_mem__free(node);
            continue;
        }
        node->count--;
        const size_t after = node->count - at;
        memmove(node->least + at, node->least + at + 1, after * sizeof node->least[0]);
        memmove(node->children + at, node->children + at + 1, after * sizeof node->children[0]);
        if (at == 0)
            rename_upwards(path, level - 1, node->least[0]);
        return;
    }
    map->root = NULL;
    map->height = 0;
}

/* A root with one child is no use. */
static void lower_root(struct subx_ordered_map *map)
{
    while (map->height > 0) {
        struct inner *const root = map->root;
        if (root->count > 1)
            return;
        map->root = root->children[0];
        map->height--;
        subx_mem__free(root);
    }
}

void subx_ordered_map__remove(struct subx_ordered_map *map, const struct subx_item *item)
{
    struct path path;
    bool found = false;
    descend(map, item->key, &path);
    struct leaf *const leaf = path.leaf;
    const size_t at = place_of(leaf, item->key, &found);
    SUBX_CHECK(found && leaf->items[at] == item);
    map->count--;
    leaf->count--;
    memmove(leaf->items + at, leaf->items + at + 1, (leaf->count - at) * sizeof leaf->items[0]);
    if (leaf->count > 0) {
        if (at == 0)
            rename_upwards(&path, map->height, leaf->items[0]);
        return;
    }
    if (leaf->next != NULL)
        leaf->next->previous = leaf->previous;
    if (leaf->previous != NULL)
        leaf->previous->next = leaf->next;
    subx_mem__free(leaf);
    drop_upwards(map, &path);
    lower_root(map);
}

/* Level by level from the bottom: the leaves are chained, the inner nodes are few. */
static void free_inner(void *node, uint32_t height)
{
    struct inner *path[HEIGHT_MAX];
    size_t next[HEIGHT_MAX] = {0};
    uint32_t depth = 0;
    path[0] = node;
    for (;;) {
        struct inner *const inner = path[depth];
        if (depth + 1 < height && next[depth] < inner->count) {
            path[depth + 1] = inner->children[next[depth]++];
            next[++depth] = 0;
            continue;
        }
        subx_mem__free(inner);
        if (depth == 0)
            return;
        depth--;
    }
}

void subx_ordered_map__clear(struct subx_ordered_map *map)
{
    void *first = map->root;
    for (uint32_t level = map->height; level > 0; level--)
        first = ((struct inner *)first)->children[0];
    if (map->height > 0)
        free_inner(map->root, map->height);
    for (struct leaf *leaf = first; leaf != NULL;) {
        struct leaf *const next = leaf->next;
        subx_mem__free(leaf);
        leaf = next;
    }
    *map = (struct subx_ordered_map){0};
}
