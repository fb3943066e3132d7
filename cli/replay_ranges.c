/*
 * Ranges of blocks side by side: from each of several states to the next one. Where a state belongs
 * is found by its head or its root, and when the range before it is done, it must have led there.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "output.h"
#include "progress.h"
#include "replay.h"

#define NOWHERE UINT64_MAX

struct range {
    const char *path;
    subx_state *state;
    bool has_head;
    subx_block_id head;
    uint8_t root[32]; /* of the state, before anything is executed */
    /* Places of blocks in the file: the first one, and the one behind the last. */
    uint64_t first, end;
    struct replay_tally tally;
    subx_status status;
    subx_error error;
};

struct work {
    const struct replay_settings *settings;
    subx_executor *executor;
    const subx_chain_options *chain_options;
    struct range *ranges; /* in the order of their blocks */
    size_t count;
    uint64_t first_in_range, last_in_file; /* places of the first block, and behind the last */
    pthread_mutex_t lock;                  /* guards what follows */
    size_t next;                           /* range that nobody has taken */
    uint64_t done, total, start;
    struct progress progress;
    atomic_bool failed;
};

/* ---- Where the states belong ---- */

/* What the block before tells of the place between two blocks. */
struct before {
    bool is_known;
    subx_header header;
};

static bool fits(const struct range *range, const struct before *before, const subx_header *header)
{
    uint8_t hash[32];
    if (range->has_head)
        return memcmp(range->head.hash, header->parent_hash, sizeof hash) == 0;
    if (before->is_known)
        return memcmp(range->root, before->header.state_root, sizeof hash) == 0;
    subx_genesis_hash(range->root, hash);
    return memcmp(hash, header->parent_hash, sizeof hash) == 0;
}

static void set_message(subx_error *error, const char *path, const char *text)
{
    error->status = SUBX_INVALID_INPUT;
    snprintf(error->message, sizeof error->message, "%s: %s", path, text);
}

/* The states that this block follows: by a known head first. By its root a state may belong elsewhere
 * as well, since some blocks change nothing. */
static subx_status place_states(struct work *work, const subx_block *block, uint64_t place,
                                const struct before *before, subx_error *error)
{
    const struct range *found = NULL;
    for (size_t i = 0; i < 2 * work->count; i++) {
        struct range *const range = &work->ranges[i % work->count];
        if (range->has_head != (i < work->count) || range->first != NOWHERE ||
            !fits(range, before, subx_block_header(block)))
            continue;
        if (found != NULL && range->has_head) {
            set_message(error, range->path, "it is after the same block as another state");
            return SUBX_INVALID_INPUT;
        }
        if (found != NULL)
            continue;
        range->first = place;
        found = range;
    }
    return SUBX_OK;
}

/* Read all blocks once. */
static subx_status find_places(struct work *work, subx_error *error)
{
    subx_block_reader *reader = NULL;
    struct before before = {.is_known = false};
    subx_status status = subx_block_reader_open(work->settings->blocks_path, &reader, error);
    for (uint64_t place = 0; status == SUBX_OK; place++) {
        subx_block *block = NULL;
        status = subx_block_reader_next(reader, &block, error);
        if (status != SUBX_OK || block == NULL)
            break;
        const uint64_t number = subx_block_header(block)->number;
        const bool is_wanted = number >= work->settings->from && number <= work->settings->to;
        if (is_wanted && work->first_in_range == NOWHERE)
            work->first_in_range = place;
        if (is_wanted)
            status = place_states(work, block, place, &before, error);
        before = (struct before){true, *subx_block_header(block)};
        subx_block_free(block);
        work->last_in_file = place + 1;
    }
    subx_block_reader_free(reader);
    return status;
}

static int compare(const void *a, const void *b)
{
    const struct range *const first = a, *const second = b;
    return first->first < second->first ? -1 : first->first > second->first;
}

/* Nothing tells what the first block follows: if one state is left over, it is that. */
static void place_first(struct work *work)
{
    struct range *left_over = NULL;
    for (size_t i = 0; i < work->count; i++) {
        struct range *const range = &work->ranges[i];
        if (range->first == work->first_in_range || (range->first == NOWHERE && left_over != NULL))
            return;
        if (range->first == NOWHERE && !range->has_head)
            left_over = range;
    }
    if (left_over != NULL)
        left_over->first = work->first_in_range;
}

static subx_status arrange(struct work *work, subx_error *error)
{
    subx_status status = find_places(work, error);
    if (status == SUBX_OK)
        place_first(work);
    for (size_t i = 0; i < work->count && status == SUBX_OK; i++) {
        if (work->ranges[i].first != NOWHERE)
            continue;
        set_message(error, work->ranges[i].path,
                    "no block of the range follows this state, by its head or its root, or it "
                    "follows another one");
        status = SUBX_INVALID_INPUT;
    }
    if (status != SUBX_OK)
        return status;
    qsort(work->ranges, work->count, sizeof *work->ranges, compare);
    for (size_t i = 0; i < work->count; i++)
        work->ranges[i].end = i + 1 < work->count ? work->ranges[i + 1].first : work->last_in_file;
    work->total = work->last_in_file - work->ranges[0].first;
    return SUBX_OK;
}

/* ---- Executing ---- */

static void show(struct work *work)
{
    pthread_mutex_lock(&work->lock);
    work->done++;
    if (progress_is_due(&work->progress))
        progress_show(work->done, work->total, "%" PRIu64 " blocks  %.0f blocks/s", work->done,
                      replay_per_second(work->done, clock_now() - work->start));
    pthread_mutex_unlock(&work->lock);
}

static subx_status execute(struct work *work, struct range *range, subx_chain *chain,
                           subx_block_reader *reader)
{
    subx_status status = SUBX_OK;
    for (uint64_t place = 0; place < range->end && !atomic_load(&work->failed); place++) {
        subx_block *block = NULL;
        subx_block_stats stats = {0};
        const uint64_t start = clock_now();
        status = subx_block_reader_next(reader, &block, &range->error);
        range->tally.read_time += clock_now() - start;
        if (status != SUBX_OK || block == NULL ||
            subx_block_header(block)->number > work->settings->to) {
            subx_block_free(block);
            break;
        }
        if (place >= range->first) {
            status = subx_chain_execute(chain, block, &stats, &range->error);
            if (status == SUBX_OK) {
                replay_add_up(&range->tally, block, &stats);
                show(work);
            }
        }
        subx_block_free(block);
        if (status != SUBX_OK)
            break;
    }
    return status;
}

/* What the range made must be what the next one began with. */
static subx_status check_end(const struct work *work, struct range *range)
{
    const struct range *const next = range + 1;
    uint8_t root[32];
    if (next == work->ranges + work->count || range->tally.blocks < range->end - range->first)
        return SUBX_OK;
    const subx_status status = subx_state_root(range->state, root, &range->error);
    if (status != SUBX_OK || memcmp(root, next->root, sizeof root) == 0)
        return status;
    snprintf(range->error.message, sizeof range->error.message,
             "%s: it is not the state after block %" PRIu64, next->path, range->tally.last.number);
    return range->error.status = SUBX_INVALID_STATE_ROOT;
}

static subx_status run_range(struct work *work, struct range *range)
{
    subx_chain *chain = NULL;
    subx_block_reader *reader = NULL;
    subx_status status =
        subx_block_reader_open(work->settings->blocks_path, &reader, &range->error);
    if (status == SUBX_OK)
        status = subx_chain_new(work->executor, range->state, work->chain_options, &chain,
                                &range->error);
    if (status == SUBX_OK)
        status = execute(work, range, chain, reader);
    if (status == SUBX_OK)
        status = check_end(work, range);
    subx_chain_free(chain);
    subx_block_reader_free(reader);
    return status;
}

static void *run_ranges(void *data)
{
    struct work *const work = data;
    for (;;) {
        pthread_mutex_lock(&work->lock);
        struct range *const range = work->next < work->count && !atomic_load(&work->failed)
                                        ? &work->ranges[work->next++]
                                        : NULL;
        pthread_mutex_unlock(&work->lock);
        if (range == NULL)
            return NULL;
        range->status = run_range(work, range);
        if (range->status != SUBX_OK)
            atomic_store(&work->failed, true);
    }
}

static unsigned run_all(struct work *work)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t jobs = work->settings->jobs != 0 ? (size_t)work->settings->jobs
                  : processors > 0          ? (size_t)processors
                                            : 1;
    pthread_t threads[OPT_MAX_REPEATED];
    size_t started = 0;
    if (jobs > work->count)
        jobs = work->count;
    work->start = clock_now();
    progress_start(&work->progress);
    /* this thread is one of them */
    while (started + 1 < jobs && pthread_create(&threads[started], NULL, run_ranges, work) == 0)
        started++;
    (void)run_ranges(work);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    output_progress_end();
    return (unsigned)started + 1;
}

/* ---- The whole ---- */

static void add_tally(struct replay_tally *sum, const struct replay_tally *part)
{
    if (part->blocks == 0)
        return;
    if (sum->blocks == 0)
        sum->first = part->first;
    sum->blocks += part->blocks;
    sum->extrinsics += part->extrinsics;
    sum->runtime_changes += part->runtime_changes;
    sum->last = part->last;
    sum->read_time += part->read_time;
    sum->sum.runtime_time += part->sum.runtime_time;
    sum->sum.execution_time += part->sum.execution_time;
    sum->sum.root_time += part->sum.root_time;
    sum->sum.commit_time += part->sum.commit_time;
    sum->sum.host_functions_time += part->sum.host_functions_time;
    sum->sum.call.host_function_calls += part->sum.call.host_function_calls;
}

static enum exit_code finish(const struct work *work, uint64_t total_time, unsigned jobs)
{
    const struct replay_settings *const settings = work->settings;
    struct replay_tally tally = {.skipped = work->ranges[0].first};
    for (size_t i = 0; i < work->count; i++) {
        const struct range *const range = &work->ranges[i];
        if (range->status != SUBX_OK) {
            const enum exit_code outcome = output_failure(&range->error, settings->json);
            output_hint("in the range from %s on", range->path);
            return outcome;
        }
        add_tally(&tally, &range->tally);
    }
    tally.total_time = total_time;
    if (settings->json)
        replay_print_json(settings, &tally, NULL, jobs);
    else
        replay_print_text(settings, &tally, jobs);
    return EXIT_DONE;
}

static subx_status open_states(struct work *work, subx_error *error)
{
    const struct replay_settings *const settings = work->settings;
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < work->count && status == SUBX_OK; i++) {
        struct range *const range = &work->ranges[i];
        range->path = settings->state_paths[i];
        range->first = NOWHERE;
        status = replay_open_state(settings, range->path, &range->state, &range->has_head,
                                   &range->head, error);
        if (status == SUBX_OK)
            status = subx_state_root(range->state, range->root, error);
    }
    return status;
}

enum exit_code replay_ranges(const struct replay_settings *settings, subx_executor *executor,
                             const subx_chain_options *chain_options)
{
    subx_error error = SUBX_ERROR_INIT;
    struct work work = {
        .settings = settings,
        .executor = executor,
        .chain_options = chain_options,
        .ranges = output_memory(settings->state_count, sizeof *work.ranges),
        .count = settings->state_count,
        .first_in_range = NOWHERE,
    };
    memset(work.ranges, 0, settings->state_count * sizeof *work.ranges);
    pthread_mutex_init(&work.lock, NULL);
    subx_status status = open_states(&work, &error);
    if (status == SUBX_OK)
        status = arrange(&work, &error);
    enum exit_code outcome = EXIT_DONE;
    if (status != SUBX_OK) {
        outcome = output_failure(&error, settings->json);
    } else {
        const uint64_t start = clock_now();
        const unsigned jobs = run_all(&work);
        outcome = finish(&work, clock_now() - start, jobs);
    }
    for (size_t i = 0; i < work.count; i++)
        subx_state_free(work.ranges[i].state);
    pthread_mutex_destroy(&work.lock);
    free(work.ranges);
    return outcome;
}
