/* Interface `storage_proof_size`: spec/host-api.md section 1.8. */
#include "host/host_functions.h"

bool subx_host_storage_proof_size__storage_proof_size(struct subx_call *call, uint64_t *result)
{
    *result = call->grants.proof_size != NULL
                  ? call->grants.proof_size(call->grants.proof_size_data)
                  : UINT64_MAX;
    return true;
}
