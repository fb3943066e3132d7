/*
 * SCALE, the encoding of the Polkadot-SDK (Polkadot specification, appendix "SCALE codec"): what
 * subexec needs of it. Fixed-width integers are little-endian, so subx_reader__u8(), __u32() and
 * __u64() read them as they are. Readers move the cursor only on success.
 */
#ifndef SUBX_CODEC_SCALE_H
#define SUBX_CODEC_SCALE_H

#include "util/reader.h"

/*
 * Read a compact integer of up to 64 bits:
 *
 *   first byte, low two bits   value
 *   00                         the other six bits
 *   01                         the other 14 bits of two bytes
 *   10                         the other 30 bits of four bytes
 *   11                         the six bits + 4 = number of bytes that follow
 *
 * False if bytes are missing, if the value does not fit, or if a shorter form would have held it.
 */
bool subx_scale__compact(struct subx_reader *reader, uint64_t *out);

/*
 * Read the count of a sequence whose elements take at least `min_size` bytes each (1 or more). A
 * count that the remaining bytes cannot hold is refused, so it may be allocated for.
 */
bool subx_scale__count(struct subx_reader *reader, size_t min_size, size_t *out);

/* Read a byte sequence: its length, compact, and as many bytes. Borrowed from the reader's bytes.
 */
bool subx_scale__bytes(struct subx_reader *reader, subx_slice *out);

/* Read a byte sequence that must be UTF-8. */
bool subx_scale__text(struct subx_reader *reader, subx_slice *out);

/* Append in the shortest form. Failed allocations are the buffer's to remember. */
void subx_scale__append_compact(struct subx_buf *buf, uint64_t value);
void subx_scale__append_bytes(struct subx_buf *buf, subx_slice bytes);
void subx_scale__append_u32(struct subx_buf *buf, uint32_t value);
void subx_scale__append_u64(struct subx_buf *buf, uint64_t value);

#endif
