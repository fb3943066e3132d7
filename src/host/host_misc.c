/* Interface `misc`: spec/host-api.md section 1.6. Whatever is printed goes to the log, at the level
 * debug, as target "runtime". */
#include <inttypes.h>
#include <stdio.h>

#include "host/host_functions.h"
#include "util/hex.h"

static void print(const struct subx_call *call, subx_slice text)
{
    subx_call__log(call, SUBX_LOG_DEBUG, subx_slice__text("runtime"), text);
}

bool subx_host_misc__print_num(struct subx_call *call, uint64_t value)
{
    if (!subx_call__logs(call, SUBX_LOG_DEBUG))
        return true;
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    print(call, subx_slice__text(text));
    return true;
}

bool subx_host_misc__print_utf8(struct subx_call *call, subx_slice utf8)
{
    if (subx_call__logs(call, SUBX_LOG_DEBUG) && subx_utf8__valid(utf8))
        print(call, utf8);
    return true;
}

bool subx_host_misc__print_hex(struct subx_call *call, subx_slice data)
{
    if (!subx_call__logs(call, SUBX_LOG_DEBUG))
        return true;
    struct subx_buf text = SUBX_BUF_INIT;
    subx_hex__append(&text, data);
    const bool made = !text.failed;
    if (made)
        print(call, subx_buf__slice(&text));
    subx_buf__free(&text);
    return made || subx_call__fail_nomem(call);
}

bool subx_host_misc__runtime_version(struct subx_call *call, subx_slice wasm,
                                     struct subx_host_bytes *result)
{
    const bool found = call->read_version != NULL &&
                       call->read_version(call->read_version_data, wasm, &result->owned);
    if (found)
        subx_host_bytes__some(result, (subx_slice){result->owned.data, result->owned.len});
    else
        subx_host_bytes__none(result);
    return true;
}
