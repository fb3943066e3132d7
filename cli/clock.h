/* Time that passes. */
#ifndef SUBX_CLI_CLOCK_H
#define SUBX_CLI_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read(clockid_t id)
{
    struct timespec time = {0};
    clock_gettime(id, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Nanoseconds since some moment. */
static inline uint64_t clock_now(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

/* Nanoseconds that the processors spent on this process. */
static inline uint64_t clock_processor(void)
{
    return clock_read(CLOCK_PROCESS_CPUTIME_ID);
}

static inline double clock_milliseconds(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e6;
}

static inline double clock_microseconds(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e3;
}

#endif
