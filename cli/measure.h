/* Measuring a call: how long it takes, alone and beside other threads that do the same. */
#ifndef SUBX_CLI_MEASURE_H
#define SUBX_CLI_MEASURE_H

#include <subexec/runtime.h>

struct measured_call {
    subx_runtime *runtime;
    const char *method;
    subx_slice input;
};

/* How long to measure: at least and at most so many calls, and between them until the time is up.
 */
struct measure_length {
    uint64_t min_calls, max_calls;
    uint64_t time; /* nanoseconds */
};

struct measured {
    uint64_t calls;
    uint64_t fastest, median, p99; /* nanoseconds */
};

/*
 * Measure subx_runtime_call() and the release of its output on this thread, after a warm-up, while
 * `threads` - 1 others make the same call over and over. Fails as the call does, or with SUBX_NOMEM
 * if a thread cannot be started.
 */
subx_status measure_call(const struct measured_call *call, unsigned threads,
                         const struct measure_length *length, struct measured *out,
                         subx_error *error);

#endif
