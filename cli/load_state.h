/* States that commands read from files. */
#ifndef SUBX_CLI_LOAD_STATE_H
#define SUBX_CLI_LOAD_STATE_H

#include <subexec/chain.h>
#include <subexec/database.h>

#include "command.h"

/* The argument of commands that read a state. */
#define STATE_FILE_HELP                                                                    \
    "file with a raw chain specification (its genesis state), pairs as nodes answer\n"     \
    "state_getPairs with, or an object {\"top\": ..., \"children\": ...}; or the folder\n" \
    "of a database"

/* The specification of the option that says how values are written. */
#define SPEC_STATE_VERSION                                                 \
    {                                                                      \
        "state-version", "0|1",                                            \
            "how values of 33 bytes and more stand in the trie: inline\n"  \
            "(0) or hashed (1); default: as the runtime in the state says" \
    }

/* Read the value of that option, NULL if it was not given; false if it is neither 0 nor 1. */
bool load_state_version(const char *text, uint8_t *state_version);

/* The specification of the option that says what commits to a database survive. */
#define SPEC_DURABILITY                                                       \
    {                                                                         \
        "durability", "process|power",                                        \
            "what of a database survives: the end of the process (default)\n" \
            "or the loss of power too, for which each block waits"            \
    }

/* Read the value of that option, NULL if it was not given; false if it is neither. */
bool load_durability(const char *text, subx_durability *durability);

/* Whether a path is that of a database: a folder. */
bool load_is_database(const char *path);

/* Read a state from a file into memory, with a progress bar; or open a database to look into it:
 * `info` tells nothing then, except the state version where one is given. */
subx_status load_state(const char *path, uint8_t state_version, subx_state **out,
                       subx_import_info *info, subx_error *error);

/* Read a file into a state, with a progress bar. `options` has neither a progress function nor data
 * for it. */
subx_status load_into(subx_state *state, const char *path, subx_import_options options,
                      subx_import_info *info, subx_error *error);

/* Whether a state has no keys. */
subx_status load_is_empty(subx_state *state, bool *is_empty, subx_error *error);

#endif
