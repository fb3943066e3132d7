/* Folders of artifacts, looked over and tidied up; see include/subexec/cache.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <subexec/cache.h>
#include <subexec_rust_engine.h>

#include "exec/artifact_store.h"
#include "platform/folder.h"
#include "platform/mapped_file.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* What a writer leaves behind that is older than this, in seconds, is a dead one's. */
#define REMAINDER_AGE 3600

struct item {
    char *name;
    uint64_t size;
    int64_t used, used_nanoseconds;
    bool is_remainder;
};

struct listing {
    int folder; /* descriptor */
    struct item *items;
    size_t count, capacity;
    bool has_memory;
};

static bool add(struct listing *listing, const struct item *item)
{
    if (listing->count == listing->capacity) {
        const size_t capacity = listing->capacity == 0 ? 32 : 2 * listing->capacity;
        struct item *const items = subx_mem__realloc(listing->items, capacity, sizeof *items);
        if (items == NULL)
            return false;
        listing->items = items;
        listing->capacity = capacity;
    }
    listing->items[listing->count++] = *item;
    return true;
}

static bool take(void *data, const char *name)
{
    struct listing *const listing = data;
    struct item item = {.name = NULL};
    struct stat facts;
    if (!subx_artifact_store__is_name(name, &item.is_remainder) ||
        fstatat(listing->folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode))
        return true; /* not ours, or gone already */
    item.name = subx_mem__strdup(name);
    item.size = (uint64_t)facts.st_size;
    item.used = (int64_t)facts.st_mtim.tv_sec;
    item.used_nanoseconds = (int64_t)facts.st_mtim.tv_nsec;
    listing->has_memory = item.name != NULL && add(listing, &item);
    if (!listing->has_memory)
        subx_mem__free(item.name);
    return listing->has_memory;
}

/* Those used last come first. */
static int compare(const void *a, const void *b)
{
    const struct item *const first = a, *const second = b;
    if (first->used != second->used)
        return first->used > second->used ? -1 : 1;
    if (first->used_nanoseconds != second->used_nanoseconds)
        return first->used_nanoseconds > second->used_nanoseconds ? -1 : 1;
    return strcmp(first->name, second->name);
}

static void close_listing(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        subx_mem__free(listing->items[i].name);
    subx_mem__free(listing->items);
    if (listing->folder >= 0)
        close(listing->folder);
}

static subx_status open_listing(const char *folder, struct listing *listing, subx_error *error)
{
    struct subx_file_fault fault = {"", false};
    *listing = (struct listing){.has_memory = true};
    listing->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (listing->folder < 0) {
        char room[96] = "";
        return subx_error__set(error, SUBX_IO, "%s: %s", folder,
                               strerror_r(errno, room, sizeof room));
    }
    if (!subx_folder__list(folder, take, listing, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", folder, fault.reason);
    if (!listing->has_memory)
        return subx_error__nomem(error);
    if (listing->count > 0)
        qsort(listing->items, listing->count, sizeof *listing->items, compare);
    return SUBX_OK;
}

/* ---- Looking into a file ---- */

static void examine(const struct listing *listing, const struct item *item, subx_artifact_file *out)
{
    struct subx_mapped_file file;
    struct subx_file_fault fault;
    struct subx_artifact artifact;
    subx_error error = SUBX_ERROR_INIT;
    *out = (subx_artifact_file){.name = item->name, .size = item->size, .used = item->used};
    const int descriptor =
        openat(listing->folder, item->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (item->is_remainder || descriptor < 0) {
        if (descriptor >= 0)
            close(descriptor);
        snprintf(out->reason, sizeof out->reason, "%s",
                 item->is_remainder ? "a writer has not finished it" : "it cannot be opened");
        return;
    }
    if (!subx_mapped_file__of_descriptor(descriptor, &file, &fault)) {
        snprintf(out->reason, sizeof out->reason, "%s", fault.reason);
        return;
    }
    if (subx_artifact__read(subx_slice__of(file.data, file.len), &artifact, &error) != SUBX_OK) {
        snprintf(out->reason, sizeof out->reason, "%.190s", error.message);
    } else {
        memcpy(out->code_hash, artifact.code_hash, sizeof out->code_hash);
        snprintf(out->engine_version, sizeof out->engine_version, "%s", artifact.engine_version);
        if (file.distrust[0] != '\0')
            snprintf(out->reason, sizeof out->reason, "%s", file.distrust);
        else if (strcmp(artifact.engine_version, subx_rust_engine_version()) != 0)
            snprintf(out->reason, sizeof out->reason, "it is of version %s of the engine",
                     artifact.engine_version);
        out->usable = out->reason[0] == '\0';
    }
    subx_mapped_file__close(&file);
}

subx_status subx_artifact_folder_list(const char *folder, subx_artifact_file_visitor visit,
                                      void *data, subx_error *error)
{
    struct listing listing;
    SUBX_CHECK_ARG(folder != NULL && visit != NULL, error);
    subx_status status = open_listing(folder, &listing, error);
    for (size_t i = 0; i < listing.count && status == SUBX_OK; i++) {
        subx_artifact_file file;
        examine(&listing, &listing.items[i], &file);
        status = visit(data, &file);
    }
    close_listing(&listing);
    return status;
}

/* ---- Removing ---- */

/* Whether a file is of no use whatever room there is. What another engine version left may be of
 * use to a program that runs beside this one: it goes when its time has come. */
static bool is_rubbish(const struct listing *listing, const struct item *item, int64_t now)
{
    subx_artifact_file file;
    if (item->is_remainder)
        return now - item->used > REMAINDER_AGE;
    examine(listing, item, &file);
    return !file.usable && file.engine_version[0] == '\0';
}

subx_status subx_artifact_folder_prune(const char *folder, uint64_t max_bytes,
                                       subx_artifact_removal *removal, subx_error *error)
{
    struct listing listing;
    subx_artifact_removal done = {0};
    SUBX_CHECK_ARG(folder != NULL, error);
    const int64_t now = (int64_t)time(NULL);
    subx_status status = open_listing(folder, &listing, error);
    for (size_t i = 0; i < listing.count && status == SUBX_OK; i++) {
        const struct item *const item = &listing.items[i];
        const bool has_room = item->size <= max_bytes && done.kept_bytes <= max_bytes - item->size;
        /* a caller of every write does not read all files each time */
        const bool goes = item->is_remainder ? now - item->used > REMAINDER_AGE
                          : removal == NULL  ? !has_room
                                             : !has_room || is_rubbish(&listing, item, now);
        if (!goes) {
            done.kept++;
            done.kept_bytes += item->size;
        } else if (unlinkat(listing.folder, item->name, 0) == 0) {
            done.removed++;
            done.removed_bytes += item->size;
        } else if (errno != ENOENT) {
            char room[96] = "";
            status = subx_error__set(error, SUBX_IO, "%s/%s: %s", folder, item->name,
                                     strerror_r(errno, room, sizeof room));
        }
    }
    close_listing(&listing);
    if (removal != NULL)
        *removal = done;
    return status;
}
