/* Where words go: results on stdout, messages on stderr, colours only on a terminal. */
#ifndef SUBX_CLI_OUTPUT_H
#define SUBX_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include <subexec/bytes.h>
#include <subexec/status.h>

#include "exit_codes.h"

enum colour { COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_DIM, COLOUR_BOLD };

/* Start and end of a colour on `stream`: empty strings unless it is a terminal and NO_COLOR is
 * unset or empty. */
const char *output_colour(FILE *stream, enum colour colour);
const char *output_plain(FILE *stream);

/* "subexec: TEXT" and "hint: TEXT" on stderr. */
void output_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void output_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Report a failure of the library: message and backtrace on stderr, and with `json` an object
 * `error` on stdout. Returns the exit code that the status stands for.
 */
enum exit_code output_failure(const subx_error *error, bool json);

/* The same with the object on one line, for output that is lines of JSON. */
enum exit_code output_failure_line(const subx_error *error);

/* Untrusted text, characters that could steer a terminal replaced by '?'. */
void output_text(FILE *stream, subx_slice text);

/* The same with its newlines kept, `indent` after each. */
void output_lines(FILE *stream, subx_slice text, const char *indent);

/* "0x" and digits. */
void output_hex(FILE *stream, subx_slice bytes);

/* The same as a JSON string. */
json_t *output_json_hex(subx_slice bytes);

/* Untrusted text as a JSON string; hex of its bytes if it is not UTF-8. */
json_t *output_json_text(subx_slice text);

/* Set a member or append an element and take the value; ends the program if memory is short. */
void output_json_set(json_t *object, const char *name, json_t *value);
void output_json_append(json_t *array, json_t *value);

/* Print a JSON value and a newline on stdout, and release it. */
void output_json(json_t *value);

/* The same on one line. */
void output_json_line(json_t *value);

/* Memory that must not be NULL: ends the program if there is none. Release with free(). */
void *output_memory(size_t count, size_t size);

/* "LABEL" in a column of its own, at the start of a line of facts on stdout. */
void output_label(const char *label);

/* Show on stderr what is being done, in place of what was shown before; only on a terminal. The end
 * clears it; other messages need that first. */
void output_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void output_progress_end(void);

/* Flush stdout now, for who waits for a line. False: it could not be written, which
 * output_finish() will tell. */
bool output_flush(void);

/* Flush stdout. Returns `code`, or EXIT_INPUT with a message if something could not be written. */
enum exit_code output_finish(enum exit_code code);

#endif
