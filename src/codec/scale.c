/* SCALE reader and writer (Polkadot specification, appendix "SCALE codec"). */
#include "codec/scale.h"

#include "util/utf8.h"

/* `len` bytes (0 to 8), little-endian. */
static uint64_t load_bytes(const uint8_t *from, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

/* Mode 11: `len` bytes of value follow the first. */
static bool read_big(struct subx_reader *at, size_t len, uint64_t *out)
{
    subx_slice bytes = SUBX_EMPTY;
    if (len > 8 || !subx_reader__bytes(at, len, &bytes))
        return false;
    const uint64_t value = load_bytes(bytes.data, len);
    /* the last byte must count, and mode 10 must not have sufficed */
    if (bytes.data[len - 1] == 0 || value < (uint64_t)1 << 30)
        return false;
    *out = value;
    return true;
}

bool subx_scale__compact(struct subx_reader *reader, uint64_t *out)
{
    /* smallest value that modes 00, 01 and 10 may hold */
    static const uint64_t least[] = {0, 1 << 6, 1 << 14};
    struct subx_reader at = *reader;
    subx_slice bytes = SUBX_EMPTY;
    if (at.left == 0)
        return false;
    const unsigned mode = at.at[0] & 3;
    if (mode == 3) {
        const size_t len = (size_t)(at.at[0] >> 2) + 4;
        if (!subx_reader__bytes(&at, 1, &bytes) || !read_big(&at, len, out))
            return false;
    } else {
        const size_t len = (size_t)1 << mode;
        if (!subx_reader__bytes(&at, len, &bytes))
            return false;
        const uint64_t value = load_bytes(bytes.data, len) >> 2;
        if (value < least[mode])
            return false;
        *out = value;
    }
    *reader = at;
    return true;
}

bool subx_scale__count(struct subx_reader *reader, size_t min_size, size_t *out)
{
    struct subx_reader at = *reader;
    uint64_t count = 0;
    if (!subx_scale__compact(&at, &count) || count > at.left / min_size)
        return false;
    *out = (size_t)count;
    *reader = at;
    return true;
}

bool subx_scale__bytes(struct subx_reader *reader, subx_slice *out)
{
    struct subx_reader at = *reader;
    size_t len = 0;
    if (!subx_scale__count(&at, 1, &len) || !subx_reader__bytes(&at, len, out))
        return false;
    *reader = at;
    return true;
}

bool subx_scale__text(struct subx_reader *reader, subx_slice *out)
{
    struct subx_reader at = *reader;
    subx_slice text = SUBX_EMPTY;
    if (!subx_scale__bytes(&at, &text) || !subx_utf8__valid(text))
        return false;
    *out = text;
    *reader = at;
    return true;
}

void subx_scale__append_compact(struct subx_buf *buf, uint64_t value)
{
    uint8_t bytes[9] = {0};
    if (value < 1 << 6) {
        bytes[0] = (uint8_t)(value << 2);
        subx_buf__append(buf, bytes, 1);
    } else if (value < 1 << 14) {
        subx_store_u16(bytes, (uint16_t)(value << 2 | 1));
        subx_buf__append(buf, bytes, 2);
    } else if (value < 1 << 30) {
        subx_store_u32(bytes, (uint32_t)(value << 2 | 2));
        subx_buf__append(buf, bytes, 4);
    } else {
        subx_store_u64(bytes + 1, value);
        size_t len = 8;
        while (bytes[len] == 0)
            len--;
        bytes[0] = (uint8_t)((len - 4) << 2 | 3);
        subx_buf__append(buf, bytes, len + 1);
    }
}

void subx_scale__append_bytes(struct subx_buf *buf, subx_slice bytes)
{
    subx_scale__append_compact(buf, bytes.len);
    subx_buf__append_slice(buf, bytes);
}

void subx_scale__append_u32(struct subx_buf *buf, uint32_t value)
{
    uint8_t bytes[4];
    subx_store_u32(bytes, value);
    subx_buf__append(buf, bytes, sizeof bytes);
}

void subx_scale__append_u64(struct subx_buf *buf, uint64_t value)
{
    uint8_t bytes[8];
    subx_store_u64(bytes, value);
    subx_buf__append(buf, bytes, sizeof bytes);
}
