/*
 * Stacks of our own. The engine checks its own limit, never the thread's: a thread with less stack
 * than the guest may use would die. So where too little is left, the guest runs on a mapping of the
 * right size.
 */
#ifndef SUBX_PLATFORM_STACK_H
#define SUBX_PLATFORM_STACK_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of stack that are left on the calling thread, 0 on a stack that is neither the thread's nor ours; the
 * thread's bounds are asked for once per thread. */
size_t subx_stack__left(void);

/* Mapped stacks that wait for their next use; thread-safe. */
struct subx_stack_cache;

struct subx_stack_cache *subx_stack_cache__new(void);
void subx_stack_cache__free(struct subx_stack_cache *cache);

/*
 * Run `function(data)` on a stack of at least `size` bytes and come back. False, and nothing ran,
 * if no stack could be mapped. What it used is given back to the kernel afterwards. It must return
 * normally.
 */
bool subx_stack__run(struct subx_stack_cache *cache, size_t size, void (*function)(void *),
                     void *data);

#endif
