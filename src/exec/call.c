/*
 * One call (spec/executor.md section 1.1, "Call flow"): input through a fresh allocator, run,
 * allocation statistics, check the range that the guest answers, copy it out.
 */
#include <stdatomic.h>
#include <string.h>

#include "exec/method.h"
#include "exec/wasmtime_error.h"
#include "platform/stack.h"
#include "storage/changes.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* Stack that host functions may use on top of the guest's, in bytes. */
#define HOST_STACK ((size_t)1 << 20)

/* Values of the largest entry point: a dispatcher takes three. */
#define ENTRY_VALUES_MAX 3

/* Put the options of this call into what host functions see, and everything else into its starting
 * state. */
static void begin(struct subx_guest_instance *instance, const subx_call_options *options,
                  subx_slice input, subx_executor *executor, subx_error *host_failure)
{
    const struct subx_grants grants = {
        .keystore = options->keystore,
        .offchain = options->offchain,
        .local_storage = options->local_storage,
        .proof_size = options->proof_size,
        .proof_size_data = options->proof_size_data,
        .transaction_index = options->transaction_index,
        .transaction_index_data = options->transaction_index_data,
        .additional_data = options->additional_data,
        .additional_data_data = options->additional_data_data,
    };
    struct subx_call *call = &instance->call;
    subx_allocator__init(&call->allocator, instance->runtime->heap_base);
    call->log = options->log;
    call->log_data = options->log_data;
    call->log_level = options->log != NULL ? (uint32_t)options->log_level : 0;
    call->read_version = executor != NULL ? subx_version_reader__read : NULL;
    call->read_version_data = instance;
    subx_call__begin(call, &grants, input);
    call->changes = options->changes;
    call->failure = host_failure;
    instance->phase = SUBX_IN_CALL;
    if (options->time_host_functions) {
        instance->host_function_calls = 0;
        instance->host_functions_time = 0;
        instance->phase = SUBX_IN_TIMED_CALL;
    }
}

static subx_status place_input(struct subx_guest_instance *instance, subx_slice input,
                               uint32_t *pointer, subx_error *error)
{
    struct subx_call *call = &instance->call;
    const char *refused =
        subx_allocator__allocate(&call->allocator, &call->guest, (uint32_t)input.len, pointer);
    if (refused != NULL)
        return subx_error__set(error, SUBX_ALLOCATOR, "%s", refused);
    if (!subx_guest__write(&call->guest, *pointer, input))
        return subx_error__set(error, SUBX_OTHER, "memory write is out of bounds");
    return SUBX_OK;
}

/* Turn what ended the guest into the call's failure: a panic message of the runtime goes before the
 * trap's text. */
static subx_status failed(struct subx_guest_instance *instance, wasmtime_error_t *failure,
                          wasm_trap_t *trap, subx_error *error)
{
    const struct subx_call *call = &instance->call;
    const subx_status host = call->failure->status;
    /* the machine's failure, not the guest's */
    if (host != SUBX_OK && host != SUBX_ABORTED_DUE_TO_TRAP)
        return subx_engine_error__take_call(failure, trap, host, error);
    if (!call->panicked)
        return subx_engine_error__take_call(failure, trap, SUBX_ABORTED_DUE_TO_TRAP, error);
    subx_error__set_text(error, SUBX_ABORTED_DUE_TO_PANIC, (const char *)call->panic_message.data,
                         call->panic_message.len);
    return subx_engine_error__take_call(failure, trap, SUBX_ABORTED_DUE_TO_PANIC, error);
}

/* One entry into the guest: what goes in and what comes out. */
struct entering {
    struct subx_guest_instance *instance;
    const wasmtime_func_t *function;
    wasmtime_val_raw_t values[ENTRY_VALUES_MAX];
    wasmtime_error_t *failure;
    wasm_trap_t *trap;
};

static void enter_guest(void *data)
{
    struct entering *entering = data;
    entering->failure =
        wasmtime_func_call_unchecked(entering->instance->context, entering->function,
                                     entering->values, ENTRY_VALUES_MAX, &entering->trap);
}

static size_t stack_needed(const struct subx_guest_instance *instance)
{
    return (size_t)instance->runtime->engine->config.native_stack + HOST_STACK;
}

/* Enter the guest on this thread's stack, or on one of our own if too little is left. */
static bool enter(struct entering *entering)
{
    const size_t needed = stack_needed(entering->instance);
    if (subx_stack__left() < needed)
        return subx_stack__run(entering->instance->runtime->executor->stacks, needed, enter_guest,
                               entering);
    enter_guest(entering);
    return true;
}

/* Make the parameters, and place the input where the guest expects it placed. */
static subx_status pass_input(struct subx_guest_instance *instance,
                              const struct subx_target *target, subx_slice input,
                              wasmtime_val_raw_t *value, subx_error *error)
{
    if (input.len > UINT32_MAX)
        return subx_error__set(error, SUBX_ALLOCATOR, "Requested allocation size is too large");
    if (target->dispatches)
        (value++)->i32 = (int32_t)target->dispatched;
    if (target->input == SUBX_INPUT_PLACED) {
        uint32_t pointer = 0;
        const subx_status status = place_input(instance, input, &pointer, error);
        if (status != SUBX_OK)
            return status;
        (value++)->i32 = (int32_t)pointer;
    }
    value->i32 = (int32_t)(uint32_t)input.len;
    return SUBX_OK;
}

static subx_status run(struct subx_guest_instance *instance, const struct subx_target *target,
                       subx_slice input, subx_slice *output, bool *sound, subx_error *error)
{
    struct entering entering = {.instance = instance, .function = &target->function};
    const subx_status status = pass_input(instance, target, input, entering.values, error);
    if (status != SUBX_OK)
        return status;
    if (!enter(&entering))
        return subx_error__set(error, SUBX_NOMEM, "no stack of %llu bytes for the guest",
                               (unsigned long long)stack_needed(instance));
    subx_instance__refresh_if_growing(instance);
    if (entering.failure != NULL || entering.trap != NULL) {
        /* A trap of the guest leaves nothing half done; a host function that gave up might. */
        *sound = entering.failure == NULL;
        return failed(instance, entering.failure, entering.trap, error);
    }
    const uint64_t range = (uint64_t)entering.values[0].i64;
    if (!subx_guest__borrow(&instance->call.guest, (uint32_t)range, (uint32_t)(range >> 32),
                            output))
        return subx_error__set(error, SUBX_OUTPUT_EXCEEDS_BOUNDS,
                               "output exceeds bounds of wasm memory: %u bytes at %u, of %llu",
                               (unsigned)(range >> 32), (unsigned)(uint32_t)range,
                               (unsigned long long)instance->call.guest.size);
    return SUBX_OK;
}

static void report_stats(const struct subx_guest_instance *instance, bool is_timed,
                         subx_call_stats *stats)
{
    const struct subx_allocator_stats *counted = &instance->call.allocator.stats;
    *stats = (subx_call_stats){
        .bytes_allocated = counted->bytes_allocated,
        .bytes_allocated_peak = counted->bytes_allocated_peak,
        .bytes_allocated_sum = counted->bytes_allocated_sum,
        .address_space_used = counted->address_space_used,
        .memory_pages = (uint32_t)(instance->call.guest.size / SUBX_WASM_PAGE),
    };
    if (is_timed) {
        stats->host_function_calls = instance->host_function_calls;
        stats->host_functions_time = instance->host_functions_time;
    }
}

static subx_status copy_out(subx_slice range, subx_bytes *output, subx_error *error)
{
    uint8_t *data = subx_mem__copy(range.data, range.len);
    if (data == NULL)
        return subx_error__nomem(error);
    *output = (subx_bytes){data, range.len};
    return SUBX_OK;
}

/* Run with the call's storage, if it has any, open for it. */
static subx_status run_with_storage(struct subx_guest_instance *instance,
                                    const struct subx_target *target, subx_slice input,
                                    subx_slice *output, bool *sound, subx_error *error)
{
    struct subx_changes *const changes = instance->call.changes;
    subx_status status = changes == NULL ? SUBX_OK : subx_changes__begin_call(changes, error);
    if (status != SUBX_OK)
        return status;
    status = run(instance, target, input, output, sound, error);
    if (changes != NULL)
        subx_changes__end_call(changes);
    return status;
}

/* `sound` becomes false when the instance's state is in doubt afterwards. */
static subx_status call_on(struct subx_guest_instance *instance, const struct subx_target *target,
                           subx_slice input, const subx_call_options *options, bool nested,
                           subx_bytes *output, bool *sound, subx_error *error)
{
    subx_error host_failure;
    subx_error_clear(&host_failure);
    begin(instance, options, input, nested ? NULL : instance->runtime->executor, &host_failure);
    subx_slice range = SUBX_EMPTY;
    subx_status status = run_with_storage(instance, target, input, &range, sound, error);
    instance->phase = SUBX_OUTSIDE_CALL;
    instance->call.failure = NULL;
    if (options->stats != NULL)
        report_stats(instance, options->time_host_functions, options->stats);
    if (status == SUBX_OK)
        status = copy_out(range, output, error);
    return status;
}

static const subx_call_options default_options = SUBX_CALL_OPTIONS_INIT;

/* Either `entry` or `table` says what to call. `is_fresh`: the instance can take another call. */
static subx_status call_instance(struct subx_guest_instance *instance,
                                 const struct subx_entry *entry, const subx_method *table,
                                 subx_slice input, const subx_call_options *options, bool nested,
                                 subx_bytes *output, bool *is_fresh, subx_error *error)
{
    subx_runtime *runtime = instance->runtime;
    atomic_fetch_add_explicit(&runtime->counters.calls, 1, memory_order_relaxed);
    runtime->strategy->begin(instance);
    struct subx_target target;
    bool sound = true;
    subx_status status = entry != NULL ? subx_method__of_entry(instance, entry, &target, error)
                                       : subx_method__of_table(instance, table, &target, error);
    if (status == SUBX_OK)
        status = call_on(instance, &target, input, options != NULL ? options : &default_options,
                         nested, output, &sound, error);
    *is_fresh = sound && runtime->strategy->renew(instance);
    return status;
}

static subx_status call_once(subx_runtime *runtime, const struct subx_entry *entry,
                             const subx_method *table, subx_slice input,
                             const subx_call_options *options, bool nested, subx_bytes *output,
                             subx_error *error)
{
    struct subx_guest_instance *instance = NULL;
    subx_status status = runtime->strategy->acquire(runtime, &instance, error);
    if (status != SUBX_OK)
        return status;
    bool is_fresh = false;
    status =
        call_instance(instance, entry, table, input, options, nested, output, &is_fresh, error);
    runtime->strategy->release(instance, is_fresh);
    return status;
}

subx_status subx_runtime__call(subx_runtime *runtime, const char *method, subx_slice input,
                               const subx_call_options *options, bool nested, subx_bytes *output,
                               subx_error *error)
{
    const struct subx_entry *entry = NULL;
    const subx_status status = subx_method__find_entry(runtime, method, &entry, error);
    if (status != SUBX_OK)
        return status;
    return call_once(runtime, entry, NULL, input, options, nested, output, error);
}

subx_status subx_runtime_call(subx_runtime *runtime, const char *method, subx_slice input,
                              const subx_call_options *options, subx_bytes *output,
                              subx_error *error)
{
    SUBX_CHECK_ARG(output != NULL, error);
    *output = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(runtime != NULL && method != NULL, error);
    SUBX_CHECK_ARG(input.data != NULL || input.len == 0, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    return subx_runtime__call(runtime, method, input, options, false, output, error);
}

subx_status subx_runtime_call_method(subx_runtime *runtime, const subx_method *method,
                                     subx_slice input, const subx_call_options *options,
                                     subx_bytes *output, subx_error *error)
{
    SUBX_CHECK_ARG(output != NULL, error);
    *output = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(runtime != NULL && method != NULL, error);
    SUBX_CHECK_ARG(method->kind != SUBX_METHOD_EXPORT || method->name != NULL, error);
    SUBX_CHECK_ARG(input.data != NULL || input.len == 0, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    if (method->kind == SUBX_METHOD_EXPORT)
        return subx_runtime__call(runtime, method->name, input, options, false, output, error);
    return call_once(runtime, NULL, method, input, options, false, output, error);
}

subx_status subx_call__run(struct subx_guest_instance *instance, const struct subx_entry *entry,
                           subx_slice input, const subx_call_options *options, subx_bytes *output,
                           bool *is_fresh, subx_error *error)
{
    return call_instance(instance, entry, NULL, input, options, false, output, is_fresh, error);
}
