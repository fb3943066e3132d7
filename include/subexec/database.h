/**
 * \file
 * States that outlive a process: a database in a folder.
 *
 * One process at a time changes a database; others may read it meanwhile. A commit is whole or not
 * there, however the process ends. It goes into a journal first, and from there into the database
 * in the background. A reader in another process sees all that was committed when it opened the
 * database, later all but the last moments.
 *
 * An import (subx_state_import() and its kind) into a database without keys goes there at once, part
 * by part, and is whole or not there as well. A commit may name its block (subx_state_head()): who
 * follows a chain goes on from there after any end of the process.
 *
 * After fork() a child must not use a state that its parent has opened.
 */
#ifndef SUBEXEC_DATABASE_H
#define SUBEXEC_DATABASE_H

#include <subexec/state.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a commit that was acknowledged survives. */
typedef enum subx_durability {
    /** The end of the process, at any instant and by any signal. After a loss of power the state is
     * that of a commit, some moments old perhaps. */
    SUBX_DURABILITY_PROCESS = 0,
    /** Loss of power too: each commit waits for the disk. */
    SUBX_DURABILITY_POWER = 1
} subx_durability;

/** Options of a database. Start from SUBX_DATABASE_OPTIONS_INIT. */
typedef struct subx_database_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    /** Only look: commits fail, and nobody else is kept from writing. */
    bool read_only;
    /** Make a database, and its folder, where there is none; the parent folder must be there. A
     * folder that has other files is refused. */
    bool create;
    subx_durability durability;
    /** Bytes of addresses to reserve, beyond which the database cannot grow; 0: 1 TiB, or as much
     * as the system gives. */
    uint64_t map_size;
} subx_database_options;

#define SUBX_DATABASE_OPTIONS_INIT                                              \
    {                                                                           \
        sizeof(subx_database_options), false, false, SUBX_DURABILITY_PROCESS, 0 \
    }

/**
 * Open the state in a database.
 *
 * Commits that an earlier process could not move into the database are moved first.
 *
 * \param path      the folder of the database; a process opens it once, and shares the state
 * \param options   NULL for the defaults
 * \param[out] out  filled on SUBX_OK, release with subx_state_free(), which waits until everything is
 *                  on the disk; NULL otherwise
 * \return SUBX_OK; SUBX_IO, with the reason, if there is no database, another process writes to it,
 *         it is damaged or the disk is full; SUBX_MISUSE if this process has it open; SUBX_NOMEM
 */
SUBX_API subx_status subx_state_open(const char *path, const subx_database_options *options,
                                     subx_state **out, subx_error *error);

/**
 * Wait until all commits are in the database, on the disk, and visible to other processes.
 *
 * \param state  of any kind; there is nothing to do for one in memory
 * \return SUBX_OK; SUBX_IO or SUBX_NOMEM if it cannot be done now, while the commits stay safe as
 *         they were
 */
SUBX_API subx_status subx_state_flush(subx_state *state, subx_error *error);

#ifdef __cplusplus
}
#endif

#endif
