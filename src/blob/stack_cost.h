/*
 * What a call of each function costs in the stack limiter's unit: its locals, the highest stack of
 * values that its code builds, and 2 for the frame (spec/executor.md section 3). Parameters do not
 * count. The peculiarities of the reference's computation are part of consensus.
 */
#ifndef SUBX_BLOB_STACK_COST_H
#define SUBX_BLOB_STACK_COST_H

#include "blob/wasm_module.h"

/* By function index, imported functions first; those cost nothing. */
struct subx_stack_costs {
    uint32_t *costs;
    uint32_t
        *types; /* type indices as the module has them; those of functions with code are valid */
    uint32_t count;
};

/*
 * Compute the cost of every function. On SUBX_OK release with subx_stack_costs__free(); empty
 * otherwise. Errors: SUBX_INVALID_MODULE, with the function and the offset in the module, for code
 * that cannot be measured; SUBX_NOMEM. Memory is proportional to the number of functions and to the
 * deepest nesting of blocks.
 */
subx_status subx_stack_costs__compute(const struct subx_wasm_module *module,
                                      struct subx_stack_costs *costs, subx_error *error);
void subx_stack_costs__free(struct subx_stack_costs *costs);

#endif
