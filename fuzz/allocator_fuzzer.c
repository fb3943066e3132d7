/*
 * The allocator in guest memory (spec/executor.md section 2) under a guest that does what it likes.
 *
 * Input: heap base (2 bytes), pages (1), further pages that may be had (1), then operations: a byte
 * that chooses, and little-endian operands. The memory is exactly as large as the guest's, so
 * AddressSanitizer sees any access beyond it; what the allocator promises is checked here.
 */
#include <stdlib.h>

#include "host/freeing_bump.h"
#include "util/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_OPERATIONS 4096

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static bool grow(struct subx_guest *guest, uint32_t delta)
{
    const size_t size = (size_t)guest->size + (size_t)delta * SUBX_WASM_PAGE;
    demand(size <= (size_t)guest->max_pages * SUBX_WASM_PAGE);
    uint8_t *const moved = calloc(size, 1);
    demand(moved != NULL);
    memcpy(moved, guest->base, (size_t)guest->size);
    free(guest->base);
    guest->base = moved;
    guest->size = size;
    return true;
}

struct fuzzed {
    struct subx_guest guest;
    struct subx_allocator allocator;
    uint32_t last; /* pointer handed out last */
    bool failed;
};

/* Once something has failed, everything does; until then nothing is poisoned. */
static void check_outcome(struct fuzzed *fuzzed, const char *problem)
{
    demand(!fuzzed->failed || problem != NULL);
    demand(problem == NULL || problem[0] != '\0');
    fuzzed->failed = problem != NULL;
    demand(fuzzed->allocator.poisoned == fuzzed->failed);
    const struct subx_allocator_stats *const stats = &fuzzed->allocator.stats;
    demand(stats->bytes_allocated <= stats->bytes_allocated_peak);
    demand(stats->bytes_allocated_peak <= stats->bytes_allocated_sum);
    demand(stats->address_space_used == fuzzed->allocator.bumper - fuzzed->allocator.base);
}

static void allocate(struct fuzzed *fuzzed, uint32_t size)
{
    uint32_t pointer = 0;
    const char *const problem =
        subx_allocator__allocate(&fuzzed->allocator, &fuzzed->guest, size, &pointer);
    check_outcome(fuzzed, problem);
    if (problem != NULL)
        return;
    uint64_t block = 8;
    while (block < size)
        block *= 2;
    demand(pointer >= 8);
    demand(pointer + block <= fuzzed->guest.size);
    demand(subx_load_u32(fuzzed->guest.base + pointer - 4) == 1);
    demand((UINT64_C(8) << subx_load_u32(fuzzed->guest.base + pointer - 8)) == block);
    /* The guest may use all of it. */
    memset(fuzzed->guest.base + pointer, 0x41, (size_t)block);
    fuzzed->last = pointer;
}

static void deallocate(struct fuzzed *fuzzed, uint32_t pointer)
{
    check_outcome(fuzzed, subx_allocator__deallocate(&fuzzed->allocator, &fuzzed->guest, pointer));
}

static void write_header(struct fuzzed *fuzzed, uint32_t at, uint64_t header)
{
    (void)subx_guest__write(&fuzzed->guest, at, (subx_slice){(const uint8_t *)&header, 8});
}

/* False at the end of the input. */
static bool operate(struct fuzzed *fuzzed, struct subx_reader *input)
{
    uint8_t choice = 0;
    uint32_t a = 0;
    uint64_t b = 0;
    if (!subx_reader__u8(input, &choice))
        return false;
    switch (choice % 8) {
    case 0:
    case 1:
        if (!subx_reader__u8(input, &choice))
            return false;
        allocate(fuzzed, choice);
        return true;
    case 2:
        if (!subx_reader__u32(input, &a))
            return false;
        allocate(fuzzed, a >> (a & 31));
        return true;
    case 3:
        deallocate(fuzzed, fuzzed->last);
        return true;
    case 4:
        if (!subx_reader__u32(input, &a))
            return false;
        deallocate(fuzzed, a);
        return true;
    case 5:
        if (!subx_reader__u32(input, &a) || !subx_reader__u64(input, &b))
            return false;
        write_header(fuzzed, a, b);
        return true;
    case 6:
        /* The last block's own header. */
        if (!subx_reader__u64(input, &b))
            return false;
        write_header(fuzzed, fuzzed->last - 8, b);
        return true;
    default:
        if (fuzzed->guest.size < (uint64_t)fuzzed->guest.max_pages * SUBX_WASM_PAGE)
            grow(&fuzzed->guest, 1);
        return true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    const uint32_t pages = data[2] % 4;
    struct fuzzed fuzzed = {
        .guest = {.size = (uint64_t)pages * SUBX_WASM_PAGE,
                  .max_pages = pages + data[3] % 8,
                  .grow = grow},
        .last = 8,
    };
    fuzzed.guest.base = calloc((size_t)pages * SUBX_WASM_PAGE + (pages == 0), 1);
    demand(fuzzed.guest.base != NULL);
    subx_allocator__init(&fuzzed.allocator, subx_load_u16(data));
    struct subx_reader input = subx_reader__of((subx_slice){data + 4, size - 4});
    for (unsigned i = 0; i < MAX_OPERATIONS && operate(&fuzzed, &input); i++)
        ;
    free(fuzzed.guest.base);
    return 0;
}
