/* Interface `misc`: spec/host-api.md section 1.6. Whatever is printed goes to the log, at the level
 * debug, as target "runtime". */
#include <inttypes.h>
#include <stdio.h>

#include "host/host_functions.h"
#include "host/host_state.h"
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
    if (!found && call->failure->status != SUBX_OK)
        return false;
    if (found)
        subx_host_bytes__some(result, (subx_slice){result->owned.data, result->owned.len});
    else
        subx_host_bytes__none(result);
    return true;
}

/* RFC-145: all ones for none, else the length; written only if it fits. */
bool subx_host_misc__runtime_version_2(struct subx_call *call, subx_slice wasm,
                                       struct subx_span out, uint64_t *result)
{
    subx_bytes version = SUBX_BYTES_INIT;
    const bool found =
        call->read_version != NULL && call->read_version(call->read_version_data, wasm, &version);
    if (!found && call->failure->status != SUBX_OK)
        return false;
    if (found && version.len > 0 && version.len <= out.len)
        memcpy(out.data, version.data, version.len);
    *result = found ? version.len : UINT64_MAX;
    subx_bytes_free(&version);
    return true;
}

/* Only runtimes of early 2020 may ask; every node answered the same. */
bool subx_host_misc__chain_id(struct subx_call *call, uint64_t *result)
{
    (void)call;
    *result = 42;
    return true;
}

/* RFC-145: where the last limited removal stopped; all ones for none. Handed out once. */
bool subx_host_misc__last_cursor(struct subx_call *call, struct subx_span out, uint64_t *result)
{
    if (!subx_host_state__is_given(call))
        return false;
    struct subx_changes *const changes = call->changes;
    *result = changes->has_cursor ? changes->cursor.len : UINT64_MAX;
    if (changes->has_cursor && changes->cursor.len <= out.len) {
        memcpy(out.data, changes->cursor.data, changes->cursor.len);
        changes->has_cursor = false;
    }
    return true;
}
