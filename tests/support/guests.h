/*
 * Runtimes from the guests of tests/guest, and calls on them with everything that came out. For cmocka tests:
 * what cannot be had fails the test. Tests whose guests need no special strategy run over all of them.
 */
#ifndef SUBX_TESTS_GUESTS_H
#define SUBX_TESTS_GUESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <subexec/subexec.h>

#include "util/bytes.h"

/* Sanitizers slow the tests down: they run a smaller number of rounds then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SUBX_TEST_SANITIZED 1
#else
#define SUBX_TEST_SANITIZED 0
#endif
#define ROUNDS(usual, sanitized) (SUBX_TEST_SANITIZED ? (sanitized) : (usual))

/* A slice of a string literal, NULs included. */
#define LITERAL(literal) (subx_slice__of((literal), sizeof(literal) - 1))

/* Entries of a cmocka table: a test with one strategy as its state, and with each of them. */
#define OVER(test, strategy)                                         \
    {                                                                \
#test " with " #strategy, test, NULL, NULL, &(subx_strategy) \
        {                                                            \
            SUBX_STRATEGY_##strategy                                 \
        }                                                            \
    }
#define OVER_ALL(test)                                                                      \
    OVER(test, RESET), OVER(test, RECREATE), OVER(test, RECREATE_COW), OVER(test, POOLING), \
        OVER(test, POOLING_COW)

/* Everything that a call has to say. */
struct outcome {
    subx_status status;
    subx_bytes output;
    subx_call_stats stats;
    subx_error error;
};

/* The Wasm of guest NAME, read once and kept. */
subx_slice guest_wasm(const char *name);

/* An executor that compiles with one core (guests are small, and tests run side by side). Each test that runs
 * guests calls this itself, not its setup: it also lets the engine have its signals back from cmocka. */
subx_executor *new_executor(void);

/* The default options with this strategy and a small heap: 16 static pages. */
subx_runtime_options options_of(subx_strategy strategy);

/* A runtime from code or artifact bytes. */
subx_runtime *load_runtime(subx_executor *executor, subx_slice code,
                           const subx_runtime_options *options);

/* Check that loading fails with this status and a message that contains `part`. */
void expect_no_runtime(subx_executor *executor, subx_slice code,
                       const subx_runtime_options *options, subx_status status, const char *part);

/* The artifact of some code. */
subx_bytes prepare(subx_executor *executor, subx_slice code, const subx_runtime_options *options);

/* Call an export; the outcome is to be freed. */
void call_export(subx_runtime *runtime, const char *method, subx_slice input,
                 struct outcome *outcome);
void call_method(subx_runtime *runtime, const subx_method *method, subx_slice input,
                 struct outcome *outcome);
void outcome_free(struct outcome *outcome);

/* The same in one step, with one check: success and this output; or this status and message. */
void expect_output(subx_runtime *runtime, const char *method, subx_slice input, subx_slice output);
void expect_failure(subx_runtime *runtime, const char *method, subx_slice input, subx_status status,
                    const char *message);

/* Check that two outcomes are the same in everything. `what` names them where they are not. */
void expect_same_outcome(const char *what, const struct outcome *a, const struct outcome *b);

/* A u32 as the guests read it, little-endian; valid until the fourth call after this one. */
subx_slice u32_input(uint32_t value);
/* The u32 that a guest answered. */
uint32_t u32_output(const struct outcome *outcome);

#endif
