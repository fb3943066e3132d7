/* How the program ends. */
#ifndef SUBX_CLI_EXIT_CODES_H
#define SUBX_CLI_EXIT_CODES_H

enum exit_code {
    EXIT_DONE = 0,
    /* The runtime failed, or a check did not hold. */
    EXIT_RUNTIME = 1,
    EXIT_USAGE = 2,
    /* Input that cannot be used, files that cannot be read or written. */
    EXIT_INPUT = 3
};

#endif
