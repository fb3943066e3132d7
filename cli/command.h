/* What a command is; main.c has the table of them. */
#ifndef SUBX_CLI_COMMAND_H
#define SUBX_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "exit_codes.h"

struct arguments;

/* An option: `--name` or, with `value` (how the help calls its value), `--name VALUE`. A value that
 * ends in "..." makes an option that may be given several times. */
struct option_spec {
    const char *name;
    const char *value;
    const char *help;
};

/* An argument without a name; all of them must be given, but for those in brackets at the end. The
 * last one may be given several times if its name ends in "...". */
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
    bool keeps_code; /* takes --cache besides */
    enum exit_code (*run)(const struct arguments *arguments);
};

/* The argument that most commands have. */
#define ARGUMENT_CODE                                                                \
    {                                                                                \
        "CODE", "file with Wasm, compressed Wasm, hex text of either, a raw chain\n" \
                "specification (its :code), or an artifact"                          \
    }

extern const struct command command_batch;
extern const struct command command_bench;
extern const struct command command_build_block;
extern const struct command command_cache;
extern const struct command command_call;
extern const struct command command_inspect;
extern const struct command command_instrument;
extern const struct command command_prepare;
extern const struct command command_replay;
extern const struct command command_state;

#endif
