/* Entries of JSON, imported as they come. */
#include "storage/import_json.h"

#include "codec/state_json.h"
#include "storage/import.h"

static subx_status take(void *data, const subx_slice *child, subx_slice key, subx_slice value,
                        subx_error *error)
{
    return subx_import__add(data, child, key, value, error);
}

subx_status subx_import__json(subx_state *state, struct subx_json *json, uint8_t state_version,
                              subx_error *error)
{
    struct subx_import import;
    struct subx_import_end end = {.state_version = state_version};
    const struct subx_state_json_sink sink = {take, &import, &end.is_genesis};
    subx_status status = subx_import__begin(state, state_version, &import, error);
    if (status != SUBX_OK)
        return status;
    status = subx_state_json__read(json, &sink, error);
    if (status == SUBX_OK)
        return subx_import__finish(&import, &end, error);
    subx_import__drop(&import);
    return status;
}
