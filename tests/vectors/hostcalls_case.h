/* One case of the host-call vectors: run it, compare everything that is known of it. */
#ifndef SUBX_TESTS_HOSTCALLS_CASE_H
#define SUBX_TESTS_HOSTCALLS_CASE_H

#include <jansson.h>

#include <subexec/subexec.h>

/* Says what differs, once for each difference. */
typedef void difference_fn(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct case_world {
    /* Make an empty state. */
    subx_status (*new_state)(subx_state **out, subx_error *error);
    subx_semantics semantics;
    /* The guest of the case, ready. */
    subx_runtime *runtime;
    /* Names of operations by number, as text; NULL: not known. */
    const json_t *operations;
    difference_fn *differs;
};

/* Whether the case comes out as expected. */
bool case_run(const json_t *test, const struct case_world *world);

#endif
