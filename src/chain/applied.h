/*
 * What BlockBuilder_apply_extrinsic answers (spec/host-api.md section 5, row 5):
 *
 *   00 00             the extrinsic did what it should
 *   00 01 ‖ error     DispatchError: it is in the block, its call failed
 *   01 00 ‖ error     InvalidTransaction        01 01 ‖ error   UnknownTransaction
 *
 * A DispatchError is a variant's number and what belongs to it. Module errors are index ‖ four bytes
 * since version 6 of the API BlockBuilder, index ‖ one byte before; the oldest runtimes have no
 * variants but an optional index: 00 ‖ error, or 01 ‖ index ‖ error.
 */
#ifndef SUBX_CHAIN_APPLIED_H
#define SUBX_CHAIN_APPLIED_H

#include <subexec/build.h>

/*
 * Fill `kind`, `reason`, the module's error and `encoded`; the rest is left alone. `api` is the
 * version of BlockBuilder. False: these bytes are no answer. An error that is unknown is one all
 * the same: its bytes are the reason.
 */
bool subx_applied__decode(subx_slice encoded, uint32_t api, subx_applied *out);

#endif
