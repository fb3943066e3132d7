/* Opening a state's database: the folder, its locks, LMDB's environment and tables. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/folder.h"
#include "platform/random.h"
#include "storage/backend_lmdb_db.h"
#include "util/endian.h"
#include "util/mem.h"

#define FORMAT UINT64_C(0x3262647078627573) /* "subxpdb2" */
#define META_SIZE 48
#define DEFAULT_MAP_SIZE ((uint64_t)1 << 40)
#define LEAST_MAP_SIZE ((uint64_t)1 << 30)
#define MAX_READERS 4096
/* How often to try again when LMDB's lock file is stale; about 200 ms in all. */
#define STALE_ATTEMPTS 20
/* Links of long keys have numbers of their own. */
#define FIRST_LINK ((uint64_t)1 << 63)

/* What this process has open, since LMDB's locks do not bear a second environment of one file. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct subx_lmdb *open_ones;

static subx_status fail(const struct subx_lmdb *db, const char *what, int number, subx_error *error)
{
    char room[96] = "";
    return subx_error__set(error, SUBX_IO, "%s: %s: %s", db->folder, what,
                           strerror_r(number, room, sizeof room));
}

/* ---- The folder and its locks ---- */

static subx_status enlist(struct subx_lmdb *db, subx_error *error)
{
    const struct subx_lmdb *found = NULL;
    struct stat info;
    if (stat(db->folder, &info) != 0)
        return fail(db, "cannot be opened", errno, error);
    db->device = (uint64_t)info.st_dev;
    db->inode = (uint64_t)info.st_ino;
    pthread_mutex_lock(&open_lock);
    for (found = open_ones; found != NULL; found = found->next_open)
        if (found->device == db->device && found->inode == db->inode)
            break;
    if (found == NULL) {
        db->next_open = open_ones;
        open_ones = db;
        db->is_listed = true;
    }
    pthread_mutex_unlock(&open_lock);
    return found == NULL
               ? SUBX_OK
               : subx_error__set(error, SUBX_MISUSE,
                                 "%s: this process has the database open already", db->folder);
}

static void delist(struct subx_lmdb *db)
{
    if (!db->is_listed)
        return;
    pthread_mutex_lock(&open_lock);
    for (struct subx_lmdb **at = &open_ones; *at != NULL; at = &(*at)->next_open) {
        if (*at == db) {
            *at = db->next_open;
            break;
        }
    }
    pthread_mutex_unlock(&open_lock);
    db->is_listed = false;
}

static char *path_of(const struct subx_lmdb *db, const char *name)
{
    const size_t size = strlen(db->folder) + strlen(name) + 2;
    char *const path = subx_mem__alloc(size);
    if (path != NULL)
        snprintf(path, size, "%s/%s", db->folder, name);
    return path;
}

static subx_status lock_writer(struct subx_lmdb *db, subx_error *error)
{
    char *const path = path_of(db, "writer");
    if (path == NULL)
        return subx_error__nomem(error);
    db->writer_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    const int number = errno;
    subx_mem__free(path);
    if (db->writer_lock < 0)
        return fail(db, "cannot be written", number, error);
    if (flock(db->writer_lock, LOCK_EX | LOCK_NB) == 0)
        return SUBX_OK;
    if (errno == EWOULDBLOCK)
        return subx_error__set(error, SUBX_IO,
                               "%s: another process has the database open for writing", db->folder);
    return fail(db, "cannot be locked", errno, error);
}

/* What a folder without a database may hold: nothing but what is left of one. */
static bool is_ours(void *data, const char *name)
{
    static const char *const names[] = {".", "..", "writer", "state.mdb", "state.mdb-lock"};
    bool *const is_foreign = data;
    *is_foreign = strncmp(name, "journal.", 8) != 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && *is_foreign; i++)
        *is_foreign = strcmp(name, names[i]) != 0;
    return !*is_foreign;
}

/* A database is not made among the files of others. */
static subx_status refuse_foreign(const struct subx_lmdb *db, subx_error *error)
{
    struct subx_file_fault fault;
    bool is_foreign = false;
    char *const path = path_of(db, "state.mdb");
    if (path == NULL)
        return subx_error__nomem(error);
    const bool is_there = subx_folder__has(path);
    subx_mem__free(path);
    if (is_there)
        return SUBX_OK;
    if (!subx_folder__list(db->folder, is_ours, &is_foreign, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", db->folder, fault.reason);
    if (is_foreign)
        return subx_error__set(error, SUBX_IO,
                               "%s: the folder has other files and no database; a new one needs an "
                               "empty folder",
                               db->folder);
    return SUBX_OK;
}

subx_status subx_lmdb_env__claim(struct subx_lmdb *db, subx_error *error)
{
    const bool is_read_only = db->options.is_read_only;
    struct stat info;
    if (!is_read_only && db->options.creates && mkdir(db->folder, 0777) != 0 && errno != EEXIST)
        return fail(db, "cannot be made", errno, error);
    if (!db->options.creates || is_read_only) {
        char *const path = path_of(db, "state.mdb");
        if (path == NULL)
            return subx_error__nomem(error);
        const bool is_there = stat(path, &info) == 0;
        const int number = errno;
        subx_mem__free(path);
        if (!is_there && (number == ENOENT || number == ENOTDIR))
            return subx_error__set(error, SUBX_IO, "%s: there is no state database", db->folder);
        if (!is_there)
            return fail(db, "cannot be opened", number, error);
    }
    subx_status status = enlist(db, error);
    if (status == SUBX_OK && !is_read_only)
        status = refuse_foreign(db, error);
    return status == SUBX_OK && !is_read_only ? lock_writer(db, error) : status;
}

/* ---- Meta ---- */

static MDB_val meta_key(void)
{
    return subx_lmdb__val(subx_slice__text("meta"));
}

subx_status subx_lmdb_env__read_meta(const struct subx_lmdb *db, MDB_txn *txn,
                                     struct subx_lmdb_meta *meta, subx_error *error)
{
    MDB_val key = meta_key(), value;
    const int code = mdb_get(txn, db->tables.meta, &key, &value);
    if (code != 0)
        return subx_lmdb__fail(code, "reading what kind of database it is", error);
    const uint8_t *const at = value.mv_data;
    if (value.mv_size < sizeof(uint64_t) || (subx_load_u64(at) ^ FORMAT) << 8 != 0)
        return subx_error__set(error, SUBX_IO, "%s: a database of another kind", db->folder);
    if (subx_load_u64(at) != FORMAT || value.mv_size != META_SIZE)
        return subx_error__set(error, SUBX_IO,
                               "%s: a database in format %c, but this is for format %c; import the "
                               "state anew",
                               db->folder, at[7], (char)(FORMAT >> 56));
    *meta = (struct subx_lmdb_meta){.identity = subx_load_u64(at + 8),
                                    .sequence = subx_load_u64(at + 16),
                                    .next_trie = subx_load_u64(at + 24),
                                    .next_link = subx_load_u64(at + 32),
                                    .has_parts = subx_load_u64(at + 40) != 0};
    return SUBX_OK;
}

subx_status subx_lmdb_env__write_meta(const struct subx_lmdb *db, MDB_txn *txn,
                                      const struct subx_lmdb_meta *meta, subx_error *error)
{
    uint8_t bytes[META_SIZE];
    subx_store_u64(bytes, FORMAT);
    subx_store_u64(bytes + 8, meta->identity);
    subx_store_u64(bytes + 16, meta->sequence);
    subx_store_u64(bytes + 24, meta->next_trie);
    subx_store_u64(bytes + 32, meta->next_link);
    subx_store_u64(bytes + 40, meta->has_parts);
    MDB_val key = meta_key(), value = subx_lmdb__val(subx_slice__of(bytes, sizeof bytes));
    const int code = mdb_put(txn, db->tables.meta, &key, &value, 0);
    return code == 0 ? SUBX_OK : subx_lmdb__fail(code, "writing the end of a batch", error);
}

/* Empty all tables but `meta`. */
static subx_status remove_parts(const struct subx_lmdb *db, MDB_txn *txn, subx_error *error)
{
    const struct subx_lmdb_tables *const tables = &db->tables;
    int code = mdb_drop(txn, tables->longs, 0);
    for (size_t i = 0; i < SUBX_LMDB_TABLES && code == 0; i++)
        code = mdb_drop(txn, tables->tables[i], 0);
    return code == 0 ? SUBX_OK : subx_lmdb__fail(code, "removing what is left of an import", error);
}

subx_status subx_lmdb_env__begin(const struct subx_lmdb *db, struct subx_lmdb_writer *writer,
                                 struct subx_lmdb_meta *meta, subx_error *error)
{
    *writer = (struct subx_lmdb_writer){.txn = NULL};
    for (size_t i = 0; i < sizeof writer->appends / sizeof *writer->appends; i++)
        writer->appends[i] = true;
    const int code = mdb_txn_begin(db->env, NULL, 0, &writer->txn);
    if (code != 0)
        return subx_lmdb__fail(code, "beginning a batch", error);
    subx_status status = subx_lmdb_env__read_meta(db, writer->txn, meta, error);
    if (status == SUBX_OK && meta->has_parts)
        status = remove_parts(db, writer->txn, error);
    meta->has_parts = false;
    if (status != SUBX_OK) {
        mdb_txn_abort(writer->txn);
        writer->txn = NULL;
        return status;
    }
    writer->next_link = meta->next_link;
    return SUBX_OK;
}

/* ---- The environment ---- */

/*
 * Have the lock file's bytes on the disk, if it can be written: LMDB writes it through a mapping, where
 * a full disk ends the process.
 */
static subx_status fill_lock_file(const struct subx_lmdb *db, subx_error *error)
{
    /* a line of the processor's cache for each reader, and what goes before them */
    const off_t size = (off_t)(MAX_READERS + 16) * 64;
    char *const path = path_of(db, "state.mdb-lock");
    if (path == NULL)
        return subx_error__nomem(error);
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    subx_mem__free(path);
    if (file < 0)
        return SUBX_OK; /* LMDB does without, or tells why it cannot */
    const int number = posix_fallocate(file, 0, size);
    close(file);
    return number != ENOSPC ? SUBX_OK : fail(db, "its lock file", number, error);
}

/*
 * A file that is shorter than LMDB takes it to be is a piece of one, whose missing pages would end the
 * process when they are read; with zeros there LMDB finds the damage. It may be sound as well: LMDB
 * need not write the last pages that it counts.
 */
static subx_status fill_up(const struct subx_lmdb *db, subx_error *error)
{
    MDB_envinfo info;
    MDB_stat facts;
    struct stat file;
    int descriptor = -1;
    int code = mdb_env_info(db->env, &info);
    if (code == 0)
        code = mdb_env_stat(db->env, &facts);
    if (code == 0)
        code = mdb_env_get_fd(db->env, &descriptor);
    if (code != 0)
        return subx_lmdb__fail(code, "opening it", error);
    const uint64_t size = ((uint64_t)info.me_last_pgno + 1) * facts.ms_psize;
    if (fstat(descriptor, &file) != 0)
        return fail(db, "cannot be looked at", errno, error);
    if ((uint64_t)file.st_size >= size)
        return SUBX_OK;
    char *const path = path_of(db, "state.mdb");
    if (path == NULL)
        return subx_error__nomem(error);
    const bool is_filled = size <= info.me_mapsize && truncate(path, (off_t)size) == 0;
    subx_mem__free(path);
    return is_filled
               ? SUBX_OK
               : subx_error__set(error, SUBX_IO,
                                 "%s: the database is cut short: %llu of %llu bytes", db->folder,
                                 (unsigned long long)file.st_size, (unsigned long long)size);
}

/* Open LMDB with a map of this size; the environment is in `db` on success only. */
static int open_map(struct subx_lmdb *db, const char *path, uint64_t map_size)
{
    const unsigned flags =
        MDB_NOSUBDIR | MDB_NOTLS | (db->options.is_read_only ? (unsigned)MDB_RDONLY : 0);
    int code = mdb_env_create(&db->env);
    if (code != 0)
        return code;
    code = mdb_env_set_mapsize(db->env, (size_t)map_size);
    if (code == 0)
        code = mdb_env_set_maxdbs(db->env, 8);
    if (code == 0)
        code = mdb_env_set_maxreaders(db->env, MAX_READERS);
    if (code == 0)
        code = mdb_env_open(db->env, path, flags, 0666);
    if (code != 0) {
        mdb_env_close(db->env);
        db->env = NULL;
    }
    return code;
}

/* Whether so many addresses can be had. */
static bool has_addresses(uint64_t size)
{
    void *const map =
        mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return map != MAP_FAILED && munmap(map, (size_t)size) == 0;
}

/*
 * Addresses may be short: then take fewer. Asked for beforehand, since LMDB must not find it out:
 * when it fails to open after it has made its lock file anew, another process that waits for that
 * file goes on with one that knows of no transaction.
 */
static subx_status open_env(struct subx_lmdb *db, subx_error *error)
{
    const bool chooses = db->options.map_size == 0;
    uint64_t size = chooses ? DEFAULT_MAP_SIZE : db->options.map_size;
    char *const path = path_of(db, "state.mdb");
    if (path == NULL)
        return subx_error__nomem(error);
    while (chooses && size > LEAST_MAP_SIZE && !has_addresses(size))
        size /= 2;
    int code = open_map(db, path, size);
    while (code == ENOMEM && chooses && size > LEAST_MAP_SIZE) {
        size /= 2;
        code = open_map(db, path, size);
    }
    subx_mem__free(path);
    return code == 0 ? SUBX_OK : subx_lmdb__fail(code, "opening it", error);
}

static subx_status make_meta(struct subx_lmdb *db, MDB_txn *txn, subx_error *error)
{
    struct subx_lmdb_meta meta = {.next_trie = 1, .next_link = FIRST_LINK};
    MDB_val key = meta_key(), value;
    const int code = mdb_get(txn, db->tables.meta, &key, &value);
    if (code == 0)
        return SUBX_OK;
    if (code != MDB_NOTFOUND)
        return subx_lmdb__fail(code, "reading what kind of database it is", error);
    if (!subx_random__fill(&meta.identity, sizeof meta.identity))
        return subx_error__set(error, SUBX_IO, "the system has no random numbers");
    return subx_lmdb_env__write_meta(db, txn, &meta, error);
}

/*
 * Begin the transaction that opens the tables. `*is_stale`: it does not begin at the newest state,
 * since LMDB's lock file was left behind by a process that failed to open it; writing then would
 * lose all there is.
 */
static int begin_opening(const struct subx_lmdb *db, MDB_txn **txn, bool *is_stale)
{
    const bool is_read_only = db->options.is_read_only;
    MDB_envinfo info;
    *is_stale = false;
    int code = mdb_env_info(db->env, &info);
    if (code == 0)
        code = mdb_txn_begin(db->env, NULL, is_read_only ? (unsigned)MDB_RDONLY : 0, txn);
    if (code != 0)
        return code;
    /* one that writes has a number of its own; others may have written since */
    *is_stale = mdb_txn_id(*txn) < info.me_last_txnid + (is_read_only ? 0 : 1);
    if (*is_stale) {
        mdb_txn_abort(*txn);
        *txn = NULL;
    }
    return 0;
}

static subx_status open_tables(struct subx_lmdb *db, struct subx_lmdb_meta *meta, bool *is_stale,
                               subx_error *error)
{
    struct subx_lmdb_tables *const tables = &db->tables;
    const struct {
        const char *name;
        MDB_dbi *table;
    } list[] = {{"values", &tables->tables[SUBX_LMDB_VALUES]},
                {"branches", &tables->tables[SUBX_LMDB_BRANCHES]},
                {"tries", &tables->tables[SUBX_LMDB_TRIES]},
                {"longs", &tables->longs},
                {"meta", &tables->meta}};
    const bool is_read_only = db->options.is_read_only;
    MDB_txn *txn = NULL;
    int code = begin_opening(db, &txn, is_stale);
    if (code != 0)
        return subx_lmdb__fail(code, "opening its tables", error);
    if (*is_stale)
        return subx_error__set(error, SUBX_IO,
                               "%s: other processes are opening it, with too little memory; try "
                               "again when they have ended",
                               db->folder);
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < sizeof list / sizeof *list && code == 0; i++)
        code =
            mdb_dbi_open(txn, list[i].name, is_read_only ? 0 : (unsigned)MDB_CREATE, list[i].table);
    if (code != 0)
        status = subx_lmdb__fail(code, "opening its tables", error);
    if (status == SUBX_OK && !is_read_only)
        status = make_meta(db, txn, error);
    if (status == SUBX_OK)
        status = subx_lmdb_env__read_meta(db, txn, meta, error);
    if (status != SUBX_OK) {
        mdb_txn_abort(txn);
        return status;
    }
    code = mdb_txn_commit(txn);
    return code == 0 ? SUBX_OK : subx_lmdb__fail(code, "opening its tables", error);
}

static subx_status try_opening(struct subx_lmdb *db, struct subx_lmdb_meta *meta, bool *is_stale,
                               subx_error *error)
{
    int dead = 0;
    subx_status status = fill_lock_file(db, error);
    if (status == SUBX_OK)
        status = open_env(db, error);
    if (status == SUBX_OK)
        status = fill_up(db, error);
    if (status != SUBX_OK)
        return status;
    if (mdb_env_get_maxkeysize(db->env) < SUBX_LMDB_CHUNK + 9)
        return subx_error__set(error, SUBX_UNSUPPORTED,
                               "state database: this LMDB takes keys of %d bytes; %d are needed",
                               mdb_env_get_maxkeysize(db->env), SUBX_LMDB_CHUNK + 9);
    /* readers that were killed hold pages: forget them */
    const int code = mdb_reader_check(db->env, &dead);
    if (code != 0)
        return subx_lmdb__fail(code, "looking for dead readers", error);
    status = open_tables(db, meta, is_stale, error);
    if (status == SUBX_OK)
        db->identity = meta->identity;
    return status;
}

subx_status subx_lmdb_env__open(struct subx_lmdb *db, struct subx_lmdb_meta *meta,
                                subx_error *error)
{
    /* LMDB makes a stale lock file anew when all have closed it. */
    for (unsigned attempt = 0;; attempt++) {
        bool is_stale = false;
        const subx_status status = try_opening(db, meta, &is_stale, error);
        if (!is_stale || attempt == STALE_ATTEMPTS)
            return status;
        mdb_env_close(db->env);
        db->env = NULL;
        const struct timespec pause = {.tv_nsec = (long)(1 + attempt) * 1000000};
        (void)nanosleep(&pause, NULL);
    }
}

void subx_lmdb_env__close(struct subx_lmdb *db)
{
    if (db->env != NULL)
        mdb_env_close(db->env);
    db->env = NULL;
    if (db->writer_lock >= 0)
        close(db->writer_lock);
    db->writer_lock = -1;
    delist(db);
}
