/* Runtimes in memory and ahead of time; see runtime_cache.h. */
#include "exec/runtime_cache.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include <subexec/cache.h>

#include "blob/code.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* What tells runtimes apart: the code, and the options that change what a call does or may do. */
struct key {
    uint8_t code_hash[32];
    uint64_t stack_native_max;
    uint32_t stack_logical_max, extensions, heap_kind, heap_pages, strategy, switches;
};

/* A runtime that is there, or that somebody is making. */
struct entry {
    struct entry *previous, *next; /* in the list, the one used last first */
    struct key key;
    subx_runtime *runtime; /* NULL: being made, or failed */
    bool is_made;          /* one way or the other */
    bool is_listed;
    size_t waiting; /* who waits for it holds it */
    subx_status status;
    subx_error error;
};

struct subx_preparation {
    _Atomic uint32_t references; /* the owner's and the queue's */
    subx_preparation *next;      /* in the queue */
    subx_executor *executor;     /* lives as long as the preparation waits or runs */
    subx_code *code;
    subx_runtime_options options;
    _Atomic int state;
    /* Set once, before `state` says so. */
    subx_runtime *runtime;
    subx_status status;
    subx_error error;
};

struct subx_runtime_cache {
    pthread_mutex_t lock; /* guards all of it */
    pthread_cond_t made;  /* an entry was made, a preparation has ended */
    struct entry *first, *last;
    uint64_t count, bytes; /* of the runtimes that are kept */
    uint64_t max_bytes;
    uint32_t max_runtimes;

    pthread_cond_t queued;
    subx_preparation *queue, **queue_end;
    uint64_t preparations; /* that wait or run */
    bool has_thread, closes;
    pthread_t thread;
};

struct subx_runtime_cache *subx_runtime_cache__new(uint32_t max_runtimes, uint64_t max_bytes)
{
    struct subx_runtime_cache *const cache = subx_mem__calloc(1, sizeof *cache);
    if (cache == NULL)
        return NULL;
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->made, NULL);
    pthread_cond_init(&cache->queued, NULL);
    cache->queue_end = &cache->queue;
    cache->max_runtimes = max_runtimes;
    cache->max_bytes = max_bytes;
    return cache;
}

/* ---- The list ---- */

static struct key key_of(const subx_code *code, const subx_runtime_options *options)
{
    struct key key;
    const subx_code_info info = subx_code_info_of(code);
    memset(&key, 0, sizeof key); /* it is compared as bytes */
    memcpy(key.code_hash, info.hash, sizeof key.code_hash);
    key.stack_native_max = options->stack_native_max;
    key.stack_logical_max = options->stack_logical_max;
    key.extensions = options->extensions;
    key.heap_kind = options->heap.kind;
    key.heap_pages = options->heap.pages;
    key.strategy = options->strategy;
    key.switches =
        (options->allow_missing_imports ? 1u : 0u) | (options->canonicalize_nans ? 2u : 0u);
    return key;
}

static void unlist(struct subx_runtime_cache *cache, struct entry *entry)
{
    *(entry->previous != NULL ? &entry->previous->next : &cache->first) = entry->next;
    *(entry->next != NULL ? &entry->next->previous : &cache->last) = entry->previous;
    entry->previous = entry->next = NULL;
    entry->is_listed = false;
    if (entry->runtime != NULL) {
        cache->count--;
        cache->bytes -= entry->runtime->compiled_size;
    }
}

static void list_first(struct subx_runtime_cache *cache, struct entry *entry)
{
    entry->previous = NULL;
    entry->next = cache->first;
    *(cache->first != NULL ? &cache->first->previous : &cache->last) = entry;
    cache->first = entry;
    entry->is_listed = true;
    if (entry->runtime != NULL) {
        cache->count++;
        cache->bytes += entry->runtime->compiled_size;
    }
}

static struct entry *find(struct subx_runtime_cache *cache, const struct key *key)
{
    struct entry *entry = cache->first;
    while (entry != NULL && memcmp(&entry->key, key, sizeof *key) != 0)
        entry = entry->next;
    return entry;
}

/* Nobody but the list has its runtime: that can only change under the lock. */
static bool is_unused(const struct entry *entry)
{
    return entry->runtime != NULL && entry->waiting == 0 &&
           atomic_load_explicit(&entry->runtime->references, memory_order_acquire) == 1;
}

/* Take entries that nobody uses out of the list until at most so much is left; chained by `next`. */
static struct entry *take_out(struct subx_runtime_cache *cache, uint64_t max_runtimes,
                              uint64_t max_bytes)
{
    struct entry *out = NULL;
    for (struct entry *entry = cache->last;
         entry != NULL && (cache->count > max_runtimes || cache->bytes > max_bytes);) {
        struct entry *const previous = entry->previous;
        if (is_unused(entry)) {
            unlist(cache, entry);
            entry->next = out;
            out = entry;
        }
        entry = previous;
    }
    return out;
}

static void free_entries(struct entry *entry, _Atomic uint64_t *counter)
{
    while (entry != NULL) {
        struct entry *const next = entry->next;
        subx_runtime_free(entry->runtime);
        subx_mem__free(entry);
        entry = next;
        if (counter != NULL)
            atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    }
}

/* ---- Getting ---- */

static void tell(const struct entry *entry, subx_error *error)
{
    if (error != NULL && error->status == SUBX_OK)
        *error = entry->error;
}

/* The lock is held. Let the entry go that is no longer in the list and for which nobody waits. */
static struct entry *leave(struct entry *entry)
{
    return !entry->is_listed && entry->waiting == 0 ? entry : NULL;
}

/* Wait until somebody else has made it. The lock is held. */
static subx_status wait_for(struct subx_runtime_cache *cache, struct entry *entry,
                            subx_runtime **out, subx_error *error)
{
    entry->waiting++;
    while (!entry->is_made)
        pthread_cond_wait(&cache->made, &cache->lock);
    entry->waiting--;
    if (entry->status == SUBX_OK)
        *out = subx_runtime__retain(entry->runtime);
    else
        tell(entry, error);
    return entry->status;
}

/* Make it, and say so to those who wait. The lock is not held; afterwards neither. */
static subx_status make(subx_executor *executor, struct entry *entry, const subx_code *code,
                        const subx_runtime_options *options, subx_runtime **out, subx_error *error)
{
    struct subx_runtime_cache *const cache = executor->cache;
    subx_runtime *runtime = NULL;
    const subx_status status =
        subx_runtime__of_code(executor, code, options, &runtime, &entry->error);
    pthread_mutex_lock(&cache->lock);
    unlist(cache, entry);
    entry->status = status;
    entry->is_made = true;
    if (status == SUBX_OK) {
        entry->runtime = runtime;
        *out = subx_runtime__retain(runtime);
        if (cache->max_runtimes > 0)
            list_first(cache, entry);
    } else {
        tell(entry, error);
    }
    struct entry *const gone = take_out(cache, cache->max_runtimes, cache->max_bytes);
    struct entry *const done = leave(entry);
    pthread_cond_broadcast(&cache->made);
    pthread_mutex_unlock(&cache->lock);
    free_entries(gone, &executor->counters.evicted);
    if (done != NULL)
        done->next = NULL;
    free_entries(done, NULL);
    return status;
}

static subx_status get(subx_executor *executor, const subx_code *code,
                       const subx_runtime_options *options, subx_runtime **out, subx_error *error)
{
    struct subx_runtime_cache *const cache = executor->cache;
    const struct key key = key_of(code, options);
    struct entry *const fresh = subx_mem__calloc(1, sizeof *fresh);
    if (fresh == NULL)
        return subx_error__nomem(error);
    fresh->key = key;
    pthread_mutex_lock(&cache->lock);
    struct entry *const entry = find(cache, &key);
    if (entry == NULL) {
        list_first(cache, fresh);
        pthread_mutex_unlock(&cache->lock);
        return make(executor, fresh, code, options, out, error);
    }
    subx_status status = SUBX_OK;
    struct entry *done = NULL;
    if (entry->is_made) {
        *out = subx_runtime__retain(entry->runtime);
        unlist(cache, entry);
        list_first(cache, entry);
        executor->counters.hits++;
    } else {
        executor->counters.waits++;
        status = wait_for(cache, entry, out, error);
        done = leave(entry);
    }
    pthread_mutex_unlock(&cache->lock);
    subx_mem__free(fresh);
    free_entries(done, NULL);
    return status;
}

subx_status subx_runtime_get(subx_executor *executor, const subx_code *code,
                             const subx_runtime_options *options, subx_runtime **out,
                             subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(executor != NULL && code != NULL, error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    if (options == NULL)
        options = &defaults;
    if (options->import_count > 0 || options->import_policy != NULL)
        return subx_runtime__of_code(executor, code, options, out, error);
    return get(executor, code, options, out, error);
}

void subx_executor_clear_cache(subx_executor *executor)
{
    if (executor == NULL)
        return;
    pthread_mutex_lock(&executor->cache->lock);
    struct entry *const gone = take_out(executor->cache, 0, 0);
    pthread_mutex_unlock(&executor->cache->lock);
    free_entries(gone, &executor->counters.evicted);
}

/* ---- Ahead of time ---- */

static void release(subx_preparation *preparation)
{
    if (atomic_fetch_sub_explicit(&preparation->references, 1, memory_order_acq_rel) != 1)
        return;
    subx_runtime_free(preparation->runtime);
    subx_code_free(preparation->code);
    subx_mem__free(preparation);
}

/* It is over: the lock is held. The queue's reference is the caller's to drop. */
static void end(struct subx_runtime_cache *cache, subx_preparation *preparation,
                subx_preparation_state state)
{
    cache->preparations--;
    atomic_store_explicit(&preparation->state, (int)state, memory_order_release);
    pthread_cond_broadcast(&cache->made);
}

static void run(struct subx_runtime_cache *cache, subx_preparation *preparation)
{
    atomic_store_explicit(&preparation->state, (int)SUBX_PREPARATION_RUNNING, memory_order_release);
    pthread_mutex_unlock(&cache->lock);
    preparation->status =
        subx_runtime_get(preparation->executor, preparation->code, &preparation->options,
                         &preparation->runtime, &preparation->error);
    pthread_mutex_lock(&cache->lock);
    end(cache, preparation,
        preparation->status == SUBX_OK ? SUBX_PREPARATION_DONE : SUBX_PREPARATION_FAILED);
}

static void *work(void *data)
{
    struct subx_runtime_cache *const cache = data;
    pthread_mutex_lock(&cache->lock);
    for (;;) {
        while (cache->queue == NULL && !cache->closes)
            pthread_cond_wait(&cache->queued, &cache->lock);
        subx_preparation *const preparation = cache->queue;
        if (preparation == NULL)
            break;
        cache->queue = preparation->next;
        if (cache->queue == NULL)
            cache->queue_end = &cache->queue;
        if (cache->closes)
            end(cache, preparation, SUBX_PREPARATION_CANCELLED);
        else
            run(cache, preparation);
        pthread_mutex_unlock(&cache->lock);
        release(preparation);
        pthread_mutex_lock(&cache->lock);
    }
    pthread_mutex_unlock(&cache->lock);
    return NULL;
}

/* The lock is held. Signals are for the threads of the program. */
static bool start_thread(struct subx_runtime_cache *cache)
{
    sigset_t all, before;
    if (cache->has_thread)
        return true;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    cache->has_thread = pthread_create(&cache->thread, NULL, work, cache) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return cache->has_thread;
}

static subx_preparation *new_preparation(subx_executor *executor, const subx_code *code,
                                         const subx_runtime_options *options)
{
    subx_preparation *const preparation = subx_mem__calloc(1, sizeof *preparation);
    if (preparation == NULL)
        return NULL;
    atomic_init(&preparation->references, 2);
    atomic_init(&preparation->state, (int)SUBX_PREPARATION_QUEUED);
    preparation->executor = executor;
    preparation->code = subx_code__retain(code);
    preparation->options = *options;
    return preparation;
}

subx_status subx_runtime_prepare(subx_executor *executor, const subx_code *code,
                                 const subx_runtime_options *options, subx_preparation **out,
                                 subx_error *error)
{
    static const subx_runtime_options defaults = SUBX_RUNTIME_OPTIONS_INIT;
    if (out != NULL)
        *out = NULL;
    SUBX_CHECK_ARG(executor != NULL && code != NULL, error);
    SUBX_CHECK_RUNTIME_OPTIONS(options, error);
    if (options == NULL)
        options = &defaults;
    SUBX_CHECK_ARG(options->import_count == 0 && options->import_policy == NULL, error);
    struct subx_runtime_cache *const cache = executor->cache;
    subx_preparation *const preparation = new_preparation(executor, code, options);
    if (preparation == NULL)
        return subx_error__nomem(error);
    pthread_mutex_lock(&cache->lock);
    const bool is_queued = start_thread(cache);
    if (is_queued) {
        *cache->queue_end = preparation;
        cache->queue_end = &preparation->next;
        cache->preparations++;
        pthread_cond_signal(&cache->queued);
    }
    pthread_mutex_unlock(&cache->lock);
    if (!is_queued)
        release(preparation);
    if (is_queued && out != NULL)
        *out = preparation;
    else
        release(preparation);
    return is_queued ? SUBX_OK
                     : subx_error__set(error, SUBX_UNSUPPORTED,
                                       "the system does not give a thread to compile on");
}

subx_preparation_state subx_preparation_state_of(const subx_preparation *preparation)
{
    return preparation == NULL ? SUBX_PREPARATION_CANCELLED
                               : (subx_preparation_state)atomic_load_explicit(&preparation->state,
                                                                              memory_order_acquire);
}

bool subx_preparation_cancel(subx_preparation *preparation)
{
    if (preparation == NULL)
        return false;
    /* what has ended needs no executor any more */
    const subx_preparation_state now = subx_preparation_state_of(preparation);
    if (now >= SUBX_PREPARATION_DONE)
        return now == SUBX_PREPARATION_CANCELLED;
    struct subx_runtime_cache *const cache = preparation->executor->cache;
    bool was_queued = false;
    pthread_mutex_lock(&cache->lock);
    for (subx_preparation **at = &cache->queue; *at != NULL; at = &(*at)->next) {
        if (*at != preparation)
            continue;
        *at = preparation->next;
        if (*at == NULL)
            cache->queue_end = at;
        was_queued = true;
        end(cache, preparation, SUBX_PREPARATION_CANCELLED);
        break;
    }
    pthread_mutex_unlock(&cache->lock);
    if (was_queued)
        release(preparation);
    return was_queued;
}

subx_status subx_preparation_wait(subx_preparation *preparation, subx_runtime **out,
                                  subx_error *error)
{
    if (out != NULL)
        *out = NULL;
    SUBX_CHECK_ARG(preparation != NULL, error);
    if (subx_preparation_state_of(preparation) < SUBX_PREPARATION_DONE) {
        struct subx_runtime_cache *const cache = preparation->executor->cache;
        pthread_mutex_lock(&cache->lock);
        while (subx_preparation_state_of(preparation) < SUBX_PREPARATION_DONE)
            pthread_cond_wait(&cache->made, &cache->lock);
        pthread_mutex_unlock(&cache->lock);
    }
    if (subx_preparation_state_of(preparation) == SUBX_PREPARATION_CANCELLED)
        return subx_error__set(error, SUBX_OTHER, "the preparation was cancelled");
    if (preparation->status == SUBX_OK && out != NULL)
        *out = subx_runtime__retain(preparation->runtime);
    else if (preparation->status != SUBX_OK && error != NULL && error->status == SUBX_OK)
        *error = preparation->error;
    return preparation->status;
}

void subx_preparation_free(subx_preparation *preparation)
{
    if (preparation != NULL)
        release(preparation);
}

/* ---- The end ---- */

void subx_runtime_cache__close(struct subx_runtime_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    cache->closes = true;
    pthread_cond_signal(&cache->queued);
    pthread_mutex_unlock(&cache->lock);
    if (cache->has_thread)
        (void)pthread_join(cache->thread, NULL);
    pthread_mutex_lock(&cache->lock);
    struct entry *gone = NULL;
    while (cache->first != NULL) {
        struct entry *const entry = cache->first;
        unlist(cache, entry);
        entry->next = gone;
        gone = entry;
    }
    pthread_mutex_unlock(&cache->lock);
    free_entries(gone, NULL);
}

void subx_runtime_cache__free(struct subx_runtime_cache *cache)
{
    if (cache == NULL)
        return;
    pthread_cond_destroy(&cache->queued);
    pthread_cond_destroy(&cache->made);
    pthread_mutex_destroy(&cache->lock);
    subx_mem__free(cache);
}

subx_executor_stats subx_executor_stats_of(subx_executor *executor)
{
    subx_executor_stats stats = {0};
    if (executor == NULL)
        return stats;
    const struct subx_executor_counters *const counters = &executor->counters;
    struct subx_runtime_cache *const cache = executor->cache;
    stats.hits = counters->hits;
    stats.waits = counters->waits;
    stats.artifacts_loaded = counters->artifacts_loaded;
    stats.compilations = counters->compilations;
    stats.artifacts_written = counters->artifacts_written;
    stats.artifacts_failed = counters->artifacts_failed;
    stats.artifacts_replaced = counters->artifacts_replaced;
    stats.evicted = counters->evicted;
    pthread_mutex_lock(&cache->lock);
    stats.runtimes = cache->count;
    stats.bytes = cache->bytes;
    stats.preparations = cache->preparations;
    pthread_mutex_unlock(&cache->lock);
    return stats;
}
