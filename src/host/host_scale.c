/* SCALE arguments; see host_scale.h. */
#include "host/host_scale.h"

bool subx_host_scale__undecodable(struct subx_call *call, const char *argument, const char *type)
{
    return subx_call__fail(call, "'%s' does not decode as %s", argument, type);
}

/* The first byte of an Option. */
static bool read_option(struct subx_reader *reader, bool *is_some)
{
    uint8_t tag = 0;
    if (!subx_reader__u8(reader, &tag) || tag > 1)
        return false;
    *is_some = tag == 1;
    return true;
}

bool subx_host_scale__option_bytes(struct subx_call *call, const char *argument, subx_slice scale,
                                   bool *is_some, subx_slice *bytes)
{
    struct subx_reader reader = subx_reader__of(scale);
    *bytes = SUBX_EMPTY;
    if (!read_option(&reader, is_some) || (*is_some && !subx_scale__bytes(&reader, bytes)))
        return subx_host_scale__undecodable(call, argument, "Option<Vec<u8>>");
    return true;
}

bool subx_host_scale__option_u32(struct subx_call *call, const char *argument, subx_slice scale,
                                 bool *is_some, uint32_t *value)
{
    struct subx_reader reader = subx_reader__of(scale);
    *value = 0;
    if (!read_option(&reader, is_some) || (*is_some && !subx_reader__u32(&reader, value)))
        return subx_host_scale__undecodable(call, argument, "Option<u32>");
    return true;
}

bool subx_host_scale__option_u64(struct subx_call *call, const char *argument, subx_slice scale,
                                 bool *is_some, uint64_t *value)
{
    struct subx_reader reader = subx_reader__of(scale);
    *value = 0;
    if (!read_option(&reader, is_some) || (*is_some && !subx_reader__u64(&reader, value)))
        return subx_host_scale__undecodable(call, argument, "Option<u64>");
    return true;
}

bool subx_host_scale__sequence(struct subx_call *call, const char *argument, subx_slice scale,
                               size_t size, subx_slice *elements)
{
    struct subx_reader reader = subx_reader__of(scale);
    size_t count = 0;
    if (!subx_scale__count(&reader, size, &count) ||
        !subx_reader__bytes(&reader, count * size, elements))
        return subx_call__fail(call, "'%s' does not decode as a sequence of elements of %zu bytes",
                               argument, size);
    return true;
}

bool subx_host_scale__bytes_sequence(struct subx_call *call, const char *argument, subx_slice scale,
                                     subx_slice *whole)
{
    struct subx_reader reader = subx_reader__of(scale);
    size_t count = 0;
    bool good = subx_scale__count(&reader, 1, &count);
    for (size_t i = 0; good && i < count; i++) {
        subx_slice bytes;
        good = subx_scale__bytes(&reader, &bytes);
    }
    if (!good)
        return subx_host_scale__undecodable(call, argument, "Vec<Vec<u8>>");
    *whole = subx_slice__of(scale.data, subx_reader__offset(&reader));
    return true;
}
