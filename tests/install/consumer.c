/* A C program on the installed library. */
#include <stdio.h>

#include <subexec/subexec.h>

int main(int argc, char **argv)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    subx_runtime *runtime = NULL;
    subx_bytes output = SUBX_BYTES_INIT;
    const subx_slice input = {(const uint8_t *)"c", 1};
    subx_status status = subx_executor_new(NULL, &executor, &error);
    if (status == SUBX_OK)
        status = subx_runtime_load_file(executor, argv[argc - 1], NULL, &runtime, &error);
    if (status == SUBX_OK)
        status = subx_runtime_call(runtime, "echo", input, NULL, &output, &error);
    if (status == SUBX_OK)
        printf("%.*s\n", (int)output.len, (const char *)output.data);
    else
        fprintf(stderr, "%s\n", error.message);
    subx_bytes_free(&output);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
    return status != SUBX_OK;
}
