/*
 * The runtime that a state holds: `:pending_code` if it is there, else `:code`, with the heap of
 * `:heappages` (spec/host-api.md section 3.8, spec/executor.md section 11).
 */
#ifndef SUBX_CHAIN_CHAIN_RUNTIME_H
#define SUBX_CHAIN_CHAIN_RUNTIME_H

#include <pthread.h>

#include <subexec/cache.h>
#include <subexec/runtime.h>
#include <subexec/state.h>

struct subx_chain_runtime {
    subx_executor *executor;
    subx_runtime_options options; /* as the caller gave them */
    bool authors;                 /* the heap of other calls, not twice as much */
    subx_runtime *runtime;
    uint8_t state_version;
    /* What it was made of, to tell whether it is still the same. */
    subx_bytes code;
    subx_heap heap;
};

/* Start without a runtime. `options` are copied, what they point to is borrowed. */
void subx_chain_runtime__init(struct subx_chain_runtime *runtime, subx_executor *executor,
                              const subx_runtime_options *options, bool authors);

void subx_chain_runtime__free(struct subx_chain_runtime *runtime);

/* Whether a key of the main trie is one of those that the runtime depends on. */
bool subx_chain_runtime__is_key(subx_slice key);

/* The runtime of a state on its way: here and now, or on a thread of its own. Zeros to begin with. */
struct subx_chain_load {
    const struct subx_chain_runtime *current;
    subx_state *state;
    struct subx_chain_runtime next; /* unless the current one is made of the same */
    bool is_same;
    subx_status status;
    subx_error error;
    pthread_t thread;
    bool runs; /* started, and not finished yet */
};

/* Begin to load in the background; `current` and `state` stay until it is finished. False: there is
 * no thread to be had, and nothing has begun. */
bool subx_chain_load__start(struct subx_chain_load *load, const struct subx_chain_runtime *current,
                            subx_state *state);

/*
 * Replace `runtime` by the runtime of the state, waiting for what was started; without that it is
 * loaded here. The one that is there stays if it is made of the same. After a failure there is none:
 * SUBX_CODE_NOT_FOUND, or what code and runtime fail with.
 */
subx_status subx_chain_load__finish(struct subx_chain_load *load,
                                    struct subx_chain_runtime *runtime, subx_state *state,
                                    subx_error *error);

/* Wait for what was started, and drop it. */
void subx_chain_load__drop(struct subx_chain_load *load);

/* The state version of code: from its sections, from what it imports, else by asking it. */
subx_status subx_chain_runtime__state_version(subx_executor *executor, const subx_code *code,
                                              const subx_runtime_options *options,
                                              uint8_t *state_version, subx_error *error);

#endif
