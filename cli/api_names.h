/* Names of runtime APIs: versions list them by id, the BLAKE2b-64 hash of the name. */
#ifndef SUBX_CLI_API_NAMES_H
#define SUBX_CLI_API_NAMES_H

#include <stdint.h>

/* The name, or NULL for an API of a chain's own. */
const char *api_name(const uint8_t id[8]);

#endif
