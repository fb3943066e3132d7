/* Passes and compilation (spec/executor.md sections 1.1 and 1.3). */
#include "exec/compile.h"

#include <stdatomic.h>

#include <subexec_rust_engine.h>

#include "blob/passes.h"
#include "exec/wasmtime_error.h"
#include "platform/pages.h"

/* Guest stack in bytes under a logical bound, where nothing else is asked for (spec/executor.md
 * section 8). */
#define VALIDATION_NATIVE_STACK ((uint64_t)256 << 20)

static uint64_t native_stack(const subx_runtime_options *options)
{
    if (options->stack_native_max != 0)
        return options->stack_native_max;
    return options->stack_logical_max != 0 ? VALIDATION_NATIVE_STACK : SUBX_DEFAULT_NATIVE_STACK;
}

struct subx_engine_config subx_compile__engine_config(const subx_executor *executor,
                                                      const subx_runtime_options *options,
                                                      bool copy_on_write)
{
    return (struct subx_engine_config){
        .canonicalize_nans = options->canonicalize_nans,
        .parallel_compilation = executor->options.parallel_compilation,
        .copy_on_write = copy_on_write,
        .pooling = false,
        .extensions = options->extensions,
        .native_stack = native_stack(options),
    };
}

bool subx_compile__copies_on_write(subx_executor *executor, const subx_runtime_options *options)
{
    return subx_strategies[options->strategy].copy_on_write &&
           subx_executor__page_support(executor).dont_need_restores;
}

void subx_compiled__free(struct subx_compiled *compiled)
{
    if (compiled->owned.data != NULL)
        wasm_byte_vec_delete(&compiled->owned);
    compiled->owned.data = NULL;
}

/*
 * The engine's threads for compiling start in the process that first compiles with them, and its forked children
 * do not have them: there they would be waited for without end.
 */
static bool has_compiling_threads(void)
{
    static _Atomic uint64_t owner;
    const uint64_t self = subx_process__number();
    uint64_t expected = 0;
    return atomic_compare_exchange_strong(&owner, &expected, self) || expected == self;
}

static subx_status compile(subx_executor *executor, subx_slice prepared,
                           const subx_runtime_options *options, struct subx_compiled *out,
                           subx_error *error)
{
    struct subx_engine_config config = subx_compile__engine_config(
        executor, options, subx_compile__copies_on_write(executor, options));
    config.parallel_compilation = config.parallel_compilation && has_compiling_threads();
    struct subx_engine *engine = NULL;
    subx_status status = subx_executor__engine(executor, &config, &engine, error);
    if (status == SUBX_OK)
        status = subx_reset__inspect(prepared, &out->facts, error);
    if (status != SUBX_OK)
        return status;
    wasmtime_error_t *failure =
        subx_rust_engine_precompile(engine->engine, prepared.data, prepared.len, &out->owned);
    if (failure != NULL)
        return subx_engine_error__take(failure, SUBX_INVALID_MODULE, "compiling the runtime",
                                       error);
    out->payload = subx_slice__of(out->owned.data, out->owned.size);
    return SUBX_OK;
}

subx_status subx_compile__code(subx_executor *executor, subx_slice wasm,
                               const subx_runtime_options *options, struct subx_compiled *out,
                               subx_error *error)
{
    *out = (struct subx_compiled){.descriptor = -1};
    const struct subx_passes passes = {
        .grammar = options->extensions == 0 ? SUBX_WASM_STRICT : SUBX_WASM_RELAXED,
        .limit_stack = options->stack_logical_max != 0,
        .stack_limit = options->stack_logical_max,
        .export_memory = true,
        .memory_limits = SUBX_LIMITS_NO_MAX,
        .export_globals = SUBX_GLOBAL_PREFIX,
    };
    subx_bytes prepared = SUBX_BYTES_INIT;
    subx_status status = subx_passes__apply(wasm, &passes, &prepared, error);
    if (status == SUBX_OK)
        status =
            compile(executor, subx_slice__of(prepared.data, prepared.len), options, out, error);
    subx_bytes_free(&prepared);
    return status;
}
