/* Interface `storage_proof_size`: spec/host-api.md section 1.8. */
#include <subexec/proof.h>

#include "host/host_functions.h"

bool subx_host_storage_proof_size__storage_proof_size(struct subx_call *call, uint64_t *result)
{
    if (call->grants.proof_size != NULL)
        *result = call->grants.proof_size(call->grants.proof_size_data);
    else if (call->changes != NULL)
        *result = subx_changes_proof_size(call->changes);
    else
        *result = UINT64_MAX;
    return true;
}
