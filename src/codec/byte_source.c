/* Sources of bytes: memory and streams. */
#include "codec/byte_source.h"

#include "util/error.h"

static subx_status read_slice(void *data, uint8_t *to, size_t room, size_t *got, subx_error *error)
{
    (void)error;
    subx_slice *left = data;
    *got = left->len < room ? left->len : room;
    if (*got == 0)
        return SUBX_OK;
    memcpy(to, left->data, *got);
    *left = (subx_slice){left->data + *got, left->len - *got};
    return SUBX_OK;
}

struct subx_byte_source subx_byte_source__of_slice(subx_slice *left)
{
    return (struct subx_byte_source){read_slice, left};
}

static subx_status read_stream(void *data, uint8_t *to, size_t room, size_t *got, subx_error *error)
{
    struct subx_file_fault fault;
    if (subx_input_stream__read(data, to, room, got, &fault))
        return SUBX_OK;
    return subx_error__set(error, SUBX_IO, "%s", fault.reason);
}

struct subx_byte_source subx_byte_source__of_stream(struct subx_input_stream *stream)
{
    return (struct subx_byte_source){read_stream, stream};
}
