/*
 * Artifacts (blob/artifact.h) from any bytes: the trailer and the code inside.
 *
 * Input: a byte that chooses, then the file. If the choice is odd, magic and checksums are made to
 * hold first, so that what they guard is reached. What must hold: what is read lies inside the file
 * and can be written and read again.
 */
#include <stdlib.h>

#include "blob/artifact.h"
#include "crypto/checksum.h"
#include "util/endian.h"
#include "util/error.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CODE_MAX ((size_t)1 << 16)

/* Places in the trailer, see blob/artifact.h. */
enum {
    AT_FORMAT = 8,
    AT_SIZE = 12,
    AT_PAYLOAD_LEN = 16,
    AT_CODE_LEN = 24,
    AT_PAYLOAD_SUM = 160,
    AT_CODE_SUM = 176,
    AT_TRAILER_SUM = 248,
    TRAILER = SUBX_ARTIFACT_TRAILER_SIZE
};

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* Make magic and checksums hold, and for choices 3, 7, ... the format and the lengths too. */
static void seal(uint8_t *file, size_t len, uint8_t choice)
{
    if (len < TRAILER)
        return;
    const size_t body = len - TRAILER;
    uint8_t *trailer = file + body;
    memcpy(trailer, "subxART1", 8);
    if (choice % 4 == 3) {
        const uint64_t payload = body == 0 ? 0 : subx_load_u64(trailer + AT_PAYLOAD_LEN) % body;
        subx_store_u32(trailer + AT_FORMAT, 1);
        subx_store_u32(trailer + AT_SIZE, TRAILER);
        subx_store_u64(trailer + AT_PAYLOAD_LEN, payload);
        subx_store_u64(trailer + AT_CODE_LEN, body - payload);
    }
    const uint64_t payload = subx_load_u64(trailer + AT_PAYLOAD_LEN);
    if (payload <= body) {
        subx_checksum__128(subx_slice__of(file, (size_t)payload), trailer + AT_PAYLOAD_SUM);
        subx_checksum__128(subx_slice__of(file + payload, body - (size_t)payload),
                           trailer + AT_CODE_SUM);
    }
    subx_store_u64(trailer + AT_TRAILER_SUM,
                   subx_checksum__64(subx_slice__of(trailer, AT_TRAILER_SUM)));
}

static void same_artifact(const struct subx_artifact *a, const struct subx_artifact *b)
{
    demand(subx_slice__equal(a->payload, b->payload));
    demand(strcmp(a->engine_version, b->engine_version) == 0);
    demand(memcmp(a->compatibility, b->compatibility, sizeof a->compatibility) == 0);
    demand(memcmp(a->semantics, b->semantics, sizeof a->semantics) == 0);
    demand(memcmp(a->code_hash, b->code_hash, sizeof a->code_hash) == 0);
    demand(a->reset_obstacle == b->reset_obstacle && a->mutable_globals == b->mutable_globals &&
           a->image_end == b->image_end);
}

static void write_and_read(const struct subx_artifact *artifact, subx_slice stored)
{
    subx_bytes file = SUBX_BYTES_INIT, again = SUBX_BYTES_INIT;
    demand(subx_artifact__write(artifact, stored, &file, NULL) == SUBX_OK);
    struct subx_artifact read;
    demand(subx_artifact__read(subx_slice__of(file.data, file.len), &read, NULL) == SUBX_OK);
    same_artifact(artifact, &read);
    demand(subx_artifact__stored_code(&read, CODE_MAX, &again, NULL) == SUBX_OK);
    demand(subx_slice__equal(stored, subx_slice__of(again.data, again.len)));
    subx_bytes_free(&again);
    subx_bytes_free(&file);
}

static void try_file(subx_slice file)
{
    struct subx_artifact artifact;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = subx_artifact__read(file, &artifact, &error);
    demand(status == SUBX_OK || status == SUBX_ARTIFACT);
    demand((status == SUBX_OK) == (error.message[0] == '\0'));
    demand(status != SUBX_OK || subx_artifact__is(file));
    if (status != SUBX_OK)
        return;
    demand(artifact.payload.len + artifact.code.len + TRAILER == file.len);
    demand(memchr(artifact.engine_version, 0, sizeof artifact.engine_version) != NULL);

    subx_bytes stored = SUBX_BYTES_INIT;
    const subx_status code = subx_artifact__stored_code(&artifact, CODE_MAX, &stored, &error);
    demand(code == SUBX_OK || code == SUBX_ARTIFACT || code == SUBX_TOO_LARGE);
    demand((code == SUBX_OK) == (error.message[0] == '\0'));
    demand((code == SUBX_OK) == (stored.data != NULL) && stored.len <= CODE_MAX);
    if (code == SUBX_OK)
        write_and_read(&artifact, subx_slice__of(stored.data, stored.len));
    subx_bytes_free(&stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 16)
        return 0;
    const size_t len = size - 1;
    uint8_t *file = subx_mem__copy(data + 1, len);
    demand(file != NULL);
    if (data[0] % 2 == 1)
        seal(file, len, data[0]);
    try_file(subx_slice__of(file, len));
    subx_mem__free(file);
    return 0;
}
