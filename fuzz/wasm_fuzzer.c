/*
 * The Wasm reader, the passes and the writer on any bytes, in both grammars.
 *
 * What must hold: what parses can be written; what was written parses and is written the same
 * again; a pass refuses, or leaves a module that parses.
 */
#include <stdlib.h>

#include "blob/data_segments.h"
#include "blob/passes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static bool parses(subx_slice wasm, enum subx_wasm_grammar grammar)
{
    struct subx_wasm_module module;
    const subx_status status = subx_wasm__parse(wasm, grammar, &module, NULL);
    demand(status == SUBX_OK || status == SUBX_CANT_DESERIALIZE_WASM);
    subx_wasm__free(&module);
    return status == SUBX_OK;
}

static void check_writer(subx_slice wasm, enum subx_wasm_grammar grammar)
{
    const struct subx_passes nothing = {.grammar = grammar};
    subx_bytes once = SUBX_BYTES_INIT, twice = SUBX_BYTES_INIT;
    demand(subx_passes__apply(wasm, &nothing, &once, NULL) == SUBX_OK);
    demand(once.len <= wasm.len);
    demand(subx_passes__apply(subx_slice__of(once.data, once.len), &nothing, &twice, NULL) ==
           SUBX_OK);
    demand(subx_slice__equal(subx_slice__of(once.data, once.len),
                             subx_slice__of(twice.data, twice.len)));
    subx_bytes_free(&once);
    subx_bytes_free(&twice);
}

/* In the strict grammar the limiter moves the data count section behind the others, as the
 * reference does; such a module does not parse. */
static bool is_left_invalid(subx_slice wasm, const struct subx_passes *passes)
{
    struct subx_wasm_module module;
    demand(subx_wasm__parse(wasm, passes->grammar, &module, NULL) == SUBX_OK);
    bool found = false;
    for (size_t i = 0; i < module.section_count; i++)
        found = found || module.sections[i].id == SUBX_SECTION_DATA_COUNT;
    subx_wasm__free(&module);
    return found && passes->limit_stack && passes->grammar == SUBX_WASM_STRICT;
}

static void check_passes(subx_slice wasm, enum subx_wasm_grammar grammar)
{
    const struct subx_passes variants[] = {
        {.grammar = grammar, .limit_stack = true, .stack_limit = 1024},
        {.grammar = grammar, .export_memory = true, .memory_limits = SUBX_LIMITS_NO_MAX},
        {.grammar = grammar, .memory_limits = SUBX_LIMITS_STATIC, .memory_pages = 2048},
        {.grammar = grammar, .memory_limits = SUBX_LIMITS_DYNAMIC, .memory_pages = 3},
        {.grammar = grammar,
         .limit_stack = true,
         .stack_limit = 65536,
         .export_memory = true,
         .memory_limits = SUBX_LIMITS_UNBOUNDED,
         .export_globals = "exported_internal_global"},
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        subx_bytes out = SUBX_BYTES_INIT;
        const subx_status status = subx_passes__apply(wasm, &variants[i], &out, NULL);
        demand(status == SUBX_OK || status == SUBX_INVALID_MODULE || status == SUBX_INVALID_MEMORY);
        if (status == SUBX_OK && !is_left_invalid(wasm, &variants[i]))
            demand(parses(subx_slice__of(out.data, out.len), grammar));
        subx_bytes_free(&out);
    }
}

static void check_data(subx_slice wasm, enum subx_wasm_grammar grammar)
{
    struct subx_wasm_module module;
    struct subx_data_segments segments;
    static uint8_t memory[1 << 16];
    demand(subx_wasm__parse(wasm, grammar, &module, NULL) == SUBX_OK);
    if (subx_data_segments__take(&module, &segments, NULL) == SUBX_OK) {
        const subx_status status =
            subx_data_segments__apply(&segments, memory, sizeof memory, NULL);
        demand((status == SUBX_OK) == (subx_data_segments__end(&segments) <= sizeof memory));
        subx_data_segments__free(&segments);
    }
    subx_wasm__free(&module);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const subx_slice wasm = {data, size};
    for (enum subx_wasm_grammar grammar = SUBX_WASM_STRICT; grammar <= SUBX_WASM_RELAXED;
         grammar++) {
        if (!parses(wasm, grammar))
            continue;
        check_writer(wasm, grammar);
        check_passes(wasm, grammar);
        check_data(wasm, grammar);
    }
    return 0;
}
