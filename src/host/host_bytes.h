/*
 * A result of variable length on its way to the guest: a short head that lies here, then a body
 * that is borrowed, so that a value of any size is copied once, straight into the guest.
 */
#ifndef SUBX_HOST_HOST_BYTES_H
#define SUBX_HOST_HOST_BYTES_H

#include "util/bytes.h"
#include "util/endian.h"

struct subx_host_bytes {
    /* The first bytes: all of a small result, or what SCALE puts in front of the body. Room for an
     * optional signature of 65 bytes. */
    uint8_t head[72];
    size_t head_len;

    /* What follows. Borrowed from host memory until the result is in the guest; never guest memory,
     * which moves when the result's own allocation grows it. */
    subx_slice body;

    /* Released once the result is in the guest, or has failed to get there: for a body that was
     * made for this call. */
    subx_bytes owned;
};

/* SCALE's compact form of a count; returns how many bytes it took, at most 9. */
static inline size_t subx_host_bytes__put_compact(uint8_t *to, uint64_t count)
{
    if (count < 1u << 6) {
        to[0] = (uint8_t)(count << 2);
        return 1;
    }
    if (count < 1u << 14) {
        subx_store_u16(to, (uint16_t)(count << 2 | 1));
        return 2;
    }
    if (count < 1u << 30) {
        subx_store_u32(to, (uint32_t)(count << 2 | 2));
        return 4;
    }
    const size_t len = (size_t)(71 - __builtin_clzll(count)) / 8;
    to[0] = (uint8_t)((len - 4) << 2 | 3);
    for (size_t i = 0; i < len; i++)
        to[1 + i] = (uint8_t)(count >> 8 * i);
    return 1 + len;
}

/* The `None` of an Option. */
static inline void subx_host_bytes__none(struct subx_host_bytes *result)
{
    result->head[0] = 0;
    result->head_len = 1;
}

/* `Some(Vec<u8>)` with these bytes; they are borrowed as `body` is. */
static inline void subx_host_bytes__some(struct subx_host_bytes *result, subx_slice bytes)
{
    result->head[0] = 1;
    result->head_len = 1 + subx_host_bytes__put_compact(result->head + 1, bytes.len);
    result->body = bytes;
}

#endif
