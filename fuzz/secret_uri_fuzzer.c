/*
 * Key pairs (crypto/keypair.h) from any text as a secret URI. What must hold: a pair whose
 * signatures verify, or words that hold nothing of the text, and then nothing of a secret is left.
 */
#include <stdlib.h>

#include "crypto/ecdsa.h"
#include "crypto/hash.h"
#include "crypto/keypair.h"
#include "crypto/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static bool verifies(const struct subx_keypair *pair, const uint8_t *signature, subx_slice message)
{
    uint8_t hash[32];
    switch (pair->scheme) {
    case SUBX_KEY_SR25519:
        return subx_signature__sr25519_verify(signature, message, pair->public_key);
    case SUBX_KEY_ED25519:
        return subx_signature__ed25519_verify(signature, message, pair->public_key);
    case SUBX_KEY_ECDSA:
    default:
        subx_hash__blake2b_256(message, hash);
        return subx_ecdsa__verify(SUBX_ECDSA_STRICT, signature, hash, pair->public_key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const subx_slice uri = subx_slice__of(data, size);
    for (int scheme = SUBX_KEY_SR25519; scheme <= SUBX_KEY_ECDSA; scheme++) {
        struct subx_keypair pair;
        const struct subx_keypair empty = {0};
        const char *const fault = subx_keypair__from_uri((subx_key_scheme)scheme, uri, &pair);
        if (fault != NULL) {
            demand(memcmp(&pair, &empty, sizeof pair) == 0);
            continue;
        }
        uint8_t signature[SUBX_SIGNATURE_MAX];
        demand(subx_keypair__sign(&pair, uri, signature));
        demand(verifies(&pair, signature, uri));
        subx_keypair__wipe(&pair);
    }
    return 0;
}
