/* The passes: costs and bytes of the stack limiter, memory, exported globals, data segments. */
#include <stdio.h>

#include "blob/data_segments.h"
#include "blob/pass.h"
#include "util/mem.h"
#include "wasm_bytes.h"

/* What the limiter puts around a call: C is the cost, F the function, G the counter; limit 1024. */
#define COUNTED_BY(G, C, F)                                                                  \
    "23 " G " 41 " C " 6a 24 " G " 23 " G " 41 80 08 4b 04 40 00 0b 10 " F " 23 " G " 41 " C \
    " 6b 24 " G " "
#define COUNTED(C, F) COUNTED_BY("00", C, F)

static const struct subx_passes limited = {.limit_stack = true, .stack_limit = 1024};

/* Apply passes to a module; what comes out has exactly these sections. */
static void assert_result(const char *sections, const struct subx_passes *passes,
                          const char *expected)
{
    subx_bytes wasm = wasm_module(sections), out = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_passes__apply(wasm_slice(wasm), passes, &out, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    assert_module(wasm_slice(out), expected);
    subx_bytes_free(&out);
    subx_bytes_free(&wasm);
}

static void assert_fails(const char *sections, const struct subx_passes *passes, subx_status status,
                         const char *words)
{
    subx_bytes wasm = wasm_module(sections), out = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_passes__apply(wasm_slice(wasm), passes, &out, &error), status);
    assert_null(out.data);
    assert_int_equal(error.status, status);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    subx_bytes_free(&wasm);
}

/* Types: 0 () -> (), 1 () -> i32, 2 (i32, i32) -> i32. Function 0 is imported, of type 2; function 1
 * has the type and body that are asked for. */
#define COST_MODULE                                                                        \
    "01(03 60 00 00 60 00 01 7f 60 02 7f 7f 01 7f) 02(01 ('env') ('f') 00 02) 03(01 %02x)" \
    "04(01 70 00 01) 05(01 00 01) 0a(01 (%s))"

static void cost_module(char *text, size_t room, unsigned type, const char *body)
{
    assert_true((size_t)snprintf(text, room, COST_MODULE, type, body) < room);
}

static uint32_t cost_of(unsigned type, const char *body)
{
    char text[512];
    cost_module(text, sizeof text, type, body);
    subx_bytes wasm = wasm_module(text);
    struct subx_wasm_module module;
    struct subx_stack_costs costs;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_wasm__parse(wasm_slice(wasm), SUBX_WASM_RELAXED, &module, &error),
                     SUBX_OK);
    if (subx_stack_costs__compute(&module, &costs, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    assert_int_equal(costs.count, 2);
    assert_int_equal(costs.costs[0], 0); /* imported */
    const uint32_t cost = costs.costs[1];
    subx_stack_costs__free(&costs);
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);
    return cost;
}

static void heights_of_the_reference(void **state)
{
    (void)state;
    /* simple_test: three constants, three drops */
    assert_int_equal(cost_of(0, "00 41 01 41 02 41 03 1a 1a 1a 0b"), 3 + 2);
    /* implicit_and_explicit_return */
    assert_int_equal(cost_of(1, "00 41 00 0f 0b"), 1 + 2);
    /* dont_count_in_unreachable: memory.grow behind it */
    assert_int_equal(cost_of(1, "00 00 40 00 0b"), 2);
    /* yet_another_test: two constants, then unreachable code */
    assert_int_equal(cost_of(0, "00 41 01 41 02 1a 1a 00 0b"), 2 + 2);
    /* call_indirect: the index */
    assert_int_equal(cost_of(0, "00 41 01 11 00 00 0b"), 1 + 2);
    /* breaks: out of two blocks with a value */
    assert_int_equal(cost_of(0, "00 02 7f 02 7f 41 e3 00 0c 01 0b 0b 1a 0b"), 1 + 2);
    /* if_else_works */
    assert_int_equal(cost_of(0, "00 41 07 41 01 04 7f 41 2a 05 41 e3 00 0b 41 e1 00 1a 1a 1a 0b"),
                     3 + 2);
}

static void locals_count_and_parameters_do_not(void **state)
{
    (void)state;
    assert_int_equal(cost_of(0, "02 02 7e 01 7f 0b"), 5);
    assert_int_equal(cost_of(2, "00 20 00 20 01 6a 0b"), 4);
    assert_int_equal(cost_of(0, "01 01 7f 0b"), 3);
    assert_int_equal(cost_of(0, "00 0b"), 2);
    assert_int_equal(cost_of(0, "01 f0 a2 04 7f 0b"), 70002);
    assert_int_equal(cost_of(0, "01 fd ff ff ff 0f 7f 0b"), UINT32_MAX);
}

static void peculiarities_of_the_reference(void **state)
{
    (void)state;
    /* The else branch begins with the result of the other one still there... */
    assert_int_equal(cost_of(1, "00 41 01 04 7f 41 01 05 41 02 0b 0b"), 2 + 2);
    /* ... and counts for nothing if that one ended unreachable. */
    assert_int_equal(cost_of(1, "00 41 01 04 7f 00 05 41 02 41 02 41 02 6a 6a 0b 0b"), 1 + 2);
    /* A block in unreachable code counts again. */
    assert_int_equal(cost_of(0, "00 00 02 7f 41 01 41 02 41 03 6a 6a 0b 1a 0b"), 3 + 2);
    /* Unreachable code may pop what is not there, once, down to the start of its frame. */
    assert_int_equal(cost_of(0, "00 02 40 00 1a 1a 1a 0b 0b"), 2);
    /* The frame of the function starts at 0, so its 2 can be popped. */
    assert_int_equal(cost_of(0, "00 1a 1a 0b"), 2);
    /* br_table does not pop its index. */
    assert_int_equal(cost_of(0, "00 02 40 41 01 0e 00 00 0b 0b"), 1 + 2);
    /* br_if puts back what it takes along. */
    assert_int_equal(cost_of(1, "00 02 7f 41 01 41 02 0d 00 0b 0b"), 2 + 2);
    /* A branch to a loop takes nothing along. */
    assert_int_equal(cost_of(1, "00 03 7f 0c 00 0b 0b"), 1 + 2);
    /* select: two and one */
    assert_int_equal(cost_of(1, "00 41 01 41 02 41 03 1b 0b"), 3 + 2);
    /* A call pops parameters and pushes results. */
    assert_int_equal(cost_of(1, "00 41 01 41 02 10 00 0b"), 2 + 2);
    assert_int_equal(cost_of(1, "00 41 01 41 02 41 00 11 02 00 0b"), 3 + 2);
}

/* Multi-value blocks and the other extensions, which the reference does not have. */
static void costs_of_extensions(void **state)
{
    (void)state;
    assert_int_equal(cost_of(1, "00 41 01 41 02 02 02 6a 0b 0b"), 2 + 2);
    assert_int_equal(cost_of(1, "00 41 01 41 02 03 02 0c 00 0b 0b"), 2 + 2);
    assert_int_equal(cost_of(0, "00 41 01 41 02 41 03 fc 0b 00 0b"), 3 + 2);
    assert_int_equal(cost_of(0, "00 d0 70 d0 70 41 00 1c 01 70 1a 0b"), 3 + 2);
    assert_int_equal(cost_of(0, "00 41 00 fd 00 00 00 41 01 fd 0f fd 60 fd 6e 1a 0b"), 2 + 2);
    assert_int_equal(cost_of(0, "00 41 00 41 00 fd 0f 41 00 fd 0f fd 58 00 00 00 1a 0b"), 3 + 2);
}

static void code_that_cannot_be_measured(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        const char *body, *words;
    } cases[] = {
        {0, "00 00 6a 6a 1a 0b", "function 1: stack underflow, at offset 0x39"},
        {0, "00 02 40 1a 0b 0b", "trying to pop more values than pushed"},
        {0, "00 1a 1a 1a 0b", "trying to pop more values than pushed"},
        {0, "00 02 7f 41 01 41 01 0e 01 00 01 0b 1a 0b", "arity of all jump targets"},
        {0, "00 0c 01 0b", "label that does not exist"},
        {0, "00 41 00 0d 01 0b", "label that does not exist"},
        {0, "00 41 00 0e 00 ff ff ff ff 0f 0b", "label that does not exist"},
        {0, "00 10 02 0b", "call of a function that does not exist"},
        {0, "00 41 00 11 03 00 0b", "unknown type"},
        {3, "00 0b", "unknown type"},
        {0, "01 fe ff ff ff 0f 7f 0b", "does not fit into 32 bits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        cost_module(text, sizeof text, cases[i].type, cases[i].body);
        assert_fails(text, &limited, SUBX_INVALID_MODULE, cases[i].words);
    }
}

/* A module that does not name an unknown type is measured, though it is invalid. */
static void unknown_types_of_imports_do_not_matter(void **state)
{
    (void)state;
    assert_result("01(01 60 00 00) 02(01 ('e') ('f') 00 07)", &limited,
                  "01(01 60 00 00) 02(01 ('e') ('f') 00 07) 06(01 7f 01 41 00 0b)");
    assert_fails("01(01 60 00 00) 02(01 ('e') ('f') 00 07) 03(01 00) 0a(01 (00 10 00 0b))",
                 &limited, SUBX_INVALID_MODULE, "unknown type");
}

static void a_counter_comes_even_if_nothing_is_counted(void **state)
{
    (void)state;
    assert_result("", &limited, "06(01 7f 01 41 00 0b)");
    assert_result("01(01 60 00 00) 03(01 00) 0a(01 (00 0b))", &limited,
                  "01(01 60 00 00) 03(01 00) 06(01 7f 01 41 00 0b) 0a(01 (00 0b))");
    assert_result("06(01 7e 00 42 00 0b)", &limited, "06(02 7e 00 42 00 0b 7f 01 41 00 0b)");
}

static void calls_and_exports(void **state)
{
    (void)state;
#define CALL_OF_1 COUNTED("04", "01")
#define CALL_OF_2 COUNTED("03", "02")
    /* 0 imported, 1 (i32) -> i32 with a local, 2 () -> i32 calls both */
    assert_result("01(02 60 01 7f 01 7f 60 00 01 7f) 02(01 ('env') ('f') 00 00) 03(02 00 01)"
                  "07(02 ('b') 00 02 ('i') 00 00)"
                  "0a(02 (01 01 7e 20 00 0b) (00 41 09 10 00 10 01 0b))",
                  &limited,
                  "01(02 60 01 7f 01 7f 60 00 01 7f) 02(01 ('env') ('f') 00 00) 03(03 00 01 01)"
                  "06(01 7f 01 41 00 0b) 07(02 ('b') 00 03 ('i') 00 00)"
                  "0a(03 (01 01 7e 20 00 0b) (00 41 09 10 00 " CALL_OF_1 "0b) (00 " CALL_OF_2
                  "0b))");
}

/* Ascending thunks for what is exported, in a table or started; the same one for all of them, of the
 * first type that is equal. */
static void thunks(void **state)
{
    (void)state;
#define FIRST COUNTED("02", "00")
#define SECOND COUNTED("02", "01")
#define THIRD COUNTED("02", "02")
    assert_result(
        "01(03 60 02 7f 7e 00 60 00 00 60 00 00) 03(03 02 00 02) 04(01 70 00 04)"
        "07(02 ('c') 00 02 ('a') 00 00) 08(00) 09(02 00 41 00 0b 01 01 00 41 01 0b 02 02 00)"
        "0a(03 (00 0b) (00 0b) (00 0b))",
        &limited,
        "01(03 60 02 7f 7e 00 60 00 00 60 00 00) 03(06 02 00 02 01 00 01) 04(01 70 00 04)"
        "06(01 7f 01 41 00 0b)"
        "07(02 ('c') 00 05 ('a') 00 03) 08(03) 09(02 00 41 00 0b 01 04 00 41 01 0b 02 05 03)"
        "0a(06 (00 0b) (00 0b) (00 0b) (00 " FIRST "0b) (00 20 00 20 01 " SECOND "0b)"
        "(00 " THIRD "0b))");
}

static void functions_that_do_not_exist(void **state)
{
    (void)state;
    assert_fails("07(01 ('a') 00 05)", &limited, SUBX_INVALID_MODULE, "function 5");
    assert_fails("08(00)", &limited, SUBX_INVALID_MODULE, "function 0");
    assert_fails("09(01 00 41 00 0b 01 07)", &limited, SUBX_INVALID_MODULE, "function 7");
    assert_result("07(01 ('a') 01 05)", &limited, "06(01 7f 01 41 00 0b) 07(01 ('a') 01 05)");
}

/* The reference's module builder: known sections in their order, empty ones gone, the others behind
 * them, last first. */
static void order_of_sections(void **state)
{
    (void)state;
    assert_result("00(('one') 01) 01(00) 00(('two')) 02(00) 03(00) 00(('name') 02) 0a(00) 0b(00)",
                  &limited, "06(01 7f 01 41 00 0b) 00(('name') 02) 00(('two')) 00(('one') 01)");
    assert_result("00(('one') 01) 0c(00) 0b(00) 00(('two'))", &limited,
                  "06(01 7f 01 41 00 0b) 00(('two')) 0c(00) 00(('one') 01)");
    struct subx_passes relaxed = limited;
    relaxed.grammar = SUBX_WASM_RELAXED;
    assert_result("00(('one') 01) 0c(00) 0b(00) 00(('two'))", &relaxed,
                  "06(01 7f 01 41 00 0b) 0c(00) 00(('two')) 00(('one') 01)");
}

static void imported_globals(void **state)
{
    (void)state;
    static const char sections[] = "01(01 60 00 00) 02(01 ('e') ('g') 03 7f 00) 03(01 00)"
                                   "07(01 ('a') 00 00) 0a(01 (00 0b))";
#define WITH_COUNTER(G)                                                              \
    "01(01 60 00 00) 02(01 ('e') ('g') 03 7f 00) 03(02 00 00) 06(01 7f 01 41 00 0b)" \
    "07(01 ('a') 00 01) 0a(02 (00 0b) (00 " COUNTED_BY(G, "02", "00") "0b))"
    /* The reference takes the wrong global. */
    assert_result(sections, &limited, WITH_COUNTER("00"));
    struct subx_passes relaxed = limited;
    relaxed.grammar = SUBX_WASM_RELAXED;
    assert_result(sections, &relaxed, WITH_COUNTER("01"));
}

static void limits_and_costs_of_all_sizes(void **state)
{
    (void)state;
    struct subx_passes passes = {.limit_stack = true, .stack_limit = UINT32_MAX};
    /* i32.const -1 is the limit; the cost is 2^31, a negative constant. */
    assert_result("01(01 60 00 00) 03(01 00) 07(01 ('a') 00 00)"
                  "0a(01 (01 fe ff ff ff 07 7f 0b))",
                  &passes,
                  "01(01 60 00 00) 03(02 00 00) 06(01 7f 01 41 00 0b) 07(01 ('a') 00 01)"
                  "0a(02 (01 fe ff ff ff 07 7f 0b) (00 23 00 41 80 80 80 80 78 6a 24 00 23 00 41 7f"
                  "4b 04 40 00 0b 10 00 23 00 41 80 80 80 80 78 6b 24 00 0b))");
}

static void references_to_functions(void **state)
{
    (void)state;
    struct subx_passes relaxed = limited;
    relaxed.grammar = SUBX_WASM_RELAXED;
    /* Whoever takes a reference enters by the thunk; a call in an expression is left alone. */
#define CALL_0 COUNTED_BY("01", "02", "00")
#define CALL_1 COUNTED_BY("01", "03", "01")
    assert_result("01(01 60 00 00) 03(02 00 00) 06(01 70 00 d2 00 0b)"
                  "09(02 03 00 01 01 05 70 02 d2 00 0b d0 70 0b)"
                  "0a(02 (00 0b) (00 d2 01 1a 10 00 0b))",
                  &relaxed,
                  "01(01 60 00 00) 03(04 00 00 00 00) 06(02 70 00 d2 02 0b 7f 01 41 00 0b)"
                  "09(02 03 00 01 03 05 70 02 d2 02 0b d0 70 0b)"
                  "0a(04 (00 0b) (00 d2 03 1a " CALL_0 "0b) (00 " CALL_0 "0b) (00 " CALL_1 "0b))");
    assert_result("01(01 60 00 00) 03(01 00) 07(01 ('a') 00 00) 0a(01 (00 0b))"
                  "0b(01 00 10 00 0b ())",
                  &limited,
                  "01(01 60 00 00) 03(02 00 00) 06(01 7f 01 41 00 0b) 07(01 ('a') 00 01)"
                  "0a(02 (00 0b) (00 " COUNTED("02", "00") "0b)) 0b(01 00 10 00 0b ())");
}

/* Without passes a module is parsed and written; only the length of numbers changes. */
static void nothing_but_writing(void **state)
{
    (void)state;
    const struct subx_passes nothing = {.grammar = SUBX_WASM_STRICT};
    static const char sections[] =
        "00(('x') 01) 01(01 60 00 00) 03(01 00) 04(00) 06(01 7f 00 23 00 0b)"
        "09(01 03 41 00 0b 01 00) 0a(01 (01 02 7d 02 40 0b 41 80 7f 1a 0b))"
        "0b(01 05 41 00 0b ('z'))";
    assert_result(sections, &nothing, sections);
    assert_result("00(81 00 'x' 01) 01(81 00 60 80 00 80 80 00) 03(81 80 00 80 00) 04(80 00)"
                  "06(81 00 7f 00 23 80 00 0b) 09(81 00 83 80 00 41 80 00 0b 81 00 80 80 80 80 00)"
                  "0a(81 00 (81 00 82 00 7d 02 40 0b 41 80 ff ff ff 7f 1a 0b))"
                  "0b(81 00 85 00 41 80 00 0b 81 00 'z')",
                  &nothing, sections);
}

/* Longer numbers in every kind of instruction. */
static void instructions_with_longer_numbers(void **state)
{
    (void)state;
    const struct subx_passes relaxed = {.grammar = SUBX_WASM_RELAXED};
    static const struct {
        const char *longer, *shortest;
    } cases[] = {
        {"0c 80 00", "0c 00"},
        {"0e 82 00 81 00 80 00 83 80 00", "0e 02 01 00 03"},
        {"10 81 00", "10 01"},
        {"11 81 00 80 00", "11 01 00"},
        {"1c 81 00 7f", "1c 01 7f"},
        {"28 82 00 84 80 00", "28 02 04"},
        {"42 ff ff 7f", "42 7f"},
        {"02 80 80 00 0b", "02 00 0b"},
        {"fc 88 00 80 00 00", "fc 08 00 00"},
        {"fc 8a 80 00 00 00", "fc 0a 00 00"},
        {"fc 8b 00 00", "fc 0b 00"},
        {"fc 0c 80 00 80 00", "fc 0c 00 00"},
        {"fc 80 00", "fc 00"},
        {"fd 8c 00 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",
         "fd 0c 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"},
        {"fd 95 00 01", "fd 15 01"},
        {"fd 80 00 80 00 80 00", "fd 00 00 00"},
        {"fd 54 80 00 80 00 07", "fd 54 00 00 07"},
        {"fd ee 80 00", "fd 6e"},
        {"fd ae 81 00", "fd ae 01"},
        {"d2 80 00", "d2 00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char longer[256], shortest[256];
        snprintf(longer, sizeof longer, "01(01 60 00 00) 03(01 00) 0a(01 (00 %s 0b))",
                 cases[i].longer);
        snprintf(shortest, sizeof shortest, "01(01 60 00 00) 03(01 00) 0a(01 (00 %s 0b))",
                 cases[i].shortest);
        assert_result(longer, &relaxed, shortest);
        assert_result(shortest, &relaxed, shortest);
    }
}

static void memory_import_to_export(void **state)
{
    (void)state;
    const struct subx_passes passes = {.export_memory = true};
    assert_result(
        "02(02 ('env') ('mem') 02 01 11 28 ('env') ('f') 00 00) 06(00) 00(('x'))", &passes,
        "02(01 ('env') ('f') 00 00) 05(01 01 11 28) 06(00) 00(('x')) 07(01 ('mem') 02 00)");
    assert_result("02(01 ('env') ('memory') 02 00 11) 07(01 ('a') 01 00) 0b(00)", &passes,
                  "02(00) 05(01 00 11) 07(02 ('a') 01 00 ('memory') 02 00) 0b(00)");
    /* Only the first one. */
    assert_result("02(02 ('e') ('m') 02 00 01 ('e') ('n') 02 00 02)", &passes,
                  "02(01 ('e') ('n') 02 00 02) 05(01 00 01) 07(01 ('m') 02 00)");
    /* Nothing to do. */
    assert_result("02(00) 05(01 00 01)", &passes, "02(00) 05(01 00 01)");
    assert_fails("02(01 ('e') ('m') 02 00 01) 05(01 00 01)", &passes, SUBX_INVALID_MODULE,
                 "there is a memory section too");
    assert_fails("02(01 ('e') ('m') 02 00 01) 05(00)", &passes, SUBX_INVALID_MODULE,
                 "there is a memory section too");
    /* The limiter drops an empty section, and then there is room. */
    struct subx_passes both = limited;
    both.export_memory = true;
    assert_result("02(01 ('e') ('m') 02 00 01) 05(00)", &both,
                  "02(00) 05(01 00 01) 06(01 7f 01 41 00 0b) 07(01 ('m') 02 00)");
}

static void memory_limits(void **state)
{
    (void)state;
    static const struct {
        enum subx_memory_limits limits;
        uint32_t pages;
        const char *before, *after;
    } cases[] = {
        {SUBX_LIMITS_KEEP, 5, "05(01 01 01 03)", "05(01 01 01 03)"},
        {SUBX_LIMITS_KEEP, 5, "05(00)", "05(00)"},
        {SUBX_LIMITS_KEEP, 5, "", ""},
        {SUBX_LIMITS_NO_MAX, 5, "05(01 01 01 03)", "05(01 00 01)"},
        {SUBX_LIMITS_NO_MAX, 5, "05(01 00 01)", "05(01 00 01)"},
        {SUBX_LIMITS_NO_MAX, 5, "05(00)", "05(00)"},
        {SUBX_LIMITS_NO_MAX, 5, "", ""},
        {SUBX_LIMITS_STATIC, 2048, "05(01 00 11)", "05(01 01 91 10 91 10)"},
        {SUBX_LIMITS_STATIC, 2048, "05(01 01 11 12)", "05(01 01 91 10 91 10)"},
        {SUBX_LIMITS_STATIC, UINT32_MAX, "05(01 00 02)", "05(01 01 ff ff ff ff 0f ff ff ff ff 0f)"},
        {SUBX_LIMITS_STATIC, 0, "05(01 00 02)", "05(01 01 02 02)"},
        {SUBX_LIMITS_DYNAMIC, 10, "05(01 00 02)", "05(01 01 02 0a)"},
        {SUBX_LIMITS_DYNAMIC, 10, "05(01 01 0b 0c)", "05(01 01 0a 0a)"},
        {SUBX_LIMITS_UNBOUNDED, 10, "05(01 01 0b 0c)", "05(01 00 0b)"},
        {SUBX_LIMITS_DYNAMIC, 3, "05(02 00 02 00 09)", "05(02 01 02 03 01 03 03)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct subx_passes passes = {.memory_limits = cases[i].limits,
                                           .memory_pages = cases[i].pages};
        assert_result(cases[i].before, &passes, cases[i].after);
    }
    for (int limits = SUBX_LIMITS_STATIC; limits <= SUBX_LIMITS_PAGES; limits++) {
        const struct subx_passes passes = {.memory_limits = (enum subx_memory_limits)limits};
        assert_fails("", &passes, SUBX_INVALID_MEMORY, "no memory section found");
        assert_fails("05(00)", &passes, SUBX_INVALID_MEMORY, "memory section is empty");
    }
}

/* The form of 2021: heap pages on top, within the module's own maximum or another. */
static void heap_pages(void **state)
{
    (void)state;
    struct subx_passes passes = {.memory_limits = SUBX_LIMITS_PAGES, .memory_pages = 1024};
    assert_result("05(01 00 11)", &passes, "05(01 00 91 08)");
    assert_result("05(01 01 11 91 08)", &passes, "05(01 01 91 08 91 08)");
    assert_result("05(01 00 80 f8 03)", &passes, "05(01 00 80 80 04)");
    assert_fails("05(01 00 81 f8 03)", &passes, SUBX_INVALID_HEAP_PAGES, "64513 pages");
    assert_fails("05(01 01 11 90 08)", &passes, SUBX_INVALID_HEAP_PAGES, "the 1040 there may be");
    passes.memory_max = 1100;
    assert_result("05(01 01 11 12)", &passes, "05(01 01 91 08 cc 08)");
    passes.memory_max = 1040;
    assert_fails("05(01 00 11)", &passes, SUBX_INVALID_HEAP_PAGES, "the 1040 there may be");
    passes.memory_pages = UINT32_MAX;
    assert_fails("05(01 00 11)", &passes, SUBX_INVALID_HEAP_PAGES, "4294967295 of heap");
}

static void exported_globals(void **state)
{
    (void)state;
    const struct subx_passes passes = {.export_globals = "exported_internal_global"};
#define NAME(N) "('exported_internal_global_" N "')"
    /* the three vectors of the reference */
    assert_result("06(02 7f 01 41 01 0b 7f 01 41 02 0b) 07(00)", &passes,
                  "06(02 7f 01 41 01 0b 7f 01 41 02 0b)"
                  "07(02 " NAME("0") " 03 00 " NAME("1") " 03 01)");
    assert_result("02(01 ('e') ('g') 03 7e 00) 06(02 7f 01 41 01 0b 7f 01 41 02 0b) 07(00)",
                  &passes,
                  "02(01 ('e') ('g') 03 7e 00) 06(02 7f 01 41 01 0b 7f 01 41 02 0b)"
                  "07(02 " NAME("0") " 03 01 " NAME("1") " 03 02)");
    assert_result("02(01 ('e') ('g') 03 7e 00) 06(02 7f 00 41 01 0b 7f 01 41 02 0b) 07(00)",
                  &passes,
                  "02(01 ('e') ('g') 03 7e 00) 06(02 7f 00 41 01 0b 7f 01 41 02 0b)"
                  "07(01 " NAME("0") " 03 02)");
    /* A new section goes to its place. */
    assert_result("06(01 7f 01 41 01 0b) 0b(00) 00(('x'))", &passes,
                  "06(01 7f 01 41 01 0b) 07(01 " NAME("0") " 03 00) 0b(00) 00(('x'))");
    /* Nothing mutable, nothing new. */
    assert_result("06(01 7f 00 41 01 0b) 0b(00)", &passes, "06(01 7f 00 41 01 0b) 0b(00)");
    /* The limiter's counter is one of them. */
    struct subx_passes both = limited;
    both.export_globals = "g";
    assert_result("06(01 7f 01 41 01 0b)", &both,
                  "06(02 7f 01 41 01 0b 7f 01 41 00 0b) 07(02 ('g_0') 03 00 ('g_1') 03 01)");
}

static void the_parser_refuses_first(void **state)
{
    (void)state;
    assert_fails("01(00 00)", &limited, SUBX_CANT_DESERIALIZE_WASM, "offset 0xb");
    assert_fails("0b(01 01 ('abc'))", &limited, SUBX_CANT_DESERIALIZE_WASM, "block type 0x61");
}

static subx_status take(const char *sections, struct subx_wasm_module *module, subx_bytes *wasm,
                        struct subx_data_segments *segments)
{
    subx_error error = SUBX_ERROR_INIT;
    *wasm = wasm_module(sections);
    assert_int_equal(subx_wasm__parse(wasm_slice(*wasm), SUBX_WASM_RELAXED, module, &error),
                     SUBX_OK);
    const subx_status status = subx_data_segments__take(module, segments, &error);
    assert_int_equal(error.status, status);
    return status;
}

static void data_segments_are_written_in_order(void **state)
{
    (void)state;
    struct subx_wasm_module module;
    struct subx_data_segments segments;
    subx_bytes wasm;
    assert_int_equal(take("0b(03 00 41 02 0b ('abcd') 00 41 04 0b ('XY') 00 41 09 0b ())", &module,
                          &wasm, &segments),
                     SUBX_OK);
    assert_int_equal(segments.count, 3);
    assert_true(subx_data_segments__end(&segments) == 9);
    uint8_t memory[10] = "..........";
    assert_int_equal(subx_data_segments__apply(&segments, memory, sizeof memory, NULL), SUBX_OK);
    assert_memory_equal(memory, "..abXY....", sizeof memory);

    subx_error error = SUBX_ERROR_INIT;
    memset(memory, '.', sizeof memory);
    assert_int_equal(subx_data_segments__apply(&segments, memory, 5, &error), SUBX_OTHER);
    assert_non_null(strstr(error.message, "data segment 0: memory write is out of bounds"));
    assert_memory_equal(memory, "..........", sizeof memory);
    assert_int_equal(subx_data_segments__apply(&segments, memory, 8, NULL), SUBX_OTHER);
    assert_int_equal(subx_data_segments__apply(&segments, memory, 9, NULL), SUBX_OK);
    subx_data_segments__free(&segments);
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);

    /* An offset is unsigned: no wrapping around. */
    assert_int_equal(take("0b(01 00 41 7f 0b ('ab'))", &module, &wasm, &segments), SUBX_OK);
    assert_int_equal(segments.segments[0].offset, UINT32_MAX);
    assert_true(subx_data_segments__end(&segments) == (uint64_t)UINT32_MAX + 2);
    assert_int_equal(subx_data_segments__apply(&segments, memory, sizeof memory, NULL), SUBX_OTHER);
    subx_data_segments__free(&segments);
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);

    assert_int_equal(take("", &module, &wasm, &segments), SUBX_OK);
    assert_int_equal(segments.count, 0);
    assert_true(subx_data_segments__end(&segments) == 0);
    assert_int_equal(subx_data_segments__apply(&segments, NULL, 0, NULL), SUBX_OK);
    subx_data_segments__free(&segments);
    subx_wasm__free(&module);
    subx_bytes_free(&wasm);
}

static void data_segments_that_cannot_be_taken(void **state)
{
    (void)state;
    static const struct {
        const char *sections;
        subx_status status;
    } cases[] = {
        {"0b(02 00 41 00 0b ('a') 01 ('b'))", SUBX_SHARED_MEM_UNSUPPORTED},
        {"0b(01 00 23 00 0b ('a'))", SUBX_IMPORTED_GLOBALS_UNSUPPORTED},
        {"0b(01 00 42 00 0b ('a'))", SUBX_INVALID_INITIALIZER_EXPRESSION},
        {"0b(01 00 44 00 00 00 00 00 00 00 00 0b ('a'))", SUBX_INVALID_INITIALIZER_EXPRESSION},
        {"0b(01 00 0b ('a'))", SUBX_INITIALIZER_HAS_TOO_MANY_EXPRESSIONS},
        {"0b(01 00 41 01 41 02 0b ('a'))", SUBX_INITIALIZER_HAS_TOO_MANY_EXPRESSIONS},
        {"0b(01 00 41 01 41 02 6a 0b ('a'))", SUBX_INITIALIZER_HAS_TOO_MANY_EXPRESSIONS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subx_wasm_module module;
        struct subx_data_segments segments;
        subx_bytes wasm;
        assert_int_equal(take(cases[i].sections, &module, &wasm, &segments), cases[i].status);
        assert_null(segments.segments);
        assert_int_equal(segments.count, 0);
        subx_wasm__free(&module);
        subx_bytes_free(&wasm);
    }
}

/* Thunks that forward very many parameters cannot make a small module huge. */
static void growth_is_bounded(void **state)
{
    (void)state;
    enum { PARAMETERS = 60000, FUNCTIONS = 9000 };
    struct subx_buf text = SUBX_BUF_INIT;
    subx_buf__append_text(&text, "01(01 60 (");
    for (int i = 0; i < PARAMETERS; i++)
        subx_buf__append_text(&text, "7f");
    subx_buf__append_format(&text, ") 00) 03(%02x%02x", (FUNCTIONS & 0x7f) | 0x80, FUNCTIONS >> 7);
    for (int i = 0; i < FUNCTIONS; i++)
        subx_buf__append_text(&text, "00");
    subx_buf__append_format(&text, ") 09(01 00 41 00 0b %02x%02x", (FUNCTIONS & 0x7f) | 0x80,
                            FUNCTIONS >> 7);
    for (int i = 0; i < FUNCTIONS; i++)
        subx_buf__append_format(&text, "%02x%02x", (i & 0x7f) | 0x80, i >> 7);
    subx_buf__append_format(&text, ") 0a(%02x%02x", (FUNCTIONS & 0x7f) | 0x80, FUNCTIONS >> 7);
    for (int i = 0; i < FUNCTIONS; i++)
        subx_buf__append_text(&text, "(00 0b)");
    subx_buf__append_text(&text, ")");
    subx_buf__append_u8(&text, '\0');
    assert_false(text.failed);
    assert_fails((const char *)text.data, &limited, SUBX_INVALID_MODULE, "would grow beyond");
    subx_buf__free(&text);
}

/* Each allocation in turn fails: an answer, no leak. Checked flavour only. */
static void allocation_failures(void **state)
{
    (void)state;
    subx_bytes wasm = wasm_module("01(02 60 00 00 60 01 7f 00) 02(01 ('env') ('m') 02 00 01)"
                                  "03(02 00 01) 06(01 7e 01 42 00 0b) 0a(02 (00 10 00 0b) (00 0b))"
                                  "0b(01 00 41 00 0b ('abc')) 00(('x'))");
    const struct subx_passes all = {.limit_stack = true,
                                    .stack_limit = 65536,
                                    .export_memory = true,
                                    .memory_limits = SUBX_LIMITS_STATIC,
                                    .memory_pages = 2,
                                    .export_globals = "g"};
    subx_status status = SUBX_NOMEM;
    for (int64_t countdown = 0; status != SUBX_OK; countdown++) {
        subx_error error = SUBX_ERROR_INIT;
        subx_bytes out = SUBX_BYTES_INIT;
        subx_mem__fail_after(countdown);
        status = subx_passes__apply(wasm_slice(wasm), &all, &out, &error);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || status == SUBX_NOMEM);
        assert_int_equal(error.status, status);
        assert_true((out.data != NULL) == (status == SUBX_OK));
        assert_true(countdown < 200);
        subx_bytes_free(&out);
    }
    subx_bytes_free(&wasm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heights_of_the_reference),
        cmocka_unit_test(locals_count_and_parameters_do_not),
        cmocka_unit_test(peculiarities_of_the_reference),
        cmocka_unit_test(costs_of_extensions),
        cmocka_unit_test(code_that_cannot_be_measured),
        cmocka_unit_test(unknown_types_of_imports_do_not_matter),
        cmocka_unit_test(a_counter_comes_even_if_nothing_is_counted),
        cmocka_unit_test(calls_and_exports),
        cmocka_unit_test(thunks),
        cmocka_unit_test(functions_that_do_not_exist),
        cmocka_unit_test(order_of_sections),
        cmocka_unit_test(imported_globals),
        cmocka_unit_test(limits_and_costs_of_all_sizes),
        cmocka_unit_test(references_to_functions),
        cmocka_unit_test(nothing_but_writing),
        cmocka_unit_test(instructions_with_longer_numbers),
        cmocka_unit_test(memory_import_to_export),
        cmocka_unit_test(memory_limits),
        cmocka_unit_test(heap_pages),
        cmocka_unit_test(exported_globals),
        cmocka_unit_test(the_parser_refuses_first),
        cmocka_unit_test(data_segments_are_written_in_order),
        cmocka_unit_test(data_segments_that_cannot_be_taken),
        cmocka_unit_test(growth_is_bounded),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
