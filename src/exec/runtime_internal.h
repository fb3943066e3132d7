/*
 * A runtime, its instances and the strategy between them, as the files of this room share them.
 *
 *   executor ──► engines, one per configuration
 *   runtime  ──► engine, module, instance_pre, entries    immutable but for its free list, shared
 *   instance ──► store, memory, struct subx_call          one thread at a time
 */
#ifndef SUBX_EXEC_RUNTIME_INTERNAL_H
#define SUBX_EXEC_RUNTIME_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include <wasmtime.h>

#include <subexec/runtime.h>

#include "exec/engine.h"
#include "host/call.h"
#include "platform/pages.h"

/* What subx_executor_stats tells of. */
struct subx_executor_counters {
    _Atomic uint64_t hits, waits, artifacts_loaded, compilations, artifacts_written,
        artifacts_failed, artifacts_replaced, evicted;
};

/* A public function's runtime options: NULL, or of this version and with a strategy that there is. */
#define SUBX_CHECK_RUNTIME_OPTIONS(options, error)                                             \
    SUBX_CHECK_ARG((options) == NULL || ((options)->struct_size == sizeof *(options) &&        \
                                         (unsigned)(options)->strategy < SUBX_STRATEGY_COUNT), \
                   error)

struct subx_executor {
    _Atomic uint32_t references; /* the owner's, and one for each runtime */
    subx_executor_options options;
    char *artifact_folder; /* NULL: none */
    struct subx_runtime_cache *cache;
    struct subx_executor_counters counters;
    struct subx_stack_cache *stacks;
    pthread_mutex_t lock; /* guards what follows */
    struct subx_engine *engines;
    bool probed;
    struct subx_page_support pages;
    struct subx_page_tables *page_tables; /* NULL where the kernel does not tell */
};

/* How the input of a call comes to the guest. */
enum subx_input_style {
    SUBX_INPUT_NONE,   /* it is no entry point */
    SUBX_INPUT_PLACED, /* (pointer, length) -> i64: with the host's allocator in the guest's memory */
    SUBX_INPUT_READ    /* (length) -> i64, of RFC-145: the guest asks for it by ext_input_read */
};

/* An export, and whether it is a runtime's entry point. */
struct subx_entry {
    char *name;
    size_t name_len;
    bool is_function;
    enum subx_input_style input;
};

/* The memory of a fresh instance, from its data segments; zeros behind it. */
struct subx_pristine {
    uint8_t *image;
    size_t zeros; /* whole pages at its start that hold nothing: the guest's stack, mostly */
    size_t len;   /* whole pages */
};

/* A mutable global and its value in a fresh instance. */
struct subx_saved_global {
    char name[32]; /* under which a pass of ours exports it */
    wasmtime_val_t value;
};

struct subx_counters {
    _Atomic uint64_t calls, instances, discarded, resets, scans, restored_pages;
};

struct subx_runtime {
    _Atomic uint32_t references; /* of who got it, and the cache's */
    size_t compiled_size;        /* bytes of compiled code */
    subx_executor *executor;
    const struct instance_strategy *strategy;
    subx_runtime_options options; /* as they are in force */
    struct subx_engine *engine;   /* the executor's */
    wasmtime_module_t *module;
    wasmtime_instance_pre_t *instance_pre;
    bool host_allocates; /* it imports a function for which the host allocates guest memory */
    struct subx_entry *entries; /* all exports that have a C name, sorted */
    size_t entry_count;
    /* What calls write is kept off the processor's lines that all of them read. */
    char apart[64];
    struct subx_counters counters;
    char apart_from_counters[64];

    /* The same for all instances; from the first one. */
    bool has_first;
    uint32_t heap_base;
    uint32_t initial_pages; /* of the memory, before it is grown for a static heap */

    /* For the strategy that resets. */
    struct subx_pristine pristine;
    struct subx_saved_global *globals;
    size_t global_count;
    bool dont_need_restores;        /* MADV_DONTNEED brings the pristine contents back */
    struct subx_slot_keeper keeper; /* of slots that idle instances are in */
    char apart_from_idle[64];
    pthread_mutex_t idle_lock;
    struct subx_guest_instance *idle; /* ready for a call, the one used last first */
    uint32_t idle_count;
    char apart_at_end[64];
};

/* Whether host functions may be called on an instance. */
enum subx_instance_phase {
    SUBX_OUTSIDE_CALL, /* they may not */
    SUBX_IN_CALL,
    SUBX_IN_TIMED_CALL /* and what they take is measured */
};

struct subx_guest_instance {
    subx_runtime *runtime;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t handle;
    wasmtime_memory_t memory;
    enum subx_instance_phase phase;
    bool may_grow; /* the guest can grow its memory */
    struct subx_call call;

    /* For the strategy that resets. */
    struct subx_guest_instance *next_idle;
    uint64_t fresh_size; /* of the memory, in bytes */
    wasmtime_global_t *globals;
    wasmtime_func_t *functions;  /* of the runtime's entries; store_id 0: not looked up yet */
    struct subx_fault_mark mark; /* before anything of this call could write */
    bool mark_is_old;            /* it is the end of the call before */
    uint32_t fresh_marks; /* calls that take a mark of their own, after an old one cost a scan */
    struct subx_page_run *hot; /* pages known to be private: restored after each call */
    size_t hot_count;
    bool is_scanned; /* before the first scan pages may be private that no call has written */

    /* Of a timed call; nanoseconds. */
    uint64_t host_function_calls, host_functions_time;
};

/* How instances come to be and where they go after a call. */
struct instance_strategy {
    const char *name;
    bool copy_on_write; /* what the engine must be */
    bool pooling;
    /* Give an instance in precisely the state of a fresh one. */
    subx_status (*acquire)(subx_runtime *runtime, struct subx_guest_instance **out,
                           subx_error *error);
    /* On the thread of the call, right before it. */
    void (*begin)(struct subx_guest_instance *instance);
    /* On the thread of the call, after the output was copied: put the instance back into the state
     * of a fresh one. False: it cannot be done. Not asked after a failure that leaves the
     * instance's state in doubt. */
    bool (*renew)(struct subx_guest_instance *instance);
    /* Take an instance back; one that is not fresh is dropped. */
    void (*release)(struct subx_guest_instance *instance, bool is_fresh);
};

/* Let idle instances of a runtime give way where slots of the pool are short. `keeper` is the runtime's. */
bool subx_strategy__give_way(struct subx_slot_keeper *keeper);

/* By enum subx_strategy. */
extern const struct instance_strategy subx_strategies[SUBX_STRATEGY_COUNT];

/* The engine with this configuration, made if there is none; borrowed from the executor. */
subx_status subx_executor__engine(subx_executor *executor, const struct subx_engine_config *config,
                                  struct subx_engine **out, subx_error *error);

/* What the kernel offers for resetting in place; tried once. */
struct subx_page_support subx_executor__page_support(subx_executor *executor);

/* Say something to whoever listens to the executor. */
void subx_executor__notice(const subx_executor *executor, subx_log_level level, const char *format,
                           ...) __attribute__((format(printf, 3, 4)));

/* Take and drop a reference. */
subx_executor *subx_executor__retain(subx_executor *executor);
void subx_executor__release(subx_executor *executor);

/* subx_runtime_new() for callers inside: `wasm` is a module, decompressed; `options` are complete.
 */
subx_status subx_runtime__new(subx_executor *executor, subx_slice wasm,
                              const subx_runtime_options *options, subx_runtime **out,
                              subx_error *error);

/* The same of code: from the executor's folder of artifacts if it is there, else compiled and kept
 * there. */
subx_status subx_runtime__of_code(subx_executor *executor, const subx_code *code,
                                  const subx_runtime_options *options, subx_runtime **out,
                                  subx_error *error);

/* Take a reference; subx_runtime_free() drops one. */
subx_runtime *subx_runtime__retain(subx_runtime *runtime);

/*
 * subx_runtime_call() for callers inside; `nested` calls cannot ask for the version of further
 * code, so that code which asks for its own version does not recurse.
 */
subx_status subx_runtime__call(subx_runtime *runtime, const char *method, subx_slice input,
                               const subx_call_options *options, bool nested, subx_bytes *output,
                               subx_error *error);

/* Run one call on an instance that is fresh; `is_fresh` says whether it is so again afterwards. */
subx_status subx_call__run(struct subx_guest_instance *instance, const struct subx_entry *entry,
                           subx_slice input, const subx_call_options *options, subx_bytes *output,
                           bool *is_fresh, subx_error *error);

/* Find an export by name; NULL if there is none. */
const struct subx_entry *subx_runtime__find_entry(const subx_runtime *runtime, const char *name);

/* Resolve the imports of the runtime's module against the host functions: fills `instance_pre` and
 * `host_allocates`. */
subx_status subx_linker__resolve(subx_runtime *runtime, subx_error *error);

/* Make an instance: store, limits, memory at its starting size, `__heap_base`. May wait for a slot
 * of the pool. */
subx_status subx_instance__new(subx_runtime *runtime, struct subx_guest_instance **out,
                               subx_error *error);
void subx_instance__free(struct subx_guest_instance *instance);
/* The same for who goes on with its slot of the pool. */
void subx_instance__free_but_slot(struct subx_guest_instance *instance);

/* Read the memory's address and size again; after the memory grew, or the guest ran and might have grown it. */
static inline void subx_instance__refresh(struct subx_guest_instance *instance)
{
    instance->call.guest.base = wasmtime_memory_data(instance->context, &instance->memory);
    instance->call.guest.size = wasmtime_memory_data_size(instance->context, &instance->memory);
}

static inline void subx_instance__refresh_if_growing(struct subx_guest_instance *instance)
{
    if (instance->may_grow)
        subx_instance__refresh(instance);
}

/*
 * Version of the runtime in `code`, for ext_misc_runtime_version: from its custom sections, else by
 * calling `Core_version` over an empty state. `version` is the caller's to free on SUBX_OK; other
 * statuses say that there is none, whatever the reason, but SUBX_NOMEM that it could not be had.
 */
subx_status subx_version_reader__of_code(subx_executor *executor, subx_slice code,
                                         subx_bytes *version);

/* The same for a host function. `data` is the instance whose call asks. False: there is none; for
 * lack of memory the call's failure is recorded. */
bool subx_version_reader__read(void *data, subx_slice code, subx_bytes *version);

#endif
