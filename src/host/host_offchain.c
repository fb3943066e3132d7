/*
 * Interface `offchain`, the node around the runtime: spec/host-api.md sections 1.7 and 10. All of
 * it could differ between two nodes, so there is none of it but what the caller has granted.
 */
#include "host/host_offchain.h"

#include "host/host_functions.h"
#include "host/host_scale.h"

/* Bytes of a peer id as RFC-145 has them. */
#define PEER_ID 38u

bool subx_host_offchain__not_granted(struct subx_call *call, const char *function)
{
    return subx_call__fail(
        call,
        "this can be called only in an offchain worker, and the caller of this call has not "
        "granted it; `offchain` in the call's options, with the function %s, would",
        function);
}

bool subx_host_offchain__is_validator(struct subx_call *call, bool *result)
{
    SUBX_OFFCHAIN_NEEDS(call, is_validator);
    *result = call->grants.offchain->functions->is_validator(call->grants.offchain->data);
    return true;
}

bool subx_host_offchain__submit_transaction_1(struct subx_call *call, subx_slice data,
                                              struct subx_host_bytes *result)
{
    SUBX_OFFCHAIN_NEEDS(call, submit_transaction);
    const subx_offchain *const node = call->grants.offchain;
    result->head[0] = node->functions->submit_transaction(node->data, data) ? 0 : 1;
    result->head_len = 1;
    return true;
}

bool subx_host_offchain__submit_transaction_2(struct subx_call *call, subx_slice data,
                                              uint32_t *result)
{
    SUBX_OFFCHAIN_NEEDS(call, submit_transaction);
    const subx_offchain *const node = call->grants.offchain;
    *result = node->functions->submit_transaction(node->data, data) ? 0 : UINT32_MAX;
    return true;
}

/* ---- Network ---- */

static void encode_state(void *to, subx_slice peer_id, const subx_slice *addresses, size_t count)
{
    struct subx_buf *const encoded = to;
    subx_scale__append_bytes(encoded, peer_id);
    subx_scale__append_compact(encoded, count);
    for (size_t i = 0; i < count; i++)
        subx_scale__append_bytes(encoded, addresses[i]);
}

bool subx_host_offchain__network_state(struct subx_call *call, struct subx_host_bytes *result)
{
    SUBX_OFFCHAIN_NEEDS(call, network_state);
    const subx_offchain *const node = call->grants.offchain;
    struct subx_buf encoded = SUBX_BUF_INIT;
    const bool is_known = node->functions->network_state(node->data, encode_state, &encoded);
    result->head[0] = is_known ? 0 : 1;
    result->head_len = 1;
    if (is_known && subx_buf__finish(&encoded, &result->owned, NULL) != SUBX_OK)
        return subx_call__fail_nomem(call);
    subx_buf__free(&encoded);
    result->body = subx_slice__of(result->owned.data, result->owned.len);
    return true;
}

/* Where a peer id goes, if it is one. */
struct peer_id {
    uint8_t bytes[PEER_ID];
    bool is_found;
};

static void take_peer_id(void *to, subx_slice peer_id, const subx_slice *addresses, size_t count)
{
    struct peer_id *const wanted = to;
    (void)addresses, (void)count;
    wanted->is_found = peer_id.len == sizeof wanted->bytes;
    if (wanted->is_found)
        memcpy(wanted->bytes, peer_id.data, sizeof wanted->bytes);
}

bool subx_host_offchain__network_peer_id(struct subx_call *call, uint8_t out[PEER_ID],
                                         uint32_t *result)
{
    SUBX_OFFCHAIN_NEEDS(call, network_state);
    const subx_offchain *const node = call->grants.offchain;
    struct peer_id peer_id = {.is_found = false};
    const bool is_known = node->functions->network_state(node->data, take_peer_id, &peer_id);
    const bool is_found = is_known && peer_id.is_found;
    if (is_found)
        memcpy(out, peer_id.bytes, PEER_ID);
    *result = is_found ? 0 : UINT32_MAX;
    return true;
}

bool subx_host_offchain__set_authorized_nodes(struct subx_call *call, subx_slice nodes,
                                              bool authorized_only)
{
    subx_slice whole;
    if (!subx_host_scale__bytes_sequence(call, "nodes", nodes, &whole))
        return false;
    SUBX_OFFCHAIN_NEEDS(call, set_authorized_nodes);
    call->grants.offchain->functions->set_authorized_nodes(call->grants.offchain->data, whole,
                                                           authorized_only);
    return true;
}

/* ---- Time and chance ---- */

bool subx_host_offchain__timestamp(struct subx_call *call, uint64_t *result)
{
    SUBX_OFFCHAIN_NEEDS(call, timestamp);
    *result = call->grants.offchain->functions->timestamp(call->grants.offchain->data);
    return true;
}

bool subx_host_offchain__sleep_until(struct subx_call *call, uint64_t deadline)
{
    SUBX_OFFCHAIN_NEEDS(call, sleep_until);
    call->grants.offchain->functions->sleep_until(call->grants.offchain->data, deadline);
    return true;
}

bool subx_host_offchain__random_seed_1(struct subx_call *call, uint8_t result[32])
{
    SUBX_OFFCHAIN_NEEDS(call, random_seed);
    call->grants.offchain->functions->random_seed(call->grants.offchain->data, result);
    return true;
}

bool subx_host_offchain__random_seed_2(struct subx_call *call, uint8_t out[32])
{
    return subx_host_offchain__random_seed_1(call, out);
}
