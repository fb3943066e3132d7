/* Putting Wasm modules together by hand, for cmocka tests. Contents are C strings with \x escapes. */
#ifndef SUBX_TESTS_WASM_BYTES_H
#define SUBX_TESTS_WASM_BYTES_H

#include "util/bytes.h"
#include "util/mem.h"

/* A slice of a string literal, NULs included. */
#define WASM(literal) (subx_slice__of((literal), sizeof(literal) - 1))

#define WASM_HEADER "\0asm\1\0\0\0"

struct wasm_part {
    uint8_t id;
    subx_slice contents;
};

/* An owned module: the header and sections with these contents, each shorter than 16 KiB. */
static inline subx_bytes wasm_join(const struct wasm_part *parts, size_t count)
{
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_buf__append_slice(&buf, WASM(WASM_HEADER));
    for (size_t i = 0; i < count; i++) {
        const size_t len = parts[i].contents.len;
        subx_buf__append_u8(&buf, parts[i].id);
        if (len >= 0x80)
            subx_buf__append_u8(&buf, (uint8_t)(len & 0x7f) | 0x80);
        subx_buf__append_u8(&buf, (uint8_t)(len >= 0x80 ? len >> 7 : len));
        subx_buf__append_slice(&buf, parts[i].contents);
    }
    subx_bytes out = SUBX_BYTES_INIT;
    (void)subx_buf__finish(&buf, &out, NULL);
    return out;
}

/* WASM_JOIN({id, WASM("...")}, ...) */
#define WASM_JOIN(...)                                      \
    wasm_join((const struct wasm_part[]){__VA_ARGS__},      \
              sizeof((const struct wasm_part[]){__VA_ARGS__}) / sizeof(struct wasm_part))

static inline subx_slice wasm_slice(subx_bytes bytes)
{
    return subx_slice__of(bytes.data, bytes.len);
}

#endif
