/* Storage proofs as sets: spec/host-api.md section 4.3. */
#include "trie/proof.h"

#include <stdlib.h>

#include "codec/scale.h"
#include "trie/nibbles.h"
#include "util/error.h"
#include "util/mem.h"

void subx_proof__init(struct subx_proof *proof, const struct subx_trie_hasher *hasher)
{
    *proof = (struct subx_proof){.hasher = hasher, .bytes = SUBX_BUF_INIT};
}

void subx_proof__free(struct subx_proof *proof)
{
    subx_mem__free(proof->entries);
    subx_mem__free(proof->slots);
    subx_buf__free(&proof->bytes);
    subx_proof__init(proof, proof->hasher);
}

void subx_proof__clear(struct subx_proof *proof)
{
    subx_proof__free(proof);
}

/* Where the search for a hash begins. */
static size_t first_slot(const struct subx_proof *proof, const uint8_t *hash)
{
    const uint64_t mixed = (subx_load_u64(hash) ^ proof->seed) * 0x9e3779b97f4a7c15u;
    return (size_t)(mixed >> 32) & (proof->slot_count - 1);
}

/* The slot that holds the hash, or the free one where it belongs. There are slots. */
static size_t find_slot(const struct subx_proof *proof, const uint8_t *hash)
{
    size_t slot = first_slot(proof, hash);
    while (proof->slots[slot] != 0 &&
           memcmp(proof->entries[proof->slots[slot] - 1].hash, hash, SUBX_TRIE_HASH_SIZE) != 0)
        slot = (slot + 1) & (proof->slot_count - 1);
    return slot;
}

const struct subx_proof_entry *subx_proof__find(const struct subx_proof *proof,
                                                const uint8_t hash[SUBX_TRIE_HASH_SIZE])
{
    if (proof->slot_count == 0)
        return NULL;
    const uint32_t entry = proof->slots[find_slot(proof, hash)];
    return entry == 0 ? NULL : &proof->entries[entry - 1];
}

/* Make room for one more entry, keeping half of the slots free; false: out of memory, or four
 * milliards of entries. */
static bool grow(struct subx_proof *proof)
{
    if (proof->count < proof->capacity)
        return true;
    const size_t capacity = proof->capacity == 0 ? 32 : 2 * proof->capacity;
    if (capacity > UINT32_MAX / 2)
        return false;
    uint32_t *const slots = subx_mem__calloc(2 * capacity, sizeof *slots);
    if (slots == NULL)
        return false;
    struct subx_proof_entry *const entries =
        subx_mem__realloc(proof->entries, capacity, sizeof *entries);
    if (entries == NULL) {
        subx_mem__free(slots);
        return false;
    }
    subx_mem__free(proof->slots);
    proof->entries = entries;
    proof->slots = slots;
    proof->capacity = capacity;
    proof->slot_count = 2 * capacity;
    /* where the allocator put things is not for others to know */
    proof->seed = (uint64_t)(uintptr_t)slots * 0xd6e8feb86659fd93u ^ (uint64_t)(uintptr_t)entries;
    for (size_t i = 0; i < proof->count; i++)
        proof->slots[find_slot(proof, entries[i].hash)] = (uint32_t)i + 1;
    return true;
}

static size_t compact_size(uint64_t value)
{
    if (value < 1 << 6)
        return 1;
    if (value < 1 << 14)
        return 2;
    return value < 1 << 30 ? 4 : 5;
}

subx_status subx_proof__add_hashed(struct subx_proof *proof,
                                   const uint8_t hash[SUBX_TRIE_HASH_SIZE], subx_slice blob,
                                   subx_error *error)
{
    if (!grow(proof))
        return subx_error__nomem(error);
    const size_t slot = find_slot(proof, hash);
    if (proof->slots[slot] != 0)
        return SUBX_OK;
    if (!subx_buf__reserve(&proof->bytes, blob.len)) {
        proof->bytes.failed = false;
        return subx_error__nomem(error);
    }
    struct subx_proof_entry *const entry = &proof->entries[proof->count++];
    memcpy(entry->hash, hash, SUBX_TRIE_HASH_SIZE);
    entry->at = proof->bytes.len;
    entry->len = blob.len;
    subx_buf__append_slice(&proof->bytes, blob);
    proof->slots[slot] = (uint32_t)proof->count;
    proof->encoded_size += compact_size(blob.len) + blob.len;
    return SUBX_OK;
}

subx_status subx_proof__copy(const struct subx_proof *proof, struct subx_proof *out,
                             subx_error *error)
{
    subx_status status = SUBX_OK;
    subx_proof__init(out, proof->hasher);
    if (!subx_buf__reserve(&out->bytes, proof->bytes.len))
        status = subx_error__nomem(error);
    for (size_t i = 0; i < proof->count && status == SUBX_OK; i++)
        status = subx_proof__add_hashed(out, proof->entries[i].hash,
                                        subx_proof__blob(proof, &proof->entries[i]), error);
    if (status != SUBX_OK)
        subx_proof__free(out);
    return status;
}

subx_status subx_proof__add(struct subx_proof *proof, subx_slice blob, subx_error *error)
{
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    proof->hasher->hash(blob, hash);
    return subx_proof__add_hashed(proof, hash, blob, error);
}

static int compare_blobs(const void *left, const void *right)
{
    const subx_slice *const a = left, *const b = right;
    return subx_trie__compare(*a, *b);
}

subx_status subx_proof__encode(const struct subx_proof *proof, struct subx_buf *out,
                               subx_error *error)
{
    subx_slice *const blobs = subx_mem__calloc(proof->count, sizeof *blobs);
    if (blobs == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < proof->count; i++)
        blobs[i] = subx_proof__blob(proof, &proof->entries[i]);
    qsort(blobs, proof->count, sizeof *blobs, compare_blobs);
    subx_scale__append_compact(out, proof->count);
    for (size_t i = 0; i < proof->count; i++)
        subx_scale__append_bytes(out, blobs[i]);
    subx_mem__free(blobs);
    return out->failed ? subx_error__nomem(error) : SUBX_OK;
}

subx_status subx_proof__decode(struct subx_proof *proof, subx_slice bytes, subx_error *error)
{
    struct subx_reader at = subx_reader__of(bytes);
    size_t count = 0;
    if (!subx_scale__count(&at, 1, &count))
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "proof: no count of items that the bytes could hold");
    for (size_t i = 0; i < count; i++) {
        subx_slice blob = SUBX_EMPTY;
        if (!subx_scale__bytes(&at, &blob))
            return subx_error__set(error, SUBX_INVALID_INPUT,
                                   "proof: item %zu of %zu is cut short at offset %zu", i, count,
                                   subx_reader__offset(&at));
        const subx_status status = subx_proof__add(proof, blob, error);
        if (status != SUBX_OK)
            return status;
    }
    if (at.left != 0)
        return subx_error__set(error, SUBX_INVALID_INPUT, "proof: %zu bytes after the last item",
                               at.left);
    return SUBX_OK;
}
