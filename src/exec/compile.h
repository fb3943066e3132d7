/* From a chain's code to compiled code: the passes, the engine's configuration, the compilation. */
#ifndef SUBX_EXEC_COMPILE_H
#define SUBX_EXEC_COMPILE_H

#include "blob/artifact.h"
#include "exec/reset.h"
#include "exec/runtime_internal.h"

/* Compiled code, in memory or in an open file, and what is known about it. */
struct subx_compiled {
    subx_slice payload;    /* what the engine serialised */
    int descriptor;        /* a file that begins with it, or -1; borrowed */
    wasm_byte_vec_t owned; /* backs `payload` if it was compiled just now */
    struct subx_reset_facts facts;
};

void subx_compiled__free(struct subx_compiled *compiled);

/* The configuration that code is compiled with: no pool, whose limits would only be found out
 * afterwards. */
struct subx_engine_config subx_compile__engine_config(const subx_executor *executor,
                                                      const subx_runtime_options *options,
                                                      bool copy_on_write);

/* Whether the strategy that `options` will end up with maps data segments copy-on-write. */
bool subx_compile__copies_on_write(subx_executor *executor, const subx_runtime_options *options);

/* Run the passes over `wasm` and compile it. `out` is to be freed in any case. */
subx_status subx_compile__code(subx_executor *executor, subx_slice wasm,
                               const subx_runtime_options *options, struct subx_compiled *out,
                               subx_error *error);

/* subx_runtime_new() from compiled code of the right configuration. */
subx_status subx_runtime__from_compiled(subx_executor *executor,
                                        const struct subx_compiled *compiled,
                                        const subx_runtime_options *options, subx_runtime **out,
                                        subx_error *error);

/*
 * If the bytes (or the file) are an artifact, make a runtime of it: true, and `status` says how
 * that went. False, and nothing happened, if they are something else. Bytes are trusted by whoever
 * has them; a file that others may write is refused.
 */
bool subx_artifact_load__bytes(subx_executor *executor, subx_slice bytes,
                               const subx_runtime_options *options, subx_runtime **out,
                               subx_status *status, subx_error *error);
bool subx_artifact_load__file(subx_executor *executor, const char *path,
                              const subx_runtime_options *options, subx_runtime **out,
                              subx_status *status, subx_error *error);

/* Why an artifact does not fit this engine, this machine and these options: a static text, NULL if
 * it does. */
subx_status subx_artifact_load__check(subx_executor *executor, const struct subx_artifact *artifact,
                                      const subx_runtime_options *options, const char **reason,
                                      subx_error *error);

/* What an artifact for these options has to say of itself; its slices are empty. */
subx_status subx_artifact_load__expect(subx_executor *executor, const subx_runtime_options *options,
                                       struct subx_artifact *expected, subx_error *error);

/* Why an artifact does not say what is expected: a static text, NULL if it does. */
const char *subx_artifact_load__mismatch(const struct subx_artifact *artifact,
                                         const struct subx_artifact *expected);

/* An artifact of what was compiled of `code`, as bytes for subx_bytes_free(); `made` describes it. */
subx_status subx_artifact_load__write(subx_executor *executor, const subx_code *code,
                                      const subx_runtime_options *options,
                                      const struct subx_compiled *compiled,
                                      struct subx_artifact *made, subx_bytes *bytes,
                                      subx_error *error);

#endif
