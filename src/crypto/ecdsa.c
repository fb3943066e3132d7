/* ECDSA: spec/host-api.md sections 7.3 and 10. */
#include "crypto/ecdsa.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <string.h>

#include "platform/random.h"

/* The group order n, big-endian. */
static const uint8_t group_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};

/* Subtract n once, if it fits in: 2n is above 256 bits. */
static void reduce(uint8_t scalar[32])
{
    if (memcmp(scalar, group_order, 32) < 0)
        return;
    int borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        const int difference = scalar[i] - group_order[i] - borrow;
        scalar[i] = (uint8_t)difference;
        borrow = difference < 0;
    }
}

/* `id` is 0 to 3. */
static enum subx_ecdsa_outcome recover_point(enum subx_ecdsa_rule rule, const uint8_t signature[65],
                                             uint8_t id, const uint8_t hash[32],
                                             secp256k1_pubkey *point)
{
    uint8_t compact[64];
    memcpy(compact, signature, sizeof compact);
    if (rule == SUBX_ECDSA_OVERFLOWING) {
        reduce(compact);
        reduce(compact + 32);
    }
    secp256k1_ecdsa_recoverable_signature parsed;
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(secp256k1_context_static, &parsed,
                                                            compact, id) != 1)
        return SUBX_ECDSA_BAD_RS;
    if (secp256k1_ecdsa_recover(secp256k1_context_static, point, &parsed, hash) != 1)
        return SUBX_ECDSA_BAD_SIGNATURE;
    return SUBX_ECDSA_RECOVERED;
}

static void serialize(const secp256k1_pubkey *point, unsigned flags, uint8_t *to, size_t len)
{
    /* cannot fail: the point came from the library, the room is what it asks for */
    (void)secp256k1_ec_pubkey_serialize(secp256k1_context_static, to, &len, point, flags);
}

/* The recovery id of a signature that host functions recover from; above 3 if it is none. */
static uint8_t recovery_id(const uint8_t signature[65])
{
    const uint8_t v = signature[64];
    return v > 26 ? (uint8_t)(v - 27) : v;
}

enum subx_ecdsa_outcome subx_ecdsa__recover(enum subx_ecdsa_rule rule, const uint8_t signature[65],
                                            const uint8_t hash[32], uint8_t public_key[64])
{
    const uint8_t id = recovery_id(signature);
    if (id > 3)
        return SUBX_ECDSA_BAD_V;
    secp256k1_pubkey point;
    const enum subx_ecdsa_outcome outcome = recover_point(rule, signature, id, hash, &point);
    if (outcome != SUBX_ECDSA_RECOVERED)
        return outcome;
    uint8_t tagged[65] = {0};
    serialize(&point, SECP256K1_EC_UNCOMPRESSED, tagged, sizeof tagged);
    memcpy(public_key, tagged + 1, 64);
    return outcome;
}

enum subx_ecdsa_outcome subx_ecdsa__recover_compressed(enum subx_ecdsa_rule rule,
                                                       const uint8_t signature[65],
                                                       const uint8_t hash[32],
                                                       uint8_t public_key[33])
{
    const uint8_t id = recovery_id(signature);
    if (id > 3)
        return SUBX_ECDSA_BAD_V;
    secp256k1_pubkey point;
    const enum subx_ecdsa_outcome outcome = recover_point(rule, signature, id, hash, &point);
    if (outcome == SUBX_ECDSA_RECOVERED)
        serialize(&point, SECP256K1_EC_COMPRESSED, public_key, 33);
    return outcome;
}

bool subx_ecdsa__verify(enum subx_ecdsa_rule rule, const uint8_t signature[65],
                        const uint8_t hash[32], const uint8_t public_key[33])
{
    if (signature[64] > 3)
        return false;
    secp256k1_pubkey point;
    if (recover_point(rule, signature, signature[64], hash, &point) != SUBX_ECDSA_RECOVERED)
        return false;
    uint8_t recovered[33] = {0};
    serialize(&point, SECP256K1_EC_COMPRESSED, recovered, sizeof recovered);
    return memcmp(recovered, public_key, sizeof recovered) == 0;
}

/* A context for secret keys, blinded against an observer of its timing; NULL without memory. */
static secp256k1_context *new_context(void)
{
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    uint8_t seed[32];
    /* without randomness the results are the same, only not blinded */
    if (context != NULL && subx_random__fill(seed, sizeof seed) &&
        secp256k1_context_randomize(context, seed) != 1) {
        secp256k1_context_destroy(context);
        context = NULL;
    }
    explicit_bzero(seed, sizeof seed);
    return context;
}

bool subx_ecdsa__public_key(const uint8_t secret[32], uint8_t public_key[33])
{
    secp256k1_context *const context = new_context();
    if (context == NULL)
        return false;
    secp256k1_pubkey point;
    const bool made = secp256k1_ec_pubkey_create(context, &point, secret) == 1;
    if (made)
        serialize(&point, SECP256K1_EC_COMPRESSED, public_key, 33);
    secp256k1_context_destroy(context);
    return made;
}

bool subx_ecdsa__sign(const uint8_t secret[32], const uint8_t hash[32], uint8_t signature[65])
{
    secp256k1_context *const context = new_context();
    if (context == NULL)
        return false;
    secp256k1_ecdsa_recoverable_signature signed_hash;
    int id = 0;
    const bool made =
        secp256k1_ecdsa_sign_recoverable(context, &signed_hash, hash, secret, NULL, NULL) == 1 &&
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context, signature, &id,
                                                                &signed_hash) == 1;
    if (made)
        signature[64] = (uint8_t)id;
    secp256k1_context_destroy(context);
    return made;
}
