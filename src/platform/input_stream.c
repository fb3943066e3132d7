/* Files and pipes, read from front to end. */
#include "platform/input_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Largest piece for one read(); Linux takes a little under 2 GiB. */
#define MAX_TRANSFER ((size_t)1 << 30)

static bool fail(struct subx_file_fault *fault, int number)
{
    char room[96] = "";
    *fault = (struct subx_file_fault){"", false};
    snprintf(fault->reason, sizeof fault->reason, "%s", strerror_r(number, room, sizeof room));
    return false;
}

bool subx_input_stream__of_descriptor(int descriptor, struct subx_input_stream *stream,
                                      struct subx_file_fault *fault)
{
    struct stat status = {0};
    *stream = (struct subx_input_stream)SUBX_INPUT_STREAM_INIT;
    if (fstat(descriptor, &status) != 0)
        return fail(fault, errno);
    if (S_ISDIR(status.st_mode))
        return fail(fault, EISDIR);
    *stream = (struct subx_input_stream){
        .descriptor = descriptor,
        .size = S_ISREG(status.st_mode) && status.st_size > 0 ? (uint64_t)status.st_size : 0,
    };
    return true;
}

bool subx_input_stream__open(const char *path, struct subx_input_stream *stream,
                             struct subx_file_fault *fault)
{
    *stream = (struct subx_input_stream)SUBX_INPUT_STREAM_INIT;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0)
        return fail(fault, errno);
    if (!subx_input_stream__of_descriptor(descriptor, stream, fault)) {
        close(descriptor);
        return false;
    }
    stream->owned = true;
    return true;
}

bool subx_input_stream__read(const struct subx_input_stream *stream, uint8_t *to, size_t room,
                             size_t *got, struct subx_file_fault *fault)
{
    *got = 0;
    for (;;) {
        const ssize_t count =
            read(stream->descriptor, to, room < MAX_TRANSFER ? room : MAX_TRANSFER);
        if (count >= 0) {
            *got = (size_t)count;
            return true;
        }
        if (errno != EINTR)
            return fail(fault, errno);
    }
}

void subx_input_stream__close(struct subx_input_stream *stream)
{
    if (stream->owned)
        close(stream->descriptor);
    *stream = (struct subx_input_stream)SUBX_INPUT_STREAM_INIT;
}
