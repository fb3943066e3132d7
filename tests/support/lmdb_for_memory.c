/* States in LMDB in place of states in memory; see lmdb_for_memory.h. */
#include "lmdb_for_memory.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/backend_lmdb.h"
#include "storage/state.h"
#include "util/error.h"

static char parent[64];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_all(void)
{
    nftw(parent, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void *test_lmdb_new(void)
{
    static unsigned count;
    /* every other one moves what it can, the others nothing */
    const struct subx_lmdb_options options = {
        .creates = true, .move_after_ms = count % 2 == 0 ? 1 : 100000, .map_size = 1 << 30};
    subx_error error = SUBX_ERROR_INIT;
    char folder[96];
    void *self = NULL;
    if (count++ == 0) {
        snprintf(parent, sizeof parent, "%s/subexec-test-lmdb-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : P_tmpdir);
        if (mkdtemp(parent) == NULL || atexit(remove_all) != 0)
            abort();
    }
    snprintf(folder, sizeof folder, "%s/%u", parent, count);
    if (subx_backend_lmdb__open(folder, &options, &self, &error) == SUBX_OK ||
        error.status == SUBX_NOMEM)
        return self;
    fprintf(stderr, "test: %s\n", error.message);
    abort();
}

subx_status test_state_new_lmdb(subx_state **out, subx_error *error)
{
    void *const self = test_lmdb_new();
    *out = NULL;
    return self == NULL ? subx_error__nomem(error)
                        : subx_state__new(&subx_backend_lmdb, self, out, error);
}
