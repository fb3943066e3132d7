/*
 * JSON (RFC 8259), pulled token by token from a source of any size. What is kept is a buffer, the
 * text of the last token and one bit a level of nesting, so a file of several GB costs no more than
 * its longest string. Untrusted: text that is no JSON is SUBX_INVALID_INPUT with line and column.
 *
 * A source may hold any number of values one after another, as files of JSON lines do.
 */
#ifndef SUBX_CODEC_JSON_H
#define SUBX_CODEC_JSON_H

#include "codec/byte_source.h"

/* Deepest nesting that is read; beyond it is SUBX_TOO_LARGE. */
#define SUBX_JSON_MAX_DEPTH 256

enum subx_json_token {
    SUBX_JSON_END, /* of the source; only between values */
    SUBX_JSON_OBJECT,
    SUBX_JSON_OBJECT_END,
    SUBX_JSON_ARRAY,
    SUBX_JSON_ARRAY_END,
    SUBX_JSON_NAME, /* of a member; its value comes next */
    SUBX_JSON_STRING,
    SUBX_JSON_NUMBER,
    SUBX_JSON_TRUE,
    SUBX_JSON_FALSE,
    SUBX_JSON_NULL
};

struct subx_json {
    struct subx_byte_source source;
    uint8_t *buffer;
    size_t at, len;   /* what is still to be read of the buffer */
    uint64_t passed;  /* bytes of the source before the buffer */
    uint64_t line;    /* from 1 */
    uint64_t line_at; /* offset at which it starts */
    /* Where the last token starts. */
    uint64_t token_line, token_column;
    size_t max_text;
    struct subx_buf text;
    uint32_t depth;
    uint8_t objects[SUBX_JSON_MAX_DEPTH / 8]; /* a level's bit: it is an object */
    uint8_t expects;
};

/* Start to read. Strings of more than `max_text` bytes are SUBX_TOO_LARGE. SUBX_NOMEM, and nothing
 * to close then; otherwise release with subx_json__close(). */
subx_status subx_json__open(struct subx_json *json, struct subx_byte_source source, size_t max_text,
                            subx_error *error);

void subx_json__close(struct subx_json *json);

/*
 * Read the next token. The text of names, strings (escapes resolved, valid UTF-8) and numbers (as
 * written) is `subx_json__text()` until the next call.
 */
subx_status subx_json__next(struct subx_json *json, enum subx_json_token *token, subx_error *error);

static inline subx_slice subx_json__text(const struct subx_json *json)
{
    return subx_buf__slice(&json->text);
}

/* Whether the last name or string is `text`. */
static inline bool subx_json__is(const struct subx_json *json, const char *text)
{
    return subx_slice__equal(subx_json__text(json), subx_slice__text(text));
}

/* Read past the value whose first token was `token`. */
subx_status subx_json__skip_rest(struct subx_json *json, enum subx_json_token token,
                                 subx_error *error);

/* Read past the value that comes next, for instance after a name. */
subx_status subx_json__skip(struct subx_json *json, subx_error *error);

/* The first byte that is no white space, without reading it; `ended` at the end of the source. */
subx_status subx_json__peek(struct subx_json *json, uint8_t *byte, bool *ended, subx_error *error);

/*
 * Between values: read the rest of the line as it is, without its end and white space before that,
 * into the text.
 */
subx_status subx_json__line(struct subx_json *json, subx_error *error);

/* Bytes of the source that were read. */
uint64_t subx_json__offset(const struct subx_json *json);

/* Record a failure at the last token: "line 3, column 7: ", then the text. */
subx_status subx_json__fail(const struct subx_json *json, subx_error *error, subx_status status,
                            const char *format, ...) __attribute__((format(printf, 4, 5), cold));

/* Put "line 3, column 7: " of the last token before an error's text and return `status`. */
subx_status subx_json__locate(const struct subx_json *json, subx_error *error, subx_status status);

/* What a token is, for messages: "an object". */
const char *subx_json__kind(enum subx_json_token token);

#endif
