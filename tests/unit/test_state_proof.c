/*
 * Storage proofs through the public interface (include/subexec/proof.h): what is proven is read from
 * the proof alone, and nothing less than the proof does; edges; hostile proofs. Built for states in
 * memory and in LMDB.
 */
#include <pthread.h>

#include "proof_world.h"
#include "storage/backend_memory.h"

/* ---- Proofs of keys ---- */

enum { KEYS = 5 };

struct asked {
    uint8_t rooms[CHILDREN + 1][KEYS][40];
    subx_slice keys[CHILDREN + 1][KEYS];
};

/* Keys that are there, and any; of the main trie and of each child. */
static void choose(struct asked *asked, const struct world *w, uint64_t *seed)
{
    for (size_t trie = 0; trie <= CHILDREN; trie++)
        for (size_t i = 0; i < KEYS; i++) {
            const struct naive_trie *const model = model_of(w, trie);
            asked->keys[trie][i] = random_key(seed, asked->rooms[trie][i]);
            if (model->count > 0 && i % 2 == 0)
                asked->keys[trie][i] =
                    naive_key(&model->pairs[naive_random(seed, (uint32_t)model->count)]);
        }
}

static subx_proof *prove(const struct world *w, const struct asked *asked)
{
    subx_proof *const proof = new_proof();
    for (size_t trie = 0; trie <= CHILDREN; trie++) {
        subx_slice room;
        uint8_t root[32];
        ok(subx_state_prove(w->state, name_of(trie, &room), asked->keys[trie], KEYS, proof, root,
                            NULL));
        assert_memory_equal(root, w->root, 32);
    }
    return proof;
}

/* Ask for all that was asked before; returns how often the proof did not tell. */
static size_t ask(const subx_proof *proof, const struct world *w, const struct asked *asked)
{
    size_t silent = 0;
    subx_state *const state = state_of(proof, w->root);
    for (size_t trie = 0; trie <= CHILDREN; trie++)
        for (size_t i = 0; i < KEYS; i++)
            silent += !says_of_key(state, w, trie, asked->keys[trie][i]);
    subx_state_free(state);
    return silent;
}

static void assert_verifies(const subx_proof *proof, const struct world *w, size_t trie,
                            subx_slice key)
{
    const struct naive_pair *const pair = naive_trie_get(model_of(w, trie), key);
    subx_slice room;
    subx_bytes value;
    bool found = false;
    ok(subx_proof_verify(proof, w->root, name_of(trie, &room), key, &found, &value, NULL));
    assert_int_equal(found, pair != NULL);
    if (found)
        assert_true(subx_slice__equal(slice_of(&value), naive_value(pair)));
    subx_bytes_free(&value);
}

static void proofs_of_keys(void **unused)
{
    (void)unused;
    uint64_t seed = 1;
    size_t told = 0, silent = 0;
    for (unsigned round = 0; round < 40; round++) {
        struct world w;
        struct asked asked, others;
        make_world(&w, &seed);
        choose(&asked, &w, &seed);
        choose(&others, &w, &seed);
        subx_proof *const proof = prove(&w, &asked);
        assert_survives(proof, w.root);
        assert_int_equal(ask(proof, &w, &asked), 0);
        for (size_t trie = 0; trie <= CHILDREN; trie++)
            assert_verifies(proof, &w, trie, asked.keys[trie][0]);
        /* anything else is right or not told */
        subx_state *const state = state_of(proof, w.root);
        for (size_t trie = 0; trie <= CHILDREN; trie++)
            for (size_t i = 0; i < KEYS; i++) {
                *(says_of_key(state, &w, trie, others.keys[trie][i]) ? &told : &silent) += 1;
                *(says_of_next(state, &w, trie, others.keys[trie][i]) ? &told : &silent) += 1;
            }
        subx_state_free(state);
        /* no item is too many, but the node of the empty trie */
        for (size_t i = 0; i < subx_proof_count(proof) && w.main.count > 0; i++) {
            subx_proof *const less = without_item(proof, i);
            assert_true(ask(less, &w, &asked) > 0);
            subx_proof_free(less);
        }
        subx_proof_free(proof);
        free_world(&w);
    }
    assert_true(told > 50 && silent > 50);
}

/* ---- What is missing ---- */

static void what_is_missing_is_named(void **unused)
{
    (void)unused;
    const subx_slice child = text("c"), a = text("a"), absent = text("x");
    subx_state *const state = empty_state();
    subx_changes *changes = begin(state, SUBX_FAITHFUL);
    char value_of[] = "a value that has more than thirty-three bytes, of the key ?";
    for (char name[] = "a"; name[0] < 'q'; name[0]++) {
        value_of[sizeof value_of - 2] = name[0];
        set(changes, NULL, name, value_of);
        set(changes, &child, name, value_of + 1);
    }
    value_of[sizeof value_of - 2] = 'a';
    uint8_t root[32];
    commit(changes, 1, root);
    subx_changes_free(changes);
    subx_proof *const proof = new_proof();
    ok(subx_state_prove(state, NULL, &a, 1, proof, NULL, NULL));
    subx_state *const partial = state_of(proof, root);
    subx_error error = SUBX_ERROR_INIT;
    bool found = false;
    subx_bytes value;
    assert_state(partial, NULL, "a", value_of);
    assert_int_equal(subx_state_get(partial, NULL, text("b"), &found, &value, &error),
                     SUBX_INCOMPLETE_PROOF);
    assert_ptr_equal(strstr(error.message, "key 0x62: incomplete proof: the node 0x"),
                     error.message);
    subx_error_clear(&error);
    assert_int_equal(subx_state_next_key(partial, NULL, a, &found, &value, &error),
                     SUBX_INCOMPLETE_PROOF);
    assert_ptr_equal(strstr(error.message, "the key after 0x61: incomplete proof: the node 0x"),
                     error.message);
    subx_error_clear(&error);
    assert_int_equal(subx_state_get(partial, &child, a, &found, &value, &error),
                     SUBX_INCOMPLETE_PROOF);
    assert_ptr_equal(strstr(error.message, "key 0x3a6368696c645f73746f726167653a"), error.message);
    subx_error_clear(&error);
    /* its root is known now, and nothing else */
    ok(subx_state_prove(state, &child, &absent, 0, proof, NULL, NULL));
    ok(subx_state_prove(state, &child, &absent, 1, proof, NULL, NULL));
    subx_state *const with_child = state_of(proof, root);
    assert_state(with_child, &child, "x", NULL);
    assert_int_equal(subx_state_get(with_child, &child, a, &found, &value, &error),
                     SUBX_INCOMPLETE_PROOF);
    assert_ptr_equal(strstr(error.message, "child trie 0x63: key 0x61: incomplete proof: the node"),
                     error.message);
    subx_error_clear(&error);
    changes = begin(with_child, SUBX_FAITHFUL);
    clear(changes, &child, "a");
    assert_int_equal(subx_changes_root(changes, 1, root, &error), SUBX_INCOMPLETE_PROOF);
    assert_ptr_equal(strstr(error.message, "child trie 0x63: removal of key 0x61: incomplete"),
                     error.message);
    subx_changes_free(changes);
    subx_error_clear(&error);
    changes = begin(with_child, SUBX_FAITHFUL);
    set(changes, NULL, "b", "2");
    assert_int_equal(subx_changes_commit(changes, 1, root, &error), SUBX_INCOMPLETE_PROOF);
    assert_ptr_equal(strstr(error.message, "change of key 0x62: incomplete"), error.message);
    subx_changes_free(changes);
    subx_state_free(with_child);
    subx_state_free(partial);
    subx_state_free(state);
    subx_proof_free(proof);
}

/* A removal that leaves one key needs that key's node, and says so. */
static void removal_needs_the_sibling(void **unused)
{
    (void)unused;
    const subx_slice a = text("a");
    subx_state *const state = empty_state();
    subx_changes *changes = begin(state, SUBX_FAITHFUL);
    uint8_t root[32], expected[32], computed[32];
    set(changes, NULL, "a", "1");
    set(changes, NULL, "b", long_value);
    commit(changes, 0, root);
    subx_changes_free(changes);
    subx_proof *proof = new_proof(), *recorded = NULL;
    ok(subx_state_prove(state, NULL, &a, 1, proof, NULL, NULL));
    for (unsigned whole = 0; whole < 2; whole++) {
        if (whole == 1) {
            changes = begin_recording(state, SUBX_FAITHFUL);
            clear(changes, NULL, "a");
            ok(subx_changes_root(changes, 0, expected, NULL));
            ok(subx_changes_proof(changes, &recorded, NULL, NULL));
            assert_int_equal(subx_proof_count(recorded), subx_proof_count(proof) + 1);
            subx_changes_free(changes);
        }
        subx_state *const partial = state_of(whole == 1 ? recorded : proof, root);
        changes = begin(partial, SUBX_FAITHFUL);
        clear(changes, NULL, "a");
        const subx_status status = subx_changes_root(changes, 0, computed, NULL);
        assert_int_equal(status, whole == 1 ? SUBX_OK : SUBX_INCOMPLETE_PROOF);
        if (whole == 1)
            assert_memory_equal(computed, expected, 32);
        subx_changes_free(changes);
        subx_state_free(partial);
    }
    subx_proof_free(proof);
    subx_proof_free(recorded);
    subx_state_free(state);
}

/* ---- Edges ---- */

static void small_tries(void **unused)
{
    (void)unused;
    const subx_slice child = text("c"), a = text("a"), empty = SUBX_EMPTY;
    subx_state *const state = empty_state();
    subx_proof *proof = new_proof();
    uint8_t root[32];
    /* nothing at all: the root says it all */
    ok(subx_state_prove(state, NULL, &a, 1, proof, root, NULL));
    ok(subx_state_prove(state, &child, &a, 1, proof, NULL, NULL));
    assert_memory_equal(root, subx_trie_blake2b.empty_root, 32);
    assert_survives(proof, root);
    subx_proof *const nothing = new_proof();
    const subx_proof *const either[] = {proof, nothing};
    for (size_t i = 0; i < 2; i++) {
        subx_state *const partial = state_of(either[i], root);
        assert_state(partial, NULL, "a", NULL);
        assert_state(partial, &child, "a", NULL);
        assert_state(partial, &empty, "", NULL);
        subx_changes *const changes = begin(partial, SUBX_FAITHFUL);
        set(changes, &child, "a", "1");
        commit(changes, 1, NULL);
        assert_state(partial, &child, "a", "1");
        subx_changes_free(changes);
        subx_state_free(partial);
    }
    subx_proof_free(proof);
    /* roots that are shorter than a hash, of the main trie and of two children that are the same */
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    set(changes, &child, "", "1");
    set(changes, &empty, "", "1");
    commit(changes, 1, root);
    proof = new_proof();
    ok(subx_state_prove(state, &child, &empty, 1, proof, NULL, NULL));
    ok(subx_state_prove(state, &empty, &empty, 1, proof, NULL, NULL));
    assert_survives(proof, root);
    subx_state *partial = state_of(proof, root);
    subx_changes *const on_proof = begin(partial, SUBX_FAITHFUL);
    bool found = false;
    subx_slice value, other;
    ok(subx_changes_get(on_proof, &child, empty, &found, &value, NULL));
    assert_seen(on_proof, &empty, "", "1");
    ok(subx_changes_get(on_proof, &child, text("absent"), &found, &other, NULL));
    assert_false(found);
    assert_state(partial, &child, "", "1");
    subx_changes_free(on_proof);
    subx_state_free(partial);
    subx_proof_free(proof);
    clear(changes, &child, "");
    clear(changes, &empty, "");
    set(changes, NULL, "a", "1");
    commit(changes, 1, root);
    proof = new_proof();
    ok(subx_state_prove(state, NULL, &a, 1, proof, NULL, NULL));
    assert_int_equal(subx_proof_count(proof), 1);
    assert_survives(proof, root);
    partial = state_of(proof, root);
    assert_state(partial, NULL, "a", "1");
    assert_state(partial, &child, "", NULL);
    subx_state_free(partial);
    /* no keys, no items */
    subx_proof_free(proof);
    proof = new_proof();
    ok(subx_state_prove(state, NULL, NULL, 0, proof, root, NULL));
    assert_int_equal(subx_proof_count(proof), 0);
    subx_bytes compact;
    assert_int_equal(subx_proof_encode_compact(proof, root, &compact, NULL), SUBX_INCOMPLETE_PROOF);
    subx_proof_free(proof);
    subx_proof_free(nothing);
    subx_changes_free(changes);
    subx_state_free(state);
}

static void back_ends_without_proofs(void **unused)
{
    (void)unused;
    struct subx_backend plain = subx_backend_memory;
    const subx_slice a = text("a");
    subx_state *state = NULL;
    subx_changes *changes = NULL;
    subx_proof *const proof = new_proof();
    subx_proof *out = proof;
    subx_error error = SUBX_ERROR_INIT;
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    plain.record = NULL;
    plain.name = "plain";
    ok(subx_state__new(&plain, subx_backend_memory__new(), &state, NULL));
    assert_int_equal(subx_state_prove(state, NULL, &a, 1, proof, NULL, &error), SUBX_UNSUPPORTED);
    assert_non_null(strstr(error.message, "(plain)"));
    options.records_proof = true;
    assert_int_equal(subx_changes_new(state, &options, &changes, NULL), SUBX_UNSUPPORTED);
    assert_null(changes);
    /* without the option there is no proof, and none is counted */
    options.records_proof = false;
    ok(subx_changes_new(state, &options, &changes, NULL));
    assert_int_equal(subx_changes_proof(changes, &out, NULL, NULL), SUBX_MISUSE);
    assert_null(out);
    assert_true(subx_changes_proof_size(changes) == UINT64_MAX);
    subx_changes_free(changes);
    subx_state_free(state);
    subx_proof_free(proof);
}

/* ---- Hostile proofs ---- */

static void spoiled_bytes(void **unused)
{
    (void)unused;
    uint64_t seed = 5;
    struct world w;
    struct asked asked;
    do {
        make_world(&w, &seed);
        if (w.main.count > 20)
            break;
        free_world(&w);
    } while (true);
    choose(&asked, &w, &seed);
    subx_proof *const proof = prove(&w, &asked), *other = NULL;
    subx_bytes bytes = encode(proof), compact;
    ok(subx_proof_encode_compact(proof, w.root, &compact, NULL));
    /* cut short, or longer */
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(subx_proof_decode(subx_slice__of(bytes.data, len), &other, NULL),
                         SUBX_INVALID_INPUT);
        assert_null(other);
    }
    for (size_t len = 0; len < compact.len; len++)
        assert_int_equal(
            subx_proof_decode_compact(subx_slice__of(compact.data, len), NULL, &other, NULL, NULL),
            SUBX_INVALID_INPUT);
    /* changed: what can still be read is right */
    size_t usable = 0;
    for (size_t at = 0; at < bytes.len; at++) {
        bytes.data[at] ^= (uint8_t)(1u << at % 8);
        if (subx_proof_decode(slice_of(&bytes), &other, NULL) == SUBX_OK) {
            usable++;
            assert_true(ask(other, &w, &asked) > 0);
            subx_proof_free(other);
        }
        bytes.data[at] ^= (uint8_t)(1u << at % 8);
    }
    assert_true(usable > bytes.len / 2);
    for (size_t at = 0; at < compact.len; at++) {
        compact.data[at] ^= (uint8_t)(1u << at % 8);
        assert_int_equal(subx_proof_decode_compact(slice_of(&compact), w.root, &other, NULL, NULL),
                         SUBX_INVALID_INPUT);
        compact.data[at] ^= (uint8_t)(1u << at % 8);
    }
    /* the other way round, twice, and with things that nobody needs */
    subx_proof *const odd = new_proof();
    for (size_t i = subx_proof_count(proof); i-- > 0;)
        ok(subx_proof_add(odd, subx_proof_item(proof, i), NULL));
    for (size_t i = 0; i < subx_proof_count(proof); i++)
        ok(subx_proof_add(odd, subx_proof_item(proof, i), NULL));
    assert_same_proof(proof, odd);
    ok(subx_proof_add(odd, SUBX_EMPTY, NULL));
    ok(subx_proof_add(odd, text("nothing"), NULL));
    assert_int_equal(subx_proof_count(odd), subx_proof_count(proof) + 2);
    assert_int_equal(ask(odd, &w, &asked), 0);
    /* under another root it says nothing */
    w.root[5] ^= 1;
    assert_int_equal(ask(proof, &w, &asked), (CHILDREN + 1) * KEYS);
    subx_proof_free(odd);
    subx_proof_free(proof);
    subx_bytes_free(&bytes);
    subx_bytes_free(&compact);
    free_world(&w);
}

static void huge_counts(void **unused)
{
    (void)unused;
    static const uint8_t lists[][10] = {
        {0xfe, 0xff, 0xff, 0xff},                         /* 2^30 - 1 items */
        {0x03, 0xff, 0xff, 0xff, 0xff},                   /* 2^32 - 1 items */
        {0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, /* 2^63 and more */
        {0x04, 0xfe, 0xff, 0xff, 0xff},                   /* an item of 2^30 - 1 bytes */
        {0x04, 0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    };
    subx_proof *proof = NULL;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const subx_slice bytes = subx_slice__of(lists[i], sizeof lists[i]);
        assert_int_equal(subx_proof_decode(bytes, &proof, NULL), SUBX_INVALID_INPUT);
        assert_int_equal(subx_proof_decode_compact(bytes, NULL, &proof, NULL, NULL),
                         SUBX_INVALID_INPUT);
        assert_null(proof);
    }
}

/* Put a node together and add it; its hash. */
static void add_node(subx_proof *proof, const struct subx_trie_node *node, uint8_t hash[32])
{
    struct subx_buf bytes = SUBX_BUF_INIT;
    subx_trie_node__encode(node, &bytes);
    subx_trie_blake2b.hash(subx_buf__slice(&bytes), hash);
    ok(subx_proof_add(proof, subx_buf__slice(&bytes), NULL));
    subx_buf__free(&bytes);
}

/* Roots that are no nodes, and children's roots that are none. */
static void odd_roots(void **unused)
{
    (void)unused;
    const subx_slice child = text("c"), blob = text("this is no node, and nobody claims it were");
    subx_proof *const proof = new_proof();
    uint8_t hash[32], root[32];
    bool found = false;
    subx_bytes value;
    struct subx_buf key = SUBX_BUF_INIT;
    subx_trie_blake2b.hash(blob, hash);
    ok(subx_proof_add(proof, blob, NULL));
    assert_int_equal(subx_proof_verify(proof, hash, NULL, child, &found, &value, NULL),
                     SUBX_INCOMPLETE_PROOF);
    subx_changes__append_root_key(&key, child);
    for (size_t len = 0; len < 40; len++) {
        uint8_t bytes[40] = {0};
        memcpy(bytes, hash, sizeof hash);
        const struct subx_trie_node leaf = {
            .partial = subx_nibbles__of_key(subx_buf__slice(&key)),
            .value = {SUBX_TRIE_INLINE, subx_slice__of(bytes, len)}};
        add_node(proof, &leaf, root);
        assert_int_equal(subx_proof_verify(proof, root, &child, child, &found, &value, NULL),
                         len == 32 ? SUBX_INCOMPLETE_PROOF : SUBX_ABORTED_DUE_TO_TRAP);
        subx_state *const state = state_of(proof, root);
        subx_changes *const changes = begin(state, SUBX_FAITHFUL);
        set(changes, &child, "k", "v");
        assert_int_equal(subx_changes_root(changes, 1, root, NULL),
                         len == 32 ? SUBX_INCOMPLETE_PROOF : SUBX_ABORTED_DUE_TO_TRAP);
        subx_changes_free(changes);
        subx_state_free(state);
    }
    subx_buf__free(&key);
    subx_proof_free(proof);
}

/* A few nodes that stand for 16^120 keys, and a trie as deep as its longest key. */
static void wide_and_deep(void **unused)
{
    (void)unused;
    static const uint8_t filling[64] = {1};
    subx_proof *const proof = new_proof();
    uint8_t root[32], changed[32];
    const struct subx_trie_node leaf = {.value = {SUBX_TRIE_INLINE, subx_slice__of(filling, 32)}};
    add_node(proof, &leaf, root);
    for (int level = 0; level < 120; level++) {
        struct subx_trie_node node = {.bitmap = 0xffff};
        uint8_t below[32];
        memcpy(below, root, sizeof below);
        for (size_t i = 0; i < 16; i++)
            node.children[i] = subx_slice__of(below, sizeof below);
        add_node(proof, &node, root);
    }
    subx_state *state = state_of(proof, root);
    const subx_slice key = subx_slice__of(filling, 60), child = text("c");
    bool found = false;
    subx_bytes value, other;
    ok(subx_state_get(state, NULL, key, &found, &value, NULL));
    assert_true(found);
    subx_bytes_free(&value);
    ok(subx_state_get(state, &child, key, &found, &value, NULL));
    assert_false(found);
    subx_changes *changes = begin(state, SUBX_FAITHFUL);
    ok(subx_changes_set(changes, NULL, key, NULL, NULL));
    ok(subx_changes_root(changes, 1, changed, NULL));
    assert_memory_not_equal(changed, root, 32);
    subx_changes_free(changes);
    subx_state_free(state);

    enum { DEPTH = 20000 };
    subx_proof *const deep = new_proof();
    add_node(deep, &leaf, root);
    for (size_t i = 0; i < 2 * DEPTH; i++) {
        uint8_t below[32];
        memcpy(below, root, sizeof below);
        struct subx_trie_node node = {.bitmap = 3, .value = {SUBX_TRIE_NO_VALUE, SUBX_EMPTY}};
        node.children[0] = node.children[1] = subx_slice__of(below, sizeof below);
        add_node(deep, &node, root);
    }
    state = state_of(deep, root);
    ok(subx_state_next_key(state, NULL, SUBX_EMPTY, &found, &value, NULL));
    assert_int_equal(value.len, DEPTH);
    ok(subx_state_get(state, NULL, slice_of(&value), &found, &other, NULL));
    assert_true(found);
    subx_bytes_free(&value);
    subx_bytes_free(&other);
    changes = begin(state, SUBX_FAITHFUL);
    ok(subx_changes_set(changes, NULL, subx_slice__of(filling, 1), &key, NULL));
    ok(subx_changes_root(changes, 1, changed, NULL));
    subx_changes_free(changes);
    subx_state_free(state);
    subx_proof_free(deep);
    subx_proof_free(proof);
}

/* ---- Threads ---- */

static void *read_children(void *data)
{
    subx_state *const state = data;
    for (unsigned round = 0; round < 40; round++)
        for (char name[] = "a"; name[0] < 'q'; name[0]++) {
            const subx_slice child = text(name);
            assert_state(state, &child, name, long_value);
        }
    return NULL;
}

static void proofs_are_shared(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const changes = begin(state, SUBX_FAITHFUL);
    subx_proof *const proof = new_proof();
    uint8_t root[32];
    for (char name[] = "a"; name[0] < 'q'; name[0]++) {
        const subx_slice child = text(name);
        set(changes, &child, name, long_value);
    }
    commit(changes, 1, root);
    for (char name[] = "a"; name[0] < 'q'; name[0]++) {
        const subx_slice child = text(name);
        ok(subx_state_prove(state, &child, &child, 1, proof, NULL, NULL));
    }
    subx_state *const partial = state_of(proof, root);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_children, partial), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    subx_changes_free(changes);
    subx_state_free(partial);
    subx_state_free(state);
    subx_proof_free(proof);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_of_keys),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(removal_needs_the_sibling),
        cmocka_unit_test(small_tries),
        cmocka_unit_test(back_ends_without_proofs),
        cmocka_unit_test(spoiled_bytes),
        cmocka_unit_test(huge_counts),
        cmocka_unit_test(odd_roots),
        cmocka_unit_test(wide_and_deep),
        cmocka_unit_test(proofs_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
