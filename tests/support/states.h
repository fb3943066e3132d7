/* States and changes in cmocka tests: what must work, and what must be there. */
#ifndef SUBX_TESTS_STATES_H
#define SUBX_TESTS_STATES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <subexec/state.h>

#include "naive_trie.h"
#include "storage/changes.h"
#include "storage/state.h"

/* Longer than a hash. */
static const char long_value[] = "a value that has more than thirty-three bytes";

static inline subx_slice text(const char *string)
{
    return subx_slice__text(string);
}

static inline void ok(subx_status status)
{
    assert_int_equal(status, SUBX_OK);
}

static inline subx_state *empty_state(void)
{
    subx_state *state = NULL;
    ok(subx_state_new_memory(&state, NULL));
    return state;
}

static inline subx_changes *begin(subx_state *state, subx_semantics semantics)
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    subx_changes *changes = NULL;
    options.semantics = semantics;
    ok(subx_changes_new(state, &options, &changes, NULL));
    return changes;
}

static inline void set(subx_changes *changes, const subx_slice *child, const char *key,
                       const char *value)
{
    const subx_slice bytes = text(value);
    ok(subx_changes_set(changes, child, text(key), &bytes, NULL));
}

static inline void clear(subx_changes *changes, const subx_slice *child, const char *key)
{
    ok(subx_changes_set(changes, child, text(key), NULL, NULL));
}

/* Commit, and be ready for the functions of the inside again. */
static inline void commit(subx_changes *changes, uint8_t version, uint8_t *root)
{
    ok(subx_changes_commit(changes, version, root, NULL));
    ok(subx_changes__see(changes, NULL));
}

/* Value of a key in the state; NULL: it has none. */
static inline void assert_state(subx_state *state, const subx_slice *child, const char *key,
                                const char *value)
{
    bool found = false;
    subx_bytes got = SUBX_BYTES_INIT;
    ok(subx_state_get(state, child, text(key), &found, &got, NULL));
    assert_int_equal(found, value != NULL);
    if (value != NULL)
        assert_true(subx_slice__equal((subx_slice){got.data, got.len}, text(value)));
    subx_bytes_free(&got);
}

static inline void assert_seen(subx_changes *changes, const subx_slice *child, const char *key,
                               const char *value)
{
    bool found = false;
    subx_slice got = SUBX_EMPTY;
    ok(subx_changes_get(changes, child, text(key), &found, &got, NULL));
    assert_int_equal(found, value != NULL);
    if (value != NULL)
        assert_true(subx_slice__equal(got, text(value)));
}

static inline void assert_root(const uint8_t root[32], const struct naive_trie *expected)
{
    uint8_t computed[32];
    naive_trie_root(expected, &subx_trie_blake2b, computed);
    assert_memory_equal(root, computed, 32);
}

static inline void assert_state_root(subx_state *state, const struct naive_trie *expected)
{
    uint8_t root[32];
    ok(subx_state_root(state, root, NULL));
    assert_root(root, expected);
}

#endif
