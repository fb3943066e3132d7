/* The allocator in guest memory, used as intended: spec/executor.md sections 2 (rules, vectors) and
 * 5 (tests). Hostile guests are in test_freeing_bump_hostile.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "heap.h"

#define NIL UINT32_MAX
#define OCCUPIED ((uint64_t)1 << 32)
#define MAX_REQUEST (1u << 25)
#define KIB 1024u

static const char too_large[] = "Requested allocation size is too large";
static const char out_of_space[] = "Allocator ran out of space";
static const char bad_write[] = "Other: write out of heap bounds";

/* ---- What it hands out ---- */

static void should_allocate_properly(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    assert_int_equal(heap_allocate(&heap, 1), 8);
    heap_drop(&heap);
}

static void should_always_align_pointers_to_multiples_of_8(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 13);
    assert_int_equal(heap.allocator.base, 16);
    assert_int_equal(heap_allocate(&heap, 1), 24);
    heap_drop(&heap);
    for (uint32_t base = 0; base <= 64; base++) {
        heap_make(&heap, 1, 1, base);
        assert_int_equal(heap_allocate(&heap, 8), (base + 7) / 8 * 8 + 8);
        assert_int_equal(heap_allocate(&heap, 9) % 8, 0);
        heap_drop(&heap);
    }
}

static void should_increment_pointers_properly(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    assert_int_equal(heap_allocate(&heap, 1), 8);
    assert_int_equal(heap_allocate(&heap, 9), 8 + 16);
    assert_int_equal(heap_allocate(&heap, 1), 8 + 16 + 16 + 8);
    heap_drop(&heap);
}

static void should_free_properly(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t first = heap_allocate(&heap, 1);
    const uint32_t second = heap_allocate(&heap, 1);
    heap_release(&heap, first);
    heap_release(&heap, second);
    assert_int_equal(heap.allocator.heads[0], second - 8);
    assert_int_equal(heap_header(&heap, second), first - 8);
    assert_int_equal(heap_header(&heap, first), NIL);
    heap_drop(&heap);
}

static void should_deallocate_and_reallocate_properly(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 13);
    assert_int_equal(heap_allocate(&heap, 1), 24);
    const uint32_t second = heap_allocate(&heap, 9);
    assert_int_equal(second, 40);
    heap_release(&heap, second);
    assert_int_equal(heap_allocate(&heap, 9), 40);
    heap_drop(&heap);
}

static void should_build_linked_list_of_free_areas_properly(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    uint32_t pointers[3];
    for (size_t i = 0; i < 3; i++)
        pointers[i] = heap_allocate(&heap, 8);
    for (size_t i = 0; i < 3; i++)
        heap_release(&heap, pointers[i]);
    assert_int_equal(heap.allocator.heads[0], pointers[2] - 8);
    assert_int_equal(heap_allocate(&heap, 8), pointers[2]);
    assert_int_equal(heap.allocator.heads[0], pointers[1] - 8);
    heap_drop(&heap);
}

static void deallocate_needs_to_maintain_linked_list(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    uint32_t pointers[4];
    for (size_t i = 0; i < 4; i++)
        pointers[i] = heap_allocate(&heap, 8);
    for (size_t i = 4; i-- > 0;)
        heap_release(&heap, pointers[i]);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(heap_allocate(&heap, 8), pointers[i]);
    assert_int_equal(heap.allocator.heads[0], NIL);
    heap_drop(&heap);
}

static void lists_of_different_orders_are_apart(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t small = heap_allocate(&heap, 8);
    const uint32_t large = heap_allocate(&heap, 17);
    heap_release(&heap, large);
    heap_release(&heap, small);
    /* Order 1 has no free block: a fresh one, even though two larger or smaller ones are free. */
    assert_int_equal(heap_allocate(&heap, 16), 8 + 8 + 8 + 32 + 8);
    assert_int_equal(heap_allocate(&heap, 32), large);
    assert_int_equal(heap_allocate(&heap, 0), small);
    heap_drop(&heap);
}

/* ---- Orders, headers ---- */

static void check_order(uint32_t size)
{
    struct heap heap;
    heap_make(&heap, 2, 1024, 0);
    const uint32_t pointer = heap_allocate(&heap, size);
    const uint32_t block = 8u << heap_order_of(size);
    assert_int_equal(heap_header(&heap, pointer), OCCUPIED | heap_order_of(size));
    assert_int_equal(heap.allocator.bumper, 8 + block);
    assert_int_equal(heap.allocator.stats.bytes_allocated, 8 + block);
    heap_drop(&heap);
}

static void should_get_item_size_from_order(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < 600; size++)
        check_order(size);
    for (uint32_t power = 10; power <= 25; power++) {
        check_order((1u << power) - 1);
        check_order(1u << power);
        if (power < 25)
            check_order((1u << power) + 1);
    }
}

static void should_get_max_item_size_from_index(void **state)
{
    (void)state;
    assert_int_equal(8u << (SUBX_ALLOCATOR_ORDERS - 1), MAX_REQUEST);
    assert_int_equal(heap_order_of(MAX_REQUEST), SUBX_ALLOCATOR_ORDERS - 1);
}

static void test_n_orders(void **state)
{
    (void)state;
    assert_int_equal(SUBX_ALLOCATOR_ORDERS, 23);
    struct heap heap;
    heap_make(&heap, 1024, 2048, 0);
    /* One list for each order, none shared. */
    uint32_t pointers[SUBX_ALLOCATOR_ORDERS];
    for (uint32_t order = 0; order < SUBX_ALLOCATOR_ORDERS; order++)
        pointers[order] = heap_allocate(&heap, 8u << order);
    for (uint32_t order = 0; order < SUBX_ALLOCATOR_ORDERS; order++)
        heap_release(&heap, pointers[order]);
    for (uint32_t order = 0; order < SUBX_ALLOCATOR_ORDERS; order++)
        assert_int_equal(heap.allocator.heads[order], pointers[order] - 8);
    heap_drop(&heap);
}

static void header_read_write(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t pointer = heap_allocate(&heap, 100);
    const uint8_t occupied[8] = {4, 0, 0, 0, 1, 0, 0, 0};
    assert_memory_equal(heap.memory.guest.base + pointer - 8, occupied, 8);
    heap_release(&heap, pointer);
    const uint8_t last[8] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    assert_memory_equal(heap.memory.guest.base + pointer - 8, last, 8);
    const uint32_t again = heap_allocate(&heap, 128);
    assert_int_equal(again, pointer);
    assert_memory_equal(heap.memory.guest.base + pointer - 8, occupied, 8);
    heap_drop(&heap);
}

static void should_read_and_write_u64_correctly(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    /* The block's own bytes are left alone, free or not. */
    const uint32_t pointer = heap_allocate(&heap, 16);
    memset(heap.memory.guest.base + pointer, 0xab, 16);
    heap_release(&heap, pointer);
    assert_int_equal(heap_allocate(&heap, 16), pointer);
    for (uint32_t i = 0; i < 16; i++)
        assert_int_equal(heap.memory.guest.base[pointer + i], 0xab);
    heap_drop(&heap);
}

static void high_bits_of_a_header_are_ignored(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t pointer = heap_allocate(&heap, 8);
    heap_set_header(&heap, pointer, UINT64_C(0xfffffff300000000)); /* occupied, order 0 */
    heap_release(&heap, pointer);
    heap_set_header(&heap, pointer, UINT64_C(0xfffffffeffffffff)); /* free, end of list */
    assert_int_equal(heap_allocate(&heap, 8), pointer);
    assert_int_equal(heap.allocator.heads[0], NIL);
    heap_drop(&heap);
}

static void freeing_a_forged_header_succeeds(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t outer = heap_allocate(&heap, 100);
    heap_set_header(&heap, outer + 11, OCCUPIED | 2); /* not even aligned */
    heap_release(&heap, outer + 11);
    assert_int_equal(heap_allocate(&heap, 32), outer + 11);
    assert_int_equal(heap_header(&heap, outer + 11), OCCUPIED | 2);
    heap_drop(&heap);
}

/* ---- Limits ---- */

static void should_not_allocate_if_too_large(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 13);
    heap_allocate_fails(&heap, 65536 - 13, out_of_space);
    heap_drop(&heap);
}

static void should_not_allocate_if_full(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    assert_int_equal(heap_allocate(&heap, 32760), 8);
    heap_allocate_fails(&heap, 32768, out_of_space);
    heap_drop(&heap);
}

static void should_allocate_max_possible_allocation_size(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, SUBX_WASM_MAX_PAGES, 0);
    assert_int_equal(heap_allocate(&heap, MAX_REQUEST), 8);
    assert_int_equal(byte_guest_pages(&heap.memory.guest), 513);
    heap_drop(&heap);
}

static void should_not_allocate_if_requested_size_too_large(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {MAX_REQUEST + 1, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct heap heap;
        heap_make(&heap, 1, SUBX_WASM_MAX_PAGES, 0);
        heap_allocate_fails(&heap, sizes[i], too_large);
        assert_int_equal(byte_guest_pages(&heap.memory.guest), 1);
        heap_drop(&heap);
    }
}

static void should_return_error_when_bumper_greater_than_heap_size(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    uint32_t last = 0;
    for (unsigned i = 0; i < 1638; i++)
        last = heap_allocate(&heap, 32);
    assert_int_equal(last, 65520 - 32);
    assert_int_equal(heap.allocator.bumper, 65520);
    assert_int_equal(heap_allocate(&heap, 8), 65528); /* exactly to the end */
    heap_allocate_fails(&heap, 8, out_of_space);
    heap_drop(&heap);
}

static void free_blocks_are_found_when_the_rest_is_full(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    uint32_t last = 0;
    for (unsigned i = 0; i < 1638; i++)
        last = heap_allocate(&heap, 32);
    heap_release(&heap, last);
    assert_int_equal(heap_allocate(&heap, 32), last);
    heap_drop(&heap);
}

/* ---- Statistics ---- */

static void should_include_prefixes_in_total_heap_size(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 1);
    heap_allocate(&heap, 9);
    assert_int_equal(heap.allocator.stats.bytes_allocated, 8 + 16);
    heap_drop(&heap);
}

static void should_calculate_total_heap_size_to_zero(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 13);
    const uint32_t pointer = heap_allocate(&heap, 42);
    assert_int_equal(pointer, 16 + 8);
    heap_release(&heap, pointer);
    assert_int_equal(heap.allocator.stats.bytes_allocated, 0);
    heap_drop(&heap);
}

static void should_calculate_total_size_of_zero(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 19);
    for (unsigned i = 1; i <= 10; i++) {
        heap_release(&heap, heap_allocate(&heap, 42));
        assert_int_equal(heap.allocator.stats.bytes_allocated, 0);
        assert_int_equal(heap.allocator.stats.bytes_allocated_sum, i * (64 + 8));
    }
    assert_int_equal(heap.allocator.stats.bytes_allocated_peak, 64 + 8);
    assert_int_equal(heap.allocator.stats.address_space_used, 64 + 8);
    heap_drop(&heap);
}

static void statistics_follow_allocations(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 4, 4, 100);
    const uint32_t a = heap_allocate(&heap, 1000); /* 1032 */
    const uint32_t b = heap_allocate(&heap, 3);    /* 16 */
    heap_release(&heap, a);
    const uint32_t c = heap_allocate(&heap, 500); /* 520 */
    const struct subx_allocator_stats *const stats = &heap.allocator.stats;
    assert_int_equal(stats->bytes_allocated, 16 + 520);
    assert_int_equal(stats->bytes_allocated_peak, 1032 + 16);
    assert_int_equal(stats->bytes_allocated_sum, 1032 + 16 + 520);
    assert_int_equal(stats->address_space_used, 1032 + 16 + 520);
    heap_release(&heap, b);
    heap_release(&heap, c);
    assert_int_equal(stats->bytes_allocated, 0);
    assert_int_equal(stats->bytes_allocated_peak, 1032 + 16);
    heap_drop(&heap);
}

static void init_forgets_everything(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    heap_release(&heap, heap_allocate(&heap, 8));
    heap_allocate_fails(&heap, MAX_REQUEST, out_of_space);
    subx_allocator__init(&heap.allocator, 40);
    assert_int_equal(heap_allocate(&heap, 8), 48);
    assert_int_equal(heap.allocator.stats.bytes_allocated_sum, 16);
    heap_drop(&heap);
}

/* ---- Growth ---- */

static void should_grow_memory_when_running_out_of_memory(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, SUBX_WASM_MAX_PAGES, 0);
    assert_int_equal(heap_allocate(&heap, 131072), 8);
    assert_int_equal(byte_guest_pages(&heap.memory.guest), 3);
    assert_int_equal(heap.memory.grown, 1);
    heap_drop(&heap);
}

static void growth_rule(void **state)
{
    (void)state;
    /* What `size` bytes from `base` on make of `pages` pages with that maximum; 0: out of space. */
    static const struct {
        uint32_t pages, max, base, size, after;
    } cases[] = {
        {1, 1, 0, 32 * KIB, 1},            /* fits */
        {1, 2, 0, 64 * KIB, 2},            /* the double, and just enough */
        {1, 1, 0, 64 * KIB, 0},            /* at the maximum */
        {2, 1, 0, 128 * KIB, 0},           /* beyond it, as nothing but a fault could be */
        {1, 65536, 0, 64 * KIB, 2},        /* the double is more than needed */
        {10, 65536, 655352, 8, 20},        /* the double, for 8 bytes too many */
        {10, 65536, 655344, 8, 10},        /* exactly to the end */
        {10, 15, 655352, 8, 15},           /* the double is above the maximum */
        {10, 11, 655352, 8, 11},           /* one page left */
        {4, 65536, 0, 1024 * KIB, 17},     /* needs more than the double */
        {4, 17, 0, 1024 * KIB, 17},        /* and that is the maximum */
        {4, 16, 0, 1024 * KIB, 0},         /* and that is above the maximum */
        {0, 65536, 0, 8, 1},               /* from nothing: the double of 0 is 0 */
        {0, 0, 0, 8, 0},                   /* nothing may be had */
        {0, 65536, 0, 128 * KIB, 3},       /* from nothing, as far as needed */
        {1, 65536, 1000000, 8, 16},        /* the heap starts beyond the memory */
        {1, 65536, UINT32_MAX - 63, 8, 0}, /* fits the address space, not this test's memory */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heap heap;
        heap_make(&heap, cases[i].pages, cases[i].max, cases[i].base);
        heap.memory.refuses_growth = i + 1 == sizeof cases / sizeof cases[0];
        if (cases[i].after == 0) {
            heap_allocate_fails(&heap, cases[i].size, out_of_space);
            assert_int_equal(heap.memory.asked, heap.memory.refuses_growth);
        } else {
            heap_allocate(&heap, cases[i].size);
            assert_int_equal(byte_guest_pages(&heap.memory.guest), cases[i].after);
            assert_int_equal(heap.memory.grown, cases[i].after > cases[i].pages);
        }
        heap_drop(&heap);
    }
}

static void growth_that_the_engine_refuses(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 10, 0);
    heap.memory.refuses_growth = true;
    heap_allocate_fails(&heap, 64 * KIB, out_of_space);
    heap_drop(&heap);
    heap_make(&heap, 1, 10, 0);
    heap.memory.guest.grow = NULL;
    heap_allocate_fails(&heap, 64 * KIB, out_of_space);
    heap_drop(&heap);
}

static void growth_that_did_not_happen(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 10, 65536);
    heap.memory.lies = true;
    heap_allocate_fails(&heap, 8, bad_write);
    heap_drop(&heap);
}

static void contents_survive_growth(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 100, 0);
    const uint32_t first = heap_allocate(&heap, 1000);
    memset(heap.memory.guest.base + first, 0x5a, 1000);
    for (unsigned i = 0; i < 200; i++)
        heap_allocate(&heap, 10000);
    assert_int_equal(heap.memory.guest.base[first + 999], 0x5a);
    assert_int_equal(heap_header(&heap, first), OCCUPIED | 7);
    assert_int_equal(heap.memory.grown, 6); /* 2, 4, 8, 16, 32, 64 pages for 50 */
    heap_drop(&heap);
}

static void accepts_growing_memory(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 2, 0);
    heap_allocate(&heap, 8);
    heap_allocate(&heap, 8);
    assert_true(byte_guest_grow(&heap.memory.guest, 1));
    assert_int_equal(heap_allocate(&heap, 65536), 40); /* it may have no more itself */
    heap_drop(&heap);
}

static void doesnt_accept_shrinking_memory(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct heap heap;
        heap_make(&heap, 2, 3, 0);
        const uint32_t pointer = heap_allocate(&heap, 8);
        heap.memory.guest.size = SUBX_WASM_PAGE;
        uint32_t other = 0;
        const char *const problem =
            which == 0 ? heap_try_allocate(&heap, 8, &other) : heap_try_free(&heap, pointer);
        assert_non_null(problem);
        assert_non_null(strstr(problem, "MemoryShrinked"));
        heap.memory.guest.size = (uint64_t)2 * SUBX_WASM_PAGE;
        assert_heap_poisoned(&heap, pointer);
        heap_drop(&heap);
    }
}

static void poison_oom(void **state)
{
    (void)state;
    struct heap heap;
    heap_make(&heap, 1, 1, 0);
    const uint32_t pointer = heap_allocate(&heap, 8);
    uint32_t other = 0;
    assert_text(heap_try_allocate(&heap, 65536, &other), out_of_space);
    assert_heap_poisoned(&heap, pointer);
    /* More memory does not heal it. */
    heap.memory.guest.max_pages = 10;
    assert_true(byte_guest_grow(&heap.memory.guest, 5));
    assert_heap_poisoned(&heap, pointer);
    heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(should_allocate_properly),
        cmocka_unit_test(should_always_align_pointers_to_multiples_of_8),
        cmocka_unit_test(should_increment_pointers_properly),
        cmocka_unit_test(should_free_properly),
        cmocka_unit_test(should_deallocate_and_reallocate_properly),
        cmocka_unit_test(should_build_linked_list_of_free_areas_properly),
        cmocka_unit_test(deallocate_needs_to_maintain_linked_list),
        cmocka_unit_test(lists_of_different_orders_are_apart),
        cmocka_unit_test(should_get_item_size_from_order),
        cmocka_unit_test(should_get_max_item_size_from_index),
        cmocka_unit_test(test_n_orders),
        cmocka_unit_test(header_read_write),
        cmocka_unit_test(should_read_and_write_u64_correctly),
        cmocka_unit_test(high_bits_of_a_header_are_ignored),
        cmocka_unit_test(freeing_a_forged_header_succeeds),
        cmocka_unit_test(should_not_allocate_if_too_large),
        cmocka_unit_test(should_not_allocate_if_full),
        cmocka_unit_test(should_allocate_max_possible_allocation_size),
        cmocka_unit_test(should_not_allocate_if_requested_size_too_large),
        cmocka_unit_test(should_return_error_when_bumper_greater_than_heap_size),
        cmocka_unit_test(free_blocks_are_found_when_the_rest_is_full),
        cmocka_unit_test(should_include_prefixes_in_total_heap_size),
        cmocka_unit_test(should_calculate_total_heap_size_to_zero),
        cmocka_unit_test(should_calculate_total_size_of_zero),
        cmocka_unit_test(statistics_follow_allocations),
        cmocka_unit_test(init_forgets_everything),
        cmocka_unit_test(should_grow_memory_when_running_out_of_memory),
        cmocka_unit_test(growth_rule),
        cmocka_unit_test(growth_that_the_engine_refuses),
        cmocka_unit_test(growth_that_did_not_happen),
        cmocka_unit_test(contents_survive_growth),
        cmocka_unit_test(accepts_growing_memory),
        cmocka_unit_test(doesnt_accept_shrinking_memory),
        cmocka_unit_test(poison_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
