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

/* The seed of a phrase of English BIP-39 words, stretched from its entropy as the Polkadot-SDK does; false if the words
 * or their checksum are wrong. */
bool subx_rust_phrase_seed(const uint8_t *phrase, size_t phrase_len, const uint8_t *password,
                           size_t password_len, uint8_t seed[32]);
/* The phrase of twelve words that has this entropy, without a NUL; returns its length. */
#define SUBX_RUST_PHRASE_ROOM 107
size_t subx_rust_phrase_of(const uint8_t entropy[16], uint8_t phrase[SUBX_RUST_PHRASE_ROOM]);

/* sr25519 secret keys in schnorrkel's form: scalar, then nonce. They must come from these functions. */
void subx_rust_sr25519_expand(const uint8_t seed[32], uint8_t secret[64]);
/* One step of derivation, in place. */
void subx_rust_sr25519_derive(uint8_t secret[64], const uint8_t chain_code[32], bool hard);
void subx_rust_sr25519_public(const uint8_t secret[64], uint8_t public_key[32]);
/* Another signature each time. The process ends if the system has no randomness. */
void subx_rust_sr25519_sign(const uint8_t secret[64], const uint8_t *message, size_t len,
                            uint8_t signature[64]);

/* Ed25519 of RFC 8032; the seed is the secret key. */
void subx_rust_ed25519_public(const uint8_t seed[32], uint8_t public_key[32]);
void subx_rust_ed25519_sign(const uint8_t seed[32], const uint8_t *message, size_t len,
                            uint8_t signature[64]);

#endif
