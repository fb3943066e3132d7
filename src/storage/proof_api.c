/* Storage proofs as users hold them; see include/subexec/proof.h. */
#include <stdio.h>

#include <subexec/proof.h>

#include "storage/backend_memory.h"
#include "storage/changes.h"
#include "storage/state.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* A compact form repeats what occurs at several places. */
#define MAX_COMPACT ((size_t)256 << 20)

/* ---- Items ---- */

subx_status subx_proof_new(subx_proof **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = subx_mem__alloc(sizeof **out);
    if (*out == NULL)
        return subx_error__nomem(error);
    subx_proof__init(*out, &subx_trie_blake2b);
    return SUBX_OK;
}

void subx_proof_free(subx_proof *proof)
{
    if (proof != NULL)
        subx_proof__free(proof);
    subx_mem__free(proof);
}

subx_status subx_proof_add(subx_proof *proof, subx_slice item, subx_error *error)
{
    SUBX_CHECK_ARG(proof != NULL && (item.data != NULL || item.len == 0), error);
    return subx_proof__add(proof, item, error);
}

size_t subx_proof_count(const subx_proof *proof)
{
    return proof->count;
}

subx_slice subx_proof_item(const subx_proof *proof, size_t index)
{
    return index < proof->count ? subx_proof__blob(proof, &proof->entries[index]) : SUBX_EMPTY;
}

/* Hand a new proof over, or release it if something went wrong with it. */
static subx_status give(subx_status status, subx_proof *proof, subx_proof **out)
{
    if (status == SUBX_OK)
        *out = proof;
    else
        subx_proof_free(proof);
    return status;
}

/* ---- Encoded forms ---- */

/* The same for bytes. */
static subx_status give_bytes(subx_status status, struct subx_buf *buf, subx_bytes *out,
                              subx_error *error)
{
    if (status == SUBX_OK)
        status = subx_buf__finish(buf, out, error);
    subx_buf__free(buf);
    return status;
}

subx_status subx_proof_encode(const subx_proof *proof, subx_bytes *out, subx_error *error)
{
    struct subx_buf buf = SUBX_BUF_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(proof != NULL, error);
    return give_bytes(subx_proof__encode(proof, &buf, error), &buf, out, error);
}

subx_status subx_proof_decode(subx_slice scale, subx_proof **out, subx_error *error)
{
    subx_proof *proof = NULL;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    const subx_status status = subx_proof_new(&proof, error);
    if (status != SUBX_OK)
        return status;
    return give(subx_proof__decode(proof, scale, error), proof, out);
}

static subx_status refuse_rootless(const uint8_t root[32], subx_error *error)
{
    char text[2 * 32 + 1];
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", root[i]);
    return subx_error__set(error, SUBX_INCOMPLETE_PROOF,
                           "incomplete proof: the node 0x%s, its root, is missing", text);
}

subx_status subx_proof_encode_compact(const subx_proof *proof, const uint8_t root[32],
                                      subx_bytes *out, subx_error *error)
{
    struct subx_buf buf = SUBX_BUF_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(proof != NULL && root != NULL, error);
    if (subx_proof__find(proof, root) == NULL)
        return refuse_rootless(root, error);
    return give_bytes(subx_proof__encode_compact(proof, root, MAX_COMPACT, &buf, error), &buf, out,
                      error);
}

subx_status subx_proof_decode_compact(subx_slice compact, const uint8_t *expected_root,
                                      subx_proof **out, uint8_t *root, subx_error *error)
{
    subx_proof *proof = NULL;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    const subx_status status = subx_proof_new(&proof, error);
    if (status != SUBX_OK)
        return status;
    return give(subx_proof__decode_compact(proof, compact, expected_root, root, error), proof, out);
}

/* ---- Making proofs ---- */

static struct subx_trie_id trie_of(const subx_slice *child)
{
    return child == NULL ? SUBX_MAIN_TRIE : subx_trie_id__child(*child);
}

/* Root of the state that a view sees; nothing is recorded by that. */
static subx_status root_of(const struct subx_backend *backend, void *view, uint8_t root[32],
                           subx_error *error)
{
    void *prepared = NULL;
    bool is_empty = false;
    subx_status status = backend->prepare(view, 0, false, &prepared, error);
    if (status != SUBX_OK)
        return status;
    status = backend->apply(prepared, SUBX_MAIN_TRIE, NULL, 0, root, &is_empty, error);
    backend->drop(prepared);
    return status;
}

static subx_status read_keys(const struct subx_backend *backend, void *view,
                             struct subx_trie_id trie, const subx_slice *keys, size_t count,
                             subx_error *error)
{
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < count && status == SUBX_OK; i++) {
        bool found = false;
        subx_slice value = SUBX_EMPTY;
        status = backend->get(view, trie, keys[i], &found, &value, error);
    }
    return status;
}

subx_status subx_state_prove(subx_state *state, const subx_slice *child, const subx_slice *keys,
                             size_t count, subx_proof *proof, uint8_t *root, subx_error *error)
{
    SUBX_CHECK_ARG(state != NULL && (keys != NULL || count == 0) && proof != NULL, error);
    const struct subx_backend *const backend = state->backend;
    uint8_t own_root[32];
    void *view = NULL;
    subx_status status = subx_state__can_prove(state, error);
    if (status == SUBX_OK)
        status = backend->open(state->self, &view, error);
    if (status != SUBX_OK)
        return status;
    backend->record(view, proof);
    status = read_keys(backend, view, trie_of(child), keys, count, error);
    if (status == SUBX_OK)
        status = root_of(backend, view, root != NULL ? root : own_root, error);
    backend->close(view);
    return status;
}

subx_status subx_changes_proof(subx_changes *changes, subx_proof **out, uint8_t *root,
                               subx_error *error)
{
    subx_proof *proof = NULL;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(changes != NULL, error);
    if (!changes->records_proof)
        return subx_error__set(error, SUBX_MISUSE, "these changes do not record a proof");
    subx_status status = subx_changes__see(changes, error);
    if (status == SUBX_OK && root != NULL)
        status = root_of(changes->backend, changes->view, root, error);
    if (status == SUBX_OK)
        status = subx_proof_new(&proof, error);
    if (status != SUBX_OK)
        return status;
    return give(subx_proof__copy(&changes->recorder, proof, error), proof, out);
}

uint64_t subx_changes_proof_size(const subx_changes *changes)
{
    return changes->records_proof ? changes->recorder.encoded_size : UINT64_MAX;
}

/* ---- Using proofs ---- */

subx_status subx_state_from_proof(const subx_proof *proof, const uint8_t root[32], subx_state **out,
                                  subx_error *error)
{
    void *memory = NULL;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(proof != NULL && root != NULL, error);
    const subx_status status = subx_backend_memory__of_proof(proof, root, &memory, error);
    return status == SUBX_OK ? subx_state__new(&subx_backend_memory, memory, out, error) : status;
}

subx_status subx_proof_verify(const subx_proof *proof, const uint8_t root[32],
                              const subx_slice *child, subx_slice key, bool *found,
                              subx_bytes *value, subx_error *error)
{
    SUBX_CHECK_ARG(found != NULL && value != NULL, error);
    *found = false;
    *value = (subx_bytes)SUBX_BYTES_INIT;
    subx_state *state = NULL;
    subx_status status = subx_state_from_proof(proof, root, &state, error);
    if (status != SUBX_OK)
        return status;
    status = subx_state_get(state, child, key, found, value, error);
    subx_state_free(state);
    return status;
}
