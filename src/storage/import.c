/* Imports: pair by pair where the back end takes them so; else sorted once, applied trie by trie,
 * committed as a whole. */
#include "storage/import.h"

#include <stdlib.h>

#include <subexec/chain.h>

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

/* Pairs, which stay where they are, in order of their keys; for subx_mem__free(). NULL: out of
 * memory. */
static const subx_pair **sort_pairs(const subx_pair *pairs, size_t count)
{
    const subx_pair **const sorted = subx_mem__calloc(count, sizeof(void *));
    if (sorted == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &pairs[i];
    qsort(sorted, count, sizeof(void *), compare_pairs);
    return sorted;
}

static subx_status apply_pairs(const struct importing *importing, struct subx_trie_id trie,
                               const subx_pair *pairs, size_t count, uint8_t root[32],
                               bool *is_empty, subx_error *error)
{
    const subx_pair **const sorted = sort_pairs(pairs, count);
    struct subx_tree_change *const list = subx_mem__calloc(count, sizeof *list);
    subx_status status = SUBX_OK;
    if (sorted == NULL || list == NULL) {
        status = subx_error__nomem(error);
        goto done;
    }
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

static subx_status apply_tries(struct importing *importing, uint8_t root[32], subx_error *error)
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
    return apply_pairs(importing, SUBX_MAIN_TRIE, importing->main, importing->main_count, root,
                       &is_empty, error);
}

/* The block that the state is after; NULL: unknown. `room` is for the genesis block. */
static const subx_block_id *head_of(const struct subx_import_end *end, bool was_empty,
                                    const uint8_t root[32], subx_block_id *room)
{
    if (end->head != NULL || !end->is_genesis || !was_empty)
        return end->head;
    room->number = 0;
    subx_genesis_hash(root, room->hash);
    return room;
}

static subx_status is_without_keys(const struct subx_backend *backend, void *view, bool *is_empty,
                                   subx_error *error)
{
    void *prepared = NULL;
    uint8_t root[32];
    subx_status status = backend->prepare(view, 0, false, &prepared, error);
    if (status != SUBX_OK)
        return status;
    status = backend->apply(prepared, SUBX_MAIN_TRIE, NULL, 0, root, is_empty, error);
    backend->drop(prepared);
    return status;
}

/* All at once, whatever the state has. */
static subx_status apply_at_once(subx_state *state, struct importing *importing,
                                 const struct subx_import_end *end, subx_error *error)
{
    const struct subx_backend *const backend = state->backend;
    void *view = NULL;
    uint8_t root[32];
    bool was_empty = false;
    subx_block_id room;
    subx_status status = backend->open(state->self, &view, error);
    if (status == SUBX_OK && end->is_genesis)
        status = is_without_keys(backend, view, &was_empty, error);
    if (status == SUBX_OK)
        status = backend->prepare(view, end->state_version, false, &importing->prepared, error);
    if (status == SUBX_OK)
        status = apply_tries(importing, root, error);
    if (status == SUBX_OK) {
        const subx_block_id *const head = head_of(end, was_empty, root, &room);
        if (head != NULL && backend->set_head != NULL)
            backend->set_head(importing->prepared, head);
        status = backend->commit(importing->prepared, error);
    }
    if (status != SUBX_OK && importing->prepared != NULL)
        backend->drop(importing->prepared);
    if (view != NULL)
        backend->close(view);
    return status;
}

/* ---- Pair by pair ---- */

static subx_status begin_bulk(subx_state *state, uint8_t likely_version, void **bulk,
                              subx_error *error)
{
    *bulk = NULL;
    return state->backend->import_begin == NULL
               ? SUBX_OK
               : state->backend->import_begin(state->self, likely_version, bulk, error);
}

/* `status`: how adding pairs went. */
static subx_status end_bulk(const struct subx_backend *backend, void *bulk, subx_status status,
                            const struct subx_import_end *end, subx_error *error)
{
    uint8_t root[32];
    subx_block_id room;
    if (status == SUBX_OK)
        status = backend->import_finish(bulk, end->state_version, root, error);
    if (status == SUBX_OK)
        return backend->import_commit(bulk, head_of(end, true, root, &room), error);
    backend->import_drop(bulk);
    return status;
}

static subx_status add_trie(const struct subx_backend *backend, void *bulk,
                            const subx_trie_pairs *trie, subx_error *error)
{
    const struct subx_trie_id id =
        trie->child == NULL ? SUBX_MAIN_TRIE : subx_trie_id__child(*trie->child);
    const subx_pair **const sorted = sort_pairs(trie->pairs, trie->count);
    subx_status status = sorted == NULL ? subx_error__nomem(error) : SUBX_OK;
    for (size_t i = 0; i < trie->count && status == SUBX_OK; i++)
        status = backend->import_add(bulk, id, sorted[i]->key, sorted[i]->value, error);
    subx_mem__free(sorted);
    return status;
}

subx_status subx_import__tries(subx_state *state, const subx_trie_pairs *tries, size_t count,
                               const struct subx_import_end *end, subx_error *error)
{
    struct importing importing = {.backend = state->backend, .root_keys = SUBX_BUF_INIT};
    void *bulk = NULL;
    subx_status status = sort_tries(&importing, tries, count, error);
    if (status == SUBX_OK)
        status = begin_bulk(state, end->state_version, &bulk, error);
    if (bulk != NULL) {
        for (size_t i = 0; i < count && status == SUBX_OK; i++)
            status = add_trie(state->backend, bulk, importing.tries[i], error);
        status = end_bulk(state->backend, bulk, status, end, error);
    } else if (status == SUBX_OK) {
        status = apply_at_once(state, &importing, end, error);
    }
    subx_mem__free(importing.tries);
    subx_mem__free(importing.main);
    subx_mem__free(importing.roots);
    subx_buf__free(&importing.root_keys);
    return status;
}

subx_status subx_import__begin(subx_state *state, uint8_t likely_version,
                               struct subx_import *import, subx_error *error)
{
    *import = (struct subx_import){.state = state};
    return begin_bulk(state, likely_version, &import->bulk, error);
}

subx_status subx_import__add(struct subx_import *import, const subx_slice *child, subx_slice key,
                             subx_slice value, subx_error *error)
{
    if (import->bulk != NULL)
        return import->state->backend->import_add(
            import->bulk, child == NULL ? SUBX_MAIN_TRIE : subx_trie_id__child(*child), key, value,
            error);
    return subx_gathered__add(&import->gathered, child, key, value) ? SUBX_OK
                                                                    : subx_error__nomem(error);
}

subx_status subx_import__finish(struct subx_import *import, const struct subx_import_end *end,
                                subx_error *error)
{
    if (import->bulk != NULL)
        return end_bulk(import->state->backend, import->bulk, SUBX_OK, end, error);
    subx_trie_pairs *const tries = subx_gathered__tries(&import->gathered);
    const subx_status status =
        tries == NULL
            ? subx_error__nomem(error)
            : subx_import__tries(import->state, tries, import->gathered.count, end, error);
    subx_mem__free(tries);
    subx_gathered__free(&import->gathered);
    return status;
}

void subx_import__drop(struct subx_import *import)
{
    if (import->bulk != NULL)
        import->state->backend->import_drop(import->bulk);
    subx_gathered__free(&import->gathered);
}
