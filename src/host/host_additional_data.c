/* Interface `additional_data`: spec/host-api.md section 1.8. Items go to the caller as they come;
 * their hash ends the collection. */
#include "crypto/hash.h"
#include "host/host_functions.h"
#include "host/host_scale.h"

/* Whether items may be collected (still), else end the call. */
static bool is_collecting(struct subx_call *call)
{
    if (call->grants.additional_data == NULL)
        return subx_call__fail(call, "this call collects no additional data; `additional_data` in "
                                     "its options would take it");
    if (call->additional_items.is_final)
        return subx_call__fail(call, "the additional data of this call is final already");
    return true;
}

bool subx_host_additional_data__push(struct subx_call *call, subx_slice item)
{
    if (!is_collecting(call))
        return false;
    struct subx_additional_items *const items = &call->additional_items;
    subx_scale__append_bytes(&items->encoded, item);
    if (items->encoded.failed)
        return subx_call__fail_nomem(call);
    items->count++;
    call->grants.additional_data(call->grants.additional_data_data, item);
    return true;
}

/* Option<[u8; 32]>: BLAKE2b-256 of the items as a SCALE sequence; none if there are no items. */
bool subx_host_additional_data__finalize(struct subx_call *call, struct subx_host_bytes *result)
{
    if (!is_collecting(call))
        return false;
    struct subx_additional_items *const items = &call->additional_items;
    items->is_final = true;
    if (items->count == 0) {
        subx_host_bytes__none(result);
        return true;
    }
    struct subx_buf sequence = SUBX_BUF_INIT;
    subx_scale__append_compact(&sequence, items->count);
    subx_buf__append_slice(&sequence, subx_buf__slice(&items->encoded));
    const bool made = !sequence.failed;
    if (made) {
        result->head[0] = 1;
        subx_hash__blake2b_256(subx_buf__slice(&sequence), result->head + 1);
        result->head_len = 33;
    }
    subx_buf__free(&sequence);
    return made || subx_call__fail_nomem(call);
}
