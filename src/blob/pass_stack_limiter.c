/* The deterministic stack limiter (spec/executor.md section 3), to the byte as the reference. */
#include <stdlib.h>

#include "blob/pass.h"
#include "blob/wasm_edit.h"
#include "blob/wasm_leb.h"
#include "util/error.h"
#include "util/mem.h"

/* Room for a counted call: at most 8 numbers of 5 bytes and 16 opcodes. */
#define COUNTED_CALL_SIZE 64

static uint8_t *put_indexed(uint8_t *out, uint8_t opcode, uint32_t index)
{
    *out++ = opcode;
    return subx_leb__put_u32(out, index);
}

static uint8_t *put_constant(uint8_t *out, uint32_t value)
{
    *out++ = SUBX_OP_I32_CONST;
    return subx_leb__put_signed(out, (int32_t)value);
}

static uint8_t *put_change(const struct subx_stack_limiter *limiter, uint8_t *out, uint32_t cost,
                           uint8_t operation)
{
    out = put_indexed(out, SUBX_OP_GLOBAL_GET, limiter->counter);
    out = put_constant(out, cost);
    *out++ = operation;
    return put_indexed(out, SUBX_OP_GLOBAL_SET, limiter->counter);
}

/* counter += cost; if counter > limit, trap; call; counter -= cost. Arguments and results stay on
 * the stack meanwhile. */
static void put_counted_call(const struct subx_stack_limiter *limiter, uint32_t function,
                             struct subx_buf *buf)
{
    const uint32_t cost = limiter->costs.costs[function];
    uint8_t code[COUNTED_CALL_SIZE];
    uint8_t *out = put_change(limiter, code, cost, SUBX_OP_I32_ADD);
    out = put_indexed(out, SUBX_OP_GLOBAL_GET, limiter->counter);
    out = put_constant(out, limiter->limit);
    *out++ = SUBX_OP_I32_GT_U;
    *out++ = SUBX_OP_IF;
    *out++ = SUBX_WASM_NO_RESULT;
    *out++ = SUBX_OP_UNREACHABLE;
    *out++ = SUBX_OP_END;
    out = put_indexed(out, SUBX_OP_CALL, function);
    out = put_change(limiter, out, cost, SUBX_OP_I32_SUB);
    subx_buf__append(buf, code, (size_t)(out - code));
}

static const struct subx_stack_limiter *limiter_of(const struct subx_wasm_rewriter *rewriter)
{
    return (const struct subx_stack_limiter *)rewriter; /* its first member */
}

static bool rewrite_instruction(const struct subx_wasm_rewriter *rewriter,
                                const struct subx_wasm_instruction *instruction,
                                struct subx_buf *out)
{
    const struct subx_stack_limiter *const limiter = limiter_of(rewriter);
    const uint32_t function = instruction->index;
    if (function >= limiter->costs.count || limiter->costs.costs[function] == 0)
        return false;
    if (instruction->form == SUBX_FORM_CALL) {
        put_counted_call(limiter, function, out);
    } else {
        uint8_t code[1 + SUBX_LEB_MAX_32];
        const uint8_t *const end = put_indexed(code, SUBX_OP_REF_FUNC, limiter->entries[function]);
        subx_buf__append(out, code, (size_t)(end - code));
    }
    return true;
}

static uint32_t rewrite_element(const struct subx_wasm_rewriter *rewriter, uint32_t function)
{
    const struct subx_stack_limiter *const limiter = limiter_of(rewriter);
    return function < limiter->costs.count ? limiter->entries[function] : function;
}

static subx_status add_counter(struct subx_wasm_module *module, struct subx_stack_limiter *limiter,
                               subx_error *error)
{
    static const uint8_t zero[] = {SUBX_OP_I32_CONST, 0, SUBX_OP_END};
    const struct subx_wasm_global counter = {
        .type = SUBX_WASM_I32, .is_mutable = true, .init = {zero, sizeof zero}};
    /* The reference forgets the imported globals; with some, what it makes does not compile. In the
     * strict grammar, which is the reference's, neither does ours. */
    limiter->counter = module->global_count;
    if (module->grammar == SUBX_WASM_RELAXED)
        limiter->counter += module->imported_globals;
    return subx_wasm_edit__add_global(module, &counter, error);
}

/* The functions that need a thunk: marked by an entry that is not their own index. */
struct marker {
    const struct subx_wasm_module *module;
    struct subx_stack_limiter *limiter;
    bool unknown; /* a function that does not exist was named */
    uint32_t unknown_function;
};

static void mark(struct marker *marker, uint32_t function)
{
    struct subx_stack_limiter *const limiter = marker->limiter;
    if (function >= limiter->costs.count) {
        marker->unknown = true;
        marker->unknown_function = function;
    } else if (limiter->costs.costs[function] != 0) {
        limiter->entries[function] = UINT32_MAX;
    }
}

/* Functions that code takes references of. The MVP has none. */
static void mark_references(struct marker *marker, struct subx_wasm_code *code)
{
    struct subx_wasm_instruction instruction;
    while (subx_wasm_code__next(code, &instruction))
        if (instruction.form == SUBX_FORM_REF_FUNC)
            mark(marker, instruction.index);
}

static size_t mark_expression(struct marker *marker, subx_slice bytes)
{
    struct subx_wasm_code code;
    subx_wasm_code__open_expression(&code, bytes, marker->module->grammar);
    mark_references(marker, &code);
    return subx_reader__offset(&code.reader);
}

static void mark_items(struct marker *marker, const struct subx_wasm_element *element)
{
    struct subx_reader reader = subx_reader__of(element->items);
    for (uint32_t i = 0, function = 0; i < element->count; i++)
        if ((element->flags & SUBX_WASM_ELEMENT_EXPRESSIONS) != 0)
            subx_reader__bytes(&reader,
                               mark_expression(marker, subx_slice__of(reader.at, reader.left)),
                               &(subx_slice){0});
        else if (subx_leb__u32(&reader, &function))
            mark(marker, function);
}

static void mark_extensions(struct marker *marker)
{
    const struct subx_wasm_module *const module = marker->module;
    if ((module->features & SUBX_WASM_REFERENCE_TYPES) == 0)
        return;
    for (uint32_t i = 0; i < module->global_count; i++)
        mark_expression(marker, module->globals[i].init);
    for (uint32_t i = 0; i < module->body_count; i++) {
        struct subx_wasm_code code;
        struct subx_wasm_locals locals;
        subx_wasm_code__open_body(&code, module->bodies[i], module->grammar, &locals);
        mark_references(marker, &code);
    }
}

static subx_status mark_entries(const struct subx_wasm_module *module,
                                struct subx_stack_limiter *limiter, subx_error *error)
{
    struct marker marker = {.module = module, .limiter = limiter};
    for (uint32_t i = 0; i < module->export_count; i++)
        if (module->exports[i].kind == SUBX_WASM_FUNCTION)
            mark(&marker, module->exports[i].index);
    for (uint32_t i = 0; i < module->element_count; i++)
        mark_items(&marker, &module->elements[i]);
    if (module->has_start)
        mark(&marker, module->start);
    mark_extensions(&marker);
    if (marker.unknown)
        return subx_error__set(error, SUBX_INVALID_MODULE,
                               "stack limiter: function %u is exported, started or in a table, but "
                               "there is none",
                               marker.unknown_function);
    return SUBX_OK;
}

/* A type and its index, for sorting. */
struct sorted_type {
    const struct subx_wasm_function_type *type;
    uint32_t index;
};

static int compare_slices(subx_slice a, subx_slice b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len == 0 ? 0 : memcmp(a.data, b.data, a.len);
}

static int compare_types(const struct sorted_type *a, const struct sorted_type *b)
{
    const int params = compare_slices(a->type->params, b->type->params);
    return params != 0 ? params : compare_slices(a->type->results, b->type->results);
}

static int compare_sorted(const void *left, const void *right)
{
    const struct sorted_type *const a = left, *const b = right;
    const int types = compare_types(a, b);
    if (types != 0)
        return types;
    return (a->index > b->index) - (a->index < b->index);
}

/* For each type the first one that is equal to it; NULL if memory is short. Sorted, because made-up
 * modules have a million types. */
static uint32_t *first_equal_types(const struct subx_wasm_module *module)
{
    const uint32_t count = module->type_count;
    struct sorted_type *const sorted = subx_mem__calloc(count, sizeof *sorted);
    uint32_t *first = subx_mem__calloc(count, sizeof *first);
    if (sorted == NULL) {
        subx_mem__free(first);
        first = NULL;
    }
    if (first != NULL) {
        for (uint32_t i = 0; i < count; i++)
            sorted[i] = (struct sorted_type){&module->types[i], i};
        qsort(sorted, count, sizeof *sorted, compare_sorted);
        for (uint32_t i = 0, run = 0; i < count; i++) {
            if (compare_types(&sorted[i], &sorted[run]) != 0)
                run = i;
            first[sorted[i].index] = sorted[run].index;
        }
    }
    subx_mem__free(sorted);
    return first;
}

/* Body of a thunk: no locals, all parameters, the counted call. */
static void put_thunk(const struct subx_stack_limiter *limiter, uint32_t function, size_t params,
                      struct subx_buf *buf)
{
    subx_leb__append_u32(buf, 0);
    for (uint32_t i = 0; i < params; i++) {
        uint8_t code[1 + SUBX_LEB_MAX_32];
        const uint8_t *const end = put_indexed(code, SUBX_OP_LOCAL_GET, i);
        subx_buf__append(buf, code, (size_t)(end - code));
    }
    put_counted_call(limiter, function, buf);
    subx_buf__append_u8(buf, SUBX_OP_END);
}

/* Make room for `count` functions more. */
static bool reserve_functions(struct subx_wasm_module *module, uint32_t count)
{
    const size_t total = (size_t)module->function_count + count;
    uint32_t *const functions = subx_mem__realloc(module->functions, total, sizeof *functions);
    if (functions != NULL)
        module->functions = functions;
    subx_slice *const bodies = subx_mem__realloc(module->bodies, total, sizeof *bodies);
    if (bodies != NULL)
        module->bodies = bodies;
    return functions != NULL && bodies != NULL;
}

/* Write thunks for all marked functions, in their order. The bodies' slices get their lengths here
 * and their places in adopt_bodies(), when `code` moves no more. */
static subx_status put_thunks(struct subx_wasm_module *module, struct subx_stack_limiter *limiter,
                              const uint32_t *first_types, struct subx_buf *code, subx_error *error)
{
    for (uint32_t i = 0; i < limiter->costs.count; i++) {
        if (limiter->entries[i] != UINT32_MAX)
            continue;
        const uint32_t type = limiter->costs.types[i];
        const size_t start = code->len;
        put_thunk(limiter, i, module->types[type].params.len, code);
        limiter->entries[i] = module->imported_functions + module->function_count;
        module->functions[module->function_count++] = first_types[type];
        module->bodies[module->body_count++] = (subx_slice){NULL, code->len - start};
    }
    return code->failed ? subx_error__nomem(error) : SUBX_OK;
}

static subx_status adopt_bodies(struct subx_wasm_module *module, uint32_t first,
                                const struct subx_buf *code, subx_error *error)
{
    uint8_t *const owned = subx_wasm_edit__own(module, code->len);
    if (owned == NULL)
        return subx_error__nomem(error);
    if (code->len > 0)
        memcpy(owned, code->data, code->len);
    const uint8_t *at = owned;
    for (uint32_t i = first; i < module->body_count; i++) {
        module->bodies[i].data = at;
        at += module->bodies[i].len;
    }
    return SUBX_OK;
}

/* How many functions are marked; refuse if their thunks would be too large, before writing them. */
static subx_status count_thunks(const struct subx_wasm_module *module,
                                const struct subx_stack_limiter *limiter, uint32_t *count,
                                subx_error *error)
{
    uint64_t size = 0;
    *count = 0;
    for (uint32_t i = 0; i < limiter->costs.count; i++) {
        if (limiter->entries[i] != UINT32_MAX)
            continue;
        ++*count;
        /* a `local.get` for each parameter; only the first 128 are shorter than 3 bytes */
        size += COUNTED_CALL_SIZE + 3 * (uint64_t)module->types[limiter->costs.types[i]].params.len;
    }
    if (size > SUBX_WASM_MAX_WRITTEN)
        return subx_error__set(error, SUBX_INVALID_MODULE,
                               "stack limiter: the module would grow beyond %zu bytes",
                               SUBX_WASM_MAX_WRITTEN);
    return SUBX_OK;
}

static subx_status add_thunks(struct subx_wasm_module *module, struct subx_stack_limiter *limiter,
                              subx_error *error)
{
    uint32_t count = 0;
    subx_status status = count_thunks(module, limiter, &count, error);
    if (status != SUBX_OK)
        return status;
    struct subx_buf code = SUBX_BUF_INIT;
    uint32_t *const first_types = first_equal_types(module);
    const uint32_t first_body = module->body_count;
    if (first_types == NULL || !reserve_functions(module, count))
        status = subx_error__nomem(error);
    if (status == SUBX_OK)
        status = put_thunks(module, limiter, first_types, &code, error);
    if (status == SUBX_OK)
        status = adopt_bodies(module, first_body, &code, error);
    subx_buf__free(&code);
    subx_mem__free(first_types);
    return status;
}

static void retarget(struct subx_wasm_module *module, const struct subx_stack_limiter *limiter)
{
    for (uint32_t i = 0; i < module->export_count; i++)
        if (module->exports[i].kind == SUBX_WASM_FUNCTION)
            module->exports[i].index = limiter->entries[module->exports[i].index];
    if (module->has_start)
        module->start = limiter->entries[module->start];
}

subx_status subx_stack_limiter__apply(struct subx_wasm_module *module, uint32_t limit,
                                      struct subx_stack_limiter *limiter, subx_error *error)
{
    *limiter = (struct subx_stack_limiter){
        .rewriter = {rewrite_instruction, rewrite_element, module->body_count}, .limit = limit};
    subx_status status = add_counter(module, limiter, error);
    if (status == SUBX_OK)
        status = subx_stack_costs__compute(module, &limiter->costs, error);
    if (status != SUBX_OK)
        return status;
    limiter->entries = subx_mem__calloc(limiter->costs.count, sizeof *limiter->entries);
    if (limiter->entries == NULL)
        return subx_error__nomem(error);
    for (uint32_t i = 0; i < limiter->costs.count; i++)
        limiter->entries[i] = i;
    status = mark_entries(module, limiter, error);
    if (status == SUBX_OK)
        status = add_thunks(module, limiter, error);
    if (status == SUBX_OK)
        status = subx_wasm_edit__rebuild(module, error);
    if (status == SUBX_OK)
        retarget(module, limiter);
    return status;
}

void subx_stack_limiter__free(struct subx_stack_limiter *limiter)
{
    subx_stack_costs__free(&limiter->costs);
    subx_mem__free(limiter->entries);
    limiter->entries = NULL;
}
