/* SCALE: every mode of compact integers at its borders, canonical forms only, counts bounded by
 * the bytes that are left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/scale.h"
#include "util/mem.h"

static const struct {
    uint64_t value;
    size_t len;
    uint8_t bytes[9];
} compacts[] = {
    {0, 1, {0x00}},
    {1, 1, {0x04}},
    {42, 1, {0xa8}},
    {63, 1, {0xfc}},
    {64, 2, {0x01, 0x01}},
    {69, 2, {0x15, 0x01}},
    {16383, 2, {0xfd, 0xff}},
    {16384, 4, {0x02, 0x00, 0x01, 0x00}},
    {65535, 4, {0xfe, 0xff, 0x03, 0x00}},
    {1073741823, 4, {0xfe, 0xff, 0xff, 0xff}},
    {1073741824, 5, {0x03, 0x00, 0x00, 0x00, 0x40}},
    {UINT32_MAX, 5, {0x03, 0xff, 0xff, 0xff, 0xff}},
    {(uint64_t)UINT32_MAX + 1, 6, {0x07, 0x00, 0x00, 0x00, 0x00, 0x01}},
    {100000000000000, 7, {0x0b, 0x00, 0x40, 0x7a, 0x10, 0xf3, 0x5a}},
    {(uint64_t)1 << 48, 8, {0x0f, 0, 0, 0, 0, 0, 0, 0x01}},
    {UINT64_MAX, 9, {0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
};

static void compact_integers_at_the_borders(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof compacts / sizeof *compacts; i++) {
        struct subx_buf buf = SUBX_BUF_INIT;
        subx_scale__append_compact(&buf, compacts[i].value);
        assert_false(buf.failed);
        assert_int_equal(buf.len, compacts[i].len);
        assert_memory_equal(buf.data, compacts[i].bytes, buf.len);
        struct subx_reader reader = subx_reader__of(subx_buf__slice(&buf));
        uint64_t value = 0;
        assert_true(subx_scale__compact(&reader, &value));
        assert_int_equal(value, compacts[i].value);
        assert_int_equal(reader.left, 0);
        subx_buf__free(&buf);
    }
}

/* Each proper prefix of each encoding is refused, and the cursor stays. */
static void cut_compacts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof compacts / sizeof *compacts; i++)
        for (size_t len = 0; len < compacts[i].len; len++) {
            /* a heap copy, so that a read beyond it is seen */
            uint8_t *bytes = subx_mem__copy(compacts[i].bytes, len);
            assert_non_null(bytes);
            struct subx_reader reader = subx_reader__of(subx_slice__of(bytes, len));
            uint64_t value = 7;
            assert_false(subx_scale__compact(&reader, &value));
            assert_int_equal(value, 7);
            assert_int_equal(subx_reader__offset(&reader), 0);
            subx_mem__free(bytes);
        }
}

static void longer_forms_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint8_t bytes[12];
    } cases[] = {
        {2, {0x01, 0x00}},                         /* 0 in two bytes */
        {2, {0xfd, 0x00}},                         /* 63 in two bytes */
        {4, {0x02, 0x00, 0x00, 0x00}},             /* 0 in four bytes */
        {4, {0xfe, 0xff, 0x00, 0x00}},             /* 16383 in four bytes */
        {5, {0x03, 0xff, 0xff, 0xff, 0x3f}},       /* 2^30 - 1 behind a length */
        {6, {0x07, 0x00, 0x00, 0x00, 0x40, 0x00}}, /* 2^30 with a leading zero */
        {9, {0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00}},
        {10, {0x17, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, /* 2^64: does not fit */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subx_reader reader = subx_reader__of(subx_slice__of(cases[i].bytes, cases[i].len));
        uint64_t value = 0;
        assert_false(subx_scale__compact(&reader, &value));
        assert_int_equal(subx_reader__offset(&reader), 0);
    }
}

static void all_small_values_round_trip(void **state)
{
    (void)state;
    struct subx_buf buf = SUBX_BUF_INIT;
    for (uint32_t value = 0; value < 70000; value++)
        subx_scale__append_compact(&buf, value);
    struct subx_reader reader = subx_reader__of(subx_buf__slice(&buf));
    for (uint32_t value = 0; value < 70000; value++) {
        uint64_t read = 0;
        assert_true(subx_scale__compact(&reader, &read));
        assert_int_equal(read, value);
    }
    assert_int_equal(reader.left, 0);
    subx_buf__free(&buf);
}

static void counts_are_bounded_by_what_is_left(void **state)
{
    (void)state;
    static const uint8_t three[] = {0x0c, 1, 2, 3, 4, 5, 6};
    struct subx_reader reader = subx_reader__of(subx_slice__of(three, sizeof three));
    size_t count = 0;
    assert_false(subx_scale__count(&reader, 3, &count));
    assert_int_equal(subx_reader__offset(&reader), 0);
    assert_true(subx_scale__count(&reader, 2, &count));
    assert_int_equal(count, 3);
    assert_int_equal(subx_reader__offset(&reader), 1);

    /* 2^64 - 1 elements */
    static const uint8_t most[] = {0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0};
    reader = subx_reader__of(subx_slice__of(most, sizeof most));
    assert_false(subx_scale__count(&reader, 1, &count));
    subx_slice bytes = SUBX_EMPTY;
    assert_false(subx_scale__bytes(&reader, &bytes));
    assert_int_equal(subx_reader__offset(&reader), 0);
}

static void bytes_and_text(void **state)
{
    (void)state;
    static const uint8_t good[] = {0x0c, 'a', 0xc3, 0xa4, 0x00, 0x04, 0xff};
    struct subx_reader reader = subx_reader__of(subx_slice__of(good, sizeof good));
    subx_slice read = SUBX_EMPTY;
    assert_true(subx_scale__text(&reader, &read));
    assert_int_equal(read.len, 3);
    assert_ptr_equal(read.data, good + 1);
    assert_true(subx_scale__text(&reader, &read));
    assert_int_equal(read.len, 0);
    assert_false(subx_scale__text(&reader, &read)); /* no UTF-8 */
    assert_int_equal(subx_reader__offset(&reader), 5);
    assert_true(subx_scale__bytes(&reader, &read)); /* bytes all the same */
    assert_int_equal(read.len, 1);
    assert_false(subx_scale__bytes(&reader, &read)); /* nothing left */
}

static void writer_matches_reader(void **state)
{
    (void)state;
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_scale__append_u32(&buf, 0x01020304);
    subx_scale__append_u64(&buf, 0x1112131415161718);
    subx_scale__append_bytes(&buf, subx_slice__text("hello"));
    static const uint8_t expected[] = {0x04, 0x03, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15, 0x14,
                                       0x13, 0x12, 0x11, 0x14, 'h',  'e',  'l',  'l',  'o'};
    assert_int_equal(buf.len, sizeof expected);
    assert_memory_equal(buf.data, expected, sizeof expected);
    subx_buf__free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_integers_at_the_borders),
        cmocka_unit_test(cut_compacts_are_refused),
        cmocka_unit_test(longer_forms_are_refused),
        cmocka_unit_test(all_small_values_round_trip),
        cmocka_unit_test(counts_are_bounded_by_what_is_left),
        cmocka_unit_test(bytes_and_text),
        cmocka_unit_test(writer_matches_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
