/*
 * A guest whose calls see a state, over a back end that counts and can fail: for cmocka tests of
 * the host functions of storage.
 */
#ifndef SUBX_TESTS_STORAGE_WORLD_H
#define SUBX_TESTS_STORAGE_WORLD_H

#include "guest_memory.h"
#include "storage/changes.h"
#include "wrapped_backend.h"

/* A guest, and a state that its calls see. */
struct world {
    struct laid_out at;
    struct wrapped *wrapper;
    subx_state *state;
    subx_changes *changes;
};

/* 40 bytes. */
static const char value[] = "more than thirty-two bytes, which a hash";

/* Keys of the main trie and of child "c": k1, k2, k3, each with that value. */
static inline void begin(struct world *w)
{
    const subx_slice child = subx_slice__text("c");
    const subx_pair pairs[] = {{subx_slice__text("k1"), subx_slice__text(value)},
                               {subx_slice__text("k2"), subx_slice__text(value)},
                               {subx_slice__text("k3"), subx_slice__text(value)}};
    const subx_trie_pairs tries[] = {{NULL, pairs, 3}, {&child, pairs, 3}};
    w->state = wrapped_memory_state(&w->wrapper);
    assert_int_equal(subx_state_import(w->state, tries, 2, 1, NULL), SUBX_OK);
    assert_int_equal(subx_changes_new(w->state, NULL, &w->changes, NULL), SUBX_OK);
    assert_int_equal(subx_changes__begin_call(w->changes, NULL), SUBX_OK);
    lay_out(&w->at);
    w->at.guest.call.changes = w->changes;
}

static inline void end(struct world *w)
{
    lay_out_end(&w->at);
    subx_changes__end_call(w->changes);
    subx_changes_free(w->changes);
    assert_int_equal(w->wrapper->open_handles, 0);
    subx_state_free(w->state);
}

#define S(name) "ext_storage_" name
#define C(name) "ext_default_child_storage_" name
/* Arguments: text, hex, and calls in a world `w`. */
#define T(string) put_text(&w->at, string)
#define H(hex) put_hex(&w->at, hex)
#define DO(...) CALL(&w->at, __VA_ARGS__)
#define GIVES(hex, ...) assert_result(&w->at, DO(__VA_ARGS__), hex)
#define ANSWERS(number, ...) assert_true(DO(__VA_ARGS__).u64 == (number))
#define FAILS(...) CALL_FAILS(&w->at, __VA_ARGS__)

/* What was laid out is not needed any more. */
static inline void start_over(struct world *w)
{
    w->at.next = 16;
}

#endif
