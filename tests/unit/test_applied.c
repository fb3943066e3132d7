/* What runtimes of all ages answer to an extrinsic, in words (src/chain/applied.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "chain/applied.h"
#include "util/bytes.h"

/* The answer in hex; the version of BlockBuilder. */
struct example {
    const char *hex;
    uint32_t api;
    subx_applied_kind kind;
    const char *reason;
};

static const struct example examples[] = {
    {"0000", 6, SUBX_APPLIED_OK, ""},
    {"0000", 4, SUBX_APPLIED_OK, ""},

    {"010000", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::Call"},
    {"010001", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::Payment"},
    {"010002", 4, SUBX_APPLIED_INVALID, "InvalidTransaction::Future"},
    {"010003", 4, SUBX_APPLIED_INVALID, "InvalidTransaction::Stale"},
    {"010004", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::BadProof"},
    {"010005", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::AncientBirthBlock"},
    {"010006", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::ExhaustsResources"},
    {"010007ff", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::Custom(255)"},
    {"010008", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::BadMandatory"},
    {"010009", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::MandatoryValidation"},
    {"01000a", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::BadSigner"},
    {"01000b", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::IndeterminateImplicit"},
    {"01000c", 6, SUBX_APPLIED_INVALID, "InvalidTransaction::UnknownOrigin"},
    {"01000d", 6, SUBX_APPLIED_INVALID, "InvalidTransaction 0x0d"},
    {"010007", 6, SUBX_APPLIED_INVALID, "InvalidTransaction 0x07"},
    {"01000401", 6, SUBX_APPLIED_INVALID, "InvalidTransaction 0x0401"},
    {"0100", 6, SUBX_APPLIED_INVALID, "InvalidTransaction 0x"},
    {"010100", 6, SUBX_APPLIED_INVALID, "UnknownTransaction::CannotLookup"},
    {"010101", 6, SUBX_APPLIED_INVALID, "UnknownTransaction::NoUnsignedValidator"},
    {"01010207", 6, SUBX_APPLIED_INVALID, "UnknownTransaction::Custom(7)"},
    {"010103", 6, SUBX_APPLIED_INVALID, "UnknownTransaction 0x03"},

    {"000100", 6, SUBX_APPLIED_FAILED, "DispatchError::Other"},
    {"000101", 6, SUBX_APPLIED_FAILED, "DispatchError::CannotLookup"},
    {"000102", 6, SUBX_APPLIED_FAILED, "DispatchError::BadOrigin"},
    {"0001030502000000", 6, SUBX_APPLIED_FAILED, "DispatchError::Module { index: 5, error: 2 }"},
    {"00010305020000", 6, SUBX_APPLIED_FAILED, "DispatchError 0x0305020000"},
    {"000104", 6, SUBX_APPLIED_FAILED, "DispatchError::ConsumerRemaining"},
    {"000105", 6, SUBX_APPLIED_FAILED, "DispatchError::NoProviders"},
    {"000106", 6, SUBX_APPLIED_FAILED, "DispatchError::TooManyConsumers"},
    {"00010700", 6, SUBX_APPLIED_FAILED, "TokenError::FundsUnavailable"},
    {"00010709", 6, SUBX_APPLIED_FAILED, "TokenError::Blocked"},
    {"0001070a", 6, SUBX_APPLIED_FAILED, "DispatchError 0x070a"},
    {"00010802", 6, SUBX_APPLIED_FAILED, "ArithmeticError::DivisionByZero"},
    {"00010901", 6, SUBX_APPLIED_FAILED, "TransactionalError::NoLayer"},
    {"00010a", 6, SUBX_APPLIED_FAILED, "DispatchError::Exhausted"},
    {"00010d", 6, SUBX_APPLIED_FAILED, "DispatchError::RootNotAllowed"},
    {"00010e03", 6, SUBX_APPLIED_FAILED, "DispatchError 0x0e03"},
    {"00010f", 6, SUBX_APPLIED_FAILED, "DispatchError 0x0f"},
    {"0001", 6, SUBX_APPLIED_FAILED, "DispatchError 0x"},
    /* one byte of error; numbers that moved stay numbers */
    {"0001030502", 5, SUBX_APPLIED_FAILED, "DispatchError::Module { index: 5, error: 2 }"},
    {"0001030502000000", 5, SUBX_APPLIED_FAILED, "DispatchError 0x030502000000"},
    {"000102", 4, SUBX_APPLIED_FAILED, "DispatchError::BadOrigin"},
    {"00010601", 5, SUBX_APPLIED_FAILED, "DispatchError 0x0601"},
    {"00010701", 5, SUBX_APPLIED_FAILED, "DispatchError 0x0701"},
    /* without variants */
    {"00010005", 4, SUBX_APPLIED_FAILED, "DispatchError { error: 5 }"},
    {"0001010502", 4, SUBX_APPLIED_FAILED, "DispatchError::Module { index: 5, error: 2 }"},
    {"0001010502", 6, SUBX_APPLIED_FAILED, "DispatchError 0x010502"},
};

static size_t bytes_of(const char *hex, uint8_t *out)
{
    size_t len = 0;
    for (; hex[0] != '\0'; hex += 2) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        out[len++] = (uint8_t)byte;
    }
    return len;
}

static void words(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct example *example = &examples[i];
        uint8_t bytes[32];
        const subx_slice answer = {bytes, bytes_of(example->hex, bytes)};
        subx_applied applied = {.reason = "before", .has_module = true, .events = 77};
        if (!subx_applied__decode(answer, example->api, &applied))
            fail_msg("%s is refused", example->hex);
        if (applied.kind != example->kind || strcmp(applied.reason, example->reason) != 0)
            fail_msg("%s: %d, %s", example->hex, applied.kind, applied.reason);
        assert_int_equal(applied.has_module, strstr(applied.reason, "Module {") != NULL);
        assert_int_equal(applied.module, applied.has_module ? 5 : 0);
        assert_int_equal(applied.module_error[0], applied.has_module ? 2 : 0);
        assert_int_equal(applied.module_error[1], 0);
        assert_ptr_equal(applied.encoded.data, bytes);
        assert_int_equal(applied.events, 77);
    }
}

static void no_answers(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {"", "00", "01", "0200", "0002", "0102", "000000", "ff"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t bytes[8];
        subx_applied applied;
        const subx_slice answer = {bytes, bytes_of(wrong[i], bytes)};
        if (subx_applied__decode(answer, 6, &applied))
            fail_msg("%s is taken: %s", wrong[i], applied.reason);
    }
}

/* An error of any length is told within the room there is. */
static void long_errors(void **unused)
{
    (void)unused;
    uint8_t bytes[300];
    memset(bytes, 0xee, sizeof bytes);
    for (size_t len = 2; len <= sizeof bytes; len++) {
        subx_applied applied;
        for (unsigned kind = 0; kind < 3; kind++) {
            bytes[0] = kind > 0;
            bytes[1] = kind != 1;
            assert_true(subx_applied__decode(subx_slice__of(bytes, len), 6, &applied));
            assert_true(strlen(applied.reason) < sizeof applied.reason);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(no_answers),
        cmocka_unit_test(long_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
