/*
 * Making a runtime: passes, compilation, imports, the table of entry points (spec/executor.md
 * sections 1.1 and 1.3).
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <subexec_rust_engine.h>

#include "blob/code.h"
#include "exec/artifact_store.h"
#include "exec/compile.h"
#include "exec/reset.h"
#include "exec/wasmtime_error.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct subx_entry *)a)->name, ((const struct subx_entry *)b)->name);
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct subx_entry *)entry)->name);
}

const struct subx_entry *subx_runtime__find_entry(const subx_runtime *runtime, const char *name)
{
    return bsearch(name, runtime->entries, runtime->entry_count, sizeof *runtime->entries,
                   compare_name);
}

/* Whether a function has the type of an entry point, and which. */
static enum subx_input_style input_style(const wasm_functype_t *type)
{
    const wasm_valtype_vec_t *params = wasm_functype_params(type);
    const wasm_valtype_vec_t *results = wasm_functype_results(type);
    if (params->size < 1 || params->size > 2 || results->size != 1 ||
        wasm_valtype_kind(results->data[0]) != WASM_I64)
        return SUBX_INPUT_NONE;
    for (size_t i = 0; i < params->size; i++)
        if (wasm_valtype_kind(params->data[i]) != WASM_I32)
            return SUBX_INPUT_NONE;
    return params->size == 2 ? SUBX_INPUT_PLACED : SUBX_INPUT_READ;
}

static subx_status add_entry(subx_runtime *runtime, const wasm_exporttype_t *export,
                             subx_error *error)
{
    const wasm_name_t *name = wasm_exporttype_name(export);
    if (memchr(name->data, 0, name->size) != NULL)
        return SUBX_OK; /* no C string can name it */
    struct subx_entry *entry = &runtime->entries[runtime->entry_count];
    entry->name = subx_mem__alloc(name->size + 1);
    if (entry->name == NULL)
        return subx_error__nomem(error);
    if (name->size > 0)
        memcpy(entry->name, name->data, name->size);
    entry->name[name->size] = '\0';
    entry->name_len = name->size;
    const wasm_functype_t *type = wasm_externtype_as_functype_const(wasm_exporttype_type(export));
    entry->is_function = type != NULL;
    entry->input = type != NULL ? input_style(type) : SUBX_INPUT_NONE;
    runtime->entry_count++;
    return SUBX_OK;
}

static subx_status list_entries(subx_runtime *runtime, subx_error *error)
{
    wasm_exporttype_vec_t exports;
    wasmtime_module_exports(runtime->module, &exports);
    subx_status status = SUBX_OK;
    runtime->entries = subx_mem__calloc(exports.size, sizeof *runtime->entries);
    if (runtime->entries == NULL)
        status = subx_error__nomem(error);
    for (size_t i = 0; i < exports.size && status == SUBX_OK; i++)
        status = add_entry(runtime, exports.data[i], error);
    wasm_exporttype_vec_delete(&exports);
    if (status == SUBX_OK && runtime->entry_count > 0)
        qsort(runtime->entries, runtime->entry_count, sizeof *runtime->entries, compare_entries);
    return status;
}

/* ---- Strategy ---- */

static void use_strategy(subx_runtime *runtime, subx_strategy strategy)
{
    runtime->options.strategy = strategy;
    runtime->strategy = &subx_strategies[strategy];
}

static void fall_back(subx_runtime *runtime, subx_strategy strategy, const char *reason)
{
    subx_executor__notice(runtime->executor, SUBX_LOG_WARN, "strategy %s instead of %s: %s",
                          subx_strategy_name(strategy), runtime->strategy->name, reason);
    use_strategy(runtime, strategy);
}

/* What the kernel does not allow is replaced before anything is made. */
static void choose_strategy(subx_runtime *runtime)
{
    const subx_strategy wanted = runtime->options.strategy;
    use_strategy(runtime, wanted);
    if (!runtime->strategy->copy_on_write ||
        subx_executor__page_support(runtime->executor).dont_need_restores)
        return;
    fall_back(runtime,
              wanted == SUBX_STRATEGY_POOLING_COW ? SUBX_STRATEGY_POOLING : SUBX_STRATEGY_RECREATE,
              "this system does not bring mapped pages back after MADV_DONTNEED");
}

/* ---- From compiled code to a runtime ---- */

static struct subx_engine_config engine_config(const subx_runtime *runtime)
{
    const subx_runtime_options *options = &runtime->options;
    struct subx_engine_config config =
        subx_compile__engine_config(runtime->executor, options, runtime->strategy->copy_on_write);
    /* Under a dynamic heap calls grow the memory, and an instance that grew is replaced: that is
     * cheaper in a pool. */
    config.pooling = runtime->strategy->pooling || (options->strategy == SUBX_STRATEGY_RESET &&
                                                    options->heap.kind == SUBX_HEAP_DYNAMIC);
    return config;
}

static subx_status load_module(subx_runtime *runtime, const struct subx_compiled *compiled,
                               subx_error *error)
{
    const struct subx_engine_config config = engine_config(runtime);
    const subx_status status =
        subx_executor__engine(runtime->executor, &config, &runtime->engine, error);
    if (status != SUBX_OK)
        return status;
    wasm_engine_t *engine = runtime->engine->engine;
    const int own_descriptor =
        compiled->descriptor < 0 ? -1 : fcntl(compiled->descriptor, F_DUPFD_CLOEXEC, 0);
    wasmtime_error_t *failure =
        own_descriptor >= 0
            ? subx_rust_module_deserialize_fd(engine, own_descriptor, &runtime->module)
            : wasmtime_module_deserialize(engine, compiled->payload.data, compiled->payload.len,
                                          &runtime->module);
    if (failure != NULL)
        return subx_engine_error__take(failure, SUBX_ENGINE, "loading compiled code", error);
    return SUBX_OK;
}

/* A pool that cannot be had, or that the module does not fit, is done without. */
static subx_status load_or_fall_back(subx_runtime *runtime, const struct subx_compiled *compiled,
                                     subx_error *error)
{
    if (!engine_config(runtime).pooling)
        return load_module(runtime, compiled, error);
    subx_error *reason = subx_mem__calloc(1, sizeof *reason);
    if (reason == NULL)
        return subx_error__nomem(error);
    subx_status status = load_module(runtime, compiled, reason);
    if (status == SUBX_ENGINE) {
        fall_back(runtime,
                  runtime->strategy->copy_on_write ? SUBX_STRATEGY_RECREATE_COW
                                                   : SUBX_STRATEGY_RECREATE,
                  reason->message);
        status = load_module(runtime, compiled, error);
    } else if (status != SUBX_OK) {
        subx_error__set(error, status, "%s", reason->message);
    }
    subx_mem__free(reason);
    return status;
}

/*
 * A first instance finds out now what every call would stumble over: memory, heap base, data
 * segments. It is also where the resetting strategy learns what a fresh instance looks like.
 */
static subx_status try_instance(subx_runtime *runtime, const struct subx_reset_facts *facts,
                                subx_error *error)
{
    if (runtime->options.strategy == SUBX_STRATEGY_RESET && facts->obstacle != SUBX_RESET_POSSIBLE)
        fall_back(runtime, SUBX_STRATEGY_RECREATE_COW, subx_reset__obstacle_text(facts->obstacle));
    struct subx_guest_instance *first = NULL;
    subx_status status = subx_instance__new(runtime, &first, error);
    runtime->has_first = status == SUBX_OK;
    if (status == SUBX_OK && runtime->options.strategy == SUBX_STRATEGY_RESET)
        status = subx_reset__learn(runtime, facts, first, error);
    subx_instance__free(first);
    if (status == SUBX_OK) {
        runtime->keeper.give_way = subx_strategy__give_way;
        subx_engine__add_keeper(runtime->engine, &runtime->keeper);
    }
    return status;
}

static subx_status build(subx_runtime *runtime, const struct subx_compiled *compiled,
                         subx_error *error)
{
    choose_strategy(runtime);
    subx_status status = load_or_fall_back(runtime, compiled, error);
    if (status == SUBX_OK)
        status = list_entries(runtime, error);
    if (status == SUBX_OK)
        status = subx_linker__resolve(runtime, error);
    /* What the caller lent need not outlive this. */
    runtime->options.imports = NULL;
    runtime->options.import_count = 0;
    runtime->options.import_policy = NULL;
    if (status == SUBX_OK)
        status = try_instance(runtime, &compiled->facts, error);
    return status;
}

subx_status subx_runtime__from_compiled(subx_executor *executor,
                                        const struct subx_compiled *compiled,
                                        const subx_runtime_options *options, subx_runtime **out,
                                        subx_error *error)
{
    *out = NULL;
    subx_runtime *runtime = subx_mem__calloc(1, sizeof *runtime);
    if (runtime == NULL)
        return subx_error__nomem(error);
    pthread_mutex_init(&runtime->idle_lock, NULL);
    runtime->executor = subx_executor__retain(executor);
    runtime->options = *options;
    atomic_init(&runtime->references, 1);
    runtime->compiled_size = compiled->payload.len;
    const subx_status status = build(runtime, compiled, error);
    if (status != SUBX_OK) {
        subx_runtime_free(runtime);
        return status;
    }
    *out = runtime;
    return SUBX_OK;
}

subx_status subx_runtime__new(subx_executor *executor, subx_slice wasm,
                              const subx_runtime_options *options, subx_runtime **out,
                              subx_error *error)
{
    *out = NULL;
    struct subx_compiled compiled;
    subx_status status = subx_compile__code(executor, wasm, options, &compiled, error);
    if (status == SUBX_OK)
        status = subx_runtime__from_compiled(executor, &compiled, options, out, error);
    subx_compiled__free(&compiled);
    return status;
}

static subx_status compile_and_keep(subx_executor *executor, const subx_code *code,
                                    const subx_runtime_options *options, subx_runtime **out,
                                    subx_error *error)
{
    struct subx_compiled compiled;
    executor->counters.compilations++;
    subx_status status =
        subx_compile__code(executor, subx_code_wasm(code), options, &compiled, error);
    if (status == SUBX_OK)
        status = subx_runtime__from_compiled(executor, &compiled, options, out, error);
    if (status == SUBX_OK)
        subx_artifact_store__keep(executor, code, options, &compiled);
    subx_compiled__free(&compiled);
    return status;
}

subx_status subx_runtime__of_code(subx_executor *executor, const subx_code *code,
                                  const subx_runtime_options *options, subx_runtime **out,
                                  subx_error *error)
{
    const subx_code_info info = subx_code_info_of(code);
    subx_status status = SUBX_OK;
    *out = NULL;
    if (subx_artifact_store__load(executor, info.hash, options, out, &status, error))
        return status;
    return compile_and_keep(executor, code, options, out, error);
}

subx_status subx_runtime_new(subx_executor *executor, const subx_code *code,
                             const subx_runtime_options *options, subx_runtime **out,
                             subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(executor != NULL && code != NULL, error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    return subx_runtime__of_code(executor, code, options != NULL ? options : &defaults, out, error);
}

subx_status subx_runtime_load(subx_executor *executor, subx_slice bytes,
                              const subx_runtime_options *options, subx_runtime **out,
                              subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(executor != NULL && (bytes.data != NULL || bytes.len == 0), error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    if (options == NULL)
        options = &defaults;
    subx_status status = SUBX_OK;
    uint8_t hash[32];
    if (subx_artifact_load__bytes(executor, bytes, options, out, &status, error))
        return status;
    if (executor->artifact_folder != NULL && subx_code__hash(bytes, options->max_code_size, hash) &&
        subx_artifact_store__load(executor, hash, options, out, &status, error))
        return status;
    subx_code *code = NULL;
    status = subx_code_load(bytes, options->max_code_size, &code, error);
    if (status == SUBX_OK)
        status = compile_and_keep(executor, code, options, out, error);
    subx_code_free(code);
    return status;
}

subx_status subx_runtime_load_file(subx_executor *executor, const char *path,
                                   const subx_runtime_options *options, subx_runtime **out,
                                   subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(executor != NULL && path != NULL, error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    if (options == NULL)
        options = &defaults;
    subx_status status = SUBX_OK;
    uint8_t hash[32];
    if (subx_artifact_load__file(executor, path, options, out, &status, error))
        return status;
    /* What is kept is found without decompressing and parsing the code. */
    if (executor->artifact_folder != NULL &&
        subx_code__hash_of_file(path, options->max_code_size, hash) &&
        subx_artifact_store__load(executor, hash, options, out, &status, error))
        return status;
    subx_code *code = NULL;
    status = subx_code_load_file(path, options->max_code_size, &code, error);
    if (status == SUBX_OK)
        status = compile_and_keep(executor, code, options, out, error);
    subx_code_free(code);
    return status;
}

subx_runtime *subx_runtime__retain(subx_runtime *runtime)
{
    atomic_fetch_add_explicit(&runtime->references, 1, memory_order_relaxed);
    return runtime;
}

void subx_runtime_free(subx_runtime *runtime)
{
    if (runtime == NULL ||
        atomic_fetch_sub_explicit(&runtime->references, 1, memory_order_acq_rel) != 1)
        return;
    if (runtime->engine != NULL)
        subx_engine__remove_keeper(runtime->engine, &runtime->keeper);
    while (runtime->idle != NULL) {
        struct subx_guest_instance *instance = runtime->idle;
        runtime->idle = instance->next_idle;
        subx_instance__free(instance);
    }
    pthread_mutex_destroy(&runtime->idle_lock);
    subx_reset__forget(runtime);
    if (runtime->instance_pre != NULL)
        wasmtime_instance_pre_delete(runtime->instance_pre);
    if (runtime->module != NULL)
        wasmtime_module_delete(runtime->module);
    for (size_t i = 0; i < runtime->entry_count; i++)
        subx_mem__free(runtime->entries[i].name);
    subx_mem__free(runtime->entries);
    subx_executor__release(runtime->executor);
    subx_mem__free(runtime);
}
