/* Interface `hashing`: spec/host-api.md section 1.4. Guest bytes are hashed where they lie; the
 * digest goes to the host's stack first, since placing it in the guest may move the guest's memory.
 */
#include "crypto/hash.h"
#include "host/host_functions.h"

bool subx_host_hashing__blake2_128(struct subx_call *call, subx_slice data, uint8_t result[16])
{
    (void)call;
    subx_hash__blake2b_128(data, result);
    return true;
}

bool subx_host_hashing__blake2_256(struct subx_call *call, subx_slice data, uint8_t result[32])
{
    (void)call;
    subx_hash__blake2b_256(data, result);
    return true;
}

bool subx_host_hashing__keccak_256(struct subx_call *call, subx_slice data, uint8_t result[32])
{
    (void)call;
    subx_hash__keccak_256(data, result);
    return true;
}

bool subx_host_hashing__keccak_512(struct subx_call *call, subx_slice data, uint8_t result[64])
{
    (void)call;
    subx_hash__keccak_512(data, result);
    return true;
}

bool subx_host_hashing__sha2_256(struct subx_call *call, subx_slice data, uint8_t result[32])
{
    (void)call;
    subx_hash__sha2_256(data, result);
    return true;
}

bool subx_host_hashing__twox_64(struct subx_call *call, subx_slice data, uint8_t result[8])
{
    (void)call;
    subx_hash__twox_64(data, result);
    return true;
}

bool subx_host_hashing__twox_128(struct subx_call *call, subx_slice data, uint8_t result[16])
{
    (void)call;
    subx_hash__twox_128(data, result);
    return true;
}

bool subx_host_hashing__twox_256(struct subx_call *call, subx_slice data, uint8_t result[32])
{
    (void)call;
    subx_hash__twox_256(data, result);
    return true;
}

/* RFC-145: the digest goes to a place of the guest's. It is made on the host's stack first, since
 * that place may overlap the data. */
#define HASH_INTO(name, size)                                                                      \
    bool subx_host_hashing__##name##_2(struct subx_call *call, subx_slice data, uint8_t out[size]) \
    {                                                                                              \
        uint8_t digest[size];                                                                      \
        const bool made = subx_host_hashing__##name(call, data, digest);                           \
        memcpy(out, digest, sizeof digest);                                                        \
        return made;                                                                               \
    }

HASH_INTO(blake2_128, 16)
HASH_INTO(blake2_256, 32)
HASH_INTO(keccak_256, 32)
HASH_INTO(keccak_512, 64)
HASH_INTO(sha2_256, 32)
HASH_INTO(twox_64, 8)
HASH_INTO(twox_128, 16)
HASH_INTO(twox_256, 32)
