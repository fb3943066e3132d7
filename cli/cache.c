/* The folder of compiled code; see cache.h. */
#include "cache.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "opt.h"
#include "output.h"

static const char *asked_for; /* by --cache */
static bool is_used;          /* by this command */

static bool is_cache_option(const char *text, const char **value)
{
    static const char name[] = "--cache";
    if (strncmp(text, name, sizeof name - 1) != 0)
        return false;
    *value = text[sizeof name - 1] == '=' ? text + sizeof name : NULL;
    return *value != NULL || text[sizeof name - 1] == '\0';
}

enum exit_code cache_take_option(const struct command *command, int *argc, char **argv)
{
    int kept = 0, at = 0;
    is_used = true;
    for (; at < *argc && strcmp(argv[at], "--") != 0; at++) {
        const char *value = NULL;
        if (!is_cache_option(argv[at], &value)) {
            argv[kept++] = argv[at];
            continue;
        }
        if (value == NULL && at + 1 < *argc && strncmp(argv[at + 1], "--", 2) != 0)
            value = argv[++at];
        if (value == NULL || value[0] == '\0')
            return opt_wrong(command, "%s: option --cache needs a value: FOLDER, or none",
                             command->name);
        if (asked_for != NULL)
            return opt_wrong(command, "%s: option --cache is given twice", command->name);
        asked_for = value;
    }
    for (; at < *argc; at++)
        argv[kept++] = argv[at];
    *argc = kept;
    return EXIT_DONE;
}

/* The place of its own that the system has for such data; empty if there is none. */
static void default_folder(char room[PATH_MAX])
{
    const char *const caches = getenv("XDG_CACHE_HOME"), *const home = getenv("HOME");
    int len = 0;
    room[0] = '\0';
    /* the specification has it that relative paths are to be ignored */
    if (caches != NULL && caches[0] == '/')
        len = snprintf(room, PATH_MAX, "%s/subexec", caches);
    else if (home != NULL && home[0] == '/')
        len = snprintf(room, PATH_MAX, "%s/.cache/subexec", home);
    if (len < 0 || len >= PATH_MAX)
        room[0] = '\0';
}

const char *cache_folder(void)
{
    static char room[PATH_MAX];
    const char *folder = asked_for != NULL ? asked_for : getenv("SUBEXEC_CACHE");
    if (folder == NULL || folder[0] == '\0') {
        default_folder(room);
        folder = room;
    }
    return folder[0] == '\0' || strcmp(folder, "none") == 0 ? NULL : folder;
}

/* Make the folders above one, readable by nobody else. */
static void make_parents(const char *folder)
{
    char path[PATH_MAX];
    if (strlen(folder) >= sizeof path)
        return;
    strcpy(path, folder);
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        (void)mkdir(path, 0700); /* what is wrong with it shows with the last one */
        *at = '/';
    }
}

subx_status cache_new_executor(subx_executor_options *options, subx_executor **out,
                               subx_error *error)
{
    const char *const variable = getenv("SUBEXEC_CACHE");
    const bool is_asked = asked_for != NULL || (variable != NULL && variable[0] != '\0');
    options->artifact_folder = is_used ? cache_folder() : NULL;
    if (options->artifact_folder != NULL)
        make_parents(options->artifact_folder);
    const subx_status status = subx_executor_new(options, out, error);
    if (status != SUBX_IO || is_asked)
        return status;
    /* A home that cannot be written is usual for services. One that others may write to is not. */
    if (error != NULL && strstr(error->message, "write to it") != NULL)
        output_hint("compiled code is not kept: %s", error->message);
    subx_error_clear(error);
    options->artifact_folder = NULL;
    return subx_executor_new(options, out, error);
}
