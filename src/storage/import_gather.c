/* Pairs in memory; see import_gather.h. */
#include "storage/import_gather.h"

#include "util/mem.h"

/* Bytes for keys and values that never move: blocks in a list, the newest first. */
struct subx_gathered_chunk {
    struct subx_gathered_chunk *next;
    size_t used, size;
    uint8_t bytes[];
};

enum { CHUNK_SIZE = 1 << 20 };

/* A copy that stays where it is; false without memory. */
static bool keep(struct subx_gathered *gathered, subx_slice bytes, subx_slice *kept)
{
    struct subx_gathered_chunk *chunk = gathered->chunks;
    if (chunk == NULL || chunk->size - chunk->used < bytes.len) {
        const size_t size = bytes.len > CHUNK_SIZE / 4 ? bytes.len : CHUNK_SIZE;
        chunk = subx_mem__alloc(sizeof *chunk + size);
        if (chunk == NULL)
            return false;
        *chunk = (struct subx_gathered_chunk){NULL, 0, size};
        /* A chunk of its own must not hide the one that still has room. */
        struct subx_gathered_chunk **place = size == CHUNK_SIZE || gathered->chunks == NULL
                                                 ? &gathered->chunks
                                                 : &gathered->chunks->next;
        chunk->next = *place;
        *place = chunk;
    }
    *kept = (subx_slice){chunk->bytes + chunk->used, bytes.len};
    if (bytes.len > 0)
        memcpy(chunk->bytes + chunk->used, bytes.data, bytes.len);
    chunk->used += bytes.len;
    return true;
}

static bool is_trie(const struct subx_gathered_trie *trie, const subx_slice *child)
{
    return child == NULL ? !trie->is_child
                         : trie->is_child && subx_slice__equal(trie->child, *child);
}

static bool add_trie(struct subx_gathered *gathered, const subx_slice *child)
{
    if (gathered->count == gathered->capacity) {
        const size_t capacity = gathered->capacity == 0 ? 16 : 2 * gathered->capacity;
        struct subx_gathered_trie *const tries =
            subx_mem__realloc(gathered->tries, capacity, sizeof *gathered->tries);
        if (tries == NULL)
            return false;
        gathered->tries = tries;
        gathered->capacity = capacity;
    }
    struct subx_gathered_trie trie = {.is_child = child != NULL};
    if (child != NULL && !keep(gathered, *child, &trie.child))
        return false;
    gathered->tries[gathered->count++] = trie;
    gathered->current = gathered->count;
    if (child == NULL)
        gathered->main = gathered->count;
    return true;
}

static bool add_pair(struct subx_gathered_trie *trie, subx_pair pair)
{
    if (trie->count == trie->capacity) {
        const size_t capacity = trie->capacity == 0 ? 64 : trie->capacity + trie->capacity / 2;
        subx_pair *const pairs = subx_mem__realloc(trie->pairs, capacity, sizeof *trie->pairs);
        if (pairs == NULL)
            return false;
        trie->pairs = pairs;
        trie->capacity = capacity;
    }
    trie->pairs[trie->count++] = pair;
    return true;
}

/* The pairs of a child trie come one after the other, so only the last trie and the main one need
 * looking at; one that is named again is found out by the import. */
bool subx_gathered__add(struct subx_gathered *gathered, const subx_slice *child, subx_slice key,
                        subx_slice value)
{
    if (gathered->current == 0 || !is_trie(&gathered->tries[gathered->current - 1], child)) {
        if (child == NULL && gathered->main != 0)
            gathered->current = gathered->main;
        else if (!add_trie(gathered, child))
            return false;
    }
    subx_pair pair = {SUBX_EMPTY, SUBX_EMPTY};
    return keep(gathered, key, &pair.key) && keep(gathered, value, &pair.value) &&
           add_pair(&gathered->tries[gathered->current - 1], pair);
}

subx_trie_pairs *subx_gathered__tries(const struct subx_gathered *gathered)
{
    subx_trie_pairs *const tries = subx_mem__calloc(gathered->count, sizeof *tries);
    for (size_t i = 0; tries != NULL && i < gathered->count; i++) {
        const struct subx_gathered_trie *const trie = &gathered->tries[i];
        tries[i] =
            (subx_trie_pairs){trie->is_child ? &trie->child : NULL, trie->pairs, trie->count};
    }
    return tries;
}

void subx_gathered__free(struct subx_gathered *gathered)
{
    for (size_t i = 0; i < gathered->count; i++)
        subx_mem__free(gathered->tries[i].pairs);
    subx_mem__free(gathered->tries);
    while (gathered->chunks != NULL) {
        struct subx_gathered_chunk *const chunk = gathered->chunks;
        gathered->chunks = chunk->next;
        subx_mem__free(chunk);
    }
    *gathered = (struct subx_gathered){.chunks = NULL};
}
