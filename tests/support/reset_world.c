/* Random programs on an instance that is reset; see reset_world.h. */
#include "reset_world.h"

#include <pthread.h>
#include <stdlib.h>

#include "exec/reset.h"
#include "util/endian.h"

/* Steps of reset_program.wat, by index. */
enum {
    STORE,
    FILL,
    RECURSE,
    GROW,
    ALLOCATE,
    RELEASE,
    SET_GLOBALS,
    HASH,
    SCATTER,
    GATHER,
    COUNT,
    END,
    STEP_COUNT
};

/* ---- Random numbers ---- */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint64_t reset_world_random(struct reset_world *world, uint64_t bound)
{
    return next_random(&world->random) % bound;
}

static uint32_t below(struct reset_world *world, uint32_t bound)
{
    return (uint32_t)reset_world_random(world, bound);
}

/* ---- Programs ---- */

static uint32_t random_address(struct reset_world *world)
{
    const uint32_t size = (uint32_t)world->pristine_len;
    switch (below(world, 9)) {
    case 0:
        return below(world, 4096); /* data, results */
    case 1:
        return 69000 + below(world, 8192); /* data over the edge of a page */
    case 2:
        return 131000 + below(world, 200);
    case 3:
        return 2097152 - 100 + below(world, 200); /* data, or where it would be */
    case 4:
        return (20u << 20) - 100 + below(world, 200);
    case 5:
        return 2162688 + below(world, 65536); /* the heap's start */
    case 6:
        return size - 1 - below(world, 4096);
    case 7:
        return below(world, 40) == 0 ? size - 4 + below(world, 100000) : below(world, size);
    default:
        return below(world, size);
    }
}

static uint32_t random_size(struct reset_world *world)
{
    switch (below(world, 6)) {
    case 0:
        return below(world, 12u << 20); /* more than stays resident */
    case 1:
        return below(world, 1u << 20);
    default:
        return below(world, 9000);
    }
}

static void add_step(struct reset_world *world, uint32_t what, uint32_t a, uint32_t b)
{
    uint8_t *at = world->program + world->program_len;
    subx_store_u32(at, what);
    subx_store_u32(at + 4, a);
    subx_store_u32(at + 8, b);
    world->program_len += 12;
}

static void add_random_step(struct reset_world *world)
{
    const uint32_t what = below(world, STEP_COUNT);
    const uint32_t any = (uint32_t)next_random(&world->random);
    switch (what) {
    case FILL:
        add_step(world, what, random_address(world), (any & 0xff000000) | random_size(world));
        break;
    case RECURSE:
        add_step(world, what, below(world, 30) == 0 ? 1u << 30 : below(world, 6000), 0);
        break;
    case GROW:
        add_step(world, what, world->variant->growing ? below(world, 4) : below(world, 2), any);
        break;
    case ALLOCATE:
        add_step(world, what, below(world, 60) == 0 ? 40u << 20 : random_size(world) / 16, any);
        break;
    case HASH:
        add_step(world, what, random_address(world), below(world, 20000));
        break;
    case SCATTER:
        add_step(world, what, below(world, 100000), below(world, 3) == 0 ? 2000 : below(world, 40));
        break;
    case GATHER:
        add_step(world, what, random_address(world), below(world, 600));
        break;
    case END:
        if (below(world, 3) == 0)
            add_step(world, what, below(world, 3), 0);
        break;
    case RELEASE:
        if (below(world, 3) == 0)
            add_step(world, what, 0, 0);
        break;
    default: /* STORE, SET_GLOBALS, COUNT */
        add_step(world, what, what == STORE ? random_address(world) : any, any >> 7);
        break;
    }
}

static void make_program(struct reset_world *world)
{
    world->program_len = 0;
    add_step(world, COUNT, 0, 0);
    const uint32_t steps = below(world, 4) == 0 ? below(world, 3) : below(world, 14);
    for (uint32_t i = 0; i < steps; i++)
        add_random_step(world);
    add_step(world, GATHER, 0, 4);
}

/* ---- Threads that calls hop to ---- */

struct reset_worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_work, ends;
    subx_runtime *runtime;
    subx_slice input;
    struct outcome outcome;
};

static void *work(void *data)
{
    struct reset_worker *worker = data;
    pthread_mutex_lock(&worker->lock);
    while (!worker->ends) {
        if (worker->has_work) {
            call_export(worker->runtime, "run", worker->input, &worker->outcome);
            worker->has_work = false;
            pthread_cond_broadcast(&worker->changed);
        } else {
            pthread_cond_wait(&worker->changed, &worker->lock);
        }
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static struct reset_worker *start_worker(size_t stack)
{
    struct reset_worker *worker = calloc(1, sizeof *worker);
    pthread_attr_t attributes;
    assert_non_null(worker);
    assert_int_equal(pthread_mutex_init(&worker->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&worker->changed, NULL), 0);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, stack), 0);
    assert_int_equal(pthread_create(&worker->thread, &attributes, work, worker), 0);
    pthread_attr_destroy(&attributes);
    return worker;
}

static void stop_worker(struct reset_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->ends = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

static void call_on_worker(struct reset_worker *worker, subx_runtime *runtime, subx_slice input,
                           struct outcome *outcome)
{
    pthread_mutex_lock(&worker->lock);
    worker->runtime = runtime;
    worker->input = input;
    worker->has_work = true;
    pthread_cond_broadcast(&worker->changed);
    while (worker->has_work)
        pthread_cond_wait(&worker->changed, &worker->lock);
    *outcome = worker->outcome;
    pthread_mutex_unlock(&worker->lock);
}

/* ---- The world ---- */

/* The guest, with its last data moved to 20 MiB if asked for: the offset is the one i32.const 2097152. */
static uint8_t *guest_with_data(bool far_data, size_t *len)
{
    static const uint8_t near_offset[] = {0x41, 0x80, 0x80, 0x80, 0x01, 0x0b};
    const subx_slice wasm = guest_wasm("reset_program");
    uint8_t *code = malloc(wasm.len);
    assert_non_null(code);
    memcpy(code, wasm.data, wasm.len);
    *len = wasm.len;
    unsigned found = 0;
    for (size_t i = 0; i + sizeof near_offset <= wasm.len; i++)
        if (memcmp(code + i, near_offset, sizeof near_offset) == 0) {
            found++;
            if (far_data)
                code[i + 4] = 0x0a;
        }
    assert_int_equal(found, 1);
    return code;
}

/* The kernel's mechanisms, or fewer of them. */
static void force_mechanisms(struct reset_world *world)
{
    const struct reset_variant *variant = world->variant;
    (void)subx_executor__page_support(world->executor);
    if (variant->use_kernel)
        return;
    subx_page_tables__close(world->executor->page_tables);
    world->executor->page_tables = subx_page_tables__open(variant->scan);
    world->executor->pages.scan = variant->scan;
    world->executor->pages.counts_faults = variant->counts_faults;
}

struct reset_world *reset_world_new(const struct reset_variant *variant, uint64_t seed)
{
    struct reset_world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->variant = variant;
    world->random = seed;
    world->executor = new_executor();
    force_mechanisms(world);
    size_t len = 0;
    uint8_t *code = guest_with_data(variant->far_data, &len);
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.heap = variant->heap;
    world->reset = load_runtime(world->executor, subx_slice__of(code, len), &options);
    assert_int_equal(subx_runtime_strategy(world->reset), SUBX_STRATEGY_RESET);
    assert_int_equal(world->reset->dont_need_restores, !variant->far_data);
    if (variant->distrust_restores)
        world->reset->dont_need_restores = false;
    options.strategy = SUBX_STRATEGY_RECREATE_COW;
    world->fresh = load_runtime(world->executor, subx_slice__of(code, len), &options);
    free(code);

    struct subx_guest_instance *instance = NULL;
    assert_int_equal(subx_instance__new(world->fresh, &instance, NULL), SUBX_OK);
    world->pristine_len = (size_t)instance->call.guest.size;
    world->pristine = malloc(world->pristine_len);
    assert_non_null(world->pristine);
    memcpy(world->pristine, instance->call.guest.base, world->pristine_len);
    subx_instance__free(instance);

    static const size_t stacks[RESET_WORKERS] = {256 << 10, 1 << 20, 8 << 20};
    for (int i = 0; i < RESET_WORKERS; i++)
        world->workers[i] = start_worker(stacks[i]);
    return world;
}

void reset_world_free(struct reset_world *world)
{
    for (int i = 0; i < RESET_WORKERS; i++)
        stop_worker(world->workers[i]);
    subx_runtime_free(world->reset);
    subx_runtime_free(world->fresh);
    subx_executor_free(world->executor);
    free(world->pristine);
    free(world);
}

/* ---- What must be equal ---- */

static bool report(const struct reset_world *world, const char *problem)
{
    fprintf(stderr, "%s, call %u: %s; the program:\n", world->variant->name, world->calls, problem);
    for (size_t at = 0; at < world->program_len; at += 12)
        fprintf(stderr, "  %u 0x%x 0x%x\n", subx_load_u32(world->program + at),
                subx_load_u32(world->program + at + 4), subx_load_u32(world->program + at + 8));
    return false;
}

static bool same_outcome(const struct outcome *a, const struct outcome *b)
{
    return a->status == b->status && strcmp(a->error.message, b->error.message) == 0 &&
           strcmp(a->error.backtrace, b->error.backtrace) == 0 && a->output.len == b->output.len &&
           (a->output.len == 0 || memcmp(a->output.data, b->output.data, a->output.len) == 0) &&
           memcmp(&a->stats, &b->stats, sizeof a->stats) == 0;
}

bool reset_world_call(struct reset_world *world, unsigned where)
{
    static struct outcome got, expected;
    world->calls++;
    make_program(world);
    const subx_slice input = subx_slice__of(world->program, world->program_len);
    if (where < RESET_WORKERS)
        call_on_worker(world->workers[where], world->reset, input, &got);
    else
        call_export(world->reset, "run", input, &got);
    call_export(world->fresh, "run", input, &expected);
    const bool same = same_outcome(&got, &expected);
    if (!same) {
        char problem[256];
        snprintf(problem, sizeof problem, "%s '%.80s' instead of %s '%.80s'",
                 subx_status_name(got.status), got.error.message, subx_status_name(expected.status),
                 expected.error.message);
        report(world, problem);
    }
    outcome_free(&got);
    outcome_free(&expected);
    return same;
}

bool reset_world_compare(struct reset_world *world)
{
    struct subx_guest_instance *idle = world->reset->idle;
    if (idle == NULL)
        return true; /* the last call had its instance discarded */
    if (world->reset->idle_count != 1)
        return report(world, "more than one instance");
    const char *difference = subx_reset__difference(idle);
    if (difference != NULL)
        return report(world, difference);
    if (idle->call.guest.size != world->pristine_len)
        return report(world, "another size than a fresh instance");
    for (size_t at = 0; at < world->pristine_len; at += SUBX_PAGE_SIZE)
        if (memcmp(idle->call.guest.base + at, world->pristine + at, SUBX_PAGE_SIZE) != 0) {
            char problem[64];
            snprintf(problem, sizeof problem, "the page at 0x%zx differs", at);
            return report(world, problem);
        }
    return true;
}
