/**
 * \file
 * Keystores: the secret keys that a runtime may sign with. A call has none unless its options name
 * one, and its functions then abort.
 */
#ifndef SUBEXEC_KEYSTORE_H
#define SUBEXEC_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/export.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Signature schemes. Public keys have 32, 32 and 33 bytes, signatures 64, 64 and 65. */
typedef enum subx_key_scheme {
    SUBX_KEY_SR25519 = 0,
    SUBX_KEY_ED25519 = 1,
    SUBX_KEY_ECDSA = 2
} subx_key_scheme;

/** Takes one public key, borrowed until return. */
typedef void (*subx_key_sink)(void *to, subx_slice public_key);

/**
 * What a keystore does; for embedders with one of their own. A failure ends the runtime call that
 * asked, with the text in `error`.
 *
 * Threads: called on the threads of the calls, concurrently if calls are.
 */
typedef struct subx_keystore_functions {
    /** Hand every public key that may be one of this scheme and key type to `take`, with `to`; in an
     * order that does not change by itself. */
    subx_status (*public_keys)(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                               subx_key_sink take, void *to, subx_error *error);
    /** Make a key from a secret URI, or a random one if `uri` is NULL, and keep it. Fills as many
     * bytes of `public_key` as the scheme's keys have. */
    subx_status (*generate)(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                            const subx_slice *uri, uint8_t public_key[33], subx_error *error);
    /** Sign with the key that belongs to `public_key`; `found` is false if there is none. With
     * `prehashed`, which is for ecdsa only, the message is a hash of 32 bytes; otherwise ecdsa signs
     * the message's BLAKE2b-256. */
    subx_status (*sign)(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                        const uint8_t *public_key, subx_slice message, bool prehashed, bool *found,
                        uint8_t signature[65], subx_error *error);
    /** Store a key for good, as an operator does. NULL if the keystore has no such thing. */
    subx_status (*insert)(void *data, subx_key_scheme scheme, const uint8_t key_type[4],
                          subx_slice uri, uint8_t public_key[33], subx_error *error);
    /** Release `data`; called by subx_keystore_free(). May be NULL. */
    void (*free)(void *data);
} subx_keystore_functions;

/** A keystore. An embedder's own need not live on the heap; it must outlive the calls. */
typedef struct subx_keystore {
    const subx_keystore_functions *functions;
    /** Handed to the functions. */
    void *data;
} subx_keystore;

/**
 * Make a keystore that is kept in memory and starts empty.
 *
 * As in a node, nothing but its length tells a public key's scheme: one key type should not be used
 * for sr25519 and ed25519 at once.
 *
 * \param[out] out  filled on SUBX_OK, release with subx_keystore_free(); NULL otherwise
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_keystore_memory(subx_keystore **out, subx_error *error);

/**
 * Open a keystore in a folder, in the format of Polkadot-SDK nodes.
 *
 * Each key is a file. Its name is the hexadecimal text of the key type (4 bytes) and of the public
 * key; it holds the secret URI as a JSON string. Other files are left alone. Files are read when
 * they are asked for, so a node or another process may add some. As in a node, a key that a runtime
 * generates from a given seed stays in memory; random ones and inserted ones become files, which
 * only their owner may read.
 *
 * \param path      NUL-terminated; made if it is missing, readable for its owner only
 * \param[out] out  filled on SUBX_OK, release with subx_keystore_free(); NULL otherwise
 * \param[out] error  optional detail
 * \return SUBX_OK; SUBX_IO with the system's reason, or because somebody else than this user and
 * root may write to the folder; SUBX_NOMEM
 */
SUBX_API subx_status subx_keystore_directory(const char *path, subx_keystore **out,
                                             subx_error *error);

/**
 * Store a key in a keystore.
 *
 * \param keystore  any kind
 * \param key_type  four characters, for instance "babe"
 * \param uri       secret URI: a phrase or 0x and a seed of 32 bytes in hex, then any number of
 *                  junctions //hard or /soft, then ///password; UTF-8
 * \param[out] public_key  as many bytes as the scheme's keys have
 * \param[out] error  optional detail; never holds any part of the URI
 * \return SUBX_OK; SUBX_INVALID_INPUT if the URI is none; SUBX_UNSUPPORTED if the keystore cannot;
 * what the keystore says
 */
SUBX_API subx_status subx_keystore_insert(const subx_keystore *keystore, subx_key_scheme scheme,
                                          const uint8_t key_type[4], subx_slice uri,
                                          uint8_t public_key[33], subx_error *error);

/**
 * Release a keystore of subx_keystore_memory() or subx_keystore_directory().
 *
 * \param keystore  NULL is fine; no call may be using it
 */
SUBX_API void subx_keystore_free(subx_keystore *keystore);

#ifdef __cplusplus
}
#endif

#endif
