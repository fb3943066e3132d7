/* One JSON string as a whole document, as the key files of nodes are. */
#ifndef SUBX_CODEC_JSON_TEXT_H
#define SUBX_CODEC_JSON_TEXT_H

#include "util/bytes.h"

/* Append the JSON string of UTF-8 text; false, with nothing appended, for other text or without
 * memory. */
bool subx_json_text__append(struct subx_buf *buf, subx_slice text);

/* The text of a document that is one JSON string. SUBX_INVALID_INPUT for anything else; the message
 * does not repeat any of it. `out` is the caller's to free on SUBX_OK. */
subx_status subx_json_text__decode(subx_slice json, subx_bytes *out, subx_error *error);

#endif
