/* Interface `logging`: spec/host-api.md section 1.6. */
#include "host/host_functions.h"

/* Levels on the wire: 0 error ... 4 trace. One above is our SUBX_LOG_ERROR ... SUBX_LOG_TRACE. */
#define WIRE_LEVELS 5u
_Static_assert(SUBX_LOG_ERROR == 1 && SUBX_LOG_TRACE == WIRE_LEVELS,
               "log levels are those of the wire plus one");

bool subx_host_logging__log(struct subx_call *call, uint8_t level, subx_slice target,
                            subx_slice message)
{
    if (level >= WIRE_LEVELS)
        return subx_call__fail(call, "'level' is %u: no log level, these are 0 to %u", level,
                               WIRE_LEVELS - 1);
    const subx_log_level ours = (subx_log_level)(level + 1);
    /* A message that is not UTF-8 is dropped, a target that is not has failed before. */
    if (subx_call__logs(call, ours) && subx_utf8__valid(message))
        subx_call__log(call, ours, target, message);
    return true;
}

bool subx_host_logging__max_level(struct subx_call *call, uint32_t *result)
{
    *result = call->log_level;
    return true;
}
