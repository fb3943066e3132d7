/* subexec inspect: what can be told about code. */
#include <stdio.h>
#include <string.h>

#include <subexec/runtime.h>

#include "command.h"
#include "inspect.h"
#include "log.h"
#include "opt.h"
#include "output.h"

enum { OPTION_JSON, OPTION_NO_RUN };

static const struct option_spec options[] = {
    [OPTION_JSON] = {"json", NULL, "print facts as JSON"},
    [OPTION_NO_RUN] = {"no-run", NULL,
                       "never run the code; without this, Core_version is called when the\n"
                       "code does not embed its version"},
};

static const struct argument_spec arguments_taken[] = {
    ARGUMENT_CODE,
};

const char *inspect_kind_name(subx_extern_kind kind)
{
    static const char *const names[] = {"function", "table", "memory", "global"};
    return names[kind];
}

bool inspect_is_missing(const subx_extern *import)
{
    return !import->known && import->kind != SUBX_EXTERN_MEMORY;
}

size_t inspect_missing_count(const subx_code *code)
{
    size_t count = 0;
    for (size_t i = 0; i < subx_code_import_count(code); i++) {
        const subx_extern import = subx_code_import(code, i);
        count += inspect_is_missing(&import);
    }
    return count;
}

/* Let the code say its version. */
static subx_status call_version(const subx_code *code, subx_version *version, subx_error *error)
{
    subx_executor *executor = NULL;
    subx_runtime *runtime = NULL;
    subx_bytes scale = SUBX_BYTES_INIT;
    subx_runtime_options runtime_options = SUBX_RUNTIME_OPTIONS_INIT;
    runtime_options.allow_missing_imports = true;
    subx_status status = log_new_executor(&executor, error);
    if (status == SUBX_OK)
        status = subx_runtime_new(executor, code, &runtime_options, &runtime, error);
    if (status == SUBX_OK)
        status = subx_runtime_call(runtime, "Core_version", SUBX_EMPTY, NULL, &scale, error);
    if (status == SUBX_OK)
        status = subx_version_decode((subx_slice){scale.data, scale.len}, version, error);
    subx_bytes_free(&scale);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
    return status;
}

static void find_version(struct inspection *found, bool may_run)
{
    bool embedded = false;
    subx_status status =
        subx_code_version(found->code, &found->version, &embedded, &found->version_error);
    found->version_source = VERSION_EMBEDDED;
    if (status == SUBX_OK && !embedded && !may_run) {
        found->version_source = VERSION_NOT_RUN;
    } else if (status == SUBX_OK && !embedded) {
        status = call_version(found->code, &found->version, &found->version_error);
        found->version_source = VERSION_CALLED;
    }
    if (status != SUBX_OK)
        found->version_source = VERSION_FAILED;
}

/* What the artifact is made for, seen with the default options. */
static subx_status look_at_artifact(struct inspection *found, subx_error *error)
{
    subx_executor *executor = NULL;
    subx_status status = subx_executor_new(NULL, &executor, error);
    if (status == SUBX_OK)
        status = subx_artifact_inspect_file(executor, found->path, NULL, &found->artifact, error);
    subx_executor_free(executor);
    return status;
}

static enum exit_code run(const struct arguments *arguments)
{
    const bool json = arguments->given[OPTION_JSON];
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    if (subx_code_load_file(arguments->positional[0], 0, &code, &error) != SUBX_OK)
        return output_failure(&error, json);
    struct inspection found = {
        .path = arguments->positional[0],
        .code = code,
        .version = SUBX_VERSION_INIT,
        .version_error = SUBX_ERROR_INIT,
        .strict_error = SUBX_ERROR_INIT,
    };
    if (subx_code_info_of(code).container == SUBX_CODE_ARTIFACT &&
        look_at_artifact(&found, &error) != SUBX_OK) {
        subx_code_free(code);
        return output_failure(&error, json);
    }
    (void)subx_code_check_strict(code, &found.strict_error);
    find_version(&found, !arguments->given[OPTION_NO_RUN]);
    if (json)
        inspect_print_json(&found);
    else
        inspect_print_text(&found);
    subx_version_free(&found.version);
    subx_code_free(code);
    return EXIT_DONE;
}

const struct command command_inspect = {
    .name = "inspect",
    .keeps_code = true,
    .summary = "Tell what is in the code of a runtime",
    .details =
        "Prints sizes, code hash, version and APIs, imports, exports, memory, and which Wasm\n"
        "extensions the code needs; of an artifact also what it is made for.",
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
