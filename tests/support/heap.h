/* The allocator on a byte array as guest memory, for cmocka tests. */
#ifndef SUBX_TESTS_HEAP_H
#define SUBX_TESTS_HEAP_H

#include "byte_guest.h"
#include "host/freeing_bump.h"

struct heap {
    struct byte_guest memory;
    struct subx_allocator allocator;
};

/* `pages` pages that may grow to `max_pages`, the heap's start at `base`. */
void heap_make(struct heap *heap, uint32_t pages, uint32_t max_pages, uint32_t base);
void heap_drop(struct heap *heap);

/* What the allocator says: NULL or its text. */
const char *heap_try_allocate(struct heap *heap, uint32_t size, uint32_t *pointer);
const char *heap_try_free(struct heap *heap, uint32_t pointer);

/* These must work. */
uint32_t heap_allocate(struct heap *heap, uint32_t size);
void heap_release(struct heap *heap, uint32_t pointer);

/* These must fail with that text, and poison the allocator. */
void heap_allocate_fails(struct heap *heap, uint32_t size, const char *text);
void heap_free_fails(struct heap *heap, uint32_t pointer, const char *text);

void assert_text(const char *got, const char *expected);

/* Nothing works any more, not even freeing what was valid before. */
void assert_heap_poisoned(struct heap *heap, uint32_t once_valid);

/* The 8 bytes before `pointer`. */
uint64_t heap_header(const struct heap *heap, uint32_t pointer);
void heap_set_header(struct heap *heap, uint32_t pointer, uint64_t header);

/* Order of the smallest block for `size` bytes, by counting. */
uint32_t heap_order_of(uint32_t size);

#endif
