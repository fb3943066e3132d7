/*
 * Guest memory. Pointers and lengths come from untrusted code: every access is checked in 64-bit
 * arithmetic against the current size. A zero length is checked too: a pointer equal to the size
 * passes, one above fails (spec/host-api.md section 10).
 */
#ifndef SUBX_HOST_GUEST_H
#define SUBX_HOST_GUEST_H

#include <stdbool.h>

#include "util/bytes.h"

#define SUBX_WASM_PAGE 65536u
#define SUBX_WASM_MAX_PAGES 65536u

struct subx_guest {
    uint8_t *base;
    uint64_t size;      /* bytes, now */
    uint32_t max_pages; /* how far it may grow: the module's own maximum or the instance's limit;
                           65536 if none */
    /* Grow by `delta` pages and update base and size; false if the engine refuses. NULL: cannot
     * grow. */
    bool (*grow)(struct subx_guest *guest, uint32_t delta);
    void *engine;
};

static inline bool subx_guest__in_bounds(const struct subx_guest *guest, uint32_t pointer,
                                         uint32_t len)
{
    return (uint64_t)pointer + len <= guest->size;
}

/* Borrow guest bytes; valid until the memory may grow or the guest runs again. False: out of
 * bounds. */
static inline bool subx_guest__borrow(const struct subx_guest *guest, uint32_t pointer,
                                      uint32_t len, subx_slice *out)
{
    if (!subx_guest__in_bounds(guest, pointer, len))
        return false;
    *out = (subx_slice){guest->base + pointer, len};
    return true;
}

/* Copy bytes into the guest; false: out of bounds, nothing written. */
static inline bool subx_guest__write(const struct subx_guest *guest, uint32_t pointer,
                                     subx_slice bytes)
{
    if ((uint64_t)pointer + bytes.len > guest->size)
        return false;
    if (bytes.len > 0)
        memcpy(guest->base + pointer, bytes.data, bytes.len);
    return true;
}

#endif
