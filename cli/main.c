/* subexec: runs runtimes of Polkadot-SDK chains from the command line. The table of commands. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <subexec/subexec.h>

#include "cache.h"
#include "command.h"
#include "files.h"
#include "opt.h"
#include "output.h"

static const struct command *const commands[] = {
    &command_inspect, &command_call,  &command_prepare, &command_instrument,  &command_batch,
    &command_bench,   &command_state, &command_replay,  &command_build_block, &command_cache,
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void help(FILE *stream)
{
    fputs("usage: subexec COMMAND ...\n\nRuns the runtimes of Polkadot-SDK chains.\n\n", stream);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-13s%s\n", commands[i]->name, commands[i]->summary);
    fputs("\n"
          "  subexec COMMAND --help      explain a command\n"
          "  subexec --version           print the versions of subexec and of its engine\n"
          "\n"
          "Results go to standard output, messages to standard error. Exit codes: 0 done, 1 the\n"
          "runtime failed or a check did not hold, 2 wrong usage, 3 input or I/O.\n",
          stream);
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static enum exit_code run(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("subexec %s (%s)\n", subx_library_version(), subx_engine_version());
        return EXIT_DONE;
    }
    const struct command *command = find_command(argv[1]);
    if (command == NULL) {
        output_error("unknown %s %s", argv[1][0] == '-' ? "option" : "command", argv[1]);
        fputs("try: subexec --help\n", stderr);
        return EXIT_USAGE;
    }
    struct arguments arguments;
    argc -= 2;
    argv += 2;
    if (command->keeps_code && cache_take_option(command, &argc, argv) != EXIT_DONE)
        return EXIT_USAGE;
    switch (opt_parse(command, argc, argv, &arguments)) {
    case OPT_OK:
        return command->run(&arguments);
    case OPT_HELP:
        opt_help(command);
        return EXIT_DONE;
    case OPT_WRONG:
    default:
        return EXIT_USAGE;
    }
}

/* Occupy closed standard streams, so that no file that is opened later takes their place; writing
 * to them fails as it should. */
static void hold_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1)
            (void)open("/dev/null", O_RDONLY);
}

int main(int argc, char **argv)
{
    hold_standard_streams();
    /* a closed pipe is an error of a write, not the end of the program */
    signal(SIGPIPE, SIG_IGN);
    files_handle_signals();
    return (int)output_finish(run(argc, argv));
}
