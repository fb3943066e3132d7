/* Local storage in memory (include/subexec/offchain.h): a sorted array of entries. What workers
 * keep there is small, a few entries for each pallet. */
#include <subexec/offchain.h>

#include <pthread.h>

#include "util/bytes.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

struct entry {
    subx_bytes key, value;
};

struct store {
    pthread_mutex_t lock; /* guards what follows */
    struct entry *entries;
    size_t count, capacity;
};

static subx_slice slice(const subx_bytes *bytes)
{
    return subx_slice__of(bytes->data, bytes->len);
}

static int compare(subx_slice a, subx_slice b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Position of a key, or where it would be inserted. */
static size_t find(const struct store *store, subx_slice key, bool *found)
{
    size_t low = 0, high = store->count;
    *found = false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare(key, slice(&store->entries[middle].key));
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool make_room(struct store *store)
{
    if (store->count < store->capacity)
        return true;
    const size_t capacity = store->capacity == 0 ? 16 : 2 * store->capacity;
    struct entry *const grown = subx_mem__realloc(store->entries, capacity, sizeof *grown);
    if (grown == NULL)
        return false;
    store->entries = grown;
    store->capacity = capacity;
    return true;
}

/* Put a value at `at`, in place of the one there if `found`. The lock is held. */
static subx_status put(struct store *store, size_t at, bool found, subx_slice key, subx_slice value,
                       subx_error *error)
{
    subx_bytes new_value = {subx_mem__copy(value.data, value.len), value.len};
    if (new_value.data == NULL)
        return subx_error__nomem(error);
    if (found) {
        subx_bytes_free(&store->entries[at].value);
        store->entries[at].value = new_value;
        return SUBX_OK;
    }
    subx_bytes new_key = {subx_mem__copy(key.data, key.len), key.len};
    if (new_key.data == NULL || !make_room(store)) {
        subx_bytes_free(&new_key);
        subx_bytes_free(&new_value);
        return subx_error__nomem(error);
    }
    memmove(store->entries + at + 1, store->entries + at,
            (store->count - at) * sizeof *store->entries);
    store->entries[at] = (struct entry){new_key, new_value};
    store->count++;
    return SUBX_OK;
}

static subx_status store_get(void *data, subx_local_kind kind, subx_slice key, subx_value_sink take,
                             void *to, subx_error *error)
{
    struct store *const store = data;
    (void)error;
    if (kind != SUBX_LOCAL_PERSISTENT)
        return SUBX_OK;
    bool found = false;
    pthread_mutex_lock(&store->lock);
    const size_t at = find(store, key, &found);
    if (found)
        take(to, slice(&store->entries[at].value));
    pthread_mutex_unlock(&store->lock);
    return SUBX_OK;
}

static subx_status store_set(void *data, subx_local_kind kind, subx_slice key, subx_slice value,
                             subx_error *error)
{
    struct store *const store = data;
    if (kind != SUBX_LOCAL_PERSISTENT)
        return SUBX_OK;
    bool found = false;
    pthread_mutex_lock(&store->lock);
    const size_t at = find(store, key, &found);
    const subx_status status = put(store, at, found, key, value, error);
    pthread_mutex_unlock(&store->lock);
    return status;
}

static subx_status store_clear(void *data, subx_local_kind kind, subx_slice key, subx_error *error)
{
    struct store *const store = data;
    (void)error;
    if (kind != SUBX_LOCAL_PERSISTENT)
        return SUBX_OK;
    bool found = false;
    pthread_mutex_lock(&store->lock);
    const size_t at = find(store, key, &found);
    if (found) {
        subx_bytes_free(&store->entries[at].key);
        subx_bytes_free(&store->entries[at].value);
        store->count--;
        memmove(store->entries + at, store->entries + at + 1,
                (store->count - at) * sizeof *store->entries);
    }
    pthread_mutex_unlock(&store->lock);
    return SUBX_OK;
}

static subx_status store_compare_and_set(void *data, subx_local_kind kind, subx_slice key,
                                         const subx_slice *old_value, subx_slice new_value,
                                         bool *done, subx_error *error)
{
    struct store *const store = data;
    *done = false;
    if (kind != SUBX_LOCAL_PERSISTENT)
        return SUBX_OK;
    bool found = false;
    subx_status status = SUBX_OK;
    pthread_mutex_lock(&store->lock);
    const size_t at = find(store, key, &found);
    const bool same =
        old_value == NULL
            ? !found
            : found && subx_slice__equal(*old_value, slice(&store->entries[at].value));
    if (same)
        status = put(store, at, found, key, new_value, error);
    pthread_mutex_unlock(&store->lock);
    *done = same && status == SUBX_OK;
    return status;
}

static void store_free(void *data)
{
    struct store *const store = data;
    for (size_t i = 0; i < store->count; i++) {
        subx_bytes_free(&store->entries[i].key);
        subx_bytes_free(&store->entries[i].value);
    }
    subx_mem__free(store->entries);
    pthread_mutex_destroy(&store->lock);
    subx_mem__free(store);
}

static const subx_local_storage_functions store_functions = {
    .get = store_get,
    .set = store_set,
    .clear = store_clear,
    .compare_and_set = store_compare_and_set,
    .free = store_free,
};

subx_status subx_local_storage_memory(subx_local_storage **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    subx_local_storage *const storage = subx_mem__calloc(1, sizeof *storage);
    struct store *const store = subx_mem__calloc(1, sizeof *store);
    if (storage == NULL || store == NULL) {
        subx_mem__free(storage);
        subx_mem__free(store);
        return subx_error__nomem(error);
    }
    pthread_mutex_init(&store->lock, NULL);
    *storage = (subx_local_storage){&store_functions, store};
    *out = storage;
    return SUBX_OK;
}

void subx_local_storage_each(const subx_local_storage *storage,
                             void (*take)(void *to, subx_slice key, subx_slice value), void *to)
{
    struct store *const store = storage->data;
    SUBX_CHECK(storage->functions == &store_functions);
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->count; i++)
        take(to, slice(&store->entries[i].key), slice(&store->entries[i].value));
    pthread_mutex_unlock(&store->lock);
}

void subx_local_storage_free(subx_local_storage *storage)
{
    if (storage == NULL)
        return;
    if (storage->functions->free != NULL)
        storage->functions->free(storage->data);
    subx_mem__free(storage);
}
