/*
 * The property test of the resetting strategy: random programs for the guest reset_program, run on an instance
 * that is reset in place and on fresh ones, and what must be equal afterwards. No assertions of cmocka in
 * here, so that forked children can use it too: problems are printed, and the answer is false.
 */
#ifndef SUBX_TESTS_RESET_WORLD_H
#define SUBX_TESTS_RESET_WORLD_H

#include "guests.h"

#include "platform/pages.h"

/* What a run is about. */
struct reset_variant {
    const char *name;
    subx_heap heap;
    bool
        far_data; /* data so far apart that the engine copies it: pages given back do not restore it */
    bool growing;    /* programs may grow the memory */
    bool use_kernel; /* what the kernel offers, instead of what follows */
    enum subx_page_scan scan;
    bool counts_faults;
    bool distrust_restores; /* as if pages given back did not come back pristine */
};

#define RESET_WORKERS 3

struct reset_world {
    const struct reset_variant *variant;
    subx_executor *executor;
    subx_runtime *reset, *fresh; /* under test, and a new instance for each call */
    uint8_t *pristine;           /* memory of a fresh instance */
    size_t pristine_len;
    uint64_t random;
    unsigned calls;
    struct reset_worker *workers[RESET_WORKERS];
    uint8_t program[64 * 12];
    size_t program_len;
};

/* Set up; fails the test if that cannot be done. */
struct reset_world *reset_world_new(const struct reset_variant *variant, uint64_t seed);
void reset_world_free(struct reset_world *world);

/* A number below `bound`. */
uint64_t reset_world_random(struct reset_world *world, uint64_t bound);

/* Run one random program on both runtimes, the one under test on worker `where` (RESET_WORKERS: on this
 * thread). False: the outcomes differ. */
bool reset_world_call(struct reset_world *world, unsigned where);

/* Compare the idle instance with a fresh one, byte for byte. */
bool reset_world_compare(struct reset_world *world);

#endif
