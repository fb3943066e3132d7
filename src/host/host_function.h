/*
 * The host functions that runtimes import from `env`. host_functions.def names each one once; from
 * it come the import signatures, the marshalling, what `inspect` prints and the text about missing
 * imports.
 */
#ifndef SUBX_HOST_HOST_FUNCTION_H
#define SUBX_HOST_HOST_FUNCTION_H

#include "host/call.h"

/*
 * Run one host function on raw values: parameters in `values[0..]`, the result, if any, written to
 * `values[0]`. False: the guest must trap, `call->failure` says why.
 */
typedef bool (*subx_host_entry)(struct subx_call *call, union subx_value *values);

struct subx_host_function {
    const char *interface; /* "hashing" */
    const char *name;      /* the import's name, "ext_hashing_blake2_256_version_1" */
    const char
        *params; /* Wasm types of the parameters: one character each, 'i' for i32, 'I' for i64 */
    const char *results; /* the same for results: "", "i" or "I" */
    subx_host_entry entry;
    const char *type; /* "(i32, i64) -> i64", for people */
    bool allocates;   /* memory of the guest, which the host manages then */
};

/* All of them, sorted by name. */
extern const struct subx_host_function subx_host__functions[];
extern const size_t subx_host__function_count;

/* The function with that import name, or NULL. */
const struct subx_host_function *subx_host__find(subx_slice name);

#endif
