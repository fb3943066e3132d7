/* States in LMDB for tests: open one, set and read single keys of the main trie. */
#ifndef SUBX_TEST_LMDB_STATE_H
#define SUBX_TEST_LMDB_STATE_H

#include "storage/backend_lmdb.h"

/* Nothing is moved into LMDB by itself; and: as soon as possible, commits surviving the loss of power
 * or not. All of these make a database where there is none. */
extern const struct subx_lmdb_options slow_options, quick_options, power_options;

/* Open a database, or fail the test. */
void *open_at(const char *folder, const struct subx_lmdb_options *options);

/* Move everything into LMDB, or fail the test. */
void flush(void *self);

/* Commit one key of the main trie. */
subx_status try_set(void *self, const char *key, const char *value, subx_error *error);
/* The same, or fail the test. */
void set_one(void *self, const char *key, const char *value);

/* The number that a key of the main trie has as its value; -1: none. */
int number_at(void *view, const char *key);
int number_of(void *self, const char *key);

#endif
