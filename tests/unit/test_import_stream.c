/*
 * Imports into databases, pair by pair: the same state as in memory, whatever the order, with memory that does not grow
 * with the file; all or nothing, however they end.
 */
#include "guests.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <subexec/chain.h>
#include <subexec/database.h>

#include "lmdb_state.h"
#include "random_blocks.h"
#include "storage/state.h"
#include "util/error.h"
#include "util/mem.h"

/* Transactions of so few bytes that most imports here need several. */
static const struct subx_lmdb_options tight_options = {
    .creates = true, .move_after_ms = 100000, .import_bytes = 128 << 10};

static subx_state *open_tight(const char *folder)
{
    subx_state *state = NULL;
    assert_int_equal(
        subx_state__new(&subx_backend_lmdb, open_at(folder, &tight_options), &state, NULL),
        SUBX_OK);
    return state;
}

static subx_state *new_memory(void)
{
    subx_state *state = NULL;
    assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
    return state;
}

static void *self_of(subx_state *state)
{
    return state->self;
}

/* The same roots, keys and values in both. */
static void expect_same(subx_state *a, subx_state *b)
{
    uint8_t first[32], second[32];
    assert_int_equal(subx_state_root(a, first, NULL), SUBX_OK);
    assert_int_equal(subx_state_root(b, second, NULL), SUBX_OK);
    assert_memory_equal(first, second, 32);
    state_hash(a->backend, self_of(a), first);
    state_hash(b->backend, self_of(b), second);
    assert_memory_equal(first, second, 32);
}

static void expect_empty(subx_state *state)
{
    subx_state *const memory = new_memory();
    expect_same(state, memory);
    subx_state_free(memory);
}

/* ---- Text ---- */

static void add_hex(struct subx_buf *out, const void *data, size_t len)
{
    subx_buf__append_text(out, "\"0x");
    for (size_t i = 0; i < len; i++)
        subx_buf__append_format(out, "%02x", ((const uint8_t *)data)[i]);
    subx_buf__append_text(out, "\"");
}

/* Entries of a trie, in no order; values around 33 bytes, some keys long, some twice. */
static void add_entries(struct subx_buf *out, uint64_t seed, size_t count)
{
    uint8_t key[1200], value[80];
    for (size_t i = 0; i < count; i++) {
        const size_t key_len =
            i % 97 == 0 ? 500 + random_next(&seed) % 600 : 1 + random_next(&seed) % 24;
        const size_t value_len = random_next(&seed) % sizeof value;
        memset(key, 0x5a, sizeof key);
        for (size_t at = 0; at < 8; at++) {
            const uint64_t random = random_next(&seed);
            memcpy(key + (at < 3 ? 8 * at : key_len - key_len % 8 + at % 2), &random, 8);
        }
        for (size_t at = 0; at < value_len; at++)
            value[at] = (uint8_t)random_next(&seed);
        subx_buf__append_text(out, i == 0 ? "" : ",");
        add_hex(out, key, key_len);
        subx_buf__append_text(out, ":");
        add_hex(out, value, value_len);
    }
}

/* A state with the guest as its code, which comes last: state version 1. */
static char *whole_state(uint64_t seed, bool with_code)
{
    struct subx_buf out = SUBX_BUF_INIT;
    const subx_slice wasm = guest_wasm("chain");
    subx_buf__append_text(&out, "{\"genesis\":{\"raw\":{\"childrenDefault\":{");
    for (unsigned i = 0; i < 6; i++) {
        /* names that state_hash() looks at, and others */
        static const char *const names[] = {"\"0x\":{",   "\"0x61\":{", "\"0x6110\":{",
                                            "\"0xb1\":{", "\"0xb2\":{", "\"0xb3\":{"};
        subx_buf__append_text(&out, i == 0 ? "" : ",");
        subx_buf__append_text(&out, names[i]);
        add_entries(&out, seed + i, i == 4 ? 0 : i == 5 ? 1500 : 90);
        subx_buf__append_text(&out, "}");
    }
    subx_buf__append_text(&out, "},\"top\":{");
    add_entries(&out, seed + 99, 3000);
    if (with_code) {
        subx_buf__append_text(&out, ",\"0x3a636f6465\":");
        add_hex(&out, wasm.data, wasm.len);
    }
    subx_buf__append_text(&out, "}}}}");
    subx_buf__append_u8(&out, 0);
    assert_false(out.failed);
    return (char *)out.data;
}

static void write_file(char *path, const char *content)
{
    strcpy(path, "/tmp/subexec-test-import-XXXXXX");
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *const stream = fdopen(descriptor, "w");
    assert_true(fputs(content, stream) >= 0 && fclose(stream) == 0);
}

static subx_status import_text(subx_state *state, const char *content, uint8_t state_version,
                               subx_import_info *info, subx_error *error)
{
    char path[64];
    subx_import_options options = SUBX_IMPORT_OPTIONS_INIT;
    options.state_version = state_version;
    write_file(path, content);
    const subx_status status = subx_state_import_file(state, path, &options, info, error);
    unlink(path);
    return status;
}

/* ---- The same state ---- */

static void compare_imports(const char *content, uint8_t state_version, subx_import_info *info)
{
    char *const folder = folder_new();
    subx_error error = SUBX_ERROR_INIT;
    subx_import_info expected;
    subx_state *const memory = new_memory();
    subx_state *database = open_tight(folder);
    if (import_text(memory, content, state_version, &expected, &error) != SUBX_OK ||
        import_text(database, content, state_version, info, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    expect_same(memory, database);
    assert_int_equal(info->keys, expected.keys);
    assert_int_equal(info->children, expected.children);
    assert_int_equal(info->child_keys, expected.child_keys);
    assert_int_equal(info->bytes, expected.bytes);
    assert_int_equal(info->state_version, expected.state_version);
    subx_state_free(database);
    database = open_tight(folder);
    expect_same(memory, database);
    /* and it goes on from there */
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct block block;
        struct block_outcome first, second;
        block_fill(&block, seed, SHORT_KEYS);
        block.is_dropped = false;
        block_run(&block, memory->backend, self_of(memory), &first, NULL);
        block_run(&block, database->backend, self_of(database), &second, NULL);
        assert_int_equal(first.status, second.status);
        block_free(&block);
        expect_same(memory, database);
    }
    subx_state_free(database);
    subx_state_free(memory);
    folder_remove(folder);
}

static void test_same_state(void **unused)
{
    (void)unused;
    subx_executor *const executor = new_executor(); /* for its signals: the code is asked */
    subx_import_info info;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        char *const with_code = whole_state(seed * 1000, true);
        char *const without = whole_state(seed * 1000, false);
        compare_imports(with_code, SUBX_STATE_VERSION_OF_CODE, &info);
        assert_int_equal(info.state_version, 1);
        assert_int_equal(info.children, 5);
        /* the form of values comes out otherwise than it was supposed */
        compare_imports(without, SUBX_STATE_VERSION_OF_CODE, &info);
        assert_int_equal(info.state_version, 0);
        compare_imports(without, 0, &info);
        compare_imports(with_code, 1, &info);
        subx_mem__free(with_code);
        subx_mem__free(without);
    }
    subx_executor_free(executor);
}

/* What was read in needs several transactions: an import with all of it at once has none to spare. */
static void test_several_transactions(void **unused)
{
    (void)unused;
    char *const folder = folder_new();
    char *const content = whole_state(5, false);
    subx_state *const database = open_tight(folder);
    struct subx_lmdb_import *import = NULL;
    void *view = NULL;
    assert_int_equal(subx_lmdb_import__begin(self_of(database), 1, &import, NULL), SUBX_OK);
    for (uint32_t i = 0; i < 20000; i++)
        assert_int_equal(subx_lmdb_import__add(import, SUBX_MAIN_TRIE, subx_slice__of(&i, 4),
                                               subx_slice__of(content, 30), NULL),
                         SUBX_OK);
    /* others see nothing of it */
    assert_int_equal(subx_backend_lmdb.open(self_of(database), &view, NULL), SUBX_OK);
    const uint32_t key = 1;
    bool found = true;
    assert_int_equal(
        subx_backend_lmdb.get(view, SUBX_MAIN_TRIE, subx_slice__of(&key, 4), &found, NULL, NULL),
        SUBX_OK);
    assert_false(found);
    subx_backend_lmdb.close(view);
    char path[256];
    struct stat facts;
    snprintf(path, sizeof path, "%s/state.mdb", folder);
    assert_int_equal(stat(path, &facts), 0);
    assert_true(facts.st_size > 512 << 10); /* parts are there */
    subx_lmdb_import__drop(import);
    expect_empty(database);
    assert_int_equal(import_text(database, content, 0, NULL, NULL), SUBX_OK);
    subx_state *const memory = new_memory();
    assert_int_equal(import_text(memory, content, 0, NULL, NULL), SUBX_OK);
    expect_same(memory, database);
    subx_state_free(memory);
    subx_state_free(database);
    subx_mem__free(content);
    folder_remove(folder);
}

/* Into a state that has keys, imports go as they always did. */
static void test_into_something(void **unused)
{
    (void)unused;
    char *const folder = folder_new();
    char *const content = whole_state(8, false);
    subx_state *const database = open_tight(folder), *const memory = new_memory();
    static const char first[] = "{\"top\":{\"0x01\":\"0x02\",\"0x5a\":\"0x03\"}}";
    for (unsigned i = 0; i < 2; i++) {
        subx_state *const state = i == 0 ? database : memory;
        assert_int_equal(import_text(state, first, 1, NULL, NULL), SUBX_OK);
        assert_int_equal(import_text(state, content, 1, NULL, NULL), SUBX_OK);
    }
    expect_same(memory, database);
    subx_state_free(memory);
    subx_state_free(database);
    subx_mem__free(content);
    folder_remove(folder);
}

/* ---- Faults ---- */

static void test_faults_leave_nothing(void **unused)
{
    (void)unused;
    char *const folder = folder_new();
    char *const content = whole_state(11, false);
    subx_state *database = open_tight(folder);
    subx_error error = SUBX_ERROR_INIT;
    const size_t len = strlen(content);
    content[len - 1] = '\0'; /* a brace is missing */
    assert_int_equal(import_text(database, content, 1, NULL, &error), SUBX_INVALID_INPUT);
    assert_non_null(strstr(error.message, "the text ends inside a value"));
    expect_empty(database);
    subx_error_clear(&error);
    assert_int_equal(
        import_text(database,
                    "{\"top\":{\"0x61\":\"0x31\"},\"children\":{\"0x61\":{\"00\":\"\"},\"0x62\":{"
                    "\"00\":\"\"},\"0x61\":{\"00\":\"\"}}}",
                    1, NULL, &error),
        SUBX_INVALID_INPUT);
    assert_non_null(strstr(error.message, "one trie is given twice (child trie 0x61)"));
    assert_non_null(strstr(error.message, ": line 1, column "));
    expect_empty(database);
    subx_error_clear(&error);
    const subx_status status = import_text(database, "{\"top\":{\"0x3a636f6465\":\"0x00\"}}",
                                           SUBX_STATE_VERSION_OF_CODE, NULL, &error);
    assert_int_not_equal(status, SUBX_OK);
    assert_non_null(strstr(error.message, "state version of the value of :code"));
    expect_empty(database);
    subx_state_free(database);
    /* a database that is only read */
    const struct subx_lmdb_options reader = {.is_read_only = true};
    assert_int_equal(subx_state__new(&subx_backend_lmdb, open_at(folder, &reader), &database, NULL),
                     SUBX_OK);
    subx_error_clear(&error);
    assert_int_equal(import_text(database, "{\"top\":{}}", 1, NULL, &error), SUBX_IO);
    assert_non_null(strstr(error.message, "open for reading only"));
    subx_state_free(database);
    subx_mem__free(content);
    folder_remove(folder);
}

/* A process that is killed in the middle leaves a state without keys, for readers too. */
static void test_killed(void **unused)
{
    (void)unused;
    char *const content = whole_state(13, false);
    subx_state *const memory = new_memory();
    assert_int_equal(import_text(memory, content, 1, NULL, NULL), SUBX_OK);
    /* a child that dies by itself would be waited for without end */
    alarm(120);
    for (unsigned round = 0; round < 8; round++) {
        char *const folder = folder_new();
        char fifo[256];
        snprintf(fifo, sizeof fifo, "%s.fifo", folder);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            subx_state *const database = open_tight(folder);
            (void)subx_state_import_file(database, fifo, NULL, NULL, NULL);
            _exit(1); /* it should not come here */
        }
        FILE *const stream = fopen(fifo, "w");
        assert_non_null(stream);
        const size_t part = strlen(content) / 8 * round;
        assert_int_equal(fwrite(content, 1, part, stream), part);
        assert_int_equal(fflush(stream), 0);
        usleep(2000);
        kill(child, SIGKILL);
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
        fclose(stream);
        unlink(fifo);
        char path[256];
        snprintf(path, sizeof path, "%s/state.mdb", folder);
        subx_state *database = NULL;
        if (round % 2 == 1 && access(path, R_OK) == 0) {
            const struct subx_lmdb_options reader = {.is_read_only = true};
            void *self = NULL;
            subx_error error = SUBX_ERROR_INIT;
            if (subx_backend_lmdb__open(folder, &reader, &self, &error) == SUBX_OK) {
                assert_int_equal(subx_state__new(&subx_backend_lmdb, self, &database, NULL),
                                 SUBX_OK);
                expect_empty(database);
                subx_state_free(database);
            }
        }
        database = open_tight(folder);
        expect_empty(database);
        if (round % 3 == 0) { /* what is left of the import is in the way of nothing */
            set_one(self_of(database), "a", "17");
            subx_state_free(database);
            database = open_tight(folder);
            assert_int_equal(number_of(self_of(database), "a"), 17);
            state_empty(&subx_backend_lmdb, self_of(database));
        }
        assert_int_equal(import_text(database, content, 1, NULL, NULL), SUBX_OK);
        expect_same(memory, database);
        subx_state_free(database);
        folder_remove(folder);
    }
    alarm(0);
    subx_state_free(memory);
    subx_mem__free(content);
}

#ifdef SUBX_CHECKED
static void test_without_memory(void **unused)
{
    (void)unused;
    char *const folder = folder_new();
    char path[64];
    char *const content = whole_state(17, false);
    subx_import_options options = SUBX_IMPORT_OPTIONS_INIT;
    options.state_version = 0;
    write_file(path, content);
    subx_state *database = open_tight(folder);
    /* each of the first, then here and there */
    for (int64_t n = 0;; n += n < 200 ? 1 : 487) {
        subx_mem__fail_after(n);
        const subx_status status = subx_state_import_file(database, path, &options, NULL, NULL);
        subx_mem__fail_after(-1);
        if (status == SUBX_OK)
            break;
        assert_int_equal(status, SUBX_NOMEM);
        expect_empty(database);
    }
    subx_state *const memory = new_memory();
    assert_int_equal(subx_state_import_file(memory, path, &options, NULL, NULL), SUBX_OK);
    expect_same(memory, database);
    subx_state_free(memory);
    subx_state_free(database);
    unlink(path);
    subx_mem__free(content);
    folder_remove(folder);
}
#endif

/* ---- Memory ---- */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
enum { PAIRS = 2800000, LIMIT = 200 << 20 };

/* 300 MB of text with 2.8 million keys of 16 bytes; in memory they would take more than 400 MB. */
static void write_pairs(FILE *stream)
{
    for (uint32_t i = 0; i < PAIRS; i++)
        fprintf(stream, "%s[\"0x%08x000000000000000000000000\",\"0x%08x%032x%08x\"]",
                i == 0 ? "[" : ",\n", i, i * 7919, 0x5a5a5a5au, i);
    fputs("]", stream);
}

/* 0: done; the process may have no more than LIMIT bytes of its own. */
static int import_with_little_memory(const char *folder, const char *fifo, bool in_memory)
{
    const struct rlimit limit = {LIMIT, LIMIT};
    subx_state *state = NULL;
    subx_error error = SUBX_ERROR_INIT;
    subx_database_options options = SUBX_DATABASE_OPTIONS_INIT;
    subx_import_info info;
    options.create = true;
    if (setrlimit(RLIMIT_DATA, &limit) != 0 ||
        (in_memory ? subx_state_new_memory(&state, &error)
                   : subx_state_open(folder, &options, &state, &error)) != SUBX_OK)
        return 2;
    const subx_status status = subx_state_import_file(state, fifo, NULL, &info, &error);
    if (status == SUBX_OK && info.keys != PAIRS)
        return 3;
    subx_state_free(state);
    return status == SUBX_OK ? 0 : status == SUBX_NOMEM ? 1 : 4;
}

static void test_memory_is_bounded(void **unused)
{
    (void)unused;
    for (unsigned in_memory = 0; in_memory < 2; in_memory++) {
        char *const folder = folder_new();
        char fifo[256];
        int how = 0;
        snprintf(fifo, sizeof fifo, "%s.fifo", folder);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        const pid_t writer = fork();
        if (writer == 0) {
            FILE *const stream = fopen(fifo, "w");
            signal(SIGPIPE, SIG_DFL);
            if (stream != NULL)
                write_pairs(stream);
            _exit(stream != NULL && fclose(stream) == 0 ? 0 : 1);
        }
        const pid_t child = fork();
        if (child == 0)
            _exit(import_with_little_memory(folder, fifo, in_memory != 0));
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFEXITED(how));
        /* the limit means something: in memory it does not go */
        assert_int_equal(WEXITSTATUS(how), in_memory);
        kill(writer, SIGKILL);
        assert_int_equal(waitpid(writer, &how, 0), writer);
        unlink(fifo);
        folder_remove(folder);
    }
}
#endif

int main(void)
{
    /* so many small transactions would wait for a disk most of the time */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
        /* it forks: first, before the engine has threads */
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_same_state),
        cmocka_unit_test(test_several_transactions),
        cmocka_unit_test(test_into_something),
        cmocka_unit_test(test_faults_leave_nothing),
#ifdef SUBX_CHECKED
        cmocka_unit_test(test_without_memory),
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(test_memory_is_bounded),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
