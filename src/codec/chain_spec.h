/*
 * Chain specifications: the JSON that says how a chain begins. Raw ones list the genesis storage
 * under genesis.raw.top; the runtime is there under the key `:code` (spec/host-api.md section 3.8).
 */
#ifndef SUBX_CODEC_CHAIN_SPEC_H
#define SUBX_CODEC_CHAIN_SPEC_H

#include "util/bytes.h"

/*
 * Find `:code` in the text of a chain specification. Text that is no JSON, or that names a member
 * twice, is SUBX_INVALID_INPUT with line and column; so is a specification that is not raw; raw
 * ones without the key are SUBX_CODE_NOT_FOUND. `code` is the caller's to free on SUBX_OK and holds
 * the bytes as the chain stores them. A text of more than 8 Mi values is SUBX_TOO_LARGE.
 */
subx_status subx_chain_spec__code(subx_slice text, subx_bytes *code, subx_error *error);

#endif
