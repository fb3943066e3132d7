/*
 * Where the program keeps compiled code: the folder that --cache names, else SUBEXEC_CACHE, else
 * subexec in $XDG_CACHE_HOME or ~/.cache; "none" for nowhere.
 */
#ifndef SUBX_CLI_CACHE_H
#define SUBX_CLI_CACHE_H

#include <stdbool.h>

#include <subexec/runtime.h>

#include "command.h"

/* Take --cache out of a command's arguments, wherever it stands in front of "--". EXIT_USAGE, with
 * a message, without a value or for a second one. */
enum exit_code cache_take_option(const struct command *command, int *argc, char **argv);

/* The folder, NUL-terminated, static; NULL: none. It need not be there. */
const char *cache_folder(void);

/* Make an executor that keeps compiled code there, and tells the user what it has to say. A folder
 * that cannot be used is a failure if it was asked for, else it is done without. */
subx_status cache_new_executor(subx_executor_options *options, subx_executor **out,
                               subx_error *error);

#endif
