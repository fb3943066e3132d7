/*
 * Interface `crypto`, the part that needs no keys: spec/host-api.md sections 1.3, 7 and 10.
 *
 * Old runtimes open a batch and let the host verify at the end. Nothing is put off here: every
 * signature is verified at once, and an open batch remembers whether all of them were valid. Only
 * the `batch_verify` functions are part of it, and storage transactions do not touch it.
 */
#include "crypto/ecdsa.h"
#include "crypto/hash.h"
#include "crypto/signature.h"
#include "host/host_functions.h"

bool subx_host_crypto__ed25519_verify(struct subx_call *call, const uint8_t sig[64], subx_slice msg,
                                      const uint8_t pub_key[32], bool *result)
{
    (void)call;
    *result = subx_signature__ed25519_verify(sig, msg, pub_key);
    return true;
}

bool subx_host_crypto__sr25519_verify_1(struct subx_call *call, const uint8_t sig[64],
                                        subx_slice msg, const uint8_t pub_key[32], bool *result)
{
    (void)call;
    *result = subx_signature__sr25519_verify_deprecated(sig, msg, pub_key);
    return true;
}

bool subx_host_crypto__sr25519_verify_2(struct subx_call *call, const uint8_t sig[64],
                                        subx_slice msg, const uint8_t pub_key[32], bool *result)
{
    (void)call;
    *result = subx_signature__sr25519_verify(sig, msg, pub_key);
    return true;
}

static bool verify_ecdsa(enum subx_ecdsa_rule rule, const uint8_t sig[65], subx_slice msg,
                         const uint8_t pub_key[33])
{
    uint8_t hash[32];
    subx_hash__blake2b_256(msg, hash);
    return subx_ecdsa__verify(rule, sig, hash, pub_key);
}

bool subx_host_crypto__ecdsa_verify_1(struct subx_call *call, const uint8_t sig[65], subx_slice msg,
                                      const uint8_t pub_key[33], bool *result)
{
    (void)call;
    *result = verify_ecdsa(SUBX_ECDSA_OVERFLOWING, sig, msg, pub_key);
    return true;
}

bool subx_host_crypto__ecdsa_verify_2(struct subx_call *call, const uint8_t sig[65], subx_slice msg,
                                      const uint8_t pub_key[33], bool *result)
{
    (void)call;
    *result = verify_ecdsa(SUBX_ECDSA_STRICT, sig, msg, pub_key);
    return true;
}

bool subx_host_crypto__ecdsa_verify_prehashed(struct subx_call *call, const uint8_t sig[65],
                                              const uint8_t msg[32], const uint8_t pub_key[33],
                                              bool *result)
{
    (void)call;
    *result = subx_ecdsa__verify(SUBX_ECDSA_STRICT, sig, msg, pub_key);
    return true;
}

/* ---- Batches ---- */

bool subx_host_crypto__start_batch_verify(struct subx_call *call)
{
    if (call->batch.is_open)
        return subx_call__fail(call, "a batch is open already");
    call->batch.is_open = true;
    call->batch.all_valid = true;
    return true;
}

bool subx_host_crypto__finish_batch_verify(struct subx_call *call, bool *result)
{
    if (!call->batch.is_open)
        return subx_call__fail(call, "no batch is open: start_batch_verify comes first");
    call->batch.is_open = false;
    *result = call->batch.all_valid;
    return true;
}

static bool note(struct subx_call *call, bool is_valid)
{
    if (call->batch.is_open && !is_valid)
        call->batch.all_valid = false;
    return is_valid;
}

/* The reference fails here whatever the signature, so nodes have to agree on that. */
bool subx_host_crypto__ed25519_batch_verify(struct subx_call *call, const uint8_t sig[64],
                                            subx_slice msg, const uint8_t pub_key[32], bool *result)
{
    (void)sig, (void)msg, (void)pub_key, (void)result;
    return subx_call__fail(call, "this function fails in every node of today, and therefore here; "
                                 "ext_crypto_ed25519_verify_version_1 works");
}

bool subx_host_crypto__sr25519_batch_verify(struct subx_call *call, const uint8_t sig[64],
                                            subx_slice msg, const uint8_t pub_key[32], bool *result)
{
    *result = note(call, subx_signature__sr25519_verify(sig, msg, pub_key));
    return true;
}

bool subx_host_crypto__ecdsa_batch_verify(struct subx_call *call, const uint8_t sig[65],
                                          subx_slice msg, const uint8_t pub_key[33], bool *result)
{
    *result = note(call, verify_ecdsa(SUBX_ECDSA_STRICT, sig, msg, pub_key));
    return true;
}

/* ---- Recovery ---- */

/* What the error is in an EcdsaVerifyError: the order of its variants. */
static uint8_t error_byte(enum subx_ecdsa_outcome outcome)
{
    return outcome == SUBX_ECDSA_BAD_RS ? 0 : outcome == SUBX_ECDSA_BAD_V ? 1 : 2;
}

/* Result<[u8; N], EcdsaVerifyError>, for a key that lies behind the first byte already. */
static bool give_recovered(struct subx_host_bytes *result, enum subx_ecdsa_outcome outcome,
                           size_t key_len)
{
    const bool is_good = outcome == SUBX_ECDSA_RECOVERED;
    result->head[0] = is_good ? 0 : 1;
    if (!is_good)
        result->head[1] = error_byte(outcome);
    result->head_len = is_good ? 1 + key_len : 2;
    return true;
}

static bool recover(struct subx_host_bytes *result, enum subx_ecdsa_rule rule,
                    const uint8_t sig[65], const uint8_t msg[32])
{
    return give_recovered(result, subx_ecdsa__recover(rule, sig, msg, result->head + 1), 64);
}

static bool recover_compressed(struct subx_host_bytes *result, enum subx_ecdsa_rule rule,
                               const uint8_t sig[65], const uint8_t msg[32])
{
    return give_recovered(result, subx_ecdsa__recover_compressed(rule, sig, msg, result->head + 1),
                          33);
}

bool subx_host_crypto__recover_1(struct subx_call *call, const uint8_t sig[65],
                                 const uint8_t msg[32], struct subx_host_bytes *result)
{
    (void)call;
    return recover(result, SUBX_ECDSA_OVERFLOWING, sig, msg);
}

bool subx_host_crypto__recover_2(struct subx_call *call, const uint8_t sig[65],
                                 const uint8_t msg[32], struct subx_host_bytes *result)
{
    (void)call;
    return recover(result, SUBX_ECDSA_STRICT, sig, msg);
}

bool subx_host_crypto__recover_compressed_1(struct subx_call *call, const uint8_t sig[65],
                                            const uint8_t msg[32], struct subx_host_bytes *result)
{
    (void)call;
    return recover_compressed(result, SUBX_ECDSA_OVERFLOWING, sig, msg);
}

bool subx_host_crypto__recover_compressed_2(struct subx_call *call, const uint8_t sig[65],
                                            const uint8_t msg[32], struct subx_host_bytes *result)
{
    (void)call;
    return recover_compressed(result, SUBX_ECDSA_STRICT, sig, msg);
}

/* RFC-145: 0, or -1 bad r or s, -2 bad v, -3 bad signature. */
static uint32_t outcome_number(enum subx_ecdsa_outcome outcome)
{
    return outcome == SUBX_ECDSA_RECOVERED ? 0 : ~(uint32_t)error_byte(outcome);
}

/* The key is made on the host's own stack first: arguments may overlap in the guest. */
bool subx_host_crypto__recover_3(struct subx_call *call, const uint8_t sig[65],
                                 const uint8_t msg[32], uint8_t out[64], uint32_t *result)
{
    (void)call;
    uint8_t key[64];
    const enum subx_ecdsa_outcome outcome = subx_ecdsa__recover(SUBX_ECDSA_STRICT, sig, msg, key);
    if (outcome == SUBX_ECDSA_RECOVERED)
        memcpy(out, key, sizeof key);
    *result = outcome_number(outcome);
    return true;
}

bool subx_host_crypto__recover_compressed_3(struct subx_call *call, const uint8_t sig[65],
                                            const uint8_t msg[32], uint8_t out[33],
                                            uint32_t *result)
{
    (void)call;
    uint8_t key[33];
    const enum subx_ecdsa_outcome outcome =
        subx_ecdsa__recover_compressed(SUBX_ECDSA_STRICT, sig, msg, key);
    if (outcome == SUBX_ECDSA_RECOVERED)
        memcpy(out, key, sizeof key);
    *result = outcome_number(outcome);
    return true;
}
