/* Headers and digests in SCALE (spec/host-api.md section 5). */
#include "chain/header.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/scale.h"
#include "crypto/hash.h"
#include "util/error.h"

subx_status subx_header__fail(const struct subx_reader *reader, subx_error *error,
                              const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return subx_error__set(error, SUBX_INVALID_INPUT, "offset %zu: %s", subx_reader__offset(reader),
                           text);
}

/* ---- Digest items ---- */

/* Engine and bytes, of the tags 4 to 6. */
static subx_status take_engine(struct subx_reader *reader, subx_digest_item *item,
                               subx_error *error)
{
    subx_slice engine = SUBX_EMPTY;
    if (!subx_reader__bytes(reader, 4, &engine))
        return subx_header__fail(reader, error, "engine id: fewer than 4 bytes");
    memcpy(item->engine, engine.data, 4);
    if (!subx_scale__bytes(reader, &item->payload))
        return subx_header__fail(reader, error, "payload: cut, or its length is malformed");
    return SUBX_OK;
}

/* NewConfiguration (0) and the option of a configuration, of tag 7. */
static subx_status take_signal(struct subx_reader *reader, subx_digest_item *item,
                               subx_error *error)
{
    subx_slice head = SUBX_EMPTY, configuration = SUBX_EMPTY;
    const uint8_t *start = reader->at;
    if (!subx_reader__bytes(reader, 2, &head) || head.data[0] != 0 || head.data[1] > 1)
        return subx_header__fail(reader, error, "changes trie signal: malformed");
    if (head.data[1] == 1 && !subx_reader__bytes(reader, 8, &configuration))
        return subx_header__fail(reader, error, "changes trie signal: cut");
    item->payload = (subx_slice){start, (size_t)(reader->at - start)};
    return SUBX_OK;
}

static subx_status take_payload(struct subx_reader *reader, uint8_t tag, subx_digest_item *item,
                                subx_error *error)
{
    item->kind = (subx_digest_kind)tag;
    switch (tag) {
    case SUBX_DIGEST_OTHER:
        if (!subx_scale__bytes(reader, &item->payload))
            return subx_header__fail(reader, error, "payload: cut, or its length is malformed");
        return SUBX_OK;
    case SUBX_DIGEST_CHANGES_TRIE_ROOT:
        if (!subx_reader__bytes(reader, 32, &item->payload))
            return subx_header__fail(reader, error, "changes trie root: fewer than 32 bytes");
        return SUBX_OK;
    case SUBX_DIGEST_CONSENSUS:
    case SUBX_DIGEST_SEAL:
    case SUBX_DIGEST_PRE_RUNTIME:
        return take_engine(reader, item, error);
    case SUBX_DIGEST_CHANGES_TRIE_SIGNAL:
        return take_signal(reader, item, error);
    case SUBX_DIGEST_RUNTIME_ENVIRONMENT_UPDATED:
        return SUBX_OK;
    default:
        return subx_header__fail(reader, error, "kind %u is unknown", tag);
    }
}

subx_status subx_header__decode_item(struct subx_reader *reader, subx_digest_item *item,
                                     subx_error *error)
{
    *item = (subx_digest_item){SUBX_DIGEST_OTHER, {0}, SUBX_EMPTY, SUBX_EMPTY};
    const uint8_t *start = reader->at;
    uint8_t tag = 0;
    if (!subx_reader__u8(reader, &tag))
        return subx_header__fail(reader, error, "kind: no byte left");
    const subx_status status = take_payload(reader, tag, item, error);
    item->encoded = (subx_slice){start, (size_t)(reader->at - start)};
    return status;
}

/* ---- Headers ---- */

static subx_status take_hash(struct subx_reader *reader, const char *name, uint8_t out[32],
                             subx_error *error)
{
    subx_slice hash = SUBX_EMPTY;
    if (!subx_reader__bytes(reader, 32, &hash))
        return subx_header__fail(reader, error, "%s: fewer than 32 bytes are left", name);
    memcpy(out, hash.data, 32);
    return SUBX_OK;
}

static subx_status take_digest(struct subx_reader *reader, struct subx_header_parts *out,
                               subx_error *error)
{
    if (!subx_scale__count(reader, 1, &out->fields.digest_count))
        return subx_header__fail(reader, error, "digest: its count is malformed or too large");
    const uint8_t *start = reader->at;
    for (size_t i = 0; i < out->fields.digest_count; i++) {
        subx_digest_item item;
        const subx_status status = subx_header__decode_item(reader, &item, error);
        if (status != SUBX_OK) {
            subx_error__prefix(error, "digest item %zu", i);
            return status;
        }
        const bool is_seal = item.kind == SUBX_DIGEST_SEAL;
        out->fields.seal_count = is_seal ? out->fields.seal_count + 1 : 0;
        out->seals_len = is_seal ? out->seals_len + item.encoded.len : 0;
    }
    out->digest = (subx_slice){start, (size_t)(reader->at - start)};
    return SUBX_OK;
}

subx_status subx_header__decode(struct subx_reader *reader, struct subx_header_parts *out,
                                subx_error *error)
{
    *out = (struct subx_header_parts){.encoded = SUBX_EMPTY};
    const uint8_t *start = reader->at;
    subx_header *fields = &out->fields;
    subx_status status = take_hash(reader, "parent hash", fields->parent_hash, error);
    if (status == SUBX_OK && !subx_scale__compact(reader, &fields->number))
        status = subx_header__fail(reader, error, "number: malformed");
    if (status == SUBX_OK)
        status = take_hash(reader, "state root", fields->state_root, error);
    if (status == SUBX_OK)
        status = take_hash(reader, "extrinsics root", fields->extrinsics_root, error);
    if (status == SUBX_OK)
        status = take_digest(reader, out, error);
    if (status != SUBX_OK)
        return status;
    out->encoded = (subx_slice){start, (size_t)(reader->at - start)};
    subx_hash__blake2b_256(out->encoded, fields->hash);
    return SUBX_OK;
}

void subx_header__append(struct subx_buf *buf, const subx_header *fields, subx_slice digest,
                         size_t digest_count)
{
    subx_buf__append(buf, fields->parent_hash, 32);
    subx_scale__append_compact(buf, fields->number);
    subx_buf__append(buf, fields->state_root, 32);
    subx_buf__append(buf, fields->extrinsics_root, 32);
    subx_scale__append_compact(buf, digest_count);
    subx_buf__append_slice(buf, digest);
}

void subx_header__append_unsealed(struct subx_buf *buf, const struct subx_header_parts *header)
{
    subx_header__append(buf, &header->fields,
                        (subx_slice){header->digest.data, header->digest.len - header->seals_len},
                        header->fields.digest_count - header->fields.seal_count);
}
