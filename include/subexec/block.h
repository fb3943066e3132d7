/**
 * \file
 * Blocks: reading them in the forms that nodes give, looking into them, writing them.
 */
#ifndef SUBEXEC_BLOCK_H
#define SUBEXEC_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/export.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A block, decoded and checked for form: immutable, shared between threads. */
typedef struct subx_block subx_block;

/** Kinds of digest items, with their numbers in SCALE. */
typedef enum subx_digest_kind {
    SUBX_DIGEST_OTHER = 0,
    /** Root of a changes trie; blocks before 2022. */
    SUBX_DIGEST_CHANGES_TRIE_ROOT = 2,
    SUBX_DIGEST_CONSENSUS = 4,
    /** Proof of authorship; added after execution, and not part of what is executed. */
    SUBX_DIGEST_SEAL = 5,
    SUBX_DIGEST_PRE_RUNTIME = 6,
    /** Signal about the changes trie; blocks before 2022. */
    SUBX_DIGEST_CHANGES_TRIE_SIGNAL = 7,
    SUBX_DIGEST_RUNTIME_ENVIRONMENT_UPDATED = 8
} subx_digest_kind;

/** An item of a header's digest. Slices are borrowed from the block. */
typedef struct subx_digest_item {
    subx_digest_kind kind;
    /** Engine that the item is for, as "BABE"; zeros for kinds that have none. */
    uint8_t engine[4];
    /** What it says, without kind, engine and length. */
    subx_slice payload;
    /** The whole item in SCALE. */
    subx_slice encoded;
} subx_digest_item;

/** The fields of a header. */
typedef struct subx_header {
    uint8_t parent_hash[32];
    uint64_t number;
    /** Root of the state after the block. */
    uint8_t state_root[32];
    uint8_t extrinsics_root[32];
    /** Items of the digest, and how many of them, at the end, are seals. */
    size_t digest_count, seal_count;
    /** BLAKE2b-256 of the header, seals included: the block's hash. */
    uint8_t hash[32];
} subx_header;

/**
 * Decode a block from SCALE: a header, then its extrinsics. All bytes must belong to it.
 *
 * \param scale     borrowed; not needed afterwards
 * \param[out] out  filled on SUBX_OK, release with subx_block_free(); NULL otherwise
 * \param[out] error  optional; which field is wrong, at which offset
 * \return SUBX_OK, SUBX_INVALID_INPUT, SUBX_NOMEM
 */
SUBX_API subx_status subx_block_decode(subx_slice scale, subx_block **out, subx_error *error);

/**
 * Release a block.
 *
 * \param block  NULL is fine
 */
SUBX_API void subx_block_free(subx_block *block);

/** The header's fields; borrowed from the block. */
SUBX_API const subx_header *subx_block_header(const subx_block *block);

/** The item of the digest with that number; `index` below `digest_count` of the header. */
SUBX_API subx_digest_item subx_block_digest_item(const subx_block *block, size_t index);

/** Number of extrinsics. */
SUBX_API size_t subx_block_extrinsic_count(const subx_block *block);

/** The extrinsic with that number in SCALE, its length in front; borrowed. */
SUBX_API subx_slice subx_block_extrinsic(const subx_block *block, size_t index);

/** The whole block in SCALE; borrowed. */
SUBX_API subx_slice subx_block_encoded(const subx_block *block);

/**
 * The block as `Core_execute_block` takes it: in SCALE, without the seals at the end of the digest.
 *
 * \param[out] out  filled on SUBX_OK, release with subx_bytes_free(); empty otherwise
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_block_unsealed(const subx_block *block, subx_bytes *out,
                                         subx_error *error);

/**
 * Write a block as nodes' RPC gives it: a SignedBlock in JSON, on one line without its end.
 *
 * \param[out] text  filled on SUBX_OK, release with subx_bytes_free(); empty otherwise. Not
 *                   NUL-terminated.
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_block_to_json(const subx_block *block, subx_bytes *text,
                                        subx_error *error);

/** Reads blocks one after another; one thread at a time. */
typedef struct subx_block_reader subx_block_reader;

/**
 * Read blocks from a file of any size or a pipe: SignedBlock JSON as nodes' RPC gives it, with or
 * without the objects around it, or SCALE in hexadecimal digits; one on each line, JSON also over
 * several lines or as elements of an array.
 *
 * \param path      NUL-terminated
 * \param[out] out  filled on SUBX_OK, release with subx_block_reader_free(); NULL otherwise
 * \return SUBX_OK; SUBX_IO with the file's name and the system's reason; SUBX_NOMEM
 */
SUBX_API subx_status subx_block_reader_open(const char *path, subx_block_reader **out,
                                            subx_error *error);

/**
 * The same from a descriptor, standard input for instance.
 *
 * \param descriptor  stays the caller's; must be open as long as the reader
 * \param name        how messages call it; NUL-terminated
 */
SUBX_API subx_status subx_block_reader_open_descriptor(int descriptor, const char *name,
                                                       subx_block_reader **out, subx_error *error);

/**
 * Read the next block.
 *
 * \param[out] block  NULL at the end and on failure; release with subx_block_free()
 * \param[out] error  optional; the file's name, line and column, what is wrong
 * \return SUBX_OK, also at the end; SUBX_INVALID_INPUT, SUBX_TOO_LARGE, SUBX_IO, SUBX_NOMEM; the
 *         reader cannot go on after a failure
 */
SUBX_API subx_status subx_block_reader_next(subx_block_reader *reader, subx_block **block,
                                            subx_error *error);

/** Bytes that were read, and the size of the file; 0 if that is not known. For progress bars. */
SUBX_API void subx_block_reader_progress(const subx_block_reader *reader, uint64_t *bytes_read,
                                         uint64_t *size);

/**
 * Release a reader and close its file.
 *
 * \param reader  NULL is fine
 */
SUBX_API void subx_block_reader_free(subx_block_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
