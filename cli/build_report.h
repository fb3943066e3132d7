/* What `build-block` and `replay --extrinsics` tell of blocks and their extrinsics. */
#ifndef SUBX_CLI_BUILD_REPORT_H
#define SUBX_CLI_BUILD_REPORT_H

#include <jansson.h>

#include <subexec/build.h>

/* An extrinsic as JSON: index, result ("ok", "failed", "invalid"), reason, events, time. */
json_t *build_report_extrinsic(size_t index, const subx_applied *applied);

/* The same of one whose call did not come to an answer: result "error". */
json_t *build_report_error(size_t index, const subx_error *error);

/* Number, hash, parent, roots of a block as JSON. */
json_t *build_report_block(const subx_header *header);

/* "ok", "failed" or "invalid". */
const char *build_report_result(subx_applied_kind kind);

#endif
