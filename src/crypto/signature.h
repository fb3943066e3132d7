/*
 * Verification of signatures, bit-exact with what validators run (spec/host-api.md sections 7.1 and
 * 7.2). Untrusted bytes throughout: anything malformed is simply not a signature. Not constant
 * time; nothing here is secret.
 */
#ifndef SUBX_CRYPTO_SIGNATURE_H
#define SUBX_CRYPTO_SIGNATURE_H

#include <stdbool.h>

#include "util/bytes.h"

/* Schnorr over Ristretto in the signing context "substrate"; the marker bit of schnorrkel must be
 * set (the second version of the host function). */
bool subx_signature__sr25519_verify(const uint8_t signature[64], subx_slice message,
                                    const uint8_t public_key[32]);

/* The same, and signatures without the marker by the rules of before schnorrkel's audit (the first
 * version of the host function). */
bool subx_signature__sr25519_verify_deprecated(const uint8_t signature[64], subx_slice message,
                                               const uint8_t public_key[32]);

/* Ed25519 by the rules of ZIP-215: non-canonical and small-order points are fine, `s` must be below
 * the group order, the equation has the cofactor. */
bool subx_signature__ed25519_verify(const uint8_t signature[64], subx_slice message,
                                    const uint8_t public_key[32]);

#endif
