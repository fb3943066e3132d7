/*
 * Primitives from the Rust static library (deps/rust/src/crypto.rs). Only src/crypto includes this. Pointers are never
 * NULL unless the length beside them is 0; no function fails or panics.
 */
#ifndef SUBEXEC_RUST_CRYPTO_H
#define SUBEXEC_RUST_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* BLAKE2b without a key; `out_len` from 1 to 64 is also the digest-length parameter. */
void subx_rust_blake2b(const uint8_t *data, size_t len, uint8_t *out, size_t out_len);

/* Keccak with the original padding (not SHA-3). */
void subx_rust_keccak_256(const uint8_t *data, size_t len, uint8_t out[32]);
void subx_rust_keccak_512(const uint8_t *data, size_t len, uint8_t out[64]);

/* Schnorr signatures over Ristretto in the signing context "substrate". */
bool subx_rust_sr25519_verify(const uint8_t signature[64], const uint8_t *message, size_t len,
                              const uint8_t public_key[32]);
/* The same, and signatures without schnorrkel's marker bit by the rules of before the audit. */
bool subx_rust_sr25519_verify_deprecated(const uint8_t signature[64], const uint8_t *message,
                                         size_t len, const uint8_t public_key[32]);

/* Ed25519 by the rules of ZIP-215. */
bool subx_rust_ed25519_verify(const uint8_t signature[64], const uint8_t *message, size_t len,
                              const uint8_t public_key[32]);

#endif
