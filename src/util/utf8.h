/* UTF-8: validity as Rust's `str` has it (no surrogates, no overlong forms, nothing above
 * U+10FFFF). */
#ifndef SUBX_UTIL_UTF8_H
#define SUBX_UTIL_UTF8_H

#include <stdbool.h>

#include <subexec/bytes.h>

/* Whether the bytes are valid UTF-8; NUL is a character like others. */
bool subx_utf8__valid(subx_slice bytes);

/* Replace, in place, bytes that are not UTF-8 and control characters other than newline and tab by
 * '?'. */
void subx_utf8__sanitize(char *text);

#endif
