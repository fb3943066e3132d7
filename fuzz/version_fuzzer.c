/*
 * The runtime's version (blob/version_section.h) from any bytes.
 *
 * Input: a byte that chooses, then either the SCALE bytes of a version or the contents of the
 * sections `runtime_version` (its length first, one byte) and `runtime_apis`. What must hold: what
 * decodes can be encoded and decodes to the same.
 */
#include <stdlib.h>

#include "blob/version_section.h"
#include "util/error.h"
#include "util/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void append_section(struct subx_buf *wasm, const char *name, subx_slice contents)
{
    const size_t len = 1 + strlen(name) + contents.len;
    demand(len < 1 << 14);
    subx_buf__append_u8(wasm, 0);
    subx_buf__append_u8(wasm, (uint8_t)(0x80 | (len & 0x7f)));
    subx_buf__append_u8(wasm, (uint8_t)(len >> 7));
    subx_buf__append_u8(wasm, (uint8_t)strlen(name));
    subx_buf__append_text(wasm, name);
    subx_buf__append_slice(wasm, contents);
}

static void same_version(const struct subx_version_fields *fields, const subx_version *version)
{
    demand(version->authoring_version == fields->authoring_version);
    demand(version->spec_version == fields->spec_version);
    demand(version->impl_version == fields->impl_version);
    demand(strlen(version->spec_name) == fields->spec_name.len);
    demand(version->api_count * 12 == fields->apis.len);
}

/* A module with both sections. */
static void try_sections(subx_slice version, subx_slice apis)
{
    static const uint8_t header[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    struct subx_buf wasm = SUBX_BUF_INIT;
    subx_buf__append(&wasm, header, sizeof header);
    append_section(&wasm, "runtime_version", version);
    append_section(&wasm, "runtime_apis", apis);
    struct subx_wasm_module module;
    demand(subx_wasm__parse(subx_buf__slice(&wasm), SUBX_WASM_STRICT, &module, NULL) == SUBX_OK);
    struct subx_version_fields fields;
    subx_error error = SUBX_ERROR_INIT;
    bool found = false;
    const subx_status status = subx_version_section__read(&module, &fields, &found, &error);
    demand(status == SUBX_OK || status == SUBX_VERSION_INVALID);
    demand(found == (status == SUBX_OK));
    if (found) {
        struct subx_buf encoded = SUBX_BUF_INIT;
        subx_version_section__encode(&fields, &encoded);
        subx_version decoded;
        demand(subx_version_decode(subx_buf__slice(&encoded), &decoded, NULL) == SUBX_OK);
        same_version(&fields, &decoded);
        subx_version_free(&decoded);
        subx_buf__free(&encoded);
    }
    subx_wasm__free(&module);
    subx_buf__free(&wasm);
}

static void try_scale(subx_slice scale)
{
    subx_version version;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = subx_version_decode(scale, &version, &error);
    demand(status == SUBX_OK || status == SUBX_VERSION_INVALID);
    demand((status == SUBX_OK) == (version.spec_name != NULL));
    demand((status == SUBX_OK) == (error.message[0] == '\0'));
    demand(version.api_count <= scale.len / 12);
    subx_version_free(&version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct subx_reader reader = subx_reader__of(subx_slice__of(data, size));
    uint8_t choice = 0, len = 0;
    subx_slice version = SUBX_EMPTY;
    if (size > 4096 || !subx_reader__u8(&reader, &choice))
        return 0;
    if (choice % 2 == 0) {
        try_scale(subx_slice__of(reader.at, reader.left));
    } else if (subx_reader__u8(&reader, &len) && subx_reader__bytes(&reader, len, &version)) {
        try_sections(version, subx_slice__of(reader.at, reader.left));
    }
    return 0;
}
