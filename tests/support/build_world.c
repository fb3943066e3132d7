#include "build_world.h"

#include "codec/scale.h"
#include "util/endian.h"
#include "util/mem.h"

static const subx_slice key_code = {(const uint8_t *)":code", 5};

/* A claim of the engine "TEST", of two bytes. */
static const uint8_t claim[] = {6, 'T', 'E', 'S', 'T', 2 << 2, 0xaa, 0xbb};
const subx_slice test_claim = {claim, sizeof claim};

/* System.EventCount */
const uint8_t test_key_events[32] = {
    0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae, 0x0c, 0x95, 0x58, 0xce, 0xf7,
    0x0a, 0x98, 0xfd, 0xbe, 0x9c, 0xe6, 0xc5, 0x58, 0x37, 0x57, 0x6c, 0x60, 0xc7, 0xaf, 0x38, 0x50};

/* ---- Worlds ---- */

struct world new_world(subx_slice code, bool authors)
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

void free_world(struct world *world)
{
    subx_chain_free(world->chain);
    subx_state_free(world->state);
    subx_executor_free(world->executor);
}

/* A value; NULL data: there is none. */
void expect_bytes(subx_state *state, const char *key, subx_slice expected)
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

void expect_stored(subx_state *state, const char *key, const char *expected)
{
    expect_bytes(state, key, expected != NULL ? text(expected) : SUBX_EMPTY);
}

/* ---- Extrinsics ---- */

/* One at a time, valid until the next; without the heap, whose allocations may fail. */
subx_slice extrinsic(uint8_t op, subx_slice first, subx_slice second)
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

subx_slice setting(const char *key, const char *value)
{
    return extrinsic(1, text(key), text(value));
}

subx_slice answering(subx_slice answer)
{
    return extrinsic(7, answer, SUBX_EMPTY);
}

subx_slice event_count(uint32_t count)
{
    uint8_t value[4];
    subx_store_u32(value, count);
    return extrinsic(1, subx_slice__of(test_key_events, sizeof test_key_events),
                     subx_slice__of(value, 4));
}

/* ---- Building ---- */

subx_build_options options_for(const struct world *world)
{
    subx_build_options options = SUBX_BUILD_OPTIONS_INIT;
    memcpy(options.parent_hash, world->genesis, 32);
    options.digest = &test_claim;
    options.digest_count = 1;
    return options;
}

subx_builder *begin_block(struct world *world)
{
    const subx_build_options options = options_for(world);
    subx_builder *builder = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_chain_build(world->chain, &options, &builder, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return builder;
}

subx_applied apply(subx_builder *builder, subx_slice bytes)
{
    subx_applied applied;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_builder_apply(builder, bytes, &applied, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return applied;
}

void apply_fails(subx_builder *builder, subx_slice bytes, subx_status status, const char *message)
{
    subx_applied applied = {.kind = SUBX_APPLIED_FAILED, .events = 7};
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_builder_apply(builder, bytes, &applied, &error), status);
    if (strncmp(error.message, message, strlen(message)) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(applied.events, 0);
    assert_null(applied.encoded.data);
}

subx_block *finish_block(subx_builder *builder)
{
    subx_block *block = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_builder_finish(builder, &block, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return block;
}

void finish_fails(subx_builder *builder, subx_status status, const char *message)
{
    subx_block *block = (subx_block *)builder;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_builder_finish(builder, &block, &error), status);
    assert_null(block);
    if (strncmp(error.message, message, strlen(message)) != 0)
        fail_msg("%s", error.message);
}

/* A block with these extrinsics, a bit of it changed, or none if `at` is SIZE_MAX. */
subx_block *built_block(const char *value, size_t at)
{
    struct world world = new_world(guest_wasm("chain"), true);
    subx_builder *builder = begin_block(&world);
    apply(builder, setting("a", value));
    apply(builder, event_count(4));
    apply(builder, answering(LITERAL("\0\1\2")));
    subx_block *block = finish_block(builder);
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
