/* The node codec: every header, lengths at the borders, what is refused, round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "naive_trie.h"
#include "trie/trie_node.h"
#include "util/hex.h"
#include "util/mem.h"

static subx_bytes from_hex(const char *hex)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(hex), &bytes, NULL), SUBX_OK);
    return bytes;
}

static subx_slice slice_of(subx_bytes bytes)
{
    return subx_slice__of(bytes.data, bytes.len);
}

#define HASH "1111111111111111111111111111111111111111111111111111111111111111"

/* Hand-written encodings and what is in them. */
static const struct {
    const char *hex;
    enum subx_trie_form form;
    size_t partial_len;
    uint16_t bitmap;
    size_t value_len;
} good[] = {
    {"4000", SUBX_TRIE_INLINE, 0, 0, 0},
    {"410508abcd", SUBX_TRIE_INLINE, 1, 0, 2},
    {"42ab04ff", SUBX_TRIE_INLINE, 2, 0, 1},
    {"20" HASH, SUBX_TRIE_HASHED, 0, 0, 32},
    {"230abc" HASH, SUBX_TRIE_HASHED, 3, 0, 32},
    {"800100"
     "80" HASH,
     SUBX_TRIE_NO_VALUE, 0, 1, 0},
    {"81078000"
     "80" HASH,
     SUBX_TRIE_NO_VALUE, 1, 0x80, 0},
    {"c00300"
     "04ee"
     "084000"
     "084104",
     SUBX_TRIE_INLINE, 0, 3, 1},
    {"c0ffff"
     "00"
     "04010401040104010401040104010401"
     "04010401040104010401040104010401",
     SUBX_TRIE_INLINE, 0, 0xffff, 0},
    {"100080" HASH "080102", SUBX_TRIE_HASHED, 0, 0x8000, 32},
    {"1101"
     "0100" HASH "04aa",
     SUBX_TRIE_HASHED, 1, 1, 32},
};

static void hand_written_nodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        subx_bytes bytes = from_hex(good[i].hex);
        struct subx_trie_node node;
        struct subx_buf again = SUBX_BUF_INIT;
        assert_int_equal(subx_trie_node__decode(slice_of(bytes), SUBX_TRIE_PLAIN, &node, NULL),
                         SUBX_OK);
        assert_false(node.is_empty);
        assert_int_equal(node.value.form, good[i].form);
        assert_int_equal(node.partial.len, good[i].partial_len);
        assert_int_equal(node.bitmap, good[i].bitmap);
        assert_int_equal(node.value.bytes.len, good[i].value_len);
        subx_trie_node__encode(&node, &again);
        assert_true(subx_slice__equal(subx_buf__slice(&again), slice_of(bytes)));
        subx_buf__free(&again);
        subx_bytes_free(&bytes);
    }
}

static void no_keys(void **state)
{
    (void)state;
    const uint8_t zero = 0;
    struct subx_trie_node node;
    struct subx_buf again = SUBX_BUF_INIT;
    const subx_slice bytes = subx_slice__of(&zero, 1);
    assert_int_equal(subx_trie_node__decode(bytes, SUBX_TRIE_PLAIN, &node, NULL), SUBX_OK);
    assert_true(node.is_empty);
    subx_trie_node__encode(&node, &again);
    assert_true(subx_slice__equal(subx_buf__slice(&again), bytes));
    subx_buf__free(&again);
    uint8_t root[32];
    subx_trie_blake2b.hash(bytes, root);
    assert_memory_equal(root, subx_trie_blake2b.empty_root, 32);
    subx_trie_keccak.hash(bytes, root);
    assert_memory_equal(root, subx_trie_keccak.empty_root, 32);
}

static const struct {
    const char *hex, *message;
} bad[] = {
    {"", "trie node: no bytes at offset 0"},
    {"01", "trie node: no node begins with 0x01"},
    {"014000", "trie node: no node begins with 0x01"},
    {"02", "trie node: no node begins with 0x02"},
    {"0f00", "trie node: no node begins with 0x0f"},
    {"0000", "trie node: bytes after the end at offset 1"},
    {"400000", "trie node: bytes after the end at offset 2"},
    {"40", "trie node: the value is cut short at offset 1"},
    {"4004", "trie node: the value is cut short at offset 1"},
    {"400100", "trie node: the value is cut short at offset 1"}, /* a longer form of 0 */
    {"41", "trie node: the partial key is cut short at offset 1"},
    {"411000", "trie node: padding of the partial key is not zero at offset 1"},
    {"43f12300", "trie node: padding of the partial key is not zero at offset 1"},
    {"42", "trie node: the partial key is cut short at offset 1"},
    {"7f", "trie node: the length of the partial key is cut short at offset 1"},
    {"7fff", "trie node: the length of the partial key is cut short at offset 2"},
    {"7f00", "trie node: the partial key is cut short at offset 2"},
    {"20", "trie node: the value is cut short at offset 1"},
    {"2011111111111111111111111111111111111111111111111111111111111111",
     "trie node: the value is cut short at offset 1"},
    {"3f", "trie node: the length of the partial key is cut short at offset 1"},
    {"1f", "trie node: the length of the partial key is cut short at offset 1"},
    {"80", "trie node: the bitmap of children is cut short at offset 1"},
    {"8001", "trie node: the bitmap of children is cut short at offset 1"},
    {"800000", "trie node: a branch without children at offset 3"},
    {"c0000000", "trie node: a branch without children at offset 3"},
    {"100000" HASH, "trie node: a branch without children at offset 3"},
    {"800100", "trie node: a child is cut short at offset 3"},
    {"80010008aa", "trie node: a child is cut short at offset 3"},
    {"800300"
     "04aa",
     "trie node: a child is cut short at offset 5"},
    {"80010000", "trie node: a child is empty at offset 4"},
    {"800100"
     "84" HASH "00",
     "trie node: a child is longer than a hash at offset 37"},
    {"800100"
     "0100",
     "trie node: a child is cut short at offset 3"}, /* a longer form of 0 */
    {"800100"
     "04aa"
     "00",
     "trie node: bytes after the end at offset 5"},
};

static void what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        subx_bytes bytes = from_hex(bad[i].hex);
        struct subx_trie_node node;
        subx_error error = SUBX_ERROR_INIT;
        assert_int_equal(subx_trie_node__decode(slice_of(bytes), SUBX_TRIE_PLAIN, &node, &error),
                         SUBX_INVALID_INPUT);
        assert_string_equal(error.message, bad[i].message);
        subx_bytes_free(&bytes);
    }
}

/* The proof formats leave children out, and encode the node anew. */
static void omitting(void **state)
{
    (void)state;
    static const char *const accepted[] = {"80010000", "c00300000000", "400000", "80030004aa00"};
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        subx_bytes bytes = from_hex(accepted[i]);
        struct subx_trie_node node;
        assert_int_equal(subx_trie_node__decode(slice_of(bytes), SUBX_TRIE_OMITTING, &node, NULL),
                         SUBX_OK);
        assert_int_equal(subx_trie_node__decode(slice_of(bytes), SUBX_TRIE_PLAIN, &node, NULL),
                         SUBX_INVALID_INPUT);
        subx_bytes_free(&bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        subx_bytes bytes = from_hex(bad[i].hex);
        struct subx_trie_node node;
        const bool is_accepted = strstr(bad[i].message, "after the end") != NULL ||
                                 strstr(bad[i].message, "is empty") != NULL;
        assert_int_equal(subx_trie_node__decode(slice_of(bytes), SUBX_TRIE_OMITTING, &node, NULL),
                         is_accepted ? SUBX_OK : SUBX_INVALID_INPUT);
        subx_bytes_free(&bytes);
    }
}

/* Every form with partial keys of lengths at all borders, up to keys of 70 000 bytes; each proper
 * prefix of the encoding is refused. */
static void lengths_at_the_borders(void **state)
{
    (void)state;
    static const size_t lengths[] = {0,     1,     14,    15,    16,     30,    31,  32,  62,
                                     63,    64,    269,   270,   271,    285,   286, 317, 318,
                                     319,   525,   526,   540,   541,    573,   574, 575, 828,
                                     65534, 65535, 65536, 65598, 139999, 140000};
    static uint8_t key[70001];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i * 37 + 11);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (unsigned kind = 0; kind < 5; kind++) {
            static const enum subx_trie_form forms[] = {SUBX_TRIE_INLINE, SUBX_TRIE_HASHED,
                                                        SUBX_TRIE_NO_VALUE, SUBX_TRIE_INLINE,
                                                        SUBX_TRIE_HASHED};
            struct subx_trie_node node = {.partial = {key, lengths[i] & 1, lengths[i]},
                                          .bitmap = kind >= 2 ? 0x8001 : 0};
            node.value.form = forms[kind];
            if (node.value.form != SUBX_TRIE_NO_VALUE)
                node.value.bytes = subx_slice__of(key, 32);
            node.children[0] = subx_slice__of(key + 5, 32);
            node.children[15] = subx_slice__of(key + 5, 31);
            struct subx_buf encoded = SUBX_BUF_INIT, again = SUBX_BUF_INIT;
            subx_trie_node__encode(&node, &encoded);
            struct subx_trie_node back;
            const subx_slice bytes = subx_buf__slice(&encoded);
            assert_int_equal(subx_trie_node__decode(bytes, SUBX_TRIE_PLAIN, &back, NULL), SUBX_OK);
            assert_int_equal(back.partial.len, lengths[i]);
            assert_int_equal(subx_nibbles__common(back.partial, node.partial), lengths[i]);
            assert_int_equal(back.value.form, node.value.form);
            assert_true(subx_slice__equal(back.value.bytes, node.value.bytes));
            assert_int_equal(back.bitmap, node.bitmap);
            subx_trie_node__encode(&back, &again);
            assert_true(subx_slice__equal(subx_buf__slice(&again), bytes));
            for (size_t cut = 0; cut < bytes.len; cut += cut < 700 ? 1 : 997) {
                uint8_t *const copy = subx_mem__copy(bytes.data, cut);
                assert_int_equal(
                    subx_trie_node__decode(subx_slice__of(copy, cut), SUBX_TRIE_PLAIN, &back, NULL),
                    SUBX_INVALID_INPUT);
                subx_mem__free(copy);
            }
            subx_buf__free(&encoded);
            subx_buf__free(&again);
        }
}

/* Any bytes: what decodes encodes to the same. */
static void random_bytes(void **state)
{
    (void)state;
    uint64_t seed = 4;
    unsigned decoded = 0;
    for (int i = 0; i < 200000; i++) {
        uint8_t bytes[48];
        const size_t len = naive_random(&seed, sizeof bytes) + 1;
        for (size_t k = 0; k < len; k++)
            bytes[k] = (uint8_t)naive_random(&seed, k % 3 == 0 ? 256 : 5);
        struct subx_trie_node node;
        const subx_slice slice = subx_slice__of(bytes, len);
        if (subx_trie_node__decode(slice, SUBX_TRIE_PLAIN, &node, NULL) != SUBX_OK)
            continue;
        struct subx_buf again = SUBX_BUF_INIT;
        subx_trie_node__encode(&node, &again);
        assert_true(subx_slice__equal(subx_buf__slice(&again), slice));
        subx_buf__free(&again);
        decoded++;
    }
    assert_true(decoded > 100);
}

static void merkle_values(void **state)
{
    (void)state;
    uint8_t bytes[33] = {7};
    const struct subx_trie_hasher *const hashers[] = {&subx_trie_blake2b, &subx_trie_keccak};
    for (size_t i = 0; i < 2; i++)
        for (size_t len = 1; len <= sizeof bytes; len++) {
            const struct subx_merkle merkle =
                subx_trie_node__merkle(hashers[i], subx_slice__of(bytes, len));
            uint8_t hash[32];
            hashers[i]->hash(subx_slice__of(bytes, len), hash);
            assert_int_equal(merkle.len, len < 32 ? len : 32);
            assert_memory_equal(merkle.bytes, len < 32 ? bytes : hash, merkle.len);
        }
}

static void forms_by_version_and_length(void **state)
{
    (void)state;
    assert_false(subx_trie__is_hashed(0, 33));
    assert_false(subx_trie__is_hashed(0, 1000000));
    assert_false(subx_trie__is_hashed(1, 0));
    assert_false(subx_trie__is_hashed(1, 32));
    assert_true(subx_trie__is_hashed(1, 33));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_written_nodes),     cmocka_unit_test(no_keys),
        cmocka_unit_test(what_is_refused),        cmocka_unit_test(omitting),
        cmocka_unit_test(lengths_at_the_borders), cmocka_unit_test(random_bytes),
        cmocka_unit_test(merkle_values),          cmocka_unit_test(forms_by_version_and_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
