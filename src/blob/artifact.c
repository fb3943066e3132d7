/* Artifact files: layout and checksums; the engine's side is in src/exec. */
#include "blob/artifact.h"

#include <zstd.h>

#include "crypto/checksum.h"
#include "util/endian.h"
#include "util/error.h"
#include "util/mem.h"

static const char magic[8] = {'s', 'u', 'b', 'x', 'A', 'R', 'T', '1'};

#define FORMAT 1u
#define CODE_COMPRESSION_LEVEL 3

enum {
    AT_MAGIC = 0,
    AT_FORMAT = 8,
    AT_SIZE = 12,
    AT_PAYLOAD_LEN = 16,
    AT_CODE_LEN = 24,
    AT_ENGINE_VERSION = 32,
    AT_COMPATIBILITY = 64,
    AT_SEMANTICS = 96,
    AT_CODE_HASH = 128,
    AT_PAYLOAD_SUM = 160,
    AT_CODE_SUM = 176,
    AT_RESET_OBSTACLE = 192,
    AT_MUTABLE_GLOBALS = 196,
    AT_IMAGE_END = 200,
    AT_TRAILER_SUM = 248
};

bool subx_artifact__is(subx_slice file)
{
    return file.len >= SUBX_ARTIFACT_TRAILER_SIZE &&
           memcmp(file.data + file.len - SUBX_ARTIFACT_TRAILER_SIZE, magic, sizeof magic) == 0;
}

static bool sum_holds(subx_slice bytes, const uint8_t *expected)
{
    uint8_t sum[16];
    subx_checksum__128(bytes, sum);
    return memcmp(sum, expected, sizeof sum) == 0;
}

subx_status subx_artifact__read(subx_slice file, struct subx_artifact *artifact, subx_error *error)
{
    *artifact = (struct subx_artifact){.payload = SUBX_EMPTY};
    if (!subx_artifact__is(file))
        return subx_error__set(error, SUBX_ARTIFACT,
                               "no artifact: the trailer is missing (%zu bytes)", file.len);
    const size_t body = file.len - SUBX_ARTIFACT_TRAILER_SIZE;
    const uint8_t *trailer = file.data + body;
    if (subx_load_u64(trailer + AT_TRAILER_SUM) !=
        subx_checksum__64((subx_slice){trailer, AT_TRAILER_SUM}))
        return subx_error__set(error, SUBX_ARTIFACT,
                               "damaged artifact: the trailer's checksum does not hold");
    if (subx_load_u32(trailer + AT_FORMAT) != FORMAT ||
        subx_load_u32(trailer + AT_SIZE) != SUBX_ARTIFACT_TRAILER_SIZE)
        return subx_error__set(error, SUBX_ARTIFACT,
                               "artifact of format %u, this program reads format %u",
                               (unsigned)subx_load_u32(trailer + AT_FORMAT), FORMAT);
    const uint64_t payload_len = subx_load_u64(trailer + AT_PAYLOAD_LEN);
    const uint64_t code_len = subx_load_u64(trailer + AT_CODE_LEN);
    if (payload_len > body || code_len != body - payload_len)
        return subx_error__set(error, SUBX_ARTIFACT,
                               "damaged artifact: %zu bytes where the trailer says %llu + %llu",
                               body, (unsigned long long)payload_len, (unsigned long long)code_len);
    artifact->payload = (subx_slice){file.data, (size_t)payload_len};
    artifact->code = (subx_slice){file.data + payload_len, (size_t)code_len};
    if (!sum_holds(artifact->payload, trailer + AT_PAYLOAD_SUM))
        return subx_error__set(error, SUBX_ARTIFACT,
                               "damaged artifact: the checksum of the compiled code does not hold");
    if (!sum_holds(artifact->code, trailer + AT_CODE_SUM))
        return subx_error__set(error, SUBX_ARTIFACT,
                               "damaged artifact: the checksum of the original code does not hold");
    memcpy(artifact->engine_version, trailer + AT_ENGINE_VERSION, SUBX_ARTIFACT_VERSION_SIZE);
    artifact->engine_version[SUBX_ARTIFACT_VERSION_SIZE - 1] = '\0';
    memcpy(artifact->compatibility, trailer + AT_COMPATIBILITY, 32);
    memcpy(artifact->semantics, trailer + AT_SEMANTICS, 32);
    memcpy(artifact->code_hash, trailer + AT_CODE_HASH, 32);
    artifact->reset_obstacle = subx_load_u32(trailer + AT_RESET_OBSTACLE);
    artifact->mutable_globals = subx_load_u32(trailer + AT_MUTABLE_GLOBALS);
    artifact->image_end = subx_load_u64(trailer + AT_IMAGE_END);
    return SUBX_OK;
}

subx_status subx_artifact__stored_code(const struct subx_artifact *artifact, size_t max_size,
                                       subx_bytes *stored, subx_error *error)
{
    *stored = (subx_bytes)SUBX_BYTES_INIT;
    const unsigned long long size =
        ZSTD_getFrameContentSize(artifact->code.data, artifact->code.len);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return subx_error__set(error, SUBX_ARTIFACT,
                               "the original code inside the artifact is no zstd frame");
    if (size > max_size)
        return subx_error__set(
            error, SUBX_TOO_LARGE,
            "the original code inside the artifact has %llu bytes, the bound is %zu", size,
            max_size);
    uint8_t *data = subx_mem__alloc((size_t)size);
    if (data == NULL)
        return subx_error__nomem(error);
    const size_t got = ZSTD_decompress(data, (size_t)size, artifact->code.data, artifact->code.len);
    if (ZSTD_isError(got) || got != size) {
        subx_mem__free(data);
        return subx_error__set(error, SUBX_ARTIFACT,
                               "the original code inside the artifact cannot be decompressed");
    }
    *stored = (subx_bytes){data, (size_t)size};
    return SUBX_OK;
}

static void append_trailer(struct subx_buf *file, const struct subx_artifact *artifact,
                           subx_slice code)
{
    uint8_t trailer[SUBX_ARTIFACT_TRAILER_SIZE] = {0};
    memcpy(trailer + AT_MAGIC, magic, sizeof magic);
    subx_store_u32(trailer + AT_FORMAT, FORMAT);
    subx_store_u32(trailer + AT_SIZE, SUBX_ARTIFACT_TRAILER_SIZE);
    subx_store_u64(trailer + AT_PAYLOAD_LEN, artifact->payload.len);
    subx_store_u64(trailer + AT_CODE_LEN, code.len);
    memcpy(trailer + AT_ENGINE_VERSION, artifact->engine_version, SUBX_ARTIFACT_VERSION_SIZE);
    memcpy(trailer + AT_COMPATIBILITY, artifact->compatibility, 32);
    memcpy(trailer + AT_SEMANTICS, artifact->semantics, 32);
    memcpy(trailer + AT_CODE_HASH, artifact->code_hash, 32);
    subx_store_u32(trailer + AT_RESET_OBSTACLE, artifact->reset_obstacle);
    subx_store_u32(trailer + AT_MUTABLE_GLOBALS, artifact->mutable_globals);
    subx_store_u64(trailer + AT_IMAGE_END, artifact->image_end);
    subx_checksum__128(artifact->payload, trailer + AT_PAYLOAD_SUM);
    subx_checksum__128(code, trailer + AT_CODE_SUM);
    subx_store_u64(trailer + AT_TRAILER_SUM,
                   subx_checksum__64((subx_slice){trailer, AT_TRAILER_SUM}));
    subx_buf__append(file, trailer, sizeof trailer);
}

subx_status subx_artifact__write(const struct subx_artifact *artifact, subx_slice stored_code,
                                 subx_bytes *file, subx_error *error)
{
    *file = (subx_bytes)SUBX_BYTES_INIT;
    struct subx_buf out = SUBX_BUF_INIT;
    const size_t bound = ZSTD_compressBound(stored_code.len);
    if (!subx_buf__reserve(&out, artifact->payload.len + bound + SUBX_ARTIFACT_TRAILER_SIZE))
        return subx_buf__finish(&out, file, error);
    subx_buf__append_slice(&out, artifact->payload);
    uint8_t *code = out.data + out.len;
    const size_t code_len =
        ZSTD_compress(code, bound, stored_code.data, stored_code.len, CODE_COMPRESSION_LEVEL);
    if (ZSTD_isError(code_len)) {
        subx_buf__free(&out);
        return subx_error__set(error, SUBX_NOMEM, "compressing the code: %s",
                               ZSTD_getErrorName(code_len));
    }
    out.len += code_len;
    append_trailer(&out, artifact, (subx_slice){code, code_len});
    return subx_buf__finish(&out, file, error);
}
