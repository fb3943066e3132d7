/* subexec call: one function of a runtime, its output as hex. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <subexec/runtime.h>

#include "clock.h"
#include "command.h"
#include "files.h"
#include "hints.h"
#include "load_state.h"
#include "log.h"
#include "opt.h"
#include "output.h"
#include "runtime_opt.h"
#include "state_call.h"
#include "stats.h"

enum {
    OPTION_INPUT,
    OPTION_OUTPUT,
    OPTION_JSON,
    OPTION_STATS,
    OPTION_STRATEGY,
    OPTION_HEAP,
    OPTION_STACK_LIMIT,
    OPTION_EXTENSIONS,
    OPTION_ALLOW_MISSING,
    OPTION_IMPORTS,
    OPTION_CANONICALIZE,
    OPTION_REPEAT,
    OPTION_STATE,
    OPTION_STATE_VERSION,
    OPTION_CHANGES,
    OPTION_LOG
};

static const struct option_spec options[] = {
    [OPTION_INPUT] = {"input", "HEX|@FILE",
                      "what the function gets, as hex or as what a file holds\n"
                      "(default: nothing)"},
    [OPTION_OUTPUT] = {"output", "FILE", "write the output's bytes to FILE instead of printing it"},
    [OPTION_JSON] = {"json", NULL, "print output, statistics or error as JSON"},
    [OPTION_STATS] = {"stats", NULL,
                      "tell times, what the guest's allocator did, and how instances\n"
                      "were made and put back"},
    [OPTION_STRATEGY] = SPEC_STRATEGY,
    [OPTION_HEAP] = SPEC_HEAP,
    [OPTION_STACK_LIMIT] = SPEC_STACK_LIMIT,
    [OPTION_EXTENSIONS] = SPEC_EXTENSIONS,
    [OPTION_ALLOW_MISSING] = SPEC_ALLOW_MISSING,
    [OPTION_IMPORTS] = SPEC_IMPORTS,
    [OPTION_CANONICALIZE] = SPEC_CANONICALIZE,
    [OPTION_REPEAT] = {"repeat", "COUNT", "call that often and check that all outputs are equal"},
    [OPTION_STATE] = {"state", "FILE|DB",
                      "what the runtime finds in storage: a raw chain specification,\n"
                      "pairs of state_getPairs, {\"top\": ..., \"children\": ...}, or the\n"
                      "folder of a database, which stays as it is"},
    [OPTION_STATE_VERSION] = SPEC_STATE_VERSION,
    [OPTION_CHANGES] = {"changes", NULL,
                        "tell what the call changed of the state, and its root then"},
    [OPTION_LOG] = {"log", "LEVEL",
                    "print the runtime's log on standard error: error, warn, info,\n"
                    "debug or trace"},
};

static const struct argument_spec arguments_taken[] = {
    ARGUMENT_CODE,
    {"METHOD", "name of an exported function, for instance Core_version"},
};

enum { MAX_REPEAT = 1000000 };

struct settings {
    const char *code_path, *method, *output_path, *imports_path;
    struct file_bytes input;
    subx_runtime_options runtime;
    subx_log_level log_level;
    uint64_t repeat;
    const char *state_path;
    uint8_t state_version;
    bool json, stats, changes;
};

struct results {
    uint64_t load_time; /* nanoseconds until the runtime was ready, compilation included */
    uint64_t *call_times;
    subx_call_stats stats;
    subx_strategy strategy; /* in use */
    subx_runtime_stats runtime_stats;
    subx_bytes output;
    subx_state *state;     /* NULL: none */
    bool is_database;      /* which stays as it is */
    uint8_t state_version; /* of the runtime in it */
    uint8_t root[32];      /* after the call, and what it changed; if that was asked for */
    json_t *changes;
};

static enum exit_code parse(const struct arguments *given, struct settings *out)
{
    const struct command *command = given->command;
    *out = (struct settings){
        .code_path = given->positional[0],
        .method = given->positional[1],
        .output_path = given->values[OPTION_OUTPUT],
        .imports_path = given->values[OPTION_IMPORTS],
        .runtime = SUBX_RUNTIME_OPTIONS_INIT,
        .repeat = 1,
        .state_path = given->values[OPTION_STATE],
        .json = given->given[OPTION_JSON],
        .stats = given->given[OPTION_STATS],
        .changes = given->given[OPTION_CHANGES],
    };
    const enum exit_code outcome = runtime_opt_read(given, &out->runtime);
    if (outcome != EXIT_DONE)
        return outcome;
    if (!load_state_version(given->values[OPTION_STATE_VERSION], &out->state_version))
        return opt_wrong(command, "call: --state-version is 0 or 1, not %s",
                         given->values[OPTION_STATE_VERSION]);
    if (out->state_path == NULL && (out->changes || given->given[OPTION_STATE_VERSION]))
        return opt_wrong(command, "call: --%s needs --state FILE",
                         out->changes ? "changes" : "state-version");
    const char *repeat = given->values[OPTION_REPEAT];
    if (repeat != NULL && !opt_number(repeat, 1, MAX_REPEAT, &out->repeat))
        return opt_wrong(command, "call: --repeat is a number from 1 to %d, not %s", MAX_REPEAT,
                         repeat);
    const char *level = given->values[OPTION_LOG];
    if (level != NULL && !log_level_of(level, &out->log_level))
        return opt_wrong(command, "call: --log is error, warn, info, debug or trace, not %s",
                         level);
    return EXIT_DONE;
}

static subx_status call_on(subx_runtime *runtime, const struct settings *settings,
                           struct results *results, subx_changes *changes, subx_bytes *output,
                           subx_error *error)
{
    subx_call_options call_options = SUBX_CALL_OPTIONS_INIT;
    call_options.changes = changes;
    call_options.stats = &results->stats;
    call_options.log_level = settings->log_level;
    if (settings->log_level != SUBX_LOG_OFF)
        call_options.log = log_print;
    return subx_runtime_call(runtime, settings->method,
                             (subx_slice){settings->input.data, settings->input.len}, &call_options,
                             output, error);
}

/* One call, on the state as it was loaded; its time goes to `time`. Only the last one leaves
 * anything in the state. */
static subx_status call_once(subx_runtime *runtime, const struct settings *settings,
                             struct results *results, bool is_last, uint64_t *time,
                             subx_bytes *output, subx_error *error)
{
    subx_changes *changes = NULL;
    subx_status status = SUBX_OK;
    if (results->state != NULL)
        status = state_call_begin(results->state, results->state_version, &changes, error);
    const uint64_t start = clock_now();
    if (status == SUBX_OK)
        status = call_on(runtime, settings, results, changes, output, error);
    *time = clock_now() - start;
    if (status == SUBX_OK && settings->changes && is_last)
        status = (results->is_database ? state_call_compare : state_call_commit)(
            results->state, changes, results->state_version, results->root, &results->changes,
            error);
    subx_changes_free(changes);
    return status;
}

/* Call as often as asked for; the first output is kept, others must be equal to it. */
static subx_status call_all(subx_runtime *runtime, const struct settings *settings,
                            struct results *results, subx_error *error)
{
    results->call_times = output_memory((size_t)settings->repeat, sizeof *results->call_times);
    for (uint64_t i = 0; i < settings->repeat; i++) {
        subx_bytes output = SUBX_BYTES_INIT;
        const subx_status status = call_once(runtime, settings, results, i + 1 == settings->repeat,
                                             &results->call_times[i], &output, error);
        if (status != SUBX_OK) {
            subx_bytes_free(&output);
            return status;
        }
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

static subx_status run_code(const struct settings *settings, struct results *results,
                            subx_error *error)
{
    subx_executor *executor = NULL;
    subx_runtime *runtime = NULL;
    subx_runtime_options runtime_options = settings->runtime;
    subx_import_policy *policy = NULL;
    subx_status status =
        runtime_opt_load_imports(settings->imports_path, &runtime_options, &policy, error);
    if (status == SUBX_OK)
        status = log_new_executor(&executor, error);
    const uint64_t start = clock_now();
    if (status == SUBX_OK)
        status = subx_runtime_load_file(executor, settings->code_path, &runtime_options, &runtime,
                                        error);
    results->load_time = clock_now() - start;
    if (status == SUBX_OK) {
        status = call_all(runtime, settings, results, error);
        results->strategy = subx_runtime_strategy(runtime);
        results->runtime_stats = subx_runtime_stats_of(runtime);
    }
    subx_runtime_free(runtime);
    subx_executor_free(executor);
    subx_import_policy_free(policy);
    return status;
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = 0, y = 0;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
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
    const subx_runtime_stats *counted = &results->runtime_stats;
    const struct call_times times = sum_up(results, repeat);
    fprintf(stderr,
            "load %.3f ms, first call %.3f ms\n"
            "guest allocator: %" PRIu32 " bytes at the end, %" PRIu32 " at the peak, %" PRIu64
            " in sum; address space %" PRIu32 " bytes; memory %" PRIu32 " pages\n",
            clock_milliseconds(results->load_time), clock_milliseconds(times.first),
            stats->bytes_allocated, stats->bytes_allocated_peak, stats->bytes_allocated_sum,
            stats->address_space_used, stats->memory_pages);
    fprintf(stderr,
            "strategy %s: instances %" PRIu64 " made, %" PRIu64 " discarded; resets %" PRIu64
            ", with a scan %" PRIu64 "; pages restored %" PRIu64 "\n",
            subx_strategy_name(results->strategy), counted->instances, counted->discarded,
            counted->resets, counted->scans, counted->restored_pages);
    if (repeat > 1)
        fprintf(stderr, "%" PRIu64 " calls: fastest %.3f us, median %.3f us\n", repeat,
                clock_microseconds(times.fastest), clock_microseconds(times.median));
}

static json_t *stats_json(struct results *results, uint64_t repeat)
{
    const struct call_times times = sum_up(results, repeat);
    json_t *object = json_object();
    stats_set_call(object, &results->stats);
    stats_set_runtime(object, results->strategy, &results->runtime_stats);
    output_json_set(object, "load_ns", json_integer((json_int_t)results->load_time));
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
    if (results->changes != NULL) {
        output_json_set(root, "state_root", output_json_hex((subx_slice){results->root, 32}));
        output_json_set(root, "changes", results->changes);
        results->changes = NULL;
    }
    if (settings->stats)
        output_json_set(root, "stats", stats_json(results, settings->repeat));
    output_json(root);
}

/* KEY VALUE, in a child trie CHILD/KEY VALUE; "removed" in the value's place. */
static void print_trie(const char *child, json_t *trie)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(trie, key, value)
        printf("%s%s%s %s\n", child, child[0] != '\0' ? "/" : "", key,
               json_is_null(value) ? "removed" : json_string_value(value));
}

static void print_changes(const struct results *results)
{
    const char *child = NULL;
    json_t *trie = NULL;
    fputs("state root ", stdout);
    output_hex(stdout, (subx_slice){results->root, 32});
    putchar('\n');
    print_trie("", json_object_get(results->changes, "top"));
    json_object_foreach(json_object_get(results->changes, "children"), child, trie)
        print_trie(child, trie);
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
    if (results->changes != NULL)
        print_changes(results);
    if (settings->stats)
        print_stats(results, settings->repeat);
    return EXIT_DONE;
}

static enum exit_code execute(const struct settings *settings)
{
    subx_error error = SUBX_ERROR_INIT;
    struct results results = {.output = SUBX_BYTES_INIT};
    enum exit_code outcome = EXIT_DONE;
    subx_import_info info = {.state_version = 0};
    subx_status status = SUBX_OK;
    if (settings->state_path != NULL)
        status = load_state(settings->state_path, settings->state_version, &results.state, &info,
                            &error);
    results.is_database = settings->state_path != NULL && load_is_database(settings->state_path);
    if (status == SUBX_OK && info.state_version == SUBX_STATE_VERSION_OF_CODE)
        status = subx_state_code_version(results.state, &info.state_version, &error);
    results.state_version = info.state_version;
    if (status == SUBX_OK)
        status = run_code(settings, &results, &error);
    if (status == SUBX_OK) {
        outcome = deliver(settings, &results);
    } else {
        outcome = output_failure(&error, settings->json);
        hints_print(status, settings->code_path, settings->method);
        if (settings->state_path == NULL && strstr(error.message, "no state was given") != NULL)
            output_hint("--state FILE gives it one");
    }
    free(results.call_times);
    json_decref(results.changes);
    subx_state_free(results.state);
    subx_bytes_free(&results.output);
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
            return opt_wrong(arguments->command, "call: --input: %s (a file is @FILE)",
                             error.message);
        return output_failure(&error, settings.json);
    }
    outcome = execute(&settings);
    free(settings.input.data);
    return outcome;
}

const struct command command_call = {
    .name = "call",
    .keeps_code = true,
    .summary = "Call one function of a runtime and print its output",
    .details =
        "The function runs on the state of --state, or without one; nothing is written back.\n"
        "Its output is printed as hex. If it fails, the message and the guest's backtrace are\n"
        "on standard error.",
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
