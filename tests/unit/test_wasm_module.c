/* The Wasm reader: sections, both grammars, LEB128, and what it does with broken modules. */
#include <stdio.h>

#include "blob/passes.h"
#include "blob/wasm_code.h"
#include "blob/wasm_leb.h"
#include "blob/wasm_write.h"
#include "util/mem.h"
#include "wasm_bytes.h"

/* Something in every section of the MVP, on one line each. */
#define GOOD_CODE                                                                          \
    "0a(02 (00 0b) (02 01 7f 02 7e 02 40 41 01 04 40 0c 01 05 20 00 28 02 80 01 1a 0b 0b " \
    "41 00 0e 01 00 00 44 00 00 00 00 00 00 f0 3f 0b))"
#define GOOD_SECTIONS                                                                          \
    "00(('first') 01 02 03)"                                                                   \
    "01(02 60 00 00 60 02 7f 7e 01 7c)"                                                        \
    "02(04 ('env') ('f') 00 01 ('env') ('t') 01 70 00 02"                                      \
    "   ('env') ('m') 02 01 01 04 ('env') ('g') 03 7f 00)"                                     \
    "03(02 00 01) 04(01 70 01 05 07) 05(00)"                                                   \
    "06(02 7f 01 41 7d 0b 7d 00 43 00 00 80 3f 0b)"                                            \
    "07(04 ('a') 00 01 ('t') 01 00 ('m') 02 00 ('x') 03 02)"                                   \
    "08(01) 09(01 00 41 02 0b 02 01 02)" GOOD_CODE "0b(02 00 41 10 0b ('abc') 00 23 00 0b ())" \
    "00(('name') 7f) 00(('first') 04)"

static subx_status parse(subx_slice wasm, enum subx_wasm_grammar grammar,
                         struct subx_wasm_module *module)
{
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = subx_wasm__parse(wasm, grammar, module, &error);
    assert_int_equal(error.status, status);
    if (status != SUBX_OK) {
        assert_int_not_equal(strlen(error.message), 0);
        assert_null(module->sections);
        assert_null(module->bodies);
    }
    return status;
}

/* It parses, and needs these extensions. */
static void assert_parses(const char *sections, enum subx_wasm_grammar grammar, uint32_t features)
{
    subx_bytes wasm = wasm_module(sections);
    struct subx_wasm_module module;
    assert_int_equal(parse(wasm_slice(wasm), grammar, &module), SUBX_OK);
    assert_int_equal(module.features, features);
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);
}

/* It does not, and the message says all of `words`, separated by '|'. */
static void assert_refused(const char *sections, enum subx_wasm_grammar grammar, const char *words)
{
    subx_bytes wasm = wasm_module(sections);
    struct subx_wasm_module module;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_wasm__parse(wasm_slice(wasm), grammar, &module, &error),
                     SUBX_CANT_DESERIALIZE_WASM);
    char word[128];
    for (const char *at = words; *at != '\0'; at += strcspn(at, "|"), at += *at == '|' ? 1 : 0) {
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, "|"), at);
        if (strstr(error.message, word) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error.message, word);
    }
    subx_bytes_free(&wasm);
}

static void assert_name(subx_slice name, const char *expected)
{
    assert_bytes(name, subx_slice__text(expected));
}

static void every_section_is_read(void **state)
{
    (void)state;
    subx_bytes wasm = wasm_module(GOOD_SECTIONS);
    struct subx_wasm_module module;
    assert_int_equal(parse(wasm_slice(wasm), SUBX_WASM_STRICT, &module), SUBX_OK);

    assert_int_equal(module.features, 0);
    assert_false(module.changes_tables_or_segments);
    assert_int_equal(module.section_count, 14);
    assert_int_equal(module.sections[1].id, SUBX_SECTION_TYPE);
    assert_int_equal(module.sections[1].offset, 8 + 2 + 9 + 2);
    assert_ptr_equal(module.sections[1].payload.data, wasm.data + 21);
    assert_name(module.sections[0].name, "first");
    assert_int_equal(module.sections[0].payload.len, 3);
    assert_ptr_equal(module.sections[0].payload.data, wasm.data + module.sections[0].offset);

    assert_int_equal(module.type_count, 2);
    assert_int_equal(module.types[0].params.len, 0);
    assert_int_equal(module.types[1].params.len, 2);
    assert_int_equal(module.types[1].params.data[1], SUBX_WASM_I64);
    assert_int_equal(module.types[1].results.data[0], SUBX_WASM_F64);

    assert_int_equal(module.import_count, 4);
    assert_int_equal(module.imported_functions, 1);
    assert_int_equal(module.imported_tables, 1);
    assert_int_equal(module.imported_memories, 1);
    assert_int_equal(module.imported_globals, 1);
    assert_name(module.imports[0].module, "env");
    assert_name(module.imports[0].name, "f");
    assert_int_equal(module.imports[0].type, 1);
    assert_int_equal(module.imports[1].table.element_type, SUBX_WASM_FUNCREF);
    assert_int_equal(module.imports[1].table.limits.min, 2);
    assert_true(module.imports[2].memory.has_max);
    assert_int_equal(module.imports[2].memory.max, 4);
    assert_int_equal(module.imports[3].kind, SUBX_WASM_GLOBAL);
    assert_false(module.imports[3].global.is_mutable);

    assert_int_equal(module.function_count, 2);
    assert_int_equal(module.functions[1], 1);
    assert_int_equal(module.table_count, 1);
    assert_int_equal(module.tables[0].limits.max, 7);
    assert_int_equal(module.memory_count, 0);
    assert_int_equal(module.global_count, 2);
    assert_true(module.globals[0].is_mutable);
    assert_int_equal(module.globals[0].init.len, 3);
    assert_int_equal(module.globals[1].init.len, 6);
    assert_int_equal(module.export_count, 4);
    assert_int_equal(module.exports[3].index, 2);
    assert_true(module.has_start);
    assert_int_equal(module.start, 1);
    assert_int_equal(module.element_count, 1);
    assert_int_equal(module.elements[0].count, 2);
    assert_int_equal(module.elements[0].items.len, 2);
    assert_int_equal(module.body_count, 2);
    assert_int_equal(module.bodies[0].len, 2);
    assert_int_equal(module.data_count, 2);
    assert_name(module.data[0].bytes, "abc");
    assert_int_equal(module.data[1].bytes.len, 0);
    subx_wasm__free(&module);
    assert_null(module.types);
    subx_bytes_free(&wasm);
}

static void questions_about_a_module(void **state)
{
    (void)state;
    subx_bytes wasm = wasm_module(GOOD_SECTIONS);
    struct subx_wasm_module module;
    assert_int_equal(parse(wasm_slice(wasm), SUBX_WASM_STRICT, &module), SUBX_OK);

    assert_ptr_equal(subx_wasm__function_type(&module, 0), &module.types[1]); /* imported */
    assert_ptr_equal(subx_wasm__function_type(&module, 1), &module.types[0]);
    assert_ptr_equal(subx_wasm__function_type(&module, 2), &module.types[1]);
    assert_null(subx_wasm__function_type(&module, 3));
    assert_null(subx_wasm__function_type(&module, UINT32_MAX));

    assert_ptr_equal(subx_wasm__find_export(&module, SUBX_WASM_MEMORY, "m"), &module.exports[2]);
    assert_null(subx_wasm__find_export(&module, SUBX_WASM_GLOBAL, "m"));
    assert_null(subx_wasm__find_export(&module, SUBX_WASM_MEMORY, "mm"));

    subx_slice contents;
    assert_true(subx_wasm__custom_section(&module, "first", &contents));
    assert_int_equal(contents.len, 3); /* the first of the two */
    assert_false(subx_wasm__custom_section(&module, "second", &contents));
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);
}

static void types_that_do_not_exist(void **state)
{
    (void)state;
    subx_bytes wasm = wasm_module("02(01 ('e') ('f') 00 05) 03(01 07) 0a(01 (00 0b))");
    struct subx_wasm_module module;
    assert_int_equal(parse(wasm_slice(wasm), SUBX_WASM_STRICT, &module), SUBX_OK);
    assert_null(subx_wasm__function_type(&module, 0));
    assert_null(subx_wasm__function_type(&module, 1));
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);
}

/* Every number has bytes to spare. */
static void longer_numbers_are_read(void **state)
{
    (void)state;
    subx_bytes wasm = wasm_module("01 84 80 80 80 00 01 60 00 00 03 83 00 81 80 80 80 00 80 00"
                                  "0a 8a 00 81 00 87 00 80 80 00 41 ff 7f 0b");
    struct subx_wasm_module module;
    assert_int_equal(parse(wasm_slice(wasm), SUBX_WASM_STRICT, &module),
                     SUBX_CANT_DESERIALIZE_WASM);
    subx_bytes_free(&wasm);
    wasm = wasm_module("01 84 80 80 80 00 01 60 00 00 03 87 00 81 80 80 80 00 80 00"
                       "0a 8b 00 81 00 87 00 80 80 00 41 ff 7f 0b");
    assert_int_equal(parse(wasm_slice(wasm), SUBX_WASM_STRICT, &module), SUBX_OK);
    subx_bytes out = SUBX_BYTES_INIT;
    assert_int_equal(subx_wasm__write(&module, NULL, &out, NULL), SUBX_OK);
    assert_module(wasm_slice(out), "01(01 60 00 00) 03(01 00) 0a(01 (00 41 7f 0b))");
    subx_bytes_free(&out);
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);
}

/* A module that is refused and its message, in the strict grammar and, where features are given,
 * accepted in the relaxed one. */
static const struct {
    const char *sections, *words;
    uint32_t features;
} extensions[] = {
    {"01(01 60 01 7f 01 7f) 03(01 00) 0a(01 (00 20 00 c0 0b))", "opcode|0xc0 (192)|offset 0x1b|MVP",
     SUBX_WASM_SIGN_EXTENSION},
    {"01(01 60 01 7d 01 7f) 03(01 00) 0a(01 (00 20 00 fc 00 0b))", "0xfc (252)|offset 0x1b",
     SUBX_WASM_SATURATING_CONVERSION},
    {"01(01 60 00 00) 03(01 00) 05(01 00 01) 0a(01 (00 41 00 41 00 41 00 fc 0b 00 0b))",
     "0xfc (252)", SUBX_WASM_BULK_MEMORY},
    {"01(01 60 00 00) 03(01 00) 0a(01 (00 d0 70 1a 0b))", "0xd0 (208)", SUBX_WASM_REFERENCE_TYPES},
    {"01(01 60 00 00) 03(01 00) 04(01 70 00 01) 0a(01 (00 41 00 25 00 1a 0b))", "0x25 (37)",
     SUBX_WASM_REFERENCE_TYPES},
    {"01(01 60 00 00) 03(01 00) 0a(01 (00 fd 0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 1a "
     "0b))",
     "0xfd (253)", SUBX_WASM_SIMD},
    {"01(01 60 00 00) 03(01 00) 0a(01 (01 01 7b 0b))", "value type 0x7b", SUBX_WASM_SIMD},
    {"01(01 60 01 6f 00)", "value type 0x6f|offset 0xd", SUBX_WASM_REFERENCE_TYPES},
    {"01(01 60 00 02 7f 7f)", "2 results|offset 0xb", SUBX_WASM_MULTI_VALUE},
    {"01(02 60 00 00 60 02 7f 7f 01 7f) 03(01 00) 0a(01 (00 41 01 41 02 02 01 6a 0b 1a 0b))",
     "block type 0x01", SUBX_WASM_MULTI_VALUE},
    {"01(02 60 00 00 60 02 7f 7f 01 7f) 03(01 00) 0a(01 (00 41 01 41 02 02 81 00 6a 0b 1a 0b))",
     "block type 0x81", SUBX_WASM_MULTI_VALUE},
    {"05(01 00 01) 0b(01 01 ('abc'))", "", SUBX_WASM_BULK_MEMORY},
    {"04(02 70 00 01 70 00 01) 01(00)", "out of order", 0},
    {"04(01 6f 00 01)", "element type 0x6f", SUBX_WASM_REFERENCE_TYPES},
    {"01(01 60 00 00) 03(01 00) 04(01 70 00 01) 0a(01 (00 41 00 11 00 01 0b))", "reserved byte",
     SUBX_WASM_REFERENCE_TYPES},
};

static void strict_grammar_refuses_extensions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        assert_refused(extensions[i].sections, SUBX_WASM_STRICT, extensions[i].words);
        if (extensions[i].features != 0)
            assert_parses(extensions[i].sections, SUBX_WASM_RELAXED, extensions[i].features);
    }
}

static void mutable_globals_are_noted(void **state)
{
    (void)state;
    const uint32_t feature = SUBX_WASM_MUTABLE_GLOBAL_IMPORT_EXPORT;
    assert_parses("02(01 ('e') ('g') 03 7f 01)", SUBX_WASM_STRICT, feature);
    assert_parses("06(01 7f 01 41 00 0b) 07(01 ('x') 03 00)", SUBX_WASM_STRICT, feature);
    assert_parses("06(01 7f 00 41 00 0b) 07(01 ('x') 03 00)", SUBX_WASM_STRICT, 0);
    assert_parses("06(01 7f 01 41 00 0b) 07(01 ('x') 03 09)", SUBX_WASM_STRICT, 0);
    assert_parses("06(01 7f 01 41 00 0b)", SUBX_WASM_STRICT, 0);
}

static void names_of_features(void **state)
{
    (void)state;
    char *text = subx_wasm__features_text(0);
    assert_string_equal(text, "");
    subx_mem__free(text);
    text = subx_wasm__features_text(SUBX_WASM_SIMD | SUBX_WASM_SIGN_EXTENSION);
    assert_string_equal(text, "sign-extension, simd");
    subx_mem__free(text);
    for (uint32_t feature = 1; feature <= SUBX_WASM_MUTABLE_GLOBAL_IMPORT_EXPORT; feature *= 2)
        assert_non_null(subx_wasm__feature_name(feature));
    assert_null(subx_wasm__feature_name(3));
    assert_null(subx_wasm__feature_name(0));
}

/* Instructions after which a new instance differs in tables or segments. */
static void lasting_changes_are_noted(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        bool expected;
    } cases[] = {
        {"fc 08 00 00", true}, /* memory.init */
        {"fc 09 00", true},    /* data.drop */
        {"fc 0d 00", true},    /* elem.drop */
        {"fc 0c 00 00", true}, /* table.init */
        {"fc 0e 00 00", true}, /* table.copy */
        {"fc 0f 00", true},    /* table.grow */
        {"fc 11 00", true},    /* table.fill */
        {"26 00", true},       /* table.set */
        {"25 00", false},      /* table.get */
        {"fc 10 00", false},   /* table.size */
        {"fc 0a 00 00", false} /* memory.copy */,
        {"fc 0b 00", false} /* memory.fill */,
        {"01", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sections[128];
        snprintf(sections, sizeof sections, "01(01 60 00 00) 03(01 00) 0a(01 (00 %s 0b))",
                 cases[i].code);
        subx_bytes wasm = wasm_module(sections);
        struct subx_wasm_module module;
        assert_int_equal(parse(wasm_slice(wasm), SUBX_WASM_RELAXED, &module), SUBX_OK);
        assert_int_equal(module.changes_tables_or_segments, cases[i].expected);
        subx_wasm__free(&module);
        subx_bytes_free(&wasm);
    }
}

/* Whatever the grammar. */
static const struct {
    const char *sections, *words;
} broken[] = {
    {"00", "unexpected end|offset 0x9"},
    {"00()", "unexpected end"},
    {"00(05 'abcd')", "length 5, but only 4 bytes"},
    {"00(02 ff fe)", "UTF-8|offset 0xa"},
    {"0d()", "unknown section 13|offset 0x8"},
    {"ff()", "unknown section 255"},
    {"01 05 00", "length 5, but only 1 bytes are left|offset 0x9"},
    {"01(00) 01(00)", "section 1 is there twice|offset 0xb"},
    {"03(00) 01(00)", "section 1 is out of order|offset 0xb"},
    {"0c(00) 09(00)", "section 9 is out of order"},
    {"0a(00) 0c(00)", "section 12 is out of order"},
    {"01(00 00)", "section 1: bytes left|offset 0xb"},
    {"01(ff ff ff ff 0f)", "count of 4294967295, but only 0 bytes"},
    {"01(02 60 00 00)", "count of 2, but only 3 bytes"},
    {"01(01 5f 00 00)", "form of type 0x5f|offset 0xb"},
    {"01(01 60 01 40 00)", "value type 0x40|offset 0xd"},
    {"01(80 80 80 80 10)", "LEB128|offset 0xa"},
    {"01(80 80 80 80 80 00)", "LEB128|offset 0xa"},
    {"01(80 80)", "unexpected end|offset 0xa"},
    {"02(01 ('e') ('f') 04 00)", "kind of import 0x04"},
    {"02(01 ('e') (ff) 00 00)", "UTF-8"},
    {"02(01 ('e') ('m') 02 02 00)", "flags of limits 0x02"},
    {"02(01 ('e') ('g') 03 7f 02)", "mutability 0x02"},
    {"02(01 ('e') ('g') 03 7e)", "unexpected end"},
    {"03(01 00)", "1 functions are declared, but 0 have code"},
    {"0a(01 (00 0b))", "0 functions are declared, but 1 have code"},
    {"04(01 7f 00 01)", "element type 0x7f"},
    {"05(01 01 05)", "unexpected end"},
    {"06(01 7f 00 41 00)", "too early|offset 0xf"},
    {"06(01 7f 00 06 0b)", "unknown opcode 0x06|offset 0xd"},
    {"07(01 ('a') 04 00)", "kind of export 0x04"},
    {"08(01 00)", "section 8: bytes left"},
    {"09(01 00 41 00 0b 02 01)", "unexpected end"},
    {"0b(01 00 41 00 0b 05 'ab')", "length 5, but only 2"},
    {"03(01 00) 0a(01 (00 0b 01))", "after the end of a function|offset 0x12"},
    {"03(01 00) 0a(01 (00 02 40 0b))", "too early"},
    {"03(01 00) 0a(01 (00 41 80))", "too early"},
    {"03(01 00) 0a(01 (00 41 ff ff ff ff 0f 0b))", "LEB128|offset 0x12"},
    {"03(01 00) 0a(01 (00 42 80 80 80 80 80 80 80 80 80 02 0b))", "LEB128"},
    {"03(01 00) 0a(01 (00 3f 01 0b))", "reserved byte is 0x01"},
    {"03(01 00) 0a(01 (00 0e 05 00 00 0b))", "too early"},
    {"03(01 00) 0a(01 (00 02 7a 0b 0b))", "block type 0x7a|offset 0x12"},
    {"03(01 00) 0a(01 (01 01 40 0b))", "value type 0x40|offset 0x12"},
    {"03(01 00) 0a(01 (02 ff ff ff ff 0f 7f 01 7f 0b))", "too many locals"},
    {"03(01 00) 0a(01 ())", "count of 1, but only 1 bytes"},
    {"03(02 00 00) 0a(02 () (00 0b 0b 0b))", "too early"},
    {"03(01 00) 0a(01 (00 27 0b))", "unknown opcode 0x27 (39)"},
};

static void broken_modules_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_refused(broken[i].sections, SUBX_WASM_STRICT, broken[i].words);
        assert_refused(broken[i].sections, SUBX_WASM_RELAXED, broken[i].words);
    }
}

/* Forms that only the relaxed grammar knows, malformed there. */
static void broken_extensions_are_refused(void **state)
{
    (void)state;
    assert_refused("09(01 08 00 00)", SUBX_WASM_RELAXED, "flags of a segment 8");
    assert_refused("09(01 01 01 00)", SUBX_WASM_RELAXED, "kind of elements 0x01");
    assert_refused("09(01 05 7f 00)", SUBX_WASM_RELAXED, "element type 0x7f");
    assert_refused("0b(01 03 00)", SUBX_WASM_RELAXED, "flags of a segment 3");
    assert_refused("03(01 00) 0a(01 (00 fc 12 0b))", SUBX_WASM_RELAXED, "opcode 0xfc");
    assert_refused("03(01 00) 0a(01 (00 fd 9a 01 0b))", SUBX_WASM_RELAXED, "opcode 0xfd");
    assert_refused("03(01 00) 0a(01 (00 fd a0 02 0b))", SUBX_WASM_RELAXED, "opcode 0xfd");
    assert_refused("03(01 00) 0a(01 (00 d0 7f 0b))", SUBX_WASM_RELAXED, "value type 0x7f");
    assert_refused("03(01 00) 0a(01 (00 1c 01 40 0b))", SUBX_WASM_RELAXED, "value type 0x40");
    assert_refused("03(01 00) 0a(01 (00 02 ff 7f 0b 0b))", SUBX_WASM_RELAXED, "block type 0xff");
    assert_refused("03(01 00) 0a(01 (00 fc 0a 00 01 0b))", SUBX_WASM_RELAXED, "reserved byte");
}

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *words;
    } cases[] = {
        {"", "no Wasm"},
        {"00 'as'", "no Wasm"},
        {"'hello'", "no Wasm"},
        {"00 'asm'", "unexpected end"},
        {"00 'asm' 01 00 00", "unexpected end"},
        {"00 'asm' 02 00 00 00", "version 2"},
        {"00 'asm' 0d 00 01 00", "version 65549"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        subx_bytes bytes = wasm_bytes(cases[i].bytes);
        struct subx_wasm_module module;
        subx_error error = SUBX_ERROR_INIT;
        assert_int_equal(subx_wasm__parse(wasm_slice(bytes), SUBX_WASM_STRICT, &module, &error),
                         SUBX_CANT_DESERIALIZE_WASM);
        assert_non_null(strstr(error.message, cases[i].words));
        subx_bytes_free(&bytes);
    }
    struct subx_wasm_module module;
    assert_int_equal(subx_wasm__parse(SUBX_EMPTY, SUBX_WASM_STRICT, &module, NULL),
                     SUBX_CANT_DESERIALIZE_WASM);
}

/* What parses can be written, and what was written is read and written the same. */
static void check_if_it_parses(const uint8_t *bytes, size_t len, enum subx_wasm_grammar grammar)
{
    /* A block of exactly this size, so that AddressSanitizer sees a read beyond it. */
    uint8_t *const copy = subx_mem__copy(bytes, len);
    struct subx_wasm_module module;
    if (parse(subx_slice__of(copy, len), grammar, &module) == SUBX_OK) {
        subx_bytes once = SUBX_BYTES_INIT, twice = SUBX_BYTES_INIT, limited = SUBX_BYTES_INIT;
        const struct subx_passes nothing = {.grammar = grammar};
        const struct subx_passes all = {.grammar = grammar,
                                        .limit_stack = true,
                                        .stack_limit = 1024,
                                        .export_memory = true,
                                        .memory_limits = SUBX_LIMITS_DYNAMIC,
                                        .memory_pages = 16,
                                        .export_globals = "global"};
        assert_int_equal(subx_wasm__write(&module, NULL, &once, NULL), SUBX_OK);
        assert_int_equal(subx_passes__apply(wasm_slice(once), &nothing, &twice, NULL), SUBX_OK);
        assert_bytes(wasm_slice(twice), wasm_slice(once));
        (void)subx_passes__apply(subx_slice__of(copy, len), &all, &limited, NULL);
        subx_bytes_free(&limited);
        subx_bytes_free(&once);
        subx_bytes_free(&twice);
        subx_wasm__free(&module);
    }
    subx_mem__free(copy);
}

/* Segments of all forms and instructions of all extensions, which parse but do not validate. */
#define RELAXED_SECTIONS                                                                      \
    "01(02 60 00 00 60 01 7f 02 7f 7b) 03(02 00 01) 04(02 70 00 01 6f 01 00 03) 05(01 00 01)" \
    "06(01 70 01 d2 00 0b) 07(01 ('g') 03 00)"                                                \
    "09(08 00 41 00 0b 01 00  01 00 01 00  02 01 41 00 0b 00 01 00  03 00 01 00"              \
    "   04 41 00 0b 01 d2 00 0b  05 70 02 d0 70 0b d2 00 0b  06 00 41 00 0b 70 01 d2 00 0b"   \
    "   07 6f 01 d0 6f 0b) 0c(03)"                                                            \
    "0a(02 (02 01 7b 01 6f d2 01 1a 1c 01 70 25 00 26 01 d1 c4 fc 07 fc 08 00 00 fc 09 00"    \
    "       fc 0a 00 00 fc 0b 00 fc 0c 00 01 fc 0d 00 fc 0e 00 01 fc 0f 00 fc 10 00 fc 11 00" \
    "       02 01 03 01 04 01 05 0b 0b 0b 11 00 01 0b)"                                       \
    "   (00 fd 00 04 10 fd 0b 04 10 fd 0c 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"    \
    "       fd 0d 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f fd 15 01 fd 17 01"          \
    "       fd 54 00 00 01 fd 58 00 00 01 fd 52 fd ae 01 fd 93 02 0b))"                       \
    "0b(03 00 41 00 0b ('a') 01 ('b') 02 00 41 00 0b ('c'))"

static void all_forms_of_the_relaxed_grammar(void **state)
{
    (void)state;
    assert_parses(RELAXED_SECTIONS, SUBX_WASM_RELAXED,
                  SUBX_WASM_SIGN_EXTENSION | SUBX_WASM_SATURATING_CONVERSION |
                      SUBX_WASM_BULK_MEMORY | SUBX_WASM_REFERENCE_TYPES | SUBX_WASM_MULTI_VALUE |
                      SUBX_WASM_SIMD | SUBX_WASM_MUTABLE_GLOBAL_IMPORT_EXPORT);
    subx_bytes wasm = wasm_module(RELAXED_SECTIONS), out = SUBX_BYTES_INIT;
    const struct subx_passes nothing = {.grammar = SUBX_WASM_RELAXED};
    assert_int_equal(subx_passes__apply(wasm_slice(wasm), &nothing, &out, NULL), SUBX_OK);
    assert_bytes(wasm_slice(out), wasm_slice(wasm));
    subx_bytes_free(&out);
    subx_bytes_free(&wasm);
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    const char *const modules[] = {GOOD_SECTIONS, RELAXED_SECTIONS};
    for (size_t i = 0; i < 2; i++) {
        subx_bytes wasm = wasm_module(modules[i]);
        for (size_t len = 0; len < wasm.len; len++) {
            check_if_it_parses(wasm.data, len, SUBX_WASM_STRICT);
            check_if_it_parses(wasm.data, len, SUBX_WASM_RELAXED);
        }
        subx_bytes_free(&wasm);
    }
}

static void flipped_at_every_bit(void **state)
{
    (void)state;
    const char *const modules[] = {GOOD_SECTIONS, RELAXED_SECTIONS};
    for (size_t i = 0; i < 2; i++) {
        subx_bytes wasm = wasm_module(modules[i]);
        for (size_t bit = 0; bit < 8 * wasm.len; bit++) {
            wasm.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            check_if_it_parses(wasm.data, wasm.len, SUBX_WASM_STRICT);
            check_if_it_parses(wasm.data, wasm.len, SUBX_WASM_RELAXED);
            wasm.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        subx_bytes_free(&wasm);
    }
}

/* 690 000 blocks in each other: no recursion, and the limiter's own stack grows. */
static void deep_nesting(void **state)
{
    (void)state;
    enum { DEPTH = 690000 };
    struct subx_buf body = SUBX_BUF_INIT, text = SUBX_BUF_INIT;
    wasm_append(&body, "00 'asm' 01 00 00 00 01(01 60 00 00) 03(01 00)");
    for (int i = 0; i < DEPTH; i++)
        wasm_append(&text, "02 40");
    for (int i = 0; i < DEPTH + 1; i++)
        wasm_append(&text, "0b");
    const size_t len = text.len + 1;
    assert_true(len < 0x200000 - 4);
    subx_buf__append_u8(&body, 10);
    subx_leb__append_u32(&body, (uint32_t)len + 4);
    wasm_append(&body, "01");
    subx_leb__append_u32(&body, (uint32_t)len);
    wasm_append(&body, "00");
    subx_buf__append_slice(&body, subx_buf__slice(&text));
    assert_false(body.failed);
    check_if_it_parses(body.data, body.len, SUBX_WASM_STRICT);
    struct subx_wasm_module module;
    assert_int_equal(parse(subx_buf__slice(&body), SUBX_WASM_STRICT, &module), SUBX_OK);
    subx_wasm__free(&module);
    subx_buf__free(&body);
    subx_buf__free(&text);
}

static void unsigned_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t value;
        bool shortest;
    } good[] = {
        {"00", 0, true},
        {"7f", 127, true},
        {"80 01", 128, true},
        {"80 00", 0, false},
        {"ff ff ff ff 0f", UINT32_MAX, true},
        {"81 80 80 80 00", 1, false},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        subx_bytes bytes = wasm_bytes(good[i].bytes);
        struct subx_reader reader = subx_reader__of(wasm_slice(bytes));
        uint32_t value = 1234567;
        assert_true(subx_leb__u32(&reader, &value));
        assert_int_equal(value, good[i].value);
        assert_int_equal(reader.left, 0);
        assert_int_equal(subx_leb__is_shortest(bytes.data, bytes.len, false), good[i].shortest);
        struct subx_buf buf = SUBX_BUF_INIT;
        subx_leb__append_u32(&buf, value);
        if (good[i].shortest)
            assert_bytes(subx_buf__slice(&buf), wasm_slice(bytes));
        else
            assert_true(buf.len < bytes.len);
        subx_buf__free(&buf);
        subx_bytes_free(&bytes);
    }
    const char *const bad[] = {
        "", "80", "80 80 80 80", "80 80 80 80 10", "ff ff ff ff 1f", "80 80 80 80 80 00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        subx_bytes bytes = wasm_bytes(bad[i]);
        struct subx_reader reader = subx_reader__of(wasm_slice(bytes));
        uint32_t value = 0;
        assert_false(subx_leb__u32(&reader, &value));
        assert_int_equal(reader.left, bytes.len);
        assert_int_equal(subx_leb__is_truncated(&reader, SUBX_LEB_MAX_32), i < 3);
        subx_bytes_free(&bytes);
    }
}

static void signed_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        unsigned bits;
        int64_t value;
        bool shortest;
    } good[] = {
        {"00", 32, 0, true},
        {"3f", 32, 63, true},
        {"40", 32, -64, true},
        {"c0 00", 32, 64, true},
        {"7f", 32, -1, true},
        {"ff 7f", 32, -1, false},
        {"80 7f", 32, -128, true},
        {"ff ff ff ff 07", 32, INT32_MAX, true},
        {"80 80 80 80 78", 32, INT32_MIN, true},
        {"ff ff ff ff 7f", 32, -1, false},
        {"80 80 80 80 08", 33, (int64_t)1 << 31, true},
        {"ff ff ff ff 0f", 33, UINT32_MAX, true},
        {"ff ff ff ff ff ff ff ff ff 00", 64, INT64_MAX, true},
        {"80 80 80 80 80 80 80 80 80 7f", 64, INT64_MIN, true},
        {"ff ff ff ff ff ff ff ff ff 7f", 64, -1, false},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        subx_bytes bytes = wasm_bytes(good[i].bytes);
        struct subx_reader reader = subx_reader__of(wasm_slice(bytes));
        int64_t value = 1234567;
        assert_true(subx_leb__signed(&reader, good[i].bits, &value));
        assert_true(value == good[i].value);
        assert_int_equal(reader.left, 0);
        assert_int_equal(subx_leb__is_shortest(bytes.data, bytes.len, true), good[i].shortest);
        struct subx_buf buf = SUBX_BUF_INIT;
        subx_leb__append_signed(&buf, value);
        if (good[i].shortest)
            assert_bytes(subx_buf__slice(&buf), wasm_slice(bytes));
        subx_buf__free(&buf);
        subx_bytes_free(&bytes);
    }
    static const struct {
        const char *bytes;
        unsigned bits;
    } bad[] = {
        {"ff ff ff ff 0f", 32},
        {"80 80 80 80 08", 32},
        {"80 80 80 80 70", 32},
        {"80 80 80 80 80 00", 32},
        {"80 80 80 80 10", 33},
        {"80 80 80 80 80 80 80 80 80 01", 64},
        {"80 80 80 80 80 80 80 80 80 80 00", 64},
        {"ff", 64},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        subx_bytes bytes = wasm_bytes(bad[i].bytes);
        struct subx_reader reader = subx_reader__of(wasm_slice(bytes));
        int64_t value = 0;
        assert_false(subx_leb__signed(&reader, bad[i].bits, &value));
        assert_int_equal(reader.left, bytes.len);
        subx_bytes_free(&bytes);
    }
}

/* The quick way over code ends where the thorough one does, and never hides a fault. */
static void quick_looks_agree(void **state)
{
    (void)state;
    static const uint8_t tail[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (unsigned opcode = 0; opcode < 256; opcode++)
        for (unsigned second = 0; second < 256; second++) {
            const uint8_t code_bytes[] = {0, (uint8_t)opcode, (uint8_t)second, 0x81, 0x01};
            struct subx_buf body = SUBX_BUF_INIT;
            subx_buf__append(&body, code_bytes, sizeof code_bytes);
            subx_buf__append(&body, tail, sizeof tail);
            struct subx_wasm_code quick, thorough;
            struct subx_wasm_locals locals;
            struct subx_wasm_instruction instruction;
            subx_wasm_code__open_body(&quick, subx_buf__slice(&body), SUBX_WASM_STRICT, &locals);
            subx_wasm_code__open_body(&thorough, subx_buf__slice(&body), SUBX_WASM_STRICT, &locals);
            subx_wasm_code__skip(&quick, true);
            while (thorough.reader.at < quick.reader.at &&
                   subx_wasm_code__next(&thorough, &instruction))
                assert_true(instruction.is_shortest);
            assert_ptr_equal(thorough.reader.at, quick.reader.at);
            assert_int_equal(thorough.depth, quick.depth);
            assert_int_equal(thorough.fault, SUBX_FAULT_NONE);

            uint8_t form = 0;
            subx_wasm_code__open_body(&quick, subx_buf__slice(&body), SUBX_WASM_STRICT, &locals);
            if (subx_wasm_code__next_plain(&quick, &form)) {
                subx_wasm_code__open_body(&thorough, subx_buf__slice(&body), SUBX_WASM_STRICT,
                                          &locals);
                assert_true(subx_wasm_code__next(&thorough, &instruction));
                assert_int_equal(instruction.form, form);
                assert_ptr_equal(thorough.reader.at, quick.reader.at);
                assert_true(subx_wasm_forms[form].pops + subx_wasm_forms[form].pushes > 0 ||
                            form == SUBX_FORM_NOP);
            }
            subx_buf__free(&body);
        }
}

/* Each allocation in turn fails: an answer, no leak. Checked flavour only. */
static void allocation_failures(void **state)
{
    (void)state;
    subx_bytes wasm = wasm_module(RELAXED_SECTIONS);
    subx_status status = SUBX_NOMEM;
    for (int64_t countdown = 0; status != SUBX_OK; countdown++) {
        struct subx_wasm_module module;
        subx_error error = SUBX_ERROR_INIT;
        subx_mem__fail_after(countdown);
        status = subx_wasm__parse(wasm_slice(wasm), SUBX_WASM_RELAXED, &module, &error);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || status == SUBX_NOMEM);
        assert_int_equal(error.status, status);
        assert_true(countdown < 100);
        subx_wasm__free(&module);
    }
    subx_bytes_free(&wasm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_section_is_read),
        cmocka_unit_test(questions_about_a_module),
        cmocka_unit_test(types_that_do_not_exist),
        cmocka_unit_test(longer_numbers_are_read),
        cmocka_unit_test(strict_grammar_refuses_extensions),
        cmocka_unit_test(mutable_globals_are_noted),
        cmocka_unit_test(names_of_features),
        cmocka_unit_test(lasting_changes_are_noted),
        cmocka_unit_test(broken_modules_are_refused),
        cmocka_unit_test(broken_extensions_are_refused),
        cmocka_unit_test(headers),
        cmocka_unit_test(all_forms_of_the_relaxed_grammar),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(flipped_at_every_bit),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(unsigned_numbers),
        cmocka_unit_test(signed_numbers),
        cmocka_unit_test(quick_looks_agree),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
