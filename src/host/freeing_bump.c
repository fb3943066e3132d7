/*
 * The allocator inside guest memory: spec/executor.md section 2, today's form, which grows the
 * memory.
 *
 *   header (8 bytes, little-endian)    block (8 << order bytes)
 *   ┌──────────────┬──────────────┐    ┌───────────────────────
 *   │ order / link │ 1 = occupied │    │ what the guest gets
 *   └──────────────┴──────────────┘    └───────────────────────
 *   low 32 bits      high 32 bits      ◄ 8-aligned as long as the guest leaves the headers alone
 *
 * A free block's header links to the next free header of its order. The guest can write to headers:
 * nothing that is read from one is believed before it has been checked against the memory's size.
 * Arithmetic that the reference does in 32 bits wraps here as it does there.
 */
#include "host/freeing_bump.h"

#include "util/endian.h"

#define HEADER_SIZE 8u
#define ALIGNMENT 8u
#define MIN_BLOCK 8u
#define MAX_REQUEST (1u << 25)
#define NIL UINT32_MAX
#define OCCUPIED ((uint64_t)1 << 32)

_Static_assert(MIN_BLOCK << (SUBX_ALLOCATOR_ORDERS - 1) == MAX_REQUEST,
               "the highest order holds the largest request");

/* The reference's texts; what it calls `Other` comes with that word in front. */
static const char too_large[] = "Requested allocation size is too large";
static const char out_of_space[] = "Allocator ran out of space";
static const char shrunk[] = "MemoryShrinked: the memory is smaller than it was";
static const char was_poisoned[] = "Other: the allocator has been poisoned";
static const char bad_link[] = "Other: Invalid header pointer detected";
static const char occupied_link[] = "Other: free list points to a occupied header";
static const char bad_order[] = "Other: invalid order";
static const char bad_read[] = "Other: read out of heap bounds";
static const char bad_write[] = "Other: write out of heap bounds";
static const char bad_pointer[] = "Other: Invalid pointer for deallocation";
static const char empty_header[] = "Other: the allocation points to an empty header";
static const char underflow[] = "Other: underflow of the currently allocated bytes count";

void subx_allocator__init(struct subx_allocator *allocator, uint32_t heap_base)
{
    const uint32_t base = (heap_base + (ALIGNMENT - 1)) & ~(ALIGNMENT - 1);
    *allocator = (struct subx_allocator){.base = base, .bumper = base};
    for (size_t order = 0; order < SUBX_ALLOCATOR_ORDERS; order++)
        allocator->heads[order] = NIL;
}

static inline uint32_t block_size(uint32_t order)
{
    return MIN_BLOCK << order;
}

/* Order of the smallest block for `size` bytes, at most MAX_REQUEST. */
static inline uint32_t order_of(uint32_t size)
{
    return size <= MIN_BLOCK ? 0 : 29u - (uint32_t)__builtin_clz(size - 1);
}

static inline bool is_occupied(uint64_t header)
{
    return (header & OCCUPIED) != 0;
}

/* NULL if the header at `at` could be read: in bounds and, if occupied, of an order that exists. */
static inline const char *read_header(const struct subx_guest *guest, uint32_t at, uint64_t *header)
{
    if (!subx_guest__in_bounds(guest, at, HEADER_SIZE))
        return bad_read;
    *header = subx_load_u64(guest->base + at);
    return is_occupied(*header) && (uint32_t)*header >= SUBX_ALLOCATOR_ORDERS ? bad_order : NULL;
}

static inline const char *write_header(const struct subx_guest *guest, uint32_t at, uint64_t header)
{
    if (!subx_guest__in_bounds(guest, at, HEADER_SIZE))
        return bad_write;
    subx_store_u64(guest->base + at, header);
    return NULL;
}

/* Refuse to work after an error or on a memory that has become smaller. */
static inline const char *observe(struct subx_allocator *allocator, const struct subx_guest *guest)
{
    if (allocator->poisoned)
        return was_poisoned;
    if (guest->size < allocator->last_size)
        return shrunk;
    allocator->last_size = guest->size;
    return NULL;
}

/* Take the first block off a free list that is not empty. */
static inline const char *unlink_head(struct subx_allocator *allocator,
                                      const struct subx_guest *guest, uint32_t order, uint32_t *at)
{
    const uint32_t head = allocator->heads[order];
    if ((uint64_t)head + HEADER_SIZE + block_size(order) > guest->size)
        return bad_link;
    uint64_t header = 0;
    const char *const problem = read_header(guest, head, &header);
    if (problem != NULL)
        return problem;
    if (is_occupied(header))
        return occupied_link;
    allocator->heads[order] = (uint32_t)header;
    *at = head;
    return NULL;
}

/* Grow the memory so that it holds `needed` bytes: to the double, if it may, or as far as needed.
 */
static __attribute__((noinline)) bool grow_to_hold(struct subx_guest *guest, uint64_t needed)
{
    const uint64_t required = (needed + SUBX_WASM_PAGE - 1) / SUBX_WASM_PAGE;
    const uint64_t current = guest->size / SUBX_WASM_PAGE;
    const uint64_t most = guest->max_pages;
    /* More is required than there is, so this refuses at the maximum too. */
    if (required > most)
        return false;
    const uint64_t doubled = 2 * current < most ? 2 * current : most;
    const uint64_t target = doubled > required ? doubled : required;
    return guest->grow != NULL && guest->grow(guest, (uint32_t)(target - current));
}

/* Take a block from where nothing has been handed out yet. */
static inline const char *bump(struct subx_allocator *allocator, struct subx_guest *guest,
                               uint32_t order, uint32_t *at)
{
    const uint32_t step = HEADER_SIZE + block_size(order);
    const uint64_t end = (uint64_t)allocator->bumper + step;
    if (end > guest->size && !grow_to_hold(guest, end))
        return out_of_space;
    *at = allocator->bumper;
    allocator->bumper += step;
    return NULL;
}

static void count_allocation(struct subx_allocator *allocator, uint32_t order)
{
    struct subx_allocator_stats *const stats = &allocator->stats;
    const uint32_t step = HEADER_SIZE + block_size(order);
    stats->bytes_allocated += step;
    stats->bytes_allocated_sum += step;
    if (stats->bytes_allocated_peak < stats->bytes_allocated)
        stats->bytes_allocated_peak = stats->bytes_allocated;
    stats->address_space_used = allocator->bumper - allocator->base;
}

static inline const char *allocate(struct subx_allocator *allocator, struct subx_guest *guest,
                                   uint32_t size, uint32_t *pointer)
{
    const char *problem = observe(allocator, guest);
    if (problem != NULL)
        return problem;
    if (size > MAX_REQUEST)
        return too_large;
    const uint32_t order = order_of(size);
    uint32_t at = 0;
    problem = allocator->heads[order] != NIL ? unlink_head(allocator, guest, order, &at)
                                             : bump(allocator, guest, order, &at);
    if (problem == NULL)
        problem = write_header(guest, at, OCCUPIED | order);
    if (problem != NULL)
        return problem;
    count_allocation(allocator, order);
    *pointer = at + HEADER_SIZE;
    return NULL;
}

static inline const char *deallocate(struct subx_allocator *allocator, struct subx_guest *guest,
                                     uint32_t pointer)
{
    const char *problem = observe(allocator, guest);
    if (problem != NULL)
        return problem;
    if (pointer < HEADER_SIZE)
        return bad_pointer;
    const uint32_t at = pointer - HEADER_SIZE;
    uint64_t header = 0;
    problem = read_header(guest, at, &header);
    if (problem != NULL)
        return problem;
    if (!is_occupied(header))
        return empty_header;
    const uint32_t order = (uint32_t)header;
    problem = write_header(guest, at, allocator->heads[order]);
    if (problem != NULL)
        return problem;
    allocator->heads[order] = at;
    const uint32_t step = HEADER_SIZE + block_size(order);
    if (allocator->stats.bytes_allocated < step)
        return underflow;
    allocator->stats.bytes_allocated -= step;
    return NULL;
}

const char *subx_allocator__allocate(struct subx_allocator *allocator, struct subx_guest *guest,
                                     uint32_t size, uint32_t *pointer)
{
    const char *const problem = allocate(allocator, guest, size, pointer);
    if (problem != NULL)
        allocator->poisoned = true;
    return problem;
}

const char *subx_allocator__deallocate(struct subx_allocator *allocator, struct subx_guest *guest,
                                       uint32_t pointer)
{
    const char *const problem = deallocate(allocator, guest, pointer);
    if (problem != NULL)
        allocator->poisoned = true;
    return problem;
}
