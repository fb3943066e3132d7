/* subexec batch: requests as lines of JSON, answered line by line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <subexec/runtime.h>

#include "batch.h"
#include "clock.h"
#include "command.h"
#include "lines.h"
#include "log.h"
#include "opt.h"
#include "output.h"
#include "state_call.h"
#include "stats.h"

/* Bound on a line, in bytes: hex of what no runtime takes. */
#define MAX_LINE ((size_t)64 << 20)

static json_t *text_json(const char *text)
{
    return output_json_text((subx_slice){(const uint8_t *)text, strlen(text)});
}

/* The reference's name. A method that is not exported has a status of its own here; for the reference
 * it is one of the other errors. */
static const char *kind_name(subx_status status)
{
    return subx_status_name(status == SUBX_METHOD_NOT_FOUND ? SUBX_OTHER : status);
}

static json_t *error_json(const subx_error *error)
{
    json_t *detail = json_object();
    output_json_set(detail, "kind", text_json(kind_name(error->status)));
    output_json_set(detail, "message", text_json(error->message));
    if (error->backtrace[0] != '\0')
        output_json_set(detail, "backtrace", text_json(error->backtrace));
    return detail;
}

/* Print an answer, which is released, and see that it leaves. False: standard output is gone. */
static bool answer(const char *id, json_t *members)
{
    char *text = json_dumps(members, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(members);
    if (text == NULL) {
        output_error("out of memory");
        exit(EXIT_INPUT);
    }
    printf("{\"id\":%s,%s\n", id, text + 1);
    free(text);
    return output_flush();
}

/* A line that is no request. */
static bool refuse(const char *id, size_t number, const subx_error *error)
{
    json_t *members = json_object();
    output_json_set(members, "line", json_integer((json_int_t)number));
    output_json_set(members, "error", error_json(error));
    return answer(id, members);
}

static json_t *stats_json(const subx_call_stats *call, uint64_t time, const subx_runtime *runtime)
{
    const subx_runtime_stats counted = subx_runtime_stats_of(runtime);
    json_t *object = json_object();
    stats_set_call(object, call);
    output_json_set(object, "call_ns", json_integer((json_int_t)time));
    output_json_set(object, "calls", json_integer((json_int_t)counted.calls));
    stats_set_runtime(object, subx_runtime_strategy(runtime), &counted);
    return object;
}

/* Make the call; what it gives is set in `members`, what it took in `stats`. */
static subx_status call(const struct batch_request *request, subx_runtime *runtime, json_t *members,
                        json_t **stats, subx_error *error)
{
    subx_bytes output = SUBX_BYTES_INIT;
    subx_call_stats call_stats = {0};
    subx_call_options options = SUBX_CALL_OPTIONS_INIT;
    options.stats = &call_stats;
    subx_status status = SUBX_OK;
    if (request->state != NULL)
        status = state_call_begin(request->state, request->state_version, &options.changes, error);
    const uint64_t start = clock_now();
    if (status == SUBX_OK)
        status = subx_runtime_call(runtime, request->method,
                                   (subx_slice){request->input, request->input_len}, &options,
                                   &output, error);
    const uint64_t time = clock_now() - start;
    if (status == SUBX_OK)
        output_json_set(members, "output", output_json_hex((subx_slice){output.data, output.len}));
    if (status == SUBX_OK && request->state != NULL)
        status = batch_state_tell(request, options.changes, members, error);
    if (request->wants_stats)
        *stats = stats_json(&call_stats, time, runtime);
    subx_changes_free(options.changes);
    subx_bytes_free(&output);
    return status;
}

static bool perform(const struct batch_request *request, struct batch_runtimes *runtimes)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_runtime *runtime = NULL;
    json_t *members = json_object(), *stats = NULL;
    subx_status status = batch_runtimes_get(runtimes, request, &runtime, &error);
    if (status == SUBX_OK)
        status = call(request, runtime, members, &stats, &error);
    if (status != SUBX_OK) {
        (void)json_object_clear(members);
        output_json_set(members, "error", error_json(&error));
    }
    if (stats != NULL)
        output_json_set(members, "stats", stats);
    return answer(request->id, members);
}

static bool is_blank(const char *line, size_t len)
{
    size_t at = 0;
    while (at < len && strchr(" \t\r", line[at]) != NULL && line[at] != '\0')
        at++;
    return at == len;
}

/* False: standard output is gone. */
static bool take_line(char *line, size_t len, size_t number, struct batch_runtimes *runtimes)
{
    struct batch_request request;
    subx_error error = SUBX_ERROR_INIT;
    const bool good = batch_request_read(line, len, &request, &error);
    const bool answered = good ? perform(&request, runtimes) : refuse(request.id, number, &error);
    batch_request_free(&request);
    return answered;
}

static enum exit_code take_lines(struct lines *lines, struct batch_runtimes *runtimes)
{
    char *line = NULL;
    size_t len = 0;
    bool answered = true;
    for (size_t number = 1; answered; number++) {
        const enum line_outcome outcome = lines_next(lines, &line, &len);
        if (outcome == LINES_END)
            break;
        if (outcome == LINE_TOO_LONG) {
            subx_error error = SUBX_ERROR_INIT;
            error.status = SUBX_TOO_LARGE;
            snprintf(error.message, sizeof error.message, "the line is longer than %zu bytes",
                     lines->max_len);
            answered = refuse("null", number, &error);
        } else if (!is_blank(line, len)) {
            answered = take_line(line, len, number, runtimes);
        }
    }
    if (lines->error != 0) {
        output_error("standard input: %s", strerror(lines->error));
        return EXIT_INPUT;
    }
    return answered ? EXIT_DONE : EXIT_INPUT;
}

static enum exit_code run(const struct arguments *arguments)
{
    (void)arguments;
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    if (log_new_executor(&executor, &error) != SUBX_OK)
        return output_failure(&error, false);
    struct lines lines;
    lines_open(&lines, STDIN_FILENO, MAX_LINE);
    struct batch_runtimes *runtimes = batch_runtimes_new(executor);
    const enum exit_code outcome = take_lines(&lines, runtimes);
    batch_runtimes_free(runtimes);
    lines_close(&lines);
    subx_executor_free(executor);
    return outcome;
}

const struct command command_batch = {
    .name = "batch",
    .keeps_code = true,
    .summary = "Answer calls that come as lines of JSON",
    .details =
        "Each line of standard input is a request, each line of standard output its answer, in\n"
        "the same order:\n"
        "\n"
        "  {\"id\":1,\"code\":\"FILE\",\"method\":\"Core_version\",\"input\":\"0x\",\n"
        "   \"state\":{\"top\":{\"0xKEY\":\"0xVALUE\"},\"children\":{\"0xCHILD\":{...}}},\n"
        "   \"state_version\":1,\"want\":[\"root_v0\",\"root_v1\",\"changes\",\"stats\"],\n"
        "   \"options\":{\"heap\":\"static:2048\",\"strategy\":\"reset\",\"stack_limit\":65536,\n"
        "   \"extensions\":[\"simd\"],\"canonicalize_nans\":true,\"allow_missing_imports\":true,\n"
        "   \"imports\":\"FILE\"}}\n"
        "\n"
        "  {\"id\":1,\"output\":\"0x...\",\"root_v0\":\"0x...\",\"root_v1\":\"0x...\",\n"
        "   \"changes\":{\"top\":{\"0xKEY\":null},\"children\":{}},\"stats\":{...}}\n"
        "  "
        "{\"id\":1,\"error\":{\"kind\":\"AbortedDueToTrap\",\"message\":\"...\",\"backtrace\":\"..."
        "\"}}\n"
        "\n"
        "\"code\" and \"method\" must be there; \"id\" is any JSON and comes back. The file is "
        "loaded\n"
        "once. A line that is no request is answered with its number in \"line\"; blank lines are\n"
        "skipped, and lines of more than 64 MiB refused. The exit code is 0 when all lines were\n"
        "answered, be it with errors.\n"
        "\"state\" is what the call finds in storage, its values in the form of \"state_version\"\n"
        "(default: 1). root_v0 and root_v1 are roots after the call, what it wrote being in the "
        "form\n"
        "of version 0 or 1; \"changes\" has new values, null for keys that are gone.",
    .run = run,
};
