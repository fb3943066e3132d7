/*
 * Arguments that guests pass as SCALE bytes (spec/host-api.md section 2). Only a prefix is decoded,
 * what follows is ignored. False: it does not decode, and the call has failed with the argument's
 * name.
 */
#ifndef SUBX_HOST_HOST_SCALE_H
#define SUBX_HOST_HOST_SCALE_H

#include "codec/scale.h"
#include "host/call.h"

/* Option<Vec<u8>>. */
bool subx_host_scale__option_bytes(struct subx_call *call, const char *argument, subx_slice scale,
                                   bool *is_some, subx_slice *bytes);

/* Option<u32>. */
bool subx_host_scale__option_u32(struct subx_call *call, const char *argument, subx_slice scale,
                                 bool *is_some, uint32_t *value);

/* Option<u64>. */
bool subx_host_scale__option_u64(struct subx_call *call, const char *argument, subx_slice scale,
                                 bool *is_some, uint64_t *value);

/* A sequence of elements of `size` bytes each; `elements` are these bytes, whole elements. */
bool subx_host_scale__sequence(struct subx_call *call, const char *argument, subx_slice scale,
                               size_t size, subx_slice *elements);

/* Vec<Vec<u8>>; `whole` is the part of the bytes that it takes. */
bool subx_host_scale__bytes_sequence(struct subx_call *call, const char *argument, subx_slice scale,
                                     subx_slice *whole);

/* The failure, for what is decoded elsewhere; returns false. */
bool subx_host_scale__undecodable(struct subx_call *call, const char *argument, const char *type)
    __attribute__((cold));

#endif
