/* The runtimes of `batch`: as many as were used last, each made once. */
#include "batch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"
#include "runtime_opt.h"

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
    char *path, *imports; /* the second NULL: no import policy */
    struct identity identity, imports_identity;
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
    free(kept->imports);
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
    if (path == NULL || stat(path, &facts) != 0)
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

static bool same_path(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Number of the runtime for the request's files and options, whatever the files have become, or
 * `count`. */
static size_t find(const struct batch_runtimes *runtimes, const struct batch_request *request)
{
    size_t i = 0;
    while (i < runtimes->count && (!same_path(runtimes->kept[i].path, request->code) ||
                                   !same_path(runtimes->kept[i].imports, request->imports) ||
                                   !same_options(&runtimes->kept[i].options, &request->options)))
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

static char *copy_path(const char *path)
{
    if (path == NULL)
        return NULL;
    const size_t size = strlen(path) + 1;
    char *copy = output_memory(size, 1);
    memcpy(copy, path, size);
    return copy;
}

static subx_status load(const struct batch_runtimes *runtimes, const struct batch_request *request,
                        subx_runtime **out, subx_error *error)
{
    subx_runtime_options options = request->options;
    subx_import_policy *policy = NULL;
    subx_status status = runtime_opt_load_imports(request->imports, &options, &policy, error);
    if (status == SUBX_OK)
        status = subx_runtime_load_file(runtimes->executor, request->code, &options, out, error);
    subx_import_policy_free(policy);
    return status;
}

/* Make a runtime; `facts` are the identities of its files from before they were read. */
static subx_status make(struct batch_runtimes *runtimes, const struct batch_request *request,
                        const struct kept *facts, subx_error *error)
{
    subx_runtime *runtime = NULL;
    if (runtimes->count == MAX_KEPT)
        drop_oldest(runtimes);
    const subx_status status = load(runtimes, request, &runtime, error);
    if (status != SUBX_OK)
        return status;
    struct kept *kept = &runtimes->kept[runtimes->count++];
    *kept = *facts;
    kept->path = copy_path(request->code);
    kept->imports = copy_path(request->imports);
    kept->options = request->options;
    kept->runtime = runtime;
    return SUBX_OK;
}

subx_status batch_runtimes_get(struct batch_runtimes *runtimes, const struct batch_request *request,
                               subx_runtime **out, subx_error *error)
{
    const struct kept facts = {.identity = identity_of(request->code),
                               .imports_identity = identity_of(request->imports)};
    size_t index = find(runtimes, request);
    *out = NULL;
    runtimes->uses++;
    if (index < runtimes->count &&
        !(same_identity(&runtimes->kept[index].identity, &facts.identity) &&
          same_identity(&runtimes->kept[index].imports_identity, &facts.imports_identity))) {
        drop(runtimes, index);
        index = runtimes->count;
    }
    if (index == runtimes->count) {
        const subx_status status = make(runtimes, request, &facts, error);
        if (status != SUBX_OK)
            return status;
        index = runtimes->count - 1;
    }
    runtimes->kept[index].last_use = runtimes->uses;
    *out = runtimes->kept[index].runtime;
    return SUBX_OK;
}
