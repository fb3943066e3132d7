/* One JSON string as a document: src/codec/json_text.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "codec/json_text.h"

static void is_text(const char *json, const char *expected, size_t len)
{
    subx_bytes text = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_json_text__decode(subx_slice__text(json), &text, &error) != SUBX_OK)
        fail_msg("%s: %s", json, error.message);
    assert_int_equal(text.len, len);
    assert_memory_equal(text.data, expected, len);
    subx_bytes_free(&text);
}

static void is_no_text(const char *json)
{
    subx_bytes text = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_json_text__decode(subx_slice__text(json), &text, &error) != SUBX_INVALID_INPUT)
        fail_msg("%s should have failed", json);
    assert_null(text.data);
    assert_string_equal(error.message, "is no JSON string");
}

static void decoding(void **state)
{
    (void)state;
    is_text("\"\"", "", 0);
    is_text(" \"//Alice\"\r\n", "//Alice", 7);
    is_text("\"a\\\"\\\\\\n\\u00fc\"", "a\"\\\n\xc3\xbc", 6);
    is_text("\"a\\u0000b\"", "a\0b", 3);
    const char *const bad[] = {"",        "a",    "\"",      "\"a",           "'a'",
                               "1",       "null", "[\"a\"]", "{\"a\":\"b\"}", "\"a\" \"b\"",
                               "\"\xff\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        is_no_text(bad[i]);
}

static void encoding(void **state)
{
    (void)state;
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_buf__append_text(&buf, "=");
    assert_true(subx_json_text__append(&buf, subx_slice__text("a/\"\\\n\xc3\xbc")));
    subx_buf__append_u8(&buf, '\0');
    assert_string_equal((const char *)buf.data, "=\"a/\\\"\\\\\\n\xc3\xbc\"");
    assert_false(subx_json_text__append(&buf, subx_slice__text("\xff")));
    assert_int_equal(buf.len, 14);
    is_text((const char *)buf.data + 1, "a/\"\\\n\xc3\xbc", 7);
    subx_buf__free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decoding), cmocka_unit_test(encoding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
