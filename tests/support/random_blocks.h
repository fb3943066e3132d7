/*
 * Random blocks of changes for back ends, the same for the same seed, and what comes of them: for
 * tests that compare two back ends, or one with itself after it was reopened.
 */
#ifndef SUBX_TEST_RANDOM_BLOCKS_H
#define SUBX_TEST_RANDOM_BLOCKS_H

#include "storage/backend.h"

#define BLOCK_CHILDREN 4
#define BLOCK_TRIES (BLOCK_CHILDREN + 1) /* the child tries in order, then the main trie */
#define BLOCK_CHANGES 24

struct block {
    uint8_t state_version;
    bool is_faithful;
    bool is_dropped;
    bool touches[BLOCK_TRIES]; /* the main trie always */
    size_t counts[BLOCK_TRIES];
    struct subx_tree_change changes[BLOCK_TRIES][BLOCK_CHANGES];
    struct subx_buf bytes; /* keys and values */
};

/* Sizes of keys: short ones that share prefixes, and every eighth of this many bytes more. */
enum key_sizes { SHORT_KEYS, LONG_KEYS };

/* A random number that the next call continues from. */
uint64_t random_next(uint64_t *seed);

/* Fill `block`; block__free() releases it. */
void block_fill(struct block *block, uint64_t seed, enum key_sizes sizes);
void block_free(struct block *block);

/* What came of a block. */
struct block_outcome {
    subx_status status; /* of the first function that failed, or SUBX_OK */
    uint8_t roots[BLOCK_TRIES][32];
    bool is_empty[BLOCK_TRIES];
};

/* Let a back end have a block: the roots of child tries go into the main trie. */
void block_run(const struct block *block, const struct subx_backend *backend, void *self,
               struct block_outcome *out, subx_error *error);

/* A hash of all keys and values, read with walk, next_key and get: they must agree. */
void state_hash(const struct subx_backend *backend, void *self, uint8_t out[32]);

/* Remove all keys of all tries, in one commit. */
void state_empty(const struct subx_backend *backend, void *self);

/* Branches that a trie of these tries (BLOCK_CHILDREN: the main trie) must have. */
size_t state_branches(const struct subx_backend *backend, void *self, size_t trie);

/* The root of the main trie. */
void state_root(const struct subx_backend *backend, void *self, uint8_t out[32]);

/* A new folder; the name is for folder_remove(), which removes what is in it too. */
char *folder_new(void);
void folder_clear(const char *folder);
void folder_remove(char *folder);
/* Copy all files of a folder into another one. */
void folder_copy(const char *from, const char *to);

#endif
