/*
 * The two keystores of ours (include/subexec/keystore.h): in memory, and in a folder as nodes of
 * the Polkadot-SDK keep theirs. They are one thing, with a folder or without: what is generated
 * from a given seed is only remembered, in both.
 */
#include <subexec/keystore.h>

#include <pthread.h>
#include <stdlib.h>

#include "codec/json_text.h"
#include "crypto/keypair.h"
#include "platform/folder.h"
#include "platform/mapped_file.h"
#include "util/check.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"

#define KEY_TYPE 4u

/* Name of a key file: hexadecimal text of key type and public key. */
#define FILE_NAME_MAX (2 * (KEY_TYPE + SUBX_PUBLIC_KEY_MAX))

/* No secret URI that anybody wrote is longer. */
#define KEY_FILE_MAX ((size_t)64 * 1024)

struct entry {
    uint8_t key_type[KEY_TYPE];
    struct subx_keypair pair;
};

struct store {
    pthread_mutex_t lock; /* guards the entries */
    struct entry *entries;
    size_t count, capacity;
    char *folder; /* NULL: there is none */
};

/* ---- What is remembered ---- */

static bool entry_is(const struct entry *entry, const uint8_t key_type[4], size_t public_len)
{
    return memcmp(entry->key_type, key_type, KEY_TYPE) == 0 &&
           subx_keypair__public_len(entry->pair.scheme) == public_len;
}

/* The remembered pair, copied out; false if there is none. */
static bool recall(struct store *store, subx_key_scheme scheme, const uint8_t key_type[4],
                   const uint8_t *public_key, struct subx_keypair *pair)
{
    const size_t len = subx_keypair__public_len(scheme);
    bool found = false;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->count && !found; i++) {
        const struct entry *const entry = &store->entries[i];
        found = entry->pair.scheme == scheme && entry_is(entry, key_type, len) &&
                memcmp(entry->pair.public_key, public_key, len) == 0;
        if (found)
            *pair = entry->pair;
    }
    pthread_mutex_unlock(&store->lock);
    return found;
}

static bool make_room(struct store *store)
{
    if (store->count < store->capacity)
        return true;
    const size_t capacity = store->capacity == 0 ? 16 : 2 * store->capacity;
    struct entry *const grown = subx_mem__calloc(capacity, sizeof *grown);
    if (grown == NULL)
        return false;
    if (store->count > 0) {
        memcpy(grown, store->entries, store->count * sizeof *grown);
        explicit_bzero(store->entries, store->count * sizeof *grown);
    }
    subx_mem__free(store->entries);
    store->entries = grown;
    store->capacity = capacity;
    return true;
}

static subx_status remember(struct store *store, const uint8_t key_type[4],
                            const struct subx_keypair *pair, subx_error *error)
{
    struct subx_keypair known;
    if (recall(store, pair->scheme, key_type, pair->public_key, &known)) {
        subx_keypair__wipe(&known);
        return SUBX_OK;
    }
    pthread_mutex_lock(&store->lock);
    const bool fits = make_room(store);
    if (fits) {
        struct entry *const entry = &store->entries[store->count++];
        memcpy(entry->key_type, key_type, KEY_TYPE);
        entry->pair = *pair;
    }
    pthread_mutex_unlock(&store->lock);
    return fits ? SUBX_OK : subx_error__nomem(error);
}

/* ---- What lies in the folder ---- */

/* The path of a key file, to be freed; NULL without memory. */
static char *key_path(const struct store *store, const uint8_t key_type[4],
                      const uint8_t *public_key, size_t public_len)
{
    struct subx_buf path = SUBX_BUF_INIT;
    subx_buf__append_text(&path, store->folder);
    subx_buf__append_u8(&path, '/');
    subx_hex__append(&path, subx_slice__of(key_type, KEY_TYPE));
    subx_hex__append(&path, subx_slice__of(public_key, public_len));
    subx_buf__append_u8(&path, '\0');
    if (!path.failed)
        return (char *)path.data;
    subx_buf__free(&path);
    return NULL;
}

static subx_status read_pair(subx_slice json, subx_key_scheme scheme, struct subx_keypair *pair,
                             subx_error *error)
{
    subx_bytes uri = SUBX_BYTES_INIT;
    const subx_status status = subx_json_text__decode(json, &uri, error);
    if (status != SUBX_OK)
        return status;
    const char *const fault =
        subx_keypair__from_uri(scheme, subx_slice__of(uri.data, uri.len), pair);
    explicit_bzero(uri.data, uri.len);
    subx_bytes_free(&uri);
    if (fault != NULL)
        return subx_error__set(error, SUBX_INVALID_INPUT, "the secret URI is wrong: %s", fault);
    return SUBX_OK;
}

static subx_status read_key_file(const char *path, subx_key_scheme scheme,
                                 struct subx_keypair *pair, subx_error *error)
{
    struct subx_mapped_file file;
    struct subx_file_fault fault;
    if (!subx_mapped_file__open(path, &file, &fault))
        return subx_error__set(error, SUBX_IO, "%s", fault.reason);
    subx_status status = SUBX_OK;
    if (file.distrust[0] != '\0')
        status = subx_error__set(error, SUBX_IO, "is not trusted: %s", file.distrust);
    else if (file.len > KEY_FILE_MAX)
        status =
            subx_error__set(error, SUBX_TOO_LARGE, "is too large for a key: %zu bytes", file.len);
    else
        status = read_pair(subx_slice__of(file.data, file.len), scheme, pair, error);
    subx_mapped_file__close(&file);
    return status;
}

/* The pair of a key file; `found` is false if there is no such file or it is one of another scheme. */
static subx_status load(const struct store *store, subx_key_scheme scheme,
                        const uint8_t key_type[4], const uint8_t *public_key, bool *found,
                        struct subx_keypair *pair, subx_error *error)
{
    const size_t len = subx_keypair__public_len(scheme);
    char *const path = key_path(store, key_type, public_key, len);
    if (path == NULL)
        return subx_error__nomem(error);
    subx_status status = SUBX_OK;
    if (subx_folder__has(path)) {
        status = read_key_file(path, scheme, pair, error);
        if (status != SUBX_OK)
            subx_error__prefix(error, "key file %s", path);
        else if (memcmp(pair->public_key, public_key, len) == 0)
            *found = true;
        else
            subx_keypair__wipe(pair);
    }
    subx_mem__free(path);
    return status;
}

static subx_status save(const struct store *store, const uint8_t key_type[4],
                        const struct subx_keypair *pair, subx_slice uri, subx_error *error)
{
    char *const path =
        key_path(store, key_type, pair->public_key, subx_keypair__public_len(pair->scheme));
    struct subx_buf json = SUBX_BUF_INIT;
    subx_status status = SUBX_OK;
    struct subx_file_fault fault;
    if (path == NULL || !subx_json_text__append(&json, uri))
        status = subx_error__nomem(error);
    else if (!subx_file__write(path, json.data, json.len, 0600, &fault))
        status = subx_error__set(error, SUBX_IO, "key file %s: %s", path, fault.reason);
    if (json.data != NULL)
        explicit_bzero(json.data, json.len);
    subx_buf__free(&json);
    subx_mem__free(path);
    return status;
}

/* ---- Listing ---- */

/* Public keys of one key type and length, one after the other. */
struct list {
    const uint8_t *key_type;
    size_t public_len;
    struct subx_buf keys;
};

/* Take the public key out of a file name that is one of a key; other names are no matter. */
static bool take_name(void *data, const char *name)
{
    struct list *const list = data;
    uint8_t bytes[KEY_TYPE + SUBX_PUBLIC_KEY_MAX];
    const size_t len = KEY_TYPE + list->public_len;
    if (strnlen(name, FILE_NAME_MAX + 1) != 2 * len)
        return true;
    for (size_t i = 0; i < len; i++) {
        const int high = subx_hex__digit((uint8_t)name[2 * i]);
        const int low = subx_hex__digit((uint8_t)name[2 * i + 1]);
        if (high < 0 || low < 0)
            return true;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (memcmp(bytes, list->key_type, KEY_TYPE) == 0)
        subx_buf__append(&list->keys, bytes + KEY_TYPE, list->public_len);
    return true;
}

static void list_remembered(struct store *store, struct list *list)
{
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->count; i++)
        if (entry_is(&store->entries[i], list->key_type, list->public_len))
            subx_buf__append(&list->keys, store->entries[i].pair.public_key, list->public_len);
    pthread_mutex_unlock(&store->lock);
}

static int compare_keys(const void *a, const void *b, void *len)
{
    return memcmp(a, b, *(const size_t *)len);
}

static subx_status store_public_keys(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                                     subx_key_sink take, void *to, subx_error *error)
{
    struct store *const store = data;
    struct list list = {key_type, subx_keypair__public_len(scheme), SUBX_BUF_INIT};
    list_remembered(store, &list);
    struct subx_file_fault fault;
    subx_status status = SUBX_OK;
    if (store->folder != NULL && !subx_folder__list(store->folder, take_name, &list, &fault))
        status = subx_error__set(error, SUBX_IO, "keystore %s: %s", store->folder, fault.reason);
    else if (list.keys.failed)
        status = subx_error__nomem(error);
    if (status == SUBX_OK && list.keys.len > 0) {
        size_t len = list.public_len;
        const uint8_t *previous = NULL;
        qsort_r(list.keys.data, list.keys.len / len, len, compare_keys, &len);
        for (const uint8_t *key = list.keys.data; key < list.keys.data + list.keys.len;
             previous = key, key += len)
            if (previous == NULL || memcmp(previous, key, len) != 0)
                take(to, subx_slice__of(key, len));
    }
    subx_buf__free(&list.keys);
    return status;
}

/* ---- The rest of the functions ---- */

static subx_status from_uri(subx_key_scheme scheme, subx_slice uri, struct subx_keypair *pair,
                            subx_error *error)
{
    const char *const fault = subx_keypair__from_uri(scheme, uri, pair);
    if (fault != NULL)
        return subx_error__set(error, SUBX_INVALID_INPUT, "the secret URI is wrong: %s", fault);
    return SUBX_OK;
}

/* Make a pair and keep it, in the folder if it shall last and there is one. */
static subx_status keep(struct store *store, subx_key_scheme scheme, const uint8_t key_type[4],
                        subx_slice uri, bool lasting, uint8_t public_key[33], subx_error *error)
{
    struct subx_keypair pair;
    subx_status status = from_uri(scheme, uri, &pair, error);
    if (status == SUBX_OK)
        status = lasting && store->folder != NULL ? save(store, key_type, &pair, uri, error)
                                                  : remember(store, key_type, &pair, error);
    if (status == SUBX_OK)
        memcpy(public_key, pair.public_key, subx_keypair__public_len(scheme));
    subx_keypair__wipe(&pair);
    return status;
}

static subx_status store_generate(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                                  const subx_slice *uri, uint8_t public_key[33], subx_error *error)
{
    if (uri != NULL)
        return keep(data, scheme, key_type, *uri, false, public_key, error);
    uint8_t phrase[SUBX_PHRASE_ROOM];
    const size_t len = subx_keypair__random_phrase(phrase);
    if (len == 0)
        return subx_error__set(error, SUBX_IO, "the system gives no randomness for a key");
    const subx_status status =
        keep(data, scheme, key_type, subx_slice__of(phrase, len), true, public_key, error);
    explicit_bzero(phrase, sizeof phrase);
    return status;
}

static subx_status store_insert(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                                subx_slice uri, uint8_t public_key[33], subx_error *error)
{
    return keep(data, scheme, key_type, uri, true, public_key, error);
}

static subx_status store_sign(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                              const uint8_t *public_key, subx_slice message, bool prehashed,
                              bool *found, uint8_t signature[65], subx_error *error)
{
    struct store *const store = data;
    struct subx_keypair pair;
    *found = recall(store, scheme, key_type, public_key, &pair);
    if (!*found && store->folder != NULL) {
        const subx_status status = load(store, scheme, key_type, public_key, found, &pair, error);
        if (status != SUBX_OK)
            return status;
    }
    if (!*found)
        return SUBX_OK;
    const bool made = prehashed ? subx_keypair__sign_prehashed(&pair, message.data, signature)
                                : subx_keypair__sign(&pair, message, signature);
    subx_keypair__wipe(&pair);
    return made ? SUBX_OK : subx_error__nomem(error);
}

static void store_free(void *data)
{
    struct store *const store = data;
    if (store->count > 0)
        explicit_bzero(store->entries, store->count * sizeof *store->entries);
    subx_mem__free(store->entries);
    subx_mem__free(store->folder);
    pthread_mutex_destroy(&store->lock);
    subx_mem__free(store);
}

static const subx_keystore_functions store_functions = {
    .public_keys = store_public_keys,
    .generate = store_generate,
    .sign = store_sign,
    .insert = store_insert,
    .free = store_free,
};

static subx_status new_store(const char *folder, subx_keystore **out, subx_error *error)
{
    subx_keystore *const keystore = subx_mem__calloc(1, sizeof *keystore);
    struct store *const store = subx_mem__calloc(1, sizeof *store);
    char *const name = folder == NULL ? NULL : subx_mem__strdup(folder);
    if (keystore == NULL || store == NULL || (folder != NULL && name == NULL)) {
        subx_mem__free(keystore);
        subx_mem__free(store);
        subx_mem__free(name);
        return subx_error__nomem(error);
    }
    pthread_mutex_init(&store->lock, NULL);
    store->folder = name;
    *keystore = (subx_keystore){&store_functions, store};
    *out = keystore;
    return SUBX_OK;
}

subx_status subx_keystore_memory(subx_keystore **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    return new_store(NULL, out, error);
}

subx_status subx_keystore_directory(const char *path, subx_keystore **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(path != NULL, error);
    struct subx_file_fault fault;
    if (!subx_folder__make_private(path, &fault))
        return subx_error__set(error, SUBX_IO, "keystore %s: %s", path, fault.reason);
    return new_store(path, out, error);
}

subx_status subx_keystore_insert(const subx_keystore *keystore, subx_key_scheme scheme,
                                 const uint8_t key_type[4], subx_slice uri, uint8_t public_key[33],
                                 subx_error *error)
{
    SUBX_CHECK_ARG(keystore != NULL && key_type != NULL && public_key != NULL, error);
    SUBX_CHECK_ARG(scheme == SUBX_KEY_SR25519 || scheme == SUBX_KEY_ED25519 ||
                       scheme == SUBX_KEY_ECDSA,
                   error);
    if (keystore->functions->insert == NULL)
        return subx_error__set(error, SUBX_UNSUPPORTED, "the keystore takes no keys");
    return keystore->functions->insert(keystore->data, scheme, key_type, uri, public_key, error);
}

void subx_keystore_free(subx_keystore *keystore)
{
    if (keystore == NULL)
        return;
    if (keystore->functions->free != NULL)
        keystore->functions->free(keystore->data);
    subx_mem__free(keystore);
}
