/* Costs of functions in the stack limiter (spec/executor.md section 3). */
#include "blob/stack_cost.h"

#include "blob/wasm_code.h"
#include "blob/wasm_leb.h"
#include "util/error.h"
#include "util/mem.h"

/* Height that a function starts with, for its activation. */
#define FRAME_COST 2

struct frame {
    uint32_t start;        /* height at its beginning */
    uint32_t end_arity;    /* values it leaves */
    uint32_t branch_arity; /* values that a branch to it takes along */
    bool is_polymorphic;   /* the rest of it cannot be reached */
};

struct meter {
    const struct subx_wasm_module *module;
    const struct subx_stack_costs *functions;
    struct frame *frames;
    size_t depth, capacity;
    uint32_t height, max;
    uint32_t function;
    size_t offset; /* of the instruction in the module */
    subx_error *error;
    subx_status status;
};

static bool fail(struct meter *meter, const char *what)
{
    meter->status = subx_error__set(meter->error, SUBX_INVALID_MODULE,
                                    "stack limiter: function %u: %s, at offset 0x%zx",
                                    meter->function, what, meter->offset);
    return false;
}

static struct frame *top(struct meter *meter)
{
    return &meter->frames[meter->depth - 1];
}

static bool push(struct meter *meter, size_t count)
{
    return !__builtin_add_overflow(meter->height, count, &meter->height) ||
           fail(meter, "stack overflow");
}

/* At the height where the frame began nothing is left to pop; but further down it may go by more
 * than one at once, as in the reference. */
static bool pop(struct meter *meter, size_t count)
{
    if (count == 0)
        return true;
    if (meter->height == top(meter)->start)
        return top(meter)->is_polymorphic || fail(meter, "trying to pop more values than pushed");
    return !__builtin_sub_overflow(meter->height, count, &meter->height) ||
           fail(meter, "stack underflow");
}

static bool open_frame(struct meter *meter, size_t end_arity, size_t branch_arity)
{
    if (meter->depth == meter->capacity) {
        const size_t capacity = meter->capacity == 0 ? 64 : 2 * meter->capacity;
        struct frame *const frames = subx_mem__realloc(meter->frames, capacity, sizeof *frames);
        if (frames == NULL) {
            meter->status = subx_error__nomem(meter->error);
            return false;
        }
        meter->frames = frames;
        meter->capacity = capacity;
    }
    meter->frames[meter->depth++] = (struct frame){.start = meter->height,
                                                   .end_arity = (uint32_t)end_arity,
                                                   .branch_arity = (uint32_t)branch_arity};
    return true;
}

static bool close_frame(struct meter *meter)
{
    const struct frame frame = *top(meter);
    meter->depth--;
    meter->height = frame.start;
    return push(meter, frame.end_arity);
}

static const struct subx_wasm_function_type *type_at(struct meter *meter, uint32_t type)
{
    if (type < meter->module->type_count)
        return &meter->module->types[type];
    fail(meter, "unknown type");
    return NULL;
}

static bool open_block(struct meter *meter, const struct subx_wasm_instruction *instruction)
{
    if (instruction->form == SUBX_FORM_IF && !pop(meter, 1))
        return false;
    const bool is_loop = instruction->form == SUBX_FORM_LOOP;
    if (instruction->value < 0) {
        const size_t results = instruction->value == SUBX_WASM_NO_RESULT - 0x80 ? 0 : 1;
        return open_frame(meter, results, is_loop ? 0 : results);
    }
    const struct subx_wasm_function_type *const type = type_at(meter, (uint32_t)instruction->value);
    return type != NULL && pop(meter, type->params.len) &&
           open_frame(meter, type->results.len, is_loop ? type->params.len : type->results.len) &&
           push(meter, type->params.len);
}

static bool branch_arity(struct meter *meter, uint32_t label, uint32_t *arity)
{
    if (label >= meter->depth)
        return fail(meter, "branch to a label that does not exist");
    *arity = meter->frames[meter->depth - 1 - label].branch_arity;
    return true;
}

static bool branch(struct meter *meter, uint32_t label)
{
    uint32_t arity = 0;
    if (!branch_arity(meter, label, &arity) || !pop(meter, arity))
        return false;
    top(meter)->is_polymorphic = true;
    return true;
}

static bool branch_if(struct meter *meter, uint32_t label)
{
    uint32_t arity = 0;
    return branch_arity(meter, label, &arity) && pop(meter, arity) && pop(meter, 1) &&
           push(meter, arity);
}

/* The index on the stack is not popped; what follows cannot be reached anyway. */
static bool branch_table(struct meter *meter, const struct subx_wasm_instruction *instruction)
{
    struct subx_reader labels = subx_reader__of(instruction->raw);
    uint32_t label = 0, arity = 0, first_arity = 0;
    for (bool is_first = true; subx_leb__u32(&labels, &label); is_first = false) {
        if (!branch_arity(meter, label, &arity))
            return false;
        if (is_first)
            first_arity = arity;
        else if (arity != first_arity)
            return fail(meter, "arity of all jump targets must be equal");
    }
    return branch(meter, label); /* the last one is the default */
}

static bool call(struct meter *meter, uint32_t type_index)
{
    const struct subx_wasm_function_type *const type = type_at(meter, type_index);
    return type != NULL && pop(meter, type->params.len) && push(meter, type->results.len);
}

static bool call_function(struct meter *meter, uint32_t function)
{
    if (function >= meter->functions->count)
        return fail(meter, "call of a function that does not exist");
    return call(meter, meter->functions->types[function]);
}

static bool leave_function(struct meter *meter)
{
    if (!pop(meter, meter->frames[0].branch_arity))
        return false;
    top(meter)->is_polymorphic = true;
    return true;
}

static bool step(struct meter *meter, const struct subx_wasm_instruction *instruction)
{
    const struct subx_wasm_form_info *const info = &subx_wasm_forms[instruction->form];
    switch (instruction->form) {
    case SUBX_FORM_BLOCK:
    case SUBX_FORM_LOOP:
    case SUBX_FORM_IF:
        return open_block(meter, instruction);
    case SUBX_FORM_ELSE: /* height and reachability carry over, in the reference */
        return true;
    case SUBX_FORM_END:
        return close_frame(meter);
    case SUBX_FORM_UNREACHABLE:
        top(meter)->is_polymorphic = true;
        return true;
    case SUBX_FORM_BR:
        return branch(meter, instruction->index);
    case SUBX_FORM_BR_IF:
        return branch_if(meter, instruction->index);
    case SUBX_FORM_BR_TABLE:
        return branch_table(meter, instruction);
    case SUBX_FORM_RETURN:
        return leave_function(meter);
    case SUBX_FORM_CALL:
        return call_function(meter, instruction->index);
    case SUBX_FORM_CALL_INDIRECT:
        return pop(meter, 1) && call(meter, instruction->index);
    case SUBX_FORM_SELECT:
    case SUBX_FORM_SELECT_TYPED: /* in two steps, which matters at the bottom of a frame */
        return pop(meter, 2) && pop(meter, 1) && push(meter, 1);
    default:
        return pop(meter, info->pops) && push(meter, info->pushes);
    }
}

static void note_height(struct meter *meter)
{
    if (meter->height > meter->max && !top(meter)->is_polymorphic)
        meter->max = meter->height;
}

/* Go through instructions that only pop and push, as long as nothing is peculiar about the height.
 * This does what note_height() and step() would. */
static void run_plain(struct meter *meter, struct subx_wasm_code *code)
{
    if (meter->depth == 0)
        return;
    const struct frame frame = *top(meter);
    struct subx_reader before = code->reader;
    uint32_t height = meter->height, max = meter->max;
    uint8_t form = 0;
    while (subx_wasm_code__next_plain(code, &form)) {
        const uint32_t seen = frame.is_polymorphic ? 0 : height;
        max = max > seen ? max : seen;
        const uint32_t pops = subx_wasm_forms[form].pops, pushes = subx_wasm_forms[form].pushes;
        const bool at_start = (pops != 0) & (height == frame.start);
        if (at_start | (height < pops) | (height > UINT32_MAX - pushes)) {
            code->reader = before;
            break;
        }
        height = height - pops + pushes;
        before = code->reader;
    }
    meter->height = height;
    meter->max = max;
}

/* Highest stack of one function, FRAME_COST included. */
static bool measure(struct meter *meter, struct subx_wasm_code *code, size_t base, size_t results)
{
    meter->height = FRAME_COST;
    meter->max = 0;
    meter->depth = 0;
    if (!open_frame(meter, results, results))
        return false;
    meter->frames[0].start = 0;
    struct subx_wasm_instruction instruction;
    for (;;) {
        run_plain(meter, code);
        if (!subx_wasm_code__next(code, &instruction))
            break;
        note_height(meter);
        meter->offset = base + (size_t)(instruction.bytes.data - code->reader.start);
        if (!step(meter, &instruction))
            return false;
    }
    if (code->fault == SUBX_FAULT_NONE)
        return true;
    meter->status = subx_wasm_code__report(code, base, meter->error);
    return false;
}

static bool measure_function(struct meter *meter, uint32_t defined, uint32_t *cost)
{
    const struct subx_wasm_module *const module = meter->module;
    const subx_slice body = module->bodies[defined];
    const size_t base = (size_t)(body.data - module->bytes.data);
    const struct subx_wasm_function_type *const type =
        type_at(meter, meter->functions->types[meter->function]);
    struct subx_wasm_code code;
    struct subx_wasm_locals locals;
    meter->offset = base;
    subx_wasm_code__open_body(&code, body, module->grammar, &locals);
    if (type == NULL || !measure(meter, &code, base, type->results.len))
        return false;
    return !__builtin_add_overflow(locals.total, meter->max, cost) ||
           fail(meter, "its cost does not fit into 32 bits");
}

/* Only types of functions that are called or have code are looked at, so here any number is fine.
 */
static void list_types(const struct subx_wasm_module *module, struct subx_stack_costs *costs)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < module->import_count; i++)
        if (module->imports[i].kind == SUBX_WASM_FUNCTION)
            costs->types[count++] = module->imports[i].type;
    for (uint32_t i = 0; i < module->function_count; i++)
        costs->types[count++] = module->functions[i];
}

subx_status subx_stack_costs__compute(const struct subx_wasm_module *module,
                                      struct subx_stack_costs *costs, subx_error *error)
{
    const uint32_t imported = module->imported_functions;
    *costs = (struct subx_stack_costs){.count = imported + module->function_count};
    costs->costs = subx_mem__calloc(costs->count, sizeof *costs->costs);
    costs->types = subx_mem__calloc(costs->count, sizeof *costs->types);
    struct meter meter = {.module = module, .functions = costs, .error = error};
    if (costs->costs == NULL || costs->types == NULL)
        meter.status = subx_error__nomem(error);
    else
        list_types(module, costs);
    bool good = meter.status == SUBX_OK;
    for (uint32_t i = 0; good && i < module->function_count; i++) {
        meter.function = imported + i;
        good = measure_function(&meter, i, &costs->costs[meter.function]);
    }
    subx_mem__free(meter.frames);
    if (!good)
        subx_stack_costs__free(costs);
    return meter.status;
}

void subx_stack_costs__free(struct subx_stack_costs *costs)
{
    subx_mem__free(costs->costs);
    subx_mem__free(costs->types);
    *costs = (struct subx_stack_costs){NULL, NULL, 0};
}
