/* States that commands read from files. */
#ifndef SUBX_CLI_LOAD_STATE_H
#define SUBX_CLI_LOAD_STATE_H

#include <subexec/chain.h>

#include "command.h"

/* The argument of commands that read a state. */
#define STATE_FILE_HELP                                                                \
    "file with a raw chain specification (its genesis state), pairs as nodes answer\n" \
    "state_getPairs with, or an object {\"top\": ..., \"children\": ...}"

/* The specification of the option that says how values are written. */
#define SPEC_STATE_VERSION                                                 \
    {                                                                      \
        "state-version", "0|1",                                            \
            "how values of 33 bytes and more stand in the trie: inline\n"  \
            "(0) or hashed (1); default: as the runtime in the state says" \
    }

/* Read the value of that option, NULL if it was not given; false if it is neither 0 nor 1. */
bool load_state_version(const char *text, uint8_t *state_version);

/* Read a state into memory, with a progress bar. */
subx_status load_state(const char *path, uint8_t state_version, subx_state **out,
                       subx_import_info *info, subx_error *error);

#endif
