/* Blocks in SCALE: a header and a sequence of extrinsics, each with its length in front. */
#include "chain/block.h"

#include "codec/scale.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* ---- Decoding ---- */

static subx_status list_items(subx_block *block, subx_error *error)
{
    const size_t count = block->header.fields.digest_count;
    block->items = subx_mem__calloc(count, sizeof *block->items);
    if (block->items == NULL)
        return subx_error__nomem(error);
    struct subx_reader reader = subx_reader__of(block->header.digest);
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < count && status == SUBX_OK; i++)
        status = subx_header__decode_item(&reader, &block->items[i], error);
    return status;
}

bool subx_block__take_extrinsic(struct subx_reader *reader, subx_slice *extrinsic)
{
    const uint8_t *start = reader->at;
    subx_slice inner = SUBX_EMPTY;
    if (!subx_scale__bytes(reader, &inner))
        return false;
    *extrinsic = (subx_slice){start, (size_t)(reader->at - start)};
    return true;
}

static subx_status list_extrinsics(subx_block *block, struct subx_reader *reader, subx_error *error)
{
    const uint8_t *start = reader->at;
    if (!subx_scale__count(reader, 1, &block->extrinsic_count))
        return subx_header__fail(reader, error,
                                 "extrinsics: their count is malformed or too large");
    block->extrinsics = subx_mem__calloc(block->extrinsic_count, sizeof *block->extrinsics);
    if (block->extrinsics == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < block->extrinsic_count; i++)
        if (!subx_block__take_extrinsic(reader, &block->extrinsics[i]))
            return subx_header__fail(reader, error,
                                     "extrinsic %zu: cut, or its length is malformed", i);
    block->body = (subx_slice){start, (size_t)(reader->at - start)};
    return SUBX_OK;
}

static subx_status decode(subx_block *block, subx_error *error)
{
    struct subx_reader reader =
        subx_reader__of((subx_slice){block->encoded.data, block->encoded.len});
    subx_status status = subx_header__decode(&reader, &block->header, error);
    if (status == SUBX_OK)
        status = list_items(block, error);
    if (status == SUBX_OK)
        status = list_extrinsics(block, &reader, error);
    if (status == SUBX_OK && reader.left > 0)
        status = subx_header__fail(&reader, error, "%zu bytes too many", reader.left);
    return status;
}

subx_status subx_block__take(subx_bytes *scale, subx_block **out, subx_error *error)
{
    *out = NULL;
    subx_block *block = subx_mem__calloc(1, sizeof *block);
    if (block == NULL) {
        subx_bytes_free(scale);
        return subx_error__nomem(error);
    }
    block->encoded = *scale;
    *scale = (subx_bytes)SUBX_BYTES_INIT;
    const subx_status status = decode(block, error);
    if (status != SUBX_OK) {
        subx_block_free(block);
        if (status == SUBX_INVALID_INPUT)
            subx_error__prefix(error, "block");
        return status;
    }
    *out = block;
    return SUBX_OK;
}

subx_status subx_block_decode(subx_slice scale, subx_block **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(scale.data != NULL || scale.len == 0, error);
    subx_bytes copy = {subx_mem__copy(scale.data, scale.len), scale.len};
    if (copy.data == NULL)
        return subx_error__nomem(error);
    return subx_block__take(&copy, out, error);
}

void subx_block_free(subx_block *block)
{
    if (block == NULL)
        return;
    subx_mem__free(block->items);
    subx_mem__free(block->extrinsics);
    subx_bytes_free(&block->encoded);
    subx_mem__free(block);
}

/* ---- From parts ---- */

/* One digest item, and nothing else, in `bytes`. */
static subx_status check_item(subx_slice bytes, size_t index, subx_error *error)
{
    struct subx_reader reader = subx_reader__of(bytes);
    subx_digest_item item;
    subx_status status = subx_header__decode_item(&reader, &item, error);
    if (status == SUBX_OK && reader.left > 0)
        status = subx_header__fail(&reader, error, "%zu bytes too many", reader.left);
    if (status != SUBX_OK)
        subx_error__prefix(error, "digest.logs[%zu]", index);
    return status;
}

static subx_status append_header(struct subx_buf *buf, const struct subx_block_parts *parts,
                                 subx_error *error)
{
    subx_header fields = {.number = parts->number};
    memcpy(fields.parent_hash, parts->parent_hash, 32);
    memcpy(fields.state_root, parts->state_root, 32);
    memcpy(fields.extrinsics_root, parts->extrinsics_root, 32);
    subx_header__append(buf, &fields, SUBX_EMPTY, parts->logs.count);
    for (size_t i = 0; i < parts->logs.count; i++) {
        const subx_slice item = subx_block_parts__bytes(parts, parts->logs.parts[i]);
        const subx_status status = check_item(item, i, error);
        if (status != SUBX_OK)
            return status;
        subx_buf__append_slice(buf, item);
    }
    return SUBX_OK;
}

/* One header, and nothing else, in `bytes`. */
static subx_status check_header(subx_slice bytes, subx_error *error)
{
    struct subx_reader reader = subx_reader__of(bytes);
    struct subx_header_parts header;
    subx_status status = subx_header__decode(&reader, &header, error);
    if (status == SUBX_OK && reader.left > 0)
        status = subx_header__fail(&reader, error, "%zu bytes too many", reader.left);
    if (status != SUBX_OK)
        subx_error__prefix(error, "header");
    return status;
}

static subx_status append_extrinsics(struct subx_buf *buf, const struct subx_block_parts *parts,
                                     subx_error *error)
{
    subx_scale__append_compact(buf, parts->extrinsics.count);
    for (size_t i = 0; i < parts->extrinsics.count; i++) {
        const subx_slice bytes = subx_block_parts__bytes(parts, parts->extrinsics.parts[i]);
        struct subx_reader reader = subx_reader__of(bytes);
        subx_slice extrinsic = SUBX_EMPTY;
        if (!subx_block__take_extrinsic(&reader, &extrinsic) || reader.left > 0)
            return subx_error__set(
                error, SUBX_INVALID_INPUT,
                "extrinsics[%zu]: its length in front does not fit its %zu bytes", i, bytes.len);
        subx_buf__append_slice(buf, bytes);
    }
    return SUBX_OK;
}

subx_status subx_block__of_parts(const struct subx_block_parts *parts, subx_block **out,
                                 subx_error *error)
{
    *out = NULL;
    if (parts->is_scale)
        return subx_block_decode(subx_buf__slice(&parts->bytes), out, error);
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_status status = SUBX_OK;
    if (parts->header_is_scale) {
        const subx_slice header = subx_block_parts__bytes(parts, parts->header);
        status = check_header(header, error);
        subx_buf__append_slice(&buf, header);
    } else {
        status = append_header(&buf, parts, error);
    }
    if (status == SUBX_OK)
        status = append_extrinsics(&buf, parts, error);
    if (status != SUBX_OK) {
        subx_buf__free(&buf);
        return status;
    }
    subx_bytes scale = SUBX_BYTES_INIT;
    status = subx_buf__finish(&buf, &scale, error);
    return status == SUBX_OK ? subx_block__take(&scale, out, error) : status;
}

/* ---- Looking into one ---- */

const subx_header *subx_block_header(const subx_block *block)
{
    return &block->header.fields;
}

subx_digest_item subx_block_digest_item(const subx_block *block, size_t index)
{
    SUBX_CHECK(index < block->header.fields.digest_count);
    return block->items[index];
}

size_t subx_block_extrinsic_count(const subx_block *block)
{
    return block->extrinsic_count;
}

subx_slice subx_block_extrinsic(const subx_block *block, size_t index)
{
    SUBX_CHECK(index < block->extrinsic_count);
    return block->extrinsics[index];
}

subx_slice subx_block_encoded(const subx_block *block)
{
    return (subx_slice){block->encoded.data, block->encoded.len};
}

subx_status subx_block_unsealed(const subx_block *block, subx_bytes *out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(block != NULL, error);
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_buf__reserve(&buf, block->encoded.len);
    subx_header__append_unsealed(&buf, &block->header);
    subx_buf__append_slice(&buf, block->body);
    return subx_buf__finish(&buf, out, error);
}
