/* ECDSA over secp256k1: spec/host-api.md sections 7.3 and 10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/ecdsa.h"
#include "crypto/hash.h"
#include "util/hex.h"

static void from_hex(const char *text, uint8_t *to, size_t len)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(text), &bytes, NULL), SUBX_OK);
    assert_int_equal(bytes.len, len);
    memcpy(to, bytes.data, len);
    subx_bytes_free(&bytes);
}

static void assert_hex(const uint8_t *got, size_t len, const char *text)
{
    uint8_t expected[65];
    assert_true(len <= sizeof expected);
    from_hex(text, expected, len);
    assert_memory_equal(got, expected, len);
}

/* ---- Signing ---- */

/* Deterministic signatures over SHA-256, published with the first implementations of RFC 6979 for
 * this curve. */
static const struct {
    const char *secret, *message, *signature;
} signing[] = {
    {"0000000000000000000000000000000000000000000000000000000000000001", "Satoshi Nakamoto",
     "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
     "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"},
    {"0000000000000000000000000000000000000000000000000000000000000001",
     "All those moments will be lost in time, like tears in rain. Time to die...",
     "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b"
     "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21"},
    {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", "Satoshi Nakamoto",
     "fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d0"
     "6b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5"},
    {"f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181", "Alan Turing",
     "7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c"
     "58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea"},
};

static void published_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof signing / sizeof signing[0]; i++) {
        uint8_t secret[32], hash[32], signature[65], key[33], recovered[33];
        from_hex(signing[i].secret, secret, 32);
        subx_hash__sha2_256(subx_slice__text(signing[i].message), hash);
        assert_true(subx_ecdsa__sign(secret, hash, signature));
        assert_hex(signature, 64, signing[i].signature);
        assert_true(subx_ecdsa__public_key(secret, key));
        assert_true(subx_ecdsa__verify(SUBX_ECDSA_STRICT, signature, hash, key));
        assert_true(subx_ecdsa__verify(SUBX_ECDSA_OVERFLOWING, signature, hash, key));
        assert_int_equal(
            subx_ecdsa__recover_compressed(SUBX_ECDSA_STRICT, signature, hash, recovered),
            SUBX_ECDSA_RECOVERED);
        assert_memory_equal(recovered, key, 33);
        hash[31] ^= 1;
        assert_false(subx_ecdsa__verify(SUBX_ECDSA_STRICT, signature, hash, key));
    }
}

static void public_keys(void **state)
{
    (void)state;
    uint8_t secret[32] = {0}, key[33] = {0};
    assert_false(subx_ecdsa__public_key(secret, key));
    assert_false(subx_ecdsa__sign(secret, secret, (uint8_t[65]){0}));
    /* the generator of the group (SEC 2) */
    secret[31] = 1;
    assert_true(subx_ecdsa__public_key(secret, key));
    assert_hex(key, 33, "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    /* its order, and one below */
    from_hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", secret, 32);
    assert_false(subx_ecdsa__public_key(secret, key));
    secret[31]--;
    assert_true(subx_ecdsa__public_key(secret, key));
    assert_hex(key, 33, "0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
}

/* ---- Recovery ---- */

/* From the tests of Ethereum's ecrecover; the address is the end of the key's Keccak-256. */
static const char recover_hash[] =
    "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3";
static const char recover_signature[] =
    "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608"
    "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada01";

static void ethereum_recovery(void **state)
{
    (void)state;
    uint8_t hash[32], signature[65], key[64], digest[32];
    from_hex(recover_hash, hash, 32);
    from_hex(recover_signature, signature, 65);
    assert_int_equal(subx_ecdsa__recover(SUBX_ECDSA_STRICT, signature, hash, key),
                     SUBX_ECDSA_RECOVERED);
    subx_hash__keccak_256(subx_slice__of(key, 64), digest);
    assert_hex(digest + 12, 20, "7156526fbd7a3c72969b54f64e42c10fbb768c8a");
}

/* What becomes of every v: the same with 27 added, nothing else; verification takes 0 to 3 only. */
static void every_v(void **state)
{
    (void)state;
    uint8_t hash[32], signature[65], keys[4][64];
    enum subx_ecdsa_outcome outcomes[4];
    from_hex(recover_hash, hash, 32);
    from_hex(recover_signature, signature, 65);
    for (unsigned v = 0; v < 4; v++) {
        signature[64] = (uint8_t)v;
        outcomes[v] = subx_ecdsa__recover(SUBX_ECDSA_STRICT, signature, hash, keys[v]);
    }
    assert_int_equal(outcomes[0], SUBX_ECDSA_RECOVERED);
    assert_int_equal(outcomes[1], SUBX_ECDSA_RECOVERED);
    assert_int_equal(outcomes[2], SUBX_ECDSA_BAD_SIGNATURE); /* r + n is no coordinate */
    assert_int_equal(outcomes[3], SUBX_ECDSA_BAD_SIGNATURE);
    assert_memory_not_equal(keys[0], keys[1], 64);
    for (unsigned v = 0; v < 256; v++) {
        uint8_t key[64], compressed[33], right[33];
        signature[64] = (uint8_t)v;
        const unsigned id = v > 26 ? v - 27 : v;
        const enum subx_ecdsa_outcome expected = id > 3 ? SUBX_ECDSA_BAD_V : outcomes[id];
        assert_int_equal(subx_ecdsa__recover(SUBX_ECDSA_STRICT, signature, hash, key), expected);
        assert_int_equal(subx_ecdsa__recover(SUBX_ECDSA_OVERFLOWING, signature, hash, key),
                         expected);
        assert_int_equal(
            subx_ecdsa__recover_compressed(SUBX_ECDSA_STRICT, signature, hash, compressed),
            expected);
        if (expected != SUBX_ECDSA_RECOVERED)
            continue;
        assert_memory_equal(key, keys[id], 64);
        right[0] = (uint8_t)(2 + (key[63] & 1));
        memcpy(right + 1, key, 32);
        assert_memory_equal(compressed, right, 33);
        assert_int_equal(subx_ecdsa__verify(SUBX_ECDSA_STRICT, signature, hash, right), v < 4);
        assert_int_equal(subx_ecdsa__verify(SUBX_ECDSA_OVERFLOWING, signature, hash, right), v < 4);
        right[0] ^= 1;
        assert_false(subx_ecdsa__verify(SUBX_ECDSA_STRICT, signature, hash, right));
    }
}

static void outcome_is(const char *rs, uint8_t v, enum subx_ecdsa_outcome strict,
                       enum subx_ecdsa_outcome overflowing)
{
    const uint8_t hash[32] = {7};
    uint8_t signature[65], key[64], compressed[33];
    from_hex(rs, signature, 64);
    signature[64] = v;
    assert_int_equal(subx_ecdsa__recover(SUBX_ECDSA_STRICT, signature, hash, key), strict);
    assert_int_equal(subx_ecdsa__recover_compressed(SUBX_ECDSA_STRICT, signature, hash, compressed),
                     strict);
    assert_int_equal(subx_ecdsa__recover(SUBX_ECDSA_OVERFLOWING, signature, hash, key),
                     overflowing);
    assert_int_equal(
        subx_ecdsa__recover_compressed(SUBX_ECDSA_OVERFLOWING, signature, hash, compressed),
        overflowing);
}

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE "0000000000000000000000000000000000000000000000000000000000000001"
#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
#define ORDER_PLUS_1 "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142"
#define ALL_ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

/* v is looked at first, then r and s, then the signature. */
static void order_of_faults(void **state)
{
    (void)state;
    outcome_is(ALL_ONES ALL_ONES, 4, SUBX_ECDSA_BAD_V, SUBX_ECDSA_BAD_V);
    outcome_is(ALL_ONES ALL_ONES, 31, SUBX_ECDSA_BAD_V, SUBX_ECDSA_BAD_V);
    outcome_is(ALL_ONES ALL_ONES, 0, SUBX_ECDSA_BAD_RS, SUBX_ECDSA_BAD_SIGNATURE);
    outcome_is(ORDER ONE, 0, SUBX_ECDSA_BAD_RS, SUBX_ECDSA_BAD_SIGNATURE);
    outcome_is(ONE ORDER, 0, SUBX_ECDSA_BAD_RS, SUBX_ECDSA_BAD_SIGNATURE);
    outcome_is(ONE ORDER_PLUS_1, 0, SUBX_ECDSA_BAD_RS, SUBX_ECDSA_RECOVERED);
    outcome_is(ORDER_PLUS_1 ONE, 0, SUBX_ECDSA_BAD_RS, SUBX_ECDSA_RECOVERED);
    outcome_is(ZERO ONE, 0, SUBX_ECDSA_BAD_SIGNATURE, SUBX_ECDSA_BAD_SIGNATURE);
    outcome_is(ONE ZERO, 0, SUBX_ECDSA_BAD_SIGNATURE, SUBX_ECDSA_BAD_SIGNATURE);
    outcome_is(ZERO ZERO, 27, SUBX_ECDSA_BAD_SIGNATURE, SUBX_ECDSA_BAD_SIGNATURE);
    outcome_is(ONE ONE, 0, SUBX_ECDSA_RECOVERED, SUBX_ECDSA_RECOVERED);
}

/* r and s so small that adding the order to them still fits 32 bytes (from the reference). */
static void overflowing_signature(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "0000000000000000000000000000000084c6cb26f2bed208cbe01c4646502ad9"
        "000000000000000000000000000000009c06d2d17d76b94a05e84a3b3c7c8440",
        /* n added to r, to s, to both */
        "ffffffffffffffffffffffffffffffff3f75a80da20772448bb27ad316866c1a"
        "000000000000000000000000000000009c06d2d17d76b94a05e84a3b3c7c8440",
        "0000000000000000000000000000000084c6cb26f2bed208cbe01c4646502ad9"
        "ffffffffffffffffffffffffffffffff56b5afb82cbf5985c5baa8c80cb2c581",
        "ffffffffffffffffffffffffffffffff3f75a80da20772448bb27ad316866c1a"
        "ffffffffffffffffffffffffffffffff56b5afb82cbf5985c5baa8c80cb2c581",
    };
    uint8_t hash[32], key[33], signature[65] = {0};
    subx_hash__blake2b_256(subx_slice__text("m"), hash);
    from_hex("032bae1fbc6b89a6a56ae2f55d688af598f09f21ed4af857a3f6534eb71c78011b", key, 33);
    for (size_t i = 0; i < 4; i++) {
        from_hex(forms[i], signature, 64);
        assert_int_equal(subx_ecdsa__verify(SUBX_ECDSA_STRICT, signature, hash, key), i == 0);
        assert_true(subx_ecdsa__verify(SUBX_ECDSA_OVERFLOWING, signature, hash, key));
    }
}

/* The higher of two s is as good; the id changes with it. */
static void high_s(void **state)
{
    (void)state;
    uint8_t secret[32] = {9}, hash[32] = {1, 2, 3}, signature[65], key[33], order[32];
    assert_true(subx_ecdsa__public_key(secret, key));
    assert_true(subx_ecdsa__sign(secret, hash, signature));
    from_hex(ORDER, order, 32);
    int borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        const int difference = order[i] - signature[32 + i] - borrow;
        signature[32 + i] = (uint8_t)difference;
        borrow = difference < 0;
    }
    assert_false(subx_ecdsa__verify(SUBX_ECDSA_STRICT, signature, hash, key));
    signature[64] ^= 1;
    assert_true(subx_ecdsa__verify(SUBX_ECDSA_STRICT, signature, hash, key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures),
        cmocka_unit_test(public_keys),
        cmocka_unit_test(ethereum_recovery),
        cmocka_unit_test(every_v),
        cmocka_unit_test(order_of_faults),
        cmocka_unit_test(overflowing_signature),
        cmocka_unit_test(high_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
