/* A copy of a database's state in memory, for commands that must not change the database. */
#ifndef SUBX_CLI_STATE_COPY_H
#define SUBX_CLI_STATE_COPY_H

#include <subexec/chain.h>
#include <subexec/database.h>

/*
 * Read the whole of a database into a state in memory. The copy has one form for all values, that of
 * `state_version` (or of the code in the state): SUBX_UNSUPPORTED for a state that has both, whose
 * root would be another.
 *
 * known, head  the block that the database is after
 */
subx_status state_copy_database(const char *path, uint8_t state_version, subx_state **out,
                                bool *known, subx_block_id *head, subx_error *error);

#endif
