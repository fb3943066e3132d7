/*
 * Random states with child tries and a model of them, and their proofs, in cmocka tests: what must
 * work, what must be told.
 */
#ifndef SUBX_TESTS_PROOF_WORLD_H
#define SUBX_TESTS_PROOF_WORLD_H

#include <subexec/proof.h>

#include "states.h"
#include "trie/trie_node.h"

enum { CHILDREN = 3 };

static const char *const child_names[] = {"c", "c\x10", "other"};

/* A state, and a model of it. */
struct world {
    subx_state *state;
    struct naive_trie main, children[CHILDREN];
    uint8_t root[32];
};

static inline subx_slice random_key(uint64_t *seed, uint8_t room[40])
{
    static const uint8_t few[] = {0x00, 0x01, 0x10, 0x61, 0xff};
    const size_t len = naive_random(seed, 8) == 0 ? 33 : naive_random(seed, 5);
    for (size_t i = 0; i < len; i++)
        room[i] = len == 33 && i < 31 ? 0x61 : few[naive_random(seed, sizeof few)];
    return subx_slice__of(room, len);
}

static inline void random_pair(uint64_t *seed, subx_changes *changes, const subx_slice *child,
                               struct naive_trie *model, unsigned version)
{
    uint8_t room[40], value[80];
    const subx_slice key = random_key(seed, room);
    if (naive_random(seed, 4) == 0) {
        ok(subx_changes_set(changes, child, key, NULL, NULL));
        (void)naive_trie_remove(model, key);
        return;
    }
    const subx_slice bytes = subx_slice__of(value, naive_random(seed, sizeof value));
    memset(value, (int)naive_random(seed, 256), sizeof value);
    ok(subx_changes_set(changes, child, key, &bytes, NULL));
    naive_trie_set(model, key, bytes, version == 1 && bytes.len >= SUBX_TRIE_HASHED_FROM);
}

/* Put the roots of the children into the model of the main trie. */
static inline void root_children(struct world *w)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        struct subx_buf key = SUBX_BUF_INIT;
        uint8_t root[32];
        subx_changes__append_root_key(&key, text(child_names[i]));
        naive_trie_root(&w->children[i], &subx_trie_blake2b, root);
        (void)naive_trie_remove(&w->main, subx_buf__slice(&key));
        if (w->children[i].count > 0)
            naive_trie_set(&w->main, subx_buf__slice(&key), subx_slice__of(root, 32), false);
        subx_buf__free(&key);
    }
}

/* A random state, whose values were written under both versions. */
static inline void make_world(struct world *w, uint64_t *seed)
{
    *w = (struct world){.state = empty_state()};
    subx_changes *const changes = begin(w->state, SUBX_CLEAN);
    const uint32_t size = naive_random(seed, 40);
    for (unsigned version = 0; version < 2; version++) {
        for (uint32_t i = 0; i < size; i++)
            random_pair(seed, changes, NULL, &w->main, version);
        for (size_t c = 0; c < CHILDREN; c++) {
            const subx_slice name = text(child_names[c]);
            for (uint32_t i = c == 1 ? 0 : naive_random(seed, 8); i > 0; i--)
                random_pair(seed, changes, &name, &w->children[c], version);
        }
        commit(changes, (uint8_t)version, w->root);
        root_children(w);
    }
    subx_changes_free(changes);
    assert_root(w->root, &w->main);
}

static inline void free_world(struct world *w)
{
    subx_state_free(w->state);
    naive_trie_free(&w->main);
    for (size_t i = 0; i < CHILDREN; i++)
        naive_trie_free(&w->children[i]);
}

/* The model of a trie: number CHILDREN is the main one. */
static const struct naive_trie *model_of(const struct world *w, size_t trie)
{
    return trie == CHILDREN ? &w->main : &w->children[trie];
}

/* What to pass as `child`. */
static const subx_slice *name_of(size_t trie, subx_slice *room)
{
    if (trie == CHILDREN)
        return NULL;
    *room = text(child_names[trie]);
    return room;
}

/* Whether a state says of a key what the model has; false: it says that its proof lacks something.
 */
static inline bool says_of_key(subx_state *state, const struct world *w, size_t trie,
                               subx_slice key)
{
    const struct naive_pair *const pair = naive_trie_get(model_of(w, trie), key);
    subx_slice room;
    subx_bytes value = SUBX_BYTES_INIT;
    bool found = false;
    const subx_status status =
        subx_state_get(state, name_of(trie, &room), key, &found, &value, NULL);
    if (status != SUBX_OK) {
        assert_int_equal(status, SUBX_INCOMPLETE_PROOF);
        assert_null(value.data);
        return false;
    }
    assert_int_equal(found, pair != NULL);
    if (found)
        assert_true(subx_slice__equal(subx_slice__of(value.data, value.len), naive_value(pair)));
    subx_bytes_free(&value);
    return true;
}

static inline bool says_of_next(subx_state *state, const struct world *w, size_t trie,
                                subx_slice key)
{
    const struct naive_trie *const model = model_of(w, trie);
    size_t at = naive_trie_find(model, key);
    subx_slice room;
    subx_bytes next = SUBX_BYTES_INIT;
    bool found = false;
    const subx_status status =
        subx_state_next_key(state, name_of(trie, &room), key, &found, &next, NULL);
    if (status != SUBX_OK) {
        assert_int_equal(status, SUBX_INCOMPLETE_PROOF);
        return false;
    }
    if (at < model->count && subx_slice__equal(naive_key(&model->pairs[at]), key))
        at++;
    assert_int_equal(found, at < model->count);
    if (found)
        assert_true(
            subx_slice__equal(subx_slice__of(next.data, next.len), naive_key(&model->pairs[at])));
    subx_bytes_free(&next);
    return true;
}

static inline subx_proof *new_proof(void)
{
    subx_proof *proof = NULL;
    ok(subx_proof_new(&proof, NULL));
    return proof;
}

static inline subx_state *state_of(const subx_proof *proof, const uint8_t root[32])
{
    subx_state *state = NULL;
    ok(subx_state_from_proof(proof, root, &state, NULL));
    return state;
}

static inline subx_proof *without_item(const subx_proof *proof, size_t left_out)
{
    subx_proof *const less = new_proof();
    for (size_t i = 0; i < subx_proof_count(proof); i++)
        if (i != left_out)
            ok(subx_proof_add(less, subx_proof_item(proof, i), NULL));
    return less;
}

static inline subx_bytes encode(const subx_proof *proof)
{
    subx_bytes bytes;
    ok(subx_proof_encode(proof, &bytes, NULL));
    return bytes;
}

static inline subx_slice slice_of(const subx_bytes *bytes)
{
    return subx_slice__of(bytes->data, bytes->len);
}

static inline void assert_same_proof(const subx_proof *a, const subx_proof *b)
{
    subx_bytes one = encode(a), other = encode(b);
    assert_true(subx_slice__equal(slice_of(&one), slice_of(&other)));
    subx_bytes_free(&one);
    subx_bytes_free(&other);
}

/* To both encoded forms and back. */
static inline void assert_survives(const subx_proof *proof, const uint8_t root[32])
{
    subx_proof *back = NULL;
    subx_bytes bytes = encode(proof);
    uint8_t found_root[32];
    ok(subx_proof_decode(slice_of(&bytes), &back, NULL));
    assert_same_proof(proof, back);
    subx_proof_free(back);
    subx_bytes_free(&bytes);
    ok(subx_proof_encode_compact(proof, root, &bytes, NULL));
    ok(subx_proof_decode_compact(slice_of(&bytes), root, &back, found_root, NULL));
    assert_memory_equal(found_root, root, 32);
    assert_same_proof(proof, back);
    subx_proof_free(back);
    found_root[0] ^= 1;
    assert_int_equal(subx_proof_decode_compact(slice_of(&bytes), found_root, &back, NULL, NULL),
                     SUBX_INVALID_INPUT);
    assert_null(back);
    subx_bytes_free(&bytes);
}

static inline subx_changes *begin_recording(subx_state *state, subx_semantics semantics)
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    subx_changes *changes = NULL;
    options.semantics = semantics;
    options.records_proof = true;
    ok(subx_changes_new(state, &options, &changes, NULL));
    return changes;
}

#endif
