/* Calling host functions by their import names, on a byte array as the guest, in cmocka tests. */
#ifndef SUBX_TESTS_HOST_CALLS_H
#define SUBX_TESTS_HOST_CALLS_H

#include "byte_guest.h"
#include "host/host_function.h"

#define HEAP_BASE 4096u

/* The function of that name; the test fails if there is none. */
const struct subx_host_function *host_find(const char *name);

/* Call it: parameters in `values`, the result in `values[0]`. */
bool host_enter(struct byte_call *guest, const char *name, union subx_value *values);

/* It must work. */
void host_enter_works(struct byte_call *guest, const char *name, union subx_value *values);

/* It must fail as the guest's fault, with a message that names the import and has `text` in it. */
void host_enter_fails(struct byte_call *guest, const char *name, union subx_value *values,
                      const char *text);

uint64_t host_pointer_size(uint32_t pointer, uint32_t len);

/* Put text into the guest; its pointer-size. */
union subx_value host_text_at(struct byte_call *guest, uint32_t pointer, const char *text);

/* The guest's memory has these bytes, given in hex, at `pointer`. */
void assert_guest_bytes(const struct byte_call *guest, uint32_t pointer, const char *hex);

#endif
