/* Hexadecimal text. */
#include "util/hex.h"

#include "util/error.h"
#include "util/mem.h"

int subx_hex__digit(uint8_t character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

void subx_hex__append(struct subx_buf *buf, subx_slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    if (bytes.len > SIZE_MAX / 4 || !subx_buf__reserve(buf, 2 * bytes.len)) {
        buf->failed = true;
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        buf->data[buf->len++] = (uint8_t)digits[bytes.data[i] >> 4];
        buf->data[buf->len++] = (uint8_t)digits[bytes.data[i] & 15];
    }
}

subx_status subx_hex__decode(subx_slice text, subx_bytes *out, subx_error *error)
{
    *out = (subx_bytes)SUBX_BYTES_INIT;
    const size_t start =
        text.len >= 2 && text.data[0] == '0' && (text.data[1] == 'x' || text.data[1] == 'X') ? 2
                                                                                             : 0;
    if ((text.len - start) % 2 != 0)
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "hex text has an odd number of digits (%zu)", text.len - start);
    const size_t len = (text.len - start) / 2;
    uint8_t *data = subx_mem__alloc(len);
    if (data == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < len; i++) {
        const int high = subx_hex__digit(text.data[start + 2 * i]);
        const int low = subx_hex__digit(text.data[start + 2 * i + 1]);
        if (high < 0 || low < 0) {
            subx_mem__free(data);
            return subx_error__set(error, SUBX_INVALID_INPUT,
                                   "hex text has a character that is no digit at offset %zu",
                                   start + 2 * i + (high < 0 ? 0 : 1));
        }
        data[i] = (uint8_t)(high << 4 | low);
    }
    *out = (subx_bytes){data, len};
    return SUBX_OK;
}
