/* Interface `default_child_storage`: spec/host-api.md sections 1.2 and 3. Child tries go by their
 * unprefixed storage key. */
#include "host/host_functions.h"
#include "host/host_state.h"

bool subx_host_default_child_storage__get(struct subx_call *call, subx_slice storage_key,
                                          subx_slice key, struct subx_host_bytes *result)
{
    return subx_host_state__get(call, subx_trie_id__child(storage_key), key, result);
}

bool subx_host_default_child_storage__read(struct subx_call *call, subx_slice storage_key,
                                           subx_slice key, struct subx_span value_out,
                                           uint32_t offset, struct subx_host_bytes *result)
{
    return subx_host_state__read(call, subx_trie_id__child(storage_key), key, value_out, offset,
                                 result);
}

bool subx_host_default_child_storage__read_2(struct subx_call *call, subx_slice storage_key,
                                             subx_slice key, struct subx_span value_out,
                                             uint32_t offset, bool allow_partial, uint64_t *result)
{
    return subx_host_state__read_2(call, subx_trie_id__child(storage_key), key, value_out, offset,
                                   allow_partial, result);
}

bool subx_host_default_child_storage__set(struct subx_call *call, subx_slice storage_key,
                                          subx_slice key, subx_slice value)
{
    return subx_host_state__set(call, subx_trie_id__child(storage_key), key, value);
}

bool subx_host_default_child_storage__clear(struct subx_call *call, subx_slice storage_key,
                                            subx_slice key)
{
    return subx_host_state__clear(call, subx_trie_id__child(storage_key), key);
}

bool subx_host_default_child_storage__exists(struct subx_call *call, subx_slice storage_key,
                                             subx_slice key, bool *result)
{
    return subx_host_state__exists(call, subx_trie_id__child(storage_key), key, result);
}

bool subx_host_default_child_storage__next_key(struct subx_call *call, subx_slice storage_key,
                                               subx_slice key, struct subx_host_bytes *result)
{
    return subx_host_state__next_key(call, subx_trie_id__child(storage_key), key, result);
}

bool subx_host_default_child_storage__next_key_2(struct subx_call *call, subx_slice storage_key,
                                                 subx_slice key, struct subx_span out,
                                                 uint32_t *result)
{
    return subx_host_state__next_key_2(call, subx_trie_id__child(storage_key), key, out, result);
}

/* ---- Removal of keys that start alike ---- */

bool subx_host_default_child_storage__clear_prefix_1(struct subx_call *call, subx_slice storage_key,
                                                     subx_slice prefix)
{
    struct subx_removal removal;
    return subx_host_state__remove_prefix(call, subx_trie_id__child(storage_key), prefix, NULL,
                                          NULL, &removal);
}

bool subx_host_default_child_storage__clear_prefix_2(struct subx_call *call, subx_slice storage_key,
                                                     subx_slice prefix, subx_slice limit,
                                                     struct subx_host_bytes *result)
{
    struct subx_removal removal;
    if (!subx_host_state__remove_prefix(call, subx_trie_id__child(storage_key), prefix, &limit,
                                        NULL, &removal))
        return false;
    subx_host_state__give_kill_result(&removal, result);
    return true;
}

bool subx_host_default_child_storage__clear_prefix_3(struct subx_call *call, subx_slice storage_key,
                                                     subx_slice prefix, subx_slice limit,
                                                     subx_slice cursor,
                                                     struct subx_host_bytes *result)
{
    struct subx_removal removal;
    return subx_host_state__remove_prefix(call, subx_trie_id__child(storage_key), prefix, &limit,
                                          &cursor, &removal) &&
           subx_host_state__give_removal(call, &removal, result);
}

bool subx_host_default_child_storage__clear_prefix_4(struct subx_call *call, subx_slice storage_key,
                                                     subx_slice prefix, uint64_t limit,
                                                     uint64_t cursor_in,
                                                     struct subx_span cursor_out,
                                                     uint8_t counters[12], uint32_t *result)
{
    const struct subx_removal_exchange exchange = {limit, cursor_in, cursor_out, counters};
    return subx_host_state__remove_prefix_rfc(call, subx_trie_id__child(storage_key), prefix,
                                              &exchange, result);
}

/* ---- Removal of a whole trie: of all keys that start with nothing ---- */

bool subx_host_default_child_storage__storage_kill_1(struct subx_call *call, subx_slice storage_key)
{
    return subx_host_default_child_storage__clear_prefix_1(call, storage_key, SUBX_EMPTY);
}

bool subx_host_default_child_storage__storage_kill_2(struct subx_call *call, subx_slice storage_key,
                                                     subx_slice limit, bool *result)
{
    struct subx_removal removal;
    if (!subx_host_state__remove_prefix(call, subx_trie_id__child(storage_key), SUBX_EMPTY, &limit,
                                        NULL, &removal))
        return false;
    *result = !removal.has_cursor;
    return true;
}

bool subx_host_default_child_storage__storage_kill_3(struct subx_call *call, subx_slice storage_key,
                                                     subx_slice limit,
                                                     struct subx_host_bytes *result)
{
    return subx_host_default_child_storage__clear_prefix_2(call, storage_key, SUBX_EMPTY, limit,
                                                           result);
}

bool subx_host_default_child_storage__storage_kill_4(struct subx_call *call, subx_slice storage_key,
                                                     subx_slice limit, subx_slice cursor,
                                                     struct subx_host_bytes *result)
{
    return subx_host_default_child_storage__clear_prefix_3(call, storage_key, SUBX_EMPTY, limit,
                                                           cursor, result);
}

bool subx_host_default_child_storage__storage_kill_5(struct subx_call *call, subx_slice storage_key,
                                                     uint64_t limit, uint64_t cursor_in,
                                                     struct subx_span cursor_out,
                                                     uint8_t counters[12], uint32_t *result)
{
    return subx_host_default_child_storage__clear_prefix_4(call, storage_key, SUBX_EMPTY, limit,
                                                           cursor_in, cursor_out, counters, result);
}

/* ---- Roots ---- */

static bool get_root(struct subx_call *call, subx_slice storage_key, uint8_t version,
                     uint8_t root[32])
{
    return subx_host_state__is_given(call) && subx_host_state__take_version(call, &version) &&
           subx_host_state__done(
               subx_changes__child_root(call->changes, storage_key, version, root, call->failure));
}

bool subx_host_default_child_storage__root_2(struct subx_call *call, subx_slice storage_key,
                                             uint8_t version, struct subx_host_bytes *result)
{
    uint8_t root[32];
    if (!get_root(call, storage_key, version, root))
        return false;
    subx_host_state__give_root(root, result);
    return true;
}

bool subx_host_default_child_storage__root_1(struct subx_call *call, subx_slice storage_key,
                                             struct subx_host_bytes *result)
{
    return subx_host_default_child_storage__root_2(call, storage_key, 0, result);
}

bool subx_host_default_child_storage__root_3(struct subx_call *call, subx_slice storage_key,
                                             struct subx_span out)
{
    uint8_t root[32];
    return subx_host_state__is_given(call) &&
           get_root(call, storage_key, call->changes->state_version, root) &&
           subx_host_state__write_root(call, root, out);
}
