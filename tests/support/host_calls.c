/* Calling host functions by name; see host_calls.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host_calls.h"
#include "util/error.h"
#include "util/hex.h"

const struct subx_host_function *host_find(const char *name)
{
    const struct subx_host_function *const function = subx_host__find(subx_slice__text(name));
    if (function == NULL)
        fail_msg("no host function %s", name);
    return function;
}

bool host_enter(struct byte_call *guest, const char *name, union subx_value *values)
{
    subx_error_clear(&guest->failure);
    return host_find(name)->entry(&guest->call, values);
}

void host_enter_fails(struct byte_call *guest, const char *name, union subx_value *values,
                      const char *text)
{
    if (host_enter(guest, name, values))
        fail_msg("%s should have failed: %s", name, text);
    assert_int_equal(guest->failure.status, SUBX_ABORTED_DUE_TO_TRAP);
    const size_t len = strlen(name);
    if (strncmp(guest->failure.message, name, len) != 0 ||
        strncmp(guest->failure.message + len, ": ", 2) != 0 ||
        strstr(guest->failure.message, text) == NULL)
        fail_msg("%s: unexpected message '%s', expected '%s'", name, guest->failure.message, text);
}

void host_enter_works(struct byte_call *guest, const char *name, union subx_value *values)
{
    if (!host_enter(guest, name, values))
        fail_msg("%s", guest->failure.message);
    assert_int_equal(guest->failure.status, SUBX_OK);
}

uint64_t host_pointer_size(uint32_t pointer, uint32_t len)
{
    return pointer | (uint64_t)len << 32;
}

union subx_value host_text_at(struct byte_call *guest, uint32_t pointer, const char *text)
{
    return (union subx_value){.u64 = byte_call_put(guest, pointer, subx_slice__text(text))};
}

void assert_guest_bytes(const struct byte_call *guest, uint32_t pointer, const char *hex)
{
    subx_bytes expected;
    assert_int_equal(subx_hex__decode(subx_slice__text(hex), &expected, NULL), SUBX_OK);
    subx_slice got;
    assert_true(subx_guest__borrow(&guest->call.guest, pointer, (uint32_t)expected.len, &got));
    assert_memory_equal(got.data, expected.data, expected.len);
    subx_bytes_free(&expected);
}
