/* The allocator in guest memory when the guest writes to its headers, frees what it likes or fills
 * the address space: spec/executor.md section 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "heap.h"
#include "util/endian.h"

#define NIL UINT32_MAX
#define OCCUPIED ((uint64_t)1 << 32)
#define MAX_REQUEST (1u << 25)

static const char out_of_space[] = "Allocator ran out of space";
static const char bad_link[] = "Other: Invalid header pointer detected";
static const char occupied_link[] = "Other: free list points to a occupied header";
static const char bad_order[] = "Other: invalid order";
static const char bad_read[] = "Other: read out of heap bounds";
static const char bad_pointer[] = "Other: Invalid pointer for deallocation";
static const char empty_header[] = "Other: the allocation points to an empty header";
static const char underflow[] = "Other: underflow of the currently allocated bytes count";

/* ---- Headers that the guest has written to ---- */

static void modifying_the_header_leads_to_an_error(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t pointer = heap_allocate(&heap, 5);
    heap_release(&heap, pointer);
    heap_set_header(&heap, pointer, UINT32_MAX - 1); /* free, and the next one is nowhere */
    assert_int_equal(heap_allocate(&heap, 5), pointer);
    heap_allocate_fails(&heap, 5, bad_link);
    heap_drop(&heap);
}

/* Free a block of order 0, let the guest write `header` to it, allocate it back, and once more. */
static void link_case(uint64_t header, const char *first, const char *second)
{
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t pointer = heap_allocate(&heap, 8);
    heap_allocate(&heap, 8);
    heap_release(&heap, pointer);
    heap_set_header(&heap, pointer, header);
    if (first != NULL) {
        heap_allocate_fails(&heap, 8, first);
    } else {
        assert_int_equal(heap_allocate(&heap, 8), pointer);
        heap_allocate_fails(&heap, 8, second);
    }
    heap_drop(&heap);
}

static void free_list_that_the_guest_has_changed(void **state)
{
    (void)state;
    link_case(OCCUPIED, occupied_link, NULL);
    link_case(OCCUPIED | 22, occupied_link, NULL);
    link_case(OCCUPIED | 23, bad_order, NULL);
    link_case(UINT64_MAX, bad_order, NULL);
    link_case(16, NULL, occupied_link); /* to the block that is in use */
    link_case(65536 - 15, NULL, bad_link);
    link_case(65536, NULL, bad_link);
    link_case(UINT32_MAX - 1, NULL, bad_link);
    link_case(UINT32_MAX - 15, NULL, bad_link);
}

static void last_place_of_a_free_list(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t pointer = heap_allocate(&heap, 8);
    heap_release(&heap, pointer);
    heap_set_header(&heap, pointer, 65536 - 16); /* header and block end where the memory ends */
    heap_set_header(&heap, 65536 - 8, NIL);
    assert_int_equal(heap_allocate(&heap, 8), pointer);
    assert_int_equal(heap_allocate(&heap, 8), 65536 - 8);
    assert_int_equal(heap.allocator.heads[0], NIL);
    heap_drop(&heap);
}

static void free_list_that_is_a_circle(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 513, 513, 0);
    const uint32_t pointer = heap_allocate(&heap, MAX_REQUEST);
    heap_release(&heap, pointer);
    uint64_t sum = heap.allocator.stats.bytes_allocated_sum;
    for (unsigned i = 0; i < 300; i++) {
        heap_set_header(&heap, pointer, pointer - 8);
        assert_int_equal(heap_allocate(&heap, MAX_REQUEST), pointer);
        sum += MAX_REQUEST + 8;
    }
    /* The 32-bit counter has gone round, as the reference's does. */
    assert_int_equal(heap.allocator.stats.bytes_allocated_sum, sum);
    assert_int_equal(heap.allocator.stats.bytes_allocated,
                     (uint32_t)(UINT64_C(300) * (MAX_REQUEST + 8)));
    heap_drop(&heap);
}

static void free_of_what_was_not_allocated(void **state)
{
    (void)state;
    static const struct {
        uint32_t pointer;
        const char *text;
    } cases[] = {
        {0, bad_pointer},           {1, bad_pointer},       {7, bad_pointer},
        {8, empty_header},          {9, empty_header},      {1024, empty_header},
        {65528, empty_header},      {65536, empty_header},  {65537, bad_read},
        {65544, bad_read},          {INT32_MAX, bad_read},  {UINT32_MAX - 15, bad_read},
        {UINT32_MAX - 7, bad_read}, {UINT32_MAX, bad_read},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heap heap;
        heap_make(&heap, 1, 1, 32);
        heap_allocate(&heap, 8);
        heap_free_fails(&heap, cases[i].pointer, cases[i].text);
        heap_drop(&heap);
    }
}

/* Free a block of 16 bytes whose header the guest has overwritten. */
static void header_case(uint64_t header, const char *text)
{
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t pointer = heap_allocate(&heap, 16);
    heap_set_header(&heap, pointer, header);
    if (text != NULL)
        heap_free_fails(&heap, pointer, text);
    else
        heap_release(&heap, pointer);
    heap_drop(&heap);
}

static void free_with_a_header_that_the_guest_has_changed(void **state)
{
    (void)state;
    header_case(0, empty_header);
    header_case(1, empty_header);
    header_case(UINT64_C(0xfffffffe00000001), empty_header);
    header_case(OCCUPIED | 23, bad_order);
    header_case(OCCUPIED | UINT32_MAX, bad_order);
    header_case(UINT64_MAX, bad_order);
    header_case(OCCUPIED | 2, underflow); /* 40 bytes back for 24 */
    header_case(OCCUPIED | 22, underflow);
    header_case(OCCUPIED | 1, NULL);
    header_case(OCCUPIED, NULL); /* 16 back for 24 is no underflow */
}

static void double_free(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t pointer = heap_allocate(&heap, 10);
    heap_release(&heap, pointer);
    heap_free_fails(&heap, pointer, empty_header);
    heap_drop(&heap);
}

/* ---- The ends of the address space ---- */

static void heap_base_at_the_top_wraps(void **state)
{
    (void)state;
    struct subx_allocator allocator;
    subx_allocator__init(&allocator, UINT32_MAX);
    assert_int_equal(allocator.base, 0);
    subx_allocator__init(&allocator, UINT32_MAX - 7);
    assert_int_equal(allocator.base, UINT32_MAX - 7);
}

static void memory_of_4_gib(void **state)
{
    (void)state;
    const uint64_t size = (uint64_t)1 << 32;
    void *const map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(map != MAP_FAILED);
    struct subx_guest guest = {.base = map, .size = size, .max_pages = SUBX_WASM_MAX_PAGES};
    struct subx_allocator allocator;
    uint32_t pointer = 0;

    /* The last block ends at 2^32: the bump pointer, 32 bits wide, is 0 afterwards. */
    subx_allocator__init(&allocator, UINT32_MAX - 15);
    assert_null(subx_allocator__allocate(&allocator, &guest, 8, &pointer));
    assert_int_equal(pointer, UINT32_MAX - 7);
    assert_int_equal(allocator.bumper, 0);
    assert_int_equal(allocator.stats.address_space_used, 16);
    assert_null(subx_allocator__deallocate(&allocator, &guest, pointer));
    assert_null(subx_allocator__allocate(&allocator, &guest, 8, &pointer));
    assert_int_equal(pointer, UINT32_MAX - 7);

    /* A link whose block would end above 2^32. */
    assert_null(subx_allocator__deallocate(&allocator, &guest, pointer));
    subx_store_u64(guest.base + pointer - 8, UINT32_MAX - 14);
    assert_null(subx_allocator__allocate(&allocator, &guest, 8, &pointer));
    assert_text(subx_allocator__allocate(&allocator, &guest, 8, &pointer), bad_link);

    /* One that does not fit any more: there are no more pages. */
    subx_allocator__init(&allocator, UINT32_MAX - 7);
    assert_text(subx_allocator__allocate(&allocator, &guest, 8, &pointer), out_of_space);
    munmap(map, size);
}

/* ---- Random guests ---- */

static uint64_t random_state = 0x5eed;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % limit;
}

struct block {
    uint32_t pointer, size;
    uint8_t fill;
};

static void check_block(const struct heap *heap, const struct block *block)
{
    const uint8_t *const bytes = heap->memory.guest.base + block->pointer;
    assert_int_equal(heap_header(heap, block->pointer), OCCUPIED | heap_order_of(block->size));
    for (uint32_t i = 0; i < block->size; i++)
        if (bytes[i] != block->fill)
            fail_msg("block at %u: byte %u changed", block->pointer, i);
}

static void well_behaved_guests_get_separate_blocks(void **state)
{
    (void)state;
    static struct block blocks[256];
    for (unsigned round = 0; round < 20; round++) {
        struct heap heap;
        heap_make(&heap, 1 + random_below(3), 2000, random_below(70000));
        size_t count = 0;
        uint64_t live = 0;
        for (unsigned step = 0; step < 2000; step++) {
            if (count < 256 && random_below(100) < 55) {
                struct block *const block = &blocks[count++];
                block->size = random_below(1u << random_below(14));
                block->fill = (uint8_t)random_below(256);
                block->pointer = heap_allocate(&heap, block->size);
                memset(heap.memory.guest.base + block->pointer, block->fill, block->size);
                live += 8 + (8u << heap_order_of(block->size));
            } else if (count > 0) {
                const size_t victim = random_below((uint32_t)count);
                check_block(&heap, &blocks[victim]);
                live -= 8 + (8u << heap_order_of(blocks[victim].size));
                heap_release(&heap, blocks[victim].pointer);
                blocks[victim] = blocks[--count];
            }
            assert_int_equal(heap.allocator.stats.bytes_allocated, live);
        }
        for (size_t i = 0; i < count; i++)
            check_block(&heap, &blocks[i]);
        heap_drop(&heap);
    }
}

/* The guest scribbles over headers: nothing outside the memory may be touched (the sanitizer
 * looks), each pointer is in bounds, and the first error stays. */
static void hostile_guests_do_no_harm(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (unsigned round = 0; round < 3000; round++) {
        struct heap heap;
        heap_make(&heap, 1, 1 + random_below(8), random_below(1000));
        uint32_t last = 8;
        for (unsigned step = 0; step < 60; step++) {
            const uint32_t at = random_below(3000);
            const uint64_t header = random_below(2) == 0   ? OCCUPIED | random_below(25)
                                    : random_below(4) == 0 ? NIL
                                                           : random_below(70000);
            const char *problem = NULL;
            switch (random_below(4)) {
            case 0:
                subx_store_u64(heap.memory.guest.base + at, header);
                break;
            case 1:
                problem = heap_try_free(&heap, random_below(3) == 0 ? at : last);
                break;
            default:
                problem = heap_try_allocate(&heap, random_below(1u << random_below(12)), &last);
                assert_true((uint64_t)last <= heap.memory.guest.size);
            }
            assert_true(problem == NULL || heap.allocator.poisoned);
            failed += problem != NULL;
        }
        heap_drop(&heap);
    }
    assert_true(failed > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modifying_the_header_leads_to_an_error),
        cmocka_unit_test(free_list_that_the_guest_has_changed),
        cmocka_unit_test(last_place_of_a_free_list),
        cmocka_unit_test(free_list_that_is_a_circle),
        cmocka_unit_test(free_of_what_was_not_allocated),
        cmocka_unit_test(free_with_a_header_that_the_guest_has_changed),
        cmocka_unit_test(double_free),
        cmocka_unit_test(heap_base_at_the_top_wraps),
        cmocka_unit_test(memory_of_4_gib),
        cmocka_unit_test(well_behaved_guests_get_separate_blocks),
        cmocka_unit_test(hostile_guests_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
