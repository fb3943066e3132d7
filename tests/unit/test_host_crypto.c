/*
 * The interface crypto on a byte array as the guest: spec/host-api.md sections 1.3, 7 and 10. What
 * the primitives accept is tested with them; here it is which rule a function has, and encodings.
 */
#include "guest_memory.h"

#include <stdio.h>

#define ALICE "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
#define ALICE_ED "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee"
#define ALICE_EC "020a1091341fe5664bfa1782d5e04779689068c916b04cb365ec3153755684d9a1"

/* SCALE of Some("//Alice") and of Some("//Bob"). */
#define SEED_ALICE "011c2f2f416c696365"
#define SEED_BOB "01142f2f426f62"

/* ---- Verification ---- */

/* RFC 8032, test 2; sr25519 and pre-audit sr25519 from the reference, over "m" and nothing. */
#define ED_SIGNATURE                                                   \
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" \
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
#define ED_KEY "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define SR_SIGNATURE                                                   \
    "c823adf6e31dd2a17e1256c452e2c856139374f2e5048e3ac4f5a56add47510d" \
    "cac697ace2753852129e46666017a9509a9284386bcdc2b1f767943459169b85"
#define SR_KEY "a46e354ab2d3fb949977f4ed93784dcc3f9bb7e0ce63df636b4d3ad5de6d4901"
#define OLD_SIGNATURE                                                  \
    "2e88e350b5ec61b3f602c84379fc9a501c3adf637c78af72878fcb1a7bd2ce7e" \
    "4f7251aba0ca01bd16729572de9e8f38f7a30c4786e0cf95bd84688a75206406"
#define OLD_KEY "8625569b60e408d7eb72f540327a3bafa2ea76bb54ec715461d6fab3819f1e2f"
/* Over "m", with r and s as small as they come; and the same with n added to r. */
#define EC_SIGNATURE                                                   \
    "0000000000000000000000000000000084c6cb26f2bed208cbe01c4646502ad9" \
    "000000000000000000000000000000009c06d2d17d76b94a05e84a3b3c7c844000"
#define EC_OVERFLOWING                                                 \
    "ffffffffffffffffffffffffffffffff3f75a80da20772448bb27ad316866c1a" \
    "000000000000000000000000000000009c06d2d17d76b94a05e84a3b3c7c844000"
#define EC_KEY "032bae1fbc6b89a6a56ae2f55d688af598f09f21ed4af857a3f6534eb71c78011b"

static void verdict(const char *name, const char *signature, const char *message, const char *key,
                    bool expected)
{
    struct laid_out at;
    lay_out(&at);
    const union subx_value result = CALL(&at, name, pointer_to_hex(&at, signature),
                                         put_text(&at, message), pointer_to_hex(&at, key));
    if (result.u64 != expected)
        fail_msg("%s: %llu", name, (unsigned long long)result.u64);
    lay_out_end(&at);
}

static void verification(void **state)
{
    (void)state;
    verdict("ext_crypto_ed25519_verify_version_1", ED_SIGNATURE, "r", ED_KEY, true);
    verdict("ext_crypto_ed25519_verify_version_1", ED_SIGNATURE, "s", ED_KEY, false);
    verdict("ext_crypto_sr25519_verify_version_1", SR_SIGNATURE, "m", SR_KEY, true);
    verdict("ext_crypto_sr25519_verify_version_2", SR_SIGNATURE, "m", SR_KEY, true);
    verdict("ext_crypto_sr25519_verify_version_1", SR_SIGNATURE, "n", SR_KEY, false);
    verdict("ext_crypto_sr25519_verify_version_2", SR_SIGNATURE, "n", SR_KEY, false);
    verdict("ext_crypto_sr25519_verify_version_1", OLD_SIGNATURE, "m", OLD_KEY, true);
    verdict("ext_crypto_sr25519_verify_version_2", OLD_SIGNATURE, "m", OLD_KEY, false);
    verdict("ext_crypto_ecdsa_verify_version_1", EC_SIGNATURE, "m", EC_KEY, true);
    verdict("ext_crypto_ecdsa_verify_version_2", EC_SIGNATURE, "m", EC_KEY, true);
    verdict("ext_crypto_ecdsa_verify_version_1", EC_OVERFLOWING, "m", EC_KEY, true);
    verdict("ext_crypto_ecdsa_verify_version_2", EC_OVERFLOWING, "m", EC_KEY, false);
    verdict("ext_crypto_ecdsa_verify_version_1", EC_SIGNATURE, "n", EC_KEY, false);
}

static void prehashed(void **state)
{
    (void)state;
    /* of the reference: a hash of sevens */
    static const char signature[] =
        "9f60040b225dfde6dc45f9e8e03017dd44cec9405f60eb7dcb4cc6268ee427c1"
        "71570334ff27afc420588401f23438e81b0b2716944dc574f653a3b5a8300da001";
    struct laid_out at;
    lay_out(&at);
    const union subx_value arguments[3] = {
        pointer_to_hex(&at, signature),
        pointer_to_hex(&at, "0707070707070707070707070707070707070707070707070707070707070707"),
        pointer_to_hex(&at, ALICE_EC)};
    assert_int_equal(CALL(&at, "ext_crypto_ecdsa_verify_prehashed_version_1", arguments[0],
                          arguments[1], arguments[2])
                         .u64,
                     1);
    at.guest.call.guest.base[arguments[1].u32] ^= 1;
    assert_int_equal(CALL(&at, "ext_crypto_ecdsa_verify_prehashed_version_1", arguments[0],
                          arguments[1], arguments[2])
                         .u64,
                     0);
    lay_out_end(&at);
}

/* ---- Batches ---- */

static union subx_value batch_verify(struct laid_out *at, const char *message)
{
    at->next = 16;
    return CALL(at, "ext_crypto_sr25519_batch_verify_version_1", pointer_to_hex(at, SR_SIGNATURE),
                put_text(at, message), pointer_to_hex(at, SR_KEY));
}

static void batches(void **state)
{
    (void)state;
    static const char start[] = "ext_crypto_start_batch_verify_version_1";
    static const char finish[] = "ext_crypto_finish_batch_verify_version_1";
    struct laid_out at;
    lay_out(&at);
    union subx_value none[1] = {{.u64 = 0}};
    /* without a batch: the verdict at once */
    assert_int_equal(batch_verify(&at, "m").u64, 1);
    assert_int_equal(batch_verify(&at, "n").u64, 0);
    host_enter_fails(&at.guest, finish, none, "no batch is open");
    host_enter_works(&at.guest, start, none);
    host_enter_fails(&at.guest, start, none, "a batch is open already");
    host_enter_works(&at.guest, finish, none);
    assert_int_equal(none[0].u64, 1); /* an empty one is valid; the bad one before does not count */
    host_enter_works(&at.guest, start, none);
    assert_int_equal(batch_verify(&at, "m").u64, 1);
    assert_int_equal(batch_verify(&at, "n").u64, 0);
    assert_int_equal(batch_verify(&at, "m").u64, 1);
    host_enter_works(&at.guest, finish, none);
    assert_int_equal(none[0].u64, 0);
    /* plain verification is no part of it */
    host_enter_works(&at.guest, start, none);
    at.next = 16;
    assert_int_equal(CALL(&at, "ext_crypto_sr25519_verify_version_2",
                          pointer_to_hex(&at, SR_SIGNATURE), put_text(&at, "n"),
                          pointer_to_hex(&at, SR_KEY))
                         .u64,
                     0);
    host_enter_works(&at.guest, finish, none);
    assert_int_equal(none[0].u64, 1);
    host_enter_fails(&at.guest, finish, none, "no batch is open");
    lay_out_end(&at);
}

/* Which rules the batch functions have; that of ed25519 fails in the reference. */
static void batch_rules(void **state)
{
    (void)state;
    verdict("ext_crypto_sr25519_batch_verify_version_1", OLD_SIGNATURE, "m", OLD_KEY, false);
    verdict("ext_crypto_ecdsa_batch_verify_version_1", EC_SIGNATURE, "m", EC_KEY, true);
    verdict("ext_crypto_ecdsa_batch_verify_version_1", EC_OVERFLOWING, "m", EC_KEY, false);
    struct laid_out at;
    lay_out(&at);
    CALL_FAILS(&at, "fails in every node", "ext_crypto_ed25519_batch_verify_version_1",
               pointer_to_hex(&at, ED_SIGNATURE), put_text(&at, "r"), pointer_to_hex(&at, ED_KEY));
    lay_out_end(&at);
}

/* ---- Recovery ---- */

#define HASH "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3"
#define RS                                                             \
    "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608" \
    "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada"
#define ALL_ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ONE "0000000000000000000000000000000000000000000000000000000000000001"
#define ORDER_PLUS_1 "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142"

/* All four functions of a signature that recovers nothing: the byte of the error in versions 1 and
 * 2, which also decides the number in version 3. */
static void recovery_fails(const char *signature, uint8_t version_1, uint8_t version_2)
{
    static const char *const names[] = {"recover", "recover_compressed"};
    for (size_t n = 0; n < 2; n++) {
        for (unsigned version = 1; version <= 3; version++) {
            char name[80], expected[8];
            struct laid_out at;
            lay_out(&at);
            snprintf(name, sizeof name, "ext_crypto_secp256k1_ecdsa_%s_version_%u", names[n],
                     version);
            const union subx_value sig = pointer_to_hex(&at, signature),
                                   msg = pointer_to_hex(&at, HASH);
            if (version < 3) {
                snprintf(expected, sizeof expected, "01%02x", version == 1 ? version_1 : version_2);
                assert_result(&at, CALL(&at, name, sig, msg), expected);
            } else {
                const union subx_value out = room(&at, 65);
                const union subx_value result = CALL(&at, name, sig, msg, out);
                assert_int_equal((int32_t)result.u32, -1 - version_2);
                assert_memory(&at, out, "eeeeeeee");
            }
            lay_out_end(&at);
        }
    }
}

static void recovery_errors(void **state)
{
    (void)state;
    recovery_fails(RS "04", 1, 1);
    recovery_fails(RS "1a", 1, 1);
    recovery_fails(RS "1f", 1, 1);
    recovery_fails(RS "ff", 1, 1);
    recovery_fails(ALL_ONES ALL_ONES "ff", 1, 1);
    recovery_fails(ALL_ONES ALL_ONES "00", 2, 0);
    recovery_fails(RS "02", 2, 2);
}

/* What is recovered, in all forms, is what verifies. */
static void recovery(void **state)
{
    (void)state;
    struct laid_out at;
    lay_out(&at);
    const union subx_value sig = pointer_to_hex(&at, RS "1c"), msg = pointer_to_hex(&at, HASH);
    const union subx_value full =
        CALL(&at, "ext_crypto_secp256k1_ecdsa_recover_version_1", sig, msg);
    assert_int_equal(full.u64 >> 32, 65);
    const uint8_t *const key = at.guest.call.guest.base + full.u32;
    assert_int_equal(key[0], 0);
    const union subx_value digest =
        CALL(&at, "ext_hashing_keccak_256_version_1", number(host_pointer_size(full.u32 + 1, 64)));
    assert_guest_bytes(&at.guest, digest.u32 + 12, "7156526fbd7a3c72969b54f64e42c10fbb768c8a");

    const union subx_value again =
        CALL(&at, "ext_crypto_secp256k1_ecdsa_recover_version_2", sig, msg);
    assert_int_equal(again.u64 >> 32, 65);
    assert_memory_equal(at.guest.call.guest.base + again.u32, key, 65);
    for (unsigned version = 1; version <= 2; version++) {
        char name[80];
        snprintf(name, sizeof name, "ext_crypto_secp256k1_ecdsa_recover_compressed_version_%u",
                 version);
        const union subx_value compressed = CALL(&at, name, sig, msg);
        assert_int_equal(compressed.u64 >> 32, 34);
        const uint8_t *const short_key = at.guest.call.guest.base + compressed.u32;
        assert_int_equal(short_key[0], 0);
        assert_int_equal(short_key[1], 2 + (key[64] & 1));
        assert_memory_equal(short_key + 2, key + 1, 32);
    }
    const union subx_value out = room(&at, 66);
    assert_int_equal(CALL(&at, "ext_crypto_secp256k1_ecdsa_recover_version_3", sig, msg, out).u64,
                     0);
    assert_memory_equal(at.guest.call.guest.base + out.u32, key + 1, 64);
    assert_guest_bytes(&at.guest, out.u32 + 64, "eeee");
    const union subx_value short_out = room(&at, 35);
    assert_int_equal(
        CALL(&at, "ext_crypto_secp256k1_ecdsa_recover_compressed_version_3", sig, msg, short_out)
            .u64,
        0);
    assert_memory_equal(at.guest.call.guest.base + short_out.u32 + 1, key + 1, 32);
    assert_guest_bytes(&at.guest, short_out.u32 + 33, "eeee");
    /* what is above the order is taken by version 1 alone */
    const union subx_value large = pointer_to_hex(&at, ORDER_PLUS_1 ONE "00");
    assert_int_equal(
        CALL(&at, "ext_crypto_secp256k1_ecdsa_recover_version_1", large, msg).u64 >> 32, 65);
    assert_result(&at, CALL(&at, "ext_crypto_secp256k1_ecdsa_recover_version_2", large, msg),
                  "0100");
    /* the place of the key may be that of the signature */
    const union subx_value overlap = pointer_to_hex(&at, RS "01");
    assert_int_equal(
        CALL(&at, "ext_crypto_secp256k1_ecdsa_recover_version_3", overlap, msg, overlap).u64, 0);
    assert_memory_equal(at.guest.call.guest.base + overlap.u32, at.guest.call.guest.base + out.u32,
                        64);
    lay_out_end(&at);
}

/* ---- Keys ---- */

static const struct {
    const char *scheme, *alice;
    uint32_t key_len, signature_len;
} schemes[] = {
    {"sr25519", ALICE, 32, 64}, {"ed25519", ALICE_ED, 32, 64}, {"ecdsa", ALICE_EC, 33, 65}};

struct with_keys {
    struct laid_out at;
    subx_keystore *keystore;
    char name[80];
};

static void begin_keys(struct with_keys *keys)
{
    lay_out(&keys->at);
    assert_int_equal(subx_keystore_memory(&keys->keystore, NULL), SUBX_OK);
    keys->at.guest.call.grants.keystore = keys->keystore;
}

static void end_keys(struct with_keys *keys)
{
    lay_out_end(&keys->at);
    subx_keystore_free(keys->keystore);
}

static const char *name_of(struct with_keys *keys, size_t scheme, const char *function,
                           unsigned version)
{
    snprintf(keys->name, sizeof keys->name, "ext_crypto_%s_%s_version_%u", schemes[scheme].scheme,
             function, version);
    return keys->name;
}

static bool verifies(struct with_keys *keys, size_t scheme, uint32_t signature,
                     union subx_value message, union subx_value key)
{
    return CALL(&keys->at, name_of(keys, scheme, "verify", scheme == 1 ? 1 : 2), number(signature),
                message, key)
               .u64 == 1;
}

static void keys_of_version_1(size_t scheme)
{
    struct with_keys keys;
    begin_keys(&keys);
    struct laid_out *const at = &keys.at;
    const union subx_value id = pointer_to_text(at, "type"), other = pointer_to_text(at, "othr");
    const union subx_value seed = put_hex(at, SEED_ALICE "ffff"); /* what follows is ignored */
    const union subx_value message = put_text(at, "message");
    assert_result(at, CALL(at, name_of(&keys, scheme, "public_keys", 1), id), "00");
    const union subx_value key = CALL(at, name_of(&keys, scheme, "generate", 1), id, seed);
    assert_memory(at, key, schemes[scheme].alice);
    char listed[80];
    snprintf(listed, sizeof listed, "04%s", schemes[scheme].alice);
    assert_result(at, CALL(at, name_of(&keys, scheme, "public_keys", 1), id), listed);
    assert_result(at, CALL(at, name_of(&keys, scheme, "public_keys", 1), other), "00");

    const union subx_value signature =
        CALL(at, name_of(&keys, scheme, "sign", 1), id, key, message);
    assert_int_equal(signature.u64 >> 32, 1 + schemes[scheme].signature_len);
    assert_int_equal(at->guest.call.guest.base[signature.u32], 1);
    assert_true(verifies(&keys, scheme, signature.u32 + 1, message, key));
    assert_result(at, CALL(at, name_of(&keys, scheme, "sign", 1), other, key, message), "00");
    at->guest.call.guest.base[key.u32] ^= 1;
    assert_result(at, CALL(at, name_of(&keys, scheme, "sign", 1), id, key, message), "00");
    end_keys(&keys);
}

static void keys_of_version_2(size_t scheme)
{
    struct with_keys keys;
    begin_keys(&keys);
    struct laid_out *const at = &keys.at;
    const uint32_t len = schemes[scheme].key_len, signature_len = schemes[scheme].signature_len;
    const union subx_value id = pointer_to_text(at, "type");
    const union subx_value message = put_text(at, "message");
    const union subx_value list = room(at, 70), key = number(room(at, 40).u32);
    assert_int_equal(CALL(at, name_of(&keys, scheme, "public_keys", 2), id, list).u64, 0);
    CALL(at, name_of(&keys, scheme, "generate", 2), id, put_hex(at, SEED_ALICE), key);
    assert_memory(at, key, schemes[scheme].alice);
    assert_guest_bytes(&at->guest, key.u32 + len, "eeee");
    /* with one byte too few nothing is written */
    const union subx_value exact = number(host_pointer_size(list.u32, len));
    const union subx_value small = number(host_pointer_size(list.u32, len - 1));
    assert_int_equal(CALL(at, name_of(&keys, scheme, "public_keys", 2), id, small).u64, len);
    assert_memory(at, list, "eeeeeeee");
    assert_int_equal(CALL(at, name_of(&keys, scheme, "public_keys", 2), id, exact).u64, len);
    assert_memory(at, list, schemes[scheme].alice);
    assert_guest_bytes(&at->guest, list.u32 + len, "eeee");

    const union subx_value out = number(room(at, 67).u32);
    assert_int_equal(CALL(at, name_of(&keys, scheme, "sign", 2), id, key, message, out).u64, 0);
    assert_guest_bytes(&at->guest, out.u32 + signature_len, "eeee");
    assert_true(verifies(&keys, scheme, out.u32, message, key));
    const union subx_value untouched = number(room(at, 65).u32);
    at->guest.call.guest.base[key.u32] ^= 1;
    assert_int_equal(CALL(at, name_of(&keys, scheme, "sign", 2), id, key, message, untouched).u32,
                     UINT32_MAX);
    assert_memory(at, untouched, "eeeeeeee");
    end_keys(&keys);
}

static void key_functions(void **state)
{
    (void)state;
    for (size_t scheme = 0; scheme < 3; scheme++) {
        keys_of_version_1(scheme);
        keys_of_version_2(scheme);
    }
}

static void signing_hashes(void **state)
{
    (void)state;
    struct with_keys keys;
    begin_keys(&keys);
    struct laid_out *const at = &keys.at;
    const union subx_value id = pointer_to_text(at, "type");
    const union subx_value hash =
        pointer_to_hex(at, "0707070707070707070707070707070707070707070707070707070707070707");
    const union subx_value key =
        CALL(at, "ext_crypto_ecdsa_generate_version_1", id, put_hex(at, SEED_ALICE));
    static const char expected[] =
        "019f60040b225dfde6dc45f9e8e03017dd44cec9405f60eb7dcb4cc6268ee427c1"
        "71570334ff27afc420588401f23438e81b0b2716944dc574f653a3b5a8300da001";
    assert_result(at, CALL(at, "ext_crypto_ecdsa_sign_prehashed_version_1", id, key, hash),
                  expected);
    const union subx_value out = number(room(at, 65).u32);
    assert_int_equal(CALL(at, "ext_crypto_ecdsa_sign_prehashed_version_2", id, key, hash, out).u64,
                     0);
    assert_memory(at, out, expected + 2);
    const union subx_value unknown = pointer_to_hex(at, EC_KEY);
    assert_result(at, CALL(at, "ext_crypto_ecdsa_sign_prehashed_version_1", id, unknown, hash),
                  "00");
    assert_int_equal(
        CALL(at, "ext_crypto_ecdsa_sign_prehashed_version_2", id, unknown, hash, out).u32,
        UINT32_MAX);
    end_keys(&keys);
}

/* Two keys, in the order of their bytes. */
static void several_keys(void **state)
{
    (void)state;
    struct with_keys keys;
    begin_keys(&keys);
    struct laid_out *const at = &keys.at;
    const union subx_value id = pointer_to_text(at, "type");
    static const char generate[] = "ext_crypto_sr25519_generate_version_1";
    CALL(at, generate, id, put_hex(at, SEED_ALICE));
    CALL(at, generate, id, put_hex(at, SEED_BOB));
    CALL(at, generate, id, put_hex(at, SEED_ALICE));
    assert_result(at, CALL(at, "ext_crypto_sr25519_public_keys_version_1", id),
                  "088eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48" ALICE);
    /* without a seed: another key each time */
    const union subx_value first = CALL(at, generate, id, put_hex(at, "00"));
    const union subx_value second = CALL(at, generate, id, put_hex(at, "00"));
    assert_memory_not_equal(at->guest.call.guest.base + first.u32,
                            at->guest.call.guest.base + second.u32, 32);
    end_keys(&keys);
}

static void bad_seeds(void **state)
{
    (void)state;
    for (size_t scheme = 0; scheme < 3; scheme++) {
        for (unsigned version = 1; version <= 2; version++) {
            struct with_keys keys;
            begin_keys(&keys);
            struct laid_out *const at = &keys.at;
            const union subx_value id = pointer_to_text(at, "type");
            const union subx_value out = number(room(at, 40).u32);
            const char *const name = name_of(&keys, scheme, "generate", version);
            static const char undecodable[] = "'seed' does not decode as Option<Vec<u8>>";
            CALL_FAILS(at, undecodable, name, id, put_hex(at, ""), out);
            CALL_FAILS(at, undecodable, name, id, put_hex(at, "02"), out);
            CALL_FAILS(at, undecodable, name, id, put_hex(at, "01"), out);
            CALL_FAILS(at, undecodable, name, id, put_hex(at, "010841"), out);
            CALL_FAILS(at, undecodable, name, id, put_hex(at, "01010041"), out);
            CALL_FAILS(at, "'seed' is not valid UTF-8", name, id, put_hex(at, "0104ff"), out);
            CALL_FAILS(at, "the secret URI is wrong", name, id, put_hex(at, "01042f"), out);
            end_keys(&keys);
        }
    }
}

/* ---- Without a keystore, or with one that fails ---- */

static void every_key_function(struct laid_out *at, const char *text)
{
    for (size_t scheme = 0; scheme < 3; scheme++) {
        struct with_keys keys;
        at->next = 16;
        const union subx_value id = pointer_to_text(at, "type"), out = room(at, 70);
        const union subx_value key = number(out.u32), message = put_text(at, "m");
        for (unsigned version = 1; version <= 2; version++) {
            CALL_FAILS(at, text, name_of(&keys, scheme, "public_keys", version), id, out);
            CALL_FAILS(at, text, name_of(&keys, scheme, "generate", version), id,
                       put_hex(at, SEED_ALICE), key);
            CALL_FAILS(at, text, name_of(&keys, scheme, "sign", version), id, key, message, key);
            if (scheme == 2)
                CALL_FAILS(at, text, name_of(&keys, scheme, "sign_prehashed", version), id, key,
                           key, key);
        }
    }
}

static subx_status fail_keys(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                             subx_key_sink take, void *to, subx_error *error)
{
    (void)data, (void)scheme, (void)key_type, (void)take, (void)to;
    snprintf(error->message, sizeof error->message, "the device is gone");
    return error->status = SUBX_IO;
}

static subx_status fail_generate(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                                 const subx_slice *uri, uint8_t public_key[33], subx_error *error)
{
    (void)uri, (void)public_key;
    return fail_keys(data, scheme, key_type, NULL, NULL, error);
}

static subx_status fail_sign(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                             const uint8_t *public_key, subx_slice message, bool is_hash,
                             bool *found, uint8_t signature[65], subx_error *error)
{
    (void)public_key, (void)message, (void)is_hash, (void)found, (void)signature;
    return fail_keys(data, scheme, key_type, NULL, NULL, error);
}

static void keystore_failures(void **state)
{
    (void)state;
    static const subx_keystore_functions failing = {
        .public_keys = fail_keys, .generate = fail_generate, .sign = fail_sign};
    const subx_keystore keystore = {&failing, NULL};
    struct laid_out at;
    lay_out(&at);
    every_key_function(&at, "no keystore is attached to this call");
    at.guest.call.grants.keystore = &keystore;
    every_key_function(&at, "the keystore: the device is gone");
    lay_out_end(&at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verification),      cmocka_unit_test(prehashed),
        cmocka_unit_test(batches),           cmocka_unit_test(batch_rules),
        cmocka_unit_test(recovery),          cmocka_unit_test(recovery_errors),
        cmocka_unit_test(key_functions),     cmocka_unit_test(signing_hashes),
        cmocka_unit_test(several_keys),      cmocka_unit_test(bad_seeds),
        cmocka_unit_test(keystore_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
