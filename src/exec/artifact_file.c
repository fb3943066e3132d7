/* Artifacts as files that are looked at and written, not loaded. */
#include <stdio.h>
#include <string.h>

#include "exec/compile.h"
#include "platform/file.h"
#include "platform/mapped_file.h"
#include "util/check.h"

static subx_status inspect(subx_executor *executor, subx_slice bytes,
                           const subx_runtime_options *options, subx_artifact_info *info,
                           subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    struct subx_artifact artifact;
    const char *reason = NULL;
    subx_status status = subx_artifact__read(bytes, &artifact, error);
    if (status == SUBX_OK)
        status = subx_artifact_load__check(executor, &artifact,
                                           options != NULL ? options : &defaults, &reason, error);
    if (status != SUBX_OK)
        return status;
    info->size = bytes.len;
    info->compiled_size = artifact.payload.len;
    info->code_size = artifact.code.len;
    memcpy(info->code_hash, artifact.code_hash, sizeof info->code_hash);
    snprintf(info->engine_version, sizeof info->engine_version, "%s", artifact.engine_version);
    info->fits = reason == NULL;
    snprintf(info->reason, sizeof info->reason, "%s", reason != NULL ? reason : "");
    return SUBX_OK;
}

subx_status subx_artifact_inspect(subx_executor *executor, subx_slice artifact,
                                  const subx_runtime_options *options, subx_artifact_info *info,
                                  subx_error *error)
{
    SUBX_CHECK_ARG(info != NULL, error);
    memset(info, 0, sizeof *info);
    SUBX_CHECK_ARG(executor != NULL && (artifact.data != NULL || artifact.len == 0), error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    return inspect(executor, artifact, options, info, error);
}

subx_status subx_artifact_inspect_file(subx_executor *executor, const char *path,
                                       const subx_runtime_options *options,
                                       subx_artifact_info *info, subx_error *error)
{
    SUBX_CHECK_ARG(info != NULL, error);
    memset(info, 0, sizeof *info);
    SUBX_CHECK_ARG(executor != NULL && path != NULL, error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    struct subx_mapped_file file;
    struct subx_file_fault fault;
    if (!subx_mapped_file__open(path, &file, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", path, fault.reason);
    const subx_status status =
        inspect(executor, subx_slice__of(file.data, file.len), options, info, error);
    if (status != SUBX_OK)
        subx_error__prefix(error, "%s", path);
    /* What comes first when it is loaded. */
    if (status == SUBX_OK && file.distrust[0] != '\0') {
        info->fits = false;
        snprintf(info->reason, sizeof info->reason, "it cannot be trusted: %s", file.distrust);
    }
    subx_mapped_file__close(&file);
    return status;
}

subx_status subx_artifact_write_file(subx_slice artifact, const char *path, subx_error *error)
{
    SUBX_CHECK_ARG(path != NULL && (artifact.data != NULL || artifact.len == 0), error);
    struct subx_file_fault fault;
    if (!subx_artifact__is(artifact))
        return subx_error__set(error, SUBX_ARTIFACT, "%s: what is to be written is no artifact",
                               path);
    if (!subx_file__write(path, artifact.data, artifact.len, SUBX_FILE_MODE_GUARDED, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", path, fault.reason);
    return SUBX_OK;
}
