/* subexec bench: how long calls take, for each way to make instances. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <subexec/runtime.h>

#include "bench.h"
#include "command.h"
#include "hints.h"
#include "log.h"
#include "opt.h"
#include "output.h"
#include "runtime_opt.h"

enum {
    OPTION_METHOD,
    OPTION_STRATEGY,
    OPTION_THREADS,
    OPTION_CALLS,
    OPTION_SECONDS,
    OPTION_JSON,
    OPTION_HEAP,
    OPTION_STACK_LIMIT,
    OPTION_EXTENSIONS,
    OPTION_CANONICALIZE,
    OPTION_IMPORTS
};

static const struct option_spec options[] = {
    [OPTION_METHOD] = {"method", "METHOD...",
                       "measure this function too, without an input; may be given\n"
                       "several times"},
    [OPTION_STRATEGY] = {"strategy", "LIST...",
                         "reset, recreate, recreate_cow, pooling, pooling_cow,\n"
                         "separated by commas (default: all)"},
    [OPTION_THREADS] = {"threads", "LIST",
                        "numbers of threads, separated by commas (default: 1,2 where\n"
                        "there are two processors); one is measured, the others make\n"
                        "the same call over and over"},
    [OPTION_CALLS] = {"calls", "COUNT", "measure exactly so many calls"},
    [OPTION_SECONDS] = {"seconds", "SECONDS",
                        "measure for so long, at least 30 calls (default: 0.3, at\n"
                        "most 20000 calls)"},
    [OPTION_JSON] = {"json", NULL, "print an array of objects"},
    [OPTION_HEAP] = SPEC_HEAP,
    [OPTION_STACK_LIMIT] = SPEC_STACK_LIMIT,
    [OPTION_EXTENSIONS] = SPEC_EXTENSIONS,
    [OPTION_CANONICALIZE] = SPEC_CANONICALIZE,
    [OPTION_IMPORTS] = SPEC_IMPORTS,
};

static const struct argument_spec arguments_taken[] = {
    ARGUMENT_CODE,
};

enum {
    MAX_THREADS = 64,
    MAX_THREAD_COUNTS = 16,
    MIN_CALLS = 30,
    MAX_CALLS = 20000,
    MAX_CALLS_ASKED_FOR = 1000000
};

#define DEFAULT_TIME 300000000u

/* Functions that are measured without being asked for. */
enum { FUNCTION_EMPTY, FUNCTION_DIRTY, OWN_FUNCTIONS };

/* Wasm pages in a mebibyte. */
enum { DIRTY_PAGES = 16 };

struct settings {
    const char *code_path;
    bool json;
    subx_runtime_options options;
    struct measure_length length;
    subx_strategy strategies[OPT_MAX_REPEATED * SUBX_STRATEGY_COUNT];
    size_t strategy_count;
    unsigned threads[MAX_THREAD_COUNTS];
    size_t thread_count;
    const char *methods[OPT_MAX_REPEATED];
    size_t method_count;
};

/* What goes on while the matrix is filled. */
struct bench {
    const struct settings *settings;
    subx_executor *executor;
    const subx_code *code;
    /* The code compiled; strategies share what fits them. */
    subx_bytes artifacts[SUBX_STRATEGY_COUNT];
    size_t artifact_count;
    json_t *rows; /* NULL: printed at once */
    size_t width; /* of the column of functions */
    bool has_heading;
    bool any_failed;
    bool says_nothing; /* notices are dropped */
};

/* ---- The command line ---- */

/* The part of a list up to a comma; `text` moves behind it. False at the end, and for parts that
 * do not fit. */
static bool next_part(const char **text, char *room, size_t size)
{
    const size_t len = strcspn(*text, ",");
    if (len >= size)
        return false;
    memcpy(room, *text, len);
    room[len] = '\0';
    *text += len;
    *text += **text == ',' && (*text)[1] != '\0';
    return true;
}

static bool parse_strategies(const char *text, struct settings *out)
{
    char part[32];
    do {
        subx_strategy strategy = SUBX_STRATEGY_RESET;
        if (out->strategy_count == sizeof out->strategies / sizeof out->strategies[0] ||
            !next_part(&text, part, sizeof part) || !runtime_opt_strategy(part, &strategy))
            return false;
        out->strategies[out->strategy_count++] = strategy;
    } while (text[0] != '\0');
    return true;
}

static bool parse_threads(const char *text, struct settings *out)
{
    char part[32];
    do {
        uint64_t number = 0;
        if (out->thread_count == MAX_THREAD_COUNTS || !next_part(&text, part, sizeof part) ||
            !opt_number(part, 1, MAX_THREADS, &number))
            return false;
        out->threads[out->thread_count++] = (unsigned)number;
    } while (text[0] != '\0');
    return true;
}

static enum exit_code parse_lists(const struct arguments *given, struct settings *out)
{
    size_t at = 0;
    const char *value = NULL;
    while ((value = opt_next(given, OPTION_METHOD, &at)) != NULL)
        out->methods[out->method_count++] = value;
    at = 0;
    while ((value = opt_next(given, OPTION_STRATEGY, &at)) != NULL)
        if (!parse_strategies(value, out))
            return opt_wrong(given->command, "bench: --strategy is a list of %s, not %s",
                             RULE_STRATEGY, value);
    for (int i = 0; i < SUBX_STRATEGY_COUNT && !given->given[OPTION_STRATEGY]; i++)
        out->strategies[out->strategy_count++] = (subx_strategy)i;
    const char *fallback = sysconf(_SC_NPROCESSORS_ONLN) < 2 ? "1" : "1,2";
    value = given->values[OPTION_THREADS];
    if (!parse_threads(value != NULL ? value : fallback, out))
        return opt_wrong(given->command,
                         "bench: --threads is a list of up to %d numbers from 1 to %d, not %s",
                         MAX_THREAD_COUNTS, MAX_THREADS, value);
    return EXIT_DONE;
}

/* Seconds with up to nine digits behind the point, from 0.001 to 3600, as nanoseconds. */
static bool parse_seconds(const char *text, uint64_t *out)
{
    char whole[16], fraction[10] = "000000000";
    const char *point = strchr(text, '.');
    const size_t len = point != NULL ? (size_t)(point - text) : strlen(text);
    const size_t digits = point != NULL ? strlen(point + 1) : 0;
    uint64_t seconds = 0, nanoseconds = 0;
    if (len >= sizeof whole || digits >= sizeof fraction || (point != NULL && digits == 0))
        return false;
    memcpy(whole, text, len);
    whole[len] = '\0';
    if (digits > 0)
        memcpy(fraction, point + 1, digits);
    if (!opt_number(whole, 0, 3600, &seconds) || !opt_number(fraction, 0, 999999999, &nanoseconds))
        return false;
    *out = seconds * 1000000000 + nanoseconds;
    return *out >= 1000000 && *out <= 3600000000000;
}

static enum exit_code parse_length(const struct arguments *given, struct settings *out)
{
    const char *calls = given->values[OPTION_CALLS], *seconds = given->values[OPTION_SECONDS];
    out->length = (struct measure_length){MIN_CALLS, MAX_CALLS, DEFAULT_TIME};
    if (calls != NULL && seconds != NULL)
        return opt_wrong(given->command, "bench: --calls and --seconds exclude each other");
    if (calls != NULL) {
        uint64_t count = 0;
        if (!opt_number(calls, 1, MAX_CALLS_ASKED_FOR, &count))
            return opt_wrong(given->command, "bench: --calls is a number from 1 to %d, not %s",
                             MAX_CALLS_ASKED_FOR, calls);
        out->length = (struct measure_length){count, count, 0};
    }
    if (seconds != NULL) {
        out->length.max_calls = MAX_CALLS_ASKED_FOR;
        if (!parse_seconds(seconds, &out->length.time))
            return opt_wrong(given->command,
                             "bench: --seconds is a number from 0.001 to 3600, not %s", seconds);
    }
    return EXIT_DONE;
}

static enum exit_code parse(const struct arguments *given, struct settings *out)
{
    *out = (struct settings){
        .code_path = given->positional[0],
        .json = given->given[OPTION_JSON],
        .options = SUBX_RUNTIME_OPTIONS_INIT,
    };
    out->options.allow_missing_imports = true;
    enum exit_code outcome = runtime_opt_read(given, &out->options);
    if (outcome == EXIT_DONE)
        outcome = parse_lists(given, out);
    if (outcome == EXIT_DONE)
        outcome = parse_length(given, out);
    return outcome;
}

/* ---- Runtimes ---- */

/* A runtime from what is compiled already; SUBX_ARTIFACT if nothing of it fits. */
static subx_status load_compiled(const struct bench *bench,
                                 const subx_runtime_options *runtime_options, subx_runtime **out,
                                 subx_error *error)
{
    subx_status status = SUBX_ARTIFACT;
    for (size_t i = 0; i < bench->artifact_count && status == SUBX_ARTIFACT; i++) {
        const subx_bytes *artifact = &bench->artifacts[i];
        subx_error_clear(error);
        status = subx_runtime_load(bench->executor, (subx_slice){artifact->data, artifact->len},
                                   runtime_options, out, error);
    }
    return status;
}

/* A runtime for a strategy; code is compiled once for all strategies that can share it. */
static subx_status load(struct bench *bench, subx_strategy strategy, subx_runtime **out,
                        subx_error *error)
{
    subx_runtime_options runtime_options = bench->settings->options;
    runtime_options.strategy = strategy;
    runtime_options.recompile_mismatched = false;
    subx_status status = load_compiled(bench, &runtime_options, out, error);
    if (status != SUBX_ARTIFACT || bench->artifact_count == SUBX_STRATEGY_COUNT)
        return status;
    subx_error_clear(error);
    output_progress("compiling for %s", subx_strategy_name(strategy));
    status = subx_artifact_prepare(bench->executor, bench->code, &runtime_options,
                                   &bench->artifacts[bench->artifact_count], error);
    output_progress_end();
    if (status != SUBX_OK)
        return status;
    bench->artifact_count++;
    return load_compiled(bench, &runtime_options, out, error);
}

/* ---- The matrix ---- */

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* SCALE (u32 __heap_base, u32 pages). */
static subx_status make_dirty_input(subx_runtime *runtime, uint8_t input[8], subx_error *error)
{
    bool found = false;
    subx_value_kind kind = SUBX_VALUE_I32;
    subx_value value = {.u64 = 0};
    const subx_status status =
        subx_runtime_global(runtime, "__heap_base", &found, &kind, &value, error);
    if (status != SUBX_OK)
        return status;
    if (!found || kind != SUBX_VALUE_I32) {
        snprintf(error->message, sizeof error->message, "__heap_base is not found");
        return error->status = SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID;
    }
    put_u32(input, value.u32);
    put_u32(input + 4, DIRTY_PAGES);
    return SUBX_OK;
}

static const char *function_name(const struct settings *settings, size_t function)
{
    static const char *const own[] = {"empty", "dirty_1mb"};
    return function < OWN_FUNCTIONS ? own[function] : settings->methods[function - OWN_FUNCTIONS];
}

static void measure_function(const struct bench *bench, subx_runtime *runtime, size_t function,
                             struct bench_row *row)
{
    static const char *const own[] = {SUBX_BENCH_EMPTY, SUBX_BENCH_DIRTY};
    uint8_t input[8];
    struct measured_call call = {.runtime = runtime, .method = row->function};
    if (function < OWN_FUNCTIONS)
        call.method = own[function];
    subx_status status = SUBX_OK;
    if (function == FUNCTION_DIRTY) {
        status = make_dirty_input(runtime, input, &row->error);
        call.input = (subx_slice){input, sizeof input};
    }
    if (status == SUBX_OK)
        status =
            measure_call(&call, row->threads, &bench->settings->length, &row->times, &row->error);
    row->error.status = status;
}

static void put_row(struct bench *bench, const struct bench_row *row)
{
    bench->any_failed = bench->any_failed || row->error.status != SUBX_OK;
    if (bench->rows != NULL) {
        output_json_append(bench->rows, bench_row_json(row));
        return;
    }
    if (!bench->has_heading)
        bench_print_heading(bench->width);
    bench->has_heading = true;
    bench_print_row(row, bench->width);
    (void)output_flush(); /* the next one takes a while */
}

/* Measure one cell on a runtime of its own: what a function leaves behind, as pages that have to be
 * restored, must not slow down the next one. */
static subx_status fill_cell(struct bench *bench, subx_strategy strategy, unsigned threads,
                             size_t function, subx_error *error)
{
    subx_runtime *runtime = NULL;
    const subx_status status = load(bench, strategy, &runtime, error);
    if (status != SUBX_OK)
        return status;
    struct bench_row row = {
        .function = function_name(bench->settings, function),
        .strategy = strategy,
        .in_use = subx_runtime_strategy(runtime),
        .threads = threads,
        .error = SUBX_ERROR_INIT,
    };
    output_progress("%s, %s, %u thread%s", row.function, subx_strategy_name(strategy), threads,
                    threads == 1 ? "" : "s");
    measure_function(bench, runtime, function, &row);
    output_progress_end();
    put_row(bench, &row);
    subx_runtime_free(runtime);
    return SUBX_OK;
}

static subx_status fill_matrix(struct bench *bench, subx_error *error)
{
    const struct settings *settings = bench->settings;
    const size_t functions = OWN_FUNCTIONS + settings->method_count;
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < settings->strategy_count; i++) {
        bench->says_nothing = false;
        for (size_t j = 0; j < settings->thread_count; j++)
            for (size_t k = 0; k < functions && status == SUBX_OK; k++) {
                status = fill_cell(bench, settings->strategies[i], settings->threads[j], k, error);
                bench->says_nothing = true;
            }
    }
    return status;
}

/* The library's notices are the same for all runtimes of a strategy: those of the first will do. */
static void print_notice(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    const struct bench *bench = data;
    if (!bench->says_nothing)
        log_print(NULL, level, target, message);
}

/* ---- The command ---- */

/* The code with the functions that are measured. */
static subx_status load_code(const char *path, subx_code **out, subx_error *error)
{
    subx_code *code = NULL;
    subx_status status = subx_code_load_file(path, 0, &code, error);
    if (status == SUBX_OK && subx_code_info_of(code).container == SUBX_CODE_ARTIFACT)
        output_hint("an artifact has no functions to measure: the code inside is compiled");
    if (status == SUBX_OK)
        status = subx_code_add_bench_functions(code, out, error);
    subx_code_free(code);
    return status;
}

static size_t widest_name(const struct settings *settings)
{
    size_t width = strlen("dirty_1mb");
    for (size_t i = 0; i < settings->method_count; i++)
        if (strlen(settings->methods[i]) > width)
            width = strlen(settings->methods[i]);
    return width < 64 ? width : 64;
}

static enum exit_code execute(const struct settings *settings)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    struct bench bench = {
        .settings = settings,
        .rows = settings->json ? json_array() : NULL,
        .width = widest_name(settings),
    };
    subx_status status = load_code(settings->code_path, &code, &error);
    bench.code = code;
    subx_executor_options executor_options = SUBX_EXECUTOR_OPTIONS_INIT;
    executor_options.log = print_notice;
    executor_options.log_data = &bench;
    if (status == SUBX_OK)
        status = subx_executor_new(&executor_options, &bench.executor, &error);
    if (status == SUBX_OK)
        status = fill_matrix(&bench, &error);
    enum exit_code outcome = bench.any_failed ? EXIT_RUNTIME : EXIT_DONE;
    if (status != SUBX_OK) {
        outcome = output_failure(&error, settings->json);
        hints_print(status, settings->code_path, NULL);
        json_decref(bench.rows);
    } else if (settings->json) {
        output_json(bench.rows);
    }
    for (size_t i = 0; i < bench.artifact_count; i++)
        subx_bytes_free(&bench.artifacts[i]);
    subx_executor_free(bench.executor);
    subx_code_free(code);
    return outcome;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct settings settings;
    subx_import_policy *policy = NULL;
    subx_error error = SUBX_ERROR_INIT;
    const enum exit_code wrong = parse(arguments, &settings);
    if (wrong != EXIT_DONE)
        return wrong;
    if (runtime_opt_load_imports(arguments->values[OPTION_IMPORTS], &settings.options, &policy,
                                 &error) != SUBX_OK)
        return output_failure(&error, settings.json);
    const enum exit_code outcome = execute(&settings);
    subx_import_policy_free(policy);
    return outcome;
}

const struct command command_bench = {
    .name = "bench",
    .summary = "Measure how long calls take",
    .details = "For each strategy and number of threads: the fastest call, the median, and what 99 "
               "of 100\n"
               "calls stay below, in microseconds. \"empty\" returns at once; \"dirty_1mb\" writes "
               "into each\n"
               "4 KiB of a mebibyte. They are the code's own test_empty_return and\n"
               "test_dirty_plenty_memory, or added. Unknown imports trap when they are called.",
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
