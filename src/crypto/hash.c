/* Hash functions: spec/host-api.md section 7.4. */
#include "crypto/hash.h"

#include <sodium.h>
#include <subexec_rust_crypto.h>
#include <xxhash.h>

#include "util/endian.h"

void subx_hash__blake2b_64(subx_slice data, uint8_t out[8])
{
    subx_rust_blake2b(data.data, data.len, out, 8);
}

void subx_hash__blake2b_128(subx_slice data, uint8_t out[16])
{
    subx_rust_blake2b(data.data, data.len, out, 16);
}

void subx_hash__blake2b_256(subx_slice data, uint8_t out[32])
{
    subx_rust_blake2b(data.data, data.len, out, 32);
}

void subx_hash__keccak_256(subx_slice data, uint8_t out[32])
{
    subx_rust_keccak_256(data.data, data.len, out);
}

void subx_hash__keccak_512(subx_slice data, uint8_t out[64])
{
    subx_rust_keccak_512(data.data, data.len, out);
}

void subx_hash__sha2_256(subx_slice data, uint8_t out[32])
{
    /* Answers 0 always. */
    (void)crypto_hash_sha256(out, data.data, data.len);
}

void subx_hash__twox_64(subx_slice data, uint8_t out[8])
{
    subx_store_u64(out, XXH64(data.data, data.len, 0));
}

void subx_hash__twox_128(subx_slice data, uint8_t out[16])
{
    subx_store_u64(out, XXH64(data.data, data.len, 0));
    subx_store_u64(out + 8, XXH64(data.data, data.len, 1));
}

void subx_hash__twox_256(subx_slice data, uint8_t out[32])
{
    for (unsigned seed = 0; seed < 4; seed++)
        subx_store_u64(out + 8 * seed, XXH64(data.data, data.len, seed));
}
