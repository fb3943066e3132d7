/*
 * The interface offchain on a byte array as the guest, with a node that is made up: spec/host-api.md
 * sections 1.7 and 10.
 */
#include "guest_memory.h"

#include <stdio.h>

#include "util/error.h"

/* ---- The node ---- */

struct node {
    bool is_known; /* its network state */
    size_t peer_len;
    uint64_t now, slept_until;
    char submitted[32], nodes[32];
    bool only;
    char request[128]; /* arguments of the last HTTP function */
    subx_http_outcome outcome;
};

static bool is_validator(void *data)
{
    return ((struct node *)data)->is_known;
}

static void keep_hex(char *to, size_t size, subx_slice bytes)
{
    to[0] = '\0';
    for (size_t i = 0; i < bytes.len; i++)
        snprintf(to + 2 * i, size - 2 * i, "%02x", bytes.data[i]);
}

static bool submit_transaction(void *data, subx_slice extrinsic)
{
    struct node *const node = data;
    keep_hex(node->submitted, sizeof node->submitted, extrinsic);
    return extrinsic.len > 0;
}

static bool network_state(void *data, subx_network_state_sink give, void *to)
{
    const struct node *const node = data;
    uint8_t peer[40];
    for (uint8_t i = 0; i < sizeof peer; i++)
        peer[i] = i;
    const uint8_t bytes[] = {1, 2, 3};
    const subx_slice addresses[] = {{bytes, 3}, {NULL, 0}};
    if (node->is_known)
        give(to, subx_slice__of(peer, node->peer_len), addresses, 2);
    return node->is_known;
}

static uint64_t timestamp(void *data)
{
    return ((struct node *)data)->now;
}

static void sleep_until(void *data, uint64_t deadline)
{
    ((struct node *)data)->slept_until = deadline;
}

static void random_seed(void *data, uint8_t seed[32])
{
    (void)data;
    for (uint8_t i = 0; i < 32; i++)
        seed[i] = (uint8_t)(7 * i + 1);
}

static void set_authorized_nodes(void *data, subx_slice nodes, bool only)
{
    struct node *const node = data;
    keep_hex(node->nodes, sizeof node->nodes, nodes);
    node->only = only;
}

static bool http_request_start(void *data, subx_slice method, subx_slice uri, subx_slice meta,
                               uint16_t *id)
{
    struct node *const node = data;
    snprintf(node->request, sizeof node->request, "%.*s %.*s %zu", (int)method.len,
             (const char *)method.data, (int)uri.len, (const char *)uri.data, meta.len);
    *id = 0x1234;
    return method.len > 0;
}

static bool http_request_add_header(void *data, uint16_t id, subx_slice name, subx_slice value)
{
    struct node *const node = data;
    snprintf(node->request, sizeof node->request, "%u %.*s: %.*s", id, (int)name.len,
             (const char *)name.data, (int)value.len, (const char *)value.data);
    return id != 0;
}

static void note_deadline(struct node *node, uint16_t id, size_t len, const uint64_t *deadline)
{
    snprintf(node->request, sizeof node->request, "%u %zu %lld", id, len,
             deadline == NULL ? -1 : (long long)*deadline);
}

static subx_http_outcome http_request_write_body(void *data, uint16_t id, subx_slice chunk,
                                                 const uint64_t *deadline)
{
    struct node *const node = data;
    note_deadline(node, id, chunk.len, deadline);
    return node->outcome;
}

/* The outcome is the id modulo 4. */
static void http_response_wait(void *data, const uint16_t *ids, size_t count,
                               const uint64_t *deadline, subx_http_state *states)
{
    note_deadline(data, 0, count, deadline);
    for (size_t i = 0; i < count; i++)
        states[i] = (subx_http_state){(subx_http_outcome)(ids[i] % 4), 404};
}

static void http_response_headers(void *data, uint16_t id, subx_http_header_sink give, void *to)
{
    (void)data;
    static const char *const names[] = {"a", "long-name", ""}, *const values[] = {"", "v", "w"};
    for (size_t i = 0; i < id && i < 3; i++)
        give(to, subx_slice__text(names[i]), subx_slice__text(values[i]));
}

static subx_http_outcome http_response_read_body(void *data, uint16_t id, uint8_t *buffer,
                                                 size_t len, const uint64_t *deadline, size_t *read)
{
    struct node *const node = data;
    note_deadline(node, id, len, deadline);
    *read = len < 2 ? len : 2;
    if (node->outcome == SUBX_HTTP_OK)
        memset(buffer, 0x11, *read);
    return node->outcome;
}

static const subx_offchain_functions node_functions = {
    .is_validator = is_validator,
    .submit_transaction = submit_transaction,
    .network_state = network_state,
    .timestamp = timestamp,
    .sleep_until = sleep_until,
    .random_seed = random_seed,
    .set_authorized_nodes = set_authorized_nodes,
    .http_request_start = http_request_start,
    .http_request_add_header = http_request_add_header,
    .http_request_write_body = http_request_write_body,
    .http_response_wait = http_response_wait,
    .http_response_headers = http_response_headers,
    .http_response_read_body = http_response_read_body,
};

struct world {
    struct laid_out at;
    struct node node;
    subx_offchain offchain;
    subx_local_storage *storage;
};

static void begin(struct world *world)
{
    memset(world, 0, sizeof *world);
    lay_out(&world->at);
    world->node = (struct node){.is_known = true, .peer_len = 38, .now = 1600000000000};
    world->offchain = (subx_offchain){&node_functions, &world->node};
    assert_int_equal(subx_local_storage_memory(&world->storage, NULL), SUBX_OK);
    world->at.guest.call.grants.offchain = &world->offchain;
    world->at.guest.call.grants.local_storage = world->storage;
}

static void end(struct world *world)
{
    lay_out_end(&world->at);
    subx_local_storage_free(world->storage);
}

#define NONE number(0) /* for functions without parameters */

/* ---- The node ---- */

static void the_node(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    assert_int_equal(CALL(at, "ext_offchain_is_validator_version_1", NONE).u64, 1);
    assert_true(CALL(at, "ext_offchain_timestamp_version_1", NONE).u64 == 1600000000000);
    CALL(at, "ext_offchain_sleep_until_version_1", number(UINT64_MAX));
    assert_true(world.node.slept_until == UINT64_MAX);
    static const char seed[] = "01080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3da";
    assert_memory(at, CALL(at, "ext_offchain_random_seed_version_1", NONE), seed);
    const union subx_value out = number(room(at, 33).u32);
    CALL(at, "ext_offchain_random_seed_version_2", out);
    assert_memory(at, out, seed);
    assert_guest_bytes(&at->guest, out.u32 + 32, "ee");

    assert_result(at, CALL(at, "ext_offchain_submit_transaction_version_1", put_hex(at, "0102")),
                  "00");
    assert_string_equal(world.node.submitted, "0102");
    assert_result(at, CALL(at, "ext_offchain_submit_transaction_version_1", put_hex(at, "")), "01");
    assert_int_equal(CALL(at, "ext_offchain_submit_transaction_version_2", put_hex(at, "03")).u64,
                     0);
    assert_int_equal(CALL(at, "ext_offchain_submit_transaction_version_2", put_hex(at, "")).u32,
                     UINT32_MAX);
    world.node.is_known = false;
    assert_int_equal(CALL(at, "ext_offchain_is_validator_version_1", NONE).u64, 0);
    end(&world);
}

#define PEER "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425"

static void the_network(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    static const char network[] = "ext_offchain_network_state_version_1";
    static const char peer_id[] = "ext_offchain_network_peer_id_version_1";
    assert_result(at, CALL(at, network, NONE), "0098" PEER "080c01020300");
    const union subx_value out = number(room(at, 39).u32);
    assert_int_equal(CALL(at, peer_id, out).u64, 0);
    assert_memory(at, out, PEER "ee");
    const union subx_value untouched = number(room(at, 38).u32);
    world.node.peer_len = 39;
    assert_int_equal(CALL(at, peer_id, untouched).u32, UINT32_MAX);
    world.node.peer_len = 38;
    world.node.is_known = false;
    assert_int_equal(CALL(at, peer_id, untouched).u32, UINT32_MAX);
    assert_memory(at, untouched, "eeee");
    assert_result(at, CALL(at, network, NONE), "01");
    end(&world);
}

static void authorized_nodes(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    static const char name[] = "ext_offchain_set_authorized_nodes_version_1";
    CALL(at, name, put_hex(at, "08040100ffff"), number(0x100));
    assert_string_equal(world.node.nodes, "08040100"); /* what follows is ignored */
    assert_true(world.node.only);
    CALL(at, name, put_hex(at, "00"), number(0));
    assert_string_equal(world.node.nodes, "00");
    assert_false(world.node.only);
    const char *const bad[] = {"", "04", "0404", "0804ff", "0804ff08ff", "feffffff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CALL_FAILS(at, "'nodes' does not decode as Vec<Vec<u8>>", name, put_hex(at, bad[i]),
                   number(1));
    end(&world);
}

/* ---- HTTP ---- */

/* SCALE of None and of Some(9). */
#define NO_DEADLINE "00"
#define DEADLINE "010900000000000000"

static void http_requests(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    static const char start_1[] = "ext_offchain_http_request_start_version_1";
    static const char start_2[] = "ext_offchain_http_request_start_version_2";
    const union subx_value get = put_text(at, "GET"), uri = put_text(at, "http://a/\xc3\xbc"),
                           empty = put_text(at, ""), meta = put_hex(at, "0001");
    assert_result(at, CALL(at, start_1, get, uri, meta), "003412");
    assert_string_equal(world.node.request, "GET http://a/\xc3\xbc 2");
    assert_result(at, CALL(at, start_1, empty, uri, empty), "01");
    assert_int_equal(CALL(at, start_2, get, uri, empty).u64, 0x1234);
    assert_int_equal(CALL(at, start_2, get, uri, meta).u64, 0x1234); /* an empty sequence */
    assert_string_equal(world.node.request, "GET http://a/\xc3\xbc 0");
    assert_true(CALL(at, start_2, empty, uri, empty).u64 == UINT64_MAX);
    CALL_FAILS(at, "'meta' must be empty", start_2, get, uri, put_hex(at, "0401"));
    CALL_FAILS(at, "'method' is not valid UTF-8", start_1, put_hex(at, "ff"), uri, empty);
    CALL_FAILS(at, "'uri' is not valid UTF-8", start_2, get, put_hex(at, "ff"), empty);

    static const char add_1[] = "ext_offchain_http_request_add_header_version_1";
    static const char add_2[] = "ext_offchain_http_request_add_header_version_2";
    const union subx_value name = put_text(at, "name"), value = put_text(at, "value");
    assert_result(at, CALL(at, add_1, number(0x10005), name, value), "00");
    assert_string_equal(world.node.request, "5 name: value");
    assert_result(at, CALL(at, add_1, number(0x10000), name, value), "01");
    assert_int_equal(CALL(at, add_2, number(5), name, value).u64, 0);
    assert_int_equal(CALL(at, add_2, number(0), name, value).u32, UINT32_MAX);
    CALL_FAILS(at, "'name' is not valid UTF-8", add_1, number(1), put_hex(at, "ff"), value);
    CALL_FAILS(at, "'value' is not valid UTF-8", add_2, number(1), name, put_hex(at, "ff"));
    end(&world);
}

static void http_bodies(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    static const char write_1[] = "ext_offchain_http_request_write_body_version_1";
    static const char write_2[] = "ext_offchain_http_request_write_body_version_2";
    static const char read_1[] = "ext_offchain_http_response_read_body_version_1";
    static const char read_2[] = "ext_offchain_http_response_read_body_version_2";
    const union subx_value chunk = put_text(at, "chunk"), never = put_hex(at, NO_DEADLINE),
                           soon = put_hex(at, DEADLINE);
    assert_result(at, CALL(at, write_1, number(7), chunk, never), "00");
    assert_string_equal(world.node.request, "7 5 -1");
    assert_int_equal(CALL(at, write_2, number(0x10007), chunk, soon).u64, 0);
    assert_string_equal(world.node.request, "7 5 9");
    const union subx_value buffer = room(at, 4);
    assert_result(at, CALL(at, read_1, number(8), buffer, never), "0002000000");
    assert_memory(at, buffer, "1111eeee");
    assert_string_equal(world.node.request, "8 4 -1");
    const union subx_value one = room(at, 1);
    assert_int_equal(CALL(at, read_2, number(8), one, soon).u64, 1);
    assert_string_equal(world.node.request, "8 1 9");
    assert_int_equal(CALL(at, read_2, number(8), put_text(at, ""), soon).u64, 0);
    const char *const results[] = {NULL, "0101", "0102", "0103"};
    for (unsigned outcome = 1; outcome < 4; outcome++) {
        world.node.outcome = (subx_http_outcome)outcome;
        assert_result(at, CALL(at, write_1, number(7), chunk, never), results[outcome]);
        assert_result(at, CALL(at, read_1, number(7), buffer, never), results[outcome]);
        assert_int_equal((int32_t)CALL(at, write_2, number(7), chunk, never).u32,
                         -(int32_t)outcome);
        assert_true((int64_t)CALL(at, read_2, number(7), buffer, never).u64 == -(int64_t)outcome);
    }
    const char *const bad[] = {"", "02", "01", "0109000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        static const char text[] = "'deadline' does not decode as Option<u64>";
        CALL_FAILS(at, text, write_1, number(7), chunk, put_hex(at, bad[i]));
        CALL_FAILS(at, text, write_2, number(7), chunk, put_hex(at, bad[i]));
        CALL_FAILS(at, text, read_1, number(7), buffer, put_hex(at, bad[i]));
        CALL_FAILS(at, text, read_2, number(7), buffer, put_hex(at, bad[i]));
    }
    end(&world);
}

static void http_waiting(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    static const char wait_1[] = "ext_offchain_http_response_wait_version_1";
    static const char wait_2[] = "ext_offchain_http_response_wait_version_2";
    const union subx_value never = put_hex(at, NO_DEADLINE), soon = put_hex(at, DEADLINE);
    const union subx_value ids = put_hex(at, "10000001000200030055"), none = put_hex(at, "00");
    /* a response with code 404, deadline, I/O error, invalid */
    assert_result(at, CALL(at, wait_1, ids, soon), "10039401000102");
    assert_string_equal(world.node.request, "0 4 9");
    assert_result(at, CALL(at, wait_1, none, never), "00");
    assert_string_equal(world.node.request, "0 0 -1");
    const union subx_value out = room(at, 18);
    CALL(at, wait_2, ids, never, out);
    assert_memory(at, out, "940100000a0000001400000000000000eeee");
    const union subx_value small = number(host_pointer_size(out.u32, 15));
    CALL_FAILS(at, "'out' has no room for the states of 4 requests", wait_2, ids, never, small);
    CALL(at, wait_2, none, never, put_text(at, ""));
    const char *const bad[] = {"", "04", "0401", "feffffff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CALL_FAILS(at, "'ids' does not decode", wait_1, put_hex(at, bad[i]), never);
        CALL_FAILS(at, "'ids' does not decode", wait_2, put_hex(at, bad[i]), never, out);
    }
    CALL_FAILS(at, "'deadline' does not decode", wait_1, ids, put_hex(at, "02"));
    end(&world);
}

static void http_headers(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    static const char headers[] = "ext_offchain_http_response_headers_version_1";
    static const char name[] = "ext_offchain_http_response_header_name_version_1";
    static const char value[] = "ext_offchain_http_response_header_value_version_1";
    assert_result(at, CALL(at, headers, number(0)), "00");
    assert_result(at, CALL(at, headers, number(0x10001)), "04046100");
    assert_result(at, CALL(at, headers, number(3)),
                  "0c046100246c6f6e672d6e616d6504760004"
                  "77");
    const union subx_value out = room(at, 10), small = room(at, 8);
    assert_int_equal(CALL(at, name, number(2), number(1), out).u64, 9);
    assert_memory(at, out, "6c6f6e672d6e616d65ee");
    assert_int_equal(CALL(at, name, number(2), number(1), small).u64, 9);
    assert_memory(at, small, "eeee");
    assert_int_equal(CALL(at, value, number(2), number(1), small).u64, 1);
    assert_memory(at, small, "76ee");
    assert_int_equal(CALL(at, value, number(2), number(0), small).u64, 0);
    assert_true(CALL(at, value, number(2), number(2), small).u64 == UINT64_MAX);
    assert_true(CALL(at, name, number(0x10000), number(0), small).u64 == UINT64_MAX);
    end(&world);
}

/* ---- Local storage ---- */

static void local_storage(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    static const char set[] = "ext_offchain_local_storage_set_version_1";
    static const char get[] = "ext_offchain_local_storage_get_version_1";
    static const char clear[] = "ext_offchain_local_storage_clear_version_1";
    static const char swap[] = "ext_offchain_local_storage_compare_and_set_version_1";
    static const char read[] = "ext_offchain_local_storage_read_version_1";
    const union subx_value key = put_text(at, "k"), v = put_text(at, "value"),
                           w = put_text(at, "w"), empty = put_text(at, "");
    assert_result(at, CALL(at, get, number(0), key), "00");
    CALL(at, set, number(0), key, v);
    assert_result(at, CALL(at, get, number(0), key), "011476616c7565");
    assert_int_equal(CALL(at, swap, number(0), key, put_hex(at, "010476"), w).u64, 0);
    assert_int_equal(CALL(at, swap, number(0), key, put_hex(at, "00"), w).u64, 0);
    assert_int_equal(CALL(at, swap, number(0), key, put_hex(at, "011476616c7565ff"), w).u64, 1);
    assert_result(at, CALL(at, get, number(0), key), "010477");
    CALL(at, set, number(0), key, empty);
    assert_result(at, CALL(at, get, number(0), key), "0100");

    CALL(at, set, number(0), key, v);
    const union subx_value out = room(at, 3), wide = room(at, 7);
    assert_int_equal(CALL(at, read, number(0), key, wide, number(0)).u64, 5);
    assert_memory(at, wide, "76616c7565eeee");
    assert_int_equal(CALL(at, read, number(0), key, out, number(1)).u64, 4);
    assert_memory(at, out, "616c75");
    assert_int_equal(CALL(at, read, number(0), key, out, number(5)).u64, 0);
    assert_int_equal(CALL(at, read, number(0), key, out, number(UINT32_MAX)).u64, 0);
    assert_memory(at, out, "616c75");
    assert_true(CALL(at, read, number(0), v, out, number(0)).u64 == UINT64_MAX);

    CALL(at, clear, number(0), key);
    assert_result(at, CALL(at, get, number(0), key), "00");
    assert_int_equal(CALL(at, swap, number(0), key, put_hex(at, "00"), w).u64, 1);
    /* the kind that nobody implemented */
    CALL(at, set, number(1), key, v);
    assert_result(at, CALL(at, get, number(1), key), "00");
    assert_int_equal(CALL(at, swap, number(1), v, put_hex(at, "00"), w).u64, 0);
    assert_true(CALL(at, read, number(1), key, out, number(0)).u64 == UINT64_MAX);
    CALL(at, clear, number(1), key);
    assert_result(at, CALL(at, get, number(0), key), "010477");
    end(&world);
}

static void local_storage_arguments(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct laid_out *const at = &world.at;
    const union subx_value key = put_text(at, "k"), none = put_hex(at, "00");
    const uint32_t kinds[] = {2, 3, 256, UINT32_MAX};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        static const char text[] = "no kind of storage, these are 0 and 1";
        const union subx_value kind = number(kinds[i]);
        CALL_FAILS(at, text, "ext_offchain_local_storage_set_version_1", kind, key, key);
        CALL_FAILS(at, text, "ext_offchain_local_storage_get_version_1", kind, key);
        CALL_FAILS(at, text, "ext_offchain_local_storage_clear_version_1", kind, key);
        CALL_FAILS(at, text, "ext_offchain_local_storage_read_version_1", kind, key, key, none);
        CALL_FAILS(at, text, "ext_offchain_local_storage_compare_and_set_version_1", kind, key,
                   none, key);
    }
    const char *const bad[] = {"", "02", "01", "010841", "01feffffff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CALL_FAILS(at, "'old_value' does not decode as Option<Vec<u8>>",
                   "ext_offchain_local_storage_compare_and_set_version_1", number(0), key,
                   put_hex(at, bad[i]), key);
    end(&world);
}

static subx_status broken_get(void *data, subx_local_kind kind, subx_slice key,
                              subx_value_sink take, void *to, subx_error *error)
{
    (void)data, (void)kind, (void)key, (void)take, (void)to;
    return subx_error__set(error, SUBX_IO, "the disk is gone");
}

static subx_status broken_set(void *data, subx_local_kind kind, subx_slice key, subx_slice value,
                              subx_error *error)
{
    (void)value;
    return broken_get(data, kind, key, NULL, NULL, error);
}

static subx_status broken_clear(void *data, subx_local_kind kind, subx_slice key, subx_error *error)
{
    return broken_get(data, kind, key, NULL, NULL, error);
}

static subx_status broken_swap(void *data, subx_local_kind kind, subx_slice key,
                               const subx_slice *old_value, subx_slice new_value, bool *done,
                               subx_error *error)
{
    (void)old_value, (void)new_value, (void)done;
    return broken_get(data, kind, key, NULL, NULL, error);
}

static void every_storage_function(struct laid_out *at, const char *text)
{
    const union subx_value key = put_text(at, "k"), none = put_hex(at, "00");
    CALL_FAILS(at, text, "ext_offchain_local_storage_set_version_1", number(0), key, key);
    CALL_FAILS(at, text, "ext_offchain_local_storage_get_version_1", number(0), key);
    CALL_FAILS(at, text, "ext_offchain_local_storage_clear_version_1", number(0), key);
    CALL_FAILS(at, text, "ext_offchain_local_storage_read_version_1", number(0), key, key,
               number(0));
    CALL_FAILS(at, text, "ext_offchain_local_storage_compare_and_set_version_1", number(0), key,
               none, key);
}

static void storage_failures(void **state)
{
    (void)state;
    static const subx_local_storage_functions broken = {.get = broken_get,
                                                        .set = broken_set,
                                                        .clear = broken_clear,
                                                        .compare_and_set = broken_swap};
    const subx_local_storage storage = {&broken, NULL};
    struct laid_out at;
    lay_out(&at);
    at.guest.call.grants.local_storage = &storage;
    every_storage_function(&at, "the local storage: the disk is gone");
    lay_out_end(&at);
}

/* ---- Without grants ---- */

static void every_node_function(struct laid_out *at, const char *text)
{
    at->next = 16;
    const union subx_value string = put_text(at, "t"), none = put_hex(at, "00"), out = room(at, 40),
                           pointer = number(out.u32);
    static const struct {
        const char *name, *shape;
    } functions[] = {
        {"is_validator_version_1", ""},
        {"timestamp_version_1", ""},
        {"sleep_until_version_1", "p"},
        {"random_seed_version_1", ""},
        {"random_seed_version_2", "p"},
        {"network_state_version_1", ""},
        {"network_peer_id_version_1", "p"},
        {"submit_transaction_version_1", "s"},
        {"submit_transaction_version_2", "s"},
        {"set_authorized_nodes_version_1", "np"},
        {"http_request_start_version_1", "ssn"},
        {"http_request_start_version_2", "ssn"},
        {"http_request_add_header_version_1", "pss"},
        {"http_request_add_header_version_2", "pss"},
        {"http_request_write_body_version_1", "psn"},
        {"http_request_write_body_version_2", "psn"},
        {"http_response_wait_version_1", "nn"},
        {"http_response_wait_version_2", "nno"},
        {"http_response_headers_version_1", "p"},
        {"http_response_header_name_version_1", "ppo"},
        {"http_response_header_value_version_1", "ppo"},
        {"http_response_read_body_version_1", "pon"},
        {"http_response_read_body_version_2", "pon"},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        union subx_value values[4] = {0};
        for (size_t p = 0; functions[i].shape[p] != '\0'; p++)
            values[p] = functions[i].shape[p] == 's'   ? string
                        : functions[i].shape[p] == 'n' ? none
                        : functions[i].shape[p] == 'o' ? out
                                                       : pointer;
        char name[80];
        snprintf(name, sizeof name, "ext_offchain_%s", functions[i].name);
        host_enter_fails(&at->guest, name, values, text);
    }
}

/* Nothing is there that was not granted, be it the whole or a single function. */
static void without_grants(void **state)
{
    (void)state;
    static const subx_offchain_functions no_functions = {0};
    const subx_offchain nothing = {&no_functions, NULL};
    struct laid_out at;
    lay_out(&at);
    every_node_function(&at, "has not granted it; `offchain` in the call's options");
    every_storage_function(&at, "`local_storage` in the call's options");
    at.guest.call.grants.offchain = &nothing;
    every_node_function(&at, "has not granted it; `offchain` in the call's options");
    CALL_FAILS(&at, "with the function timestamp", "ext_offchain_timestamp_version_1", NONE);
    static const subx_offchain_functions clock = {.timestamp = timestamp};
    struct node node = {.now = 5};
    const subx_offchain only_clock = {&clock, &node};
    at.guest.call.grants.offchain = &only_clock;
    assert_int_equal(CALL(&at, "ext_offchain_timestamp_version_1", NONE).u64, 5);
    CALL_FAILS(&at, "with the function random_seed", "ext_offchain_random_seed_version_1", NONE);
    lay_out_end(&at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_node),
        cmocka_unit_test(the_network),
        cmocka_unit_test(authorized_nodes),
        cmocka_unit_test(http_requests),
        cmocka_unit_test(http_bodies),
        cmocka_unit_test(http_waiting),
        cmocka_unit_test(http_headers),
        cmocka_unit_test(local_storage),
        cmocka_unit_test(local_storage_arguments),
        cmocka_unit_test(storage_failures),
        cmocka_unit_test(without_grants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
