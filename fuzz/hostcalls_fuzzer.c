/*
 * Storage host calls from any bytes, with nested transactions, child tries and blocks one after the
 * other, against the model of tests/support/storage_model.h: each answer, each root and, after each
 * call, every key must be what the model has.
 *
 * The first byte: bit 0, clean instead of faithful. Then operations: a byte that says which, and
 * operands as the functions that read them say. Where bytes are missing there are zeros.
 */
#include <stdlib.h>

#include "storage_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* More make an input slow, not better. */
#define MAX_OPERATIONS 300
#define LONGEST_KEY 4200

struct pair {
    const uint8_t *data;
    size_t left;
    struct model model;
    subx_state *state;
    subx_changes *changes;
};

struct bytes {
    uint8_t room[LONGEST_KEY];
    size_t len;
};

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void demand_same(subx_slice got, subx_slice expected)
{
    demand(got.len == expected.len);
    demand(got.len == 0 || memcmp(got.data, expected.data, got.len) == 0);
}

static subx_slice slice_of(const struct bytes *bytes)
{
    return (subx_slice){bytes->room, bytes->len};
}

/* ---- Operands ---- */

static uint8_t next_byte(struct pair *pair)
{
    if (pair->left == 0)
        return 0;
    pair->left--;
    return *pair->data++;
}

static void take(struct pair *pair, struct bytes *out, size_t len)
{
    out->len = len;
    for (size_t i = 0; i < len; i++)
        out->room[i] = next_byte(pair);
}

/* The key of a child's root, which only an append can change. */
static void take_root_key(size_t child, struct bytes *out)
{
    const subx_slice prefix = subx_slice__text(":child_storage:default:");
    const subx_slice name = model_child_name(1 + child % MODEL_CHILDREN);
    memcpy(out->room, prefix.data, prefix.len);
    memcpy(out->room + prefix.len, name.data, name.len);
    out->len = prefix.len + name.len;
}

/* Its length and bytes; 0xf0 to 0xfe: the key of a child's root; 0xff: a long one, made of its first
 * byte, and one byte more. */
static void take_key(struct pair *pair, struct bytes *out)
{
    const uint8_t len = next_byte(pair);
    if (len < 0xf0) {
        take(pair, out, len % 8u);
    } else if (len < 0xff) {
        take_root_key(len - 0xf0u, out);
    } else {
        const uint8_t fill = next_byte(pair);
        out->len = (size_t)512 << fill % 4;
        memset(out->room, fill, out->len);
        out->room[out->len++] = next_byte(pair);
    }
}

/* Its length; up to 8 its bytes, else one byte of which it is made. */
static void take_value(struct pair *pair, struct bytes *out)
{
    const size_t len = next_byte(pair) % 70u;
    if (len <= 8) {
        take(pair, out, len);
        return;
    }
    out->len = len;
    memset(out->room, next_byte(pair), len);
}

/* The main trie as often as a child. */
static size_t take_trie(struct pair *pair)
{
    const uint8_t number = next_byte(pair);
    return number < 128 ? 0 : number % (unsigned)MODEL_TRIES;
}

static size_t take_child(struct pair *pair)
{
    return 1 + next_byte(pair) % (unsigned)MODEL_CHILDREN;
}

/* ---- Operations: both sides, one after the other ---- */

static void check_get(struct pair *pair, size_t trie, subx_slice key)
{
    bool found = false, expected_found = false;
    subx_slice value = SUBX_EMPTY, expected = SUBX_EMPTY;
    const subx_status status =
        subx_changes__get(pair->changes, model_trie_id(trie), key, &found, &value, NULL);
    demand(status == model_get(&pair->model, trie, key, &expected_found, &expected));
    if (status != SUBX_OK)
        return;
    demand(found == expected_found);
    if (found)
        demand_same(value, expected);
}

/* Gives the key of the model, which stays until the model changes; false: there is none. */
static bool check_next(struct pair *pair, size_t trie, subx_slice key, subx_slice *after)
{
    bool found = false, expected_found = false;
    subx_slice next = SUBX_EMPTY;
    const subx_status status =
        subx_changes__next_key(pair->changes, model_trie_id(trie), key, &found, &next, NULL);
    demand(status == model_next_key(&pair->model, trie, key, &expected_found, after));
    if (status != SUBX_OK)
        return false;
    demand(found == expected_found);
    if (found)
        demand_same(next, *after);
    return found;
}

static void get(struct pair *pair)
{
    struct bytes key;
    const size_t trie = take_trie(pair);
    take_key(pair, &key);
    check_get(pair, trie, slice_of(&key));
}

static void next_key(struct pair *pair)
{
    struct bytes key;
    subx_slice after = SUBX_EMPTY;
    const size_t trie = take_trie(pair);
    take_key(pair, &key);
    check_next(pair, trie, slice_of(&key), &after);
}

static void set(struct pair *pair)
{
    struct bytes key, value;
    const size_t trie = take_trie(pair);
    take_key(pair, &key);
    take_value(pair, &value);
    model_set(&pair->model, trie, slice_of(&key), slice_of(&value));
    demand(subx_changes__set(pair->changes, model_trie_id(trie), slice_of(&key), slice_of(&value),
                             NULL) == SUBX_OK);
}

static void clear(struct pair *pair)
{
    struct bytes key;
    const size_t trie = take_trie(pair);
    take_key(pair, &key);
    model_remove(&pair->model, trie, slice_of(&key));
    demand(subx_changes__remove(pair->changes, model_trie_id(trie), slice_of(&key), NULL) ==
           SUBX_OK);
}

static void append(struct pair *pair)
{
    struct bytes key, element;
    take_key(pair, &key);
    take_value(pair, &element);
    model_append(&pair->model, slice_of(&key), slice_of(&element));
    demand(subx_changes__append(pair->changes, slice_of(&key), slice_of(&element), NULL) ==
           SUBX_OK);
}

/* A byte: bit 0, there is a limit, bits 2 to 7; bit 1, there is a cursor. */
static void remove_under(struct pair *pair, size_t trie, subx_slice prefix)
{
    struct bytes cursor;
    struct subx_removal removal, expected;
    const uint8_t how = next_byte(pair);
    const uint32_t limit = how >> 2;
    const bool is_limited = (how & 1) != 0, has_cursor = (how & 2) != 0;
    if (has_cursor)
        take_key(pair, &cursor);
    else
        cursor.len = 0;
    const subx_slice begin = slice_of(&cursor);
    const subx_status status = subx_changes__remove_prefix(
        pair->changes, model_trie_id(trie), prefix, is_limited ? &limit : NULL,
        has_cursor ? &begin : NULL, &removal, NULL);
    demand(status == model_remove_prefix(&pair->model, trie, prefix, is_limited ? &limit : NULL,
                                         has_cursor ? &begin : NULL, &expected));
    if (status != SUBX_OK)
        return;
    demand(removal.has_cursor == expected.has_cursor && removal.backend == expected.backend);
    demand(removal.unique == expected.unique && removal.loops == expected.loops);
    demand_same(removal.cursor, expected.cursor);
}

static void remove_prefix(struct pair *pair)
{
    struct bytes prefix;
    const size_t trie = take_trie(pair);
    take_key(pair, &prefix);
    remove_under(pair, trie, slice_of(&prefix));
}

static void kill_child(struct pair *pair)
{
    remove_under(pair, take_child(pair), SUBX_EMPTY);
}

static void index_key(struct pair *pair)
{
    struct bytes key, value;
    take_key(pair, &key);
    take_value(pair, &value);
    const subx_slice content = slice_of(&value);
    model_index(&pair->model, slice_of(&key), value.len > 0 ? &content : NULL);
    demand((value.len > 0
                ? subx_changes__index_set(pair->changes, slice_of(&key), content, NULL)
                : subx_changes__index_clear(pair->changes, slice_of(&key), NULL)) == SUBX_OK);
}

static void root(struct pair *pair)
{
    uint8_t got[32], expected[32];
    const uint8_t version = next_byte(pair) & 1;
    const subx_status status = subx_changes__root(pair->changes, version, got, NULL);
    demand(status == model_root(&pair->model, version, expected));
    demand(status != SUBX_OK || memcmp(got, expected, sizeof got) == 0);
}

static void child_root(struct pair *pair)
{
    uint8_t got[32], expected[32];
    const size_t child = take_child(pair);
    const uint8_t version = next_byte(pair) & 1;
    const subx_status status =
        subx_changes__child_root(pair->changes, model_child_name(child), version, got, NULL);
    demand(status == model_child_root(&pair->model, child, version, expected));
    demand(status != SUBX_OK || memcmp(got, expected, sizeof got) == 0);
}

static void start(struct pair *pair)
{
    if (pair->model.depth + 1 == MODEL_DEPTH)
        return;
    model_start(&pair->model);
    demand(subx_changes__start(pair->changes, NULL) == SUBX_OK);
}

static void commit(struct pair *pair)
{
    demand(subx_changes__commit(pair->changes) == model_commit(&pair->model));
}

static void roll_back(struct pair *pair)
{
    demand(subx_changes__rollback(pair->changes) == model_rollback(&pair->model));
}

/* ---- Calls and blocks ---- */

static subx_status check_index(void *data, const subx_change_info *change)
{
    const struct pair *const pair = data;
    subx_slice value = SUBX_EMPTY;
    if (change->kind != SUBX_CHANGE_OFFCHAIN_INDEX)
        return SUBX_OK;
    const enum subx_overlay_answer expected = model_indexed(&pair->model, change->key, &value);
    demand(expected == (change->removed ? SUBX_OVERLAY_REMOVED : SUBX_OVERLAY_VALUE));
    demand_same(change->value, change->removed ? SUBX_EMPTY : value);
    return SUBX_OK;
}

static void check_all(struct pair *pair)
{
    for (size_t trie = 0; trie < MODEL_TRIES; trie++) {
        subx_slice key = SUBX_EMPTY;
        do
            check_get(pair, trie, key);
        while (check_next(pair, trie, key, &key));
    }
    demand(subx_changes_list(pair->changes, check_index, pair) == SUBX_OK);
}

static void begin_call(struct pair *pair)
{
    model_begin_call(&pair->model);
    demand(subx_changes__begin_call(pair->changes, NULL) == SUBX_OK);
}

static void end_call(struct pair *pair)
{
    check_all(pair);
    model_end_call(&pair->model);
    subx_changes__end_call(pair->changes);
    demand(pair->changes->overlay.depth == pair->model.depth);
}

/* A byte: a transaction around the calls that follow begins (1), is kept (2) or undone (3). */
static void another_call(struct pair *pair)
{
    end_call(pair);
    const unsigned around = next_byte(pair) % 4u;
    if (around == 1)
        start(pair);
    else if (around == 2)
        demand((subx_changes_keep(pair->changes, NULL) == SUBX_OK) == model_commit(&pair->model));
    else if (around == 3)
        demand((subx_changes_undo(pair->changes, NULL) == SUBX_OK) == model_rollback(&pair->model));
    begin_call(pair);
}

static void new_changes(struct pair *pair)
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    options.semantics = pair->model.is_faithful ? SUBX_FAITHFUL : SUBX_CLEAN;
    subx_changes_free(pair->changes);
    demand(subx_changes_new(pair->state, &options, &pair->changes, NULL) == SUBX_OK);
}

/* A byte: the state version. What cannot be committed is dropped. */
static void commit_block(struct pair *pair)
{
    uint8_t got[32], expected[32];
    const uint8_t version = next_byte(pair) & 1;
    end_call(pair);
    while (model_commit(&pair->model))
        demand(subx_changes_keep(pair->changes, NULL) == SUBX_OK);
    const subx_status status = subx_changes_commit(pair->changes, version, got, NULL);
    demand(status == model_commit_block(&pair->model, version, expected));
    if (status == SUBX_OK) {
        demand(memcmp(got, expected, sizeof got) == 0);
        demand(subx_state_root(pair->state, got, NULL) == SUBX_OK);
        demand(memcmp(got, expected, sizeof got) == 0);
    } else {
        model_drop_changes(&pair->model);
        new_changes(pair);
    }
    begin_call(pair);
}

static void perform(struct pair *pair)
{
    static void (*const operations[])(struct pair *) = {
        set,  clear,      get,   next_key, append,    remove_prefix, kill_child,   index_key,
        root, child_root, start, commit,   roll_back, another_call,  commit_block,
    };
    operations[next_byte(pair) % (sizeof operations / sizeof operations[0])](pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pair pair = {.data = data, .left = size};
    pair.model.is_faithful = (next_byte(&pair) & 1) == 0;
    demand(subx_state_new_memory(&pair.state, NULL) == SUBX_OK);
    new_changes(&pair);
    begin_call(&pair);
    for (unsigned i = 0; i < MAX_OPERATIONS && pair.left > 0; i++)
        perform(&pair);
    commit_block(&pair);
    end_call(&pair);
    subx_changes_free(pair.changes);
    subx_state_free(pair.state);
    model_free(&pair.model);
    return 0;
}
