/* The first block of a chain; see include/subexec/chain.h. */
#include <subexec/chain.h>

#include "crypto/hash.h"
#include "util/bytes.h"

void subx_genesis_hash(const uint8_t state_root[32], uint8_t hash[32])
{
    /* Root of the trie without keys: there are no extrinsics. */
    static const uint8_t empty_root[32] = {0x03, 0x17, 0x0a, 0x2e, 0x75, 0x97, 0xb7, 0xb7,
                                           0xe3, 0xd8, 0x4c, 0x05, 0x39, 0x1d, 0x13, 0x9a,
                                           0x62, 0xb1, 0x57, 0xe7, 0x87, 0x86, 0xd8, 0xc0,
                                           0x82, 0xf2, 0x9d, 0xcf, 0x4c, 0x11, 0x13, 0x14};
    uint8_t header[98] = {0}; /* parent hash, number 0, state root, extrinsics root, no digest */
    memcpy(header + 33, state_root, 32);
    memcpy(header + 65, empty_root, 32);
    subx_hash__blake2b_256(subx_slice__of(header, sizeof header), hash);
}
