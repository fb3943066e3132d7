/* `bench`: what is measured, and the rows that come out. */
#ifndef SUBX_CLI_BENCH_H
#define SUBX_CLI_BENCH_H

#include <jansson.h>

#include <subexec/runtime.h>

#include "measure.h"

/* One cell of the matrix. */
struct bench_row {
    const char *function;           /* "empty", "dirty_1mb" or a method */
    subx_strategy strategy, in_use; /* asked for, and what became of it */
    unsigned threads;
    struct measured times;
    subx_error error; /* status SUBX_OK: measured */
};

/* How wide the column of functions has to be. */
void bench_print_heading(size_t width);
void bench_print_row(const struct bench_row *row, size_t width);

/* A row as an object for programs. */
json_t *bench_row_json(const struct bench_row *row);

#endif
