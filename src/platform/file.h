/*
 * Whole files: read one into memory, replace one in a single step. The room below everything else,
 * so it speaks errno and text; callers turn that into a status and add the file's name.
 */
#ifndef SUBX_PLATFORM_FILE_H
#define SUBX_PLATFORM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a file operation failed: words without the file's name, for instance "is a directory". */
struct subx_file_fault {
    char reason[160];
    /* The file is there and holds more than the caller's bound. */
    bool too_large;
};

/*
 * The bytes of a file, in pages of our own that no heap shares. They are a copy: a mapping of the
 * file itself would fault in the middle of a parser when somebody else truncates the file. Start
 * from SUBX_FILE_INIT.
 */
struct subx_file {
    const uint8_t *data;
    size_t len;
};

#define SUBX_FILE_INIT \
    {                  \
        NULL, 0        \
    }

/*
 * Read the whole regular file at `path`. Directories, pipes, sockets and devices are refused
 * without waiting for them; so are empty files and those of more than `max_size` bytes. False:
 * `fault` says why and `file` is empty. Release with subx_file__free().
 */
bool subx_file__read(const char *path, size_t max_size, struct subx_file *file,
                     struct subx_file_fault *fault);

/* Release the bytes and leave the struct empty; an empty one is fine. */
void subx_file__free(struct subx_file *file);

/*
 * Write `len` bytes to `path` so that a reader sees the old file or the whole new one, after a
 * crash too: a temporary name in the same folder, synced, renamed over `path`, the folder synced.
 * The new file has `mode` less the umask: SUBX_FILE_MODE, or a stricter one. A directory or another
 * thing that is no regular file at `path` is refused. False: `fault` says why, `path` is as before
 * and the temporary is gone. A symbolic link stays one: the file that it leads to is replaced.
 */
bool subx_file__write(const char *path, const void *data, size_t len, unsigned mode,
                      struct subx_file_fault *fault);

/* What open() gives a file that nothing else is known about, and one that nobody but its owner may
 * write whatever the umask. */
#define SUBX_FILE_MODE 0666u
#define SUBX_FILE_MODE_GUARDED 0644u

#endif
