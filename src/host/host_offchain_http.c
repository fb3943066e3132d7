/* Interface `offchain`, requests over HTTP: spec/host-api.md sections 1.7 and 10. Functions with
 * numbers in place of SCALE results are RFC-145's. */
#include "host/host_functions.h"
#include "host/host_offchain.h"
#include "host/host_scale.h"
#include "util/mem.h"

/* A deadline argument: `*at` points to `value`, or is NULL for none. */
static bool read_deadline(struct subx_call *call, subx_slice scale, uint64_t *value,
                          const uint64_t **at)
{
    bool is_some = false;
    if (!subx_host_scale__option_u64(call, "deadline", scale, &is_some, value))
        return false;
    *at = is_some ? value : NULL;
    return true;
}

/* ---- The request ---- */

bool subx_host_offchain__http_request_start_1(struct subx_call *call, subx_slice method,
                                              subx_slice uri, subx_slice meta,
                                              struct subx_host_bytes *result)
{
    SUBX_OFFCHAIN_NEEDS(call, http_request_start);
    const subx_offchain *const node = call->grants.offchain;
    uint16_t id = 0;
    const bool begun = node->functions->http_request_start(node->data, method, uri, meta, &id);
    result->head[0] = begun ? 0 : 1;
    subx_store_u16(result->head + 1, id);
    result->head_len = begun ? 3 : 1;
    return true;
}

bool subx_host_offchain__http_request_start_2(struct subx_call *call, subx_slice method,
                                              subx_slice uri, subx_slice meta, uint64_t *result)
{
    SUBX_OFFCHAIN_NEEDS(call, http_request_start);
    /* nothing is defined for it yet: no bytes, or a sequence without elements */
    if (meta.len > 0 && meta.data[0] != 0)
        return subx_call__fail(call, "'meta' must be empty");
    const subx_offchain *const node = call->grants.offchain;
    uint16_t id = 0;
    const bool begun =
        node->functions->http_request_start(node->data, method, uri, SUBX_EMPTY, &id);
    *result = begun ? id : UINT64_MAX;
    return true;
}

bool subx_host_offchain__http_request_add_header_1(struct subx_call *call, uint16_t request_id,
                                                   subx_slice name, subx_slice value,
                                                   struct subx_host_bytes *result)
{
    SUBX_OFFCHAIN_NEEDS(call, http_request_add_header);
    const subx_offchain *const node = call->grants.offchain;
    const bool added =
        node->functions->http_request_add_header(node->data, request_id, name, value);
    result->head[0] = added ? 0 : 1;
    result->head_len = 1;
    return true;
}

bool subx_host_offchain__http_request_add_header_2(struct subx_call *call, uint16_t request_id,
                                                   subx_slice name, subx_slice value,
                                                   uint32_t *result)
{
    SUBX_OFFCHAIN_NEEDS(call, http_request_add_header);
    const subx_offchain *const node = call->grants.offchain;
    const bool added =
        node->functions->http_request_add_header(node->data, request_id, name, value);
    *result = added ? 0 : UINT32_MAX;
    return true;
}

static bool write_body(struct subx_call *call, uint16_t request_id, subx_slice chunk,
                       subx_slice deadline, subx_http_outcome *outcome)
{
    uint64_t time = 0;
    const uint64_t *at = NULL;
    if (!read_deadline(call, deadline, &time, &at))
        return false;
    SUBX_OFFCHAIN_NEEDS(call, http_request_write_body);
    const subx_offchain *const node = call->grants.offchain;
    *outcome = node->functions->http_request_write_body(node->data, request_id, chunk, at);
    return true;
}

bool subx_host_offchain__http_request_write_body_1(struct subx_call *call, uint16_t request_id,
                                                   subx_slice chunk, subx_slice deadline,
                                                   struct subx_host_bytes *result)
{
    subx_http_outcome outcome = SUBX_HTTP_OK;
    if (!write_body(call, request_id, chunk, deadline, &outcome))
        return false;
    result->head[0] = outcome == SUBX_HTTP_OK ? 0 : 1;
    result->head[1] = (uint8_t)outcome;
    result->head_len = outcome == SUBX_HTTP_OK ? 1 : 2;
    return true;
}

bool subx_host_offchain__http_request_write_body_2(struct subx_call *call, uint16_t request_id,
                                                   subx_slice chunk, subx_slice deadline,
                                                   uint32_t *result)
{
    subx_http_outcome outcome = SUBX_HTTP_OK;
    if (!write_body(call, request_id, chunk, deadline, &outcome))
        return false;
    *result = 0u - (uint32_t)outcome;
    return true;
}

/* ---- Waiting ---- */

/* Ids and states of the requests that are waited for. */
struct waiting {
    uint16_t *ids;
    subx_http_state *states;
    size_t count;
};

static void drop_waiting(struct waiting *waiting)
{
    subx_mem__free(waiting->ids);
    subx_mem__free(waiting->states);
}

/* Wait; release `waiting` after success. */
static bool wait_for(struct subx_call *call, subx_slice ids, subx_slice deadline,
                     struct waiting *waiting)
{
    uint64_t time = 0;
    const uint64_t *at = NULL;
    subx_slice elements;
    if (!subx_host_scale__sequence(call, "ids", ids, sizeof(uint16_t), &elements) ||
        !read_deadline(call, deadline, &time, &at))
        return false;
    SUBX_OFFCHAIN_NEEDS(call, http_response_wait);
    waiting->count = elements.len / sizeof(uint16_t);
    waiting->ids = subx_mem__copy(elements.data, elements.len);
    waiting->states = subx_mem__calloc(waiting->count, sizeof *waiting->states);
    if (waiting->ids == NULL || waiting->states == NULL) {
        drop_waiting(waiting);
        return subx_call__fail_nomem(call);
    }
    call->grants.offchain->functions->http_response_wait(call->grants.offchain->data, waiting->ids,
                                                         waiting->count, at, waiting->states);
    return true;
}

/* HttpRequestStatus: its variants, in their order, are these and Finished(u16). */
static void append_state(struct subx_buf *encoded, const subx_http_state *state)
{
    switch (state->outcome) {
    case SUBX_HTTP_DEADLINE_REACHED:
        subx_buf__append_u8(encoded, 0);
        return;
    case SUBX_HTTP_IO_ERROR:
        subx_buf__append_u8(encoded, 1);
        return;
    case SUBX_HTTP_INVALID_ID:
        subx_buf__append_u8(encoded, 2);
        return;
    case SUBX_HTTP_OK:
    default: {
        uint8_t bytes[3] = {3};
        subx_store_u16(bytes + 1, state->code);
        subx_buf__append(encoded, bytes, sizeof bytes);
        return;
    }
    }
}

bool subx_host_offchain__http_response_wait_1(struct subx_call *call, subx_slice ids,
                                              subx_slice deadline, struct subx_host_bytes *result)
{
    struct waiting waiting;
    if (!wait_for(call, ids, deadline, &waiting))
        return false;
    struct subx_buf encoded = SUBX_BUF_INIT;
    subx_scale__append_compact(&encoded, waiting.count);
    for (size_t i = 0; i < waiting.count; i++)
        append_state(&encoded, &waiting.states[i]);
    drop_waiting(&waiting);
    if (subx_buf__finish(&encoded, &result->owned, NULL) != SUBX_OK)
        return subx_call__fail_nomem(call);
    result->body = subx_slice__of(result->owned.data, result->owned.len);
    return true;
}

/* The number of a state in RFC-145: the HTTP code, or one that no HTTP code has. */
static uint32_t state_number(const subx_http_state *state)
{
    switch (state->outcome) {
    case SUBX_HTTP_DEADLINE_REACHED:
        return 10;
    case SUBX_HTTP_IO_ERROR:
        return 20;
    case SUBX_HTTP_INVALID_ID:
        return 0;
    case SUBX_HTTP_OK:
    default:
        return state->code;
    }
}

bool subx_host_offchain__http_response_wait_2(struct subx_call *call, subx_slice ids,
                                              subx_slice deadline, struct subx_span out)
{
    struct waiting waiting;
    if (!wait_for(call, ids, deadline, &waiting))
        return false;
    const bool fits = waiting.count <= out.len / sizeof(uint32_t);
    for (size_t i = 0; fits && i < waiting.count; i++)
        subx_store_u32(out.data + i * sizeof(uint32_t), state_number(&waiting.states[i]));
    const size_t count = waiting.count;
    drop_waiting(&waiting);
    return fits || subx_call__fail(call, "'out' has no room for the states of %zu requests", count);
}

/* ---- The response ---- */

/* Headers, encoded one after the other, and how many. */
struct headers {
    struct subx_buf encoded;
    size_t count;
};

static void append_header(void *to, subx_slice name, subx_slice value)
{
    struct headers *const headers = to;
    headers->count++;
    subx_scale__append_bytes(&headers->encoded, name);
    subx_scale__append_bytes(&headers->encoded, value);
}

bool subx_host_offchain__http_response_headers(struct subx_call *call, uint16_t request_id,
                                               struct subx_host_bytes *result)
{
    SUBX_OFFCHAIN_NEEDS(call, http_response_headers);
    struct headers headers = {SUBX_BUF_INIT, 0};
    call->grants.offchain->functions->http_response_headers(call->grants.offchain->data, request_id,
                                                            append_header, &headers);
    if (subx_buf__finish(&headers.encoded, &result->owned, NULL) != SUBX_OK)
        return subx_call__fail_nomem(call);
    result->head_len = subx_host_bytes__put_compact(result->head, headers.count);
    result->body = subx_slice__of(result->owned.data, result->owned.len);
    return true;
}

/* One half of the header with the number `index`, on its way into the guest. */
struct one_header {
    uint32_t index;
    bool wants_value;
    struct subx_span out;
    uint32_t seen;
    uint64_t len; /* all ones until the header is found */
};

static void take_one_header(void *to, subx_slice name, subx_slice value)
{
    struct one_header *const wanted = to;
    if (wanted->seen++ != wanted->index)
        return;
    const subx_slice half = wanted->wants_value ? value : name;
    wanted->len = half.len;
    if (half.len > 0 && half.len <= wanted->out.len)
        memcpy(wanted->out.data, half.data, half.len);
}

static bool find_header(struct subx_call *call, uint16_t request_id, struct one_header wanted,
                        uint64_t *result)
{
    SUBX_OFFCHAIN_NEEDS(call, http_response_headers);
    call->grants.offchain->functions->http_response_headers(call->grants.offchain->data, request_id,
                                                            take_one_header, &wanted);
    *result = wanted.len;
    return true;
}

bool subx_host_offchain__http_response_header_name(struct subx_call *call, uint16_t request_id,
                                                   uint32_t index, struct subx_span out,
                                                   uint64_t *result)
{
    const struct one_header wanted = {index, false, out, 0, UINT64_MAX};
    return find_header(call, request_id, wanted, result);
}

bool subx_host_offchain__http_response_header_value(struct subx_call *call, uint16_t request_id,
                                                    uint32_t index, struct subx_span out,
                                                    uint64_t *result)
{
    const struct one_header wanted = {index, true, out, 0, UINT64_MAX};
    return find_header(call, request_id, wanted, result);
}

static bool read_body(struct subx_call *call, uint16_t request_id, struct subx_span buffer,
                      subx_slice deadline, subx_http_outcome *outcome, uint32_t *len)
{
    uint64_t time = 0;
    const uint64_t *at = NULL;
    if (!read_deadline(call, deadline, &time, &at))
        return false;
    SUBX_OFFCHAIN_NEEDS(call, http_response_read_body);
    size_t got = 0;
    *outcome = call->grants.offchain->functions->http_response_read_body(
        call->grants.offchain->data, request_id, buffer.data, buffer.len, at, &got);
    *len = (uint32_t)(got < buffer.len ? got : buffer.len);
    return true;
}

bool subx_host_offchain__http_response_read_body_1(struct subx_call *call, uint16_t request_id,
                                                   struct subx_span buffer, subx_slice deadline,
                                                   struct subx_host_bytes *result)
{
    subx_http_outcome outcome = SUBX_HTTP_OK;
    uint32_t len = 0;
    if (!read_body(call, request_id, buffer, deadline, &outcome, &len))
        return false;
    if (outcome == SUBX_HTTP_OK) {
        result->head[0] = 0;
        subx_store_u32(result->head + 1, len);
        result->head_len = 5;
    } else {
        result->head[0] = 1;
        result->head[1] = (uint8_t)outcome;
        result->head_len = 2;
    }
    return true;
}

bool subx_host_offchain__http_response_read_body_2(struct subx_call *call, uint16_t request_id,
                                                   struct subx_span buffer, subx_slice deadline,
                                                   uint64_t *result)
{
    subx_http_outcome outcome = SUBX_HTTP_OK;
    uint32_t len = 0;
    if (!read_body(call, request_id, buffer, deadline, &outcome, &len))
        return false;
    *result = outcome == SUBX_HTTP_OK ? len : 0u - (uint64_t)outcome;
    return true;
}
