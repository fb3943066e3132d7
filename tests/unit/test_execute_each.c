/* Blocks that are there, in the steps of their authors: what each extrinsic did, what is wrong. */
#include "build_world.h"

#include "codec/scale.h"
#include "util/mem.h"

struct seen {
    size_t count;
    uint32_t events;
    size_t stop_at;
};

static subx_status look(void *data, size_t index, const subx_applied *applied)
{
    struct seen *seen = data;
    assert_int_equal(index, seen->count++);
    assert_int_equal(applied->kind, index == 2 ? SUBX_APPLIED_FAILED : SUBX_APPLIED_OK);
    assert_true(applied->time > 0);
    seen->events += applied->events;
    return index == seen->stop_at ? SUBX_EXECUTION_TIMEOUT : SUBX_OK;
}

static void in_steps(void **unused)
{
    (void)unused;
    subx_block *block = built_block("1", SIZE_MAX);
    struct world world = new_world(guest_wasm("chain"), false);
    struct seen seen = {.stop_at = 1};
    subx_error error = SUBX_ERROR_INIT;
    subx_block_stats stats;
    uint8_t root[32] = {0};
    subx_runtime *runtime = NULL;
    subx_changes *changes = NULL;

    /* a visitor ends it */
    assert_int_equal(subx_chain_execute_each(world.chain, block, look, &seen, NULL, &error),
                     SUBX_EXECUTION_TIMEOUT);
    assert_int_equal(seen.count, 2);
    expect_stored(world.state, "a", NULL);

    /* by hand, nothing is committed */
    assert_int_equal(subx_chain_runtime(world.chain, &runtime, NULL), SUBX_OK);
    assert_int_equal(subx_changes_new(world.state, NULL, &changes, NULL), SUBX_OK);
    assert_int_equal(subx_block_execute_each(runtime, changes, block, NULL, NULL, NULL, root, NULL),
                     SUBX_OK);
    assert_memory_equal(root, subx_block_header(block)->state_root, 32);
    subx_changes_free(changes);
    expect_stored(world.state, "a", NULL);

    seen = (struct seen){.stop_at = SIZE_MAX};
    if (subx_chain_execute_each(world.chain, block, look, &seen, &stats, &error) != SUBX_OK &&
        error.status != SUBX_OK)
        fail_msg("%s", error.message);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.events, 4);
    assert_true(stats.execution_time > 0 && stats.commit_time > 0);
    expect_stored(world.state, "a", "1");
    /* its child must follow it */
    subx_error_clear(&error);
    assert_int_equal(subx_chain_execute_each(world.chain, block, NULL, NULL, NULL, &error),
                     SUBX_INVALID_INPUT);
    subx_block_free(block);
    free_world(&world);
}

/* Execute a block in steps; it fails with a message that contains this. */
static void steps_fail(const subx_block *block, subx_status status, const char *part)
{
    struct world world = new_world(guest_wasm("chain"), false);
    subx_error error = SUBX_ERROR_INIT;
    uint8_t before[32], after[32];
    assert_int_equal(subx_state_root(world.state, before, NULL), SUBX_OK);
    assert_int_equal(subx_chain_execute_each(world.chain, block, NULL, NULL, NULL, &error), status);
    assert_memory_equal(error.message, "block ", 6);
    if (strstr(error.message, part) == NULL)
        fail_msg("%s", error.message);
    assert_int_equal(subx_state_root(world.state, after, NULL), SUBX_OK);
    assert_memory_equal(before, after, 32);
    free_world(&world);
}

static void wrong_blocks(void **unused)
{
    (void)unused;
    /* parent hash (32), number (1), roots (64), count (1), claim (8), count (1), extrinsics */
    const size_t state_root = 33, extrinsics_root = 65, first = 98 + test_claim.len + 1;
    subx_block *block = built_block("1", state_root);
    steps_fail(block, SUBX_INVALID_STATE_ROOT, "): the state root is 0x");
    subx_block_free(block);
    block = built_block("1", extrinsics_root);
    steps_fail(block, SUBX_OTHER,
               "): the extrinsics root is 0x0000000000000000000000000000000000000000000000000000000"
               "000000000, the header has 0x04");
    subx_block_free(block);
    block = built_block("1", first + 4); /* the value */
    steps_fail(block, SUBX_INVALID_STATE_ROOT, "): the state root is 0x");
    subx_block_free(block);
}

/* A block by hand: no digest but `digest`, and these extrinsics. */
static subx_block *block_of(subx_slice digest, size_t digest_count, subx_slice body, size_t count)
{
    struct subx_buf buf = SUBX_BUF_INIT;
    const uint8_t zeros[32] = {0};
    subx_block *block = NULL;
    subx_buf__append(&buf, zeros, 32);
    subx_scale__append_compact(&buf, 7);
    subx_buf__append(&buf, zeros, 32);
    subx_buf__append(&buf, zeros, 32);
    subx_scale__append_compact(&buf, digest_count);
    subx_buf__append_slice(&buf, digest);
    subx_scale__append_compact(&buf, count);
    subx_buf__append_slice(&buf, body);
    assert_int_equal(subx_block_decode(subx_buf__slice(&buf), &block, NULL), SUBX_OK);
    subx_buf__free(&buf);
    return block;
}

static void blocks_that_cannot_be(void **unused)
{
    (void)unused;
    static const uint8_t other[] = {0, 4, 1}; /* an item that this runtime does not make */
    struct subx_buf body = SUBX_BUF_INIT;
    subx_buf__append_slice(&body, setting("a", "1"));
    subx_buf__append_slice(&body, answering(LITERAL("\1\1\1")));
    subx_block *block = block_of(SUBX_EMPTY, 0, subx_buf__slice(&body), 2);
    steps_fail(block, SUBX_OTHER,
               "): extrinsic 1: not valid: UnknownTransaction::NoUnsignedValidator");
    subx_block_free(block);
    subx_buf__append_slice(&body, extrinsic(6, text("no"), SUBX_EMPTY));
    block = block_of(SUBX_EMPTY, 0, extrinsic(6, text("no"), SUBX_EMPTY), 1);
    steps_fail(block, SUBX_ABORTED_DUE_TO_PANIC,
               "): extrinsic 0: BlockBuilder_apply_extrinsic: no");
    subx_block_free(block);
    block = block_of(subx_slice__of(other, sizeof other), 1, SUBX_EMPTY, 0);
    steps_fail(block, SUBX_OTHER,
               "): there are 0 digest items, the header has 1 besides its seals");
    subx_block_free(block);
    subx_buf__free(&body);
    /* an item that the author began with, behind one that he did not */
    struct subx_buf digest = SUBX_BUF_INIT;
    subx_buf__append(&digest, other, sizeof other);
    subx_buf__append_slice(&digest, test_claim);
    block = block_of(subx_buf__slice(&digest), 2, SUBX_EMPTY, 0);
    steps_fail(block, SUBX_OTHER, "): the header has another digest item 0");
    subx_block_free(block);
    subx_buf__free(&digest);
}

static void checked_inherents(void **unused)
{
    (void)unused;
    subx_block *block = built_block("1", SIZE_MAX);
    struct world world = new_world(guest_wasm("chain"), true);
    subx_runtime *runtime = NULL;
    subx_changes *changes = NULL;
    subx_error error = SUBX_ERROR_INIT;
    subx_inherent_check check;
    const subx_inherent good[] = {{"zzzzzzzz", LITERAL("\1")}, {"aaaaaaaa", LITERAL("\2")}};
    const subx_inherent bad[] = {{"zzzzzzzz", LITERAL("\2")}, {"aaaaaaaa", LITERAL("\1")}};
    const subx_inherent twice[] = {good[0], good[0]};
    assert_int_equal(subx_chain_runtime(world.chain, &runtime, NULL), SUBX_OK);
    assert_int_equal(subx_changes_new(world.state, NULL, &changes, NULL), SUBX_OK);
    assert_int_equal(
        subx_block_check_inherents(runtime, changes, block, good, 2, NULL, &check, NULL), SUBX_OK);
    assert_true(check.okay && !check.fatal);
    assert_int_equal(check.errors.len, 1);
    subx_bytes_free(&check.errors);
    assert_int_equal(
        subx_block_check_inherents(runtime, changes, block, bad, 2, NULL, &check, NULL), SUBX_OK);
    assert_true(!check.okay && check.fatal);
    assert_int_equal(check.errors.len, 11);
    assert_memory_equal(check.errors.data + 1, "guestinh", 8);
    subx_bytes_free(&check.errors);
    assert_int_equal(
        subx_block_check_inherents(runtime, changes, block, twice, 2, NULL, &check, &error),
        SUBX_MISUSE);
    assert_memory_equal(error.message, "block 1 (0x", 11);
    bool found = true;
    subx_slice value;
    assert_int_equal(subx_changes_get(changes, NULL, text("leak"), &found, &value, NULL), SUBX_OK);
    assert_false(found);
    subx_changes_free(changes);
    subx_block_free(block);
    free_world(&world);
}

#ifdef SUBX_CHECKED
/* Whichever allocation fails: SUBX_NOMEM, and the state as it was. */
static void failing_allocations(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), false);
    subx_block *block = built_block("1", SIZE_MAX);
    subx_runtime *runtime = NULL;
    subx_changes *changes = NULL;
    subx_inherent_check check;
    subx_status status = SUBX_NOMEM;
    const subx_inherent data[] = {{"zzzzzzzz", LITERAL("\2")}};
    assert_int_equal(subx_chain_runtime(world.chain, &runtime, NULL), SUBX_OK);
    assert_int_equal(subx_changes_new(world.state, NULL, &changes, NULL), SUBX_OK);
    for (int n = 0; status != SUBX_OK; n++) {
        subx_mem__fail_after(n);
        status = subx_block_check_inherents(runtime, changes, block, data, 1, NULL, &check, NULL);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || (status == SUBX_NOMEM && check.errors.data == NULL));
        subx_bytes_free(&check.errors);
    }
    subx_changes_free(changes);
    status = SUBX_NOMEM;
    for (int n = 0; status != SUBX_OK; n++) {
        subx_mem__fail_after(n);
        status = subx_chain_execute_each(world.chain, block, NULL, NULL, NULL, NULL);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || status == SUBX_NOMEM);
        expect_stored(world.state, "a", status == SUBX_OK ? "1" : NULL);
    }
    subx_block_free(block);
    free_world(&world);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_steps),
        cmocka_unit_test(wrong_blocks),
        cmocka_unit_test(blocks_that_cannot_be),
        cmocka_unit_test(checked_inherents),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failing_allocations),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
