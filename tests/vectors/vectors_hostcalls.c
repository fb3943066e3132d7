/*
 * Runs scripts of host calls in the guest that they were made with, and compares all that comes of
 * them with what the reference answered (README.md in this folder, hostcalls/README.md).
 *
 *   vectors-hostcalls [--driver-dir DIR] [--strategy NAME] [--backend NAME] [--semantics NAME]
 *                     [--case NAME] [--list] FILE...
 *
 * FILE has one case, a JSON object, a line. DIR holds the guests and ops.json; it is the folder of
 * the file if it is not given. Semantics: faithful, or clean, which expects a case's `sane` answers.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <subexec/database.h>
#include <subexec/subexec.h>

#include "hostcalls_case.h"
#include "random_blocks.h"

struct options {
    const char *driver_dir, *strategy, *backend, *semantics, *only;
    bool list;
};

/* Where the database of a case lies; emptied before the next one. */
static char *database_folder;

static subx_status new_database(subx_state **out, subx_error *error)
{
    subx_database_options options = SUBX_DATABASE_OPTIONS_INIT;
    options.create = true;
    if (database_folder == NULL)
        database_folder = folder_new();
    folder_clear(database_folder);
    return subx_state_open(database_folder, &options, out, error);
}

struct back_end {
    const char *name;
    subx_status (*new_state)(subx_state **out, subx_error *error);
};

static const struct back_end back_ends[] = {
    {"memory", subx_state_new_memory},
    {"lmdb", new_database},
};

/* A guest that was made ready, for all cases with the same heap. */
struct guest {
    char path[4096], heap[64];
    subx_runtime *runtime;
};

struct session {
    const struct options *options;
    struct case_world world;
    subx_strategy strategy;
    subx_executor *executor;
    struct guest *guests;
    size_t guest_count;
    unsigned long passed, failed;
};

static void differs(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void differs(const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("FAIL %s: ", name);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

/* "static:2048", "dynamic:100", "dynamic". */
static bool read_heap(const char *text, subx_heap *heap)
{
    const char *const colon = strchr(text, ':');
    const size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    heap->pages = colon != NULL ? (uint32_t)strtoul(colon + 1, NULL, 10) : 0;
    heap->kind = len == 6 ? SUBX_HEAP_STATIC : SUBX_HEAP_DYNAMIC;
    return strncmp(text, len == 6 ? "static" : "dynamic", len) == 0;
}

static bool load_guest(struct session *session, const char *name, struct guest *guest)
{
    subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
    subx_error error = SUBX_ERROR_INIT;
    options.strategy = session->strategy;
    if (!read_heap(guest->heap, &options.heap)) {
        differs(name, "unknown heap %s", guest->heap);
        return false;
    }
    if (subx_runtime_load_file(session->executor, guest->path, &options, &guest->runtime, &error) !=
        SUBX_OK) {
        differs(name, "%s: %s", guest->path, error.message);
        return false;
    }
    return true;
}

/* The guest of a case; NULL: it cannot be loaded. */
static subx_runtime *guest_of(struct session *session, const json_t *test, const char *dir)
{
    const char *const name = json_string_value(json_object_get(test, "name"));
    const char *const driver = json_string_value(json_object_get(test, "driver"));
    const char *const heap = json_string_value(json_object_get(test, "heap"));
    struct guest guest = {.runtime = NULL};
    snprintf(guest.path, sizeof guest.path, "%s/%s", dir, driver != NULL ? driver : "driver.wasm");
    snprintf(guest.heap, sizeof guest.heap, "%s", heap != NULL ? heap : "");
    for (size_t i = 0; i < session->guest_count; i++)
        if (strcmp(session->guests[i].path, guest.path) == 0 &&
            strcmp(session->guests[i].heap, guest.heap) == 0)
            return session->guests[i].runtime;
    struct guest *const guests =
        realloc(session->guests, (session->guest_count + 1) * sizeof *guests);
    if (guests == NULL)
        return NULL;
    session->guests = guests;
    if (!load_guest(session, name, &guest))
        return NULL;
    guests[session->guest_count++] = guest;
    return guest.runtime;
}

/* Names of the operations by their numbers. */
static json_t *read_operations(const char *dir)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/ops.json", dir);
    json_t *const file = json_load_file(path, 0, NULL), *const names = json_object();
    static const char *const lists[] = {"host", "control"};
    for (size_t list = 0; list < 2; list++) {
        size_t i = 0;
        json_t *operation = NULL;
        json_array_foreach(json_object_get(file, lists[list]), i, operation)
        {
            char number[32];
            snprintf(number, sizeof number, "%lld",
                     (long long)json_integer_value(json_object_get(operation, "opcode")));
            json_object_set(names, number, json_object_get(operation, "name"));
        }
    }
    json_decref(file);
    return names;
}

static void run_case(struct session *session, const json_t *test, const char *dir)
{
    const struct options *const options = session->options;
    const char *const name = json_string_value(json_object_get(test, "name"));
    if (name == NULL) {
        differs("(no name)", "the case has no name");
        session->failed++;
        return;
    }
    if (options->only != NULL && strcmp(options->only, name) != 0)
        return;
    if (options->list) {
        puts(name);
        return;
    }
    session->world.runtime = guest_of(session, test, dir);
    if (session->world.runtime != NULL && case_run(test, &session->world))
        session->passed++;
    else
        session->failed++;
}

/* The guests' folder: the one that was named, or the file's own. */
static void find_dir(const char *path, const struct options *options, char *dir, size_t room)
{
    const char *const slash = strrchr(path, '/');
    if (options->driver_dir != NULL)
        snprintf(dir, room, "%s", options->driver_dir);
    else if (slash == NULL)
        snprintf(dir, room, ".");
    else
        snprintf(dir, room, "%.*s", (int)(slash - path), path);
}

static bool run_file(struct session *session, const char *path)
{
    char dir[4000];
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    find_dir(path, session->options, dir, sizeof dir);
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    json_t *const operations = read_operations(dir);
    session->world.operations = operations;
    for (unsigned long number = 1; getline(&line, &room, file) > 0; number++) {
        json_error_t fault;
        json_t *const test = json_loads(line, 0, &fault);
        if (test == NULL) {
            fprintf(stderr, "%s:%lu: %s\n", path, number, fault.text);
            good = false;
            continue;
        }
        run_case(session, test, dir);
        json_decref(test);
    }
    free(line);
    json_decref(operations);
    fclose(file);
    return good;
}

static int usage(void)
{
    fputs("usage: vectors-hostcalls [--driver-dir DIR] [--strategy NAME] [--backend NAME] "
          "[--semantics NAME] [--case NAME] [--list] FILE...\n",
          stderr);
    return 2;
}

/* Take an option at `arguments[*at]`; false if it is none or lacks its value. */
static bool take_option(char **arguments, int count, int *at, struct options *options)
{
    const char *const option = arguments[*at];
    const struct {
        const char *name;
        const char **value;
    } known[] = {
        {"--driver-dir", &options->driver_dir},
        {"--strategy", &options->strategy},
        {"--backend", &options->backend},
        {"--semantics", &options->semantics},
        {"--case", &options->only},
    };
    if (strcmp(option, "--list") == 0) {
        options->list = true;
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(option, known[i].name) != 0 || *at + 1 >= count)
            continue;
        *known[i].value = arguments[++*at];
        return true;
    }
    return false;
}

/* Turn the names in the options into what they stand for. */
static bool choose(struct session *session)
{
    const struct options *const options = session->options;
    unsigned strategy = 0;
    while (strategy < SUBX_STRATEGY_COUNT &&
           strcmp(subx_strategy_name((subx_strategy)strategy), options->strategy) != 0)
        strategy++;
    session->strategy = (subx_strategy)strategy;
    for (size_t i = 0; i < sizeof back_ends / sizeof back_ends[0]; i++)
        if (strcmp(back_ends[i].name, options->backend) == 0)
            session->world.new_state = back_ends[i].new_state;
    const bool is_clean = strcmp(options->semantics, "clean") == 0;
    session->world.semantics = is_clean ? SUBX_CLEAN : SUBX_FAITHFUL;
    session->world.differs = differs;
    if (strategy == SUBX_STRATEGY_COUNT)
        fprintf(stderr, "unknown strategy %s\n", options->strategy);
    else if (session->world.new_state == NULL)
        fprintf(stderr, "unknown back end %s\n", options->backend);
    else if (!is_clean && strcmp(options->semantics, "faithful") != 0)
        fprintf(stderr, "unknown semantics %s\n", options->semantics);
    else
        return true;
    return false;
}

int main(int argc, char **argv)
{
    struct options options = {NULL, "reset", "memory", "faithful", NULL, false};
    struct session session = {.options = &options};
    int files = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            argv[files++] = argv[i];
        else if (!take_option(argv, argc, &i, &options))
            return usage();
    }
    if (files == 0 || !choose(&session))
        return usage();
    bool good = subx_executor_new(NULL, &session.executor, NULL) == SUBX_OK;
    for (int i = 0; good && i < files; i++)
        good = run_file(&session, argv[i]) && good;
    for (size_t i = 0; i < session.guest_count; i++)
        subx_runtime_free(session.guests[i].runtime);
    free(session.guests);
    if (database_folder != NULL)
        folder_remove(database_folder);
    subx_executor_free(session.executor);
    if (options.list)
        return good ? 0 : 1;
    if (options.only != NULL && session.passed + session.failed == 0) {
        fprintf(stderr, "no case is named %s\n", options.only);
        good = false;
    }
    printf("%lu passed, %lu failed\n", session.passed, session.failed);
    return good && session.failed == 0 && session.passed > 0 ? 0 : 1;
}
