/*
 * Artifacts: making them, and making runtimes of them. A sound artifact of another engine, target,
 * CPU or configuration is not loaded but compiled again from the code inside, if the caller allows
 * that; a damaged one is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <subexec_rust_engine.h>

#include "blob/artifact.h"
#include "blob/code.h"
#include "crypto/hash.h"
#include "exec/compile.h"
#include "platform/mapped_file.h"
#include "util/check.h"
#include "util/endian.h"
#include "util/error.h"

/* Raise when the passes or the meaning of an option change what is compiled. */
#define SEMANTICS_FORMAT 1u

/* Everything that changes the compiled code or what a runtime may rely on, beyond what the engine
 * compares. */
static void digest_semantics(const subx_runtime_options *options, bool copy_on_write,
                             uint8_t digest[32])
{
    uint8_t fields[20] = {0};
    subx_store_u32(fields, SEMANTICS_FORMAT);
    subx_store_u32(fields + 4, options->stack_logical_max);
    subx_store_u32(fields + 8, options->extensions);
    subx_store_u32(fields + 12, options->canonicalize_nans);
    subx_store_u32(fields + 16, copy_on_write);
    subx_hash__blake2b_256(subx_slice__of(fields, sizeof fields), digest);
}

subx_status subx_artifact_load__expect(subx_executor *executor, const subx_runtime_options *options,
                                       struct subx_artifact *expected, subx_error *error)
{
    const bool copy_on_write = subx_compile__copies_on_write(executor, options);
    const struct subx_engine_config config =
        subx_compile__engine_config(executor, options, copy_on_write);
    struct subx_engine *engine = NULL;
    const subx_status status = subx_executor__engine(executor, &config, &engine, error);
    if (status != SUBX_OK)
        return status;
    memset(expected, 0, sizeof *expected);
    strncpy(expected->engine_version, subx_rust_engine_version(), SUBX_ARTIFACT_VERSION_SIZE - 1);
    subx_rust_engine_compatibility(engine->engine, expected->compatibility);
    digest_semantics(options, copy_on_write, expected->semantics);
    return SUBX_OK;
}

const char *subx_artifact_load__mismatch(const struct subx_artifact *artifact,
                                         const struct subx_artifact *expected)
{
    if (strcmp(artifact->engine_version, expected->engine_version) != 0)
        return "it was made by another version of the engine";
    if (memcmp(artifact->semantics, expected->semantics, sizeof expected->semantics) != 0)
        return "it was made for other options (strategy with or without copy-on-write, stack "
               "limit, NaNs, "
               "extensions)";
    if (memcmp(artifact->compatibility, expected->compatibility, sizeof expected->compatibility) !=
        0)
        return "it was made for another target, CPU or engine configuration";
    return NULL;
}

subx_status subx_artifact_load__check(subx_executor *executor, const struct subx_artifact *artifact,
                                      const subx_runtime_options *options, const char **reason,
                                      subx_error *error)
{
    struct subx_artifact expected;
    *reason = NULL;
    const subx_status status = subx_artifact_load__expect(executor, options, &expected, error);
    if (status == SUBX_OK)
        *reason = subx_artifact_load__mismatch(artifact, &expected);
    return status;
}

static subx_status compile_inside(subx_executor *executor, const struct subx_artifact *artifact,
                                  const subx_runtime_options *options, subx_runtime **out,
                                  subx_error *error)
{
    const size_t bound = options->max_code_size != 0 ? options->max_code_size : SUBX_MAX_CODE_SIZE;
    subx_bytes stored = SUBX_BYTES_INIT;
    subx_status status = subx_artifact__stored_code(artifact, bound, &stored, error);
    subx_code *code = NULL;
    if (status == SUBX_OK)
        status = subx_code_load(subx_slice__of(stored.data, stored.len), bound, &code, error);
    subx_bytes_free(&stored);
    if (status == SUBX_OK)
        status = subx_runtime__of_code(executor, code, options, out, error);
    subx_code_free(code);
    return status;
}

/* A runtime from an artifact's bytes; `descriptor` is the file that they are mapped from, or -1. */
static subx_status load(subx_executor *executor, subx_slice file, int descriptor,
                        const subx_runtime_options *options, subx_runtime **out, subx_error *error)
{
    struct subx_artifact artifact;
    const char *reason = NULL;
    subx_status status = subx_artifact__read(file, &artifact, error);
    if (status == SUBX_OK)
        status = subx_artifact_load__check(executor, &artifact, options, &reason, error);
    if (status != SUBX_OK)
        return status;
    if (reason != NULL && !options->recompile_mismatched)
        return subx_error__set(error, SUBX_ARTIFACT, "the artifact cannot be used: %s", reason);
    if (reason != NULL) {
        subx_executor__notice(executor, SUBX_LOG_INFO,
                              "compiling the code inside the artifact again: %s", reason);
        return compile_inside(executor, &artifact, options, out, error);
    }
    const struct subx_compiled compiled = {
        .payload = artifact.payload,
        .descriptor = descriptor,
        .facts = {(enum subx_reset_obstacle)artifact.reset_obstacle, artifact.mutable_globals,
                  artifact.image_end},
    };
    return subx_runtime__from_compiled(executor, &compiled, options, out, error);
}

bool subx_artifact_load__bytes(subx_executor *executor, subx_slice bytes,
                               const subx_runtime_options *options, subx_runtime **out,
                               subx_status *status, subx_error *error)
{
    if (!subx_artifact__is(bytes))
        return false;
    *status = load(executor, bytes, -1, options, out, error);
    return true;
}

static subx_status load_mapped(subx_executor *executor, const struct subx_mapped_file *file,
                               const subx_runtime_options *options, subx_runtime **out,
                               subx_error *error)
{
    if (file->distrust[0] != '\0')
        return subx_error__set(error, SUBX_ARTIFACT,
                               "artifacts are machine code, and this one cannot be trusted: %s",
                               file->distrust);
    return load(executor, subx_slice__of(file->data, file->len), file->descriptor, options, out,
                error);
}

bool subx_artifact_load__file(subx_executor *executor, const char *path,
                              const subx_runtime_options *options, subx_runtime **out,
                              subx_status *status, subx_error *error)
{
    struct subx_mapped_file file;
    struct subx_file_fault fault;
    if (!subx_mapped_file__open(path, &file, &fault))
        return false; /* whoever reads it as code says why */
    const bool is_artifact = subx_artifact__is(subx_slice__of(file.data, file.len));
    if (is_artifact) {
        *status = load_mapped(executor, &file, options, out, error);
        subx_error__prefix(error, "%s", path);
    }
    subx_mapped_file__close(&file);
    return is_artifact;
}

subx_status subx_runtime_load_descriptor(subx_executor *executor, int descriptor,
                                         const subx_runtime_options *options, subx_runtime **out,
                                         subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(executor != NULL, error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    const int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    struct subx_mapped_file file;
    struct subx_file_fault fault;
    if (own < 0)
        return subx_error__set(error, SUBX_IO, "descriptor %d: %s", descriptor, strerror(errno));
    if (!subx_mapped_file__of_descriptor(own, &file, &fault))
        return subx_error__set(error, SUBX_IO, "descriptor %d: %s", descriptor, fault.reason);
    const subx_slice bytes = subx_slice__of(file.data, file.len);
    subx_status status = SUBX_OK;
    if (options == NULL)
        options = &defaults;
    if (subx_artifact__is(bytes))
        status = load_mapped(executor, &file, options, out, error);
    else
        status = subx_runtime_load(executor, bytes, options, out, error);
    subx_mapped_file__close(&file);
    return status;
}

subx_status subx_artifact_load__write(subx_executor *executor, const subx_code *code,
                                      const subx_runtime_options *options,
                                      const struct subx_compiled *compiled,
                                      struct subx_artifact *made, subx_bytes *bytes,
                                      subx_error *error)
{
    const subx_status status = subx_artifact_load__expect(executor, options, made, error);
    if (status != SUBX_OK)
        return status;
    const subx_code_info info = subx_code_info_of(code);
    made->payload = compiled->payload;
    memcpy(made->code_hash, info.hash, sizeof made->code_hash);
    made->reset_obstacle = compiled->facts.obstacle;
    made->mutable_globals = compiled->facts.mutable_globals;
    made->image_end = compiled->facts.image_end;
    return subx_artifact__write(made, subx_code__stored(code), bytes, error);
}

subx_status subx_artifact_prepare(subx_executor *executor, const subx_code *code,
                                  const subx_runtime_options *options, subx_bytes *artifact,
                                  subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    SUBX_CHECK_ARG(artifact != NULL, error);
    *artifact = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(executor != NULL && code != NULL, error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    if (options == NULL)
        options = &defaults;
    struct subx_compiled compiled;
    struct subx_artifact made;
    subx_status status =
        subx_compile__code(executor, subx_code_wasm(code), options, &compiled, error);
    if (status == SUBX_OK)
        status =
            subx_artifact_load__write(executor, code, options, &compiled, &made, artifact, error);
    subx_compiled__free(&compiled);
    return status;
}
