/* Changing a parsed module. */
#include "blob/wasm_edit.h"

#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* A block of bytes in the list of what a module owns. */
struct subx_wasm_owned {
    struct subx_wasm_owned *next;
    uint8_t bytes[];
};

uint8_t *subx_wasm_edit__own(struct subx_wasm_module *module, size_t size)
{
    size_t total = 0;
    if (__builtin_add_overflow(sizeof(struct subx_wasm_owned), size, &total))
        return NULL;
    struct subx_wasm_owned *const block = subx_mem__alloc(total);
    if (block == NULL)
        return NULL;
    block->next = module->owned;
    module->owned = block;
    return block->bytes;
}

void subx_wasm_edit__free_owned(struct subx_wasm_owned *owned)
{
    while (owned != NULL) {
        struct subx_wasm_owned *const next = owned->next;
        subx_mem__free(owned);
        owned = next;
    }
}

int subx_wasm_edit__section_place(uint8_t id)
{
    static const uint8_t places[SUBX_SECTION_IDS] = {
        [SUBX_SECTION_TYPE] = 1,   [SUBX_SECTION_IMPORT] = 2, [SUBX_SECTION_FUNCTION] = 3,
        [SUBX_SECTION_TABLE] = 4,  [SUBX_SECTION_MEMORY] = 5, [SUBX_SECTION_GLOBAL] = 6,
        [SUBX_SECTION_EXPORT] = 7, [SUBX_SECTION_START] = 8,  [SUBX_SECTION_ELEMENT] = 9,
        [SUBX_SECTION_CODE] = 11,  [SUBX_SECTION_DATA] = 12,  [SUBX_SECTION_DATA_COUNT] = 10,
    };
    return id < SUBX_SECTION_IDS ? places[id] : 0;
}

bool subx_wasm_edit__has_section(const struct subx_wasm_module *module, uint8_t id)
{
    for (size_t i = 0; i < module->section_count; i++)
        if (module->sections[i].id == id)
            return true;
    return false;
}

subx_status subx_wasm_edit__insert_section(struct subx_wasm_module *module, uint8_t id,
                                           subx_error *error)
{
    SUBX_CHECK(!subx_wasm_edit__has_section(module, id));
    struct subx_wasm_section *const sections =
        subx_mem__realloc(module->sections, module->section_count + 1, sizeof *sections);
    if (sections == NULL)
        return subx_error__nomem(error);
    module->sections = sections;

    size_t at = 0;
    while (at < module->section_count &&
           subx_wasm_edit__section_place(sections[at].id) < subx_wasm_edit__section_place(id))
        at++;
    memmove(&sections[at + 1], &sections[at], (module->section_count - at) * sizeof *sections);
    sections[at] = (struct subx_wasm_section){.id = id};
    module->section_count++;
    return SUBX_OK;
}

/* Room for one entry more in an array of the module, and a section for it. */
static void *make_room(struct subx_wasm_module *module, uint8_t id, void *entries, uint32_t count,
                       size_t size, subx_error *error)
{
    /* With entries there is a section: no need to look for it each time. */
    if (count == 0 && !subx_wasm_edit__has_section(module, id) &&
        subx_wasm_edit__insert_section(module, id, error) != SUBX_OK)
        return NULL;
    void *const larger = subx_mem__realloc(entries, (size_t)count + 1, size);
    if (larger == NULL)
        subx_error__nomem(error);
    return larger;
}

subx_status subx_wasm_edit__add_global(struct subx_wasm_module *module,
                                       const struct subx_wasm_global *global, subx_error *error)
{
    struct subx_wasm_global *const globals = make_room(
        module, SUBX_SECTION_GLOBAL, module->globals, module->global_count, sizeof *globals, error);
    if (globals == NULL)
        return SUBX_NOMEM;
    module->globals = globals;
    globals[module->global_count++] = *global;
    return SUBX_OK;
}

subx_status subx_wasm_edit__add_export(struct subx_wasm_module *module,
                                       const struct subx_wasm_export *export, subx_error *error)
{
    struct subx_wasm_export *const exports = make_room(
        module, SUBX_SECTION_EXPORT, module->exports, module->export_count, sizeof *exports, error);
    if (exports == NULL)
        return SUBX_NOMEM;
    module->exports = exports;
    exports[module->export_count++] = *export;
    return SUBX_OK;
}

/* Index of the first type equal to `type`, appended if there is none; UINT32_MAX if memory is
 * short. */
static uint32_t find_type(struct subx_wasm_module *module,
                          const struct subx_wasm_function_type *type, subx_error *error)
{
    for (uint32_t i = 0; i < module->type_count; i++)
        if (subx_slice__equal(module->types[i].params, type->params) &&
            subx_slice__equal(module->types[i].results, type->results))
            return i;
    struct subx_wasm_function_type *const types = make_room(
        module, SUBX_SECTION_TYPE, module->types, module->type_count, sizeof *types, error);
    if (types == NULL)
        return UINT32_MAX;
    module->types = types;
    types[module->type_count] = *type;
    return module->type_count++;
}

subx_status subx_wasm_edit__add_function(struct subx_wasm_module *module,
                                         const struct subx_wasm_function_type *type,
                                         subx_slice body, uint32_t *index, subx_error *error)
{
    const uint32_t type_index = find_type(module, type, error);
    if (type_index == UINT32_MAX)
        return SUBX_NOMEM;
    uint32_t *const functions = make_room(module, SUBX_SECTION_FUNCTION, module->functions,
                                          module->function_count, sizeof *functions, error);
    if (functions == NULL)
        return SUBX_NOMEM;
    module->functions = functions;
    subx_slice *const bodies = make_room(module, SUBX_SECTION_CODE, module->bodies,
                                         module->body_count, sizeof *bodies, error);
    if (bodies == NULL)
        return SUBX_NOMEM;
    module->bodies = bodies;
    *index = module->imported_functions + module->function_count;
    functions[module->function_count++] = type_index;
    bodies[module->body_count++] = body;
    return SUBX_OK;
}

/* Entries of a section that is written from arrays; 1 for those that hold a single value. */
static size_t entry_count(const struct subx_wasm_module *module, uint8_t id)
{
    switch (id) {
    case SUBX_SECTION_TYPE:
        return module->type_count;
    case SUBX_SECTION_IMPORT:
        return module->import_count;
    case SUBX_SECTION_FUNCTION:
        return module->function_count;
    case SUBX_SECTION_TABLE:
        return module->table_count;
    case SUBX_SECTION_MEMORY:
        return module->memory_count;
    case SUBX_SECTION_GLOBAL:
        return module->global_count;
    case SUBX_SECTION_EXPORT:
        return module->export_count;
    case SUBX_SECTION_ELEMENT:
        return module->element_count;
    case SUBX_SECTION_CODE:
        return module->body_count;
    case SUBX_SECTION_DATA:
        return module->data_count;
    default:
        return 1;
    }
}

static bool is_moved_behind(const struct subx_wasm_module *module, uint8_t id)
{
    return id == SUBX_SECTION_CUSTOM ||
           (id == SUBX_SECTION_DATA_COUNT && module->grammar == SUBX_WASM_STRICT);
}

subx_status subx_wasm_edit__rebuild(struct subx_wasm_module *module, subx_error *error)
{
    struct subx_wasm_section *const sections =
        subx_mem__calloc(module->section_count, sizeof *sections);
    if (sections == NULL)
        return subx_error__nomem(error);
    /* Known sections are in their order already: both grammars demand it. */
    size_t count = 0;
    for (size_t i = 0; i < module->section_count; i++) {
        const uint8_t id = module->sections[i].id;
        if (!is_moved_behind(module, id) && entry_count(module, id) > 0)
            sections[count++] = module->sections[i];
    }
    for (size_t i = module->section_count; i-- > 0;)
        if (is_moved_behind(module, module->sections[i].id))
            sections[count++] = module->sections[i];
    subx_mem__free(module->sections);
    module->sections = sections;
    module->section_count = count;
    return SUBX_OK;
}
