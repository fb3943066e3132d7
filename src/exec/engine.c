/* Engine configuration (spec/executor.md section 1.1, spec/wasmtime-c-api.md sections 0, 2 and 9).
 */
#include "exec/engine.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <subexec/runtime.h>
#include <subexec_rust_engine.h>

#include "exec/wasmtime_error.h"
#include "util/error.h"
#include "util/mem.h"

/* Number that artifacts carry beside the engine's exact version; raise it when the settings below
 * change. */
#define ARTIFACT_FORMAT 1u

/*
 * Data segments further apart than this are copied at instantiation instead of becoming one image:
 * without a bound, two bytes 1 GiB apart would make an artifact of 1 GiB.
 */
#define DENSE_IMAGE_SIZE ((uint64_t)16 << 20)

#define BACKTRACE_FRAMES 20u

/* The largest stack with which an overflow may still record its frames: it records all of them. */
#define BACKTRACE_STACK_LIMIT ((uint64_t)8 << 20)

/* The largest stack for the guest; validation's parameter for it has 32 bits too. Far beyond, sums of
 * addresses would wrap around. */
#define NATIVE_STACK_MAX ((uint64_t)UINT32_MAX)

/* The pool: address space only, until slots are used. */
#define POOL_SLOTS 64u
#define POOL_MIN_SLOTS 8u
#define POOL_WARM_SLOTS 4u
#define POOL_INSTANCE_SIZE ((size_t)16 << 20)
#define POOL_TABLE_ELEMENTS ((size_t)1 << 20)
#define POOL_MEMORY_SIZE ((size_t)4 << 30)
/* Tables up to this size, in bytes, are cleared in place instead of being given back to the kernel: clearing
 * one takes less than the system call and the page faults of the next use. That of a large runtime has some 20 KB. */
#define POOL_RESIDENT_TABLE ((size_t)32 << 10)

static uint32_t feature_bits(uint32_t extensions)
{
    static const struct {
        uint32_t extension, feature;
    } pairs[] = {
        {SUBX_EXTENSION_SIGN_EXTENSION, SUBX_RUST_SIGN_EXTENSION},
        {SUBX_EXTENSION_SATURATING_CONVERSION, SUBX_RUST_SATURATING_CONVERSION},
        {SUBX_EXTENSION_BULK_MEMORY, SUBX_RUST_BULK_MEMORY},
        {SUBX_EXTENSION_REFERENCE_TYPES, SUBX_RUST_REFERENCE_TYPES},
        {SUBX_EXTENSION_MULTI_VALUE, SUBX_RUST_MULTI_VALUE},
        {SUBX_EXTENSION_SIMD, SUBX_RUST_SIMD},
    };
    uint32_t bits = SUBX_RUST_MUTABLE_GLOBAL;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if ((extensions & pairs[i].extension) != 0)
            bits |= pairs[i].feature;
    return bits;
}

/* The reference's switch for profilers. */
static const char profiling_variable[] = "WASMTIME_PROFILING_STRATEGY";

static bool asks_for(const char *profiler)
{
    const char *wanted = getenv(profiling_variable);
    return wanted != NULL && strcmp(wanted, profiler) == 0;
}

const char *subx_engine__unknown_profiler(void)
{
    const char *wanted = getenv(profiling_variable);
    return wanted == NULL || wanted[0] == '\0' || asks_for("perfmap") ? NULL : wanted;
}

static void add_pool(wasm_config_t *config, uint32_t slots)
{
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
    wasmtime_pooling_allocation_config_max_unused_warm_slots_set(pool, POOL_WARM_SLOTS);
    wasmtime_pooling_allocation_config_total_core_instances_set(pool, slots);
    wasmtime_pooling_allocation_config_total_memories_set(pool, slots);
    wasmtime_pooling_allocation_config_total_tables_set(pool, slots);
    wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, POOL_INSTANCE_SIZE);
    wasmtime_pooling_allocation_config_table_elements_set(pool, POOL_TABLE_ELEMENTS);
    wasmtime_pooling_allocation_config_max_memory_size_set(pool, POOL_MEMORY_SIZE);
    wasmtime_pooling_allocation_config_table_keep_resident_set(pool, POOL_RESIDENT_TABLE);
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
}

static wasm_config_t *new_config(const struct subx_engine_config *wanted)
{
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED_AND_SIZE);
    wasmtime_config_cranelift_nan_canonicalization_set(config, wanted->canonicalize_nans);
    wasmtime_config_parallel_compilation_set(config, wanted->parallel_compilation);
    wasmtime_config_native_unwind_info_set(config, false);
    wasmtime_config_memory_init_cow_set(config, wanted->copy_on_write);
    wasmtime_config_gc_support_set(config, false);
    wasmtime_config_profiler_set(config, asks_for("perfmap") ? WASMTIME_PROFILING_STRATEGY_PERFMAP
                                                             : WASMTIME_PROFILING_STRATEGY_NONE);
    subx_rust_config_features(config, feature_bits(wanted->extensions));
    subx_rust_config_stack(config, (size_t)wanted->native_stack);
    subx_rust_config_dense_image_size(config, DENSE_IMAGE_SIZE);
    const bool frames = wanted->native_stack <= BACKTRACE_STACK_LIMIT;
    subx_rust_config_backtrace(config, frames ? BACKTRACE_FRAMES : 0, false);
    return config;
}

static subx_status new_engine(const struct subx_engine_config *wanted, uint32_t slots,
                              wasm_engine_t **out, subx_error *error)
{
    wasm_config_t *config = new_config(wanted);
    if (slots > 0)
        add_pool(config, slots);
    wasmtime_error_t *failure = subx_rust_config_artifact_format(config, ARTIFACT_FORMAT);
    if (failure != NULL) {
        wasm_config_delete(config);
        return subx_engine_error__take(failure, SUBX_ENGINE, "engine configuration", error);
    }
    failure = subx_rust_engine_new(config, out);
    if (failure != NULL)
        return subx_engine_error__take(failure, SUBX_ENGINE, "engine", error);
    return SUBX_OK;
}

static subx_status open_engine(struct subx_engine *engine, subx_error *error)
{
    if (!engine->config.pooling)
        return new_engine(&engine->config, 0, &engine->engine, error);
    for (uint32_t slots = POOL_SLOTS; slots > POOL_MIN_SLOTS; slots /= 2) {
        engine->slots = slots;
        if (new_engine(&engine->config, slots, &engine->engine, NULL) == SUBX_OK)
            return SUBX_OK;
    }
    engine->slots = POOL_MIN_SLOTS;
    return new_engine(&engine->config, POOL_MIN_SLOTS, &engine->engine, error);
}

subx_status subx_engine__new(const struct subx_engine_config *config, struct subx_engine **out,
                             subx_error *error)
{
    *out = NULL;
    if (config->native_stack > NATIVE_STACK_MAX)
        return subx_error__set(
            error, SUBX_ENGINE, "a stack of %llu bytes for the guest, the largest is %llu",
            (unsigned long long)config->native_stack, (unsigned long long)NATIVE_STACK_MAX);
    struct subx_engine *engine = subx_mem__calloc(1, sizeof *engine);
    if (engine == NULL)
        return subx_error__nomem(error);
    engine->config = *config;
    const subx_status status = open_engine(engine, error);
    if (status != SUBX_OK) {
        subx_mem__free(engine);
        return status;
    }
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->freed, NULL);
    *out = engine;
    return SUBX_OK;
}

void subx_engine__free(struct subx_engine *engine)
{
    if (engine == NULL)
        return;
    wasm_engine_delete(engine->engine);
    pthread_cond_destroy(&engine->freed);
    pthread_mutex_destroy(&engine->lock);
    subx_mem__free(engine);
}

bool subx_engine__same_config(const struct subx_engine_config *a,
                              const struct subx_engine_config *b)
{
    return a->canonicalize_nans == b->canonicalize_nans &&
           a->parallel_compilation == b->parallel_compilation &&
           a->copy_on_write == b->copy_on_write && a->pooling == b->pooling &&
           a->extensions == b->extensions && a->native_stack == b->native_stack;
}

static bool find_slot(struct subx_engine *engine)
{
    if (engine->taken < engine->slots) {
        engine->taken++;
        return true;
    }
    for (struct subx_slot_keeper *keeper = engine->keepers; keeper != NULL; keeper = keeper->next)
        if (keeper->give_way(keeper))
            return true; /* that slot stays taken */
    return false;
}

void subx_engine__take_slot(struct subx_engine *engine)
{
    if (engine->slots == 0)
        return;
    pthread_mutex_lock(&engine->lock);
    const uint64_t mine = engine->next_turn++;
    if (engine->turn != mine || !find_slot(engine)) {
        /* From here on nobody keeps an instance that was in use; what idles already is found now. */
        atomic_fetch_add(&engine->waiting, 1);
        while (engine->turn != mine || !find_slot(engine))
            pthread_cond_wait(&engine->freed, &engine->lock);
        atomic_fetch_sub(&engine->waiting, 1);
    }
    engine->turn++;
    if (engine->turn != engine->next_turn)
        pthread_cond_broadcast(&engine->freed);
    pthread_mutex_unlock(&engine->lock);
}

void subx_engine__give_slot(struct subx_engine *engine)
{
    if (engine->slots == 0)
        return;
    pthread_mutex_lock(&engine->lock);
    engine->taken--;
    pthread_cond_broadcast(&engine->freed);
    pthread_mutex_unlock(&engine->lock);
}

bool subx_engine__is_short_of_slots(struct subx_engine *engine)
{
    return atomic_load(&engine->waiting) > 0;
}

void subx_engine__add_keeper(struct subx_engine *engine, struct subx_slot_keeper *keeper)
{
    pthread_mutex_lock(&engine->lock);
    keeper->next = engine->keepers;
    engine->keepers = keeper;
    pthread_mutex_unlock(&engine->lock);
}

void subx_engine__remove_keeper(struct subx_engine *engine, struct subx_slot_keeper *keeper)
{
    pthread_mutex_lock(&engine->lock);
    struct subx_slot_keeper **link = &engine->keepers;
    while (*link != NULL && *link != keeper)
        link = &(*link)->next;
    if (*link == keeper)
        *link = keeper->next;
    pthread_mutex_unlock(&engine->lock);
}
