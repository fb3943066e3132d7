/* Memory import to export, and limits of memories (spec/executor.md sections 1.1 and 1.3). */
#include "blob/pass.h"
#include "blob/wasm_edit.h"
#include "util/error.h"
#include "util/mem.h"

/* What 32 bits address, in pages. */
#define MEMORY_MAX_PAGES 65536u

/* Take the first memory import out of the list; false if there is none. */
static bool take_memory_import(struct subx_wasm_module *module, struct subx_wasm_import *taken)
{
    for (uint32_t i = 0; i < module->import_count; i++) {
        if (module->imports[i].kind != SUBX_WASM_MEMORY)
            continue;
        *taken = module->imports[i];
        module->import_count--;
        module->imported_memories--;
        memmove(&module->imports[i], &module->imports[i + 1],
                (module->import_count - i) * sizeof *module->imports);
        return true;
    }
    return false;
}

subx_status subx_memory_pass__export(struct subx_wasm_module *module, subx_error *error)
{
    struct subx_wasm_import import;
    if (!take_memory_import(module, &import))
        return SUBX_OK;
    if (subx_wasm_edit__has_section(module, SUBX_SECTION_MEMORY))
        return subx_error__set(error, SUBX_INVALID_MODULE,
                               "the memory import cannot become an export: there is a memory "
                               "section too");
    subx_status status = subx_wasm_edit__insert_section(module, SUBX_SECTION_MEMORY, error);
    if (status != SUBX_OK)
        return status;
    /* An empty section that the stack limiter dropped has left an array. */
    struct subx_wasm_limits *const memories =
        subx_mem__realloc(module->memories, 1, sizeof *memories);
    if (memories == NULL)
        return subx_error__nomem(error);
    module->memories = memories;
    module->memories[0] = import.memory;
    module->memory_count = 1;
    const struct subx_wasm_export export = {.name = import.name, .kind = SUBX_WASM_MEMORY};
    return subx_wasm_edit__add_export(module, &export, error);
}

static uint32_t add_saturating(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static struct subx_wasm_limits new_limits(struct subx_wasm_limits old,
                                          enum subx_memory_limits limits, uint32_t pages)
{
    switch (limits) {
    case SUBX_LIMITS_NO_MAX:
    case SUBX_LIMITS_UNBOUNDED:
        return (struct subx_wasm_limits){.min = old.min};
    case SUBX_LIMITS_STATIC: {
        const uint32_t both = add_saturating(old.min, pages);
        return (struct subx_wasm_limits){.min = both, .has_max = true, .max = both};
    }
    case SUBX_LIMITS_DYNAMIC:
        return (struct subx_wasm_limits){
            .min = old.min < pages ? old.min : pages, .has_max = true, .max = pages};
    case SUBX_LIMITS_PAGES:
    case SUBX_LIMITS_KEEP:
        break;
    }
    return old;
}

/* The older form: the host grew the memory by the heap's pages right after instantiation, and kept
 * it within a bound of its own (spec/executor.md section 1.2). */
static subx_status add_heap_pages(struct subx_wasm_limits *limits, const struct subx_passes *passes,
                                  subx_error *error)
{
    const uint64_t total = (uint64_t)limits->min + passes->memory_pages;
    if (passes->memory_max != 0)
        *limits = (struct subx_wasm_limits){limits->min, true, passes->memory_max};
    const uint64_t bound =
        limits->has_max && limits->max < MEMORY_MAX_PAGES ? limits->max : MEMORY_MAX_PAGES;
    if (total > bound)
        return subx_error__set(error, SUBX_INVALID_HEAP_PAGES,
                               "%u pages of memory and %u of heap are more than the %u there may "
                               "be",
                               limits->min, passes->memory_pages, (unsigned)bound);
    limits->min = (uint32_t)total;
    return SUBX_OK;
}

subx_status subx_memory_pass__set_limits(struct subx_wasm_module *module,
                                         const struct subx_passes *passes, subx_error *error)
{
    const enum subx_memory_limits limits = passes->memory_limits;
    const bool needs_memory = limits != SUBX_LIMITS_KEEP && limits != SUBX_LIMITS_NO_MAX;
    if (needs_memory && !subx_wasm_edit__has_section(module, SUBX_SECTION_MEMORY))
        return subx_error__set(error, SUBX_INVALID_MEMORY, "no memory section found");
    if (needs_memory && module->memory_count == 0)
        return subx_error__set(error, SUBX_INVALID_MEMORY, "memory section is empty");
    subx_status status = SUBX_OK;
    for (uint32_t i = 0; i < module->memory_count && status == SUBX_OK; i++)
        if (limits == SUBX_LIMITS_PAGES)
            status = add_heap_pages(&module->memories[i], passes, error);
        else
            module->memories[i] = new_limits(module->memories[i], limits, passes->memory_pages);
    return status;
}
