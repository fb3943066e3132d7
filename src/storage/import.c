/* Imports: sorted once, applied trie by trie, committed as a whole. */
#include "storage/import.h"

#include <stdlib.h>

#include "storage/changes.h"
#include "storage/ordered_map.h"
#include "util/error.h"
#include "util/mem.h"

/* An import under way. */
struct importing {
    const struct subx_backend *backend;
    void *prepared;
    const subx_trie_pairs **tries; /* child tries in order of their keys, then the main trie */
    size_t count;
    subx_pair *main; /* pairs of the main trie, then the roots of the child tries */
    size_t main_count;
    struct subx_buf root_keys; /* one after the other */
    uint8_t (*roots)[32];
};

static int compare_tries(const void *a, const void *b)
{
    const subx_trie_pairs *const left = *(const subx_trie_pairs *const *)a;
    const subx_trie_pairs *const right = *(const subx_trie_pairs *const *)b;
    if (left->child == NULL || right->child == NULL)
        return (left->child == NULL) - (right->child == NULL);
    return subx_ordered_map__compare(*left->child, *right->child);
}

/* By key; of equal ones that which was given first. */
static int compare_pairs(const void *a, const void *b)
{
    const subx_pair *const left = *(const subx_pair *const *)a;
    const subx_pair *const right = *(const subx_pair *const *)b;
    const int order = subx_ordered_map__compare(left->key, right->key);
    return order != 0 ? order : (left > right) - (left < right);
}

static subx_status sort_tries(struct importing *importing, const subx_trie_pairs *tries,
                              size_t count, subx_error *error)
{
    importing->tries = subx_mem__calloc(count, sizeof(void *));
    if (importing->tries == NULL)
        return subx_error__nomem(error);
    importing->count = count;
    for (size_t i = 0; i < count; i++)
        importing->tries[i] = &tries[i];
    qsort(importing->tries, count, sizeof(void *), compare_tries);
    for (size_t i = 1; i < count; i++)
        if (compare_tries(&importing->tries[i - 1], &importing->tries[i]) == 0)
            return subx_error__set(error, SUBX_INVALID_INPUT,
                                   "import: one trie is given twice (number %zu and number %zu)",
                                   (size_t)(importing->tries[i - 1] - tries),
                                   (size_t)(importing->tries[i] - tries));
    return SUBX_OK;
}

/* Apply pairs, which stay where they are, in order of their keys. */
static subx_status apply_pairs(const struct importing *importing, struct subx_trie_id trie,
                               const subx_pair *pairs, size_t count, uint8_t root[32],
                               bool *is_empty, subx_error *error)
{
    const subx_pair **const sorted = subx_mem__calloc(count, sizeof(void *));
    struct subx_tree_change *const list = subx_mem__calloc(count, sizeof *list);
    subx_status status = SUBX_OK;
    if (sorted == NULL || list == NULL) {
        status = subx_error__nomem(error);
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = &pairs[i];
    qsort(sorted, count, sizeof(void *), compare_pairs);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct subx_tree_change){.key = sorted[i]->key, .value = sorted[i]->value};
    status =
        importing->backend->apply(importing->prepared, trie, list, count, root, is_empty, error);
done:
    subx_mem__free(sorted);
    subx_mem__free(list);
    return status;
}

/* Room for the pairs of the main trie and for what the child tries add to them. */
static bool reserve(struct importing *importing)
{
    size_t key_bytes = 0, pairs = importing->count;
    for (size_t i = 0; i < importing->count; i++) {
        const subx_trie_pairs *const trie = importing->tries[i];
        if (trie->child == NULL)
            pairs += trie->count;
        else
            key_bytes += sizeof SUBX_TRIE_CHILD_PREFIX + trie->child->len;
    }
    importing->main = subx_mem__calloc(pairs, sizeof *importing->main);
    importing->roots = subx_mem__calloc(importing->count, sizeof *importing->roots);
    return importing->main != NULL && importing->roots != NULL &&
           subx_buf__reserve(&importing->root_keys, key_bytes);
}

static subx_status apply_tries(struct importing *importing, subx_error *error)
{
    if (!reserve(importing))
        return subx_error__nomem(error);
    for (size_t i = importing->count; i-- > 0 && importing->tries[i]->child == NULL;) {
        const subx_trie_pairs *const trie = importing->tries[i];
        if (trie->count > 0)
            memcpy(importing->main, trie->pairs, trie->count * sizeof *trie->pairs);
        importing->main_count = trie->count;
    }
    bool is_empty = false;
    for (size_t i = 0; i < importing->count && importing->tries[i]->child != NULL; i++) {
        const subx_trie_pairs *const trie = importing->tries[i];
        const subx_status status =
            apply_pairs(importing, subx_trie_id__child(*trie->child), trie->pairs, trie->count,
                        importing->roots[i], &is_empty, error);
        if (status != SUBX_OK)
            return status;
        if (is_empty)
            continue;
        /* there is room: the keys do not move */
        const size_t at = importing->root_keys.len;
        subx_changes__append_root_key(&importing->root_keys, *trie->child);
        importing->main[importing->main_count++] =
            (subx_pair){{importing->root_keys.data + at, importing->root_keys.len - at},
                        {importing->roots[i], sizeof importing->roots[i]}};
    }
    uint8_t root[32];
    return apply_pairs(importing, SUBX_MAIN_TRIE, importing->main, importing->main_count, root,
                       &is_empty, error);
}

subx_status subx_import__tries(subx_state *state, const subx_trie_pairs *tries, size_t count,
                               uint8_t state_version, subx_error *error)
{
    struct importing importing = {.backend = state->backend, .root_keys = SUBX_BUF_INIT};
    const struct subx_backend *const backend = state->backend;
    void *view = NULL;
    subx_status status = sort_tries(&importing, tries, count, error);
    if (status == SUBX_OK)
        status = backend->open(state->self, &view, error);
    if (status == SUBX_OK)
        status = backend->prepare(view, state_version, false, &importing.prepared, error);
    if (status == SUBX_OK)
        status = apply_tries(&importing, error);
    if (status == SUBX_OK)
        status = backend->commit(importing.prepared, error);
    if (status != SUBX_OK && importing.prepared != NULL)
        backend->drop(importing.prepared);
    if (view != NULL)
        backend->close(view);
    subx_mem__free(importing.tries);
    subx_mem__free(importing.main);
    subx_mem__free(importing.roots);
    subx_buf__free(&importing.root_keys);
    return status;
}
