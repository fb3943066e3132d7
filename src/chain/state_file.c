/*
 * States from files: chain specifications and pairs, read piece by piece, put into a state as a whole
 * (spec/host-api.md section 3.7: the state version decides the form of the values).
 */
#include <string.h>

#include <subexec/chain.h>

#include "chain/chain_runtime.h"
#include "codec/state_json.h"
#include "storage/import.h"
#include "util/check.h"
#include "util/error.h"

/* Bytes between two calls of a progress function. */
#define PROGRESS_STEP ((uint64_t)1 << 20)

struct reading {
    struct subx_import import;
    struct subx_buf code;  /* of `:code`, once it came */
    struct subx_buf child; /* the last child trie */
    bool in_child, is_genesis;
    subx_import_info info;
    const subx_import_options *options;
    const struct subx_json *json;
    uint64_t size, told; /* of the file; where progress was told last */
};

/* ---- Reading ---- */

static void tell_progress(struct reading *reading)
{
    const uint64_t offset = subx_json__offset(reading->json);
    if (reading->options->progress == NULL || offset - reading->told < PROGRESS_STEP)
        return;
    reading->told = offset;
    reading->options->progress(reading->options->progress_data, offset, reading->size);
}

/* All is read; what remains may take as long again. */
static void tell_end(const struct reading *reading)
{
    const uint64_t offset = subx_json__offset(reading->json);
    if (reading->options->progress != NULL)
        reading->options->progress(reading->options->progress_data, offset, offset);
}

/* Take down what the caller wants to know of an entry; false: out of memory. */
static bool note(struct reading *reading, const subx_slice *child, subx_slice key, subx_slice value)
{
    struct subx_buf *const last = &reading->child;
    if (child == NULL) {
        if (subx_slice__equal(key, subx_slice__text(":code"))) {
            reading->code.len = 0;
            subx_buf__append_slice(&reading->code, value);
        }
        reading->info.keys++;
    } else {
        if (!reading->in_child || !subx_slice__equal(subx_buf__slice(last), *child)) {
            last->len = 0;
            subx_buf__append_slice(last, *child);
            reading->in_child = true;
            reading->info.children++;
        }
        reading->info.child_keys++;
    }
    reading->info.bytes += key.len + value.len;
    return !reading->code.failed && !last->failed;
}

static subx_status take(void *data, const subx_slice *child, subx_slice key, subx_slice value,
                        subx_error *error)
{
    struct reading *const reading = data;
    if (!note(reading, child, key, value))
        return subx_error__nomem(error);
    const subx_status status = subx_import__add(&reading->import, child, key, value, error);
    if (status == SUBX_OK)
        tell_progress(reading);
    return status;
}

static subx_status read_all(struct reading *reading, struct subx_input_stream *stream,
                            subx_error *error)
{
    const struct subx_state_json_sink sink = {take, reading, &reading->is_genesis};
    struct subx_json json;
    subx_status status = subx_json__open(&json, subx_byte_source__of_stream(stream),
                                         SUBX_STATE_JSON_MAX_TEXT, error);
    if (status != SUBX_OK)
        return status;
    reading->json = &json;
    reading->size = stream->size;
    status = subx_state_json__read(&json, &sink, error);
    if (status == SUBX_OK) {
        enum subx_json_token token = SUBX_JSON_END;
        status = subx_json__next(&json, &token, error);
        if (status == SUBX_OK && token != SUBX_JSON_END)
            status = subx_json__fail(&json, error, SUBX_INVALID_INPUT, "more than one JSON value");
    }
    if (status == SUBX_OK)
        tell_end(reading);
    reading->json = NULL;
    subx_json__close(&json);
    return status;
}

/* ---- Importing ---- */

static subx_status version_of(subx_slice code_bytes, uint8_t *state_version, subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    subx_code *code = NULL;
    subx_executor *executor = NULL;
    subx_runtime_options options = defaults;
    options.allow_missing_imports = true;
    *state_version = 0;
    if (code_bytes.len == 0)
        return SUBX_OK;
    subx_status status = subx_code_load(code_bytes, 0, &code, error);
    if (status == SUBX_OK)
        status = subx_executor_new(NULL, &executor, error);
    if (status == SUBX_OK)
        status = subx_chain_runtime__state_version(executor, code, &options, state_version, error);
    if (status != SUBX_OK)
        subx_error__prefix(error, "state version of the value of :code");
    subx_executor_free(executor);
    subx_code_free(code);
    return status;
}

subx_status subx_state_code_version(subx_state *state, uint8_t *state_version, subx_error *error)
{
    SUBX_CHECK_ARG(state != NULL && state_version != NULL, error);
    subx_bytes code = SUBX_BYTES_INIT;
    bool found = false;
    *state_version = 0;
    subx_status status =
        subx_state_get(state, NULL, subx_slice__text(":code"), &found, &code, error);
    if (status == SUBX_OK)
        status = version_of((subx_slice){code.data, code.len}, state_version, error);
    subx_bytes_free(&code);
    return status;
}

static subx_status import(struct reading *reading, struct subx_input_stream *stream,
                          subx_error *error)
{
    const subx_import_options *const options = reading->options;
    struct subx_import_end end = {.head = options->head};
    subx_status status = read_all(reading, stream, error);
    end.state_version = options->state_version;
    if (status == SUBX_OK && end.state_version == SUBX_STATE_VERSION_OF_CODE)
        status = version_of(subx_buf__slice(&reading->code), &end.state_version, error);
    if (status != SUBX_OK) {
        subx_import__drop(&reading->import);
        return status;
    }
    reading->info.state_version = end.state_version;
    end.is_genesis = reading->is_genesis;
    return subx_import__finish(&reading->import, &end, error);
}

subx_status subx_state_import_file(subx_state *state, const char *path,
                                   const subx_import_options *options, subx_import_info *info,
                                   subx_error *error)
{
    static const subx_import_options defaults = SUBX_IMPORT_OPTIONS_INIT;
    SUBX_CHECK_ARG(state != NULL && path != NULL, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    struct reading reading = {.options = options != NULL ? options : &defaults};
    const uint8_t state_version = reading.options->state_version;
    SUBX_CHECK_ARG(state_version <= 1 || state_version == SUBX_STATE_VERSION_OF_CODE, error);
    struct subx_input_stream stream;
    struct subx_file_fault fault;
    if (!subx_input_stream__open(path, &stream, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", path, fault.reason);
    /* large states are of version 1 nowadays */
    subx_status status =
        subx_import__begin(state, state_version == 0 ? 0 : 1, &reading.import, error);
    if (status == SUBX_OK) {
        status = import(&reading, &stream, error);
        if (status != SUBX_OK && status != SUBX_NOMEM)
            subx_error__prefix(error, "%s", path);
    }
    subx_input_stream__close(&stream);
    if (status == SUBX_OK && info != NULL)
        *info = reading.info;
    subx_buf__free(&reading.code);
    subx_buf__free(&reading.child);
    return status;
}
