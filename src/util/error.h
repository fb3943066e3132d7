/* Filling subx_error: the first message wins, text is cut at a character, NULL is accepted
 * everywhere. */
#ifndef SUBX_UTIL_ERROR_H
#define SUBX_UTIL_ERROR_H

#include <stddef.h>

#include <subexec/status.h>

/*
 * Record a failure with a printf-style message and return `status`, so that a function can end with
 * `return subx_error__set(error, SUBX_IO, ...)`. An error that is already set keeps its first
 * message; `status` is returned all the same.
 */
subx_status subx_error__set(subx_error *error, subx_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like subx_error__set() for text that is no format: `len` bytes, any content; control characters
 * and bytes that are not UTF-8 become '?', except newlines. */
subx_status subx_error__set_text(subx_error *error, subx_status status, const char *text,
                                 size_t len);

/* Put `len` bytes of rendered frames into the error's backtrace, cut to its room. */
void subx_error__set_backtrace(subx_error *error, const char *text, size_t len);

/* The out-of-memory failure, named in one place. */
subx_status subx_error__nomem(subx_error *error);

/* Put "CONTEXT: " in front of the message that is already there, for instance a file's name. */
void subx_error__prefix(subx_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
