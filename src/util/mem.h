/*
 * The only way to the heap in src/. Array forms check for overflow; a test can make the n-th
 * allocation fail. All return NULL on failure. Release with subx_mem__free(); NULL is fine there.
 */
#ifndef SUBX_UTIL_MEM_H
#define SUBX_UTIL_MEM_H

#include <stddef.h>
#include <stdint.h>

void *subx_mem__alloc(size_t size) __attribute__((malloc));
/* `count` zeroed elements of `size` bytes. */
void *subx_mem__calloc(size_t count, size_t size) __attribute__((malloc));
/* `count` elements of `size` bytes in place of `pointer`; on failure `pointer` stays valid. */
void *subx_mem__realloc(void *pointer, size_t count, size_t size);
/* A copy of `len` bytes; a non-NULL pointer for 0 too. */
void *subx_mem__copy(const void *data, size_t len) __attribute__((malloc));
/* A NUL-terminated copy. */
char *subx_mem__strdup(const char *text) __attribute__((malloc));
void subx_mem__free(void *pointer);

/*
 * Test hook: let `countdown` allocations of this process pass and make the one after them fail,
 * once. Negative switches it off. Returns how many allocations were asked for since the last call.
 */
uint64_t subx_mem__fail_after(int64_t countdown);

#endif
