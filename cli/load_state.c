/* States from files. */
#include "load_state.h"

#include <string.h>
#include <sys/stat.h>

#include "output.h"
#include "progress.h"

bool load_state_version(const char *text, uint8_t *state_version)
{
    *state_version = SUBX_STATE_VERSION_OF_CODE;
    if (text == NULL)
        return true;
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
        return false;
    *state_version = text[0] == '1';
    return true;
}

bool load_durability(const char *text, subx_durability *durability)
{
    *durability = text != NULL && strcmp(text, "power") == 0 ? SUBX_DURABILITY_POWER
                                                             : SUBX_DURABILITY_PROCESS;
    return text == NULL || *durability == SUBX_DURABILITY_POWER || strcmp(text, "process") == 0;
}

bool load_is_database(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

struct loading {
    struct progress progress;
    const char *path;
};

static void show(void *data, uint64_t bytes_read, uint64_t size)
{
    struct loading *loading = data;
    if (bytes_read == size)
        output_progress("building the tries");
    else if (progress_is_due(&loading->progress))
        progress_show(bytes_read, size, "reading %s", loading->path);
}

subx_status load_into(subx_state *state, const char *path, subx_import_options options,
                      subx_import_info *info, subx_error *error)
{
    struct loading loading = {.path = path};
    options.progress = show;
    options.progress_data = &loading;
    progress_start(&loading.progress);
    const subx_status status = subx_state_import_file(state, path, &options, info, error);
    output_progress_end();
    return status;
}

static subx_status open_to_look(const char *path, uint8_t state_version, subx_state **out,
                                subx_import_info *info, subx_error *error)
{
    subx_database_options options = SUBX_DATABASE_OPTIONS_INIT;
    options.read_only = true;
    if (info != NULL)
        *info = (subx_import_info){.state_version = state_version};
    return subx_state_open(path, &options, out, error);
}

subx_status load_state(const char *path, uint8_t state_version, subx_state **out,
                       subx_import_info *info, subx_error *error)
{
    subx_import_options options = SUBX_IMPORT_OPTIONS_INIT;
    options.state_version = state_version;
    if (load_is_database(path))
        return open_to_look(path, state_version, out, info, error);
    subx_status status = subx_state_new_memory(out, error);
    if (status == SUBX_OK)
        status = load_into(*out, path, options, info, error);
    if (status != SUBX_OK) {
        subx_state_free(*out);
        *out = NULL;
    }
    return status;
}

subx_status load_is_empty(subx_state *state, bool *is_empty, subx_error *error)
{
    bool found = false;
    subx_bytes bytes = SUBX_BYTES_INIT;
    subx_status status = subx_state_get(state, NULL, SUBX_EMPTY, &found, &bytes, error);
    subx_bytes_free(&bytes);
    if (status == SUBX_OK && !found)
        status = subx_state_next_key(state, NULL, SUBX_EMPTY, &found, &bytes, error);
    subx_bytes_free(&bytes);
    *is_empty = !found;
    return status;
}
