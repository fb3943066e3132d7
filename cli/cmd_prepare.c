/* subexec prepare: code compiled ahead, as a file. */
#include <stdio.h>
#include <string.h>

#include <subexec/runtime.h>

#include "clock.h"
#include "command.h"
#include "hints.h"
#include "log.h"
#include "opt.h"
#include "output.h"
#include "runtime_opt.h"

enum {
    OPTION_OUTPUT,
    OPTION_JSON,
    OPTION_STRATEGY,
    OPTION_STACK_LIMIT,
    OPTION_EXTENSIONS,
    OPTION_CANONICALIZE
};

static const struct option_spec options[] = {
    [OPTION_OUTPUT] = {"output", "FILE", "where the artifact goes; needed"},
    [OPTION_JSON] = {"json", NULL, "print facts as JSON"},
    [OPTION_STRATEGY] = SPEC_STRATEGY,
    [OPTION_STACK_LIMIT] = SPEC_STACK_LIMIT,
    [OPTION_EXTENSIONS] = SPEC_EXTENSIONS,
    [OPTION_CANONICALIZE] = SPEC_CANONICALIZE,
};

static const struct argument_spec arguments_taken[] = {
    ARGUMENT_CODE,
};

struct preparation {
    const char *code_path, *output_path;
    subx_runtime_options options;
    uint64_t compile_time, processor_time; /* nanoseconds */
    subx_artifact_info info;
};

static subx_status prepare(struct preparation *work, subx_executor *executor, subx_error *error)
{
    subx_code *code = NULL;
    subx_bytes artifact = SUBX_BYTES_INIT;
    subx_status status = subx_code_load_file(work->code_path, 0, &code, error);
    output_progress("compiling %s", work->code_path);
    const uint64_t start = clock_now(), processor_start = clock_processor();
    if (status == SUBX_OK)
        status = subx_artifact_prepare(executor, code, &work->options, &artifact, error);
    work->compile_time = clock_now() - start;
    work->processor_time = clock_processor() - processor_start;
    output_progress_end();
    if (status == SUBX_OK)
        status = subx_artifact_write_file((subx_slice){artifact.data, artifact.len},
                                          work->output_path, error);
    /* Looked at as whoever loads it will. */
    if (status == SUBX_OK)
        status = subx_artifact_inspect_file(executor, work->output_path, &work->options,
                                            &work->info, error);
    subx_bytes_free(&artifact);
    subx_code_free(code);
    return status;
}

static void print_text(const struct preparation *work)
{
    const subx_artifact_info *info = &work->info;
    output_label("artifact");
    output_text(stdout,
                (subx_slice){(const uint8_t *)work->output_path, strlen(work->output_path)});
    putchar('\n');
    output_label("size");
    printf("%zu bytes: %zu compiled, %zu for the code inside\n", info->size, info->compiled_size,
           info->code_size);
    output_label("code hash");
    output_hex(stdout, (subx_slice){info->code_hash, sizeof info->code_hash});
    putchar('\n');
    output_label("engine");
    puts(info->engine_version);
    output_label("compiled");
    printf("in %.3f ms, %.3f ms of processor time\n", clock_milliseconds(work->compile_time),
           clock_milliseconds(work->processor_time));
}

static void print_json(const struct preparation *work)
{
    const subx_artifact_info *info = &work->info;
    json_t *root = json_object();
    output_json_set(root, "size", json_integer((json_int_t)info->size));
    output_json_set(root, "compiled_size", json_integer((json_int_t)info->compiled_size));
    output_json_set(root, "code_size", json_integer((json_int_t)info->code_size));
    output_json_set(root, "code_hash",
                    output_json_hex((subx_slice){info->code_hash, sizeof info->code_hash}));
    output_json_set(root, "engine_version", json_string(info->engine_version));
    output_json_set(root, "compile_ns", json_integer((json_int_t)work->compile_time));
    output_json_set(root, "compile_cpu_ns", json_integer((json_int_t)work->processor_time));
    output_json(root);
}

static enum exit_code run(const struct arguments *arguments)
{
    const bool json = arguments->given[OPTION_JSON];
    struct preparation work = {
        .code_path = arguments->positional[0],
        .output_path = opt_output(arguments, OPTION_OUTPUT),
        .options = SUBX_RUNTIME_OPTIONS_INIT,
    };
    if (work.output_path == NULL)
        return EXIT_USAGE;
    const enum exit_code wrong = runtime_opt_read(arguments, &work.options);
    if (wrong != EXIT_DONE)
        return wrong;
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    subx_status status = log_new_executor(&executor, &error);
    if (status == SUBX_OK)
        status = prepare(&work, executor, &error);
    subx_executor_free(executor);
    if (status != SUBX_OK) {
        const enum exit_code outcome = output_failure(&error, json);
        hints_print(status, work.code_path, NULL);
        return outcome;
    }
    if (json)
        print_json(&work);
    else
        print_text(&work);
    if (!work.info.fits)
        output_hint("the artifact will not be loaded: %s", work.info.reason);
    return EXIT_DONE;
}

const struct command command_prepare = {
    .name = "prepare",
    .summary = "Compile the code of a runtime into an artifact",
    .details =
        "Where CODE is wanted an artifact will do, and need not be compiled. It fits this engine,\n"
        "this kind of machine and these options; what the strategy says about copy-on-write\n"
        "counts, not the strategy itself. It is machine code: keep others from writing it.",
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
