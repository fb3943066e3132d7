/* `:code` out of chain specifications: good ones, and each way in which they go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "codec/chain_spec.h"
#include "util/error.h"
#include "util/mem.h"

static void expect_code(const char *text, const char *code)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes found = SUBX_BYTES_INIT;
    const subx_status status = subx_chain_spec__code(subx_slice__text(text), &found, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, SUBX_OK);
    assert_int_equal(found.len, strlen(code));
    assert_memory_equal(found.data, code, found.len);
    subx_bytes_free(&found);
}

static void expect_refused_slice(subx_slice text, subx_status expected, const char *message)
{
    /* a heap copy of the exact size, so that a read beyond the text is seen */
    uint8_t *copy = subx_mem__copy(text.data, text.len);
    assert_non_null(copy);
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes found = {NULL, 1};
    assert_int_equal(subx_chain_spec__code(subx_slice__of(copy, text.len), &found, &error),
                     expected);
    subx_mem__free(copy);
    assert_int_equal(error.status, expected);
    assert_null(found.data);
    assert_int_equal(found.len, 0);
    if (strstr(error.message, message) == NULL)
        assert_string_equal(error.message, message); /* shows both */
}

static void expect_refused(const char *text, subx_status expected, const char *message)
{
    expect_refused_slice(subx_slice__text(text), expected, message);
}

static void finds_code(void **state)
{
    (void)state;
    expect_code("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x6869\"}}}}", "hi");
    expect_code("\n {\"name\": \"Dev\", \"properties\": {\"n\": 12, \"deep\": [[1], {}]},\n"
                "  \"genesis\": {\"raw\": {\"top\": {\"0x00\": \"0x01\",\n"
                "    \"0x3a636f6465\": \"0x6869\", \"0x3a636f646500\": \"0x02\"},\n"
                "    \"childrenDefault\": {}}}}\n",
                "hi");
}

static void key_in_other_spellings(void **state)
{
    (void)state;
    expect_code("{\"genesis\":{\"raw\":{\"top\":{\"0x3A636F6465\":\"0x6869\"}}}}", "hi");
    expect_code("{\"genesis\":{\"raw\":{\"top\":{\"3a636f6465\":\"6869\"}}}}", "hi");
    expect_code("{\"genesis\":{\"raw\":{\"top\":{\"0x00\":\"\",\"0X3a636f6465\":\"0X68\"}}}}", "h");
}

/* Balances of 128 bits do not stop the reader from telling what is wrong. */
static void numbers_beyond_64_bits(void **state)
{
    (void)state;
    expect_code("{\"x\":340282366920938463463374607431768211455,"
                "\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x6869\"}}}}",
                "hi");
    expect_refused("{\"genesis\":{\"runtime\":{\"balances\":{\"balances\":"
                   "[[\"5G\",1000000000000000000000000]]}}}}",
                   SUBX_INVALID_INPUT, "genesis is not raw; convert it");
}

static void specifications_without_code(void **state)
{
    (void)state;
    expect_refused("{}", SUBX_INVALID_INPUT, "no object \"genesis\"");
    expect_refused("{\"genesis\":[]}", SUBX_INVALID_INPUT, "no object \"genesis\"");
    expect_refused("{\"genesis\":{\"runtimeGenesis\":{\"patch\":{}}}}", SUBX_INVALID_INPUT,
                   "genesis is not raw; convert it");
    expect_refused("{\"genesis\":{\"stateRootHash\":\"0x00\"}}", SUBX_INVALID_INPUT,
                   "only a state root");
    expect_refused("{\"genesis\":{\"raw\":{}}}", SUBX_INVALID_INPUT, "genesis.raw has no object");
    expect_refused("{\"genesis\":{\"raw\":7}}", SUBX_INVALID_INPUT, "genesis.raw has no object");
    expect_refused("{\"genesis\":{\"raw\":{\"top\":[]}}}", SUBX_INVALID_INPUT,
                   "genesis.raw has no object");
    expect_refused("{\"genesis\":{\"raw\":{\"top\":{}}}}", SUBX_CODE_NOT_FOUND,
                   "genesis.raw.top has no key 0x3a636f6465 (:code)");
}

static void code_of_the_wrong_kind(void **state)
{
    (void)state;
    expect_refused("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":5}}}}", SUBX_INVALID_INPUT,
                   "the value of :code is no string");
    expect_refused("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":null}}}}", SUBX_INVALID_INPUT,
                   "the value of :code is no string");
    expect_refused("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x123\"}}}}",
                   SUBX_INVALID_INPUT, "the value of :code: hex text has an odd number of digits");
    expect_refused("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x12zz\"}}}}",
                   SUBX_INVALID_INPUT, "no digit at offset 4");
}

static void malformed_json_has_a_position(void **state)
{
    (void)state;
    expect_refused("", SUBX_INVALID_INPUT, "chain specification: line 1, column 0: ");
    expect_refused("{\"genesis\":\n  {\"raw\" {", SUBX_INVALID_INPUT,
                   "line 2, column 10: ':' expected");
    expect_refused("{\"genesis\":", SUBX_INVALID_INPUT, "line 1, column 11: ");
    expect_refused("{} {}", SUBX_INVALID_INPUT, "end of file expected near '{'");
    expect_refused("{\"a\":\"\xff\xfe\"}", SUBX_INVALID_INPUT, "unable to decode byte 0xff");
    expect_refused("{\"a\\u0000b\":1}", SUBX_INVALID_INPUT, "line 1");
    expect_refused("{\"a\":1e999}", SUBX_INVALID_INPUT, "real number overflow");
    expect_refused_slice(subx_slice__of("{\"a\":\0}", 7), SUBX_INVALID_INPUT, "line 1, column 6");
}

static void duplicates_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x68\","
                   "\"0x3a636f6465\":\"0x69\"}}}}",
                   SUBX_INVALID_INPUT, "duplicate object key near '\"0x3a636f6465\"'");
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x6869\"}}}}";
    for (size_t len = 0; len < sizeof text - 1; len++)
        expect_refused_slice(subx_slice__of(text, len), SUBX_INVALID_INPUT, "line 1, column ");
}

/* `count` times `piece`. */
static subx_bytes repeated(const char *piece, size_t count)
{
    const size_t len = strlen(piece);
    subx_bytes text = {subx_mem__alloc(count * len), count * len};
    assert_non_null(text.data);
    for (size_t i = 0; i < count; i++)
        memcpy(text.data + i * len, piece, len);
    return text;
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    static const char *const pieces[] = {"[", "{\"a\":"};
    for (size_t i = 0; i < 2; i++) {
        subx_bytes text = repeated(pieces[i], 1000000);
        expect_refused_slice(subx_slice__of(text.data, text.len), SUBX_INVALID_INPUT,
                             "maximum parsing depth reached");
        subx_bytes_free(&text);
    }
}

/* 24 MiB of "[],": refused before gigabytes are spent on them. */
static void swarms_of_values_are_refused(void **state)
{
    (void)state;
    subx_bytes text = repeated("[],", (size_t)8 << 20);
    expect_refused_slice(subx_slice__of(text.data, text.len), SUBX_TOO_LARGE,
                         "more than 8388608 JSON values");
    subx_bytes_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_code),
        cmocka_unit_test(key_in_other_spellings),
        cmocka_unit_test(numbers_beyond_64_bits),
        cmocka_unit_test(specifications_without_code),
        cmocka_unit_test(code_of_the_wrong_kind),
        cmocka_unit_test(malformed_json_has_a_position),
        cmocka_unit_test(duplicates_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(swarms_of_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
