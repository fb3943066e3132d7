/* Blocks as JSON of nodes and as hexadecimal lines. */
#include "codec/block_json.h"

#include <stdio.h>

#include "codec/json_hex.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"

/* Objects around a block: {"result":{"block":{…}}} and a spare one. */
enum { MAX_WRAPPERS = 4 };

/* Members seen of one block, each at most once. */
enum {
    SEEN_HEADER = 1 << 0,
    SEEN_EXTRINSICS = 1 << 1,
    SEEN_PARENT_HASH = 1 << 2,
    SEEN_NUMBER = 1 << 3,
    SEEN_STATE_ROOT = 1 << 4,
    SEEN_EXTRINSICS_ROOT = 1 << 5,
    SEEN_DIGEST = 1 << 6,
    SEEN_LOGS = 1 << 7
};

struct reading {
    struct subx_json *json;
    struct subx_block_parts *parts;
    unsigned seen;
};

/* ---- Parts ---- */

void subx_block_parts__free(struct subx_block_parts *parts)
{
    subx_mem__free(parts->logs.parts);
    subx_mem__free(parts->extrinsics.parts);
    subx_buf__free(&parts->bytes);
    *parts = (struct subx_block_parts)SUBX_BLOCK_PARTS_INIT;
}

/* Forget the last block, keep the memory. */
static void restart(struct subx_block_parts *parts)
{
    const struct subx_block_parts old = *parts;
    *parts = (struct subx_block_parts){
        .logs = {old.logs.parts, 0, old.logs.capacity},
        .extrinsics = {old.extrinsics.parts, 0, old.extrinsics.capacity},
        .bytes = {old.bytes.data, 0, old.bytes.capacity, false},
    };
}

static subx_status add_part(struct subx_block_part_list *list, struct subx_block_part part,
                            subx_error *error)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        struct subx_block_part *parts =
            subx_mem__realloc(list->parts, capacity, sizeof *list->parts);
        if (parts == NULL)
            return subx_error__nomem(error);
        list->parts = parts;
        list->capacity = capacity;
    }
    list->parts[list->count++] = part;
    return SUBX_OK;
}

/* The bytes of a hex string become a part of the block. */
static subx_status take_part(struct reading *reading, enum subx_json_token token, const char *what,
                             struct subx_block_part *part, subx_error *error)
{
    struct subx_buf *bytes = &reading->parts->bytes;
    part->offset = bytes->len;
    const subx_status status = subx_json__append_hex(reading->json, token, what, bytes, error);
    if (status != SUBX_OK)
        return status;
    part->len = bytes->len - part->offset;
    if (bytes->len > SUBX_BLOCK_MAX_SIZE)
        return subx_json__fail(reading->json, error, SUBX_TOO_LARGE,
                               "a block of more than %zu bytes", SUBX_BLOCK_MAX_SIZE);
    if (part->len == 0)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT, "%s: no bytes", what);
    return SUBX_OK;
}

/* ---- Members ---- */

static subx_status once(struct reading *reading, unsigned member, const char *name,
                        subx_error *error)
{
    if ((reading->seen & member) != 0)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT, "%s is given twice", name);
    reading->seen |= member;
    return SUBX_OK;
}

static subx_status demand(const struct reading *reading, unsigned member, const char *name,
                          subx_error *error)
{
    if ((reading->seen & member) != 0)
        return SUBX_OK;
    return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT, "the block has no %s", name);
}

/* A number as nodes write it, "0x1f", or as people do, 31. */
static subx_status take_number(struct reading *reading, uint64_t *number, subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    const subx_status status = subx_json__next(reading->json, &token, error);
    if (status != SUBX_OK)
        return status;
    subx_slice text = subx_json__text(reading->json);
    uint64_t base = 10;
    if (token == SUBX_JSON_STRING && subx_slice__starts_with(text, subx_slice__text("0x"))) {
        text = (subx_slice){text.data + 2, text.len - 2};
        base = 16;
    }
    bool good = (token == SUBX_JSON_STRING || token == SUBX_JSON_NUMBER) && text.len > 0;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len && good; i++) {
        const int digit = subx_hex__digit(text.data[i]);
        good = digit >= 0 && (uint64_t)digit < base &&
               !__builtin_mul_overflow(value, base, &value) &&
               !__builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    if (!good)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT,
                               "number: a number in hex or decimal digits is expected");
    *number = value;
    return SUBX_OK;
}

static subx_status take_hash(struct reading *reading, const char *name, uint8_t out[32],
                             subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    const subx_status status = subx_json__next(reading->json, &token, error);
    return status != SUBX_OK ? status
                             : subx_json__hex_of(reading->json, token, name, out, 32, error);
}

/* An array of hex strings. */
static subx_status take_list(struct reading *reading, const char *name,
                             struct subx_block_part_list *list, subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    subx_status status = subx_json__next(reading->json, &token, error);
    if (status == SUBX_OK && token != SUBX_JSON_ARRAY)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT, "%s: %s instead of a list",
                               name, subx_json__kind(token));
    while (status == SUBX_OK) {
        status = subx_json__next(reading->json, &token, error);
        if (status != SUBX_OK || token == SUBX_JSON_ARRAY_END)
            break;
        char what[64];
        snprintf(what, sizeof what, "%s[%zu]", name, list->count);
        struct subx_block_part part = {0, 0};
        status = take_part(reading, token, what, &part, error);
        if (status == SUBX_OK)
            status = add_part(list, part, error);
    }
    return status;
}

/* The next member of an object, or its end. */
static subx_status next_member(struct reading *reading, bool *ended, subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    const subx_status status = subx_json__next(reading->json, &token, error);
    *ended = token != SUBX_JSON_NAME;
    return status;
}

static subx_status take_digest(struct reading *reading, subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    subx_status status = subx_json__next(reading->json, &token, error);
    if (status == SUBX_OK && token != SUBX_JSON_OBJECT)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT,
                               "digest: %s instead of an object", subx_json__kind(token));
    while (status == SUBX_OK) {
        bool ended = false;
        status = next_member(reading, &ended, error);
        if (status != SUBX_OK || ended)
            break;
        if (!subx_json__is(reading->json, "logs")) {
            status = subx_json__skip(reading->json, error);
            continue;
        }
        status = once(reading, SEEN_LOGS, "digest.logs", error);
        if (status == SUBX_OK)
            status = take_list(reading, "digest.logs", &reading->parts->logs, error);
    }
    return status == SUBX_OK ? demand(reading, SEEN_LOGS, "digest.logs", error) : status;
}

/* A member of the header whose name was read. */
static subx_status take_header_member(struct reading *reading, subx_error *error)
{
    struct subx_block_parts *parts = reading->parts;
    const struct {
        const char *name;
        unsigned member;
        uint8_t *hash;
    } hashes[] = {
        {"parentHash", SEEN_PARENT_HASH, parts->parent_hash},
        {"stateRoot", SEEN_STATE_ROOT, parts->state_root},
        {"extrinsicsRoot", SEEN_EXTRINSICS_ROOT, parts->extrinsics_root},
    };
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        if (!subx_json__is(reading->json, hashes[i].name))
            continue;
        const subx_status status = once(reading, hashes[i].member, hashes[i].name, error);
        return status == SUBX_OK ? take_hash(reading, hashes[i].name, hashes[i].hash, error)
                                 : status;
    }
    if (subx_json__is(reading->json, "number")) {
        const subx_status status = once(reading, SEEN_NUMBER, "number", error);
        return status == SUBX_OK ? take_number(reading, &parts->number, error) : status;
    }
    if (subx_json__is(reading->json, "digest")) {
        const subx_status status = once(reading, SEEN_DIGEST, "digest", error);
        return status == SUBX_OK ? take_digest(reading, error) : status;
    }
    return subx_json__skip(reading->json, error);
}

static subx_status take_header(struct reading *reading, subx_error *error)
{
    static const struct {
        unsigned member;
        const char *name;
    } needed[] = {
        {SEEN_PARENT_HASH, "header.parentHash"}, {SEEN_NUMBER, "header.number"},
        {SEEN_STATE_ROOT, "header.stateRoot"},   {SEEN_EXTRINSICS_ROOT, "header.extrinsicsRoot"},
        {SEEN_DIGEST, "header.digest"},
    };
    enum subx_json_token token = SUBX_JSON_END;
    subx_status status = subx_json__next(reading->json, &token, error);
    if (status == SUBX_OK && token == SUBX_JSON_STRING) {
        reading->parts->header_is_scale = true;
        return take_part(reading, token, "header", &reading->parts->header, error);
    }
    if (status == SUBX_OK && token != SUBX_JSON_OBJECT)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT,
                               "header: %s instead of an object", subx_json__kind(token));
    while (status == SUBX_OK) {
        bool ended = false;
        status = next_member(reading, &ended, error);
        if (status != SUBX_OK || ended)
            break;
        status = take_header_member(reading, error);
    }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0] && status == SUBX_OK; i++)
        status = demand(reading, needed[i].member, needed[i].name, error);
    return status;
}

/* Whether the name just read is that of an object around a block. */
static bool is_wrapper(const struct subx_json *json)
{
    return subx_json__is(json, "block") || subx_json__is(json, "result");
}

/* The member whose name was read; `wrapped`: go into the object that it holds. */
static subx_status take_member(struct reading *reading, bool *wrapped, subx_error *error)
{
    subx_status status = SUBX_OK;
    if (subx_json__is(reading->json, "header")) {
        status = once(reading, SEEN_HEADER, "header", error);
        return status == SUBX_OK ? take_header(reading, error) : status;
    }
    if (subx_json__is(reading->json, "extrinsics") || subx_json__is(reading->json, "body")) {
        status = once(reading, SEEN_EXTRINSICS, "extrinsics", error);
        return status == SUBX_OK
                   ? take_list(reading, "extrinsics", &reading->parts->extrinsics, error)
                   : status;
    }
    if (!is_wrapper(reading->json))
        return subx_json__skip(reading->json, error);
    enum subx_json_token token = SUBX_JSON_END;
    status = subx_json__next(reading->json, &token, error);
    if (status == SUBX_OK && token != SUBX_JSON_OBJECT)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT,
                               "block: %s instead of an object", subx_json__kind(token));
    *wrapped = true;
    return status;
}

/* The object of a block, after its opening brace, wrappers and all. */
static subx_status take_object(struct reading *reading, subx_error *error)
{
    subx_status status = SUBX_OK;
    unsigned open = 1;
    while (status == SUBX_OK && open > 0) {
        bool ended = false, wrapped = false;
        status = next_member(reading, &ended, error);
        if (status == SUBX_OK && ended) {
            open--;
            continue;
        }
        if (status == SUBX_OK)
            status = take_member(reading, &wrapped, error);
        if (!wrapped || status != SUBX_OK)
            continue;
        if (++open > MAX_WRAPPERS)
            return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT,
                                   "too many objects around the block");
    }
    if (status == SUBX_OK)
        status = demand(reading, SEEN_HEADER, "header", error);
    return status == SUBX_OK ? demand(reading, SEEN_EXTRINSICS, "extrinsics", error) : status;
}

/* ---- Sources ---- */

subx_status subx_block_json__open(struct subx_block_json *blocks, struct subx_byte_source source,
                                  subx_error *error)
{
    blocks->in_array = false;
    return subx_json__open(&blocks->json, source, 2 * SUBX_BLOCK_MAX_SIZE + 2, error);
}

void subx_block_json__close(struct subx_block_json *blocks)
{
    subx_json__close(&blocks->json);
}

/* A line of hexadecimal digits. */
static subx_status take_hex_line(struct reading *reading, subx_error *error)
{
    struct subx_block_part all = {0, 0};
    const subx_status status = subx_json__line(reading->json, error);
    reading->parts->is_scale = true;
    return status == SUBX_OK ? take_part(reading, SUBX_JSON_STRING, "block", &all, error) : status;
}

static subx_status take_value(struct reading *reading, struct subx_block_json *blocks, bool *found,
                              subx_error *error)
{
    struct subx_block_part all = {0, 0};
    enum subx_json_token token = SUBX_JSON_END;
    subx_status status = subx_json__next(reading->json, &token, error);
    if (status == SUBX_OK && token == SUBX_JSON_ARRAY && !blocks->in_array) {
        blocks->in_array = true;
        status = subx_json__next(reading->json, &token, error);
    }
    if (status == SUBX_OK && token == SUBX_JSON_ARRAY_END) {
        blocks->in_array = false;
        *found = false;
        return SUBX_OK;
    }
    if (status != SUBX_OK)
        return status;
    reading->parts->line = reading->json->token_line;
    reading->parts->column = reading->json->token_column;
    if (token == SUBX_JSON_STRING) {
        reading->parts->is_scale = true;
        return take_part(reading, token, "block", &all, error);
    }
    if (token != SUBX_JSON_OBJECT)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT, "%s instead of a block",
                               subx_json__kind(token));
    return take_object(reading, error);
}

subx_status subx_block_json__next(struct subx_block_json *blocks, struct subx_block_parts *parts,
                                  bool *found, subx_error *error)
{
    struct reading reading = {&blocks->json, parts, 0};
    subx_status status = SUBX_OK;
    *found = false;
    while (status == SUBX_OK && !*found) {
        uint8_t byte = 0;
        bool ended = false;
        restart(parts);
        status = subx_json__peek(&blocks->json, &byte, &ended, error);
        if (status != SUBX_OK || (ended && !blocks->in_array))
            return status;
        *found = true;
        if (!blocks->in_array && subx_hex__digit(byte) >= 0) {
            parts->line = blocks->json.token_line;
            parts->column = blocks->json.token_column;
            return take_hex_line(&reading, error);
        }
        status = take_value(&reading, blocks, found, error);
    }
    return status;
}
