/* Lines from a descriptor. */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

enum { FIRST_CAPACITY = 1 << 16 };

void lines_open(struct lines *lines, int descriptor, size_t max_len)
{
    *lines = (struct lines){
        .descriptor = descriptor,
        .max_len = max_len,
        .buffer = output_memory(FIRST_CAPACITY, 1),
        .capacity = FIRST_CAPACITY,
    };
}

void lines_close(struct lines *lines)
{
    free(lines->buffer);
    lines->buffer = NULL;
}

/* Make room behind what is there: by moving it to the front, else by a larger buffer. */
static void make_room(struct lines *lines)
{
    const size_t len = lines->end - lines->start;
    if (lines->end < lines->capacity)
        return;
    if (lines->start == 0) {
        char *larger = output_memory(lines->capacity, 2);
        memcpy(larger, lines->buffer, len);
        free(lines->buffer);
        lines->buffer = larger;
        lines->capacity *= 2;
    } else {
        memmove(lines->buffer, lines->buffer + lines->start, len);
    }
    lines->start = 0;
    lines->end = len;
}

static void read_more(struct lines *lines)
{
    make_room(lines);
    ssize_t got = 0;
    do
        got = read(lines->descriptor, lines->buffer + lines->end, lines->capacity - lines->end);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        lines->end += (size_t)got;
    else
        lines->at_end = true;
    if (got < 0)
        lines->error = errno;
}

enum line_outcome lines_next(struct lines *lines, char **text, size_t *len)
{
    bool too_long = false;
    size_t looked_at = 0;
    for (;;) {
        char *from = lines->buffer + lines->start;
        const size_t there = lines->end - lines->start;
        const char *newline = memchr(from + looked_at, '\n', there - looked_at);
        const bool is_last = newline == NULL && lines->at_end;
        if (is_last && (lines->error != 0 || (there == 0 && !too_long)))
            return LINES_END;
        if (newline != NULL || is_last) {
            *text = from;
            *len = newline != NULL ? (size_t)(newline - from) : there;
            lines->start += *len + (newline != NULL);
            return too_long || *len > lines->max_len ? LINE_TOO_LONG : LINE_READ;
        }
        looked_at = there;
        if (there > lines->max_len) {
            too_long = true;
            lines->start = lines->end;
            looked_at = 0;
        }
        read_more(lines);
    }
}
