/*
 * The instruction iterator: WebAssembly core specification, sections 5.4 and 5.5.13. The strict
 * grammar is the MVP as the reference reads blobs (spec/executor.md, section 0).
 */
#include "blob/wasm_code.h"

#include "blob/wasm_leb.h"
#include "blob/wasm_opcodes.h"
#include "util/error.h"

static bool fail(struct subx_wasm_code *code, enum subx_wasm_fault fault, uint32_t detail)
{
    code->fault = fault;
    code->fault_detail = detail;
    code->fault_offset = subx_reader__offset(&code->reader);
    return false;
}

static bool fail_number(struct subx_wasm_code *code, size_t max)
{
    const bool cut = subx_leb__is_truncated(&code->reader, max);
    return fail(code, cut ? SUBX_FAULT_TRUNCATED : SUBX_FAULT_NUMBER, 0);
}

/* Fail at the byte that was just read. */
static bool fail_before(struct subx_wasm_code *code, enum subx_wasm_fault fault, uint32_t detail)
{
    fail(code, fault, detail);
    code->fault_offset--;
    return false;
}

/* Numbers note in `shortest` when they are longer than they need be. */
static bool read_u32(struct subx_wasm_code *code, uint32_t *out, bool *shortest)
{
    const uint8_t *const start = code->reader.at;
    if (!subx_leb__u32(&code->reader, out))
        return fail_number(code, SUBX_LEB_MAX_32);
    const size_t len = (size_t)(code->reader.at - start);
    if (len > 1 && !subx_leb__is_shortest(start, len, false))
        *shortest = false;
    return true;
}

static bool read_signed(struct subx_wasm_code *code, unsigned bits, int64_t *out, bool *shortest)
{
    const uint8_t *const start = code->reader.at;
    if (!subx_leb__signed(&code->reader, bits, out))
        return fail_number(code, (bits + 6) / 7);
    if (!subx_leb__is_shortest(start, (size_t)(code->reader.at - start), true))
        *shortest = false;
    return true;
}

static bool read_byte(struct subx_wasm_code *code, uint8_t *out)
{
    return subx_reader__u8(&code->reader, out) || fail(code, SUBX_FAULT_TRUNCATED, 0);
}

static bool read_raw(struct subx_wasm_code *code, size_t len, subx_slice *out)
{
    return subx_reader__bytes(&code->reader, len, out) || fail(code, SUBX_FAULT_TRUNCATED, 0);
}

static bool read_zero(struct subx_wasm_code *code)
{
    uint8_t byte = 0;
    if (!read_byte(code, &byte))
        return false;
    return byte == 0 || fail_before(code, SUBX_FAULT_RESERVED, byte);
}

bool subx_wasm__is_value_type(uint8_t type, enum subx_wasm_grammar grammar, uint32_t *features)
{
    if (type >= SUBX_WASM_F64 && type <= SUBX_WASM_I32)
        return true;
    if (grammar == SUBX_WASM_STRICT)
        return false;
    if (type == SUBX_WASM_V128)
        *features |= SUBX_WASM_SIMD;
    else if (type == SUBX_WASM_FUNCREF || type == SUBX_WASM_EXTERNREF)
        *features |= SUBX_WASM_REFERENCE_TYPES;
    else
        return false;
    return true;
}

static bool read_value_type(struct subx_wasm_code *code)
{
    uint8_t type = 0;
    if (!read_byte(code, &type))
        return false;
    return subx_wasm__is_value_type(type, code->grammar, &code->features) ||
           fail_before(code, SUBX_FAULT_VALUE_TYPE, type);
}

static bool read_block_type(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    const struct subx_reader before = code->reader;
    uint8_t byte = 0;
    if (!read_byte(code, &byte))
        return false;
    if (byte == SUBX_WASM_NO_RESULT ||
        subx_wasm__is_value_type(byte, code->grammar, &code->features)) {
        out->value = (int64_t)byte - 0x80;
        return true;
    }
    if (code->grammar == SUBX_WASM_STRICT)
        return fail_before(code, SUBX_FAULT_BLOCK_TYPE, byte);
    code->reader = before;
    if (!read_signed(code, 33, &out->value, &out->is_shortest))
        return false;
    if (out->value < 0) {
        code->reader = before;
        return fail(code, SUBX_FAULT_BLOCK_TYPE, byte);
    }
    code->features |= SUBX_WASM_MULTI_VALUE;
    return true;
}

/* Labels of a br_table, the default one last; `index` becomes their count without it. */
static bool read_targets(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    if (!read_u32(code, &out->index, &out->is_shortest))
        return false;
    if (out->index >= code->reader.left) /* a byte each, and the default one */
        return fail(code, SUBX_FAULT_TRUNCATED, 0);
    const uint8_t *const start = code->reader.at;
    for (uint32_t i = 0, label = 0; i <= out->index; i++)
        if (!read_u32(code, &label, &out->is_shortest))
            return false;
    out->raw = subx_slice__of(start, (size_t)(code->reader.at - start));
    return true;
}

static bool read_types(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    if (!read_u32(code, &out->index, &out->is_shortest))
        return false;
    const uint8_t *const start = code->reader.at;
    for (uint32_t i = 0; i < out->index; i++)
        if (!read_value_type(code))
            return false;
    out->raw = subx_slice__of(start, out->index);
    return true;
}

static bool read_reference_type(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    if (!read_raw(code, 1, &out->raw))
        return false;
    const uint8_t type = out->raw.data[0];
    return type == SUBX_WASM_FUNCREF || type == SUBX_WASM_EXTERNREF ||
           fail_before(code, SUBX_FAULT_VALUE_TYPE, type);
}

static bool read_pair(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    return read_u32(code, &out->index, &out->is_shortest) &&
           read_u32(code, &out->second, &out->is_shortest);
}

/* The table of a call_indirect is a reserved byte in the MVP. */
static bool read_call_indirect(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    if (code->grammar == SUBX_WASM_RELAXED) {
        if (!read_pair(code, out))
            return false;
        if (out->second != 0)
            code->features |= SUBX_WASM_REFERENCE_TYPES;
        return true;
    }
    out->second = 0;
    return read_u32(code, &out->index, &out->is_shortest) && read_zero(code);
}

static bool read_immediate(struct subx_wasm_code *code, uint8_t immediate,
                           struct subx_wasm_instruction *out)
{
    bool *const shortest = &out->is_shortest;
    switch ((enum subx_wasm_immediate)immediate) {
    case SUBX_IMMEDIATE_NONE:
        return true;
    case SUBX_IMMEDIATE_INDEX:
        return read_u32(code, &out->index, shortest);
    case SUBX_IMMEDIATE_BLOCK:
        return read_block_type(code, out);
    case SUBX_IMMEDIATE_TARGETS:
        return read_targets(code, out);
    case SUBX_IMMEDIATE_INDEX_PAIR:
    case SUBX_IMMEDIATE_MEMORY:
        return read_pair(code, out);
    case SUBX_IMMEDIATE_CALL:
        return read_call_indirect(code, out);
    case SUBX_IMMEDIATE_ZERO:
        return read_zero(code);
    case SUBX_IMMEDIATE_ZERO_ZERO:
        return read_zero(code) && read_zero(code);
    case SUBX_IMMEDIATE_INDEX_ZERO:
        return read_u32(code, &out->index, shortest) && read_zero(code);
    case SUBX_IMMEDIATE_I32:
        return read_signed(code, 32, &out->value, shortest);
    case SUBX_IMMEDIATE_I64:
        return read_signed(code, 64, &out->value, shortest);
    case SUBX_IMMEDIATE_RAW_1:
        return read_raw(code, 1, &out->raw);
    case SUBX_IMMEDIATE_RAW_4:
        return read_raw(code, 4, &out->raw);
    case SUBX_IMMEDIATE_RAW_8:
        return read_raw(code, 8, &out->raw);
    case SUBX_IMMEDIATE_RAW_16:
        return read_raw(code, 16, &out->raw);
    case SUBX_IMMEDIATE_TYPES:
        return read_types(code, out);
    case SUBX_IMMEDIATE_REFERENCE:
        return read_reference_type(code, out);
    case SUBX_IMMEDIATE_MEMORY_LANE:
        return read_pair(code, out) && read_raw(code, 1, &out->raw);
    case SUBX_IMMEDIATE_PREFIX:
        break;
    }
    return false;
}

/* The second number of a two-byte opcode, and the form behind it. */
static bool read_prefixed(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    const bool is_simd = out->form == SUBX_FORM_PREFIX_FD;
    const struct subx_reader before = code->reader;
    uint32_t second = 0;
    if (!read_u32(code, &second, &out->is_shortest))
        return false;
    out->opcode = (out->opcode << 8) + second;
    out->form = SUBX_FORM_ILLEGAL;
    if (is_simd && second < SUBX_OPCODES_FD)
        out->form = subx_wasm_opcodes_fd[second];
    else if (!is_simd && second < SUBX_OPCODES_FC)
        out->form = subx_wasm_opcodes_fc[second];
    if (out->form == SUBX_FORM_ILLEGAL) {
        code->reader = before;
        return fail_before(code, SUBX_FAULT_OPCODE, is_simd ? 0xfd : 0xfc);
    }
    if (is_simd)
        code->features |= SUBX_WASM_SIMD;
    return true;
}

/* What is beyond the MVP, opcodes that are none included. */
static bool read_extension(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    if (out->form == SUBX_FORM_ILLEGAL || code->grammar == SUBX_WASM_STRICT)
        return fail_before(code, SUBX_FAULT_OPCODE, out->opcode);
    if (subx_wasm_forms[out->form].immediate == SUBX_IMMEDIATE_PREFIX && !read_prefixed(code, out))
        return false;
    code->features |= subx_wasm_forms[out->form].feature;
    return true;
}

static bool is_mvp(uint8_t form)
{
    const struct subx_wasm_form_info *const info = &subx_wasm_forms[form];
    return info->feature == 0 && info->immediate != SUBX_IMMEDIATE_PREFIX &&
           form != SUBX_FORM_ILLEGAL;
}

/* No further instruction: right only after the last `end`, and, in a body, with nothing behind. */
static void finish(struct subx_wasm_code *code)
{
    if (code->depth > 0)
        fail(code, SUBX_FAULT_TRUNCATED, 0);
    else if (!code->is_expression && code->reader.left > 0)
        fail(code, SUBX_FAULT_TRAILING, *code->reader.at);
}

void subx_wasm_code__skip(struct subx_wasm_code *code, bool calls)
{
    const uint8_t *at = code->reader.at;
    size_t left = code->reader.left;
    uint32_t depth = code->is_expression ? 0 : code->depth;
    const uint8_t call = calls ? 'c' : 'z';
    while (left > sizeof(uint64_t) && depth > 0) {
        const uint8_t quick = subx_wasm_quick[*at];
        const bool is_block = quick == 'b', is_end = quick == 'e';
        const bool has_one = quick == '1' || quick == 'j' || quick == call || is_block;
        const unsigned len = subx_wasm_code__quick_length(at, has_one, quick == '2');
        const bool is_odd_block = is_block && at[1] != SUBX_WASM_NO_RESULT &&
                                  (at[1] < SUBX_WASM_F64 || at[1] > SUBX_WASM_I32);
        if (quick == 'z' || (quick == 'c' && !calls) || len == 0 || is_odd_block)
            break;
        depth = depth + (is_block ? 1 : 0) - (is_end ? 1 : 0);
        at += len;
        left -= len;
    }
    code->reader.at = at;
    code->reader.left = left;
    code->depth = code->is_expression ? code->depth : depth;
}

bool subx_wasm_code__next(struct subx_wasm_code *code, struct subx_wasm_instruction *out)
{
    if (code->fault != SUBX_FAULT_NONE)
        return false;
    if (code->depth == 0 || code->reader.left == 0) {
        finish(code);
        return false;
    }
    const uint8_t *const start = code->reader.at++;
    code->reader.left--;
    out->opcode = *start;
    out->form = subx_wasm_opcodes[*start];
    out->is_shortest = true;
    if (!is_mvp(out->form) && !read_extension(code, out))
        return false;
    const uint8_t immediate = subx_wasm_forms[out->form].immediate;
    if (immediate != SUBX_IMMEDIATE_NONE && !read_immediate(code, immediate, out))
        return false;

    if (immediate == SUBX_IMMEDIATE_BLOCK)
        code->depth++; /* at most one for each byte: no overflow */
    else if (out->form == SUBX_FORM_END)
        code->depth = code->is_expression ? 0 : code->depth - 1;
    out->bytes = subx_slice__of(start, (size_t)(code->reader.at - start));
    return true;
}

void subx_wasm_code__open_expression(struct subx_wasm_code *code, subx_slice bytes,
                                     enum subx_wasm_grammar grammar)
{
    *code = (struct subx_wasm_code){
        .reader = subx_reader__of(bytes), .grammar = grammar, .is_expression = true, .depth = 1};
}

bool subx_wasm_code__open_body(struct subx_wasm_code *code, subx_slice body,
                               enum subx_wasm_grammar grammar, struct subx_wasm_locals *locals)
{
    *code =
        (struct subx_wasm_code){.reader = subx_reader__of(body), .grammar = grammar, .depth = 1};
    *locals = (struct subx_wasm_locals){.is_shortest = true};
    if (!read_u32(code, &locals->groups, &locals->is_shortest))
        return false;
    const uint8_t *const start = code->reader.at;
    for (uint32_t i = 0; i < locals->groups; i++) {
        uint32_t count = 0;
        if (!read_u32(code, &count, &locals->is_shortest) || !read_value_type(code))
            return false;
        if (__builtin_add_overflow(locals->total, count, &locals->total))
            return fail(code, SUBX_FAULT_LOCALS, 0);
    }
    locals->bytes = subx_slice__of(start, (size_t)(code->reader.at - start));
    return true;
}

static subx_status report_opcode(const struct subx_wasm_code *code, size_t offset,
                                 subx_error *error)
{
    static const char *const text[] = {"unknown opcode", "opcode of an extension"};
    const uint32_t opcode = code->fault_detail;
    const bool known =
        code->grammar == SUBX_WASM_STRICT && subx_wasm_opcodes[opcode] != SUBX_FORM_ILLEGAL;
    return subx_error__set(error, SUBX_CANT_DESERIALIZE_WASM, "%s 0x%02x (%u) at offset 0x%zx: %s",
                           text[known], opcode, opcode, offset,
                           known ? "only the Wasm MVP is allowed" : "no such instruction");
}

subx_status subx_wasm_code__report(const struct subx_wasm_code *code, size_t base,
                                   subx_error *error)
{
    const size_t offset = base + code->fault_offset;
    const subx_status status = SUBX_CANT_DESERIALIZE_WASM;
    const uint32_t detail = code->fault_detail;
    switch (code->fault) {
    case SUBX_FAULT_OPCODE:
        return report_opcode(code, offset, error);
    case SUBX_FAULT_TRUNCATED:
        return subx_error__set(error, status, "code ends too early, at offset 0x%zx", offset);
    case SUBX_FAULT_NUMBER:
        return subx_error__set(error, status,
                               "LEB128 number too long or out of range at offset 0x%zx", offset);
    case SUBX_FAULT_BLOCK_TYPE:
        return subx_error__set(error, status, "unknown block type 0x%02x at offset 0x%zx", detail,
                               offset);
    case SUBX_FAULT_VALUE_TYPE:
        return subx_error__set(error, status, "unknown value type 0x%02x at offset 0x%zx", detail,
                               offset);
    case SUBX_FAULT_RESERVED:
        return subx_error__set(error, status, "reserved byte is 0x%02x, not 0, at offset 0x%zx",
                               detail, offset);
    case SUBX_FAULT_LOCALS:
        return subx_error__set(error, status, "too many locals at offset 0x%zx", offset);
    case SUBX_FAULT_TRAILING:
        return subx_error__set(error, status, "bytes after the end of a function at offset 0x%zx",
                               offset);
    case SUBX_FAULT_NONE:
        break;
    }
    return subx_error__set(error, status, "malformed code at offset 0x%zx", offset);
}
