/*
 * Building blocks (include/subexec/build.h): what is in them and what is not, headers, failures. The
 * guest is tests/guest/chain.wat; what is built must execute to the same root.
 */
#include "guests.h"

#include "codec/scale.h"
#include "util/endian.h"
#include "util/mem.h"
#include "wrapped_backend.h"

static const subx_slice key_code = {(const uint8_t *)":code", 5};

/* A claim of the engine "TEST", of two bytes. */
static const uint8_t claim[] = {6, 'T', 'E', 'S', 'T', 2 << 2, 0xaa, 0xbb};
static const subx_slice claims[] = {{claim, sizeof claim}};

/* System.EventCount */
static const uint8_t key_events[32] = {
    0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae, 0x0c, 0x95, 0x58, 0xce, 0xf7,
    0x0a, 0x98, 0xfd, 0xbe, 0x9c, 0xe6, 0xc5, 0x58, 0x37, 0x57, 0x6c, 0x60, 0xc7, 0xaf, 0x38, 0x50};

static subx_slice text(const char *text)
{
    return subx_slice__text(text);
}

/* ---- Worlds ---- */

struct world {
    subx_executor *executor;
    struct wrapped *wrapper;
    subx_state *state;
    subx_chain *chain;
    uint8_t genesis[32];
};

static struct world new_world(subx_slice code, bool authors)
{
    static const subx_runtime_options small = {
        .struct_size = sizeof small, .heap = {SUBX_HEAP_STATIC, 16}, .recompile_mismatched = true};
    struct world world = {.executor = new_executor()};
    subx_chain_options options = SUBX_CHAIN_OPTIONS_INIT;
    const subx_pair pairs[] = {{key_code, code}};
    const subx_trie_pairs tries[] = {{NULL, pairs, 1}};
    uint8_t root[32];
    options.runtime = &small;
    options.authors = authors;
    world.state = wrapped_memory_state(&world.wrapper);
    assert_int_equal(subx_state_import(world.state, tries, 1, 1, NULL), SUBX_OK);
    assert_int_equal(subx_state_root(world.state, root, NULL), SUBX_OK);
    subx_genesis_hash(root, world.genesis);
    assert_int_equal(subx_chain_new(world.executor, world.state, &options, &world.chain, NULL),
                     SUBX_OK);
    return world;
}

static void free_world(struct world *world)
{
    subx_chain_free(world->chain);
    subx_state_free(world->state);
    subx_executor_free(world->executor);
}

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

/* A value; NULL data: there is none. */
static void expect_bytes(subx_state *state, const char *key, subx_slice expected)
{
    bool found = false;
    subx_bytes value = SUBX_BYTES_INIT;
    assert_int_equal(subx_state_get(state, NULL, text(key), &found, &value, NULL), SUBX_OK);
    assert_int_equal(found, expected.data != NULL);
    assert_int_equal(value.len, expected.len);
    if (expected.len > 0)
        assert_memory_equal(value.data, expected.data, value.len);
    subx_bytes_free(&value);
}

static void expect_stored(subx_state *state, const char *key, const char *expected)
{
    expect_bytes(state, key, expected != NULL ? text(expected) : SUBX_EMPTY);
}

/* ---- Extrinsics ---- */

/* One at a time, valid until the next; without the heap, whose allocations may fail. */
static subx_slice extrinsic(uint8_t op, subx_slice first, subx_slice second)
{
    static uint8_t bytes[256];
    const size_t key_len = op == 1, len = 1 + key_len + first.len + second.len;
    assert_true(len < 250);
    const size_t at = len < 64 ? 1 : 2;
    bytes[0] = (uint8_t)(len << 2 | (at - 1));
    bytes[1] = (uint8_t)(len >> 6);
    bytes[at] = op;
    if (op == 1)
        bytes[at + 1] = (uint8_t)first.len;
    uint8_t *rest = bytes + at + 1 + key_len;
    memcpy(rest, first.data != NULL ? first.data : bytes, first.len);
    memcpy(rest + first.len, second.data != NULL ? second.data : bytes, second.len);
    return (subx_slice){bytes, at + len};
}

static subx_slice setting(const char *key, const char *value)
{
    return extrinsic(1, text(key), text(value));
}

static subx_slice answering(subx_slice answer)
{
    return extrinsic(7, answer, SUBX_EMPTY);
}

static subx_slice events(uint32_t count)
{
    uint8_t value[4];
    subx_store_u32(value, count);
    return extrinsic(1, subx_slice__of(key_events, sizeof key_events), subx_slice__of(value, 4));
}

/* ---- Building ---- */

static subx_build_options options_for(const struct world *world)
{
    subx_build_options options = SUBX_BUILD_OPTIONS_INIT;
    memcpy(options.parent_hash, world->genesis, 32);
    options.digest = claims;
    options.digest_count = 1;
    return options;
}

static subx_builder *begin(struct world *world)
{
    const subx_build_options options = options_for(world);
    subx_builder *builder = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_chain_build(world->chain, &options, &builder, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return builder;
}

static subx_applied apply(subx_builder *builder, subx_slice bytes)
{
    subx_applied applied;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_builder_apply(builder, bytes, &applied, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return applied;
}

static void apply_fails(subx_builder *builder, subx_slice bytes, subx_status status,
                        const char *message)
{
    subx_applied applied = {.kind = SUBX_APPLIED_FAILED, .events = 7};
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_builder_apply(builder, bytes, &applied, &error), status);
    if (strncmp(error.message, message, strlen(message)) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(applied.events, 0);
    assert_null(applied.encoded.data);
}

static subx_block *finish(subx_builder *builder)
{
    subx_block *block = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_builder_finish(builder, &block, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return block;
}

static void finish_fails(subx_builder *builder, subx_status status, const char *message)
{
    subx_block *block = (subx_block *)builder;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_builder_finish(builder, &block, &error), status);
    assert_null(block);
    if (strncmp(error.message, message, strlen(message)) != 0)
        fail_msg("%s", error.message);
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

/* ---- Tests ---- */

static void a_block(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin(&world);
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
    subx_block *block = finish(builder);

    const subx_header *header = subx_block_header(block);
    assert_memory_equal(header->parent_hash, world.genesis, 32);
    assert_int_equal(header->number, 1);
    assert_int_equal(header->digest_count, 1);
    assert_int_equal(header->seal_count, 0);
    assert_true(subx_slice__equal(subx_block_digest_item(block, 0).encoded, claims[0]));
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
        subx_builder *builder = begin(&world);
        if (number == 3) {
            apply(builder, extrinsic(1, text(":heappages"), LITERAL("\7\0\0\0\0\0\0\0")));
            apply_fails(builder, SUBX_EMPTY, SUBX_INVALID_INPUT, "block 3: extrinsic 1: its len");
        }
        subx_block *block = finish(builder);
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
        subx_builder *builder = begin(&world);
        apply(builder, extrinsic(4, text("pages"), SUBX_EMPTY));
        subx_block *block = finish(builder);
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
    subx_builder *builder = begin(&world);
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

    subx_block *block = finish(builder);
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
    subx_builder *builder = begin(&world);
    assert_true(subx_builder_only_inherents(builder));
    subx_builder_free(builder);
    free_world(&world);
    code.data[(const uint8_t *)memmem(code.data, code.len, "inclusion-mode", 14) - code.data + 14] =
        0;
    world = new_world((subx_slice){code.data, code.len}, true);
    builder = begin(&world);
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
    builder = begin(&world);
    assert_false(subx_builder_only_inherents(builder));
    subx_builder_free(builder);
    free_world(&world);
}

static void counted_events(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin(&world);
    assert_false(apply(builder, setting("a", "1")).events_known);
    subx_applied applied = apply(builder, events(3));
    assert_true(applied.events_known);
    assert_int_equal(applied.events, 3);
    assert_int_equal(apply(builder, events(1000)).events, 997);
    assert_int_equal(apply(builder, events(5)).events, 0); /* a count that falls says nothing */
    assert_int_equal(apply(builder, answering(LITERAL("\1\0\1"))).events, 0);
    /* not a u32 */
    applied = apply(builder, extrinsic(1, subx_slice__of(key_events, 32), LITERAL("\1")));
    assert_false(applied.events_known);
    subx_builder_free(builder);
    free_world(&world);
}

/* An extrinsic that fails in whatever way leaves nothing behind, and the block goes on. */
static void failing_extrinsics(void **unused)
{
    (void)unused;
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin(&world);
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
    subx_block *block = finish(builder);
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
    const subx_slice second[] = {claims[0], {cut, sizeof cut}}, third[] = {{longer, sizeof longer}};
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
    subx_builder *builder = begin(&world);
    apply(builder, extrinsic(1, text("answer"), answer));
    finish_fails(builder, SUBX_INVALID_RETURN, message);
    assert_int_equal(subx_chain_adopt(world.chain, builder, NULL, NULL), SUBX_MISUSE);
    subx_builder_free(builder);
    /* the chain goes on with another block, and without what this one changed */
    builder = begin(&world);
    subx_block *block = finish(builder);
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
    subx_builder *builder = begin(&world);
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

/* ---- Blocks that are there ---- */

/* A block with these extrinsics, a bit of it changed, or none if `at` is SIZE_MAX. */
static subx_block *built_block(const char *value, size_t at)
{
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin(&world);
    apply(builder, setting("a", value));
    apply(builder, events(4));
    apply(builder, answering(LITERAL("\0\1\2")));
    subx_block *block = finish(builder);
    subx_builder_free(builder);
    free_world(&world);
    if (at == SIZE_MAX)
        return block;
    const subx_slice bytes = subx_block_encoded(block);
    uint8_t *copy = subx_mem__copy(bytes.data, bytes.len);
    copy[at] ^= 4;
    subx_block_free(block);
    assert_int_equal(subx_block_decode((subx_slice){copy, bytes.len}, &block, NULL), SUBX_OK);
    subx_mem__free(copy);
    return block;
}

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
    const size_t state_root = 33, extrinsics_root = 65, first = 98 + sizeof claim + 1;
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
    subx_buf__append_slice(&digest, claims[0]);
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

/* ---- Failures at any moment ---- */

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
    subx_builder *builder = begin(world);
    uint8_t before[32], after[32];
    subx_status status = SUBX_OK;
    long n = 0;
    apply(builder, setting("b", "2"));
    subx_block *block = finish(builder);
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

/* The same for blocks that are there. */
static void failing_allocations_in_steps(void **unused)
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
        cmocka_unit_test(a_block),
        cmocka_unit_test(block_after_block),
        cmocka_unit_test(heaps),
        cmocka_unit_test(inherents),
        cmocka_unit_test(wanted_extrinsics),
        cmocka_unit_test(counted_events),
        cmocka_unit_test(failing_extrinsics),
        cmocka_unit_test(bad_beginnings),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(in_steps),
        cmocka_unit_test(wrong_blocks),
        cmocka_unit_test(blocks_that_cannot_be),
        cmocka_unit_test(checked_inherents),
        cmocka_unit_test(failing_back_end),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failing_allocations),
        cmocka_unit_test(failing_allocations_in_steps),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
