/* Checksums: XXH3 of libxxhash, in its canonical (big-endian) form where bytes are stored. */
#include "crypto/checksum.h"

#include <xxhash.h>

uint64_t subx_checksum__64(subx_slice bytes)
{
    return XXH3_64bits(bytes.data, bytes.len);
}

void subx_checksum__128(subx_slice bytes, uint8_t out[16])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data, bytes.len));
    memcpy(out, canonical.digest, sizeof canonical.digest);
}
