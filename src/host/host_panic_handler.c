/*
 * Interface `panic_handler`: spec/host-api.md sections 1.6 and 10. The message is only recorded;
 * the guest goes on and traps by itself. It explains the call's failure, should it fail, for
 * whatever reason; the last message counts.
 */
#include "host/host_functions.h"

bool subx_host_panic_handler__abort_on_panic(struct subx_call *call, subx_slice message)
{
    /* No more than an error can show, where the cut is marked: the guest may say gigabytes. */
    if (message.len > SUBX_ERROR_MESSAGE_SIZE)
        message.len = SUBX_ERROR_MESSAGE_SIZE;
    struct subx_buf *const record = &call->panic_message;
    record->len = 0;
    record->failed = false;
    /* One byte more, so that an empty message is no NULL pointer. */
    call->panicked = subx_buf__reserve(record, message.len + 1);
    subx_buf__append_slice(record, message);
    return call->panicked || subx_call__fail_nomem(call);
}
