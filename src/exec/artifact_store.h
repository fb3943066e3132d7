/*
 * A folder of artifacts: compiled code that outlives the process (docs/architecture.md, Artifacts).
 *
 *   <hash of the code, 64 digits>-<digest of all else that it depends on, 16 digits>.artifact
 *
 * A file is written under another name, synced and renamed, so that it is whole or not there. What
 * is damaged, of another engine, or could have been written by others is not used but replaced.
 * Nothing that goes wrong with the folder is a failure of the runtime that is asked for: it is
 * compiled then.
 */
#ifndef SUBX_EXEC_ARTIFACT_STORE_H
#define SUBX_EXEC_ARTIFACT_STORE_H

#include "exec/compile.h"

#define SUBX_ARTIFACT_SUFFIX ".artifact"
#define SUBX_ARTIFACT_NAME_LEN (64 + 1 + 16 + sizeof SUBX_ARTIFACT_SUFFIX - 1)

/* Whether a file's name is one of ours; `*is_remainder`: of a write that was not finished. */
bool subx_artifact_store__is_name(const char *name, bool *is_remainder);

/* Make a runtime of an artifact in the executor's folder, false if there is none of use. */
bool subx_artifact_store__load(subx_executor *executor, const uint8_t code_hash[32],
                               const subx_runtime_options *options, subx_runtime **out,
                               subx_status *status, subx_error *error);

/* Keep what was compiled, and make room for it. */
void subx_artifact_store__keep(subx_executor *executor, const subx_code *code,
                               const subx_runtime_options *options,
                               const struct subx_compiled *compiled);

#endif
