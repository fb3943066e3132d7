/* Storage as the guest speaks of it; see host_state.h. Spec/host-api.md sections 1.1, 1.2 and 3. */
#include "host/host_state.h"

#include "host/host_scale.h"
#include "util/error.h"

bool subx_host_state__is_given(struct subx_call *call)
{
    return call->changes != NULL || subx_call__fail(call, "no state was given to this call");
}

bool subx_host_state__take_version(struct subx_call *call, uint8_t *version)
{
    if (*version > 2)
        return subx_call__fail(call, "'version' is %u, no state version", *version);
    if (*version == 2)
        *version = 1;
    return true;
}

/* ---- Reading ---- */

bool subx_host_state__get(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                          struct subx_host_bytes *result)
{
    bool found = false;
    subx_slice value = SUBX_EMPTY;
    if (!subx_host_state__is_given(call))
        return false;
    const subx_status status =
        subx_changes__get(call->changes, trie, key, &found, &value, call->failure);
    if (found)
        subx_host_bytes__some(result, value);
    else
        subx_host_bytes__none(result);
    return subx_host_state__done(status);
}

bool subx_host_state__exists(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                             bool *result)
{
    if (!subx_host_state__is_given(call))
        return false;
    return subx_host_state__done(
        subx_changes__get(call->changes, trie, key, result, NULL, call->failure));
}

/* The value from `offset` on. */
static bool read_from(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                      uint32_t offset, bool *found, subx_slice *rest)
{
    subx_slice value = SUBX_EMPTY;
    *found = false;
    *rest = SUBX_EMPTY;
    if (!subx_host_state__is_given(call))
        return false;
    const subx_status status =
        subx_changes__get(call->changes, trie, key, found, &value, call->failure);
    if (*found && offset < value.len)
        *rest = (subx_slice){value.data + offset, value.len - offset};
    return subx_host_state__done(status);
}

static void copy(struct subx_span out, subx_slice from)
{
    const size_t len = from.len < out.len ? from.len : out.len;
    if (len > 0)
        memcpy(out.data, from.data, len);
}

bool subx_host_state__read(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                           struct subx_span out, uint32_t offset, struct subx_host_bytes *result)
{
    bool found = false;
    subx_slice rest = SUBX_EMPTY;
    if (!read_from(call, trie, key, offset, &found, &rest))
        return false;
    if (!found) {
        subx_host_bytes__none(result);
        return true;
    }
    copy(out, rest);
    result->head[0] = 1;
    subx_store_u32(result->head + 1, (uint32_t)rest.len);
    result->head_len = 5;
    return true;
}

bool subx_host_state__read_2(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                             struct subx_span out, uint32_t offset, bool allow_partial,
                             uint64_t *result)
{
    bool found = false;
    subx_slice rest = SUBX_EMPTY;
    if (!read_from(call, trie, key, offset, &found, &rest))
        return false;
    if (allow_partial || rest.len <= out.len)
        copy(out, rest);
    *result = found ? rest.len : UINT64_MAX;
    return true;
}

static bool find_next(struct subx_call *call, struct subx_trie_id trie, subx_slice key, bool *found,
                      subx_slice *next)
{
    *found = false;
    *next = SUBX_EMPTY;
    return subx_host_state__is_given(call) &&
           subx_host_state__done(
               subx_changes__next_key(call->changes, trie, key, found, next, call->failure));
}

bool subx_host_state__next_key(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                               struct subx_host_bytes *result)
{
    bool found = false;
    subx_slice next = SUBX_EMPTY;
    if (!find_next(call, trie, key, &found, &next))
        return false;
    if (found)
        subx_host_bytes__some(result, next);
    else
        subx_host_bytes__none(result);
    return true;
}

bool subx_host_state__next_key_2(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                                 struct subx_span out, uint32_t *result)
{
    bool found = false;
    subx_slice next = SUBX_EMPTY;
    if (!find_next(call, trie, key, &found, &next))
        return false;
    if (next.len <= out.len)
        copy(out, next);
    *result = (uint32_t)next.len;
    return true;
}

/* ---- Writing ---- */

bool subx_host_state__set(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                          subx_slice value)
{
    return subx_host_state__is_given(call) &&
           subx_host_state__done(subx_changes__set(call->changes, trie, key, value, call->failure));
}

bool subx_host_state__clear(struct subx_call *call, struct subx_trie_id trie, subx_slice key)
{
    return subx_host_state__is_given(call) &&
           subx_host_state__done(subx_changes__remove(call->changes, trie, key, call->failure));
}

bool subx_host_state__remove_prefix(struct subx_call *call, struct subx_trie_id trie,
                                    subx_slice prefix, const subx_slice *limit,
                                    const subx_slice *cursor, struct subx_removal *removal)
{
    bool has_limit = false, has_cursor = false;
    uint32_t count = 0;
    subx_slice start = SUBX_EMPTY;
    if (!subx_host_state__is_given(call))
        return false;
    if (limit != NULL && !subx_host_scale__option_u32(call, "limit", *limit, &has_limit, &count))
        return false;
    if (cursor != NULL &&
        !subx_host_scale__option_bytes(call, "cursor", *cursor, &has_cursor, &start))
        return false;
    return subx_host_state__done(
        subx_changes__remove_prefix(call->changes, trie, prefix, has_limit ? &count : NULL,
                                    has_cursor ? &start : NULL, removal, call->failure));
}

bool subx_host_state__remove_prefix_rfc(struct subx_call *call, struct subx_trie_id trie,
                                        subx_slice prefix,
                                        const struct subx_removal_exchange *exchange,
                                        uint32_t *result)
{
    const bool has_limit = exchange->limit != UINT64_MAX;
    const bool has_cursor = exchange->cursor_in != UINT64_MAX;
    const uint32_t limit = (uint32_t)exchange->limit;
    const uint32_t pointer = subx_marshal__pointer(exchange->cursor_in);
    const uint32_t len = subx_marshal__len(exchange->cursor_in);
    subx_slice start = SUBX_EMPTY;
    struct subx_removal removal;
    if (!subx_host_state__is_given(call))
        return false;
    if (has_limit && exchange->limit > UINT32_MAX)
        return subx_call__fail(call, "'limit' is neither a u32 nor all ones");
    if (has_cursor && !subx_guest__borrow(&call->guest, pointer, len, &start))
        return subx_call__fail(call, "memory access is out of bounds: 'cursor_in'");
    const subx_status status =
        subx_changes__remove_prefix(call->changes, trie, prefix, has_limit ? &limit : NULL,
                                    has_cursor ? &start : NULL, &removal, call->failure);
    if (status != SUBX_OK)
        return subx_host_state__done(status);
    if (removal.cursor.len <= exchange->cursor_out.len)
        copy(exchange->cursor_out, removal.cursor);
    subx_store_u32(exchange->counters, removal.backend);
    subx_store_u32(exchange->counters + 4, removal.unique);
    subx_store_u32(exchange->counters + 8, removal.loops);
    call->changes->has_cursor = removal.has_cursor; /* for ext_misc_last_cursor */
    *result = (uint32_t)removal.cursor.len;
    return true;
}

/* ---- Results ---- */

void subx_host_state__give_kill_result(const struct subx_removal *removal,
                                       struct subx_host_bytes *result)
{
    result->head[0] = removal->has_cursor;
    subx_store_u32(result->head + 1, removal->loops);
    result->head_len = 5;
}

bool subx_host_state__give_removal(struct subx_call *call, const struct subx_removal *removal,
                                   struct subx_host_bytes *result)
{
    struct subx_buf encoded = SUBX_BUF_INIT;
    subx_buf__append_u8(&encoded, removal->has_cursor);
    if (removal->has_cursor)
        subx_scale__append_bytes(&encoded, removal->cursor);
    subx_scale__append_u32(&encoded, removal->backend);
    subx_scale__append_u32(&encoded, removal->unique);
    subx_scale__append_u32(&encoded, removal->loops);
    if (subx_buf__finish(&encoded, &result->owned, call->failure) != SUBX_OK)
        return false;
    result->body = subx_slice__of(result->owned.data, result->owned.len);
    return true;
}

void subx_host_state__give_root(const uint8_t root[32], struct subx_host_bytes *result)
{
    memcpy(result->head, root, 32);
    result->head_len = 32;
}

bool subx_host_state__write_root(struct subx_call *call, const uint8_t root[32],
                                 struct subx_span out)
{
    if (out.len < 33)
        return subx_call__fail(call, "'out' has %zu bytes, the root needs 33", out.len);
    out.data[0] = 32 << 2;
    memcpy(out.data + 1, root, 32);
    return true;
}
