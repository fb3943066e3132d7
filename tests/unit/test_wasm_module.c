/* The Wasm reader: sections, both grammars, LEB128, and what it does with broken modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "blob/passes.h"
#include "blob/wasm_code.h"
#include "blob/wasm_edit.h"
#include "blob/wasm_leb.h"
#include "blob/wasm_write.h"
#include "util/mem.h"
#include "wasm_bytes.h"

/* A module of the MVP with something in every section. */
static subx_bytes good_module(void)
{
    return WASM_JOIN(
        {0, WASM("\5first\1\2\3")},
        /* () -> (), (i32, i64) -> f64 */
        {1, WASM("\2\x60\0\0\x60\2\x7f\x7e\1\x7c")},
        {2, WASM("\4\3env\1f\0\1\3env\1t\1\x70\0\2\3env\1m\2\1\1\4\3env\1g\3\x7f\0")},
        {3, WASM("\2\0\1")}, {4, WASM("\1\x70\1\5\7")}, {5, WASM("\0")},
        /* mut i32 = -3; f32 = 1.0 */
        {6, WASM("\2\x7f\1\x41\x7d\x0b\x7d\0\x43\0\0\x80\x3f\x0b")},
        {7, WASM("\4\1a\0\1\1t\1\0\1m\2\0\1x\3\1")}, {8, WASM("\1")},
        {9, WASM("\1\0\x41\2\x0b\2\1\2")},
        {10, WASM("\2\2\0\x0b\x14\2\1\x7f\2\x7e\2\x40\x41\1\x04\x40\x0c\1\x05\x0b\x0b\x44"
                  "\0\0\0\0\0\0\xf0\x3f"
                  "\x0b"
                  + 0)},
        {11, WASM("\2\0\x41\x10\x0b\3abc\0\x23\0\x0b\0")},
        {0, WASM("\4name\x7f")},
        {0, WASM("\5first\4")});
}
