/* Runtimes from the guests of tests/guest; see guests.h. */
#include "guests.h"

#include <signal.h>
#include <stdlib.h>

#include "util/endian.h"
#include "util/error.h"

#define GUESTS_MAX 16

struct guest {
    const char *name;
    uint8_t *data;
    size_t len;
};

static struct guest guests[GUESTS_MAX];

static void read_guest(struct guest *guest)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.wasm", SUBX_TEST_GUESTS, guest->name);
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    static const size_t room = 1 << 16;
    guest->data = malloc(room);
    assert_non_null(guest->data);
    guest->len = fread(guest->data, 1, room, file);
    assert_true(guest->len > 0 && guest->len < room);
    fclose(file);
}

static void free_guests(void)
{
    for (size_t i = 0; i < GUESTS_MAX; i++)
        free(guests[i].data);
}

subx_slice guest_wasm(const char *name)
{
    size_t i = 0;
    while (i < GUESTS_MAX && guests[i].name != NULL && strcmp(guests[i].name, name) != 0)
        i++;
    assert_true(i < GUESTS_MAX);
    if (i == 0 && guests[i].name == NULL)
        atexit(free_guests);
    if (guests[i].name == NULL) {
        guests[i].name = name;
        read_guest(&guests[i]);
    }
    return subx_slice__of(guests[i].data, guests[i].len);
}

static void expect_ok(const char *what, subx_status status, const subx_error *error)
{
    if (status != SUBX_OK)
        fail_msg("%s: %s: %s", what, subx_status_name(status), error->message);
}

/*
 * The engine catches the signals of the guest's traps with handlers that it installs once in a process;
 * cmocka replaces them at the start of each test. Here they come back.
 */
static void bring_handlers_back(subx_executor *executor)
{
    static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS};
    static struct sigaction handlers[4];
    static bool known;
    if (!known) {
        /* The first engine of the process. */
        const subx_runtime_options options = options_of(SUBX_STRATEGY_RECREATE);
        subx_runtime_free(load_runtime(executor, guest_wasm("memory_cleared"), &options));
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            sigaction(signals[i], known ? &handlers[i] : NULL, known ? NULL : &handlers[i]), 0);
    known = true;
}

subx_executor *new_executor(void)
{
    subx_executor_options options = SUBX_EXECUTOR_OPTIONS_INIT;
    options.parallel_compilation = false;
    subx_executor *executor = NULL;
    subx_error error = SUBX_ERROR_INIT;
    expect_ok("executor", subx_executor_new(&options, &executor, &error), &error);
    bring_handlers_back(executor);
    return executor;
}

subx_runtime_options options_of(subx_strategy strategy)
{
    subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
    options.strategy = strategy;
    options.heap = (subx_heap){SUBX_HEAP_STATIC, 16};
    return options;
}

subx_runtime *load_runtime(subx_executor *executor, subx_slice code,
                           const subx_runtime_options *options)
{
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    expect_ok("runtime", subx_runtime_load(executor, code, options, &runtime, &error), &error);
    assert_non_null(runtime);
    return runtime;
}

static void expect_message(const char *what, const char *message, const char *part)
{
    if (strstr(message, part) == NULL)
        fail_msg("%s: message '%s' lacks '%s'", what, message, part);
}

void expect_no_runtime(subx_executor *executor, subx_slice code,
                       const subx_runtime_options *options, subx_status status, const char *part)
{
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status got = subx_runtime_load(executor, code, options, &runtime, &error);
    if (got != status)
        fail_msg("%s instead of %s: %s", subx_status_name(got), subx_status_name(status),
                 error.message);
    assert_null(runtime);
    assert_int_equal(error.status, status);
    expect_message("loading", error.message, part);
}

subx_bytes prepare(subx_executor *executor, subx_slice code, const subx_runtime_options *options)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_code *loaded = NULL;
    expect_ok("code", subx_code_load(code, 0, &loaded, &error), &error);
    subx_bytes artifact = SUBX_BYTES_INIT;
    expect_ok("artifact", subx_artifact_prepare(executor, loaded, options, &artifact, &error),
              &error);
    subx_code_free(loaded);
    return artifact;
}

static subx_call_options start_outcome(struct outcome *outcome)
{
    outcome->output = (subx_bytes)SUBX_BYTES_INIT;
    outcome->stats = (subx_call_stats){0};
    outcome->error.status = SUBX_OK;
    outcome->error.message[0] = '\0';
    outcome->error.backtrace[0] = '\0';
    subx_call_options options = SUBX_CALL_OPTIONS_INIT;
    options.stats = &outcome->stats;
    return options;
}

void call_export(subx_runtime *runtime, const char *method, subx_slice input,
                 struct outcome *outcome)
{
    const subx_call_options options = start_outcome(outcome);
    outcome->status =
        subx_runtime_call(runtime, method, input, &options, &outcome->output, &outcome->error);
}

void call_method(subx_runtime *runtime, const subx_method *method, subx_slice input,
                 struct outcome *outcome)
{
    const subx_call_options options = start_outcome(outcome);
    outcome->status = subx_runtime_call_method(runtime, method, input, &options, &outcome->output,
                                               &outcome->error);
}

void outcome_free(struct outcome *outcome)
{
    subx_bytes_free(&outcome->output);
}

void expect_output(subx_runtime *runtime, const char *method, subx_slice input, subx_slice output)
{
    struct outcome outcome;
    call_export(runtime, method, input, &outcome);
    expect_ok(method, outcome.status, &outcome.error);
    assert_int_equal(outcome.output.len, output.len);
    if (output.len > 0)
        assert_memory_equal(outcome.output.data, output.data, output.len);
    outcome_free(&outcome);
}

void expect_failure(subx_runtime *runtime, const char *method, subx_slice input, subx_status status,
                    const char *message)
{
    struct outcome outcome;
    call_export(runtime, method, input, &outcome);
    if (outcome.status != status)
        fail_msg("%s: %s instead of %s: %s", method, subx_status_name(outcome.status),
                 subx_status_name(status), outcome.error.message);
    assert_null(outcome.output.data);
    assert_int_equal(outcome.error.status, status);
    assert_string_equal(outcome.error.message, message);
    outcome_free(&outcome);
}

void expect_same_outcome(const char *what, const struct outcome *a, const struct outcome *b)
{
    if (a->status != b->status)
        fail_msg("%s: %s (%s) and %s (%s)", what, subx_status_name(a->status), a->error.message,
                 subx_status_name(b->status), b->error.message);
    if (strcmp(a->error.message, b->error.message) != 0)
        fail_msg("%s: message '%s' and '%s'", what, a->error.message, b->error.message);
    if (strcmp(a->error.backtrace, b->error.backtrace) != 0)
        fail_msg("%s: backtrace '%s' and '%s'", what, a->error.backtrace, b->error.backtrace);
    if (a->output.len != b->output.len ||
        (a->output.len > 0 && memcmp(a->output.data, b->output.data, a->output.len) != 0))
        fail_msg("%s: outputs of %zu and %zu bytes differ", what, a->output.len, b->output.len);
    const subx_call_stats *x = &a->stats, *y = &b->stats;
    if (x->bytes_allocated != y->bytes_allocated ||
        x->bytes_allocated_peak != y->bytes_allocated_peak ||
        x->bytes_allocated_sum != y->bytes_allocated_sum ||
        x->address_space_used != y->address_space_used || x->memory_pages != y->memory_pages)
        fail_msg("%s: statistics differ: %u and %u bytes, %u and %u pages", what,
                 x->bytes_allocated, y->bytes_allocated, x->memory_pages, y->memory_pages);
}

subx_slice u32_input(uint32_t value)
{
    static _Thread_local uint8_t rooms[4][4];
    static _Thread_local unsigned next;
    uint8_t *room = rooms[next++ % 4];
    subx_store_u32(room, value);
    return subx_slice__of(room, 4);
}

uint32_t u32_output(const struct outcome *outcome)
{
    assert_int_equal(outcome->status, SUBX_OK);
    assert_int_equal(outcome->output.len, 4);
    return subx_load_u32(outcome->output.data);
}
