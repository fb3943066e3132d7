/*
 * Roots from keys and values alone, without a tree (spec/host-api.md sections 1.5 and 4): what the
 * ext_trie_*_root and _ordered_root functions answer, and the root of a state that is read from a
 * file.
 */
#ifndef SUBX_TRIE_ROOT_H
#define SUBX_TRIE_ROOT_H

#include "trie/trie_node.h"
#include "trie/trie_shape.h"

struct subx_trie_pair {
    subx_slice key, value;
};

/*
 * Root of pairs in any order; of equal keys the last counts.
 *
 * \param hasher         for nodes and hashed values
 * \param state_version  1: values of 33 bytes and more are hashed; 0: none
 * \param[out] out       the root; untouched on failure
 * \return SUBX_OK or SUBX_NOMEM
 *
 * Pairs that are sorted already are not copied.
 */
subx_status subx_trie__root(const struct subx_trie_hasher *hasher, unsigned state_version,
                            const struct subx_trie_pair *pairs, size_t count,
                            uint8_t out[SUBX_TRIE_HASH_SIZE], subx_error *error);

/* Root of a list: the key of item i is the SCALE compact form of i. As above otherwise. */
subx_status subx_trie__ordered_root(const struct subx_trie_hasher *hasher, unsigned state_version,
                                    const subx_slice *values, size_t count,
                                    uint8_t out[SUBX_TRIE_HASH_SIZE], subx_error *error);

/*
 * The same for pairs that come one by one in ascending order of their keys, with a form for each
 * value. Memory is needed for the siblings along one path only. Nothing pushed is borrowed.
 */
struct subx_root_builder {
    const struct subx_trie_hasher *hasher;
    struct subx_shape shape;
    /* Stacks of byte strings, each followed by its length: encoded values of keys whose node is not
     * made yet; Merkle values of nodes whose parent is not. */
    struct subx_buf values, merkles;
    /* of the node that is being made */
    struct subx_buf encoding;
};

/* Begin; the builder must not move in memory until it is released with
 * subx_root_builder__free(). */
void subx_root_builder__init(struct subx_root_builder *builder,
                             const struct subx_trie_hasher *hasher);

/* Add a pair. Returns SUBX_OK, SUBX_INVALID_INPUT for a key that is not greater than the one
 * before, or SUBX_NOMEM; after a failure the builder may only be released. */
subx_status subx_root_builder__push(struct subx_root_builder *builder, subx_slice key,
                                    subx_slice value, bool hashed, subx_error *error);

/* The root of all pairs; the builder may only be released then. SUBX_OK or SUBX_NOMEM. */
subx_status subx_root_builder__finish(struct subx_root_builder *builder,
                                      uint8_t out[SUBX_TRIE_HASH_SIZE], subx_error *error);

void subx_root_builder__free(struct subx_root_builder *builder);

#endif
