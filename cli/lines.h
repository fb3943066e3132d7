/* Lines from a descriptor, as they come, each within a bound. */
#ifndef SUBX_CLI_LINES_H
#define SUBX_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct lines {
    int descriptor;
    size_t max_len; /* longer lines are dropped, and said to be so */
    char *buffer;
    size_t capacity, start, end; /* what is read and not taken yet */
    bool at_end;
    int error; /* errno of a failed read */
};

enum line_outcome { LINE_READ, LINE_TOO_LONG, LINES_END };

/* Start to read; lines_close() releases what that takes, not the descriptor. */
void lines_open(struct lines *lines, int descriptor, size_t max_len);
void lines_close(struct lines *lines);

/*
 * The next line without its newline; the last one need not have one. `text` is the reader's, valid
 * until the next call; it may be written to. Waits only while there is no whole line. LINES_END at
 * the end and after a failed read, which `error` tells.
 */
enum line_outcome lines_next(struct lines *lines, char **text, size_t *len);

#endif
