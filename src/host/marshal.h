/*
 * From raw values to typed arguments and back (spec/host-api.md section 2). SUBX_HOST_ENTRY makes,
 * of one line of host_functions.def, the function that the guest's import calls: no descriptor is
 * looked at while running, nothing is allocated, each entry is straight code for its own signature.
 *
 * What happens, in this order: each parameter is checked and converted, the C function runs, its
 * result is placed in the guest. Only the last step may grow the guest's memory, and by then no
 * borrowed argument is looked at any more. Whatever fails, the guest traps and the message starts
 * with the import's name.
 *
 * A kind is a set of macros: how the guest's value is typed in Wasm (..._WASM_kind a letter, as in
 * subx_host_function; ..._TEXT_kind as text), how the C function declares it, how it is converted,
 * and how it is passed; for results also whether memory of the guest is allocated for it.
 */
#ifndef SUBX_HOST_MARSHAL_H
#define SUBX_HOST_MARSHAL_H

#include "host/host_bytes.h"
#include "host/host_function.h"
#include "util/utf8.h"

#define SUBX_ALWAYS_INLINE inline __attribute__((always_inline))

/* Guest bytes that the host function may write to; valid as long as a borrowed slice is. */
struct subx_span {
    uint8_t *data;
    size_t len;
};

/* The failures, out of the way of the fast code; all return false. */
bool subx_marshal__out_of_bounds(struct subx_call *call, const char *import, const char *argument,
                                 uint32_t pointer, uint32_t len) __attribute__((cold));
bool subx_marshal__not_utf8(struct subx_call *call, const char *import, const char *argument)
    __attribute__((cold));
bool subx_marshal__no_room(struct subx_call *call, const char *import, const char *allocator_says)
    __attribute__((cold));
/* The host function failed and has said why. */
bool subx_marshal__failed(struct subx_call *call, const char *import) __attribute__((cold));

/* Place a result of variable length in the guest and its pointer-size in `values[0]`; releases what
 * the result owns in any case. False: the guest must trap. */
bool subx_marshal__give_bytes(struct subx_call *call, const char *import, union subx_value *values,
                              struct subx_host_bytes *result);

/* Place `len` bytes in the guest and their pointer in `values[0]`. */
static SUBX_ALWAYS_INLINE bool subx_marshal__give_fixed(struct subx_call *call, const char *import,
                                                        union subx_value *values,
                                                        const uint8_t *bytes, uint32_t len)
{
    uint32_t pointer = 0;
    const char *const problem =
        subx_allocator__allocate(&call->allocator, &call->guest, len, &pointer);
    if (problem != NULL)
        return subx_marshal__no_room(call, import, problem);
    if (!subx_guest__write(&call->guest, pointer, (subx_slice){bytes, len}))
        return subx_marshal__out_of_bounds(call, import, "result", pointer, len);
    values[0].u64 = pointer;
    return true;
}

/* The two halves of a pointer-size. */
static SUBX_ALWAYS_INLINE uint32_t subx_marshal__pointer(uint64_t pointer_size)
{
    return (uint32_t)pointer_size;
}

static SUBX_ALWAYS_INLINE uint32_t subx_marshal__len(uint64_t pointer_size)
{
    return (uint32_t)(pointer_size >> 32);
}

/* ---- Parameters. `at` walks over the raw values. ---- */

/* Integers: what is wider than the type is cut off, not refused (section 10). */
#define SUBX_PARAM_WASM_u8(id) "i"
#define SUBX_PARAM_TEXT_u8(id) "i32"
#define SUBX_PARAM_DECLARE_u8(id) , uint8_t id
#define SUBX_PARAM_CONVERT_u8(id) const uint8_t arg_##id = (uint8_t)(at++)->u32;
#define SUBX_PARAM_PASS_u8(id) , arg_##id

#define SUBX_PARAM_WASM_u16(id) "i"
#define SUBX_PARAM_TEXT_u16(id) "i32"
#define SUBX_PARAM_DECLARE_u16(id) , uint16_t id
#define SUBX_PARAM_CONVERT_u16(id) const uint16_t arg_##id = (uint16_t)(at++)->u32;
#define SUBX_PARAM_PASS_u16(id) , arg_##id

#define SUBX_PARAM_WASM_u32(id) "i"
#define SUBX_PARAM_TEXT_u32(id) "i32"
#define SUBX_PARAM_DECLARE_u32(id) , uint32_t id
#define SUBX_PARAM_CONVERT_u32(id) const uint32_t arg_##id = (at++)->u32;
#define SUBX_PARAM_PASS_u32(id) , arg_##id

#define SUBX_PARAM_WASM_u64(id) "I"
#define SUBX_PARAM_TEXT_u64(id) "i64"
#define SUBX_PARAM_DECLARE_u64(id) , uint64_t id
#define SUBX_PARAM_CONVERT_u64(id) const uint64_t arg_##id = (at++)->u64;
#define SUBX_PARAM_PASS_u64(id) , arg_##id

/* A boolean: anything but 0 is true. */
#define SUBX_PARAM_WASM_flag(id) "i"
#define SUBX_PARAM_TEXT_flag(id) "i32"
#define SUBX_PARAM_DECLARE_flag(id) , bool id
#define SUBX_PARAM_CONVERT_flag(id) const bool arg_##id = (at++)->u32 != 0;
#define SUBX_PARAM_PASS_flag(id) , arg_##id

/* A pointer to `size` bytes to read. */
#define SUBX_PARAM_WASM_fixed(id, size) "i"
#define SUBX_PARAM_TEXT_fixed(id, size) "i32"
#define SUBX_PARAM_DECLARE_fixed(id, size) , const uint8_t id[size]
#define SUBX_PARAM_CONVERT_fixed(id, size)                                           \
    if (!subx_guest__in_bounds(&call->guest, at->u32, (size)))                       \
        return subx_marshal__out_of_bounds(call, import_name, #id, at->u32, (size)); \
    const uint8_t *const arg_##id = call->guest.base + (at++)->u32;
#define SUBX_PARAM_PASS_fixed(id, size) , arg_##id

/* A pointer to `size` bytes to write. */
#define SUBX_PARAM_WASM_out(id, size) "i"
#define SUBX_PARAM_TEXT_out(id, size) "i32"
#define SUBX_PARAM_DECLARE_out(id, size) , uint8_t id[size]
#define SUBX_PARAM_CONVERT_out(id, size)                                             \
    if (!subx_guest__in_bounds(&call->guest, at->u32, (size)))                       \
        return subx_marshal__out_of_bounds(call, import_name, #id, at->u32, (size)); \
    uint8_t *const arg_##id = call->guest.base + (at++)->u32;
#define SUBX_PARAM_PASS_out(id, size) , arg_##id

/* A pointer-size of bytes to read. */
#define SUBX_PARAM_WASM_bytes(id) "I"
#define SUBX_PARAM_TEXT_bytes(id) "i64"
#define SUBX_PARAM_DECLARE_bytes(id) , subx_slice id
#define SUBX_PARAM_CONVERT_bytes(id)                                                               \
    subx_slice arg_##id;                                                                           \
    if (!subx_guest__borrow(&call->guest, subx_marshal__pointer(at->u64),                          \
                            subx_marshal__len(at->u64), &arg_##id))                                \
        return subx_marshal__out_of_bounds(call, import_name, #id, subx_marshal__pointer(at->u64), \
                                           subx_marshal__len(at->u64));                            \
    at++;
#define SUBX_PARAM_PASS_bytes(id) , arg_##id

/* A pointer-size of text: what is not UTF-8 fails. */
#define SUBX_PARAM_WASM_str(id) "I"
#define SUBX_PARAM_TEXT_str(id) "i64"
#define SUBX_PARAM_DECLARE_str(id) , subx_slice id
/* clang-format off */
#define SUBX_PARAM_CONVERT_str(id)                             \
    SUBX_PARAM_CONVERT_bytes(id)                               \
    if (!subx_utf8__valid(arg_##id))                           \
        return subx_marshal__not_utf8(call, import_name, #id);
/* clang-format on */
#define SUBX_PARAM_PASS_str(id) , arg_##id

/* A pointer-size of bytes to write. */
#define SUBX_PARAM_WASM_out_bytes(id) "I"
#define SUBX_PARAM_TEXT_out_bytes(id) "i64"
#define SUBX_PARAM_DECLARE_out_bytes(id) , struct subx_span id
#define SUBX_PARAM_CONVERT_out_bytes(id)                                                           \
    if (!subx_guest__in_bounds(&call->guest, subx_marshal__pointer(at->u64),                       \
                               subx_marshal__len(at->u64)))                                        \
        return subx_marshal__out_of_bounds(call, import_name, #id, subx_marshal__pointer(at->u64), \
                                           subx_marshal__len(at->u64));                            \
    const struct subx_span arg_##id = {call->guest.base + subx_marshal__pointer(at->u64),          \
                                       subx_marshal__len(at->u64)};                                \
    at++;
#define SUBX_PARAM_PASS_out_bytes(id) , arg_##id

/* No parameters: `()` is one parameter of no kind. */
#define SUBX_PARAM_WASM_ ""
#define SUBX_PARAM_TEXT_ ""
#define SUBX_PARAM_DECLARE_
#define SUBX_PARAM_CONVERT_
#define SUBX_PARAM_PASS_

/* ---- Results. ---- */

#define SUBX_RESULT_ALLOCATES_none false
#define SUBX_RESULT_WASM_none ""
#define SUBX_RESULT_TEXT_none ""
#define SUBX_RESULT_DECLARE_none
#define SUBX_RESULT_LOCAL_none
#define SUBX_RESULT_PASS_none
#define SUBX_RESULT_GIVE_none true

#define SUBX_RESULT_ALLOCATES_u32 false
#define SUBX_RESULT_WASM_u32 "i"
#define SUBX_RESULT_TEXT_u32 " -> i32"
#define SUBX_RESULT_DECLARE_u32 , uint32_t *result
#define SUBX_RESULT_LOCAL_u32 uint32_t result = 0;
#define SUBX_RESULT_PASS_u32 , &result
#define SUBX_RESULT_GIVE_u32 (values[0].u64 = result, true)

/* A pointer to a block that the function allocated itself. */
#define SUBX_RESULT_ALLOCATES_block true
#define SUBX_RESULT_WASM_block SUBX_RESULT_WASM_u32
#define SUBX_RESULT_TEXT_block SUBX_RESULT_TEXT_u32
#define SUBX_RESULT_DECLARE_block SUBX_RESULT_DECLARE_u32
#define SUBX_RESULT_LOCAL_block SUBX_RESULT_LOCAL_u32
#define SUBX_RESULT_PASS_block SUBX_RESULT_PASS_u32
#define SUBX_RESULT_GIVE_block SUBX_RESULT_GIVE_u32

#define SUBX_RESULT_ALLOCATES_u64 false
#define SUBX_RESULT_WASM_u64 "I"
#define SUBX_RESULT_TEXT_u64 " -> i64"
#define SUBX_RESULT_DECLARE_u64 , uint64_t *result
#define SUBX_RESULT_LOCAL_u64 uint64_t result = 0;
#define SUBX_RESULT_PASS_u64 , &result
#define SUBX_RESULT_GIVE_u64 (values[0].u64 = result, true)

#define SUBX_RESULT_ALLOCATES_flag false
#define SUBX_RESULT_WASM_flag "i"
#define SUBX_RESULT_TEXT_flag " -> i32"
#define SUBX_RESULT_DECLARE_flag , bool *result
#define SUBX_RESULT_LOCAL_flag bool result = false;
#define SUBX_RESULT_PASS_flag , &result
#define SUBX_RESULT_GIVE_flag (values[0].u64 = result, true)

/* `size` bytes in a block of the guest's; the guest gets the pointer. */
#define SUBX_RESULT_ALLOCATES_pointer(size) true
#define SUBX_RESULT_WASM_pointer(size) "i"
#define SUBX_RESULT_TEXT_pointer(size) " -> i32"
#define SUBX_RESULT_DECLARE_pointer(size) , uint8_t result[size]
#define SUBX_RESULT_LOCAL_pointer(size) uint8_t result[size] = {0};
#define SUBX_RESULT_PASS_pointer(size) , result
#define SUBX_RESULT_GIVE_pointer(size) \
    subx_marshal__give_fixed(call, import_name, values, result, (size))

/* Any number of bytes in a block of the guest's; the guest gets the pointer-size. */
#define SUBX_RESULT_ALLOCATES_bytes true
#define SUBX_RESULT_WASM_bytes "I"
#define SUBX_RESULT_TEXT_bytes " -> i64"
#define SUBX_RESULT_DECLARE_bytes , struct subx_host_bytes *result
#define SUBX_RESULT_LOCAL_bytes    \
    struct subx_host_bytes result; \
    result.head_len = 0;           \
    result.body = SUBX_EMPTY;      \
    result.owned = (subx_bytes)SUBX_BYTES_INIT;
#define SUBX_RESULT_PASS_bytes , &result
#define SUBX_RESULT_GIVE_bytes subx_marshal__give_bytes(call, import_name, values, &result)

/* ---- Putting the kinds together. ---- */

/* SUBX_EACH(macro, separator, (a, b, ...)): macro(a) separator() macro(b) ..., up to 8. */
#define SUBX_EACH(macro, separator, list) SUBX_EACH_OF(macro, separator, SUBX_UNWRAP list)
#define SUBX_EACH_OF(macro, separator, ...) \
    SUBX_PASTE(SUBX_EACH_, SUBX_COUNT(__VA_ARGS__))(macro, separator, __VA_ARGS__)
#define SUBX_UNWRAP(...) __VA_ARGS__
#define SUBX_PASTE(a, b) SUBX_PASTE_NOW(a, b)
#define SUBX_PASTE_NOW(a, b) a##b
#define SUBX_COUNT(...) SUBX_NINTH(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define SUBX_NINTH(a, b, c, d, e, f, g, h, ninth, ...) ninth
#define SUBX_EACH_1(m, s, a) m(a)
#define SUBX_EACH_2(m, s, a, ...) m(a) s() SUBX_EACH_1(m, s, __VA_ARGS__)
#define SUBX_EACH_3(m, s, a, ...) m(a) s() SUBX_EACH_2(m, s, __VA_ARGS__)
#define SUBX_EACH_4(m, s, a, ...) m(a) s() SUBX_EACH_3(m, s, __VA_ARGS__)
#define SUBX_EACH_5(m, s, a, ...) m(a) s() SUBX_EACH_4(m, s, __VA_ARGS__)
#define SUBX_EACH_6(m, s, a, ...) m(a) s() SUBX_EACH_5(m, s, __VA_ARGS__)
#define SUBX_EACH_7(m, s, a, ...) m(a) s() SUBX_EACH_6(m, s, __VA_ARGS__)
#define SUBX_EACH_8(m, s, a, ...) m(a) s() SUBX_EACH_7(m, s, __VA_ARGS__)
#define SUBX_NO_SEPARATOR()
#define SUBX_COMMA_TEXT() ", "

#define SUBX_PARAM_WASM(param) SUBX_PARAM_WASM_##param
#define SUBX_PARAM_TEXT(param) SUBX_PARAM_TEXT_##param
#define SUBX_PARAM_DECLARE(param) SUBX_PARAM_DECLARE_##param
#define SUBX_PARAM_CONVERT(param) SUBX_PARAM_CONVERT_##param
#define SUBX_PARAM_PASS(param) SUBX_PARAM_PASS_##param

#define SUBX_IMPORT_NAME(interface, name, version) "ext_" #interface "_" #name "_version_" #version
#define SUBX_ENTRY_NAME(interface, name, version) enter_##interface##_##name##_##version

/* clang-format off */

/* The prototype of the C function. */
#define SUBX_HOST_PROTOTYPE(interface, name, version, params, result_kind, function)              \
    bool function(struct subx_call *call SUBX_EACH(SUBX_PARAM_DECLARE, SUBX_NO_SEPARATOR, params) \
                      SUBX_RESULT_DECLARE_##result_kind);

/* The function that the import calls, a subx_host_entry. */
#define SUBX_HOST_ENTRY(interface, name, version, params, result_kind, function)                  \
    static bool SUBX_ENTRY_NAME(interface, name, version)(struct subx_call *call,                 \
                                                          union subx_value *values)               \
    {                                                                                             \
        const char *const import_name = SUBX_IMPORT_NAME(interface, name, version);               \
        const union subx_value *at = values;                                                      \
        (void)at;                                                                                 \
        SUBX_EACH(SUBX_PARAM_CONVERT, SUBX_NO_SEPARATOR, params)                                  \
        SUBX_RESULT_LOCAL_##result_kind                                                           \
        if (!function(call SUBX_EACH(SUBX_PARAM_PASS, SUBX_NO_SEPARATOR, params)                  \
                          SUBX_RESULT_PASS_##result_kind))                                        \
            return subx_marshal__failed(call, import_name);                                       \
        return SUBX_RESULT_GIVE_##result_kind;                                                    \
    }

/* Its row in a table of struct subx_host_function. */
#define SUBX_HOST_ROW(interface, name, version, params, result_kind, function)                    \
    {                                                                                             \
        #interface,                                                                               \
        SUBX_IMPORT_NAME(interface, name, version),                                               \
        SUBX_EACH(SUBX_PARAM_WASM, SUBX_NO_SEPARATOR, params),                                    \
        SUBX_RESULT_WASM_##result_kind,                                                           \
        SUBX_ENTRY_NAME(interface, name, version),                                                \
        "(" SUBX_EACH(SUBX_PARAM_TEXT, SUBX_COMMA_TEXT, params) ")" SUBX_RESULT_TEXT_##result_kind, \
        SUBX_RESULT_ALLOCATES_##result_kind                                                       \
    },

/* clang-format on */

#endif
