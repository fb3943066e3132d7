/* A back end around another one, which counts what is asked of it and can fail at the n-th time. */
#ifndef SUBX_TEST_WRAPPED_BACKEND_H
#define SUBX_TEST_WRAPPED_BACKEND_H

#include "storage/state.h"

enum wrapped_operation {
    WRAPPED_OPEN,
    WRAPPED_GET,
    WRAPPED_NEXT_KEY,
    WRAPPED_WALK,
    WRAPPED_PREPARE,
    WRAPPED_APPLY,
    WRAPPED_COMMIT,
    WRAPPED_HEAD,
    WRAPPED_OPERATIONS
};

struct wrapped {
    const struct subx_backend *inner;
    void *self;
    unsigned long counts[WRAPPED_OPERATIONS];
    unsigned long walked; /* keys handed to visitors */
    long open_handles;    /* views and prepared changes that were not released */
    long countdown; /* operations that still work before one fails, once; negative: none does */
};

/* The text of the failure, whose status is SUBX_IO. */
#define WRAPPED_FAILURE "the back end fails, as planned"

/* A state over a back end in memory, and the wrapper, which lives as long as the state. */
subx_state *wrapped_memory_state(struct wrapped **wrapper);

#endif
