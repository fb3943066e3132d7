/* Progress of long tasks. */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "output.h"

enum { BAR_WIDTH = 24 };

#define INTERVAL ((uint64_t)100000000)

void progress_start(struct progress *progress)
{
    progress->start = clock_now();
    progress->last = progress->start;
}

bool progress_is_due(struct progress *progress)
{
    const uint64_t now = clock_now();
    if (now - progress->last < INTERVAL)
        return false;
    progress->last = now;
    return true;
}

double progress_seconds(const struct progress *progress)
{
    return (double)(clock_now() - progress->start) / 1e9;
}

void progress_show(uint64_t done, uint64_t total, const char *format, ...)
{
    char text[256], bar[BAR_WIDTH + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (total == 0) {
        output_progress("%s", text);
        return;
    }
    const double part = done < total ? (double)done / (double)total : 1;
    const int filled = (int)(part * BAR_WIDTH);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    output_progress("[%s] %3d%%  %s", bar, (int)(part * 100), text);
}
