/*
 * Resetting in place.
 *
 * Memory: only pages that the call could have written need attention. An unchanged fault count of
 * the thread proves that only pages of the hot set, known to be private already, were written;
 * those are restored by copy. If it moved, a scan of the page tables finds all private pages: they
 * become the hot set up to a limit, the rest is given back to the kernel, which brings the pristine
 * contents back on the next access.
 */
#include "exec/reset.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "blob/data_segments.h"
#include "blob/wasm_module.h"
#include "exec/wasmtime_error.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* Pages that stay resident between calls and are restored by copy: 8 MiB. Beyond it giving back is
 * cheaper. */
#define HOT_PAGES_MAX 2048u
#define HOT_RUNS_MAX 512u

/* Calls that take a mark of their own after an old one cost a needless scan. */
#define FRESH_MARKS 64u

/* Runtimes whose data segments span more are recreated for each call instead. */
#define IMAGE_SIZE_MAX ((size_t)64 << 20)

static size_t round_up_to_page(size_t size)
{
    return (size + SUBX_PAGE_SIZE - 1) & ~(SUBX_PAGE_SIZE - 1);
}

/* ---- What the strategy must know of a module ---- */

const char *subx_reset__obstacle_text(enum subx_reset_obstacle obstacle)
{
    switch (obstacle) {
    case SUBX_RESET_POSSIBLE:
        return "there is no obstacle";
    case SUBX_RESET_START_FUNCTION:
        return "it has a start function";
    case SUBX_RESET_TABLES_CHANGE:
        return "it may change its tables or drop its segments";
    case SUBX_RESET_IMPORTED_GLOBALS:
        return "it imports globals";
    case SUBX_RESET_HIDDEN_GLOBALS:
        return "it exports names with the prefix " SUBX_GLOBAL_PREFIX " itself";
    case SUBX_RESET_REFERENCE_GLOBALS:
        return "it has a mutable global of a reference or vector type";
    case SUBX_RESET_DATA_TOO_FAR:
        return "its data segments reach too far";
    }
    return "of an unknown obstacle";
}

static bool is_number(uint8_t type)
{
    return type == SUBX_WASM_I32 || type == SUBX_WASM_I64 || type == SUBX_WASM_F32 ||
           type == SUBX_WASM_F64;
}

static enum subx_reset_obstacle find_obstacle(const struct subx_wasm_module *module,
                                              struct subx_reset_facts *facts)
{
    if (module->has_start)
        return SUBX_RESET_START_FUNCTION;
    if ((module->features & (SUBX_WASM_BULK_MEMORY | SUBX_WASM_REFERENCE_TYPES)) != 0)
        return SUBX_RESET_TABLES_CHANGE;
    if (module->imported_globals > 0)
        return SUBX_RESET_IMPORTED_GLOBALS;
    for (uint32_t i = 0; i < module->global_count; i++) {
        if (!module->globals[i].is_mutable)
            continue;
        if (!is_number(module->globals[i].type))
            return SUBX_RESET_REFERENCE_GLOBALS;
        facts->mutable_globals++;
    }
    uint32_t exported = 0;
    for (uint32_t i = 0; i < module->export_count; i++)
        exported +=
            subx_slice__starts_with(module->exports[i].name, subx_slice__text(SUBX_GLOBAL_PREFIX));
    if (exported != facts->mutable_globals)
        return SUBX_RESET_HIDDEN_GLOBALS;
    return facts->image_end > IMAGE_SIZE_MAX ? SUBX_RESET_DATA_TOO_FAR : SUBX_RESET_POSSIBLE;
}

subx_status subx_reset__inspect(subx_slice prepared, struct subx_reset_facts *facts,
                                subx_error *error)
{
    *facts = (struct subx_reset_facts){SUBX_RESET_POSSIBLE, 0, 0};
    struct subx_wasm_module module;
    subx_status status = subx_wasm__parse(prepared, SUBX_WASM_RELAXED, &module, error);
    if (status != SUBX_OK)
        return status;
    struct subx_data_segments segments = {NULL, 0};
    status = subx_data_segments__take(&module, &segments, NULL);
    if (status == SUBX_OK) {
        facts->image_end = subx_data_segments__end(&segments);
        facts->obstacle = find_obstacle(&module, facts);
    } else if (status != SUBX_NOMEM) {
        /* Passive segments, or offsets that are no constants. */
        facts->obstacle = SUBX_RESET_TABLES_CHANGE;
        status = SUBX_OK;
    } else {
        subx_error__nomem(error);
    }
    subx_data_segments__free(&segments);
    subx_wasm__free(&module);
    return status;
}

/* ---- What a fresh instance looks like ---- */

static subx_status save_globals(subx_runtime *runtime, uint32_t count,
                                struct subx_guest_instance *first, subx_error *error)
{
    runtime->globals = subx_mem__calloc(count, sizeof *runtime->globals);
    if (runtime->globals == NULL)
        return subx_error__nomem(error);
    for (uint32_t i = 0; i < count; i++) {
        struct subx_saved_global *saved = &runtime->globals[i];
        snprintf(saved->name, sizeof saved->name, "%s_%u", SUBX_GLOBAL_PREFIX, (unsigned)i);
        wasmtime_extern_t item;
        if (!wasmtime_instance_export_get(first->context, &first->handle, saved->name,
                                          strlen(saved->name), &item))
            return subx_error__set(error, SUBX_INSTANTIATION, "global '%s' is not exported",
                                   saved->name);
        const bool is_global = item.kind == WASMTIME_EXTERN_GLOBAL;
        if (is_global)
            wasmtime_global_get(first->context, &item.of.global, &saved->value);
        wasmtime_extern_delete(&item);
        if (!is_global)
            return subx_error__set(error, SUBX_INSTANTIATION, "export '%s' is no global",
                                   saved->name);
        runtime->global_count++;
    }
    return SUBX_OK;
}

static bool page_is_zero(const uint8_t *page)
{
    static const uint8_t zeros[SUBX_PAGE_SIZE];
    return memcmp(page, zeros, SUBX_PAGE_SIZE) == 0;
}

static subx_status save_image(struct subx_pristine *pristine, uint64_t image_end,
                              const struct subx_guest *guest, subx_error *error)
{
    pristine->len = round_up_to_page((size_t)image_end);
    if (image_end > guest->size)
        return subx_error__set(error, SUBX_INSTANTIATION,
                               "data segments end at %llu, memory at %llu",
                               (unsigned long long)image_end, (unsigned long long)guest->size);
    pristine->image = subx_mem__copy(guest->base, pristine->len);
    if (pristine->image == NULL)
        return subx_error__nomem(error);
    while (pristine->zeros < pristine->len && page_is_zero(pristine->image + pristine->zeros))
        pristine->zeros += SUBX_PAGE_SIZE;
    return SUBX_OK;
}

/* Whether the kernel brings the image back after MADV_DONTNEED on this instance's memory. Where
 * data was copied in instead of mapped, zeros come back. */
static bool dont_need_restores(const struct subx_pristine *pristine, const struct subx_guest *guest)
{
    if (pristine->len == 0)
        return true;
    return madvise(guest->base, pristine->len, MADV_DONTNEED) == 0 &&
           memcmp(guest->base, pristine->image, pristine->len) == 0;
}

/* Those that the passes exported. After compiling they are as many as the facts say; an artifact might lie. */
static size_t count_exported_globals(const subx_runtime *runtime)
{
    size_t count = 0;
    for (size_t i = 0; i < runtime->entry_count; i++)
        count += strncmp(runtime->entries[i].name, SUBX_GLOBAL_PREFIX,
                         sizeof SUBX_GLOBAL_PREFIX - 1) == 0;
    return count;
}

subx_status subx_reset__learn(subx_runtime *runtime, const struct subx_reset_facts *facts,
                              struct subx_guest_instance *first, subx_error *error)
{
    const struct subx_guest *guest = &first->call.guest;
    const size_t exported = count_exported_globals(runtime);
    if (exported != facts->mutable_globals)
        return subx_error__set(
            error, SUBX_ARTIFACT,
            "damaged artifact: %u mutable globals in the trailer, %zu in the module",
            facts->mutable_globals, exported);
    subx_status status = save_image(&runtime->pristine, facts->image_end, guest, error);
    if (status == SUBX_OK)
        status = save_globals(runtime, facts->mutable_globals, first, error);
    if (status == SUBX_OK)
        runtime->dont_need_restores = dont_need_restores(&runtime->pristine, guest);
    return status;
}

void subx_reset__forget(subx_runtime *runtime)
{
    subx_mem__free(runtime->globals);
    subx_mem__free(runtime->pristine.image);
    runtime->globals = NULL;
    runtime->global_count = 0;
    runtime->pristine = (struct subx_pristine){NULL, 0, 0};
}

/* ---- One instance ---- */

subx_status subx_reset__attach(struct subx_guest_instance *instance, subx_error *error)
{
    const subx_runtime *runtime = instance->runtime;
    const struct subx_guest *guest = &instance->call.guest;
    instance->fresh_size = guest->size;
    instance->globals = subx_mem__calloc(runtime->global_count, sizeof *instance->globals);
    instance->hot = subx_mem__calloc(HOT_RUNS_MAX, sizeof *instance->hot);
    instance->functions = subx_mem__calloc(runtime->entry_count, sizeof *instance->functions);
    if (instance->globals == NULL || instance->hot == NULL || instance->functions == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < runtime->global_count; i++) {
        const char *name = runtime->globals[i].name;
        wasmtime_extern_t item;
        if (!wasmtime_instance_export_get(instance->context, &instance->handle, name, strlen(name),
                                          &item))
            return subx_error__set(error, SUBX_INSTANTIATION, "global '%s' is not exported", name);
        instance->globals[i] = item.of.global;
        wasmtime_extern_delete(&item);
    }
    /* A huge page would be private as a whole after one write, at the cost of clearing it. */
    if (guest->size > 0)
        madvise(guest->base, guest->size, MADV_NOHUGEPAGE);
    return SUBX_OK;
}

void subx_reset__detach(struct subx_guest_instance *instance)
{
    subx_mem__free(instance->globals);
    subx_mem__free(instance->hot);
    subx_mem__free(instance->functions);
    instance->globals = NULL;
    instance->hot = NULL;
    instance->functions = NULL;
}

static size_t clamp(size_t value, size_t low, size_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Zeros before the data and behind it, the image between: only that has to be read from memory. */
static void restore_run(const struct subx_pristine *pristine, uint8_t *base,
                        struct subx_page_run run)
{
    const size_t start = (size_t)run.first * SUBX_PAGE_SIZE;
    const size_t end = start + (size_t)run.count * SUBX_PAGE_SIZE;
    const size_t data = clamp(pristine->zeros, start, end);
    const size_t behind = clamp(pristine->len, data, end);
    if (data > start)
        memset(base + start, 0, data - start);
    if (behind > data)
        memcpy(base + data, pristine->image + data, behind - data);
    if (end > behind)
        memset(base + behind, 0, end - behind);
}

static void restore_hot(struct subx_guest_instance *instance)
{
    subx_runtime *runtime = instance->runtime;
    uint64_t pages = 0;
    for (size_t i = 0; i < instance->hot_count; i++) {
        restore_run(&runtime->pristine, instance->call.guest.base, instance->hot[i]);
        pages += instance->hot[i].count;
    }
    if (pages > 0)
        atomic_fetch_add_explicit(&runtime->counters.restored_pages, pages, memory_order_relaxed);
}

/* Give pages from `first` on back to the kernel, whose contents are then pristine: zeros behind the image, and the image
 * where it is mapped. */
static bool give_back(const struct subx_guest_instance *instance, uint32_t first)
{
    const size_t start = (size_t)first * SUBX_PAGE_SIZE;
    if (start >= instance->fresh_size)
        return true;
    return madvise(instance->call.guest.base + start, instance->fresh_size - start,
                   MADV_DONTNEED) == 0;
}

/* Where giving back does not bring the image back, its pages are always hot: put them in front of what was found. */
static bool add_image(struct subx_guest_instance *instance)
{
    const uint32_t image_pages = (uint32_t)(instance->runtime->pristine.len / SUBX_PAGE_SIZE);
    if (instance->runtime->dont_need_restores || image_pages == 0)
        return true;
    size_t kept = 0;
    for (size_t i = 0; i < instance->hot_count; i++) {
        struct subx_page_run run = instance->hot[i];
        const uint32_t end = run.first + run.count;
        if (end <= image_pages)
            continue;
        if (run.first < image_pages)
            run = (struct subx_page_run){image_pages, end - image_pages};
        instance->hot[kept++] = run;
    }
    if (kept == HOT_RUNS_MAX)
        return false;
    memmove(instance->hot + 1, instance->hot, kept * sizeof *instance->hot);
    instance->hot[0] = (struct subx_page_run){0, image_pages};
    instance->hot_count = kept + 1;
    return true;
}

static uint64_t count_hot(const struct subx_guest_instance *instance)
{
    uint64_t pages = 0;
    for (size_t i = 0; i < instance->hot_count; i++)
        pages += instance->hot[i].count;
    return pages;
}

/* Keep what fits the limit of the hot set just found; the first page behind it, or UINT32_MAX. */
static uint32_t cut_hot(struct subx_guest_instance *instance)
{
    const uint32_t image_pages = (uint32_t)(instance->runtime->pristine.len / SUBX_PAGE_SIZE);
    const uint32_t most = instance->runtime->dont_need_restores || image_pages < HOT_PAGES_MAX
                              ? HOT_PAGES_MAX
                              : image_pages;
    uint32_t pages = 0;
    for (size_t i = 0; i < instance->hot_count; i++) {
        struct subx_page_run *run = &instance->hot[i];
        if (pages + run->count > most) {
            run->count = most - pages;
            instance->hot_count = run->count > 0 ? i + 1 : i;
            return run->first + run->count;
        }
        pages += run->count;
    }
    return UINT32_MAX;
}

/* Find the private pages; without an answer of the kernel all are taken for private and given back. */
static bool find_hot(struct subx_guest_instance *instance)
{
    subx_runtime *runtime = instance->runtime;
    struct subx_page_tables *tables = runtime->executor->page_tables;
    atomic_fetch_add_explicit(&runtime->counters.scans, 1, memory_order_relaxed);
    instance->is_scanned = true;
    if (tables != NULL &&
        subx_page_tables__scan(tables, instance->call.guest.base, instance->fresh_size,
                               runtime->pristine.len, instance->hot, HOT_RUNS_MAX,
                               &instance->hot_count) &&
        add_image(instance)) {
        const uint32_t behind = cut_hot(instance);
        return behind == UINT32_MAX || give_back(instance, behind);
    }
    instance->hot_count = 0;
    add_image(instance);
    return give_back(instance, instance->hot_count > 0 ? instance->hot[0].count : 0);
}

/*
 * The end of the call before is as good a mark as one of this call, and saves a system call. Where other work of the
 * thread faults in between, that costs a scan instead, so then calls take marks of their own for a while.
 */
void subx_reset__begin(struct subx_guest_instance *instance)
{
    instance->mark_is_old = instance->fresh_marks == 0 && subx_fault_mark__is_here(&instance->mark);
    if (instance->mark_is_old)
        return;
    if (instance->fresh_marks > 0)
        instance->fresh_marks--;
    instance->mark = subx_fault_mark__take();
}

static bool only_hot_written(const struct subx_guest_instance *instance,
                             const struct subx_fault_mark *now)
{
    return instance->is_scanned && instance->runtime->executor->pages.counts_faults &&
           now->faults != UINT64_MAX && now->faults == instance->mark.faults &&
           now->thread == instance->mark.thread;
}

static bool restore_memory(struct subx_guest_instance *instance)
{
    const struct subx_fault_mark now = subx_fault_mark__take();
    const bool was_hot = only_hot_written(instance, &now);
    instance->mark = now;
    if (!was_hot) {
        const uint64_t pages = count_hot(instance);
        if (!find_hot(instance))
            return false;
        if (instance->mark_is_old && count_hot(instance) == pages)
            instance->fresh_marks = FRESH_MARKS;
    }
    restore_hot(instance);
    /* What was just found is hot, so restoring it is no news to the next call. */
    if (!was_hot)
        instance->mark = subx_fault_mark__take();
    return true;
}

static bool restore_globals(struct subx_guest_instance *instance)
{
    const subx_runtime *runtime = instance->runtime;
    for (size_t i = 0; i < runtime->global_count; i++) {
        wasmtime_error_t *failure = wasmtime_global_set(instance->context, &instance->globals[i],
                                                        &runtime->globals[i].value);
        if (failure != NULL) {
            wasmtime_error_delete(failure);
            return false;
        }
    }
    return true;
}

bool subx_reset__end(struct subx_guest_instance *instance)
{
    if (instance->call.guest.size != instance->fresh_size || !restore_memory(instance) ||
        !restore_globals(instance))
        return false;
    atomic_fetch_add_explicit(&instance->runtime->counters.resets, 1, memory_order_relaxed);
    return true;
}

/* ---- The check ---- */

const char *subx_reset__difference(struct subx_guest_instance *instance)
{
    const subx_runtime *runtime = instance->runtime;
    subx_instance__refresh(instance);
    const struct subx_guest *guest = &instance->call.guest;
    if (guest->size != instance->fresh_size)
        return "memory size";
    if (runtime->pristine.len > 0 &&
        memcmp(guest->base, runtime->pristine.image, runtime->pristine.len) != 0)
        return "memory within the data segments";
    for (uint64_t at = runtime->pristine.len; at < guest->size; at += SUBX_PAGE_SIZE)
        if (!page_is_zero(guest->base + at))
            return "memory behind the data segments";
    for (size_t i = 0; i < runtime->global_count; i++) {
        wasmtime_val_t value;
        wasmtime_global_get(instance->context, &instance->globals[i], &value);
        const wasmtime_val_t *saved = &runtime->globals[i].value;
        const size_t size = value.kind == WASMTIME_I32 || value.kind == WASMTIME_F32 ? 4 : 8;
        if (value.kind != saved->kind || memcmp(&value.of, &saved->of, size) != 0)
            return "a mutable global";
    }
    return NULL;
}
