/* Interface `trie`: spec/host-api.md sections 1.5, 4.1 and 4.5. Nothing here touches a state. */
#include "host/host_functions.h"
#include "host/host_scale.h"
#include "host/host_state.h"
#include "trie/proof.h"
#include "trie/trie_root.h"
#include "util/mem.h"

/* Roots of SCALE Vec<(Vec<u8>, Vec<u8>)>. */
static bool root_of_pairs(struct subx_call *call, const struct subx_trie_hasher *hasher,
                          subx_slice input, uint8_t version, uint8_t root[32])
{
    struct subx_reader reader = subx_reader__of(input);
    size_t count = 0;
    if (!subx_host_state__take_version(call, &version))
        return false;
    bool good = subx_scale__count(&reader, 2, &count);
    struct subx_trie_pair *const pairs = subx_mem__calloc(good ? count : 0, sizeof *pairs);
    if (pairs == NULL)
        return subx_call__fail_nomem(call);
    for (size_t i = 0; good && i < count; i++)
        good = subx_scale__bytes(&reader, &pairs[i].key) &&
               subx_scale__bytes(&reader, &pairs[i].value);
    good = good ? subx_host_state__done(
                      subx_trie__root(hasher, version, pairs, count, root, call->failure))
                : subx_host_scale__undecodable(call, "input", "Vec<(Vec<u8>, Vec<u8>)>");
    subx_mem__free(pairs);
    return good;
}

/* SCALE Vec<Vec<u8>>, to be freed with subx_mem__free() if it decodes. */
static bool read_list(struct subx_call *call, const char *argument, subx_slice input,
                      subx_slice **items, size_t *count)
{
    struct subx_reader reader = subx_reader__of(input);
    bool good = subx_scale__count(&reader, 1, count);
    *items = subx_mem__calloc(good ? *count : 0, sizeof **items);
    if (*items == NULL)
        return subx_call__fail_nomem(call);
    for (size_t i = 0; good && i < *count; i++)
        good = subx_scale__bytes(&reader, &(*items)[i]);
    if (good)
        return true;
    subx_mem__free(*items);
    return subx_host_scale__undecodable(call, argument, "Vec<Vec<u8>>");
}

static bool root_of_list(struct subx_call *call, const struct subx_trie_hasher *hasher,
                         subx_slice input, uint8_t version, uint8_t root[32])
{
    subx_slice *values = NULL;
    size_t count = 0;
    if (!subx_host_state__take_version(call, &version) ||
        !read_list(call, "input", input, &values, &count))
        return false;
    const subx_status status =
        subx_trie__ordered_root(hasher, version, values, count, root, call->failure);
    subx_mem__free(values);
    return subx_host_state__done(status);
}

/* What a proof is to show. */
struct claim {
    const uint8_t *root;
    subx_slice proof, key, value;
};

static bool verify(struct subx_call *call, const struct subx_trie_hasher *hasher,
                   const struct claim *claim, uint8_t version, bool *result)
{
    subx_slice *items = NULL;
    size_t count = 0;
    if (!subx_host_state__take_version(call, &version) ||
        !read_list(call, "proof", claim->proof, &items, &count))
        return false;
    const subx_status status = subx_proof__verify_item(hasher, version, claim->root, items, count,
                                                       claim->key, claim->value, NULL);
    subx_mem__free(items);
    *result = status == SUBX_OK;
    return status != SUBX_NOMEM || subx_call__fail_nomem(call);
}

/* ---- BLAKE2b-256 ---- */

bool subx_host_trie__blake2_256_root_1(struct subx_call *call, subx_slice input, uint8_t result[32])
{
    return root_of_pairs(call, &subx_trie_blake2b, input, 0, result);
}

bool subx_host_trie__blake2_256_root_2(struct subx_call *call, subx_slice input, uint8_t version,
                                       uint8_t result[32])
{
    return root_of_pairs(call, &subx_trie_blake2b, input, version, result);
}

bool subx_host_trie__blake2_256_root_3(struct subx_call *call, subx_slice input, uint8_t version,
                                       uint8_t out[32])
{
    return root_of_pairs(call, &subx_trie_blake2b, input, version, out);
}

bool subx_host_trie__blake2_256_ordered_root_1(struct subx_call *call, subx_slice input,
                                               uint8_t result[32])
{
    return root_of_list(call, &subx_trie_blake2b, input, 0, result);
}

bool subx_host_trie__blake2_256_ordered_root_2(struct subx_call *call, subx_slice input,
                                               uint8_t version, uint8_t result[32])
{
    return root_of_list(call, &subx_trie_blake2b, input, version, result);
}

bool subx_host_trie__blake2_256_ordered_root_3(struct subx_call *call, subx_slice input,
                                               uint8_t version, uint8_t out[32])
{
    return root_of_list(call, &subx_trie_blake2b, input, version, out);
}

bool subx_host_trie__blake2_256_verify_proof_1(struct subx_call *call, const uint8_t root[32],
                                               subx_slice proof, subx_slice key, subx_slice value,
                                               bool *result)
{
    return verify(call, &subx_trie_blake2b, &(struct claim){root, proof, key, value}, 0, result);
}

bool subx_host_trie__blake2_256_verify_proof_2(struct subx_call *call, const uint8_t root[32],
                                               subx_slice proof, subx_slice key, subx_slice value,
                                               uint8_t version, bool *result)
{
    return verify(call, &subx_trie_blake2b, &(struct claim){root, proof, key, value}, version,
                  result);
}

/* ---- Keccak-256 ---- */

bool subx_host_trie__keccak_256_root_1(struct subx_call *call, subx_slice input, uint8_t result[32])
{
    return root_of_pairs(call, &subx_trie_keccak, input, 0, result);
}

bool subx_host_trie__keccak_256_root_2(struct subx_call *call, subx_slice input, uint8_t version,
                                       uint8_t result[32])
{
    return root_of_pairs(call, &subx_trie_keccak, input, version, result);
}

bool subx_host_trie__keccak_256_root_3(struct subx_call *call, subx_slice input, uint8_t version,
                                       uint8_t out[32])
{
    return root_of_pairs(call, &subx_trie_keccak, input, version, out);
}

bool subx_host_trie__keccak_256_ordered_root_1(struct subx_call *call, subx_slice input,
                                               uint8_t result[32])
{
    return root_of_list(call, &subx_trie_keccak, input, 0, result);
}

bool subx_host_trie__keccak_256_ordered_root_2(struct subx_call *call, subx_slice input,
                                               uint8_t version, uint8_t result[32])
{
    return root_of_list(call, &subx_trie_keccak, input, version, result);
}

bool subx_host_trie__keccak_256_ordered_root_3(struct subx_call *call, subx_slice input,
                                               uint8_t version, uint8_t out[32])
{
    return root_of_list(call, &subx_trie_keccak, input, version, out);
}

bool subx_host_trie__keccak_256_verify_proof_1(struct subx_call *call, const uint8_t root[32],
                                               subx_slice proof, subx_slice key, subx_slice value,
                                               bool *result)
{
    return verify(call, &subx_trie_keccak, &(struct claim){root, proof, key, value}, 0, result);
}

bool subx_host_trie__keccak_256_verify_proof_2(struct subx_call *call, const uint8_t root[32],
                                               subx_slice proof, subx_slice key, subx_slice value,
                                               uint8_t version, bool *result)
{
    return verify(call, &subx_trie_keccak, &(struct claim){root, proof, key, value}, version,
                  result);
}
