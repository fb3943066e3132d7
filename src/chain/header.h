/*
 * Headers and their digests in SCALE (spec/host-api.md section 5):
 *
 *   parent hash (32) ‖ number (compact) ‖ state root (32) ‖ extrinsics root (32) ‖ count (compact) ‖ items
 *
 *   item  tag 0 Other: bytes           4 Consensus, 5 Seal, 6 PreRuntime: engine (4) ‖ bytes
 *         2 ChangesTrieRoot: root (32)  7 ChangesTrieSignal: 0 ‖ option of two u32
 *         8 RuntimeEnvironmentUpdated: nothing
 *
 * Untrusted: each fault is SUBX_INVALID_INPUT with the field and the offset in the reader's bytes.
 */
#ifndef SUBX_CHAIN_HEADER_H
#define SUBX_CHAIN_HEADER_H

#include <subexec/block.h>

#include "util/reader.h"

/* A header that was decoded; slices are borrowed from its bytes. */
struct subx_header_parts {
    subx_header fields;
    subx_slice encoded;
    /* All items, without their count; the seals at the end are the last `seals_len` bytes. */
    subx_slice digest;
    size_t seals_len;
};

/* Decode one digest item and move past it. */
subx_status subx_header__decode_item(struct subx_reader *reader, subx_digest_item *item,
                                     subx_error *error);

/* Decode a header, its hash included, and move past it. */
subx_status subx_header__decode(struct subx_reader *reader, struct subx_header_parts *out,
                                subx_error *error);

/*
 * Append a header with these fields and these `digest_count` encoded items. What goes in must be
 * well-formed; `fields->hash` and the counts of it are not looked at.
 */
void subx_header__append(struct subx_buf *buf, const subx_header *fields, subx_slice digest,
                         size_t digest_count);

/* Append the header without the seals at the end of its digest. */
void subx_header__append_unsealed(struct subx_buf *buf, const struct subx_header_parts *header);

/* "block: offset 12: TEXT" of the reader's place. */
subx_status subx_header__fail(const struct subx_reader *reader, subx_error *error,
                              const char *format, ...) __attribute__((format(printf, 3, 4), cold));

#endif
