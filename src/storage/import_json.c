/* Entries of JSON, collected and imported at once. */
#include "storage/import_json.h"

#include "codec/state_json.h"
#include "storage/import.h"
#include "util/error.h"
#include "util/mem.h"

/* A key and a value, one behind the other in the bytes. */
struct entry {
    size_t at, key_len, value_len;
};

/* Entries of one trie, up to the next group. */
struct group {
    bool is_child;
    size_t at, len; /* the child's name */
    size_t first_entry;
};

struct collecting {
    struct subx_buf bytes;
    struct entry *entries;
    size_t entry_count, entry_capacity;
    struct group *groups;
    size_t group_count, group_capacity;
};

/* Room for one more element of an array. */
static bool reserve(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    const size_t grown = *capacity + *capacity / 2 + 16;
    void *const moved = subx_mem__realloc(*array, grown, size);
    if (moved == NULL)
        return false;
    *array = moved;
    *capacity = grown;
    return true;
}

static bool is_in(const struct collecting *collecting, const subx_slice *child)
{
    if (collecting->group_count == 0)
        return false;
    const struct group *const last = &collecting->groups[collecting->group_count - 1];
    if (child == NULL || !last->is_child)
        return child == NULL && !last->is_child;
    return subx_slice__equal(*child, subx_slice__of(collecting->bytes.data + last->at, last->len));
}

static subx_status begin_group(struct collecting *collecting, const subx_slice *child,
                               subx_error *error)
{
    void *groups = collecting->groups;
    if (!reserve(&groups, collecting->group_count, &collecting->group_capacity,
                 sizeof *collecting->groups))
        return subx_error__nomem(error);
    collecting->groups = groups;
    const subx_slice name = child != NULL ? *child : SUBX_EMPTY;
    collecting->groups[collecting->group_count++] =
        (struct group){child != NULL, collecting->bytes.len, name.len, collecting->entry_count};
    subx_buf__append_slice(&collecting->bytes, name);
    return SUBX_OK;
}

static subx_status take(void *data, const subx_slice *child, subx_slice key, subx_slice value,
                        subx_error *error)
{
    struct collecting *const collecting = data;
    if (!is_in(collecting, child)) {
        const subx_status status = begin_group(collecting, child, error);
        if (status != SUBX_OK)
            return status;
    }
    void *entries = collecting->entries;
    if (!reserve(&entries, collecting->entry_count, &collecting->entry_capacity,
                 sizeof *collecting->entries))
        return subx_error__nomem(error);
    collecting->entries = entries;
    collecting->entries[collecting->entry_count++] =
        (struct entry){collecting->bytes.len, key.len, value.len};
    subx_buf__append_slice(&collecting->bytes, key);
    subx_buf__append_slice(&collecting->bytes, value);
    return collecting->bytes.failed ? subx_error__nomem(error) : SUBX_OK;
}

/* Import what was collected. */
static subx_status import(subx_state *state, const struct collecting *collecting,
                          uint8_t state_version, subx_error *error)
{
    const uint8_t *const bytes = collecting->bytes.data;
    const size_t groups = collecting->group_count;
    subx_pair *const pairs = subx_mem__calloc(collecting->entry_count, sizeof *pairs);
    subx_trie_pairs *const tries = subx_mem__calloc(groups, sizeof *tries);
    subx_slice *const names = subx_mem__calloc(groups, sizeof *names);
    subx_status status = SUBX_OK;
    if (pairs == NULL || tries == NULL || names == NULL) {
        status = subx_error__nomem(error);
        goto done;
    }
    for (size_t i = 0; i < collecting->entry_count; i++) {
        const struct entry *const entry = &collecting->entries[i];
        pairs[i] = (subx_pair){{bytes + entry->at, entry->key_len},
                               {bytes + entry->at + entry->key_len, entry->value_len}};
    }
    for (size_t i = 0; i < groups; i++) {
        const struct group *const group = &collecting->groups[i];
        const size_t end = i + 1 < groups ? group[1].first_entry : collecting->entry_count;
        names[i] = subx_slice__of(bytes + group->at, group->len);
        tries[i] = (subx_trie_pairs){group->is_child ? &names[i] : NULL, pairs + group->first_entry,
                                     end - group->first_entry};
    }
    status = subx_import__tries(state, tries, groups, state_version, error);
done:
    subx_mem__free(pairs);
    subx_mem__free(tries);
    subx_mem__free(names);
    return status;
}

subx_status subx_import__json(subx_state *state, struct subx_json *json, uint8_t state_version,
                              subx_error *error)
{
    struct collecting collecting = {.bytes = SUBX_BUF_INIT};
    const struct subx_state_json_sink sink = {take, &collecting};
    subx_status status = subx_state_json__read(json, &sink, error);
    if (status == SUBX_OK)
        status = import(state, &collecting, state_version, error);
    subx_buf__free(&collecting.bytes);
    subx_mem__free(collecting.entries);
    subx_mem__free(collecting.groups);
    return status;
}
