/*
 * Putting Wasm modules together by hand, for cmocka tests. The text has pairs of hex digits, 'text'
 * for the bytes of text, and ( ) around what shall have its length in front:
 *
 *     "01(01 60 00 00) 07(01 ('run') 00 00)"
 *
 * is a type section and an export section.
 */
#ifndef SUBX_TESTS_WASM_BYTES_H
#define SUBX_TESTS_WASM_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/bytes.h"
#include "util/hex.h"

static inline subx_slice wasm_slice(subx_bytes bytes)
{
    return subx_slice__of(bytes.data, bytes.len);
}

/* Put the length of what was written since `start` there, in LEB128. */
static inline void wasm_close_group(struct subx_buf *buf, size_t start)
{
    const size_t len = buf->len - start;
    const size_t size = len < 0x80 ? 1 : len < 0x4000 ? 2 : 3;
    assert_true(len < 0x200000 && subx_buf__reserve(buf, size));
    memmove(buf->data + start + size, buf->data + start, len);
    for (size_t i = 0; i < size; i++)
        buf->data[start + i] = (uint8_t)(len >> (7 * i) & 0x7f) | (i + 1 < size ? 0x80 : 0);
    buf->len += size;
}

static inline void wasm_append(struct subx_buf *buf, const char *text)
{
    size_t groups[8], depth = 0;
    for (const char *at = text; *at != '\0'; at++) {
        const int high = subx_hex__digit((uint8_t)at[0]);
        if (high >= 0) {
            const int low = subx_hex__digit((uint8_t)at[1]);
            assert_true(low >= 0);
            subx_buf__append_u8(buf, (uint8_t)(16 * high + low));
            at++;
        } else if (*at == '(') {
            assert_true(depth < 8);
            groups[depth++] = buf->len;
        } else if (*at == ')') {
            assert_true(depth > 0);
            wasm_close_group(buf, groups[--depth]);
        } else if (*at == '\'') {
            const char *const end = strchr(at + 1, '\'');
            assert_non_null(end);
            subx_buf__append(buf, at + 1, (size_t)(end - at) - 1);
            at = end;
        } else {
            assert_int_equal(*at, ' ');
        }
    }
    assert_int_equal(depth, 0);
}

/* Bytes without anything in front. */
static inline subx_bytes wasm_bytes(const char *text)
{
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_bytes out = SUBX_BYTES_INIT;
    wasm_append(&buf, text);
    assert_int_equal(subx_buf__finish(&buf, &out, NULL), SUBX_OK);
    return out;
}

/* A module: magic number and version, then the sections in the text. */
static inline subx_bytes wasm_module(const char *sections)
{
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_bytes out = SUBX_BYTES_INIT;
    wasm_append(&buf, "00 'asm' 01 00 00 00");
    wasm_append(&buf, sections);
    assert_int_equal(subx_buf__finish(&buf, &out, NULL), SUBX_OK);
    return out;
}

static inline void assert_bytes(subx_slice got, subx_slice expected)
{
    assert_int_equal(got.len, expected.len);
    if (got.len > 0)
        assert_memory_equal(got.data, expected.data, got.len);
}

/* The module has exactly the sections in the text. */
static inline void assert_module(subx_slice got, const char *sections)
{
    subx_bytes expected = wasm_module(sections);
    assert_bytes(got, wasm_slice(expected));
    subx_bytes_free(&expected);
}

#endif
