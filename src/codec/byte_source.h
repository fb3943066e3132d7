/* Where bytes come from, piece by piece: a stream, or bytes that are there already. */
#ifndef SUBX_CODEC_BYTE_SOURCE_H
#define SUBX_CODEC_BYTE_SOURCE_H

#include "platform/input_stream.h"
#include "util/bytes.h"

struct subx_byte_source {
    /* Put up to `room` bytes (more than 0) at `to`; `got` is 0 at the end only. */
    subx_status (*read)(void *data, uint8_t *to, size_t room, size_t *got, subx_error *error);
    void *data;
};

/* Bytes in memory: `left` is what is still to come, and moves. Borrowed as long as the source. */
struct subx_byte_source subx_byte_source__of_slice(subx_slice *left);

/* A stream, which stays the caller's to close; failures are SUBX_IO with the system's words. */
struct subx_byte_source subx_byte_source__of_stream(struct subx_input_stream *stream);

#endif
