/*
 * A state that follows a chain: blocks in order, each executed by the runtime that its parent's
 * state holds (spec/host-api.md section 3.8, spec/executor.md section 11).
 */
#include <string.h>

#include "chain/builder.h"
#include "chain/chain_runtime.h"
#include "chain/execute.h"
#include "platform/monotonic.h"
#include "storage/changes.h"
#include "storage/state.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

struct subx_chain {
    subx_state *state;
    struct subx_chain_runtime runtime;
    bool runtime_is_current;     /* nothing has changed it since it was loaded */
    struct subx_chain_load load; /* of the runtime that comes after it */
    subx_changes_options changes_options;
    subx_call_options call_options;
    subx_changes *changes; /* empty, but for those of a builder; NULL: to be made */
    bool is_building;      /* a builder has been given the changes */
    bool has_head;         /* else the state may know it */
    subx_block_id head;    /* the last block */
};

subx_status subx_chain_new(subx_executor *executor, subx_state *state,
                           const subx_chain_options *options, subx_chain **out, subx_error *error)
{
    static const subx_chain_options defaults = SUBX_CHAIN_OPTIONS_INIT;
    static const subx_runtime_options runtime_defaults = SUBX_RUNTIME_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(executor != NULL && state != NULL, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    if (options == NULL)
        options = &defaults;
    const subx_runtime_options *runtime =
        options->runtime != NULL ? options->runtime : &runtime_defaults;
    SUBX_CHECK_ARG(runtime->struct_size == sizeof *runtime, error);
    subx_chain *chain = subx_mem__calloc(1, sizeof *chain);
    if (chain == NULL)
        return subx_error__nomem(error);
    chain->state = subx_state__retain(state);
    subx_chain_runtime__init(&chain->runtime, executor, runtime, options->authors);
    chain->changes_options = (subx_changes_options)SUBX_CHANGES_OPTIONS_INIT;
    chain->changes_options.semantics = options->semantics;
    chain->call_options = (subx_call_options)SUBX_CALL_OPTIONS_INIT;
    chain->call_options.log = options->log;
    chain->call_options.log_data = options->log_data;
    chain->call_options.log_level = options->log_level;
    chain->call_options.time_host_functions = options->time_host_functions;
    *out = chain;
    return SUBX_OK;
}

void subx_chain_free(subx_chain *chain)
{
    if (chain == NULL)
        return;
    subx_changes_free(chain->changes);
    subx_chain_load__drop(&chain->load);
    subx_chain_runtime__free(&chain->runtime);
    subx_state_free(chain->state);
    subx_mem__free(chain);
}

static void drop_changes(subx_chain *chain)
{
    subx_changes_free(chain->changes);
    chain->changes = NULL;
}

/* Have the runtime of the state, and empty changes that fit it. */
static subx_status get_ready(subx_chain *chain, subx_error *error)
{
    if (chain->is_building)
        drop_changes(chain);
    chain->is_building = false;
    if (!chain->runtime_is_current) {
        const subx_status status =
            subx_chain_load__finish(&chain->load, &chain->runtime, chain->state, error);
        if (status != SUBX_OK)
            return status;
        chain->runtime_is_current = true;
        if (chain->changes_options.state_version != chain->runtime.state_version)
            drop_changes(chain);
        chain->changes_options.state_version = chain->runtime.state_version;
    }
    if (chain->changes != NULL)
        return SUBX_OK;
    return subx_changes_new(chain->state, &chain->changes_options, &chain->changes, error);
}

subx_status subx_chain_runtime(subx_chain *chain, subx_runtime **runtime, subx_error *error)
{
    SUBX_CHECK_ARG(runtime != NULL, error);
    *runtime = NULL;
    SUBX_CHECK_ARG(chain != NULL, error);
    const subx_status status = get_ready(chain, error);
    if (status == SUBX_OK)
        *runtime = chain->runtime.runtime;
    return status;
}

/* ---- Blocks ---- */

/* The block that the next one follows: the last one, or what the state says. */
static subx_status find_head(const subx_chain *chain, bool *known, subx_block_id *head,
                             subx_error *error)
{
    *known = chain->has_head;
    *head = chain->head;
    return chain->has_head ? SUBX_OK : subx_state_head(chain->state, known, head, error);
}

static subx_status check_parent(const subx_chain *chain, const subx_block *block, subx_error *error)
{
    const subx_header *header = subx_block_header(block);
    subx_block_id head;
    bool has_head = false;
    const subx_status status = find_head(chain, &has_head, &head, error);
    if (status != SUBX_OK || !has_head || memcmp(header->parent_hash, head.hash, 32) == 0)
        return status;
    return subx_error__set(error, SUBX_INVALID_INPUT,
                           "its parent is %s, but the block before it is number %llu, %s",
                           subx_chain__hash_text(header->parent_hash).text,
                           (unsigned long long)head.number, subx_chain__hash_text(head.hash).text);
}

/* SUBX_INVALID_INDEX, as a mark that ends the walk: a key that the runtime is made of was met. */
static subx_status look_for_runtime(void *data, const subx_change_info *change)
{
    bool *found = data;
    *found = change->kind == SUBX_CHANGE_MAIN && subx_chain_runtime__is_key(change->key);
    const bool beyond =
        change->kind != SUBX_CHANGE_MAIN || (change->key.len > 0 && change->key.data[0] > ':');
    return *found || beyond ? SUBX_INVALID_INDEX : SUBX_OK;
}

static subx_block_id id_of(const subx_header *header)
{
    subx_block_id id = {.number = header->number};
    memcpy(id.hash, header->hash, sizeof id.hash);
    return id;
}

static subx_status commit(subx_chain *chain, const subx_header *header, const uint8_t root[32],
                          subx_error *error)
{
    uint8_t committed[32] = {0};
    const subx_block_id id = id_of(header);
    const subx_status status = subx_changes_commit_block(
        chain->changes, chain->changes_options.state_version, &id, committed, error);
    /* The commit is of what the root was computed from. */
    SUBX_CHECK(status != SUBX_OK || memcmp(committed, root, 32) == 0);
    (void)root;
    return status;
}

/* Commit what a block has changed and note what that means for the runtime. */
static subx_status conclude(subx_chain *chain, const subx_header *header, const uint8_t root[32],
                            subx_block_stats *stats, subx_error *error)
{
    (void)subx_changes_list(chain->changes, look_for_runtime, &stats->changes_runtime);
    const uint64_t start = subx_clock__now();
    const subx_status status = commit(chain, header, root, error);
    stats->commit_time = subx_clock__now() - start;
    return status;
}

/* The block is part of the state: the next one follows it. */
static void move_head(subx_chain *chain, const subx_header *header, bool changes_runtime)
{
    if (changes_runtime) {
        /* compiled while the caller fetches the next block */
        chain->runtime_is_current = false;
        (void)subx_chain_load__start(&chain->load, &chain->runtime, chain->state);
    }
    chain->head = id_of(header);
    chain->has_head = true;
}

/* get_ready(), with the time that loading a runtime takes. */
static subx_status get_ready_for_block(subx_chain *chain, subx_block_stats *stats,
                                       subx_error *error)
{
    const bool loads = !chain->runtime_is_current;
    const uint64_t start = subx_clock__now();
    const subx_status status = get_ready(chain, error);
    stats->runtime_time = loads ? subx_clock__now() - start : 0;
    return status;
}

/* Who looks at the extrinsics of a block while it is executed. */
struct visitor {
    subx_applied_visitor visit;
    void *data;
};

/* `each`: NULL for `Core_execute_block`. */
static subx_status run(subx_chain *chain, const subx_block *block, const struct visitor *each,
                       uint8_t root[32], subx_block_stats *stats, subx_error *error)
{
    subx_call_options options = chain->call_options;
    if (each == NULL) {
        options.stats = &stats->call;
        return subx_chain__execute(chain->runtime.runtime, chain->changes, block, &options, root,
                                   stats, error);
    }
    const uint64_t start = subx_clock__now(), rooted = chain->changes->root_time;
    const subx_status status =
        subx_chain__execute_each(chain->runtime.runtime, chain->changes, block, &options,
                                 each->visit, each->data, root, error);
    stats->root_time = chain->changes->root_time - rooted;
    stats->execution_time = subx_clock__now() - start - stats->root_time;
    return status;
}

static subx_status execute(subx_chain *chain, const subx_block *block, const struct visitor *each,
                           subx_block_stats *stats, subx_error *error)
{
    uint8_t root[32] = {0};
    subx_status status = check_parent(chain, block, error);
    if (status == SUBX_OK)
        status = get_ready_for_block(chain, stats, error);
    if (status != SUBX_OK)
        return status;
    status = run(chain, block, each, root, stats, error);
    if (status == SUBX_OK)
        status = conclude(chain, subx_block_header(block), root, stats, error);
    if (status != SUBX_OK)
        drop_changes(chain);
    return status;
}

static subx_status execute_and_follow(subx_chain *chain, const subx_block *block,
                                      const struct visitor *each, subx_block_stats *stats,
                                      subx_error *error)
{
    subx_block_stats own = {0};
    const subx_status status = execute(chain, block, each, &own, error);
    if (stats != NULL)
        *stats = own;
    if (status != SUBX_OK)
        return subx_chain__name_block(block, status, error);
    move_head(chain, subx_block_header(block), own.changes_runtime);
    return SUBX_OK;
}

subx_status subx_chain_execute(subx_chain *chain, const subx_block *block, subx_block_stats *stats,
                               subx_error *error)
{
    SUBX_CHECK_ARG(chain != NULL && block != NULL, error);
    return execute_and_follow(chain, block, NULL, stats, error);
}

subx_status subx_chain_execute_each(subx_chain *chain, const subx_block *block,
                                    subx_applied_visitor visit, void *data, subx_block_stats *stats,
                                    subx_error *error)
{
    SUBX_CHECK_ARG(chain != NULL && block != NULL, error);
    const struct visitor each = {visit, data};
    return execute_and_follow(chain, block, &each, stats, error);
}

/* ---- Building ---- */

subx_status subx_chain_build(subx_chain *chain, const subx_build_options *options,
                             subx_builder **out, subx_error *error)
{
    static const subx_build_options defaults = SUBX_BUILD_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(chain != NULL, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    const subx_status status = get_ready(chain, error);
    if (status != SUBX_OK)
        return status;
    subx_build_options own = options != NULL ? *options : defaults;
    own.call = &chain->call_options;
    if (chain->has_head) {
        memcpy(own.parent_hash, chain->head.hash, 32);
        own.number = chain->head.number + 1;
    }
    chain->is_building = true;
    return subx_builder_new(chain->runtime.runtime, chain->changes, &own, out, error);
}

subx_status subx_chain_adopt(subx_chain *chain, const subx_builder *builder,
                             subx_block_stats *stats, subx_error *error)
{
    subx_block_stats own = {0};
    SUBX_CHECK_ARG(chain != NULL && builder != NULL, error);
    if (stats != NULL)
        *stats = own;
    if (!chain->is_building || builder->changes != chain->changes || !builder->has_block)
        return subx_error__set(error, SUBX_MISUSE,
                               "this is no finished block that the chain has begun to build");
    const subx_status status = conclude(chain, &builder->header, builder->root, &own, error);
    if (stats != NULL)
        *stats = own;
    if (status != SUBX_OK)
        return status;
    chain->is_building = false;
    move_head(chain, &builder->header, own.changes_runtime);
    return SUBX_OK;
}
