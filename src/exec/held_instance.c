/* Instances that the caller holds, and entry points found once. */
#include <string.h>

#include "exec/method.h"
#include "exec/runtime_internal.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

struct subx_instance {
    subx_runtime *runtime;
    struct subx_guest_instance *guest; /* fresh, or NULL: made at the next call */
};

const subx_entry *subx_runtime_entry(const subx_runtime *runtime, const char *name)
{
    const struct subx_entry *entry = NULL;
    return subx_method__find_entry(runtime, name, &entry, NULL) == SUBX_OK ? entry : NULL;
}

subx_status subx_instance_new(subx_runtime *runtime, subx_instance **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(runtime != NULL, error);
    subx_instance *instance = subx_mem__calloc(1, sizeof *instance);
    if (instance == NULL)
        return subx_error__nomem(error);
    instance->runtime = runtime;
    const subx_status status = runtime->strategy->acquire(runtime, &instance->guest, error);
    if (status != SUBX_OK) {
        subx_mem__free(instance);
        return status;
    }
    *out = instance;
    return SUBX_OK;
}

void subx_instance_free(subx_instance *instance)
{
    if (instance == NULL)
        return;
    if (instance->guest != NULL)
        instance->runtime->strategy->release(instance->guest, true);
    subx_mem__free(instance);
}

subx_slice subx_instance_memory(const subx_instance *instance)
{
    if (instance->guest == NULL)
        return SUBX_EMPTY;
    const struct subx_guest *memory = &instance->guest->call.guest;
    return subx_slice__of(memory->base, (size_t)memory->size);
}

static bool is_entry_of(const subx_runtime *runtime, const subx_entry *entry)
{
    const uintptr_t first = (uintptr_t)runtime->entries, at = (uintptr_t)entry;
    return at >= first && at - first < runtime->entry_count * sizeof *entry;
}

subx_status subx_instance_call(subx_instance *instance, const subx_entry *entry, subx_slice input,
                               const subx_call_options *options, subx_bytes *output,
                               subx_error *error)
{
    SUBX_CHECK_ARG(output != NULL, error);
    *output = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(instance != NULL && entry != NULL, error);
    SUBX_CHECK_ARG(is_entry_of(instance->runtime, entry), error);
    SUBX_CHECK_ARG(input.data != NULL || input.len == 0, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    const struct instance_strategy *strategy = instance->runtime->strategy;
    subx_status status = SUBX_OK;
    if (instance->guest == NULL)
        status = strategy->acquire(instance->runtime, &instance->guest, error);
    if (status != SUBX_OK)
        return status;
    bool is_fresh = false;
    status = subx_call__run(instance->guest, entry, input, options, output, &is_fresh, error);
    if (!is_fresh) {
        strategy->release(instance->guest, false);
        instance->guest = NULL;
    }
    return status;
}

static subx_status read_global(struct subx_guest_instance *guest, const char *name, bool *found,
                               subx_value_kind *kind, subx_value *value, subx_error *error)
{
    wasmtime_extern_t item;
    if (!wasmtime_instance_export_get(guest->context, &guest->handle, name, strlen(name), &item))
        return SUBX_OK;
    subx_status status = SUBX_OK;
    wasmtime_val_t read = {.kind = WASMTIME_V128};
    if (item.kind == WASMTIME_EXTERN_GLOBAL)
        wasmtime_global_get(guest->context, &item.of.global, &read);
    if (item.kind == WASMTIME_EXTERN_GLOBAL && read.kind <= WASMTIME_F64) {
        *found = true;
        *kind = (subx_value_kind)read.kind; /* the engine's numbers are these */
        memcpy(value, &read.of.i64, sizeof read.of.i64);
    } else {
        status =
            subx_error__set(error, SUBX_OTHER, "export %s is not a global of a number type", name);
    }
    wasmtime_val_unroot(&read);
    wasmtime_extern_delete(&item);
    return status;
}

subx_status subx_runtime_global(subx_runtime *runtime, const char *name, bool *found,
                                subx_value_kind *kind, subx_value *value, subx_error *error)
{
    SUBX_CHECK_ARG(
        runtime != NULL && name != NULL && found != NULL && kind != NULL && value != NULL, error);
    *found = false;
    *kind = SUBX_VALUE_I32;
    *value = (subx_value){.u64 = 0};
    struct subx_guest_instance *guest = NULL;
    subx_status status = runtime->strategy->acquire(runtime, &guest, error);
    if (status != SUBX_OK)
        return status;
    status = read_global(guest, name, found, kind, value, error);
    runtime->strategy->release(guest, true);
    return status;
}
