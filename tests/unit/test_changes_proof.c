/*
 * Proofs of what changes read (include/subexec/proof.h): with them, and nothing less, the same calls
 * come to the same results and roots; failures. Built for states in memory and in LMDB.
 */
#include "host/host_functions.h"
#include "proof_world.h"
#include "util/error.h"
#include "util/mem.h"
#include "wrapped_backend.h"

/* ---- Changes on a proof ---- */

static void note_bytes(struct subx_buf *log, bool found, subx_slice bytes)
{
    subx_buf__append_u8(log, found);
    if (found)
        subx_buf__append_slice(log, bytes);
}

static subx_status read_something(subx_changes *changes, struct subx_trie_id trie, subx_slice key,
                                  uint32_t kind, struct subx_buf *log, subx_error *error)
{
    bool found = false;
    subx_slice bytes = SUBX_EMPTY;
    subx_status status = SUBX_OK;
    if (kind == 0)
        status = subx_changes__get(changes, trie, key, &found, &bytes, error);
    else if (kind == 1)
        status = subx_changes__get(changes, trie, key, &found, NULL, error);
    else
        status = subx_changes__next_key(changes, trie, key, &found, &bytes, error);
    note_bytes(log, status == SUBX_OK && found, bytes);
    return status;
}

static subx_status remove_something(subx_changes *changes, struct subx_trie_id trie, subx_slice key,
                                    uint64_t *seed, struct subx_buf *log, subx_error *error)
{
    struct subx_removal removal;
    const uint32_t limit = naive_random(seed, 4);
    const subx_slice prefix = subx_slice__of(key.data, key.len > 2 ? 2 : key.len);
    const subx_slice *const cursor = naive_random(seed, 3) == 0 ? &key : NULL;
    const subx_status status = subx_changes__remove_prefix(
        changes, trie, prefix, limit == 3 ? NULL : &limit, cursor, &removal, error);
    if (status == SUBX_OK) {
        note_bytes(log, removal.has_cursor, removal.cursor);
        subx_buf__append_u8(log, (uint8_t)removal.backend);
        subx_buf__append_u8(log, (uint8_t)removal.loops);
    }
    return status;
}

/* One random step of a block; what it answers goes to the log. */
static subx_status step(subx_changes *changes, uint64_t *seed, struct subx_buf *log,
                        subx_error *error)
{
    uint8_t room[40], bytes[60], root[32];
    const uint32_t place = naive_random(seed, 2 * CHILDREN);
    const struct subx_trie_id trie =
        place < CHILDREN ? subx_trie_id__child(text(child_names[place])) : SUBX_MAIN_TRIE;
    const subx_slice key = random_key(seed, room);
    const uint32_t kind = naive_random(seed, 14);
    memset(bytes, (int)kind + 1, sizeof bytes);
    subx_status status = SUBX_OK;
    if (kind < 4)
        return read_something(changes, trie, key, kind, log, error);
    if (kind < 7)
        return subx_changes__set(changes, trie, key,
                                 subx_slice__of(bytes, naive_random(seed, sizeof bytes)), error);
    if (kind < 10)
        return subx_changes__remove(changes, trie, key, error);
    if (kind == 10)
        return remove_something(changes, trie, key, seed, log, error);
    if (kind == 11)
        return subx_changes__append(changes, key, subx_slice__of(bytes, 1), error);
    if (kind == 12 && trie.is_child)
        status = subx_changes__child_root(changes, trie.child, 1, root, error);
    else if (kind == 12)
        status = subx_changes__root(changes, naive_random(seed, 2) == 0, root, error);
    else
        return subx_changes__start(changes, error);
    if (status == SUBX_OK)
        subx_buf__append(log, root, sizeof root);
    return status;
}

/* A random block, the same for the same seed: what it answers, and how it ends. */
static subx_status play(subx_changes *changes, uint64_t seed, struct subx_buf *log,
                        subx_error *error)
{
    uint8_t root[32];
    log->len = 0;
    subx_status status = subx_changes__see(changes, error);
    for (uint32_t i = naive_random(&seed, 25); i > 0 && status == SUBX_OK; i--) {
        status = step(changes, &seed, log, error);
        if (naive_random(&seed, 6) == 0)
            (void)(naive_random(&seed, 2) == 0 ? subx_changes__commit(changes)
                                               : subx_changes__rollback(changes));
    }
    while (status == SUBX_OK && subx_changes__commit(changes))
        ;
    if (status == SUBX_OK)
        status = subx_changes_root(changes, 1, root, error);
    if (status == SUBX_OK)
        subx_buf__append(log, root, sizeof root);
    return status == SUBX_OK && log->failed ? subx_error__nomem(error) : status;
}

static subx_status play_on(const subx_proof *proof, const uint8_t root[32],
                           subx_semantics semantics, uint64_t seed, struct subx_buf *log,
                           subx_proof **recorded)
{
    subx_state *const state = state_of(proof, root);
    subx_changes *const changes = begin_recording(state, semantics);
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = play(changes, seed, log, &error);
    if (status == SUBX_INCOMPLETE_PROOF) {
        assert_non_null(strstr(error.message, "incomplete proof: the "));
        assert_non_null(strstr(error.message, " is missing"));
    }
    if (recorded != NULL)
        ok(subx_changes_proof(changes, recorded, NULL, NULL));
    subx_changes_free(changes);
    subx_state_free(state);
    return status;
}

static void blocks_from_proofs(void **unused)
{
    (void)unused;
    uint64_t seed = 2;
    unsigned panics = 0, done = 0;
    for (unsigned round = 0; round < 150; round++) {
        const subx_semantics semantics = round % 2 == 0 ? SUBX_FAITHFUL : SUBX_CLEAN;
        struct world w;
        struct subx_buf log = SUBX_BUF_INIT, other_log = SUBX_BUF_INIT;
        subx_proof *proof = NULL, *again = NULL;
        uint8_t root[32];
        make_world(&w, &seed);
        const uint64_t script = seed;
        subx_changes *const changes = begin_recording(w.state, semantics);
        const subx_status status = play(changes, script, &log, NULL);
        assert_true(status == SUBX_OK || status == SUBX_ABORTED_DUE_TO_TRAP);
        panics += status != SUBX_OK;
        done += status == SUBX_OK;
        ok(subx_changes_proof(changes, &proof, root, NULL));
        assert_memory_equal(root, w.root, 32);
        /* the size leaves out the count in front */
        subx_bytes encoded = encode(proof);
        assert_in_range(encoded.len - subx_changes_proof_size(changes), 1, 2);
        subx_bytes_free(&encoded);
        subx_changes_free(changes);
        assert_int_equal(play_on(proof, root, semantics, script, &other_log, &again), status);
        assert_true(subx_slice__equal(subx_buf__slice(&log), subx_buf__slice(&other_log)));
        assert_same_proof(proof, again);
        if (subx_proof_count(proof) > 0)
            assert_survives(proof, root);
        for (size_t i = 0; i < subx_proof_count(proof) && w.main.count > 0; i++) {
            subx_proof *const less = without_item(proof, i);
            assert_int_equal(play_on(less, root, semantics, script, &other_log, NULL),
                             SUBX_INCOMPLETE_PROOF);
            subx_proof_free(less);
        }
        subx_proof_free(proof);
        subx_proof_free(again);
        subx_buf__free(&log);
        subx_buf__free(&other_log);
        free_world(&w);
    }
    assert_int_equal(panics, 0);
    assert_int_equal(done, 150);
}

/* Removals of absent keys that lose others, or make the reference panic (spec/host-api.md section 10,
 * fault 1), do so on a proof, too. */
static void faults_on_proofs(void **unused)
{
    (void)unused;
    static const struct {
        const char *keys[5]; /* each with itself as its value */
        const char *removed;
        subx_status outcome;
    } rows[] = {
        {{"a", "a\x10", "a\x20"}, "", SUBX_OK},
        {{"a", "a1"}, "", SUBX_ABORTED_DUE_TO_TRAP},
        {{"a\x10", "a\x10\x11", "a\x10\x22", "b"}, "a", SUBX_OK},
        {{"a\x10", "a\x10\x11", "b"}, "a", SUBX_ABORTED_DUE_TO_TRAP},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        subx_state *const state = empty_state();
        subx_changes *changes = begin(state, SUBX_CLEAN);
        for (size_t i = 0; rows[row].keys[i] != NULL; i++)
            set(changes, NULL, rows[row].keys[i], rows[row].keys[i]);
        uint8_t root[32], expected[32] = {0}, computed[32] = {0};
        commit(changes, 1, root);
        subx_changes_free(changes);
        subx_proof *proof = NULL;
        changes = begin_recording(state, SUBX_FAITHFUL);
        clear(changes, NULL, rows[row].removed);
        assert_int_equal(subx_changes_root(changes, 1, expected, NULL), rows[row].outcome);
        ok(subx_changes_proof(changes, &proof, NULL, NULL));
        subx_changes_free(changes);
        subx_state *const partial = state_of(proof, root);
        changes = begin(partial, SUBX_FAITHFUL);
        clear(changes, NULL, rows[row].removed);
        assert_int_equal(subx_changes_root(changes, 1, computed, NULL), rows[row].outcome);
        assert_memory_equal(computed, expected, 32);
        subx_changes_free(changes);
        subx_state_free(partial);
        subx_state_free(state);
        subx_proof_free(proof);
    }
}

/* What ext_storage_proof_size_storage_proof_size_version_1 answers. */
static uint64_t told_size(subx_changes *changes)
{
    struct subx_call call = {.changes = changes};
    uint64_t size = 0;
    assert_true(subx_host_storage_proof_size__storage_proof_size(&call, &size));
    return size;
}

static void size_is_told(void **unused)
{
    (void)unused;
    subx_state *const state = empty_state();
    subx_changes *const plain = begin(state, SUBX_FAITHFUL);
    set(plain, NULL, "a", long_value);
    assert_true(told_size(NULL) == UINT64_MAX);
    assert_true(told_size(plain) == UINT64_MAX);
    commit(plain, 1, NULL);
    subx_changes *const changes = begin_recording(state, SUBX_FAITHFUL);
    assert_int_equal(told_size(changes), 0);
    assert_seen(changes, NULL, "b", NULL);
    /* a leaf: header, one byte of key, hash; its length in front */
    assert_int_equal(told_size(changes), 1 + 1 + 1 + 32);
    assert_seen(changes, NULL, "a", long_value);
    assert_int_equal(told_size(changes), 1 + 1 + 1 + 32 + 1 + strlen(long_value));
    set(changes, NULL, "a", "written, not read");
    assert_seen(changes, NULL, "a", "written, not read");
    assert_int_equal(told_size(changes), 1 + 1 + 1 + 32 + 1 + strlen(long_value));
    subx_changes_free(plain);
    subx_changes_free(changes);
    subx_state_free(state);
}

/* The proof of one block on another after it: commits work on a proof's state, too. */
static void commits_on_proofs(void **unused)
{
    (void)unused;
    const subx_slice child = text("c"), gone = text("gone");
    subx_state *const state = empty_state();
    subx_changes *changes = begin(state, SUBX_FAITHFUL);
    set(changes, NULL, "a", long_value);
    set(changes, NULL, "b", "2");
    set(changes, &child, "k1", long_value);
    set(changes, &child, "k2", "x");
    set(changes, &gone, "k", "y");
    commit(changes, 1, NULL);
    subx_changes_free(changes);
    subx_proof *proof = NULL, *second = NULL;
    uint8_t root[32], first_root[32], next_root[32];
    changes = begin_recording(state, SUBX_FAITHFUL);
    set(changes, NULL, "a", "new");
    set(changes, &child, "k1", "new");
    clear(changes, &gone, "k");
    ok(subx_changes_root(changes, 1, next_root, NULL));
    ok(subx_changes_proof(changes, &proof, root, NULL));
    ok(subx_changes_commit(changes, 1, first_root, NULL));
    assert_memory_equal(first_root, next_root, 32);
    /* the recording begins anew, over the new state */
    assert_int_equal(subx_changes_proof_size(changes), 0);
    assert_seen(changes, NULL, "b", "2");
    ok(subx_changes_proof(changes, &second, next_root, NULL));
    assert_memory_equal(first_root, next_root, 32);
    assert_true(subx_proof_count(second) > 0);
    subx_proof_free(second);
    subx_changes_free(changes);

    subx_state *const partial = state_of(proof, root);
    subx_changes *const on_proof = begin(partial, SUBX_FAITHFUL);
    set(on_proof, NULL, "a", "new");
    set(on_proof, &child, "k1", "new");
    clear(on_proof, &gone, "k");
    ok(subx_changes_commit(on_proof, 1, next_root, NULL));
    assert_memory_equal(first_root, next_root, 32);
    assert_state(partial, NULL, "a", "new");
    assert_state(partial, &child, "k1", "new");
    assert_state(partial, &gone, "k", NULL);
    /* the second block, on both */
    uint8_t roots[2][32];
    subx_changes *const on_state = begin(state, SUBX_FAITHFUL);
    subx_changes *const both[] = {on_state, on_proof};
    for (size_t i = 0; i < 2; i++) {
        set(both[i], &child, "k1", long_value);
        set(both[i], &gone, "k", "again");
        ok(subx_changes_commit(both[i], 1, roots[i], NULL));
    }
    assert_memory_equal(roots[0], roots[1], 32);
    subx_changes_free(on_state);
    subx_changes_free(on_proof);
    subx_state_free(partial);
    subx_state_free(state);
    subx_proof_free(proof);
}

/* ---- Failures ---- */

/* All that proofs can do, once. */
static subx_status whole_tour(const struct world *w, uint64_t script, subx_error *error)
{
    const subx_slice child = text(child_names[0]), keys[] = {text("a"), SUBX_EMPTY};
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    subx_changes *changes = NULL, *on_proof = NULL;
    subx_proof *proof = NULL, *decoded = NULL, *again = NULL, *proven = NULL;
    subx_bytes bytes = SUBX_BYTES_INIT, compact = SUBX_BYTES_INIT, value = SUBX_BYTES_INIT;
    subx_state *state = NULL;
    struct subx_buf log = SUBX_BUF_INIT, other_log = SUBX_BUF_INIT;
    uint8_t root[32];
    bool found = false;
    options.records_proof = true;
    subx_status status = subx_changes_new(w->state, &options, &changes, error);
    if (status == SUBX_OK)
        status = play(changes, script, &log, error);
    if (status == SUBX_OK)
        status = subx_changes_proof(changes, &proof, root, error);
    if (status == SUBX_OK)
        status = subx_proof_encode(proof, &bytes, error);
    if (status == SUBX_OK)
        status = subx_proof_decode(slice_of(&bytes), &decoded, error);
    if (status == SUBX_OK)
        status = subx_proof_encode_compact(decoded, root, &compact, error);
    if (status == SUBX_OK)
        status = subx_proof_decode_compact(slice_of(&compact), root, &again, NULL, error);
    if (status == SUBX_OK)
        status = subx_state_from_proof(again, root, &state, error);
    if (status == SUBX_OK)
        status = subx_changes_new(state, &options, &on_proof, error);
    if (status == SUBX_OK)
        status = play(on_proof, script, &other_log, error);
    if (status == SUBX_OK)
        status = subx_proof_new(&proven, error);
    if (status == SUBX_OK)
        status = subx_state_prove(w->state, &child, keys, 2, proven, NULL, error);
    if (status == SUBX_OK)
        status = subx_proof_verify(proven, w->root, &child, keys[0], &found, &value, error);
    if (status == SUBX_OK) {
        assert_false(log.failed || other_log.failed);
        assert_true(subx_slice__equal(subx_buf__slice(&log), subx_buf__slice(&other_log)));
    }
    subx_changes_free(changes);
    subx_changes_free(on_proof);
    subx_state_free(state);
    subx_proof *const proofs[] = {proof, decoded, again, proven};
    for (size_t i = 0; i < 4; i++)
        subx_proof_free(proofs[i]);
    subx_bytes_free(&bytes);
    subx_bytes_free(&compact);
    subx_bytes_free(&value);
    subx_buf__free(&log);
    subx_buf__free(&other_log);
    return status;
}

/* A world with children, and a block on it that does much and does not panic. */
static uint64_t make_busy_world(struct world *w, uint64_t *seed)
{
    for (;;) {
        struct subx_buf log = SUBX_BUF_INIT;
        make_world(w, seed);
        subx_changes *const changes = begin_recording(w->state, SUBX_FAITHFUL);
        const uint64_t script = *seed;
        const bool good = w->main.count > 15 && w->children[0].count > 2 &&
                          play(changes, script, &log, NULL) == SUBX_OK &&
                          subx_changes_proof_size(changes) > 500 && log.len > 100;
        subx_changes_free(changes);
        subx_buf__free(&log);
        if (good)
            return script;
        free_world(w);
    }
}

static void allocations_fail(void **unused)
{
    (void)unused;
    uint64_t seed = 9;
    unsigned failures = 0;
    for (unsigned round = 0; round < 4; round++) {
        struct world w;
        const uint64_t script = make_busy_world(&w, &seed);
        for (int64_t n = 0;; n++) {
            subx_error error = SUBX_ERROR_INIT;
            (void)subx_mem__fail_after(n);
            const subx_status status = whole_tour(&w, script, &error);
            if (subx_mem__fail_after(-1) <= (uint64_t)n) {
                assert_int_equal(status, SUBX_OK);
                break;
            }
            /* a few are not missed */
            assert_true(status == SUBX_OK || status == SUBX_NOMEM);
            assert_int_equal(error.status, status);
            failures += status != SUBX_OK;
        }
        free_world(&w);
    }
#ifdef SUBX_CHECKED
    assert_true(failures > 500);
#else
    assert_int_equal(failures, 0);
#endif
}

static void back_end_fails(void **unused)
{
    (void)unused;
    const subx_slice child = text(child_names[0]);
    struct wrapped *wrapper = NULL;
    struct world w = {.state = wrapped_memory_state(&wrapper)};
    subx_changes *const changes = begin(w.state, SUBX_FAITHFUL);
    for (char name[] = "a"; name[0] < 'q'; name[0]++) {
        set(changes, NULL, name, long_value);
        set(changes, &child, name, "x");
    }
    commit(changes, 1, w.root);
    subx_changes_free(changes);
    unsigned failures = 0;
    for (long n = 0;; n++) {
        subx_error error = SUBX_ERROR_INIT;
        wrapper->countdown = n;
        const subx_status status = whole_tour(&w, 12, &error);
        wrapper->countdown = -1;
        assert_int_equal(wrapper->open_handles, 0);
        if (status == SUBX_OK)
            break;
        assert_int_equal(status, SUBX_IO);
        assert_string_equal(error.message, WRAPPED_FAILURE);
        failures++;
    }
    assert_true(failures > 10);
    subx_state_free(w.state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_from_proofs), cmocka_unit_test(faults_on_proofs),
        cmocka_unit_test(size_is_told),       cmocka_unit_test(commits_on_proofs),
        cmocka_unit_test(allocations_fail),   cmocka_unit_test(back_end_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
