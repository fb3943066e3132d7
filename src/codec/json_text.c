/* One JSON string as a whole document. */
#include "codec/json_text.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "util/error.h"
#include "util/mem.h"

/* What jansson allocates here is a secret: overwrite it before it goes back. */
static void drop(json_t *value)
{
    if (json_is_string(value)) {
        union {
            const char *borrowed;
            char *own;
        } text = {json_string_value(value)};
        explicit_bzero(text.own, json_string_length(value));
    }
    json_decref(value);
}

bool subx_json_text__append(struct subx_buf *buf, subx_slice text)
{
    json_t *const value = json_stringn((const char *)text.data, text.len);
    char *const dumped = value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY);
    const bool made = dumped != NULL && subx_buf__reserve(buf, strlen(dumped));
    if (made)
        subx_buf__append_text(buf, dumped);
    if (dumped != NULL) {
        explicit_bzero(dumped, strlen(dumped));
        free(dumped);
    }
    drop(value);
    return made;
}

subx_status subx_json_text__decode(subx_slice json, subx_bytes *out, subx_error *error)
{
    *out = (subx_bytes)SUBX_BYTES_INIT;
    json_error_t fault;
    json_t *const value =
        json_loadb((const char *)json.data, json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    if (value == NULL && json_error_code(&fault) == json_error_out_of_memory)
        return subx_error__nomem(error);
    if (!json_is_string(value)) {
        json_decref(value);
        return subx_error__set(error, SUBX_INVALID_INPUT, "is no JSON string");
    }
    const size_t len = json_string_length(value);
    uint8_t *const data = subx_mem__copy(json_string_value(value), len);
    drop(value);
    if (data == NULL)
        return subx_error__nomem(error);
    *out = (subx_bytes){data, len};
    return SUBX_OK;
}
