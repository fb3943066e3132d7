/*
 * Putting an instance back in place into exactly the state of a fresh one: memory, mutable globals,
 * size. Tables cannot change under the Wasm features that this is used with (docs/architecture.md).
 */
#ifndef SUBX_EXEC_RESET_H
#define SUBX_EXEC_RESET_H

#include "exec/runtime_internal.h"

/* Prefix under which the passes export mutable globals; a module that uses it itself is not reset
 * in place. */
#define SUBX_GLOBAL_PREFIX "subexec_global"

/* Why a module's instances cannot be reset in place; stored in artifacts, so numbers stay. */
enum subx_reset_obstacle {
    SUBX_RESET_POSSIBLE = 0,
    SUBX_RESET_START_FUNCTION = 1,
    SUBX_RESET_TABLES_CHANGE = 2,
    SUBX_RESET_IMPORTED_GLOBALS = 3,
    SUBX_RESET_HIDDEN_GLOBALS = 4,
    SUBX_RESET_REFERENCE_GLOBALS = 5,
    SUBX_RESET_DATA_TOO_FAR = 6
};

/* What the strategy must know of a prepared module. */
struct subx_reset_facts {
    enum subx_reset_obstacle obstacle;
    uint32_t mutable_globals; /* exported as SUBX_GLOBAL_PREFIX_0 and so on */
    uint64_t image_end;       /* behind the last data segment, in bytes of memory */
};

/* Read the facts from a module after the passes. */
subx_status subx_reset__inspect(subx_slice prepared, struct subx_reset_facts *facts,
                                subx_error *error);

/* The obstacle in words, "it has a start function". */
const char *subx_reset__obstacle_text(enum subx_reset_obstacle obstacle);

/* Take from a first instance, which has not run, what a fresh instance looks like. `facts` have no
 * obstacle. */
subx_status subx_reset__learn(subx_runtime *runtime, const struct subx_reset_facts *facts,
                              struct subx_guest_instance *first, subx_error *error);
void subx_reset__forget(subx_runtime *runtime);

/* Give an instance what it needs to be reset. */
subx_status subx_reset__attach(struct subx_guest_instance *instance, subx_error *error);
void subx_reset__detach(struct subx_guest_instance *instance);

/* On the thread of the call: before the input is placed, and after the output was copied. */
void subx_reset__begin(struct subx_guest_instance *instance);
/* False: the instance cannot be reset (its memory grew) and must be discarded. */
bool subx_reset__end(struct subx_guest_instance *instance);

/* Compare memory, globals and size with a fresh instance; for tests and checked builds. NULL, or
 * what differs. */
const char *subx_reset__difference(struct subx_guest_instance *instance);

#endif
