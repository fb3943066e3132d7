/* Filling a state from the JSON of a state (codec/state_json.h). */
#ifndef SUBX_STORAGE_IMPORT_JSON_H
#define SUBX_STORAGE_IMPORT_JSON_H

#include "codec/json.h"
#include "storage/state.h"

/* Read one state from `json` and add it. Statuses of subx_state_import_json(). */
subx_status subx_import__json(subx_state *state, struct subx_json *json, uint8_t state_version,
                              subx_error *error);

#endif
