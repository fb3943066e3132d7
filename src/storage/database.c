/* States in databases, as users open them; see include/subexec/database.h. */
#include <subexec/database.h>

#include "storage/backend_lmdb.h"
#include "storage/state.h"
#include "util/check.h"

subx_status subx_state_open(const char *path, const subx_database_options *options,
                            subx_state **out, subx_error *error)
{
    static const subx_database_options defaults = SUBX_DATABASE_OPTIONS_INIT;
    SUBX_CHECK_ARG(path != NULL && out != NULL, error);
    *out = NULL;
    if (options == NULL)
        options = &defaults;
    SUBX_CHECK_ARG(options->struct_size == sizeof defaults &&
                       options->durability <= SUBX_DURABILITY_POWER,
                   error);
    const struct subx_lmdb_options given = {.is_read_only = options->read_only,
                                            .creates = options->create,
                                            .survives_power_loss =
                                                options->durability == SUBX_DURABILITY_POWER,
                                            .map_size = options->map_size};
    void *self = NULL;
    const subx_status status = subx_backend_lmdb__open(path, &given, &self, error);
    return status == SUBX_OK ? subx_state__new(&subx_backend_lmdb, self, out, error) : status;
}

subx_status subx_state_flush(subx_state *state, subx_error *error)
{
    SUBX_CHECK_ARG(state != NULL, error);
    return state->backend == &subx_backend_lmdb ? subx_backend_lmdb__flush(state->self, error)
                                                : SUBX_OK;
}
