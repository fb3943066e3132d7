/* The option parser and the help that comes from the same tables. */
#include "opt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

enum exit_code opt_wrong(const struct command *command, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    output_error("%s", text);
    fprintf(stderr, "try: subexec %s --help\n", command->name);
    return EXIT_USAGE;
}

/* Number of the option that `text` (after the dashes, up to `len`) names, or option_count. */
static size_t find(const struct command *command, const char *text, size_t len)
{
    size_t i = 0;
    while (i < command->option_count && (strncmp(command->options[i].name, text, len) != 0 ||
                                         command->options[i].name[len] != '\0'))
        i++;
    return i;
}

/* Take the option at argv[*at], and its value if that is in the next place. */
static enum opt_outcome take_option(const struct command *command, int argc, char **argv, int *at,
                                    struct arguments *out)
{
    const char *text = argv[*at];
    const char *equals = strchr(text, '=');
    const bool is_long = strncmp(text, "--", 2) == 0;
    const size_t len = is_long ? (equals != NULL ? (size_t)(equals - text) : strlen(text)) - 2 : 0;
    const size_t number = is_long ? find(command, text + 2, len) : command->option_count;
    if (number == command->option_count) {
        opt_wrong(command, "%s: unknown option %s", command->name, text);
        return OPT_WRONG;
    }
    const struct option_spec *spec = &command->options[number];
    if (out->given[number]) {
        opt_wrong(command, "%s: option --%s is given twice", command->name, spec->name);
        return OPT_WRONG;
    }
    if (spec->value == NULL && equals != NULL) {
        opt_wrong(command, "%s: option --%s takes no value", command->name, spec->name);
        return OPT_WRONG;
    }
    out->given[number] = true;
    if (spec->value == NULL)
        return OPT_OK;
    if (equals != NULL) {
        out->values[number] = equals + 1;
    } else if (*at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0) {
        out->values[number] = argv[++*at];
    } else {
        opt_wrong(command, "%s: option --%s needs a value: %s", command->name, spec->name,
                  spec->value);
        return OPT_WRONG;
    }
    return OPT_OK;
}

enum opt_outcome opt_parse(const struct command *command, int argc, char **argv,
                           struct arguments *out)
{
    *out = (struct arguments){.command = command};
    size_t count = 0;
    bool options_end = false;
    for (int at = 0; at < argc; at++) {
        const char *text = argv[at];
        if (!options_end && strcmp(text, "--") == 0) {
            options_end = true;
        } else if (!options_end && (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)) {
            return OPT_HELP;
        } else if (!options_end && text[0] == '-' && text[1] != '\0') {
            const enum opt_outcome outcome = take_option(command, argc, argv, &at, out);
            if (outcome != OPT_OK)
                return outcome;
        } else if (count == command->argument_count) {
            opt_wrong(command, "%s: surplus argument %s", command->name, text);
            return OPT_WRONG;
        } else {
            out->positional[count++] = text;
        }
    }
    if (count == command->argument_count)
        return OPT_OK;
    opt_wrong(command, "%s: missing argument %s", command->name, command->arguments[count].name);
    return OPT_WRONG;
}

bool opt_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *out = value;
    return value >= least && value <= most;
}

/* One line of help, its text in the third column, lines of the text after each other there. */
static void help_line(const char *left, const char *text)
{
    enum { COLUMN = 30 };
    int at = printf("  %s", left);
    if (at >= COLUMN) {
        putchar('\n');
        at = 0;
    }
    printf("%*s", COLUMN - at, "");
    for (; *text != '\0'; text++)
        if (*text == '\n')
            printf("\n%*s", COLUMN, "");
        else
            putchar(*text);
    putchar('\n');
}

void opt_help(const struct command *command)
{
    printf("usage: subexec %s", command->name);
    for (size_t i = 0; i < command->argument_count; i++)
        printf(" %s", command->arguments[i].name);
    printf(" [options]\n\n%s.\n", command->summary);
    if (command->details != NULL)
        printf("%s\n", command->details);
    putchar('\n');
    for (size_t i = 0; i < command->argument_count; i++)
        help_line(command->arguments[i].name, command->arguments[i].help);
    printf("\noptions:\n");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_spec *spec = &command->options[i];
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", spec->name, spec->value != NULL ? " " : "",
                 spec->value != NULL ? spec->value : "");
        help_line(left, spec->help);
    }
    help_line("--help", "print this");
}
