/*
 * States from files: chain specifications and pairs, read piece by piece, put into a state at once
 * (spec/host-api.md section 3.7: the state version decides the form of the values).
 */
#include <string.h>

#include <subexec/chain.h>

#include "chain/chain_runtime.h"
#include "codec/scale.h"
#include "codec/state_json.h"
#include "crypto/hash.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* Bytes between two calls of a progress function. */
#define PROGRESS_STEP ((uint64_t)1 << 20)

/* Bytes for keys and values that never move: blocks in a list, the newest first. */
struct chunk {
    struct chunk *next;
    size_t used, size;
    uint8_t bytes[];
};

enum { CHUNK_SIZE = 1 << 20 };

/* The pairs of one trie as they came. */
struct gathered_trie {
    bool is_child;
    subx_slice child;
    subx_pair *pairs;
    size_t count, capacity;
};

struct gathering {
    struct chunk *chunks;
    struct gathered_trie *tries; /* the main trie is the first */
    size_t count, capacity;
    size_t current;  /* where the last entry went */
    subx_slice code; /* of `:code`, once it came */
    subx_import_info info;
    const subx_import_options *options;
    const struct subx_json *json;
    uint64_t size, told; /* of the file; where progress was told last */
};

/* ---- Gathering ---- */

/* A copy that stays where it is; false without memory. */
static bool keep(struct gathering *gathering, subx_slice bytes, subx_slice *kept)
{
    struct chunk *chunk = gathering->chunks;
    if (chunk == NULL || chunk->size - chunk->used < bytes.len) {
        const size_t size = bytes.len > CHUNK_SIZE / 4 ? bytes.len : CHUNK_SIZE;
        chunk = subx_mem__alloc(sizeof *chunk + size);
        if (chunk == NULL)
            return false;
        *chunk = (struct chunk){NULL, 0, size};
        /* A chunk of its own must not hide the one that still has room. */
        struct chunk **place = size == CHUNK_SIZE || gathering->chunks == NULL
                                   ? &gathering->chunks
                                   : &gathering->chunks->next;
        chunk->next = *place;
        *place = chunk;
    }
    *kept = (subx_slice){chunk->bytes + chunk->used, bytes.len};
    if (bytes.len > 0)
        memcpy(chunk->bytes + chunk->used, bytes.data, bytes.len);
    chunk->used += bytes.len;
    return true;
}

static bool is_trie(const struct gathered_trie *trie, const subx_slice *child)
{
    return child == NULL ? !trie->is_child
                         : trie->is_child && subx_slice__equal(trie->child, *child);
}

static bool add_trie(struct gathering *gathering, const subx_slice *child)
{
    if (gathering->count == gathering->capacity) {
        const size_t capacity = gathering->capacity == 0 ? 16 : 2 * gathering->capacity;
        struct gathered_trie *tries =
            subx_mem__realloc(gathering->tries, capacity, sizeof *gathering->tries);
        if (tries == NULL)
            return false;
        gathering->tries = tries;
        gathering->capacity = capacity;
    }
    struct gathered_trie trie = {.is_child = child != NULL};
    if (child != NULL && !keep(gathering, *child, &trie.child))
        return false;
    gathering->info.children += child != NULL;
    gathering->current = gathering->count;
    gathering->tries[gathering->count++] = trie;
    return true;
}

static bool add_pair(struct gathered_trie *trie, subx_pair pair)
{
    if (trie->count == trie->capacity) {
        const size_t capacity = trie->capacity == 0 ? 64 : trie->capacity + trie->capacity / 2;
        subx_pair *pairs = subx_mem__realloc(trie->pairs, capacity, sizeof *trie->pairs);
        if (pairs == NULL)
            return false;
        trie->pairs = pairs;
        trie->capacity = capacity;
    }
    trie->pairs[trie->count++] = pair;
    return true;
}

static void tell_progress(struct gathering *gathering)
{
    const uint64_t offset = subx_json__offset(gathering->json);
    if (gathering->options->progress == NULL || offset - gathering->told < PROGRESS_STEP)
        return;
    gathering->told = offset;
    gathering->options->progress(gathering->options->progress_data, offset, gathering->size);
}

/* A subx_state_json_entry. The entries of a child trie come one after the other, so only the last
 * trie and the main one need looking at; one that is named again is found out by the import. */
static subx_status take(void *data, const subx_slice *child, subx_slice key, subx_slice value,
                        subx_error *error)
{
    struct gathering *gathering = data;
    if (!is_trie(&gathering->tries[gathering->current], child)) {
        if (child == NULL)
            gathering->current = 0;
        else if (!add_trie(gathering, child))
            return subx_error__nomem(error);
    }
    subx_pair pair = {SUBX_EMPTY, SUBX_EMPTY};
    if (!keep(gathering, key, &pair.key) || !keep(gathering, value, &pair.value) ||
        !add_pair(&gathering->tries[gathering->current], pair))
        return subx_error__nomem(error);
    if (child == NULL && subx_slice__equal(key, subx_slice__text(":code")))
        gathering->code = pair.value;
    *(child == NULL ? &gathering->info.keys : &gathering->info.child_keys) += 1;
    gathering->info.bytes += key.len + value.len;
    tell_progress(gathering);
    return SUBX_OK;
}

static void release(struct gathering *gathering)
{
    for (size_t i = 0; i < gathering->count; i++)
        subx_mem__free(gathering->tries[i].pairs);
    subx_mem__free(gathering->tries);
    while (gathering->chunks != NULL) {
        struct chunk *chunk = gathering->chunks;
        gathering->chunks = chunk->next;
        subx_mem__free(chunk);
    }
}

static subx_status gather(struct gathering *gathering, struct subx_input_stream *stream,
                          subx_error *error)
{
    const struct subx_state_json_sink sink = {take, gathering};
    struct subx_json json;
    if (!add_trie(gathering, NULL))
        return subx_error__nomem(error);
    subx_status status = subx_json__open(&json, subx_byte_source__of_stream(stream),
                                         SUBX_STATE_JSON_MAX_TEXT, error);
    if (status != SUBX_OK)
        return status;
    gathering->json = &json;
    gathering->size = stream->size;
    status = subx_state_json__read(&json, &sink, error);
    if (status == SUBX_OK) {
        enum subx_json_token token = SUBX_JSON_END;
        status = subx_json__next(&json, &token, error);
        if (status == SUBX_OK && token != SUBX_JSON_END)
            status = subx_json__fail(&json, error, SUBX_INVALID_INPUT, "more than one JSON value");
    }
    gathering->json = NULL;
    subx_json__close(&json);
    return status;
}

/* ---- Importing ---- */

static subx_status choose_version(struct gathering *gathering, subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    uint8_t *state_version = &gathering->info.state_version;
    *state_version = gathering->options->state_version;
    if (*state_version != SUBX_STATE_VERSION_OF_CODE)
        return SUBX_OK;
    *state_version = 0;
    if (gathering->code.len == 0)
        return SUBX_OK;
    subx_code *code = NULL;
    subx_executor *executor = NULL;
    subx_runtime_options options = defaults;
    options.allow_missing_imports = true;
    subx_status status = subx_code_load(gathering->code, 0, &code, error);
    if (status == SUBX_OK)
        status = subx_executor_new(NULL, &executor, error);
    if (status == SUBX_OK)
        status = subx_chain_runtime__state_version(executor, code, &options, state_version, error);
    if (status != SUBX_OK)
        subx_error__prefix(error, "state version of the value of :code");
    subx_executor_free(executor);
    subx_code_free(code);
    return status;
}

static subx_status import(subx_state *state, const struct gathering *gathering, subx_error *error)
{
    subx_trie_pairs *tries = subx_mem__calloc(gathering->count, sizeof *tries);
    if (tries == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < gathering->count; i++) {
        const struct gathered_trie *trie = &gathering->tries[i];
        tries[i] =
            (subx_trie_pairs){trie->is_child ? &trie->child : NULL, trie->pairs, trie->count};
    }
    const subx_status status =
        subx_state_import(state, tries, gathering->count, gathering->info.state_version, error);
    subx_mem__free(tries);
    return status;
}

subx_status subx_state_import_file(subx_state *state, const char *path,
                                   const subx_import_options *options, subx_import_info *info,
                                   subx_error *error)
{
    static const subx_import_options defaults = SUBX_IMPORT_OPTIONS_INIT;
    SUBX_CHECK_ARG(state != NULL && path != NULL, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    struct gathering gathering = {.options = options != NULL ? options : &defaults};
    SUBX_CHECK_ARG(gathering.options->state_version <= 1 ||
                       gathering.options->state_version == SUBX_STATE_VERSION_OF_CODE,
                   error);
    struct subx_input_stream stream;
    struct subx_file_fault fault;
    if (!subx_input_stream__open(path, &stream, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", path, fault.reason);
    subx_status status = gather(&gathering, &stream, error);
    subx_input_stream__close(&stream);
    if (status == SUBX_OK)
        status = choose_version(&gathering, error);
    if (status == SUBX_OK)
        status = import(state, &gathering, error);
    if (status != SUBX_OK && status != SUBX_NOMEM)
        subx_error__prefix(error, "%s", path);
    if (status == SUBX_OK && info != NULL)
        *info = gathering.info;
    release(&gathering);
    return status;
}

void subx_genesis_hash(const uint8_t state_root[32], uint8_t hash[32])
{
    /* Root of the trie without keys: there are no extrinsics. */
    static const uint8_t empty_root[32] = {0x03, 0x17, 0x0a, 0x2e, 0x75, 0x97, 0xb7, 0xb7,
                                           0xe3, 0xd8, 0x4c, 0x05, 0x39, 0x1d, 0x13, 0x9a,
                                           0x62, 0xb1, 0x57, 0xe7, 0x87, 0x86, 0xd8, 0xc0,
                                           0x82, 0xf2, 0x9d, 0xcf, 0x4c, 0x11, 0x13, 0x14};
    uint8_t header[98] = {0}; /* parent hash, number 0, state root, extrinsics root, no digest */
    memcpy(header + 33, state_root, 32);
    memcpy(header + 65, empty_root, 32);
    subx_hash__blake2b_256(subx_slice__of(header, sizeof header), hash);
}
