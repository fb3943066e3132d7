/* Laying out a byte guest's memory for a host function: bytes one after the other, from the start
 * of its memory on. For cmocka tests. */
#ifndef SUBX_TESTS_GUEST_MEMORY_H
#define SUBX_TESTS_GUEST_MEMORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host_calls.h"
#include "util/hex.h"

/* A guest and where its next bytes go: below the heap. */
struct laid_out {
    struct byte_call guest;
    uint32_t next;
};

static inline void lay_out(struct laid_out *at)
{
    byte_call_init(&at->guest, 2, 2, HEAP_BASE);
    at->next = 16;
}

static inline void lay_out_end(struct laid_out *at)
{
    byte_call_free(&at->guest);
}

/* Put bytes into the guest; the pointer-size. */
static inline union subx_value put(struct laid_out *at, subx_slice bytes)
{
    const uint32_t pointer = at->next;
    at->next += (uint32_t)bytes.len + 8;
    assert_true(at->next <= HEAP_BASE);
    return (union subx_value){.u64 = byte_call_put(&at->guest, pointer, bytes)};
}

static inline union subx_value put_text(struct laid_out *at, const char *text)
{
    return put(at, subx_slice__text(text));
}

static inline union subx_value put_hex(struct laid_out *at, const char *hex)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(hex), &bytes, NULL), SUBX_OK);
    const union subx_value value = put(at, subx_slice__of(bytes.data, bytes.len));
    subx_bytes_free(&bytes);
    return value;
}

/* The same, of which only the pointer is passed. */
static inline union subx_value pointer_to_hex(struct laid_out *at, const char *hex)
{
    return (union subx_value){.u64 = put_hex(at, hex).u32};
}

static inline union subx_value pointer_to_text(struct laid_out *at, const char *text)
{
    return (union subx_value){.u64 = put_text(at, text).u32};
}

/* Room of `len` bytes of 0xee; its pointer-size. */
static inline union subx_value room(struct laid_out *at, uint32_t len)
{
    uint8_t filled[256];
    assert_true(len <= sizeof filled);
    memset(filled, 0xee, sizeof filled);
    return put(at, subx_slice__of(filled, len));
}

static inline union subx_value number(uint64_t value)
{
    return (union subx_value){.u64 = value};
}

/* The call must work; its result. */
#define CALL(at, name, ...) call_of((at), (name), (union subx_value[]){__VA_ARGS__, {.u64 = 0}})

static inline union subx_value call_of(struct laid_out *at, const char *name,
                                       union subx_value *values)
{
    host_enter_works(&at->guest, name, values);
    return values[0];
}

/* The call must fail with that text. */
#define CALL_FAILS(at, text, name, ...) \
    host_enter_fails(&(at)->guest, (name), (union subx_value[]){__VA_ARGS__, {.u64 = 0}}, (text))

/* The bytes that a result of pointer-size designates. */
static inline void assert_result(const struct laid_out *at, union subx_value result,
                                 const char *hex)
{
    assert_int_equal(result.u64 >> 32, strlen(hex) / 2);
    assert_guest_bytes(&at->guest, result.u32, hex);
}

/* The bytes at a pointer or pointer-size that was passed in. */
static inline void assert_memory(const struct laid_out *at, union subx_value value, const char *hex)
{
    assert_guest_bytes(&at->guest, value.u32, hex);
}

#endif
