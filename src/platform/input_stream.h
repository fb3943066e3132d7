/*
 * A file or pipe that is read from front to end in pieces, so that its size does not matter. The
 * room below everything else, so it speaks words; callers add the name and a status.
 */
#ifndef SUBX_PLATFORM_INPUT_STREAM_H
#define SUBX_PLATFORM_INPUT_STREAM_H

#include "platform/file.h"

struct subx_input_stream {
    int descriptor;
    bool owned;
    /* Bytes of a regular file when it was opened; 0 if that is not known. */
    uint64_t size;
};

#define SUBX_INPUT_STREAM_INIT \
    {                          \
        -1, false, 0           \
    }

/* Open `path`; pipes and devices will do, folders will not. False: `fault` says why. */
bool subx_input_stream__open(const char *path, struct subx_input_stream *stream,
                             struct subx_file_fault *fault);

/* Read from a descriptor that stays the caller's. */
bool subx_input_stream__of_descriptor(int descriptor, struct subx_input_stream *stream,
                                      struct subx_file_fault *fault);

/* Read up to `room` bytes (more than 0); `got` is 0 at the end only. */
bool subx_input_stream__read(const struct subx_input_stream *stream, uint8_t *to, size_t room,
                             size_t *got, struct subx_file_fault *fault);

/* Close and leave the struct empty; an empty one is fine. */
void subx_input_stream__close(struct subx_input_stream *stream);

#endif
