/* Interface `offchain_index`: spec/host-api.md sections 1.7 and 3.2. Part of what a block changes:
 * transactional like storage, in no trie. Without a state the writes go nowhere. */
#include "host/host_functions.h"
#include "host/host_state.h"

bool subx_host_offchain_index__set(struct subx_call *call, subx_slice key, subx_slice value)
{
    return call->changes == NULL ||
           subx_host_state__done(subx_changes__index_set(call->changes, key, value, call->failure));
}

bool subx_host_offchain_index__clear(struct subx_call *call, subx_slice key)
{
    return call->changes == NULL ||
           subx_host_state__done(subx_changes__index_clear(call->changes, key, call->failure));
}
