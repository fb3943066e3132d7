/* Loading code: every form it comes in, bombs, cut and damaged input, imports and exports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <zstd.h>

#include <subexec/code.h>

#include "util/bytes.h"
#include "util/hex.h"
#include "util/mem.h"
#include "wasm_bytes.h"

/*
 * (import "env" "ext_hashing_blake2_256_version_1" (func (param i64) (result i32)))
 * (import "env" "ext_unknown_thing_version_1" (func (param i32 i64)))
 * (import "other" "ext_hashing_blake2_256_version_1" (func (param i64) (result i32)))
 * (import "env" "memory" (memory 17 2048))
 * (import "env" "base" (global i32))
 * and a table 3..5, globals `i32` and `mut i64`, functions `run` and `nothing`, seven exports
 */
static const char module_hex[] =
    "0061736d0100000001140460017e017f60027f7e0060027f7f017e600000028f010503656e76206578745f68617368"
    "696e675f626c616b65325f3235365f76657273696f6e5f31000003656e761b6578745f756e6b6e6f776e5f7468696e"
    "675f76657273696f6e5f310001056f74686572206578745f68617368696e675f626c616b65325f3235365f76657273"
    "696f6e5f31000003656e76066d656d6f7279020111801003656e760462617365037f00030302020304050170010305"
    "060c027f004180080b7e0142000b073f070372756e000305616761696e0000076e6f7468696e670004057461626c65"
    "0100066d656d6f72790200046261736503000b5f5f686561705f6261736503010a0902040042000b02000b";
static const char module_hash[] =
    "1f80d2b4d85ef8a6e8ad14981d6f7299a7bb90f00177bfe31f60b4f7df52b4b9";

/* i32.extend8_s at offset 0x36, i32.trunc_sat_f32_s, memory.fill */
static const char extensions_hex[] =
    "0061736d01000000010e0360017f017f60017d017f6000000304030001020503010001070a01066d656d6f72790200"
    "0a1a0305002000c00b06002000fc000b0b00410041004100fc0b000b";

/* a function (i32) -> (i32, i64) */
static const char multi_value_hex[] =
    "0061736d0100000001070160017f027f7e03020100070801047061697200000a08010600200042010b";

static const uint8_t prefix_legacy[8] = {0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05};
static const uint8_t prefix_wasm[8] = {0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x07};

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

static subx_bytes joined(const void *a, size_t a_len, const void *b, size_t b_len)
{
    subx_bytes bytes = {subx_mem__alloc(a_len + b_len), a_len + b_len};
    assert_non_null(bytes.data);
    memcpy(bytes.data, a, a_len);
    memcpy(bytes.data + a_len, b, b_len);
    return bytes;
}

/* Compression as chains do it. */
static subx_bytes compressed(const uint8_t prefix[8], subx_slice data)
{
    const size_t bound = ZSTD_compressBound(data.len);
    subx_bytes frame = {subx_mem__alloc(8 + bound), 8 + bound};
    assert_non_null(frame.data);
    memcpy(frame.data, prefix, 8);
    const size_t len = ZSTD_compress(frame.data + 8, bound, data.data, data.len, 3);
    assert_false(ZSTD_isError(len));
    frame.len = 8 + len;
    return frame;
}

static subx_bytes hex_of(const char *before, subx_slice bytes, const char *after)
{
    struct subx_buf text = SUBX_BUF_INIT;
    subx_buf__append_text(&text, before);
    subx_hex__append(&text, bytes);
    subx_buf__append_text(&text, after);
    subx_bytes out = SUBX_BYTES_INIT;
    assert_int_equal(subx_buf__finish(&text, &out, NULL), SUBX_OK);
    return out;
}

/* Load bytes that must be the module above, stored as `stored`. Frees `bytes`. */
static void expect_module(subx_bytes bytes, subx_code_container container, bool is_compressed,
                          subx_slice stored)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    const subx_status status = subx_code_load(slice(bytes), 0, &code, &error);
    subx_bytes_free(&bytes);
    assert_string_equal(error.message, "");
    assert_int_equal(status, SUBX_OK);
    const subx_code_info info = subx_code_info_of(code);
    assert_int_equal(info.container, container);
    assert_int_equal(info.compressed, is_compressed);
    assert_int_equal(info.stored_size, stored.len);
    subx_bytes module = unhex(module_hex);
    assert_int_equal(info.wasm_size, module.len);
    assert_true(subx_slice__equal(subx_code_wasm(code), slice(module)));
    if (!is_compressed) {
        subx_bytes hash = unhex(module_hash);
        assert_memory_equal(info.hash, hash.data, sizeof info.hash);
        subx_bytes_free(&hash);
    }
    subx_bytes_free(&module);
    subx_code_free(code);
}

/* Load from a heap copy of the exact size, so that a read beyond it is seen. */
static void expect_refused(subx_slice bytes, size_t max_size, subx_status expected,
                           const char *message)
{
    uint8_t *copy = subx_mem__copy(bytes.data, bytes.len);
    assert_non_null(copy);
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = (subx_code *)&error;
    const subx_status status =
        subx_code_load((subx_slice){copy, bytes.len}, max_size, &code, &error);
    subx_mem__free(copy);
    if (strstr(error.message, message) == NULL)
        assert_string_equal(error.message, message); /* shows both */
    assert_int_equal(status, expected);
    assert_int_equal(error.status, expected);
    assert_null(code);
}

static void expect_refused_text(const char *text, subx_status expected, const char *message)
{
    expect_refused(subx_slice__text(text), 0, expected, message);
}

static void plain_wasm(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    expect_module(unhex(module_hex), SUBX_CODE_PLAIN, false, slice(module));
    subx_bytes_free(&module);
}

static void hex_text(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    const subx_slice bytes = slice(module);
    expect_module(hex_of("", bytes, ""), SUBX_CODE_HEX, false, bytes);
    expect_module(hex_of("0x", bytes, ""), SUBX_CODE_HEX, false, bytes);
    expect_module(hex_of("0x", bytes, "\n"), SUBX_CODE_HEX, false, bytes);
    expect_module(hex_of(" \r\n\t0X", bytes, " \n\n"), SUBX_CODE_HEX, false, bytes);
    subx_bytes upper = hex_of("", bytes, "\n");
    for (size_t i = 0; i < upper.len; i++)
        if (upper.data[i] >= 'a' && upper.data[i] <= 'f')
            upper.data[i] = (uint8_t)(upper.data[i] - 'a' + 'A');
    expect_module(upper, SUBX_CODE_HEX, false, bytes);
    subx_bytes_free(&module);
}

/* maybe-compressed-blob: compress_and_decompress. */
static void compress_and_decompress(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    const uint8_t *const prefixes[] = {prefix_legacy, prefix_wasm};
    for (size_t i = 0; i < 2; i++) {
        subx_bytes stored = compressed(prefixes[i], slice(module));
        expect_module(joined(stored.data, stored.len, "", 0), SUBX_CODE_PLAIN, true, slice(stored));
        expect_module(hex_of("0x", slice(stored), "\n"), SUBX_CODE_HEX, true, slice(stored));
        expect_module(hex_of("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x", slice(stored),
                             "\"}}}}\n"),
                      SUBX_CODE_CHAIN_SPEC, true, slice(stored));
        subx_bytes_free(&stored);
    }
    subx_bytes_free(&module);
}

static void plain_code_in_a_chain_specification(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    expect_module(hex_of("\n{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x", slice(module),
                         "\"}}}}\n"),
                  SUBX_CODE_CHAIN_SPEC, false, slice(module));
    subx_bytes_free(&module);
    expect_refused_text("{\"genesis\":{\"raw\":{\"top\":{}}}}", SUBX_CODE_NOT_FOUND,
                        "genesis.raw.top has no key");
    expect_refused_text("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x1234\"}}}}",
                        SUBX_INVALID_INPUT,
                        "chain specification: :code: neither Wasm, compressed Wasm, hex text nor "
                        "a chain specification: the first bytes are 12 34");
    expect_refused_text("{\"genesis\":", SUBX_INVALID_INPUT, "chain specification: line 1");
}

/* maybe-compressed-blob: decompresses_only_when_magic. */
static void decompresses_only_when_magic(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    subx_bytes stored = compressed(prefix_legacy, slice(module));
    expect_refused((subx_slice){stored.data + 8, stored.len - 8}, 0, SUBX_INVALID_INPUT,
                   "this is a bare zstd frame; compressed code has the prefix 52bc537646db8e05");
    stored.data[3] ^= 1;
    expect_refused(slice(stored), 0, SUBX_INVALID_INPUT,
                   "the first bytes are 52 bc 53 77 46 db 8e 05");
    stored.data[3] ^= 1;
    /* compressed twice: decompressed once only */
    subx_bytes twice = compressed(prefix_legacy, slice(stored));
    expect_refused(slice(twice), 0, SUBX_CANT_DESERIALIZE_WASM, "");
    subx_bytes_free(&twice);
    subx_bytes_free(&stored);
    subx_bytes_free(&module);
}

static void other_kinds_of_compressed_data(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    subx_bytes stored = compressed(prefix_legacy, slice(module));
    stored.data[7] = 6;
    expect_refused(slice(stored), 0, SUBX_INVALID_INPUT, "proof of validity (kind 06), not code");
    stored.data[7] = 8;
    expect_refused(slice(stored), 0, SUBX_UNSUPPORTED, "PolkaVM code (kind 08)");
    stored.data[7] = 9;
    expect_refused(slice(stored), 0, SUBX_INVALID_INPUT, "unknown kind 09 at offset 7");
    expect_refused((subx_slice){stored.data, 7}, 0, SUBX_INVALID_INPUT, "ends within its prefix");
    subx_bytes_free(&stored);
    subx_bytes_free(&module);
}

static void polkavm_code(void **state)
{
    (void)state;
    static const uint8_t polkavm[] = {'P', 'V', 'M', 0, 1, 2, 3};
    expect_refused(subx_slice__of(polkavm, sizeof polkavm), 0, SUBX_UNSUPPORTED,
                   "this is PolkaVM code; only Wasm is supported");
    expect_refused_text("0x50564d0001", SUBX_UNSUPPORTED, "decoded hex text: this is PolkaVM code");
    subx_bytes stored = compressed(prefix_legacy, subx_slice__of(polkavm, sizeof polkavm));
    expect_refused(slice(stored), 0, SUBX_UNSUPPORTED, "this is PolkaVM code");
    subx_bytes_free(&stored);
}

static void unknown_forms_say_how_they_begin(void **state)
{
    (void)state;
    expect_refused(SUBX_EMPTY, 0, SUBX_INVALID_INPUT, "code is empty");
    expect_refused_text(" \n", SUBX_INVALID_INPUT, "the first bytes are 20 0a");
    expect_refused_text("\x7f"
                        "ELF\x02\x01\x01more",
                        SUBX_INVALID_INPUT, "the first bytes are 7f 45 4c 46 02 01 01 6d");
    expect_refused_text("[1,2]", SUBX_INVALID_INPUT, "the first bytes are 5b 31 2c 32 5d");
    expect_refused_text("cafe is no hex", SUBX_INVALID_INPUT, "the first bytes are 63 61 66 65 20");
    expect_refused_text("0x123", SUBX_INVALID_INPUT, "odd number of digits");
    expect_refused_text("0061736d01 000", SUBX_INVALID_INPUT, "no digit at offset 10");
    expect_refused_text("0xzz", SUBX_INVALID_INPUT, "no digit at offset 2");
    expect_refused_text("0x", SUBX_INVALID_INPUT, "decoded hex text: code is empty");
    expect_refused_text("0xdeadbeef", SUBX_INVALID_INPUT, "the first bytes are de ad be ef");
    expect_refused_text("{}", SUBX_INVALID_INPUT, "no object \"genesis\"");
}

static void bound_is_inclusive(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    subx_bytes stored = compressed(prefix_legacy, slice(module));
    subx_code *code = NULL;
    assert_int_equal(subx_code_load(slice(module), module.len, &code, NULL), SUBX_OK);
    subx_code_free(code);
    assert_int_equal(subx_code_load(slice(stored), module.len, &code, NULL), SUBX_OK);
    subx_code_free(code);
    expect_refused(slice(module), module.len - 1, SUBX_TOO_LARGE, "is larger than the bound of");
    expect_refused(slice(stored), module.len - 1, SUBX_TOO_LARGE,
                   "it decompresses to more than the bound of");
    subx_bytes_free(&stored);
    subx_bytes_free(&module);
}

static long peak_kilobytes(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* A frame of `blocks` run-length blocks, 128 KiB of zeros each, that does not say its size. */
static subx_bytes run_length_bomb(size_t blocks)
{
    static const uint8_t header[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58};
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_buf__append(&buf, prefix_legacy, sizeof prefix_legacy);
    subx_buf__append(&buf, header, sizeof header);
    for (size_t i = 0; i < blocks; i++) {
        const uint32_t block = (uint32_t)(i + 1 == blocks) | 1u << 1 | (128u << 10) << 3;
        const uint8_t bytes[] = {(uint8_t)block, (uint8_t)(block >> 8), (uint8_t)(block >> 16), 0};
        subx_buf__append(&buf, bytes, sizeof bytes);
    }
    subx_bytes out = SUBX_BYTES_INIT;
    assert_int_equal(subx_buf__finish(&buf, &out, NULL), SUBX_OK);
    return out;
}

/* maybe-compressed-blob: possible_bomb_fails. 128 KiB that would become 4 GiB. */
static void possible_bomb_fails(void **state)
{
    (void)state;
    subx_bytes bomb = run_length_bomb(32768);
    const long before = peak_kilobytes();
    expect_refused(slice(bomb), 0, SUBX_TOO_LARGE, "more than the bound of 52428800 bytes");
    assert_true(peak_kilobytes() - before < 300 * 1024);
    expect_refused(slice(bomb), 1000, SUBX_TOO_LARGE, "more than the bound of 1000 bytes");
    subx_bytes_free(&bomb);
    /* the same form is fine within the bound, and then no Wasm */
    subx_bytes small = run_length_bomb(2);
    expect_refused(slice(small), 0, SUBX_CANT_DESERIALIZE_WASM, "");
    subx_bytes_free(&small);
}

/* A header that promises 2^60 bytes. */
static void promised_size_is_not_believed(void **state)
{
    (void)state;
    static const uint8_t huge[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0,    0,    0,
                                   0,    0,    0,    0,    0x10, 0x01, 0x00, 0x00};
    subx_bytes stored = joined(prefix_legacy, 8, huge, sizeof huge);
    expect_refused(slice(stored), 0, SUBX_TOO_LARGE, "more than the bound of 52428800 bytes");
    subx_bytes_free(&stored);
    /* a window of 2^41 bytes */
    static const uint8_t window[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00};
    stored = joined(prefix_legacy, 8, window, sizeof window);
    expect_refused(slice(stored), 0, SUBX_INVALID_INPUT, "Frame requires too much memory");
    subx_bytes_free(&stored);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    subx_bytes stored = compressed(prefix_legacy, slice(module));
    for (size_t len = 8; len < stored.len; len++)
        expect_refused((subx_slice){stored.data, len}, 0, SUBX_INVALID_INPUT,
                       "the zstd frame is cut off at offset ");
    for (size_t len = 4; len < 8; len++)
        expect_refused((subx_slice){module.data, len}, 0, SUBX_CANT_DESERIALIZE_WASM, "");
    /* cut between two sections a module may be whole, but never this one */
    subx_code *code = NULL;
    for (size_t len = 9; len < module.len; len++)
        if (subx_code_load((subx_slice){module.data, len}, 0, &code, NULL) == SUBX_OK) {
            assert_true(subx_code_export_count(code) == 0 ||
                        subx_code_wasm(code).len == module.len);
            subx_code_free(code);
        }
    subx_bytes_free(&stored);
    subx_bytes_free(&module);
}

/* Each byte of a frame changed in turn: whatever comes out, nothing breaks. */
static void damaged_frames(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    subx_bytes stored = compressed(prefix_legacy, slice(module));
    size_t refused = 0;
    for (size_t i = 8; i < stored.len; i++) {
        stored.data[i] ^= 0x55;
        subx_code *code = NULL;
        subx_error error = SUBX_ERROR_INIT;
        if (subx_code_load(slice(stored), 0, &code, &error) != SUBX_OK) {
            assert_true(error.message[0] != '\0');
            refused++;
        }
        subx_code_free(code);
        stored.data[i] ^= 0x55;
    }
    assert_true(refused > stored.len / 2);
    subx_bytes_free(&stored);
    subx_bytes_free(&module);
}

static void bytes_after_the_frame(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    subx_bytes stored = compressed(prefix_legacy, slice(module));
    subx_bytes more = joined(stored.data, stored.len, "garbage", 7);
    expect_refused(slice(more), 0, SUBX_INVALID_INPUT, "bytes after the zstd frame, ");
    subx_bytes_free(&more);
    more = joined(stored.data, stored.len, "g", 1);
    expect_refused(slice(more), 0, SUBX_INVALID_INPUT, "bytes after the zstd frame, ");
    subx_bytes_free(&more);

    /* a second frame continues the first */
    const size_t half = module.len / 2;
    subx_bytes first = compressed(prefix_legacy, (subx_slice){module.data, half});
    subx_bytes second =
        compressed(prefix_legacy, (subx_slice){module.data + half, module.len - half});
    more = joined(first.data, first.len, second.data + 8, second.len - 8);
    subx_bytes copy = joined(more.data, more.len, "", 0);
    expect_module(more, SUBX_CODE_PLAIN, true, slice(copy));
    subx_bytes_free(&copy);
    subx_bytes_free(&first);
    subx_bytes_free(&second);
    subx_bytes_free(&stored);
    subx_bytes_free(&module);
}

static subx_code *load_hex(const char *text)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    const subx_status status = subx_code_load(subx_slice__text(text), 0, &code, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, SUBX_OK);
    return code;
}

static void expect_extern(subx_extern found, subx_extern_kind kind, const char *module,
                          const char *name, const char *type, bool known)
{
    assert_int_equal(found.kind, kind);
    assert_true(subx_slice__equal(found.module, subx_slice__text(module)));
    assert_true(subx_slice__equal(found.name, subx_slice__text(name)));
    assert_string_equal(found.type, type);
    assert_int_equal(found.known, known);
}

static void imports(void **state)
{
    (void)state;
    static const char blake2[] = "ext_hashing_blake2_256_version_1";
    subx_code *code = load_hex(module_hex);
    assert_int_equal(subx_code_import_count(code), 5);
    expect_extern(subx_code_import(code, 0), SUBX_EXTERN_FUNCTION, "env", blake2, "(i64) -> i32",
                  true);
    expect_extern(subx_code_import(code, 1), SUBX_EXTERN_FUNCTION, "env",
                  "ext_unknown_thing_version_1", "(i32, i64)", false);
    expect_extern(subx_code_import(code, 2), SUBX_EXTERN_FUNCTION, "other", blake2, "(i64) -> i32",
                  false);
    expect_extern(subx_code_import(code, 3), SUBX_EXTERN_MEMORY, "env", "memory", "17..2048 pages",
                  false);
    expect_extern(subx_code_import(code, 4), SUBX_EXTERN_GLOBAL, "env", "base", "i32", false);
    subx_code_free(code);
}

static void exports(void **state)
{
    (void)state;
    static const struct {
        subx_extern_kind kind;
        const char *name, *type;
    } expected[] = {
        {SUBX_EXTERN_FUNCTION, "run", "(i32, i32) -> i64"},
        {SUBX_EXTERN_FUNCTION, "again", "(i64) -> i32"}, /* an imported one */
        {SUBX_EXTERN_FUNCTION, "nothing", "()"},
        {SUBX_EXTERN_TABLE, "table", "3..5 funcref"},
        {SUBX_EXTERN_MEMORY, "memory", "17..2048 pages"},
        {SUBX_EXTERN_GLOBAL, "base", "i32"},
        {SUBX_EXTERN_GLOBAL, "__heap_base", "i32"},
    };
    subx_code *code = load_hex(module_hex);
    assert_int_equal(subx_code_export_count(code), sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        expect_extern(subx_code_export(code, i), expected[i].kind, "", expected[i].name,
                      expected[i].type, false);
    subx_code_free(code);
    code = load_hex(multi_value_hex);
    expect_extern(subx_code_export(code, 0), SUBX_EXTERN_FUNCTION, "", "pair",
                  "(i32) -> (i32, i64)", false);
    subx_code_free(code);
    code = load_hex(extensions_hex);
    expect_extern(subx_code_export(code, 0), SUBX_EXTERN_MEMORY, "", "memory", "1 page", false);
    subx_code_free(code);
}

static void extensions(void **state)
{
    (void)state;
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = load_hex(module_hex);
    assert_string_equal(subx_code_features(code), "");
    assert_int_equal(subx_code_check_strict(code, &error), SUBX_OK);
    assert_string_equal(error.message, "");
    subx_code_free(code);
    code = load_hex(extensions_hex);
    assert_string_equal(subx_code_features(code),
                        "sign-extension, saturating-conversions, bulk-memory");
    assert_int_equal(subx_code_check_strict(code, &error), SUBX_CANT_DESERIALIZE_WASM);
    assert_non_null(strstr(error.message, "0xc0 (192) at offset 0x36"));
    subx_code_free(code);
    subx_error_clear(&error);
    code = load_hex(multi_value_hex);
    assert_string_equal(subx_code_features(code), "multi-value");
    assert_int_equal(subx_code_check_strict(code, &error), SUBX_CANT_DESERIALIZE_WASM);
    subx_code_free(code);
}

/* Globals: an imported one, 1024 as a constant, an i64, a mutable -1, and one that is the imported one's value. */
#define GLOBALS_START                                                                              \
    "02(01 ('env') ('base') 03 7f 00) 06(04 7f 00 41 8008 0b 7e 00 42 05 0b 7f 01 41 7f 0b 7f 00 " \
    "23 00 0b)"

static void expect_heap_base(const char *sections, bool found, uint32_t expected)
{
    subx_bytes bytes = wasm_module(sections);
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    uint32_t address = 77;
    if (subx_code_load(wasm_slice(bytes), 0, &code, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    assert_int_equal(subx_code_heap_base(code, &address), found);
    assert_int_equal(address, found ? expected : 77);
    subx_code_free(code);
    subx_bytes_free(&bytes);
}

static void heap_base(void **state)
{
    (void)state;
    expect_heap_base(GLOBALS_START " 07(01 ('__heap_base') 03 01)", true, 1024);
    expect_heap_base(GLOBALS_START " 07(02 ('__heap_bas') 03 01 ('__heap_base') 03 03)", true,
                     UINT32_MAX);
    expect_heap_base(GLOBALS_START " 07(01 ('__heap_base') 03 00)", false, 0); /* imported */
    expect_heap_base(GLOBALS_START " 07(01 ('__heap_base') 03 02)", false, 0); /* i64 */
    expect_heap_base(GLOBALS_START " 07(01 ('__heap_base') 03 04)", false, 0); /* no constant */
    expect_heap_base(GLOBALS_START " 07(01 ('__data_end') 03 01)", false, 0);
    expect_heap_base("05(01 00 01) 07(01 ('__heap_base') 02 00)", false, 0); /* a memory */
    expect_heap_base("", false, 0);
}

static void files(void **state)
{
    (void)state;
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    assert_int_equal(subx_code_load_file("no such file", 0, &code, &error), SUBX_IO);
    assert_string_equal(error.message, "no such file: No such file or directory");
    assert_null(code);
    subx_error_clear(&error);
    assert_int_equal(subx_code_load_file(".", 0, &code, &error), SUBX_IO);
    assert_string_equal(error.message, ".: is a directory");

    char path[] = "test_code.XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, module_hex, sizeof module_hex - 1), sizeof module_hex - 1);
    subx_error_clear(&error);
    assert_int_equal(subx_code_load_file(path, 0, &code, &error), SUBX_OK);
    assert_int_equal(subx_code_info_of(code).container, SUBX_CODE_HEX);
    subx_code_free(code);
    assert_int_equal(pwrite(fd, "JUNK", 4, 0), 4);
    assert_int_equal(subx_code_load_file(path, 0, &code, &error), SUBX_INVALID_INPUT);
    assert_memory_equal(error.message, path, strlen(path));
    assert_non_null(strstr(error.message, "the first bytes are 4a 55 4e 4b"));
    close(fd);
    unlink(path);
}

/* Each allocation in turn fails: an answer, no leak, no crash. Checked flavour only. */
static void allocation_failures(void **state)
{
    (void)state;
    subx_bytes module = unhex(module_hex);
    subx_bytes stored = compressed(prefix_legacy, slice(module));
    subx_bytes spec =
        hex_of("{\"genesis\":{\"raw\":{\"top\":{\"0x3a636f6465\":\"0x", slice(stored), "\"}}}}");
    const subx_slice inputs[] = {slice(module), slice(spec)};
    for (size_t i = 0; i < 2; i++) {
        subx_status status = SUBX_NOMEM;
        for (int64_t countdown = 0; status != SUBX_OK; countdown++) {
            subx_code *code = NULL;
            subx_error error = SUBX_ERROR_INIT;
            subx_mem__fail_after(countdown);
            status = subx_code_load(inputs[i], 0, &code, &error);
            subx_mem__fail_after(-1);
            assert_true(status == SUBX_OK || status == SUBX_NOMEM);
            assert_int_equal(error.status, status);
            assert_true((code != NULL) == (status == SUBX_OK));
            assert_true(countdown < 1000);
            subx_code_free(code);
        }
    }
    subx_bytes_free(&spec);
    subx_bytes_free(&stored);
    subx_bytes_free(&module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_wasm),
        cmocka_unit_test(hex_text),
        cmocka_unit_test(compress_and_decompress),
        cmocka_unit_test(plain_code_in_a_chain_specification),
        cmocka_unit_test(decompresses_only_when_magic),
        cmocka_unit_test(other_kinds_of_compressed_data),
        cmocka_unit_test(polkavm_code),
        cmocka_unit_test(unknown_forms_say_how_they_begin),
        cmocka_unit_test(bound_is_inclusive),
        cmocka_unit_test(possible_bomb_fails),
        cmocka_unit_test(promised_size_is_not_believed),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(damaged_frames),
        cmocka_unit_test(bytes_after_the_frame),
        cmocka_unit_test(imports),
        cmocka_unit_test(exports),
        cmocka_unit_test(extensions),
        cmocka_unit_test(heap_base),
        cmocka_unit_test(files),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
