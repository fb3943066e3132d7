/*
 * States in LMDB when things go wrong: processes that are killed, full disks, no memory; and others
 * who read at the same time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lmdb_state.h"
#include "random_blocks.h"
#include "storage/backend_memory.h"
#include "trie/trie_hasher.h"
#include "util/error.h"
#include "util/mem.h"

static const struct subx_backend *const lmdb = &subx_backend_lmdb;

static const struct subx_lmdb_options reader_options = {.is_read_only = true};

static void pause_for(unsigned microseconds)
{
    const struct timespec time = {0, (long)microseconds * 1000};
    nanosleep(&time, NULL);
}

/* ---- kill -9 ---- */

#define CHAIN_LENGTH 3000
#define ROUNDS 6
#define KILLS 40

/* Blocks each of which changes the root, and the roots. */
static struct {
    uint64_t seeds[CHAIN_LENGTH];
    uint8_t roots[CHAIN_LENGTH + 1][32];
} chain;

static void fill_block(struct block *block, uint64_t seed, bool is_dropped)
{
    block_fill(block, seed, seed % 64 == 0 ? LONG_KEYS : SHORT_KEYS);
    block->is_dropped = is_dropped;
}

static void make_chain(uint64_t seed)
{
    void *const memory = subx_backend_memory__new();
    assert_non_null(memory);
    memcpy(chain.roots[0], subx_trie_blake2b.empty_root, 32);
    for (size_t i = 0; i < CHAIN_LENGTH;) {
        struct block block;
        struct block_outcome outcome;
        const uint64_t block_seed = random_next(&seed);
        fill_block(&block, block_seed, true);
        block_run(&block, &subx_backend_memory, memory, &outcome, NULL);
        if (outcome.status == SUBX_OK &&
            memcmp(outcome.roots[BLOCK_CHILDREN], chain.roots[i], 32) != 0) {
            block.is_dropped = false;
            block_run(&block, &subx_backend_memory, memory, &outcome, NULL);
            assert_int_equal(outcome.status, SUBX_OK);
            chain.seeds[i++] = block_seed;
            memcpy(chain.roots[i], outcome.roots[BLOCK_CHILDREN], 32);
        }
        block_free(&block);
    }
    subx_backend_memory.free(memory);
}

/* Write blocks, and tell the number of each that was acknowledged, until somebody ends it. */
static _Noreturn void write_blocks(const char *folder, const struct subx_lmdb_options *options,
                                   int acknowledged)
{
    void *self = NULL;
    if (subx_backend_lmdb__open(folder, options, &self, NULL) != SUBX_OK)
        _exit(2);
    uint64_t i = subx_backend_lmdb__sequence(self);
    /* what it found is safe too */
    if (write(acknowledged, &i, sizeof i) != (ssize_t)sizeof i)
        _exit(4);
    while (i < CHAIN_LENGTH) {
        struct block block;
        struct block_outcome outcome;
        fill_block(&block, chain.seeds[i], false);
        block_run(&block, lmdb, self, &outcome, NULL);
        block_free(&block);
        i++;
        if (outcome.status != SUBX_OK ||
            memcmp(outcome.roots[BLOCK_CHILDREN], chain.roots[i], 32) != 0 ||
            write(acknowledged, &i, sizeof i) != (ssize_t)sizeof i)
            _exit(3);
    }
    close(acknowledged);
    for (;;)
        pause();
}

/* When to kill a process: so long after it was started, or after it told so many blocks. */
struct moment {
    unsigned blocks, microseconds;
};

static struct moment random_moment(uint64_t *seed)
{
    if (random_next(seed) % 4 == 0)
        return (struct moment){0, (unsigned)(random_next(seed) % 10000)};
    return (struct moment){1 + (unsigned)(random_next(seed) % 60),
                           (unsigned)(random_next(seed) % 1000)};
}

/* Let a process write, kill it, and return the last block that it told; `last` if it told none. */
static uint64_t write_and_kill(const char *folder, const struct subx_lmdb_options *options,
                               struct moment moment, uint64_t last)
{
    int ends[2], how = 0;
    uint64_t told = 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_blocks(folder, options, ends[1]);
    }
    close(ends[1]);
    for (; moment.blocks > 0 && read(ends[0], &told, sizeof told) > 0; moment.blocks--)
        last = told;
    pause_for(moment.microseconds);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &how, 0), child);
    /* it did not end by itself */
    assert_true(WIFSIGNALED(how));
    while (read(ends[0], &told, sizeof told) == (ssize_t)sizeof told)
        last = told;
    close(ends[0]);
    return last;
}

static uint64_t check_state(const char *folder, uint64_t last)
{
    uint8_t root[32];
    void *const self = open_at(folder, &slow_options);
    const uint64_t sequence = subx_backend_lmdb__sequence(self);
    if (sequence != last && sequence != last + 1)
        fail_msg("block %llu was acknowledged, the state is that after block %llu",
                 (unsigned long long)last, (unsigned long long)sequence);
    state_root(lmdb, self, root);
    assert_memory_equal(root, chain.roots[sequence], 32);
    lmdb->free(self);
    return sequence;
}

static void test_kill(void **state)
{
    uint64_t seed = 4711, most = 0;
    uint8_t expected[32], found[32];
    (void)state;
    make_chain(seed);
    for (unsigned round = 0; round < ROUNDS; round++) {
        char *const folder = folder_new();
        char *const copy = folder_new();
        const struct subx_lmdb_options *const options =
            round % 3 == 2 ? &power_options : &quick_options;
        uint64_t last = 0;
        lmdb->free(open_at(folder, options));
        for (unsigned i = 0; i < KILLS; i++) {
            last = write_and_kill(folder, options, random_moment(&seed), last);
            /* the next one takes over what this one left, or what was repaired */
            if (random_next(&seed) % 2 == 0) {
                folder_copy(folder, copy);
                check_state(copy, last);
                folder_clear(copy);
            } else {
                last = check_state(folder, last);
            }
        }
        last = check_state(folder, last);
        most = last > most ? last : most;
        /* and in the end all of it is there */
        void *const memory = subx_backend_memory__new();
        for (uint64_t i = 0; i < last; i++) {
            struct block block;
            struct block_outcome outcome;
            fill_block(&block, chain.seeds[i], false);
            block_run(&block, &subx_backend_memory, memory, &outcome, NULL);
            block_free(&block);
        }
        void *const self = open_at(folder, &slow_options);
        state_hash(&subx_backend_memory, memory, expected);
        state_hash(lmdb, self, found);
        assert_memory_equal(found, expected, 32);
        lmdb->free(self);
        subx_backend_memory.free(memory);
        folder_remove(folder);
        folder_remove(copy);
    }
    /* they were killed at work, not before it */
    assert_true(most > 400);
}

/* ---- Full disks ---- */

#ifdef SUBX_CHECKED
/* Let the n-th allocation fail, for all n: all or nothing, and nothing leaks. */
static void test_failing_allocations(void **state)
{
    subx_status status = SUBX_NOMEM;
    (void)state;
    make_chain(99);
    for (int64_t n = 0; status != SUBX_OK; n++) {
        char *const folder = folder_new();
        void *self = open_at(folder, &slow_options);
        struct block block;
        struct block_outcome outcome;
        uint8_t root[32];
        uint64_t sequence = 0;
        for (; sequence < 6; sequence++) {
            fill_block(&block, chain.seeds[sequence], false);
            block_run(&block, lmdb, self, &outcome, NULL);
            block_free(&block);
            assert_int_equal(outcome.status, SUBX_OK);
            if (sequence == 3)
                assert_int_equal(subx_backend_lmdb__flush(self, NULL), SUBX_OK);
        }
        fill_block(&block, chain.seeds[sequence], false);
        subx_error error = SUBX_ERROR_INIT;
        subx_mem__fail_after(n);
        block_run(&block, lmdb, self, &outcome, &error);
        subx_mem__fail_after(-1);
        block_free(&block);
        status = outcome.status;
        assert_true(status == SUBX_OK || status == SUBX_NOMEM);
        if (status == SUBX_OK)
            sequence++;
        state_root(lmdb, self, root);
        assert_memory_equal(root, chain.roots[sequence], 32);
        /* moving it may fail, and is tried again */
        subx_mem__fail_after(n);
        const subx_status moved = subx_backend_lmdb__flush(self, NULL);
        subx_mem__fail_after(-1);
        assert_true(moved == SUBX_OK || moved == SUBX_NOMEM);
        assert_int_equal(subx_backend_lmdb__flush(self, NULL), SUBX_OK);
        lmdb->free(self);
        void *reopened = NULL;
        subx_mem__fail_after(n);
        const subx_status opened = subx_backend_lmdb__open(folder, &slow_options, &reopened, NULL);
        subx_mem__fail_after(-1);
        if (opened != SUBX_OK) {
            assert_int_equal(opened, SUBX_NOMEM);
            reopened = open_at(folder, &slow_options);
        }
        state_root(lmdb, reopened, root);
        assert_memory_equal(root, chain.roots[sequence], 32);
        lmdb->free(reopened);
        folder_remove(folder);
        assert_true(n < 5000);
    }
}
#endif

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size == 0 ? limit.rlim_max : size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* LMDB's file cannot grow: commits go on in the journal, and nothing is lost. */
static void test_full_disk(void **state)
{
    char *const folder = folder_new();
    static char value[30001];
    (void)state;
    memset(value, 'v', sizeof value - 1);
    signal(SIGXFSZ, SIG_IGN);
    void *self = open_at(folder, &slow_options);
    limit_files(256 << 10);
    int written = 0;
    for (;; written++) {
        char key[16];
        snprintf(key, sizeof key, "%d", written);
        subx_error error = SUBX_ERROR_INIT;
        const subx_status status = try_set(self, key, value, &error);
        if (status != SUBX_OK) {
            assert_int_equal(status, SUBX_IO);
            assert_non_null(strstr(error.message, "File too large"));
            break;
        }
        if (written == 2)
            assert_int_equal(subx_backend_lmdb__flush(self, NULL), SUBX_OK);
    }
    assert_true(written > 3);
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_backend_lmdb__flush(self, &error), SUBX_IO);
    assert_non_null(strstr(error.message, "writing a batch"));
    for (unsigned pass = 0; pass < 3; pass++) {
        void *view = NULL;
        assert_int_equal(lmdb->open(self, &view, NULL), SUBX_OK);
        for (int i = 0; i <= written; i++) {
            char key[16];
            bool found = false;
            snprintf(key, sizeof key, "%d", i);
            assert_int_equal(
                lmdb->get(view, SUBX_MAIN_TRIE, subx_slice__text(key), &found, NULL, NULL),
                SUBX_OK);
            assert_int_equal(found, i < written);
        }
        lmdb->close(view);
        if (pass == 0) {
            limit_files(0);
            set_one(self, "more", "1");
            assert_int_equal(subx_backend_lmdb__flush(self, NULL), SUBX_OK);
        }
        if (pass == 1) {
            lmdb->free(self);
            self = open_at(folder, &slow_options);
        }
    }
    lmdb->free(self);
    signal(SIGXFSZ, SIG_DFL);
    folder_remove(folder);
}

/* ---- Others ---- */

static void test_second_writer_is_refused(void **state)
{
    char *const folder = folder_new();
    (void)state;
    void *const self = open_at(folder, &slow_options);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* a program of its own would not have inherited what this process has open */
        char *const copy = folder_new();
        void *other = NULL;
        subx_error error = SUBX_ERROR_INIT;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", copy, "link");
        const bool is_refused =
            symlink(folder, path) == 0 &&
            subx_backend_lmdb__open(path, &slow_options, &other, &error) == SUBX_MISUSE;
        unlink(path);
        folder_remove(copy);
        _exit(is_refused ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    lmdb->free(self);

    /* a process that has nothing of this one open */
    int ends[2], back[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(back), 0);
    const pid_t holder = fork();
    assert_true(holder >= 0);
    char byte = 0;
    if (holder == 0) {
        void *held = NULL;
        close(ends[1]);
        if (subx_backend_lmdb__open(folder, &slow_options, &held, NULL) != SUBX_OK ||
            write(back[1], &byte, 1) != 1)
            _exit(1);
        while (read(ends[0], &byte, 1) > 0)
            continue;
        lmdb->free(held);
        _exit(0);
    }
    close(ends[0]);
    assert_int_equal(read(back[0], &byte, 1), 1);
    subx_error error = SUBX_ERROR_INIT;
    void *other = NULL;
    assert_int_equal(subx_backend_lmdb__open(folder, &slow_options, &other, &error), SUBX_IO);
    assert_non_null(strstr(error.message, "another process"));
    lmdb->free(open_at(folder, &reader_options));
    close(ends[1]);
    assert_int_equal(waitpid(holder, &how, 0), holder);
    assert_int_equal(how, 0);
    close(back[0]);
    close(back[1]);
    lmdb->free(open_at(folder, &slow_options));
    folder_remove(folder);
}

#define READ_UNTIL 400

/* Read until the last number is seen: numbers never fall, and both keys always have the same. */
static int read_numbers(void *self)
{
    for (int last = -1; last < READ_UNTIL;) {
        void *view = NULL;
        if (lmdb->open(self, &view, NULL) != SUBX_OK)
            return 1;
        const int first = number_at(view, "a"), second = number_at(view, "b");
        lmdb->close(view);
        if (first != second || first < last)
            return 2;
        last = first;
    }
    return 0;
}

/* Set both keys in one commit. */
static void set_numbers(void *self, int number)
{
    char text[16];
    void *view = NULL, *prepared = NULL;
    uint8_t root[32];
    bool is_empty = false;
    snprintf(text, sizeof text, "%d", number);
    const struct subx_tree_change changes[] = {
        {subx_slice__text("a"), subx_slice__text(text), false},
        {subx_slice__text("b"), subx_slice__text(text), false}};
    assert_int_equal(lmdb->open(self, &view, NULL), SUBX_OK);
    assert_int_equal(lmdb->prepare(view, 1, true, &prepared, NULL), SUBX_OK);
    assert_int_equal(lmdb->apply(prepared, SUBX_MAIN_TRIE, changes, 2, root, &is_empty, NULL),
                     SUBX_OK);
    assert_int_equal(lmdb->commit(prepared, NULL), SUBX_OK);
    lmdb->close(view);
}

static void test_reading_process(void **state)
{
    char *const folder = folder_new();
    (void)state;
    lmdb->free(open_at(folder, &quick_options));
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        void *self = NULL;
        subx_error error = SUBX_ERROR_INIT;
        if (subx_backend_lmdb__open(folder, &reader_options, &self, &error) != SUBX_OK) {
            fprintf(stderr, "%s\n", error.message);
            _exit(9);
        }
        const int result = read_numbers(self);
        const subx_status status = try_set(self, "a", "0", NULL);
        lmdb->free(self);
        _exit(result != 0 ? result : status == SUBX_IO ? 0 : 3);
    }
    void *const self = open_at(folder, &quick_options);
    for (int i = 0; i <= READ_UNTIL; i++) {
        set_numbers(self, i);
        if (i % 16 == 0)
            pause_for(2000);
    }
    assert_int_equal(subx_backend_lmdb__flush(self, NULL), SUBX_OK);
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    lmdb->free(self);
    folder_remove(folder);
}

/*
 * A process that failed to open the database right after it had made LMDB's lock file anew leaves
 * one that knows of no transaction, while others hold it: made by hand here.
 */
static void test_stale_lock_file(void **state)
{
    char *const folder = folder_new();
    int ends[2], back[2], how = 0;
    char byte = 0, path[4096];
    uint8_t root[32], root_again[32];
    (void)state;
    void *self = open_at(folder, &slow_options);
    set_numbers(self, 7);
    state_root(lmdb, self, root);
    lmdb->free(self);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(back), 0);
    const pid_t holder = fork();
    assert_true(holder >= 0);
    if (holder == 0) {
        void *held = NULL;
        close(ends[1]);
        if (subx_backend_lmdb__open(folder, &reader_options, &held, NULL) != SUBX_OK ||
            write(back[1], &byte, 1) != 1)
            _exit(1);
        while (read(ends[0], &byte, 1) > 0)
            continue;
        lmdb->free(held);
        _exit(0);
    }
    close(ends[0]);
    assert_int_equal(read(back[0], &byte, 1), 1);
    snprintf(path, sizeof path, "%s/state.mdb-lock", folder);
    const int lock_file = open(path, O_WRONLY);
    static const uint64_t no_transaction;
    /* behind two words and a mutex (LMDB 0.9) */
    assert_int_equal(pwrite(lock_file, &no_transaction, 8, 8 + sizeof(pthread_mutex_t)), 8);
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_backend_lmdb__open(folder, &slow_options, &self, &error), SUBX_IO);
    assert_non_null(strstr(error.message, "try again"));
    assert_int_equal(subx_backend_lmdb__open(folder, &reader_options, &self, &error), SUBX_IO);
    close(lock_file);
    close(ends[1]);
    assert_int_equal(waitpid(holder, &how, 0), holder);
    assert_int_equal(how, 0);
    close(back[0]);
    close(back[1]);
    self = open_at(folder, &slow_options);
    state_root(lmdb, self, root_again);
    assert_memory_equal(root_again, root, sizeof root);
    lmdb->free(self);
    folder_remove(folder);
}

static void *read_in_thread(void *self)
{
    static int results[4];
    static _Atomic size_t next;
    int *const result = &results[next++ % 4];
    *result = read_numbers(self);
    return result;
}

static void test_reading_threads(void **state)
{
    char *const folder = folder_new();
    pthread_t threads[3];
    (void)state;
    void *const self = open_at(folder, &quick_options);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_in_thread, self), 0);
    for (int i = 0; i <= READ_UNTIL; i++)
        set_numbers(self, i);
    for (size_t i = 0; i < 3; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_int_equal(*(const int *)result, 0);
    }
    lmdb->free(self);
    folder_remove(folder);
}

int main(void)
{
    /* in memory, where there is such a folder: these tests sync thousands of times */
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
#ifdef SUBX_CHECKED
        cmocka_unit_test(test_failing_allocations),
#endif
        cmocka_unit_test(test_full_disk),           cmocka_unit_test(test_second_writer_is_refused),
        cmocka_unit_test(test_reading_process),     cmocka_unit_test(test_stale_lock_file),
        cmocka_unit_test(test_reading_threads),     cmocka_unit_test(test_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
