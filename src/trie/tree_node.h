/*
 * Nodes of the tree in memory, for the files of the tree alone.
 *
 * One block each, of the size it needs:
 *
 *   refs 4 | partial_len 4 | value_len 4 | bitmap 2 | kind 1 | merkle_len 1 | Merkle value 32
 *   | children 8 * n | [pointer to a shared value 8] | [hash of the value 32]
 *   | partial key, packed as in the encoding | [value]
 *
 * A node is *dirty* if its Merkle value is not known (merkle_len 0). All nodes above a dirty one in
 * a tree are dirty.
 *
 * A node is *owned* if its reference count is 1 and that of all nodes above it is 1 too: then no
 * other handle can reach it, and it may be changed in place. Nodes that are not owned never change.
 *
 * A *stub* stands for a node that a partial tree lacks: it has neither children nor a value, and
 * its Merkle value is all that is known.
 */
#ifndef SUBX_TRIE_TREE_NODE_H
#define SUBX_TRIE_TREE_NODE_H

#include <stdatomic.h>

#include "trie/tree.h"
#include "util/check.h"
#include "util/error.h"

/* `kind`: the number of children, 0 to 16, and these marks. */
#define SUBX_NODE_CHILDREN 0x1f
#define SUBX_NODE_VALUE 0x20   /* it has a value */
#define SUBX_NODE_HASHED 0x40  /* in hashed form: the hash is there */
#define SUBX_NODE_OUTSIDE 0x80 /* the value is in a block of its own */
#define SUBX_NODE_MARKS 0xe0

/* Longer values have a block of their own, which copies of the node share. */
#define SUBX_NODE_INSIDE_MAX 512

/* value_len of a hashed value that a partial tree lacks. */
#define SUBX_NODE_ABSENT UINT32_MAX

struct subx_tree_node {
    _Atomic uint32_t refs;
    uint32_t partial_len;
    uint32_t value_len;
    uint16_t bitmap;
    uint8_t kind;
    uint8_t merkle_len;
    uint8_t merkle[SUBX_TRIE_HASH_SIZE];
    struct subx_tree_node *children[];
};

struct subx_shared_value {
    _Atomic uint32_t refs;
    uint8_t bytes[];
};

/* The value of a node, as its parts. */
struct subx_node_value {
    /* SUBX_NODE_MARKS; 0: no value */
    uint8_t marks;
    uint32_t len;
    /* the bytes; NULL for an absent value */
    const uint8_t *bytes;
    /* the block that has them, with SUBX_NODE_OUTSIDE; not counted here */
    struct subx_shared_value *shared;
    /* with SUBX_NODE_HASHED */
    const uint8_t *hash;
};

static inline size_t subx_node__child_count(const struct subx_tree_node *node)
{
    return node->kind & SUBX_NODE_CHILDREN;
}

static inline bool subx_node__is_stub(const struct subx_tree_node *node)
{
    return (node->kind & (SUBX_NODE_CHILDREN | SUBX_NODE_VALUE)) == 0;
}

static inline bool subx_node__is_dirty(const struct subx_tree_node *node)
{
    return node->merkle_len == 0;
}

/* Whether nobody else holds the node, given that its holder is owned. */
static inline bool subx_node__is_single(const struct subx_tree_node *node)
{
    return atomic_load_explicit(&node->refs, memory_order_acquire) == 1;
}

static inline void subx_node__take(struct subx_tree_node *node)
{
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}

/* How many of the 16 bits are set: the machines we are built for need not have an instruction. */
static inline unsigned subx_node__bits(unsigned bitmap)
{
    bitmap = bitmap - (bitmap >> 1 & 0x5555);
    bitmap = (bitmap & 0x3333) + (bitmap >> 2 & 0x3333);
    bitmap = (bitmap + (bitmap >> 4)) & 0x0f0f;
    return (bitmap + (bitmap >> 8)) & 0x1f;
}

static inline bool subx_node__has_child(const struct subx_tree_node *node, unsigned nibble)
{
    return (node->bitmap >> nibble & 1) != 0;
}

/* Place among the children of the one for `nibble`, there or not. */
static inline size_t subx_node__rank(const struct subx_tree_node *node, unsigned nibble)
{
    return node->bitmap == 0xffff ? nibble : subx_node__bits(node->bitmap & ((1u << nibble) - 1));
}

/* What follows the children. */
static inline const uint8_t *subx_node__tail(const struct subx_tree_node *node)
{
    return (const uint8_t *)(node->children + subx_node__child_count(node));
}

static inline size_t subx_node__marks_size(unsigned kind)
{
    return ((kind & SUBX_NODE_OUTSIDE) != 0 ? sizeof(void *) : 0) +
           ((kind & SUBX_NODE_HASHED) != 0 ? SUBX_TRIE_HASH_SIZE : 0);
}

static inline const uint8_t *subx_node__packed(const struct subx_tree_node *node)
{
    return subx_node__tail(node) + subx_node__marks_size(node->kind);
}

static inline struct subx_nibbles subx_node__partial(const struct subx_tree_node *node)
{
    return subx_nibbles__of_partial(subx_node__packed(node), node->partial_len);
}

static inline subx_slice subx_node__merkle(const struct subx_tree_node *node)
{
    return subx_slice__of(node->merkle, node->merkle_len);
}

/* The node's value, borrowed. */
struct subx_node_value subx_node__value(const struct subx_tree_node *node);

/* The same as its encoding has it. The value must not be absent, unless it is hashed. */
struct subx_trie_value subx_node__encoded_value(const struct subx_tree_node *node);

/* The value as callers see it. */
void subx_node__entry(const struct subx_tree_node *node, struct subx_tree_entry *out);

/*
 * A node with a reference count of 1, dirty, that has this value; its children are for the caller
 * to fill in, in order, and so is the partial key (subx_node__write_partial), whose bytes are zero.
 * NULL: out of memory.
 */
struct subx_tree_node *subx_node__new(struct subx_tree_stats *stats, size_t partial_len,
                                      uint16_t bitmap, const struct subx_node_value *value);

/* Write a piece of the partial key, `at` nibbles from its beginning. */
void subx_node__write_partial(struct subx_tree_node *node, size_t at, struct subx_nibbles piece);

/* A copy that shares the children. NULL: out of memory. */
struct subx_tree_node *subx_node__copy(struct subx_tree_stats *stats,
                                       const struct subx_tree_node *node);

/* Give a reference up. NULL is fine. */
void subx_node__release(struct subx_tree_node *node);

/* Give up the node itself, whose children (and the references to them) now belong to others. */
void subx_node__free_shell(struct subx_tree_node *node);

/* Whether a pair fits: SUBX_OK or SUBX_TOO_LARGE. Nothing of it is read. */
subx_status subx_tree__check_sizes(subx_slice key, subx_slice value, subx_error *error);

/*
 * A value from the user's bytes, in hashed form if `hash` is not NULL. Both are borrowed, but a long
 * value gets a new block, which belongs to the caller until subx_node_value__release(). The size was
 * checked. Returns SUBX_OK or SUBX_NOMEM.
 */
subx_status subx_node_value__make(subx_slice bytes, const uint8_t *hash,
                                  struct subx_node_value *out, subx_error *error);

void subx_node_value__release(struct subx_node_value *value);

/*
 * The way from the root to a node, without it: each branch and the nibble under which it goes on.
 * Start from subx_tree_path__init(), release with subx_tree_path__free().
 */
struct subx_tree_step {
    struct subx_tree_node *node;
    uint8_t nibble;
};

struct subx_tree_path {
    struct subx_tree_step *steps;
    size_t count, capacity;
    /* for all but the deepest tries */
    struct subx_tree_step local[24];
};

static inline void subx_tree_path__init(struct subx_tree_path *path)
{
    path->steps = path->local;
    path->count = 0;
    path->capacity = sizeof path->local / sizeof *path->local;
}

void subx_tree_path__free(struct subx_tree_path *path);

/* Make room for one more step; false: out of memory. */
bool subx_tree_path__grow(struct subx_tree_path *path);

static inline bool subx_tree_path__push(struct subx_tree_path *path, struct subx_tree_node *node,
                                        unsigned nibble)
{
    if (path->count == path->capacity && !subx_tree_path__grow(path))
        return false;
    path->steps[path->count++] = (struct subx_tree_step){node, (uint8_t)nibble};
    return true;
}

/* Write up to 32 bytes as hexadecimal text. */
#define SUBX_TREE_HEX_SIZE (2 * SUBX_TRIE_HASH_SIZE + 1)
void subx_tree__hex(subx_slice bytes, char out[SUBX_TREE_HEX_SIZE]);

/* A stub was met. */
subx_status subx_tree__missing_node(const struct subx_tree_node *stub, subx_error *error);

/* The value is in hashed form and absent. */
subx_status subx_tree__missing_value(const uint8_t hash[SUBX_TRIE_HASH_SIZE], subx_error *error);

/* Add the encoding of a node to a proof if it is known to others by its hash. `is_root`: it always
 * is then. SUBX_OK, SUBX_NOMEM, or SUBX_MISUSE for a dirty node. */
subx_status subx_tree__record_node(struct subx_proof *recorder, const struct subx_tree_node *node,
                                   bool is_root, subx_error *error);

/* Add the value of a node to a proof, if it is in hashed form. */
subx_status subx_tree__record_value(struct subx_proof *recorder, const struct subx_tree_node *node,
                                    subx_error *error);

/* Add the root of an empty tree. */
subx_status subx_tree__record_empty(struct subx_proof *recorder, subx_error *error);

/* Append the encoding of a node whose children are not dirty. */
void subx_tree__encode_node(const struct subx_tree_node *node, struct subx_buf *out);

/* Keys at and below a node. SUBX_OK, SUBX_NOMEM or SUBX_TRIE_INCOMPLETE. */
subx_status subx_tree__count_below(struct subx_tree_node *node, uint64_t *out, subx_error *error);

/* How removals meet the first fault of spec section 10. */
enum subx_tree_fault { SUBX_TREE_CLEAN, SUBX_TREE_FAITHFUL };

/* As the functions without `edit`, and: what is met of the tree's clean nodes goes to `recorder`
 * (may be NULL). */
subx_status subx_tree_edit__set(struct subx_tree *tree, subx_slice key, subx_slice value,
                                bool hashed, struct subx_proof *recorder, subx_error *error);
subx_status subx_tree_edit__remove(struct subx_tree *tree, subx_slice key,
                                   enum subx_tree_fault fault, struct subx_proof *recorder,
                                   bool *removed, subx_error *error);

#endif
