/* The data segment snapshot (spec/executor.md section 4). */
#include "blob/data_segments.h"

#include "blob/wasm_code.h"
#include "util/error.h"
#include "util/mem.h"

/* The only instruction of an offset's expression. */
static subx_status read_offset(const struct subx_wasm_module *module, uint32_t number,
                               uint32_t *offset, subx_error *error)
{
    struct subx_wasm_code code;
    struct subx_wasm_instruction first = {0}, rest;
    subx_wasm_code__open_expression(&code, module->data[number].offset, module->grammar);
    uint32_t count = 0;
    for (; subx_wasm_code__next(&code, count == 0 ? &first : &rest); count++)
        continue;
    if (count != 2)
        return subx_error__set(error, SUBX_INITIALIZER_HAS_TOO_MANY_EXPRESSIONS,
                               "data segment %u: its offset has %u instructions, not 2", number,
                               count);
    if (first.opcode == SUBX_OP_GLOBAL_GET)
        return subx_error__set(error, SUBX_IMPORTED_GLOBALS_UNSUPPORTED,
                               "data segment %u: its offset is global %u", number, first.index);
    if (first.opcode != SUBX_OP_I32_CONST)
        return subx_error__set(error, SUBX_INVALID_INITIALIZER_EXPRESSION,
                               "data segment %u: its offset is instruction 0x%02x", number,
                               first.opcode);
    *offset = (uint32_t)first.value;
    return SUBX_OK;
}

subx_status subx_data_segments__take(const struct subx_wasm_module *module,
                                     struct subx_data_segments *segments, subx_error *error)
{
    *segments = (struct subx_data_segments){NULL, 0};
    segments->segments = subx_mem__calloc(module->data_count, sizeof *segments->segments);
    if (segments->segments == NULL)
        return subx_error__nomem(error);
    subx_status status = SUBX_OK;
    for (uint32_t i = 0; i < module->data_count && status == SUBX_OK; i++) {
        segments->segments[i].bytes = module->data[i].bytes;
        if (module->data[i].flags == SUBX_WASM_DATA_PASSIVE)
            status = subx_error__set(error, SUBX_SHARED_MEM_UNSUPPORTED,
                                     "data segment %u is passive", i);
        else
            status = read_offset(module, i, &segments->segments[i].offset, error);
    }
    segments->count = module->data_count;
    if (status != SUBX_OK)
        subx_data_segments__free(segments);
    return status;
}

void subx_data_segments__free(struct subx_data_segments *segments)
{
    subx_mem__free(segments->segments);
    *segments = (struct subx_data_segments){NULL, 0};
}

uint64_t subx_data_segments__end(const struct subx_data_segments *segments)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < segments->count; i++) {
        const struct subx_data_segment *const segment = &segments->segments[i];
        const uint64_t segment_end = (uint64_t)segment->offset + segment->bytes.len;
        if (segment_end > end)
            end = segment_end;
    }
    return end;
}

subx_status subx_data_segments__apply(const struct subx_data_segments *segments, uint8_t *memory,
                                      uint64_t memory_size, subx_error *error)
{
    for (uint32_t i = 0; i < segments->count; i++) {
        const struct subx_data_segment *const segment = &segments->segments[i];
        if ((uint64_t)segment->offset + segment->bytes.len > memory_size)
            return subx_error__set(error, SUBX_OTHER,
                                   "data segment %u: memory write is out of bounds", i);
        if (segment->bytes.len > 0)
            memcpy(memory + segment->offset, segment->bytes.data, segment->bytes.len);
    }
    return SUBX_OK;
}
