/* What the files of `replay` share. */
#ifndef SUBX_CLI_REPLAY_H
#define SUBX_CLI_REPLAY_H

#include <subexec/chain.h>
#include <subexec/database.h>

#include "opt.h"

struct replay_settings {
    const char *state_path, *blocks_path, *imports_path; /* the first state */
    const char *state_paths[OPT_MAX_REPEATED];
    size_t state_count;
    uint64_t jobs; /* 0: as many as there are processors */
    uint64_t from, to;
    uint8_t state_version;
    bool is_database;
    subx_durability durability;
    subx_runtime_options runtime;
    subx_log_level log_level;
    bool json, extrinsics, time_host_functions;
};

struct replay_tally {
    uint64_t blocks, extrinsics, skipped, runtime_changes;
    uint64_t first; /* number */
    subx_header last;
    /* Nanoseconds: all of the loop, reading of blocks, what the blocks took. */
    uint64_t total_time, read_time;
    subx_block_stats sum;
};

/* Add a block that was right. */
void replay_add_up(struct replay_tally *tally, const subx_block *block,
                   const subx_block_stats *stats);

double replay_per_second(uint64_t count, uint64_t nanoseconds);

/* Open the state at `path`, from a file or a database that blocks go into; `*has_head` and `head` say
 * which block a database is after. */
subx_status replay_open_state(const struct replay_settings *settings, const char *path,
                              subx_state **state, bool *has_head, subx_block_id *head,
                              subx_error *error);

/* Print what a replay came to; `jobs` 0: blocks one after the other. */
void replay_print_json(const struct replay_settings *settings, const struct replay_tally *tally,
                       const subx_block_id *resumed_after, unsigned jobs);
void replay_print_text(const struct replay_settings *settings, const struct replay_tally *tally,
                       unsigned jobs);

/* Replay the ranges between several states side by side; the executor and the chain's options are
 * the caller's. */
enum exit_code replay_ranges(const struct replay_settings *settings, subx_executor *executor,
                             const subx_chain_options *chain_options);

#endif
