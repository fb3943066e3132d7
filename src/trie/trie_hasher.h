/*
 * Hash functions of tries (spec/host-api.md section 4.2): one hashes nodes and values. The state of
 * a chain has BLAKE2b-256; keccak-256 serves the ext_trie_keccak_256_* functions.
 */
#ifndef SUBX_TRIE_HASHER_H
#define SUBX_TRIE_HASHER_H

#include "util/bytes.h"

#define SUBX_TRIE_HASH_SIZE 32

struct subx_trie_hasher {
    /* For messages. */
    const char *name;
    /* Hash `data`, which may be empty. */
    void (*hash)(subx_slice data, uint8_t out[SUBX_TRIE_HASH_SIZE]);
    /* Root of the trie without keys: the hash of one zero byte. */
    uint8_t empty_root[SUBX_TRIE_HASH_SIZE];
};

extern const struct subx_trie_hasher subx_trie_blake2b;
extern const struct subx_trie_hasher subx_trie_keccak;

#endif
