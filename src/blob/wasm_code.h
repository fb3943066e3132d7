/*
 * An iterator over the instructions of a function body or an initializer expression. It looks at
 * bytes in place, keeps no tree, and needs no memory, however deep the code nests.
 */
#ifndef SUBX_BLOB_WASM_CODE_H
#define SUBX_BLOB_WASM_CODE_H

#include "blob/wasm_module.h"
#include "blob/wasm_opcodes.h"
#include "util/reader.h"

/*
 * What an instruction looks like and does to the stack: a letter, so that the opcode tables can be
 * read. Forms with an effect of their own on control come first; the others only pop and push.
 */
enum subx_wasm_form {
    SUBX_FORM_ILLEGAL = '.',
    SUBX_FORM_UNREACHABLE = 'u',
    SUBX_FORM_NOP = 'n',
    SUBX_FORM_BLOCK = 'b',
    SUBX_FORM_LOOP = 'l',
    SUBX_FORM_IF = 'i',
    SUBX_FORM_ELSE = 'e',
    SUBX_FORM_END = 'E',
    SUBX_FORM_BR = 'j',
    SUBX_FORM_BR_IF = 'J',
    SUBX_FORM_BR_TABLE = 'T',
    SUBX_FORM_RETURN = 'R',
    SUBX_FORM_CALL = 'C',
    SUBX_FORM_CALL_INDIRECT = 'I',
    SUBX_FORM_SELECT = 's',
    SUBX_FORM_SELECT_TYPED = 'S',
    SUBX_FORM_DROP = 'd',
    SUBX_FORM_GET = 'g', /* of a local or a global */
    SUBX_FORM_SET = 'p',
    SUBX_FORM_TEE = 't',
    SUBX_FORM_LOAD = 'L',
    SUBX_FORM_STORE = 'W',
    SUBX_FORM_MEMORY_SIZE = 'm',
    SUBX_FORM_MEMORY_GROW = 'M',
    SUBX_FORM_I32_CONST = '3',
    SUBX_FORM_I64_CONST = '6',
    SUBX_FORM_F32_CONST = '4',
    SUBX_FORM_F64_CONST = '8',
    SUBX_FORM_UNARY = '1',
    SUBX_FORM_BINARY = '2',
    SUBX_FORM_TERNARY = '7',
    SUBX_FORM_SIGN_EXTENSION = 'x',
    SUBX_FORM_SATURATING = 'y',
    SUBX_FORM_TABLE_GET = 'q',
    SUBX_FORM_TABLE_SET = 'Q',
    SUBX_FORM_REF_NULL = 'N',
    SUBX_FORM_REF_IS_NULL = 'z',
    SUBX_FORM_REF_FUNC = 'F',
    SUBX_FORM_MEMORY_INIT = 'a',
    SUBX_FORM_SEGMENT_DROP = 'D', /* data.drop, elem.drop */
    SUBX_FORM_MEMORY_COPY = 'c',
    SUBX_FORM_MEMORY_FILL = 'f',
    SUBX_FORM_TABLE_INIT = 'A',
    SUBX_FORM_TABLE_COPY = 'Y',
    SUBX_FORM_TABLE_GROW = 'G',
    SUBX_FORM_TABLE_SIZE = 'Z',
    SUBX_FORM_TABLE_FILL = 'H',
    SUBX_FORM_V128_CONST = 'v',
    SUBX_FORM_SHUFFLE = 'h',
    SUBX_FORM_EXTRACT_LANE = 'o',
    SUBX_FORM_REPLACE_LANE = 'r',
    SUBX_FORM_LOAD_LANE = 'k',
    SUBX_FORM_STORE_LANE = 'K',
    SUBX_FORM_PREFIX_FC = 'P', /* in tables only */
    SUBX_FORM_PREFIX_FD = 'V'
};

/* What follows an opcode. */
enum subx_wasm_immediate {
    SUBX_IMMEDIATE_NONE,
    SUBX_IMMEDIATE_INDEX,      /* index */
    SUBX_IMMEDIATE_I32,        /* value */
    SUBX_IMMEDIATE_I64,        /* value */
    SUBX_IMMEDIATE_MEMORY,     /* index: alignment; second: offset */
    SUBX_IMMEDIATE_BLOCK,      /* value: -64 no result, other negative ones a value type, else a
                                  type index */
    SUBX_IMMEDIATE_TARGETS,    /* index: count without the default one; raw: all labels */
    SUBX_IMMEDIATE_INDEX_PAIR, /* index, second */
    SUBX_IMMEDIATE_CALL,       /* of call_indirect. index: type; second: table */
    SUBX_IMMEDIATE_ZERO,       /* one byte that must be 0 */
    SUBX_IMMEDIATE_ZERO_ZERO,  /* two of them */
    SUBX_IMMEDIATE_INDEX_ZERO, /* index, and a byte that must be 0 */
    SUBX_IMMEDIATE_RAW_1,      /* raw: as many bytes */
    SUBX_IMMEDIATE_RAW_4,
    SUBX_IMMEDIATE_RAW_8,
    SUBX_IMMEDIATE_RAW_16,
    SUBX_IMMEDIATE_TYPES,       /* index: count; raw: value types */
    SUBX_IMMEDIATE_REFERENCE,   /* raw: one reference type */
    SUBX_IMMEDIATE_MEMORY_LANE, /* index, second as for MEMORY; raw: the lane */
    SUBX_IMMEDIATE_PREFIX       /* in tables only */
};

/* Immediate, values popped and pushed (for forms without their own rules), extension needed. */
struct subx_wasm_form_info {
    uint8_t immediate;
    uint8_t pops, pushes;
    uint8_t feature;
};

/* By form; all zero for letters that are none. */
extern const struct subx_wasm_form_info subx_wasm_forms[128];

/* Opcodes that passes ask for or write. In struct subx_wasm_instruction those of two bytes are
 * 0xfc00 or 0xfd00 plus their second number. */
enum {
    SUBX_OP_UNREACHABLE = 0x00,
    SUBX_OP_IF = 0x04,
    SUBX_OP_END = 0x0b,
    SUBX_OP_CALL = 0x10,
    SUBX_OP_LOCAL_GET = 0x20,
    SUBX_OP_GLOBAL_GET = 0x23,
    SUBX_OP_GLOBAL_SET = 0x24,
    SUBX_OP_I32_CONST = 0x41,
    SUBX_OP_I32_GT_U = 0x4b,
    SUBX_OP_I32_ADD = 0x6a,
    SUBX_OP_I32_SUB = 0x6b,
    SUBX_OP_REF_FUNC = 0xd2
};

/* The block type that says "no result". */
#define SUBX_WASM_NO_RESULT 0x40

struct subx_wasm_instruction {
    uint32_t opcode;
    uint8_t form;
    bool is_shortest; /* every number in it has its shortest form */
    uint32_t index, second;
    int64_t value;
    subx_slice raw;
    subx_slice bytes; /* the whole instruction */
};

/* Why an iteration stopped early. */
enum subx_wasm_fault {
    SUBX_FAULT_NONE,
    SUBX_FAULT_TRUNCATED, /* the code ends inside an instruction, or before its last `end` */
    SUBX_FAULT_NUMBER,    /* a LEB128 number is too long or out of range */
    SUBX_FAULT_OPCODE,    /* unknown, or not in this grammar */
    SUBX_FAULT_BLOCK_TYPE,
    SUBX_FAULT_VALUE_TYPE,
    SUBX_FAULT_RESERVED, /* a byte that must be 0 is not */
    SUBX_FAULT_LOCALS,   /* more than 2^32 - 1 locals */
    SUBX_FAULT_TRAILING  /* bytes after the last `end` */
};

struct subx_wasm_code {
    struct subx_reader reader;
    enum subx_wasm_grammar grammar;
    bool is_expression;
    uint32_t depth;    /* frames open, the outermost included */
    uint32_t features; /* beyond the MVP, of what was read so far */
    enum subx_wasm_fault fault;
    uint32_t fault_detail; /* the opcode, type or byte */
    size_t fault_offset;   /* from where the iteration started */
};

/* Local declarations of a body: `groups` pairs of a count and a value type in `bytes`. */
struct subx_wasm_locals {
    uint32_t groups;
    uint32_t total;
    subx_slice bytes;
    bool is_shortest; /* every number of the declarations has its shortest form */
};

/* Start on the body of a function; false, with the fault set, if its locals are malformed. */
bool subx_wasm_code__open_body(struct subx_wasm_code *code, subx_slice body,
                               enum subx_wasm_grammar grammar, struct subx_wasm_locals *locals);

/* Start on an initializer expression, which ends at its first `end`; bytes may follow it. */
void subx_wasm_code__open_expression(struct subx_wasm_code *code, subx_slice bytes,
                                     enum subx_wasm_grammar grammar);

/* The next instruction, the last `end` included. False at the end, or at a fault. */
bool subx_wasm_code__next(struct subx_wasm_code *code, struct subx_wasm_instruction *out);

/* Move over instructions that are common, in their shortest form and part of the MVP, as far as
 * possible; calls are among them if `calls` says so. Where it stops is a matter of speed only. */
void subx_wasm_code__skip(struct subx_wasm_code *code, bool calls);

/* Put the fault into words: SUBX_CANT_DESERIALIZE_WASM. `base` is the offset in the module of
 * where the iteration started. */
subx_status subx_wasm_code__report(const struct subx_wasm_code *code, size_t base,
                                   subx_error *error);

/* Whether a byte is a value type, and which extension it needs (0: none). */
bool subx_wasm__is_value_type(uint8_t type, enum subx_wasm_grammar grammar, uint32_t *features);

/* Whether the number of `bits` bits that `bytes` begins with may be longer than necessary. */
static inline bool subx_wasm_code__may_be_longer(uint64_t bytes, unsigned bits)
{
    const uint64_t last = bytes >> ((bits - 8) & 63) & 0xff;
    return bits > 8 && (last == 0 || last == 0x7f);
}

/*
 * Length of an instruction at `at`, where 9 bytes can be read, that has at most two numbers and
 * nothing else; 0 if one of them is longer than four bytes or might not be in its shortest form.
 * It is computed, not decided on, so that the processor need not guess which instruction comes:
 * those guesses are half of the time that passes take.
 */
static inline unsigned subx_wasm_code__quick_length(const uint8_t *at, bool has_one, bool has_two)
{
    const uint64_t top = (uint64_t)1 << 63, bytes = subx_load_u64(at + 1);
    const uint64_t ends = ~bytes & 0x8080808080808080; /* numbers end where the top bit is clear */
    const unsigned end = (unsigned)__builtin_ctzll(ends | top) + 1;
    const unsigned next_end = (unsigned)__builtin_ctzll((ends & (ends - 1)) | top) + 1;
    const unsigned first = has_one || has_two ? end : 0; /* lengths in bits */
    const unsigned second = has_two ? next_end - end : 0;
    if (first > 32 || second > 32 || subx_wasm_code__may_be_longer(bytes, first) ||
        subx_wasm_code__may_be_longer(bytes >> first, second))
        return 0;
    return 1 + (first + second) / 8;
}

/* Move over one instruction that only pops and pushes. False, with nothing read, for all others,
 * for peculiar ones, and near the end of the code. */
static inline bool subx_wasm_code__next_plain(struct subx_wasm_code *code, uint8_t *form)
{
    struct subx_reader *const reader = &code->reader;
    if (reader->left <= sizeof(uint64_t) || code->depth == 0)
        return false;
    const uint8_t opcode = *reader->at, quick = subx_wasm_quick[opcode];
    const unsigned len = subx_wasm_code__quick_length(reader->at, quick == '1', quick == '2');
    if (quick > '2' || len == 0)
        return false;
    *form = subx_wasm_opcodes[opcode];
    reader->at += len;
    reader->left -= len;
    return true;
}

#endif
