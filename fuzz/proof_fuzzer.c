/*
 * Proofs (trie/proof.h) from hostile hands.
 *
 * Input: a byte that chooses, then
 *
 *   0 a SCALE list, whose last item is the root's node
 *   1 a compact proof
 *   2 a SCALE list: key, value and items of a proof of one value
 *   3 nodes, each described by some bytes (read_node), that refer to earlier ones: what no one
 *     finds by chance, because it takes a hash
 *
 * What must hold: nothing is read twice with different answers; a key that was set is there; a
 * proof that can be made compact can be read back; what is recorded of a state that is made of the
 * proof says the same as that.
 */
#include <stdlib.h>

#include <subexec/proof.h>

#include "codec/scale.h"
#include "trie/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* Read up to some keys in order; false if there are more, or not all are there. */
static bool read_keys(const struct subx_tree *tree)
{
    struct subx_tree_cursor *cursor = NULL;
    struct subx_buf last = SUBX_BUF_INIT, next = SUBX_BUF_INIT;
    bool is_whole = subx_tree_cursor__open(tree, SUBX_EMPTY, SUBX_EMPTY, SUBX_TREE_KEYS_AND_VALUES,
                                           NULL, &cursor, NULL) == SUBX_OK;
    for (int i = 0; is_whole; i++) {
        subx_slice key;
        struct subx_tree_entry entry, again;
        const subx_status status = subx_tree_cursor__next(cursor, &key, &entry, NULL);
        is_whole = status == SUBX_OK && i < 200;
        if (!is_whole || !entry.found)
            break;
        demand(subx_tree__get(tree, key, NULL, &again, NULL) == SUBX_OK && again.found);
        demand(subx_slice__equal(entry.value, again.value));
        if (i > 0) {
            bool found = false;
            demand(subx_trie__compare(subx_buf__slice(&last), key) < 0);
            demand(subx_tree__next_key(tree, subx_buf__slice(&last), NULL, &next, &found, NULL) ==
                   SUBX_OK);
            demand(found && subx_slice__equal(subx_buf__slice(&next), key));
        }
        last.len = 0;
        subx_buf__append_slice(&last, key);
    }
    subx_tree_cursor__close(cursor);
    subx_buf__free(&last);
    subx_buf__free(&next);
    return is_whole;
}

/* Change a partial tree at keys that are taken from `bytes`. */
static void change(struct subx_tree *tree, subx_slice bytes, bool is_whole)
{
    uint8_t root[SUBX_TRIE_HASH_SIZE], before[SUBX_TRIE_HASH_SIZE];
    demand(subx_tree__root(tree, before, NULL) == SUBX_OK);
    for (size_t i = 0; i < 12 && i < bytes.len; i++) {
        const size_t len = i % 4 < bytes.len - i ? i % 4 : bytes.len - i;
        const subx_slice key = subx_slice__of(bytes.data + i, len);
        struct subx_tree_entry entry;
        struct subx_tree kept;
        subx_tree__snapshot(tree, &kept);
        const struct subx_tree_change one = {key, bytes, bytes.data[i] % 3 == 0};
        const struct subx_tree_apply options = {bytes.data[i] / 3 % 2, bytes.data[i] % 2 == 0,
                                                NULL};
        const subx_status status = subx_tree__apply(tree, &one, 1, &options, NULL);
        demand(subx_tree__root(tree, root, NULL) == SUBX_OK);
        if (status == SUBX_OK && !one.remove) {
            demand(subx_tree__get(tree, key, NULL, &entry, NULL) == SUBX_OK && entry.found);
            demand(subx_slice__equal(entry.value, bytes));
        }
        demand(subx_tree__root(&kept, root, NULL) == SUBX_OK);
        demand(memcmp(root, before, sizeof root) == 0);
        demand(subx_tree__root(tree, before, NULL) == SUBX_OK);
        subx_tree__free(&kept);
    }
    if (is_whole && bytes.len > 0)
        (void)subx_tree__remove_prefix(tree, subx_slice__of(bytes.data, 1), NULL, NULL);
    demand(subx_tree__root(tree, root, NULL) == SUBX_OK);
}

/* What a run over a state of a proof came to. */
struct outcome {
    subx_status status;
    uint8_t root[SUBX_TRIE_HASH_SIZE], answers[SUBX_TRIE_HASH_SIZE];
};

static subx_status read_and_change(subx_changes *changes, subx_slice bytes,
                                   struct subx_buf *answers, uint8_t root[SUBX_TRIE_HASH_SIZE])
{
    const subx_slice child = subx_slice__of("c", 1);
    subx_status status = SUBX_OK;
    for (size_t i = 0; i + 1 < bytes.len && i < 16 && status == SUBX_OK; i++) {
        const size_t len = i % 5 < bytes.len - i ? i % 5 : bytes.len - i;
        const subx_slice key = subx_slice__of(bytes.data + i, len);
        const subx_slice *const trie = bytes.data[i] % 4 == 0 ? &child : NULL;
        bool found = false;
        subx_slice answer = SUBX_EMPTY;
        switch (bytes.data[i + 1] % 4) {
        case 0:
            status = subx_changes_get(changes, trie, key, &found, &answer, NULL);
            break;
        case 1:
            status = subx_changes_next_key(changes, trie, key, &found, &answer, NULL);
            break;
        default:
            status = subx_changes_set(changes, trie, key, bytes.data[i + 1] % 8 < 4 ? NULL : &bytes,
                                      NULL);
            break;
        }
        subx_buf__append_u8(answers, (uint8_t)found);
        if (found)
            subx_buf__append_slice(answers, answer);
    }
    return status == SUBX_OK ? subx_changes_root(changes, bytes.len % 2, root, NULL) : status;
}

/* Run over a state of a proof; `recorded` may be NULL. */
static struct outcome run_on(const struct subx_proof *proof, const uint8_t *root, subx_slice bytes,
                             subx_proof **recorded)
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    struct outcome outcome = {.status = SUBX_OK};
    struct subx_buf answers = SUBX_BUF_INIT;
    subx_state *state = NULL;
    subx_changes *changes = NULL;
    options.records_proof = recorded != NULL;
    demand(subx_state_from_proof(proof, root, &state, NULL) == SUBX_OK);
    demand(subx_changes_new(state, &options, &changes, NULL) == SUBX_OK);
    outcome.status = read_and_change(changes, bytes, &answers, outcome.root);
    subx_trie_blake2b.hash(subx_buf__slice(&answers), outcome.answers);
    if (recorded != NULL) {
        uint8_t before[SUBX_TRIE_HASH_SIZE];
        demand(subx_changes_proof(changes, recorded, before, NULL) == SUBX_OK);
        demand(memcmp(before, root, sizeof before) == 0);
    }
    subx_changes_free(changes);
    subx_state_free(state);
    subx_buf__free(&answers);
    return outcome;
}

/* As a state: what was recorded of it, which is a part of the proof, says the same; and so does that
 * without one of its items, or it says that something is missing. */
static void use_state(const struct subx_proof *proof, const uint8_t *root, subx_slice bytes)
{
    subx_proof *recorded = NULL;
    struct subx_proof less;
    const struct outcome whole = run_on(proof, root, bytes, &recorded);
    const struct outcome again = run_on(recorded, root, bytes, NULL);
    demand(memcmp(&whole, &again, sizeof whole) == 0);
    subx_proof__init(&less, proof->hasher);
    for (size_t i = 0; i < recorded->count; i++) {
        const subx_slice blob = subx_proof__blob(recorded, &recorded->entries[i]);
        demand(subx_proof__find(proof, recorded->entries[i].hash) != NULL);
        if (i != bytes.len % recorded->count)
            demand(subx_proof__add(&less, blob, NULL) == SUBX_OK);
    }
    const struct outcome last = run_on(&less, root, bytes, NULL);
    demand(last.status == SUBX_INCOMPLETE_PROOF || memcmp(&whole, &last, sizeof whole) == 0);
    subx_proof__free(&less);
    subx_proof_free(recorded);
}

static void use_proof(const struct subx_proof *proof, const uint8_t *root, subx_slice bytes)
{
    struct subx_tree tree;
    struct subx_proof back;
    struct subx_buf compact = SUBX_BUF_INIT;
    demand(subx_tree__from_proof(proof, root, &tree, NULL) == SUBX_OK);
    const bool is_whole = read_keys(&tree);
    change(&tree, bytes, is_whole);
    subx_tree__free(&tree);
    use_state(proof, root, bytes);
    subx_proof__init(&back, proof->hasher);
    if (subx_proof__encode_compact(proof, root, 1 << 16, &compact, NULL) == SUBX_OK &&
        compact.len > 1) {
        const subx_status status =
            subx_proof__decode_compact(&back, subx_buf__slice(&compact), root, NULL, NULL);
        demand(status == SUBX_OK || status == SUBX_TOO_LARGE);
        for (size_t i = 0; i < back.count; i++)
            demand(subx_proof__find(proof, back.entries[i].hash) != NULL);
    }
    subx_buf__free(&compact);
    subx_proof__free(&back);
}

static void try_list(subx_slice bytes)
{
    struct subx_proof proof;
    subx_proof__init(&proof, &subx_trie_blake2b);
    (void)subx_proof__decode(&proof, bytes, NULL);
    if (proof.count > 0)
        use_proof(&proof, proof.entries[proof.count - 1].hash, bytes);
    subx_proof__free(&proof);
}

static void try_compact(subx_slice bytes)
{
    struct subx_proof proof;
    uint8_t root[SUBX_TRIE_HASH_SIZE];
    subx_proof__init(&proof, &subx_trie_blake2b);
    if (subx_proof__decode_compact(&proof, bytes, NULL, root, NULL) == SUBX_OK) {
        demand(subx_proof__find(&proof, root) != NULL);
        use_proof(&proof, root, bytes);
    }
    subx_proof__free(&proof);
}

static void try_item(subx_slice bytes)
{
    struct subx_reader at = subx_reader__of(bytes);
    static const uint8_t root[SUBX_TRIE_HASH_SIZE];
    subx_slice items[32];
    size_t count = 0;
    while (count < 32 && subx_scale__bytes(&at, &items[count]))
        count++;
    if (count >= 2)
        demand(subx_proof__verify_item(&subx_trie_blake2b, items[0].len % 2, root, items + 2,
                                       count - 2, items[0], items[1], NULL) == SUBX_INVALID_INPUT);
}

/* A node whose children are earlier nodes, by hash or inline, or missing. */
static bool read_node(struct subx_reader *at, const struct subx_proof *proof, struct subx_buf *out)
{
    static const uint8_t missing[SUBX_TRIE_HASH_SIZE] = {1};
    struct subx_trie_node node = {.is_empty = false};
    subx_slice description, partial;
    uint8_t form = 0;
    if (!subx_reader__bytes(at, 4, &description) || !subx_reader__u8(at, &form) ||
        !subx_reader__bytes(at, form / 32, &partial))
        return false;
    node.partial = (struct subx_nibbles){partial.data, form >> 4 & 1, 2 * partial.len};
    if (partial.len > 0)
        node.partial.len -= node.partial.at;
    node.bitmap = subx_load_u16(description.data);
    node.value.form = (enum subx_trie_form)(form % 3);
    node.value.bytes = subx_slice__of(description.data, form % 5);
    if (node.bitmap == 0 && node.value.form == SUBX_TRIE_NO_VALUE)
        node.value.form = SUBX_TRIE_INLINE;
    for (unsigned i = 0; i < 16; i++) {
        const unsigned choice = description.data[2] + i * description.data[3];
        node.children[i] = subx_slice__of(missing, sizeof missing);
        if (proof->count == 0 || choice % 7 == 0)
            continue;
        const struct subx_proof_entry *const entry = &proof->entries[choice % proof->count];
        node.children[i] = entry->len < SUBX_TRIE_HASH_SIZE && choice % 2 == 0
                               ? subx_proof__blob(proof, entry)
                               : subx_slice__of(entry->hash, SUBX_TRIE_HASH_SIZE);
    }
    if (node.value.form == SUBX_TRIE_HASHED)
        node.value.bytes = subx_slice__of(proof->count == 0 ? missing : proof->entries[0].hash, 32);
    subx_trie_node__encode(&node, out);
    return true;
}

static void try_nodes(subx_slice bytes)
{
    struct subx_reader at = subx_reader__of(bytes);
    struct subx_proof proof;
    struct subx_buf node = SUBX_BUF_INIT;
    uint8_t root[SUBX_TRIE_HASH_SIZE];
    subx_proof__init(&proof, &subx_trie_blake2b);
    for (int i = 0; i < 40 && read_node(&at, &proof, &node); i++) {
        const subx_slice blob = subx_buf__slice(&node);
        struct subx_trie_node parts;
        demand(blob.len > 0);
        demand(subx_trie_node__decode(blob, SUBX_TRIE_PLAIN, &parts, NULL) == SUBX_OK);
        proof.hasher->hash(blob, root);
        demand(subx_proof__add(&proof, blob, NULL) == SUBX_OK);
        node.len = 0;
    }
    if (proof.count > 0)
        use_proof(&proof, root, bytes);
    subx_buf__free(&node);
    subx_proof__free(&proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 14)
        return 0;
    const subx_slice rest = subx_slice__of(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        try_list(rest);
        break;
    case 1:
        try_compact(rest);
        break;
    case 2:
        try_item(rest);
        break;
    default:
        try_nodes(rest);
        break;
    }
    return 0;
}
