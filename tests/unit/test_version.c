/*
 * The runtime's version: encodings of each age, custom sections, and the answers of the reference.
 * The modules and answers of `recorded` are from the reference's own `ext_misc_runtime_version`
 * (sp-io 49; cases runtime-version-N of the host-call vectors).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <subexec/code.h>

#include "blob/version_section.h"
#include "codec/scale.h"
#include "util/bytes.h"
#include "util/hex.h"
#include "util/mem.h"

#define CORE "df6acb689907609b"

static subx_bytes unhex(const char *text)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(text), &bytes, NULL), SUBX_OK);
    return bytes;
}

static subx_slice slice(subx_bytes bytes)
{
    return (subx_slice){bytes.data, bytes.len};
}

static subx_status decode_hex(const char *hex, subx_version *version, subx_error *error)
{
    subx_bytes scale = unhex(hex);
    const subx_status status = subx_version_decode(slice(scale), version, error);
    subx_bytes_free(&scale);
    return status;
}

static void expect_version(const subx_version *version, uint32_t transaction, uint8_t state_version,
                           size_t apis)
{
    assert_string_equal(version->spec_name, "spec");
    assert_string_equal(version->impl_name, "impl");
    assert_int_equal(version->authoring_version, 1);
    assert_int_equal(version->spec_version, 9);
    assert_int_equal(version->impl_version, 2);
    assert_int_equal(version->transaction_version, transaction);
    assert_int_equal(version->state_version, state_version);
    assert_int_equal(version->api_count, apis);
}

/* "spec", "impl", 1, 9, 2: what all samples begin with. */
#define HEAD               \
    "107370656310696d706c" \
    "010000000900000002000000"

static void old_runtime_version_decodes(void **state)
{
    (void)state;
    subx_version version;
    assert_int_equal(decode_hex(HEAD "04" CORE "01000000", &version, NULL), SUBX_OK);
    expect_version(&version, 1, 0, 1);
    assert_int_equal(version.apis[0].version, 1);
    static const uint8_t core[] = {0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b};
    assert_memory_equal(version.apis[0].id, core, sizeof core);
    subx_version_free(&version);
    assert_null(version.spec_name);
    assert_int_equal(version.api_count, 0);
}

static void old_runtime_version_decodes_fails_with_version_3(void **state)
{
    (void)state;
    subx_version version;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(decode_hex(HEAD "04" CORE "03000000", &version, &error), SUBX_VERSION_INVALID);
    assert_string_equal(error.message,
                        "runtime version: transaction_version is missing or malformed at offset "
                        "35 of 35");
    assert_null(version.spec_name);
}

static void new_runtime_version_decodes(void **state)
{
    (void)state;
    subx_version version;
    assert_int_equal(decode_hex(HEAD "04" CORE "03000000"
                                     "04000000",
                                &version, NULL),
                     SUBX_OK);
    expect_version(&version, 4, 0, 1);
    subx_version_free(&version);
    assert_int_equal(decode_hex(HEAD "08"
                                     "0102030405060708"
                                     "01000000" CORE "04000000"
                                     "04000000"
                                     "01",
                                &version, NULL),
                     SUBX_OK);
    expect_version(&version, 4, 1, 2);
    subx_version_free(&version);
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(decode_hex(HEAD "04" CORE "04000000"
                                     "04000000",
                                &version, &error),
                     SUBX_VERSION_INVALID);
    assert_non_null(strstr(error.message, "system_version"));
}

/* Like the reference, which reads a prefix and leaves the rest. */
static void bytes_after_the_version_are_ignored(void **state)
{
    (void)state;
    subx_version version;
    assert_int_equal(decode_hex(HEAD "04" CORE "01000000"
                                     "070000000199",
                                &version, NULL),
                     SUBX_OK);
    expect_version(&version, 1, 0, 1);
    subx_version_free(&version);
}

static void coretime_polkadot(void **state)
{
    (void)state;
    static const char sample[] =
        "44636f726574696d652d706f6c6b61646f7444636f726574696d652d706f6c6b61646f74"
        "01000000f84d0f000000000004" CORE "040000000000000001";
    subx_version version;
    assert_int_equal(decode_hex(sample, &version, NULL), SUBX_OK);
    assert_string_equal(version.spec_name, "coretime-polkadot");
    assert_int_equal(version.spec_version, 1003000);
    assert_int_equal(version.state_version, 1);
    subx_version_free(&version);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    subx_bytes scale = unhex(HEAD "08"
                                  "0102030405060708"
                                  "01000000" CORE "04000000"
                                  "04000000"
                                  "01");
    for (size_t len = 0; len < scale.len; len++) {
        uint8_t *copy = subx_mem__copy(scale.data, len);
        assert_non_null(copy);
        subx_version version;
        subx_error error = SUBX_ERROR_INIT;
        assert_int_equal(subx_version_decode((subx_slice){copy, len}, &version, &error),
                         SUBX_VERSION_INVALID);
        assert_non_null(strstr(error.message, " at offset "));
        subx_mem__free(copy);
    }
    subx_bytes_free(&scale);
}

static void hostile_encodings(void **state)
{
    (void)state;
    subx_version version;
    subx_error error = SUBX_ERROR_INIT;
    /* a name of 2^30 - 1 bytes, and as many APIs */
    assert_int_equal(decode_hex("feffffff41", &version, &error), SUBX_VERSION_INVALID);
    assert_non_null(strstr(error.message, "spec_name is missing or malformed at offset 0 of 5"));
    subx_error_clear(&error);
    assert_int_equal(decode_hex(HEAD "feffffff", &version, &error), SUBX_VERSION_INVALID);
    assert_non_null(strstr(error.message, "the list of APIs"));
    subx_error_clear(&error);
    /* no UTF-8 */
    assert_int_equal(decode_hex("08ff41"
                                "00"
                                "010000000900000002000000"
                                "00",
                                &version, &error),
                     SUBX_VERSION_INVALID);
    /* a NUL in a name does not cut it */
    assert_int_equal(decode_hex("0c610062"
                                "00"
                                "010000000900000002000000"
                                "00",
                                &version, NULL),
                     SUBX_OK);
    assert_string_equal(version.spec_name, "a?b");
    assert_string_equal(version.impl_name, "");
    subx_version_free(&version);
}

#define WASM "0061736d01000000"
#define VERSION_NAME "0f72756e74696d655f76657273696f6e"
#define APIS_NAME "0c72756e74696d655f61706973"

static const struct recorded {
    const char *module;
    const char *answer; /* SCALE of the version; "": none embedded; NULL: refused */
} recorded[] = {
    {WASM "002c" VERSION_NAME HEAD "000700000001"
          "0025" APIS_NAME CORE "04000000010203040506070801000000",
     HEAD "08" CORE "040000000102030405060708010000000700000001"},
    /* no runtime_apis: neither of the last fields is read */
    {WASM "002c" VERSION_NAME HEAD "000700000001", HEAD "000100000000"},
    /* Core 3 has no state version */
    {WASM "002b" VERSION_NAME HEAD "0007000000"
          "0025" APIS_NAME CORE "03000000010203040506070801000000",
     HEAD "08" CORE "030000000102030405060708010000000700000000"},
    /* clipped runtime_apis */
    {WASM "002c" VERSION_NAME HEAD "000700000001"
          "001e" APIS_NAME CORE "040000000102030405",
     NULL},
    /* Core 1 has neither */
    {WASM "0027" VERSION_NAME HEAD "00"
          "0025" APIS_NAME CORE "01000000010203040506070801000000",
     HEAD "08" CORE "010000000102030405060708010000000100000000"},
    /* sections that occur twice: the first counts */
    {WASM "002c" VERSION_NAME HEAD "000700000001"
          "0011" VERSION_NAME "01"
          "0025" APIS_NAME CORE "04000000010203040506070801000000"
          "0025" APIS_NAME CORE "05000000010203040506070801000000",
     HEAD "08" CORE "040000000102030405060708010000000700000001"},
    /* runtime_apis alone */
    {WASM "0025" APIS_NAME CORE "04000000010203040506070801000000", ""},
    /* and what the recordings lack: nothing at all; a clipped list alone; an empty list */
    {WASM, ""},
    {WASM "001e" APIS_NAME CORE "040000000102030405", ""},
    {WASM "002c" VERSION_NAME HEAD "000700000001"
          "000d" APIS_NAME,
     HEAD "000100000000"},
    /* a version of Core that promises fields which are not there */
    {WASM "0027" VERSION_NAME HEAD "00"
          "0025" APIS_NAME CORE "04000000010203040506070801000000",
     NULL},
};

static void embedded_versions_as_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        const struct recorded *c = &recorded[i];
        subx_bytes wasm = unhex(c->module);
        struct subx_wasm_module module;
        subx_error error = SUBX_ERROR_INIT;
        assert_int_equal(subx_wasm__parse(slice(wasm), SUBX_WASM_STRICT, &module, &error), SUBX_OK);
        struct subx_version_fields fields;
        bool found = true;
        const subx_status status = subx_version_section__read(&module, &fields, &found, &error);
        assert_int_equal(status, c->answer == NULL ? SUBX_VERSION_INVALID : SUBX_OK);
        assert_int_equal(error.status, status);
        assert_int_equal(found, c->answer != NULL && c->answer[0] != '\0');
        if (found) {
            struct subx_buf encoded = SUBX_BUF_INIT;
            subx_version_section__encode(&fields, &encoded);
            subx_bytes answer = unhex(c->answer);
            assert_int_equal(encoded.len, answer.len);
            assert_memory_equal(encoded.data, answer.data, answer.len);
            subx_bytes_free(&answer);
            subx_buf__free(&encoded);
        }
        subx_wasm__free(&module);
        subx_bytes_free(&wasm);
    }
}

static void code_version(void **state)
{
    (void)state;
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    subx_version version;
    bool found = false;
    assert_int_equal(subx_code_load(subx_slice__text(recorded[0].module), 0, &code, &error),
                     SUBX_OK);
    assert_int_equal(subx_code_version(code, &version, &found, &error), SUBX_OK);
    assert_true(found);
    expect_version(&version, 7, 1, 2);
    assert_int_equal(version.apis[0].version, 4);
    assert_int_equal(version.apis[1].version, 1);
    subx_version_free(&version);
    subx_code_free(code);

    assert_int_equal(subx_code_load(subx_slice__text(recorded[3].module), 0, &code, &error),
                     SUBX_OK);
    found = true;
    assert_int_equal(subx_code_version(code, &version, &found, &error), SUBX_VERSION_INVALID);
    assert_false(found);
    assert_string_equal(error.message, "section runtime_apis: 17 bytes are no whole number of "
                                       "records of 12 bytes");
    assert_null(version.apis);
    subx_code_free(code);
}

/* What is encoded decodes to the same. */
static void encoding_round_trips(void **state)
{
    (void)state;
    static const char text[] = HEAD "08" CORE "040000000102030405060708010000000700000001";
    subx_bytes wasm = unhex(recorded[0].module);
    struct subx_wasm_module module;
    assert_int_equal(subx_wasm__parse(slice(wasm), SUBX_WASM_STRICT, &module, NULL), SUBX_OK);
    struct subx_version_fields fields;
    bool found = false;
    assert_int_equal(subx_version_section__read(&module, &fields, &found, NULL), SUBX_OK);
    struct subx_buf encoded = SUBX_BUF_INIT;
    subx_version_section__encode(&fields, &encoded);
    subx_version a, b;
    assert_int_equal(subx_version_decode(subx_buf__slice(&encoded), &a, NULL), SUBX_OK);
    assert_int_equal(decode_hex(text, &b, NULL), SUBX_OK);
    expect_version(&a, 7, 1, 2);
    expect_version(&b, 7, 1, 2);
    assert_memory_equal(a.apis, b.apis, 2 * sizeof *a.apis);
    subx_version_free(&a);
    subx_version_free(&b);
    subx_buf__free(&encoded);
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);
}

/* Checked flavour only: elsewhere no failure can be planted. */
static void allocation_failures(void **state)
{
    (void)state;
    subx_bytes scale = unhex(HEAD "04" CORE "01000000");
    subx_status status = SUBX_NOMEM;
    for (int64_t countdown = 0; status != SUBX_OK; countdown++) {
        subx_version version;
        subx_mem__fail_after(countdown);
        status = subx_version_decode(slice(scale), &version, NULL);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || status == SUBX_NOMEM);
        assert_true((version.spec_name != NULL) == (status == SUBX_OK));
        assert_true(countdown < 10);
        subx_version_free(&version);
    }
    subx_bytes_free(&scale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_runtime_version_decodes),
        cmocka_unit_test(old_runtime_version_decodes_fails_with_version_3),
        cmocka_unit_test(new_runtime_version_decodes),
        cmocka_unit_test(bytes_after_the_version_are_ignored),
        cmocka_unit_test(coretime_polkadot),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(hostile_encodings),
        cmocka_unit_test(embedded_versions_as_recorded),
        cmocka_unit_test(code_version),
        cmocka_unit_test(encoding_round_trips),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
