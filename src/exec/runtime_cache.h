/*
 * The runtimes that an executor keeps, each made once however many ask for it, and the thread that
 * makes them ahead of time; see include/subexec/cache.h.
 *
 * One lock guards the list, and nothing slow happens under it: who makes a runtime has put an entry
 * for it into the list before, on which those wait who want the same.
 */
#ifndef SUBX_EXEC_RUNTIME_CACHE_H
#define SUBX_EXEC_RUNTIME_CACHE_H

#include "exec/runtime_internal.h"

struct subx_runtime_cache;

/* NULL: out of memory. */
struct subx_runtime_cache *subx_runtime_cache__new(uint32_t max_runtimes, uint64_t max_bytes);

/* No more of it is asked for: cancel what waits, wait for what runs, drop all runtimes. */
void subx_runtime_cache__close(struct subx_runtime_cache *cache);

/* After that. NULL is fine. */
void subx_runtime_cache__free(struct subx_runtime_cache *cache);

#endif
