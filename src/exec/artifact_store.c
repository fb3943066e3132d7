/* The executor's folder of artifacts; see artifact_store.h. */
#include "exec/artifact_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <subexec/cache.h>

#include "crypto/hash.h"
#include "platform/file.h"
#include "platform/mapped_file.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"

bool subx_artifact_store__is_name(const char *name, bool *is_remainder)
{
    static const size_t stem = 64 + 1 + 16;
    *is_remainder = false;
    if (strlen(name) < SUBX_ARTIFACT_NAME_LEN)
        return false;
    for (size_t i = 0; i < stem; i++) {
        const bool is_right = i == 64 ? name[i] == '-' : subx_hex__digit((uint8_t)name[i]) >= 0;
        if (!is_right)
            return false;
    }
    const size_t suffix = sizeof SUBX_ARTIFACT_SUFFIX - 1;
    if (strncmp(name + stem, SUBX_ARTIFACT_SUFFIX, suffix) != 0)
        return false;
    /* what a writer's temporary name adds: a dot and six characters */
    const char *const rest = name + stem + suffix;
    *is_remainder = rest[0] == '.' && strlen(rest) == 7;
    return rest[0] == '\0' || *is_remainder;
}

/* Where the artifact for this code and these options lies; for subx_mem__free(). */
static char *path_of(const subx_executor *executor, const uint8_t code_hash[32],
                     const struct subx_artifact *expected)
{
    uint8_t fields[SUBX_ARTIFACT_VERSION_SIZE + 64], digest[32];
    struct subx_buf path = SUBX_BUF_INIT;
    memcpy(fields, expected->engine_version, SUBX_ARTIFACT_VERSION_SIZE);
    memcpy(fields + SUBX_ARTIFACT_VERSION_SIZE, expected->compatibility, 32);
    memcpy(fields + SUBX_ARTIFACT_VERSION_SIZE + 32, expected->semantics, 32);
    subx_hash__blake2b_256(subx_slice__of(fields, sizeof fields), digest);
    subx_buf__append_text(&path, executor->artifact_folder);
    subx_buf__append_u8(&path, '/');
    subx_hex__append(&path, subx_slice__of(code_hash, 32));
    subx_buf__append_u8(&path, '-');
    subx_hex__append(&path, subx_slice__of(digest, 8));
    subx_buf__append_text(&path, SUBX_ARTIFACT_SUFFIX);
    subx_buf__append_u8(&path, '\0');
    if (!path.failed)
        return (char *)path.data;
    subx_buf__free(&path);
    return NULL;
}

/* ---- Loading ---- */

/* Why a file is not to be used, or NULL. */
static const char *refusal(const struct subx_mapped_file *file, const uint8_t code_hash[32],
                           const struct subx_artifact *expected, struct subx_artifact *artifact,
                           subx_error *error)
{
    if (file->distrust[0] != '\0')
        return file->distrust;
    if (subx_artifact__read(subx_slice__of(file->data, file->len), artifact, error) != SUBX_OK)
        return error->message;
    if (memcmp(artifact->code_hash, code_hash, sizeof artifact->code_hash) != 0)
        return "it is of other code";
    return subx_artifact_load__mismatch(artifact, expected);
}

/* Mark a file as used now; what was not used for the longest time is removed first. */
static void touch(const struct subx_mapped_file *file)
{
    (void)futimens(file->descriptor, NULL);
}

static bool load_file(subx_executor *executor, const char *path, const uint8_t code_hash[32],
                      const struct subx_artifact *expected, const subx_runtime_options *options,
                      subx_runtime **out, subx_status *status, subx_error *error)
{
    struct subx_mapped_file file;
    struct subx_file_fault fault;
    struct subx_artifact artifact;
    if (!subx_mapped_file__open(path, &file, &fault))
        return false; /* mostly: there is none yet */
    subx_error own = SUBX_ERROR_INIT;
    const char *reason = refusal(&file, code_hash, expected, &artifact, &own);
    if (reason == NULL) {
        const struct subx_compiled compiled = {
            .payload = artifact.payload,
            .descriptor = file.descriptor,
            .facts = {(enum subx_reset_obstacle)artifact.reset_obstacle, artifact.mutable_globals,
                      artifact.image_end},
        };
        *status = subx_runtime__from_compiled(executor, &compiled, options, out, &own);
        /* The engine has the last word on what fits it. */
        reason = *status == SUBX_ENGINE ? own.message : NULL;
        if (reason == NULL && *status != SUBX_OK && error != NULL && error->status == SUBX_OK)
            *error = own;
        if (reason == NULL)
            touch(&file);
    }
    if (reason != NULL)
        subx_executor__notice(executor, SUBX_LOG_WARN, "%s is replaced: %s", path, reason);
    executor->counters.artifacts_replaced += reason != NULL;
    executor->counters.artifacts_loaded += reason == NULL;
    subx_mapped_file__close(&file);
    return reason == NULL;
}

bool subx_artifact_store__load(subx_executor *executor, const uint8_t code_hash[32],
                               const subx_runtime_options *options, subx_runtime **out,
                               subx_status *status, subx_error *error)
{
    struct subx_artifact expected;
    if (executor->artifact_folder == NULL ||
        subx_artifact_load__expect(executor, options, &expected, NULL) != SUBX_OK)
        return false;
    char *const path = path_of(executor, code_hash, &expected);
    const bool is_loaded = path != NULL && load_file(executor, path, code_hash, &expected, options,
                                                     out, status, error);
    subx_mem__free(path);
    return is_loaded;
}

/* ---- Keeping ---- */

static subx_status write(subx_executor *executor, const subx_code *code,
                         const subx_runtime_options *options, const struct subx_compiled *compiled,
                         subx_error *error)
{
    struct subx_artifact made;
    struct subx_file_fault fault;
    subx_bytes bytes = SUBX_BYTES_INIT;
    subx_status status =
        subx_artifact_load__write(executor, code, options, compiled, &made, &bytes, error);
    char *const path = status == SUBX_OK ? path_of(executor, made.code_hash, &made) : NULL;
    if (status == SUBX_OK && path == NULL)
        status = subx_error__nomem(error);
    if (status == SUBX_OK &&
        !subx_file__write(path, bytes.data, bytes.len, SUBX_FILE_MODE_GUARDED, &fault))
        status = subx_error__set(error, SUBX_IO, "%s: %s", path, fault.reason);
    subx_mem__free(path);
    subx_bytes_free(&bytes);
    return status;
}

void subx_artifact_store__keep(subx_executor *executor, const subx_code *code,
                               const subx_runtime_options *options,
                               const struct subx_compiled *compiled)
{
    if (executor->artifact_folder == NULL)
        return;
    subx_error error = SUBX_ERROR_INIT;
    subx_status status = write(executor, code, options, compiled, &error);
    executor->counters.artifacts_written += status == SUBX_OK;
    executor->counters.artifacts_failed += status != SUBX_OK;
    if (status == SUBX_OK && executor->options.artifact_folder_bytes != UINT64_MAX)
        status = subx_artifact_folder_prune(executor->artifact_folder,
                                            executor->options.artifact_folder_bytes, NULL, &error);
    if (status != SUBX_OK)
        subx_executor__notice(executor, SUBX_LOG_WARN, "compiled code is not kept: %s",
                              status == SUBX_NOMEM ? "out of memory" : error.message);
}
