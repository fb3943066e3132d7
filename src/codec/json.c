/* JSON, pulled token by token (RFC 8259). */
#include "codec/json.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"
#include "util/utf8.h"

enum { BUFFER_SIZE = 1 << 16 };

/* What may come next. */
enum expectation {
    EXPECT_DOCUMENT,     /* a value or the end of the source */
    EXPECT_VALUE,        /* after a name's colon, or a comma in an array */
    EXPECT_VALUE_OR_END, /* after the start of an array */
    EXPECT_NAME,         /* after a comma in an object */
    EXPECT_NAME_OR_END,  /* after the start of an object */
    EXPECT_MORE_OR_END   /* after a value inside an array or object */
};

/* ---- Bytes ---- */

uint64_t subx_json__offset(const struct subx_json *json)
{
    return json->passed + json->at;
}

/* Whether a byte is there to be read; fills the buffer if need be. */
static subx_status look(struct subx_json *json, bool *there, subx_error *error)
{
    if (json->at < json->len) {
        *there = true;
        return SUBX_OK;
    }
    size_t got = 0;
    json->passed += json->at;
    json->at = json->len = 0;
    const subx_status status =
        json->source.read(json->source.data, json->buffer, BUFFER_SIZE, &got, error);
    json->len = status == SUBX_OK ? got : 0;
    *there = got > 0;
    return status;
}

static void mark_token(struct subx_json *json)
{
    json->token_line = json->line;
    json->token_column = subx_json__offset(json) - json->line_at + 1;
}

subx_status subx_json__locate(const struct subx_json *json, subx_error *error, subx_status status)
{
    subx_error__prefix(error, "line %llu, column %llu", (unsigned long long)json->token_line,
                       (unsigned long long)json->token_column);
    return status;
}

subx_status subx_json__fail(const struct subx_json *json, subx_error *error, subx_status status,
                            const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return subx_error__set(error, status, "line %llu, column %llu: %s",
                           (unsigned long long)json->token_line,
                           (unsigned long long)json->token_column, text);
}

/* A failure at the byte that comes next. */
static subx_status malformed(struct subx_json *json, subx_error *error, const char *text)
{
    mark_token(json);
    return subx_json__fail(json, error, SUBX_INVALID_INPUT, "%s", text);
}

/* Read past white space. */
static subx_status skip_space(struct subx_json *json, bool *there, subx_error *error)
{
    for (;;) {
        while (json->at < json->len) {
            const uint8_t byte = json->buffer[json->at];
            if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t') {
                *there = true;
                return SUBX_OK;
            }
            json->at++;
            if (byte == '\n') {
                json->line++;
                json->line_at = subx_json__offset(json);
            }
        }
        const subx_status status = look(json, there, error);
        if (status != SUBX_OK || !*there)
            return status;
    }
}

/* ---- Strings ---- */

static subx_status append_text(struct subx_json *json, const void *data, size_t len,
                               subx_error *error)
{
    if (json->text.len + len > json->max_text)
        return subx_json__fail(json, error, SUBX_TOO_LARGE, "a string of more than %zu bytes",
                               json->max_text);
    subx_buf__append(&json->text, data, len);
    return json->text.failed ? subx_error__nomem(error) : SUBX_OK;
}

static subx_status take_byte(struct subx_json *json, uint8_t *byte, subx_error *error)
{
    bool there = false;
    const subx_status status = look(json, &there, error);
    if (status != SUBX_OK)
        return status;
    if (!there)
        return malformed(json, error, "the text ends inside a string");
    *byte = json->buffer[json->at++];
    return SUBX_OK;
}

/* The four digits of \uXXXX. */
static subx_status take_unit(struct subx_json *json, uint32_t *unit, subx_error *error)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t byte = 0;
        const subx_status status = take_byte(json, &byte, error);
        if (status != SUBX_OK)
            return status;
        const int digit = subx_hex__digit(byte);
        if (digit < 0) {
            json->at--;
            return malformed(json, error, "\\u needs four hexadecimal digits");
        }
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return SUBX_OK;
}

/* The second half of a surrogate pair. */
static subx_status take_low_half(struct subx_json *json, uint32_t *character, subx_error *error)
{
    uint8_t byte = 0;
    uint32_t low = 0;
    subx_status status = take_byte(json, &byte, error);
    if (status == SUBX_OK && byte == '\\')
        status = take_byte(json, &byte, error);
    if (status != SUBX_OK)
        return status;
    if (byte == 'u')
        status = take_unit(json, &low, error);
    if (status != SUBX_OK)
        return status;
    if (low < 0xdc00 || low > 0xdfff)
        return malformed(json, error, "half a surrogate pair");
    *character = 0x10000 + ((*character - 0xd800) << 10) + (low - 0xdc00);
    return SUBX_OK;
}

static size_t encode_utf8(uint32_t character, uint8_t out[4])
{
    if (character < 0x80) {
        out[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (uint8_t)(0xc0 | character >> 6);
        out[1] = (uint8_t)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        out[0] = (uint8_t)(0xe0 | character >> 12);
        out[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (character & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | character >> 18);
    out[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (character & 0x3f));
    return 4;
}

/* What follows a backslash. */
static subx_status take_escape(struct subx_json *json, subx_error *error)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint8_t byte = 0;
    subx_status status = take_byte(json, &byte, error);
    if (status != SUBX_OK)
        return status;
    const char *found = byte == '\0' ? NULL : strchr(names, byte);
    if (found != NULL)
        return append_text(json, &values[found - names], 1, error);
    if (byte != 'u') {
        json->at--;
        return malformed(json, error, "an unknown escape in a string");
    }
    uint32_t character = 0;
    status = take_unit(json, &character, error);
    if (status == SUBX_OK && character >= 0xdc00 && character <= 0xdfff)
        return malformed(json, error, "half a surrogate pair");
    if (status == SUBX_OK && character >= 0xd800 && character <= 0xdbff)
        status = take_low_half(json, &character, error);
    if (status != SUBX_OK)
        return status;
    uint8_t encoded[4];
    return append_text(json, encoded, encode_utf8(character, encoded), error);
}

/* The rest of a string after its opening quote. */
static subx_status take_string(struct subx_json *json, subx_error *error)
{
    for (;;) {
        bool there = false;
        subx_status status = look(json, &there, error);
        if (status == SUBX_OK && !there)
            status = malformed(json, error, "the text ends inside a string");
        if (status != SUBX_OK)
            return status;
        const size_t start = json->at;
        uint8_t byte = 0;
        while (json->at < json->len) {
            byte = json->buffer[json->at];
            if (byte == '"' || byte == '\\' || byte < 0x20)
                break;
            json->at++;
        }
        status = append_text(json, json->buffer + start, json->at - start, error);
        if (status != SUBX_OK || json->at == json->len) {
            if (status != SUBX_OK)
                return status;
            continue;
        }
        if (byte < 0x20)
            return malformed(json, error, "a control character in a string");
        json->at++;
        if (byte == '"')
            break;
        status = take_escape(json, error);
        if (status != SUBX_OK)
            return status;
    }
    if (!subx_utf8__valid(subx_json__text(json)))
        return subx_json__fail(json, error, SUBX_INVALID_INPUT, "a string that is not UTF-8");
    return SUBX_OK;
}

/* ---- Numbers and words ---- */

/* Collect the bytes of a number or word: all that could belong to one. */
static subx_status take_plain(struct subx_json *json, subx_error *error)
{
    for (;;) {
        bool there = false;
        subx_status status = look(json, &there, error);
        if (status != SUBX_OK || !there)
            return status;
        const uint8_t byte = json->buffer[json->at];
        if (subx_hex__digit(byte) < 0 && byte != '+' && byte != '-' && byte != '.' &&
            !(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z'))
            return SUBX_OK;
        status = append_text(json, &byte, 1, error);
        if (status != SUBX_OK)
            return status;
        json->at++;
    }
}

/* Read past digits; how many there were. */
static size_t pass_digits(subx_slice text, size_t *at)
{
    const size_t start = *at;
    while (*at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9')
        ++*at;
    return *at - start;
}

static bool is_number(subx_slice text)
{
    size_t at = text.len > 0 && text.data[0] == '-' ? 1 : 0;
    const bool zero_first = at < text.len && text.data[at] == '0';
    const size_t whole = pass_digits(text, &at);
    if (whole == 0 || (zero_first && whole > 1))
        return false;
    if (at < text.len && text.data[at] == '.') {
        at++;
        if (pass_digits(text, &at) == 0)
            return false;
    }
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        if (at < text.len && (text.data[at] == '+' || text.data[at] == '-'))
            at++;
        if (pass_digits(text, &at) == 0)
            return false;
    }
    return at == text.len;
}

static subx_status take_word(struct subx_json *json, enum subx_json_token *token, subx_error *error)
{
    const subx_status status = take_plain(json, error);
    if (status != SUBX_OK)
        return status;
    if (is_number(subx_json__text(json)))
        *token = SUBX_JSON_NUMBER;
    else if (subx_json__is(json, "true"))
        *token = SUBX_JSON_TRUE;
    else if (subx_json__is(json, "false"))
        *token = SUBX_JSON_FALSE;
    else if (subx_json__is(json, "null"))
        *token = SUBX_JSON_NULL;
    else if (json->text.len == 0)
        return subx_json__fail(json, error, SUBX_INVALID_INPUT,
                               "a value is expected, not the byte 0x%02x", json->buffer[json->at]);
    else
        return subx_json__fail(json, error, SUBX_INVALID_INPUT, "\"%.*s\" is no value",
                               json->text.len < 40 ? (int)json->text.len : 40,
                               (const char *)json->text.data);
    return SUBX_OK;
}

/* ---- Structure ---- */

static bool in_object(const struct subx_json *json)
{
    const uint32_t level = json->depth - 1;
    return (json->objects[level / 8] >> (level % 8) & 1) != 0;
}

/* After a whole value. */
static void value_ended(struct subx_json *json)
{
    json->expects = json->depth == 0 ? EXPECT_DOCUMENT : EXPECT_MORE_OR_END;
}

static subx_status enter(struct subx_json *json, bool object, subx_error *error)
{
    if (json->depth == SUBX_JSON_MAX_DEPTH)
        return subx_json__fail(json, error, SUBX_TOO_LARGE, "nested more than %d levels deep",
                               SUBX_JSON_MAX_DEPTH);
    const uint32_t level = json->depth++;
    const uint8_t bit = (uint8_t)(1u << (level % 8));
    uint8_t *place = &json->objects[level / 8];
    *place = (uint8_t)(object ? *place | bit : *place & ~bit);
    json->expects = object ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
    json->at++;
    return SUBX_OK;
}

static void leave(struct subx_json *json)
{
    json->depth--;
    json->at++;
    value_ended(json);
}

static subx_status take_value(struct subx_json *json, enum subx_json_token *token,
                              subx_error *error)
{
    const uint8_t byte = json->buffer[json->at];
    subx_status status = SUBX_OK;
    if (byte == '{' || byte == '[') {
        *token = byte == '{' ? SUBX_JSON_OBJECT : SUBX_JSON_ARRAY;
        return enter(json, byte == '{', error);
    }
    if (byte == '"') {
        json->at++;
        *token = SUBX_JSON_STRING;
        status = take_string(json, error);
    } else {
        status = take_word(json, token, error);
    }
    value_ended(json);
    return status;
}

static subx_status take_name(struct subx_json *json, subx_error *error)
{
    if (json->buffer[json->at] != '"')
        return malformed(json, error, "a member's name in quotes is expected");
    json->at++;
    subx_status status = take_string(json, error);
    bool there = false;
    if (status == SUBX_OK)
        status = skip_space(json, &there, error);
    if (status != SUBX_OK)
        return status;
    if (!there || json->buffer[json->at] != ':')
        return malformed(json, error, "a colon is expected after a member's name");
    json->at++;
    json->expects = EXPECT_VALUE;
    return SUBX_OK;
}

/* Inside an array or object, after a value: its end, or a comma and what must follow it. */
static subx_status take_comma(struct subx_json *json, subx_error *error)
{
    if (json->buffer[json->at] != ',')
        return malformed(json, error,
                         in_object(json) ? "a comma or } is expected" : "a comma or ] is expected");
    json->at++;
    json->expects = in_object(json) ? EXPECT_NAME : EXPECT_VALUE;
    bool there = false;
    const subx_status status = skip_space(json, &there, error);
    if (status == SUBX_OK && !there)
        return malformed(json, error, "the text ends inside a value");
    mark_token(json);
    return status;
}

/* Whether the byte that comes next ends the array or object that is open, and may. */
static bool ends_here(const struct subx_json *json)
{
    const uint8_t byte = json->buffer[json->at];
    return (json->expects == EXPECT_NAME_OR_END && byte == '}') ||
           (json->expects == EXPECT_VALUE_OR_END && byte == ']') ||
           (json->expects == EXPECT_MORE_OR_END && byte == (in_object(json) ? '}' : ']'));
}

subx_status subx_json__next(struct subx_json *json, enum subx_json_token *token, subx_error *error)
{
    *token = SUBX_JSON_END;
    bool there = false;
    subx_status status = skip_space(json, &there, error);
    mark_token(json);
    if (status != SUBX_OK)
        return status;
    json->text.len = 0;
    if (!there) {
        if (json->expects == EXPECT_DOCUMENT)
            return SUBX_OK;
        return malformed(json, error, "the text ends inside a value");
    }
    if (ends_here(json)) {
        *token = in_object(json) ? SUBX_JSON_OBJECT_END : SUBX_JSON_ARRAY_END;
        leave(json);
        return SUBX_OK;
    }
    if (json->expects == EXPECT_MORE_OR_END) {
        status = take_comma(json, error);
        if (status != SUBX_OK)
            return status;
    }
    if (json->expects == EXPECT_NAME || json->expects == EXPECT_NAME_OR_END) {
        *token = SUBX_JSON_NAME;
        return take_name(json, error);
    }
    return take_value(json, token, error);
}

subx_status subx_json__skip_rest(struct subx_json *json, enum subx_json_token token,
                                 subx_error *error)
{
    if (token != SUBX_JSON_OBJECT && token != SUBX_JSON_ARRAY)
        return SUBX_OK;
    const uint32_t outside = json->depth - 1;
    subx_status status = SUBX_OK;
    while (status == SUBX_OK && json->depth > outside)
        status = subx_json__next(json, &token, error);
    return status;
}

subx_status subx_json__skip(struct subx_json *json, subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    const subx_status status = subx_json__next(json, &token, error);
    return status != SUBX_OK ? status : subx_json__skip_rest(json, token, error);
}

subx_status subx_json__peek(struct subx_json *json, uint8_t *byte, bool *ended, subx_error *error)
{
    bool there = false;
    const subx_status status = skip_space(json, &there, error);
    mark_token(json);
    *ended = !there;
    *byte = there ? json->buffer[json->at] : 0;
    return status;
}

subx_status subx_json__line(struct subx_json *json, subx_error *error)
{
    json->text.len = 0;
    mark_token(json);
    for (;;) {
        bool there = false;
        subx_status status = look(json, &there, error);
        if (status != SUBX_OK)
            return status;
        const uint8_t *start = json->buffer + json->at;
        const uint8_t *end = there ? memchr(start, '\n', json->len - json->at) : NULL;
        const size_t len = end != NULL ? (size_t)(end - start) : json->len - json->at;
        status = append_text(json, start, len, error);
        json->at += len;
        if (status != SUBX_OK)
            return status;
        if (!there || end != NULL)
            break;
    }
    while (json->text.len > 0 && strchr(" \t\r", json->text.data[json->text.len - 1]) != NULL &&
           json->text.data[json->text.len - 1] != '\0')
        json->text.len--;
    return SUBX_OK;
}

/* ---- Start and end ---- */

subx_status subx_json__open(struct subx_json *json, struct subx_byte_source source, size_t max_text,
                            subx_error *error)
{
    *json = (struct subx_json){
        .source = source,
        .line = 1,
        .token_line = 1,
        .token_column = 1,
        .max_text = max_text,
        .text = SUBX_BUF_INIT,
        .expects = EXPECT_DOCUMENT,
    };
    json->buffer = subx_mem__alloc(BUFFER_SIZE);
    return json->buffer != NULL ? SUBX_OK : subx_error__nomem(error);
}

void subx_json__close(struct subx_json *json)
{
    subx_mem__free(json->buffer);
    json->buffer = NULL;
    subx_buf__free(&json->text);
}

const char *subx_json__kind(enum subx_json_token token)
{
    static const char *const kinds[] = {
        [SUBX_JSON_END] = "the end of the text",
        [SUBX_JSON_OBJECT] = "an object",
        [SUBX_JSON_OBJECT_END] = "the end of an object",
        [SUBX_JSON_ARRAY] = "an array",
        [SUBX_JSON_ARRAY_END] = "the end of an array",
        [SUBX_JSON_NAME] = "a member",
        [SUBX_JSON_STRING] = "a string",
        [SUBX_JSON_NUMBER] = "a number",
        [SUBX_JSON_TRUE] = "true",
        [SUBX_JSON_FALSE] = "false",
        [SUBX_JSON_NULL] = "null",
    };
    return kinds[token];
}
