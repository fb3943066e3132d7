/*
 * A cursor over untrusted bytes. Every read compares lengths, never pointers, and moves only on
 * success; a failed read leaves the cursor where it was, so the position names the fault.
 */
#ifndef SUBX_UTIL_READER_H
#define SUBX_UTIL_READER_H

#include <stdbool.h>

#include "util/bytes.h"
#include "util/endian.h"

struct subx_reader {
    const uint8_t *start;
    const uint8_t *at;
    size_t left;
};

static inline struct subx_reader subx_reader__of(subx_slice bytes)
{
    return (struct subx_reader){bytes.data, bytes.data, bytes.len};
}

/* Bytes read so far. */
static inline size_t subx_reader__offset(const struct subx_reader *reader)
{
    return (size_t)(reader->at - reader->start);
}

static inline bool subx_reader__bytes(struct subx_reader *reader, size_t len, subx_slice *out)
{
    if (reader->left < len)
        return false;
    *out = (subx_slice){reader->at, len};
    if (len > 0)
        reader->at += len;
    reader->left -= len;
    return true;
}

static inline bool subx_reader__u8(struct subx_reader *reader, uint8_t *out)
{
    if (reader->left < 1)
        return false;
    *out = *reader->at++;
    reader->left--;
    return true;
}

static inline bool subx_reader__u32(struct subx_reader *reader, uint32_t *out)
{
    if (reader->left < 4)
        return false;
    *out = subx_load_u32(reader->at);
    reader->at += 4;
    reader->left -= 4;
    return true;
}

static inline bool subx_reader__u64(struct subx_reader *reader, uint64_t *out)
{
    if (reader->left < 8)
        return false;
    *out = subx_load_u64(reader->at);
    reader->at += 8;
    reader->left -= 8;
    return true;
}

#endif
