/* subexec replay: execute real blocks, check every state root. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build_report.h"
#include "clock.h"
#include "command.h"
#include "load_state.h"
#include "log.h"
#include "opt.h"
#include "output.h"
#include "progress.h"
#include "replay.h"
#include "runtime_opt.h"

enum {
    OPTION_STATE,
    OPTION_JOBS,
    OPTION_FROM,
    OPTION_TO,
    OPTION_EXTRINSICS,
    OPTION_JSON,
    OPTION_STATE_VERSION,
    OPTION_DURABILITY,
    OPTION_STRATEGY,
    OPTION_HEAP,
    OPTION_ALLOW_MISSING,
    OPTION_IMPORTS,
    OPTION_LOG,
    OPTION_TIME_HOST
};

static const struct option_spec options[] = {
    [OPTION_STATE] = {"state", "FILE|DB...",
                      "the state before the first block; needed. With the folder of a\n"
                      "database the blocks become part of it, and those that it has\n"
                      "already are passed over. Given several times: states after\n"
                      "different blocks; the ranges from each to the next are executed\n"
                      "side by side"},
    [OPTION_JOBS] = {"jobs", "NUMBER",
                     "with several states: how many ranges at a time (default: as\n"
                     "many as there are processors)"},
    [OPTION_FROM] = {"from", "NUMBER", "leave out blocks with lower numbers"},
    [OPTION_TO] = {"to", "NUMBER", "stop after this block"},
    [OPTION_EXTRINSICS] = {"extrinsics", NULL,
                           "execute extrinsic by extrinsic, as an author does, and tell what\n"
                           "each did; with --json as lines of JSON"},
    [OPTION_JSON] = {"json", NULL, "print facts as JSON"},
    [OPTION_STATE_VERSION] = SPEC_STATE_VERSION,
    [OPTION_DURABILITY] = SPEC_DURABILITY,
    [OPTION_STRATEGY] = SPEC_STRATEGY,
    [OPTION_HEAP] = {"heap", "STRATEGY",
                     "static:PAGES (default: static:2048), dynamic, or\n"
                     "dynamic:MAXIMUM, in pages of 64 KiB; blocks get twice as much,\n"
                     "and :heappages in the state goes before it"},
    [OPTION_ALLOW_MISSING] = SPEC_ALLOW_MISSING,
    [OPTION_IMPORTS] = SPEC_IMPORTS,
    [OPTION_LOG] = {"log", "LEVEL",
                    "print the runtime's log on standard error: error, warn, info,\n"
                    "debug or trace"},
    [OPTION_TIME_HOST] = {"time-host-functions", NULL,
                          "tell what host functions took, apart from the execution of the\n"
                          "runtime's own code; the clock is read twice for each of them,\n"
                          "which makes the whole somewhat slower"},
};

static const struct argument_spec arguments_taken[] = {
    {"BLOCKS", "file with blocks as nodes' RPC gives them (SignedBlock JSON), or as SCALE in\n"
               "hex, one a line; - for standard input"},
};

struct replay {
    const struct replay_settings *settings;
    subx_state *state;
    subx_chain *chain;
    subx_block_reader *reader;
    /* Of a database: the block that it is after. */
    bool has_head, head_seen; /* and whether it came by */
    subx_block_id head;
    struct progress progress;
    struct replay_tally tally;
    uint64_t number;       /* of the block that is executed */
    bool is_first_failure; /* the first block that was executed failed */
};

static enum exit_code parse(const struct arguments *given, struct replay_settings *out)
{
    const struct command *command = given->command;
    *out = (struct replay_settings){
        .blocks_path = given->positional[0],
        .imports_path = given->values[OPTION_IMPORTS],
        .to = UINT64_MAX,
        .runtime = SUBX_RUNTIME_OPTIONS_INIT,
        .json = given->given[OPTION_JSON],
        .extrinsics = given->given[OPTION_EXTRINSICS],
        .time_host_functions = given->given[OPTION_TIME_HOST],
    };
    size_t at = 0;
    const char *state = opt_next(given, OPTION_STATE, &at);
    for (; state != NULL; state = opt_next(given, OPTION_STATE, &at))
        out->state_paths[out->state_count++] = state;
    if (out->state_count == 0)
        return opt_wrong(command, "replay: option --state FILE is missing");
    out->state_path = out->state_paths[0];
    out->is_database = out->state_count == 1 && load_is_database(out->state_path);
    const char *jobs = given->values[OPTION_JOBS];
    if (jobs != NULL && !opt_number(jobs, 1, 256, &out->jobs))
        return opt_wrong(command, "replay: --jobs is a number from 1 to 256, not %s", jobs);
    if (out->state_count > 1 && given->given[OPTION_EXTRINSICS])
        return opt_wrong(command, "replay: --extrinsics takes one state");
    if (out->state_count > 1 && strcmp(out->blocks_path, "-") == 0)
        return opt_wrong(command, "replay: several states need a file with blocks: it is read "
                                  "more than once");
    if (out->state_count == 1 && out->jobs > 1)
        return opt_wrong(command, "replay: --jobs needs several states: from one, the blocks "
                                  "follow each other");
    if (!load_durability(given->values[OPTION_DURABILITY], &out->durability))
        return opt_wrong(command, "replay: --durability is process or power, not %s",
                         given->values[OPTION_DURABILITY]);
    if (out->extrinsics && out->time_host_functions)
        return opt_wrong(command,
                         "replay: --extrinsics and --time-host-functions exclude each other");
    const char *from = given->values[OPTION_FROM], *to = given->values[OPTION_TO];
    if (from != NULL && !opt_number(from, 0, UINT64_MAX, &out->from))
        return opt_wrong(command, "replay: --from is a block number, not %s", from);
    if (to != NULL && !opt_number(to, 0, UINT64_MAX, &out->to))
        return opt_wrong(command, "replay: --to is a block number, not %s", to);
    if (out->from > out->to)
        return opt_wrong(command, "replay: --from is greater than --to");
    if (!load_state_version(given->values[OPTION_STATE_VERSION], &out->state_version))
        return opt_wrong(command, "replay: --state-version is 0 or 1, not %s",
                         given->values[OPTION_STATE_VERSION]);
    const char *level = given->values[OPTION_LOG];
    if (level != NULL && !log_level_of(level, &out->log_level))
        return opt_wrong(command, "replay: --log is error, warn, info, debug or trace, not %s",
                         level);
    return runtime_opt_read(given, &out->runtime);
}

/* ---- The loop ---- */

static void show_progress(struct replay *replay, uint64_t start)
{
    const struct replay_tally *tally = &replay->tally;
    uint64_t bytes_read = 0, size = 0;
    if (!progress_is_due(&replay->progress))
        return;
    const uint64_t spent = clock_now() - start;
    subx_block_reader_progress(replay->reader, &bytes_read, &size);
    progress_show(bytes_read, size, "block %" PRIu64 "  %.0f blocks/s  %.0f extrinsics/s",
                  tally->last.number, replay_per_second(tally->blocks, spent),
                  replay_per_second(tally->extrinsics, spent));
}

/* Whether the database has a block already; the one that it is after must be the same. */
static subx_status is_done(struct replay *replay, const subx_block *block, bool *done,
                           subx_error *error)
{
    const subx_header *header = subx_block_header(block);
    *done = replay->has_head && header->number <= replay->head.number;
    if (!*done || header->number < replay->head.number)
        return SUBX_OK;
    replay->head_seen = memcmp(header->hash, replay->head.hash, sizeof header->hash) == 0;
    if (replay->head_seen)
        return SUBX_OK;
    error->status = SUBX_INVALID_INPUT;
    int at =
        snprintf(error->message, sizeof error->message, "block %" PRIu64 " is 0x", header->number);
    for (size_t i = 0; i < sizeof header->hash; i++)
        at += snprintf(error->message + at, 3, "%02x", header->hash[i]);
    at += snprintf(error->message + at, 64, ", but the database is after another one, 0x");
    for (size_t i = 0; i < sizeof header->hash; i++)
        at += snprintf(error->message + at, 3, "%02x", replay->head.hash[i]);
    return SUBX_INVALID_INPUT;
}

/* The next block of the range; NULL at its end. */
static subx_status next_block(struct replay *replay, subx_block **block, subx_error *error)
{
    const struct replay_settings *settings = replay->settings;
    const uint64_t start = clock_now();
    subx_status status = SUBX_OK;
    for (;;) {
        *block = NULL;
        if (replay->tally.blocks > 0 && replay->tally.last.number >= settings->to)
            break;
        status = subx_block_reader_next(replay->reader, block, error);
        if (status != SUBX_OK || *block == NULL)
            break;
        const uint64_t number = subx_block_header(*block)->number;
        bool done = false;
        status = is_done(replay, *block, &done, error);
        if (status != SUBX_OK || (!done && number >= settings->from && number <= settings->to))
            break;
        replay->tally.skipped++;
        subx_block_free(*block);
        if (number > settings->to) {
            *block = NULL;
            break;
        }
    }
    if (status != SUBX_OK) {
        subx_block_free(*block);
        *block = NULL;
    }
    replay->tally.read_time += clock_now() - start;
    return status;
}

/* What an extrinsic did, before the block's root is known. */
static subx_status tell_extrinsic(void *data, size_t index, const subx_applied *applied)
{
    const struct replay *replay = data;
    output_progress_end();
    if (replay->settings->json) {
        json_t *object = build_report_extrinsic(index, applied);
        output_json_set(object, "block", json_integer((json_int_t)replay->number));
        output_json_line(object);
        return SUBX_OK;
    }
    printf("block %" PRIu64 "  extrinsic %-4zu %-8s", replay->number, index,
           build_report_result(applied->kind));
    if (applied->events_known)
        printf("%4" PRIu32 " %s", applied->events, applied->events == 1 ? "event " : "events");
    else
        fputs("   ? events", stdout);
    printf("%10.3f ms%s%s\n", clock_milliseconds(applied->time),
           applied->reason[0] != '\0' ? "  " : "", applied->reason);
    return SUBX_OK;
}

static subx_status execute(struct replay *replay, const subx_block *block, subx_block_stats *stats,
                           subx_error *error)
{
    replay->number = subx_block_header(block)->number;
    return replay->settings->extrinsics
               ? subx_chain_execute_each(replay->chain, block, tell_extrinsic, replay, stats, error)
               : subx_chain_execute(replay->chain, block, stats, error);
}

static subx_status run_blocks(struct replay *replay, subx_error *error)
{
    const uint64_t start = clock_now();
    subx_status status = SUBX_OK;
    progress_start(&replay->progress);
    while (status == SUBX_OK) {
        subx_block *block = NULL;
        subx_block_stats stats = {0};
        status = next_block(replay, &block, error);
        if (status != SUBX_OK || block == NULL)
            break;
        if (replay->tally.blocks == 0)
            output_progress("compiling the runtime");
        status = execute(replay, block, &stats, error);
        if (status == SUBX_OK) {
            replay_add_up(&replay->tally, block, &stats);
            show_progress(replay, start);
        } else {
            replay->is_first_failure = replay->tally.blocks == 0;
            replay->tally.last = *subx_block_header(block);
        }
        subx_block_free(block);
    }
    output_progress_end();
    replay->tally.total_time = clock_now() - start;
    /* an empty file is what is left of something that went wrong before */
    if (status == SUBX_OK && replay->tally.blocks == 0 && replay->tally.skipped == 0) {
        error->status = status = SUBX_INVALID_INPUT;
        snprintf(error->message, sizeof error->message, "%s: there is no block in it",
                 replay->settings->blocks_path);
    }
    return status;
}

/* ---- Results ---- */

/* The first block failed: if its parent is not the genesis block of the state, that is why. */
static void hint_at_state(const struct replay *replay)
{
    uint8_t hash[32];
    uint8_t root[32];
    const subx_header *header = &replay->tally.last;
    if (!replay->is_first_failure || replay->has_head ||
        subx_state_root(replay->state, root, NULL) != SUBX_OK)
        return;
    subx_genesis_hash(root, hash);
    if (header->number == 1 && memcmp(hash, header->parent_hash, 32) != 0)
        output_hint("the block's parent is not the genesis block of this state: is it another "
                    "chain's?");
    else if (header->number != 1)
        output_hint("the state must be the one after block %" PRIu64, header->number - 1);
}

static enum exit_code fail(const struct replay_settings *settings, const subx_error *error)
{
    return settings->json && settings->extrinsics ? output_failure_line(error)
                                                  : output_failure(error, settings->json);
}

static enum exit_code finish(const struct replay *replay, subx_status status,
                             const subx_error *error)
{
    const struct replay_tally *tally = &replay->tally;
    if (status == SUBX_OK) {
        if (replay->settings->json)
            replay_print_json(replay->settings, tally, replay->has_head ? &replay->head : NULL, 0);
        else
            replay_print_text(replay->settings, tally, 0);
        if (replay->has_head && tally->blocks == 0 && tally->skipped > 0 && !replay->head_seen)
            output_hint("block %" PRIu64 ", which the database is after, is not among the %" PRIu64
                        " that were left out: they may be another chain's",
                        replay->head.number, tally->skipped);
        else if (tally->blocks == 0 && replay->has_head)
            output_hint("no block comes after the database's, number %" PRIu64 " (%" PRIu64
                        " were left out)",
                        replay->head.number, tally->skipped);
        else if (tally->blocks == 0)
            output_hint("no block was in the range (%" PRIu64 " were left out)", tally->skipped);
        return EXIT_DONE;
    }
    const enum exit_code outcome = fail(replay->settings, error);
    if (tally->blocks > 0)
        output_hint("%" PRIu64 " blocks before it were right", tally->blocks);
    hint_at_state(replay);
    return outcome;
}

static subx_status open_blocks(const char *path, subx_block_reader **reader, subx_error *error)
{
    return strcmp(path, "-") == 0
               ? subx_block_reader_open_descriptor(STDIN_FILENO, "standard input", reader, error)
               : subx_block_reader_open(path, reader, error);
}

/* The database that blocks go into. */
static subx_status open_database(const struct replay_settings *settings, const char *path,
                                 subx_state **state, bool *has_head, subx_block_id *head,
                                 subx_error *error)
{
    subx_database_options opened = SUBX_DATABASE_OPTIONS_INIT;
    bool is_empty = false;
    opened.durability = settings->durability;
    subx_status status = subx_state_open(path, &opened, state, error);
    if (status == SUBX_OK)
        status = load_is_empty(*state, &is_empty, error);
    if (status == SUBX_OK && is_empty) {
        error->status = status = SUBX_INVALID_INPUT;
        snprintf(error->message, sizeof error->message,
                 "%s: the database has no keys; `subexec state import FILE %s` fills it", path,
                 path);
    }
    if (status == SUBX_OK)
        status = subx_state_head(*state, has_head, head, error);
    return status;
}

subx_status replay_open_state(const struct replay_settings *settings, const char *path,
                              subx_state **state, bool *has_head, subx_block_id *head,
                              subx_error *error)
{
    *has_head = false;
    return load_is_database(path) ? open_database(settings, path, state, has_head, head, error)
                                  : load_state(path, settings->state_version, state, NULL, error);
}

static subx_status open_state(struct replay *replay, subx_error *error)
{
    const struct replay_settings *settings = replay->settings;
    const subx_status status = replay_open_state(settings, settings->state_path, &replay->state,
                                                 &replay->has_head, &replay->head, error);
    if (status == SUBX_OK && replay->has_head && replay->head.number > 0 && !settings->json) {
        output_label("resumed");
        printf("after block %" PRIu64 ", ", replay->head.number);
        output_hex(stdout, (subx_slice){replay->head.hash, sizeof replay->head.hash});
        putchar('\n');
        (void)output_flush();
    }
    return status;
}

/* One state: the blocks follow each other. */
static enum exit_code replay_all(const struct replay_settings *settings, subx_executor *executor,
                                 const subx_chain_options *chain_options)
{
    subx_error error = SUBX_ERROR_INIT;
    struct replay replay = {.settings = settings};
    subx_status status = open_blocks(settings->blocks_path, &replay.reader, &error);
    if (status == SUBX_OK)
        status = open_state(&replay, &error);
    if (status == SUBX_OK)
        status = subx_chain_new(executor, replay.state, chain_options, &replay.chain, &error);
    if (status == SUBX_OK)
        status = run_blocks(&replay, &error);
    const enum exit_code outcome = finish(&replay, status, &error);
    subx_chain_free(replay.chain);
    subx_state_free(replay.state);
    subx_block_reader_free(replay.reader);
    return outcome;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct replay_settings settings;
    const enum exit_code wrong = parse(arguments, &settings);
    if (wrong != EXIT_DONE)
        return wrong;
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    subx_import_policy *policy = NULL; /* chains make runtimes with it until they are freed */
    subx_chain_options chain_options = SUBX_CHAIN_OPTIONS_INIT;
    chain_options.runtime = &settings.runtime;
    chain_options.log = settings.log_level != SUBX_LOG_OFF ? log_print : NULL;
    chain_options.log_level = settings.log_level;
    chain_options.time_host_functions = settings.time_host_functions;
    subx_status status =
        runtime_opt_load_imports(settings.imports_path, &settings.runtime, &policy, &error);
    if (status == SUBX_OK)
        status = log_new_executor(&executor, &error);
    const enum exit_code outcome = status != SUBX_OK ? fail(&settings, &error)
                                   : settings.state_count == 1
                                       ? replay_all(&settings, executor, &chain_options)
                                       : replay_ranges(&settings, executor, &chain_options);
    subx_executor_free(executor);
    subx_import_policy_free(policy);
    return outcome;
}

const struct command command_replay = {
    .name = "replay",
    .keeps_code = true,
    .summary = "Execute real blocks and check every state root",
    .details =
        "Each block is executed by the runtime that its parent's state holds, as a node does\n"
        "that imports it. The first wrong state root ends it with exit code 1.\n"
        "A database keeps what the blocks change, block by block: after any end of the\n"
        "program the same command goes on where it was.",
    .arguments = arguments_taken,
    .argument_count = sizeof arguments_taken / sizeof arguments_taken[0],
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
