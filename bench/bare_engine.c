/*
 * subexec beside the bare engine, on the same code and in one run: compilation (user CPU) and a call of an empty function
 * under pooling with copy-on-write, done by hand with Wasmtime's C API. Usage: bare_engine CODE...
 *
 * Prints, for each CODE, medians: user CPU of compiling with one and the other in turn and their ratio, the artifact's size,
 * loading it from a file, and the call's time with one and the other in turn.
 */
#include <subexec/instrument.h>
#include <subexec/subexec.h>

#include <wasmtime.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define RUNS 5
#define CALLS 4000

static double user_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec * 1e3 + (double)usage.ru_utime.tv_usec / 1e3;
}

static double wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void check(subx_status status, const char *what, const subx_error *error)
{
    if (status != SUBX_OK)
        stop(what, error->message);
}

static void check_engine(wasmtime_error_t *failure, const char *what)
{
    if (failure == NULL)
        return;
    wasm_byte_vec_t text;
    wasmtime_error_message(failure, &text);
    fprintf(stderr, "%s: %.*s\n", what, (int)text.size, text.data);
    exit(1);
}

/* The settings that subexec uses, as far as Wasmtime's C API has them. */
static wasm_engine_t *bare_engine(bool pooling)
{
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED_AND_SIZE);
    wasmtime_config_parallel_compilation_set(config, true);
    wasmtime_config_native_unwind_info_set(config, false);
    wasmtime_config_memory_init_cow_set(config, true);
    wasmtime_config_gc_support_set(config, false);
    wasmtime_config_max_wasm_stack_set(config, (size_t)1 << 20);
    if (pooling) {
        wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
        wasmtime_pooling_allocation_config_total_core_instances_set(pool, 64);
        wasmtime_pooling_allocation_config_total_memories_set(pool, 64);
        wasmtime_pooling_allocation_config_total_tables_set(pool, 64);
        wasmtime_pooling_allocation_config_max_unused_warm_slots_set(pool, 4);
        wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, (size_t)16 << 20);
        wasmtime_pooling_allocation_config_table_elements_set(pool, (size_t)1 << 20);
        wasmtime_pooling_allocation_config_max_memory_size_set(pool, (size_t)4 << 30);
        wasmtime_pooling_allocation_strategy_set(config, pool);
        wasmtime_pooling_allocation_config_delete(pool);
    }
    return wasm_engine_new_with_config(config);
}

static double compile_bare(wasm_engine_t *engine, subx_slice prepared, wasmtime_module_t **module)
{
    const double start = user_ms();
    check_engine(wasmtime_module_new(engine, prepared.data, prepared.len, module),
                 "bare compilation");
    wasm_byte_vec_t artifact;
    check_engine(wasmtime_module_serialize(*module, &artifact), "bare serialisation");
    const double took = user_ms() - start;
    wasm_byte_vec_delete(&artifact);
    return took;
}

static double compile_ours(subx_executor *executor, const subx_code *code,
                           const subx_runtime_options *options, subx_bytes *artifact)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes_free(artifact);
    const double start = user_ms();
    check(subx_artifact_prepare(executor, code, options, artifact, &error), "compilation", &error);
    return user_ms() - start;
}

static void compare_compiling(subx_executor *executor, const subx_code *code, subx_slice prepared,
                              const subx_runtime_options *options, subx_bytes *artifact)
{
    wasm_engine_t *engine = bare_engine(false);
    double bare[RUNS], ours[RUNS], ratio[RUNS];
    for (int i = 0; i < RUNS; i++) {
        wasmtime_module_t *module = NULL;
        bare[i] = compile_bare(engine, prepared, &module);
        wasmtime_module_delete(module);
        ours[i] = compile_ours(executor, code, options, artifact);
        ratio[i] = ours[i] / bare[i];
    }
    printf("  compile, user CPU   bare %.0f ms, subexec %.0f ms, ratio %.3f\n", median(bare, RUNS),
           median(ours, RUNS), median(ratio, RUNS));
    wasm_engine_delete(engine);
}

static void time_loading(subx_executor *executor, subx_slice artifact,
                         const subx_runtime_options *options)
{
    char path[] = "/tmp/subexec-bench-XXXXXX";
    const int file = mkstemp(path);
    if (file < 0 || write(file, artifact.data, artifact.len) != (ssize_t)artifact.len)
        stop(path, "cannot be written");
    close(file);
    double took[RUNS];
    subx_error error = SUBX_ERROR_INIT;
    for (int i = 0; i < RUNS; i++) {
        subx_runtime *runtime = NULL;
        const double start = wall_us();
        check(subx_runtime_load_file(executor, path, options, &runtime, &error), "loading", &error);
        took[i] = wall_us() - start;
        subx_runtime_free(runtime);
    }
    unlink(path);
    printf("  artifact            %zu bytes, loaded from a file in %.2f ms\n", artifact.len,
           median(took, RUNS) / 1e3);
}

/* A call of `test_empty_return` by hand: store, limits, instance, memory, input of nothing, call. */
static double call_bare(wasm_engine_t *engine, const wasmtime_instance_pre_t *pre)
{
    static const char method[] = "test_empty_return", memory_name[] = "memory",
                      heap[] = "__heap_base";
    const double start = wall_us();
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasmtime_store_limiter(store, INT64_C(4) << 30, -1, -1, -1, -1);
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    check_engine(wasmtime_instance_pre_instantiate(pre, context, &instance, &trap), "instance");
    wasmtime_extern_t memory, base, function;
    if (!wasmtime_instance_export_get(context, &instance, memory_name, strlen(memory_name),
                                      &memory) ||
        !wasmtime_instance_export_get(context, &instance, heap, strlen(heap), &base) ||
        !wasmtime_instance_export_get(context, &instance, method, strlen(method), &function))
        stop(method, "an export is missing");
    wasmtime_val_t heap_base;
    wasmtime_global_get(context, &base.of.global, &heap_base);
    uint64_t previous = 0;
    check_engine(wasmtime_memory_grow(context, &memory.of.memory, 2048, &previous), "growing");
    uint8_t *at = wasmtime_memory_data(context, &memory.of.memory) + (uint32_t)heap_base.of.i32;
    memcpy(at, &(uint64_t){UINT64_C(1) << 32}, 8); /* the header of the block for the input */
    wasmtime_val_raw_t values[2] = {{.i32 = heap_base.of.i32 + 8}, {.i32 = 0}};
    check_engine(wasmtime_func_call_unchecked(context, &function.of.func, values, 2, &trap),
                 "call");
    wasmtime_store_delete(store);
    return wall_us() - start;
}

static double call_ours(subx_runtime *runtime)
{
    subx_error error;
    subx_error_clear(&error);
    subx_bytes output = SUBX_BYTES_INIT;
    const double start = wall_us();
    check(subx_runtime_call(runtime, "test_empty_return", SUBX_EMPTY, NULL, &output, &error),
          "call", &error);
    subx_bytes_free(&output);
    return wall_us() - start;
}

static void compare_calls(subx_executor *executor, const subx_code *code, subx_slice prepared,
                          subx_runtime_options options)
{
    wasm_engine_t *engine = bare_engine(true);
    wasmtime_module_t *module = NULL;
    compile_bare(engine, prepared, &module);
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    check_engine(wasmtime_linker_define_unknown_imports_as_traps(linker, module), "imports");
    wasmtime_instance_pre_t *pre = NULL;
    check_engine(wasmtime_linker_instantiate_pre(linker, module, &pre), "imports");
    subx_error error = SUBX_ERROR_INIT;
    subx_runtime *runtime = NULL;
    options.strategy = SUBX_STRATEGY_POOLING_COW;
    check(subx_runtime_new(executor, code, &options, &runtime, &error), "runtime", &error);
    static double bare[CALLS], ours[CALLS];
    for (int i = 0; i < CALLS; i++) {
        bare[i] = call_bare(engine, pre);
        ours[i] = call_ours(runtime);
    }
    const double by_hand = median(bare, CALLS), by_us = median(ours, CALLS);
    printf("  empty, pooling_cow  by hand %.2f us, subexec %.2f us, ratio %.3f\n", by_hand, by_us,
           by_us / by_hand);
    subx_runtime_free(runtime);
    wasmtime_instance_pre_delete(pre);
    wasmtime_linker_delete(linker);
    wasmtime_module_delete(module);
    wasm_engine_delete(engine);
}

static void compare(subx_executor *executor, const char *path)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_code *plain = NULL, *code = NULL;
    check(subx_code_load_file(path, 0, &plain, &error), path, &error);
    check(subx_code_add_bench_functions(plain, &code, &error), path, &error);
    subx_instrument_options passes = SUBX_INSTRUMENT_OPTIONS_INIT;
    passes.memory = SUBX_INSTRUMENT_NO_MAX;
    passes.export_globals = true;
    subx_bytes prepared = SUBX_BYTES_INIT, artifact = SUBX_BYTES_INIT;
    check(subx_code_instrument(code, &passes, &prepared, &error), path, &error);
    const subx_slice wasm = {prepared.data, prepared.len};

    subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
    options.allow_missing_imports = true;
    printf("%s: %zu bytes of Wasm\n", path, wasm.len);
    compare_compiling(executor, code, wasm, &options, &artifact);
    time_loading(executor, (subx_slice){artifact.data, artifact.len}, &options);
    compare_calls(executor, code, wasm, options);

    subx_bytes_free(&artifact);
    subx_bytes_free(&prepared);
    subx_code_free(code);
    subx_code_free(plain);
}

int main(int argc, char **argv)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    check(subx_executor_new(NULL, &executor, &error), "executor", &error);
    for (int i = 1; i < argc; i++)
        compare(executor, argv[i]);
    subx_executor_free(executor);
    return 0;
}
