/* The command line: options as `--name VALUE` or `--name=VALUE`, anywhere; `-o` is --output; `--`
 * ends them. */
#ifndef SUBX_CLI_OPT_H
#define SUBX_CLI_OPT_H

#include <stdint.h>

#include "command.h"

enum { OPT_MAX_OPTIONS = 24, OPT_MAX_ARGUMENTS = 68, OPT_MAX_REPEATED = 64 };

/* What was given; all strings are borrowed from argv. */
struct arguments {
    const struct command *command;
    const char *positional[OPT_MAX_ARGUMENTS]; /* NULL where none was given */
    size_t positional_count;
    bool given[OPT_MAX_OPTIONS];
    const char *values[OPT_MAX_OPTIONS]; /* NULL if not given, or a switch, or one that repeats */
    /* Values of the options that may be given several times, in their order. */
    struct {
        size_t option;
        const char *value;
    } repeated[OPT_MAX_REPEATED];
    size_t repeated_count;
};

enum opt_outcome { OPT_OK, OPT_HELP, OPT_WRONG };

/*
 * Sort `argv` (what follows the command's name) by the command's specification. OPT_HELP if --help
 * or -h is there. OPT_WRONG for unknown, duplicate and incomplete options and for missing or
 * surplus arguments; a message that names them is on stderr then.
 */
enum opt_outcome opt_parse(const struct command *command, int argc, char **argv,
                           struct arguments *out);

/* Print a message about wrong usage, and where help is, on stderr; returns EXIT_USAGE. */
enum exit_code opt_wrong(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The next value of an option that repeats, NULL if there is none left. `at` starts from 0. */
const char *opt_next(const struct arguments *arguments, size_t option, size_t *at);

/* The value of --output, which the command cannot do without; NULL, and a message, if it is not
 * there. */
const char *opt_output(const struct arguments *arguments, size_t option);

/* Read a decimal number from `least` to `most`; false if `text` is anything else. */
bool opt_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* Print the command's help on stdout. */
void opt_help(const struct command *command);

#endif
