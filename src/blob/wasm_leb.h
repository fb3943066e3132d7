/*
 * LEB128 numbers as the Wasm binary format bounds them: at most as many bytes as the type needs
 * (5 for 32 and 33 bits, 10 for 64), and the bits of the last byte that do not fit must be zeros,
 * or copies of the sign. Within that, encodings longer than necessary are valid input; what is
 * written is always the shortest.
 */
#ifndef SUBX_BLOB_WASM_LEB_H
#define SUBX_BLOB_WASM_LEB_H

#include "util/reader.h"

#define SUBX_LEB_MAX_32 5
#define SUBX_LEB_MAX_64 10

/* Read forms of more than one byte. The cursor moves only on success. */
bool subx_leb__u32_long(struct subx_reader *reader, uint32_t *out);
/* A signed number of 32, 33 or 64 bits, of any length. */
bool subx_leb__signed(struct subx_reader *reader, unsigned bits, int64_t *out);

/* Whether the number at the cursor is cut off by the end of the bytes, rather than malformed; for
 * messages after a failed read of at most `max` bytes. */
bool subx_leb__is_truncated(const struct subx_reader *reader, size_t max);

/* Whether these bytes, just read as a number, are its shortest form. */
bool subx_leb__is_shortest(const uint8_t *bytes, size_t len, bool is_signed);

/* Write the shortest form at `out`, which has room for the longest; returns its end. */
uint8_t *subx_leb__put_u32(uint8_t *out, uint32_t value);
uint8_t *subx_leb__put_signed(uint8_t *out, int64_t value);

void subx_leb__append_u32(struct subx_buf *buf, uint32_t value);
void subx_leb__append_signed(struct subx_buf *buf, int64_t value);

static inline bool subx_leb__u32(struct subx_reader *reader, uint32_t *out)
{
    if (reader->left == 0 || *reader->at >= 0x80)
        return subx_leb__u32_long(reader, out);
    *out = *reader->at++;
    reader->left--;
    return true;
}

#endif
