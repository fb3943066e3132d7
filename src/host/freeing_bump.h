/*
 * The allocator that the host runs inside guest memory: free lists by power-of-two order over a
 * bump pointer (spec/executor.md section 2). Pointers leak into what runtimes compute, so it is
 * exact to the byte.
 */
#ifndef SUBX_HOST_FREEING_BUMP_H
#define SUBX_HOST_FREEING_BUMP_H

#include "host/guest.h"

#define SUBX_ALLOCATOR_ORDERS 23

struct subx_allocator_stats {
    uint32_t bytes_allocated;      /* now, headers included */
    uint32_t bytes_allocated_peak; /* most at one time */
    uint64_t bytes_allocated_sum;  /* of all allocations */
    uint32_t address_space_used;   /* from the heap's start to the bump pointer */
};

struct subx_allocator {
    uint32_t base;
    uint32_t bumper;
    uint32_t
        heads[SUBX_ALLOCATOR_ORDERS]; /* header address of the first free block; UINT32_MAX: none */
    bool poisoned;
    uint64_t last_size; /* memory size seen last, in bytes */
    struct subx_allocator_stats stats;
};

/* Start with the heap at `heap_base`, rounded up to 8. */
void subx_allocator__init(struct subx_allocator *allocator, uint32_t heap_base);

/*
 * Allocate `size` bytes; NULL and `*pointer` set, or the reference's error text. Any error poisons
 * the allocator: what follows fails too. May grow the memory: borrowed guest slices are void
 * afterwards.
 */
const char *subx_allocator__allocate(struct subx_allocator *allocator, struct subx_guest *guest,
                                     uint32_t size, uint32_t *pointer);

/* Free the block at `pointer`; NULL, or the reference's error text. */
const char *subx_allocator__deallocate(struct subx_allocator *allocator, struct subx_guest *guest,
                                       uint32_t pointer);

#endif
