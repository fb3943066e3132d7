/*
 * The file that `prepare` makes: compiled code, and the code that it was compiled from.
 *
 *   payload | code | trailer
 *
 *   payload   what the engine serialised; first, since the engine refuses it behind a header
 *   code      the chain's bytes in a zstd frame: another variant can be compiled from them
 *   trailer   fixed size, little-endian, below
 *
 * Checksums find damage. They do not make a file trustworthy: compiled code is machine code, and
 * whoever can write the file can run anything.
 */
#ifndef SUBX_BLOB_ARTIFACT_H
#define SUBX_BLOB_ARTIFACT_H

#include <stdbool.h>

#include "util/bytes.h"

#define SUBX_ARTIFACT_TRAILER_SIZE 256
#define SUBX_ARTIFACT_VERSION_SIZE 32

/*
 * offset  size
 *   0      8   magic
 *   8      4   format of this trailer, 1
 *  12      4   size of this trailer, 256
 *  16      8   length of the payload
 *  24      8   length of the code in the file
 *  32     32   exact engine version, NUL-padded
 *  64     32   digest of everything that the engine compares (target, CPU features, settings)
 *  96     32   digest of what we compare on top (subx_artifact: semantics)
 * 128     32   BLAKE2b-256 of the code as the chain stores it
 * 160     16   XXH3-128 of the payload
 * 176     16   XXH3-128 of the code in the file
 * 192      4   why instances cannot be reset in place; 0: they can (exec/reset.h)
 * 196      4   number of mutable globals
 * 200      8   where the data segments end in memory
 * 208     40   zero
 * 248      8   XXH3-64 of the 248 bytes before
 */
struct subx_artifact {
    subx_slice payload, code; /* in the file's bytes */
    char engine_version[SUBX_ARTIFACT_VERSION_SIZE];
    uint8_t compatibility[32];
    uint8_t semantics[32];
    uint8_t code_hash[32];
    uint32_t reset_obstacle;
    uint32_t mutable_globals;
    uint64_t image_end;
};

/* Whether the bytes end with a trailer's magic: an artifact, sound or not. */
bool subx_artifact__is(subx_slice file);

/*
 * Read an artifact, every checksum verified. SUBX_ARTIFACT, with what is damaged. The slices point
 * into `file`.
 */
subx_status subx_artifact__read(subx_slice file, struct subx_artifact *artifact, subx_error *error);

/* The code inside, as the chain stores it; `stored` is the caller's to free on SUBX_OK. At most
 * `max_size` bytes. */
subx_status subx_artifact__stored_code(const struct subx_artifact *artifact, size_t max_size,
                                       subx_bytes *stored, subx_error *error);

/*
 * Write an artifact. Of `artifact` all members are used but `code`, which is made from
 * `stored_code`. `file` is the caller's to free on SUBX_OK.
 */
subx_status subx_artifact__write(const struct subx_artifact *artifact, subx_slice stored_code,
                                 subx_bytes *file, subx_error *error);

#endif
