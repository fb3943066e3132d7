/* A tree in memory from sorted pairs: the shape from the walker, each node made once. */
#include "trie/tree_node.h"
#include "trie/trie_shape.h"
#include "util/mem.h"

/* A value whose node is not made yet. It moves with the stack it is on, so its pointers to itself
 * are set when it is used. */
struct pending_value {
    struct subx_node_value value;
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    uint8_t inside[SUBX_NODE_INSIDE_MAX];
};

struct subx_tree_builder {
    struct subx_shape shape;
    struct subx_tree tree;
    /* Stacks: values of keys whose node is not made yet, nodes whose parent is not. */
    struct pending_value *values;
    size_t value_count, value_capacity;
    struct subx_tree_node **nodes;
    size_t node_count, node_capacity;
};

/* Make room for one more on a stack; false: out of memory. `*stack` is a pointer to elements of
 * `size` bytes. */
static void *grown(void *stack, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return stack;
    const size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
    void *const grown_stack = subx_mem__realloc(stack, wanted, size);
    if (grown_stack != NULL)
        *capacity = wanted;
    return grown_stack;
}

static void point_to_itself(struct pending_value *pending)
{
    if (pending->value.shared == NULL)
        pending->value.bytes = pending->inside;
    if ((pending->value.marks & SUBX_NODE_HASHED) != 0)
        pending->value.hash = pending->hash;
}

/* Receiver of the walker. */
static subx_status take_node(void *user, const struct subx_shape_node *told, subx_error *error)
{
    static const struct subx_node_value no_value = {.marks = 0};
    struct subx_tree_builder *const builder = user;
    struct pending_value *const pending =
        told->has_value ? &builder->values[builder->value_count - 1] : NULL;
    struct subx_tree_node **const nodes =
        grown(builder->nodes, builder->node_count, &builder->node_capacity, sizeof *nodes);
    if (nodes == NULL)
        return subx_error__nomem(error);
    builder->nodes = nodes;
    if (pending != NULL)
        point_to_itself(pending);
    struct subx_tree_node *const node =
        subx_node__new(&builder->tree.stats, told->partial.len, told->bitmap,
                       pending == NULL ? &no_value : &pending->value);
    if (node == NULL)
        return subx_error__nomem(error);
    subx_node__write_partial(node, 0, told->partial);
    const size_t child_count = subx_node__child_count(node);
    builder->node_count -= child_count;
    if (child_count > 0)
        memcpy(node->children, nodes + builder->node_count, child_count * sizeof *nodes);
    nodes[builder->node_count++] = node;
    if (pending != NULL) {
        subx_node_value__release(&pending->value);
        builder->value_count--;
    }
    return SUBX_OK;
}

struct subx_tree_builder *subx_tree_builder__new(const struct subx_trie_hasher *hasher)
{
    struct subx_tree_builder *const builder = subx_mem__calloc(1, sizeof *builder);
    if (builder == NULL)
        return NULL;
    subx_tree__init(&builder->tree, hasher);
    subx_shape__init(&builder->shape, take_node, builder);
    return builder;
}

void subx_tree_builder__free(struct subx_tree_builder *builder)
{
    if (builder == NULL)
        return;
    for (size_t i = 0; i < builder->value_count; i++)
        subx_node_value__release(&builder->values[i].value);
    for (size_t i = 0; i < builder->node_count; i++)
        subx_node__release(builder->nodes[i]);
    subx_mem__free(builder->values);
    subx_mem__free(builder->nodes);
    subx_shape__free(&builder->shape);
    subx_mem__free(builder);
}

subx_status subx_tree_builder__push(struct subx_tree_builder *builder, subx_slice key,
                                    subx_slice value, bool hashed, subx_error *error)
{
    subx_status status = subx_tree__check_sizes(key, value, error);
    if (status == SUBX_OK)
        status = subx_shape__push(&builder->shape, key, error);
    if (status != SUBX_OK)
        return status;
    struct pending_value *const values =
        grown(builder->values, builder->value_count, &builder->value_capacity, sizeof *values);
    if (values == NULL)
        return subx_error__nomem(error);
    builder->values = values;
    struct pending_value *const pending = &values[builder->value_count];
    hashed = hashed && value.len >= SUBX_TRIE_HASHED_FROM;
    if (hashed) {
        builder->tree.hasher->hash(value, pending->hash);
        builder->tree.stats.value_hashes++;
    }
    status = subx_node_value__make(value, hashed ? pending->hash : NULL, &pending->value, error);
    if (status != SUBX_OK)
        return status;
    if (pending->value.shared == NULL && value.len > 0)
        memcpy(pending->inside, value.data, value.len);
    builder->value_count++;
    builder->tree.count++;
    return SUBX_OK;
}

subx_status subx_tree_builder__finish(struct subx_tree_builder *builder, struct subx_tree *out,
                                      subx_error *error)
{
    const subx_status status = subx_shape__finish(&builder->shape, error);
    subx_tree__init(out, builder->tree.hasher);
    if (status != SUBX_OK || builder->node_count == 0)
        return status;
    *out = builder->tree;
    out->root = builder->nodes[--builder->node_count];
    return SUBX_OK;
}
