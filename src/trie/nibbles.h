/*
 * Nibbles: halves of bytes, the high one first (spec/host-api.md section 4.1). A key of n bytes is
 * a path of 2n nibbles.
 *
 * Two packings occur. A key begins at a byte's border. A partial key, as nodes store it, ends at
 * one; if its count is odd, the high half of its first byte is zero. The values of a trie lie under
 * keys of whole bytes, so the partial key of a node with a value has the same packing as the key it
 * is a part of, and comparing the two is comparing bytes.
 */
#ifndef SUBX_TRIE_NIBBLES_H
#define SUBX_TRIE_NIBBLES_H

#include "util/bytes.h"

/* Order of keys: bytewise, and a key before those that it begins. Negative, 0 or positive. */
static inline int subx_trie__compare(subx_slice a, subx_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len == 0 ? 0 : memcmp(a.data, b.data, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* `len` nibbles of packed bytes, from nibble `at` on. Borrowed. */
struct subx_nibbles {
    const uint8_t *data;
    size_t at, len;
};

static inline struct subx_nibbles subx_nibbles__of_key(subx_slice key)
{
    return (struct subx_nibbles){key.data, 0, 2 * key.len};
}

/* `len` nibbles packed as in a node. */
static inline struct subx_nibbles subx_nibbles__of_partial(const uint8_t *packed, size_t len)
{
    return (struct subx_nibbles){packed, len & 1, len};
}

static inline uint8_t subx_nibbles__get(struct subx_nibbles nibbles, size_t i)
{
    const size_t at = nibbles.at + i;
    return (at & 1) != 0 ? nibbles.data[at >> 1] & 15 : nibbles.data[at >> 1] >> 4;
}

static inline struct subx_nibbles subx_nibbles__skip(struct subx_nibbles nibbles, size_t count)
{
    return (struct subx_nibbles){nibbles.data, nibbles.at + count, nibbles.len - count};
}

static inline struct subx_nibbles subx_nibbles__first(struct subx_nibbles nibbles, size_t count)
{
    return (struct subx_nibbles){nibbles.data, nibbles.at, count};
}

/* Bytes that `len` nibbles take in a node. */
static inline size_t subx_nibbles__packed_size(size_t len)
{
    return len / 2 + (len & 1);
}

/* How many nibbles the two have in common from their beginnings. */
size_t subx_nibbles__common(struct subx_nibbles a, struct subx_nibbles b);

/* Whether `nibbles` begin with `prefix`. */
static inline bool subx_nibbles__starts_with(struct subx_nibbles nibbles,
                                             struct subx_nibbles prefix)
{
    return prefix.len <= nibbles.len && subx_nibbles__common(nibbles, prefix) == prefix.len;
}

/* Copy nibbles into packed bytes, from nibble `at` on. The other half of a byte of which one is
 * written stays. */
void subx_nibbles__copy(uint8_t *packed, size_t at, struct subx_nibbles nibbles);

/* Write nibbles as a node has them: subx_nibbles__packed_size(len) bytes. */
void subx_nibbles__pack(uint8_t *packed, struct subx_nibbles nibbles);

/*
 * A path that grows and shrinks at its end: `len` nibbles packed like a key in `bytes`, whose own
 * length follows. Start from SUBX_NIBBLE_PATH_INIT, release with subx_nibble_path__free(). A failed
 * allocation is remembered in `bytes.failed`.
 */
struct subx_nibble_path {
    struct subx_buf bytes;
    size_t len;
};

#define SUBX_NIBBLE_PATH_INIT \
    {                         \
        SUBX_BUF_INIT, 0      \
    }

void subx_nibble_path__append(struct subx_nibble_path *path, struct subx_nibbles nibbles);
void subx_nibble_path__append_one(struct subx_nibble_path *path, uint8_t nibble);
/* Keep the first `len` nibbles. */
void subx_nibble_path__cut(struct subx_nibble_path *path, size_t len);
void subx_nibble_path__free(struct subx_nibble_path *path);

#endif
