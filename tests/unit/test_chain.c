/* Following a chain: blocks on a state, roots, failures, runtimes that change. The guest is tests/guest/chain.wat. */
#include "guests.h"

#include <stdlib.h>
#include <unistd.h>

#include <subexec/proof.h>

#include "codec/scale.h"
#include "util/endian.h"
#include "util/error.h"
#include "util/mem.h"

static const subx_slice key_ran = {(const uint8_t *)"ran", 3};
static const subx_slice key_code = {(const uint8_t *)":code", 5};
static const subx_slice key_pending = {(const uint8_t *)":pending_code", 13};
static const subx_slice key_heap = {(const uint8_t *)":heappages", 10};

static subx_slice text(const char *text)
{
    return subx_slice__text(text);
}

/* ---- States ---- */

/* The guest with another mark, or the guest itself; to be freed. */
static subx_bytes code_with_mark(const char *mark)
{
    const subx_slice wasm = guest_wasm("chain");
    subx_bytes code = {subx_mem__copy(wasm.data, wasm.len), wasm.len};
    assert_non_null(code.data);
    uint8_t *found = memmem(code.data, code.len, "mark-one", 8);
    assert_non_null(found);
    memcpy(found, mark, 8);
    return code;
}

/* A state with the guest as its code, and with another pair unless its key is empty. */
static subx_state *new_state(subx_slice key, subx_slice value)
{
    subx_state *state = NULL;
    subx_error error = SUBX_ERROR_INIT;
    const subx_pair pairs[] = {{key_code, guest_wasm("chain")}, {key, value}};
    const subx_trie_pairs tries[] = {{NULL, pairs, key.len > 0 ? 2 : 1}};
    assert_int_equal(subx_state_new_memory(&state, &error), SUBX_OK);
    assert_int_equal(subx_state_import(state, tries, 1, 1, &error), SUBX_OK);
    return state;
}

static void expect_stored(subx_state *state, subx_slice key, const char *expected)
{
    bool found = false;
    subx_bytes value = SUBX_BYTES_INIT;
    assert_int_equal(subx_state_get(state, NULL, key, &found, &value, NULL), SUBX_OK);
    assert_int_equal(found, expected != NULL);
    if (expected != NULL) {
        assert_int_equal(value.len, strlen(expected));
        assert_memory_equal(value.data, expected, value.len);
    }
    subx_bytes_free(&value);
}

static uint32_t u32_at(subx_state *state, const char *key)
{
    bool found = false;
    subx_bytes value = SUBX_BYTES_INIT;
    assert_int_equal(subx_state_get(state, NULL, text(key), &found, &value, NULL), SUBX_OK);
    assert_true(found && value.len == 4);
    const uint32_t number = subx_load_u32(value.data);
    subx_bytes_free(&value);
    return number;
}

/* What a block is going to change. */
struct write {
    subx_slice key;
    subx_slice value; /* NULL: removed */
};

/* The root that a state has after these writes, and after the mark was left. */
static void root_after(subx_state *state, const char *mark, const struct write *writes,
                       size_t count, uint8_t root[32])
{
    subx_changes *changes = NULL;
    const subx_slice mark_value = text(mark);
    assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(subx_changes_set(changes, NULL, writes[i].key,
                                          writes[i].value.data != NULL ? &writes[i].value : NULL,
                                          NULL),
                         SUBX_OK);
    assert_int_equal(subx_changes_set(changes, NULL, key_ran, &mark_value, NULL), SUBX_OK);
    assert_int_equal(subx_changes_root(changes, 1, root, NULL), SUBX_OK);
    subx_changes_free(changes);
}

/* ---- Blocks ---- */

/* Payloads of extrinsics, their lengths in front already. */
struct body {
    struct subx_buf bytes;
    size_t count;
};

static void add_extrinsic(struct body *body, uint8_t op, subx_slice first, subx_slice second)
{
    struct subx_buf payload = SUBX_BUF_INIT;
    subx_buf__append_u8(&payload, op);
    if (op == 1)
        subx_buf__append_u8(&payload, (uint8_t)first.len);
    subx_buf__append_slice(&payload, first);
    subx_buf__append_slice(&payload, second);
    subx_scale__append_bytes(&body->bytes, subx_buf__slice(&payload));
    body->count++;
    subx_buf__free(&payload);
}

/* A block; its body is used up. */
static subx_block *new_block(const uint8_t parent[32], uint64_t number, const uint8_t root[32],
                             const char *seals, struct body *body)
{
    static const uint8_t seal[] = {5, 'T', 'E', 'S', 'T', 4, 0xaa};
    static const uint8_t no_hash[32] = {0};
    struct subx_buf buf = SUBX_BUF_INIT;
    const size_t seal_count = strlen(seals);
    subx_buf__append(&buf, parent != NULL ? parent : no_hash, 32);
    subx_scale__append_compact(&buf, number);
    subx_buf__append(&buf, root, 32);
    subx_buf__append(&buf, no_hash, 32);
    subx_scale__append_compact(&buf, seal_count);
    for (size_t i = 0; i < seal_count; i++)
        subx_buf__append(&buf, seal, sizeof seal);
    subx_scale__append_compact(&buf, body->count);
    subx_buf__append_slice(&buf, subx_buf__slice(&body->bytes));
    subx_block *block = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_block_decode(subx_buf__slice(&buf), &block, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    subx_buf__free(&buf);
    subx_buf__free(&body->bytes);
    *body = (struct body){SUBX_BUF_INIT, 0};
    return block;
}

/* ---- Chains ---- */

struct world {
    subx_executor *executor;
    subx_state *state;
    subx_chain *chain;
};

static struct world new_world_with(subx_slice key, subx_slice value,
                                   const subx_chain_options *options)
{
    struct world world = {.executor = new_executor(), .state = new_state(key, value)};
    assert_int_equal(subx_chain_new(world.executor, world.state, options, &world.chain, NULL),
                     SUBX_OK);
    return world;
}

static struct world new_world_timed(bool time_host_functions)
{
    static const subx_runtime_options small = {
        .struct_size = sizeof small, .heap = {SUBX_HEAP_STATIC, 16}, .recompile_mismatched = true};
    subx_chain_options options = SUBX_CHAIN_OPTIONS_INIT;
    options.runtime = &small;
    options.time_host_functions = time_host_functions;
    return new_world_with(SUBX_EMPTY, SUBX_EMPTY, &options);
}

static struct world new_world(void)
{
    return new_world_timed(false);
}

static void free_world(struct world *world)
{
    subx_chain_free(world->chain);
    subx_state_free(world->state);
    subx_executor_free(world->executor);
}

/* Execute and release a block; its hash in `hash`. */
static void run(struct world *world, subx_block *block, subx_block_stats *stats, uint8_t hash[32])
{
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status = subx_chain_execute(world->chain, block, stats, &error);
    if (status != SUBX_OK)
        fail_msg("%s: %s", subx_status_name(status), error.message);
    if (hash != NULL)
        memcpy(hash, subx_block_header(block)->hash, 32);
    subx_block_free(block);
}

/* Execute and release a block that fails: with this status, a message with these parts, and
 * nothing changed. */
static void expect_failed_block(struct world *world, subx_block *block, subx_status expected,
                                const char *part)
{
    uint8_t before[32], after[32];
    char name[100] = "block ";
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_state_root(world->state, before, NULL), SUBX_OK);
    const subx_status status = subx_chain_execute(world->chain, block, NULL, &error);
    if (status != expected || strstr(error.message, part) == NULL)
        fail_msg("%s: %s; expected: %s: %s", subx_status_name(status), error.message,
                 subx_status_name(expected), part);
    struct subx_buf hash = SUBX_BUF_INIT;
    for (size_t i = 0; i < 32; i++)
        subx_buf__append_format(&hash, "%02x", subx_block_header(block)->hash[i]);
    snprintf(name, sizeof name,
             "block %llu (0x%.64s): ", (unsigned long long)subx_block_header(block)->number,
             (const char *)hash.data);
    assert_memory_equal(error.message, name, strlen(name));
    subx_buf__free(&hash);
    assert_int_equal(subx_state_root(world->state, after, NULL), SUBX_OK);
    assert_memory_equal(before, after, 32);
    subx_block_free(block);
}

/* ---- Tests ---- */

static void blocks_in_order(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], hash[32], found[32];
    subx_block_stats stats;

    const struct write first[] = {{text("a"), text("1")}, {text("b"), text("2")}};
    root_after(world.state, "mark-one", first, 2, root);
    add_extrinsic(&body, 1, text("a"), text("1"));
    add_extrinsic(&body, 1, text("b"), text("2"));
    run(&world, new_block(NULL, 7, root, "", &body), &stats, hash);
    expect_stored(world.state, text("a"), "1");
    expect_stored(world.state, text("b"), "2");
    expect_stored(world.state, key_ran, "mark-one");
    assert_int_equal(subx_state_root(world.state, found, NULL), SUBX_OK);
    assert_memory_equal(found, root, 32);
    assert_true(stats.runtime_time > 0 && stats.execution_time > 0 && stats.commit_time > 0);
    assert_true(stats.call.bytes_allocated_sum > 0);
    assert_false(stats.changes_runtime);

    const struct write second[] = {{text("a"), SUBX_EMPTY}, {text("b"), text("3")}};
    root_after(world.state, "mark-one", second, 2, root);
    add_extrinsic(&body, 2, text("a"), SUBX_EMPTY);
    add_extrinsic(&body, 1, text("b"), text("3"));
    run(&world, new_block(hash, 8, root, "", &body), &stats, NULL);
    expect_stored(world.state, text("a"), NULL);
    expect_stored(world.state, text("b"), "3");
    assert_int_equal(stats.runtime_time, 0);
    free_world(&world);
}

/* Execute a block on a state while its reads are recorded. */
static subx_proof *record_block(struct world *world, const subx_block *block, uint8_t parent[32])
{
    subx_changes_options options = SUBX_CHANGES_OPTIONS_INIT;
    subx_changes *changes = NULL;
    subx_runtime *runtime = NULL;
    subx_proof *proof = NULL;
    options.records_proof = true;
    assert_int_equal(subx_chain_runtime(world->chain, &runtime, NULL), SUBX_OK);
    assert_int_equal(subx_changes_new(world->state, &options, &changes, NULL), SUBX_OK);
    assert_int_equal(subx_block_execute(runtime, changes, block, NULL, NULL, NULL), SUBX_OK);
    assert_int_equal(subx_changes_proof(changes, &proof, parent, NULL), SUBX_OK);
    subx_changes_free(changes);
    return proof;
}

/* A chain on a state that is nothing but a block's proof: with what the runtime is made of in it, the
 * block is executed and committed; without, it is said what is missing. */
static void chain_on_a_proof(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], hash[32], parent[32], found[32];
    const struct write first[] = {{text("a"), text("1")}, {text("b"), text("2")}};
    root_after(world.state, "mark-one", first, 2, root);
    add_extrinsic(&body, 1, text("a"), text("1"));
    add_extrinsic(&body, 1, text("b"), text("2"));
    run(&world, new_block(NULL, 7, root, "", &body), NULL, hash);
    const struct write second[] = {{text("a"), SUBX_EMPTY}};
    root_after(world.state, "mark-one", second, 1, root);
    add_extrinsic(&body, 2, text("a"), SUBX_EMPTY);
    subx_block *const block = new_block(hash, 8, root, "", &body);
    subx_proof *const proof = record_block(&world, block, parent);
    const subx_slice keys[] = {key_code, key_pending, key_heap};
    for (unsigned with_code = 0; with_code < 2; with_code++) {
        subx_error error = SUBX_ERROR_INIT;
        subx_state *state = NULL;
        subx_chain *chain = NULL;
        if (with_code == 1)
            assert_int_equal(subx_state_prove(world.state, NULL, keys, 3, proof, NULL, NULL),
                             SUBX_OK);
        assert_int_equal(subx_state_from_proof(proof, parent, &state, NULL), SUBX_OK);
        assert_int_equal(subx_chain_new(world.executor, state, NULL, &chain, NULL), SUBX_OK);
        const subx_status status = subx_chain_execute(chain, block, NULL, &error);
        assert_int_equal(status, with_code == 1 ? SUBX_OK : SUBX_INCOMPLETE_PROOF);
        assert_int_equal(strstr(error.message, "incomplete proof: ") != NULL, with_code == 0);
        assert_int_equal(subx_state_root(state, found, NULL), SUBX_OK);
        assert_memory_equal(found, with_code == 1 ? root : parent, 32);
        subx_chain_free(chain);
        subx_state_free(state);
    }
    subx_proof_free(proof);
    subx_block_free(block);
    free_world(&world);
}

/* What host functions take is told if it is asked for; the root that they compute is not part of it. */
static void host_functions_are_timed(void **unused)
{
    (void)unused;
    for (int timed = 0; timed < 2; timed++) {
        struct world world = new_world_timed(timed);
        struct body body = {SUBX_BUF_INIT, 0};
        uint8_t root[32];
        subx_block_stats stats;
        const struct write write = {text("a"), text("1")};
        root_after(world.state, "mark-one", &write, 1, root);
        add_extrinsic(&body, 1, text("a"), text("1"));
        run(&world, new_block(NULL, 7, root, "", &body), &stats, NULL);
        assert_true(stats.root_time > 0);
        if (timed) {
            /* the extrinsic, the runtime's mark, the root */
            assert_int_equal(stats.call.host_function_calls, 3);
            assert_true(stats.host_functions_time > 0);
            assert_true(stats.host_functions_time < stats.execution_time);
            assert_true(stats.call.host_functions_time > stats.host_functions_time);
        } else {
            assert_int_equal(stats.call.host_function_calls, 0);
            assert_int_equal(stats.call.host_functions_time, 0);
            assert_int_equal(stats.host_functions_time, 0);
        }
        free_world(&world);
    }
}

/* Seals are taken off: the guest traps on a digest that is not empty. */
static void seals_are_not_executed(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32];
    root_after(world.state, "mark-one", NULL, 0, root);
    run(&world, new_block(NULL, 1, root, "ss", &body), NULL, NULL);
    free_world(&world);
}

/* A large block, whose extrinsics have lengths of several bytes. */
static void a_long_value(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32];
    char value[70001];
    memset(value, 'x', 70000);
    value[70000] = '\0';
    const struct write writes[] = {{text("a"), text(value)}};
    root_after(world.state, "mark-one", writes, 1, root);
    add_extrinsic(&body, 1, text("a"), text(value));
    run(&world, new_block(NULL, 1, root, "s", &body), NULL, NULL);
    expect_stored(world.state, text("a"), value);
    free_world(&world);
}

static void wrong_roots(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], wrong[32];
    char computed[100] = "the state root is 0x";
    const struct write writes[] = {{text("a"), text("1")}};
    root_after(world.state, "mark-one", writes, 1, root);
    for (size_t i = 0; i < 32; i++)
        snprintf(computed + strlen(computed), 3, "%02x", root[i]);
    memcpy(wrong, root, 32);
    wrong[31] ^= 1;

    /* the runtime finds it */
    add_extrinsic(&body, 1, text("a"), text("1"));
    expect_failed_block(&world, new_block(NULL, 1, wrong, "", &body), SUBX_INVALID_STATE_ROOT,
                        computed);
    add_extrinsic(&body, 1, text("a"), text("1"));
    expect_failed_block(&world, new_block(NULL, 1, wrong, "", &body), SUBX_INVALID_STATE_ROOT,
                        "; the runtime: the state root is another one");
    /* the runtime does not look */
    add_extrinsic(&body, 5, SUBX_EMPTY, SUBX_EMPTY);
    add_extrinsic(&body, 1, text("a"), text("1"));
    expect_failed_block(&world, new_block(NULL, 1, wrong, "", &body), SUBX_INVALID_STATE_ROOT,
                        computed);

    /* and the same block with the right root still runs */
    add_extrinsic(&body, 5, SUBX_EMPTY, SUBX_EMPTY);
    add_extrinsic(&body, 1, text("a"), text("1"));
    run(&world, new_block(NULL, 1, root, "", &body), NULL, NULL);
    expect_stored(world.state, text("a"), "1");
    free_world(&world);
}

static void failing_calls(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32];
    root_after(world.state, "mark-one", NULL, 0, root);
    add_extrinsic(&body, 1, text("a"), text("1"));
    add_extrinsic(&body, 3, SUBX_EMPTY, SUBX_EMPTY);
    expect_failed_block(&world, new_block(NULL, 1, root, "", &body), SUBX_ABORTED_DUE_TO_TRAP,
                        "unreachable");
    add_extrinsic(&body, 6, text("no such account"), SUBX_EMPTY);
    expect_failed_block(&world, new_block(NULL, 1, root, "", &body), SUBX_ABORTED_DUE_TO_PANIC,
                        ": no such account");
    expect_stored(world.state, text("a"), NULL);
    run(&world, new_block(NULL, 1, root, "", &body), NULL, NULL);
    free_world(&world);
}

static void parents(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], hash[32], other[32];
    root_after(world.state, "mark-one", NULL, 0, root);
    memset(other, 0x77, sizeof other);
    run(&world, new_block(other, 5, root, "", &body), NULL, hash);
    expect_failed_block(
        &world, new_block(other, 6, root, "", &body), SUBX_INVALID_INPUT,
        "its parent is 0x7777777777777777777777777777777777777777777777777777777777777777, "
        "but the block before it is number 5, 0x");
    run(&world, new_block(hash, 6, root, "", &body), NULL, NULL);
    free_world(&world);
}

/* ---- Runtimes that change ---- */

static void new_code(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], hash[32];
    subx_block_stats stats;
    subx_bytes second = code_with_mark("mark-two");
    const subx_slice code = {second.data, second.len};

    /* the block that sets it is the old runtime's */
    const struct write writes[] = {{key_code, code}};
    root_after(world.state, "mark-one", writes, 1, root);
    add_extrinsic(&body, 1, key_code, code);
    run(&world, new_block(NULL, 1, root, "", &body), &stats, hash);
    assert_true(stats.changes_runtime);
    expect_stored(world.state, key_ran, "mark-one");

    root_after(world.state, "mark-two", NULL, 0, root);
    run(&world, new_block(hash, 2, root, "", &body), &stats, hash);
    assert_true(stats.runtime_time > 0 && !stats.changes_runtime);
    expect_stored(world.state, key_ran, "mark-two");

    /* set to what it is: nothing is compiled for that */
    subx_runtime *before = NULL, *after = NULL;
    assert_int_equal(subx_chain_runtime(world.chain, &before, NULL), SUBX_OK);
    add_extrinsic(&body, 1, key_code, code);
    run(&world, new_block(hash, 3, root, "", &body), &stats, hash);
    assert_true(stats.changes_runtime);
    assert_int_equal(subx_chain_runtime(world.chain, &after, NULL), SUBX_OK);
    assert_ptr_equal(before, after);
    subx_bytes_free(&second);
    free_world(&world);
}

/* A runtime that is lost, or that is none, fails the next block; the state stays. */
static void bad_code(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], hash[32];
    const struct write writes[] = {{key_code, text("nonsense")}};
    root_after(world.state, "mark-one", writes, 1, root);
    add_extrinsic(&body, 1, key_code, text("nonsense"));
    run(&world, new_block(NULL, 1, root, "", &body), NULL, hash);
    expect_failed_block(&world, new_block(hash, 2, root, "", &body), SUBX_INVALID_INPUT, "");
    subx_runtime *runtime = NULL;
    assert_int_equal(subx_chain_runtime(world.chain, &runtime, NULL), SUBX_INVALID_INPUT);
    assert_null(runtime);
    free_world(&world);

    world = new_world();
    const struct write removal[] = {{key_code, SUBX_EMPTY}};
    root_after(world.state, "mark-one", removal, 1, root);
    add_extrinsic(&body, 2, key_code, SUBX_EMPTY);
    run(&world, new_block(NULL, 1, root, "", &body), NULL, hash);
    expect_failed_block(&world, new_block(hash, 2, root, "", &body), SUBX_CODE_NOT_FOUND,
                        "the state has no key :code");
    free_world(&world);
}

/* Code that waits under `:pending_code` is the next block's, `:code` or not. */
static void pending_code(void **unused)
{
    (void)unused;
    struct world world = new_world();
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], hash[32];
    subx_block_stats stats;
    subx_bytes second = code_with_mark("mark-two");
    const subx_slice code = {second.data, second.len};
    const struct write sets[] = {{key_pending, code}};
    root_after(world.state, "mark-one", sets, 1, root);
    add_extrinsic(&body, 1, key_pending, code);
    run(&world, new_block(NULL, 1, root, "", &body), &stats, hash);
    assert_true(stats.changes_runtime);

    /* it moves itself to `:code`: the same runtime goes on */
    const struct write moves[] = {{key_pending, SUBX_EMPTY}, {key_code, code}};
    root_after(world.state, "mark-two", moves, 2, root);
    add_extrinsic(&body, 2, key_pending, SUBX_EMPTY);
    add_extrinsic(&body, 1, key_code, code);
    run(&world, new_block(hash, 2, root, "", &body), &stats, hash);
    assert_true(stats.changes_runtime);
    expect_stored(world.state, key_ran, "mark-two");
    root_after(world.state, "mark-two", NULL, 0, root);
    run(&world, new_block(hash, 3, root, "", &body), &stats, hash);
    subx_bytes_free(&second);
    free_world(&world);
}

/* The size of the memory in blocks, in pages. */
static uint32_t pages_of_next_block(struct world *world, const uint8_t *parent, uint64_t number,
                                    uint32_t guess, uint8_t hash[32])
{
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], value[4];
    subx_store_u32(value, guess);
    const struct write writes[] = {{text("pages"), subx_slice__of(value, 4)}};
    root_after(world->state, "mark-one", writes, 1, root);
    add_extrinsic(&body, 4, text("pages"), SUBX_EMPTY);
    run(world, new_block(parent, number, root, "", &body), NULL, hash);
    return u32_at(world->state, "pages");
}

/* The guest has 2 pages of its own; blocks get twice the heap of other calls. */
static void heaps(void **unused)
{
    (void)unused;
    uint8_t hash[32], root[32], number[9] = {10};
    struct body body = {SUBX_BUF_INIT, 0};
    struct world world = new_world_with(SUBX_EMPTY, SUBX_EMPTY, NULL);
    assert_int_equal(pages_of_next_block(&world, NULL, 1, 2 + 4096, hash), 2 + 4096);

    /* `:heappages` comes */
    const struct write sets[] = {{key_heap, subx_slice__of(number, 8)}};
    root_after(world.state, "mark-one", sets, 1, root);
    add_extrinsic(&body, 1, key_heap, subx_slice__of(number, 8));
    subx_block_stats stats;
    run(&world, new_block(hash, 2, root, "", &body), &stats, hash);
    assert_true(stats.changes_runtime);
    assert_int_equal(pages_of_next_block(&world, hash, 3, 2 + 20, hash), 2 + 20);

    /* and goes */
    const struct write removes[] = {{key_heap, SUBX_EMPTY}};
    root_after(world.state, "mark-one", removes, 1, root);
    add_extrinsic(&body, 2, key_heap, SUBX_EMPTY);
    run(&world, new_block(hash, 4, root, "", &body), NULL, hash);
    assert_int_equal(pages_of_next_block(&world, hash, 5, 2 + 4096, hash), 2 + 4096);
    free_world(&world);

    /* too short to be a u64: as if it were not there; longer: the first eight bytes */
    world = new_world_with(key_heap, subx_slice__of(number, 7), NULL);
    assert_int_equal(pages_of_next_block(&world, NULL, 1, 2 + 4096, hash), 2 + 4096);
    free_world(&world);
    world = new_world_with(key_heap, subx_slice__of(number, 9), NULL);
    assert_int_equal(pages_of_next_block(&world, NULL, 1, 2 + 20, hash), 2 + 20);
    free_world(&world);

    /* an own heap, and one that grows */
    subx_runtime_options runtime = SUBX_RUNTIME_OPTIONS_INIT;
    subx_chain_options options = SUBX_CHAIN_OPTIONS_INIT;
    options.runtime = &runtime;
    runtime.heap = (subx_heap){SUBX_HEAP_STATIC, 3};
    world = new_world_with(SUBX_EMPTY, SUBX_EMPTY, &options);
    assert_int_equal(pages_of_next_block(&world, NULL, 1, 2 + 6, hash), 2 + 6);
    free_world(&world);
    runtime.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 0};
    world = new_world_with(SUBX_EMPTY, SUBX_EMPTY, &options);
    assert_int_equal(pages_of_next_block(&world, NULL, 1, 2, hash), 2);
    free_world(&world);
}

/* ---- One block, by hand ---- */

static void one_block(void **unused)
{
    (void)unused;
    subx_executor *executor = new_executor();
    subx_state *state = new_state(SUBX_EMPTY, SUBX_EMPTY);
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_runtime *runtime = load_runtime(executor, guest_wasm("chain"), &options);
    struct body body = {SUBX_BUF_INIT, 0};
    uint8_t root[32], found[32];
    const struct write writes[] = {{text("a"), text("1")}};
    root_after(state, "mark-one", writes, 1, root);
    add_extrinsic(&body, 1, text("a"), text("1"));
    subx_block *block = new_block(NULL, 1, root, "s", &body);
    subx_changes *changes = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
    assert_int_equal(subx_block_execute(runtime, changes, block, NULL, found, &error), SUBX_OK);
    assert_memory_equal(found, root, 32);
    expect_stored(state, text("a"), NULL); /* not committed */
    assert_int_equal(subx_changes_commit(changes, 1, NULL, NULL), SUBX_OK);
    expect_stored(state, text("a"), "1");
    /* once more it comes to the same state, as setting the same values does */
    assert_int_equal(subx_block_execute(runtime, changes, block, NULL, NULL, &error), SUBX_OK);
    subx_changes_free(changes);

    subx_block_free(block);
    root[0] ^= 1;
    block = new_block(NULL, 9, root, "", &body);
    assert_int_equal(subx_changes_new(state, NULL, &changes, NULL), SUBX_OK);
    assert_int_equal(subx_block_execute(runtime, changes, block, NULL, NULL, &error),
                     SUBX_INVALID_STATE_ROOT);
    assert_memory_equal(error.message, "block 9 (0x", 11);
    subx_changes_free(changes);
    subx_block_free(block);
    subx_runtime_free(runtime);
    subx_state_free(state);
    subx_executor_free(executor);
}

#ifdef SUBX_CHECKED
/* Whichever allocation fails: SUBX_NOMEM, the state as it was, and the block runs afterwards. */
static void failing_allocations(void **unused)
{
    (void)unused;
    struct world world = new_world();
    uint8_t root[32], hash[32], before[32], after[32];
    struct body body = {SUBX_BUF_INIT, 0};
    root_after(world.state, "mark-one", NULL, 0, root);
    run(&world, new_block(NULL, 1, root, "", &body), NULL, hash);
    assert_int_equal(subx_state_root(world.state, before, NULL), SUBX_OK);
    const struct write writes[] = {{text("a"), text("1")}};
    root_after(world.state, "mark-one", writes, 1, root);
    add_extrinsic(&body, 1, text("a"), text("1"));
    subx_block *block = new_block(hash, 2, root, "s", &body);
    for (int64_t n = 0;; n++) {
        assert_true(n < 10000);
        subx_mem__fail_after(n);
        const subx_status status = subx_chain_execute(world.chain, block, NULL, NULL);
        subx_mem__fail_after(-1);
        if (status == SUBX_OK) {
            assert_true(n > 5);
            break;
        }
        assert_int_equal(status, SUBX_NOMEM);
        assert_int_equal(subx_state_root(world.state, after, NULL), SUBX_OK);
        assert_memory_equal(before, after, 32);
    }
    expect_stored(world.state, text("a"), "1");
    subx_block_free(block);
    free_world(&world);
}
#endif

/* ---- States from files ---- */

static void write_file(char *path, const char *content)
{
    strcpy(path, "/tmp/subexec-test-chain-XXXXXX");
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, content, strlen(content)), strlen(content));
    close(descriptor);
}

static subx_status import_text(subx_state *state, const char *content, uint8_t state_version,
                               subx_import_info *info, subx_error *error)
{
    char path[64];
    subx_import_options options = SUBX_IMPORT_OPTIONS_INIT;
    options.state_version = state_version;
    write_file(path, content);
    const subx_status status = subx_state_import_file(state, path, &options, info, error);
    unlink(path);
    return status;
}

static void imports(void **unused)
{
    (void)unused;
    static const char content[] = "{\"top\":{\"0x61\":\"0x31\",\"0x62\":\"0x3132\"},"
                                  "\"children\":{\"0x63\":{\"0x64\":\"0x34\"},\"0x65\":{}}}";
    subx_state *state = NULL;
    subx_error error = SUBX_ERROR_INIT;
    subx_import_info info = {0};
    assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
    assert_int_equal(import_text(state, content, SUBX_STATE_VERSION_OF_CODE, &info, &error),
                     SUBX_OK);
    expect_stored(state, text("a"), "1");
    expect_stored(state, text("b"), "12");
    assert_int_equal(info.keys, 2);
    assert_int_equal(info.children, 1);
    assert_int_equal(info.child_keys, 1);
    assert_int_equal(info.bytes, 7);
    assert_int_equal(info.state_version, 0); /* there is no code */
    const subx_slice child = text("c");
    bool found = false;
    subx_bytes value = SUBX_BYTES_INIT;
    assert_int_equal(subx_state_get(state, &child, text("d"), &found, &value, NULL), SUBX_OK);
    assert_true(found);
    subx_bytes_free(&value);
    subx_state_free(state);
}

/* The text of a state whose code is the guest, and a value of 33 bytes. */
static char *state_text(void)
{
    const subx_slice wasm = guest_wasm("chain");
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_buf__append_text(&buf, "{\"top\":{\"0x3a636f6465\":\"0x");
    for (size_t i = 0; i < wasm.len; i++)
        subx_buf__append_format(&buf, "%02x", wasm.data[i]);
    subx_buf__append_text(&buf, "\",\"0x61\":\"0x");
    for (size_t i = 0; i < 33; i++)
        subx_buf__append_text(&buf, "11");
    subx_buf__append_text(&buf, "\"}}");
    subx_buf__append_u8(&buf, 0);
    return (char *)buf.data;
}

static void import_versions(void **unused)
{
    (void)unused;
    subx_executor *executor = new_executor(); /* for its signals: the code is asked */
    char *content = state_text();
    uint8_t roots[3][32];
    const uint8_t versions[3] = {0, 1, SUBX_STATE_VERSION_OF_CODE};
    for (size_t i = 0; i < 3; i++) {
        subx_state *state = NULL;
        subx_error error = SUBX_ERROR_INIT;
        subx_import_info info = {0};
        assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
        const subx_status status = import_text(state, content, versions[i], &info, &error);
        assert_string_equal(error.message, "");
        assert_int_equal(status, SUBX_OK);
        assert_int_equal(info.state_version, i == 0 ? 0 : 1);
        assert_int_equal(subx_state_root(state, roots[i], NULL), SUBX_OK);
        subx_state_free(state);
    }
    assert_memory_not_equal(roots[0], roots[1], 32);
    assert_memory_equal(roots[1], roots[2], 32);
    subx_mem__free(content);
    subx_executor_free(executor);
}

static void expect_import_fault(const char *content, const char *part)
{
    subx_state *state = NULL;
    subx_error error = SUBX_ERROR_INIT;
    uint8_t before[32], after[32];
    assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
    assert_int_equal(subx_state_root(state, before, NULL), SUBX_OK);
    assert_int_equal(import_text(state, content, 1, NULL, &error), SUBX_INVALID_INPUT);
    if (strncmp(error.message, "/tmp/subexec-test-chain-", 24) != 0 ||
        strstr(error.message, part) == NULL)
        fail_msg("%s", error.message);
    assert_int_equal(subx_state_root(state, after, NULL), SUBX_OK);
    assert_memory_equal(before, after, 32);
    subx_state_free(state);
}

static void import_faults(void **unused)
{
    (void)unused;
    expect_import_fault("{\"top\":{\"0x61\":\"0x31\"}", ": line 1, column 23: the text ends");
    expect_import_fault("{\"top\":{}}\n{}", ": line 2, column 1: more than one JSON value");
    expect_import_fault("{\"name\":1}", "no storage is in it");
    expect_import_fault(
        "{\"top\":{\"0x61\":\"0x31\"},\"children\":{\"0x61\":{\"00\":\"\"},\"0x62\":{\"00\":\"\"},"
        "\"0x61\":{\"00\":\"\"}}}",
        "given twice");
    subx_error error = SUBX_ERROR_INIT;
    subx_state *state = NULL;
    assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
    assert_int_equal(subx_state_import_file(state, "/tmp/subexec-no-such-file", NULL, NULL, &error),
                     SUBX_IO);
    assert_string_equal(error.message, "/tmp/subexec-no-such-file: No such file or directory");
    subx_state_free(state);
}

#ifdef SUBX_CHECKED
static void import_without_memory(void **unused)
{
    (void)unused;
    for (int64_t n = 0;; n++) {
        subx_state *state = NULL;
        assert_int_equal(subx_state_new_memory(&state, NULL), SUBX_OK);
        char path[64];
        write_file(path,
                   "{\"top\":{\"0x61\":\"0x31\"},\"children\":{\"0x63\":{\"0x64\":\"0x34\"}}}");
        subx_mem__fail_after(n);
        const subx_status status = subx_state_import_file(state, path, NULL, NULL, NULL);
        subx_mem__fail_after(-1);
        unlink(path);
        expect_stored(state, text("a"), status == SUBX_OK ? "1" : NULL);
        subx_state_free(state);
        if (status == SUBX_OK) {
            assert_true(n > 5);
            return;
        }
        assert_int_equal(status, SUBX_NOMEM);
    }
}
#endif

/* Known from the chains themselves (docs: polkadot.js, block explorers). */
static void genesis_hashes(void **unused)
{
    (void)unused;
    static const uint8_t polkadot_root[32] = {0x29, 0xd0, 0xd9, 0x72, 0xcd, 0x27, 0xcb, 0xc5,
                                              0x11, 0xe9, 0x58, 0x9f, 0xcb, 0x7a, 0x45, 0x06,
                                              0xd5, 0xeb, 0x6a, 0x9e, 0x8d, 0xf2, 0x05, 0xf0,
                                              0x04, 0x72, 0xe5, 0xab, 0x35, 0x4a, 0x4e, 0x17};
    static const uint8_t polkadot_hash[32] = {0x91, 0xb1, 0x71, 0xbb, 0x15, 0x8e, 0x2d, 0x38,
                                              0x48, 0xfa, 0x23, 0xa9, 0xf1, 0xc2, 0x51, 0x82,
                                              0xfb, 0x8e, 0x20, 0x31, 0x3b, 0x2c, 0x1e, 0xb4,
                                              0x92, 0x19, 0xda, 0x7a, 0x70, 0xce, 0x90, 0xc3};
    uint8_t hash[32];
    subx_genesis_hash(polkadot_root, hash);
    assert_memory_equal(hash, polkadot_hash, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_in_order),
        cmocka_unit_test(chain_on_a_proof),
        cmocka_unit_test(host_functions_are_timed),
        cmocka_unit_test(seals_are_not_executed),
        cmocka_unit_test(a_long_value),
        cmocka_unit_test(wrong_roots),
        cmocka_unit_test(failing_calls),
        cmocka_unit_test(parents),
        cmocka_unit_test(new_code),
        cmocka_unit_test(bad_code),
        cmocka_unit_test(pending_code),
        cmocka_unit_test(heaps),
        cmocka_unit_test(one_block),
        cmocka_unit_test(imports),
        cmocka_unit_test(import_versions),
        cmocka_unit_test(import_faults),
        cmocka_unit_test(genesis_hashes),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failing_allocations),
        cmocka_unit_test(import_without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
