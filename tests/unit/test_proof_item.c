/* Proofs of one value in the format of ext_trie_*_verify_proof (spec/host-api.md section 4.5): made
 * from random tries, then damaged in every way; and some that the reference has judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/scale.h"
#include "naive_trie.h"
#include "trie/tree.h"
#include "util/hex.h"
#include "util/mem.h"

/* Items of a proof, each in a buffer of its own. */
struct items {
    struct subx_buf bufs[80];
    subx_slice slices[81];
    size_t count;
};

static void free_items(struct items *items)
{
    for (size_t i = 0; i < items->count; i++)
        subx_buf__free(&items->bufs[i]);
    items->count = 0;
}

/* Append the node with what is to be proven left out, and the items that follow from it. */
static void omit(const struct subx_proof *proof, subx_slice encoding, struct subx_nibbles rest,
                 struct subx_buf *out, struct items *items)
{
    struct subx_trie_node node;
    struct subx_buf child_buf = SUBX_BUF_INIT;
    assert_int_equal(subx_trie_node__decode(encoding, SUBX_TRIE_PLAIN, &node, NULL), SUBX_OK);
    rest = subx_nibbles__skip(rest, node.partial.len);
    if (rest.len == 0) {
        node.value.form = node.bitmap != 0 ? SUBX_TRIE_NO_VALUE : SUBX_TRIE_INLINE;
        node.value.bytes = SUBX_EMPTY;
        subx_trie_node__encode(&node, out);
        return;
    }
    subx_slice *const child = &node.children[subx_nibbles__get(rest, 0)];
    rest = subx_nibbles__skip(rest, 1);
    if (child->len == 32) {
        const struct subx_proof_entry *const entry = subx_proof__find(proof, child->data);
        assert_non_null(entry);
        *child = SUBX_EMPTY;
        subx_trie_node__encode(&node, out);
        struct subx_buf *const next = &items->bufs[items->count++];
        *next = (struct subx_buf)SUBX_BUF_INIT;
        omit(proof, subx_proof__blob(proof, entry), rest, next, items);
    } else {
        omit(proof, *child, rest, &child_buf, items);
        *child = subx_buf__slice(&child_buf);
        subx_trie_node__encode(&node, out);
    }
    subx_buf__free(&child_buf);
}

static void make_items(const struct subx_tree *tree, const uint8_t root[32], subx_slice key,
                       struct items *items)
{
    struct subx_proof proof;
    struct subx_tree_entry entry;
    subx_proof__init(&proof, tree->hasher);
    assert_int_equal(subx_tree__get(tree, key, &proof, &entry, NULL), SUBX_OK);
    assert_true(entry.found);
    items->count = 1;
    items->bufs[0] = (struct subx_buf)SUBX_BUF_INIT;
    const struct subx_proof_entry *const first = subx_proof__find(&proof, root);
    assert_non_null(first);
    omit(&proof, subx_proof__blob(&proof, first), subx_nibbles__of_key(key), &items->bufs[0],
         items);
    for (size_t i = 0; i < items->count; i++)
        items->slices[i] = subx_buf__slice(&items->bufs[i]);
    subx_proof__free(&proof);
}

static subx_status verify(const struct subx_trie_hasher *hasher, unsigned version,
                          const uint8_t root[32], const struct items *items, subx_slice key,
                          subx_slice value)
{
    return subx_proof__verify_item(hasher, version, root, items->slices, items->count, key, value,
                                   NULL);
}

static void expect_refused(const struct subx_trie_hasher *hasher, unsigned version,
                           const uint8_t root[32], const struct items *items, subx_slice key,
                           subx_slice value)
{
    assert_int_equal(verify(hasher, version, root, items, key, value), SUBX_INVALID_INPUT);
}

/* Each way in which a good proof can be made bad. */
static void damage(const struct subx_trie_hasher *hasher, unsigned version, const uint8_t root[32],
                   struct items *items, subx_slice key, subx_slice value)
{
    uint8_t other[200] = {0};
    const subx_slice longer_key = subx_slice__of(other, key.len + 1);
    if (key.len > 0)
        memcpy(other, key.data, key.len);
    expect_refused(hasher, version, root, items, longer_key, value);
    if (key.len > 0) {
        other[key.len - 1] ^= 0x01;
        expect_refused(hasher, version, root, items, subx_slice__of(other, key.len), value);
        expect_refused(hasher, version, root, items, subx_slice__of(key.data, key.len - 1), value);
    }
    memset(other, 0, sizeof other);
    if (value.len > 0)
        memcpy(other, value.data, value.len);
    expect_refused(hasher, version, root, items, key, subx_slice__of(other, value.len + 1));
    if (value.len > 0) {
        other[0] ^= 1;
        expect_refused(hasher, version, root, items, key, subx_slice__of(other, value.len));
        expect_refused(hasher, version, root, items, key, SUBX_EMPTY);
    }
    memcpy(other, root, 32);
    other[31] ^= 1;
    expect_refused(hasher, version, other, items, key, value);
    if (value.len >= 33)
        expect_refused(hasher, 1 - version, root, items, key, value);
    items->count--;
    expect_refused(hasher, version, root, items, key, value);
    items->count += 2;
    items->slices[items->count - 1] = items->slices[0];
    expect_refused(hasher, version, root, items, key, value);
    items->count--;
    /* every bit of the items counts, but for what comes after a node's end */
    for (size_t i = 0; i < items->count; i++)
        for (size_t bit = 0; bit < 8 * items->bufs[i].len; bit++) {
            items->bufs[i].data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            expect_refused(hasher, version, root, items, key, value);
            items->bufs[i].data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
}

static void random_tries(void **state)
{
    (void)state;
    uint64_t seed = 30;
    static const uint8_t few[] = {0x00, 0x01, 0x10, 0x61};
    for (int round = 0; round < 60; round++) {
        const struct subx_trie_hasher *const hasher =
            round % 3 == 0 ? &subx_trie_keccak : &subx_trie_blake2b;
        const unsigned version = round % 2 == 0 ? 0 : 1;
        struct naive_trie naive = {NULL, 0, 0};
        struct subx_tree tree;
        uint8_t root[32], key[5], value[90];
        subx_tree__init(&tree, hasher);
        for (uint32_t i = naive_random(&seed, 30) + 1; i > 0; i--) {
            const subx_slice slice = subx_slice__of(key, naive_random(&seed, sizeof key));
            const subx_slice bytes = subx_slice__of(value, naive_random(&seed, sizeof value));
            for (size_t k = 0; k < sizeof key; k++)
                key[k] = few[naive_random(&seed, 4)];
            memset(value, (int)i, sizeof value);
            assert_int_equal(subx_tree__set(&tree, slice, bytes, version == 1, NULL), SUBX_OK);
            naive_trie_set(&naive, slice, bytes, version == 1);
        }
        assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
        for (size_t i = 0; i < naive.count; i++) {
            const subx_slice slice = naive_key(&naive.pairs[i]);
            const subx_slice bytes = naive_value(&naive.pairs[i]);
            struct items items;
            make_items(&tree, root, slice, &items);
            assert_int_equal(verify(hasher, version, root, &items, slice, bytes), SUBX_OK);
            if (i % 4 == 0)
                damage(hasher, version, root, &items, slice, bytes);
            /* bytes after a node's end are left out when it is completed */
            subx_buf__append_u8(&items.bufs[0], 0);
            items.slices[0] = subx_buf__slice(&items.bufs[0]);
            assert_int_equal(verify(hasher, version, root, &items, slice, bytes), SUBX_OK);
            free_items(&items);
        }
        naive_trie_free(&naive);
        subx_tree__free(&tree);
    }
}

/* The reference's answers (host-call vectors): root, proof, key, value, state version. */
static const struct {
    const char *root, *proof, *key, *value;
    unsigned version;
    bool holds;
} judged[] = {
#define DO_ROOT "89d039b818832bce9cac0fb6d49f7120c4ecae3097ba0c975848b8c0bf75c13a"
#define DO_PROOF                                                                                   \
    "0c28c0400014050505050500948010010080922a2054f5d906c45c28a040370d815025eac114d1b00c2c1d7b12b6" \
    "f4daae6794826f40008033ef7035d72982277605b8d895d454390642c6348a87d6029225c045f8f7f179"
#define DOGE_PROOF                                                                                 \
    "1428c0400014050505050500948010010080922a2054f5d906c45c28a040370d815025eac114d1b00c2c1d7b12b6" \
    "f4daae6720c26f4000080202009cc107400084212121212121212121212121212121212121212121212121212121" \
    "2"                                                                                            \
    "12121212121000c410500"
#define DOGE_VALUE "2020202020202020202020202020202020202020202020202020202020202020"
    {DO_ROOT, DO_PROOF, "646f", "0202", 0, true},
    {DO_ROOT, DO_PROOF, "646f", "0202", 1, true},
    {DO_ROOT, DO_PROOF, "646f", "77726f6e67", 0, false},
    {DO_ROOT, DO_PROOF, "646f", "", 0, false},
    {DO_ROOT, DO_PROOF, "646f78", "0202", 0, false},
    {"0000000000000000000000000000000000000000000000000000000000000000", DO_PROOF, "646f", "0202",
     0, false},
    {DO_ROOT, "00", "646f", "0202", 0, false},
    {DO_ROOT, DOGE_PROOF, "646f6765", DOGE_VALUE, 0, true},
    {DO_ROOT, DOGE_PROOF, "646f6765", DOGE_VALUE, 1, true},
    {DO_ROOT, DOGE_PROOF, "646f6765", "77726f6e67", 0, false},
    /* the empty trie has no value to prove */
    {"03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314", "00", "6b", "76", 1,
     false},
    {"03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314", "0400", "6b", "76", 1,
     false},
    {"03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314", "040400", "6b", "76", 1,
     false},
    {"03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314", "040401", "6b", "76", 1,
     false},
    {"03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314", "040c800000", "6b", "76",
     1, false},
};

static subx_bytes from_hex(const char *hex)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(hex), &bytes, NULL), SUBX_OK);
    return bytes;
}

static void judged_by_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        subx_bytes root = from_hex(judged[i].root), proof = from_hex(judged[i].proof);
        subx_bytes key = from_hex(judged[i].key), value = from_hex(judged[i].value);
        struct subx_reader at = subx_reader__of(subx_slice__of(proof.data, proof.len));
        subx_slice items[8];
        size_t count = 0;
        subx_error error = SUBX_ERROR_INIT;
        assert_true(subx_scale__count(&at, 1, &count));
        for (size_t k = 0; k < count; k++)
            assert_true(subx_scale__bytes(&at, &items[k]));
        const subx_status status = subx_proof__verify_item(
            &subx_trie_blake2b, judged[i].version, root.data, items, count,
            subx_slice__of(key.data, key.len), subx_slice__of(value.data, value.len), &error);
        assert_int_equal(status, judged[i].holds ? SUBX_OK : SUBX_INVALID_INPUT);
        assert_int_equal(error.message[0] == '\0', judged[i].holds);
        subx_bytes_free(&root);
        subx_bytes_free(&proof);
        subx_bytes_free(&key);
        subx_bytes_free(&value);
    }
}

/* A long value in a node that stands inline in its parent makes that node too long for it. */
static void inline_node_too_long(void **state)
{
    (void)state;
    static const uint8_t parent[] = {0x80, 0x01, 0x00, 0x0c, 0x41, 0x01, 0x00};
    static const uint8_t key[] = {0x01}, value[40], root[32];
    const subx_slice item = subx_slice__of(parent, sizeof parent);
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_proof__verify_item(&subx_trie_blake2b, 0, root, &item, 1,
                                             subx_slice__of(key, 1), subx_slice__of(value, 40),
                                             &error),
                     SUBX_INVALID_INPUT);
    assert_string_equal(error.message, "proof of a value: an inline node of 43 bytes");
    /* a short one does not */
    uint8_t proven[32];
    static const uint8_t whole[] = {0x80, 0x01, 0x00, 0x10, 0x41, 0x01, 0x04, 0x00};
    subx_trie_blake2b.hash(subx_slice__of(whole, sizeof whole), proven);
    assert_int_equal(subx_proof__verify_item(&subx_trie_blake2b, 0, proven, &item, 1,
                                             subx_slice__of(key, 1), subx_slice__of(value, 1),
                                             NULL),
                     SUBX_OK);
}

/* A child of 32 bytes is a hash, also if it happens to be a node. */
static void hash_that_is_a_node(void **state)
{
    (void)state;
    uint8_t parent[36] = {0x80, 0x01, 0x00, 0x80, 0x40 | 59, 0x00}, root[32];
    static const uint8_t key[30];
    const subx_slice item = subx_slice__of(parent, sizeof parent);
    struct subx_trie_node node;
    /* 60 nibbles of the key: the branch's one and 59; an omitted value */
    assert_int_equal(
        subx_trie_node__decode(subx_slice__of(parent + 4, 32), SUBX_TRIE_OMITTING, &node, NULL),
        SUBX_OK);
    assert_int_equal(node.partial.len, 59);
    subx_trie_blake2b.hash(item, root);
    assert_int_equal(subx_proof__verify_item(&subx_trie_blake2b, 0, root, &item, 1,
                                             subx_slice__of(key, 30), SUBX_EMPTY, NULL),
                     SUBX_INVALID_INPUT);
}

/* Keys of many nested branches, and allocations that fail on the way. */
static void deep_path(void **state)
{
    (void)state;
    enum { DEPTH = 70 };
    static uint8_t zeros[DEPTH];
    struct subx_tree tree;
    struct items items;
    uint8_t root[32];
    subx_tree__init(&tree, &subx_trie_blake2b);
    for (size_t len = 1; len <= DEPTH; len++)
        (void)subx_tree__set(&tree, subx_slice__of(zeros, len), subx_slice__of(zeros, 40), true,
                             NULL);
    assert_int_equal(subx_tree__root(&tree, root, NULL), SUBX_OK);
    const subx_slice key = subx_slice__of(zeros, DEPTH), value = subx_slice__of(zeros, 40);
    make_items(&tree, root, key, &items);
    assert_int_equal(items.count, DEPTH);
    subx_status status = SUBX_NOMEM;
    unsigned failures = 0;
    for (int64_t n = 0; status != SUBX_OK; n++) {
        (void)subx_mem__fail_after(n);
        status = verify(&subx_trie_blake2b, 1, root, &items, key, value);
        (void)subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || status == SUBX_NOMEM);
        failures += status != SUBX_OK;
    }
#ifdef SUBX_CHECKED
    assert_true(failures > 2);
#else
    assert_int_equal(failures, 0);
#endif
    free_items(&items);
    subx_tree__free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_tries),
        cmocka_unit_test(judged_by_the_reference),
        cmocka_unit_test(inline_node_too_long),
        cmocka_unit_test(hash_that_is_a_node),
        cmocka_unit_test(deep_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
