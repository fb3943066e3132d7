/*
 * A plain main for fuzzers: gives files to the fuzzer's entry, one after the other. Arguments are
 * files, or folders whose files are meant. It fails if there is nothing to give.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long given;

static int give_file(const char *path, size_t size)
{
    FILE *const file = fopen(path, "rb");
    /* A block of exactly this size, so that AddressSanitizer sees a read beyond it. */
    uint8_t *const data = malloc(size == 0 ? 1 : size);
    const int good = file != NULL && data != NULL && fread(data, 1, size, file) == size;
    if (good) {
        given++;
        LLVMFuzzerTestOneInput(data, size);
    } else {
        perror(path);
    }
    free(data);
    if (file != NULL)
        fclose(file);
    return good ? 0 : -1;
}

static int give_folder(const char *path)
{
    DIR *const folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        return -1;
    }
    int result = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char inner[4096];
        struct stat status;
        const int len = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof inner || stat(inner, &status) != 0) {
            fprintf(stderr, "%s/%s: cannot be looked at\n", path, entry->d_name);
            result = -1;
        } else if (S_ISREG(status.st_mode) && give_file(inner, (size_t)status.st_size) != 0) {
            result = -1;
        }
    }
    closedir(folder);
    return result;
}

int main(int argc, char **argv)
{
    int result = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) != 0) {
            perror(argv[i]);
            result = -1;
        } else if (S_ISDIR(status.st_mode) ? give_folder(argv[i]) != 0
                                           : give_file(argv[i], (size_t)status.st_size) != 0) {
            result = -1;
        }
    }
    printf("%lu inputs\n", given);
    return result == 0 && given > 0 ? 0 : 1;
}
