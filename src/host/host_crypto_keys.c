/*
 * Interface `crypto`, the part that uses the keystore: spec/host-api.md sections 1.3, 7.5 and 10.
 * The functions of version 2 are RFC-145's, with the types that the Polkadot-SDK gave them.
 */
#include "crypto/keypair.h"
#include "host/host_functions.h"
#include "host/host_scale.h"
#include "util/error.h"

/* The call's keystore; NULL: there is none, and the call has failed. */
static const subx_keystore *keystore_of(struct subx_call *call)
{
    if (call->grants.keystore == NULL)
        subx_call__fail(call, "no keystore is attached to this call; give it one with `keystore` "
                              "in its options, if the runtime may use keys");
    return call->grants.keystore;
}

/* End the call for what the keystore said; returns false. */
static bool keystore_failed(struct subx_call *call, subx_status status, const subx_error *said)
{
    if (status == SUBX_NOMEM)
        return subx_call__fail_nomem(call);
    return subx_call__fail(call, "the keystore: %s", said->message);
}

/* ---- Public keys ---- */

static void take_key(void *to, subx_slice public_key)
{
    subx_buf__append_slice(to, public_key);
}

/* All public keys, one after the other. */
static bool list_keys(struct subx_call *call, subx_key_scheme scheme, const uint8_t id[4],
                      subx_bytes *keys)
{
    const subx_keystore *const keystore = keystore_of(call);
    if (keystore == NULL)
        return false;
    struct subx_buf list = SUBX_BUF_INIT;
    subx_error said;
    subx_error_clear(&said);
    const subx_status status =
        keystore->functions->public_keys(keystore->data, scheme, id, take_key, &list, &said);
    if (status == SUBX_OK && subx_buf__finish(&list, keys, NULL) == SUBX_OK)
        return true;
    subx_buf__free(&list);
    return status == SUBX_OK ? subx_call__fail_nomem(call) : keystore_failed(call, status, &said);
}

static bool public_keys_1(struct subx_call *call, subx_key_scheme scheme, const uint8_t id[4],
                          struct subx_host_bytes *result)
{
    if (!list_keys(call, scheme, id, &result->owned))
        return false;
    const size_t count = result->owned.len / subx_keypair__public_len(scheme);
    result->head_len = subx_host_bytes__put_compact(result->head, count);
    result->body = subx_slice__of(result->owned.data, result->owned.len);
    return true;
}

/* The bytes that are needed; they are written only if they all fit. */
static bool public_keys_2(struct subx_call *call, subx_key_scheme scheme, const uint8_t id[4],
                          struct subx_span out, uint32_t *result)
{
    subx_bytes keys = SUBX_BYTES_INIT;
    if (!list_keys(call, scheme, id, &keys))
        return false;
    if (keys.len > 0 && keys.len <= out.len)
        memcpy(out.data, keys.data, keys.len);
    *result = (uint32_t)keys.len;
    subx_bytes_free(&keys);
    return true;
}

/* ---- Making keys ---- */

static bool generate(struct subx_call *call, subx_key_scheme scheme, const uint8_t id[4],
                     subx_slice seed, uint8_t *public_key)
{
    const subx_keystore *const keystore = keystore_of(call);
    bool has_seed = false;
    subx_slice uri;
    if (keystore == NULL || !subx_host_scale__option_bytes(call, "seed", seed, &has_seed, &uri))
        return false;
    if (has_seed && !subx_utf8__valid(uri))
        return subx_call__fail(call, "'seed' is not valid UTF-8");
    subx_error said;
    subx_error_clear(&said);
    uint8_t key[SUBX_PUBLIC_KEY_MAX] = {0};
    const subx_status status = keystore->functions->generate(keystore->data, scheme, id,
                                                             has_seed ? &uri : NULL, key, &said);
    if (status != SUBX_OK)
        return keystore_failed(call, status, &said);
    memcpy(public_key, key, subx_keypair__public_len(scheme));
    return true;
}

/* ---- Signing ---- */

static bool sign(struct subx_call *call, subx_key_scheme scheme, const uint8_t id[4],
                 const uint8_t *pub_key, subx_slice message, bool prehashed, bool *found,
                 uint8_t *signature)
{
    const subx_keystore *const keystore = keystore_of(call);
    if (keystore == NULL)
        return false;
    subx_error said;
    subx_error_clear(&said);
    uint8_t made[SUBX_SIGNATURE_MAX] = {0};
    *found = false;
    const subx_status status = keystore->functions->sign(keystore->data, scheme, id, pub_key,
                                                         message, prehashed, found, made, &said);
    if (status != SUBX_OK)
        return keystore_failed(call, status, &said);
    if (*found)
        memcpy(signature, made, subx_keypair__signature_len(scheme));
    return true;
}

/* Option<[u8; N]>. */
static bool sign_1(struct subx_call *call, subx_key_scheme scheme, const uint8_t id[4],
                   const uint8_t *pub_key, subx_slice message, bool prehashed,
                   struct subx_host_bytes *result)
{
    bool found = false;
    if (!sign(call, scheme, id, pub_key, message, prehashed, &found, result->head + 1))
        return false;
    result->head[0] = found ? 1 : 0;
    result->head_len = found ? 1 + subx_keypair__signature_len(scheme) : 1;
    return true;
}

/* 0, or -1 without such a key. */
static bool sign_2(struct subx_call *call, subx_key_scheme scheme, const uint8_t id[4],
                   const uint8_t *pub_key, subx_slice message, bool prehashed, uint8_t *out,
                   uint32_t *result)
{
    bool found = false;
    if (!sign(call, scheme, id, pub_key, message, prehashed, &found, out))
        return false;
    *result = found ? 0 : UINT32_MAX;
    return true;
}

/* ---- The functions of each scheme ---- */

bool subx_host_crypto__ed25519_public_keys_1(struct subx_call *call, const uint8_t id[4],
                                             struct subx_host_bytes *result)
{
    return public_keys_1(call, SUBX_KEY_ED25519, id, result);
}

bool subx_host_crypto__sr25519_public_keys_1(struct subx_call *call, const uint8_t id[4],
                                             struct subx_host_bytes *result)
{
    return public_keys_1(call, SUBX_KEY_SR25519, id, result);
}

bool subx_host_crypto__ecdsa_public_keys_1(struct subx_call *call, const uint8_t id[4],
                                           struct subx_host_bytes *result)
{
    return public_keys_1(call, SUBX_KEY_ECDSA, id, result);
}

bool subx_host_crypto__ed25519_public_keys_2(struct subx_call *call, const uint8_t id[4],
                                             struct subx_span out, uint32_t *result)
{
    return public_keys_2(call, SUBX_KEY_ED25519, id, out, result);
}

bool subx_host_crypto__sr25519_public_keys_2(struct subx_call *call, const uint8_t id[4],
                                             struct subx_span out, uint32_t *result)
{
    return public_keys_2(call, SUBX_KEY_SR25519, id, out, result);
}

bool subx_host_crypto__ecdsa_public_keys_2(struct subx_call *call, const uint8_t id[4],
                                           struct subx_span out, uint32_t *result)
{
    return public_keys_2(call, SUBX_KEY_ECDSA, id, out, result);
}

bool subx_host_crypto__ed25519_generate_1(struct subx_call *call, const uint8_t id[4],
                                          subx_slice seed, uint8_t result[32])
{
    return generate(call, SUBX_KEY_ED25519, id, seed, result);
}

bool subx_host_crypto__sr25519_generate_1(struct subx_call *call, const uint8_t id[4],
                                          subx_slice seed, uint8_t result[32])
{
    return generate(call, SUBX_KEY_SR25519, id, seed, result);
}

bool subx_host_crypto__ecdsa_generate_1(struct subx_call *call, const uint8_t id[4],
                                        subx_slice seed, uint8_t result[33])
{
    return generate(call, SUBX_KEY_ECDSA, id, seed, result);
}

bool subx_host_crypto__ed25519_generate_2(struct subx_call *call, const uint8_t id[4],
                                          subx_slice seed, uint8_t out[32])
{
    return generate(call, SUBX_KEY_ED25519, id, seed, out);
}

bool subx_host_crypto__sr25519_generate_2(struct subx_call *call, const uint8_t id[4],
                                          subx_slice seed, uint8_t out[32])
{
    return generate(call, SUBX_KEY_SR25519, id, seed, out);
}

bool subx_host_crypto__ecdsa_generate_2(struct subx_call *call, const uint8_t id[4],
                                        subx_slice seed, uint8_t out[33])
{
    return generate(call, SUBX_KEY_ECDSA, id, seed, out);
}

bool subx_host_crypto__ed25519_sign_1(struct subx_call *call, const uint8_t id[4],
                                      const uint8_t pub_key[32], subx_slice msg,
                                      struct subx_host_bytes *result)
{
    return sign_1(call, SUBX_KEY_ED25519, id, pub_key, msg, false, result);
}

bool subx_host_crypto__sr25519_sign_1(struct subx_call *call, const uint8_t id[4],
                                      const uint8_t pub_key[32], subx_slice msg,
                                      struct subx_host_bytes *result)
{
    return sign_1(call, SUBX_KEY_SR25519, id, pub_key, msg, false, result);
}

bool subx_host_crypto__ecdsa_sign_1(struct subx_call *call, const uint8_t id[4],
                                    const uint8_t pub_key[33], subx_slice msg,
                                    struct subx_host_bytes *result)
{
    return sign_1(call, SUBX_KEY_ECDSA, id, pub_key, msg, false, result);
}

bool subx_host_crypto__ecdsa_sign_prehashed_1(struct subx_call *call, const uint8_t id[4],
                                              const uint8_t pub_key[33], const uint8_t msg[32],
                                              struct subx_host_bytes *result)
{
    return sign_1(call, SUBX_KEY_ECDSA, id, pub_key, subx_slice__of(msg, 32), true, result);
}

bool subx_host_crypto__ed25519_sign_2(struct subx_call *call, const uint8_t id[4],
                                      const uint8_t pub_key[32], subx_slice msg, uint8_t out[64],
                                      uint32_t *result)
{
    return sign_2(call, SUBX_KEY_ED25519, id, pub_key, msg, false, out, result);
}

bool subx_host_crypto__sr25519_sign_2(struct subx_call *call, const uint8_t id[4],
                                      const uint8_t pub_key[32], subx_slice msg, uint8_t out[64],
                                      uint32_t *result)
{
    return sign_2(call, SUBX_KEY_SR25519, id, pub_key, msg, false, out, result);
}

bool subx_host_crypto__ecdsa_sign_2(struct subx_call *call, const uint8_t id[4],
                                    const uint8_t pub_key[33], subx_slice msg, uint8_t out[65],
                                    uint32_t *result)
{
    return sign_2(call, SUBX_KEY_ECDSA, id, pub_key, msg, false, out, result);
}

bool subx_host_crypto__ecdsa_sign_prehashed_2(struct subx_call *call, const uint8_t id[4],
                                              const uint8_t pub_key[33], const uint8_t msg[32],
                                              uint8_t out[65], uint32_t *result)
{
    return sign_2(call, SUBX_KEY_ECDSA, id, pub_key, subx_slice__of(msg, 32), true, out, result);
}
