/**
 * \file
 * Host functions of the caller's own: what a chain adds to the Polkadot Host API.
 */
#ifndef SUBEXEC_HOST_H
#define SUBEXEC_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A runtime call as a host function sees it: guest memory, the guest's allocator. */
typedef struct subx_call subx_call;

/** A value between guest and host, as large as the engine's. */
typedef union subx_value {
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
    uint8_t room[16];
} subx_value;

/**
 * A host function.
 *
 * \param user    the pointer registered with it
 * \param call    the call that runs; valid until return
 * \param values  the parameters, in order; the result, if it has one, is put into `values[0]`
 * \return true; false makes the guest trap, with the text given to subx_call_fail()
 *
 * Threads: called on the threads of the calls, concurrently if calls are.
 */
typedef bool (*subx_host_fn)(void *user, subx_call *call, subx_value *values);

/** An import that the caller provides. It goes before a function of the same name of this library.
 */
typedef struct subx_host_import {
    /** Module and name as the runtime imports them; NUL-terminated. Module "env" in all known
     * chains. */
    const char *module, *name;
    /** Types of the parameters and of the result, a character each: 'i' i32, 'I' i64, 'f' f32, 'F'
     * f64. At most one result. */
    const char *params, *results;
    subx_host_fn run;
    /** Handed to `run`. */
    void *user;
} subx_host_import;

/**
 * Borrow guest bytes.
 *
 * \param pointer  address in the guest
 * \param len      bytes
 * \param[out] bytes  valid until the next call of subx_call_allocate() or until the host function
 *                    returns
 * \return false if the range is not inside the guest's memory; nothing else happened
 */
SUBX_API bool subx_call_read(const subx_call *call, uint32_t pointer, uint32_t len,
                             subx_slice *bytes);

/**
 * Copy bytes into the guest.
 *
 * \return false if the range is not inside the guest's memory; nothing was written
 */
SUBX_API bool subx_call_write(subx_call *call, uint32_t pointer, subx_slice bytes);

/**
 * Allocate in the guest, with the allocator that the runtime's own allocations use.
 *
 * \param size  bytes, at most 32 MiB
 * \param[out] pointer  address of the block, a multiple of 8
 * \return false if that failed; the reason is recorded as by subx_call_fail(), and the host
 * function must return false: the allocator takes no more requests
 */
SUBX_API bool subx_call_allocate(subx_call *call, uint32_t size, uint32_t *pointer);

/**
 * Place bytes in a new block of the guest: what functions of the Host API answer as pointer-size.
 *
 * \param[out] pointer_size  pointer in the low 32 bits, length in the high 32
 * \return as subx_call_allocate()
 */
SUBX_API bool subx_call_give(subx_call *call, subx_slice bytes, uint64_t *pointer_size);

/**
 * Record why a host function gives up.
 *
 * \param text  NUL-terminated; copied
 * \return false, so that a host function can end with `return subx_call_fail(...)`
 */
SUBX_API bool subx_call_fail(subx_call *call, const char *text);

#ifdef __cplusplus
}
#endif

#endif
