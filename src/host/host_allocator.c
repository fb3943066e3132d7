/* Interface `allocator`: spec/host-api.md sections 1.6 and 2.1. */
#include "host/host_functions.h"

bool subx_host_allocator__malloc(struct subx_call *call, uint32_t size, uint32_t *result)
{
    const char *const problem =
        subx_allocator__allocate(&call->allocator, &call->guest, size, result);
    if (problem != NULL)
        return subx_call__fail(call, "Failed to allocate memory: \"%s\"", problem);
    return true;
}

bool subx_host_allocator__free(struct subx_call *call, uint32_t pointer)
{
    const char *const problem = subx_allocator__deallocate(&call->allocator, &call->guest, pointer);
    if (problem != NULL)
        return subx_call__fail(call, "Failed to deallocate memory: \"%s\"", problem);
    return true;
}
