/*
 * What ThreadSanitizer has to be told: memory that passes from thread to thread inside the engine,
 * which is not instrumented. No code in other builds.
 */
#ifndef SUBX_PLATFORM_SANITIZER_H
#define SUBX_PLATFORM_SANITIZER_H

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>

/* Before memory is given back by way of `owner`: all that was done to it is done. */
static inline void subx_sanitizer__gives_back(void *owner)
{
    __tsan_release(owner);
}

/* After memory was had from `owner`: what was done to it before is over. */
static inline void subx_sanitizer__has_got(void *owner)
{
    __tsan_acquire(owner);
}
#else
static inline void subx_sanitizer__gives_back(void *owner)
{
    (void)owner;
}

static inline void subx_sanitizer__has_got(void *owner)
{
    (void)owner;
}
#endif

#endif
