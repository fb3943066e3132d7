/*
 * Two kinds of broken promises.
 *
 * SUBX_CHECK states an invariant of our own: it aborts in checked builds and compiles out in
 * release. SUBX_CHECK_ARG states what a caller of the public API promised: it aborts in checked
 * builds and returns SUBX_MISUSE from the calling function in release. Neither may ever look at a
 * value that a guest or an input file controls: those become a status.
 */
#ifndef SUBX_UTIL_CHECK_H
#define SUBX_UTIL_CHECK_H

#include "util/error.h"

#ifdef SUBX_CHECKED
_Noreturn void subx_check__failed(const char *condition, const char *file, int line);
#define SUBX_CHECK(condition)                                   \
    do {                                                        \
        if (!(condition))                                       \
            subx_check__failed(#condition, __FILE__, __LINE__); \
    } while (0)
#define SUBX_CHECK_ARG(condition, error) SUBX_CHECK(condition)
#else
#define SUBX_CHECK(condition) ((void)0)
#define SUBX_CHECK_ARG(condition, error)                                                          \
    do {                                                                                          \
        if (!(condition))                                                                         \
            return subx_error__set((error), SUBX_MISUSE, "%s: broken: %s", __func__, #condition); \
    } while (0)
#endif

#endif
