/*
 * The table of host functions, and the interfaces allocator, logging, hashing,
 * misc and panic_handler: spec/host-api.md sections 1.4, 1.6, 2 and 10. The guest is a byte array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <subexec/code.h>

#include "host/host_functions.h"
#include "host_calls.h"
#include "util/mem.h"

/* ---- Kinds of parameters, from the same table ---- */

struct param {
    char kind; /* of the macros below; 0 ends the list */
    const char *id;
    uint32_t size; /* of what a fixed pointer points to */
};

/* clang-format off */
#define KIND(param) {KIND_##param},
#define KIND_u8(id) '1', #id, 0
#define KIND_u16(id) '2', #id, 0
#define KIND_u32(id) '4', #id, 0
#define KIND_u64(id) '8', #id, 0
#define KIND_flag(id) '?', #id, 0
#define KIND_fixed(id, size) 'p', #id, size
#define KIND_out(id, size) 'p', #id, size
#define KIND_bytes(id) 'b', #id, 0
#define KIND_out_bytes(id) 'b', #id, 0
#define KIND_str(id) 'b', #id, 0
#define KIND_ 0, NULL, 0

#define DESCRIBE(interface, name, version, params, result, function) \
    {SUBX_IMPORT_NAME(interface, name, version),                     \
     {SUBX_EACH(KIND, SUBX_NO_SEPARATOR, params) {0, NULL, 0}}},
/* clang-format on */

struct description {
    const char *name;
    struct param params[9];
};

static const struct description descriptions[] = {
#define SUBX_HOST_FUNCTION DESCRIBE
#include "host/host_functions.def"
#undef SUBX_HOST_FUNCTION
};

static const size_t description_count = sizeof descriptions / sizeof descriptions[0];

static bool points(const struct param *param)
{
    return param->kind == 'p' || param->kind == 'b';
}

/* ---- The table ---- */

static void table_is_sorted_and_found(void **state)
{
    (void)state;
    assert_int_equal(subx_host__function_count, description_count);
    for (size_t i = 0; i < subx_host__function_count; i++) {
        const struct subx_host_function *const function = &subx_host__functions[i];
        assert_string_equal(function->name, descriptions[i].name);
        if (i > 0)
            assert_true(strcmp(subx_host__functions[i - 1].name, function->name) < 0);
        assert_ptr_equal(host_find(function->name), function);
        const size_t len = strlen(function->name);
        const subx_slice shorter = {(const uint8_t *)function->name, len - 1};
        assert_null(subx_host__find(shorter));
        const subx_slice longer = {(const uint8_t *)function->name, len + 1}; /* with its NUL */
        assert_null(subx_host__find(longer));
    }
    assert_null(subx_host__find(SUBX_EMPTY));
    assert_null(subx_host__find(subx_slice__text("a")));
    assert_null(subx_host__find(subx_slice__text("ext_hashing_twox_64_version_3")));
    assert_null(subx_host__find(subx_slice__text("zzz")));
}

static void types_follow_from_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < description_count; i++) {
        const struct param *const params = descriptions[i].params;
        const struct subx_host_function *const function = &subx_host__functions[i];
        size_t count = 0;
        for (; params[count].kind != 0; count++) {
            const bool wide = params[count].kind == 'b' || params[count].kind == '8';
            assert_int_equal(function->params[count], wide ? 'I' : 'i');
        }
        assert_int_equal(strlen(function->params), count);
        assert_true(strlen(function->results) <= 1);
        assert_non_null(strstr(function->name, function->interface));
    }
}

static void public_list(void **state)
{
    (void)state;
    assert_int_equal(subx_host_function_count(), description_count);
    static const struct {
        const char *interface, *name, *type;
    } expected[] = {
        {"allocator", "ext_allocator_free_version_1", "(i32)"},
        {"allocator", "ext_allocator_malloc_version_1", "(i32) -> i32"},
        {"hashing", "ext_hashing_blake2_256_version_1", "(i64) -> i32"},
        {"logging", "ext_logging_log_version_1", "(i32, i64, i64)"},
        {"logging", "ext_logging_max_level_version_1", "() -> i32"},
        {"misc", "ext_misc_print_num_version_1", "(i64)"},
        {"misc", "ext_misc_runtime_version_version_1", "(i64) -> i64"},
        {"panic_handler", "ext_panic_handler_abort_on_panic_version_1", "(i64)"},
    };
    size_t found = 0;
    for (size_t i = 0; i < subx_host_function_count(); i++) {
        const subx_host_function_info info = subx_host_function_at(i);
        for (size_t e = 0; e < sizeof expected / sizeof expected[0]; e++) {
            if (strcmp(expected[e].name, info.name) != 0)
                continue;
            assert_string_equal(info.interface_name, expected[e].interface);
            assert_string_equal(info.type, expected[e].type);
            found++;
        }
    }
    assert_int_equal(found, sizeof expected / sizeof expected[0]);
}

/* ---- Every function, every pointer ---- */

/* Arguments that lie in the guest: texts of 4 bytes, pointers to zeroes, integers that are an
 * allocated pointer (for free) or 0. */
static void fill_valid(struct byte_call *guest, const struct param *params,
                       union subx_value *values)
{
    byte_call_init(guest, 2, 2, HEAP_BASE);
    uint32_t block = 0;
    assert_null(subx_allocator__allocate(&guest->call.allocator, &guest->call.guest, 8, &block));
    for (size_t i = 0; params[i].kind != 0; i++) {
        values[i].u64 = 0;
        if (params[i].kind == 'b')
            values[i].u64 = byte_call_put(guest, 64 * (uint32_t)(1 + i), subx_slice__text("text"));
        else if (params[i].kind == 'p')
            values[i].u64 = 64 * (uint64_t)(1 + i);
        else if (params[i].kind == '4')
            values[i].u64 = block;
    }
}

static void refuses(const struct description *function, size_t which, uint64_t value)
{
    struct byte_call guest;
    union subx_value values[9];
    fill_valid(&guest, function->params, values);
    values[which].u64 = value;
    host_enter_fails(&guest, function->name, values, "out of bounds");
    char quoted[64];
    snprintf(quoted, sizeof quoted, "'%s'", function->params[which].id);
    assert_non_null(strstr(guest.failure.message, quoted));
    byte_call_free(&guest);
}

/* The pointers are fine with it; what they point to need not be. */
static void accepts(const struct description *function, size_t which, uint64_t value)
{
    struct byte_call guest;
    union subx_value values[9];
    fill_valid(&guest, function->params, values);
    values[which].u64 = value;
    if (!host_enter(&guest, function->name, values) &&
        strstr(guest.failure.message, "out of bounds") != NULL)
        fail_msg("%s", guest.failure.message);
    byte_call_free(&guest);
}

static void check_range_pointer(const struct description *function, size_t which)
{
    const uint32_t size = 2 * SUBX_WASM_PAGE;
    accepts(function, which, host_pointer_size(size - 4, 4));
    accepts(function, which, host_pointer_size(size, 0));
    accepts(function, which, host_pointer_size(0, 0));
    refuses(function, which, host_pointer_size(size + 1, 0));
    refuses(function, which, host_pointer_size(UINT32_MAX, 0));
    refuses(function, which, host_pointer_size(size, 1));
    refuses(function, which, host_pointer_size(size - 3, 4));
    refuses(function, which, host_pointer_size(0, size + 1));
    refuses(function, which, host_pointer_size(1, UINT32_MAX)); /* 2^32 in all: no wrapping */
    refuses(function, which, host_pointer_size(UINT32_MAX, 1));
    refuses(function, which, host_pointer_size(UINT32_MAX, UINT32_MAX));
}

static void check_fixed_pointer(const struct description *function, size_t which)
{
    const uint32_t size = 2 * SUBX_WASM_PAGE, len = function->params[which].size;
    accepts(function, which, size - len);
    refuses(function, which, size - len + 1);
    refuses(function, which, size);
    refuses(function, which, UINT32_MAX - len + 1); /* ends at 2^32: no wrapping */
    refuses(function, which, UINT32_MAX);
}

static void every_pointer_of_every_function(void **state)
{
    (void)state;
    size_t checked = 0;
    for (size_t i = 0; i < description_count; i++) {
        for (size_t p = 0; descriptions[i].params[p].kind != 0; p++) {
            if (!points(&descriptions[i].params[p]))
                continue;
            if (descriptions[i].params[p].kind == 'b')
                check_range_pointer(&descriptions[i], p);
            else
                check_fixed_pointer(&descriptions[i], p);
            checked++;
        }
    }
    assert_true(checked > 100);
}

static void memory_of_no_pages(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 0, 2, 0);
    union subx_value values[1] = {{.u64 = host_pointer_size(0, 1)}};
    host_enter_fails(&guest, "ext_hashing_twox_64_version_1", values, "out of bounds");
    values[0].u64 = host_pointer_size(0, 0);
    host_enter_works(&guest, "ext_hashing_twox_64_version_1", values);
    assert_int_equal(values[0].u32, 8);
    assert_guest_bytes(&guest, 8, "99e9d85137db46ef");
    byte_call_free(&guest);
}

/* ---- allocator ---- */

static void allocator(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    union subx_value values[1] = {{.u64 = 100}};
    host_enter_works(&guest, "ext_allocator_malloc_version_1", values);
    assert_true(values[0].u64 == HEAP_BASE + 8);
    host_enter_works(&guest, "ext_allocator_free_version_1", values);
    assert_int_equal(guest.call.allocator.stats.bytes_allocated, 0);
    values[0].u64 = 128;
    host_enter_works(&guest, "ext_allocator_malloc_version_1", values);
    assert_true(values[0].u64 == HEAP_BASE + 8);
    byte_call_free(&guest);
}

static void allocator_fails(const char *name, uint32_t value, const char *text)
{
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    union subx_value values[1] = {{.u32 = value}};
    host_enter_fails(&guest, name, values, text);
    values[0].u64 = 8;
    host_enter_fails(&guest, "ext_allocator_malloc_version_1", values,
                     "Failed to allocate memory: \"Other: the allocator has been poisoned\"");
    byte_call_free(&guest);
}

static void allocator_failures(void **state)
{
    (void)state;
    allocator_fails("ext_allocator_malloc_version_1", 65536,
                    "Failed to allocate memory: \"Allocator ran out of space\"");
    allocator_fails("ext_allocator_malloc_version_1", UINT32_MAX,
                    "Failed to allocate memory: \"Requested allocation size is too large\"");
    allocator_fails("ext_allocator_free_version_1", 0,
                    "Failed to deallocate memory: \"Other: Invalid pointer for deallocation\"");
    allocator_fails("ext_allocator_free_version_1", 1024,
                    "Failed to deallocate memory: \"Other: the allocation points to an empty "
                    "header\"");
    allocator_fails("ext_allocator_free_version_1", UINT32_MAX,
                    "Failed to deallocate memory: \"Other: read out of heap bounds\"");
}

/* ---- hashing ---- */

static const struct {
    const char *name, *empty, *hello;
} hashing_vectors[] = {
    {"ext_hashing_keccak_256_version_1",
     "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
     "ecd0e108a98e192af1d2c25055f4e3bed784b5c877204e73219a5203251feaab"},
    {"ext_hashing_keccak_512_version_1",
     "0eab42de4c3ceb9235fc91acffe746b29c29a8c366b7c60e4e67c466f36a4304"
     "c00fa9caf9d87976ba469bcbe06713b435f091ef2769fb160cdab33d3670680e",
     "4010e792acb33c767f1bd0a49619769bf044eef2e8aca32717149dbc95e2b27d"
     "dc24aa8528c6a7f2a18b926c45d0aff290c18f1edfa04fce3ce91b7c69f3e5f5"},
    {"ext_hashing_sha2_256_version_1",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a"},
    {"ext_hashing_blake2_128_version_1", "cae66941d9efbd404e4d88758ea67670",
     "cee3ed7e5136b8c3f471fda86351c05a"},
    {"ext_hashing_blake2_256_version_1",
     "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
     "3fbc092db9350757e2ab4f7ee9792bfcd2f5220ada5a4bc684487f60c6034369"},
    {"ext_hashing_twox_64_version_1", "99e9d85137db46ef", "b27dfd7f223f177f"},
    {"ext_hashing_twox_128_version_1", "99e9d85137db46ef4bbea33613baafd5",
     "b27dfd7f223f177f2a13647b533599af"},
    {"ext_hashing_twox_256_version_1",
     "99e9d85137db46ef4bbea33613baafd56f963c64b1f3685a4eb4abd67ff6203a",
     "b27dfd7f223f177f2a13647b533599af0c07f68bda23d96d059da2b451a35a74"},
};

/* Pointers and digests as the reference hands them out; the heap grows on the way. */
static void hashing(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 2, 65400);
    const union subx_value inputs[2] = {{.u64 = host_pointer_size(1, 0)},
                                        host_text_at(&guest, 1000, "Hello world!")};
    uint32_t next = 65400;
    for (size_t i = 0; i < sizeof hashing_vectors / sizeof hashing_vectors[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            const char *const expected =
                k == 0 ? hashing_vectors[i].empty : hashing_vectors[i].hello;
            union subx_value values[1] = {inputs[k]};
            host_enter_works(&guest, hashing_vectors[i].name, values);
            assert_true(values[0].u64 == next + 8);
            assert_guest_bytes(&guest, next + 8, expected);
            next += 8 + (uint32_t)strlen(expected) / 2;
        }
    }
    assert_int_equal(guest.memory.grown, 1);
    byte_call_free(&guest);
}

/* ---- logging ---- */

static void log_line(struct byte_call *guest, uint64_t level, const char *target,
                     const char *message)
{
    union subx_value values[3] = {
        {.u64 = level}, host_text_at(guest, 100, target), host_text_at(guest, 200, message)};
    host_enter_works(guest, "ext_logging_log_version_1", values);
}

static void assert_line(struct byte_call *guest, unsigned lines, subx_log_level level,
                        const char *target, const char *message)
{
    assert_int_equal(guest->lines, lines);
    assert_int_equal(guest->level, level);
    assert_string_equal(guest->target, target);
    assert_string_equal(guest->message, message);
}

static void logging_levels(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    guest.call.log_level = SUBX_LOG_TRACE;
    log_line(&guest, 0, "t", "m0");
    assert_line(&guest, 1, SUBX_LOG_ERROR, "t", "m0");
    log_line(&guest, 1, "t", "m1");
    assert_line(&guest, 2, SUBX_LOG_WARN, "t", "m1");
    log_line(&guest, 2, "t", "m2");
    assert_line(&guest, 3, SUBX_LOG_INFO, "t", "m2");
    log_line(&guest, 3, "t", "m3");
    assert_line(&guest, 4, SUBX_LOG_DEBUG, "t", "m3");
    log_line(&guest, 4, "t", "m4");
    assert_line(&guest, 5, SUBX_LOG_TRACE, "t", "m4");
    /* A u8: what is above is cut off, of the i32 and of what lies above that. */
    log_line(&guest, 256, "t", "m5");
    assert_line(&guest, 6, SUBX_LOG_ERROR, "t", "m5");
    log_line(&guest, 257, "t", "m6");
    assert_line(&guest, 7, SUBX_LOG_WARN, "t", "m6");
    log_line(&guest, UINT64_C(0x100000002), "t", "m7");
    assert_line(&guest, 8, SUBX_LOG_INFO, "t", "m7");

    static const uint32_t bad[] = {5, 6, 255, 256 + 5, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        union subx_value values[3] = {
            {.u64 = bad[i]}, host_text_at(&guest, 100, "t"), host_text_at(&guest, 200, "m")};
        host_enter_fails(&guest, "ext_logging_log_version_1", values, "'level' is ");
    }
    assert_int_equal(guest.lines, 8);
    byte_call_free(&guest);
}

static void logging_filter(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    for (uint32_t filter = 0; filter <= 5; filter++) {
        guest.lines = 0;
        guest.call.log_level = filter;
        for (uint64_t level = 0; level < 5; level++)
            log_line(&guest, level, "target", "message");
        assert_int_equal(guest.lines, filter);
        union subx_value values[1] = {{.u64 = 99}};
        host_enter_works(&guest, "ext_logging_max_level_version_1", values);
        assert_true(values[0].u64 == filter);
    }
    guest.call.log = NULL;
    log_line(&guest, 0, "target", "message");
    byte_call_free(&guest);
}

static void logging_text(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    log_line(&guest, 2, "t-x", "");
    assert_line(&guest, 1, SUBX_LOG_INFO, "t-x", "");
    log_line(&guest, 2, "t-y", "\xc0\x80"); /* no UTF-8: dropped */
    assert_line(&guest, 1, SUBX_LOG_INFO, "t-x", "");
    guest.call.log_level = SUBX_LOG_OFF;
    union subx_value values[3] = {
        {.u64 = 0}, host_text_at(&guest, 100, "\xed\xa0\x80"), host_text_at(&guest, 200, "m")};
    host_enter_fails(&guest, "ext_logging_log_version_1", values, "'target' is not valid UTF-8");
    byte_call_free(&guest);
}

/* ---- misc ---- */

static void misc_print(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    union subx_value values[1] = {{.u64 = UINT64_MAX}};
    host_enter_works(&guest, "ext_misc_print_num_version_1", values);
    assert_line(&guest, 1, SUBX_LOG_DEBUG, "runtime", "18446744073709551615");
    values[0] = host_text_at(&guest, 100, "gr\xc3\xbc\xc3\x9f");
    host_enter_works(&guest, "ext_misc_print_utf8_version_1", values);
    assert_line(&guest, 2, SUBX_LOG_DEBUG, "runtime", "gr\xc3\xbc\xc3\x9f");
    values[0] = host_text_at(&guest, 100, "\xff");
    host_enter_works(&guest, "ext_misc_print_utf8_version_1", values);
    assert_int_equal(guest.lines, 2);
    values[0] = host_text_at(&guest, 100, "\xab\x01\xf0");
    host_enter_works(&guest, "ext_misc_print_hex_version_1", values);
    assert_line(&guest, 3, SUBX_LOG_DEBUG, "runtime", "ab01f0");
    values[0].u64 = host_pointer_size(65536, 0);
    host_enter_works(&guest, "ext_misc_print_hex_version_1", values);
    assert_line(&guest, 4, SUBX_LOG_DEBUG, "runtime", "");
    values[0].u64 = host_pointer_size(65536, 0);
    host_enter_works(&guest, "ext_misc_print_utf8_version_1", values);
    assert_line(&guest, 5, SUBX_LOG_DEBUG, "runtime", "");

    guest.call.log_level = SUBX_LOG_INFO;
    values[0] = host_text_at(&guest, 100, "text");
    host_enter_works(&guest, "ext_misc_print_utf8_version_1", values);
    host_enter_works(&guest, "ext_misc_print_hex_version_1", values);
    host_enter_works(&guest, "ext_misc_print_num_version_1", values);
    assert_int_equal(guest.lines, 5);
    byte_call_free(&guest);
}

/* A reader that answers `count` bytes of 0x33 if the code starts with "y". */
static bool read_version(void *data, subx_slice code, subx_bytes *version)
{
    const size_t count = *(const size_t *)data;
    if (code.len == 0 || code.data[0] != 'y')
        return false;
    version->data = subx_mem__alloc(count);
    version->len = count;
    memset(version->data, 0x33, count);
    return true;
}

static uint32_t ask_version(struct byte_call *guest, const char *code)
{
    union subx_value values[1] = {host_text_at(guest, 100, code)};
    host_enter_works(guest, "ext_misc_runtime_version_version_1", values);
    const uint32_t len = (uint32_t)(values[0].u64 >> 32);
    subx_slice got;
    assert_true(subx_guest__borrow(&guest->call.guest, values[0].u32, len, &got));
    return values[0].u32;
}

static void misc_runtime_version(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 10, HEAP_BASE);
    assert_guest_bytes(&guest, ask_version(&guest, "yes"), "00"); /* nobody can tell */
    size_t count = 3;
    guest.call.read_version = read_version;
    guest.call.read_version_data = &count;
    assert_guest_bytes(&guest, ask_version(&guest, "no"), "00");
    assert_guest_bytes(&guest, ask_version(&guest, ""), "00");
    assert_guest_bytes(&guest, ask_version(&guest, "yes"), "010c333333");
    count = 0;
    assert_guest_bytes(&guest, ask_version(&guest, "yes"), "0100");
    count = 128 - 3;
    const uint32_t pointer = ask_version(&guest, "yes");
    assert_guest_bytes(&guest, pointer, "01f5013333");
    assert_guest_bytes(&guest, pointer + 126, "3333");
    byte_call_free(&guest);
}

/* ---- panic_handler ---- */

static void panic_with(struct byte_call *guest, const char *message)
{
    union subx_value values[1] = {host_text_at(guest, 100, message)};
    host_enter_works(guest, "ext_panic_handler_abort_on_panic_version_1", values);
}

static void panic_message_last_wins(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    assert_false(guest.call.panicked);
    panic_with(&guest, "");
    assert_true(guest.call.panicked);
    assert_int_equal(guest.call.panic_message.len, 0);
    assert_non_null(guest.call.panic_message.data);
    panic_with(&guest, "the first, which is longer");
    assert_true(guest.call.panicked);
    panic_with(&guest, "second\nline");
    assert_true(subx_slice__equal(subx_buf__slice(&guest.call.panic_message),
                                  subx_slice__text("second\nline")));
    union subx_value values[1] = {host_text_at(&guest, 100, "\xff")};
    host_enter_fails(&guest, "ext_panic_handler_abort_on_panic_version_1", values,
                     "'message' is not valid UTF-8");
    assert_true(subx_slice__equal(subx_buf__slice(&guest.call.panic_message),
                                  subx_slice__text("second\nline")));
    byte_call_free(&guest);
}

static void panic_message_is_bounded(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 2, 2, HEAP_BASE);
    memset(guest.call.guest.base, 'x', 100000);
    union subx_value values[1] = {{.u64 = host_pointer_size(0, 100000)}};
    host_enter_works(&guest, "ext_panic_handler_abort_on_panic_version_1", values);
    assert_int_equal(guest.call.panic_message.len, SUBX_ERROR_MESSAGE_SIZE);
    byte_call_free(&guest);
}

/* ---- The host's own memory runs out ---- */

#ifdef SUBX_CHECKED
static void no_memory(const char *name)
{
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    union subx_value values[1] = {host_text_at(&guest, 100, "text")};
    subx_mem__fail_after(0);
    const bool entered = host_enter(&guest, name, values);
    subx_mem__fail_after(-1);
    assert_false(entered);
    assert_int_equal(guest.failure.status, SUBX_NOMEM);
    assert_non_null(strstr(guest.failure.message, name));
    assert_false(guest.call.panicked);
    values[0] = host_text_at(&guest, 100, "text");
    host_enter_works(&guest, name, values);
    byte_call_free(&guest);
}

static void host_without_memory(void **state)
{
    (void)state;
    no_memory("ext_panic_handler_abort_on_panic_version_1");
    no_memory("ext_misc_print_hex_version_1");
}

/* The busy functions never ask for any. */
static void no_allocation_on_the_way(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    subx_mem__fail_after(-1);
    for (size_t i = 0; i < sizeof hashing_vectors / sizeof hashing_vectors[0]; i++) {
        union subx_value values[1] = {host_text_at(&guest, 100, "text")};
        host_enter_works(&guest, hashing_vectors[i].name, values);
        host_enter_works(&guest, "ext_allocator_free_version_1", values);
    }
    log_line(&guest, 0, "t", "m");
    ask_version(&guest, "no");
    assert_int_equal(subx_mem__fail_after(-1), 0);
    byte_call_free(&guest);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_sorted_and_found),
        cmocka_unit_test(types_follow_from_kinds),
        cmocka_unit_test(public_list),
        cmocka_unit_test(every_pointer_of_every_function),
        cmocka_unit_test(memory_of_no_pages),
        cmocka_unit_test(allocator),
        cmocka_unit_test(allocator_failures),
        cmocka_unit_test(hashing),
        cmocka_unit_test(logging_levels),
        cmocka_unit_test(logging_filter),
        cmocka_unit_test(logging_text),
        cmocka_unit_test(misc_print),
        cmocka_unit_test(misc_runtime_version),
        cmocka_unit_test(panic_message_last_wins),
        cmocka_unit_test(panic_message_is_bounded),
#ifdef SUBX_CHECKED
        cmocka_unit_test(host_without_memory),
        cmocka_unit_test(no_allocation_on_the_way),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
