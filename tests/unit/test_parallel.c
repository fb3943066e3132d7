/*
 * Many threads: on one runtime, on several with different strategies, while others are loaded, and more of them
 * than the pool has slots.
 */
#include "guests.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "exec/runtime_internal.h"

#define THREADS 8

/* ---- Calls on shared runtimes ---- */

struct caller {
    subx_runtime **runtimes;
    size_t count;
    unsigned calls, seed;
    const char *problem;
};

/* twox_128 of the four bytes 0, 1, 2, 3 (parallel_execution of the reference), and what disturbs. */
static const uint8_t hash_of_0123[16] = {0x1e, 0xcc, 0x53, 0x44, 0x60, 0xd8, 0xce, 0xff,
                                         0xa9, 0x70, 0x58, 0x7e, 0x8c, 0x6f, 0x50, 0x94};

static bool call_some(const struct caller *caller, unsigned number)
{
    subx_runtime *runtime = caller->runtimes[(number + caller->seed) % caller->count];
    struct outcome outcome;
    bool good = false;
    switch ((number * 7 + caller->seed) % 9) {
    case 0:
        call_export(runtime, "test_returns_mutable_static", SUBX_EMPTY, &outcome);
        good = outcome.status == SUBX_OK && memcmp(outcome.output.data, "\x21\0\0\0", 4) == 0;
        break;
    case 1:
        call_export(runtime, "test_unreachable_intrinsic", SUBX_EMPTY, &outcome);
        good = outcome.status == SUBX_ABORTED_DUE_TO_TRAP;
        break;
    case 2:
        call_export(runtime, "test_dirty_memory", u32_input(number % 10), &outcome);
        good = outcome.status == SUBX_OK;
        break;
    case 3:
        call_export(runtime, "test_panic_with_input", u32_input(0x30303030 + number % 8), &outcome);
        good = outcome.status == SUBX_ABORTED_DUE_TO_PANIC &&
               outcome.error.message[0] == (char)('0' + number % 8);
        break;
    case 4:
        call_export(runtime, "test_count_in_globals", SUBX_EMPTY, &outcome);
        good = outcome.status == SUBX_OK && outcome.output.data[0] == 11;
        break;
    case 5:
        call_export(runtime, "test_allocate_and_free", SUBX_EMPTY, &outcome);
        good = outcome.status == SUBX_OK && outcome.stats.bytes_allocated == 2 * (128 + 8) + 16;
        break;
    case 6:
        call_export(runtime, "test_free_twice", SUBX_EMPTY, &outcome);
        good = outcome.status == SUBX_ABORTED_DUE_TO_TRAP;
        break;
    default:
        call_export(runtime, "test_twox_128", LITERAL("\0\1\2\3"), &outcome);
        good = outcome.status == SUBX_OK && outcome.output.len == 16 &&
               memcmp(outcome.output.data, hash_of_0123, 16) == 0;
        break;
    }
    outcome_free(&outcome);
    return good;
}

static void *run_caller(void *data)
{
    struct caller *caller = data;
    for (unsigned i = 0; i < caller->calls && caller->problem == NULL; i++)
        if (!call_some(caller, i))
            caller->problem = "a call went wrong";
    return NULL;
}

static void run_callers(subx_runtime **runtimes, size_t count, unsigned calls)
{
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] =
            (struct caller){.runtimes = runtimes, .count = count, .calls = calls, .seed = i * 1000};
        assert_int_equal(pthread_create(&threads[i], NULL, run_caller, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (callers[i].problem != NULL)
            fail_msg("thread %u: %s", i, callers[i].problem);
    }
}

static void test_one_runtime(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(strategy);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    const unsigned calls = ROUNDS(1500, 200);
    run_callers(&runtime, 1, calls);
    const subx_runtime_stats stats = subx_runtime_stats_of(runtime);
    assert_int_equal(stats.calls, THREADS * calls);
    if (strategy == SUBX_STRATEGY_RESET) {
        /* One instance for each concurrent call, besides those that host failures cost. */
        assert_in_range(stats.instances - stats.discarded, 1, THREADS + 1);
        assert_int_equal(stats.resets + stats.discarded, THREADS * calls);
    } else {
        assert_int_equal(stats.discarded, THREADS * calls);
    }
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* Runtimes with different semantics and strategies in one process, some of one executor. */
static void test_several_runtimes(void **state)
{
    (void)state;
    subx_executor *executors[2] = {new_executor(), new_executor()};
    subx_runtime *runtimes[10];
    for (int i = 0; i < 10; i++) {
        subx_runtime_options options = options_of((subx_strategy)(i % SUBX_STRATEGY_COUNT));
        if (i >= 5)
            options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 100};
        options.canonicalize_nans = i % 3 == 0;
        options.stack_native_max = i % 4 == 0 ? 16 << 20 : 0; /* more than a thread has */
        runtimes[i] = load_runtime(executors[i % 2], guest_wasm("integration"), &options);
    }
    subx_executor_free(executors[0]);
    subx_executor_free(executors[1]);
    run_callers(runtimes, 10, ROUNDS(1500, 200));
    for (int i = 0; i < 10; i++)
        subx_runtime_free(runtimes[i]);
}

/* ---- Loading while others load and call ---- */

struct loader {
    subx_executor *executor;
    unsigned number;
    bool good;
};

static void *run_loader(void *data)
{
    struct loader *loader = data;
    for (unsigned round = 0; round < ROUNDS(12u, 3u) && loader->good; round++) {
        subx_runtime_options options =
            options_of((subx_strategy)((loader->number + round) % SUBX_STRATEGY_COUNT));
        options.canonicalize_nans = round % 2 == 0;
        subx_runtime *runtime = NULL;
        loader->good = subx_runtime_load(loader->executor, guest_wasm("integration"), &options,
                                         &runtime, NULL) == SUBX_OK;
        struct caller caller = {
            .runtimes = &runtime, .count = 1, .calls = 20, .seed = loader->number};
        if (loader->good)
            run_caller(&caller);
        loader->good = loader->good && caller.problem == NULL;
        subx_runtime_free(runtime);
    }
    return NULL;
}

static void test_loading(void **state)
{
    (void)state;
    subx_executor_free(new_executor()); /* signals, see there */
    (void)guest_wasm("integration");
    subx_executor *executor = NULL; /* which compiles with all cores */
    assert_int_equal(subx_executor_new(NULL, &executor, NULL), SUBX_OK);
    struct loader loaders[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        loaders[i] = (struct loader){executor, i, true};
        assert_int_equal(pthread_create(&threads[i], NULL, run_loader, &loaders[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(loaders[i].good);
    }
    subx_executor_free(executor);
}

/* ---- More threads than slots ---- */

struct holder {
    subx_runtime *runtime;
    _Atomic unsigned *live, *most;
    bool good;
};

static void *hold_an_instance(void *data)
{
    struct holder *holder = data;
    const subx_entry *entry = subx_runtime_entry(holder->runtime, "test_returns_mutable_static");
    for (int round = 0; round < 3; round++) {
        subx_instance *instance = NULL;
        if (subx_instance_new(holder->runtime, &instance, NULL) != SUBX_OK)
            return NULL;
        const unsigned live = atomic_fetch_add(holder->live, 1) + 1;
        unsigned most = atomic_load(holder->most);
        while (most < live && !atomic_compare_exchange_weak(holder->most, &most, live))
            ;
        const struct timespec moment = {0, 20 * 1000 * 1000};
        nanosleep(&moment, NULL);
        /* An instance that cannot be called again gives its slot back as the call ends. */
        atomic_fetch_sub(holder->live, 1);
        subx_bytes output = SUBX_BYTES_INIT;
        const subx_status status =
            subx_instance_call(instance, entry, SUBX_EMPTY, NULL, &output, NULL);
        holder->good = status == SUBX_OK && output.len == 4 && output.data[0] == 33;
        subx_bytes_free(&output);
        subx_instance_free(instance);
        if (!holder->good)
            return NULL;
    }
    return NULL;
}

#define HOLDERS 80

static void hold_more_than_slots(subx_runtime **runtimes, size_t count)
{
    static _Atomic unsigned live, most;
    atomic_store(&live, 0);
    atomic_store(&most, 0);
    struct holder holders[HOLDERS];
    pthread_t threads[HOLDERS];
    for (unsigned i = 0; i < HOLDERS; i++) {
        holders[i] = (struct holder){runtimes[i % count], &live, &most, false};
        assert_int_equal(pthread_create(&threads[i], NULL, hold_an_instance, &holders[i]), 0);
    }
    for (unsigned i = 0; i < HOLDERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(holders[i].good);
    }
    /* Nobody got one too many; and where the machine is quick enough, all slots were used. */
    assert_in_range(atomic_load(&most), 2, 64);
}

static void test_pool_limit(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(strategy);
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 60};
    subx_runtime *runtime = load_runtime(executor, guest_wasm("integration"), &options);
    hold_more_than_slots(&runtime, 1);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* A pool is shared by all runtimes of one configuration. */
static void test_shared_pool_limit(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime *runtimes[3];
    static const subx_strategy strategies[3] = {SUBX_STRATEGY_RESET, SUBX_STRATEGY_POOLING_COW,
                                                SUBX_STRATEGY_RESET};
    for (int i = 0; i < 3; i++) {
        subx_runtime_options options = options_of(strategies[i]);
        options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 60};
        runtimes[i] = load_runtime(executor, guest_wasm("integration"), &options);
    }
    assert_ptr_equal(runtimes[0]->engine, runtimes[1]->engine);
    assert_int_equal(runtimes[0]->engine->slots, 64);
    hold_more_than_slots(runtimes, 3);
    for (int i = 0; i < 3; i++)
        subx_runtime_free(runtimes[i]);
    assert_int_equal(executor->engines != NULL, 1);
    for (const struct subx_engine *engine = executor->engines; engine != NULL;
         engine = engine->next)
        assert_int_equal(engine->taken, 0);
    subx_executor_free(executor);
}

/* Instances that only wait for their next call must not keep others from a slot. */
static void *call_once(void *data)
{
    struct caller *caller = data;
    if (!call_some(caller, 0))
        caller->problem = "the call went wrong";
    return NULL;
}

static void test_idle_instances_give_way(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 60};
    subx_runtime *idle = load_runtime(executor, guest_wasm("integration"), &options);
    subx_instance *instances[64];
    for (int i = 0; i < 63; i++)
        assert_int_equal(subx_instance_new(idle, &instances[i], NULL), SUBX_OK);
    for (int i = 0; i < 63; i++)
        subx_instance_free(instances[i]);
    /* One more runtime takes the last slot at most; then a third needs slots of those that idle. */
    options.strategy = SUBX_STRATEGY_POOLING_COW;
    subx_runtime *busy = load_runtime(executor, guest_wasm("integration"), &options);
    assert_int_equal(subx_instance_new(idle, &instances[0], NULL), SUBX_OK);
    subx_instance *held[8];
    for (int i = 0; i < 8; i++) {
        struct caller caller = {.runtimes = &busy, .count = 1, .seed = 9};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, call_once, &caller), 0);
        struct timespec deadline;
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec += 30;
        if (pthread_timedjoin_np(thread, NULL, &deadline) != 0) {
            fprintf(stderr, "a call waits for a slot that nobody uses\n");
            _exit(1); /* the thread cannot be ended */
        }
        assert_null(caller.problem);
        assert_int_equal(subx_instance_new(busy, &held[i], NULL), SUBX_OK);
    }
    for (int i = 0; i < 8; i++)
        subx_instance_free(held[i]);
    subx_instance_free(instances[0]);
    /* The one that gave way goes on, beside whoever comes. */
    subx_runtime *both[2] = {idle, busy};
    run_callers(both, 2, ROUNDS(200, 40));
    subx_runtime_free(idle);
    subx_runtime_free(busy);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_one_runtime),
        cmocka_unit_test(test_several_runtimes),
        cmocka_unit_test(test_loading),
        OVER(test_pool_limit, POOLING),
        OVER(test_pool_limit, POOLING_COW),
        OVER(test_pool_limit, RESET),
        cmocka_unit_test(test_shared_pool_limit),
        cmocka_unit_test(test_idle_instances_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
