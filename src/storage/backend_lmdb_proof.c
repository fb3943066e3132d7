/* Recording what is read of a state in a database; see backend_lmdb_proof.h. */
#include "storage/backend_lmdb_proof.h"

#include "util/mem.h"

static void free_load(struct subx_lmdb_load *load)
{
    if (load != NULL)
        subx_lmdb_load__free(load);
    subx_mem__free(load);
}

void subx_lmdb_recording__free(struct subx_lmdb_recording *recording)
{
    for (size_t i = 0; i < recording->count; i++)
        free_load(recording->loads[i]);
    subx_mem__free(recording->loads);
    *recording = (struct subx_lmdb_recording){.recorder = NULL};
}

static bool has_room(struct subx_lmdb_recording *recording)
{
    if (recording->count < recording->capacity)
        return true;
    const size_t capacity = recording->capacity + recording->capacity / 2 + 4;
    struct subx_lmdb_load **const loads =
        subx_mem__realloc(recording->loads, capacity, sizeof *loads);
    if (loads == NULL)
        return false;
    recording->loads = loads;
    recording->capacity = capacity;
    return true;
}

/* What has been read of a trie that exists. */
static subx_status load_of(struct subx_lmdb_recording *recording,
                           struct subx_lmdb_snapshot *snapshot, const struct subx_lmdb_trie *trie,
                           struct subx_lmdb_load **out, subx_error *error)
{
    size_t low = 0;
    for (size_t high = recording->count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (recording->loads[middle]->number < trie->number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < recording->count && recording->loads[low]->number == trie->number) {
        *out = recording->loads[low];
        return SUBX_OK;
    }
    struct subx_lmdb_load *const load = subx_mem__alloc(sizeof *load);
    if (load == NULL || !has_room(recording)) {
        subx_mem__free(load);
        return subx_error__nomem(error);
    }
    const subx_status status =
        subx_lmdb_load__init(load, snapshot, trie, trie->number, &recording->work, error);
    if (status != SUBX_OK) {
        free_load(load);
        return status;
    }
    memmove(recording->loads + low + 1, recording->loads + low,
            (recording->count - low) * sizeof *recording->loads);
    recording->loads[low] = *out = load;
    recording->count++;
    return SUBX_OK;
}

subx_status subx_lmdb_recording__key(struct subx_lmdb_recording *recording,
                                     struct subx_lmdb_snapshot *snapshot,
                                     const struct subx_lmdb_trie *trie, bool is_child,
                                     subx_slice key, const subx_slice *value, subx_error *error)
{
    struct subx_lmdb_load *load = NULL;
    struct subx_lmdb_place place;
    struct subx_tree_entry entry = {.found = false};
    if (recording->recorder == NULL || (is_child && !trie->exists))
        return SUBX_OK;
    if (!trie->exists)
        return subx_tree__record_empty(recording->recorder, error);
    subx_status status = load_of(recording, snapshot, trie, &load, error);
    if (status == SUBX_OK)
        status = subx_lmdb_load__locate(load, key, &place, error);
    if (status == SUBX_OK)
        status = subx_tree__probe(&load->tree, key, recording->recorder, &entry, error);
    if (status == SUBX_OK && entry.hashed && value != NULL)
        status = subx_proof__add_hashed(recording->recorder, entry.hash, *value, error);
    return status;
}
