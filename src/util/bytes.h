/* Slices and a growing byte buffer. */
#ifndef SUBX_UTIL_BYTES_H
#define SUBX_UTIL_BYTES_H

#include <stdbool.h>
#include <string.h>

#include <subexec/bytes.h>
#include <subexec/status.h>

static inline subx_slice subx_slice__of(const void *data, size_t len)
{
    return (subx_slice){data, len};
}

static inline subx_slice subx_slice__text(const char *text)
{
    return (subx_slice){(const uint8_t *)text, strlen(text)};
}

static inline bool subx_slice__equal(subx_slice a, subx_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool subx_slice__starts_with(subx_slice bytes, subx_slice prefix)
{
    return bytes.len >= prefix.len &&
           (prefix.len == 0 || memcmp(bytes.data, prefix.data, prefix.len) == 0);
}

/*
 * A byte buffer that grows. A failed allocation is remembered (`failed`), what follows is dropped,
 * and subx_buf__finish() reports it: a writer checks once, at the end. Start from SUBX_BUF_INIT.
 */
struct subx_buf {
    uint8_t *data;
    size_t len, capacity;
    bool failed;
};

#define SUBX_BUF_INIT     \
    {                     \
        NULL, 0, 0, false \
    }

/* Make room for `extra` more bytes; false if that failed. */
bool subx_buf__reserve(struct subx_buf *buf, size_t extra);
void subx_buf__append(struct subx_buf *buf, const void *data, size_t len);
void subx_buf__append_slice(struct subx_buf *buf, subx_slice bytes);
void subx_buf__append_u8(struct subx_buf *buf, uint8_t value);
void subx_buf__append_text(struct subx_buf *buf, const char *text);
void subx_buf__append_format(struct subx_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void subx_buf__free(struct subx_buf *buf);

/* Hand the bytes over and leave the buffer empty; SUBX_NOMEM, with nothing handed over, if an
 * append had failed. */
subx_status subx_buf__finish(struct subx_buf *buf, subx_bytes *out, subx_error *error);

static inline subx_slice subx_buf__slice(const struct subx_buf *buf)
{
    return (subx_slice){buf->data, buf->len};
}

#endif
