/* Hexadecimal text: lower case out, either case in, an optional "0x" in front. */
#ifndef SUBX_UTIL_HEX_H
#define SUBX_UTIL_HEX_H

#include "util/bytes.h"

/* Append two digits a byte, without "0x". */
void subx_hex__append(struct subx_buf *buf, subx_slice bytes);

/* Decode text, an optional "0x" first; an odd count of digits or another character is
 * SUBX_INVALID_INPUT with its position. `out` is the caller's to free on SUBX_OK. */
subx_status subx_hex__decode(subx_slice text, subx_bytes *out, subx_error *error);

/* Value of one digit, or -1. */
int subx_hex__digit(uint8_t character);

#endif
