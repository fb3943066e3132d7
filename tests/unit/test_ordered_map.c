/* The ordered map of src/storage against a sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "naive_trie.h"
#include "storage/ordered_map.h"
#include "util/endian.h"
#include "util/mem.h"

struct thing {
    struct subx_item item;
    size_t len;
    uint8_t key[24];
};

static struct thing *new_thing(subx_slice key)
{
    struct thing *const thing = malloc(sizeof *thing);
    assert_non_null(thing);
    memcpy(thing->key, key.data, key.len);
    thing->item.key = (subx_slice){thing->key, key.len};
    return thing;
}

/* Items in order, from the cursor to the end, are the pairs of the model from `at` on. */
static void check_walk(struct subx_map_cursor cursor, const struct naive_trie *model, size_t at)
{
    for (; at < model->count; at++) {
        const struct subx_item *const item = subx_ordered_map__next(&cursor);
        assert_non_null(item);
        assert_true(subx_slice__equal(item->key, naive_key(&model->pairs[at])));
    }
    assert_null(subx_ordered_map__next(&cursor));
    assert_null(subx_ordered_map__next(&cursor));
}

static void check_all(const struct subx_ordered_map *map, const struct naive_trie *model)
{
    assert_int_equal(map->count, model->count);
    check_walk(subx_ordered_map__seek(map, SUBX_EMPTY), model, 0);
}

/* Forget the items too. */
static void clear(struct subx_ordered_map *map, struct naive_trie *model)
{
    struct subx_map_cursor cursor = subx_ordered_map__seek(map, SUBX_EMPTY);
    for (struct subx_item *item; (item = subx_ordered_map__next(&cursor)) != NULL;)
        free(item);
    subx_ordered_map__clear(map);
    assert_int_equal(map->count, 0);
    assert_null(map->root);
    naive_trie_free(model);
}

static void step(struct subx_ordered_map *map, struct naive_trie *model, subx_slice key,
                 bool removes)
{
    struct subx_item *const item = subx_ordered_map__find(map, key);
    const bool expected = naive_trie_get(model, key) != NULL;
    assert_int_equal(item != NULL, expected);
    if (item != NULL && removes) {
        subx_ordered_map__remove(map, item);
        free(item);
        naive_trie_remove(model, key);
    } else if (item == NULL && !removes) {
        assert_true(subx_ordered_map__insert(map, &new_thing(key)->item));
        naive_trie_set(model, key, SUBX_EMPTY, false);
    }
    assert_int_equal(map->count, model->count);
}

/* Keys of `most` bytes at most, of `letters` letters. */
static subx_slice random_key(uint64_t *random, uint32_t most, uint32_t letters, uint8_t room[24])
{
    const uint32_t len = naive_random(random, most + 1);
    for (uint32_t i = 0; i < len; i++)
        room[i] = (uint8_t)(naive_random(random, letters) * (255 / (letters - 1)));
    return (subx_slice){room, len};
}

static void random_steps(uint32_t most, uint32_t letters, uint32_t steps, uint64_t seed)
{
    struct subx_ordered_map map = {0};
    struct naive_trie model = {0};
    uint64_t random = seed;
    uint8_t room[24];
    /* grow, shrink to nothing, grow again */
    for (uint32_t phase = 0; phase < 4; phase++) {
        for (uint32_t i = 0; i < steps; i++) {
            const bool removes = naive_random(&random, 10) < (phase % 2 == 0 ? 3u : 8u);
            subx_slice key = random_key(&random, most, letters, room);
            /* aim at what is there half the time */
            if (model.count > 0 && naive_random(&random, 2) == 0)
                key = naive_key(&model.pairs[naive_random(&random, (uint32_t)model.count)]);
            memmove(room, key.data, key.len);
            step(&map, &model, (subx_slice){room, key.len}, removes);
            const subx_slice sought = random_key(&random, most, letters, room);
            if (i % 16 == 0)
                check_walk(subx_ordered_map__seek(&map, sought), &model,
                           naive_trie_find(&model, sought));
        }
        check_all(&map, &model);
    }
    while (model.count > 0) {
        const subx_slice key =
            naive_key(&model.pairs[naive_random(&random, (uint32_t)model.count)]);
        memmove(room, key.data, key.len);
        step(&map, &model, (subx_slice){room, key.len}, true);
    }
    assert_null(map.root);
    clear(&map, &model);
}

static void against_an_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        random_steps(3, 2, 200, seed);
        random_steps(6, 3, 2000, seed);
    }
    random_steps(20, 256, 4000, 77);
}

/* Ascending, descending, and both ends towards the middle; with the whole removed from either end.
 */
static void many_in_order(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    for (unsigned way = 0; way < 6; way++) {
        struct subx_ordered_map map = {0};
        uint8_t key[8] = {0};
        for (uint32_t i = 0; i < COUNT; i++) {
            const uint32_t at = way % 3 == 0   ? i
                                : way % 3 == 1 ? COUNT - 1 - i
                                : i % 2        ? i / 2
                                               : COUNT - 1 - i / 2;
            for (unsigned k = 0; k < 4; k++)
                key[k] = (uint8_t)(at >> (24 - 8 * k));
            assert_true(subx_ordered_map__insert(&map, &new_thing((subx_slice){key, 8})->item));
        }
        assert_int_equal(map.count, COUNT);
        assert_true(map.height <= 3);
        struct subx_map_cursor cursor = subx_ordered_map__seek(&map, SUBX_EMPTY);
        for (uint32_t i = 0; i < COUNT; i++) {
            const struct subx_item *const item = subx_ordered_map__next(&cursor);
            assert_non_null(item);
            assert_int_equal(__builtin_bswap32(subx_load_u32(item->key.data)), i);
        }
        for (uint32_t i = 0; i < COUNT; i++) {
            const uint32_t at = way < 3 ? i : COUNT - 1 - i;
            for (unsigned k = 0; k < 4; k++)
                key[k] = (uint8_t)(at >> (24 - 8 * k));
            struct subx_item *const item = subx_ordered_map__find(&map, (subx_slice){key, 8});
            assert_non_null(item);
            subx_ordered_map__remove(&map, item);
            free(item);
        }
        assert_null(map.root);
    }
}

static void empty_map(void **state)
{
    (void)state;
    struct subx_ordered_map map = {0};
    assert_null(subx_ordered_map__find(&map, SUBX_EMPTY));
    struct subx_map_cursor cursor = subx_ordered_map__seek(&map, SUBX_EMPTY);
    assert_null(subx_ordered_map__next(&cursor));
    subx_ordered_map__clear(&map);
    struct thing *const thing = new_thing(subx_slice__text(""));
    assert_true(subx_ordered_map__insert(&map, &thing->item));
    assert_ptr_equal(subx_ordered_map__find(&map, SUBX_EMPTY), &thing->item);
    subx_ordered_map__remove(&map, &thing->item);
    free(thing);
    assert_null(map.root);
}

static void order_of_keys(void **state)
{
    (void)state;
    static const char *const sorted[] = {"", "a", "aa", "ab", "b", "\x80", "\xff", "\xff\x01"};
    for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++)
        for (size_t k = 0; k < sizeof sorted / sizeof sorted[0]; k++) {
            const int order =
                subx_ordered_map__compare(subx_slice__text(sorted[i]), subx_slice__text(sorted[k]));
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
}

#ifdef SUBX_CHECKED
/* Each allocation of an insertion fails once: nothing has changed, and the next try works. */
static void insertion_without_memory(void **state)
{
    (void)state;
    struct subx_ordered_map map = {0};
    struct naive_trie model = {0};
    uint64_t random = 5;
    uint8_t room[24];
    for (unsigned i = 0; i < 3000; i++) {
        const subx_slice key = random_key(&random, 20, 256, room);
        if (naive_trie_get(&model, key) != NULL)
            continue;
        struct thing *const thing = new_thing(key);
        for (int64_t n = 0;; n++) {
            subx_mem__fail_after(n);
            const bool inserted = subx_ordered_map__insert(&map, &thing->item);
            subx_mem__fail_after(-1);
            if (inserted)
                break;
            assert_int_equal(map.count, model.count);
            assert_null(subx_ordered_map__find(&map, key));
            assert_true(n < 8);
        }
        naive_trie_set(&model, key, SUBX_EMPTY, false);
    }
    check_all(&map, &model);
    clear(&map, &model);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_map),
        cmocka_unit_test(order_of_keys),
        cmocka_unit_test(against_an_array),
        cmocka_unit_test(many_in_order),
#ifdef SUBX_CHECKED
        cmocka_unit_test(insertion_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
