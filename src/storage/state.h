/* A state: a back end, shared by whoever holds a reference (include/subexec/state.h). */
#ifndef SUBX_STORAGE_STATE_H
#define SUBX_STORAGE_STATE_H

#include <stdatomic.h>

#include <subexec/state.h>

#include "storage/backend.h"

struct subx_state {
    _Atomic size_t references;
    const struct subx_backend *backend;
    void *self; /* of the back end */
};

/* Make a state of a back end; takes `self`, which is released in any case. */
subx_status subx_state__new(const struct subx_backend *backend, void *self, subx_state **out,
                            subx_error *error);

/* SUBX_OK, or SUBX_UNSUPPORTED if the back end makes no proofs. */
subx_status subx_state__can_prove(const subx_state *state, subx_error *error);

/* Take a reference; subx_state_free() drops one. */
subx_state *subx_state__retain(subx_state *state);

#endif
