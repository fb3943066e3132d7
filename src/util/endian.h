/* Little-endian loads and stores at any alignment. */
#ifndef SUBX_UTIL_ENDIAN_H
#define SUBX_UTIL_ENDIAN_H

#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "subexec is written for little-endian machines (x86-64, aarch64)"
#endif

static inline uint16_t subx_load_u16(const void *from)
{
    uint16_t value = 0;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint32_t subx_load_u32(const void *from)
{
    uint32_t value = 0;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint64_t subx_load_u64(const void *from)
{
    uint64_t value = 0;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline void subx_store_u16(void *to, uint16_t value)
{
    memcpy(to, &value, sizeof value);
}

static inline void subx_store_u32(void *to, uint32_t value)
{
    memcpy(to, &value, sizeof value);
}

static inline void subx_store_u64(void *to, uint64_t value)
{
    memcpy(to, &value, sizeof value);
}

#endif
