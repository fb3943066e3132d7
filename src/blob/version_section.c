/* The runtime's version, old encodings and new ones (spec/host-api.md sections 6 and 10). */
#include "blob/version_section.h"

#include "blob/code.h"
#include "codec/scale.h"
#include "util/check.h"
#include "util/mem.h"

/* An id of 8 bytes and a version of 4. */
enum { API_SIZE = 12 };

/* Version of the API `Core` among the records: it tells which fields there are. 0: not listed. */
static uint32_t core_version(subx_slice apis)
{
    static const uint8_t core[8] = {0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b};
    for (size_t i = 0; i < apis.len; i += API_SIZE)
        if (memcmp(apis.data + i, core, sizeof core) == 0)
            return subx_load_u32(apis.data + i + sizeof core);
    return 0;
}

static bool read_apis(struct subx_reader *reader, subx_slice *apis)
{
    size_t count = 0;
    return subx_scale__count(reader, API_SIZE, &count) &&
           subx_reader__bytes(reader, count * API_SIZE, apis);
}

static subx_status invalid(const struct subx_reader *reader, const char *field, subx_error *error)
{
    return subx_error__set(error, SUBX_VERSION_INVALID,
                           "runtime version: %s is missing or malformed at offset %zu of %zu",
                           field, subx_reader__offset(reader),
                           subx_reader__offset(reader) + reader->left);
}

/*
 * Read a version; bytes after it are left alone. `hint` is the version of `Core` where the caller
 * knows it, else 0. Core 3 brought transaction_version, Core 4 system_version; before, they are 1
 * and 0.
 */
static subx_status decode(subx_slice scale, uint32_t hint, struct subx_version_fields *fields,
                          subx_error *error)
{
    struct subx_reader reader = subx_reader__of(scale);
    *fields = (struct subx_version_fields){.transaction_version = 1};
    if (!subx_scale__text(&reader, &fields->spec_name))
        return invalid(&reader, "spec_name", error);
    if (!subx_scale__text(&reader, &fields->impl_name))
        return invalid(&reader, "impl_name", error);
    if (!subx_reader__u32(&reader, &fields->authoring_version))
        return invalid(&reader, "authoring_version", error);
    if (!subx_reader__u32(&reader, &fields->spec_version))
        return invalid(&reader, "spec_version", error);
    if (!subx_reader__u32(&reader, &fields->impl_version))
        return invalid(&reader, "impl_version", error);
    if (!read_apis(&reader, &fields->apis))
        return invalid(&reader, "the list of APIs", error);
    const uint32_t core = hint != 0 ? hint : core_version(fields->apis);
    if (core >= 3 && !subx_reader__u32(&reader, &fields->transaction_version))
        return invalid(&reader, "transaction_version", error);
    if (core >= 4 && !subx_reader__u8(&reader, &fields->system_version))
        return invalid(&reader, "system_version", error);
    return SUBX_OK;
}

subx_status subx_version_section__read(const struct subx_wasm_module *module,
                                       struct subx_version_fields *fields, bool *found,
                                       subx_error *error)
{
    *fields = (struct subx_version_fields){.transaction_version = 1};
    *found = false;
    subx_slice version = SUBX_EMPTY, apis = SUBX_EMPTY;
    if (!subx_wasm__custom_section(module, "runtime_version", &version))
        return SUBX_OK;
    const bool has_apis = subx_wasm__custom_section(module, "runtime_apis", &apis);
    if (apis.len % API_SIZE != 0)
        return subx_error__set(error, SUBX_VERSION_INVALID,
                               "section runtime_apis: %zu bytes are no whole number of records "
                               "of %d bytes",
                               apis.len, API_SIZE);
    const subx_status status = decode(version, core_version(apis), fields, error);
    if (status != SUBX_OK) {
        subx_error__prefix(error, "section runtime_version");
        return status;
    }
    if (has_apis)
        fields->apis = apis;
    *found = true;
    return SUBX_OK;
}

void subx_version_section__encode(const struct subx_version_fields *fields, struct subx_buf *buf)
{
    subx_scale__append_bytes(buf, fields->spec_name);
    subx_scale__append_bytes(buf, fields->impl_name);
    subx_scale__append_u32(buf, fields->authoring_version);
    subx_scale__append_u32(buf, fields->spec_version);
    subx_scale__append_u32(buf, fields->impl_version);
    subx_scale__append_compact(buf, fields->apis.len / API_SIZE);
    subx_buf__append_slice(buf, fields->apis);
    subx_scale__append_u32(buf, fields->transaction_version);
    subx_buf__append_u8(buf, fields->system_version);
}

/* A NUL-terminated copy; a NUL inside, which no chain has, would cut the name: it becomes '?'. */
static char *copy_name(subx_slice name)
{
    char *copy = subx_mem__alloc(name.len + 1);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < name.len; i++)
        copy[i] = name.data[i] == 0 ? '?' : (char)name.data[i];
    copy[name.len] = '\0';
    return copy;
}

/* The public form, which owns its parts. */
static subx_status publish(const struct subx_version_fields *fields, subx_version *version,
                           subx_error *error)
{
    const size_t count = fields->apis.len / API_SIZE;
    version->spec_name = copy_name(fields->spec_name);
    version->impl_name = copy_name(fields->impl_name);
    version->apis = subx_mem__calloc(count, sizeof *version->apis);
    if (version->spec_name == NULL || version->impl_name == NULL || version->apis == NULL) {
        subx_version_free(version);
        return subx_error__nomem(error);
    }
    version->authoring_version = fields->authoring_version;
    version->spec_version = fields->spec_version;
    version->impl_version = fields->impl_version;
    version->transaction_version = fields->transaction_version;
    version->state_version = fields->system_version;
    version->api_count = count;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *record = fields->apis.data + i * API_SIZE;
        memcpy(version->apis[i].id, record, sizeof version->apis[i].id);
        version->apis[i].version = subx_load_u32(record + sizeof version->apis[i].id);
    }
    return SUBX_OK;
}

subx_status subx_code_version(const subx_code *code, subx_version *version, bool *found,
                              subx_error *error)
{
    SUBX_CHECK_ARG(code != NULL && version != NULL && found != NULL, error);
    *version = (subx_version)SUBX_VERSION_INIT;
    struct subx_version_fields fields;
    subx_status status = subx_version_section__read(&code->module, &fields, found, error);
    if (status == SUBX_OK && *found)
        status = publish(&fields, version, error);
    if (status != SUBX_OK)
        *found = false;
    return status;
}

subx_status subx_version_decode(subx_slice scale, subx_version *version, subx_error *error)
{
    SUBX_CHECK_ARG(version != NULL, error);
    *version = (subx_version)SUBX_VERSION_INIT;
    struct subx_version_fields fields;
    const subx_status status = decode(scale, 0, &fields, error);
    return status == SUBX_OK ? publish(&fields, version, error) : status;
}

void subx_version_free(subx_version *version)
{
    if (version == NULL)
        return;
    subx_mem__free(version->spec_name);
    subx_mem__free(version->impl_name);
    subx_mem__free(version->apis);
    *version = (subx_version)SUBX_VERSION_INIT;
}
