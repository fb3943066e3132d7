/* Nibbles: every alignment of comparing, copying and packing against unpacked ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "naive_trie.h"
#include "trie/nibbles.h"

#define ROOM 40

static void fill(uint64_t *seed, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)naive_random(seed, 256);
}

/* Two views that agree in their first `agree` nibbles, at all alignments. */
static void common_prefix(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t at_a = 0; at_a < 3; at_a++)
        for (size_t at_b = 0; at_b < 3; at_b++)
            for (size_t len = 0; len < 60; len++) {
                uint8_t a[ROOM], b[ROOM];
                const size_t agree = naive_random(&seed, (uint32_t)len + 1);
                fill(&seed, a, sizeof a);
                fill(&seed, b, sizeof b);
                subx_nibbles__copy(b, at_b, (struct subx_nibbles){a, at_a, agree});
                struct subx_nibbles left = {a, at_a, len};
                const struct subx_nibbles right = {b, at_b, len + naive_random(&seed, 5)};
                size_t expected = agree;
                while (expected < len &&
                       subx_nibbles__get(left, expected) == subx_nibbles__get(right, expected))
                    expected++;
                assert_int_equal(subx_nibbles__common(left, right), expected);
                assert_int_equal(subx_nibbles__common(right, left), expected);
                assert_int_equal(subx_nibbles__starts_with(right, left), expected == len);
                if (len > 0) {
                    left = subx_nibbles__first(left, agree);
                    assert_int_equal(subx_nibbles__common(left, right), agree);
                    assert_true(subx_nibbles__starts_with(right, left));
                }
            }
}

static void copying_leaves_the_rest(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (size_t to_at = 0; to_at < 3; to_at++)
        for (size_t from_at = 0; from_at < 3; from_at++)
            for (size_t len = 0; len < 60; len++) {
                uint8_t from[ROOM], to[ROOM], before[ROOM];
                fill(&seed, from, sizeof from);
                fill(&seed, to, sizeof to);
                memcpy(before, to, sizeof to);
                const struct subx_nibbles source = {from, from_at, len};
                subx_nibbles__copy(to, to_at, source);
                for (size_t i = 0; i < 2 * ROOM; i++) {
                    const bool is_inside = i >= to_at && i < to_at + len;
                    const uint8_t expected =
                        is_inside
                            ? subx_nibbles__get(source, i - to_at)
                            : subx_nibbles__get((struct subx_nibbles){before, 0, 2 * ROOM}, i);
                    const uint8_t got =
                        subx_nibbles__get((struct subx_nibbles){to, 0, 2 * ROOM}, i);
                    assert_int_equal(got, expected);
                }
            }
}

static void packing_pads_in_front(void **state)
{
    (void)state;
    static const uint8_t key[] = {0x12, 0x34, 0x56};
    static const struct {
        size_t from, len;
        uint8_t packed[3];
    } cases[] = {
        {0, 0, {0}},
        {0, 1, {0x01}},
        {1, 1, {0x02}},
        {0, 2, {0x12}},
        {1, 2, {0x23}},
        {0, 3, {0x01, 0x23}},
        {1, 3, {0x02, 0x34}},
        {1, 4, {0x23, 0x45}},
        {0, 6, {0x12, 0x34, 0x56}},
        {1, 5, {0x02, 0x34, 0x56}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t size = subx_nibbles__packed_size(cases[i].len);
        uint8_t packed[4] = {0xee, 0xee, 0xee, 0xee};
        const struct subx_nibbles nibbles = {key, cases[i].from, cases[i].len};
        subx_nibbles__pack(packed, nibbles);
        assert_memory_equal(packed, cases[i].packed, size);
        assert_int_equal(packed[size], 0xee);
        const struct subx_nibbles back = subx_nibbles__of_partial(packed, cases[i].len);
        assert_int_equal(subx_nibbles__common(back, nibbles), cases[i].len);
    }
}

/* A path against an array of nibbles. */
static void paths_grow_and_shrink(void **state)
{
    (void)state;
    uint64_t seed = 3;
    uint8_t model[4096], piece[ROOM];
    size_t len = 0;
    struct subx_nibble_path path = SUBX_NIBBLE_PATH_INIT;
    for (int step = 0; step < 3000; step++) {
        const uint32_t what = naive_random(&seed, 3);
        if (what == 0 && len + 1 < sizeof model) {
            model[len] = (uint8_t)naive_random(&seed, 16);
            subx_nibble_path__append_one(&path, model[len++]);
        } else if (what == 1 && len + 60 < sizeof model) {
            fill(&seed, piece, sizeof piece);
            const struct subx_nibbles added = {piece, naive_random(&seed, 3),
                                               naive_random(&seed, 60)};
            subx_nibble_path__append(&path, added);
            for (size_t i = 0; i < added.len; i++)
                model[len++] = subx_nibbles__get(added, i);
        } else if (what == 2) {
            len = naive_random(&seed, (uint32_t)len + 1);
            subx_nibble_path__cut(&path, len);
        }
        assert_false(path.bytes.failed);
        assert_int_equal(path.len, len);
        assert_int_equal(path.bytes.len, (len + 1) / 2);
        const struct subx_nibbles whole = {path.bytes.data, 0, path.len};
        for (size_t i = 0; i < len; i++)
            assert_int_equal(subx_nibbles__get(whole, i), model[i]);
        if (len % 2 != 0)
            assert_int_equal(path.bytes.data[len / 2] & 15, 0);
    }
    subx_nibble_path__free(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_prefix),
        cmocka_unit_test(copying_leaves_the_rest),
        cmocka_unit_test(packing_pads_in_front),
        cmocka_unit_test(paths_grow_and_shrink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
