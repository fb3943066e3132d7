/* Option values that are bytes, and files. */
#include "files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"

/* No runtime takes more: its allocator hands out 32 MiB at most. */
#define MAX_INPUT ((size_t)32 * 1024 * 1024)

/* Temporary name of the file that is being written, for the end by a signal. */
static char *volatile unfinished;

static bool fail(subx_error *error, subx_status status, const char *what, const char *why)
{
    error->status = status;
    snprintf(error->message, sizeof error->message, "%s: %s", what, why);
    return false;
}

static int digit(char character)
{
    static const char digits[] = "0123456789abcdef";
    const char lower =
        (char)(character >= 'A' && character <= 'F' ? character - 'A' + 'a' : character);
    const char *found = lower == '\0' ? NULL : strchr(digits, lower);
    return found == NULL ? -1 : (int)(found - digits);
}

bool files_decode_hex(const char *text, struct file_bytes *out, subx_error *error)
{
    *out = (struct file_bytes){NULL, 0};
    const char *digits =
        strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0 ? text + 2 : text;
    const size_t len = strlen(digits);
    for (size_t i = 0; i < len; i++)
        if (digit(digits[i]) < 0) {
            char what[64];
            snprintf(what, sizeof what, "character %zu", (size_t)(digits - text) + i + 1);
            return fail(error, SUBX_INVALID_INPUT, what, "is no hex digit");
        }
    if (len % 2 != 0)
        return fail(error, SUBX_INVALID_INPUT, "hex", "an odd number of digits");
    out->data = output_memory(len / 2, 1);
    out->len = len / 2;
    for (size_t i = 0; i < out->len; i++)
        out->data[i] = (uint8_t)(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
    return true;
}

static bool read_stream(FILE *stream, const char *path, struct file_bytes *out, subx_error *error)
{
    size_t capacity = 1 << 16, len = 0, got = 0;
    uint8_t *data = output_memory(capacity, 1);
    while ((got = fread(data + len, 1, capacity - len, stream)) > 0) {
        len += got;
        if (len > MAX_INPUT) {
            free(data);
            return fail(error, SUBX_TOO_LARGE, path, "more than 32 MiB, which no runtime takes");
        }
        if (len < capacity)
            continue;
        uint8_t *larger = output_memory(2 * capacity, 1);
        memcpy(larger, data, len);
        free(data);
        data = larger;
        capacity *= 2;
    }
    if (ferror(stream) != 0) {
        const int number = errno;
        free(data);
        return fail(error, SUBX_IO, path, strerror(number));
    }
    *out = (struct file_bytes){data, len};
    return true;
}

bool files_bytes_of(const char *text, struct file_bytes *out, subx_error *error)
{
    *out = (struct file_bytes){NULL, 0};
    if (text[0] != '@')
        return files_decode_hex(text, out, error);
    FILE *stream = fopen(text + 1, "rbe");
    if (stream == NULL)
        return fail(error, SUBX_IO, text + 1, strerror(errno));
    const bool good = read_stream(stream, text + 1, out, error);
    fclose(stream);
    return good;
}

/* Whether the path, be it /dev/stdout, is where results go. */
static bool is_standard_output(const struct stat *facts)
{
    struct stat output;
    return fstat(STDOUT_FILENO, &output) == 0 && output.st_dev == facts->st_dev &&
           output.st_ino == facts->st_ino;
}

/* Mode of a file that open() would make. */
static mode_t default_mode(void)
{
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* Forget the writer; what it wrote under a temporary name is gone, unless it was renamed. */
static void drop(struct file_writer *writer)
{
    const int number = errno;
    if (writer->stream != NULL && !writer->is_standard_output)
        (void)fclose(writer->stream);
    if (writer->temporary != NULL && writer->temporary[0] != '\0')
        (void)unlink(writer->temporary);
    unfinished = NULL;
    free(writer->temporary);
    free(writer->path);
    *writer = (struct file_writer){NULL, NULL, NULL, false};
    errno = number;
}

static FILE *open_temporary(struct file_writer *writer)
{
    const size_t room = strlen(writer->path) + sizeof ".XXXXXX";
    writer->temporary = output_memory(room, 1);
    snprintf(writer->temporary, room, "%s.XXXXXX", writer->path);
    const int fd = mkstemp(writer->temporary);
    if (fd >= 0) {
        unfinished = writer->temporary;
        return fdopen(fd, "wb");
    }
    free(writer->temporary);
    writer->temporary = NULL;
    return NULL;
}

/* Remove what is not finished, and end as the signal wants. */
static void end_by_signal(int number)
{
    const char *const path = unfinished;
    if (path != NULL && path[0] != '\0')
        (void)unlink(path);
    signal(number, SIG_DFL);
    (void)raise(number);
}

void files_handle_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction before;
        /* a program that was started to ignore it goes on doing so */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            signal(numbers[i], end_by_signal);
    }
}

bool files_create(const char *path, struct file_writer *out, subx_error *error)
{
    struct stat status, link;
    const bool exists = stat(path, &status) == 0;
    /* A rename would put a file in the place of a device, a pipe or a link. */
    const bool in_place =
        (exists && !S_ISREG(status.st_mode)) || (lstat(path, &link) == 0 && S_ISLNK(link.st_mode));
    *out = (struct file_writer){NULL, NULL, NULL, exists && is_standard_output(&status)};
    out->path = output_memory(strlen(path) + 1, 1);
    memcpy(out->path, path, strlen(path));
    if (out->is_standard_output)
        out->stream = stdout;
    else
        out->stream = in_place ? fopen(path, "wbe") : open_temporary(out);
    if (out->stream != NULL)
        return true;
    drop(out);
    return fail(error, SUBX_IO, path, strerror(errno));
}

/* Write out what is left and close. */
static bool finish(struct file_writer *writer)
{
    FILE *stream = writer->stream;
    if (writer->is_standard_output)
        return fflush(stream) == 0 && ferror(stream) == 0;
    writer->stream = NULL;
    const bool written = fflush(stream) == 0 && ferror(stream) == 0;
    const int number = errno;
    const bool closed = fclose(stream) == 0;
    if (!written)
        errno = number;
    return written && closed;
}

bool files_close(struct file_writer *writer, bool keep, subx_error *error)
{
    bool good = true;
    if (keep) {
        good = finish(writer);
        if (good && writer->temporary != NULL) {
            good = chmod(writer->temporary, default_mode()) == 0 &&
                   rename(writer->temporary, writer->path) == 0;
            if (good)
                writer->temporary[0] = '\0'; /* nothing to remove */
        }
        if (!good)
            (void)fail(error, SUBX_IO, writer->path, strerror(errno));
    }
    drop(writer);
    return good;
}

bool files_write(const char *path, subx_slice bytes, subx_error *error)
{
    struct file_writer writer;
    if (!files_create(path, &writer, error))
        return false;
    errno = 0;
    if (fwrite(bytes.data, 1, bytes.len, writer.stream) == bytes.len)
        return files_close(&writer, true, error);
    (void)fail(error, SUBX_IO, path, strerror(errno));
    (void)files_close(&writer, false, NULL);
    return false;
}
