/*
 * One runtime call as host functions see it: guest memory, allocator, log, and where failures go.
 * Everything that a host function may need hangs here; there are no globals. Nothing in this room
 * knows the engine, so a plain byte array can be the guest in tests.
 */
#ifndef SUBX_HOST_CALL_H
#define SUBX_HOST_CALL_H

#include <stdbool.h>

#include <subexec/host.h>
#include <subexec/runtime.h>

#include "host/freeing_bump.h"
#include "util/bytes.h"

struct subx_call {
    struct subx_guest guest;
    struct subx_allocator allocator;

    /* Log lines up to `log_level` (0 off, 1 error ... 5 trace) go here; NULL: nowhere. */
    subx_log_fn log;
    void *log_data;
    uint32_t log_level;

    /* Runtime version of some code (ext_misc_runtime_version); gives the SCALE bytes of
     * `Option<Vec<u8>>`'s inner value in `version`, false: none. NULL: not available, which answers
     * None too. */
    bool (*read_version)(void *data, subx_slice code, subx_bytes *version);
    void *read_version_data;

    /* Message of the last ext_panic_handler_abort_on_panic; `panicked` tells an empty one from
     * none. */
    struct subx_buf panic_message;
    bool panicked;

    /* Why a host function gave up; the guest traps with it. */
    subx_error *failure;
};

/*
 * Record why a host function gives up and return false, so that it can end with `return
 * subx_call__fail(...)`. Say what is wrong; the marshalling puts the import's name in front. The
 * status becomes SUBX_ABORTED_DUE_TO_TRAP, and the first failure wins.
 */
bool subx_call__fail(struct subx_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* The same for a failed allocation of the host's own, with SUBX_NOMEM: the guest is not to blame,
 * and the outcome says nothing about it. */
bool subx_call__fail_nomem(struct subx_call *call) __attribute__((cold));

/* Pass a line to the call's log if its filter admits that level. */
void subx_call__log(const struct subx_call *call, subx_log_level level, subx_slice target,
                    subx_slice message);

/* Whether subx_call__log() would pass on a line of that level: ask before making one at some cost.
 */
static inline bool subx_call__logs(const struct subx_call *call, subx_log_level level)
{
    return call->log != NULL && (uint32_t)level <= call->log_level;
}

#endif
