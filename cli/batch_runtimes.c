/* The runtimes of `batch`: as many as were used last, each made once. */
#include "batch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"

/* Bound on runtimes that are kept; a large one takes some tens of megabytes. */
enum { MAX_KEPT = 16 };

/* What tells that a file is not the one that it was. */
struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct kept {
    char *path;
    struct identity identity;
    subx_runtime_options options;
    subx_runtime *runtime;
    uint64_t last_use;
};

struct batch_runtimes {
    subx_executor *executor;
    struct kept kept[MAX_KEPT];
    size_t count;
    uint64_t uses;
};

struct batch_runtimes *batch_runtimes_new(subx_executor *executor)
{
    struct batch_runtimes *runtimes = output_memory(1, sizeof *runtimes);
    runtimes->executor = executor;
    return runtimes;
}

static void drop(struct batch_runtimes *runtimes, size_t index)
{
    struct kept *kept = &runtimes->kept[index];
    subx_runtime_free(kept->runtime);
    free(kept->path);
    *kept = runtimes->kept[--runtimes->count];
}

void batch_runtimes_free(struct batch_runtimes *runtimes)
{
    while (runtimes->count > 0)
        drop(runtimes, runtimes->count - 1);
    free(runtimes);
}

/* A file that is not there has the identity of nothing; loading it says why. */
static struct identity identity_of(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return (struct identity){0};
    return (struct identity){facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtim};
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Those options that a request can set. */
static bool same_options(const subx_runtime_options *a, const subx_runtime_options *b)
{
    return a->heap.kind == b->heap.kind && a->heap.pages == b->heap.pages &&
           a->allow_missing_imports == b->allow_missing_imports &&
           a->canonicalize_nans == b->canonicalize_nans && a->strategy == b->strategy &&
           a->stack_logical_max == b->stack_logical_max &&
           a->stack_native_max == b->stack_native_max && a->extensions == b->extensions;
}

/* Number of the runtime for that file and options, whatever the file has become, or `count`. */
static size_t find(const struct batch_runtimes *runtimes, const char *path,
                   const subx_runtime_options *options)
{
    size_t i = 0;
    while (i < runtimes->count && (strcmp(runtimes->kept[i].path, path) != 0 ||
                                   !same_options(&runtimes->kept[i].options, options)))
        i++;
    return i;
}

static void drop_oldest(struct batch_runtimes *runtimes)
{
    size_t oldest = 0;
    for (size_t i = 1; i < runtimes->count; i++)
        if (runtimes->kept[i].last_use < runtimes->kept[oldest].last_use)
            oldest = i;
    drop(runtimes, oldest);
}

static subx_status make(struct batch_runtimes *runtimes, const char *path,
                        const struct identity *identity, const subx_runtime_options *options,
                        subx_error *error)
{
    subx_runtime *runtime = NULL;
    if (runtimes->count == MAX_KEPT)
        drop_oldest(runtimes);
    const subx_status status =
        subx_runtime_load_file(runtimes->executor, path, options, &runtime, error);
    if (status != SUBX_OK)
        return status;
    const size_t size = strlen(path) + 1;
    char *copy = output_memory(size, 1);
    memcpy(copy, path, size);
    runtimes->kept[runtimes->count++] =
        (struct kept){copy, *identity, *options, runtime, runtimes->uses};
    return SUBX_OK;
}

subx_status batch_runtimes_get(struct batch_runtimes *runtimes, const char *path,
                               const subx_runtime_options *options, subx_runtime **out,
                               subx_error *error)
{
    const struct identity identity = identity_of(path);
    size_t index = find(runtimes, path, options);
    *out = NULL;
    runtimes->uses++;
    if (index < runtimes->count && !same_identity(&runtimes->kept[index].identity, &identity)) {
        drop(runtimes, index);
        index = runtimes->count;
    }
    if (index == runtimes->count) {
        const subx_status status = make(runtimes, path, &identity, options, error);
        if (status != SUBX_OK)
            return status;
        index = runtimes->count - 1;
    }
    runtimes->kept[index].last_use = runtimes->uses;
    *out = runtimes->kept[index].runtime;
    return SUBX_OK;
}
