/*
 * Stacks of our own: how much is left of one, running on another, deep, nested, on many threads, and what cannot
 * be had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "platform/stack.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static struct subx_stack_cache *new_cache(void)
{
    struct subx_stack_cache *cache = subx_stack_cache__new();
    assert_non_null(cache);
    return cache;
}

/* Use the stack until only `keep` bytes of it are left; the number of frames of 1 KiB that this took. */
static unsigned __attribute__((noinline)) use_down_to(size_t keep)
{
    volatile char frame[1024];
    memset((void *)(uintptr_t)frame, 0x5a, sizeof frame);
    unsigned below = 0;
    if (subx_stack__left() > keep + 8 * KIB)
        below = use_down_to(keep);
    return below + (frame[1000] == 0x5a);
}

/* ---- What is left ---- */

static void *look_at_left(void *data)
{
    size_t *left = data;
    *left = subx_stack__left();
    return NULL;
}

static void test_left(void **state)
{
    (void)state;
    const size_t here = subx_stack__left();
    assert_in_range(here, 64 * KIB, SIZE_MAX / 2);
    static const size_t sizes[] = {256 * KIB, MIB, 64 * MIB};
    for (int i = 0; i < 3; i++) {
        pthread_attr_t attributes;
        pthread_t thread;
        size_t left = 0;
        assert_int_equal(pthread_attr_init(&attributes), 0);
        assert_int_equal(pthread_attr_setstacksize(&attributes, sizes[i]), 0);
        assert_int_equal(pthread_create(&thread, &attributes, look_at_left, &left), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&attributes);
        /* Sanitizers keep things of their own at the top. */
        assert_in_range(left, SANITIZED ? 64 * KIB : sizes[i] - 64 * KIB, sizes[i]);
    }
    assert_int_equal(subx_stack__left(), here);
}

/* A coroutine of the program itself runs on a stack that the thread's bounds say nothing about. */
struct coroutine {
    ucontext_t here, there;
    void *stack;
    size_t left;
};

static struct coroutine *running;

static void look_from_coroutine(void)
{
    running->left = subx_stack__left();
    swapcontext(&running->there, &running->here);
}

static void *run_coroutine(void *data)
{
    struct coroutine *coroutine = data;
    running = coroutine;
    if (getcontext(&coroutine->there) == 0) {
        coroutine->there.uc_stack.ss_sp = coroutine->stack;
        coroutine->there.uc_stack.ss_size = 64 * KIB;
        coroutine->there.uc_link = NULL;
        makecontext(&coroutine->there, look_from_coroutine, 0);
        (void)subx_stack__left(); /* of the thread itself */
        swapcontext(&coroutine->here, &coroutine->there);
    }
    return NULL;
}

static void test_left_of_a_coroutine(void **state)
{
    (void)state;
    /* Above the thread's stack, and below it. */
    for (int i = 0; i < 2; i++) {
        static struct coroutine coroutine;
        char *memory =
            mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(memory, MAP_FAILED);
        coroutine.left = 1;
        coroutine.stack = i == 0 ? memory + 3 * MIB : memory;
        pthread_attr_t attributes;
        pthread_t thread;
        assert_int_equal(pthread_attr_init(&attributes), 0);
        assert_int_equal(pthread_attr_setstack(&attributes, memory + MIB, MIB), 0);
        assert_int_equal(pthread_create(&thread, &attributes, run_coroutine, &coroutine), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&attributes);
        assert_in_range(coroutine.left, 0, 64 * KIB);
        assert_int_equal(munmap(memory, 4 * MIB), 0);
    }
}

/* ---- Running on another stack ---- */

struct visit {
    struct subx_stack_cache *cache;
    size_t size;
    unsigned depth; /* visits around this one */
    size_t left;
    unsigned frames;
    bool done;
    struct visit *inner;
};

static void pay_visit(void *data)
{
    struct visit *visit = data;
    visit->left = subx_stack__left();
    visit->frames = use_down_to(16 * KIB);
    if (visit->inner != NULL) {
        visit->inner->depth = visit->depth + 1;
        (void)subx_stack__run(visit->cache, visit->inner->size, pay_visit, visit->inner);
    }
    /* This stack is as it was. */
    const size_t left = subx_stack__left();
    visit->done = left > visit->left - 4 * KIB && left < visit->left + 4 * KIB;
}

static void check_visit(const struct visit *visit)
{
    assert_true(visit->done);
    assert_in_range(visit->left, visit->size - 16 * KIB, visit->size + 64 * KIB);
    /* Down to the last 24 KiB, in frames of 1 KiB and what goes with them. */
    assert_true(visit->frames >= (visit->size - 64 * KIB) / (SANITIZED ? 4096 : 1300));
}

static void test_run(void **state)
{
    (void)state;
    struct subx_stack_cache *cache = new_cache();
    const size_t here = subx_stack__left();
    static const size_t sizes[] = {128 * KIB, MIB + 1, 2 * MIB, 128 * KIB, 32 * MIB};
    for (int i = 0; i < 5; i++) {
        struct visit visit = {.cache = cache, .size = sizes[i]};
        assert_true(subx_stack__run(cache, sizes[i], pay_visit, &visit));
        /* A stack that was used before may be larger than what is asked for. */
        if (i != 3)
            check_visit(&visit);
        assert_true(visit.done);
        assert_int_equal(subx_stack__left(), here);
    }
    subx_stack_cache__free(cache);
}

static void test_nested(void **state)
{
    (void)state;
    struct subx_stack_cache *cache = new_cache();
    for (int round = 0; round < 3; round++) {
        struct visit visits[5] = {{0}};
        for (int i = 0; i < 5; i++)
            visits[i] = (struct visit){
                .cache = cache, .size = 256 * KIB, .inner = i < 4 ? &visits[i + 1] : NULL};
        assert_true(subx_stack__run(cache, visits[0].size, pay_visit, &visits[0]));
        for (unsigned i = 0; i < 5; i++) {
            check_visit(&visits[i]);
            assert_int_equal(visits[i].depth, i);
        }
    }
    subx_stack_cache__free(cache);
}

/* Floating point and callee-saved registers survive; exercised by numbers that live across the visits. */
static void test_registers(void **state)
{
    (void)state;
    struct subx_stack_cache *cache = new_cache();
    volatile double seed = 1.5;
    double a = seed, b = seed * 2, c = seed * 3;
    uint64_t x = (uint64_t)seed, y = x + 10, z = y * 3;
    for (int i = 0; i < 100; i++) {
        struct visit visit = {.cache = cache, .size = 128 * KIB};
        assert_true(subx_stack__run(cache, visit.size, pay_visit, &visit));
        a += 0.5;
        b -= 0.25;
        c *= 1.0;
        x += 3;
        y ^= x;
        z += y;
        y ^= x;
    }
    assert_true(a == 51.5 && b == -22.0 && c == 4.5);
    assert_true(x == 301 && y == 11);
    assert_true(z != 0);
    subx_stack_cache__free(cache);
}

/* ---- Resources ---- */

static size_t count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    size_t lines = 0;
    for (int character = fgetc(maps); character != EOF; character = fgetc(maps))
        lines += character == '\n';
    fclose(maps);
    return lines;
}

static size_t resident_pages(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    size_t size = 0, resident = 0;
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%zu %zu", &size, &resident), 2);
    fclose(statm);
    return resident;
}

/* What a call used goes back to the kernel; a stack is mapped once. */
static void test_is_given_back(void **state)
{
    (void)state;
    struct subx_stack_cache *cache = new_cache();
    struct visit visit = {.cache = cache, .size = 64 * MIB};
    assert_true(subx_stack__run(cache, visit.size, pay_visit, &visit));
    const size_t mappings = count_mappings(), resident = resident_pages();
    for (int i = 0; i < 20; i++) {
        visit.done = false;
        assert_true(subx_stack__run(cache, visit.size, pay_visit, &visit));
        check_visit(&visit);
    }
    assert_in_range(count_mappings(), 1, mappings + 2);
    /* 64 MiB are 16384 pages. */
    assert_in_range(resident_pages(), 1, resident + (SANITIZED ? 8000 : 1000));
    subx_stack_cache__free(cache);
    assert_in_range(count_mappings(), 1, mappings);
}

static void must_not_run(void *data)
{
    *(bool *)data = true;
}

static void test_cannot_be_had(void **state)
{
    (void)state;
    struct subx_stack_cache *cache = new_cache();
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX - 64 * KIB, SIZE_MAX / 2 + 1,
                                   (size_t)1 << 52};
    for (int i = 0; i < 5; i++) {
        bool ran = false;
        assert_false(subx_stack__run(cache, sizes[i], must_not_run, &ran));
        assert_false(ran);
    }
    /* The cache is still good. */
    struct visit visit = {.cache = cache, .size = MIB};
    assert_true(subx_stack__run(cache, visit.size, pay_visit, &visit));
    check_visit(&visit);
    subx_stack_cache__free(cache);
    subx_stack_cache__free(NULL);
}

/* Where address space is short, the answer is false, and it works again when there is some. */
static void test_short_of_addresses(void **state)
{
    (void)state;
    struct subx_stack_cache *cache = new_cache();
    struct rlimit usual;
    assert_int_equal(getrlimit(RLIMIT_AS, &usual), 0);
    FILE *statm = fopen("/proc/self/statm", "re");
    size_t pages = 0;
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%zu", &pages), 1);
    fclose(statm);
    const struct rlimit tight = {pages * 4096 + 32 * MIB, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    bool ran = false;
    const bool had = subx_stack__run(cache, 256 * MIB, must_not_run, &ran);
    assert_int_equal(setrlimit(RLIMIT_AS, &usual), 0);
    assert_false(had || ran);
    struct visit visit = {.cache = cache, .size = 8 * MIB};
    assert_true(subx_stack__run(cache, visit.size, pay_visit, &visit));
    check_visit(&visit);
    subx_stack_cache__free(cache);
}

static void overflow(void *data)
{
    (void)data;
    /* More than there is, in steps that are smaller than the guard. */
    volatile char *at = (volatile char *)__builtin_frame_address(0);
    for (size_t below = 0; below < 2 * MIB; below += 4096)
        at[-(ptrdiff_t)below] = 1;
}

/* Beyond the end is a guard: the process dies before it writes to somebody else's memory. */
static void test_guard(void **state)
{
    (void)state;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        fclose(stderr);
        struct subx_stack_cache *cache = subx_stack_cache__new();
        if (cache != NULL)
            subx_stack__run(cache, MIB, overflow, NULL);
        _exit(0);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGSEGV);
}

/* ---- Threads ---- */

static void *visit_often(void *data)
{
    struct subx_stack_cache *cache = data;
    for (size_t i = 0; i < (SANITIZED ? 40 : 300); i++) {
        struct visit inner = {.cache = cache, .size = 128 * KIB};
        struct visit visit = {.cache = cache, .size = (i % 3 + 1) * 128 * KIB, .inner = &inner};
        if (!subx_stack__run(cache, visit.size, pay_visit, &visit) || !visit.done || !inner.done ||
            inner.depth != 1)
            return NULL;
    }
    return data;
}

static void test_threads(void **state)
{
    (void)state;
    struct subx_stack_cache *cache = new_cache();
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, visit_often, cache), 0);
    for (int i = 0; i < 8; i++) {
        void *good = NULL;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_non_null(good);
    }
    subx_stack_cache__free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left),          cmocka_unit_test(test_left_of_a_coroutine),
        cmocka_unit_test(test_run),           cmocka_unit_test(test_nested),
        cmocka_unit_test(test_registers),     cmocka_unit_test(test_is_given_back),
        cmocka_unit_test(test_cannot_be_had), cmocka_unit_test(test_short_of_addresses),
        cmocka_unit_test(test_guard),         cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
