/* Bytes as JSON of nodes has them: strings of hexadecimal digits, "0x" first. */
#ifndef SUBX_CODEC_JSON_HEX_H
#define SUBX_CODEC_JSON_HEX_H

#include "codec/json.h"

/*
 * Decode hexadecimal text ("0x" in front is optional) and append the bytes. False if a character is
 * no digit, at `*fault`, or if the number of digits is odd, with `*fault` the text's length; the
 * buffer is as before then. A failed allocation is the buffer's to remember.
 */
bool subx_hex__append_decoded(struct subx_buf *buf, subx_slice text, size_t *fault);

/*
 * The token just read must be such a string: append its bytes. `what` names it in messages. A
 * failed allocation is SUBX_NOMEM at once.
 */
subx_status subx_json__append_hex(struct subx_json *json, enum subx_json_token token,
                                  const char *what, struct subx_buf *buf, subx_error *error);

/* The same for exactly `len` bytes. */
subx_status subx_json__hex_of(struct subx_json *json, enum subx_json_token token, const char *what,
                              uint8_t *out, size_t len, subx_error *error);

#endif
