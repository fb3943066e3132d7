/* UTF-8 validity: RFC 3629, section 4. */
#include "util/utf8.h"

#include <string.h>

/* Length of the well-formed sequence at `p` (1 to 4), or 0 if there is none within `left` bytes. */
static size_t sequence_length(const uint8_t *p, size_t left)
{
    const uint8_t first = p[0];
    if (first < 0x80)
        return 1;
    size_t len = 0;
    uint8_t low = 0x80, high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) {
        len = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        len = 3;
        low = first == 0xe0 ? 0xa0 : 0x80;
        high = first == 0xed ? 0x9f : 0xbf;
    } else if (first >= 0xf0 && first <= 0xf4) {
        len = 4;
        low = first == 0xf0 ? 0x90 : 0x80;
        high = first == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (left < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool subx_utf8__valid(subx_slice bytes)
{
    size_t at = 0;
    while (at < bytes.len) {
        const size_t len = sequence_length(bytes.data + at, bytes.len - at);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

void subx_utf8__sanitize(char *text)
{
    const size_t total = strlen(text);
    size_t at = 0;
    while (at < total) {
        const uint8_t byte = (uint8_t)text[at];
        const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
        const size_t len = control ? 0 : sequence_length((const uint8_t *)text + at, total - at);
        if (len == 0)
            text[at] = '?';
        at += len == 0 ? 1 : len;
    }
}
