/* The interface trie: spec/host-api.md sections 1.5 and 4.5. The vectors have many more tries. */
#include <stdio.h>

#include "naive_trie.h"
#include "storage_world.h"

/* ---- Tries without a state ---- */

static void trie_roots(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    w->at.guest.call.changes = NULL;
    const char *const empty = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314";
    static const char *const names[] = {
        "ext_trie_blake2_256_root_version_1", "ext_trie_blake2_256_ordered_root_version_1",
        "ext_trie_keccak_256_root_version_1", "ext_trie_keccak_256_ordered_root_version_1"};
    static const char *const bad[] = {"",     "04", "0404",       "080461",    "02",
                                      "0401", "fe", "03ffffffff", "0300000040"};
    for (size_t i = 0; i < 4; i++) {
        const union subx_value root = DO(names[i], H("00"));
        if (i < 2)
            assert_memory(&w->at, root, empty);
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            start_over(w);
            FAILS("'input' does not decode as", names[i], H(bad[k]));
        }
    }
    /* ["static", "even-keeled", "Future-proofed"]; with bytes behind it */
    static const char list[] =
        "0c187374617469632c6576656e2d6b65656c6564384675747572652d70726f6f666564"
        "ff";
    assert_memory(&w->at, DO("ext_trie_blake2_256_ordered_root_version_1", H(list)),
                  "d847b86d0219a384d11458e829e9f4f4cce7e3cc2e6dcd0e8a6ad6f12c64a737");
    start_over(w);
    const union subx_value out = room(&w->at, 32);
    DO("ext_trie_blake2_256_ordered_root_version_3", H(list), number(1), number(out.u32));
    assert_memory(&w->at, out, "d847b86d0219a384d11458e829e9f4f4cce7e3cc2e6dcd0e8a6ad6f12c64a737");
    DO("ext_trie_blake2_256_root_version_3", H("00"), number(0), number(out.u32));
    assert_memory(&w->at, out, empty);
    /* pairs in any order, the last of equal keys counts: b = 1, a = 2, b = 3 */
    struct naive_trie trie = {0};
    naive_trie_set(&trie, subx_slice__text("a"), subx_slice__text("2"), false);
    naive_trie_set(&trie, subx_slice__text("b"), subx_slice__text("3"), false);
    for (unsigned way = 0; way < 2; way++) {
        uint8_t root[32];
        char text[65];
        naive_trie_root(&trie, way == 0 ? &subx_trie_blake2b : &subx_trie_keccak, root);
        for (size_t i = 0; i < 32; i++)
            snprintf(text + 2 * i, 3, "%02x", root[i]);
        assert_memory(&w->at,
                      DO(names[2 * way], H("0c04620431046104320462043"
                                           "3")),
                      text);
        start_over(w);
    }
    naive_trie_free(&trie);
    FAILS("no state version", "ext_trie_blake2_256_root_version_2", H("00"), number(3));
    FAILS("no state version", "ext_trie_keccak_256_ordered_root_version_2", H("00"), number(255));
    FAILS("no state version", "ext_trie_keccak_256_root_version_3", H("00"), number(4),
          number(out.u32));
    end(w);
}

/* A trie of one key: its node without the value proves it. */
static void trie_proofs(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    w->at.guest.call.changes = NULL;
    static const char *const hashers[] = {"blake2", "keccak"};
    for (unsigned i = 0; i < 4; i++) {
        struct naive_trie trie = {0};
        uint8_t root[32];
        char name[64];
        const bool hashed = i % 2 == 1;
        naive_trie_set(&trie, subx_slice__text("k"), subx_slice__text(value), hashed);
        naive_trie_root(&trie, i < 2 ? &subx_trie_blake2b : &subx_trie_keccak, root);
        naive_trie_free(&trie);
        start_over(w);
        const union subx_value at = put(&w->at, (subx_slice){root, 32});
        snprintf(name, sizeof name, "ext_trie_%s_256_verify_proof_version_%d", hashers[i / 2],
                 hashed ? 2 : 1);
        /* leaf, partial key 6b, a value of no bytes */
        const union subx_value proof = H("040c426b00");
        ANSWERS(1, name, number(at.u32), proof, T("k"), T(value), number(1));
        ANSWERS(0, name, number(at.u32), proof, T("k"), T("other"), number(1));
        ANSWERS(0, name, number(at.u32), proof, T("l"), T(value), number(1));
        ANSWERS(0, name, number(at.u32), H("00"), T("k"), T(value), number(1));
        ANSWERS(0, name, number(at.u32), H("0404ff"), T("k"), T(value), number(1));
        FAILS("'proof' does not decode as Vec<Vec<u8>>", name, number(at.u32), H("0408"), T("k"),
              T(value), number(1));
        if (hashed)
            FAILS("no state version", name, number(at.u32), proof, T("k"), T(value), number(3));
    }
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trie_roots),
        cmocka_unit_test(trie_proofs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
