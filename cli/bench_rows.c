/* Rows of `bench`, for people and for programs. */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "output.h"

void bench_print_heading(size_t width)
{
    printf("%s%-*s  %-13s %7s  %7s  %11s %11s %11s%s\n", output_colour(stdout, COLOUR_DIM),
           (int)width, "function", "strategy", "threads", "calls", "min us", "median us", "p99 us",
           output_plain(stdout));
}

static void print_error(const subx_error *error)
{
    printf("  %s%s%s: ", output_colour(stdout, COLOUR_RED), subx_status_name(error->status),
           output_plain(stdout));
    output_text(stdout, (subx_slice){(const uint8_t *)error->message, strlen(error->message)});
    putchar('\n');
}

void bench_print_row(const struct bench_row *row, size_t width)
{
    const subx_slice name = {(const uint8_t *)row->function, strlen(row->function)};
    output_text(stdout, name);
    printf("%*s  %-13s %7u", (int)(width > name.len ? width - name.len : 0), "",
           subx_strategy_name(row->strategy), row->threads);
    if (row->error.status != SUBX_OK) {
        print_error(&row->error);
        return;
    }
    printf("  %7" PRIu64 "  %11.3f %11.3f %11.3f", row->times.calls,
           clock_microseconds(row->times.fastest), clock_microseconds(row->times.median),
           clock_microseconds(row->times.p99));
    if (row->in_use != row->strategy)
        printf("  %sas %s%s", output_colour(stdout, COLOUR_YELLOW), subx_strategy_name(row->in_use),
               output_plain(stdout));
    putchar('\n');
}

static json_t *text_json(const char *text)
{
    return output_json_text((subx_slice){(const uint8_t *)text, strlen(text)});
}

json_t *bench_row_json(const struct bench_row *row)
{
    json_t *object = json_object();
    output_json_set(object, "function", text_json(row->function));
    output_json_set(object, "strategy", text_json(subx_strategy_name(row->strategy)));
    if (row->in_use != row->strategy)
        output_json_set(object, "in_use", text_json(subx_strategy_name(row->in_use)));
    output_json_set(object, "threads", json_integer((json_int_t)row->threads));
    if (row->error.status == SUBX_OK) {
        output_json_set(object, "calls", json_integer((json_int_t)row->times.calls));
        output_json_set(object, "min_us", json_real(clock_microseconds(row->times.fastest)));
        output_json_set(object, "median_us", json_real(clock_microseconds(row->times.median)));
        output_json_set(object, "p99_us", json_real(clock_microseconds(row->times.p99)));
        return object;
    }
    json_t *error = json_object();
    output_json_set(error, "kind", text_json(subx_status_name(row->error.status)));
    output_json_set(error, "message", text_json(row->error.message));
    output_json_set(object, "error", error);
    return object;
}
