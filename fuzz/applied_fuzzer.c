/*
 * What runtimes answer to an extrinsic (chain/applied.h), from any bytes; the first one is the version of
 * the API. What must hold: there is a reason if and only if there is an error, it is printable text that
 * ends within its room, and a module's error is told with it.
 */
#include <stdlib.h>
#include <string.h>

#include "chain/applied.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    subx_applied applied;
    if (size == 0)
        return 0;
    memset(&applied, 0xee, sizeof applied);
    const subx_slice answer = {data + 1, size - 1};
    if (!subx_applied__decode(answer, data[0], &applied))
        return 0;
    const char *end = memchr(applied.reason, '\0', sizeof applied.reason);
    demand(end != NULL);
    for (const char *at = applied.reason; at < end; at++)
        demand(*at >= ' ' && *at <= '~');
    demand(applied.kind <= SUBX_APPLIED_INVALID);
    demand((end == applied.reason) == (applied.kind == SUBX_APPLIED_OK));
    demand(applied.has_module == (strstr(applied.reason, "Module {") != NULL));
    demand(!applied.has_module || applied.kind == SUBX_APPLIED_FAILED);
    demand(applied.encoded.data == answer.data && applied.encoded.len == answer.len);
    return 0;
}
