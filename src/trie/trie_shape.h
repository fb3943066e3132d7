/*
 * The shape of a trie from its keys in ascending order (spec/host-api.md section 4.1).
 *
 * A walker is given the keys one by one and tells the nodes of their trie in post-order: each node
 * after all its children, the root last. It keeps the last key and one frame for each branch above
 * it, nothing else, so the trie of a file needs no memory of its size.
 *
 *   keys 61, 6162, 6163, 71:   leaf "" of 6162 ─┐
 *                              leaf "" of 6163 ─┴► branch "6" at 61, value of 61 (children 2, 3)...
 *
 * The receiver keeps a stack of what it made of each node: a leaf pushes one entry; a branch takes
 * as many as its bitmap has bits off the top, in order of their nibbles, and pushes one.
 */
#ifndef SUBX_TRIE_SHAPE_H
#define SUBX_TRIE_SHAPE_H

#include "trie/nibbles.h"

/* What a walker tells of a node. Borrowed for the call. */
struct subx_shape_node {
    /* from the parent's child nibble, exclusive, to the node's own end */
    struct subx_nibbles partial;
    /* 0: a leaf */
    uint16_t bitmap;
    bool has_value;
};

/*
 * Receiver of the nodes. The value of a node is that of the last key pushed for which it has not
 * been called yet: keys' values come back last in, first out. A status other than SUBX_OK ends the
 * walk and is returned from it.
 */
typedef subx_status subx_shape_receiver(void *user, const struct subx_shape_node *node,
                                        subx_error *error);

struct subx_shape_frame {
    /* nibbles from the root to the end of the branch's partial key */
    size_t depth;
    uint16_t bitmap;
    bool has_value;
};

struct subx_shape {
    subx_shape_receiver *receive;
    void *user;
    /* the last key, whose node is not told yet */
    struct subx_buf key;
    bool has_key;
    struct subx_shape_frame *frames;
    size_t count, capacity;
};

/* Begin. Release with subx_shape__free(), whatever happened. */
void subx_shape__init(struct subx_shape *shape, subx_shape_receiver *receive, void *user);

/* Add a key, which must be greater than the one before; it is copied. Returns SUBX_OK,
 * SUBX_INVALID_INPUT for a key that is not, SUBX_NOMEM, or what the receiver returns. After a
 * failure the walker may only be released. */
subx_status subx_shape__push(struct subx_shape *shape, subx_slice key, subx_error *error);

/* Tell the rest, the root last; nothing at all if there was no key. */
subx_status subx_shape__finish(struct subx_shape *shape, subx_error *error);

void subx_shape__free(struct subx_shape *shape);

#endif
