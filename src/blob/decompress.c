/* Bounded decompression of code (spec/executor.md section 1.3). */
#include "blob/decompress.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "util/error.h"
#include "util/mem.h"

static const uint8_t prefix[SUBX_COMPRESSION_PREFIX_SIZE - 1] = {0x52, 0xbc, 0x53, 0x76,
                                                                 0x46, 0xdb, 0x8e};

enum { KIND_LEGACY = 0x05, KIND_POV = 0x06, KIND_WASM = 0x07, KIND_POLKAVM = 0x08 };

bool subx_decompress__has_prefix(subx_slice bytes)
{
    return subx_slice__starts_with(bytes, subx_slice__of(prefix, sizeof prefix));
}

static subx_status check_kind(subx_slice stored, subx_error *error)
{
    if (stored.len < SUBX_COMPRESSION_PREFIX_SIZE)
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "compressed code ends within its prefix, after %zu bytes",
                               stored.len);
    const uint8_t kind = stored.data[sizeof prefix];
    switch (kind) {
    case KIND_LEGACY:
    case KIND_WASM:
        return SUBX_OK;
    case KIND_POV:
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "this is a compressed proof of validity (kind 06), not code");
    case KIND_POLKAVM:
        return subx_error__set(error, SUBX_UNSUPPORTED,
                               "this is compressed PolkaVM code (kind 08); only Wasm is supported");
    default:
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "compressed data of unknown kind %02x at offset %zu", kind,
                               sizeof prefix);
    }
}

static subx_status too_large(size_t max_size, subx_error *error)
{
    return subx_error__set(error, SUBX_TOO_LARGE,
                           "compressed code: it decompresses to more than the bound of %zu bytes",
                           max_size);
}

static subx_status refused(size_t code, size_t offset, bool after_frame, subx_error *error)
{
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
        return subx_error__nomem(error);
    return subx_error__set(error, SUBX_INVALID_INPUT,
                           after_frame
                               ? "compressed code: bytes after the zstd frame, at offset %zu: %s"
                               : "compressed code: damaged zstd frame near offset %zu: %s",
                           offset, ZSTD_getErrorName(code));
}

static subx_status cut(size_t len, bool after_frame, subx_error *error)
{
    return subx_error__set(error, SUBX_INVALID_INPUT,
                           after_frame
                               ? "compressed code: bytes after the zstd frame, up to offset %zu"
                               : "compressed code: the zstd frame is cut off at offset %zu",
                           len);
}

/* Room for the next piece of output: never more than one byte beyond the bound. */
static ZSTD_outBuffer next_room(struct subx_buf *buf, size_t max_size)
{
    const size_t bound = max_size < SIZE_MAX ? max_size + 1 : max_size;
    size_t room = bound - buf->len;
    if (room > ZSTD_DStreamOutSize())
        room = ZSTD_DStreamOutSize();
    if (!subx_buf__reserve(buf, room))
        return (ZSTD_outBuffer){NULL, 0, 0};
    return (ZSTD_outBuffer){buf->data + buf->len, room, 0};
}

/* All frames of `stored`, from behind the prefix. Several are one after the other, as in the
 * reference. */
static subx_status run(ZSTD_DCtx *context, subx_slice stored, size_t max_size, struct subx_buf *buf,
                       subx_error *error)
{
    ZSTD_inBuffer in = {stored.data, stored.len, SUBX_COMPRESSION_PREFIX_SIZE};
    bool after_frame = false; /* a frame is complete, and no other has given output since */
    for (;;) {
        ZSTD_outBuffer out = next_room(buf, max_size);
        if (buf->failed)
            return subx_error__nomem(error);
        const size_t left = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(left))
            return refused(left, in.pos, after_frame, error);
        buf->len += out.pos;
        if (buf->len > max_size)
            return too_large(max_size, error);
        if (out.pos > 0)
            after_frame = false;
        if (left == 0 && in.pos == in.size)
            return SUBX_OK;
        if (left == 0)
            after_frame = true;
        else if (in.pos == in.size && out.pos < out.size)
            return cut(stored.len, after_frame, error);
    }
}

subx_status subx_decompress__code(subx_slice stored, size_t max_size, subx_bytes *code,
                                  subx_error *error)
{
    *code = (subx_bytes)SUBX_BYTES_INIT;
    const subx_status kind = check_kind(stored, error);
    if (kind != SUBX_OK)
        return kind;
    const unsigned long long promised = ZSTD_getFrameContentSize(
        stored.data + SUBX_COMPRESSION_PREFIX_SIZE, stored.len - SUBX_COMPRESSION_PREFIX_SIZE);
    if (promised != ZSTD_CONTENTSIZE_UNKNOWN && promised != ZSTD_CONTENTSIZE_ERROR &&
        promised > max_size)
        return too_large(max_size, error);

    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (context == NULL)
        return subx_error__nomem(error);
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_status status = run(context, stored, max_size, &buf, error);
    ZSTD_freeDCtx(context);
    if (status == SUBX_OK)
        status = subx_buf__finish(&buf, code, error);
    subx_buf__free(&buf);
    return status;
}
