/* Hash functions: spec/host-api.md section 7.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "util/hex.h"

/* One type for all of them; the room for the digest is checked by its canary. */
typedef void (*hash_fn)(subx_slice data, uint8_t *out);

struct hash {
    const char *name;
    hash_fn function;
    size_t size;
};

static const struct hash hashes[] = {
    {"blake2b_64", subx_hash__blake2b_64, 8},    {"blake2b_128", subx_hash__blake2b_128, 16},
    {"blake2b_256", subx_hash__blake2b_256, 32}, {"keccak_256", subx_hash__keccak_256, 32},
    {"keccak_512", subx_hash__keccak_512, 64},   {"sha2_256", subx_hash__sha2_256, 32},
    {"twox_64", subx_hash__twox_64, 8},          {"twox_128", subx_hash__twox_128, 16},
    {"twox_256", subx_hash__twox_256, 32},
};

static const struct hash *find(const char *name)
{
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
        if (strcmp(hashes[i].name, name) == 0)
            return &hashes[i];
    fail_msg("no hash %s", name);
    return &hashes[0];
}

static void assert_hash(const char *name, subx_slice data, const char *expected)
{
    const struct hash *const hash = find(name);
    uint8_t digest[64 + 1];
    memset(digest, 0xc5, sizeof digest);
    hash->function(data, digest);
    assert_int_equal(digest[hash->size], 0xc5);
    struct subx_buf text = SUBX_BUF_INIT;
    subx_hex__append(&text, subx_slice__of(digest, hash->size));
    subx_buf__append_u8(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    subx_buf__free(&text);
}

struct vector {
    const char *name, *text, *digest;
};

/* Published: empty input and "abc" of FIPS 180-4, the Keccak team and common use; the rest is what
 * the reference answered to the host calls of hashing. */
static const struct vector vectors[] = {
    {"blake2b_128", "", "cae66941d9efbd404e4d88758ea67670"},
    {"blake2b_128", "Hello world!", "cee3ed7e5136b8c3f471fda86351c05a"},
    {"blake2b_256", "", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"},
    {"blake2b_256", "Hello world!",
     "3fbc092db9350757e2ab4f7ee9792bfcd2f5220ada5a4bc684487f60c6034369"},
    {"blake2b_256", "abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"},
    {"keccak_256", "", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
    {"keccak_256", "Hello world!",
     "ecd0e108a98e192af1d2c25055f4e3bed784b5c877204e73219a5203251feaab"},
    {"keccak_256", "abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
    {"keccak_512", "",
     "0eab42de4c3ceb9235fc91acffe746b29c29a8c366b7c60e4e67c466f36a4304"
     "c00fa9caf9d87976ba469bcbe06713b435f091ef2769fb160cdab33d3670680e"},
    {"keccak_512", "Hello world!",
     "4010e792acb33c767f1bd0a49619769bf044eef2e8aca32717149dbc95e2b27d"
     "dc24aa8528c6a7f2a18b926c45d0aff290c18f1edfa04fce3ce91b7c69f3e5f5"},
    {"keccak_512", "abc",
     "18587dc2ea106b9a1563e32b3312421ca164c7f1f07bc922a9c83d77cea3a1e5"
     "d0c69910739025372dc14ac9642629379540c17e2a65b19d77aa511a9d00bb96"},
    {"sha2_256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"sha2_256", "Hello world!",
     "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a"},
    {"sha2_256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"twox_64", "", "99e9d85137db46ef"},
    {"twox_64", "Hello world!", "b27dfd7f223f177f"},
    {"twox_128", "", "99e9d85137db46ef4bbea33613baafd5"},
    {"twox_128", "Hello world!", "b27dfd7f223f177f2a13647b533599af"},
    {"twox_256", "", "99e9d85137db46ef4bbea33613baafd56f963c64b1f3685a4eb4abd67ff6203a"},
    {"twox_256", "Hello world!",
     "b27dfd7f223f177f2a13647b533599af0c07f68bda23d96d059da2b451a35a74"},
    /* Storage prefixes and API identifiers, as every Substrate chain has them. */
    {"twox_128", "System", "26aa394eea5630e07c48ae0c9558cef7"},
    {"twox_128", "Account", "b99d880ec681799c0cf30e8886371da9"},
    {"blake2b_64", "Core", "df6acb689907609b"},
    {"blake2b_64", "Metadata", "37e397fc7c91f5e4"},
    {"blake2b_64", "BlockBuilder", "40fe3ad401f8959a"},
    {"blake2b_64", "TaggedTransactionQueue", "d2bc9897eed08f15"},
};

static void published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_hash(vectors[i].name, subx_slice__text(vectors[i].text), vectors[i].digest);
}

static void empty_input_may_be_null(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        if (vectors[i].text[0] == '\0')
            assert_hash(vectors[i].name, SUBX_EMPTY, vectors[i].digest);
}

/* Every length from 0 to 300, so each function's block edges with them, at an odd address: SHA-256
 * over all digests, one after the other. Expected values from independent implementations (hashlib,
 * and Keccak and XXH64 written out from their papers). */
static void every_length(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "3873c268fe5f1ec98566deb52b22c0698eb1086bb4a893acaf29b092a20d5fc0",
        "19c204bd8ce5168c64d0e5b226bb2bbd7a4f7bd03a0b4a3ea495d626da8de718",
        "b80bf5c6e70d9e6bcf44fdc89cf8758b8001980a1a6480495037e040e7e00f43",
        "346c51c1a1f5aa3736b65cfab2ac00bc956f254ffec019e95909704be02e0a4f",
        "a43aa392e9e29ad0949b1ec9ab3b7fafe655d37a1b61e4df4bd5ec29e0c624fa",
        "bd97851ab53d0f19375f416ed0d3e50c4e4762b9befa513971cf3dd2dd80d4a9",
        "02370de2c6a7683335ccde0ed9feb503ff615fd004cf1c04e9f061841348448a",
        "ddd50c11a048ed3e54308ba06861140e4eb7172bda1ec13d7aa6aabc45d9312d",
        "23368a034b051ca2a26c2150ce558d39817109d469da52e7c4968c1ddbec1cb7",
    };
    _Static_assert(sizeof expected / sizeof expected[0] == sizeof hashes / sizeof hashes[0],
                   "one for each");
    uint8_t pattern[301];
    for (unsigned i = 0; i < 300; i++)
        pattern[1 + i] = (uint8_t)(i * 167 + (i >> 3) + 13);
    for (size_t h = 0; h < sizeof hashes / sizeof hashes[0]; h++) {
        struct subx_buf digests = SUBX_BUF_INIT;
        for (size_t len = 0; len <= 300; len++) {
            uint8_t digest[64];
            hashes[h].function(subx_slice__of(pattern + 1, len), digest);
            subx_buf__append(&digests, digest, hashes[h].size);
        }
        assert_hash("sha2_256", subx_buf__slice(&digests), expected[h]);
        subx_buf__free(&digests);
    }
}

static void large_input(void **state)
{
    (void)state;
    /* FIPS 180-4: a million times "a". */
    struct subx_buf million = SUBX_BUF_INIT;
    for (unsigned i = 0; i < 1000000; i++)
        subx_buf__append_u8(&million, 'a');
    assert_hash("sha2_256", subx_buf__slice(&million),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    subx_buf__free(&million);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(empty_input_may_be_null),
        cmocka_unit_test(every_length),
        cmocka_unit_test(large_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
