/*
 * Compact proofs: spec/host-api.md section 4.4.
 *
 * A list of byte strings: the nodes of a trie in pre-order, without the hashes that follow from the
 * list itself. A child that comes later in the list is empty in its parent. A hashed value that is
 * known is empty in its node, which an escape byte marks, and comes as the next item. After the
 * main trie come child tries, in the order in which the main trie holds their roots.
 */
#include "codec/scale.h"
#include "trie/tree.h"
#include "util/error.h"
#include "util/mem.h"

#define ESCAPE 0x01

/* Steps of a walk over a partial tree, for each byte of the proof it was made of: one that takes
 * more goes over the same nodes again and again. */
#define STEPS_A_BYTE 16

/* Child roots that the nodes at hand hold in the main trie. */
struct child_roots {
    struct subx_tree tree;
    struct subx_tree_cursor *cursor; /* NULL: nothing is known of them */
    uint64_t steps_left;
};

static void free_child_roots(struct child_roots *roots)
{
    subx_tree_cursor__close(roots->cursor);
    subx_tree__free(&roots->tree);
}

static subx_status open_child_roots(struct child_roots *roots, const struct subx_proof *proof,
                                    const uint8_t *root, subx_error *error)
{
    roots->cursor = NULL;
    roots->steps_left = STEPS_A_BYTE * ((uint64_t)proof->bytes.len + 64);
    subx_status status = subx_tree__from_proof(proof, root, &roots->tree, error);
    if (status != SUBX_OK)
        return status;
    const subx_slice prefix = subx_slice__text(SUBX_TRIE_CHILD_PREFIX);
    status = subx_tree_cursor__open(&roots->tree, prefix, SUBX_EMPTY, SUBX_TREE_KEYS_AND_VALUES,
                                    NULL, &roots->cursor, NULL);
    if (status != SUBX_OK && status != SUBX_TRIE_INCOMPLETE)
        return subx_error__nomem(error);
    return SUBX_OK;
}

/* The next one; `*out` is NULL at the end. What the proof lacks is passed over. */
static subx_status next_child_root(struct child_roots *roots, const uint8_t **out,
                                   subx_error *error)
{
    *out = NULL;
    while (roots->cursor != NULL) {
        subx_slice key = SUBX_EMPTY;
        struct subx_tree_entry entry;
        if (roots->steps_left-- == 0)
            return subx_error__set(error, SUBX_TOO_LARGE,
                                   "compact proof: the nodes occur at too many places");
        const subx_status status = subx_tree_cursor__next(roots->cursor, &key, &entry, NULL);
        if (status == SUBX_TRIE_INCOMPLETE)
            continue;
        if (status == SUBX_NOMEM)
            return subx_error__nomem(error);
        if (status != SUBX_OK)
            return subx_error__set(error, status, "compact proof: a value under half a byte");
        if (!entry.found)
            break;
        if (entry.value.len != SUBX_TRIE_HASH_SIZE)
            return subx_error__set(error, SUBX_INVALID_INPUT,
                                   "compact proof: a child trie's root of %zu bytes",
                                   entry.value.len);
        *out = entry.value.data;
        break;
    }
    return SUBX_OK;
}

struct encoder {
    const struct subx_proof *proof;
    size_t limit;
    struct subx_buf items;
    size_t item_count;
    /* hashes of nodes still to be written, the next one last */
    struct subx_buf pending;
    struct subx_buf scratch;
};

static void add_item(struct encoder *encoder, subx_slice item)
{
    subx_scale__append_bytes(&encoder->items, item);
    encoder->item_count++;
}

/* Leave out what comes later: the children that are in the proof. */
static void omit_children(struct encoder *encoder, struct subx_trie_node *parts)
{
    for (size_t i = 16; i-- > 0;) {
        subx_slice *const child = &parts->children[i];
        if ((parts->bitmap >> i & 1) == 0 || child->len != SUBX_TRIE_HASH_SIZE ||
            subx_proof__find(encoder->proof, child->data) == NULL)
            continue;
        subx_buf__append_slice(&encoder->pending, *child);
        *child = SUBX_EMPTY;
    }
}

static subx_status write_node(struct encoder *encoder, subx_slice blob, subx_error *error)
{
    struct subx_trie_node parts;
    const struct subx_proof_entry *value = NULL;
    const subx_status status = subx_trie_node__decode(blob, SUBX_TRIE_PLAIN, &parts, error);
    if (status != SUBX_OK)
        return status;
    encoder->scratch.len = 0;
    if (parts.value.form == SUBX_TRIE_HASHED)
        value = subx_proof__find(encoder->proof, parts.value.bytes.data);
    if (value != NULL) {
        subx_buf__append_u8(&encoder->scratch, ESCAPE);
        parts.value = (struct subx_trie_value){SUBX_TRIE_INLINE, SUBX_EMPTY};
    }
    omit_children(encoder, &parts);
    subx_trie_node__encode(&parts, &encoder->scratch);
    add_item(encoder, subx_buf__slice(&encoder->scratch));
    if (value != NULL)
        add_item(encoder, subx_proof__blob(encoder->proof, value));
    return SUBX_OK;
}

/* Write the trie of that root, as far as it is there. */
static subx_status write_trie(struct encoder *encoder, const uint8_t *root, subx_error *error)
{
    if (subx_proof__find(encoder->proof, root) == NULL)
        return SUBX_OK;
    subx_buf__append(&encoder->pending, root, SUBX_TRIE_HASH_SIZE);
    while (encoder->pending.len > 0 && !encoder->pending.failed) {
        encoder->pending.len -= SUBX_TRIE_HASH_SIZE;
        const struct subx_proof_entry *const entry =
            subx_proof__find(encoder->proof, encoder->pending.data + encoder->pending.len);
        const subx_status status =
            write_node(encoder, subx_proof__blob(encoder->proof, entry), error);
        if (status != SUBX_OK)
            return status;
        if (encoder->items.len > encoder->limit)
            return subx_error__set(error, SUBX_TOO_LARGE,
                                   "compact proof: more than the allowed %zu bytes",
                                   encoder->limit);
    }
    return encoder->pending.failed || encoder->items.failed || encoder->scratch.failed
               ? subx_error__nomem(error)
               : SUBX_OK;
}

static subx_status write_child_tries(struct encoder *encoder, const uint8_t *root,
                                     subx_error *error)
{
    struct child_roots roots;
    const uint8_t *child = NULL;
    subx_status status = open_child_roots(&roots, encoder->proof, root, error);
    while (status == SUBX_OK) {
        status = next_child_root(&roots, &child, error);
        if (status != SUBX_OK || child == NULL)
            break;
        status = write_trie(encoder, child, error);
    }
    free_child_roots(&roots);
    return status;
}

subx_status subx_proof__encode_compact(const struct subx_proof *proof,
                                       const uint8_t root[SUBX_TRIE_HASH_SIZE], size_t limit,
                                       struct subx_buf *out, subx_error *error)
{
    struct encoder encoder = {.proof = proof, .limit = limit};
    subx_status status = write_trie(&encoder, root, error);
    if (status == SUBX_OK && encoder.item_count > 0)
        status = write_child_tries(&encoder, root, error);
    if (status == SUBX_OK) {
        subx_scale__append_compact(out, encoder.item_count);
        subx_buf__append_slice(out, subx_buf__slice(&encoder.items));
        if (out->failed)
            status = subx_error__nomem(error);
    }
    subx_buf__free(&encoder.items);
    subx_buf__free(&encoder.pending);
    subx_buf__free(&encoder.scratch);
    return status;
}

/* A node of the list whose omitted children are being read. */
struct open_node {
    /* its encoding, without the escape */
    subx_slice encoding;
    /* its value was the next item: its hash lies below those of the children */
    bool has_attached_value;
    uint16_t omitted, left;
};

struct decoder {
    struct subx_proof *proof;
    struct subx_reader at;
    /* items not read yet, and all of them */
    size_t left, count;
    struct open_node *open;
    size_t open_count, open_capacity;
    /* hashes of what is complete and belongs to the open nodes */
    struct subx_buf hashes;
    struct subx_buf scratch;
};

static subx_status refuse(const struct decoder *decoder, const char *what, subx_error *error)
{
    return subx_error__set(error, SUBX_INVALID_INPUT, "compact proof: %s at item %zu", what,
                           decoder->count - decoder->left);
}

static subx_status next_item(struct decoder *decoder, subx_slice *out, subx_error *error)
{
    if (decoder->left == 0)
        return refuse(decoder, "an item is missing", error);
    if (!subx_scale__bytes(&decoder->at, out))
        return refuse(decoder, "the list is cut short", error);
    decoder->left--;
    return SUBX_OK;
}

/* Take the value that follows a node with an escape. */
static subx_status take_value(struct decoder *decoder, const struct subx_trie_node *parts,
                              subx_error *error)
{
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    subx_slice value = SUBX_EMPTY;
    if (parts->value.form != SUBX_TRIE_INLINE || parts->value.bytes.len != 0)
        return refuse(decoder, "an escaped node that does not omit its value", error);
    const subx_status status = next_item(decoder, &value, error);
    if (status != SUBX_OK)
        return status;
    decoder->proof->hasher->hash(value, hash);
    subx_buf__append(&decoder->hashes, hash, sizeof hash);
    return subx_proof__add_hashed(decoder->proof, hash, value, error);
}

/* Read a node and put it among the open ones. */
static subx_status open_node(struct decoder *decoder, subx_error *error)
{
    struct open_node node = {.omitted = 0};
    struct subx_trie_node parts;
    subx_status status = next_item(decoder, &node.encoding, error);
    if (status != SUBX_OK)
        return status;
    if (node.encoding.len > 0 && node.encoding.data[0] == ESCAPE) {
        node.has_attached_value = true;
        node.encoding = subx_slice__of(node.encoding.data + 1, node.encoding.len - 1);
    }
    status = subx_trie_node__decode(node.encoding, SUBX_TRIE_OMITTING, &parts, error);
    if (status == SUBX_OK && node.has_attached_value)
        status = take_value(decoder, &parts, error);
    if (status != SUBX_OK)
        return status;
    for (unsigned i = 0; i < 16; i++)
        if ((parts.bitmap >> i & 1) != 0 && parts.children[i].len == 0)
            node.omitted |= (uint16_t)(1u << i);
    node.left = node.omitted;
    if (decoder->open_count == decoder->open_capacity) {
        const size_t capacity = decoder->open_capacity == 0 ? 32 : 2 * decoder->open_capacity;
        struct open_node *const open = subx_mem__realloc(decoder->open, capacity, sizeof *open);
        if (open == NULL)
            return subx_error__nomem(error);
        decoder->open = open;
        decoder->open_capacity = capacity;
    }
    decoder->open[decoder->open_count++] = node;
    return decoder->hashes.failed ? subx_error__nomem(error) : SUBX_OK;
}

/* The last open node is complete: put the hashes in, add it, leave its own hash in their place. */
static subx_status close_node(struct decoder *decoder, subx_error *error)
{
    const struct open_node node = decoder->open[--decoder->open_count];
    struct subx_trie_node parts;
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    subx_status status = subx_trie_node__decode(node.encoding, SUBX_TRIE_OMITTING, &parts, error);
    if (status != SUBX_OK)
        return status;
    const size_t hash_count =
        (size_t)__builtin_popcount(node.omitted) + (node.has_attached_value ? 1 : 0);
    const size_t start = decoder->hashes.len - hash_count * SUBX_TRIE_HASH_SIZE;
    struct subx_reader hashes = subx_reader__of(
        subx_slice__of(decoder->hashes.data == NULL ? hash : decoder->hashes.data + start,
                       hash_count * SUBX_TRIE_HASH_SIZE));
    if (node.has_attached_value) {
        parts.value.form = SUBX_TRIE_HASHED;
        (void)subx_reader__bytes(&hashes, SUBX_TRIE_HASH_SIZE, &parts.value.bytes);
    }
    for (unsigned left = node.omitted; left != 0; left &= left - 1)
        (void)subx_reader__bytes(&hashes, SUBX_TRIE_HASH_SIZE,
                                 &parts.children[__builtin_ctz(left)]);
    decoder->scratch.len = 0;
    subx_trie_node__encode(&parts, &decoder->scratch);
    if (decoder->scratch.failed)
        return subx_error__nomem(error);
    decoder->proof->hasher->hash(subx_buf__slice(&decoder->scratch), hash);
    status =
        subx_proof__add_hashed(decoder->proof, hash, subx_buf__slice(&decoder->scratch), error);
    decoder->hashes.len = start;
    subx_buf__append(&decoder->hashes, hash, sizeof hash);
    if (status == SUBX_OK && decoder->hashes.failed)
        status = subx_error__nomem(error);
    return status;
}

/* Read one trie and tell its root. */
static subx_status read_trie(struct decoder *decoder, uint8_t *root, subx_error *error)
{
    decoder->open_count = 0;
    decoder->hashes.len = 0;
    subx_status status = open_node(decoder, error);
    while (status == SUBX_OK && decoder->open_count > 0) {
        struct open_node *const top = &decoder->open[decoder->open_count - 1];
        if (top->left != 0) {
            top->left &= (uint16_t)(top->left - 1);
            status = open_node(decoder, error);
        } else {
            status = close_node(decoder, error);
        }
    }
    if (status == SUBX_OK)
        memcpy(root, decoder->hashes.data, SUBX_TRIE_HASH_SIZE);
    return status;
}

/* Read what follows the main trie. A child trie whose root is read but whose nodes are not needed
 * is not in the list, so the next one there may belong to any of the roots that follow. */
static subx_status read_child_tries(struct decoder *decoder, struct child_roots *roots,
                                    subx_error *error)
{
    uint8_t unclaimed[SUBX_TRIE_HASH_SIZE];
    bool is_unclaimed = false;
    while (is_unclaimed || decoder->left > 0) {
        const uint8_t *root = NULL;
        subx_status status = next_child_root(roots, &root, error);
        if (status != SUBX_OK)
            return status;
        if (root == NULL)
            return refuse(decoder, "a trie that is no child of the main one", error);
        if (!is_unclaimed) {
            status = read_trie(decoder, unclaimed, error);
            if (status != SUBX_OK)
                return status;
            is_unclaimed = true;
        }
        is_unclaimed = memcmp(root, unclaimed, sizeof unclaimed) != 0;
    }
    return SUBX_OK;
}

static subx_status decode_tries(struct decoder *decoder, const uint8_t *expected_root,
                                uint8_t root[SUBX_TRIE_HASH_SIZE], subx_error *error)
{
    struct child_roots roots;
    subx_status status = read_trie(decoder, root, error);
    if (status != SUBX_OK)
        return status;
    if (expected_root != NULL && memcmp(root, expected_root, SUBX_TRIE_HASH_SIZE) != 0)
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "compact proof: it is one of another root");
    if (decoder->left > 0) {
        status = open_child_roots(&roots, decoder->proof, root, error);
        if (status == SUBX_OK)
            status = read_child_tries(decoder, &roots, error);
        free_child_roots(&roots);
    }
    if (status == SUBX_OK && decoder->at.left != 0)
        status = refuse(decoder, "bytes after the end", error);
    return status;
}

subx_status subx_proof__decode_compact(struct subx_proof *proof, subx_slice bytes,
                                       const uint8_t *expected_root,
                                       uint8_t root[SUBX_TRIE_HASH_SIZE], subx_error *error)
{
    struct decoder decoder = {.proof = proof, .at = subx_reader__of(bytes)};
    uint8_t found[SUBX_TRIE_HASH_SIZE];
    if (!subx_scale__count(&decoder.at, 1, &decoder.count))
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "compact proof: no count of items that the bytes could hold");
    decoder.left = decoder.count;
    const subx_status status = decode_tries(&decoder, expected_root, found, error);
    if (status == SUBX_OK && root != NULL)
        memcpy(root, found, sizeof found);
    subx_mem__free(decoder.open);
    subx_buf__free(&decoder.hashes);
    subx_buf__free(&decoder.scratch);
    return status;
}
