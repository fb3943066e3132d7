/* The executor: engines by semantics. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <subexec/subexec.h>
#include <subexec_rust_engine.h>

#include "exec/runtime_cache.h"
#include "platform/folder.h"
#include "platform/stack.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

const char *subx_library_version(void)
{
    return SUBX_VERSION;
}

const char *subx_engine_version(void)
{
    return subx_rust_engine_version();
}

static void free_executor(subx_executor *executor)
{
    while (executor->engines != NULL) {
        struct subx_engine *engine = executor->engines;
        executor->engines = engine->next;
        subx_engine__free(engine);
    }
    subx_runtime_cache__free(executor->cache);
    subx_page_tables__close(executor->page_tables);
    subx_stack_cache__free(executor->stacks);
    pthread_mutex_destroy(&executor->lock);
    subx_mem__free(executor->artifact_folder);
    subx_mem__free(executor);
}

/* What an executor has besides its options. */
static subx_status fill(subx_executor *executor, subx_error *error)
{
    const subx_executor_options *const options = &executor->options;
    struct subx_file_fault fault;
    pthread_mutex_init(&executor->lock, NULL);
    executor->stacks = subx_stack_cache__new();
    executor->cache = subx_runtime_cache__new(options->cache_runtimes, options->cache_bytes);
    if (executor->stacks == NULL || executor->cache == NULL)
        return subx_error__nomem(error);
    if (options->artifact_folder == NULL)
        return SUBX_OK;
    executor->artifact_folder = subx_mem__strdup(options->artifact_folder);
    executor->options.artifact_folder = NULL; /* lent for the call */
    if (executor->artifact_folder == NULL)
        return subx_error__nomem(error);
    if (!subx_folder__make_private(executor->artifact_folder, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", executor->artifact_folder, fault.reason);
    return SUBX_OK;
}

subx_status subx_executor_new(const subx_executor_options *options, subx_executor **out,
                              subx_error *error)
{
    static const subx_executor_options defaults = SUBX_EXECUTOR_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    subx_executor *executor = subx_mem__calloc(1, sizeof *executor);
    if (executor == NULL)
        return subx_error__nomem(error);
    executor->references = 1;
    executor->options = options != NULL ? *options : defaults;
    const subx_status status = fill(executor, error);
    if (status != SUBX_OK) {
        free_executor(executor);
        return status;
    }
    const char *profiler = subx_engine__unknown_profiler();
    if (profiler != NULL)
        subx_executor__notice(executor, SUBX_LOG_WARN,
                              "WASMTIME_PROFILING_STRATEGY=%s is not available, only perfmap is",
                              profiler);
    *out = executor;
    return SUBX_OK;
}

subx_executor *subx_executor__retain(subx_executor *executor)
{
    atomic_fetch_add_explicit(&executor->references, 1, memory_order_relaxed);
    return executor;
}

void subx_executor__release(subx_executor *executor)
{
    if (atomic_fetch_sub_explicit(&executor->references, 1, memory_order_acq_rel) == 1)
        free_executor(executor);
}

void subx_executor_free(subx_executor *executor)
{
    if (executor == NULL)
        return;
    /* the runtimes there hold references to the executor */
    subx_runtime_cache__close(executor->cache);
    subx_executor__release(executor);
}

subx_status subx_executor__engine(subx_executor *executor, const struct subx_engine_config *config,
                                  struct subx_engine **out, subx_error *error)
{
    subx_status status = SUBX_OK;
    pthread_mutex_lock(&executor->lock);
    struct subx_engine *engine = executor->engines;
    while (engine != NULL && !subx_engine__same_config(&engine->config, config))
        engine = engine->next;
    if (engine == NULL) {
        status = subx_engine__new(config, &engine, error);
        if (status == SUBX_OK) {
            engine->next = executor->engines;
            executor->engines = engine;
        }
    }
    pthread_mutex_unlock(&executor->lock);
    *out = engine;
    return status;
}

struct subx_page_support subx_executor__page_support(subx_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    if (!executor->probed) {
        executor->pages = subx_pages__probe();
        executor->page_tables = subx_page_tables__open(executor->pages.scan);
        executor->probed = true;
    }
    const struct subx_page_support support = executor->pages;
    pthread_mutex_unlock(&executor->lock);
    return support;
}

void subx_executor__notice(const subx_executor *executor, subx_log_level level, const char *format,
                           ...)
{
    if (executor->options.log == NULL)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len > 0)
        executor->options.log(executor->options.log_data, level, subx_slice__text("subexec"),
                              subx_slice__text(text));
}
