/* A growing byte buffer whose writer checks for failure once. */
#include "util/bytes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "util/error.h"
#include "util/mem.h"

bool subx_buf__reserve(struct subx_buf *buf, size_t extra)
{
    if (buf->failed)
        return false;
    size_t needed = 0;
    if (__builtin_add_overflow(buf->len, extra, &needed) || needed > SIZE_MAX / 2) {
        buf->failed = true;
        return false;
    }
    if (needed <= buf->capacity)
        return true;
    size_t capacity = buf->capacity < 64 ? 64 : buf->capacity + buf->capacity / 2;
    if (capacity < needed)
        capacity = needed;
    uint8_t *data = subx_mem__realloc(buf->data, capacity, 1);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void subx_buf__append(struct subx_buf *buf, const void *data, size_t len)
{
    if (len == 0 || !subx_buf__reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

void subx_buf__append_slice(struct subx_buf *buf, subx_slice bytes)
{
    subx_buf__append(buf, bytes.data, bytes.len);
}

void subx_buf__append_u8(struct subx_buf *buf, uint8_t value)
{
    if (subx_buf__reserve(buf, 1))
        buf->data[buf->len++] = value;
}

void subx_buf__append_text(struct subx_buf *buf, const char *text)
{
    subx_buf__append(buf, text, strlen(text));
}

void subx_buf__append_format(struct subx_buf *buf, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len < 0) {
        buf->failed = true;
    } else if (subx_buf__reserve(buf, (size_t)len + 1)) {
        vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void subx_buf__free(struct subx_buf *buf)
{
    subx_mem__free(buf->data);
    *buf = (struct subx_buf)SUBX_BUF_INIT;
}

subx_status subx_buf__finish(struct subx_buf *buf, subx_bytes *out, subx_error *error)
{
    *out = (subx_bytes)SUBX_BYTES_INIT;
    if (buf->failed) {
        subx_buf__free(buf);
        return subx_error__nomem(error);
    }
    *out = (subx_bytes){buf->data, buf->len};
    *buf = (struct subx_buf)SUBX_BUF_INIT;
    return SUBX_OK;
}
