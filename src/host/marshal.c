/* The part of the marshalling that no entry needs a copy of; see marshal.h. */
#include "host/marshal.h"

#include <inttypes.h>

#include "util/error.h"

bool subx_marshal__failed(struct subx_call *call, const char *import)
{
    subx_error__prefix(call->failure, "%s", import);
    return false;
}

bool subx_marshal__out_of_bounds(struct subx_call *call, const char *import, const char *argument,
                                 uint32_t pointer, uint32_t len)
{
    subx_call__fail(call,
                    "memory access is out of bounds: '%s' at %" PRIu32 ", %" PRIu32
                    " bytes, in a memory of %" PRIu64 " bytes",
                    argument, pointer, len, call->guest.size);
    return subx_marshal__failed(call, import);
}

bool subx_marshal__not_utf8(struct subx_call *call, const char *import, const char *argument)
{
    subx_call__fail(call, "'%s' is not valid UTF-8", argument);
    return subx_marshal__failed(call, import);
}

bool subx_marshal__no_room(struct subx_call *call, const char *import, const char *allocator_says)
{
    subx_call__fail(call, "Failed to allocate memory: \"%s\"", allocator_says);
    return subx_marshal__failed(call, import);
}

static bool give_bytes(struct subx_call *call, const char *import, union subx_value *values,
                       const struct subx_host_bytes *result)
{
    /* What does not fit 32 bits is above the allocator's own limit: let it say so. */
    const uint64_t total = (uint64_t)result->head_len + result->body.len;
    const uint32_t len = total > UINT32_MAX ? UINT32_MAX : (uint32_t)total;
    uint32_t pointer = 0;
    const char *const problem =
        subx_allocator__allocate(&call->allocator, &call->guest, len, &pointer);
    if (problem != NULL)
        return subx_marshal__no_room(call, import, problem);
    uint8_t *const to = call->guest.base + pointer;
    if (!subx_guest__in_bounds(&call->guest, pointer, len))
        return subx_marshal__out_of_bounds(call, import, "result", pointer, len);
    memcpy(to, result->head, result->head_len);
    if (result->body.len > 0)
        memcpy(to + result->head_len, result->body.data, result->body.len);
    values[0].u64 = pointer | (uint64_t)len << 32;
    return true;
}

bool subx_marshal__give_bytes(struct subx_call *call, const char *import, union subx_value *values,
                              struct subx_host_bytes *result)
{
    const bool given = give_bytes(call, import, values, result);
    subx_bytes_free(&result->owned);
    return given;
}
