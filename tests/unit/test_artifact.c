/*
 * Artifacts: made and loaded over every strategy, damaged at every place, with trailers that say something else
 * under a checksum that holds. Nothing of it may crash or be trusted.
 */
#include "guests.h"

#include <stdlib.h>

#include "blob/artifact.h"
#include "crypto/checksum.h"
#include "exec/runtime_internal.h"
#include "util/endian.h"
#include "util/mem.h"

/* Places in the trailer (blob/artifact.h). */
enum {
    AT_FORMAT = 8,
    AT_SIZE = 12,
    AT_PAYLOAD_LEN = 16,
    AT_CODE_LEN = 24,
    AT_ENGINE_VERSION = 32,
    AT_COMPATIBILITY = 64,
    AT_SEMANTICS = 96,
    AT_CODE_HASH = 128,
    AT_PAYLOAD_SUM = 160,
    AT_CODE_SUM = 176,
    AT_OBSTACLE = 192,
    AT_GLOBALS = 196,
    AT_IMAGE_END = 200,
    AT_ZERO = 208,
    AT_SUM = 248,
    TRAILER = SUBX_ARTIFACT_TRAILER_SIZE
};

static subx_slice slice(subx_bytes bytes)
{
    return subx_slice__of(bytes.data, bytes.len);
}

static subx_runtime_options strict_options(subx_strategy strategy)
{
    subx_runtime_options options = options_of(strategy);
    options.recompile_mismatched = false;
    return options;
}

static uint8_t *trailer_of(subx_bytes artifact)
{
    return artifact.data + artifact.len - TRAILER;
}

static void seal(subx_bytes artifact)
{
    uint8_t *trailer = trailer_of(artifact);
    subx_store_u64(trailer + AT_SUM, subx_checksum__64(subx_slice__of(trailer, AT_SUM)));
}

static subx_bytes copy_of(subx_bytes bytes)
{
    const subx_bytes copy = {subx_mem__copy(bytes.data, bytes.len), bytes.len};
    assert_non_null(copy.data);
    return copy;
}

/* A copy with a field of the trailer replaced and the checksum made anew. */
static subx_bytes with_field(subx_bytes artifact, size_t at, const void *value, size_t len)
{
    const subx_bytes changed = copy_of(artifact);
    memcpy(trailer_of(changed) + at, value, len);
    seal(changed);
    return changed;
}

/* ---- Round trips ---- */

static void test_round_trip(void **state)
{
    const subx_strategy strategy = *(const subx_strategy *)*state;
    const subx_runtime_options options = strict_options(strategy);
    subx_executor *maker = new_executor();
    subx_bytes artifact = prepare(maker, guest_wasm("integration"), &options);
    subx_bytes again = prepare(maker, guest_wasm("integration"), &options);
    subx_executor_free(maker);
    /* The same code and options give the same bytes. */
    assert_int_equal(artifact.len, again.len);
    assert_memory_equal(artifact.data, again.data, artifact.len);
    subx_bytes_free(&again);

    /* Another executor loads it under each strategy that agrees on copy-on-write, whatever the heap. */
    subx_executor *executor = new_executor();
    for (int other = 0; other < SUBX_STRATEGY_COUNT; other++) {
        subx_runtime_options loading = strict_options((subx_strategy)other);
        const bool fits =
            subx_strategies[other].copy_on_write == subx_strategies[strategy].copy_on_write;
        if (fits) {
            loading.heap = (subx_heap){other % 2 == 0 ? SUBX_HEAP_DYNAMIC : SUBX_HEAP_STATIC, 100};
            loading.stack_native_max = 4 << 20;
            loading.allow_missing_imports = true;
            subx_runtime *runtime = load_runtime(executor, slice(artifact), &loading);
            assert_int_equal(subx_runtime_strategy(runtime), other);
            for (int round = 0; round < 2; round++)
                expect_output(runtime, "test_returns_mutable_static", SUBX_EMPTY,
                              LITERAL("\x21\0\0\0"));
            subx_runtime_free(runtime);
        } else {
            expect_no_runtime(executor, slice(artifact), &loading, SUBX_ARTIFACT,
                              "made for other options");
        }
    }
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

struct notices {
    unsigned count;
    char last[512];
};

static void take_notice(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    struct notices *notices = data;
    (void)level;
    assert_true(subx_slice__equal(target, LITERAL("subexec")));
    notices->count++;
    snprintf(notices->last, sizeof notices->last, "%.*s", (int)message.len,
             (const char *)message.data);
}

/* Options that are part of what an artifact is made for: each other value is another artifact. */
static void test_options_that_must_agree(void **state)
{
    (void)state;
    struct notices notices = {0, ""};
    subx_executor_options executor_options = SUBX_EXECUTOR_OPTIONS_INIT;
    executor_options.log = take_notice;
    executor_options.log_data = &notices;
    subx_executor_free(new_executor()); /* signals, see there */
    subx_executor *executor = NULL;
    assert_int_equal(subx_executor_new(&executor_options, &executor, NULL), SUBX_OK);
    const subx_runtime_options usual = strict_options(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("integration"), &usual);
    for (int i = 0; i < 5; i++) {
        subx_runtime_options other = usual;
        if (i == 0)
            other.canonicalize_nans = true;
        if (i == 1)
            other.stack_logical_max = 65536;
        if (i == 2)
            other.extensions = SUBX_EXTENSION_SIGN_EXTENSION;
        if (i == 3)
            other.extensions = SUBX_EXTENSION_BULK_MEMORY | SUBX_EXTENSION_SIMD;
        if (i == 4)
            other.strategy = SUBX_STRATEGY_RECREATE;
        expect_no_runtime(executor, slice(artifact), &other, SUBX_ARTIFACT,
                          "the artifact cannot be used: it was made for other options");
        notices.count = 0;
        other.recompile_mismatched = true;
        subx_runtime *runtime = load_runtime(executor, slice(artifact), &other);
        expect_output(runtime, "test_echo", LITERAL("abc"), LITERAL("abc"));
        assert_int_equal(notices.count, 1);
        assert_non_null(strstr(notices.last, "compiling the code inside the artifact again"));
        subx_runtime_free(runtime);
        /* And the other way round. */
        subx_bytes of_other = prepare(executor, guest_wasm("integration"), &other);
        expect_no_runtime(executor, slice(of_other), &usual, SUBX_ARTIFACT, "other options");
        subx_bytes_free(&of_other);
    }
    /* Another limit is other code. */
    subx_runtime_options limited = usual;
    limited.stack_logical_max = 65536;
    subx_bytes of_limited = prepare(executor, guest_wasm("integration"), &limited);
    limited.stack_logical_max = 65535;
    expect_no_runtime(executor, slice(of_limited), &limited, SUBX_ARTIFACT, "other options");
    subx_bytes_free(&of_limited);
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

/* ---- Damage ---- */

/* What comes of bytes that were changed: never a runtime. */
static void expect_damaged(subx_executor *executor, subx_slice bytes, bool recompile, size_t place)
{
    subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    options.recompile_mismatched = recompile;
    subx_runtime *runtime = NULL;
    const subx_status status = subx_runtime_load(executor, bytes, &options, &runtime, NULL);
    const bool has_magic = subx_artifact__is(bytes);
    if (status == SUBX_OK || (has_magic && status != SUBX_ARTIFACT))
        fail_msg("%s after damage at %zu", subx_status_name(status), place);
}

static void test_flipped_bits(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("table"), &options);
    const size_t body = artifact.len - TRAILER;
    /* One bit of every byte of the body, or of every few in slow builds; every bit of the trailer. */
    for (size_t at = 0; at < body; at += ROUNDS(1, 37)) {
        const uint8_t bit = (uint8_t)(1u << (at * 5 % 8));
        artifact.data[at] ^= bit;
        expect_damaged(executor, slice(artifact), at % 2 == 0, at);
        artifact.data[at] ^= bit;
    }
    for (size_t at = body; at < artifact.len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            artifact.data[at] ^= (uint8_t)(1u << bit);
            expect_damaged(executor, slice(artifact), true, at);
            artifact.data[at] ^= (uint8_t)(1u << bit);
        }
    /* Whole now: it loads. */
    subx_runtime_free(load_runtime(executor, slice(artifact), &options));
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

static void test_truncation(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("table"), &options);
    const size_t body = artifact.len - TRAILER;
    const size_t payload = (size_t)subx_load_u64(trailer_of(artifact) + AT_PAYLOAD_LEN);
    for (size_t len = 0; len < artifact.len; len += len < 300 || len > payload - 300 ? 1 : 97) {
        /* The end is missing: bytes of a block of that size, so that a sanitizer sees a read behind it. */
        uint8_t *copy = malloc(len == 0 ? 1 : len);
        assert_non_null(copy);
        memcpy(copy, artifact.data, len);
        expect_damaged(executor, subx_slice__of(copy, len), true, len);
        /* The start is missing. */
        memcpy(copy, artifact.data + artifact.len - len, len);
        expect_damaged(executor, subx_slice__of(copy, len), true, len);
        free(copy);
    }
    /* A gap in the middle, something in between, the code twice. */
    subx_bytes other = {subx_mem__alloc(artifact.len + body), artifact.len - 1};
    assert_non_null(other.data);
    memcpy(other.data, artifact.data, body / 2);
    memcpy(other.data + body / 2, artifact.data + body / 2 + 1, artifact.len - body / 2 - 1);
    expect_damaged(executor, slice(other), true, body / 2);
    memcpy(other.data, artifact.data, payload);
    memcpy(other.data + payload, artifact.data + payload, body - payload);
    memcpy(other.data + body, artifact.data + payload, artifact.len - payload);
    other.len = body + artifact.len - payload;
    expect_damaged(executor, slice(other), true, payload);
    subx_bytes_free(&other);
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

/* ---- Trailers that hold, and say something else ---- */

static void test_trailer_lengths(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    options.recompile_mismatched = true;
    subx_bytes artifact = prepare(executor, guest_wasm("table"), &options);
    const uint64_t payload = subx_load_u64(trailer_of(artifact) + AT_PAYLOAD_LEN);
    const uint64_t code = subx_load_u64(trailer_of(artifact) + AT_CODE_LEN);
    const uint64_t body = artifact.len - TRAILER;
    assert_int_equal(payload + code, body);
    const uint64_t pairs[][2] = {
        {payload + 1, code},
        {payload - 1, code},
        {payload, code + 1},
        {payload, code - 1},
        {payload + 1, code - 1},
        {payload - 1, code + 1},
        {0, body},
        {body, 0},
        {0, 0},
        {UINT64_MAX, body + 1},
        {UINT64_MAX, UINT64_MAX},
        {body + 1, UINT64_MAX},
        {UINT64_MAX - 10, body + 11},
        {(uint64_t)1 << 63, (uint64_t)1 << 63},
        {payload, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        uint8_t lengths[16];
        subx_store_u64(lengths, pairs[i][0]);
        subx_store_u64(lengths + 8, pairs[i][1]);
        subx_bytes changed = with_field(artifact, AT_PAYLOAD_LEN, lengths, sizeof lengths);
        expect_no_runtime(executor, slice(changed), &options, SUBX_ARTIFACT, "damaged artifact");
        subx_bytes_free(&changed);
    }
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

static void expect_format_refused(subx_executor *executor, subx_bytes artifact, size_t at,
                                  uint32_t value)
{
    subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    options.recompile_mismatched = true;
    uint8_t bytes[4];
    subx_store_u32(bytes, value);
    subx_bytes changed = with_field(artifact, at, bytes, sizeof bytes);
    expect_no_runtime(executor, slice(changed), &options, SUBX_ARTIFACT, "reads format 1");
    subx_bytes_free(&changed);
}

/* Another trailer cannot be read, so nothing can be made of it either. */
static void test_trailer_format(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("table"), &options);
    static const uint32_t formats[] = {0, 2, UINT32_MAX}, sizes[] = {0, 255, 257, UINT32_MAX};
    for (int i = 0; i < 3; i++)
        expect_format_refused(executor, artifact, AT_FORMAT, formats[i]);
    for (int i = 0; i < 4; i++)
        expect_format_refused(executor, artifact, AT_SIZE, sizes[i]);
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

/* Made by something else: refused, or compiled again from the code inside. */
static void test_trailer_of_others(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("table"), &options);
    static const struct {
        size_t at;
        const char *value, *reason;
    } others[] = {
        {AT_ENGINE_VERSION, "wasmtime 1.0.0\0..................", "another version of the engine"},
        {AT_ENGINE_VERSION, "................................", "another version of the engine"},
        {AT_ENGINE_VERSION, "\0..............................", "another version of the engine"},
        {AT_COMPATIBILITY, "................................", "another target, CPU or engine"},
        {AT_SEMANTICS, "................................", "made for other options"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        subx_bytes changed = with_field(artifact, others[i].at, others[i].value, 32);
        options.recompile_mismatched = false;
        expect_no_runtime(executor, slice(changed), &options, SUBX_ARTIFACT, others[i].reason);
        options.recompile_mismatched = true;
        subx_runtime *runtime = load_runtime(executor, slice(changed), &options);
        expect_output(runtime, "run", LITERAL("abc"), LITERAL("\3\0\0\0\1\0\0\0"));
        subx_runtime_free(runtime);
        /* The code inside obeys the caller's bound. */
        options.max_code_size = 100;
        expect_no_runtime(executor, slice(changed), &options, SUBX_TOO_LARGE, "the bound is 100");
        options.max_code_size = 0;
        subx_bytes_free(&changed);
    }
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

/* What the trailer says about resetting is checked against the module where a lie would be believed. */
static void test_trailer_facts(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("table"), &options);
    assert_int_equal(subx_load_u32(trailer_of(artifact) + AT_GLOBALS), 1);
    uint8_t field[8];
    static const uint32_t counts[] = {0, 2, 1000, UINT32_MAX};
    for (int i = 0; i < 4; i++) {
        subx_store_u32(field, counts[i]);
        subx_bytes changed = with_field(artifact, AT_GLOBALS, field, 4);
        expect_no_runtime(executor, slice(changed), &options, SUBX_ARTIFACT, "mutable globals");
        subx_bytes_free(&changed);
    }
    static const uint64_t ends[] = {2 * 65536 + 1 + 16 * 65536, UINT64_MAX, UINT64_MAX - 4095,
                                    (uint64_t)1 << 32};
    for (int i = 0; i < 4; i++) {
        subx_store_u64(field, ends[i]);
        subx_bytes changed = with_field(artifact, AT_IMAGE_END, field, 8);
        expect_no_runtime(executor, slice(changed), &options, SUBX_INSTANTIATION, "data segments");
        subx_bytes_free(&changed);
    }
    /* An obstacle, known or not, means another strategy. */
    static const uint32_t obstacles[] = {1, 6, 7, UINT32_MAX};
    for (int i = 0; i < 4; i++) {
        subx_store_u32(field, obstacles[i]);
        subx_bytes changed = with_field(artifact, AT_OBSTACLE, field, 4);
        subx_runtime *runtime = load_runtime(executor, slice(changed), &options);
        assert_int_equal(subx_runtime_strategy(runtime), SUBX_STRATEGY_RECREATE_COW);
        expect_output(runtime, "run", LITERAL("abc"), LITERAL("\3\0\0\0\1\0\0\0"));
        subx_runtime_free(runtime);
        subx_bytes_free(&changed);
    }
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

/* The code inside is no frame, is cut off, claims a size that it does not have: only looked at if needed. */
static void test_code_inside(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = strict_options(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("table"), &options);
    static const struct {
        const char *code;
        size_t len;
        subx_status status;
        const char *message;
    } codes[] = {
        {"", 0, SUBX_ARTIFACT, "the original code"},
        {"not a frame", 11, SUBX_ARTIFACT, "no zstd frame"},
        /* 4 bytes raw: fits, and is no code. */
        {"\x28\xb5\x2f\xfd\x20\x04\x21\0\0wxyz", 13, SUBX_INVALID_INPUT, "neither Wasm"},
        {"\x28\xb5\x2f\xfd\x20\x05\x21\0\0wxyz", 13, SUBX_ARTIFACT, "cannot be decompressed"},
        {"\x28\xb5\x2f\xfd\x20\x04\x21\0\0wx", 11, SUBX_ARTIFACT, "cannot be decompressed"},
        /* A frame that announces 2^40 bytes. */
        {"\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\1\0\0\x01\0\0", 16, SUBX_TOO_LARGE, "the bound is"},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct subx_artifact parts;
        assert_int_equal(subx_artifact__read(slice(artifact), &parts, NULL), SUBX_OK);
        const size_t payload = parts.payload.len, len = codes[i].len;
        subx_bytes changed = {subx_mem__alloc(payload + len + TRAILER), payload + len + TRAILER};
        assert_non_null(changed.data);
        memcpy(changed.data, artifact.data, payload);
        memcpy(changed.data + payload, codes[i].code, len);
        memcpy(trailer_of(changed), trailer_of(artifact), TRAILER);
        subx_store_u64(trailer_of(changed) + AT_CODE_LEN, len);
        subx_checksum__128(subx_slice__of(changed.data + payload, len),
                           trailer_of(changed) + AT_CODE_SUM);
        seal(changed);
        options.recompile_mismatched = true;
        subx_runtime_free(load_runtime(executor, slice(changed), &options));
        trailer_of(changed)[AT_SEMANTICS] ^= 1;
        seal(changed);
        subx_runtime *runtime = NULL;
        subx_error error = SUBX_ERROR_INIT;
        const subx_status status =
            subx_runtime_load(executor, slice(changed), &options, &runtime, &error);
        if (status != codes[i].status || strstr(error.message, codes[i].message) == NULL)
            fail_msg("code %zu: %s: %s", i, subx_status_name(status), error.message);
        subx_bytes_free(&changed);
    }
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_round_trip),
        cmocka_unit_test(test_options_that_must_agree),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_trailer_lengths),
        cmocka_unit_test(test_trailer_format),
        cmocka_unit_test(test_trailer_of_others),
        cmocka_unit_test(test_trailer_facts),
        cmocka_unit_test(test_code_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
