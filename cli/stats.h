/* What calls and runtimes counted, for programs. */
#ifndef SUBX_CLI_STATS_H
#define SUBX_CLI_STATS_H

#include <jansson.h>

#include <subexec/runtime.h>

/* Set members for what the guest's allocator did in a call. */
void stats_set_call(json_t *object, const subx_call_stats *stats);

/* Set members for the strategy in use and the runtime's counters, calls aside. */
void stats_set_runtime(json_t *object, subx_strategy strategy, const subx_runtime_stats *stats);

#endif
