/* Key pairs from secret URIs: spec/host-api.md sections 7.1 to 7.5 and 10. */
#include "crypto/keypair.h"

#include <subexec_rust_crypto.h>

#include "crypto/ecdsa.h"
#include "crypto/hash.h"
#include "platform/random.h"
#include "util/check.h"
#include "util/endian.h"
#include "util/hex.h"
#include "util/utf8.h"

_Static_assert(SUBX_PHRASE_ROOM == SUBX_RUST_PHRASE_ROOM, "one bound on both sides");

/* The phrase of all development accounts. */
static const char development_phrase[] =
    "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

/* The parts of a URI, borrowed from it. */
struct parts {
    subx_slice phrase, path, password;
};

size_t subx_keypair__public_len(subx_key_scheme scheme)
{
    return scheme == SUBX_KEY_ECDSA ? 33 : 32;
}

size_t subx_keypair__signature_len(subx_key_scheme scheme)
{
    return scheme == SUBX_KEY_ECDSA ? 65 : 64;
}

static bool is_phrase_character(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == ' ';
}

static subx_slice after(subx_slice text, size_t count)
{
    return subx_slice__of(text.data + count, text.len - count);
}

/* Length of the junction at the start of `path`, its slashes included; 0 if there is none. */
static size_t junction_len(subx_slice path)
{
    size_t slashes = 0;
    while (slashes < path.len && path.data[slashes] == '/')
        slashes++;
    if (slashes == 0 || slashes > 2)
        return 0;
    size_t len = slashes;
    while (len < path.len && path.data[len] != '/')
        len++;
    return len > slashes ? len : 0;
}

static const char *split(subx_slice uri, struct parts *parts)
{
    if (uri.len == 0)
        uri = subx_slice__text("");
    size_t phrase_len = 0;
    while (phrase_len < uri.len && is_phrase_character(uri.data[phrase_len]))
        phrase_len++;
    subx_slice rest = after(uri, phrase_len);
    const subx_slice path = rest;
    for (size_t len = junction_len(rest); len > 0; len = junction_len(rest))
        rest = after(rest, len);
    *parts = (struct parts){
        .phrase = phrase_len > 0 ? subx_slice__of(uri.data, phrase_len)
                                 : subx_slice__text(development_phrase),
        .path = subx_slice__of(path.data, path.len - rest.len),
    };
    if (rest.len == 0)
        return NULL;
    if (!subx_slice__starts_with(rest, subx_slice__text("///")))
        return rest.data[0] == '/' ? "a junction of its path is empty"
                                   : "its phrase has a character that no phrase has";
    parts->password = after(rest, 3);
    return NULL;
}

/* 32 bytes of hexadecimal text, with nothing or another "0x" in front, as the reference reads it. */
static bool read_seed(subx_slice text, uint8_t seed[32])
{
    if (subx_slice__starts_with(text, subx_slice__text("0x")))
        text = after(text, 2);
    if (text.len != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        const int high = subx_hex__digit(text.data[2 * i]);
        const int low = subx_hex__digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        seed[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The seed that comes before the path. */
static const char *find_seed(const struct parts *parts, uint8_t seed[32])
{
    const subx_slice phrase = parts->phrase;
    if (!subx_slice__starts_with(phrase, subx_slice__text("0x"))) {
        const bool found = subx_rust_phrase_seed(phrase.data, phrase.len, parts->password.data,
                                                 parts->password.len, seed);
        return found ? NULL : "its phrase is not one of BIP-39: words or checksum are wrong";
    }
    return read_seed(after(phrase, 2), seed) ? NULL
                                             : "its seed is not 32 bytes of hexadecimal text";
}

/* A junction that is a number, as Rust parses one: digits, a plus sign may stand before them. */
static bool as_number(subx_slice name, uint64_t *number)
{
    if (name.len > 1 && name.data[0] == '+')
        name = after(name, 1);
    uint64_t value = 0;
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.data[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *number = value;
    return true;
}

/* The chain code of a junction: the SCALE form of a number (u64) or a text, filled up with zeros or
 * hashed to 32 bytes. False without memory. */
static bool chain_code(subx_slice name, uint8_t code[32])
{
    memset(code, 0, 32);
    uint64_t number = 0;
    if (as_number(name, &number)) {
        subx_store_u64(code, number);
        return true;
    }
    if (name.len < 32) {
        code[0] = (uint8_t)(name.len << 2);
        memcpy(code + 1, name.data, name.len);
        return true;
    }
    struct subx_buf encoded = SUBX_BUF_INIT;
    uint8_t prefix[4];
    const uint32_t len = (uint32_t)name.len;
    const size_t prefix_len = len < 1u << 6 ? 1 : len < 1u << 14 ? 2 : 4;
    subx_store_u32(prefix, len << 2 | (prefix_len == 1 ? 0u : prefix_len == 2 ? 1u : 2u));
    subx_buf__append(&encoded, prefix, prefix_len);
    subx_buf__append_slice(&encoded, name);
    const bool made = !encoded.failed;
    if (made)
        subx_hash__blake2b_256(subx_buf__slice(&encoded), code);
    subx_buf__free(&encoded);
    return made;
}

/* Hard derivation of ed25519 and ecdsa: BLAKE2b-256 of the SCALE form of (name, seed, code). */
static void derive_seed(subx_key_scheme scheme, const uint8_t code[32], uint8_t seed[32])
{
    const char *const name = scheme == SUBX_KEY_ED25519 ? "Ed25519HDKD" : "Secp256k1HDKD";
    const size_t len = strlen(name);
    uint8_t encoded[1 + 13 + 64];
    encoded[0] = (uint8_t)(len << 2);
    memcpy(encoded + 1, name, len);
    memcpy(encoded + 1 + len, seed, 32);
    memcpy(encoded + 1 + len + 32, code, 32);
    subx_hash__blake2b_256(subx_slice__of(encoded, 1 + len + 64), seed);
    explicit_bzero(encoded, sizeof encoded);
}

/* Take the pair's secret from the seed along the path. */
static const char *derive(struct subx_keypair *pair, const uint8_t seed[32], subx_slice path)
{
    if (pair->scheme == SUBX_KEY_SR25519)
        subx_rust_sr25519_expand(seed, pair->secret);
    else
        memcpy(pair->secret, seed, 32);
    while (path.len > 0) {
        const size_t len = junction_len(path);
        const bool hard = path.data[1] == '/';
        const size_t slashes = hard ? 2 : 1;
        if (!hard && pair->scheme != SUBX_KEY_SR25519)
            return "its path has a soft junction (one slash), which only sr25519 has";
        uint8_t code[32];
        if (!chain_code(subx_slice__of(path.data + slashes, len - slashes), code))
            return "no memory is left for a junction of its path";
        if (pair->scheme == SUBX_KEY_SR25519)
            subx_rust_sr25519_derive(pair->secret, code, hard);
        else
            derive_seed(pair->scheme, code, pair->secret);
        path = after(path, len);
    }
    return NULL;
}

static const char *find_public_key(struct subx_keypair *pair)
{
    switch (pair->scheme) {
    case SUBX_KEY_SR25519:
        subx_rust_sr25519_public(pair->secret, pair->public_key);
        return NULL;
    case SUBX_KEY_ED25519:
        subx_rust_ed25519_public(pair->secret, pair->public_key);
        return NULL;
    case SUBX_KEY_ECDSA:
    default:
        return subx_ecdsa__public_key(pair->secret, pair->public_key)
                   ? NULL
                   : "its seed is no secret key of secp256k1";
    }
}

const char *subx_keypair__from_uri(subx_key_scheme scheme, subx_slice uri,
                                   struct subx_keypair *pair)
{
    *pair = (struct subx_keypair){0};
    if (!subx_utf8__valid(uri))
        return "it is not UTF-8";
    if (uri.len > UINT32_MAX / 8)
        return "it is too long";
    struct parts parts;
    uint8_t seed[32] = {0};
    pair->scheme = scheme;
    const char *fault = split(uri, &parts);
    if (fault == NULL)
        fault = find_seed(&parts, seed);
    if (fault == NULL)
        fault = derive(pair, seed, parts.path);
    if (fault == NULL)
        fault = find_public_key(pair);
    explicit_bzero(seed, sizeof seed);
    if (fault != NULL)
        subx_keypair__wipe(pair);
    return fault;
}

void subx_keypair__wipe(struct subx_keypair *pair)
{
    explicit_bzero(pair, sizeof *pair);
}

bool subx_keypair__sign(const struct subx_keypair *pair, subx_slice message, uint8_t *signature)
{
    switch (pair->scheme) {
    case SUBX_KEY_SR25519:
        subx_rust_sr25519_sign(pair->secret, message.data, message.len, signature);
        return true;
    case SUBX_KEY_ED25519:
        subx_rust_ed25519_sign(pair->secret, message.data, message.len, signature);
        return true;
    case SUBX_KEY_ECDSA:
    default: {
        uint8_t hash[32];
        subx_hash__blake2b_256(message, hash);
        return subx_keypair__sign_prehashed(pair, hash, signature);
    }
    }
}

bool subx_keypair__sign_prehashed(const struct subx_keypair *pair, const uint8_t hash[32],
                                  uint8_t signature[65])
{
    SUBX_CHECK(pair->scheme == SUBX_KEY_ECDSA);
    return subx_ecdsa__sign(pair->secret, hash, signature);
}

size_t subx_keypair__random_phrase(uint8_t phrase[SUBX_PHRASE_ROOM])
{
    uint8_t entropy[16];
    if (!subx_random__fill(entropy, sizeof entropy))
        return 0;
    const size_t len = subx_rust_phrase_of(entropy, phrase);
    explicit_bzero(entropy, sizeof entropy);
    return len;
}
