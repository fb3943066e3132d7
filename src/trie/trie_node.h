/*
 * Encoded trie nodes (spec/host-api.md section 4.2).
 *
 *   header ‖ partial key ‖ [bitmap of children, 2 bytes] ‖ [value] ‖ [Merkle values of children]
 *
 *   header     kind                       bits of the partial key's length in it
 *   00000000   the trie without keys      (the whole encoding)
 *   01xxxxxx   leaf, value                6
 *   10xxxxxx   branch without a value     6
 *   11xxxxxx   branch, value              6
 *   001xxxxx   leaf, hash of a value      5
 *   0001xxxx   branch, hash of a value    4
 *
 * The Merkle value of a node, by which its parent knows it, is its encoding if that is shorter than
 * 32 bytes, else the encoding's hash. The root is always known by its hash.
 */
#ifndef SUBX_TRIE_NODE_H
#define SUBX_TRIE_NODE_H

#include "trie/nibbles.h"
#include "trie/trie_hasher.h"

/* Under state version 1 values of this many bytes and more stand in their node as a hash. */
#define SUBX_TRIE_HASHED_FROM 33

/* Whether a value written under this state version (0 or 1) takes the hashed form. */
static inline bool subx_trie__is_hashed(unsigned state_version, size_t value_len)
{
    return state_version != 0 && value_len >= SUBX_TRIE_HASHED_FROM;
}

enum subx_trie_form { SUBX_TRIE_NO_VALUE, SUBX_TRIE_INLINE, SUBX_TRIE_HASHED };

struct subx_trie_value {
    enum subx_trie_form form;
    /* the value, or its hash */
    subx_slice bytes;
};

/* A node as its parts. All of it is borrowed. */
struct subx_trie_node {
    /* The trie without keys; nothing else counts then. */
    bool is_empty;
    struct subx_nibbles partial;
    /* bit i: there is a child for nibble i; 0 makes a leaf */
    uint16_t bitmap;
    struct subx_trie_value value;
    /* Merkle values; those of absent children are not looked at */
    subx_slice children[16];
};

enum subx_trie_grammar {
    SUBX_TRIE_PLAIN,
    /* for the proof formats that leave out what follows from the rest: children of length 0 are
     * accepted, and bytes after the end are ignored; the node is encoded anew, without them */
    SUBX_TRIE_OMITTING,
};

/*
 * Take an encoded node apart. Strict: an unknown header, a branch without children, a child longer
 * than a hash, a half byte of padding that is not zero, an integer that is not in its shortest
 * form, missing bytes and bytes left over are refused. What a child that stands inline holds is not
 * looked at. Returns SUBX_OK or SUBX_INVALID_INPUT, with the offset in the message.
 */
subx_status subx_trie_node__decode(subx_slice bytes, enum subx_trie_grammar grammar,
                                   struct subx_trie_node *out, subx_error *error);

/* Append the encoding. A failed allocation is the buffer's to remember. */
void subx_trie_node__encode(const struct subx_trie_node *node, struct subx_buf *buf);

/* A Merkle value: `len` bytes, 32 for a hash. */
struct subx_merkle {
    uint8_t len;
    uint8_t bytes[SUBX_TRIE_HASH_SIZE];
};

/* Merkle value of a node that is not the root. */
struct subx_merkle subx_trie_node__merkle(const struct subx_trie_hasher *hasher,
                                          subx_slice encoding);

/*
 * The pieces of an encoding in their order, for those who assemble one: header, partial key and,
 * unless `bitmap` is 0, bitmap; the value, if any; the Merkle value of each child.
 */
void subx_trie_node__append_head(struct subx_buf *buf, enum subx_trie_form form,
                                 struct subx_nibbles partial, uint16_t bitmap);
void subx_trie_node__append_value(struct subx_buf *buf, const struct subx_trie_value *value);
void subx_trie_node__append_child(struct subx_buf *buf, subx_slice merkle);

#endif
