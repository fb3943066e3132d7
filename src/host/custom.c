/* What host functions of the caller's own may do; see include/subexec/host.h. */
#include <subexec/host.h>

#include "host/call.h"
#include "host/marshal.h"

bool subx_call_read(const subx_call *call, uint32_t pointer, uint32_t len, subx_slice *bytes)
{
    *bytes = SUBX_EMPTY;
    return subx_guest__borrow(&call->guest, pointer, len, bytes);
}

bool subx_call_write(subx_call *call, uint32_t pointer, subx_slice bytes)
{
    return subx_guest__write(&call->guest, pointer, bytes);
}

bool subx_call_allocate(subx_call *call, uint32_t size, uint32_t *pointer)
{
    *pointer = 0;
    const char *const problem =
        subx_allocator__allocate(&call->allocator, &call->guest, size, pointer);
    if (problem != NULL)
        return subx_call__fail(call, "Failed to allocate memory: \"%s\"", problem);
    return true;
}

bool subx_call_give(subx_call *call, subx_slice bytes, uint64_t *pointer_size)
{
    *pointer_size = 0;
    const uint32_t len = bytes.len > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes.len;
    uint32_t pointer = 0;
    if (!subx_call_allocate(call, len, &pointer))
        return false;
    if (!subx_guest__write(&call->guest, pointer, bytes))
        return subx_call__fail(call, "the allocated block is outside the guest's memory");
    *pointer_size = pointer | (uint64_t)len << 32;
    return true;
}

bool subx_call_fail(subx_call *call, const char *text)
{
    return subx_call__fail(call, "%s", text);
}
