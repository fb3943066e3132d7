/* States in LMDB for tests; see lmdb_state.h. */
#include "lmdb_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

const struct subx_lmdb_options slow_options = {.creates = true, .move_after_ms = 100000};
const struct subx_lmdb_options quick_options = {.creates = true, .move_after_ms = 1};
const struct subx_lmdb_options power_options = {
    .creates = true, .move_after_ms = 1, .survives_power_loss = true};

void *open_at(const char *folder, const struct subx_lmdb_options *options)
{
    subx_error error = SUBX_ERROR_INIT;
    void *self = NULL;
    if (subx_backend_lmdb__open(folder, options, &self, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return self;
}

subx_status try_set(void *self, const char *key, const char *value, subx_error *error)
{
    void *view = NULL, *prepared = NULL;
    uint8_t root[32];
    bool is_empty = false;
    const struct subx_tree_change change = {subx_slice__text(key), subx_slice__text(value), false};
    subx_status status = subx_backend_lmdb.open(self, &view, error);
    if (status != SUBX_OK)
        return status;
    status = subx_backend_lmdb.prepare(view, 0, true, &prepared, error);
    if (status == SUBX_OK)
        status =
            subx_backend_lmdb.apply(prepared, SUBX_MAIN_TRIE, &change, 1, root, &is_empty, error);
    if (status == SUBX_OK) {
        status = subx_backend_lmdb.commit(prepared, error);
        if (status == SUBX_OK)
            prepared = NULL;
    }
    if (prepared != NULL)
        subx_backend_lmdb.drop(prepared);
    subx_backend_lmdb.close(view);
    return status;
}

void set_one(void *self, const char *key, const char *value)
{
    subx_error error = SUBX_ERROR_INIT;
    if (try_set(self, key, value, &error) != SUBX_OK)
        fail_msg("%s", error.message);
}

int number_at(void *view, const char *key)
{
    bool found = false;
    subx_slice value = SUBX_EMPTY;
    char text[16] = "";
    if (subx_backend_lmdb.get(view, SUBX_MAIN_TRIE, subx_slice__text(key), &found, &value, NULL) !=
            SUBX_OK ||
        !found || value.len >= sizeof text)
        return -1;
    memcpy(text, value.data, value.len);
    return atoi(text);
}

int number_of(void *self, const char *key)
{
    void *view = NULL;
    assert_int_equal(subx_backend_lmdb.open(self, &view, NULL), SUBX_OK);
    const int number = number_at(view, key);
    subx_backend_lmdb.close(view);
    return number;
}

void flush(void *self)
{
    subx_error error = SUBX_ERROR_INIT;
    if (subx_backend_lmdb__flush(self, &error) != SUBX_OK)
        fail_msg("%s", error.message);
}
