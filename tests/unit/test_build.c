/*
 * Building blocks (include/subexec/build.h): what is in them and what is not, headers, failures. What is
 * built must execute to the same root.
 */
#include "build_world.h"

#include "codec/scale.h"
#include "util/mem.h"

/* The guest with another byte behind a mark in it; to be freed. */
static subx_bytes code_with(const char *mark, size_t mark_len, uint8_t byte)
{
    const subx_slice wasm = guest_wasm("chain");
    subx_bytes code = {subx_mem__copy(wasm.data, wasm.len), wasm.len};
    uint8_t *found = memmem(code.data, code.len, mark, mark_len);
    assert_non_null(found);
    found[mark_len] = byte;
    return code;
}

static subx_bytes code_with_core(uint8_t version)
{
    return code_with("\xdf\x6a\xcb\x68\x99\x07\x60\x9b", 8, version);
}

/* The block, executed in a world of its own in both ways, is right. */
static void expect_executable(const subx_block *block)
{
    for (int in_steps = 0; in_steps < 2; in_steps++) {
        struct world other = new_world(guest_wasm("chain"), false);
        subx_error error = SUBX_ERROR_INIT;
        uint8_t root[32];
        const subx_status status =
            in_steps ? subx_chain_execute_each(other.chain, block, NULL, NULL, NULL, &error)
                     : subx_chain_execute(other.chain, block, NULL, &error);
        if (status != SUBX_OK)
            fail_msg("%s", error.message);
        assert_int_equal(subx_state_root(other.state, root, NULL), SUBX_OK);
        assert_memory_equal(root, subx_block_header(block)->state_root, 32);
        free_world(&other);
    }
}

static void a_block(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin_block(&world);
    assert_int_equal(apply(builder, setting("a", "1")).kind, SUBX_APPLIED_OK);
    /* not valid: neither in the block nor in the state */
    subx_applied applied = apply(builder, answering(LITERAL("\1\0\4")));
    assert_int_equal(applied.kind, SUBX_APPLIED_INVALID);
    assert_string_equal(applied.reason, "InvalidTransaction::BadProof");
    assert_int_equal(applied.encoded.len, 3);
    /* failed: in both */
    applied = apply(builder, answering(LITERAL("\0\1\3\5\2\0\0\0")));
    assert_int_equal(applied.kind, SUBX_APPLIED_FAILED);
    assert_string_equal(applied.reason, "DispatchError::Module { index: 5, error: 2 }");
    assert_int_equal(apply(builder, setting("b", "2")).kind, SUBX_APPLIED_OK);
    subx_block *block = finish_block(builder);

    const subx_header *header = subx_block_header(block);
    assert_memory_equal(header->parent_hash, world.genesis, 32);
    assert_int_equal(header->number, 1);
    assert_int_equal(header->digest_count, 1);
    assert_int_equal(header->seal_count, 0);
    assert_true(subx_slice__equal(subx_block_digest_item(block, 0).encoded, test_claim));
    assert_int_equal(subx_block_extrinsic_count(block), 3);
    assert_true(subx_slice__equal(subx_block_extrinsic(block, 0), setting("a", "1")));
    assert_true(subx_slice__equal(subx_block_extrinsic(block, 2), setting("b", "2")));
    expect_stored(world.state, "a", NULL);

    assert_int_equal(subx_chain_adopt(world.chain, builder, NULL, NULL), SUBX_OK);
    subx_builder_free(builder);
    uint8_t root[32];
    assert_int_equal(subx_state_root(world.state, root, NULL), SUBX_OK);
    assert_memory_equal(root, header->state_root, 32);
    expect_stored(world.state, "a", "1");
    expect_stored(world.state, "b", "2");
    expect_bytes(world.state, "tried", LITERAL("\0\1\3\5\2\0\0\0"));
    expect_stored(world.state, "header", NULL);
    expect_executable(block);
    subx_block_free(block);
    free_world(&world);
}

/* Blocks in a row: the chain knows the parent, and a new runtime builds the next one. */
static void block_after_block(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    uint8_t parent[32];
    memcpy(parent, world.genesis, 32);
    for (uint64_t number = 1; number <= 5; number++) {
        subx_block_stats stats = {.runtime_time = 1};
        subx_builder *builder = begin_block(&world);
        if (number == 3) {
            apply(builder, extrinsic(1, text(":heappages"), LITERAL("\7\0\0\0\0\0\0\0")));
            apply_fails(builder, SUBX_EMPTY, SUBX_INVALID_INPUT, "block 3: extrinsic 1: its len");
        }
        subx_block *block = finish_block(builder);
        assert_memory_equal(subx_block_header(block)->parent_hash, parent, 32);
        assert_int_equal(subx_block_header(block)->number, number);
        memcpy(parent, subx_block_header(block)->hash, 32);
        assert_int_equal(subx_chain_adopt(world.chain, builder, &stats, NULL), SUBX_OK);
        assert_int_equal(stats.changes_runtime, number == 3);
        assert_int_equal(stats.runtime_time, 0);
        /* once */
        assert_int_equal(subx_chain_adopt(world.chain, builder, NULL, NULL), SUBX_MISUSE);
        subx_builder_free(builder);
        subx_block_free(block);
    }
    free_world(&world);
}

/* Size of the memory in blocks: the guest's 2 pages and 16, once for authors and twice for others. */
static void heaps(void **unused)
{
    (void)unused;
    for (unsigned authors = 0; authors < 2; authors++) {
        struct world world = new_world(guest_wasm("chain"), authors);
        subx_builder *builder = begin_block(&world);
        apply(builder, extrinsic(4, text("pages"), SUBX_EMPTY));
        subx_block *block = finish_block(builder);
        assert_int_equal(subx_chain_adopt(world.chain, builder, NULL, NULL), SUBX_OK);
        bool found = false;
        subx_bytes value = SUBX_BYTES_INIT;
        assert_int_equal(subx_state_get(world.state, NULL, text("pages"), &found, &value, NULL),
                         SUBX_OK);
        assert_int_equal(value.len, 4);
        assert_int_equal(subx_load_u32(value.data), authors ? 2 + 16 : 2 + 32);
        subx_bytes_free(&value);
        subx_builder_free(builder);
        subx_block_free(block);
        free_world(&world);
    }
}

static void inherents(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin_block(&world);
    subx_error error = SUBX_ERROR_INIT;
    size_t made = 77;
    const subx_inherent data[] = {{"timstap0", text("noon")}, {"babeslot", text("12")}};
    assert_int_equal(subx_builder_make_inherents(builder, NULL, 0, &made, &error), SUBX_OK);
    assert_int_equal(made, 0);
    assert_int_equal(subx_builder_make_inherents(builder, data, 2, &made, &error), SUBX_OK);
    assert_int_equal(made, 2);
    /* in the order of their identifiers */
    assert_true(subx_slice__equal(subx_builder_inherent(builder, 0), setting("babeslot", "12")));
    assert_true(subx_slice__equal(subx_builder_inherent(builder, 1), setting("timstap0", "noon")));
    for (size_t i = 0; i < made; i++)
        apply(builder, subx_builder_inherent(builder, i));

    const subx_inherent twice[] = {data[0], data[1], data[0]};
    assert_int_equal(subx_builder_make_inherents(builder, twice, 3, &made, &error), SUBX_MISUSE);
    assert_string_equal(error.message, "block 1: an inherent's identifier comes twice");
    assert_int_equal(made, 0);

    subx_block *block = finish_block(builder);
    assert_int_equal(subx_block_extrinsic_count(block), 2);
    assert_int_equal(subx_builder_make_inherents(builder, data, 2, &made, NULL), SUBX_MISUSE);
    assert_int_equal(subx_chain_adopt(world.chain, builder, NULL, NULL), SUBX_OK);
    expect_stored(world.state, "timstap0", "noon");
    expect_stored(world.state, "leak", NULL);
    subx_builder_free(builder);
    subx_block_free(block);
    free_world(&world);
}

static void wanted_extrinsics(void **unused)
{
    (void)unused;
    subx_bytes code = code_with_core(5);
    struct world world = new_world((subx_slice){code.data, code.len}, true);
    subx_builder *builder = begin_block(&world);
    assert_true(subx_builder_only_inherents(builder));
    subx_builder_free(builder);
    free_world(&world);
    code.data[(const uint8_t *)memmem(code.data, code.len, "inclusion-mode", 14) - code.data + 14] =
        0;
    world = new_world((subx_slice){code.data, code.len}, true);
    builder = begin_block(&world);
    assert_false(subx_builder_only_inherents(builder));
    subx_builder_free(builder);
    free_world(&world);
    code.data[(const uint8_t *)memmem(code.data, code.len, "inclusion-mode", 14) - code.data + 14] =
        2;
    world = new_world((subx_slice){code.data, code.len}, true);
    const subx_build_options options = options_for(&world);
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_chain_build(world.chain, &options, &builder, &error),
                     SUBX_INVALID_RETURN);
    assert_null(builder);
    assert_string_equal(error.message,
                        "block 1: Core_initialize_block: the 1 bytes that it answered "
                        "are no inclusion mode");
    free_world(&world);
    subx_bytes_free(&code);

    /* before version 5 the answer is nothing */
    world = new_world(guest_wasm("chain"), true);
    builder = begin_block(&world);
    assert_false(subx_builder_only_inherents(builder));
    subx_builder_free(builder);
    free_world(&world);
}

static void counted_events(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin_block(&world);
    assert_false(apply(builder, setting("a", "1")).events_known);
    subx_applied applied = apply(builder, event_count(3));
    assert_true(applied.events_known);
    assert_int_equal(applied.events, 3);
    assert_int_equal(apply(builder, event_count(1000)).events, 997);
    assert_int_equal(apply(builder, event_count(5)).events,
                     0); /* a count that falls says nothing */
    assert_int_equal(apply(builder, answering(LITERAL("\1\0\1"))).events, 0);
    /* not a u32 */
    applied = apply(builder, extrinsic(1, subx_slice__of(test_key_events, 32), LITERAL("\1")));
    assert_false(applied.events_known);
    subx_builder_free(builder);
    free_world(&world);
}

/* An extrinsic that fails in whatever way leaves nothing behind, and the block goes on. */
static void failing_extrinsics(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin_block(&world);
    apply(builder, setting("a", "1"));
    apply_fails(builder, extrinsic(3, SUBX_EMPTY, SUBX_EMPTY), SUBX_ABORTED_DUE_TO_TRAP,
                "block 1: extrinsic 1: BlockBuilder_apply_extrinsic: wasm trap");
    apply_fails(builder, extrinsic(6, text("not today"), SUBX_EMPTY), SUBX_ABORTED_DUE_TO_PANIC,
                "block 1: extrinsic 2: BlockBuilder_apply_extrinsic: not today");
    apply_fails(builder, answering(text("nonsense")), SUBX_INVALID_RETURN,
                "block 1: extrinsic 3: BlockBuilder_apply_extrinsic: the 8 bytes that it answered "
                "are no result of an extrinsic");
    apply_fails(builder, answering(SUBX_EMPTY), SUBX_INVALID_RETURN, "block 1: extrinsic 4: ");
    apply_fails(builder, LITERAL("\x10xxx"), SUBX_INVALID_INPUT,
                "block 1: extrinsic 5: its length in front does not fit its 4 bytes");
    apply_fails(builder, LITERAL("\x08xxx"), SUBX_INVALID_INPUT,
                "block 1: extrinsic 6: its length");
    apply(builder, setting("b", "2"));
    subx_block *block = finish_block(builder);
    assert_int_equal(subx_block_extrinsic_count(block), 2);
    apply_fails(builder, setting("c", "3"), SUBX_MISUSE, "block 1: the block is finished");
    finish_fails(builder, SUBX_MISUSE, "block 1: the block is finished");
    assert_int_equal(subx_chain_adopt(world.chain, builder, NULL, NULL), SUBX_OK);
    expect_stored(world.state, "tried", NULL);
    subx_builder_free(builder);
    expect_executable(block);
    subx_block_free(block);
    free_world(&world);
}

static void bad_beginnings(void **unused)
{
    (void)unused;
    static const uint8_t cut[] = {6, 'T', 'E'}, longer[] = {6, 'T', 'E', 'S', 'T', 0, 0};
    struct world world = new_world(guest_wasm("chain"), true);
    const subx_slice second[] = {test_claim, {cut, sizeof cut}},
                     third[] = {{longer, sizeof longer}};
    subx_build_options options = options_for(&world);
    subx_builder *builder = (subx_builder *)&world;
    subx_error error = SUBX_ERROR_INIT;
    options.number = 3;
    options.digest = second;
    options.digest_count = 2;
    assert_int_equal(subx_chain_build(world.chain, &options, &builder, &error), SUBX_INVALID_INPUT);
    assert_null(builder);
    assert_string_equal(error.message,
                        "block 3: digest item 1: offset 1: engine id: fewer than 4 bytes");
    subx_error_clear(&error);
    options.digest = third;
    options.digest_count = 1;
    assert_int_equal(subx_chain_build(world.chain, &options, &builder, &error), SUBX_INVALID_INPUT);
    assert_string_equal(error.message, "block 3: digest item 0: offset 6: 1 bytes too many");
    free_world(&world);

    /* a guest that is no runtime of a chain */
    subx_executor *executor = new_executor();
    const subx_runtime_options small = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("storage"), &small);
    subx_state *state = NULL;
    subx_changes *changes = NULL;
    assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
    assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
    subx_error_clear(&error);
    assert_int_equal(subx_builder_new(runtime, changes, NULL, &builder, &error),
                     SUBX_METHOD_NOT_FOUND);
    assert_memory_equal(error.message, "block 1: Core_initialize_block: ", 32);
    assert_null(builder);
    subx_changes_free(changes);
    subx_state_free(state);
    subx_runtime_free(runtime);
    subx_executor_free(executor);
}

/* A builder whose BlockBuilder_finalize_block answers this. */
static void expect_no_header(subx_slice answer, const char *message)
{
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin_block(&world);
    apply(builder, extrinsic(1, text("answer"), answer));
    finish_fails(builder, SUBX_INVALID_RETURN, message);
    assert_int_equal(subx_chain_adopt(world.chain, builder, NULL, NULL), SUBX_MISUSE);
    subx_builder_free(builder);
    /* the chain goes on with another block, and without what this one changed */
    builder = begin_block(&world);
    subx_block *block = finish_block(builder);
    assert_int_equal(subx_chain_adopt(world.chain, builder, NULL, NULL), SUBX_OK);
    expect_stored(world.state, "answer", NULL);
    subx_builder_free(builder);
    subx_block_free(block);
    free_world(&world);
}

static void bad_headers(void **unused)
{
    (void)unused;
    struct subx_buf buf = SUBX_BUF_INIT;
    uint8_t zeros[32] = {0};
    expect_no_header(text("short"), "block 1: BlockBuilder_finalize_block: the 5 bytes that it "
                                    "answered are no header");
    subx_buf__append(&buf, zeros, 32);
    subx_scale__append_compact(&buf, 1);
    subx_buf__append(&buf, zeros, 32);
    subx_buf__append(&buf, zeros, 32);
    subx_scale__append_compact(&buf, 0);
    expect_no_header(subx_buf__slice(&buf),
                     "block 1: BlockBuilder_finalize_block: the 98 bytes that "
                     "it answered are the header of another block");
    subx_buf__append_u8(&buf, 0);
    expect_no_header(subx_buf__slice(&buf), "block 1: BlockBuilder_finalize_block: the 99 bytes");
    subx_buf__free(&buf);

    /* the right header but for its root, which is that of nothing */
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin_block(&world);
    subx_buf__append(&buf, world.genesis, 32);
    subx_scale__append_compact(&buf, 1);
    subx_buf__append(&buf, zeros, 32);
    subx_buf__append(&buf, zeros, 32);
    subx_scale__append_compact(&buf, 0);
    apply(builder, extrinsic(1, text("answer"), subx_buf__slice(&buf)));
    finish_fails(builder, SUBX_INVALID_STATE_ROOT, "block 1: the state root is 0x");
    subx_buf__free(&buf);
    subx_builder_free(builder);
    free_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block),
        cmocka_unit_test(block_after_block),
        cmocka_unit_test(heaps),
        cmocka_unit_test(inherents),
        cmocka_unit_test(wanted_extrinsics),
        cmocka_unit_test(counted_events),
        cmocka_unit_test(failing_extrinsics),
        cmocka_unit_test(bad_beginnings),
        cmocka_unit_test(bad_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
