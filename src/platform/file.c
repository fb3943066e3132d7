/* Whole files on Linux: open without waiting, read, write to a temporary name and rename. */
#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Largest piece for one read() or write(); Linux takes a little under 2 GiB. */
#define MAX_TRANSFER ((size_t)1 << 30)

static bool fail(struct subx_file_fault *fault, const char *reason)
{
    snprintf(fault->reason, sizeof fault->reason, "%s", reason);
    return false;
}

/* "WHAT: the system's words for `number`"; `what` may be empty. */
static bool fail_errno(struct subx_file_fault *fault, const char *what, int number)
{
    char room[96] = "";
    const char *words = strerror_r(number, room, sizeof room);
    snprintf(fault->reason, sizeof fault->reason, "%s%s%s", what, what[0] == '\0' ? "" : ": ",
             words);
    return false;
}

static const char *kind_refused(mode_t mode)
{
    if (S_ISREG(mode))
        return NULL;
    return S_ISDIR(mode)    ? "is a directory"
           : S_ISFIFO(mode) ? "is a pipe, not a regular file"
           : S_ISSOCK(mode) ? "is a socket, not a regular file"
                            : "is a device, not a regular file";
}

/* Open `path` for reading, never waiting for a writer; the size of the regular file in `size`. */
static int open_regular(const char *path, size_t max_size, size_t *size,
                        struct subx_file_fault *fault)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        /* what open() says of a socket */
        if (errno == ENXIO)
            fail(fault, "is not a regular file");
        else
            fail_errno(fault, "", errno);
        return -1;
    }
    struct stat status = {0};
    bool good = false;
    if (fstat(fd, &status) != 0) {
        fail_errno(fault, "", errno);
    } else if (kind_refused(status.st_mode) != NULL) {
        fail(fault, kind_refused(status.st_mode));
    } else if (status.st_size <= 0) {
        fail(fault, "is empty");
    } else if ((uintmax_t)status.st_size > max_size) {
        fault->too_large = true;
        snprintf(fault->reason, sizeof fault->reason, "has %jd bytes; the bound is %zu",
                 (intmax_t)status.st_size, max_size);
    } else {
        *size = (size_t)status.st_size;
        good = true;
    }
    if (good)
        return fd;
    close(fd);
    return -1;
}

static bool read_all(int fd, uint8_t *data, size_t len, struct subx_file_fault *fault)
{
    size_t done = 0;
    while (done < len) {
        const size_t piece = len - done < MAX_TRANSFER ? len - done : MAX_TRANSFER;
        const ssize_t got = read(fd, data + done, piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(fault, "", errno);
        if (got == 0)
            return fail(fault, "became shorter while it was read");
        done += (size_t)got;
    }
    return true;
}

bool subx_file__read(const char *path, size_t max_size, struct subx_file *file,
                     struct subx_file_fault *fault)
{
    *file = (struct subx_file)SUBX_FILE_INIT;
    *fault = (struct subx_file_fault){"", false};
    size_t len = 0;
    const int fd = open_regular(path, max_size, &len, fault);
    if (fd < 0)
        return false;
    uint8_t *data = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool good = false;
    if (data == MAP_FAILED)
        fail_errno(fault, "", errno);
    else
        good = read_all(fd, data, len, fault);
    close(fd);
    if (good)
        *file = (struct subx_file){data, len};
    else if (data != MAP_FAILED)
        munmap(data, len);
    return good;
}

void subx_file__free(struct subx_file *file)
{
    union {
        const uint8_t *borrowed;
        void *owned;
    } pages = {file->data};
    if (file->data != NULL)
        munmap(pages.owned, file->len);
    *file = (struct subx_file)SUBX_FILE_INIT;
}

static bool write_all(int fd, const void *data, size_t len, struct subx_file_fault *fault)
{
    const uint8_t *at = data;
    size_t left = len;
    while (left > 0) {
        const ssize_t put = write(fd, at, left < MAX_TRANSFER ? left : MAX_TRANSFER);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_errno(fault, "", errno);
        at += put;
        left -= (size_t)put;
    }
    return true;
}

/* The mode that open(path, O_CREAT, mode) would give. The umask can only be read by setting it,
 * which other threads would see, so ask the kernel's account of this process instead. */
static mode_t less_umask(unsigned mode)
{
    mode_t mask = 022;
    FILE *status = fopen("/proc/self/status", "re");
    if (status == NULL)
        return mode & ~mask;
    char line[256];
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "Umask:", 6) == 0)
            mask = (mode_t)strtoul(line + 6, NULL, 8);
    fclose(status);
    return mode & ~mask;
}

/* Make what rename() did to the folder of `path` durable. File systems that cannot sync a folder
 * say so; that is no reason to fail. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    memcpy(folder, path, len);
    memcpy(folder + len, ".", 2);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

static bool replace(const char *path, const void *data, size_t len, unsigned mode,
                    struct subx_file_fault *fault)
{
    static const char suffix[] = ".XXXXXX";
    char temporary[PATH_MAX];
    const size_t path_len = strlen(path);
    /* one byte more than the suffix: sync_folder() appends to the folder's name */
    if (path_len + sizeof suffix + 1 > sizeof temporary)
        return fail_errno(fault, "", ENAMETOOLONG);
    struct stat old = {0};
    if (stat(path, &old) == 0 && kind_refused(old.st_mode) != NULL)
        return fail(fault, kind_refused(old.st_mode));

    memcpy(temporary, path, path_len);
    memcpy(temporary + path_len, suffix, sizeof suffix);
    const int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return fail_errno(fault, "", errno);
    bool good = write_all(fd, data, len, fault);
    if (good && (fchmod(fd, less_umask(mode)) != 0 || fsync(fd) != 0))
        good = fail_errno(fault, "", errno);
    if (close(fd) != 0 && good)
        good = fail_errno(fault, "", errno);
    if (good && rename(temporary, path) != 0)
        good = fail_errno(fault, "", errno);
    if (!good)
        (void)unlink(temporary);
    else
        sync_folder(path);
    return good;
}

bool subx_file__write(const char *path, const void *data, size_t len, unsigned mode,
                      struct subx_file_fault *fault)
{
    *fault = (struct subx_file_fault){"", false};
    char target[PATH_MAX];
    struct stat link = {0};
    if (lstat(path, &link) != 0 || !S_ISLNK(link.st_mode))
        return replace(path, data, len, mode, fault);
    if (realpath(path, target) == NULL)
        return fail_errno(fault, "symbolic link", errno);
    return replace(target, data, len, mode, fault);
}
