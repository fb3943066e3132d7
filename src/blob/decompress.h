/*
 * Compressed code, as chains store it (spec/executor.md section 1.3, spec/host-api.md section 3.8):
 *
 *   52 bc 53 76 46 db 8e | kind | zstd frames
 *                          05 code, the old mark   06 proof of validity
 *                          07 Wasm code            08 PolkaVM code
 */
#ifndef SUBX_BLOB_DECOMPRESS_H
#define SUBX_BLOB_DECOMPRESS_H

#include <stdbool.h>

#include "util/bytes.h"

/* Length of the prefix, the kind included. */
#define SUBX_COMPRESSION_PREFIX_SIZE 8

/* Whether the bytes begin with the first seven bytes of the prefix: compressed, of whatever kind.
 */
bool subx_decompress__has_prefix(subx_slice bytes);

/*
 * Decompress `stored`, prefix included, to at most `max_size` bytes. Memory follows the output as
 * it comes, never what a frame promises; zstd itself takes the frame's window, up to 128 MiB, and
 * refuses larger ones. `code` is the caller's to free on SUBX_OK. Errors: SUBX_TOO_LARGE;
 * SUBX_UNSUPPORTED for PolkaVM code; SUBX_INVALID_INPUT, with the offset in `stored`, for other
 * kinds, damaged or cut frames and bytes after them; SUBX_NOMEM.
 */
subx_status subx_decompress__code(subx_slice stored, size_t max_size, subx_bytes *code,
                                  subx_error *error);

#endif
