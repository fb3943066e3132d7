/*
 * A guest without an engine: its memory is a plain array. Growing always moves it and the array is
 * exactly as large as the memory, so that stale or overlong accesses are seen by AddressSanitizer.
 */
#ifndef SUBX_TESTS_BYTE_GUEST_H
#define SUBX_TESTS_BYTE_GUEST_H

#include "host/call.h"

struct byte_guest {
    struct subx_guest guest;
    unsigned asked;      /* how often it was asked to grow */
    unsigned grown;      /* how often it did */
    bool refuses_growth; /* as an engine without memory would */
    bool lies;           /* claims to have grown without doing so */
};

/* `pages` zeroed pages that may grow to `max_pages`. */
void byte_guest_init(struct byte_guest *guest, uint32_t pages, uint32_t max_pages);
void byte_guest_free(struct byte_guest *guest);

/* Pages now. */
uint32_t byte_guest_pages(const struct subx_guest *guest);

/* Grow without the allocator's doing, as `memory.grow` would. Works on every subx_guest that came
 * from byte_guest_init() or byte_call_init(). */
bool byte_guest_grow(struct subx_guest *guest, uint32_t delta);

/* A call whose guest is such an array, with the heap at `heap_base`. `failure` takes why host
 * functions fail; the log keeps the last line. */
struct byte_call {
    struct subx_call call;
    struct byte_guest memory;
    subx_error failure;
    unsigned lines; /* logged so far */
    subx_log_level level;
    char target[64], message[256];
};

void byte_call_init(struct byte_call *byte_call, uint32_t pages, uint32_t max_pages,
                    uint32_t heap_base);
void byte_call_free(struct byte_call *byte_call);

/* Put bytes into the guest at `pointer` and answer their pointer-size. */
uint64_t byte_call_put(struct byte_call *byte_call, uint32_t pointer, subx_slice bytes);

#endif
