/*
 * A file that is mapped read-only instead of copied: for artifacts, whose pages are only read where
 * they run. Whoever may write the file can change what is mapped, so it says who that is.
 */
#ifndef SUBX_PLATFORM_MAPPED_FILE_H
#define SUBX_PLATFORM_MAPPED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/file.h"

struct subx_mapped_file {
    int descriptor;
    const uint8_t *data;
    size_t len;
    /* Why somebody else than this user and root could have written it: "it belongs to user 1000";
     * empty if not. */
    char distrust[80];
};

#define SUBX_MAPPED_FILE_INIT \
    {                         \
        -1, NULL, 0, ""       \
    }

/* Open and map a regular file that is not empty. False: `fault` says why, nothing is open. */
bool subx_mapped_file__open(const char *path, struct subx_mapped_file *file,
                            struct subx_file_fault *fault);

/* Map an open file; its descriptor is taken over, in failure too. */
bool subx_mapped_file__of_descriptor(int descriptor, struct subx_mapped_file *file,
                                     struct subx_file_fault *fault);

void subx_mapped_file__close(struct subx_mapped_file *file);

#endif
