/* Interface `storage`, the main trie: spec/host-api.md sections 1.1 and 3. */
#include "host/host_functions.h"
#include "host/host_state.h"

bool subx_host_storage__set(struct subx_call *call, subx_slice key, subx_slice value)
{
    return subx_host_state__set(call, SUBX_MAIN_TRIE, key, value);
}

bool subx_host_storage__get(struct subx_call *call, subx_slice key, struct subx_host_bytes *result)
{
    return subx_host_state__get(call, SUBX_MAIN_TRIE, key, result);
}

bool subx_host_storage__read(struct subx_call *call, subx_slice key, struct subx_span value_out,
                             uint32_t offset, struct subx_host_bytes *result)
{
    return subx_host_state__read(call, SUBX_MAIN_TRIE, key, value_out, offset, result);
}

bool subx_host_storage__read_2(struct subx_call *call, subx_slice key, struct subx_span value_out,
                               uint32_t offset, bool allow_partial, uint64_t *result)
{
    return subx_host_state__read_2(call, SUBX_MAIN_TRIE, key, value_out, offset, allow_partial,
                                   result);
}

bool subx_host_storage__clear(struct subx_call *call, subx_slice key)
{
    return subx_host_state__clear(call, SUBX_MAIN_TRIE, key);
}

bool subx_host_storage__exists(struct subx_call *call, subx_slice key, bool *result)
{
    return subx_host_state__exists(call, SUBX_MAIN_TRIE, key, result);
}

bool subx_host_storage__clear_prefix_1(struct subx_call *call, subx_slice prefix)
{
    struct subx_removal removal;
    return subx_host_state__remove_prefix(call, SUBX_MAIN_TRIE, prefix, NULL, NULL, &removal);
}

bool subx_host_storage__clear_prefix_2(struct subx_call *call, subx_slice prefix, subx_slice limit,
                                       struct subx_host_bytes *result)
{
    struct subx_removal removal;
    if (!subx_host_state__remove_prefix(call, SUBX_MAIN_TRIE, prefix, &limit, NULL, &removal))
        return false;
    subx_host_state__give_kill_result(&removal, result);
    return true;
}

bool subx_host_storage__clear_prefix_3(struct subx_call *call, subx_slice prefix, subx_slice limit,
                                       subx_slice cursor, struct subx_host_bytes *result)
{
    struct subx_removal removal;
    return subx_host_state__remove_prefix(call, SUBX_MAIN_TRIE, prefix, &limit, &cursor,
                                          &removal) &&
           subx_host_state__give_removal(call, &removal, result);
}

bool subx_host_storage__clear_prefix_4(struct subx_call *call, subx_slice prefix, uint64_t limit,
                                       uint64_t cursor_in, struct subx_span cursor_out,
                                       uint8_t counters[12], uint32_t *result)
{
    const struct subx_removal_exchange exchange = {limit, cursor_in, cursor_out, counters};
    return subx_host_state__remove_prefix_rfc(call, SUBX_MAIN_TRIE, prefix, &exchange, result);
}

bool subx_host_storage__append(struct subx_call *call, subx_slice key, subx_slice value)
{
    return subx_host_state__is_given(call) &&
           subx_host_state__done(subx_changes__append(call->changes, key, value, call->failure));
}

static bool get_root(struct subx_call *call, uint8_t version, uint8_t root[32])
{
    return subx_host_state__is_given(call) && subx_host_state__take_version(call, &version) &&
           subx_host_state__done(subx_changes__root(call->changes, version, root, call->failure));
}

static bool give_root(struct subx_call *call, uint8_t version, struct subx_host_bytes *result)
{
    uint8_t root[32];
    if (!get_root(call, version, root))
        return false;
    subx_host_state__give_root(root, result);
    return true;
}

bool subx_host_storage__root_1(struct subx_call *call, struct subx_host_bytes *result)
{
    return give_root(call, 0, result);
}

bool subx_host_storage__root_2(struct subx_call *call, uint8_t version,
                               struct subx_host_bytes *result)
{
    return give_root(call, version, result);
}

bool subx_host_storage__root_3(struct subx_call *call, struct subx_span out)
{
    uint8_t root[32];
    return subx_host_state__is_given(call) && get_root(call, call->changes->state_version, root) &&
           subx_host_state__write_root(call, root, out);
}

/* Changes tries, long gone: no chain had one, the answer is None. */
bool subx_host_storage__changes_root(struct subx_call *call, subx_slice parent_hash,
                                     struct subx_host_bytes *result)
{
    (void)parent_hash;
    subx_host_bytes__none(result);
    return subx_host_state__is_given(call);
}

bool subx_host_storage__next_key(struct subx_call *call, subx_slice key,
                                 struct subx_host_bytes *result)
{
    return subx_host_state__next_key(call, SUBX_MAIN_TRIE, key, result);
}

bool subx_host_storage__next_key_2(struct subx_call *call, subx_slice key, struct subx_span out,
                                   uint32_t *result)
{
    return subx_host_state__next_key_2(call, SUBX_MAIN_TRIE, key, out, result);
}

/* ---- Transactions ---- */

bool subx_host_storage__start_transaction(struct subx_call *call)
{
    return subx_host_state__is_given(call) &&
           subx_host_state__done(subx_changes__start(call->changes, call->failure));
}

bool subx_host_storage__rollback_transaction(struct subx_call *call)
{
    return subx_host_state__is_given(call) &&
           (subx_changes__rollback(call->changes) ||
            subx_call__fail(call, "no open transaction that can be rolled back"));
}

bool subx_host_storage__commit_transaction(struct subx_call *call)
{
    return subx_host_state__is_given(call) &&
           (subx_changes__commit(call->changes) ||
            subx_call__fail(call, "no open transaction that can be committed"));
}
