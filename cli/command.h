/* What a command is; main.c has the table of them. */
#ifndef SUBX_CLI_COMMAND_H
#define SUBX_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "exit_codes.h"

struct arguments;

/* An option: `--name` or, with `value` (how the help calls its value), `--name VALUE`. */
struct option_spec {
    const char *name;
    const char *value;
    const char *help;
};

/* An argument without a name; all of them must be given. */
struct argument_spec {
    const char *name;
    const char *help;
};

struct command {
    const char *name;
    const char *summary; /* one line */
    const char *details; /* more lines for its --help, or NULL */
    const struct argument_spec *arguments;
    size_t argument_count;
    const struct option_spec *options; /* an option's place here is its number in `arguments` */
    size_t option_count;
    enum exit_code (*run)(const struct arguments *arguments);
};

extern const struct command command_call;
extern const struct command command_inspect;

#endif
