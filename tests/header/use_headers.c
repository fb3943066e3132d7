/* A user of plain C, built as C99 and as C17: every initializer, and calls that need no runtime. */
#include <subexec/subexec.h>

#include <stdio.h>
#include <string.h>

/* Count a broken expectation; `assert` would vanish in release builds. */
static int expect(int holds, const char *what)
{
    if (!holds)
        fprintf(stderr, "does not hold: %s\n", what);
    return !holds;
}

int main(void)
{
    const subx_executor_options executor_options = SUBX_EXECUTOR_OPTIONS_INIT;
    const subx_runtime_options runtime_options = SUBX_RUNTIME_OPTIONS_INIT;
    const subx_call_options call_options = SUBX_CALL_OPTIONS_INIT;
    const subx_instrument_options instrument_options = SUBX_INSTRUMENT_OPTIONS_INIT;
    const subx_slice empty = SUBX_EMPTY;
    subx_version version = SUBX_VERSION_INIT;
    subx_bytes bytes = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    int failures = 0;

    failures += expect(executor_options.struct_size == sizeof executor_options, "executor options");
    failures += expect(runtime_options.max_code_size == SUBX_MAX_CODE_SIZE, "bound on the code");
    failures += expect(runtime_options.heap.pages == 2048, "heap pages");
    failures += expect(!runtime_options.allow_missing_imports, "imports are strict");
    failures += expect(instrument_options.export_memory && instrument_options.heap.pages == 2048,
                       "instrument options");
    failures += expect(call_options.log == NULL && call_options.stats == NULL, "call options");
    failures += expect(strcmp(subx_status_name(SUBX_OK), "Ok") == 0, "name of SUBX_OK");
    failures += expect(subx_library_version()[0] != '\0', "library version");
    failures += expect(subx_host_function_count() > 0, "host functions");

    failures += expect(subx_code_load(empty, 0, &code, &error) != SUBX_OK, "no code in nothing");
    failures += expect(code == NULL && error.message[0] != '\0', "a message, and no code");
    failures += expect(subx_version_decode(empty, &version, NULL) != SUBX_OK, "an empty version");

    subx_error_clear(&error);
    failures += expect(error.status == SUBX_OK && error.message[0] == '\0', "a cleared error");
    subx_version_free(&version);
    subx_bytes_free(&bytes);
    subx_code_free(NULL);
    subx_runtime_free(NULL);
    subx_executor_free(NULL);
    return failures != 0;
}
