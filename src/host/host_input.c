/* Interface `input` of RFC-145: spec/host-api.md section 1.6. */
#include "host/host_functions.h"

bool subx_host_input__read(struct subx_call *call, struct subx_span buffer)
{
    if (call->input_is_taken)
        return subx_call__fail(call, "the input was read before, it is there only once");
    if (buffer.len < call->input.len)
        return subx_call__fail(call, "'buffer' has %zu bytes, the input %zu", buffer.len,
                               call->input.len);
    if (call->input.len > 0)
        memcpy(buffer.data, call->input.data, call->input.len);
    call->input_is_taken = true;
    return true;
}
