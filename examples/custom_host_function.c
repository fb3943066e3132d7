/*
 * A host function of a chain's own: the runtime imports `ext_my_chain_greet_version_1`, which takes
 * a name and answers a greeting. Usage: custom_host_function CODE NAME.
 */
#include <subexec/subexec.h>

#include <stdio.h>
#include <string.h>

/* The user pointer of this host function. */
struct greeter {
    const char *words;
    unsigned greeted;
};

/* `values` holds the parameters and takes the result: here a pointer-size each, that is a pointer
 * in the low half and a length in the high half. */
static bool greet(void *user, subx_call *call, subx_value *values)
{
    struct greeter *greeter = user;
    subx_slice name;
    if (!subx_call_read(call, (uint32_t)values[0].u64, (uint32_t)(values[0].u64 >> 32), &name))
        return subx_call_fail(call, "the name is outside of the memory");
    if (name.len == 0)
        return subx_call_fail(call, "nobody to greet");

    char text[100];
    const int len = snprintf(text, sizeof text, "%s, %.*s!", greeter->words, (int)name.len,
                             (const char *)name.data);
    if (len < 0 || (size_t)len >= sizeof text)
        return subx_call_fail(call, "the name is too long");
    const subx_slice greeting = {(const uint8_t *)text, (size_t)len};
    greeter->greeted++;
    return subx_call_give(call, greeting, &values[0].u64);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CODE NAME\n", argv[0]);
        return 2;
    }
    struct greeter greeter = {"Hello", 0};
    /* Types as letters: i i32, I i64, f f32, F f64. */
    const subx_host_import imports[] = {
        {"env", "ext_my_chain_greet_version_1", "I", "I", greet, &greeter},
    };
    subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
    options.imports = imports;
    options.import_count = 1;
    options.allow_missing_imports = true;

    subx_executor *executor = NULL;
    subx_runtime *runtime = NULL;
    subx_bytes output = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    const subx_slice name = {(const uint8_t *)argv[2], strlen(argv[2])};

    subx_status status = subx_executor_new(NULL, &executor, &error);
    if (status == SUBX_OK)
        status = subx_runtime_load_file(executor, argv[1], &options, &runtime, &error);
    if (status == SUBX_OK)
        status = subx_runtime_call(runtime, "greet", name, NULL, &output, &error);

    if (status == SUBX_OK)
        printf("%.*s (%u greeted)\n", (int)output.len, (const char *)output.data, greeter.greeted);
    else
        fprintf(stderr, "%s: %s\n", subx_status_name(status), error.message);

    subx_bytes_free(&output);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
    return status != SUBX_OK;
}
