/* Persistent map of child tries; see child_map.h. */
#include "storage/child_map.h"

#include "storage/ordered_map.h"
#include "util/mem.h"

#define CHUNK_MAX 64

struct subx_child_chunk {
    _Atomic size_t references;
    size_t count; /* 1 or more */
    struct subx_child_trie *tries[CHUNK_MAX];
};

/* ---- References ---- */

struct subx_child_trie *subx_child_trie__new(subx_slice key, struct subx_tree *tree,
                                             const uint8_t root[32])
{
    struct subx_child_trie *const trie = subx_mem__alloc(sizeof *trie + key.len);
    if (trie == NULL)
        return NULL;
    uint8_t *const copy = (uint8_t *)(trie + 1);
    atomic_init(&trie->references, 1);
    trie->tree = *tree;
    tree->root = NULL;
    memcpy(trie->root, root, sizeof trie->root);
    if (key.len > 0)
        memcpy(copy, key.data, key.len);
    trie->key = (subx_slice){copy, key.len};
    return trie;
}

static struct subx_child_trie *retain_trie(struct subx_child_trie *trie)
{
    atomic_fetch_add_explicit(&trie->references, 1, memory_order_relaxed);
    return trie;
}

void subx_child_trie__release(struct subx_child_trie *trie)
{
    if (trie == NULL || atomic_fetch_sub_explicit(&trie->references, 1, memory_order_acq_rel) != 1)
        return;
    subx_tree__free(&trie->tree);
    subx_mem__free(trie);
}

static struct subx_child_chunk *retain_chunk(struct subx_child_chunk *chunk)
{
    atomic_fetch_add_explicit(&chunk->references, 1, memory_order_relaxed);
    return chunk;
}

static void release_chunk(struct subx_child_chunk *chunk)
{
    if (atomic_fetch_sub_explicit(&chunk->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < chunk->count; i++)
        subx_child_trie__release(chunk->tries[i]);
    subx_mem__free(chunk);
}

void subx_child_map__free(struct subx_child_map *map)
{
    for (size_t i = 0; i < map->chunk_count; i++)
        release_chunk(map->chunks[i]);
    subx_mem__free(map->chunks);
    *map = (struct subx_child_map){0};
}

/* ---- Looking up ---- */

/* Number of the last chunk whose first key is not greater than `key`; 0 if there is none. */
static size_t chunk_of(const struct subx_child_map *map, subx_slice key)
{
    size_t low = 0, high = map->chunk_count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (subx_ordered_map__compare(map->chunks[middle]->tries[0]->key, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const struct subx_child_trie *subx_child_map__find(const struct subx_child_map *map, subx_slice key)
{
    if (map->chunk_count == 0)
        return NULL;
    const struct subx_child_chunk *const chunk = map->chunks[chunk_of(map, key)];
    size_t low = 0, high = chunk->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = subx_ordered_map__compare(chunk->tries[middle]->key, key);
        if (order == 0)
            return chunk->tries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- Making ---- */

/* Cut a sequence into chunks of about the same size at the end of `map`, which has room for them.
 */
static bool add_chunks(struct subx_child_map *map, struct subx_child_trie *const *tries,
                       size_t count)
{
    const size_t pieces = (count + CHUNK_MAX - 1) / CHUNK_MAX;
    for (size_t i = 0; i < pieces; i++) {
        const size_t from = count * i / pieces, to = count * (i + 1) / pieces;
        struct subx_child_chunk *const chunk = subx_mem__alloc(sizeof *chunk);
        if (chunk == NULL)
            return false;
        atomic_init(&chunk->references, 1);
        chunk->count = to - from;
        for (size_t k = from; k < to; k++)
            chunk->tries[k - from] = retain_trie(tries[k]);
        map->chunks[map->chunk_count++] = chunk;
    }
    return true;
}

/* Merge a chunk (NULL: an empty one) with its changes into `merged`; the length of that. */
static size_t merge(const struct subx_child_chunk *chunk, const struct subx_child_change *changes,
                    size_t count, struct subx_child_trie **merged)
{
    const size_t old_count = chunk == NULL ? 0 : chunk->count;
    size_t at = 0, len = 0;
    for (size_t i = 0; i < count; i++) {
        int order = -1;
        while (at < old_count &&
               (order = subx_ordered_map__compare(chunk->tries[at]->key, changes[i].trie->key)) < 0)
            merged[len++] = chunk->tries[at++];
        if (at < old_count && order == 0)
            at++;
        if (!changes[i].is_gone)
            merged[len++] = changes[i].trie;
    }
    while (at < old_count)
        merged[len++] = chunk->tries[at++];
    return len;
}

/* How many of the changes come before the first key of chunk `next`. */
static size_t changes_before(const struct subx_child_map *map, size_t next,
                             const struct subx_child_change *changes, size_t count)
{
    size_t before = 0;
    if (next >= map->chunk_count)
        return count;
    const subx_slice bound = map->chunks[next]->tries[0]->key;
    while (before < count && subx_ordered_map__compare(changes[before].trie->key, bound) < 0)
        before++;
    return before;
}

static bool apply(const struct subx_child_map *old, const struct subx_child_change *changes,
                  size_t count, struct subx_child_trie **merged, struct subx_child_map *out)
{
    for (size_t i = 0; i < old->chunk_count || i == 0; i++) {
        struct subx_child_chunk *const chunk = i < old->chunk_count ? old->chunks[i] : NULL;
        const size_t mine = changes_before(old, i + 1, changes, count);
        if (mine == 0 && chunk != NULL)
            out->chunks[out->chunk_count++] = retain_chunk(chunk);
        else if (!add_chunks(out, merged, merge(chunk, changes, mine, merged)))
            return false;
        if (mine > 0) /* without changes there is no array either */
            changes += mine;
        count -= mine;
    }
    return true;
}

bool subx_child_map__apply(const struct subx_child_map *old,
                           const struct subx_child_change *changes, size_t count,
                           struct subx_child_map *out)
{
    *out = (struct subx_child_map){0};
    /* a chunk becomes at most one more than its changes fill */
    out->chunks = subx_mem__calloc(2 * old->chunk_count + count + 1, sizeof(void *));
    struct subx_child_trie **const merged = subx_mem__calloc(CHUNK_MAX + count, sizeof *merged);
    const bool done =
        out->chunks != NULL && merged != NULL && apply(old, changes, count, merged, out);
    subx_mem__free(merged);
    if (!done)
        subx_child_map__free(out);
    return done;
}
