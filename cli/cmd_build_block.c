/* subexec build-block: author blocks with the inherents that the runtime makes itself. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "author.h"
#include "build_report.h"
#include "clock.h"
#include "command.h"
#include "files.h"
#include "load_state.h"
#include "log.h"
#include "opt.h"
#include "output.h"
#include "progress.h"
#include "runtime_opt.h"
#include "state_actions.h"
#include "state_copy.h"

enum {
    OPTION_STATE,
    OPTION_COUNT,
    OPTION_EXTRINSIC,
    OPTION_OUTPUT,
    OPTION_TIME,
    OPTION_SLOT,
    OPTION_SLOT_DURATION,
    OPTION_STEP,
    OPTION_AUTHORITY,
    OPTION_INHERENT,
    OPTION_DIGEST,
    OPTION_PARENT,
    OPTION_JSON,
    OPTION_STATE_VERSION,
    OPTION_STRATEGY,
    OPTION_HEAP,
    OPTION_ALLOW_MISSING,
    OPTION_LOG
};

static const struct option_spec options[] = {
    [OPTION_STATE] = {"state", "FILE|DB",
                      "the state before the first block; needed. A database stays as it\n"
                      "is: its state is copied into memory"},
    [OPTION_COUNT] = {"count", "N", "how many blocks (default: 1)"},
    [OPTION_EXTRINSIC] = {"extrinsic", "HEX|@FILE...",
                          "an extrinsic for the first block, its length in front; may\n"
                          "be given several times. One that is not valid is left out"},
    [OPTION_OUTPUT] = {"output", "FILE", "write the blocks to FILE instead of standard output"},
    [OPTION_TIME] = {"time", "MS", "time of the first block in milliseconds since 1970"},
    [OPTION_SLOT] = {"slot", "N", "slot of the first block (default: the one of its time)"},
    [OPTION_SLOT_DURATION] = {"slot-duration", "MS",
                              "of a slot (default: what the runtime says, or 6000)"},
    [OPTION_STEP] = {"step", "N", "slots from block to block (default: 1)"},
    [OPTION_AUTHORITY] = {"authority", "N", "index of the author in slot claims (default: 0)"},
    [OPTION_INHERENT] = {"inherent", "ID=HEX...",
                         "inherent data beside or in place of timstap0, babeslot or\n"
                         "auraslot, finalnum and newheads"},
    [OPTION_DIGEST] = {"digest", "HEX...", "a digest item in SCALE, in place of the slot claim"},
    [OPTION_PARENT] = {"parent", "[NUMBER:]HASH",
                       "the block that the state is after; needed where the state does\n"
                       "not tell, as those of files mostly do not"},
    [OPTION_JSON] = {"json", NULL, "print facts as JSON, one line for each block; needs -o"},
    [OPTION_STATE_VERSION] = SPEC_STATE_VERSION,
    [OPTION_STRATEGY] = SPEC_STRATEGY,
    [OPTION_HEAP] = SPEC_HEAP,
    [OPTION_ALLOW_MISSING] = SPEC_ALLOW_MISSING,
    [OPTION_LOG] = {"log", "LEVEL",
                    "print the runtime's log on standard error: error, warn, info,\n"
                    "debug or trace"},
};

/* Bytes that options gave, and slices of them. */
struct byte_list {
    struct file_bytes bytes[OPT_MAX_REPEATED];
    subx_slice slices[OPT_MAX_REPEATED];
    size_t count;
};

struct settings {
    const char *state_path, *output_path;
    uint64_t count;
    bool json;
    struct author_parent parent; /* as far as it was given */
    uint8_t state_version;
    struct author author;
    struct byte_list extrinsics, digest, inherents;
    subx_inherent own[OPT_MAX_REPEATED];
    subx_runtime_options runtime;
    subx_log_level log_level;
};

struct tally {
    uint64_t blocks, extrinsics, events, failed, left_out;
    uint64_t first; /* number */
    uint64_t time, runtime_time;
    bool events_known;
    subx_header last;
};

struct building {
    struct settings *settings;
    subx_state *state;
    subx_chain *chain;
    bool has_head; /* of a database: the block that it is after */
    subx_block_id head;
    uint64_t number; /* of the next block, and its parent if that is not one of ours */
    uint8_t parent[32];
    FILE *out;
    struct progress progress;
    struct tally tally;
    char said[512];  /* the runtime's last line of level error in this call; may be empty */
    json_t *results; /* of the block's extrinsics; NULL: nobody asks */
};

/* ---- Options ---- */

static enum exit_code read_bytes(const struct arguments *given, const char *name, const char *text,
                                 struct byte_list *list)
{
    subx_error error = SUBX_ERROR_INIT;
    struct file_bytes *bytes = &list->bytes[list->count];
    if (!files_bytes_of(text, bytes, &error))
        return error.status == SUBX_INVALID_INPUT
                   ? opt_wrong(given->command, "build-block: --%s: %s", name, error.message)
                   : output_failure(&error, false);
    list->slices[list->count++] = (subx_slice){bytes->data, bytes->len};
    return EXIT_DONE;
}

static enum exit_code read_list(const struct arguments *given, size_t option,
                                struct byte_list *list)
{
    size_t at = 0;
    enum exit_code outcome = EXIT_DONE;
    for (const char *text; outcome == EXIT_DONE && (text = opt_next(given, option, &at)) != NULL;)
        outcome = read_bytes(given, options[option].name, text, list);
    return outcome;
}

static enum exit_code read_inherents(const struct arguments *given, struct settings *out)
{
    size_t at = 0;
    enum exit_code outcome = EXIT_DONE;
    for (const char *text;
         outcome == EXIT_DONE && (text = opt_next(given, OPTION_INHERENT, &at)) != NULL;) {
        subx_inherent *own = &out->own[out->inherents.count];
        if (strlen(text) < 9 || text[8] != '=')
            return opt_wrong(given->command,
                             "build-block: --inherent is ID=HEX, with 8 characters of ID, not %s",
                             text);
        outcome = read_bytes(given, "inherent", text + 9, &out->inherents);
        memcpy(own->id, text, sizeof own->id);
        own->value = out->inherents.slices[out->inherents.count - (outcome == EXIT_DONE)];
    }
    out->author.own = out->own;
    out->author.own_count = out->inherents.count;
    return outcome;
}

static enum exit_code read_parent(const struct arguments *given, struct settings *out)
{
    subx_error error = SUBX_ERROR_INIT;
    struct file_bytes hash = {NULL, 0};
    const char *text = given->values[OPTION_PARENT];
    if (text == NULL)
        return EXIT_DONE;
    subx_block_id block;
    struct author_parent *parent = &out->parent;
    parent->number_known = parent->hash_known = state_block_of(text, &block);
    if (parent->number_known) {
        parent->number = block.number;
        memcpy(parent->hash, block.hash, sizeof parent->hash);
    } else if (files_decode_hex(text, &hash, &error) && hash.len == sizeof parent->hash) {
        memcpy(parent->hash, hash.data, sizeof parent->hash);
        parent->hash_known = true;
    }
    free(hash.data);
    return parent->hash_known
               ? EXIT_DONE
               : opt_wrong(given->command,
                           "build-block: --parent is HASH or NUMBER:HASH, 32 bytes, not %s", text);
}

static enum exit_code read_numbers(const struct arguments *given, struct settings *out)
{
    uint64_t authority = 0;
    struct author *author = &out->author;
    const struct {
        size_t option;
        uint64_t least, most, *out;
    } numbers[] = {
        {OPTION_COUNT, 1, UINT32_MAX, &out->count},
        {OPTION_TIME, 0, UINT64_MAX, &author->time},
        {OPTION_SLOT, 0, UINT64_MAX, &author->slot},
        {OPTION_SLOT_DURATION, 1, UINT32_MAX, &author->duration},
        {OPTION_STEP, 1, UINT32_MAX, &author->step},
        {OPTION_AUTHORITY, 0, UINT32_MAX, &authority},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *text = given->values[numbers[i].option];
        if (text != NULL && !opt_number(text, numbers[i].least, numbers[i].most, numbers[i].out))
            return opt_wrong(
                given->command,
                "build-block: --%s is a number from %" PRIu64 " to %" PRIu64 ", not %s",
                options[numbers[i].option].name, numbers[i].least, numbers[i].most, text);
    }
    author->authority = (uint32_t)authority;
    author->has_time = given->given[OPTION_TIME];
    author->has_slot = given->given[OPTION_SLOT];
    author->has_duration = given->given[OPTION_SLOT_DURATION];
    return EXIT_DONE;
}

static enum exit_code parse(const struct arguments *given, struct settings *out)
{
    const struct command *command = given->command;
    *out = (struct settings){
        .state_path = given->values[OPTION_STATE],
        .output_path = given->values[OPTION_OUTPUT],
        .count = 1,
        .json = given->given[OPTION_JSON],
        .author = {.step = 1},
        .runtime = SUBX_RUNTIME_OPTIONS_INIT,
    };
    if (out->state_path == NULL)
        return opt_wrong(command, "build-block: option --state STATE is missing");
    if (out->json && out->output_path == NULL)
        return opt_wrong(command, "build-block: --json needs -o FILE for the blocks");
    if (!load_state_version(given->values[OPTION_STATE_VERSION], &out->state_version))
        return opt_wrong(command, "build-block: --state-version is 0 or 1, not %s",
                         given->values[OPTION_STATE_VERSION]);
    const char *level = given->values[OPTION_LOG];
    if (level != NULL && !log_level_of(level, &out->log_level))
        return opt_wrong(command, "build-block: --log is error, warn, info, debug or trace, not %s",
                         level);
    enum exit_code outcome = read_numbers(given, out);
    if (outcome == EXIT_DONE)
        outcome = read_parent(given, out);
    if (outcome == EXIT_DONE)
        outcome = read_list(given, OPTION_EXTRINSIC, &out->extrinsics);
    if (outcome == EXIT_DONE)
        outcome = read_list(given, OPTION_DIGEST, &out->digest);
    if (outcome == EXIT_DONE)
        outcome = read_inherents(given, out);
    if (outcome == EXIT_DONE)
        outcome = runtime_opt_read(given, &out->runtime);
    out->author.digest = out->digest.slices;
    out->author.digest_count = out->digest.count;
    return outcome;
}

static void free_list(struct byte_list *list)
{
    for (size_t i = 0; i < OPT_MAX_REPEATED; i++)
        free(list->bytes[i].data);
}

/* ---- A block ---- */

/* Runtimes of the first years log why they panic, where others tell the host. */
static void hear(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    struct building *building = data;
    if (level == SUBX_LOG_ERROR)
        snprintf(building->said, sizeof building->said, "%.*s",
                 (int)(message.len < sizeof building->said ? message.len : sizeof building->said),
                 (const char *)message.data);
    if (level <= building->settings->log_level)
        log_print(NULL, level, target, message);
}

static void add_what_was_said(const struct building *building, subx_error *error)
{
    const size_t len = strlen(error->message);
    if (error->status == SUBX_ABORTED_DUE_TO_TRAP && building->said[0] != '\0')
        snprintf(error->message + len, sizeof error->message - len, "; the runtime: %s",
                 building->said);
}

/* An extrinsic is left out, and the others go on. */
static void leave_out(struct building *building, size_t index, const subx_applied *applied,
                      const subx_error *error)
{
    building->tally.left_out++;
    if (error->status == SUBX_OK)
        output_error("block %" PRIu64 ": extrinsic %zu: left out: %s", building->number, index,
                     applied->reason);
    else
        output_error("%s: %s; left out", subx_status_name(error->status), error->message);
}

static void add(struct building *building, subx_builder *builder, size_t index,
                subx_slice extrinsic)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_applied applied;
    struct tally *tally = &building->tally;
    building->said[0] = '\0';
    const subx_status status = subx_builder_apply(builder, extrinsic, &applied, &error);
    add_what_was_said(building, &error);
    if (building->results != NULL)
        output_json_append(building->results, status == SUBX_OK
                                                  ? build_report_extrinsic(index, &applied)
                                                  : build_report_error(index, &error));
    if (status != SUBX_OK || applied.kind == SUBX_APPLIED_INVALID) {
        leave_out(building, index, &applied, &error);
        return;
    }
    tally->extrinsics++;
    tally->events += applied.events;
    tally->events_known = tally->events_known && applied.events_known;
    tally->failed += applied.kind == SUBX_APPLIED_FAILED;
    if (applied.kind == SUBX_APPLIED_FAILED)
        output_hint("block %" PRIu64 ": extrinsic %zu is in the block, but failed: %s",
                    building->number, index, applied.reason);
}

static subx_status fill(struct building *building, subx_builder *builder, subx_error *error)
{
    const struct settings *settings = building->settings;
    const struct author *author = &settings->author;
    size_t made = 0;
    building->said[0] = '\0';
    const subx_status status = subx_builder_make_inherents(builder, author->inherents,
                                                           author->inherent_count, &made, error);
    if (status != SUBX_OK) {
        add_what_was_said(building, error);
        return status;
    }
    for (size_t i = 0; i < made; i++)
        add(building, builder, i, subx_builder_inherent(builder, i));
    const size_t count = building->tally.blocks == 0 ? settings->extrinsics.count : 0;
    const bool refused = subx_builder_only_inherents(builder);
    if (refused && count > 0) {
        output_error("block %" PRIu64 ": the runtime wants inherents only; %zu extrinsics are "
                     "left out",
                     building->number, count);
        building->tally.left_out += count;
    }
    for (size_t i = 0; i < count && !refused; i++)
        add(building, builder, made + i, settings->extrinsics.slices[i]);
    return SUBX_OK;
}

static subx_status finish(struct building *building, subx_builder *builder, subx_block **block,
                          subx_error *error)
{
    building->said[0] = '\0';
    const subx_status status = subx_builder_finish(builder, block, error);
    if (status != SUBX_OK)
        add_what_was_said(building, error);
    return status;
}

static subx_status build(struct building *building, subx_block **block, subx_error *error)
{
    subx_build_options build_options = SUBX_BUILD_OPTIONS_INIT;
    subx_builder *builder = NULL;
    *block = NULL;
    memcpy(build_options.parent_hash, building->parent, 32);
    build_options.number = building->number;
    author_prepare(&building->settings->author, building->number, &build_options);
    subx_status status = subx_chain_build(building->chain, &build_options, &builder, error);
    if (status == SUBX_OK)
        status = fill(building, builder, error);
    if (status == SUBX_OK)
        status = finish(building, builder, block, error);
    if (status == SUBX_OK)
        status = subx_chain_adopt(building->chain, builder, NULL, error);
    subx_builder_free(builder);
    return status;
}

static subx_status write_block(struct building *building, const subx_block *block,
                               subx_error *error)
{
    const char *path = building->settings->output_path;
    subx_bytes text = SUBX_BYTES_INIT;
    subx_status status = subx_block_to_json(block, &text, error);
    if (status != SUBX_OK)
        return status;
    errno = 0;
    if (fwrite(text.data, 1, text.len, building->out) != text.len ||
        fputc('\n', building->out) == EOF) {
        status = error->status = SUBX_IO;
        snprintf(error->message, sizeof error->message, "%s: %s",
                 path != NULL ? path : "standard output", strerror(errno));
    }
    subx_bytes_free(&text);
    return status;
}

static void tell_block(struct building *building, const subx_block *block)
{
    const struct author *author = &building->settings->author;
    json_t *object = build_report_block(subx_block_header(block));
    output_json_set(object, "slot", json_integer((json_int_t)author->slot));
    output_json_set(object, "time_ms", json_integer((json_int_t)author->time));
    output_json_set(object, "extrinsics", building->results);
    building->results = NULL;
    output_json_line(object);
}

static subx_status make_one(struct building *building, subx_error *error)
{
    struct tally *tally = &building->tally;
    subx_block *block = NULL;
    building->results = building->settings->json ? json_array() : NULL;
    subx_status status = build(building, &block, error);
    if (status == SUBX_OK)
        status = write_block(building, block, error);
    if (status == SUBX_OK) {
        if (tally->blocks++ == 0)
            tally->first = building->number;
        tally->last = *subx_block_header(block);
        if (building->settings->json)
            tell_block(building, block);
        building->number++;
        author_advance(&building->settings->author);
    }
    json_decref(building->results);
    building->results = NULL;
    subx_block_free(block);
    return status;
}

static subx_status make_all(struct building *building, subx_error *error)
{
    const uint64_t start = clock_now(), count = building->settings->count;
    subx_status status = SUBX_OK;
    progress_start(&building->progress);
    building->tally.events_known = true;
    while (status == SUBX_OK && building->tally.blocks < count) {
        status = make_one(building, error);
        if (progress_is_due(&building->progress))
            progress_show(building->tally.blocks, count, "block %" PRIu64, building->number - 1);
    }
    output_progress_end();
    building->tally.time = clock_now() - start;
    return status;
}

/* ---- All of it ---- */

static subx_status begin(struct building *building, subx_error *error)
{
    struct settings *settings = building->settings;
    subx_runtime *runtime = NULL;
    struct author_parent parent;
    const uint64_t start = clock_now();
    output_progress("compiling the runtime");
    subx_status status = subx_chain_runtime(building->chain, &runtime, error);
    output_progress_end();
    building->tally.runtime_time = clock_now() - start;
    if (status == SUBX_OK)
        status = author_find_parent(building->state, settings->state_path,
                                    building->has_head ? &building->head : NULL, &settings->parent,
                                    &parent, error);
    if (status == SUBX_OK)
        status = author_ask(&settings->author, runtime, building->state, error);
    if (status != SUBX_OK)
        return status;
    building->number = parent.number + 1;
    memcpy(building->parent, parent.hash, sizeof parent.hash);
    error->status = SUBX_INVALID_INPUT;
    if (!author_fits(&settings->author, settings->count))
        snprintf(error->message, sizeof error->message, "slots and times do not fit into 64 bits");
    else
        error->status = SUBX_OK;
    return error->status;
}

static void print_summary(const struct tally *tally)
{
    output_label("blocks");
    printf("%" PRIu64 " (%" PRIu64 " to %" PRIu64 ")\n", tally->blocks, tally->first,
           tally->last.number);
    output_label("extrinsics");
    printf("%" PRIu64, tally->extrinsics);
    if (tally->failed > 0)
        printf(", %" PRIu64 " of them failed", tally->failed);
    if (tally->left_out > 0)
        printf("; %" PRIu64 " left out", tally->left_out);
    putchar('\n');
    output_label("events");
    if (tally->events_known)
        printf("%" PRIu64 "\n", tally->events);
    else
        puts("unknown");
    output_label("last block");
    output_hex(stdout, (subx_slice){tally->last.hash, 32});
    putchar('\n');
    output_label("state root");
    output_hex(stdout, (subx_slice){tally->last.state_root, 32});
    putchar('\n');
    output_label("speed");
    printf("%.0f blocks/s, the runtime's compilation (%.3f s) left out\n",
           tally->time == 0 ? 0 : (double)tally->blocks * 1e9 / (double)tally->time,
           (double)tally->runtime_time / 1e9);
}

static subx_status run_with(struct building *building, subx_error *error)
{
    const struct settings *settings = building->settings;
    struct file_writer file;
    subx_status status = begin(building, error);
    if (status != SUBX_OK)
        return status;
    building->out = stdout;
    if (settings->output_path == NULL)
        return make_all(building, error);
    if (!files_create(settings->output_path, &file, error))
        return error->status;
    building->out = file.stream;
    status = make_all(building, error);
    subx_error lost = SUBX_ERROR_INIT;
    if (!files_close(&file, status == SUBX_OK, &lost) && status == SUBX_OK) {
        *error = lost;
        status = lost.status;
    }
    return status;
}

/* What is built is for a replay: a database stays as it is. */
static subx_status open_state(struct building *building, subx_error *error)
{
    const struct settings *settings = building->settings;
    return load_is_database(settings->state_path)
               ? state_copy_database(settings->state_path, settings->state_version,
                                     &building->state, &building->has_head, &building->head, error)
               : load_state(settings->state_path, settings->state_version, &building->state, NULL,
                            error);
}

static enum exit_code run_settings(struct settings *settings)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    struct building building = {.settings = settings};
    subx_chain_options chain_options = SUBX_CHAIN_OPTIONS_INIT;
    chain_options.runtime = &settings->runtime;
    chain_options.authors = true;
    chain_options.log = hear;
    chain_options.log_data = &building;
    chain_options.log_level =
        settings->log_level > SUBX_LOG_ERROR ? settings->log_level : SUBX_LOG_ERROR;
    subx_status status = open_state(&building, &error);
    if (status == SUBX_OK)
        status = log_new_executor(&executor, &error);
    if (status == SUBX_OK)
        status = subx_chain_new(executor, building.state, &chain_options, &building.chain, &error);
    if (status == SUBX_OK)
        status = run_with(&building, &error);
    enum exit_code outcome = building.tally.left_out > 0 ? EXIT_RUNTIME : EXIT_DONE;
    if (status != SUBX_OK)
        outcome = settings->json ? output_failure_line(&error) : output_failure(&error, false);
    else if (settings->output_path != NULL && !settings->json)
        print_summary(&building.tally);
    subx_chain_free(building.chain);
    subx_state_free(building.state);
    subx_executor_free(executor);
    return outcome;
}

static enum exit_code run(const struct arguments *arguments)
{
    struct settings *settings = output_memory(1, sizeof *settings);
    enum exit_code outcome = parse(arguments, settings);
    if (outcome == EXIT_DONE)
        outcome = run_settings(settings);
    free_list(&settings->extrinsics);
    free_list(&settings->digest);
    free_list(&settings->inherents);
    free(settings);
    return outcome;
}

const struct command command_build_block = {
    .name = "build-block",
    .summary = "Author blocks on a state",
    .details =
        "The runtime in the state makes the blocks: their inherents from the time and the slot\n"
        "given here, the extrinsics given here, the header. They come out as SignedBlock JSON, "
        "one\n"
        "a line, without seals, which would need keys; replay takes them. The file of -o is\n"
        "written as a whole or not at all. Where neither time nor slot is given, they go on from\n"
        "the state, or begin at 1600000000000 ms. Exit code 1 also if an extrinsic was left out.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .keeps_code = true,
    .run = run,
};
