/* Written pages of private mappings: fault counters and page-table scans (Linux). */
#include "platform/pages.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * PAGEMAP_SCAN of Linux 6.7 (Documentation/admin-guide/mm/pagemap.rst); the C library of Debian 12
 * does not know it.
 */
struct scan_region {
    uint64_t start, end, categories;
};

struct scan_request {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN_REQUEST _IOWR('f', 16, struct scan_request)

enum { IS_FILE = 1 << 2, IS_PRESENT = 1 << 3, IS_SWAPPED = 1 << 4, IS_ZERO = 1 << 5 };

/* An entry of /proc/PID/pagemap. */
#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_SWAPPED (UINT64_C(1) << 62)
#define ENTRY_FILE (UINT64_C(1) << 61)

struct subx_page_tables {
    enum subx_page_scan scan;
    pthread_mutex_t lock; /* guards opening after a fork */
    uint64_t owner;       /* the process whose tables these are */
    int descriptor;
};

uint64_t subx_pages__faults(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return UINT64_MAX;
    return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

/*
 * Threads are told apart by a number of their own, since the system's identifiers are used again. A forked child starts
 * counting faults anew under the numbers of its parent; a page that the kernel wipes on fork tells.
 */
struct fork_page {
    uint64_t generation; /* 0 in a fresh child */
};

static pthread_once_t fork_page_once = PTHREAD_ONCE_INIT;
static struct fork_page *fork_page; /* NULL: the kernel cannot wipe pages */
static _Atomic uint64_t last_number;
static _Thread_local uint64_t thread_number, thread_generation;

static void map_fork_page(void)
{
    void *page =
        mmap(NULL, SUBX_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    if (madvise(page, SUBX_PAGE_SIZE, MADV_WIPEONFORK) != 0) {
        munmap(page, SUBX_PAGE_SIZE);
        return;
    }
    fork_page = page;
    fork_page->generation = atomic_fetch_add(&last_number, 1) + 1;
}

/* Number of this process, other than that of each process it descends from; 0 if forks go unseen. */
static uint64_t own_generation(void)
{
    pthread_once(&fork_page_once, map_fork_page);
    if (fork_page == NULL)
        return 0;
    uint64_t generation = __atomic_load_n(&fork_page->generation, __ATOMIC_RELAXED);
    if (generation == 0) {
        const uint64_t fresh = atomic_fetch_add(&last_number, 1) + 1;
        if (__atomic_compare_exchange_n(&fork_page->generation, &generation, fresh, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            generation = fresh;
    }
    return generation;
}

/* Where forks go unseen it is the system's number, although a child in a namespace of its own may have its
 * parent's. */
uint64_t subx_process__number(void)
{
    const uint64_t generation = own_generation();
    return generation != 0 ? generation : (uint64_t)getpid();
}

/* Number of the calling thread, new after a fork; 0 if forks go unseen. */
static uint64_t own_number(void)
{
    const uint64_t generation = own_generation();
    if (generation == 0)
        return 0;
    if (thread_number == 0 || thread_generation != generation) {
        thread_number = atomic_fetch_add(&last_number, 1) + 1;
        thread_generation = generation;
    }
    return thread_number;
}

struct subx_fault_mark subx_fault_mark__take(void)
{
    return (struct subx_fault_mark){subx_pages__faults(), own_number()};
}

bool subx_fault_mark__is_here(const struct subx_fault_mark *mark)
{
    return mark->thread != 0 && mark->thread == own_number();
}

struct subx_page_tables *subx_page_tables__open(enum subx_page_scan scan)
{
    if (scan == SUBX_SCAN_NONE)
        return NULL;
    struct subx_page_tables *tables = calloc(1, sizeof *tables);
    if (tables == NULL)
        return NULL;
    tables->scan = scan;
    tables->owner = subx_process__number();
    tables->descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (tables->descriptor < 0 || pthread_mutex_init(&tables->lock, NULL) != 0) {
        if (tables->descriptor >= 0)
            close(tables->descriptor);
        free(tables);
        return NULL;
    }
    return tables;
}

void subx_page_tables__close(struct subx_page_tables *tables)
{
    if (tables == NULL)
        return;
    close(tables->descriptor);
    pthread_mutex_destroy(&tables->lock);
    free(tables);
}

/* The descriptor of this process: one that was opened before a fork still shows the parent. */
static int own_descriptor(struct subx_page_tables *tables)
{
    const uint64_t self = subx_process__number();
    pthread_mutex_lock(&tables->lock);
    if (tables->owner != self) {
        const int fresh = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        if (fresh >= 0) {
            close(tables->descriptor);
            tables->descriptor = fresh;
            tables->owner = self;
        }
    }
    const int descriptor = tables->owner == self ? tables->descriptor : -1;
    pthread_mutex_unlock(&tables->lock);
    return descriptor;
}

/* Runs found so far; neighbouring ones are joined. */
struct found {
    uintptr_t base;
    struct subx_page_run *runs;
    size_t room, count;
};

static bool add_run(struct found *found, uintptr_t start, uintptr_t end)
{
    const uint32_t first = (uint32_t)((start - found->base) / SUBX_PAGE_SIZE);
    const uint32_t pages = (uint32_t)((end - start) / SUBX_PAGE_SIZE);
    if (found->count > 0) {
        struct subx_page_run *last = &found->runs[found->count - 1];
        if (last->first + last->count == first) {
            last->count += pages;
            return true;
        }
    }
    if (found->count == found->room)
        return false;
    found->runs[found->count++] = (struct subx_page_run){first, pages};
    return true;
}

static bool scan_by_ioctl(int descriptor, struct found *found, uintptr_t start, uintptr_t end,
                          uint64_t excluded)
{
    struct scan_region regions[128];
    struct scan_request request = {
        .size = sizeof request,
        .start = start,
        .end = end,
        .vec = (uint64_t)(uintptr_t)regions,
        .vec_len = sizeof regions / sizeof regions[0],
        .category_inverted = excluded,
        .category_mask = excluded,
        .category_anyof_mask = IS_PRESENT | IS_SWAPPED,
        .return_mask = IS_FILE,
    };
    while (request.start < end) {
        const int filled = ioctl(descriptor, SCAN_REQUEST, &request);
        if (filled < 0)
            return false;
        for (int i = 0; i < filled; i++)
            if (!add_run(found, (uintptr_t)regions[i].start, (uintptr_t)regions[i].end))
                return false;
        if ((uint64_t)filled < request.vec_len)
            return true;
        /* The vector is full: go on behind the last region. */
        request.start = regions[filled - 1].end;
    }
    return true;
}

static bool scan_by_reading(int descriptor, struct found *found, uintptr_t start, uintptr_t end)
{
    uint64_t entries[512];
    while (start < end) {
        const size_t left = (end - start) / SUBX_PAGE_SIZE;
        const size_t wanted = left < 512 ? left : 512;
        const ssize_t got = pread(descriptor, entries, wanted * sizeof entries[0],
                                  (off_t)(start / SUBX_PAGE_SIZE * sizeof entries[0]));
        if (got != (ssize_t)(wanted * sizeof entries[0]))
            return false;
        for (size_t i = 0; i < wanted; i++) {
            const uintptr_t page = start + i * SUBX_PAGE_SIZE;
            const bool here = (entries[i] & (ENTRY_PRESENT | ENTRY_SWAPPED)) != 0;
            if (here && (entries[i] & ENTRY_FILE) == 0 &&
                !add_run(found, page, page + SUBX_PAGE_SIZE))
                return false;
        }
        start += wanted * SUBX_PAGE_SIZE;
    }
    return true;
}

bool subx_page_tables__scan(struct subx_page_tables *tables, const void *base, size_t size,
                            size_t file_size, struct subx_page_run *runs, size_t room,
                            size_t *count)
{
    const int descriptor = own_descriptor(tables);
    if (descriptor < 0)
        return false;
    struct found found = {(uintptr_t)base, runs, room, 0};
    const uintptr_t start = (uintptr_t)base, end = start + size;
    const uintptr_t middle = start + (file_size < size ? file_size : size);
    bool scanned = false;
    if (tables->scan == SUBX_SCAN_IOCTL)
        scanned = scan_by_ioctl(descriptor, &found, start, middle, IS_FILE) &&
                  scan_by_ioctl(descriptor, &found, middle, end, IS_FILE | IS_ZERO);
    else
        scanned = scan_by_reading(descriptor, &found, start, end);
    *count = found.count;
    return scanned;
}

/* ---- The probe ---- */

#define PROBE_PAGES 4

/* A small private mapping to try things on, of a file or anonymous. */
struct trial {
    volatile uint8_t *memory;
    struct subx_page_tables *tables;
    bool of_file;
    bool faults_move, scan_shows, dont_need_restores;
};

static bool page_is_found(const struct trial *trial, uint32_t page)
{
    struct subx_page_run runs[PROBE_PAGES];
    size_t count = 0;
    const size_t size = PROBE_PAGES * SUBX_PAGE_SIZE;
    if (trial->tables == NULL ||
        !subx_page_tables__scan(trial->tables, (const void *)(uintptr_t)trial->memory, size,
                                trial->of_file ? size : 0, runs, PROBE_PAGES, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (page >= runs[i].first && page < runs[i].first + runs[i].count)
            return true;
    return false;
}

/* One write that must be seen by both mechanisms; `page` is not private before. */
static void try_write(struct trial *trial, uint32_t page)
{
    if (page_is_found(trial, page))
        trial->scan_shows = false;
    const uint64_t before = subx_pages__faults();
    trial->memory[page * SUBX_PAGE_SIZE + 7] = 0x5a;
    const uint64_t after = subx_pages__faults();
    if (before == UINT64_MAX || after == before)
        trial->faults_move = false;
    if (!page_is_found(trial, page))
        trial->scan_shows = false;
}

static void *run_trial(void *data)
{
    struct trial *trial = data;
    const uint8_t pristine = trial->of_file ? 0x11 : 0;
    try_write(trial, 0); /* untouched page */
    if (trial->memory[SUBX_PAGE_SIZE] != pristine)
        trial->dont_need_restores = false;
    if (trial->of_file || trial->tables == NULL || trial->tables->scan == SUBX_SCAN_IOCTL)
        try_write(trial, 1); /* read before */
    if (madvise((void *)(uintptr_t)trial->memory, SUBX_PAGE_SIZE, MADV_DONTNEED) != 0 ||
        trial->memory[7] != pristine || trial->memory[SUBX_PAGE_SIZE + 7] != 0x5a)
        trial->dont_need_restores = false;
    if (madvise((void *)(uintptr_t)trial->memory, SUBX_PAGE_SIZE, MADV_DONTNEED) != 0)
        trial->dont_need_restores = false;
    try_write(trial, 0); /* given back before */
    return NULL;
}

static int probe_file(void)
{
    uint8_t contents[SUBX_PAGE_SIZE];
    memset(contents, 0x11, sizeof contents);
    const int file = memfd_create("subexec-probe", MFD_CLOEXEC);
    for (int i = 0; file >= 0 && i < PROBE_PAGES; i++)
        if (write(file, contents, sizeof contents) != (ssize_t)sizeof contents) {
            close(file);
            return -1;
        }
    return file;
}

/* Run the trial on a fresh mapping, here or on another thread, and keep what held everywhere. */
static bool try_mapping(struct subx_page_tables *tables, bool of_file, bool elsewhere,
                        struct subx_page_support *support, bool *scan_works)
{
    const int file = of_file ? probe_file() : -1;
    const size_t size = PROBE_PAGES * SUBX_PAGE_SIZE;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        of_file ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS, file, 0);
    if (file >= 0)
        close(file);
    if (memory == MAP_FAILED)
        return false;
    madvise(memory, size, MADV_NOHUGEPAGE);
    struct trial trial = {memory, tables, of_file, true, true, true};
    pthread_t thread;
    bool ran = true;
    if (!elsewhere)
        run_trial(&trial);
    else if (pthread_create(&thread, NULL, run_trial, &trial) == 0)
        pthread_join(thread, NULL);
    else
        ran = false;
    munmap(memory, size);
    support->counts_faults = support->counts_faults && trial.faults_move;
    support->dont_need_restores = support->dont_need_restores && trial.dont_need_restores;
    *scan_works = *scan_works && trial.scan_shows;
    return ran;
}

static bool try_scan(enum subx_page_scan scan, struct subx_page_support *support)
{
    *support = (struct subx_page_support){SUBX_SCAN_NONE, true, true};
    struct subx_page_tables *tables = subx_page_tables__open(scan);
    bool scan_works = tables != NULL;
    for (int i = 0; i < 4; i++)
        if (!try_mapping(tables, (i & 1) != 0, (i & 2) != 0, support, &scan_works))
            *support = (struct subx_page_support){SUBX_SCAN_NONE, false, false};
    subx_page_tables__close(tables);
    if (scan_works)
        support->scan = scan;
    return scan_works;
}

struct subx_page_support subx_pages__probe(void)
{
    struct subx_page_support support;
    if (sysconf(_SC_PAGESIZE) != (long)SUBX_PAGE_SIZE)
        return (struct subx_page_support){SUBX_SCAN_NONE, false, false};
    if (!try_scan(SUBX_SCAN_IOCTL, &support))
        try_scan(SUBX_SCAN_PAGEMAP, &support);
    return support;
}
