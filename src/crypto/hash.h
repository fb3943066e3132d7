/*
 * The hash functions of the Polkadot Host (spec/host-api.md section 7.4), over well-kept libraries.
 * Data may be empty, with a NULL pointer too. `out` must not overlap it. Nothing fails.
 */
#ifndef SUBX_CRYPTO_HASH_H
#define SUBX_CRYPTO_HASH_H

#include "util/bytes.h"

/* BLAKE2b without a key, the digest length being a parameter of the function (a shorter digest is
 * not a prefix of a longer one). */
void subx_hash__blake2b_64(subx_slice data, uint8_t out[8]);
void subx_hash__blake2b_128(subx_slice data, uint8_t out[16]);
void subx_hash__blake2b_256(subx_slice data, uint8_t out[32]);

/* Keccak with its original padding, which is not SHA-3's. */
void subx_hash__keccak_256(subx_slice data, uint8_t out[32]);
void subx_hash__keccak_512(subx_slice data, uint8_t out[64]);

/* SHA-256 of FIPS 180-4. */
void subx_hash__sha2_256(subx_slice data, uint8_t out[32]);

/* XXH64 with the seeds 0, 1, 2, 3, as many as fit, each in 8 little-endian bytes. Not
 * cryptographic. */
void subx_hash__twox_64(subx_slice data, uint8_t out[8]);
void subx_hash__twox_128(subx_slice data, uint8_t out[16]);
void subx_hash__twox_256(subx_slice data, uint8_t out[32]);

#endif
