/* Folders on Linux. */
#include "platform/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_errno(struct subx_file_fault *fault, int number)
{
    char room[96] = "";
    snprintf(fault->reason, sizeof fault->reason, "%s", strerror_r(number, room, sizeof room));
    return false;
}

bool subx_folder__make_private(const char *path, struct subx_file_fault *fault)
{
    *fault = (struct subx_file_fault){"", false};
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail_errno(fault, errno);
    struct stat facts;
    if (stat(path, &facts) != 0)
        return fail_errno(fault, errno);
    if (!S_ISDIR(facts.st_mode))
        return fail_errno(fault, ENOTDIR);
    if (facts.st_uid != 0 && facts.st_uid != geteuid()) {
        snprintf(fault->reason, sizeof fault->reason, "it belongs to user %u",
                 (unsigned)facts.st_uid);
        return false;
    }
    if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        snprintf(fault->reason, sizeof fault->reason, "its mode %03o lets others write to it",
                 (unsigned)(facts.st_mode & 0777));
        return false;
    }
    return true;
}

bool subx_folder__list(const char *path, bool (*take)(void *data, const char *name), void *data,
                       struct subx_file_fault *fault)
{
    *fault = (struct subx_file_fault){"", false};
    DIR *const folder = opendir(path);
    if (folder == NULL)
        return fail_errno(fault, errno);
    bool good = true;
    for (;;) {
        errno = 0;
        const struct dirent *const entry = readdir(folder);
        if (entry == NULL) {
            if (errno != 0)
                good = fail_errno(fault, errno);
            break;
        }
        if (!take(data, entry->d_name))
            break;
    }
    closedir(folder);
    return good;
}

bool subx_folder__has(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0;
}
