/*
 * The whole of a first program: load a runtime, call it, clean up. Usage: minimal CODE, where CODE
 * is a file with Wasm (raw, compressed, hex text) or a raw chain specification.
 */
#include <subexec/subexec.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
    subx_executor *executor = NULL; /* engines, compiled code; one per process is enough */
    subx_runtime *runtime = NULL;   /* compiled code; share it between threads */
    subx_bytes version = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;

    /* Functions that this library does not provide yet fail when they are called, not at once. */
    options.allow_missing_imports = true;

    subx_status status = subx_executor_new(NULL, &executor, &error);
    if (status == SUBX_OK)
        status = subx_runtime_load_file(executor, argv[argc - 1], &options, &runtime, &error);
    if (status == SUBX_OK)
        status = subx_runtime_call(runtime, "Core_version", SUBX_EMPTY, NULL, &version, &error);

    if (status == SUBX_OK)
        printf("Core_version: %zu bytes\n", version.len);
    else
        fprintf(stderr, "%s: %s\n", subx_status_name(status), error.message);

    subx_bytes_free(&version);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
    return status != SUBX_OK;
}
