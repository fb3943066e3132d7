/* Roots without a tree: published values, the naive model, order and duplicates, long keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/scale.h"
#include "naive_trie.h"
#include "trie/trie_root.h"
#include "util/hex.h"
#include "util/mem.h"

static void expect_hex(const uint8_t root[32], const char *hex)
{
    subx_bytes expected = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(hex), &expected, NULL), SUBX_OK);
    assert_int_equal(expected.len, 32);
    assert_memory_equal(root, expected.data, 32);
    subx_bytes_free(&expected);
}

static void no_pairs(void **state)
{
    (void)state;
    uint8_t root[32];
    for (unsigned version = 0; version < 2; version++) {
        assert_int_equal(subx_trie__root(&subx_trie_blake2b, version, NULL, 0, root, NULL),
                         SUBX_OK);
        expect_hex(root, "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314");
        assert_int_equal(subx_trie__ordered_root(&subx_trie_keccak, version, NULL, 0, root, NULL),
                         SUBX_OK);
        expect_hex(root, "bc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a");
    }
}

/* The reference answers 17657e... for these pairs and 1c652d... with 6162 = "1" (host-call vectors,
 * removal of the empty key). */
static void known_roots(void **state)
{
    (void)state;
    static const struct subx_trie_pair pairs[] = {
        {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"1", 1}},
        {{(const uint8_t *)"ab\x10", 3}, {(const uint8_t *)"2", 1}},
        {{(const uint8_t *)"ab ", 3}, {(const uint8_t *)"3", 1}},
    };
    uint8_t root[32];
    assert_int_equal(subx_trie__root(&subx_trie_blake2b, 1, pairs, 3, root, NULL), SUBX_OK);
    expect_hex(root, "1c652d6dc5804abf93121e176d3600df0c6ebcd277209c464d0c11ab2cb142b5");
    assert_int_equal(subx_trie__root(&subx_trie_blake2b, 0, pairs + 1, 2, root, NULL), SUBX_OK);
    expect_hex(root, "17657e4a4c25de4124315a2315ceca9b8014db45c59268531fd7de9c210ee804");
}

/* Random keys that share prefixes, in any order, with duplicates; both hashers and versions. */
static void random_pairs(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int round = 0; round < 400; round++) {
        struct subx_trie_pair pairs[64];
        static uint8_t bytes[64][128];
        const unsigned version = round % 2 == 0 ? 0 : 1;
        const struct subx_trie_hasher *const hasher =
            round % 5 == 0 ? &subx_trie_keccak : &subx_trie_blake2b;
        const size_t count = naive_random(&seed, 64);
        struct naive_trie naive = {NULL, 0, 0};
        for (size_t i = 0; i < count; i++) {
            const size_t key_len = naive_random(&seed, round % 3 == 0 ? 40 : 5);
            const size_t value_len = naive_random(&seed, 80);
            for (size_t k = 0; k < sizeof bytes[i]; k++)
                bytes[i][k] = (uint8_t)(naive_random(&seed, 3) * 17);
            pairs[i] = (struct subx_trie_pair){{bytes[i], key_len},
                                               {bytes[i] + 128 - value_len, value_len}};
            naive_trie_set(&naive, pairs[i].key, pairs[i].value, version == 1);
        }
        uint8_t expected[32], root[32];
        naive_trie_root(&naive, hasher, expected);
        assert_int_equal(subx_trie__root(hasher, version, pairs, count, root, NULL), SUBX_OK);
        assert_memory_equal(root, expected, 32);
        naive_trie_free(&naive);
    }
}

/* Items beyond the borders of the compact form, whose keys are not in numeric order. */
static void ordered_lists(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 63, 64, 65, 70, 300, 17000};
    for (size_t n = 0; n < sizeof counts / sizeof *counts; n++) {
        subx_slice *const values = calloc(counts[n], sizeof *values);
        static const uint8_t filling[40] = {1, 2, 3};
        struct naive_trie naive = {NULL, 0, 0};
        for (size_t i = 0; i < counts[n]; i++) {
            struct subx_buf key = SUBX_BUF_INIT;
            values[i] = subx_slice__of(filling, i % sizeof filling);
            subx_scale__append_compact(&key, i);
            naive_trie_append(&naive, subx_buf__slice(&key), values[i], true);
            subx_buf__free(&key);
        }
        uint8_t expected[32], root[32];
        assert_int_equal(
            subx_trie__ordered_root(&subx_trie_blake2b, 1, values, counts[n], root, NULL), SUBX_OK);
        naive_trie_sort(&naive);
        naive_trie_root(&naive, &subx_trie_blake2b, expected);
        assert_memory_equal(root, expected, 32);
        naive_trie_free(&naive);
        free(values);
    }
}

/* The builder: streams, refuses what is out of order, forms by pair. */
static void streaming(void **state)
{
    (void)state;
    struct subx_root_builder builder;
    struct naive_trie naive = {NULL, 0, 0};
    subx_error error = SUBX_ERROR_INIT;
    uint8_t value[50] = {9}, expected[32], root[32];
    subx_root_builder__init(&builder, &subx_trie_blake2b);
    for (unsigned i = 0; i < 1000; i++) {
        const uint8_t key[3] = {(uint8_t)(i >> 8), (uint8_t)i, 7};
        const subx_slice slice = subx_slice__of(key, 2 + i % 2);
        value[1] = (uint8_t)i;
        assert_int_equal(
            subx_root_builder__push(&builder, slice, subx_slice__of(value, 50), i % 3 == 0, &error),
            SUBX_OK);
        naive_trie_set(&naive, slice, subx_slice__of(value, 50), i % 3 == 0);
    }
    assert_int_equal(subx_root_builder__finish(&builder, root, &error), SUBX_OK);
    naive_trie_root(&naive, &subx_trie_blake2b, expected);
    assert_memory_equal(root, expected, 32);
    subx_root_builder__free(&builder);
    naive_trie_free(&naive);

    static const char *const wrong[][2] = {
        {"b", "a"}, {"b", "b"}, {"ba", "b"}, {"", ""}, {"a", ""}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        subx_root_builder__init(&builder, &subx_trie_blake2b);
        assert_int_equal(subx_root_builder__push(&builder, subx_slice__text(wrong[i][0]),
                                                 SUBX_EMPTY, false, NULL),
                         SUBX_OK);
        assert_int_equal(subx_root_builder__push(&builder, subx_slice__text(wrong[i][1]),
                                                 SUBX_EMPTY, false, NULL),
                         SUBX_INVALID_INPUT);
        subx_root_builder__free(&builder);
    }
}

/* Keys of 512 to 70 000 bytes that share a prefix, one nested in the other, and a large value. */
static void long_keys(void **state)
{
    (void)state;
    static const size_t lengths[] = {512, 600, 32767, 32768, 65535, 70000};
    static uint8_t bytes[70001];
    struct subx_trie_pair pairs[14];
    struct naive_trie naive = {NULL, 0, 0};
    size_t count = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31);
    for (size_t i = 0; i < 6; i++) {
        pairs[count++] = (struct subx_trie_pair){{bytes, lengths[i]}, {bytes + 1, i * 1000}};
        uint8_t *const other = malloc(lengths[i]);
        memcpy(other, bytes, lengths[i]);
        other[lengths[i] - 1] ^= i % 2 == 0 ? 0x01 : 0x10;
        pairs[count++] = (struct subx_trie_pair){{other, lengths[i]}, {bytes + 1, 40}};
    }
    for (size_t i = 0; i < count; i++)
        naive_trie_set(&naive, pairs[i].key, pairs[i].value, true);
    uint8_t expected[32], root[32];
    naive_trie_root(&naive, &subx_trie_blake2b, expected);
    assert_int_equal(subx_trie__root(&subx_trie_blake2b, 1, pairs, count, root, NULL), SUBX_OK);
    assert_memory_equal(root, expected, 32);
    naive_trie_free(&naive);
    for (size_t i = 1; i < count; i += 2)
        free((uint8_t *)(uintptr_t)pairs[i].key.data);
}

/* Each allocation fails once: a status, nothing lost, nothing written. */
static void allocations_fail(void **state)
{
    (void)state;
    struct subx_trie_pair pairs[60];
    static uint8_t keys[60][4];
    uint8_t expected[32], root[32];
    for (size_t i = 0; i < 60; i++) {
        keys[i][0] = (uint8_t)(i * 91);
        keys[i][1] = (uint8_t)(i * 5);
        pairs[i] = (struct subx_trie_pair){{keys[i], 1 + i % 3}, {keys[i], 4}};
    }
    assert_int_equal(subx_trie__root(&subx_trie_blake2b, 0, pairs, 60, expected, NULL), SUBX_OK);
    subx_status status = SUBX_NOMEM;
    int64_t failed = 0;
    for (int64_t n = 0; status != SUBX_OK; n++) {
        subx_error error = SUBX_ERROR_INIT;
        memset(root, 0, sizeof root);
        (void)subx_mem__fail_after(n);
        status = subx_trie__root(&subx_trie_blake2b, 0, pairs, 60, root, &error);
        (void)subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || (status == SUBX_NOMEM && error.status == SUBX_NOMEM));
        failed += status != SUBX_OK;
    }
    assert_memory_equal(root, expected, 32);
#ifdef SUBX_CHECKED
    assert_true(failed > 5);
#else
    assert_int_equal(failed, 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_pairs),         cmocka_unit_test(known_roots),
        cmocka_unit_test(random_pairs),     cmocka_unit_test(ordered_lists),
        cmocka_unit_test(streaming),        cmocka_unit_test(long_keys),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
