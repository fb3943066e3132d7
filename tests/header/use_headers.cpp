/* A user of C++17: every initializer, linkage of the functions, and a callback. */
#include <subexec/subexec.h>

#include <cstdio>
#include <cstring>

namespace
{

int failures = 0;

void expect(bool holds, const char *what)
{
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", what);
        failures++;
    }
}

void drop_log(void *, subx_log_level, subx_slice, subx_slice)
{
}

} // namespace

int main()
{
    subx_executor_options executor_options = SUBX_EXECUTOR_OPTIONS_INIT;
    subx_runtime_options runtime_options = SUBX_RUNTIME_OPTIONS_INIT;
    subx_call_options call_options = SUBX_CALL_OPTIONS_INIT;
    subx_instrument_options instrument_options = SUBX_INSTRUMENT_OPTIONS_INIT;
    subx_version version = SUBX_VERSION_INIT;
    subx_bytes bytes = SUBX_BYTES_INIT;
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = nullptr;

    call_options.log = drop_log;
    expect(call_options.log == drop_log && call_options.stats == nullptr, "call options");
    expect(instrument_options.struct_size == sizeof instrument_options, "instrument options");
    expect(executor_options.struct_size == sizeof executor_options, "executor options");
    expect(runtime_options.max_code_size == SUBX_MAX_CODE_SIZE, "bound on the code");
    expect(runtime_options.heap.kind == SUBX_HEAP_STATIC, "heap kind");
    expect(std::strcmp(subx_status_name(SUBX_OK), "Ok") == 0, "name of SUBX_OK");
    expect(subx_engine_version()[0] != '\0', "engine version");
    expect(subx_code_load(SUBX_EMPTY, 0, &code, &error) != SUBX_OK, "no code in nothing");
    expect(code == nullptr && error.message[0] != '\0', "a message, and no code");

    subx_version_free(&version);
    subx_bytes_free(&bytes);
    subx_executor_free(nullptr);
    return failures != 0;
}
