/*
 * ECDSA over secp256k1 (spec/host-api.md sections 7.3 and 10), by libsecp256k1. A signature is
 *
 *     r (32, big-endian) ‖ s (32, big-endian) ‖ v (1)
 *
 * Every s is accepted, also above half the group order. Messages are hashed by the caller.
 */
#ifndef SUBX_CRYPTO_ECDSA_H
#define SUBX_CRYPTO_ECDSA_H

#include <stdbool.h>
#include <stdint.h>

/* What becomes of an r or s that is not below the group order n. */
enum subx_ecdsa_rule {
    SUBX_ECDSA_STRICT,     /* no signature */
    SUBX_ECDSA_OVERFLOWING /* n is subtracted: version 1 of the host functions */
};

/* What recovery finds. They are looked for in the order v, r and s, signature. */
enum subx_ecdsa_outcome {
    SUBX_ECDSA_RECOVERED,
    SUBX_ECDSA_BAD_RS,
    SUBX_ECDSA_BAD_V,
    SUBX_ECDSA_BAD_SIGNATURE
};

/* The key that made the signature: x and y, without the leading 4. Here v may be 0 to 3, or 27
 * to 30. `public_key` is untouched unless one is recovered. */
enum subx_ecdsa_outcome subx_ecdsa__recover(enum subx_ecdsa_rule rule, const uint8_t signature[65],
                                            const uint8_t hash[32], uint8_t public_key[64]);
/* The same in compressed form. */
enum subx_ecdsa_outcome subx_ecdsa__recover_compressed(enum subx_ecdsa_rule rule,
                                                       const uint8_t signature[65],
                                                       const uint8_t hash[32],
                                                       uint8_t public_key[33]);

/* Whether the signature is that of the compressed key; v must be 0 to 3. Nothing but the key's
 * canonical form matches. */
bool subx_ecdsa__verify(enum subx_ecdsa_rule rule, const uint8_t signature[65],
                        const uint8_t hash[32], const uint8_t public_key[33]);

/* The compressed public key of a secret one; false if the secret is 0 or not below n. */
bool subx_ecdsa__public_key(const uint8_t secret[32], uint8_t public_key[33]);

/* Sign deterministically (RFC 6979), with the lower s. False if the secret is no key. */
bool subx_ecdsa__sign(const uint8_t secret[32], const uint8_t hash[32], uint8_t signature[65]);

#endif
