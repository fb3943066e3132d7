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

/* Number of the option that an argument names, or option_count; `equals` is the rest from "=" on,
 * NULL if there is none. */
static size_t find_named(const struct command *command, const char *text, const char **equals)
{
    *equals = NULL;
    if (strcmp(text, "-o") == 0)
        return find(command, "output", strlen("output"));
    if (strncmp(text, "--", 2) != 0)
        return command->option_count;
    *equals = strchr(text, '=');
    const size_t len = *equals != NULL ? (size_t)(*equals - text) : strlen(text);
    return find(command, text + 2, len - 2);
}

static bool ends_in_dots(const char *text)
{
    const size_t len = text == NULL ? 0 : strlen(text);
    return len > 3 && strcmp(text + len - 3, "...") == 0;
}

static bool repeats(const struct option_spec *spec)
{
    return ends_in_dots(spec->value);
}

/* How many arguments a command takes at most. */
static size_t most_arguments(const struct command *command)
{
    const size_t count = command->argument_count;
    return count > 0 && ends_in_dots(command->arguments[count - 1].name) ? OPT_MAX_ARGUMENTS
                                                                         : count;
}

static enum opt_outcome keep_value(const struct option_spec *spec, size_t number, const char *value,
                                   struct arguments *out)
{
    if (!repeats(spec)) {
        out->values[number] = value;
        return OPT_OK;
    }
    if (out->repeated_count == OPT_MAX_REPEATED) {
        opt_wrong(out->command, "%s: more than %d values of --%s", out->command->name,
                  OPT_MAX_REPEATED, spec->name);
        return OPT_WRONG;
    }
    out->repeated[out->repeated_count].option = number;
    out->repeated[out->repeated_count++].value = value;
    return OPT_OK;
}

/* Take the option at argv[*at], and its value if that is in the next place. */
static enum opt_outcome take_option(const struct command *command, int argc, char **argv, int *at,
                                    struct arguments *out)
{
    const char *text = argv[*at];
    const char *equals = NULL;
    const size_t number = find_named(command, text, &equals);
    if (number == command->option_count) {
        opt_wrong(command, "%s: unknown option %s", command->name, text);
        return OPT_WRONG;
    }
    const struct option_spec *spec = &command->options[number];
    if (out->given[number] && !repeats(spec)) {
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
    if (equals != NULL)
        return keep_value(spec, number, equals + 1, out);
    if (*at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0)
        return keep_value(spec, number, argv[++*at], out);
    opt_wrong(command, "%s: option --%s needs a value: %s", command->name, spec->name, spec->value);
    return OPT_WRONG;
}

enum opt_outcome opt_parse(const struct command *command, int argc, char **argv,
                           struct arguments *out)
{
    *out = (struct arguments){.command = command};
    size_t count = 0;
    const size_t most = most_arguments(command);
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
        } else if (count == most) {
            opt_wrong(command, "%s: surplus argument %s", command->name, text);
            return OPT_WRONG;
        } else {
            out->positional[count++] = text;
        }
    }
    out->positional_count = count;
    if (count >= command->argument_count || command->arguments[count].name[0] == '[')
        return OPT_OK;
    opt_wrong(command, "%s: missing argument %s", command->name, command->arguments[count].name);
    return OPT_WRONG;
}

const char *opt_next(const struct arguments *arguments, size_t option, size_t *at)
{
    while (*at < arguments->repeated_count) {
        const size_t i = (*at)++;
        if (arguments->repeated[i].option == option)
            return arguments->repeated[i].value;
    }
    return NULL;
}

const char *opt_output(const struct arguments *arguments, size_t option)
{
    if (arguments->values[option] == NULL)
        opt_wrong(arguments->command, "%s: option -o FILE is missing", arguments->command->name);
    return arguments->values[option];
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
    for (size_t i = 0; i < command->argument_count; i++) {
        fputs(i == 0 ? "\n" : "", stdout);
        help_line(command->arguments[i].name, command->arguments[i].help);
    }
    printf("\noptions:\n");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_spec *spec = &command->options[i];
        char left[64];
        snprintf(left, sizeof left, "%s--%s%s%s", strcmp(spec->name, "output") == 0 ? "-o, " : "",
                 spec->name, spec->value != NULL ? " " : "",
                 spec->value != NULL ? spec->value : "");
        help_line(left, spec->help);
    }
    if (command->keeps_code)
        help_line("--cache FOLDER", "where compiled code is kept, or none; default:\n"
                                    "$SUBEXEC_CACHE, else $XDG_CACHE_HOME/subexec");
    help_line("--help", "print this");
}
