/*
 * The child tries of interface `storage` as runtimes of early 2020 know them: spec/host-api.md
 * section 1.1. Tries are named by the whole key of their root in the main trie, and described by a
 * definition, which says nothing, and a type, which is 1.
 */
#include "host/host_functions.h"
#include "host/host_state.h"

/* Fill in the trie. False: the call has failed. */
static bool find_trie(struct subx_call *call, subx_slice storage_key, uint32_t child_type,
                      struct subx_trie_id *trie)
{
    const subx_slice prefix = subx_slice__text(SUBX_TRIE_CHILD_PREFIX);
    if (!subx_host_state__is_given(call))
        return false;
    if (!subx_slice__starts_with(storage_key, prefix))
        return subx_call__fail(call, "'storage_key' does not start with %s",
                               SUBX_TRIE_CHILD_PREFIX);
    if (child_type != 1)
        return subx_call__fail(call, "'child_type' is %lu, no type of child trie",
                               (unsigned long)child_type);
    *trie = subx_trie_id__child(
        (subx_slice){storage_key.data + prefix.len, storage_key.len - prefix.len});
    return true;
}

bool subx_host_storage__child_get(struct subx_call *call, subx_slice storage_key,
                                  subx_slice child_definition, uint32_t child_type, subx_slice key,
                                  struct subx_host_bytes *result)
{
    struct subx_trie_id trie;
    (void)child_definition;
    return find_trie(call, storage_key, child_type, &trie) &&
           subx_host_state__get(call, trie, key, result);
}

bool subx_host_storage__child_read(struct subx_call *call, subx_slice storage_key,
                                   subx_slice child_definition, uint32_t child_type, subx_slice key,
                                   struct subx_span value_out, uint32_t offset,
                                   struct subx_host_bytes *result)
{
    struct subx_trie_id trie;
    (void)child_definition;
    return find_trie(call, storage_key, child_type, &trie) &&
           subx_host_state__read(call, trie, key, value_out, offset, result);
}

bool subx_host_storage__child_set(struct subx_call *call, subx_slice storage_key,
                                  subx_slice child_definition, uint32_t child_type, subx_slice key,
                                  subx_slice value)
{
    struct subx_trie_id trie;
    (void)child_definition;
    return find_trie(call, storage_key, child_type, &trie) &&
           subx_host_state__set(call, trie, key, value);
}

bool subx_host_storage__child_clear(struct subx_call *call, subx_slice storage_key,
                                    subx_slice child_definition, uint32_t child_type,
                                    subx_slice key)
{
    struct subx_trie_id trie;
    (void)child_definition;
    return find_trie(call, storage_key, child_type, &trie) &&
           subx_host_state__clear(call, trie, key);
}

bool subx_host_storage__child_storage_kill(struct subx_call *call, subx_slice storage_key,
                                           subx_slice child_definition, uint32_t child_type)
{
    struct subx_trie_id trie;
    struct subx_removal removal;
    (void)child_definition;
    return find_trie(call, storage_key, child_type, &trie) &&
           subx_host_state__remove_prefix(call, trie, SUBX_EMPTY, NULL, NULL, &removal);
}

bool subx_host_storage__child_exists(struct subx_call *call, subx_slice storage_key,
                                     subx_slice child_definition, uint32_t child_type,
                                     subx_slice key, bool *result)
{
    struct subx_trie_id trie;
    (void)child_definition;
    return find_trie(call, storage_key, child_type, &trie) &&
           subx_host_state__exists(call, trie, key, result);
}

bool subx_host_storage__child_clear_prefix(struct subx_call *call, subx_slice storage_key,
                                           subx_slice child_definition, uint32_t child_type,
                                           subx_slice prefix)
{
    struct subx_trie_id trie;
    struct subx_removal removal;
    (void)child_definition;
    return find_trie(call, storage_key, child_type, &trie) &&
           subx_host_state__remove_prefix(call, trie, prefix, NULL, NULL, &removal);
}

bool subx_host_storage__child_root(struct subx_call *call, subx_slice storage_key,
                                   struct subx_host_bytes *result)
{
    struct subx_trie_id trie;
    uint8_t root[32];
    if (!find_trie(call, storage_key, 1, &trie) ||
        !subx_host_state__done(
            subx_changes__child_root(call->changes, trie.child, 0, root, call->failure)))
        return false;
    subx_host_state__give_root(root, result);
    return true;
}

bool subx_host_storage__child_next_key(struct subx_call *call, subx_slice storage_key,
                                       subx_slice child_definition, uint32_t child_type,
                                       subx_slice key, struct subx_host_bytes *result)
{
    struct subx_trie_id trie;
    (void)child_definition;
    return find_trie(call, storage_key, child_type, &trie) &&
           subx_host_state__next_key(call, trie, key, result);
}
