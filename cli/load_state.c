/* States from files. */
#include "load_state.h"

#include <string.h>

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

struct loading {
    struct progress progress;
    const char *path;
};

static void show(void *data, uint64_t bytes_read, uint64_t size)
{
    struct loading *loading = data;
    if (progress_is_due(&loading->progress))
        progress_show(bytes_read, size, "reading %s", loading->path);
}

subx_status load_state(const char *path, uint8_t state_version, subx_state **out,
                       subx_import_info *info, subx_error *error)
{
    struct loading loading = {.path = path};
    subx_import_options options = SUBX_IMPORT_OPTIONS_INIT;
    options.state_version = state_version;
    options.progress = show;
    options.progress_data = &loading;
    progress_start(&loading.progress);
    subx_status status = subx_state_new_memory(out, error);
    if (status == SUBX_OK)
        status = subx_state_import_file(*out, path, &options, info, error);
    output_progress_end();
    if (status != SUBX_OK) {
        subx_state_free(*out);
        *out = NULL;
    }
    return status;
}
