/* subexec cache: the compiled code that the program keeps. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <subexec/cache.h>

#include "cache.h"
#include "command.h"
#include "opt.h"
#include "output.h"

enum { OPTION_MAX_BYTES, OPTION_JSON };

static const struct option_spec options[] = {
    [OPTION_MAX_BYTES] = {"max-bytes", "NUMBER",
                          "prune: keep at most so much, what was used last\n"
                          "(default: 4 GiB; 0 removes all)"},
    [OPTION_JSON] = {"json", NULL, "print facts as JSON"},
};

static const struct argument_spec arguments_taken[] = {
    {"ACTION", "list, verify or prune"},
};

struct walk {
    bool json, verifies;
    json_t *array;
    uint64_t count, bytes, useless;
};

static void print_file(const subx_artifact_file *file)
{
    char when[32] = "";
    const time_t used = (time_t)file->used;
    struct tm parts;
    if (gmtime_r(&used, &parts) != NULL)
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &parts);
    printf("%s  %10" PRIu64 "  %s", when, file->size, file->name);
    if (!file->usable)
        printf("  %s%s%s", output_colour(stdout, COLOUR_YELLOW), file->reason,
               output_plain(stdout));
    putchar('\n');
}

static subx_status take(void *data, const subx_artifact_file *file)
{
    struct walk *const walk = data;
    walk->count++;
    walk->bytes += file->size;
    walk->useless += !file->usable;
    if (walk->json) {
        json_t *const object = json_object();
        output_json_set(object, "name", json_string(file->name));
        output_json_set(object, "size", json_integer((json_int_t)file->size));
        output_json_set(object, "used", json_integer((json_int_t)file->used));
        output_json_set(object, "usable", json_boolean(file->usable));
        output_json_set(object, "reason", file->usable ? json_null() : json_string(file->reason));
        output_json_set(object, "code_hash", output_json_hex((subx_slice){file->code_hash, 32}));
        output_json_set(object, "engine_version", json_string(file->engine_version));
        output_json_append(walk->array, object);
    } else if (!walk->verifies || !file->usable) {
        print_file(file);
    }
    return SUBX_OK;
}

static enum exit_code list(const char *folder, bool verifies, bool json)
{
    struct walk walk = {.json = json, .verifies = verifies, .array = json ? json_array() : NULL};
    subx_error error = SUBX_ERROR_INIT;
    if (subx_artifact_folder_list(folder, take, &walk, &error) != SUBX_OK) {
        json_decref(walk.array);
        return output_failure(&error, json);
    }
    if (json)
        output_json(walk.array);
    else
        printf("%" PRIu64 " artifacts, %" PRIu64 " bytes, %" PRIu64 " of no use, in %s\n",
               walk.count, walk.bytes, walk.useless, folder);
    return verifies && walk.useless > 0 ? EXIT_RUNTIME : EXIT_DONE;
}

static enum exit_code prune(const char *folder, uint64_t max_bytes, bool json)
{
    subx_artifact_removal removal;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_artifact_folder_prune(folder, max_bytes, &removal, &error) != SUBX_OK)
        return output_failure(&error, json);
    if (json) {
        json_t *const object = json_object();
        output_json_set(object, "removed", json_integer((json_int_t)removal.removed));
        output_json_set(object, "removed_bytes", json_integer((json_int_t)removal.removed_bytes));
        output_json_set(object, "kept", json_integer((json_int_t)removal.kept));
        output_json_set(object, "kept_bytes", json_integer((json_int_t)removal.kept_bytes));
        output_json(object);
        return EXIT_DONE;
    }
    printf("removed %" PRIu64 " artifacts of %" PRIu64 " bytes, kept %" PRIu64 " of %" PRIu64
           " bytes\n",
           removal.removed, removal.removed_bytes, removal.kept, removal.kept_bytes);
    return EXIT_DONE;
}

static enum exit_code run(const struct arguments *arguments)
{
    const char *const action = arguments->positional[0], *const folder = cache_folder();
    const char *const text = arguments->values[OPTION_MAX_BYTES];
    const bool json = arguments->given[OPTION_JSON];
    uint64_t max_bytes = SUBX_ARTIFACT_FOLDER_BYTES;
    const bool lists = strcmp(action, "list") == 0, verifies = strcmp(action, "verify") == 0;
    if (!lists && !verifies && strcmp(action, "prune") != 0)
        return opt_wrong(arguments->command,
                         "cache: %s is no action; they are list, verify and "
                         "prune",
                         action);
    if (text != NULL && (lists || verifies))
        return opt_wrong(arguments->command, "cache: --max-bytes is for prune");
    if (text != NULL && !opt_number(text, 0, UINT64_MAX, &max_bytes))
        return opt_wrong(arguments->command, "cache: --max-bytes is a number, not %s", text);
    if (folder == NULL)
        return opt_wrong(arguments->command, "cache: there is none");
    return lists || verifies ? list(folder, verifies, json) : prune(folder, max_bytes, json);
}

const struct command command_cache = {
    .name = "cache",
    .summary = "Look after compiled code that is kept",
    .details = "  list     the artifacts in the cache, those used last first\n"
               "  verify   those of no use, and why; exit code 1 if there are any\n"
               "  prune    remove what is damaged or left over, and what there is no room for\n"
               "Commands that compile keep what they compiled in a folder: the one that --cache\n"
               "names, else the one in SUBEXEC_CACHE, else subexec in XDG_CACHE_HOME or ~/.cache.",
    .keeps_code = true,
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
