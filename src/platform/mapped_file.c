/* Mapping a whole file read-only, and who may write it. */
#include "platform/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(struct subx_file_fault *fault, const char *reason)
{
    fault->too_large = false;
    snprintf(fault->reason, sizeof fault->reason, "%s", reason);
    return false;
}

static void look_at_owner(const struct stat *facts, char *distrust, size_t room)
{
    if (facts->st_uid != 0 && facts->st_uid != geteuid())
        snprintf(distrust, room, "it belongs to user %u", (unsigned)facts->st_uid);
    else if ((facts->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        snprintf(distrust, room, "its mode %03o lets others write it",
                 (unsigned)(facts->st_mode & 0777));
}

/* A folder that others may write lets them put another file in place of this one, unless it is
 * sticky. */
static void look_at_folder(const char *path, char *distrust, size_t room)
{
    char folder[4096] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        const size_t len = slash == path ? 1 : (size_t)(slash - path);
        if (len >= sizeof folder)
            return;
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    struct stat facts;
    if (stat(folder, &facts) != 0)
        return;
    if (facts.st_uid != 0 && facts.st_uid != geteuid())
        snprintf(distrust, room, "its folder belongs to user %u", (unsigned)facts.st_uid);
    else if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (facts.st_mode & S_ISVTX) == 0)
        snprintf(distrust, room, "the mode %03o of its folder lets others replace it",
                 (unsigned)(facts.st_mode & 0777));
}

/* Behind a link lies the file in another folder. */
static void look_at_target(int descriptor, char *distrust, size_t room)
{
    char link[64], target[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t len = readlink(link, target, sizeof target - 1);
    if (len <= 0)
        return;
    target[len] = '\0';
    look_at_folder(target, distrust, room);
}

bool subx_mapped_file__of_descriptor(int descriptor, struct subx_mapped_file *file,
                                     struct subx_file_fault *fault)
{
    *file = (struct subx_mapped_file)SUBX_MAPPED_FILE_INIT;
    struct stat facts;
    const char *problem = NULL;
    if (fstat(descriptor, &facts) != 0)
        problem = strerror(errno);
    else if (S_ISDIR(facts.st_mode))
        problem = "is a directory";
    else if (!S_ISREG(facts.st_mode))
        problem = "is not a regular file";
    else if (facts.st_size <= 0)
        problem = "is empty";
    void *data = MAP_FAILED;
    if (problem == NULL) {
        data = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data == MAP_FAILED)
            problem = strerror(errno);
    }
    if (problem != NULL) {
        fail(fault, problem);
        if (descriptor >= 0)
            close(descriptor);
        return false;
    }
    file->descriptor = descriptor;
    file->data = data;
    file->len = (size_t)facts.st_size;
    look_at_owner(&facts, file->distrust, sizeof file->distrust);
    return true;
}

bool subx_mapped_file__open(const char *path, struct subx_mapped_file *file,
                            struct subx_file_fault *fault)
{
    *file = (struct subx_mapped_file)SUBX_MAPPED_FILE_INIT;
    /* Non-blocking, so that a pipe is refused instead of waited for. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return fail(fault, strerror(errno));
    if (!subx_mapped_file__of_descriptor(descriptor, file, fault))
        return false;
    if (file->distrust[0] == '\0')
        look_at_folder(path, file->distrust, sizeof file->distrust);
    if (file->distrust[0] == '\0')
        look_at_target(descriptor, file->distrust, sizeof file->distrust);
    return true;
}

void subx_mapped_file__close(struct subx_mapped_file *file)
{
    if (file->data != NULL)
        munmap((void *)(uintptr_t)file->data, file->len);
    if (file->descriptor >= 0)
        close(file->descriptor);
    *file = (struct subx_mapped_file)SUBX_MAPPED_FILE_INIT;
}
