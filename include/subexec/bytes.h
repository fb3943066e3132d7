/**
 * \file
 * Byte ranges: borrowed (subx_slice) and owned (subx_bytes).
 */
#ifndef SUBEXEC_BYTES_H
#define SUBEXEC_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include <subexec/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that belong to somebody else. `data` may be NULL only when `len` is 0. */
typedef struct subx_slice {
    const uint8_t *data;
    size_t len;
} subx_slice;

/** Bytes that the holder owns; release with subx_bytes_free(). Start from SUBX_BYTES_INIT. */
typedef struct subx_bytes {
    uint8_t *data;
    size_t len;
} subx_bytes;

#ifdef __cplusplus
#define SUBX_EMPTY (subx_slice{nullptr, 0})
#define SUBX_BYTES_INIT \
    {                   \
        nullptr, 0      \
    }
#else
/** An empty slice, as an expression. */
#define SUBX_EMPTY ((subx_slice){NULL, 0})
/** Initializer of an empty subx_bytes. */
#define SUBX_BYTES_INIT \
    {                   \
        NULL, 0         \
    }
#endif

/**
 * Release owned bytes and leave the struct empty.
 *
 * \param bytes  may be NULL or already empty
 */
SUBX_API void subx_bytes_free(subx_bytes *bytes);

#ifdef __cplusplus
}
#endif

#endif
