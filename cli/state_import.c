/* `state import`: a database from a file. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "files.h"
#include "load_state.h"
#include "opt.h"
#include "output.h"
#include "state_actions.h"

bool state_block_of(const char *text, subx_block_id *out)
{
    const char *colon = strchr(text, ':');
    char number[24];
    struct file_bytes hash = {NULL, 0};
    subx_error error = SUBX_ERROR_INIT;
    if (colon == NULL || (size_t)(colon - text) >= sizeof number)
        return false;
    memcpy(number, text, (size_t)(colon - text));
    number[colon - text] = '\0';
    const bool good = opt_number(number, 0, UINT64_MAX, &out->number) &&
                      files_decode_hex(colon + 1, &hash, &error) && hash.len == sizeof out->hash;
    if (good)
        memcpy(out->hash, hash.data, sizeof out->hash);
    free(hash.data);
    return good;
}

static subx_status refuse(const char *path, subx_error *error)
{
    error->status = SUBX_INVALID_INPUT;
    snprintf(error->message, sizeof error->message,
             "%s: the database has keys already; an import goes into a new one", path);
    return SUBX_INVALID_INPUT;
}

/* What an import brought, and what is in the database then. */
struct results {
    subx_import_info info;
    uint8_t root[32];
    bool knows_head;
    subx_block_id head;
    uint64_t time;
};

static subx_status fill(subx_state *state, const struct state_request *request,
                        struct results *results, subx_error *error)
{
    subx_import_options options = SUBX_IMPORT_OPTIONS_INIT;
    subx_block_id after;
    bool is_empty = false;
    const uint64_t start = clock_now();
    options.state_version = request->state_version;
    if (request->after != NULL && state_block_of(request->after, &after))
        options.head = &after;
    subx_status status = load_is_empty(state, &is_empty, error);
    if (status == SUBX_OK && !is_empty)
        return refuse(request->other_path, error);
    if (status == SUBX_OK)
        status = load_into(state, request->path, options, &results->info, error);
    results->time = clock_now() - start;
    if (status == SUBX_OK)
        status = subx_state_root(state, results->root, error);
    if (status == SUBX_OK)
        status = subx_state_head(state, &results->knows_head, &results->head, error);
    return status;
}

static double keys_per_second(const struct results *results)
{
    const uint64_t keys = results->info.keys + results->info.child_keys;
    return results->time == 0 ? 0 : (double)keys * 1e9 / (double)results->time;
}

static void print_json(const struct results *results)
{
    json_t *object = json_object();
    output_json_set(object, "state_root",
                    output_json_hex((subx_slice){results->root, sizeof results->root}));
    output_json_set(object, "head",
                    results->knows_head ? state_head_json(&results->head) : json_null());
    state_info_set(object, &results->info);
    output_json_set(object, "keys_per_second", json_real(keys_per_second(results)));
    output_json_set(object, "time_ns", json_integer((json_int_t)results->time));
    output_json(object);
}

static void print_text(const struct results *results)
{
    output_label("state root");
    output_hex(stdout, (subx_slice){results->root, sizeof results->root});
    putchar('\n');
    if (results->knows_head)
        state_head_print(&results->head);
    state_info_print(&results->info);
    output_label("speed");
    printf("%.0f keys/s\n", keys_per_second(results));
    output_label("time");
    printf("%.3f s\n", clock_milliseconds(results->time) / 1e3);
}

/* Remove the database that an import has made and could not fill; a folder that was there stays. */
static void remove_database(const char *folder, bool had_folder)
{
    DIR *const list = opendir(folder);
    const struct dirent *entry = NULL;
    while (list != NULL && (entry = readdir(list)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(list), entry->d_name, 0);
    if (list != NULL)
        (void)closedir(list);
    if (!had_folder)
        (void)rmdir(folder);
}

static bool has_database(const char *folder)
{
    struct stat facts;
    const size_t room = strlen(folder) + sizeof "/state.mdb";
    char *const path = output_memory(room, 1);
    snprintf(path, room, "%s/state.mdb", folder);
    const bool is_there = lstat(path, &facts) == 0;
    free(path);
    return is_there;
}

enum exit_code state_action_import(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_database_options options = SUBX_DATABASE_OPTIONS_INIT;
    struct results results = {.time = 0};
    subx_state *state = NULL;
    subx_status status = SUBX_OK;
    options.create = true;
    options.durability = request->durability;
    const bool had_folder = load_is_database(request->other_path);
    bool is_new = false;
    /* No database is made for a file that is not there. */
    if (access(request->path, R_OK) != 0)
        status = load_state(request->path, request->state_version, &state, NULL, &error);
    if (status == SUBX_OK) {
        is_new = !had_folder || !has_database(request->other_path);
        status = subx_state_open(request->other_path, &options, &state, &error);
        /* it was not opened: what is there is not ours to remove */
        is_new = is_new && status == SUBX_OK;
    }
    if (status == SUBX_OK)
        status = fill(state, request, &results, &error);
    subx_state_free(state);
    if (status != SUBX_OK && is_new)
        remove_database(request->other_path, had_folder);
    if (status != SUBX_OK)
        return output_failure(&error, request->json);
    if (request->json)
        print_json(&results);
    else
        print_text(&results);
    return EXIT_DONE;
}
