/* A database's state, copied into memory. */
#include "state_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "state_walk.h"

/* The pairs of one trie; keys and values are its own. */
struct copied_trie {
    bool is_child;
    subx_slice child;
    subx_pair *pairs;
    size_t count, capacity;
};

struct copying {
    struct state_view view;
    struct copied_trie *tries; /* the main trie is the first */
    size_t count, capacity;
};

/* Make room for one more of `count` items of this size. */
static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? 64 : 2 * *capacity;
    void *const more = output_memory(*capacity, size);
    if (count > 0)
        memcpy(more, items, count * size);
    free(items);
    return more;
}

static subx_slice keep(subx_slice bytes)
{
    uint8_t *const kept = output_memory(bytes.len, 1);
    if (bytes.len > 0)
        memcpy(kept, bytes.data, bytes.len);
    return (subx_slice){kept, bytes.len};
}

static subx_status copy_trie(struct copying *copying, size_t number, subx_error *error)
{
    struct copied_trie trie = copying->tries[number];
    struct state_walk walk = {.view = copying->view, .child = trie.is_child ? &trie.child : NULL};
    bool more = false;
    subx_status status = state_walk_next(&walk, &more, error);
    while (status == SUBX_OK && more) {
        struct file_bytes value = {NULL, 0};
        bool found = false;
        status = state_view_get(walk.view, walk.child, walk.key, &found, &value, error);
        if (status != SUBX_OK)
            break;
        trie.pairs = grow(trie.pairs, trie.count, &trie.capacity, sizeof *trie.pairs);
        trie.pairs[trie.count++] = (subx_pair){keep(walk.key), {value.data, value.len}};
        if (!trie.is_child && state_is_child_root(walk.key)) {
            const subx_slice name = keep(state_child_name(walk.key));
            copying->tries =
                grow(copying->tries, copying->count, &copying->capacity, sizeof *copying->tries);
            copying->tries[copying->count++] =
                (struct copied_trie){.is_child = true, .child = name};
        }
        status = state_walk_next(&walk, &more, error);
    }
    copying->tries[number] = trie;
    state_walk_close(&walk);
    return status;
}

static subx_status copy_tries(struct copying *copying, subx_error *error)
{
    copying->tries = grow(NULL, 0, &copying->capacity, sizeof *copying->tries);
    copying->tries[copying->count++] = (struct copied_trie){.is_child = false};
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < copying->count && status == SUBX_OK; i++)
        status = copy_trie(copying, i, error);
    return status;
}

static void free_tries(struct copying *copying)
{
    for (size_t i = 0; i < copying->count; i++) {
        struct copied_trie *const trie = &copying->tries[i];
        for (size_t k = 0; k < trie->count; k++) {
            free((void *)(uintptr_t)trie->pairs[k].key.data);
            free((void *)(uintptr_t)trie->pairs[k].value.data);
        }
        free(trie->pairs);
        free((void *)(uintptr_t)trie->child.data);
    }
    free(copying->tries);
}

static subx_status import(const struct copying *copying, uint8_t state_version, subx_state *state,
                          subx_error *error)
{
    subx_trie_pairs *const tries = output_memory(copying->count, sizeof *tries);
    for (size_t i = 0; i < copying->count; i++) {
        const struct copied_trie *const trie = &copying->tries[i];
        tries[i] =
            (subx_trie_pairs){trie->is_child ? &trie->child : NULL, trie->pairs, trie->count};
    }
    const subx_status status =
        subx_state_import(state, tries, copying->count, state_version, error);
    free(tries);
    return status;
}

static subx_status check_root(const char *path, subx_state *from, subx_state *copy,
                              subx_error *error)
{
    uint8_t expected[32], found[32];
    subx_status status = subx_state_root(from, expected, error);
    if (status == SUBX_OK)
        status = subx_state_root(copy, found, error);
    if (status != SUBX_OK || memcmp(expected, found, sizeof found) == 0)
        return status;
    snprintf(
        error->message, sizeof error->message,
        "%s: the values of this state have both forms, inline and hashed, which a copy in memory "
        "does not keep",
        path);
    return error->status = SUBX_UNSUPPORTED;
}

static subx_status copy_state(const char *path, uint8_t state_version, subx_state *from,
                              subx_state *copy, subx_error *error)
{
    struct copying copying = {.view = {from, NULL}};
    subx_status status = subx_changes_new(from, NULL, &copying.view.snapshot, error);
    if (status == SUBX_OK && state_version == SUBX_STATE_VERSION_OF_CODE)
        status = subx_state_code_version(from, &state_version, error);
    if (status == SUBX_OK)
        status = copy_tries(&copying, error);
    if (status == SUBX_OK)
        status = import(&copying, state_version, copy, error);
    if (status == SUBX_OK)
        status = check_root(path, from, copy, error);
    subx_changes_free(copying.view.snapshot);
    free_tries(&copying);
    return status;
}

subx_status state_copy_database(const char *path, uint8_t state_version, subx_state **out,
                                bool *known, subx_block_id *head, subx_error *error)
{
    subx_database_options options = SUBX_DATABASE_OPTIONS_INIT;
    subx_state *from = NULL;
    options.read_only = true;
    subx_status status = subx_state_open(path, &options, &from, error);
    if (status == SUBX_OK)
        status = subx_state_new_memory(out, error);
    if (status == SUBX_OK)
        status = copy_state(path, state_version, from, *out, error);
    if (status == SUBX_OK)
        status = subx_state_head(from, known, head, error);
    subx_state_free(from);
    return status;
}
