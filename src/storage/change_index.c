/* Changes by hash; see change_index.h. */
#include "storage/change_index.h"

#include "crypto/hash.h"
#include "util/endian.h"
#include "util/mem.h"

/* Farthest from home that a key may be. */
#define REACH 16

/* From this many changes on there is an index. */
#define LEAST 16

static uint64_t hash_of(subx_slice key)
{
    uint8_t hash[8];
    subx_hash__twox_64(key, hash);
    return subx_load_u64(hash) | 1; /* never 0 */
}

static struct subx_index_slot *home_of(const struct subx_change_index *index, uint64_t hash,
                                       size_t *mask)
{
    *mask = ((size_t)1 << index->bits) - 1;
    return index->slots + (hash >> (64 - index->bits));
}

/* The place `step` after home. */
static struct subx_index_slot *slot_at(const struct subx_change_index *index,
                                       const struct subx_index_slot *home, size_t mask, size_t step)
{
    return index->slots + (((size_t)(home - index->slots) + step) & mask);
}

bool subx_change_index__find(const struct subx_change_index *index, subx_slice key,
                             struct subx_change **out)
{
    size_t mask = 0;
    *out = NULL;
    if (index->slots == NULL)
        return false;
    const uint64_t hash = hash_of(key);
    const struct subx_index_slot *const home = home_of(index, hash, &mask);
    for (size_t step = 0; step < REACH; step++) {
        const struct subx_index_slot *const slot = slot_at(index, home, mask, step);
        if (slot->hash == 0)
            return true;
        if (slot->hash != hash || slot->change == NULL ||
            !subx_slice__equal(slot->change->item.key, key))
            continue;
        *out = slot->change;
        return true;
    }
    return false;
}

static void put(struct subx_change_index *index, struct subx_change *change)
{
    size_t mask = 0;
    const uint64_t hash = hash_of(change->item.key);
    const struct subx_index_slot *const home = home_of(index, hash, &mask);
    for (size_t step = 0; step < REACH; step++) {
        struct subx_index_slot *const slot = slot_at(index, home, mask, step);
        if (slot->change != NULL)
            continue;
        index->used += slot->hash == 0;
        *slot = (struct subx_index_slot){hash, change};
        return;
    }
}

/* A larger table with all changes of the map. If there is no memory, the old one stays in use. */
static bool rebuild(struct subx_change_index *index, const struct subx_ordered_map *map)
{
    unsigned bits = 6;
    while (((size_t)1 << bits) < 4 * map->count)
        bits++;
    struct subx_index_slot *const slots = subx_mem__calloc((size_t)1 << bits, sizeof *slots);
    if (slots == NULL)
        return false;
    subx_mem__free(index->slots);
    *index = (struct subx_change_index){slots, bits, 0};
    struct subx_map_cursor cursor = subx_ordered_map__seek(map, SUBX_EMPTY);
    for (struct subx_item *item; (item = subx_ordered_map__next(&cursor)) != NULL;)
        put(index, (struct subx_change *)item);
    return true;
}

void subx_change_index__add(struct subx_change_index *index, const struct subx_ordered_map *map,
                            struct subx_change *change)
{
    const bool is_full =
        index->slots == NULL ? map->count >= LEAST : index->used >= ((size_t)1 << index->bits) / 2;
    if ((!is_full || !rebuild(index, map)) && index->slots != NULL)
        put(index, change);
}

void subx_change_index__remove(struct subx_change_index *index, const struct subx_change *change)
{
    size_t mask = 0;
    if (index->slots == NULL)
        return;
    const struct subx_index_slot *const home = home_of(index, hash_of(change->item.key), &mask);
    for (size_t step = 0; step < REACH; step++) {
        struct subx_index_slot *const slot = slot_at(index, home, mask, step);
        if (slot->change != change)
            continue;
        slot->change = NULL;
        return;
    }
}

void subx_change_index__clear(struct subx_change_index *index)
{
    subx_mem__free(index->slots);
    *index = (struct subx_change_index){0};
}
