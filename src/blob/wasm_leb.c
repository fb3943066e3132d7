/* LEB128 numbers (WebAssembly core specification, section 5.2.2). */
#include "blob/wasm_leb.h"

bool subx_leb__u32_long(struct subx_reader *reader, uint32_t *out)
{
    uint32_t value = 0;
    for (size_t i = 0; i < SUBX_LEB_MAX_32 && i < reader->left; i++) {
        const uint8_t byte = reader->at[i];
        if (i == SUBX_LEB_MAX_32 - 1 && byte > 0x0f)
            return false;
        value |= (uint32_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            reader->at += i + 1;
            reader->left -= i + 1;
            *out = value;
            return true;
        }
    }
    return false;
}

bool subx_leb__signed(struct subx_reader *reader, unsigned bits, int64_t *out)
{
    const size_t max = (bits + 6) / 7;
    /* Bits of the last possible byte from its sign bit upwards; all must be the same. */
    const unsigned last_used = bits - 7 * ((unsigned)max - 1);
    uint64_t value = 0;
    for (size_t i = 0; i < max && i < reader->left; i++) {
        const uint8_t byte = reader->at[i];
        const uint8_t payload = byte & 0x7f;
        if (i == max - 1) {
            const unsigned above = payload >> (last_used - 1);
            if (byte >= 0x80 || (above != 0 && above != 0x7fu >> (last_used - 1)))
                return false;
        }
        const unsigned shift = 7 * (unsigned)i;
        value |= (uint64_t)payload << shift;
        if (byte < 0x80) {
            if ((payload & 0x40) != 0 && shift + 7 < 64)
                value |= UINT64_MAX << (shift + 7);
            reader->at += i + 1;
            reader->left -= i + 1;
            *out = (int64_t)value;
            return true;
        }
    }
    return false;
}

bool subx_leb__is_truncated(const struct subx_reader *reader, size_t max)
{
    if (reader->left >= max)
        return false;
    for (size_t i = 0; i < reader->left; i++)
        if (reader->at[i] < 0x80)
            return false;
    return true;
}

bool subx_leb__is_shortest(const uint8_t *bytes, size_t len, bool is_signed)
{
    if (len < 2)
        return true;
    const uint8_t last = bytes[len - 1];
    if (!is_signed)
        return last != 0;
    const bool sign_before = (bytes[len - 2] & 0x40) != 0;
    return !(last == 0 && !sign_before) && !(last == 0x7f && sign_before);
}

uint8_t *subx_leb__put_u32(uint8_t *out, uint32_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

uint8_t *subx_leb__put_signed(uint8_t *out, int64_t value)
{
    for (;;) {
        const uint8_t payload = (uint8_t)((uint64_t)value & 0x7f);
        /* An arithmetic shift, written without one that C leaves to the compiler. */
        value = value < 0 ? (int64_t) ~(~(uint64_t)value >> 7) : value >> 7;
        const bool done =
            (value == 0 && (payload & 0x40) == 0) || (value == -1 && (payload & 0x40) != 0);
        *out++ = done ? payload : (uint8_t)(payload | 0x80);
        if (done)
            return out;
    }
}

void subx_leb__append_u32(struct subx_buf *buf, uint32_t value)
{
    uint8_t bytes[SUBX_LEB_MAX_32];
    subx_buf__append(buf, bytes, (size_t)(subx_leb__put_u32(bytes, value) - bytes));
}

void subx_leb__append_signed(struct subx_buf *buf, int64_t value)
{
    uint8_t bytes[SUBX_LEB_MAX_64];
    subx_buf__append(buf, bytes, (size_t)(subx_leb__put_signed(bytes, value) - bytes));
}
