/* What all host functions share of a call: failure and log; see call.h. */
#include "host/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/error.h"

void subx_call__begin(struct subx_call *call, const struct subx_grants *grants, subx_slice input)
{
    call->grants = *grants;
    call->batch = (struct subx_signature_batch){false, false};
    call->additional_items.encoded.len = 0;
    call->additional_items.encoded.failed = false;
    call->additional_items.count = 0;
    call->additional_items.is_final = false;
    call->input = input;
    call->input_is_taken = false;
    call->panicked = false;
    call->panic_message.len = 0;
}

void subx_call__free(struct subx_call *call)
{
    subx_buf__free(&call->additional_items.encoded);
    subx_buf__free(&call->panic_message);
}

bool subx_call__fail(struct subx_call *call, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    subx_error__set_text(call->failure, SUBX_ABORTED_DUE_TO_TRAP, text,
                         len < 0 ? 0 : strnlen(text, sizeof text));
    return false;
}

bool subx_call__fail_nomem(struct subx_call *call)
{
    subx_error__nomem(call->failure);
    return false;
}

void subx_call__log(const struct subx_call *call, subx_log_level level, subx_slice target,
                    subx_slice message)
{
    if (subx_call__logs(call, level))
        call->log(call->log_data, level, target, message);
}
