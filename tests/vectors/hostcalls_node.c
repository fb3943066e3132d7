/* The node that the reference's answers were made with; see hostcalls_node.h. */
#include "hostcalls_node.h"

#include <string.h>

#include "util/hex.h"

static json_t *text_string(subx_slice text)
{
    return json_stringn(text.len > 0 ? (const char *)text.data : "", text.len);
}

json_t *hex_string(subx_slice bytes)
{
    struct subx_buf text = SUBX_BUF_INIT;
    subx_hex__append(&text, bytes);
    json_t *const string = text_string(subx_buf__slice(&text));
    subx_buf__free(&text);
    return string;
}

/* ---- Offchain workers ---- */

static bool is_validator(void *data)
{
    (void)data;
    return true;
}

static bool submit_transaction(void *data, subx_slice extrinsic)
{
    struct node *const node = data;
    if (extrinsic.len == 0)
        return false;
    json_array_append_new(node->submitted, hex_string(extrinsic));
    return true;
}

static bool network_state(void *data, subx_network_state_sink give, void *to)
{
    (void)data;
    uint8_t peer_id[38];
    for (size_t i = 0; i < sizeof peer_id; i++)
        peer_id[i] = (uint8_t)i;
    static const uint8_t address[] = {1, 2, 3};
    const subx_slice addresses[] = {{address, sizeof address}, {NULL, 0}};
    give(to, (subx_slice){peer_id, sizeof peer_id}, addresses, 2);
    return true;
}

static uint64_t timestamp(void *data)
{
    return ((const struct node *)data)->now;
}

static void sleep_until(void *data, uint64_t deadline)
{
    struct node *const node = data;
    if (deadline > node->now)
        node->now = deadline;
}

static void random_seed(void *data, uint8_t seed[32])
{
    (void)data;
    for (unsigned i = 0; i < 32; i++)
        seed[i] = (uint8_t)(7 * i + 1);
}

static void set_authorized_nodes(void *data, subx_slice nodes, bool only)
{
    (void)data, (void)nodes, (void)only;
}

/* ---- HTTP, made up ---- */

static bool request_start(void *data, subx_slice method, subx_slice uri, subx_slice meta,
                          uint16_t *id)
{
    (void)data;
    *id = (uint16_t)(uri.len + 256 * meta.len);
    return method.len > 0;
}

static bool request_add_header(void *data, uint16_t id, subx_slice name, subx_slice value)
{
    (void)data;
    return id != 0 && name.len > 0 && value.len > 0;
}

static subx_http_outcome request_write_body(void *data, uint16_t id, subx_slice chunk,
                                            const uint64_t *deadline)
{
    static const subx_http_outcome outcomes[] = {SUBX_HTTP_OK, SUBX_HTTP_DEADLINE_REACHED,
                                                 SUBX_HTTP_IO_ERROR, SUBX_HTTP_INVALID_ID};
    (void)data;
    return outcomes[(id + chunk.len + (deadline != NULL ? *deadline : 0)) % 4];
}

static subx_http_outcome outcome_of(uint16_t id, const uint64_t *deadline)
{
    if (id == 0)
        return SUBX_HTTP_INVALID_ID;
    if (id == 1)
        return SUBX_HTTP_IO_ERROR;
    return id == 2 && deadline != NULL ? SUBX_HTTP_DEADLINE_REACHED : SUBX_HTTP_OK;
}

static void response_wait(void *data, const uint16_t *ids, size_t count, const uint64_t *deadline,
                          subx_http_state *states)
{
    (void)data;
    for (size_t i = 0; i < count; i++)
        states[i] = (subx_http_state){outcome_of(ids[i], deadline), ids[i]};
}

static void response_headers(void *data, uint16_t id, subx_http_header_sink give, void *to)
{
    static const char names[] = "h0h1h2", values[] = "vv";
    (void)data;
    for (size_t i = 0; i < id % 4u; i++)
        give(to, (subx_slice){(const uint8_t *)names + 2 * i, 2},
             (subx_slice){(const uint8_t *)values, i});
}

static subx_http_outcome response_read_body(void *data, uint16_t id, uint8_t *buffer, size_t len,
                                            const uint64_t *deadline, size_t *read)
{
    (void)data;
    *read = 0;
    const subx_http_outcome outcome = outcome_of(id, deadline);
    if (outcome == SUBX_HTTP_OK) {
        *read = len < id ? len : id;
        memset(buffer, id & 0xff, *read);
    }
    return outcome;
}

static const subx_offchain_functions offchain_functions = {
    .is_validator = is_validator,
    .submit_transaction = submit_transaction,
    .network_state = network_state,
    .timestamp = timestamp,
    .sleep_until = sleep_until,
    .random_seed = random_seed,
    .set_authorized_nodes = set_authorized_nodes,
    .http_request_start = request_start,
    .http_request_add_header = request_add_header,
    .http_request_write_body = request_write_body,
    .http_response_wait = response_wait,
    .http_response_headers = response_headers,
    .http_response_read_body = response_read_body,
};

/* ---- What reaches the node in any call ---- */

static void take_index(void *data, const subx_transaction_index *index)
{
    struct node *const node = data;
    struct subx_buf text = SUBX_BUF_INIT;
    if (index->is_new)
        subx_buf__append_format(&text, "index %u %u ", (unsigned)index->extrinsic,
                                (unsigned)index->size);
    else
        subx_buf__append_format(&text, "renew %u ", (unsigned)index->extrinsic);
    subx_hex__append(&text, (subx_slice){index->hash, sizeof index->hash});
    json_array_append_new(node->transaction_index, json_stringn((const char *)text.data, text.len));
    subx_buf__free(&text);
}

static void take_log(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    static const char *const levels[] = {"off", "error", "warn", "info", "debug", "trace"};
    struct node *const node = data;
    json_t *const line = json_array();
    json_array_append_new(line, json_string(levels[level]));
    json_array_append_new(line, text_string(target));
    json_array_append_new(line, text_string(message));
    json_array_append_new(node->logs, line);
}

static void take_local(void *to, subx_slice key, subx_slice value)
{
    json_t *const name = hex_string(key);
    json_object_set_new(to, json_string_value(name), hex_string(value));
    json_decref(name);
}

json_t *node_local_storage(const struct node *node)
{
    json_t *const entries = json_object();
    subx_local_storage_each(node->local_storage, take_local, entries);
    return entries;
}

bool node_make(struct node *node)
{
    *node = (struct node){.now = UINT64_C(1600000000000)};
    node->offchain = (subx_offchain){&offchain_functions, node};
    node->submitted = json_array();
    node->transaction_index = json_array();
    node->logs = json_array();
    return subx_keystore_memory(&node->keystore, NULL) == SUBX_OK &&
           subx_local_storage_memory(&node->local_storage, NULL) == SUBX_OK;
}

void node_drop(struct node *node)
{
    subx_keystore_free(node->keystore);
    subx_local_storage_free(node->local_storage);
    json_decref(node->submitted);
    json_decref(node->transaction_index);
    json_decref(node->logs);
}

void node_grant(struct node *node, bool is_offchain, subx_call_options *options)
{
    options->log = take_log;
    options->log_data = node;
    options->log_level = SUBX_LOG_DEBUG;
    options->transaction_index = take_index;
    options->transaction_index_data = node;
    if (!is_offchain)
        return;
    options->keystore = node->keystore;
    options->offchain = &node->offchain;
    options->local_storage = node->local_storage;
}
