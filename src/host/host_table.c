/* The table of host functions, generated from host_functions.def, and the ways to ask it. */
#include <subexec/code.h>

#include "host/host_functions.h"
#include "util/check.h"

#define SUBX_HOST_FUNCTION SUBX_HOST_ENTRY
#include "host/host_functions.def"
#undef SUBX_HOST_FUNCTION

#define SUBX_HOST_FUNCTION SUBX_HOST_ROW
const struct subx_host_function subx_host__functions[] = {
#include "host/host_functions.def"
};
#undef SUBX_HOST_FUNCTION

const size_t subx_host__function_count =
    sizeof subx_host__functions / sizeof subx_host__functions[0];

/* Bytewise order; a name that another one starts with comes first. */
static int compare(subx_slice a, const char *b)
{
    const size_t b_len = strlen(b);
    const int order = memcmp(a.data, b, a.len < b_len ? a.len : b_len);
    if (order != 0)
        return order;
    return (a.len > b_len) - (a.len < b_len);
}

const struct subx_host_function *subx_host__find(subx_slice name)
{
    if (name.len == 0)
        return NULL;
    size_t low = 0, high = subx_host__function_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare(name, subx_host__functions[middle].name);
        if (order == 0)
            return &subx_host__functions[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t subx_host_function_count(void)
{
    return subx_host__function_count;
}

subx_host_function_info subx_host_function_at(size_t index)
{
    SUBX_CHECK(index < subx_host__function_count);
    const struct subx_host_function *const function = &subx_host__functions[index];
    return (subx_host_function_info){function->interface, function->name, function->type};
}
