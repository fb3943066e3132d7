/* A heap to test the allocator on; see heap.h. */
#include "heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "util/endian.h"

static const char was_poisoned[] = "Other: the allocator has been poisoned";

void heap_make(struct heap *heap, uint32_t pages, uint32_t max_pages, uint32_t base)
{
    byte_guest_init(&heap->memory, pages, max_pages);
    subx_allocator__init(&heap->allocator, base);
}

void heap_drop(struct heap *heap)
{
    byte_guest_free(&heap->memory);
}

const char *heap_try_allocate(struct heap *heap, uint32_t size, uint32_t *pointer)
{
    return subx_allocator__allocate(&heap->allocator, &heap->memory.guest, size, pointer);
}

const char *heap_try_free(struct heap *heap, uint32_t pointer)
{
    return subx_allocator__deallocate(&heap->allocator, &heap->memory.guest, pointer);
}

uint32_t heap_allocate(struct heap *heap, uint32_t size)
{
    uint32_t pointer = 0;
    const char *const problem = heap_try_allocate(heap, size, &pointer);
    if (problem != NULL)
        fail_msg("allocating %u: %s", size, problem);
    return pointer;
}

void heap_release(struct heap *heap, uint32_t pointer)
{
    const char *const problem = heap_try_free(heap, pointer);
    if (problem != NULL)
        fail_msg("freeing %u: %s", pointer, problem);
}

void assert_text(const char *got, const char *expected)
{
    assert_non_null(got);
    assert_string_equal(got, expected);
}

/* After an error nothing works any more, and says so. */
void assert_heap_poisoned(struct heap *heap, uint32_t once_valid)
{
    uint32_t pointer = 0;
    assert_true(heap->allocator.poisoned);
    assert_text(heap_try_allocate(heap, 8, &pointer), was_poisoned);
    assert_text(heap_try_free(heap, once_valid), was_poisoned);
    assert_text(heap_try_allocate(heap, 0, &pointer), was_poisoned);
}

void heap_allocate_fails(struct heap *heap, uint32_t size, const char *text)
{
    uint32_t pointer = 0;
    assert_text(heap_try_allocate(heap, size, &pointer), text);
    assert_heap_poisoned(heap, 8);
}

void heap_free_fails(struct heap *heap, uint32_t pointer, const char *text)
{
    assert_text(heap_try_free(heap, pointer), text);
    assert_heap_poisoned(heap, pointer);
}

uint64_t heap_header(const struct heap *heap, uint32_t pointer)
{
    return subx_load_u64(heap->memory.guest.base + pointer - 8);
}

void heap_set_header(struct heap *heap, uint32_t pointer, uint64_t header)
{
    subx_store_u64(heap->memory.guest.base + pointer - 8, header);
}

uint32_t heap_order_of(uint32_t size)
{
    uint32_t order = 0;
    while ((8u << order) < size)
        order++;
    return order;
}
