/*
 * The opcode tables: WebAssembly core specification 2.0, section 5.4, and the relaxed SIMD
 * extension. A row holds 16 opcodes, each as the letter of its form (wasm_code.h).
 */
#include "blob/wasm_opcodes.h"

#include "blob/wasm_code.h"

const unsigned char subx_wasm_opcodes[257] = "unblie.....EjJTR"  /* 0x00 control */
                                             "CI........dsS..."  /* 0x10 calls, drop, select */
                                             "gptgpqQ.LLLLLLLL"  /* 0x20 variables, tables, loads */
                                             "LLLLLLWWWWWWWWWm"  /* 0x30 loads, stores */
                                             "M364812222222222"  /* 0x40 constants, comparisons */
                                             "1222222222222222"  /* 0x50 comparisons */
                                             "2222222111222222"  /* 0x60 comparisons, i32 */
                                             "2222222221112222"  /* 0x70 i32, i64 */
                                             "2222222222211111"  /* 0x80 i64, f32 */
                                             "1122222221111111"  /* 0x90 f32, f64 */
                                             "2222222111111111"  /* 0xa0 f64, conversions */
                                             "1111111111111111"  /* 0xb0 conversions */
                                             "xxxxx..........."  /* 0xc0 sign extension */
                                             "NzF............."  /* 0xd0 references */
                                             "................"  /* 0xe0 */
                                             "............PV.."; /* 0xf0 prefixes */

const unsigned char subx_wasm_quick[257] = "n0bbbnzzzzzejjzn"
                                           "czzzzzzzzz0nzzzz"
                                           "11111zzz22222222"
                                           "222222222222222z"
                                           "z11zz00000000000"
                                           "0000000000000000"
                                           "0000000000000000"
                                           "0000000000000000"
                                           "0000000000000000"
                                           "0000000000000000"
                                           "0000000000000000"
                                           "0000000000000000"
                                           "zzzzzzzzzzzzzzzz"
                                           "zzzzzzzzzzzzzzzz"
                                           "zzzzzzzzzzzzzzzz"
                                           "zzzzzzzzzzzzzzzz";

const unsigned char subx_wasm_opcodes_fc[33] =
    "yyyyyyyyaDcfADYG"  /* saturating conversions, bulk memory, tables */
    "ZH.............."; /* table.size, table.fill */

const unsigned char subx_wasm_opcodes_fd[289] =
    "LLLLLLLLLLLWvh21"  /* 0x000 loads, store, constant, shuffle */
    "11111ooroorororo"  /* 0x010 splats, lanes */
    "ror2222222222222"  /* 0x020 comparisons */
    "2222222222222222"  /* 0x030 comparisons */
    "2222222222222122"  /* 0x040 comparisons, bits */
    "2271kkkkKKKKLL11"  /* 0x050 bits, loads and stores of lanes */
    "1111122111122222"  /* 0x060 i8x16 */
    "2222112222121111"  /* 0x070 i8x16, f64x2 */
    "1121122111122222"  /* 0x080 i16x8 */
    "2222122222.22222"  /* 0x090 i16x8 */
    "11.11..11112222."  /* 0x0a0 i32x4 */
    ".2...222222.2222"  /* 0x0b0 i32x4 */
    "11.11..11112222."  /* 0x0c0 i64x2 */
    ".2...22222222222"  /* 0x0d0 i64x2 */
    "11.12222222211.1"  /* 0x0e0 f32x4, f64x2 */
    "2222222211111111"  /* 0x0f0 f64x2, conversions */
    "2111177777777222"  /* 0x100 relaxed: swizzle, conversions, fused, lane select, minimum */
    "2227............"; /* 0x110 relaxed: maximum, q15, dot products */

const struct subx_wasm_form_info subx_wasm_forms[128] = {
    [SUBX_FORM_UNREACHABLE] = {SUBX_IMMEDIATE_NONE, 0, 0, 0},
    [SUBX_FORM_NOP] = {SUBX_IMMEDIATE_NONE, 0, 0, 0},
    [SUBX_FORM_BLOCK] = {SUBX_IMMEDIATE_BLOCK, 0, 0, 0},
    [SUBX_FORM_LOOP] = {SUBX_IMMEDIATE_BLOCK, 0, 0, 0},
    [SUBX_FORM_IF] = {SUBX_IMMEDIATE_BLOCK, 0, 0, 0},
    [SUBX_FORM_ELSE] = {SUBX_IMMEDIATE_NONE, 0, 0, 0},
    [SUBX_FORM_END] = {SUBX_IMMEDIATE_NONE, 0, 0, 0},
    [SUBX_FORM_BR] = {SUBX_IMMEDIATE_INDEX, 0, 0, 0},
    [SUBX_FORM_BR_IF] = {SUBX_IMMEDIATE_INDEX, 0, 0, 0},
    [SUBX_FORM_BR_TABLE] = {SUBX_IMMEDIATE_TARGETS, 0, 0, 0},
    [SUBX_FORM_RETURN] = {SUBX_IMMEDIATE_NONE, 0, 0, 0},
    [SUBX_FORM_CALL] = {SUBX_IMMEDIATE_INDEX, 0, 0, 0},
    [SUBX_FORM_CALL_INDIRECT] = {SUBX_IMMEDIATE_CALL, 0, 0, 0},
    [SUBX_FORM_SELECT] = {SUBX_IMMEDIATE_NONE, 0, 0, 0},
    [SUBX_FORM_SELECT_TYPED] = {SUBX_IMMEDIATE_TYPES, 0, 0, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_DROP] = {SUBX_IMMEDIATE_NONE, 1, 0, 0},
    [SUBX_FORM_GET] = {SUBX_IMMEDIATE_INDEX, 0, 1, 0},
    [SUBX_FORM_SET] = {SUBX_IMMEDIATE_INDEX, 1, 0, 0},
    [SUBX_FORM_TEE] = {SUBX_IMMEDIATE_INDEX, 1, 1, 0},
    [SUBX_FORM_LOAD] = {SUBX_IMMEDIATE_MEMORY, 1, 1, 0},
    [SUBX_FORM_STORE] = {SUBX_IMMEDIATE_MEMORY, 2, 0, 0},
    [SUBX_FORM_MEMORY_SIZE] = {SUBX_IMMEDIATE_ZERO, 0, 1, 0},
    [SUBX_FORM_MEMORY_GROW] = {SUBX_IMMEDIATE_ZERO, 1, 1, 0},
    [SUBX_FORM_I32_CONST] = {SUBX_IMMEDIATE_I32, 0, 1, 0},
    [SUBX_FORM_I64_CONST] = {SUBX_IMMEDIATE_I64, 0, 1, 0},
    [SUBX_FORM_F32_CONST] = {SUBX_IMMEDIATE_RAW_4, 0, 1, 0},
    [SUBX_FORM_F64_CONST] = {SUBX_IMMEDIATE_RAW_8, 0, 1, 0},
    [SUBX_FORM_UNARY] = {SUBX_IMMEDIATE_NONE, 1, 1, 0},
    [SUBX_FORM_BINARY] = {SUBX_IMMEDIATE_NONE, 2, 1, 0},
    [SUBX_FORM_TERNARY] = {SUBX_IMMEDIATE_NONE, 3, 1, 0},
    [SUBX_FORM_SIGN_EXTENSION] = {SUBX_IMMEDIATE_NONE, 1, 1, SUBX_WASM_SIGN_EXTENSION},
    [SUBX_FORM_SATURATING] = {SUBX_IMMEDIATE_NONE, 1, 1, SUBX_WASM_SATURATING_CONVERSION},
    [SUBX_FORM_TABLE_GET] = {SUBX_IMMEDIATE_INDEX, 1, 1, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_TABLE_SET] = {SUBX_IMMEDIATE_INDEX, 2, 0, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_REF_NULL] = {SUBX_IMMEDIATE_REFERENCE, 0, 1, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_REF_IS_NULL] = {SUBX_IMMEDIATE_NONE, 1, 1, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_REF_FUNC] = {SUBX_IMMEDIATE_INDEX, 0, 1, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_MEMORY_INIT] = {SUBX_IMMEDIATE_INDEX_ZERO, 3, 0, SUBX_WASM_BULK_MEMORY},
    [SUBX_FORM_SEGMENT_DROP] = {SUBX_IMMEDIATE_INDEX, 0, 0, SUBX_WASM_BULK_MEMORY},
    [SUBX_FORM_MEMORY_COPY] = {SUBX_IMMEDIATE_ZERO_ZERO, 3, 0, SUBX_WASM_BULK_MEMORY},
    [SUBX_FORM_MEMORY_FILL] = {SUBX_IMMEDIATE_ZERO, 3, 0, SUBX_WASM_BULK_MEMORY},
    [SUBX_FORM_TABLE_INIT] = {SUBX_IMMEDIATE_INDEX_PAIR, 3, 0, SUBX_WASM_BULK_MEMORY},
    [SUBX_FORM_TABLE_COPY] = {SUBX_IMMEDIATE_INDEX_PAIR, 3, 0, SUBX_WASM_BULK_MEMORY},
    [SUBX_FORM_TABLE_GROW] = {SUBX_IMMEDIATE_INDEX, 2, 1, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_TABLE_SIZE] = {SUBX_IMMEDIATE_INDEX, 0, 1, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_TABLE_FILL] = {SUBX_IMMEDIATE_INDEX, 3, 0, SUBX_WASM_REFERENCE_TYPES},
    [SUBX_FORM_V128_CONST] = {SUBX_IMMEDIATE_RAW_16, 0, 1, SUBX_WASM_SIMD},
    [SUBX_FORM_SHUFFLE] = {SUBX_IMMEDIATE_RAW_16, 2, 1, SUBX_WASM_SIMD},
    [SUBX_FORM_EXTRACT_LANE] = {SUBX_IMMEDIATE_RAW_1, 1, 1, SUBX_WASM_SIMD},
    [SUBX_FORM_REPLACE_LANE] = {SUBX_IMMEDIATE_RAW_1, 2, 1, SUBX_WASM_SIMD},
    [SUBX_FORM_LOAD_LANE] = {SUBX_IMMEDIATE_MEMORY_LANE, 2, 1, SUBX_WASM_SIMD},
    [SUBX_FORM_STORE_LANE] = {SUBX_IMMEDIATE_MEMORY_LANE, 2, 0, SUBX_WASM_SIMD},
    [SUBX_FORM_PREFIX_FC] = {SUBX_IMMEDIATE_PREFIX, 0, 0, 0},
    [SUBX_FORM_PREFIX_FD] = {SUBX_IMMEDIATE_PREFIX, 0, 0, SUBX_WASM_SIMD},
};
