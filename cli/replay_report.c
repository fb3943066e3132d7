/* What a replay came to. */
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "output.h"
#include "replay.h"

/* The time without making runtimes: ranges that are executed side by side wait side by side. */
static uint64_t spent_on_blocks(const struct replay_tally *tally, unsigned jobs)
{
    const uint64_t waited = tally->sum.runtime_time / (jobs == 0 ? 1 : jobs);
    return tally->total_time > waited ? tally->total_time - waited : 0;
}

double replay_per_second(uint64_t count, uint64_t nanoseconds)
{
    return nanoseconds == 0 ? 0 : (double)count * 1e9 / (double)nanoseconds;
}

void replay_add_up(struct replay_tally *tally, const subx_block *block,
                   const subx_block_stats *stats)
{
    const subx_header *header = subx_block_header(block);
    if (tally->blocks == 0)
        tally->first = header->number;
    tally->blocks++;
    tally->extrinsics += subx_block_extrinsic_count(block);
    tally->last = *header;
    tally->runtime_changes += stats->changes_runtime;
    tally->sum.runtime_time += stats->runtime_time;
    tally->sum.execution_time += stats->execution_time;
    tally->sum.root_time += stats->root_time;
    tally->sum.commit_time += stats->commit_time;
    tally->sum.host_functions_time += stats->host_functions_time;
    tally->sum.call.host_function_calls += stats->call.host_function_calls;
}

/* What the runtime's own code took; host functions too if they were not measured. */
static uint64_t execution_time(const struct replay_tally *tally)
{
    return tally->sum.execution_time - tally->sum.host_functions_time;
}

void replay_print_json(const struct replay_settings *settings, const struct replay_tally *tally,
                       const subx_block_id *resumed_after, unsigned jobs)
{
    const bool has_host_functions = settings->time_host_functions;
    const subx_block_stats *sum = &tally->sum;
    const uint64_t spent = spent_on_blocks(tally, jobs);
    json_t *object = json_object(), *times = json_object();
    if (jobs > 0)
        output_json_set(object, "jobs", json_integer((json_int_t)jobs));
    else if (settings->is_database)
        output_json_set(object, "resumed_after",
                        resumed_after != NULL ? json_integer((json_int_t)resumed_after->number)
                                              : json_null());
    output_json_set(object, "blocks", json_integer((json_int_t)tally->blocks));
    output_json_set(object, "extrinsics", json_integer((json_int_t)tally->extrinsics));
    output_json_set(object, "skipped", json_integer((json_int_t)tally->skipped));
    if (tally->blocks > 0) {
        output_json_set(object, "first", json_integer((json_int_t)tally->first));
        output_json_set(object, "last", json_integer((json_int_t)tally->last.number));
        output_json_set(object, "hash", output_json_hex((subx_slice){tally->last.hash, 32}));
        output_json_set(object, "state_root",
                        output_json_hex((subx_slice){tally->last.state_root, 32}));
    }
    output_json_set(object, "runtime_changes", json_integer((json_int_t)tally->runtime_changes));
    output_json_set(object, "blocks_per_second",
                    json_real(replay_per_second(tally->blocks, spent)));
    output_json_set(object, "extrinsics_per_second",
                    json_real(replay_per_second(tally->extrinsics, spent)));
    if (has_host_functions)
        output_json_set(object, "host_function_calls",
                        json_integer((json_int_t)sum->call.host_function_calls));
    output_json_set(times, "total", json_integer((json_int_t)tally->total_time));
    output_json_set(times, "runtime", json_integer((json_int_t)sum->runtime_time));
    output_json_set(times, "read", json_integer((json_int_t)tally->read_time));
    output_json_set(times, "execution", json_integer((json_int_t)execution_time(tally)));
    if (has_host_functions)
        output_json_set(times, "host_functions",
                        json_integer((json_int_t)sum->host_functions_time));
    output_json_set(times, "root", json_integer((json_int_t)sum->root_time));
    output_json_set(times, "commit", json_integer((json_int_t)sum->commit_time));
    output_json_set(object, "time_ns", times);
    if (settings->extrinsics)
        output_json_line(object);
    else
        output_json(object);
}

static void print_share(const char *name, uint64_t part, uint64_t whole)
{
    printf("  %-10s%10.3f ms", name, clock_milliseconds(part));
    if (whole > 0)
        printf("%6.1f %%", 100 * (double)part / (double)whole);
    putchar('\n');
}

void replay_print_text(const struct replay_settings *settings, const struct replay_tally *tally,
                       unsigned jobs)
{
    const bool has_host_functions = settings->time_host_functions;
    const subx_block_stats *sum = &tally->sum;
    const uint64_t spent = spent_on_blocks(tally, jobs);
    output_label("blocks");
    printf("%" PRIu64, tally->blocks);
    if (tally->blocks > 0)
        printf(" (%" PRIu64 " to %" PRIu64 "), %sall state roots right%s", tally->first,
               tally->last.number, output_colour(stdout, COLOUR_GREEN), output_plain(stdout));
    putchar('\n');
    output_label("extrinsics");
    printf("%" PRIu64 "\n", tally->extrinsics);
    if (tally->blocks > 0) {
        output_label("last block");
        output_hex(stdout, (subx_slice){tally->last.hash, 32});
        putchar('\n');
        output_label("state root");
        output_hex(stdout, (subx_slice){tally->last.state_root, 32});
        putchar('\n');
    }
    output_label("speed");
    printf("%.0f blocks/s, %.0f extrinsics/s, the runtime's compilation left out\n",
           replay_per_second(tally->blocks, spent), replay_per_second(tally->extrinsics, spent));
    output_label("time");
    printf("%.3f s", clock_milliseconds(tally->total_time) / 1e3);
    if (jobs > 0)
        printf(", %u at a time; the parts are sums over the ranges", jobs);
    putchar('\n');
    const uint64_t whole = spent * (jobs == 0 ? 1 : jobs);
    print_share("runtime", sum->runtime_time, 0);
    print_share("reading", tally->read_time, whole);
    print_share("execution", execution_time(tally), whole);
    if (has_host_functions)
        print_share("host", sum->host_functions_time, whole);
    print_share("roots", sum->root_time, whole);
    print_share("commit", sum->commit_time, whole);
}
