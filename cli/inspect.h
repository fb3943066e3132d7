/* What `inspect` found out, and the two ways to print it. */
#ifndef SUBX_CLI_INSPECT_H
#define SUBX_CLI_INSPECT_H

#include <subexec/code.h>
#include <subexec/runtime.h>

enum version_source {
    VERSION_EMBEDDED, /* custom sections */
    VERSION_CALLED,   /* Core_version was called */
    VERSION_NOT_RUN,  /* none embedded, and --no-run forbids to call */
    VERSION_FAILED    /* malformed, or the call failed: `version_error` */
};

struct inspection {
    const char *path;
    const subx_code *code;
    enum version_source version_source;
    subx_version version;
    subx_error version_error;
    /* SUBX_OK, or why the reference's parser refuses the code. */
    subx_error strict_error;
    /* If the code was found in an artifact: what that is made for. */
    subx_artifact_info artifact;
};

void inspect_print_text(const struct inspection *inspection);
void inspect_print_json(const struct inspection *inspection);

/* "function", "table", "memory" or "global". */
const char *inspect_kind_name(subx_extern_kind kind);

/* Imported functions that this library does not provide, and imports that are neither a function
 * nor a memory, which no host gives. */
size_t inspect_missing_count(const subx_code *code);
bool inspect_is_missing(const subx_extern *import);

#endif
