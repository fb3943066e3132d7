/*
 * Storage as JSON (codec/state_json.h) from any text. What must hold: a status of the few that are
 * documented and a message on failure; no more bytes than the text has digits for.
 */
#include <stdlib.h>

#include "codec/state_json.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static subx_status take(void *data, const subx_slice *child, subx_slice key, subx_slice value,
                        subx_error *error)
{
    (void)error;
    size_t *room = data;
    demand(child == NULL || child->len == 0 || child->data != NULL);
    demand(*room >= 2 * (key.len + value.len) + 5); /* quotes, a colon or comma, one between two */
    *room -= 2 * (key.len + value.len) + 5;
    return SUBX_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    subx_error error = SUBX_ERROR_INIT;
    size_t room = size;
    const struct subx_state_json_sink sink = {take, &room, NULL};
    subx_slice left = subx_slice__of(data, size);
    struct subx_json json;
    demand(subx_json__open(&json, subx_byte_source__of_slice(&left), 1 << 20, &error) == SUBX_OK);
    const subx_status status = subx_state_json__read(&json, &sink, &error);
    demand(status == SUBX_OK || status == SUBX_INVALID_INPUT || status == SUBX_TOO_LARGE);
    demand((status == SUBX_OK) == (error.message[0] == '\0'));
    subx_json__close(&json);
    return 0;
}
