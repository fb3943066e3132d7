/* The five strategies: who makes an instance, and where it goes after the call. */
#include <stdatomic.h>
#include <stddef.h>

#include "exec/reset.h"
#include "util/check.h"

/* Instances of one runtime that wait for their next call. */
#define IDLE_MAX 64u

static void count_discarded(subx_runtime *runtime)
{
    atomic_fetch_add_explicit(&runtime->counters.discarded, 1, memory_order_relaxed);
}

static void drop(struct subx_guest_instance *instance, bool is_fresh)
{
    (void)is_fresh;
    count_discarded(instance->runtime);
    subx_instance__free(instance);
}

static struct subx_guest_instance *pop_idle(subx_runtime *runtime)
{
    pthread_mutex_lock(&runtime->idle_lock);
    struct subx_guest_instance *instance = runtime->idle;
    if (instance != NULL) {
        runtime->idle = instance->next_idle;
        runtime->idle_count--;
    }
    pthread_mutex_unlock(&runtime->idle_lock);
    return instance;
}

static bool push_idle(struct subx_guest_instance *instance)
{
    subx_runtime *runtime = instance->runtime;
    pthread_mutex_lock(&runtime->idle_lock);
    const bool room =
        runtime->idle_count < IDLE_MAX && !subx_engine__is_short_of_slots(runtime->engine);
    if (room) {
        instance->next_idle = runtime->idle;
        runtime->idle = instance;
        runtime->idle_count++;
    }
    pthread_mutex_unlock(&runtime->idle_lock);
    return room;
}

bool subx_strategy__give_way(struct subx_slot_keeper *keeper)
{
    subx_runtime *runtime =
        (subx_runtime *)(void *)((char *)keeper - offsetof(subx_runtime, keeper));
    struct subx_guest_instance *instance = pop_idle(runtime);
    if (instance == NULL)
        return false;
    count_discarded(runtime);
    subx_instance__free_but_slot(instance);
    return true;
}

static subx_status acquire_reset(subx_runtime *runtime, struct subx_guest_instance **out,
                                 subx_error *error)
{
    *out = pop_idle(runtime);
    subx_status status = SUBX_OK;
    if (*out == NULL) {
        status = subx_instance__new(runtime, out, error);
        if (status == SUBX_OK)
            status = subx_reset__attach(*out, error);
        if (status != SUBX_OK) {
            subx_instance__free(*out);
            *out = NULL;
            return status;
        }
    }
    return SUBX_OK;
}

static bool renew_in_place(struct subx_guest_instance *instance)
{
    const bool is_fresh = subx_reset__end(instance);
#ifdef SUBX_CHECKED
    if (is_fresh)
        SUBX_CHECK(subx_reset__difference(instance) == NULL);
#endif
    return is_fresh;
}

static void release_to_idle(struct subx_guest_instance *instance, bool is_fresh)
{
    if (is_fresh && push_idle(instance))
        return;
    drop(instance, is_fresh);
}

static void begin_nothing(struct subx_guest_instance *instance)
{
    (void)instance;
}

static bool renew_never(struct subx_guest_instance *instance)
{
    (void)instance;
    return false;
}

#define RECREATING subx_instance__new, begin_nothing, renew_never, drop

const struct instance_strategy subx_strategies[SUBX_STRATEGY_COUNT] = {
    [SUBX_STRATEGY_RESET] = {"reset", true, false, acquire_reset, subx_reset__begin, renew_in_place,
                             release_to_idle},
    [SUBX_STRATEGY_RECREATE] = {"recreate", false, false, RECREATING},
    [SUBX_STRATEGY_RECREATE_COW] = {"recreate_cow", true, false, RECREATING},
    [SUBX_STRATEGY_POOLING] = {"pooling", false, true, RECREATING},
    [SUBX_STRATEGY_POOLING_COW] = {"pooling_cow", true, true, RECREATING},
};

const char *subx_strategy_name(subx_strategy strategy)
{
    if ((unsigned)strategy >= SUBX_STRATEGY_COUNT)
        return "unknown";
    return subx_strategies[strategy].name;
}

subx_strategy subx_runtime_strategy(const subx_runtime *runtime)
{
    return runtime->options.strategy;
}

subx_runtime_stats subx_runtime_stats_of(const subx_runtime *runtime)
{
    const struct subx_counters *counters = &runtime->counters;
    return (subx_runtime_stats){
        .calls = atomic_load(&counters->calls),
        .instances = atomic_load(&counters->instances),
        .discarded = atomic_load(&counters->discarded),
        .resets = atomic_load(&counters->resets),
        .scans = atomic_load(&counters->scans),
        .restored_pages = atomic_load(&counters->restored_pages),
    };
}
