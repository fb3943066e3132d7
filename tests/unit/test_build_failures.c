/*
 * Building blocks while the n-th allocation or the n-th operation of the back end fails: nothing is left
 * of what failed, and what is built afterwards is the same block.
 */
#include "build_world.h"

#include "codec/scale.h"
#include "util/mem.h"

/* What may fail in the n-th operation. */
struct obstacle {
    struct wrapped *wrapper; /* operations of the back end; NULL: allocations */
    subx_status status;
};

static void set_obstacle(const struct obstacle *obstacle, long countdown)
{
    if (obstacle->wrapper != NULL)
        obstacle->wrapper->countdown = countdown;
    else
        subx_mem__fail_after(countdown);
}

/* Apply; once more if that fails, because nothing of it may be left. Whether it failed. */
static bool apply_twice(subx_builder *builder, subx_slice bytes, subx_status failure)
{
    subx_applied applied;
    const subx_status status = subx_builder_apply(builder, bytes, &applied, NULL);
    if (status == SUBX_OK)
        return false;
    assert_int_equal(status, failure);
    assert_int_equal(subx_builder_apply(builder, bytes, &applied, NULL), SUBX_OK);
    return true;
}

/* Build a block that nobody adopts. SUBX_OK with the block, which is the same after a failure that
 * could be repaired, or the failure. */
static subx_status attempt(struct world *world, subx_status failure, subx_block **block,
                           bool *failed)
{
    const subx_build_options options = options_for(world);
    const subx_inherent data[] = {{"timstap0", text("noon")}, {"babeslot", text("12")}};
    subx_builder *builder = NULL;
    size_t made = 0;
    *block = NULL;
    subx_status status = subx_chain_build(world->chain, &options, &builder, NULL);
    if (status == SUBX_OK)
        status = subx_builder_make_inherents(builder, data, 2, &made, NULL);
    if (status == SUBX_OK) {
        for (size_t i = 0; i < made; i++)
            *failed |= apply_twice(builder, subx_builder_inherent(builder, i), failure);
        *failed |= apply_twice(builder, answering(LITERAL("\1\0\3")), failure);
        *failed |= apply_twice(builder, setting("b", "2"), failure);
        status = subx_builder_finish(builder, block, NULL);
    }
    *failed |= status != SUBX_OK;
    subx_builder_free(builder);
    return status;
}

static void sweep(struct world *world, const struct obstacle *obstacle)
{
    subx_block *expected = NULL;
    uint8_t before[32], after[32];
    bool failed = false;
    long n = 0;
    assert_int_equal(attempt(world, SUBX_OK, &expected, &failed), SUBX_OK);
    assert_int_equal(subx_state_root(world->state, before, NULL), SUBX_OK);
    do {
        subx_block *block = NULL;
        failed = false;
        set_obstacle(obstacle, n++);
        const subx_status status = attempt(world, obstacle->status, &block, &failed);
        set_obstacle(obstacle, -1);
        if (status != SUBX_OK)
            assert_int_equal(status, obstacle->status);
        else if (!subx_slice__equal(subx_block_encoded(block), subx_block_encoded(expected)))
            fail_msg("operation %ld: another block", n - 1);
        assert_int_equal(subx_state_root(world->state, after, NULL), SUBX_OK);
        assert_memory_equal(before, after, 32);
        subx_block_free(block);
        assert_true(n < 10000);
    } while (failed);
    assert_true(n > 5);
    subx_block_free(expected);
}

/* Adopt a block; however often that fails, the builder can still be adopted. */
static void sweep_adoption(struct world *world, const struct obstacle *obstacle)
{
    subx_builder *builder = begin_block(world);
    uint8_t before[32], after[32];
    subx_status status = SUBX_OK;
    long n = 0;
    apply(builder, setting("b", "2"));
    subx_block *block = finish_block(builder);
    assert_int_equal(subx_state_root(world->state, before, NULL), SUBX_OK);
    do {
        set_obstacle(obstacle, n++);
        status = subx_chain_adopt(world->chain, builder, NULL, NULL);
        set_obstacle(obstacle, -1);
        assert_int_equal(subx_state_root(world->state, after, NULL), SUBX_OK);
        assert_memory_equal(after,
                            status == SUBX_OK ? subx_block_header(block)->state_root : before, 32);
        assert_true(status == SUBX_OK || status == obstacle->status);
    } while (status != SUBX_OK);
    subx_builder_free(builder);
    subx_block_free(block);
}

static void failing_back_end(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    const struct obstacle obstacle = {world.wrapper, SUBX_IO};
    sweep(&world, &obstacle);
    sweep_adoption(&world, &obstacle);
    expect_stored(world.state, "b", "2");
    free_world(&world);
}

#ifdef SUBX_CHECKED
static void failing_allocations(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    const struct obstacle obstacle = {NULL, SUBX_NOMEM};
    sweep(&world, &obstacle);
    sweep_adoption(&world, &obstacle);
    expect_stored(world.state, "b", "2");
    free_world(&world);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_back_end),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failing_allocations),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
