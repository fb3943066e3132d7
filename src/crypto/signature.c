/* Signature verification: spec/host-api.md sections 7.1 and 7.2. */
#include "crypto/signature.h"

#include <subexec_rust_crypto.h>

bool subx_signature__sr25519_verify(const uint8_t signature[64], subx_slice message,
                                    const uint8_t public_key[32])
{
    return subx_rust_sr25519_verify(signature, message.data, message.len, public_key);
}

bool subx_signature__sr25519_verify_deprecated(const uint8_t signature[64], subx_slice message,
                                               const uint8_t public_key[32])
{
    return subx_rust_sr25519_verify_deprecated(signature, message.data, message.len, public_key);
}

bool subx_signature__ed25519_verify(const uint8_t signature[64], subx_slice message,
                                    const uint8_t public_key[32])
{
    return subx_rust_ed25519_verify(signature, message.data, message.len, public_key);
}
