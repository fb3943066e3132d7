/* States as users hold them: reading and importing; see include/subexec/state.h. */
#include "storage/state.h"

#include "codec/state_json.h"
#include "storage/backend_memory.h"
#include "storage/import.h"
#include "storage/import_json.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

subx_status subx_state__new(const struct subx_backend *backend, void *self, subx_state **out,
                            subx_error *error)
{
    subx_state *const state = subx_mem__alloc(sizeof *state);
    *out = state;
    if (state == NULL) {
        backend->free(self);
        return subx_error__nomem(error);
    }
    atomic_init(&state->references, 1);
    state->backend = backend;
    state->self = self;
    return SUBX_OK;
}

subx_status subx_state_new_memory(subx_state **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    void *const memory = subx_backend_memory__new();
    if (memory == NULL)
        return subx_error__nomem(error);
    return subx_state__new(&subx_backend_memory, memory, out, error);
}

subx_status subx_state__can_prove(const subx_state *state, subx_error *error)
{
    return state->backend->record != NULL
               ? SUBX_OK
               : subx_error__set(error, SUBX_UNSUPPORTED,
                                 "the state lies in a back end (%s) that makes no proofs",
                                 state->backend->name);
}

subx_state *subx_state__retain(subx_state *state)
{
    atomic_fetch_add_explicit(&state->references, 1, memory_order_relaxed);
    return state;
}

void subx_state_free(subx_state *state)
{
    if (state == NULL ||
        atomic_fetch_sub_explicit(&state->references, 1, memory_order_acq_rel) != 1)
        return;
    state->backend->free(state->self);
    subx_mem__free(state);
}

static struct subx_trie_id trie_of(const subx_slice *child)
{
    return child == NULL ? SUBX_MAIN_TRIE : subx_trie_id__child(*child);
}

static subx_status copy_out(bool found, subx_slice bytes, subx_bytes *out, subx_error *error)
{
    if (!found)
        return SUBX_OK;
    out->data = subx_mem__copy(bytes.data, bytes.len);
    if (out->data == NULL)
        return subx_error__nomem(error);
    out->len = bytes.len;
    return SUBX_OK;
}

subx_status subx_state_get(subx_state *state, const subx_slice *child, subx_slice key, bool *found,
                           subx_bytes *value, subx_error *error)
{
    SUBX_CHECK_ARG(value != NULL && found != NULL && state != NULL, error);
    *value = (subx_bytes)SUBX_BYTES_INIT;
    *found = false;
    void *view = NULL;
    subx_status status = state->backend->open(state->self, &view, error);
    if (status != SUBX_OK)
        return status;
    subx_slice bytes = SUBX_EMPTY;
    status = state->backend->get(view, trie_of(child), key, found, &bytes, error);
    if (status == SUBX_OK)
        status = copy_out(*found, bytes, value, error);
    state->backend->close(view);
    return status;
}

subx_status subx_state_next_key(subx_state *state, const subx_slice *child, subx_slice key,
                                bool *found, subx_bytes *next, subx_error *error)
{
    SUBX_CHECK_ARG(next != NULL && found != NULL && state != NULL, error);
    *next = (subx_bytes)SUBX_BYTES_INIT;
    *found = false;
    void *view = NULL;
    subx_status status = state->backend->open(state->self, &view, error);
    if (status != SUBX_OK)
        return status;
    subx_slice bytes = SUBX_EMPTY;
    status = state->backend->next_key(view, trie_of(child), key, found, &bytes, error);
    if (status == SUBX_OK)
        status = copy_out(*found, bytes, next, error);
    state->backend->close(view);
    return status;
}

subx_status subx_state_root(subx_state *state, uint8_t root[32], subx_error *error)
{
    SUBX_CHECK_ARG(state != NULL && root != NULL, error);
    const struct subx_backend *const backend = state->backend;
    void *view = NULL, *prepared = NULL;
    bool is_empty = false;
    subx_status status = backend->open(state->self, &view, error);
    if (status != SUBX_OK)
        return status;
    status = backend->prepare(view, 0, false, &prepared, error);
    if (status == SUBX_OK) {
        status = backend->apply(prepared, SUBX_MAIN_TRIE, NULL, 0, root, &is_empty, error);
        backend->drop(prepared);
    }
    backend->close(view);
    return status;
}

subx_status subx_state_head(subx_state *state, bool *known, subx_block_id *head, subx_error *error)
{
    SUBX_CHECK_ARG(state != NULL && known != NULL && head != NULL, error);
    const struct subx_backend *const backend = state->backend;
    void *view = NULL;
    *known = false;
    *head = (subx_block_id){.number = 0};
    if (backend->head == NULL)
        return SUBX_OK;
    subx_status status = backend->open(state->self, &view, error);
    if (status != SUBX_OK)
        return status;
    status = backend->head(view, known, head, error);
    backend->close(view);
    return status;
}

subx_status subx_state_import(subx_state *state, const subx_trie_pairs *tries, size_t count,
                              uint8_t state_version, subx_error *error)
{
    SUBX_CHECK_ARG(state != NULL && (tries != NULL || count == 0) && state_version <= 1, error);
    const struct subx_import_end end = {.state_version = state_version};
    return subx_import__tries(state, tries, count, &end, error);
}

subx_status subx_state_import_json(subx_state *state, subx_slice text, uint8_t state_version,
                                   subx_error *error)
{
    SUBX_CHECK_ARG(state != NULL && (text.data != NULL || text.len == 0) && state_version <= 1,
                   error);
    struct subx_json json;
    subx_status status =
        subx_json__open(&json, subx_byte_source__of_slice(&text), SUBX_STATE_JSON_MAX_TEXT, error);
    if (status != SUBX_OK)
        return status;
    status = subx_import__json(state, &json, state_version, error);
    subx_json__close(&json);
    return status;
}
