/* subexec call: one function of a runtime, its output as hex. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <subexec/runtime.h>

#include "command.h"
#include "files.h"
#include "hints.h"
#include "opt.h"
#include "output.h"

enum {
    OPTION_INPUT,
    OPTION_OUTPUT,
    OPTION_JSON,
    OPTION_STATS,
    OPTION_HEAP,
    OPTION_ALLOW_MISSING,
    OPTION_CANONICALIZE,
    OPTION_REPEAT,
    OPTION_LOG
};

static const struct option_spec options[] = {
    [OPTION_INPUT] = {"input", "HEX|@FILE",
                      "what the function gets, as hex or as what a file holds\n"
                      "(default: nothing)"},
    [OPTION_OUTPUT] = {"output", "FILE", "write the output's bytes to FILE instead of printing it"},
    [OPTION_JSON] = {"json", NULL, "print output, statistics or error as JSON"},
    [OPTION_STATS] = {"stats", NULL, "tell times and what the guest's allocator did"},
    [OPTION_HEAP] = {"heap", "STRATEGY",
                     "static:PAGES (default: static:2048), dynamic, or\n"
                     "dynamic:MAXIMUM, in pages of 64 KiB"},
    [OPTION_ALLOW_MISSING] = {"allow-missing-imports", NULL,
                              "let unknown imports trap when they are called"},
    [OPTION_CANONICALIZE] = {"canonicalize-nans", NULL,
                             "make the bits of NaNs deterministic, as for parachain code"},
    [OPTION_REPEAT] = {"repeat", "COUNT", "call that often and check that all outputs are equal"},
    [OPTION_LOG] = {"log", "LEVEL",
                    "print the runtime's log on standard error: error, warn, info,\n"
                    "debug or trace"},
};

static const struct argument_spec arguments_taken[] = {
    {"CODE", "file with Wasm, compressed Wasm, hex text of either, or a raw chain\n"
             "specification (its :code)"},
    {"METHOD", "name of an exported function, for instance Core_version"},
};

enum { MAX_REPEAT = 1000000 };

struct settings {
    const char *code_path, *method, *output_path;
    struct file_bytes input;
    subx_runtime_options runtime;
    subx_log_level log_level;
    uint64_t repeat;
    bool json, stats;
};

struct results {
    uint64_t load_time, compile_time; /* nanoseconds */
    uint64_t *call_times;
    subx_call_stats stats;
    subx_bytes output;
};

static const char *const log_levels[] = {"off", "error", "warn", "info", "debug", "trace"};

enum { LOG_LEVEL_COUNT = sizeof log_levels / sizeof log_levels[0] };

static bool parse_log_level(const char *text, subx_log_level *out)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++)
        if (strcmp(text, log_levels[i]) == 0) {
            *out = (subx_log_level)i;
            return true;
        }
    return false;
}

static bool parse_heap(const char *text, subx_heap *out)
{
    uint64_t pages = 0;
    if (strcmp(text, "dynamic") == 0) {
        *out = (subx_heap){SUBX_HEAP_DYNAMIC, 0};
        return true;
    }
    const bool is_static = strncmp(text, "static:", 7) == 0;
    if (!is_static && strncmp(text, "dynamic:", 8) != 0)
        return false;
    if (!opt_number(text + (is_static ? 7 : 8), is_static ? 0 : 1, 65536, &pages))
        return false;
    *out = (subx_heap){is_static ? SUBX_HEAP_STATIC : SUBX_HEAP_DYNAMIC, (uint32_t)pages};
    return true;
}

static enum exit_code parse(const struct arguments *given, struct settings *out)
{
    const struct command *command = given->command;
    *out = (struct settings){
        .code_path = given->positional[0],
        .method = given->positional[1],
        .output_path = given->values[OPTION_OUTPUT],
        .runtime = SUBX_RUNTIME_OPTIONS_INIT,
        .repeat = 1,
        .json = given->given[OPTION_JSON],
        .stats = given->given[OPTION_STATS],
    };
    out->runtime.allow_missing_imports = given->given[OPTION_ALLOW_MISSING];
    out->runtime.canonicalize_nans = given->given[OPTION_CANONICALIZE];
    const char *heap = given->values[OPTION_HEAP];
    if (heap != NULL && !parse_heap(heap, &out->runtime.heap))
        return opt_wrong(command,
                         "call: --heap is static:PAGES, dynamic or dynamic:MAXIMUM, with 1 to "
                         "65536 pages, not %s",
                         heap);
    const char *repeat = given->values[OPTION_REPEAT];
    if (repeat != NULL && !opt_number(repeat, 1, MAX_REPEAT, &out->repeat))
        return opt_wrong(command, "call: --repeat is a number from 1 to %d, not %s", MAX_REPEAT,
                         repeat);
    const char *level = given->values[OPTION_LOG];
    if (level != NULL && !parse_log_level(level, &out->log_level))
        return opt_wrong(command, "call: --log is error, warn, info, debug or trace, not %s",
                         level);
    return EXIT_DONE;
}

static uint64_t now(void)
{
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* A log line of the runtime; its own newlines are kept, indented. */
static void print_log(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    (void)data;
    const enum colour colour = level == SUBX_LOG_ERROR  ? COLOUR_RED
                               : level == SUBX_LOG_WARN ? COLOUR_YELLOW
                                                        : COLOUR_DIM;
    fprintf(stderr, "%s%-5s%s ", output_colour(stderr, colour), log_levels[level],
            output_plain(stderr));
    output_text(stderr, target);
    fputs(": ", stderr);
    output_lines(stderr, message, "      ");
    fputc('\n', stderr);
}

static subx_status call_once(subx_runtime *runtime, const struct settings *settings,
                             struct results *results, subx_bytes *output, subx_error *error)
{
    subx_call_options call_options = SUBX_CALL_OPTIONS_INIT;
    call_options.stats = &results->stats;
    call_options.log_level = settings->log_level;
    if (settings->log_level != SUBX_LOG_OFF)
        call_options.log = print_log;
    return subx_runtime_call(runtime, settings->method,
                             (subx_slice){settings->input.data, settings->input.len}, &call_options,
                             output, error);
}

/* Call as often as asked for; the first output is kept, others must be equal to it. */
static subx_status call_all(subx_runtime *runtime, const struct settings *settings,
                            struct results *results, subx_error *error)
{
    results->call_times = output_memory((size_t)settings->repeat, sizeof *results->call_times);
    for (uint64_t i = 0; i < settings->repeat; i++) {
        subx_bytes output = SUBX_BYTES_INIT;
        const uint64_t start = now();
        const subx_status status = call_once(runtime, settings, results, &output, error);
        results->call_times[i] = now() - start;
        if (status != SUBX_OK)
            return status;
        if (i == 0) {
            results->output = output;
            continue;
        }
        const bool equal = output.len == results->output.len &&
                           memcmp(output.data, results->output.data, output.len) == 0;
        subx_bytes_free(&output);
        if (!equal) {
            error->status = SUBX_OTHER;
            snprintf(error->message, sizeof error->message,
                     "call %" PRIu64 " of %" PRIu64 " has another output than the first", i + 1,
                     settings->repeat);
            return error->status;
        }
    }
    return SUBX_OK;
}

static subx_status run_code(const subx_code *code, const struct settings *settings,
                            struct results *results, subx_error *error)
{
    subx_executor *executor = NULL;
    subx_runtime *runtime = NULL;
    const uint64_t start = now();
    subx_status status = subx_executor_new(NULL, &executor, error);
    if (status == SUBX_OK)
        status = subx_runtime_new(executor, code, &settings->runtime, &runtime, error);
    results->compile_time = now() - start;
    if (status == SUBX_OK)
        status = call_all(runtime, settings, results, error);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
    return status;
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = 0, y = 0;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static double milliseconds(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e6;
}

/* First call, then fastest and middle of all; sorts the times. */
struct call_times {
    uint64_t first, fastest, median;
};

static struct call_times sum_up(struct results *results, uint64_t count)
{
    uint64_t *times = results->call_times;
    const uint64_t first = times[0];
    qsort(times, (size_t)count, sizeof *times, compare_times);
    return (struct call_times){first, times[0], times[count / 2]};
}

static void print_stats(struct results *results, uint64_t repeat)
{
    const subx_call_stats *stats = &results->stats;
    const struct call_times times = sum_up(results, repeat);
    fprintf(stderr,
            "load %.3f ms, compile %.3f ms, first call %.3f ms\n"
            "guest allocator: %" PRIu32 " bytes at the end, %" PRIu32 " at the peak, %" PRIu64
            " in sum; address space %" PRIu32 " bytes; memory %" PRIu32 " pages\n",
            milliseconds(results->load_time), milliseconds(results->compile_time),
            milliseconds(times.first), stats->bytes_allocated, stats->bytes_allocated_peak,
            stats->bytes_allocated_sum, stats->address_space_used, stats->memory_pages);
    if (repeat > 1)
        fprintf(stderr, "%" PRIu64 " calls: fastest %.3f us, median %.3f us\n", repeat,
                (double)times.fastest / 1e3, (double)times.median / 1e3);
}

static json_t *stats_json(struct results *results, uint64_t repeat)
{
    const subx_call_stats *stats = &results->stats;
    const struct call_times times = sum_up(results, repeat);
    json_t *object = json_object();
    output_json_set(object, "bytes_allocated", json_integer(stats->bytes_allocated));
    output_json_set(object, "bytes_allocated_peak", json_integer(stats->bytes_allocated_peak));
    output_json_set(object, "bytes_allocated_sum",
                    json_integer((json_int_t)stats->bytes_allocated_sum));
    output_json_set(object, "address_space_used", json_integer(stats->address_space_used));
    output_json_set(object, "memory_pages", json_integer(stats->memory_pages));
    output_json_set(object, "load_ns", json_integer((json_int_t)results->load_time));
    output_json_set(object, "compile_ns", json_integer((json_int_t)results->compile_time));
    output_json_set(object, "calls", json_integer((json_int_t)repeat));
    output_json_set(object, "first_call_ns", json_integer((json_int_t)times.first));
    output_json_set(object, "fastest_call_ns", json_integer((json_int_t)times.fastest));
    output_json_set(object, "median_call_ns", json_integer((json_int_t)times.median));
    return object;
}

static void print_json(const struct settings *settings, struct results *results)
{
    json_t *root = json_object();
    if (settings->output_path == NULL)
        output_json_set(root, "output",
                        output_json_hex((subx_slice){results->output.data, results->output.len}));
    output_json_set(root, "output_size", json_integer((json_int_t)results->output.len));
    if (settings->stats)
        output_json_set(root, "stats", stats_json(results, settings->repeat));
    output_json(root);
}

static enum exit_code deliver(const struct settings *settings, struct results *results)
{
    const subx_slice output = {results->output.data, results->output.len};
    subx_error error = SUBX_ERROR_INIT;
    if (settings->output_path != NULL && !files_write(settings->output_path, output, &error))
        return output_failure(&error, settings->json);
    if (settings->json) {
        print_json(settings, results);
        return EXIT_DONE;
    }
    if (settings->output_path == NULL) {
        output_hex(stdout, output);
        putchar('\n');
    }
    if (settings->stats)
        print_stats(results, settings->repeat);
    return EXIT_DONE;
}

static enum exit_code execute(const struct settings *settings)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    struct results results = {.output = SUBX_BYTES_INIT};
    enum exit_code outcome = EXIT_DONE;
    const uint64_t start = now();
    subx_status status = subx_code_load_file(settings->code_path, 0, &code, &error);
    results.load_time = now() - start;
    if (status == SUBX_OK)
        status = run_code(code, settings, &results, &error);
    if (status == SUBX_OK) {
        outcome = deliver(settings, &results);
    } else {
        outcome = output_failure(&error, settings->json);
        if (code != NULL)
            hints_print(status, code, settings->method);
    }
    free(results.call_times);
    subx_bytes_free(&results.output);
    subx_code_free(code);
    return outcome;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct settings settings;
    enum exit_code outcome = parse(arguments, &settings);
    if (outcome != EXIT_DONE)
        return outcome;
    subx_error error = SUBX_ERROR_INIT;
    const char *input = arguments->values[OPTION_INPUT];
    if (input != NULL && !files_bytes_of(input, &settings.input, &error)) {
        if (error.status == SUBX_INVALID_INPUT)
            return opt_wrong(arguments->command, "call: --input: %s", error.message);
        return output_failure(&error, settings.json);
    }
    outcome = execute(&settings);
    free(settings.input.data);
    return outcome;
}

const struct command command_call = {
    .name = "call",
    .summary = "Call one function of a runtime and print its output",
    .details = "The function runs without a state. Its output is printed as hex. If it fails, the\n"
               "message and the guest's backtrace are on standard error.",
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
