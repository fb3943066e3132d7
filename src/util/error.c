/* Filling subx_error, and the names of the statuses. */
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

/* End a cut text with this mark, so that nobody takes it for whole. */
static const char cut_mark[] = " ... [cut]";

const char *subx_status_name(subx_status status)
{
    switch (status) {
#define SUBX_STATUS_CASE(name, number, kind) \
    case name:                               \
        return kind;
        SUBX_STATUS_LIST(SUBX_STATUS_CASE)
#undef SUBX_STATUS_CASE
    default:
        return "Unknown";
    }
}

void subx_error_clear(subx_error *error)
{
    if (error == NULL)
        return;
    error->status = SUBX_OK;
    error->message[0] = '\0';
    error->backtrace[0] = '\0';
}

/* Make `text`, filled up to `room - 1` bytes, end at a whole character and with the mark. */
static void mark_cut(char *text, size_t room)
{
    size_t end = room - sizeof cut_mark;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    memcpy(text + end, cut_mark, sizeof cut_mark);
}

static void copy_text(char *out, size_t room, const char *text, size_t len)
{
    const size_t kept = len < room ? len : room - 1;
    memcpy(out, text, kept);
    out[kept] = '\0';
    if (kept < len)
        mark_cut(out, room);
    subx_utf8__sanitize(out);
}

subx_status subx_error__set(subx_error *error, subx_status status, const char *format, ...)
{
    if (error == NULL || error->status != SUBX_OK)
        return status;
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (len >= (int)sizeof error->message)
        mark_cut(error->message, sizeof error->message);
    subx_utf8__sanitize(error->message);
    error->status = status;
    return status;
}

subx_status subx_error__set_text(subx_error *error, subx_status status, const char *text,
                                 size_t len)
{
    if (error == NULL || error->status != SUBX_OK)
        return status;
    copy_text(error->message, sizeof error->message, text, len);
    error->status = status;
    return status;
}

void subx_error__set_backtrace(subx_error *error, const char *text, size_t len)
{
    if (error != NULL)
        copy_text(error->backtrace, sizeof error->backtrace, text, len);
}

subx_status subx_error__nomem(subx_error *error)
{
    return subx_error__set(error, SUBX_NOMEM, "out of memory");
}

void subx_error__prefix(subx_error *error, const char *format, ...)
{
    if (error == NULL || error->status == SUBX_OK)
        return;
    char prefix[1024];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(prefix, sizeof prefix - 2, format, arguments);
    va_end(arguments);
    if (len < 0)
        return;
    size_t prefix_len = strlen(prefix);
    memcpy(prefix + prefix_len, ": ", 2);
    prefix_len += 2;
    const size_t message_len = strlen(error->message);
    const size_t room = sizeof error->message;
    const size_t kept = message_len < room - prefix_len ? message_len : room - prefix_len - 1;
    memmove(error->message + prefix_len, error->message, kept);
    memcpy(error->message, prefix, prefix_len);
    error->message[prefix_len + kept] = '\0';
    if (kept < message_len)
        mark_cut(error->message, room);
    subx_utf8__sanitize(error->message);
}
