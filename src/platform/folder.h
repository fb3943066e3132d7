/* Folders: make one that is private, see who may write to it, list its names. */
#ifndef SUBX_PLATFORM_FOLDER_H
#define SUBX_PLATFORM_FOLDER_H

#include "platform/file.h"

/*
 * See to it that there is a folder at `path` that nobody but this user and root may write to; a
 * missing one is made with mode 0700, its parent must be there. False: `fault` says why.
 */
bool subx_folder__make_private(const char *path, struct subx_file_fault *fault);

/* Call `take` with each name in the folder, NUL-terminated, in no order; false from `take` ends it.
 * False: the folder cannot be read, `fault` says why. */
bool subx_folder__list(const char *path, bool (*take)(void *data, const char *name), void *data,
                       struct subx_file_fault *fault);

/* Whether there is anything at `path`. */
bool subx_folder__has(const char *path);

#endif
