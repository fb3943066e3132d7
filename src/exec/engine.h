/*
 * Engines: one for each configuration, made on first use and shared by all runtimes that want the
 * same. A pooling engine has a fixed number of slots; who wants one more waits until one is free.
 */
#ifndef SUBX_EXEC_ENGINE_H
#define SUBX_EXEC_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <wasmtime.h>

#include <subexec/status.h>

/* What changes compiled code or how it runs. */
struct subx_engine_config {
    bool canonicalize_nans;
    bool parallel_compilation;
    bool copy_on_write;    /* data segments mapped instead of copied */
    bool pooling;          /* instances from a pool of slots instead of mappings of their own */
    uint32_t extensions;   /* SUBX_EXTENSION_..., beyond the MVP */
    uint64_t native_stack; /* bytes of stack for the guest */
};

/* Guest stack without a deterministic limit, in bytes (spec/executor.md section 1.1). */
#define SUBX_DEFAULT_NATIVE_STACK ((size_t)1 << 20)

/* Whoever keeps instances in slots of the pool that only wait for their next call. */
struct subx_slot_keeper {
    struct subx_slot_keeper *next;
    /* Drop one such instance and leave its slot, taken, to the engine. False: there is none. The engine's lock is
     * held. */
    bool (*give_way)(struct subx_slot_keeper *keeper);
};

struct subx_engine {
    struct subx_engine *next;
    struct subx_engine_config config;
    wasm_engine_t *engine;
    uint32_t slots; /* of the pool; 0: no pool */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t freed;
    uint32_t taken;
    uint64_t turn, next_turn; /* who waits is served in the order of coming */
    struct subx_slot_keeper *keepers;
    _Atomic uint32_t waiting;
};

/*
 * Make an engine. A pool that does not fit the address space is tried with fewer slots, down to 8;
 * then SUBX_ENGINE, as for a configuration that Wasmtime refuses.
 */
subx_status subx_engine__new(const struct subx_engine_config *config, struct subx_engine **out,
                             subx_error *error);
void subx_engine__free(struct subx_engine *engine);

/* The profiler that WASMTIME_PROFILING_STRATEGY asks for and this build does not have, or NULL. */
const char *subx_engine__unknown_profiler(void);

bool subx_engine__same_config(const struct subx_engine_config *a,
                              const struct subx_engine_config *b);

/* Take a slot of the pool, and give it back. If there is none, a keeper has to give way, else this waits. Nothing to
 * do without a pool. */
void subx_engine__take_slot(struct subx_engine *engine);
void subx_engine__give_slot(struct subx_engine *engine);

/* Whether somebody waits for a slot: then nobody should keep one. */
bool subx_engine__is_short_of_slots(struct subx_engine *engine);

/* Add a keeper, which then is asked to give way, and take it off again. */
void subx_engine__add_keeper(struct subx_engine *engine, struct subx_slot_keeper *keeper);
void subx_engine__remove_keeper(struct subx_engine *engine, struct subx_slot_keeper *keeper);

#endif
