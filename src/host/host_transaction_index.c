/* Interface `transaction_index`: spec/host-api.md section 1.7. What is said here concerns what the
 * node keeps of the block's body, not the state; a rolled-back transaction does not undo it. */
#include "host/host_functions.h"

static bool tell(struct subx_call *call, subx_transaction_index index, const uint8_t hash[32])
{
    memcpy(index.hash, hash, sizeof index.hash);
    if (call->grants.transaction_index != NULL)
        call->grants.transaction_index(call->grants.transaction_index_data, &index);
    return true;
}

bool subx_host_transaction_index__index(struct subx_call *call, uint32_t extrinsic, uint32_t size,
                                        const uint8_t context_hash[32])
{
    return tell(call, (subx_transaction_index){extrinsic, true, size, {0}}, context_hash);
}

bool subx_host_transaction_index__renew(struct subx_call *call, uint32_t extrinsic,
                                        const uint8_t context_hash[32])
{
    return tell(call, (subx_transaction_index){extrinsic, false, 0, {0}}, context_hash);
}
