/* The module writer (WebAssembly core specification, section 5). */
#include "blob/wasm_write.h"

#include "blob/wasm_leb.h"
#include "util/check.h"
#include "util/error.h"

#define FUNCTION_TYPE 0x60

struct writer {
    const struct subx_wasm_module *module;
    const struct subx_wasm_rewriter *rewriter; /* NULL: none */
    struct subx_buf out;
    bool too_large; /* beyond SUBX_WASM_MAX_WRITTEN */
};

static void put_u8(struct writer *writer, uint8_t value)
{
    subx_buf__append_u8(&writer->out, value);
}

static void put_u32(struct writer *writer, uint32_t value)
{
    subx_leb__append_u32(&writer->out, value);
}

static void put_bytes(struct writer *writer, subx_slice bytes)
{
    put_u32(writer, (uint32_t)bytes.len);
    subx_buf__append_slice(&writer->out, bytes);
}

/* Leave room for a length; what is written from here to close_length() is what it counts. */
static size_t open_length(struct writer *writer)
{
    static const uint8_t room[SUBX_LEB_MAX_32] = {0};
    subx_buf__append(&writer->out, room, sizeof room);
    return writer->out.len;
}

static void close_length(struct writer *writer, size_t start)
{
    struct subx_buf *const out = &writer->out;
    if (out->failed)
        return;
    if (out->len > SUBX_WASM_MAX_WRITTEN) {
        writer->too_large = true;
        return;
    }
    const size_t len = out->len - start;
    out->len = start - SUBX_LEB_MAX_32;
    put_u32(writer, (uint32_t)len); /* fits: the room is there */
    memmove(out->data + out->len, out->data + start, len);
    out->len += len;
}

/* Copy numbers one by one, each in its shortest form. */
static void put_numbers(struct writer *writer, subx_slice encoded, uint32_t count)
{
    struct subx_reader reader = subx_reader__of(encoded);
    for (uint32_t i = 0, number = 0; i < count && subx_leb__u32(&reader, &number); i++)
        put_u32(writer, number);
}

static void put_opcode(struct writer *writer, uint32_t opcode)
{
    if (opcode <= 0xff) {
        put_u8(writer, (uint8_t)opcode);
        return;
    }
    const uint8_t prefix = opcode < 0xfd00 ? 0xfc : 0xfd;
    put_u8(writer, prefix);
    put_u32(writer, opcode - ((uint32_t)prefix << 8));
}

static void put_block_type(struct writer *writer, int64_t type)
{
    if (type < 0)
        put_u8(writer, (uint8_t)(type + 0x80));
    else
        subx_leb__append_signed(&writer->out, type);
}

static void put_instruction(struct writer *writer, const struct subx_wasm_instruction *instruction)
{
    put_opcode(writer, instruction->opcode);
    switch ((enum subx_wasm_immediate)subx_wasm_forms[instruction->form].immediate) {
    case SUBX_IMMEDIATE_NONE:
    case SUBX_IMMEDIATE_PREFIX:
        break;
    case SUBX_IMMEDIATE_INDEX:
        put_u32(writer, instruction->index);
        break;
    case SUBX_IMMEDIATE_BLOCK:
        put_block_type(writer, instruction->value);
        break;
    case SUBX_IMMEDIATE_TARGETS:
        put_u32(writer, instruction->index);
        put_numbers(writer, instruction->raw, instruction->index + 1);
        break;
    case SUBX_IMMEDIATE_INDEX_PAIR:
    case SUBX_IMMEDIATE_CALL:
    case SUBX_IMMEDIATE_MEMORY:
        put_u32(writer, instruction->index);
        put_u32(writer, instruction->second);
        break;
    case SUBX_IMMEDIATE_ZERO:
        put_u8(writer, 0);
        break;
    case SUBX_IMMEDIATE_ZERO_ZERO:
        put_u8(writer, 0);
        put_u8(writer, 0);
        break;
    case SUBX_IMMEDIATE_INDEX_ZERO:
        put_u32(writer, instruction->index);
        put_u8(writer, 0);
        break;
    case SUBX_IMMEDIATE_I32:
    case SUBX_IMMEDIATE_I64:
        subx_leb__append_signed(&writer->out, instruction->value);
        break;
    case SUBX_IMMEDIATE_RAW_1:
    case SUBX_IMMEDIATE_RAW_4:
    case SUBX_IMMEDIATE_RAW_8:
    case SUBX_IMMEDIATE_RAW_16:
    case SUBX_IMMEDIATE_REFERENCE:
        subx_buf__append_slice(&writer->out, instruction->raw);
        break;
    case SUBX_IMMEDIATE_TYPES:
        put_bytes(writer, instruction->raw);
        break;
    case SUBX_IMMEDIATE_MEMORY_LANE:
        put_u32(writer, instruction->index);
        put_u32(writer, instruction->second);
        subx_buf__append_slice(&writer->out, instruction->raw);
        break;
    }
}

/* Write the instructions of code that was opened: runs that need no change are copied as a whole.
 */
static void put_code(struct writer *writer, struct subx_wasm_code *code,
                     const struct subx_wasm_rewriter *rewriter)
{
    const uint8_t *run = code->reader.at;
    struct subx_wasm_instruction instruction;
    for (;;) {
        subx_wasm_code__skip(code, rewriter == NULL);
        if (!subx_wasm_code__next(code, &instruction))
            break;
        /* A call in an expression is invalid, and left alone. */
        const bool mentions =
            rewriter != NULL && (instruction.form == SUBX_FORM_REF_FUNC ||
                                 (instruction.form == SUBX_FORM_CALL && !code->is_expression));
        if (instruction.is_shortest && !mentions)
            continue;
        subx_buf__append(&writer->out, run, (size_t)(instruction.bytes.data - run));
        if (!mentions || !rewriter->instruction(rewriter, &instruction, &writer->out))
            put_instruction(writer, &instruction);
        run = code->reader.at;
    }
    SUBX_CHECK(code->fault == SUBX_FAULT_NONE); /* the parser went the same way */
    subx_buf__append(&writer->out, run, (size_t)(code->reader.at - run));
}

/* Write an expression; returns how many bytes it had. */
static size_t put_expression(struct writer *writer, subx_slice bytes)
{
    struct subx_wasm_code code;
    subx_wasm_code__open_expression(&code, bytes, writer->module->grammar);
    put_code(writer, &code, writer->rewriter);
    return subx_reader__offset(&code.reader);
}

static void put_locals(struct writer *writer, const struct subx_wasm_locals *locals)
{
    put_u32(writer, locals->groups);
    if (locals->is_shortest) {
        subx_buf__append_slice(&writer->out, locals->bytes);
        return;
    }
    struct subx_reader reader = subx_reader__of(locals->bytes);
    uint32_t count = 0;
    uint8_t type = 0;
    while (subx_leb__u32(&reader, &count) && subx_reader__u8(&reader, &type)) {
        put_u32(writer, count);
        put_u8(writer, type);
    }
}

static void put_limits(struct writer *writer, const struct subx_wasm_limits *limits)
{
    put_u8(writer, limits->has_max ? 1 : 0);
    put_u32(writer, limits->min);
    if (limits->has_max)
        put_u32(writer, limits->max);
}

static void put_table(struct writer *writer, const struct subx_wasm_table *table)
{
    put_u8(writer, table->element_type);
    put_limits(writer, &table->limits);
}

static void put_global_type(struct writer *writer, const struct subx_wasm_global *global)
{
    put_u8(writer, global->type);
    put_u8(writer, global->is_mutable ? 1 : 0);
}

static void put_type(struct writer *writer, uint32_t i)
{
    const struct subx_wasm_function_type *const type = &writer->module->types[i];
    put_u8(writer, FUNCTION_TYPE);
    put_bytes(writer, type->params);
    put_bytes(writer, type->results);
}

static void put_import(struct writer *writer, uint32_t i)
{
    const struct subx_wasm_import *const import = &writer->module->imports[i];
    put_bytes(writer, import->module);
    put_bytes(writer, import->name);
    put_u8(writer, import->kind);
    if (import->kind == SUBX_WASM_FUNCTION)
        put_u32(writer, import->type);
    else if (import->kind == SUBX_WASM_TABLE)
        put_table(writer, &import->table);
    else if (import->kind == SUBX_WASM_MEMORY)
        put_limits(writer, &import->memory);
    else
        put_global_type(writer, &import->global);
}

static void put_function(struct writer *writer, uint32_t i)
{
    put_u32(writer, writer->module->functions[i]);
}

static void put_defined_table(struct writer *writer, uint32_t i)
{
    put_table(writer, &writer->module->tables[i]);
}

static void put_memory(struct writer *writer, uint32_t i)
{
    put_limits(writer, &writer->module->memories[i]);
}

static void put_global(struct writer *writer, uint32_t i)
{
    const struct subx_wasm_global *const global = &writer->module->globals[i];
    put_global_type(writer, global);
    put_expression(writer, global->init);
}

static void put_export(struct writer *writer, uint32_t i)
{
    const struct subx_wasm_export *const export = &writer->module->exports[i];
    put_bytes(writer, export->name);
    put_u8(writer, export->kind);
    put_u32(writer, export->index);
}

static void put_items(struct writer *writer, const struct subx_wasm_element *element)
{
    const struct subx_wasm_rewriter *const rewriter = writer->rewriter;
    struct subx_reader reader = subx_reader__of(element->items);
    put_u32(writer, element->count);
    for (uint32_t i = 0, function = 0; i < element->count; i++) {
        if ((element->flags & SUBX_WASM_ELEMENT_EXPRESSIONS) != 0) {
            const subx_slice rest = {reader.at, reader.left};
            subx_reader__bytes(&reader, put_expression(writer, rest), &(subx_slice){0});
        } else if (subx_leb__u32(&reader, &function)) {
            put_u32(writer, rewriter == NULL ? function : rewriter->element(rewriter, function));
        }
    }
}

static void put_element(struct writer *writer, uint32_t i)
{
    const struct subx_wasm_element *const element = &writer->module->elements[i];
    const uint32_t flags = element->flags;
    const bool is_strict = writer->module->grammar == SUBX_WASM_STRICT;
    const bool is_active = (flags & SUBX_WASM_ELEMENT_PASSIVE) == 0;
    if (!is_strict)
        put_u32(writer, flags);
    if (is_strict || (is_active && (flags & SUBX_WASM_ELEMENT_EXPLICIT) != 0))
        put_u32(writer, element->table);
    if (is_active)
        put_expression(writer, element->offset);
    if ((flags & (SUBX_WASM_ELEMENT_PASSIVE | SUBX_WASM_ELEMENT_EXPLICIT)) != 0)
        put_u8(writer, element->type);
    put_items(writer, element);
}

static void put_body(struct writer *writer, uint32_t i)
{
    const struct subx_wasm_module *const module = writer->module;
    const struct subx_wasm_rewriter *const rewriter = writer->rewriter;
    const size_t start = open_length(writer);
    struct subx_wasm_code code;
    struct subx_wasm_locals locals;
    subx_wasm_code__open_body(&code, module->bodies[i], module->grammar, &locals);
    put_locals(writer, &locals);
    put_code(writer, &code, rewriter != NULL && i < rewriter->body_count ? rewriter : NULL);
    close_length(writer, start);
}

static void put_data(struct writer *writer, uint32_t i)
{
    const struct subx_wasm_data *const data = &writer->module->data[i];
    const bool is_strict = writer->module->grammar == SUBX_WASM_STRICT;
    if (!is_strict)
        put_u32(writer, data->flags);
    if (is_strict || data->flags == SUBX_WASM_DATA_EXPLICIT)
        put_u32(writer, data->memory);
    if (data->flags != SUBX_WASM_DATA_PASSIVE)
        put_expression(writer, data->offset);
    put_bytes(writer, data->bytes);
}

/* A section that is a list of entries. */
struct vector {
    uint32_t count;
    void (*put)(struct writer *writer, uint32_t i);
};

static struct vector vector_of(const struct subx_wasm_module *module, uint8_t id)
{
    const struct vector vectors[SUBX_SECTION_IDS] = {
        [SUBX_SECTION_TYPE] = {module->type_count, put_type},
        [SUBX_SECTION_IMPORT] = {module->import_count, put_import},
        [SUBX_SECTION_FUNCTION] = {module->function_count, put_function},
        [SUBX_SECTION_TABLE] = {module->table_count, put_defined_table},
        [SUBX_SECTION_MEMORY] = {module->memory_count, put_memory},
        [SUBX_SECTION_GLOBAL] = {module->global_count, put_global},
        [SUBX_SECTION_EXPORT] = {module->export_count, put_export},
        [SUBX_SECTION_ELEMENT] = {module->element_count, put_element},
        [SUBX_SECTION_CODE] = {module->body_count, put_body},
        [SUBX_SECTION_DATA] = {module->data_count, put_data},
    };
    return vectors[id];
}

static void put_vector(struct writer *writer, struct vector vector)
{
    put_u32(writer, vector.count);
    for (uint32_t i = 0; i < vector.count && !writer->too_large && !writer->out.failed; i++)
        vector.put(writer, i);
}

static void put_section(struct writer *writer, const struct subx_wasm_section *section)
{
    put_u8(writer, section->id);
    const size_t start = open_length(writer);
    if (section->id == SUBX_SECTION_CUSTOM) {
        put_bytes(writer, section->name);
        subx_buf__append_slice(&writer->out, section->payload);
    } else if (section->id == SUBX_SECTION_START) {
        put_u32(writer, writer->module->start);
    } else if (section->id == SUBX_SECTION_DATA_COUNT) {
        put_u32(writer, writer->module->announced_data_count);
    } else {
        put_vector(writer, vector_of(writer->module, section->id));
    }
    close_length(writer, start);
}

subx_status subx_wasm__write(const struct subx_wasm_module *module,
                             const struct subx_wasm_rewriter *rewriter, subx_bytes *out,
                             subx_error *error)
{
    static const uint8_t header[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    *out = (subx_bytes)SUBX_BYTES_INIT;
    struct writer writer = {module, rewriter, SUBX_BUF_INIT, false};
    /* The stack limiter adds about 30 % to real runtimes. */
    const size_t added = rewriter == NULL ? 0 : module->bytes.len / 3;
    subx_buf__reserve(&writer.out, module->bytes.len + added + 64);
    subx_buf__append(&writer.out, header, sizeof header);
    for (size_t i = 0; i < module->section_count && !writer.too_large; i++)
        put_section(&writer, &module->sections[i]);
    if (writer.too_large) {
        subx_buf__free(&writer.out);
        return subx_error__set(error, SUBX_INVALID_MODULE, "the module grew beyond %zu bytes",
                               SUBX_WASM_MAX_WRITTEN);
    }
    return subx_buf__finish(&writer.out, out, error);
}
