/* Log lines of runtimes and of the library. */
#include "log.h"

#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "output.h"

static const char *const levels[] = {"off", "error", "warn", "info", "debug", "trace"};

enum { LEVEL_COUNT = sizeof levels / sizeof levels[0] };

bool log_level_of(const char *text, subx_log_level *out)
{
    for (int i = 0; i < LEVEL_COUNT; i++)
        if (strcmp(text, levels[i]) == 0) {
            *out = (subx_log_level)i;
            return true;
        }
    return false;
}

/* Newlines of the message are kept, indented. */
void log_print(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    (void)data;
    const enum colour colour = level == SUBX_LOG_ERROR  ? COLOUR_RED
                               : level == SUBX_LOG_WARN ? COLOUR_YELLOW
                                                        : COLOUR_DIM;
    output_progress_end();
    fprintf(stderr, "%s%-5s%s ", output_colour(stderr, colour), levels[level],
            output_plain(stderr));
    output_text(stderr, target);
    fputs(": ", stderr);
    output_lines(stderr, message, "      ");
    fputc('\n', stderr);
}

subx_status log_new_executor(subx_executor **out, subx_error *error)
{
    subx_executor_options options = SUBX_EXECUTOR_OPTIONS_INIT;
    options.log = log_print;
    return cache_new_executor(&options, out, error);
}
