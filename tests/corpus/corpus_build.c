/*
 * Real blocks built anew: corpus_build STATE BLOCKS, with blocks of a relay chain's first days. With
 * what the real author knew (time, slot, finalized number, slot claim) the runtime makes the same
 * inherents, and with the block's other extrinsics it makes the same header but for the seal. The
 * block's inherents are right, those of another time are not; executed in steps it comes to its
 * header too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <subexec/subexec.h>

struct world {
    subx_state *state;
    subx_chain *chain;
    size_t count, inherents, failed_calls;
    uint32_t finalized; /* what the last hint said */
    uint64_t events;
};

static bool complain(const char *what, const subx_error *error)
{
    fprintf(stderr, "%s: %s: %s\n", what, subx_status_name(error->status), error->message);
    return false;
}

static bool demand(bool holds, const subx_block *block, const char *what)
{
    if (!holds)
        fprintf(stderr, "block %" PRIu64 ": %s\n", subx_block_header(block)->number, what);
    return holds;
}

static bool equal(subx_slice a, subx_slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* ---- What the author knew ---- */

struct knowledge {
    uint8_t time[8], slot[8], finalized[4], heads[1];
    subx_inherent inherents[4];
};

static uint64_t compact(subx_slice bytes)
{
    const unsigned mode = bytes.len > 0 ? bytes.data[0] & 3 : 0;
    const size_t len = mode == 3 ? (bytes.data[0] >> 2) + 4u : (size_t)1 << mode;
    const size_t at = mode == 3;
    uint64_t value = 0;
    if (bytes.len < len + at || len > 8)
        return 0;
    for (size_t i = len; i-- > 0;)
        value = value << 8 | bytes.data[at + i];
    return mode == 3 ? value : value >> 2;
}

static void store(uint8_t *out, size_t len, uint64_t value)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

/* The argument of an unsigned extrinsic that calls module ‖ function; false if it is none. */
static bool argument_of(subx_slice extrinsic, uint8_t module, uint8_t function, uint64_t *value)
{
    const uint8_t head[] = {4, module, function};
    const size_t at = 1;
    if (extrinsic.len < at + 4 || memcmp(extrinsic.data + at, head, sizeof head) != 0)
        return false;
    *value = compact((subx_slice){extrinsic.data + at + 3, extrinsic.len - at - 3});
    return true;
}

static subx_inherent inherent(const char *id, const uint8_t *bytes, size_t len)
{
    subx_inherent out = {{0}, {bytes, len}};
    memcpy(out.id, id, sizeof out.id);
    return out;
}

static bool learn(struct world *world, const subx_block *block, struct knowledge *out)
{
    uint64_t time = 0, finalized = world->finalized;
    const subx_digest_item claim = subx_block_digest_item(block, 0);
    if (!demand(claim.kind == SUBX_DIGEST_PRE_RUNTIME && claim.payload.len >= 13, block,
                "no slot claim"))
        return false;
    bool timed = false;
    for (size_t i = 0; i < subx_block_extrinsic_count(block); i++) {
        timed = argument_of(subx_block_extrinsic(block, i), 2, 0, &time) || timed;
        (void)argument_of(subx_block_extrinsic(block, i), 9, 0, &finalized);
    }
    world->finalized = (uint32_t)finalized;
    store(out->time, 8, time);
    memcpy(out->slot, claim.payload.data + 5, 8);
    store(out->finalized, 4, finalized);
    out->heads[0] = 0;
    out->inherents[0] = inherent("timstap0", out->time, 8);
    out->inherents[1] = inherent("newheads", out->heads, 1);
    out->inherents[2] = inherent("finalnum", out->finalized, 4);
    out->inherents[3] = inherent("babeslot", out->slot, 8);
    return demand(timed, block, "no time");
}

/* ---- Building ---- */

static bool apply(struct world *world, subx_builder *builder, subx_slice extrinsic)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_applied applied;
    if (subx_builder_apply(builder, extrinsic, &applied, &error) != SUBX_OK)
        return complain("apply", &error);
    if (applied.kind == SUBX_APPLIED_INVALID || !applied.events_known || applied.events == 0) {
        fprintf(stderr, "an extrinsic of the block: kind %d, %s, %u events\n", applied.kind,
                applied.reason, applied.events);
        return false;
    }
    world->failed_calls += applied.kind == SUBX_APPLIED_FAILED;
    world->events += applied.events;
    return true;
}

static bool fill(struct world *world, subx_builder *builder, const subx_block *block,
                 const struct knowledge *known)
{
    subx_error error = SUBX_ERROR_INIT;
    size_t made = 0;
    if (subx_builder_make_inherents(builder, known->inherents, 4, &made, &error) != SUBX_OK)
        return complain("inherents", &error);
    bool good = demand(made >= 2 && made <= subx_block_extrinsic_count(block), block,
                       "the runtime makes another number of inherents");
    world->inherents += made;
    for (size_t i = 0; good && i < subx_block_extrinsic_count(block); i++) {
        const subx_slice extrinsic = subx_block_extrinsic(block, i);
        if (i < made)
            good = demand(equal(subx_builder_inherent(builder, i), extrinsic), block,
                          "the runtime makes another inherent");
        good = good && apply(world, builder, extrinsic);
    }
    return good;
}

/* Header without seals, and extrinsics. */
static bool same_but_for_seal(const subx_block *built, const subx_block *block)
{
    subx_bytes expected = SUBX_BYTES_INIT;
    if (subx_block_unsealed(block, &expected, NULL) != SUBX_OK)
        return false;
    const bool same = equal(subx_block_encoded(built), (subx_slice){expected.data, expected.len});
    subx_bytes_free(&expected);
    return same;
}

static bool build(struct world *world, const subx_block *block, const struct knowledge *known)
{
    subx_error error = SUBX_ERROR_INIT;
    const subx_header *header = subx_block_header(block);
    const subx_slice claim = subx_block_digest_item(block, 0).encoded;
    subx_build_options options = SUBX_BUILD_OPTIONS_INIT;
    subx_builder *builder = NULL;
    subx_block *built = NULL;
    memcpy(options.parent_hash, header->parent_hash, 32);
    options.number = header->number;
    options.digest = &claim;
    options.digest_count = 1;
    if (subx_chain_build(world->chain, &options, &builder, &error) != SUBX_OK)
        return complain("begin", &error);
    bool good = fill(world, builder, block, known);
    if (good && subx_builder_finish(builder, &built, &error) != SUBX_OK)
        good = complain("finish", &error);
    good = good && demand(same_but_for_seal(built, block), block, "what was built is another one");
    subx_block_free(built);
    subx_builder_free(builder);
    return good;
}

/* ---- The block as it is ---- */

static bool check_one(subx_runtime *runtime, subx_changes *changes, const subx_block *block,
                      struct knowledge *known, bool expected)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_inherent_check check;
    if (subx_block_check_inherents(runtime, changes, block, known->inherents, 4, NULL, &check,
                                   &error) != SUBX_OK)
        return complain("check_inherents", &error);
    const bool good =
        demand(check.okay == expected && (expected ? check.errors.len == 1 : check.errors.len > 9),
               block, expected ? "its inherents are not right" : "wrong inherents are right");
    subx_bytes_free(&check.errors);
    return good;
}

static bool check(struct world *world, const subx_block *block, struct knowledge *known)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_runtime *runtime = NULL;
    subx_changes *changes = NULL;
    uint8_t root[32];
    if (subx_chain_runtime(world->chain, &runtime, &error) != SUBX_OK ||
        subx_changes_new(world->state, NULL, &changes, &error) != SUBX_OK)
        return complain("runtime", &error);
    bool good = check_one(runtime, changes, block, known, true);
    known->time[4]--; /* seven weeks ago */
    good = good && check_one(runtime, changes, block, known, false);
    known->time[4]++;
    if (good &&
        subx_block_execute_each(runtime, changes, block, NULL, NULL, NULL, root, &error) != SUBX_OK)
        good = complain("in steps", &error);
    good = good && demand(memcmp(root, subx_block_header(block)->state_root, 32) == 0, block,
                          "another root in steps");
    subx_changes_free(changes);
    return good;
}

static bool follow(struct world *world, const char *path)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_block_reader *reader = NULL;
    struct knowledge known;
    if (subx_block_reader_open(path, &reader, &error) != SUBX_OK)
        return complain(path, &error);
    bool good = true;
    while (good) {
        subx_block *block = NULL;
        if (subx_block_reader_next(reader, &block, &error) != SUBX_OK)
            good = complain(path, &error);
        if (block == NULL)
            break;
        good = learn(world, block, &known) && check(world, block, &known) &&
               build(world, block, &known);
        if (good && subx_chain_execute(world->chain, block, NULL, &error) != SUBX_OK)
            good = complain("execute", &error);
        world->count += good;
        subx_block_free(block);
    }
    subx_block_reader_free(reader);
    printf("%s: %zu blocks, %zu inherents, %zu extrinsics with failed calls, %" PRIu64 " events\n",
           path, world->count, world->inherents, world->failed_calls, world->events);
    return good && world->count > 0;
}

int main(int argc, char **argv)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    subx_chain_options options = SUBX_CHAIN_OPTIONS_INIT;
    struct world world = {.state = NULL};
    if (argc != 3)
        return 2;
    options.authors = true;
    subx_status status = subx_executor_new(NULL, &executor, &error);
    if (status == SUBX_OK)
        status = subx_state_new_memory(&world.state, &error);
    if (status == SUBX_OK)
        status = subx_state_import_file(world.state, argv[1], NULL, NULL, &error);
    if (status == SUBX_OK)
        status = subx_chain_new(executor, world.state, &options, &world.chain, &error);
    const bool good = status == SUBX_OK ? follow(&world, argv[2]) : complain(argv[1], &error);
    subx_chain_free(world.chain);
    subx_state_free(world.state);
    subx_executor_free(executor);
    return good ? 0 : 1;
}
