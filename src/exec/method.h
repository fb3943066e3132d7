/* Which function of an instance a call enters. */
#ifndef SUBX_EXEC_METHOD_H
#define SUBX_EXEC_METHOD_H

#include "exec/runtime_internal.h"

/* A function of an instance, ready to be entered. */
struct subx_target {
    wasmtime_func_t function;
    enum subx_input_style input;
    bool dispatches; /* takes `dispatched` before pointer and length */
    uint32_t dispatched;
};

/* Find an export that can be called. SUBX_METHOD_NOT_FOUND, or SUBX_OTHER for an export of another
 * type or one that the runtime's imports forbid. */
subx_status subx_method__find_entry(const subx_runtime *runtime, const char *name,
                                    const struct subx_entry **out, subx_error *error);

/* The function of an entry. */
subx_status subx_method__of_entry(struct subx_guest_instance *instance,
                                  const struct subx_entry *entry, struct subx_target *out,
                                  subx_error *error);

/* The function of a method that is a table element. */
subx_status subx_method__of_table(struct subx_guest_instance *instance, const subx_method *method,
                                  struct subx_target *out, subx_error *error);

#endif
