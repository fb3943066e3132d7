/* The passes as the public API offers them: the reference's own, nothing of ours (spec/executor.md
 * sections 1.1 to 1.3 and 4). */
#include <subexec/instrument.h>

#include "blob/passes.h"
#include "util/check.h"

/* Under which the reference exports mutable globals. */
#define GLOBALS_PREFIX "exported_internal_global"

static void set_memory(const subx_instrument_options *options, struct subx_passes *passes)
{
    switch (options->memory) {
    case SUBX_INSTRUMENT_NO_MAX:
        passes->memory_limits = SUBX_LIMITS_NO_MAX;
        return;
    case SUBX_INSTRUMENT_HEAP:
        passes->memory_pages = options->heap.pages;
        passes->memory_limits = options->heap.kind == SUBX_HEAP_STATIC ? SUBX_LIMITS_STATIC
                                : options->heap.pages != 0             ? SUBX_LIMITS_DYNAMIC
                                                                       : SUBX_LIMITS_UNBOUNDED;
        return;
    case SUBX_INSTRUMENT_HEAP_PAGES:
        passes->memory_limits = SUBX_LIMITS_PAGES;
        passes->memory_pages = options->heap_pages;
        passes->memory_max = options->max_memory_pages;
        return;
    case SUBX_INSTRUMENT_KEEP:
        break;
    }
    passes->memory_limits = SUBX_LIMITS_KEEP;
}

subx_status subx_code_instrument(const subx_code *code, const subx_instrument_options *options,
                                 subx_bytes *wasm, subx_error *error)
{
    static const subx_instrument_options defaults = SUBX_INSTRUMENT_OPTIONS_INIT;
    SUBX_CHECK_ARG(wasm != NULL, error);
    *wasm = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(code != NULL, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    if (options == NULL)
        options = &defaults;
    struct subx_passes passes = {
        .grammar = SUBX_WASM_STRICT,
        .limit_stack = options->stack_limit != 0,
        .stack_limit = options->stack_limit,
        .export_memory = options->export_memory,
        .export_globals = options->export_globals ? GLOBALS_PREFIX : NULL,
    };
    set_memory(options, &passes);
    return subx_passes__apply(subx_code_wasm(code), &passes, wasm, error);
}
