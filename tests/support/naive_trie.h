/*
 * A model of a trie to compare with: a sorted array of pairs, and a root that is computed from it
 * by slow recursion over unpacked nibbles, after spec/host-api.md section 4, sharing nothing with
 * src/trie but the hash function. Aborts when memory runs out.
 */
#ifndef SUBX_TEST_NAIVE_TRIE_H
#define SUBX_TEST_NAIVE_TRIE_H

#include "trie/trie_hasher.h"

struct naive_pair {
    uint8_t *key, *value;
    size_t key_len, value_len;
    bool hashed;
};

struct naive_trie {
    struct naive_pair *pairs;
    size_t count, capacity;
};

/* All zero is an empty trie. */
void naive_trie_free(struct naive_trie *trie);
struct naive_trie naive_trie_copy(const struct naive_trie *trie);

void naive_trie_set(struct naive_trie *trie, subx_slice key, subx_slice value, bool hashed);
bool naive_trie_remove(struct naive_trie *trie, subx_slice key);

/* Set many keys, each once: append them in any order, then sort. */
void naive_trie_append(struct naive_trie *trie, subx_slice key, subx_slice value, bool hashed);
void naive_trie_sort(struct naive_trie *trie);

/* Index of the first pair whose key is not less. */
size_t naive_trie_find(const struct naive_trie *trie, subx_slice key);
/* The pair with that key, or NULL. */
const struct naive_pair *naive_trie_get(const struct naive_trie *trie, subx_slice key);

subx_slice naive_key(const struct naive_pair *pair);
subx_slice naive_value(const struct naive_pair *pair);

void naive_trie_root(const struct naive_trie *trie, const struct subx_trie_hasher *hasher,
                     uint8_t out[SUBX_TRIE_HASH_SIZE]);

/* Nodes on the way from the root to where the key ends, the last one included. */
size_t naive_trie_depth(const struct naive_trie *trie, subx_slice key);

/* Nodes of the whole trie. */
size_t naive_trie_nodes(const struct naive_trie *trie);

/* A generator of numbers that are the same each time. */
uint32_t naive_random(uint64_t *state, uint32_t below);

#endif
