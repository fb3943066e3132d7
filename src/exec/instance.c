/*
 * Instances: a store of their own each (instances that share one are never freed), limits by heap
 * strategy (spec/executor.md sections 1.1 and 11: the module's maximum is dropped, a limit caps
 * each instance).
 */
#include <stdatomic.h>

#include "exec/reset.h"
#include "exec/wasmtime_error.h"
#include "platform/sanitizer.h"
#include "util/error.h"
#include "util/mem.h"

/* Stands for what memory of one engine's instances comes from and goes back to, to be had by another's. */
static char address_space;

static bool grow_memory(struct subx_guest *guest, uint32_t delta)
{
    struct subx_guest_instance *instance = guest->engine;
    uint64_t previous = 0;
    wasmtime_error_t *failure =
        wasmtime_memory_grow(instance->context, &instance->memory, delta, &previous);
    if (failure != NULL) {
        wasmtime_error_delete(failure);
        return false;
    }
    subx_instance__refresh(instance);
    return true;
}

static subx_status find_memory(struct subx_guest_instance *instance, subx_error *error)
{
    wasmtime_extern_t item;
    static const char name[] = "memory";
    if (!wasmtime_instance_export_get(instance->context, &instance->handle, name, sizeof name - 1,
                                      &item))
        return subx_error__set(error, SUBX_OTHER, "memory is not exported under 'memory' name");
    const bool is_memory = item.kind == WASMTIME_EXTERN_MEMORY;
    if (is_memory)
        instance->memory = item.of.memory;
    wasmtime_extern_delete(&item);
    if (!is_memory)
        return subx_error__set(error, SUBX_OTHER, "the `memory` export should have memory type");
    return SUBX_OK;
}

static subx_status read_heap_base(struct subx_guest_instance *instance, subx_error *error)
{
    wasmtime_extern_t item;
    static const char name[] = "__heap_base";
    if (!wasmtime_instance_export_get(instance->context, &instance->handle, name, sizeof name - 1,
                                      &item))
        return subx_error__set(error, SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID,
                               "__heap_base is not found");
    if (item.kind != WASMTIME_EXTERN_GLOBAL) {
        wasmtime_extern_delete(&item);
        return subx_error__set(error, SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID,
                               "__heap_base is not a global");
    }
    wasmtime_val_t value;
    wasmtime_global_get(instance->context, &item.of.global, &value);
    const bool is_i32 = value.kind == WASMTIME_I32;
    if (is_i32)
        instance->runtime->heap_base = (uint32_t)value.of.i32;
    wasmtime_val_unroot(&value);
    wasmtime_extern_delete(&item);
    if (!is_i32)
        return subx_error__set(error, SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID,
                               "__heap_base is not a i32");
    return SUBX_OK;
}

/* How far the memory may grow, in pages, whatever its starting size. */
static uint32_t growth_limit(const subx_heap *heap, uint64_t initial_pages)
{
    if (heap->kind == SUBX_HEAP_DYNAMIC)
        return heap->pages == 0 || heap->pages > SUBX_WASM_MAX_PAGES ? SUBX_WASM_MAX_PAGES
                                                                     : heap->pages;
    const uint64_t wanted = initial_pages + heap->pages;
    return wanted > SUBX_WASM_MAX_PAGES ? SUBX_WASM_MAX_PAGES : (uint32_t)wanted;
}

static void limit_store(struct subx_guest_instance *instance, uint32_t pages)
{
    wasmtime_store_limiter(instance->store, (int64_t)pages * SUBX_WASM_PAGE, -1, -1, -1, -1);
}

/* The store's limit on memory. The first instance of a runtime with a static heap shows the size that the rest are
 * limited by. */
static void limit_before(struct subx_guest_instance *instance)
{
    const subx_runtime *runtime = instance->runtime;
    const bool known = runtime->has_first || runtime->options.heap.kind == SUBX_HEAP_DYNAMIC;
    limit_store(instance, known ? growth_limit(&runtime->options.heap, runtime->initial_pages)
                                : SUBX_WASM_MAX_PAGES);
}

static subx_status size_memory(struct subx_guest_instance *instance, subx_error *error)
{
    subx_runtime *runtime = instance->runtime;
    const subx_heap *heap = &runtime->options.heap;
    struct subx_guest *guest = &instance->call.guest;
    subx_instance__refresh(instance);
    const uint32_t pages = (uint32_t)(guest->size / SUBX_WASM_PAGE);
    const uint32_t limit = growth_limit(heap, pages);
    /* The reference cannot grow it that far either. */
    if (heap->kind == SUBX_HEAP_STATIC && heap->pages > SUBX_WASM_MAX_PAGES - pages)
        return subx_error__set(error, SUBX_INSTANTIATION, "failed to pre-grow memory by %u pages",
                               heap->pages);
    guest->grow = grow_memory;
    guest->engine = instance;
    guest->max_pages = limit;
    instance->may_grow = heap->kind == SUBX_HEAP_DYNAMIC;
    if (!runtime->has_first) {
        runtime->initial_pages = pages;
        limit_store(instance, limit);
    }
    if (heap->kind == SUBX_HEAP_STATIC && limit > pages && !grow_memory(guest, limit - pages))
        return subx_error__set(error, SUBX_INSTANTIATION,
                               "failed to grow the memory from %u to %u pages at instantiation",
                               pages, limit);
    return SUBX_OK;
}

static subx_status instantiate(struct subx_guest_instance *instance, subx_error *error)
{
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *failure = wasmtime_instance_pre_instantiate(
        instance->runtime->instance_pre, instance->context, &instance->handle, &trap);
    subx_sanitizer__has_got(&address_space);
    if (failure != NULL || trap != NULL)
        return subx_engine_error__take_call(failure, trap, SUBX_INSTANTIATION, error);
    subx_status status = find_memory(instance, error);
    if (status == SUBX_OK && !instance->runtime->has_first)
        status = read_heap_base(instance, error);
    if (status == SUBX_OK)
        status = size_memory(instance, error);
    return status;
}

subx_status subx_instance__new(subx_runtime *runtime, struct subx_guest_instance **out,
                               subx_error *error)
{
    *out = NULL;
    struct subx_guest_instance *instance = subx_mem__calloc(1, sizeof *instance);
    if (instance == NULL)
        return subx_error__nomem(error);
    instance->runtime = runtime;
    subx_engine__take_slot(runtime->engine);
    instance->store = wasmtime_store_new(runtime->engine->engine, instance, NULL);
    instance->context = wasmtime_store_context(instance->store);
    limit_before(instance);
    const subx_status status = instantiate(instance, error);
    if (status != SUBX_OK) {
        subx_instance__free(instance);
        return status;
    }
    atomic_fetch_add_explicit(&runtime->counters.instances, 1, memory_order_relaxed);
    *out = instance;
    return SUBX_OK;
}

void subx_instance__free_but_slot(struct subx_guest_instance *instance)
{
    subx_sanitizer__gives_back(&address_space);
    wasmtime_store_delete(instance->store);
    subx_reset__detach(instance);
    subx_call__free(&instance->call);
    subx_mem__free(instance);
}

void subx_instance__free(struct subx_guest_instance *instance)
{
    if (instance == NULL)
        return;
    struct subx_engine *engine = instance->runtime->engine;
    subx_instance__free_but_slot(instance);
    /* The slot is free only when the store is gone. */
    subx_engine__give_slot(engine);
}
