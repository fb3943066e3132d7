/* Heap allocation with overflow checks and a failure hook for tests. */
#include "util/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <subexec/bytes.h>

/* Up to this size, malloc and memset are faster than calloc, which passes by glibc's cache of freed
 * blocks; what is larger may come zeroed from the kernel. */
#define SMALL_BLOCK 1024u

#ifdef SUBX_CHECKED
/* Allocations until the planted failure; negative: none planted. */
static _Atomic int64_t failure_countdown = -1;
static _Atomic uint64_t allocation_count;

static bool planted_failure(void)
{
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    if (atomic_load_explicit(&failure_countdown, memory_order_relaxed) < 0)
        return false;
    return atomic_fetch_sub_explicit(&failure_countdown, 1, memory_order_relaxed) == 0;
}

uint64_t subx_mem__fail_after(int64_t countdown)
{
    atomic_store(&failure_countdown, countdown);
    return atomic_exchange(&allocation_count, 0);
}
#else
static bool planted_failure(void)
{
    return false;
}

uint64_t subx_mem__fail_after(int64_t countdown)
{
    (void)countdown;
    return 0;
}
#endif

void *subx_mem__alloc(size_t size)
{
    if (planted_failure())
        return NULL;
    return malloc(size == 0 ? 1 : size);
}

void *subx_mem__calloc(size_t count, size_t size)
{
    size_t total = 0;
    if (planted_failure() || __builtin_mul_overflow(count, size, &total))
        return NULL;
    if (total > SMALL_BLOCK)
        return calloc(count, size);
    void *block = malloc(total == 0 ? 1 : total);
    return block == NULL ? NULL : memset(block, 0, total);
}

void *subx_mem__realloc(void *pointer, size_t count, size_t size)
{
    size_t total = 0;
    if (planted_failure() || __builtin_mul_overflow(count, size, &total))
        return NULL;
    return realloc(pointer, total == 0 ? 1 : total);
}

void *subx_mem__copy(const void *data, size_t len)
{
    void *copy = subx_mem__alloc(len);
    if (copy != NULL && len > 0)
        memcpy(copy, data, len);
    return copy;
}

char *subx_mem__strdup(const char *text)
{
    return subx_mem__copy(text, strlen(text) + 1);
}

void subx_mem__free(void *pointer)
{
    free(pointer);
}

void subx_bytes_free(subx_bytes *bytes)
{
    if (bytes == NULL)
        return;
    subx_mem__free(bytes->data);
    *bytes = (subx_bytes)SUBX_BYTES_INIT;
}
