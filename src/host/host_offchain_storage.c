/* Interface `offchain`, the node's local storage: spec/host-api.md sections 0, 1.7 and 10. */
#include "host/host_functions.h"
#include "host/host_scale.h"
#include "util/error.h"

_Static_assert(SUBX_LOCAL_PERSISTENT == 0 && SUBX_LOCAL_FORK_AWARE == 1,
               "kinds have the numbers of the wire");

/* The call's local storage and the kind, or a failed call. */
static const subx_local_storage *storage_of(struct subx_call *call, uint32_t number,
                                            subx_local_kind *kind)
{
    if (number > SUBX_LOCAL_FORK_AWARE) {
        subx_call__fail(call, "'kind' is %u: no kind of storage, these are 0 and 1", number);
        return NULL;
    }
    *kind = (subx_local_kind)number;
    if (call->grants.local_storage == NULL)
        subx_call__fail(call,
                        "this can be called only in an offchain worker, and the caller of this "
                        "call has given it no storage; `local_storage` in the call's options "
                        "would, for instance one of subx_local_storage_memory()");
    return call->grants.local_storage;
}

/* True if the storage did its part, else end the call for what it said. */
static bool check(struct subx_call *call, subx_status status, const subx_error *said)
{
    if (status == SUBX_OK)
        return true;
    if (status == SUBX_NOMEM)
        return subx_call__fail_nomem(call);
    return subx_call__fail(call, "the local storage: %s", said->message);
}

bool subx_host_offchain__local_storage_set(struct subx_call *call, uint32_t kind, subx_slice key,
                                           subx_slice value)
{
    subx_local_kind which = SUBX_LOCAL_PERSISTENT;
    const subx_local_storage *const storage = storage_of(call, kind, &which);
    if (storage == NULL)
        return false;
    subx_error said;
    subx_error_clear(&said);
    return check(call, storage->functions->set(storage->data, which, key, value, &said), &said);
}

bool subx_host_offchain__local_storage_clear(struct subx_call *call, uint32_t kind, subx_slice key)
{
    subx_local_kind which = SUBX_LOCAL_PERSISTENT;
    const subx_local_storage *const storage = storage_of(call, kind, &which);
    if (storage == NULL)
        return false;
    subx_error said;
    subx_error_clear(&said);
    return check(call, storage->functions->clear(storage->data, which, key, &said), &said);
}

bool subx_host_offchain__local_storage_compare_and_set(struct subx_call *call, uint32_t kind,
                                                       subx_slice key, subx_slice old_value,
                                                       subx_slice new_value, bool *result)
{
    bool has_old = false;
    subx_slice old;
    subx_local_kind which = SUBX_LOCAL_PERSISTENT;
    if (!subx_host_scale__option_bytes(call, "old_value", old_value, &has_old, &old))
        return false;
    const subx_local_storage *const storage = storage_of(call, kind, &which);
    if (storage == NULL)
        return false;
    subx_error said;
    subx_error_clear(&said);
    *result = false;
    return check(call,
                 storage->functions->compare_and_set(
                     storage->data, which, key, has_old ? &old : NULL, new_value, result, &said),
                 &said);
}

/* A value on its way: a copy, since what the storage gives is only borrowed for a moment. */
struct found {
    struct subx_buf bytes;
    bool is_some;
};

static void take_value(void *to, subx_slice value)
{
    struct found *const found = to;
    found->is_some = true;
    found->bytes.len = 0;
    subx_buf__append_slice(&found->bytes, value);
}

static bool get(struct subx_call *call, uint32_t kind, subx_slice key, struct found *found)
{
    subx_local_kind which = SUBX_LOCAL_PERSISTENT;
    const subx_local_storage *const storage = storage_of(call, kind, &which);
    if (storage == NULL)
        return false;
    *found = (struct found){SUBX_BUF_INIT, false};
    subx_error said;
    subx_error_clear(&said);
    const subx_status status =
        storage->functions->get(storage->data, which, key, take_value, found, &said);
    if (check(call, status, &said) && (!found->bytes.failed || subx_call__fail_nomem(call)))
        return true;
    subx_buf__free(&found->bytes);
    return false;
}

bool subx_host_offchain__local_storage_get(struct subx_call *call, uint32_t kind, subx_slice key,
                                           struct subx_host_bytes *result)
{
    struct found found;
    if (!get(call, kind, key, &found))
        return false;
    if (found.is_some) {
        /* with no memory behind it if it is empty */
        result->owned = (subx_bytes){found.bytes.data, found.bytes.len};
        subx_host_bytes__some(result, subx_buf__slice(&found.bytes));
    } else {
        subx_host_bytes__none(result);
    }
    return true;
}

/* RFC-145: all ones for no value, else how many bytes there are from `offset` on; as many as fit
 * are written. */
bool subx_host_offchain__local_storage_read(struct subx_call *call, uint32_t kind, subx_slice key,
                                            struct subx_span value_out, uint32_t offset,
                                            uint64_t *result)
{
    struct found found;
    if (!get(call, kind, key, &found))
        return false;
    *result = UINT64_MAX;
    if (found.is_some) {
        const size_t start = offset < found.bytes.len ? offset : found.bytes.len;
        const size_t left = found.bytes.len - start;
        const size_t copied = left < value_out.len ? left : value_out.len;
        if (copied > 0)
            memcpy(value_out.data, found.bytes.data + start, copied);
        *result = left;
    }
    subx_buf__free(&found.bytes);
    return true;
}
