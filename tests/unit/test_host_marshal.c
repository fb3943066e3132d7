/* Marshalling between raw values and typed arguments, every kind of it: spec/host-api.md sections 2
 * and 10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host/marshal.h"
#include "host_calls.h"
#include "util/hex.h"
#include "util/mem.h"

static struct {
    uint8_t u8;
    uint32_t u32;
    uint64_t u64;
    bool flag;
    uint8_t fixed[3];
    subx_slice bytes, str;
    unsigned calls;
} seen;

SUBX_HOST_PROTOTYPE(test, inputs, 1,
                    (u8(a), u32(b), u64(c), flag(d), fixed(e, 3), bytes(f), str(g), out(h, 2)), u64,
                    take_inputs)
SUBX_HOST_PROTOTYPE(test, outputs, 2, (out_bytes(to), u32(fill)), flag, take_outputs)
SUBX_HOST_PROTOTYPE(test, failing, 1, (), pointer(8), give_up)
SUBX_HOST_PROTOTYPE(test, small, 1, (bytes(data)), pointer(3), give_three)
SUBX_HOST_PROTOTYPE(test, large, 1, (u32(len)), bytes, give_many)

bool take_inputs(struct subx_call *call, uint8_t a, uint32_t b, uint64_t c, bool d,
                 const uint8_t e[3], subx_slice f, subx_slice g, uint8_t h[2], uint64_t *result)
{
    (void)call;
    seen.u8 = a;
    seen.u32 = b;
    seen.u64 = c;
    seen.flag = d;
    memcpy(seen.fixed, e, 3);
    seen.bytes = f;
    seen.str = g;
    seen.calls++;
    h[0] = 0xde;
    h[1] = 0xad;
    *result = UINT64_C(0x123456789abcdef0);
    return true;
}

bool take_outputs(struct subx_call *call, struct subx_span to, uint32_t fill, bool *result)
{
    (void)call;
    memset(to.data, (int)fill, to.len);
    *result = to.len > 0;
    return true;
}

bool give_up(struct subx_call *call, uint8_t result[8])
{
    (void)result;
    return subx_call__fail(call, "there are %d reasons", 3);
}

/* The first, the last byte and the count of its input. */
bool give_three(struct subx_call *call, subx_slice data, uint8_t result[3])
{
    (void)call;
    result[0] = data.data[0];
    result[1] = data.data[data.len - 1];
    result[2] = (uint8_t)data.len;
    return true;
}

/* Head "ab", then `len` bytes of 0x77 that are allocated for this call. */
bool give_many(struct subx_call *call, uint32_t len, struct subx_host_bytes *result)
{
    result->owned.data = subx_mem__alloc(len);
    if (result->owned.data == NULL)
        return subx_call__fail_nomem(call);
    memset(result->owned.data, 0x77, len);
    memcpy(result->head, "ab", 2);
    result->head_len = 2;
    result->body = (subx_slice){result->owned.data, len};
    return true;
}

SUBX_HOST_ENTRY(test, inputs, 1,
                (u8(a), u32(b), u64(c), flag(d), fixed(e, 3), bytes(f), str(g), out(h, 2)), u64,
                take_inputs)
SUBX_HOST_ENTRY(test, outputs, 2, (out_bytes(to), u32(fill)), flag, take_outputs)
SUBX_HOST_ENTRY(test, failing, 1, (), pointer(8), give_up)
SUBX_HOST_ENTRY(test, small, 1, (bytes(data)), pointer(3), give_three)
SUBX_HOST_ENTRY(test, large, 1, (u32(len)), bytes, give_many)

static const struct subx_host_function inputs_row[] = {SUBX_HOST_ROW(
    test, inputs, 1, (u8(a), u32(b), u64(c), flag(d), fixed(e, 3), bytes(f), str(g), out(h, 2)),
    u64, take_inputs)};

static void rows_describe_entries(void **state)
{
    (void)state;
    assert_string_equal(inputs_row->interface, "test");
    assert_string_equal(inputs_row->name, "ext_test_inputs_version_1");
    assert_string_equal(inputs_row->params, "iiIiiIIi");
    assert_string_equal(inputs_row->results, "I");
    assert_string_equal(inputs_row->type, "(i32, i32, i64, i32, i32, i64, i64, i32) -> i64");
    assert_true(inputs_row->entry == enter_test_inputs_1);
}

static void prepare_inputs(struct byte_call *guest, union subx_value *values)
{
    byte_call_init(guest, 1, 1, HEAP_BASE);
    byte_call_put(guest, 30, subx_slice__text("xyz"));
    values[0].u64 = UINT64_C(0xffffffff00000142);
    values[1].u64 = UINT64_C(0xffffffff89abcdef);
    values[2].u64 = UINT64_MAX - 1;
    values[3].u64 = 0x100;
    values[4].u64 = UINT64_C(0xffffffff0000001e);
    values[5].u64 = byte_call_put(guest, 40, subx_slice__text("\xff\xfe"));
    values[6].u64 = byte_call_put(guest, 50, subx_slice__text("h\xc3\xa9"));
    values[7].u64 = 60;
}

static void inputs_are_converted(void **state)
{
    (void)state;
    struct byte_call guest;
    union subx_value values[8];
    prepare_inputs(&guest, values);
    assert_true(enter_test_inputs_1(&guest.call, values));
    assert_int_equal(seen.u8, 0x42);
    assert_int_equal(seen.u32, 0x89abcdef);
    assert_true(seen.u64 == UINT64_MAX - 1);
    assert_true(seen.flag);
    assert_memory_equal(seen.fixed, "xyz", 3);
    assert_true(subx_slice__equal(seen.bytes, subx_slice__text("\xff\xfe")));
    assert_true(subx_slice__equal(seen.str, subx_slice__text("h\xc3\xa9")));
    assert_ptr_equal(seen.str.data, guest.call.guest.base + 50); /* no copy is made */
    assert_guest_bytes(&guest, 60, "dead00");
    assert_true(values[0].u64 == UINT64_C(0x123456789abcdef0));
    byte_call_free(&guest);

    prepare_inputs(&guest, values);
    values[3].u64 = UINT64_C(0xffffffff00000000); /* the upper half of an i32 is no part of it */
    assert_true(enter_test_inputs_1(&guest.call, values));
    assert_false(seen.flag);
    byte_call_free(&guest);
}

static void one_bad_input(size_t which, uint64_t value, const char *text)
{
    struct byte_call guest;
    union subx_value values[8];
    prepare_inputs(&guest, values);
    values[which].u64 = value;
    const unsigned calls = seen.calls;
    assert_false(enter_test_inputs_1(&guest.call, values));
    assert_int_equal(seen.calls, calls);
    assert_string_equal(guest.failure.message, text);
    byte_call_free(&guest);
}

static void bad_inputs_do_not_reach_the_function(void **state)
{
    (void)state;
    one_bad_input(4, 65534,
                  "ext_test_inputs_version_1: memory access is out of bounds: 'e' at 65534, 3 "
                  "bytes, in a memory of 65536 bytes");
    one_bad_input(5, host_pointer_size(65537, 0),
                  "ext_test_inputs_version_1: memory access is out of bounds: 'f' at 65537, 0 "
                  "bytes, in a memory of 65536 bytes");
    one_bad_input(6, host_pointer_size(40, 2), "ext_test_inputs_version_1: 'g' is not valid UTF-8");
    one_bad_input(7, 65535,
                  "ext_test_inputs_version_1: memory access is out of bounds: 'h' at 65535, 2 "
                  "bytes, in a memory of 65536 bytes");
}

static void output_buffers_are_written(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    union subx_value values[2] = {{.u64 = host_pointer_size(100, 3)}, {.u64 = 0x5c}};
    assert_true(enter_test_outputs_2(&guest.call, values));
    assert_true(values[0].u64 == 1);
    assert_guest_bytes(&guest, 99, "005c5c5c00");
    values[0].u64 = host_pointer_size(65536, 0);
    assert_true(enter_test_outputs_2(&guest.call, values));
    assert_true(values[0].u64 == 0);
    values[0].u64 = host_pointer_size(65535, 2);
    assert_false(enter_test_outputs_2(&guest.call, values));
    assert_non_null(strstr(guest.failure.message, "ext_test_outputs_version_2: "));
    byte_call_free(&guest);
}

static void failures_name_the_import(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    union subx_value values[1] = {{.u64 = 7}};
    assert_false(enter_test_failing_1(&guest.call, values));
    assert_string_equal(guest.failure.message, "ext_test_failing_version_1: there are 3 reasons");
    assert_int_equal(guest.failure.status, SUBX_ABORTED_DUE_TO_TRAP);
    /* Nothing was allocated for a result that there is not. */
    assert_int_equal(guest.call.allocator.bumper, HEAP_BASE);
    guest.call.failure = NULL; /* nobody wants to know */
    assert_false(enter_test_failing_1(&guest.call, values));
    byte_call_free(&guest);
}

static void results_survive_the_growth_that_they_cause(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 10, SUBX_WASM_PAGE);
    union subx_value values[1] = {host_text_at(&guest, 65530, "abcdef")};
    assert_true(enter_test_small_1(&guest.call, values));
    assert_int_equal(guest.memory.grown, 1);
    assert_int_equal(values[0].u64, 65536 + 8);
    assert_guest_bytes(&guest, 65536 + 8, "616606");
    assert_guest_bytes(&guest, 65536, "0000000001000000");

    values[0].u64 = 100000;
    assert_true(enter_test_large_1(&guest.call, values));
    assert_int_equal(guest.memory.grown, 2);
    assert_int_equal(values[0].u64 >> 32, 100002);
    const uint32_t pointer = values[0].u32;
    assert_int_equal(pointer, 65536 + 8 + 8 + 8);
    assert_guest_bytes(&guest, pointer, "616277");
    assert_guest_bytes(&guest, pointer + 100000, "777700");
    byte_call_free(&guest);
}

static void results_that_do_not_fit(void **state)
{
    (void)state;
    static const char text[] = "Failed to allocate memory: \"Allocator ran out of space\"";
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, SUBX_WASM_PAGE - 8);
    union subx_value values[1] = {host_text_at(&guest, 0, "abcdef")};
    assert_false(enter_test_small_1(&guest.call, values));
    assert_non_null(strstr(guest.failure.message, text));
    assert_non_null(strstr(guest.failure.message, "ext_test_small_version_1: "));
    byte_call_free(&guest);

    byte_call_init(&guest, 1, 1, HEAP_BASE);
    values[0].u64 = 100000;
    assert_false(enter_test_large_1(&guest.call, values)); /* its buffer is released */
    assert_non_null(strstr(guest.failure.message, text));
    byte_call_free(&guest);

    byte_call_init(&guest, 1, 1, HEAP_BASE);
    values[0].u64 = (1u << 25) - 1; /* one too many, with the head */
    assert_false(enter_test_large_1(&guest.call, values));
    assert_non_null(
        strstr(guest.failure.message,
               "Failed to allocate memory: \"Requested allocation size is too large\""));
    byte_call_free(&guest);
}

static void results_above_32_bits(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    struct subx_host_bytes result = {.head_len = 1};
    const uint8_t byte = 0;
    result.body = (subx_slice){&byte, UINT32_MAX}; /* never looked at */
    union subx_value values[1] = {{.u64 = 0}};
    assert_false(subx_marshal__give_bytes(&guest.call, "ext_x", values, &result));
    assert_non_null(strstr(guest.failure.message, "Requested allocation size is too large"));
    byte_call_free(&guest);
}

static void empty_results_have_a_block(void **state)
{
    (void)state;
    struct byte_call guest;
    byte_call_init(&guest, 1, 1, HEAP_BASE);
    struct subx_host_bytes result = {.head_len = 0};
    union subx_value values[1] = {{.u64 = 0}};
    assert_true(subx_marshal__give_bytes(&guest.call, "ext_x", values, &result));
    assert_true(values[0].u64 == HEAP_BASE + 8);
    assert_int_equal(guest.call.allocator.stats.bytes_allocated, 16);
    byte_call_free(&guest);
}

static void compact_counts(void **state)
{
    (void)state;
    static const struct {
        uint64_t count;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {1, "04"},
        {63, "fc"},
        {64, "0101"},
        {16383, "fdff"},
        {16384, "02000100"},
        {(1u << 30) - 1, "feffffff"},
        {1u << 30, "0300000040"},
        {UINT32_MAX, "03ffffffff"},
        {UINT64_C(1) << 32, "070000000001"},
        {UINT64_MAX, "13ffffffffffffffff"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[9];
        const size_t len = subx_host_bytes__put_compact(bytes, cases[i].count);
        struct subx_buf hex = SUBX_BUF_INIT;
        subx_hex__append(&hex, subx_slice__of(bytes, len));
        subx_buf__append_u8(&hex, '\0');
        assert_string_equal((const char *)hex.data, cases[i].hex);
        subx_buf__free(&hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_describe_entries),
        cmocka_unit_test(inputs_are_converted),
        cmocka_unit_test(bad_inputs_do_not_reach_the_function),
        cmocka_unit_test(output_buffers_are_written),
        cmocka_unit_test(failures_name_the_import),
        cmocka_unit_test(results_survive_the_growth_that_they_cause),
        cmocka_unit_test(results_that_do_not_fit),
        cmocka_unit_test(results_above_32_bits),
        cmocka_unit_test(empty_results_have_a_block),
        cmocka_unit_test(compact_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
