/*
 * After any call an instance that is reset in place is one that was just made: random programs, calls that hop
 * between threads, forks between calls. Nothing may differ from a fresh instance, neither in what calls answer
 * nor in memory, globals and size.
 */
#include "guests.h"

#include <sys/wait.h>
#include <unistd.h>

#include "reset_world.h"

#define STATIC_16            \
    {                        \
        SUBX_HEAP_STATIC, 16 \
    }
#define DYNAMIC_400            \
    {                          \
        SUBX_HEAP_DYNAMIC, 400 \
    }

static const struct reset_variant usual = {.name = "static heap", STATIC_16, .use_kernel = true};
static const struct reset_variant growing = {
    .name = "growing heap", DYNAMIC_400, .growing = true, .use_kernel = true};
static const struct reset_variant far_data = {
    .name = "far data", STATIC_16, .far_data = true, .use_kernel = true};

/* How often the whole memory is compared: looking at all pages changes what the next call meets, and takes its
 * time. */
static const struct {
    unsigned interval, calls;
} comparisons[] = {{1, ROUNDS(60, 12)}, {7, ROUNDS(150, 30)}, {50, ROUNDS(250, 40)}};

#define SEED UINT64_C(0x5eed0000)

static void test_calls(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        struct reset_world *world = reset_world_new(*state, SEED + i);
        for (unsigned call = 1; call <= comparisons[i].calls; call++) {
            assert_true(reset_world_call(world, RESET_WORKERS));
            if (call % comparisons[i].interval == 0)
                assert_true(reset_world_compare(world));
        }
        const subx_runtime_stats stats = subx_runtime_stats_of(world->reset);
        assert_int_equal(stats.calls, comparisons[i].calls);
        assert_true(stats.resets > comparisons[i].calls / 2);
        reset_world_free(world);
    }
}

static void test_threads(void **state)
{
    struct reset_world *world = reset_world_new(*state, SEED + 100);
    unsigned where = 0;
    for (unsigned call = 1; call <= ROUNDS(150, 30); call++) {
        /* Sometimes a few calls on one thread, sometimes a hop after each. */
        if (reset_world_random(world, 3) != 0)
            where = (unsigned)reset_world_random(world, RESET_WORKERS + 1);
        assert_true(reset_world_call(world, where));
        if (reset_world_random(world, 5) == 0)
            assert_true(reset_world_compare(world));
    }
    reset_world_free(world);
}

/* ---- Forks ---- */

static bool some_calls(struct reset_world *world)
{
    for (unsigned call = 1; call <= 8; call++)
        if (!reset_world_call(world, RESET_WORKERS) ||
            (call % 3 == 0 && !reset_world_compare(world)))
            return false;
    return true;
}

/* Fork; the child makes calls, and has a child of its own that does, `generations` deep. */
static pid_t fork_family(struct reset_world *world, int generations)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child != 0)
        return child;
    alarm(60);
    world->random += 1000;
    bool good = some_calls(world);
    if (good && generations > 1) {
        const pid_t grandchild = fork_family(world, generations - 1);
        int result = 0;
        good = grandchild > 0 && some_calls(world) &&
               waitpid(grandchild, &result, 0) == grandchild && result == 0;
    }
    _exit(good ? 0 : 1);
}

static void test_forks(void **state)
{
    struct reset_world *world = reset_world_new(*state, SEED + 200);
    for (unsigned round = 0; round < ROUNDS(8, 3); round++) {
        for (unsigned call = 0; call < 6; call++)
            assert_true(reset_world_call(world, RESET_WORKERS));
        const pid_t child = fork_family(world, 2);
        assert_true(child > 0);
        /* Both go on from pages that they share now. */
        for (unsigned call = 0; call < 6; call++) {
            assert_true(
                reset_world_call(world, (unsigned)reset_world_random(world, RESET_WORKERS + 1)));
            if (call % 2 == round % 2)
                assert_true(reset_world_compare(world));
        }
        int result = 0;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_int_equal(result, 0);
    }
    reset_world_free(world);
}

#define WITH(test, variant)                                                    \
    {                                                                          \
#test ", " #variant, test, NULL, NULL, (void *)(uintptr_t) & (variant) \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_calls, usual),   WITH(test_calls, growing),   WITH(test_calls, far_data),
        WITH(test_threads, usual), WITH(test_threads, growing), WITH(test_forks, usual),
        WITH(test_forks, growing), WITH(test_forks, far_data),

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
