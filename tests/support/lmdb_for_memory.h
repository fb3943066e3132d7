/*
 * States in LMDB for tests that were written for states in memory: these functions stand in for
 * subx_state_new_memory() and subx_backend_memory__new(), which the build renames
 * (tests/unit/CMakeLists.txt). The databases lie in one folder, which is removed at exit.
 */
#ifndef SUBX_TEST_LMDB_FOR_MEMORY_H
#define SUBX_TEST_LMDB_FOR_MEMORY_H

#include <subexec/state.h>

/* NULL: out of memory. */
void *test_lmdb_new(void);

subx_status test_state_new_lmdb(subx_state **out, subx_error *error);

#endif
