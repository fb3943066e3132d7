/*
 * One runtime call as host functions see it: guest memory, allocator, log, and where failures go.
 * Everything that a host function may need hangs here; there are no globals. Nothing in this room
 * knows the engine, so a plain byte array can be the guest in tests.
 */
#ifndef SUBX_HOST_CALL_H
#define SUBX_HOST_CALL_H

#include <stdbool.h>

#include <subexec/host.h>
#include <subexec/keystore.h>
#include <subexec/offchain.h>
#include <subexec/runtime.h>
#include <subexec/state.h>

#include "host/freeing_bump.h"
#include "util/bytes.h"

/* What the caller of a runtime call lets its host functions reach beyond the state; NULL: not that.
 * As the options of the call have them. */
struct subx_grants {
    const subx_keystore *keystore;
    const subx_offchain *offchain;
    const subx_local_storage *local_storage;
    subx_proof_size_fn proof_size;
    void *proof_size_data;
    subx_transaction_index_fn transaction_index;
    void *transaction_index_data;
    subx_additional_data_fn additional_data;
    void *additional_data_data;
};

/* An open batch of signatures (host_crypto.c). */
struct subx_signature_batch {
    bool is_open, all_valid;
};

/* What ext_additional_data_push collects (host_additional_data.c): SCALE forms of the items, one
 * after the other. */
struct subx_additional_items {
    struct subx_buf encoded;
    uint64_t count;
    bool is_final;
};

struct subx_call {
    struct subx_guest guest;
    struct subx_allocator allocator;

    /* Log lines up to `log_level` (0 off, 1 error ... 5 trace) go here; NULL: nowhere. */
    subx_log_fn log;
    void *log_data;
    uint32_t log_level;

    /* Runtime version of some code (ext_misc_runtime_version); gives the SCALE bytes of
     * `Option<Vec<u8>>`'s inner value in `version`, false: none, or a failure that it recorded. NULL:
     * not available, which answers None too. */
    bool (*read_version)(void *data, subx_slice code, subx_bytes *version);
    void *read_version_data;

    /* The storage; NULL: the call has none. */
    struct subx_changes *changes;

    struct subx_grants grants;
    struct subx_signature_batch batch;
    struct subx_additional_items additional_items;

    /* What the runtime was called with, for ext_input_read: once. */
    subx_slice input;
    bool input_is_taken;

    /* Message of the last ext_panic_handler_abort_on_panic; `panicked` tells an empty one from
     * none. */
    struct subx_buf panic_message;
    bool panicked;

    /* Why a host function gave up; the guest traps with it. */
    subx_error *failure;
};

/* Put all of a call into its starting state but guest, allocator, log, version reader and where
 * failures go. */
void subx_call__begin(struct subx_call *call, const struct subx_grants *grants, subx_slice input);

/* Release the buffers of a call that will not be used again. */
void subx_call__free(struct subx_call *call);

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
