/* The journal beside a state's database; see backend_lmdb_journal.h. */
#include "storage/backend_lmdb_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/checksum.h"
#include "platform/folder.h"
#include "util/endian.h"
#include "util/error.h"
#include "util/mem.h"

#define MAGIC UINT64_C(0x314c4e524a585355) /* "USXJRNL1" */
#define CHECKSUM_SIZE 16
#define PREFIX "journal."
#define NAME_LEN (sizeof PREFIX - 1 + 16)

/* ---- File operations ---- */

#ifdef SUBX_CHECKED
static _Atomic int64_t failure_countdown = -1;
static _Atomic uint64_t operation_count;

static bool planted_failure(void)
{
    atomic_fetch_add_explicit(&operation_count, 1, memory_order_relaxed);
    if (atomic_load_explicit(&failure_countdown, memory_order_relaxed) < 0 ||
        atomic_fetch_sub_explicit(&failure_countdown, 1, memory_order_relaxed) != 0)
        return false;
    errno = ENOSPC;
    return true;
}

uint64_t subx_lmdb_journal__fail_after(int64_t countdown)
{
    atomic_store(&failure_countdown, countdown);
    return atomic_exchange(&operation_count, 0);
}
#else
static bool planted_failure(void)
{
    return false;
}

uint64_t subx_lmdb_journal__fail_after(int64_t countdown)
{
    (void)countdown;
    return 0;
}
#endif

static subx_status fail(const char *what, const char *path, subx_error *error)
{
    char room[96] = "";
    return subx_error__set(error, SUBX_IO, "%s: %s: %s", path, what,
                           strerror_r(errno, room, sizeof room));
}

static bool write_at(int file, subx_slice bytes, uint64_t at)
{
    const bool fails = planted_failure();
    if (fails)
        bytes.len /= 2;
    while (bytes.len > 0) {
        const ssize_t put = pwrite(file, bytes.data, bytes.len, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes.data += put;
        bytes.len -= (size_t)put;
        at += (uint64_t)put;
    }
    if (fails)
        errno = ENOSPC;
    return !fails;
}

static bool read_at(int file, uint8_t *to, size_t len, uint64_t at)
{
    while (len > 0) {
        const ssize_t got = pread(file, to, len, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        len -= (size_t)got;
        at += (uint64_t)got;
    }
    return true;
}

static void sync_folder(const char *folder)
{
    const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return;
    (void)fsync(file);
    close(file);
}

static char *path_of(const char *folder, const char *name)
{
    const size_t size = strlen(folder) + 1 + strlen(name) + 1;
    char *const path = subx_mem__alloc(size);
    if (path != NULL)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

/* ---- Writing ---- */

subx_status subx_lmdb_journal__create(const char *folder, uint64_t sequence, bool is_synced,
                                      struct subx_lmdb_journal *out, subx_error *error)
{
    char name[NAME_LEN + 1];
    *out = (struct subx_lmdb_journal)SUBX_LMDB_JOURNAL_INIT;
    snprintf(name, sizeof name, PREFIX "%016" PRIx64, sequence);
    char *const path = path_of(folder, name);
    if (path == NULL)
        return subx_error__nomem(error);
    const int file =
        planted_failure() ? -1 : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        const subx_status status = fail("cannot be made", path, error);
        subx_mem__free(path);
        return status;
    }
    if (is_synced)
        sync_folder(folder);
    out->file = file;
    out->path = path;
    return SUBX_OK;
}

void subx_lmdb_journal__close(struct subx_lmdb_journal *journal, bool removes)
{
    if (journal->file >= 0)
        close(journal->file);
    if (removes && journal->path != NULL)
        (void)unlink(journal->path);
    subx_mem__free(journal->path);
    *journal = (struct subx_lmdb_journal)SUBX_LMDB_JOURNAL_INIT;
}

void subx_lmdb_journal__seal(struct subx_buf *record, const struct subx_lmdb_record_head *head)
{
    uint8_t *const at = record->data;
    subx_store_u64(at + 16, MAGIC);
    subx_store_u64(at + 24, head->database);
    subx_store_u64(at + 32, record->len - SUBX_LMDB_RECORD_HEAD);
    subx_store_u64(at + 40, head->sequence);
    subx_store_u64(at + 48, head->next_trie);
    subx_checksum__128(subx_slice__of(at + CHECKSUM_SIZE, record->len - CHECKSUM_SIZE), at);
}

subx_status subx_lmdb_journal__append(struct subx_lmdb_journal *journal, subx_slice record,
                                      bool is_synced, subx_error *error)
{
    if (journal->is_broken)
        return subx_error__set(error, SUBX_IO,
                               "%s: a write failed before and could not be undone; open the "
                               "database anew",
                               journal->path);
    const char *what = NULL;
    if (!write_at(journal->file, record, journal->size))
        what = "cannot be written";
    else if (is_synced && (planted_failure() || fdatasync(journal->file) != 0))
        what = "cannot be synced";
    if (what == NULL) {
        journal->size += record.len;
        return SUBX_OK;
    }
    const subx_status status = fail(what, journal->path, error);
    journal->is_broken = planted_failure() || ftruncate(journal->file, (off_t)journal->size) != 0;
    return status;
}

/* ---- Reading ---- */

struct names {
    uint64_t *firsts;
    size_t count, capacity;
    bool failed;
};

static bool take_name(void *data, const char *name)
{
    struct names *const names = data;
    char *end = NULL;
    if (strlen(name) != NAME_LEN || strncmp(name, PREFIX, sizeof PREFIX - 1) != 0)
        return true;
    const uint64_t first = strtoull(name + sizeof PREFIX - 1, &end, 16);
    if (*end != '\0')
        return true;
    if (names->count == names->capacity) {
        const size_t capacity = 2 * names->capacity + 4;
        uint64_t *const firsts = subx_mem__realloc(names->firsts, capacity, sizeof *firsts);
        names->failed = firsts == NULL;
        if (names->failed)
            return false;
        names->firsts = firsts;
        names->capacity = capacity;
    }
    names->firsts[names->count++] = first;
    return true;
}

static int compare(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static subx_status list(const char *folder, struct names *names, subx_error *error)
{
    struct subx_file_fault fault;
    if (!subx_folder__list(folder, take_name, names, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", folder, fault.reason);
    if (names->failed)
        return subx_error__nomem(error);
    if (names->count > 0)
        qsort(names->firsts, names->count, sizeof *names->firsts, compare);
    return SUBX_OK;
}

struct replaying {
    uint64_t database;
    uint64_t sequence; /* the last commit that there is */
    subx_lmdb_replayer *replay;
    void *user;
};

/* Read the record at an offset; `*found` is false where no whole record is. */
static subx_status read_record(int file, uint64_t at, uint64_t size, uint64_t database,
                               struct subx_buf *record, bool *found, subx_error *error)
{
    uint8_t head[SUBX_LMDB_RECORD_HEAD], checksum[CHECKSUM_SIZE];
    *found = false;
    if (size - at < sizeof head || !read_at(file, head, sizeof head, at))
        return SUBX_OK;
    const uint64_t len = subx_load_u64(head + 32);
    if (subx_load_u64(head + 16) != MAGIC || subx_load_u64(head + 24) != database ||
        len > size - at - sizeof head)
        return SUBX_OK;
    record->len = 0;
    subx_buf__append(record, head, sizeof head);
    if (!subx_buf__reserve(record, (size_t)len))
        return subx_error__nomem(error);
    if (!read_at(file, record->data + record->len, (size_t)len, at + sizeof head))
        return SUBX_OK;
    record->len += (size_t)len;
    subx_checksum__128(subx_slice__of(record->data + CHECKSUM_SIZE, record->len - CHECKSUM_SIZE),
                       checksum);
    *found = memcmp(checksum, record->data, CHECKSUM_SIZE) == 0;
    return SUBX_OK;
}

static subx_status replay_file(const char *path, struct replaying *replaying, subx_error *error)
{
    struct subx_buf record = SUBX_BUF_INIT;
    struct stat info;
    subx_status status = SUBX_OK;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? SUBX_OK : fail("cannot be opened", path, error);
    if (fstat(file, &info) != 0)
        status = fail("cannot be read", path, error);
    const uint64_t size = status == SUBX_OK ? (uint64_t)info.st_size : 0;
    for (uint64_t at = 0; status == SUBX_OK && at < size; at += record.len) {
        bool found = false;
        status = read_record(file, at, size, replaying->database, &record, &found, error);
        if (status != SUBX_OK || !found)
            break;
        const struct subx_lmdb_record_head head = {.database = replaying->database,
                                                   .sequence = subx_load_u64(record.data + 40),
                                                   .next_trie = subx_load_u64(record.data + 48)};
        if (head.sequence <= replaying->sequence)
            continue;
        if (head.sequence != replaying->sequence + 1)
            break;
        status = replaying->replay(
            replaying->user, &head,
            subx_slice__of(record.data + SUBX_LMDB_RECORD_HEAD, record.len - SUBX_LMDB_RECORD_HEAD),
            error);
        replaying->sequence += status == SUBX_OK;
    }
    subx_buf__free(&record);
    close(file);
    return status;
}

/* Call `use` with the path of each file, oldest first. */
static subx_status for_each(const char *folder,
                            subx_status (*use)(const char *path, struct replaying *replaying,
                                               subx_error *error),
                            struct replaying *replaying, subx_error *error)
{
    struct names names = {.firsts = NULL};
    subx_status status = list(folder, &names, error);
    for (size_t i = 0; i < names.count && status == SUBX_OK; i++) {
        char name[NAME_LEN + 1];
        snprintf(name, sizeof name, PREFIX "%016" PRIx64, names.firsts[i]);
        char *const path = path_of(folder, name);
        status = path == NULL ? subx_error__nomem(error) : use(path, replaying, error);
        subx_mem__free(path);
    }
    subx_mem__free(names.firsts);
    return status;
}

subx_status subx_lmdb_journal__replay(const char *folder, uint64_t database, uint64_t sequence,
                                      subx_lmdb_replayer *replay, void *user, subx_error *error)
{
    struct replaying replaying = {database, sequence, replay, user};
    return for_each(folder, replay_file, &replaying, error);
}

static subx_status remove_file(const char *path, struct replaying *replaying, subx_error *error)
{
    (void)replaying;
    return planted_failure() || (unlink(path) != 0 && errno != ENOENT)
               ? fail("cannot be removed", path, error)
               : SUBX_OK;
}

subx_status subx_lmdb_journal__remove_all(const char *folder, subx_error *error)
{
    return for_each(folder, remove_file, NULL, error);
}
