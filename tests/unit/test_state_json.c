/* Storage of a state as JSON: the forms, and what is wrong with text that has none of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "codec/state_json.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"

/* Writes each entry as [CHILD/]KEY=VALUE; and refuses one with a value of "dead". */
static subx_status take(void *data, const subx_slice *child, subx_slice key, subx_slice value,
                        subx_error *error)
{
    struct subx_buf *out = data;
    if (subx_slice__equal(value, subx_slice__of("\xde\xad", 2)))
        return subx_error__set(error, SUBX_INVALID_INPUT, "this value is refused");
    if (child != NULL) {
        subx_hex__append(out, *child);
        subx_buf__append_text(out, "/");
    }
    subx_hex__append(out, key);
    subx_buf__append_text(out, "=");
    subx_hex__append(out, value);
    subx_buf__append_text(out, ";");
    return out->failed ? subx_error__nomem(error) : SUBX_OK;
}

static subx_status read_text(const char *text, struct subx_buf *out, subx_error *error)
{
    const struct subx_state_json_sink sink = {take, out, NULL};
    subx_slice left = subx_slice__text(text);
    struct subx_json json;
    subx_status status =
        subx_json__open(&json, subx_byte_source__of_slice(&left), SUBX_STATE_JSON_MAX_TEXT, error);
    if (status != SUBX_OK)
        return status;
    status = subx_state_json__read(&json, &sink, error);
    subx_json__close(&json);
    return status;
}

static void expect_entries(const char *text, const char *entries)
{
    struct subx_buf out = SUBX_BUF_INIT;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = read_text(text, &out, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, SUBX_OK);
    subx_buf__append_u8(&out, 0);
    assert_string_equal((const char *)out.data, entries);
    subx_buf__free(&out);
}

static void expect_fault(const char *text, const char *message)
{
    struct subx_buf out = SUBX_BUF_INIT;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = read_text(text, &out, &error);
    assert_string_equal(error.message, message);
    assert_int_equal(status, SUBX_INVALID_INPUT);
    subx_buf__free(&out);
}

static void specifications(void **state)
{
    (void)state;
    expect_entries("{\"name\":\"x\",\"balance\":340282366920938463463374607431768211455,"
                   "\"genesis\":{\"raw\":{\"top\":{\"0x01\":\"0x02\",\"\":\"0x\"},"
                   "\"childrenDefault\":{\"0xaa\":{\"0x03\":\"0x0405\"},\"0xbb\":{}}}},\"x\":[{}]}",
                   "01=02;=;aa/03=0405;");
    expect_entries("{\"genesis\":{\"raw\":{\"childrenDefault\":{},\"top\":{}}}}", "");
    /* Names like those of storage elsewhere mean nothing. */
    expect_entries("{\"properties\":{\"top\":{\"x\":1},\"genesis\":2},"
                   "\"genesis\":{\"raw\":{\"genesis\":{\"raw\":1},\"top\":{\"01\":\"02\"}}}}",
                   "01=02;");
}

static void other_forms(void **state)
{
    (void)state;
    expect_entries("[]", "");
    expect_entries("[[\"0x02\",\"0x03\"],[\"0x01\",\"0x\"]]", "02=03;01=;");
    expect_entries("{\"jsonrpc\":\"2.0\",\"result\":[[\"0x02\",\"0x03\"]],\"id\":1}", "02=03;");
    expect_entries("{\"top\":{\"0x01\":\"0x02\"},\"children\":{\"0xaa\":{\"0x03\":\"0x04\"}}}",
                   "01=02;aa/03=04;");
    expect_entries("{\"children\":{\"0x\":{\"0x03\":\"0x04\"}}}", "/03=04;");
    expect_entries("{\"block\":{\"top\":{\"\":1}},\"parentStorage\":{\"mainTrie\":{\"01\":\"02\"},"
                   "\"childTries\":{\"0xaa\":{\"0x03\":\"0x04\"}}}}",
                   "01=02;aa/03=04;");
    expect_entries("{\"mainTrie\":{\"0x01\":\"0x02\"}}", "01=02;");
}

static void faults(void **state)
{
    (void)state;
    expect_fault("", "line 1, column 1: no storage is in it: a raw chain specification, pairs as "
                     "of state_getPairs, or an object with \"top\" is expected");
    expect_fault("7", "line 1, column 1: no storage is in it: a raw chain specification, pairs as "
                      "of state_getPairs, or an object with \"top\" is expected");
    expect_fault("{\"result\":7}",
                 "line 1, column 12: no storage is in it: a raw chain specification, pairs as of "
                 "state_getPairs, or an object with \"top\" is expected");
    expect_fault("{\"genesis\":{\"runtime\":{}}}",
                 "line 1, column 26: genesis is not raw; convert it (build-spec --raw, or "
                 "chain-spec-builder convert-to-raw)");
    expect_fault("{\"genesis\":{\"stateRootHash\":\"0x12\"}}",
                 "line 1, column 36: genesis has only a state root (stateRootHash), no storage; "
                 "the full raw specification is needed");
    expect_fault("{\"genesis\":7}", "line 1, column 12: genesis: a number instead of an object");
    expect_fault("{\"genesis\":{\"raw\":[]}}",
                 "line 1, column 19: storage: an array instead of an object");
    expect_fault("{\"top\":[]}", "line 1, column 8: storage: an array instead of an object");
    expect_fault("{\"top\":{\"0x1\":\"\"}}", "line 1, column 9: key: an odd number of hex digits");
    expect_fault("{\"top\":{\"0x01\":7}}",
                 "line 1, column 16: value: a number instead of a hex string");
    expect_fault("{\"top\":{\"0x01\":\"0xgg\"}}",
                 "line 1, column 16: value: character 3 of the string is no hex digit");
    expect_fault("{\"top\":{\"0x01\":null}}",
                 "line 1, column 16: value: null instead of a hex string");
    expect_fault("{\"children\":{\"0x01\":\"\"}}",
                 "line 1, column 21: child trie: a string instead of an object");
    expect_fault("{\"children\":{\"0x0\":{}}}",
                 "line 1, column 14: child trie: an odd number of hex digits");
    expect_fault("[7]", "line 1, column 2: a number instead of a pair [KEY, VALUE]");
    expect_fault("[[]]", "line 1, column 3: key: the end of an array instead of a hex string");
    expect_fault("[[\"01\"]]",
                 "line 1, column 7: value: the end of an array instead of a hex string");
    expect_fault(
        "[[\"01\",\"02\",\"03\"]]",
        "line 1, column 13: pair of key and value: a string instead of the end of an array");
    expect_fault("{\"top\":{},\"top\":{}}", "line 1, column 11: the storage is given twice");
    expect_fault("{\"children\":{},\"childTries\":{}}",
                 "line 1, column 16: the storage is given twice");
    expect_fault("{\"genesis\":{},\"genesis\":{}}",
                 "line 1, column 15: the storage is given twice");
    expect_fault("{\"top\":{},\n\"result\":[]}", "line 2, column 10: the storage is given twice");
    /* what the receiver refuses is told with its place */
    expect_fault("[[\"01\",\"02\"],\n[\"03\",\"dead\"]]",
                 "line 2, column 13: this value is refused");
    expect_fault("{\"top\":{\"01\":\"dead\"}}", "line 1, column 14: this value is refused");
}

#ifdef SUBX_CHECKED
/* Whichever allocation fails: SUBX_NOMEM, nothing lost. */
static void failing_allocations(void **state)
{
    (void)state;
    for (int64_t n = 0;; n++) {
        struct subx_buf out = SUBX_BUF_INIT;
        subx_mem__fail_after(n);
        const subx_status status = read_text(
            "{\"top\":{\"01\":\"02\"},\"children\":{\"03\":{\"04\":\"05\"}}}", &out, NULL);
        subx_mem__fail_after(-1);
        subx_buf__free(&out);
        if (status == SUBX_OK) {
            assert_true(n > 4);
            return;
        }
        assert_int_equal(status, SUBX_NOMEM);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specifications),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(faults),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failing_allocations),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
