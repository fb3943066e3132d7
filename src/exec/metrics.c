/* Counters of an executor as text for Prometheus (exposition format 0.0.4). */
#include <inttypes.h>
#include <stdio.h>

#include <subexec/cache.h>

#include "util/bytes.h"
#include "util/check.h"
#include "util/error.h"

static void append(struct subx_buf *text, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    char line[320];
    const int len = snprintf(line, sizeof line,
                             "# HELP subexec_%s %s\n# TYPE subexec_%s %s\nsubexec_%s %" PRIu64 "\n",
                             name, help, name, type, name, value);
    if (len > 0)
        subx_buf__append(text, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

subx_status subx_executor_metrics(subx_executor *executor, subx_bytes *text, subx_error *error)
{
    SUBX_CHECK_ARG(text != NULL, error);
    *text = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(executor != NULL, error);
    const subx_executor_stats stats = subx_executor_stats_of(executor);
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } list[] = {
        {"runtime_cache_hits_total", "counter", "Runtimes found in memory.", stats.hits},
        {"runtime_cache_waits_total", "counter",
         "Runtimes waited for while another thread made them.", stats.waits},
        {"runtime_cache_evictions_total", "counter", "Runtimes dropped to make room.",
         stats.evicted},
        {"runtime_cache_runtimes", "gauge", "Runtimes in memory.", stats.runtimes},
        {"runtime_cache_bytes", "gauge", "Bytes of compiled code in memory.", stats.bytes},
        {"compilations_total", "counter", "Codes compiled.", stats.compilations},
        {"artifacts_loaded_total", "counter", "Runtimes made of artifacts in the folder.",
         stats.artifacts_loaded},
        {"artifacts_written_total", "counter", "Artifacts written to the folder.",
         stats.artifacts_written},
        {"artifacts_failed_total", "counter", "Artifacts that could not be written.",
         stats.artifacts_failed},
        {"artifacts_replaced_total", "counter", "Artifacts that were of no use.",
         stats.artifacts_replaced},
        {"preparations", "gauge", "Preparations that wait or run.", stats.preparations},
    };
    struct subx_buf buf = SUBX_BUF_INIT;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        append(&buf, list[i].name, list[i].type, list[i].help, list[i].value);
    return subx_buf__finish(&buf, text, error);
}
