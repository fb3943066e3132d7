// A C++ program on the installed library.
#include <cstdio>
#include <cstring>
#include <memory>

#include <subexec/subexec.h>

namespace
{
struct release {
    void operator()(subx_executor *executor) const
    {
        subx_executor_free(executor);
    }
    void operator()(subx_runtime *runtime) const
    {
        subx_runtime_free(runtime);
    }
};
} // namespace

int main(int argc, char **argv)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *made = nullptr;
    subx_runtime *loaded = nullptr;
    subx_bytes output = SUBX_BYTES_INIT;
    if (argc != 2 || subx_executor_new(nullptr, &made, &error) != SUBX_OK)
        return 1;
    const std::unique_ptr<subx_executor, release> executor(made);
    if (subx_runtime_load_file(executor.get(), argv[1], nullptr, &loaded, &error) != SUBX_OK) {
        std::fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const std::unique_ptr<subx_runtime, release> runtime(loaded);
    const subx_slice input = {reinterpret_cast<const uint8_t *>("c++"), 3};
    if (subx_runtime_call(runtime.get(), "echo", input, nullptr, &output, &error) != SUBX_OK)
        return 1;
    std::printf("%.*s\n", static_cast<int>(output.len),
                reinterpret_cast<const char *>(output.data));
    subx_bytes_free(&output);
    return 0;
}
