/* Hexadecimal strings in JSON. */
#include "codec/json_hex.h"

#include "util/error.h"
#include "util/hex.h"

/* Value of a digit with bit 7 set, 0 for what is none. */
#define DIGIT(value) (uint8_t)(0x80 | (value))
static const uint8_t digits[256] = {
    ['0'] = DIGIT(0),  ['1'] = DIGIT(1),  ['2'] = DIGIT(2),  ['3'] = DIGIT(3),  ['4'] = DIGIT(4),
    ['5'] = DIGIT(5),  ['6'] = DIGIT(6),  ['7'] = DIGIT(7),  ['8'] = DIGIT(8),  ['9'] = DIGIT(9),
    ['a'] = DIGIT(10), ['b'] = DIGIT(11), ['c'] = DIGIT(12), ['d'] = DIGIT(13), ['e'] = DIGIT(14),
    ['f'] = DIGIT(15), ['A'] = DIGIT(10), ['B'] = DIGIT(11), ['C'] = DIGIT(12), ['D'] = DIGIT(13),
    ['E'] = DIGIT(14), ['F'] = DIGIT(15),
};

bool subx_hex__append_decoded(struct subx_buf *buf, subx_slice text, size_t *fault)
{
    size_t at = 0;
    if (text.len >= 2 && text.data[0] == '0' && (text.data[1] == 'x' || text.data[1] == 'X'))
        at = 2;
    const size_t len = (text.len - at) / 2;
    if (!subx_buf__reserve(buf, len))
        return true;
    uint8_t *out = buf->data + buf->len;
    for (size_t i = 0; i < len; i++, at += 2) {
        const uint8_t high = digits[text.data[at]], low = digits[text.data[at + 1]];
        if ((high & low) == 0) {
            *fault = high == 0 ? at : at + 1;
            return false;
        }
        out[i] = (uint8_t)(high << 4 | (low & 15));
    }
    if (at < text.len) {
        *fault = digits[text.data[at]] == 0 ? at : text.len;
        return false;
    }
    buf->len += len;
    return true;
}

subx_status subx_json__append_hex(struct subx_json *json, enum subx_json_token token,
                                  const char *what, struct subx_buf *buf, subx_error *error)
{
    if (token != SUBX_JSON_STRING)
        return subx_json__fail(json, error, SUBX_INVALID_INPUT, "%s: %s instead of a hex string",
                               what, subx_json__kind(token));
    const subx_slice text = subx_json__text(json);
    size_t fault = 0;
    if (subx_hex__append_decoded(buf, text, &fault))
        return buf->failed ? subx_error__nomem(error) : SUBX_OK;
    if (fault == text.len)
        return subx_json__fail(json, error, SUBX_INVALID_INPUT, "%s: an odd number of hex digits",
                               what);
    return subx_json__fail(json, error, SUBX_INVALID_INPUT,
                           "%s: character %zu of the string is no hex digit", what, fault + 1);
}

subx_status subx_json__hex_of(struct subx_json *json, enum subx_json_token token, const char *what,
                              uint8_t *out, size_t len, subx_error *error)
{
    struct subx_buf bytes = SUBX_BUF_INIT;
    subx_status status = subx_json__append_hex(json, token, what, &bytes, error);
    if (status == SUBX_OK && bytes.len != len)
        status = subx_json__fail(json, error, SUBX_INVALID_INPUT, "%s: %zu bytes instead of %zu",
                                 what, bytes.len, len);
    if (status == SUBX_OK)
        memcpy(out, bytes.data, len);
    subx_buf__free(&bytes);
    return status;
}
