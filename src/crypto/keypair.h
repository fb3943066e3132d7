/*
 * Key pairs of the three schemes, from secret URIs (spec/host-api.md sections 7.1 to 7.5 and 10):
 *
 *     PHRASE or 0xSEED, then /SOFT or //HARD any number of times, then ///PASSWORD
 *
 * Each part may be missing; without a phrase it is the one that all development accounts share. The
 * empty text is that phrase too. The password only matters for a phrase.
 */
#ifndef SUBX_CRYPTO_KEYPAIR_H
#define SUBX_CRYPTO_KEYPAIR_H

#include <subexec/keystore.h>

#include "util/bytes.h"

/* Longest public key, and longest signature, of any scheme. */
#define SUBX_PUBLIC_KEY_MAX 33
#define SUBX_SIGNATURE_MAX 65

struct subx_keypair {
    subx_key_scheme scheme;
    uint8_t public_key[SUBX_PUBLIC_KEY_MAX];
    /* sr25519: schnorrkel's secret key. The others: the seed, 32 bytes. */
    uint8_t secret[64];
};

/* Bytes of a public key and of a signature: 32, 32, 33 and 64, 64, 65. */
size_t subx_keypair__public_len(subx_key_scheme scheme);
size_t subx_keypair__signature_len(subx_key_scheme scheme);

/*
 * Make the key pair of a secret URI. NULL on success, else what is wrong with the URI, in words that
 * do not repeat any of it; `pair` is then all zero. Takes about a millisecond for a phrase.
 */
const char *subx_keypair__from_uri(subx_key_scheme scheme, subx_slice uri,
                                   struct subx_keypair *pair);

/* Overwrite a pair that is not needed any more. */
void subx_keypair__wipe(struct subx_keypair *pair);

/* Sign a message; `signature` has room for the scheme's length. ecdsa signs its BLAKE2b-256.
 * False only for ecdsa without memory. */
bool subx_keypair__sign(const struct subx_keypair *pair, subx_slice message, uint8_t *signature);

/* Sign a hash with an ecdsa pair. */
bool subx_keypair__sign_prehashed(const struct subx_keypair *pair, const uint8_t hash[32],
                                  uint8_t signature[65]);

/* Room for subx_keypair__random_phrase(). */
#define SUBX_PHRASE_ROOM 107

/* A new phrase of twelve words, not NUL-terminated; its length, or 0 if the system has no
 * randomness. */
size_t subx_keypair__random_phrase(uint8_t phrase[SUBX_PHRASE_ROOM]);

#endif
