/* What calls and runtimes counted. */
#include "stats.h"

#include "output.h"

void stats_set_call(json_t *object, const subx_call_stats *stats)
{
    output_json_set(object, "bytes_allocated", json_integer(stats->bytes_allocated));
    output_json_set(object, "bytes_allocated_peak", json_integer(stats->bytes_allocated_peak));
    output_json_set(object, "bytes_allocated_sum",
                    json_integer((json_int_t)stats->bytes_allocated_sum));
    output_json_set(object, "address_space_used", json_integer(stats->address_space_used));
    output_json_set(object, "memory_pages", json_integer(stats->memory_pages));
}

void stats_set_runtime(json_t *object, subx_strategy strategy, const subx_runtime_stats *stats)
{
    output_json_set(object, "strategy", json_string(subx_strategy_name(strategy)));
    output_json_set(object, "instances", json_integer((json_int_t)stats->instances));
    output_json_set(object, "discarded", json_integer((json_int_t)stats->discarded));
    output_json_set(object, "resets", json_integer((json_int_t)stats->resets));
    output_json_set(object, "scans", json_integer((json_int_t)stats->scans));
    output_json_set(object, "restored_pages", json_integer((json_int_t)stats->restored_pages));
}
