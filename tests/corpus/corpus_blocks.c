/*
 * Real blocks, one after another in each file given: each reads, comes out of SCALE and of JSON as
 * it went in, and has the hash that the next one names as its parent's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <subexec/block.h>

#include "util/bytes.h"

static int faults;

static void demand(bool condition, const char *path, size_t number, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "%s: block %zu of the file: %s\n", path, number, what);
    faults++;
}

static bool same(const subx_block *a, const subx_block *b)
{
    return subx_slice__equal(subx_block_encoded(a), subx_block_encoded(b)) &&
           memcmp(subx_block_header(a)->hash, subx_block_header(b)->hash, 32) == 0;
}

/* Read what was written, by way of a file. */
static bool survives_json(const subx_block *block, FILE *scratch)
{
    subx_bytes text = SUBX_BYTES_INIT;
    subx_block_reader *reader = NULL;
    subx_block *again = NULL;
    bool good = subx_block_to_json(block, &text, NULL) == SUBX_OK;
    rewind(scratch);
    good = good && fwrite(text.data, 1, text.len, scratch) == text.len && fflush(scratch) == 0 &&
           ftruncate(fileno(scratch), (off_t)text.len) == 0 &&
           lseek(fileno(scratch), 0, SEEK_SET) == 0;
    good = good &&
           subx_block_reader_open_descriptor(fileno(scratch), "scratch", &reader, NULL) == SUBX_OK;
    good = good && subx_block_reader_next(reader, &again, NULL) == SUBX_OK && again != NULL &&
           same(block, again);
    subx_block_free(again);
    subx_block_reader_free(reader);
    subx_bytes_free(&text);
    return good;
}

static bool survives_scale(const subx_block *block)
{
    subx_block *again = NULL;
    const bool good =
        subx_block_decode(subx_block_encoded(block), &again, NULL) == SUBX_OK && same(block, again);
    subx_block_free(again);
    return good;
}

static void check_file(const char *path, FILE *scratch)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_block_reader *reader = NULL;
    uint8_t last[32] = {0};
    size_t count = 0;
    subx_status status = subx_block_reader_open(path, &reader, &error);
    while (status == SUBX_OK) {
        subx_block *block = NULL;
        status = subx_block_reader_next(reader, &block, &error);
        if (status != SUBX_OK || block == NULL)
            break;
        count++;
        const subx_header *header = subx_block_header(block);
        demand(survives_scale(block), path, count, "is another one after SCALE");
        demand(survives_json(block, scratch), path, count, "is another one after JSON");
        demand(count == 1 || memcmp(header->parent_hash, last, 32) == 0, path, count,
               "names another parent than the block before it");
        memcpy(last, header->hash, 32);
        subx_block_free(block);
    }
    subx_block_reader_free(reader);
    demand(status == SUBX_OK, path, count, error.message);
    demand(count > 0, path, count, "there is none");
    printf("%s: %zu blocks\n", path, count);
}

int main(int argc, char **argv)
{
    FILE *scratch = tmpfile();
    if (scratch == NULL) {
        perror("tmpfile");
        return 1;
    }
    for (int i = 1; i < argc; i++)
        check_file(argv[i], scratch);
    fclose(scratch);
    return faults > 0 || argc < 2;
}
