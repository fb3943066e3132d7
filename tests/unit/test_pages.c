/*
 * Written pages of private mappings: the probe, fault counts and marks, and scans of each kind with more regions
 * than one vector holds, over holes, after forks and from many threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/pages.h"

static uint8_t *map_anonymous(size_t pages)
{
    void *memory = mmap(NULL, pages * SUBX_PAGE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    assert_int_equal(madvise(memory, pages * SUBX_PAGE_SIZE, MADV_NOHUGEPAGE) != 0, 0);
    return memory;
}

/* A private mapping of a file whose pages are filled with their number. */
static uint8_t *map_file(size_t pages)
{
    const int file = memfd_create("pages", MFD_CLOEXEC);
    assert_true(file >= 0);
    uint8_t page[SUBX_PAGE_SIZE];
    for (size_t i = 0; i < pages; i++) {
        memset(page, (int)i, sizeof page);
        assert_int_equal(write(file, page, sizeof page), sizeof page);
    }
    void *memory = mmap(NULL, pages * SUBX_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    close(file);
    return memory;
}

static void unmap(uint8_t *memory, size_t pages)
{
    assert_int_equal(munmap(memory, pages * SUBX_PAGE_SIZE), 0);
}

static void dirty(uint8_t *memory, size_t page)
{
    ((volatile uint8_t *)memory)[page * SUBX_PAGE_SIZE + 77] = 1;
}

static uint8_t look(const uint8_t *memory, size_t page)
{
    return ((const volatile uint8_t *)memory)[page * SUBX_PAGE_SIZE + 78];
}

/* A scan of either kind; the ioctl only where the kernel has it. */
static const enum subx_page_scan kinds[] = {SUBX_SCAN_IOCTL, SUBX_SCAN_PAGEMAP};

static bool kernel_has(enum subx_page_scan kind)
{
    return kind == SUBX_SCAN_PAGEMAP || subx_pages__probe().scan == SUBX_SCAN_IOCTL;
}

struct scan {
    struct subx_page_run *runs;
    size_t room, count;
};

static bool scan(struct subx_page_tables *tables, const uint8_t *memory, size_t pages,
                 size_t file_pages, struct scan *found)
{
    return subx_page_tables__scan(tables, memory, pages * SUBX_PAGE_SIZE,
                                  file_pages * SUBX_PAGE_SIZE, found->runs, found->room,
                                  &found->count);
}

/* Whether exactly these pages are found, given as an array of flags. */
static void expect_pages(struct subx_page_tables *tables, const uint8_t *memory, size_t pages,
                         size_t file_pages, const bool *expected)
{
    struct scan found = {test_calloc(pages, sizeof(struct subx_page_run)), pages, 0};
    assert_true(scan(tables, memory, pages, file_pages, &found));
    bool *got = test_calloc(pages, sizeof *got);
    size_t end = 0;
    for (size_t i = 0; i < found.count; i++) {
        const struct subx_page_run run = found.runs[i];
        /* In order, not empty, neighbours joined. */
        assert_true(run.count > 0 && (i == 0 || run.first > end));
        end = (size_t)run.first + run.count;
        assert_true(end <= pages);
        for (size_t page = run.first; page < end; page++)
            got[page] = true;
    }
    for (size_t page = 0; page < pages; page++)
        if (got[page] != expected[page])
            fail_msg("page %zu %s", page, got[page] ? "is found" : "is not found");
    test_free(got);
    test_free(found.runs);
}

/* ---- The probe ---- */

static void test_probe(void **state)
{
    (void)state;
    const struct subx_page_support support = subx_pages__probe();
    /* Every Linux that this is developed and tested on has all of it. */
    assert_true(support.counts_faults);
    assert_true(support.dont_need_restores);
    assert_int_not_equal(support.scan, SUBX_SCAN_NONE);
    /* And it does not depend on the moment. */
    for (int i = 0; i < 10; i++) {
        const struct subx_page_support again = subx_pages__probe();
        assert_int_equal(again.scan, support.scan);
        assert_true(again.counts_faults && again.dont_need_restores);
    }
    assert_null(subx_page_tables__open(SUBX_SCAN_NONE));
    subx_page_tables__close(NULL);
}

static void *probe_on_thread(void *data)
{
    *(struct subx_page_support *)data = subx_pages__probe();
    return NULL;
}

static void test_probe_on_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct subx_page_support supports[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, probe_on_thread, &supports[i]), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(supports[i].counts_faults && supports[i].dont_need_restores);
    }
}

/* ---- Fault counts ---- */

static void test_faults(void **state)
{
    (void)state;
    uint8_t *memory = map_anonymous(64);
    uint8_t *file = map_file(4);
    uint64_t before = subx_pages__faults();
    for (size_t i = 0; i < 64; i++)
        dirty(memory, i);
    assert_true(subx_pages__faults() >= before + 64);
    /* Writes to pages that are private move nothing. */
    (void)subx_pages__faults();
    before = subx_pages__faults();
    for (size_t i = 0; i < 64; i++)
        dirty(memory, i);
    assert_int_equal(subx_pages__faults(), before);
    assert_int_equal(look(file, 2), 2);
    before = subx_pages__faults();
    dirty(file, 2);
    assert_int_equal(subx_pages__faults(), before + 1);
    unmap(memory, 64);
    unmap(file, 4);
}

static void *take_mark(void *data)
{
    struct subx_fault_mark *mark = data;
    *mark = subx_fault_mark__take();
    return subx_fault_mark__is_here(mark) ? data : NULL;
}

/* Marks belong to a thread, for ever: numbers of threads are not used again. */
static void test_marks(void **state)
{
    (void)state;
    const struct subx_fault_mark none = {0, 0};
    assert_false(subx_fault_mark__is_here(&none));
    struct subx_fault_mark marks[20];
    for (int i = 0; i < 20; i++) {
        void *held = NULL;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, take_mark, &marks[i]), 0);
        assert_int_equal(pthread_join(thread, &held), 0);
        assert_non_null(held);
        assert_false(subx_fault_mark__is_here(&marks[i]));
        for (int other = 0; other < i; other++)
            assert_int_not_equal(marks[i].thread, marks[other].thread);
    }
    const struct subx_fault_mark own = subx_fault_mark__take();
    assert_true(subx_fault_mark__is_here(&own));
    assert_int_equal(subx_fault_mark__take().thread, own.thread);

    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct subx_fault_mark fresh = subx_fault_mark__take();
        bool good = !subx_fault_mark__is_here(&own) && subx_fault_mark__is_here(&fresh) &&
                    fresh.thread != own.thread;
        /* A grandchild is told apart from both. */
        const pid_t grandchild = good ? fork() : -1;
        if (grandchild == 0)
            _exit(subx_fault_mark__is_here(&own) || subx_fault_mark__is_here(&fresh));
        int result = 1;
        good = good && waitpid(grandchild, &result, 0) == grandchild && result == 0;
        _exit(good ? 0 : 1);
    }
    int result = 1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_true(subx_fault_mark__is_here(&own));
}

/* ---- Scans ---- */

static void test_scan_anonymous(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        if (!kernel_has(kinds[k]))
            continue;
        struct subx_page_tables *tables = subx_page_tables__open(kinds[k]);
        assert_non_null(tables);
        uint8_t *memory = map_anonymous(100);
        bool expected[100] = {false};
        expect_pages(tables, memory, 100, 0, expected);
        static const size_t pages[] = {0, 1, 2, 50, 98, 99};
        for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
            dirty(memory, pages[i]);
            expected[pages[i]] = true;
            expect_pages(tables, memory, 100, 0, expected);
        }
        /* What is given back is not private any more. */
        assert_int_equal(madvise(memory + SUBX_PAGE_SIZE, SUBX_PAGE_SIZE, MADV_DONTNEED), 0);
        expected[1] = false;
        expect_pages(tables, memory, 100, 0, expected);
        /* A zero page that was only read is left out where the system can tell. */
        assert_int_equal(look(memory, 20), 0);
        expected[20] = kinds[k] == SUBX_SCAN_PAGEMAP;
        expect_pages(tables, memory, 100, 0, expected);
        dirty(memory, 20);
        expected[20] = true;
        expect_pages(tables, memory, 100, 0, expected);
        unmap(memory, 100);
        subx_page_tables__close(tables);
    }
}

static void test_scan_file(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        if (!kernel_has(kinds[k]))
            continue;
        struct subx_page_tables *tables = subx_page_tables__open(kinds[k]);
        /* The first 20 pages of a range come from a file. */
        uint8_t *memory = map_anonymous(40);
        const int file = memfd_create("pages", MFD_CLOEXEC);
        assert_int_equal(ftruncate(file, 20 * (off_t)SUBX_PAGE_SIZE), 0);
        assert_ptr_equal(mmap(memory, 20 * SUBX_PAGE_SIZE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_FIXED, file, 0),
                         memory);
        close(file);
        bool expected[40] = {false};
        for (size_t page = 0; page < 20; page++)
            (void)look(memory, page);
        expect_pages(tables, memory, 40, 20, expected);
        dirty(memory, 19);
        dirty(memory, 20);
        dirty(memory, 3);
        expected[19] = expected[20] = expected[3] = true;
        expect_pages(tables, memory, 40, 20, expected);
        /* The whole of it is the file's, none of it is. */
        expect_pages(tables, memory, 20, 20, expected);
        expect_pages(tables, memory, 40, 40, expected);
        expect_pages(tables, memory, 0, 0, expected);
        assert_int_equal(madvise(memory, 40 * SUBX_PAGE_SIZE, MADV_DONTNEED), 0);
        memset(expected, 0, sizeof expected);
        expect_pages(tables, memory, 40, 20, expected);
        unmap(memory, 40);
        subx_page_tables__close(tables);
    }
}

/* Far more regions than one request returns, at the end of the range too. */
static void test_many_regions(void **state)
{
    (void)state;
    enum { PAGES = 6000 };
    for (int k = 0; k < 2; k++) {
        if (!kernel_has(kinds[k]))
            continue;
        struct subx_page_tables *tables = subx_page_tables__open(kinds[k]);
        for (size_t step = 2; step <= 5; step++) {
            uint8_t *memory = map_anonymous(PAGES);
            bool *expected = test_calloc(PAGES, sizeof *expected);
            size_t regions = 0;
            for (size_t page = PAGES % step == 1 ? 0 : step - 1; page < PAGES; page += step) {
                dirty(memory, page);
                expected[page] = true;
                regions++;
            }
            expect_pages(tables, memory, PAGES, 0, expected);

            /* One run too many is a failure, exactly as many are none. */
            struct scan found = {test_calloc(regions, sizeof(struct subx_page_run)), regions, 0};
            assert_true(scan(tables, memory, PAGES, 0, &found));
            assert_int_equal(found.count, regions);
            found.room = regions - 1;
            assert_false(scan(tables, memory, PAGES, 0, &found));
            found.room = 0;
            assert_false(scan(tables, memory, PAGES, 0, &found));
            test_free(found.runs);
            test_free(expected);
            unmap(memory, PAGES);
        }
        subx_page_tables__close(tables);
    }
}

/* Numbers of regions around the length of the vector, which a request may fill to the brim. */
static void test_regions_around_the_vector(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        if (!kernel_has(kinds[k]))
            continue;
        struct subx_page_tables *tables = subx_page_tables__open(kinds[k]);
        uint8_t *memory = map_anonymous(1200);
        bool expected[1200] = {false};
        for (size_t page = 0; page < 1200; page += 2) {
            dirty(memory, page);
            expected[page] = true;
            if (page < 300 || page % 64 == 0 || page % 64 == 62)
                expect_pages(tables, memory, page + 1, 0, expected);
        }
        unmap(memory, 1200);
        subx_page_tables__close(tables);
    }
}

/* ---- Forks ---- */

/* Parent and child write to different pages of what they shared; each sees its own. */
static void test_scan_after_fork(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        if (!kernel_has(kinds[k]))
            continue;
        struct subx_page_tables *tables = subx_page_tables__open(kinds[k]);
        uint8_t *memory = map_anonymous(10);
        dirty(memory, 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        dirty(memory, child == 0 ? 4 : 7);
        struct subx_page_run runs[10];
        size_t count = 0;
        const bool good =
            subx_page_tables__scan(tables, memory, 10 * SUBX_PAGE_SIZE, 0, runs, 10, &count) &&
            count == 2 && runs[0].first == 0 && runs[0].count == 1 &&
            runs[1].first == (child == 0 ? 4 : 7) && runs[1].count == 1;
        if (child == 0)
            _exit(good ? 0 : 1);
        assert_true(good);
        int result = 1;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_int_equal(result, 0);
        unmap(memory, 10);
        subx_page_tables__close(tables);
    }
}

/*
 * A child in a namespace of its own has the process number that its parent has in its: the number must not be
 * what tells them apart. Needs the right to make namespaces; who does not have it cannot get there.
 */
static void test_scan_in_namespaces(void **state)
{
    (void)state;
    struct subx_page_tables *tables = NULL;
    uint8_t *memory = map_anonymous(10);
    const pid_t outer = fork();
    assert_true(outer >= 0);
    if (outer == 0) {
        if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
            _exit(0);
        const pid_t first = fork();
        if (first == 0) { /* number 1 of its namespace */
            tables = subx_page_tables__open(SUBX_SCAN_PAGEMAP);
            dirty(memory, 2);
            if (tables == NULL || getpid() != 1 || unshare(CLONE_NEWPID) != 0)
                _exit(2);
            const pid_t second = fork();
            if (second == 0) { /* number 1 of the inner one */
                dirty(memory, 6);
                struct subx_page_run runs[10];
                size_t count = 0;
                const bool good = getpid() == 1 &&
                                  subx_page_tables__scan(tables, memory, 10 * SUBX_PAGE_SIZE, 0,
                                                         runs, 10, &count) &&
                                  count == 2 && runs[0].first == 2 && runs[1].first == 6;
                _exit(good ? 0 : 3);
            }
            int result = 1;
            const bool came = waitpid(second, &result, 0) == second && WIFEXITED(result);
            _exit(came ? WEXITSTATUS(result) : 4);
        }
        int result = 1;
        const bool came = waitpid(first, &result, 0) == first && WIFEXITED(result);
        _exit(came ? WEXITSTATUS(result) : 5);
    }
    int result = 1;
    assert_int_equal(waitpid(outer, &result, 0), outer);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    unmap(memory, 10);
}

/* ---- Threads ---- */

struct scanning {
    struct subx_page_tables *tables;
    unsigned seed;
    bool good;
};

/* Scan memory of its own again and again, on an object that others use too. */
static void *scan_on_thread(void *data)
{
    struct scanning *scanning = data;
    for (int round = 0; round < 200; round++) {
        uint8_t *memory = map_anonymous(32);
        const size_t page = (scanning->seed + (unsigned)round * 7) % 31;
        dirty(memory, page);
        dirty(memory, page + 1);
        struct subx_page_run run;
        size_t count = 0;
        scanning->good = scanning->good &&
                         subx_page_tables__scan(scanning->tables, memory, 32 * SUBX_PAGE_SIZE, 0,
                                                &run, 1, &count) &&
                         count == 1 && run.first == page && run.count == 2;
        unmap(memory, 32);
    }
    return NULL;
}

static void test_scan_on_threads(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        if (!kernel_has(kinds[k]))
            continue;
        struct subx_page_tables *tables = subx_page_tables__open(kinds[k]);
        struct scanning scannings[4];
        pthread_t threads[4];
        for (unsigned i = 0; i < 4; i++) {
            scannings[i] = (struct scanning){tables, i, true};
            assert_int_equal(pthread_create(&threads[i], NULL, scan_on_thread, &scannings[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_true(scannings[i].good);
        }
        subx_page_tables__close(tables);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),           cmocka_unit_test(test_probe_on_threads),
        cmocka_unit_test(test_faults),          cmocka_unit_test(test_marks),
        cmocka_unit_test(test_scan_anonymous),  cmocka_unit_test(test_scan_file),
        cmocka_unit_test(test_many_regions),    cmocka_unit_test(test_regions_around_the_vector),
        cmocka_unit_test(test_scan_after_fork), cmocka_unit_test(test_scan_in_namespaces),
        cmocka_unit_test(test_scan_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
