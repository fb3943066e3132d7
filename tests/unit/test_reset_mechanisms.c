/*
 * Resetting in place with every set of mechanisms that a kernel may offer, and on what surrounds a fresh
 * instance: pages that are private before its first call, counts of other threads, huge pages.
 */
#include "guests.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/reset.h"
#include "reset_world.h"
#include "util/endian.h"
#include "wasm_bytes.h"

#define STATIC_16            \
    {                        \
        SUBX_HEAP_STATIC, 16 \
    }
#define DYNAMIC_400            \
    {                          \
        SUBX_HEAP_DYNAMIC, 400 \
    }
#define SEED UINT64_C(0x5eed1000)

static const struct reset_variant usual = {.name = "static heap", STATIC_16, .use_kernel = true};
static const struct reset_variant growing = {
    .name = "growing heap", DYNAMIC_400, .growing = true, .use_kernel = true};

/* ---- Every set of mechanisms ---- */

#define VARIANT(scan_kind, faults, far, distrust)                                             \
    {                                                                                         \
        .name = #scan_kind " faults:" #faults " far:" #far " distrust:" #distrust, STATIC_16, \
        .scan = SUBX_SCAN_##scan_kind, .counts_faults = (faults), .far_data = (far),          \
        .distrust_restores = (distrust)                                                       \
    }
#define VARIANTS(scan_kind)                                                            \
    VARIANT(scan_kind, true, false, false), VARIANT(scan_kind, false, false, false),   \
        VARIANT(scan_kind, true, false, true), VARIANT(scan_kind, false, false, true), \
        VARIANT(scan_kind, true, true, false), VARIANT(scan_kind, false, true, false)

static void test_mechanisms(void **state)
{
    (void)state;
    static const struct reset_variant variants[] = {VARIANTS(IOCTL), VARIANTS(PAGEMAP),
                                                    VARIANTS(NONE)};
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        /* A kernel without the request refuses it: then this is the variant NONE once more. */
        struct reset_world *world = reset_world_new(&variants[i], SEED + 300 + i);
        for (unsigned call = 1; call <= ROUNDS(40, 8); call++) {
            const unsigned where = (unsigned)reset_world_random(world, 2 * RESET_WORKERS);
            assert_true(reset_world_call(world, where));
            if (call % 5 == 0)
                assert_true(reset_world_compare(world));
        }
        reset_world_free(world);
    }
}

/*
 * A fresh instance whose data was copied in has private pages before its first call. Here a call writes to
 * such pages only (the heap starts in one of them), so no fault tells of it.
 */
static void test_first_call(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    /* Adds one to the u32 at 1024, which data sets to 7; more data at 20 MiB. */
    subx_bytes code = wasm_module(
        "01(01 60 02 7f 7f 01 7e) 03(01 00) 05(01 00 c802) 06(01 7f 00 41 d008 0b)"
        " 07(03 ('run') 00 00 ('memory') 02 00 ('__heap_base') 03 00)"
        " 0a(01 (00 41 8008 41 8008 28 02 00 41 01 6a 36 02 00 42 8008 42 04 42 20 86 84 0b))"
        " 0b(02 00 418008 0b (07000000) 00 41 8080800a 0b ('far'))");
    subx_runtime *runtime = load_runtime(executor, wasm_slice(code), &options);
    subx_bytes_free(&code);
    assert_int_equal(subx_runtime_strategy(runtime), SUBX_STRATEGY_RESET);
    assert_false(runtime->dont_need_restores);
    for (int round = 0; round < 3; round++) {
        expect_output(runtime, "run", SUBX_EMPTY, LITERAL("\x08\0\0\0"));
        assert_null(subx_reset__difference(runtime->idle));
    }
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* ---- Marks ---- */

/* A program that writes one byte into a page that is not hot, and so has one fault. */
static void write_elsewhere(struct reset_world *world, uint32_t page)
{
    uint8_t step[12] = {0};
    subx_store_u32(step + 4, 3u << 20 | page << 12);
    subx_store_u32(step + 8, 0x77);
    struct outcome outcome;
    call_export(world->reset, "run", subx_slice__of(step, sizeof step), &outcome);
    assert_int_equal(outcome.status, SUBX_OK);
    outcome_free(&outcome);
}

/*
 * Fault counts of two threads, or of a process and its child, may meet by chance: the count of another one must
 * not pass for the mark of a call, even where it is what this call ends with.
 */
static bool marks_of_others_do_not_count(struct reset_world *world, uint64_t other, uint32_t page)
{
    /* First whatever a new thread or process faults at. */
    for (uint32_t i = 0; i < 4; i++) {
        write_elsewhere(world, page++);
        if (!reset_world_compare(world))
            return false;
    }
    for (uint32_t k = 0; k < 12; k++) {
        struct subx_guest_instance *idle = world->reset->idle;
        idle->fresh_marks = 0;
        idle->mark = (struct subx_fault_mark){subx_pages__faults() + k, other};
        write_elsewhere(world, page++);
        if (!reset_world_compare(world))
            return false;
    }
    return true;
}

static void test_marks(void **state)
{
    (void)state;
    struct reset_world *world = reset_world_new(&usual, SEED + 600);
    while (world->reset->idle == NULL)
        assert_true(reset_world_call(world, 0));
    assert_true(reset_world_call(world, 0));
    assert_non_null(world->reset->idle);
    const uint64_t of_worker = world->reset->idle->mark.thread;
    assert_int_not_equal(of_worker, subx_fault_mark__take().thread);
    assert_true(marks_of_others_do_not_count(world, of_worker, 10));

    const uint64_t of_parent = subx_fault_mark__take().thread;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(marks_of_others_do_not_count(world, of_parent, 100) ? 0 : 1);
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    reset_world_free(world);
}

/* ---- Huge pages ---- */

/* Whether the mapping at `address` carries a flag in /proc/self/smaps. */
static bool has_flag(const void *address, const char *flag)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    char line[512];
    bool inside = false, found = false;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long long start = 0, end = 0;
        if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
            inside = start <= (uintptr_t)address && end > (uintptr_t)address;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    fclose(maps);
    return found;
}

/*
 * A huge page would make pages private that the guest never wrote, without a fault of its own. None can come to
 * be in the guest's memory, not even on request, however huge pages are set up.
 */
static void test_no_huge_pages(void **state)
{
    (void)state;
    (void)prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    const int collapse = 25; /* MADV_COLLAPSE, Linux 6.1 */
    static const struct reset_variant *const variants[] = {&usual, &growing};
    for (int i = 0; i < 2; i++) {
        struct reset_world *world = reset_world_new(variants[i], SEED + 500);
        while (world->reset->idle == NULL)
            assert_true(reset_world_call(world, RESET_WORKERS));
        const struct subx_guest *guest = &world->reset->idle->call.guest;
        uint8_t *last = guest->base + guest->size - 1;
        const bool known = access("/sys/kernel/mm/transparent_hugepage", F_OK) == 0;
        assert_true(!known || (has_flag(guest->base, " nh") && has_flag(last, " nh")));
        assert_int_not_equal(madvise(guest->base, guest->size & ~(size_t)0x1fffff, collapse), 0);
        for (int call = 0; call < 20; call++)
            assert_true(reset_world_call(world, RESET_WORKERS) && reset_world_compare(world));
        reset_world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mechanisms),
        cmocka_unit_test(test_first_call),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_no_huge_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
