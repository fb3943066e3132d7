/* Running on a mapped stack (ucontext), announced to the sanitizers as a fibre. */
#include "platform/stack.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

/* clang tells of its sanitizers in its own way. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#include <sanitizer/common_interface_defs.h>
#else
#define ADDRESS_SANITIZER 0
#endif
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#include <sanitizer/tsan_interface.h>
#else
#define THREAD_SANITIZER 0
#endif

#define GUARD_SIZE ((size_t)64 << 10)
/* Kept resident at the top of a cached stack, where every use begins. */
#define WARM_SIZE ((size_t)64 << 10)

struct stack {
    struct stack *next;
    char *mapping; /* guard first */
    size_t size;   /* without the guard */
};

struct subx_stack_cache {
    pthread_mutex_t lock;
    struct stack *idle;
};

/* One switch to a stack and back. */
struct excursion {
    ucontext_t here, there;
    void (*function)(void *);
    void *data;
#if ADDRESS_SANITIZER
    void *fake_stack;
    const void *old_bottom;
    size_t old_size;
#endif
#if THREAD_SANITIZER
    void *old_fibre;
#endif
};

/* The stack that this thread runs on, lowest address and the one behind the highest: thread-local, since asking
 * costs tens of microseconds on the main thread. */
struct bounds {
    uintptr_t bottom, top;
};

static _Thread_local struct bounds bounds;

size_t subx_stack__left(void)
{
    if (bounds.bottom == 0) {
        pthread_attr_t attributes;
        void *bottom = NULL;
        size_t size = 0;
        if (pthread_getattr_np(pthread_self(), &attributes) != 0)
            return 0;
        const bool known = pthread_attr_getstack(&attributes, &bottom, &size) == 0;
        pthread_attr_destroy(&attributes);
        if (!known)
            return 0;
        bounds = (struct bounds){(uintptr_t)bottom, (uintptr_t)bottom + size};
    }
    /* Outside of it the program has switched to a stack of its own, of which nothing is known. */
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here > bounds.bottom && here < bounds.top ? here - bounds.bottom : 0;
}

struct subx_stack_cache *subx_stack_cache__new(void)
{
    struct subx_stack_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL && pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return NULL;
    }
    return cache;
}

static void unmap(struct stack *stack)
{
    munmap(stack->mapping, stack->size + GUARD_SIZE);
    free(stack);
}

void subx_stack_cache__free(struct subx_stack_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->idle != NULL) {
        struct stack *stack = cache->idle;
        cache->idle = stack->next;
        unmap(stack);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct stack *map(size_t size)
{
    struct stack *stack = calloc(1, sizeof *stack);
    if (stack == NULL)
        return NULL;
    stack->size = size;
    void *mapping = mmap(NULL, size + GUARD_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED) {
        free(stack);
        return NULL;
    }
    stack->mapping = mapping;
    if (mprotect(mapping, GUARD_SIZE, PROT_NONE) != 0) {
        unmap(stack);
        return NULL;
    }
    return stack;
}

static struct stack *take(struct subx_stack_cache *cache, size_t size)
{
    pthread_mutex_lock(&cache->lock);
    struct stack **link = &cache->idle;
    while (*link != NULL && (*link)->size < size)
        link = &(*link)->next;
    struct stack *stack = *link;
    if (stack != NULL)
        *link = stack->next;
    pthread_mutex_unlock(&cache->lock);
    return stack != NULL ? stack : map(size);
}

static void give(struct subx_stack_cache *cache, struct stack *stack)
{
    if (stack->size > WARM_SIZE)
        madvise(stack->mapping + GUARD_SIZE, stack->size - WARM_SIZE, MADV_DONTNEED);
    pthread_mutex_lock(&cache->lock);
    stack->next = cache->idle;
    cache->idle = stack;
    pthread_mutex_unlock(&cache->lock);
}

static void leave(struct excursion *excursion)
{
#if ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(NULL, excursion->old_bottom, excursion->old_size);
#endif
#if THREAD_SANITIZER
    __tsan_switch_to_fiber(excursion->old_fibre, 0);
#endif
    swapcontext(&excursion->there, &excursion->here);
    abort(); /* nobody comes back here */
}

/* makecontext() passes ints only, so the pointer arrives in two halves. */
static void arrive(unsigned high, unsigned low)
{
    struct excursion *excursion = (struct excursion *)((uintptr_t)high << 32 | low);
#if ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(NULL, &excursion->old_bottom, &excursion->old_size);
#endif
    excursion->function(excursion->data);
    leave(excursion);
}

static void go(struct excursion *excursion, const struct stack *stack)
{
    (void)stack;
#if THREAD_SANITIZER
    void *fibre = __tsan_create_fiber(0);
    excursion->old_fibre = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fibre, 0);
#endif
#if ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&excursion->fake_stack, stack->mapping + GUARD_SIZE,
                                   stack->size);
#endif
    swapcontext(&excursion->here, &excursion->there);
#if ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(excursion->fake_stack, NULL, NULL);
#endif
#if THREAD_SANITIZER
    __tsan_destroy_fiber(fibre);
#endif
}

/* Not inlined: getcontext() counts as returning twice, and nothing may live across it. */
static bool __attribute__((noinline))
prepare(struct excursion *excursion, char *bottom, size_t size)
{
    if (getcontext(&excursion->there) != 0)
        return false;
    excursion->there.uc_stack.ss_sp = bottom;
    excursion->there.uc_stack.ss_size = size;
    excursion->there.uc_link = NULL;
    const uintptr_t address = (uintptr_t)excursion;
    /* The cast is how makecontext() is meant to be used. */
    makecontext(&excursion->there, (void (*)(void))arrive, 2, (unsigned)(address >> 32),
                (unsigned)address);
    return true;
}

bool subx_stack__run(struct subx_stack_cache *cache, size_t size, void (*function)(void *),
                     void *data)
{
    const size_t page = 4096;
    if (size > SIZE_MAX - GUARD_SIZE - page)
        return false;
    struct stack *stack = take(cache, (size + page - 1) & ~(page - 1));
    if (stack == NULL)
        return false;
    struct excursion excursion;
    excursion.function = function;
    excursion.data = data;
    const bool prepared = prepare(&excursion, stack->mapping + GUARD_SIZE, stack->size);
    if (prepared) {
        const struct bounds outer = bounds;
        bounds.bottom = (uintptr_t)stack->mapping + GUARD_SIZE;
        bounds.top = bounds.bottom + stack->size;
        go(&excursion, stack);
        bounds = outer;
    }
    give(cache, stack);
    return prepared;
}
