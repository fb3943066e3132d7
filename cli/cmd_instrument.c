/* subexec instrument: the code of a runtime after the passes that the reference runs over it. */
#include <stdio.h>

#include <subexec/instrument.h>

#include "command.h"
#include "files.h"
#include "hints.h"
#include "opt.h"
#include "output.h"
#include "runtime_opt.h"

enum {
    OPTION_OUTPUT,
    OPTION_STACK_LIMIT,
    OPTION_HEAP,
    OPTION_HEAP_PAGES,
    OPTION_MAX_MEMORY_PAGES,
    OPTION_NO_MAX,
    OPTION_EXPORT_GLOBALS,
    OPTION_NO_EXPORT_MEMORY
};

static const struct option_spec options[] = {
    [OPTION_OUTPUT] = {"output", "FILE", "where the Wasm goes; needed"},
    [OPTION_STACK_LIMIT] = {"stack-limit", "VALUES",
                            "inject the deterministic stack limiter with this bound"},
    [OPTION_HEAP] = {"heap", "STRATEGY",
                     "set the memory's limits for static:PAGES, dynamic or\n"
                     "dynamic:MAXIMUM (default: keep them)"},
    [OPTION_HEAP_PAGES] = {"heap-pages", "PAGES",
                           "add so many pages to the memory, the form of 2021"},
    [OPTION_MAX_MEMORY_PAGES] = {"max-memory-pages", "PAGES",
                                 "and set its maximum, those included"},
    [OPTION_NO_MAX] = {"no-max", NULL, "drop the memory's maximum, today's form"},
    [OPTION_EXPORT_GLOBALS] = {"export-globals", NULL,
                               "export mutable globals as exported_internal_global_N"},
    [OPTION_NO_EXPORT_MEMORY] = {"no-export-memory", NULL,
                                 "leave an imported memory imported; without this it becomes\n"
                                 "an export"},
};

static const struct argument_spec arguments_taken[] = {
    ARGUMENT_CODE,
};

static enum exit_code take_number(const struct arguments *given, size_t option, uint64_t least,
                                  uint64_t most, uint32_t *out)
{
    const struct command *command = given->command;
    uint64_t number = 0;
    if (!opt_number(given->values[option], least, most, &number))
        return opt_wrong(command, "%s: --%s is a number from %ju to %ju, not %s", command->name,
                         command->options[option].name, (uintmax_t)least, (uintmax_t)most,
                         given->values[option]);
    *out = (uint32_t)number;
    return EXIT_DONE;
}

static enum exit_code take_heap_pages(const struct arguments *given, subx_instrument_options *out)
{
    out->memory = SUBX_INSTRUMENT_HEAP_PAGES;
    const enum exit_code outcome =
        take_number(given, OPTION_HEAP_PAGES, 0, 65536, &out->heap_pages);
    if (outcome != EXIT_DONE || !given->given[OPTION_MAX_MEMORY_PAGES])
        return outcome;
    return take_number(given, OPTION_MAX_MEMORY_PAGES, 1, 65536, &out->max_memory_pages);
}

/* The options that say what becomes of the memory's limits; no two of them go together. */
static enum exit_code take_memory(const struct arguments *given, subx_instrument_options *out)
{
    const struct command *command = given->command;
    const int ways =
        given->given[OPTION_HEAP] + given->given[OPTION_HEAP_PAGES] + given->given[OPTION_NO_MAX];
    if (ways > 1)
        return opt_wrong(command,
                         "instrument: --heap, --heap-pages and --no-max exclude each other");
    if (given->given[OPTION_MAX_MEMORY_PAGES] && !given->given[OPTION_HEAP_PAGES])
        return opt_wrong(command, "instrument: --max-memory-pages belongs to --heap-pages");
    if (given->given[OPTION_HEAP_PAGES])
        return take_heap_pages(given, out);
    if (given->given[OPTION_NO_MAX])
        out->memory = SUBX_INSTRUMENT_NO_MAX;
    if (!given->given[OPTION_HEAP])
        return EXIT_DONE;
    out->memory = SUBX_INSTRUMENT_HEAP;
    if (!runtime_opt_heap(given->values[OPTION_HEAP], &out->heap))
        return opt_wrong(command, "instrument: --heap is %s, not %s", RULE_HEAP,
                         given->values[OPTION_HEAP]);
    return EXIT_DONE;
}

static enum exit_code parse(const struct arguments *given, subx_instrument_options *out)
{
    out->export_memory = !given->given[OPTION_NO_EXPORT_MEMORY];
    out->export_globals = given->given[OPTION_EXPORT_GLOBALS];
    const enum exit_code outcome = take_memory(given, out);
    if (outcome != EXIT_DONE || !given->given[OPTION_STACK_LIMIT])
        return outcome;
    return take_number(given, OPTION_STACK_LIMIT, 1, UINT32_MAX, &out->stack_limit);
}

static enum exit_code run(const struct arguments *arguments)
{
    const char *code_path = arguments->positional[0];
    const char *output_path = opt_output(arguments, OPTION_OUTPUT);
    subx_instrument_options passes = SUBX_INSTRUMENT_OPTIONS_INIT;
    if (output_path == NULL)
        return EXIT_USAGE;
    const enum exit_code wrong = parse(arguments, &passes);
    if (wrong != EXIT_DONE)
        return wrong;
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    subx_bytes wasm = SUBX_BYTES_INIT;
    enum exit_code outcome = EXIT_DONE;
    subx_status status = subx_code_load_file(code_path, 0, &code, &error);
    if (status == SUBX_OK)
        status = subx_code_instrument(code, &passes, &wasm, &error);
    if (status != SUBX_OK) {
        outcome = output_failure(&error, false);
        hints_print(status, code_path, NULL);
    } else if (!files_write(output_path, (subx_slice){wasm.data, wasm.len}, &error)) {
        outcome = output_failure(&error, false);
    }
    subx_bytes_free(&wasm);
    subx_code_free(code);
    return outcome;
}

const struct command command_instrument = {
    .name = "instrument",
    .summary = "Write the code of a runtime after the reference's passes",
    .details =
        "The passes are the reference's own, to the byte: stack limiter, memory import to export,\n"
        "limits of the memory, export of mutable globals. Nothing is printed.",
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
