/*
 * Pages of a private mapping: which of them this process has written, and whether any was written
 * lately.
 *
 * The first write to a page of a private mapping is a page fault on the writing thread. So a thread
 * whose fault count did not move has written only to pages that were private before. If it moved, a
 * scan of the page tables finds the private pages. Both are properties of the kernel:
 * subx_pages__probe() shows whether this one has them.
 */
#ifndef SUBX_PLATFORM_PAGES_H
#define SUBX_PLATFORM_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBX_PAGE_SIZE ((size_t)4096)

/* A run of pages, counted from the start of the range that was scanned. */
struct subx_page_run {
    uint32_t first, count;
};

/* How private pages are found. */
enum subx_page_scan {
    SUBX_SCAN_NONE,   /* not at all: the kernel does not tell */
    SUBX_SCAN_IOCTL,  /* PAGEMAP_SCAN, Linux 6.7 and later */
    SUBX_SCAN_PAGEMAP /* reading /proc/self/pagemap */
};

/* What the kernel offers. */
struct subx_page_support {
    enum subx_page_scan scan;
    bool counts_faults;      /* each first write moves subx_pages__faults() of the writing thread */
    bool dont_need_restores; /* MADV_DONTNEED brings the contents of the mapped file, or zeros, back
                              */
};

/* Page faults of the calling thread so far, minor and major; UINT64_MAX if the system does not tell. Costs a system
 * call. */
uint64_t subx_pages__faults(void);

/* Number of this process, other than those of the processes it was forked from. */
uint64_t subx_process__number(void);

/* A reading of subx_pages__faults(), and the thread that it belongs to. Counts of different threads do not compare. */
struct subx_fault_mark {
    uint64_t faults;
    uint64_t thread; /* 0: of no thread */
};

struct subx_fault_mark subx_fault_mark__take(void);

/* Whether the mark was taken on the calling thread, before no fork: a later reading here compares with it. */
bool subx_fault_mark__is_here(const struct subx_fault_mark *mark);

/*
 * Find out what the kernel offers by trying it: first write to an anonymous and to a file-backed
 * private page, write after read, write after MADV_DONTNEED, all of it on another thread too. Takes
 * about a millisecond.
 */
struct subx_page_support subx_pages__probe(void);

/* The page tables of this process, opened once; a forked child opens its own on its next scan. */
struct subx_page_tables;

struct subx_page_tables *subx_page_tables__open(enum subx_page_scan scan);
void subx_page_tables__close(struct subx_page_tables *tables);

/*
 * List the private pages in `size` bytes at `base`, both multiples of the page size. Of the first
 * `file_size` bytes, which a file backs, those that differ from the file's pages; behind it, zero
 * pages that were only read are left out where the system can tell. At most `room` runs go to
 * `runs`; true and `*count` set, or false if the system failed or there were more runs.
 *
 * Threads: concurrently on one object.
 */
bool subx_page_tables__scan(struct subx_page_tables *tables, const void *base, size_t size,
                            size_t file_size, struct subx_page_run *runs, size_t room,
                            size_t *count);

#endif
