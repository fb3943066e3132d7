/* All passes over a module, in the reference's order (spec/executor.md section 1.1). */
#include "blob/passes.h"

#include "blob/pass.h"

static subx_status apply(struct subx_wasm_module *module, const struct subx_passes *passes,
                         struct subx_stack_limiter *limiter, subx_error *error)
{
    subx_status status = SUBX_OK;
    if (passes->limit_stack)
        status = subx_stack_limiter__apply(module, passes->stack_limit, limiter, error);
    if (status == SUBX_OK && passes->export_memory)
        status = subx_memory_pass__export(module, error);
    if (status == SUBX_OK)
        status = subx_memory_pass__set_limits(module, passes, error);
    /* The last one: it has to see the limiter's counter too. */
    if (status == SUBX_OK && passes->export_globals != NULL)
        status = subx_export_globals__apply(module, passes->export_globals, error);
    return status;
}

subx_status subx_passes__apply(subx_slice wasm, const struct subx_passes *passes, subx_bytes *out,
                               subx_error *error)
{
    *out = (subx_bytes)SUBX_BYTES_INIT;
    struct subx_wasm_module module;
    subx_status status = subx_wasm__parse(wasm, passes->grammar, &module, error);
    if (status != SUBX_OK)
        return status;
    struct subx_stack_limiter limiter = {0};
    status = apply(&module, passes, &limiter, error);
    if (status == SUBX_OK)
        status =
            subx_wasm__write(&module, passes->limit_stack ? &limiter.rewriter : NULL, out, error);
    subx_stack_limiter__free(&limiter);
    subx_wasm__free(&module);
    return status;
}
