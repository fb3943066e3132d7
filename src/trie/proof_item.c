/*
 * Proofs of one value, as ext_trie_*_verify_proof takes them: spec/host-api.md section 4.5.
 *
 * On the way down, the key's path is followed through nodes that omit what is to be proven: the
 * value at its end, and the Merkle value of the child that it goes on to, which is the next item
 * or, if it stands inline, incomplete like the items. On the way up, each node is completed and
 * hashed.
 */
#include "codec/scale.h"
#include "trie/proof.h"
#include "trie/trie_node.h"
#include "util/error.h"
#include "util/mem.h"

/* A branch on the path. */
struct step {
    subx_slice encoding;
    uint8_t nibble;
    /* it stands in its parent, not among the items */
    bool is_inline;
};

struct descent {
    const subx_slice *items;
    size_t item_count, next_item;
    struct step *steps;
    size_t count, capacity;
    /* the node at the end of the path */
    struct step last;
};

static subx_status refuse(const struct descent *descent, const char *what, subx_error *error)
{
    return subx_error__set(error, SUBX_INVALID_INPUT, "proof of a value: %s in item %zu", what,
                           descent->next_item - 1);
}

static subx_status push(struct descent *descent, struct step step, subx_error *error)
{
    if (descent->count == descent->capacity) {
        const size_t capacity = descent->capacity == 0 ? 16 : 2 * descent->capacity;
        struct step *const steps = subx_mem__realloc(descent->steps, capacity, sizeof *steps);
        if (steps == NULL)
            return subx_error__nomem(error);
        descent->steps = steps;
        descent->capacity = capacity;
    }
    descent->steps[descent->count++] = step;
    return SUBX_OK;
}

/* Whether the node, at which the key ends, leaves the place of its value free. */
static bool omits_value(const struct subx_trie_node *node)
{
    if (node->bitmap != 0)
        return node->value.form == SUBX_TRIE_NO_VALUE;
    return node->value.form == SUBX_TRIE_INLINE && node->value.bytes.len == 0;
}

/* Go on to the child for `nibble` of the node that `step` is at. */
static subx_status go_on(struct descent *descent, const struct subx_trie_node *node,
                         struct step *step, uint8_t nibble, subx_error *error)
{
    if ((node->bitmap >> nibble & 1) == 0)
        return refuse(descent, "the key is not there", error);
    const subx_slice child = node->children[nibble];
    if (child.len == SUBX_TRIE_HASH_SIZE)
        return refuse(descent, "a hash on the path", error);
    step->nibble = nibble;
    const subx_status status = push(descent, *step, error);
    if (status != SUBX_OK)
        return status;
    *step = (struct step){child, 0, child.len > 0};
    if (child.len == 0) {
        if (descent->next_item == descent->item_count)
            return refuse(descent, "the path is cut short", error);
        step->encoding = descent->items[descent->next_item++];
    }
    return SUBX_OK;
}

/* Follow the key to the node at its end. */
static subx_status descend(struct descent *descent, subx_slice key, subx_error *error)
{
    struct subx_nibbles rest = subx_nibbles__of_key(key);
    struct step step = {descent->items[0], 0, false};
    descent->next_item = 1;
    for (;;) {
        struct subx_trie_node node;
        subx_status status =
            subx_trie_node__decode(step.encoding, SUBX_TRIE_OMITTING, &node, error);
        if (status != SUBX_OK)
            return status;
        if (node.is_empty || subx_nibbles__common(node.partial, rest) < node.partial.len)
            return refuse(descent, "the key is not there", error);
        rest = subx_nibbles__skip(rest, node.partial.len);
        if (rest.len == 0) {
            descent->last = step;
            return omits_value(&node) ? SUBX_OK : refuse(descent, "a value", error);
        }
        status = go_on(descent, &node, &step, subx_nibbles__get(rest, 0), error);
        if (status != SUBX_OK)
            return status;
        rest = subx_nibbles__skip(rest, 1);
    }
}

/* Encode a completed node and put its Merkle value in place of `merkle`. */
static subx_status complete(const struct subx_trie_hasher *hasher,
                            const struct subx_trie_node *node, bool is_inline,
                            struct subx_merkle *merkle, struct subx_buf *scratch, subx_error *error)
{
    scratch->len = 0;
    subx_trie_node__encode(node, scratch);
    if (scratch->failed)
        return subx_error__nomem(error);
    if (is_inline && scratch->len > SUBX_TRIE_HASH_SIZE)
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "proof of a value: an inline node of %zu bytes", scratch->len);
    merkle->len = SUBX_TRIE_HASH_SIZE;
    if (is_inline) {
        merkle->len = (uint8_t)scratch->len;
        memcpy(merkle->bytes, scratch->data, scratch->len);
    } else {
        hasher->hash(subx_buf__slice(scratch), merkle->bytes);
    }
    return SUBX_OK;
}

/* Complete the nodes from the end of the path to the root. */
static subx_status ascend(struct descent *descent, const struct subx_trie_hasher *hasher,
                          const struct subx_trie_value *value, struct subx_merkle *merkle,
                          subx_error *error)
{
    struct subx_buf scratch = SUBX_BUF_INIT;
    struct subx_trie_node node;
    subx_status status =
        subx_trie_node__decode(descent->last.encoding, SUBX_TRIE_OMITTING, &node, error);
    if (status == SUBX_OK) {
        node.value = *value;
        status = complete(hasher, &node, descent->last.is_inline, merkle, &scratch, error);
    }
    while (status == SUBX_OK && descent->count > 0) {
        const struct step step = descent->steps[--descent->count];
        status = subx_trie_node__decode(step.encoding, SUBX_TRIE_OMITTING, &node, error);
        if (status != SUBX_OK)
            break;
        const struct subx_merkle child = *merkle;
        node.children[step.nibble] = subx_slice__of(child.bytes, child.len);
        status = complete(hasher, &node, step.is_inline, merkle, &scratch, error);
    }
    subx_buf__free(&scratch);
    return status;
}

subx_status subx_proof__verify_item(const struct subx_trie_hasher *hasher, unsigned state_version,
                                    const uint8_t root[SUBX_TRIE_HASH_SIZE],
                                    const subx_slice *items, size_t item_count, subx_slice key,
                                    subx_slice value, subx_error *error)
{
    struct descent descent = {.items = items, .item_count = item_count};
    struct subx_trie_value proven = {SUBX_TRIE_INLINE, value};
    struct subx_merkle merkle = {.len = 0};
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    if (item_count == 0)
        return subx_error__set(error, SUBX_INVALID_INPUT, "proof of a value: no items");
    if (subx_trie__is_hashed(state_version, value.len)) {
        hasher->hash(value, hash);
        proven = (struct subx_trie_value){SUBX_TRIE_HASHED, subx_slice__of(hash, sizeof hash)};
    }
    subx_status status = descend(&descent, key, error);
    if (status == SUBX_OK && descent.next_item != item_count)
        status = refuse(&descent, "the path ends before the last one", error);
    if (status == SUBX_OK)
        status = ascend(&descent, hasher, &proven, &merkle, error);
    if (status == SUBX_OK && memcmp(merkle.bytes, root, SUBX_TRIE_HASH_SIZE) != 0)
        status = subx_error__set(error, SUBX_INVALID_INPUT,
                                 "proof of a value: it is one of another root");
    subx_mem__free(descent.steps);
    return status;
}
