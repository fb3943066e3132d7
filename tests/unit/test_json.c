/* The JSON reader: tokens, strings, numbers, structure, and each way in which text is no JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_hex.h"
#include "util/error.h"
#include "util/mem.h"

/* Gives a text a few bytes at a time, so that every token crosses the end of a piece. */
struct pieces {
    subx_slice left;
    size_t size;
};

static subx_status read_piece(void *data, uint8_t *to, size_t room, size_t *got, subx_error *error)
{
    (void)error;
    struct pieces *pieces = data;
    *got = pieces->left.len < pieces->size ? pieces->left.len : pieces->size;
    *got = *got < room ? *got : room;
    memcpy(to, pieces->left.data, *got);
    pieces->left = (subx_slice){pieces->left.data + *got, pieces->left.len - *got};
    return SUBX_OK;
}

/* All tokens as text: structure as itself, strings in <>, names in <>:, numbers and words bare. */
static subx_status tokens_of(subx_slice text, size_t piece, size_t max_text, char *out, size_t room,
                             subx_error *error)
{
    static const char marks[] = "?{}[]";
    struct pieces pieces = {text, piece};
    struct subx_json json;
    assert_int_equal(
        subx_json__open(&json, (struct subx_byte_source){read_piece, &pieces}, max_text, error),
        SUBX_OK);
    size_t len = 0;
    subx_status status = SUBX_OK;
    out[0] = '\0';
    for (;;) {
        enum subx_json_token token = SUBX_JSON_END;
        status = subx_json__next(&json, &token, error);
        if (status != SUBX_OK || token == SUBX_JSON_END)
            break;
        const subx_slice value = subx_json__text(&json);
        const bool quoted = token == SUBX_JSON_STRING || token == SUBX_JSON_NAME;
        const int put =
            token <= SUBX_JSON_ARRAY_END
                ? snprintf(out + len, room - len, "%c", marks[token])
                : snprintf(out + len, room - len, quoted ? "<%.*s>%s" : "%.*s%s ", (int)value.len,
                           (const char *)value.data, token == SUBX_JSON_NAME ? ":" : "");
        len += (size_t)put;
        assert_true(len < room);
    }
    subx_json__close(&json);
    return status;
}

static void expect_tokens(const char *text, const char *tokens)
{
    static const size_t sizes[] = {1, 2, 3, 7, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char found[512];
        subx_error error = SUBX_ERROR_INIT;
        const subx_status status =
            tokens_of(subx_slice__text(text), sizes[i], 1000, found, sizeof found, &error);
        assert_string_equal(error.message, "");
        assert_int_equal(status, SUBX_OK);
        assert_string_equal(found, tokens);
    }
}

static void expect_fault_in(subx_slice text, subx_status expected, const char *message)
{
    static const size_t sizes[] = {1, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char found[512];
        subx_error error = SUBX_ERROR_INIT;
        const subx_status status = tokens_of(text, sizes[i], 20, found, sizeof found, &error);
        assert_string_equal(error.message, message);
        assert_int_equal(status, expected);
    }
}

static void expect_fault(const char *text, const char *message)
{
    expect_fault_in(subx_slice__text(text), SUBX_INVALID_INPUT, message);
}

static void structure(void **state)
{
    (void)state;
    expect_tokens("", "");
    expect_tokens(" \n\t\r ", "");
    expect_tokens("{}", "{}");
    expect_tokens("[ ]", "[]");
    expect_tokens(" { \"a\" : [ 1 , { } , [ ] ] , \"b\":\"c\" } ", "{<a>:[1 {}[]]<b>:<c>}");
    expect_tokens("[[[[]]],{\"\":{\"x\":null}}]", "[[[[]]]{<>:{<x>:null }}]");
    /* values one after another */
    expect_tokens("{\"a\":1}\n{\"a\":2}\n\n[]\"x\"7 ", "{<a>:1 }{<a>:2 }[]<x>7 ");
}

static void scalars(void **state)
{
    (void)state;
    expect_tokens("[true,false,null]", "[true false null ]");
    expect_tokens("[0,-0,10,-1.5,1e9,1E+9,2.0e-3,123456789012345678901234567890]",
                  "[0 -0 10 -1.5 1e9 1E+9 2.0e-3 123456789012345678901234567890 ]");
    static const char *const wrong[] = {"01",   "-",   "1.",   ".5",        "1e",
                                        "1e+",  "+1",  "0x10", "--1",       "tru",
                                        "True", "nul", "NaN",  "truefalse", "1.5.5"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char message[100];
        snprintf(message, sizeof message, "line 1, column 1: \"%s\" is no value", wrong[i]);
        expect_fault(wrong[i], message);
    }
}

static void strings(void **state)
{
    (void)state;
    expect_tokens("\"\"", "<>");
    expect_tokens("\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te\"", "<a\"b\\c/d\b\f\n\r\te>");
    expect_tokens("\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"",
                  "<A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80>");
    expect_tokens("\"\xc3\xa9\xf0\x9f\x98\x80\"", "<\xc3\xa9\xf0\x9f\x98\x80>");
    expect_fault("\"ab", "line 1, column 4: the text ends inside a string");
    expect_fault("\"ab\\", "line 1, column 5: the text ends inside a string");
    expect_fault("\"a\nb\"", "line 1, column 3: a control character in a string");
    expect_fault("\"\\x41\"", "line 1, column 3: an unknown escape in a string");
    expect_fault("\"\\u12g4\"", "line 1, column 6: \\u needs four hexadecimal digits");
    expect_fault("\"\\ud800\"", "line 1, column 9: half a surrogate pair");
    expect_fault("\"\\ud800x\"", "line 1, column 9: half a surrogate pair");
    expect_fault("\"\\ud800\\n\"", "line 1, column 10: half a surrogate pair");
    expect_fault("\"\\ud800\\u0041\"", "line 1, column 14: half a surrogate pair");
    expect_fault("\"\\udc00\"", "line 1, column 8: half a surrogate pair");
    expect_fault(" \"\xff\"", "line 1, column 2: a string that is not UTF-8");
    expect_fault("\"\xed\xa0\x80\"", "line 1, column 1: a string that is not UTF-8");
}

static void broken_structure(void **state)
{
    (void)state;
    expect_fault("{", "line 1, column 2: the text ends inside a value");
    expect_fault("[1", "line 1, column 3: the text ends inside a value");
    expect_fault("[1,", "line 1, column 4: the text ends inside a value");
    expect_fault("{\"a\"", "line 1, column 5: a colon is expected after a member's name");
    expect_fault("{\"a\":", "line 1, column 6: the text ends inside a value");
    expect_fault("{\"a\" 1}", "line 1, column 6: a colon is expected after a member's name");
    expect_fault("{\"a\":1,}", "line 1, column 8: a member's name in quotes is expected");
    expect_fault("{a:1}", "line 1, column 2: a member's name in quotes is expected");
    expect_fault("{\"a\":1 \"b\":2}", "line 1, column 8: a comma or } is expected");
    expect_fault("[1 2]", "line 1, column 4: a comma or ] is expected");
    expect_fault("[1,]", "line 1, column 4: a value is expected, not the byte 0x5d");
    expect_fault("[,1]", "line 1, column 2: a value is expected, not the byte 0x2c");
    expect_fault("[}", "line 1, column 2: a value is expected, not the byte 0x7d");
    expect_fault("{]", "line 1, column 2: a member's name in quotes is expected");
    expect_fault("[1}", "line 1, column 3: a comma or ] is expected");
    expect_fault("]", "line 1, column 1: a value is expected, not the byte 0x5d");
    expect_fault(":", "line 1, column 1: a value is expected, not the byte 0x3a");
    expect_fault("[1]\n\n  [2\n  3]", "line 4, column 3: a comma or ] is expected");
}

static void bounds(void **state)
{
    (void)state;
    expect_fault_in(subx_slice__text("[\"123456789012345678901\"]"), SUBX_TOO_LARGE,
                    "line 1, column 2: a string of more than 20 bytes");
    expect_fault_in(subx_slice__text("123456789012345678901"), SUBX_TOO_LARGE,
                    "line 1, column 1: a string of more than 20 bytes");
    char deep[SUBX_JSON_MAX_DEPTH + 2];
    memset(deep, '[', sizeof deep);
    expect_fault_in(subx_slice__of(deep, SUBX_JSON_MAX_DEPTH + 1), SUBX_TOO_LARGE,
                    "line 1, column 257: nested more than 256 levels deep");
    expect_fault_in(subx_slice__of(deep, SUBX_JSON_MAX_DEPTH), SUBX_INVALID_INPUT,
                    "line 1, column 257: the text ends inside a value");
}

/* Kinds of levels are kept apart at every depth. */
static void nesting(void **state)
{
    (void)state;
    char text[8 * SUBX_JSON_MAX_DEPTH], expected[8 * SUBX_JSON_MAX_DEPTH];
    for (unsigned seed = 1; seed < 50; seed++) {
        size_t len = 0, expected_len = 0;
        for (unsigned i = 0; i < SUBX_JSON_MAX_DEPTH; i++) {
            const bool object = (seed * (i + 7) * 2654435761u >> 13 & 1) != 0;
            len += (size_t)snprintf(text + len, sizeof text - len, object ? "{\"\":" : "[");
            expected_len += (size_t)snprintf(expected + expected_len,
                                             sizeof expected - expected_len, object ? "{<>:" : "[");
        }
        text[len++] = '1';
        expected_len +=
            (size_t)snprintf(expected + expected_len, sizeof expected - expected_len, "1 ");
        for (unsigned i = SUBX_JSON_MAX_DEPTH; i-- > 0;) {
            const bool object = (seed * (i + 7) * 2654435761u >> 13 & 1) != 0;
            text[len++] = object ? '}' : ']';
            expected[expected_len++] = object ? '}' : ']';
        }
        expected[expected_len] = '\0';
        char found[8 * SUBX_JSON_MAX_DEPTH];
        subx_error error = SUBX_ERROR_INIT;
        assert_int_equal(tokens_of(subx_slice__of(text, len), 11, 100, found, sizeof found, &error),
                         SUBX_OK);
        assert_string_equal(found, expected);
    }
}

static void reading_past_values(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"a\":{\"b\":[1,{\"c\":[]}]},\"d\":2,\"e\":\"x\"}  \n 0x12ab \t\r\n7";
    subx_slice text = subx_slice__text(whole);
    struct subx_json json;
    enum subx_json_token token = SUBX_JSON_END;
    uint8_t byte = 0;
    bool ended = true;
    assert_int_equal(subx_json__open(&json, subx_byte_source__of_slice(&text), 100, NULL), SUBX_OK);
    assert_int_equal(subx_json__next(&json, &token, NULL), SUBX_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(subx_json__next(&json, &token, NULL), SUBX_OK);
        assert_int_equal(token, SUBX_JSON_NAME);
        assert_int_equal(subx_json__skip(&json, NULL), SUBX_OK);
    }
    assert_int_equal(subx_json__next(&json, &token, NULL), SUBX_OK);
    assert_int_equal(token, SUBX_JSON_OBJECT_END);
    assert_int_equal(subx_json__peek(&json, &byte, &ended, NULL), SUBX_OK);
    assert_false(ended);
    assert_int_equal(byte, '0');
    assert_int_equal(subx_json__line(&json, NULL), SUBX_OK);
    assert_true(subx_json__is(&json, "0x12ab"));
    assert_int_equal(subx_json__next(&json, &token, NULL), SUBX_OK);
    assert_int_equal(token, SUBX_JSON_NUMBER);
    assert_int_equal(json.token_line, 3);
    assert_int_equal(subx_json__peek(&json, &byte, &ended, NULL), SUBX_OK);
    assert_true(ended);
    assert_int_equal(subx_json__offset(&json), strlen(whole));
    subx_json__close(&json);
}

static subx_status read_failing(void *data, uint8_t *to, size_t room, size_t *got,
                                subx_error *error)
{
    (void)data, (void)to, (void)room;
    *got = 0;
    return subx_error__set(error, SUBX_IO, "the disk is gone");
}

static void failing_source(void **state)
{
    (void)state;
    struct subx_json json;
    enum subx_json_token token = SUBX_JSON_END;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(
        subx_json__open(&json, (struct subx_byte_source){read_failing, NULL}, 100, &error),
        SUBX_OK);
    assert_int_equal(subx_json__next(&json, &token, &error), SUBX_IO);
    assert_string_equal(error.message, "the disk is gone");
    subx_json__close(&json);
}

static void hex(void **state)
{
    (void)state;
    struct subx_buf buf = SUBX_BUF_INIT;
    size_t fault = 99;
    assert_true(subx_hex__append_decoded(&buf, subx_slice__text("0x"), &fault));
    assert_true(subx_hex__append_decoded(&buf, subx_slice__text(""), &fault));
    assert_int_equal(buf.len, 0);
    assert_true(subx_hex__append_decoded(&buf, subx_slice__text("0x00fF"), &fault));
    assert_true(subx_hex__append_decoded(&buf, subx_slice__text("Ab"), &fault));
    assert_memory_equal(buf.data, "\x00\xff\xab", 3);
    static const struct {
        const char *text;
        size_t fault;
    } wrong[] = {{"0x1", 3},   {"1", 1},      {"0x1g", 3},      {"0xg1", 2}, {"0x0g1", 3},
                 {"0x11g", 4}, {"00 0", 2},   {"0x00x", 4},     {"x0", 0},   {"0x0/", 3},
                 {"0x0:", 3},  {"0x0@00", 3}, {"0x\xff\xff", 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(subx_hex__append_decoded(&buf, subx_slice__text(wrong[i].text), &fault));
        assert_int_equal(fault, wrong[i].fault);
        assert_int_equal(buf.len, 3);
    }
    subx_buf__free(&buf);
}

#ifdef SUBX_CHECKED
/* Whichever allocation fails: SUBX_NOMEM, nothing lost. */
static void failing_allocations(void **state)
{
    (void)state;
    for (int64_t n = 0;; n++) {
        subx_slice text = subx_slice__text("{\"a\":[\"b\",\"\\u0041\",1.5]}");
        struct subx_json json;
        enum subx_json_token token = SUBX_JSON_END;
        subx_mem__fail_after(n);
        subx_status status = subx_json__open(&json, subx_byte_source__of_slice(&text), 100, NULL);
        const bool open = status == SUBX_OK;
        do {
            if (status == SUBX_OK)
                status = subx_json__next(&json, &token, NULL);
        } while (status == SUBX_OK && token != SUBX_JSON_END);
        subx_mem__fail_after(-1);
        if (open)
            subx_json__close(&json);
        if (status == SUBX_OK) {
            assert_true(n > 0);
            return;
        }
        assert_int_equal(status, SUBX_NOMEM);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure),
        cmocka_unit_test(scalars),
        cmocka_unit_test(strings),
        cmocka_unit_test(broken_structure),
        cmocka_unit_test(bounds),
        cmocka_unit_test(nesting),
        cmocka_unit_test(failing_source),
        cmocka_unit_test(reading_past_values),
        cmocka_unit_test(hex),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failing_allocations),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
