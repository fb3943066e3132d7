/* Key pairs from secret URIs: spec/host-api.md sections 7.1 to 7.5 and 10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "crypto/ecdsa.h"
#include "crypto/hash.h"
#include "crypto/keypair.h"
#include "crypto/signature.h"
#include "util/hex.h"
#include "util/mem.h"

static void assert_hex(const uint8_t *got, size_t len, const char *text)
{
    subx_bytes expected = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(text), &expected, NULL), SUBX_OK);
    assert_int_equal(expected.len, len);
    assert_memory_equal(got, expected.data, len);
    subx_bytes_free(&expected);
}

static struct subx_keypair make(subx_key_scheme scheme, const char *uri)
{
    struct subx_keypair pair;
    const char *const fault = subx_keypair__from_uri(scheme, subx_slice__text(uri), &pair);
    if (fault != NULL)
        fail_msg("'%s': %s", uri, fault);
    assert_int_equal(pair.scheme, scheme);
    return pair;
}

static void refuses(subx_key_scheme scheme, const char *uri, const char *reason)
{
    struct subx_keypair pair;
    const struct subx_keypair empty = {0};
    const char *const fault = subx_keypair__from_uri(scheme, subx_slice__text(uri), &pair);
    if (fault == NULL)
        fail_msg("'%s' should have failed", uri);
    if (strstr(fault, reason) == NULL)
        fail_msg("'%s': '%s', expected '%s'", uri, fault, reason);
    assert_memory_equal(&pair, &empty, sizeof pair);
}

/* What the reference makes of secret URIs: public keys of sr25519, ed25519, ecdsa; NULL: nothing. */
static const struct {
    const char *uri, *public_keys[3];
} reference[] = {
    {"//Alice",
     {"d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
      "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee",
      "020a1091341fe5664bfa1782d5e04779689068c916b04cb365ec3153755684d9a1"}},
    {"//Alice//stash",
     {"be5ddb1579b72e84524fc29e78609e3caf42e85aa118ebfe0b0ad404b5bdd25f",
      "451781cd0c5504504f69ceec484cc66e4c22a2b6a9d20fb1a426d91ad074a2a8",
      "03c6a1c2194fa966d30bc4b9c4d5140e9a899d456372dae0e4ef230fd7d2197e72"}},
    {"//0",
     {"2afba9278e30ccf6a6ceb3a8b6e336b70068f045c666f2e7f4f9cc5f47db8972",
      "ffe0b81700cedadde9debaf7e61292d80581d4a37896055ba25f491b96b25ee6",
      "0356d97b3f7456436b315d53bc22f39414ed493db5d76d2edc2ce30a09c7ed9117"}},
    {"//1",
     {"b606fc73f57f03cdb4c932d475ab426043e429cecc2ffff0d2672b0df8398c48",
      "bf3a763d817cee09bf785b9cc6118f58dab5c03f3ace6d524899bcb28ac74f27",
      "0333022898140662dfea847e3cbfe5e989845ac6766e83472f8b0c650d85e77bae"}},
    {"///password",
     {"b69355deefa7a8f33e9297f5af22e680f03597a99d4f4b1c44be47e7a2275802",
      "cb8d01a021231c0ffe53afd21c037583ce21033f55f26852dd92558d368a17a7",
      "0272a37d7fb4652fabe91452103ba76e4555cd2a1c8f572844cdac204ab2717a52"}},
    {"//Alice///password",
     {"32fc18294f88e02ec071e59bb3996aa21f4519d92593dc6e01fda2921d459b23",
      "2818a78aba524c30f6054d7bf23dd78bc2d20c4111d00f6ba56a060e97e0d8d4",
      "02fa78ba5b4ae2b0086a1c10363978990df68915635890c88d94e136dfb36241f9"}},
    {"",
     {"46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a",
      "345071da55e5dccefaaa440339415ef9f2663338a38f7da0df21be5ab4e055ef",
      "035b26108e8b97479c547da4860d862dc08ab2c29ada449c74d5a9a58a6c46a8c4"}},
    {"/", {NULL, NULL, NULL}},
    {"//", {NULL, NULL, NULL}},
    {"bottom drive obey lake curtain smoke basket hold race lonely fit walk",
     {"46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a",
      "345071da55e5dccefaaa440339415ef9f2663338a38f7da0df21be5ab4e055ef",
      "035b26108e8b97479c547da4860d862dc08ab2c29ada449c74d5a9a58a6c46a8c4"}},
    {"bottom drive obey lake curtain smoke basket hold race lonely fit walk//Alice",
     {"d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
      "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee",
      "020a1091341fe5664bfa1782d5e04779689068c916b04cb365ec3153755684d9a1"}},
    {"bottom drive obey lake curtain smoke basket hold race lonely fit walk///x",
     {"6405014d7c5aecdf857725b75382edf6bd479f40e024c728aa525cc102e93850",
      "3ed92edf87f79cf7367de796daca36da4ee9c17e6c4dd1edc45a8cf922222d8b",
      "038c6cf115a0405e30684862d952ba43e50c3310fc2dde2aca1b2773b77d486948"}},
    {"bottom drive obey lake curtain smoke basket hold race lonely fit", {NULL, NULL, NULL}},
    {"caution juice atom organ advance problem want pledge someone senior holiday very",
     {"d6a3105d6768e956e9e5d41050ac29843f98561410d3a47f9dd5b3b227ab8746",
      "bd7436a22571207d018ffe83f5dc77d0750b7777f1eb169053d40201d6c68d53",
      "03b2217d2c348df72c4789947291e2e63ba7798baebaa937f40fd5d68f022dd4b4"}},
    {"0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
     {"d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
      "34602b88f60513f1c805d87ef52896934baf6a662bc37414dbdbf69356b1a691",
      "037051bed73458951b45ca6376f4096c85bf1a370da94d5336d04867cfaaad019e"}},
    {"0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a//x",
     {"a42495c5a9999a3d07837fa065c643fa11367d8e11a5ab6595698d0bdc78120d",
      "7bffe884657dd1b11f234d026436dfc9d20b7c41bfa68786f71e0e08be9b56ce",
      "02799e7cb98ac302a8f8eaf5e4551acea3d96fddb4b9863d2ec4b06c72f5af88b5"}},
    {"0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c", {NULL, NULL, NULL}},
    {"e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a", {NULL, NULL, NULL}},
    {"/soft", {"84aedc0aba19f398f70dbcbc94b318e1e8d4eab5854e4d8de569bc4890afa45e", NULL, NULL}},
    {"/soft//hard",
     {"b692f2e809e8805a1814fab0baea78841806544446ebb8280b4e593962706f4a", NULL, NULL}},
    {"/1/2", {"827d27d99217a0f5442091850baa73740d4ade0b65cb0e10265150397b9e8564", NULL, NULL}},
    {"//18446744073709551615",
     {"a4ca284d5222ef916e2e181430785972ed22cb51ef91a0c6cdbbd390ee74bc77",
      "0a105b65e82a42f67f679bd8e0f8c7576a2cbc4edeb4c3261b14ec01de38cfcb",
      "02848433e886dfdcc7947e22f17efd99e450d262d2cec5e8de2125b6ee7d5b069e"}},
    {"//18446744073709551616",
     {"7a3a2cd9e94ed6f8956cbd929b84d4cf6267b2c8a371a4ba8737ff4ac5252f0c",
      "11ea83f6705f1e3bd3b50695227a1c64dccd5c368648f17eb80f093695028daa",
      "03c2e5027606e25ba91913375d793361e966af18362b30cba27ac77cfb3c8c75ec"}},
    {"//01",
     {"b606fc73f57f03cdb4c932d475ab426043e429cecc2ffff0d2672b0df8398c48",
      "bf3a763d817cee09bf785b9cc6118f58dab5c03f3ace6d524899bcb28ac74f27",
      "0333022898140662dfea847e3cbfe5e989845ac6766e83472f8b0c650d85e77bae"}},
    {"//+1",
     {"b606fc73f57f03cdb4c932d475ab426043e429cecc2ffff0d2672b0df8398c48",
      "bf3a763d817cee09bf785b9cc6118f58dab5c03f3ace6d524899bcb28ac74f27",
      "0333022898140662dfea847e3cbfe5e989845ac6766e83472f8b0c650d85e77bae"}},
    {"//a-very-long-junction-name-of-more-than-thirty-two-bytes",
     {"1463947ae17b8fcb0ed18581d90ba8d51b0c66439020adb4857e610614b29c4b",
      "d46efc2fa0aa32e2d410f4689f2e16be9d0b8b6919a6e3451d8f706d6c7551a7",
      "03cdbcec340c6bee3df372a68d7ffcd818a8246851b810ac664742c3e3b9cd6844"}},
    {"//abcdefghijklmnopqrstuvwxyz01234",
     {"681e4dff0c38024a0d5325f1efb14046a60e463935673f294b4cab98fa9bc208",
      "551b6b87a8c24e933f3d5299c368e0bdaa1a6e74e40e94228cf3edf2cd42a6dc",
      "0307ad0269ac507e2d560f4f7ec87fc764c421d85ca7e668cb7f9f468e6c836ca4"}},
    {"//abcdefghijklmnopqrstuvwxyz012345",
     {"684c4e15855f361984d7ee21ebab671a58b663d03baa2da9473df71dd4c8f46c",
      "97d495bfbe7e0091ff1eb5835835d8476844b0b6a47416decbfe9d411c439b11",
      "02634cae74227a0f773ebcfa8ba2cbeb5488edc21ecee9fb96a6b60659e29a2e8b"}},
    {"//\303\274",
     {"da5ead0db315c0eca9ba6da29b19f6387331878157d4c162fd1b00d5b7a33679",
      "226826e2b4df3d226dbf7ee1c3d3c284b310076fed0a40c7f60be06a11d999ab",
      "033b5638c816912f37b7d3ef4a6e36084b7abcd15d854663353427133cf74153fa"}},
    {"not a phrase", {NULL, NULL, NULL}},
    {"0x00", {NULL, NULL, NULL}},
};

static const subx_key_scheme schemes[] = {SUBX_KEY_SR25519, SUBX_KEY_ED25519, SUBX_KEY_ECDSA};

static void as_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reference / sizeof reference[0]; i++) {
        for (size_t s = 0; s < 3; s++) {
            if (reference[i].public_keys[s] == NULL) {
                refuses(schemes[s], reference[i].uri, "");
                continue;
            }
            const struct subx_keypair pair = make(schemes[s], reference[i].uri);
            assert_hex(pair.public_key, subx_keypair__public_len(schemes[s]),
                       reference[i].public_keys[s]);
        }
    }
}

/* Published with the reference's own phrase library: the password is "Substrate". For ed25519 the
 * seed is the secret key. */
static void phrases(void **state)
{
    (void)state;
    struct subx_keypair pair =
        make(SUBX_KEY_ED25519, "abandon abandon abandon abandon abandon abandon abandon abandon "
                               "abandon abandon abandon about///Substrate");
    assert_hex(pair.secret, 32, "44e9d125f037ac1d51f0a7d3649689d422c2af8b1ec8e00d71db4d7bf6d127e3");
    pair = make(SUBX_KEY_ED25519, "legal winner thank year wave sausage worth useful legal winner "
                                  "thank yellow///Substrate");
    assert_hex(pair.secret, 32, "4313249608fe8ac10fd5886c92c4579007272cb77c21551ee5b8d60b78041685");
}

/* More spaces do not matter, nor does what stands in the password. */
static void forms_of_one_uri(void **state)
{
    (void)state;
    static const char phrase[] =
        "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    const struct subx_keypair plain = make(SUBX_KEY_ED25519, phrase);
    const char *const same[] = {
        "", "///", "  bottom  drive obey lake curtain smoke basket hold race lonely fit walk ",
        "bottom drive obey lake curtain smoke basket hold race lonely fit walk///"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const struct subx_keypair pair = make(SUBX_KEY_ED25519, same[i]);
        assert_memory_equal(pair.secret, plain.secret, 32);
    }
    const struct subx_keypair with_slashes = make(SUBX_KEY_ED25519, "////a//b");
    assert_memory_not_equal(with_slashes.secret, plain.secret, 32);
    /* a password does nothing to a seed */
    static const char seed[] = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
    char with_password[128];
    snprintf(with_password, sizeof with_password, "%s///password", seed);
    const struct subx_keypair from_seed = make(SUBX_KEY_SR25519, seed);
    const struct subx_keypair from_both = make(SUBX_KEY_SR25519, with_password);
    assert_memory_equal(from_seed.public_key, from_both.public_key, 32);
    /* no slice at all is the empty text */
    struct subx_keypair pair;
    assert_null(subx_keypair__from_uri(SUBX_KEY_ED25519, SUBX_EMPTY, &pair));
    assert_memory_equal(pair.secret, plain.secret, 32);
}

static void what_is_wrong(void **state)
{
    (void)state;
    refuses(SUBX_KEY_SR25519, "/", "empty");
    refuses(SUBX_KEY_SR25519, "//", "empty");
    refuses(SUBX_KEY_SR25519, "//Alice/", "empty");
    refuses(SUBX_KEY_SR25519, "//Alice//", "empty");
    refuses(SUBX_KEY_SR25519, "not a phrase", "phrase");
    refuses(SUBX_KEY_SR25519,
            "Bottom drive obey lake curtain smoke basket hold race lonely fit walk", "phrase");
    refuses(SUBX_KEY_SR25519, "bottom\tdrive", "character");
    refuses(SUBX_KEY_SR25519, "b\303\266ttom", "character");
    refuses(SUBX_KEY_SR25519, "\xff", "UTF-8");
    refuses(SUBX_KEY_ECDSA, "//\xff", "UTF-8");
    refuses(SUBX_KEY_SR25519, "0x", "seed");
    refuses(SUBX_KEY_SR25519, "0x00", "seed");
    refuses(SUBX_KEY_SR25519, "0xg5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
            "seed");
    refuses(SUBX_KEY_SR25519,
            "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a00", "seed");
    refuses(SUBX_KEY_ED25519, "//hard/soft", "soft");
    refuses(SUBX_KEY_ECDSA, "/soft", "soft");
    /* 0, and the group order */
    refuses(SUBX_KEY_ECDSA, "0x0000000000000000000000000000000000000000000000000000000000000000",
            "secp256k1");
    refuses(SUBX_KEY_ECDSA, "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
            "secp256k1");
    make(SUBX_KEY_ECDSA, "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140");
}

/* Numbers are one junction however they are written; what overflows is a text. */
static void junctions(void **state)
{
    (void)state;
    const struct subx_keypair one = make(SUBX_KEY_SR25519, "//1");
    const char *const same[] = {"//01", "//+1", "//+001", "//00000000000000000000000000000001"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_memory_equal(make(SUBX_KEY_SR25519, same[i]).public_key, one.public_key, 32);
    const char *const others[] = {"/1", "//-1", "//1 ", "//+", "//++1", "//18446744073709551617"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_memory_not_equal(make(SUBX_KEY_SR25519, others[i]).public_key, one.public_key, 32);
}

/* ---- Signing ---- */

/* RFC 8032, section 7.1, tests 1 to 3. */
static const struct {
    const char *seed, *public_key, *message, *signature;
} ed25519_cases[] = {
    {"0x9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"0x4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"0xc5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void ed25519_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ed25519_cases / sizeof ed25519_cases[0]; i++) {
        const struct subx_keypair pair = make(SUBX_KEY_ED25519, ed25519_cases[i].seed);
        assert_hex(pair.public_key, 32, ed25519_cases[i].public_key);
        subx_bytes message = SUBX_BYTES_INIT;
        uint8_t signature[64];
        assert_int_equal(
            subx_hex__decode(subx_slice__text(ed25519_cases[i].message), &message, NULL), SUBX_OK);
        assert_true(
            subx_keypair__sign(&pair, subx_slice__of(message.data, message.len), signature));
        assert_hex(signature, 64, ed25519_cases[i].signature);
        subx_bytes_free(&message);
    }
}

static void sr25519_signatures(void **state)
{
    (void)state;
    const char *const uris[] = {"//Alice", "/soft", "//Alice/soft//hard/1"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        const struct subx_keypair pair = make(SUBX_KEY_SR25519, uris[i]);
        const subx_slice message = subx_slice__text("message");
        uint8_t first[64], second[64];
        assert_true(subx_keypair__sign(&pair, message, first));
        assert_true(subx_keypair__sign(&pair, message, second));
        assert_memory_not_equal(first, second, 64);
        assert_true(subx_signature__sr25519_verify(first, message, pair.public_key));
        assert_true(subx_signature__sr25519_verify(second, message, pair.public_key));
        assert_false(
            subx_signature__sr25519_verify(first, subx_slice__text("Message"), pair.public_key));
        assert_true(subx_keypair__sign(&pair, SUBX_EMPTY, first));
        assert_true(subx_signature__sr25519_verify(first, SUBX_EMPTY, pair.public_key));
    }
}

/* From the reference: a message, and a hash. */
static void ecdsa_signatures(void **state)
{
    (void)state;
    const struct subx_keypair pair = make(SUBX_KEY_ECDSA, "//Alice");
    uint8_t signature[65], hash[32], by_hash[65];
    assert_true(subx_keypair__sign(&pair, subx_slice__text("message"), signature));
    assert_hex(signature, 65,
               "11ccc273c720d279b14158115c4b4fa7188f68ef0803d8b0343f56c0c196b6ce"
               "5b5bdd24eeee8442d761df8d3ca57c67e14039835ec27e1a52ff2686a57dc1da00");
    subx_hash__blake2b_256(subx_slice__text("message"), hash);
    assert_true(subx_keypair__sign_prehashed(&pair, hash, by_hash));
    assert_memory_equal(by_hash, signature, 65);
    memset(hash, 7, sizeof hash);
    assert_true(subx_keypair__sign_prehashed(&pair, hash, signature));
    assert_hex(signature, 65,
               "9f60040b225dfde6dc45f9e8e03017dd44cec9405f60eb7dcb4cc6268ee427c1"
               "71570334ff27afc420588401f23438e81b0b2716944dc574f653a3b5a8300da001");
}

static void random_phrases(void **state)
{
    (void)state;
    uint8_t first[SUBX_PHRASE_ROOM], second[SUBX_PHRASE_ROOM];
    const size_t first_len = subx_keypair__random_phrase(first);
    const size_t second_len = subx_keypair__random_phrase(second);
    assert_true(first_len >= 12 * 3 + 11 && first_len <= SUBX_PHRASE_ROOM);
    assert_false(
        subx_slice__equal(subx_slice__of(first, first_len), subx_slice__of(second, second_len)));
    size_t spaces = 0;
    for (size_t i = 0; i < first_len; i++)
        spaces += first[i] == ' ';
    assert_int_equal(spaces, 11);
    struct subx_keypair pair;
    assert_null(subx_keypair__from_uri(SUBX_KEY_SR25519, subx_slice__of(first, first_len), &pair));
    subx_keypair__wipe(&pair);
    const struct subx_keypair empty = {0};
    assert_memory_equal(&pair, &empty, sizeof pair);
}

#ifdef SUBX_CHECKED
/* A long junction is hashed together with its length, which needs memory. */
static void without_memory(void **state)
{
    (void)state;
    subx_mem__fail_after(0);
    struct subx_keypair pair;
    const char *const fault = subx_keypair__from_uri(
        SUBX_KEY_SR25519, subx_slice__text("//a-very-long-junction-name-of-more-than-thirty-two"),
        &pair);
    subx_mem__fail_after(-1);
    assert_non_null(fault);
    assert_non_null(strstr(fault, "memory"));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_reference),   cmocka_unit_test(phrases),
        cmocka_unit_test(forms_of_one_uri),   cmocka_unit_test(what_is_wrong),
        cmocka_unit_test(junctions),          cmocka_unit_test(ed25519_signatures),
        cmocka_unit_test(sr25519_signatures), cmocka_unit_test(ecdsa_signatures),
        cmocka_unit_test(random_phrases),
#ifdef SUBX_CHECKED
        cmocka_unit_test(without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
