/* A line that shows how far a long task has come; only on a terminal, and not too often. */
#ifndef SUBX_CLI_PROGRESS_H
#define SUBX_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    uint64_t start, last; /* of the task, and when it was shown last */
};

/* Begin a task. */
void progress_start(struct progress *progress);

/* Whether it is time to show something: a tenth of a second after the last time. */
bool progress_is_due(struct progress *progress);

/* Seconds since the start. */
double progress_seconds(const struct progress *progress);

/*
 * Show a bar of `done` of `total` and a text. Without a total (0) there is no bar, only the text.
 * output_progress_end() takes the line away.
 */
void progress_show(uint64_t done, uint64_t total, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
