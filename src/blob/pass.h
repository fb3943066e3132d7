/* The single passes. Each changes a parsed module; wasm_write.h writes it. */
#ifndef SUBX_BLOB_PASS_H
#define SUBX_BLOB_PASS_H

#include "blob/passes.h"
#include "blob/stack_cost.h"
#include "blob/wasm_write.h"

/* What the stack limiter does while the module is written. */
struct subx_stack_limiter {
    struct subx_wasm_rewriter rewriter;
    struct subx_stack_costs costs;
    uint32_t *entries; /* by function index: what shall be entered from outside in its place */
    uint32_t counter;  /* index of the global that counts */
    uint32_t limit;
};

/*
 * Make the module keep count of its stack and trap when more than `limit` is in use: a counter is
 * added, functions that can be entered other than by a direct call get a thunk, and on writing with
 * `limiter->rewriter` every direct call counts. Sections are reordered as the reference does. The
 * module owns the new code. Release with subx_stack_limiter__free(), also after a failure. Errors:
 * SUBX_INVALID_MODULE, SUBX_NOMEM.
 */
subx_status subx_stack_limiter__apply(struct subx_wasm_module *module, uint32_t limit,
                                      struct subx_stack_limiter *limiter, subx_error *error);
void subx_stack_limiter__free(struct subx_stack_limiter *limiter);

/* Turn the first memory import, if there is one, into a memory of the module that is exported under
 * the import's name. Errors: SUBX_INVALID_MODULE if there is a memory section already; SUBX_NOMEM.
 */
subx_status subx_memory_pass__export(struct subx_wasm_module *module, subx_error *error);

/* Set the limits of the module's own memories as the members `memory_...` say. Errors, where new
 * limits are to be computed: SUBX_INVALID_MEMORY with the reference's texts `no memory section
 * found` and `memory section is empty`; SUBX_INVALID_HEAP_PAGES. */
subx_status subx_memory_pass__set_limits(struct subx_wasm_module *module,
                                         const struct subx_passes *passes, subx_error *error);

/* Export the n-th mutable global of the module's own as PREFIX_n, counting mutable ones from 0.
 * Whether an export has such a name already is not looked at. Errors: SUBX_NOMEM. */
subx_status subx_export_globals__apply(struct subx_wasm_module *module, const char *prefix,
                                       subx_error *error);

#endif
