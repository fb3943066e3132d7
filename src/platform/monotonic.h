/* A clock for measurements. */
#ifndef SUBX_PLATFORM_MONOTONIC_H
#define SUBX_PLATFORM_MONOTONIC_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some moment; never goes back. */
static inline uint64_t subx_clock__now(void)
{
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

#endif
