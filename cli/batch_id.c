/* Numbers as ids: kept digit by digit, since they may be larger than any type of C. */
#include "batch.h"

#include <string.h>

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static size_t skip_digits(const char *text, size_t len, size_t at)
{
    while (at < len && is_digit(text[at]))
        at++;
    return at;
}

/* Length of the JSON number (RFC 8259, section 6) that `text` begins with; 0 if it is none. */
static size_t number_at(const char *text, size_t len)
{
    size_t at = len > 0 && text[0] == '-';
    const size_t first = at;
    at = skip_digits(text, len, at);
    if (at == first || (text[first] == '0' && at > first + 1))
        return 0;
    if (at < len && text[at] == '.') {
        const size_t fraction = at + 1;
        at = skip_digits(text, len, fraction);
        if (at == fraction)
            return 0;
    }
    if (at < len && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        at += at < len && (text[at] == '+' || text[at] == '-');
        const size_t exponent = at;
        at = skip_digits(text, len, exponent);
        if (at == exponent)
            return 0;
    }
    return at;
}

static bool is_space(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

/* Behind the string that begins at `at`. */
static size_t skip_string(const char *line, size_t len, size_t at)
{
    for (at++; at < len && line[at] != '"'; at++)
        if (line[at] == '\\')
            at++;
    return at < len ? at + 1 : len;
}

bool batch_id_number(const char *line, size_t len, size_t *at, size_t *number_len)
{
    size_t depth = 0, i = 0;
    bool is_id = false; /* the last string was "id" */
    while (i < len) {
        const char character = line[i];
        if (character == '"') {
            const size_t end = skip_string(line, len, i);
            is_id = depth == 1 && end - i == 4 && memcmp(line + i, "\"id\"", 4) == 0;
            i = end;
            continue;
        }
        i++;
        if (character == '{' || character == '[')
            depth++;
        else if ((character == '}' || character == ']') && depth > 0)
            depth--;
        if (character != ':' || !is_id)
            continue;
        while (i < len && is_space(line[i]))
            i++;
        *at = i;
        *number_len = number_at(line + i, len - i);
        return *number_len > 0;
    }
    return false;
}
