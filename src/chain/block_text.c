/* Blocks as text: reading them from files and pipes, writing them as SignedBlock JSON. */
#include "chain/block.h"

#include "util/check.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"

/* ---- Writing ---- */

/* "0x…" in quotes. */
static void append_hex(struct subx_buf *buf, subx_slice bytes)
{
    subx_buf__append_text(buf, "\"0x");
    subx_hex__append(buf, bytes);
    subx_buf__append_text(buf, "\"");
}

static void append_header(struct subx_buf *buf, const subx_block *block)
{
    const subx_header *header = &block->header.fields;
    subx_buf__append_text(buf, "{\"parentHash\":");
    append_hex(buf, subx_slice__of(header->parent_hash, 32));
    subx_buf__append_format(
        buf, ",\"number\":\"0x%llx\",\"stateRoot\":", (unsigned long long)header->number);
    append_hex(buf, subx_slice__of(header->state_root, 32));
    subx_buf__append_text(buf, ",\"extrinsicsRoot\":");
    append_hex(buf, subx_slice__of(header->extrinsics_root, 32));
    subx_buf__append_text(buf, ",\"digest\":{\"logs\":[");
    for (size_t i = 0; i < header->digest_count; i++) {
        subx_buf__append_text(buf, i == 0 ? "" : ",");
        append_hex(buf, block->items[i].encoded);
    }
    subx_buf__append_text(buf, "]}}");
}

subx_status subx_block_to_json(const subx_block *block, subx_bytes *text, subx_error *error)
{
    SUBX_CHECK_ARG(text != NULL, error);
    *text = (subx_bytes)SUBX_BYTES_INIT;
    SUBX_CHECK_ARG(block != NULL, error);
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_buf__append_text(&buf, "{\"block\":{\"header\":");
    append_header(&buf, block);
    subx_buf__append_text(&buf, ",\"extrinsics\":[");
    for (size_t i = 0; i < block->extrinsic_count; i++) {
        subx_buf__append_text(&buf, i == 0 ? "" : ",");
        append_hex(&buf, block->extrinsics[i]);
    }
    subx_buf__append_text(&buf, "]},\"justifications\":null}");
    return subx_buf__finish(&buf, text, error);
}

/* ---- Reading ---- */

struct subx_block_reader {
    struct subx_input_stream stream;
    struct subx_block_json blocks;
    struct subx_block_parts parts;
    char *name;
};

/* Take the stream over, on failure too. */
static subx_status open_reader(struct subx_input_stream *stream, const char *name,
                               subx_block_reader **out, subx_error *error)
{
    subx_block_reader *reader = subx_mem__calloc(1, sizeof *reader);
    if (reader == NULL) {
        subx_input_stream__close(stream);
        return subx_error__nomem(error);
    }
    reader->stream = *stream;
    reader->parts = (struct subx_block_parts)SUBX_BLOCK_PARTS_INIT;
    reader->name = subx_mem__strdup(name);
    if (reader->name == NULL ||
        subx_block_json__open(&reader->blocks, subx_byte_source__of_stream(&reader->stream),
                              error) != SUBX_OK) {
        subx_block_reader_free(reader);
        return subx_error__nomem(error);
    }
    *out = reader;
    return SUBX_OK;
}

subx_status subx_block_reader_open(const char *path, subx_block_reader **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(path != NULL, error);
    struct subx_input_stream stream;
    struct subx_file_fault fault;
    if (!subx_input_stream__open(path, &stream, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", path, fault.reason);
    return open_reader(&stream, path, out, error);
}

subx_status subx_block_reader_open_descriptor(int descriptor, const char *name,
                                              subx_block_reader **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(name != NULL, error);
    struct subx_input_stream stream;
    struct subx_file_fault fault;
    if (!subx_input_stream__of_descriptor(descriptor, &stream, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", name, fault.reason);
    return open_reader(&stream, name, out, error);
}

subx_status subx_block_reader_next(subx_block_reader *reader, subx_block **block, subx_error *error)
{
    SUBX_CHECK_ARG(block != NULL, error);
    *block = NULL;
    SUBX_CHECK_ARG(reader != NULL, error);
    bool found = false;
    subx_status status = subx_block_json__next(&reader->blocks, &reader->parts, &found, error);
    if (status == SUBX_OK && found) {
        status = subx_block__of_parts(&reader->parts, block, error);
        if (status == SUBX_INVALID_INPUT)
            subx_error__prefix(error, "line %llu", (unsigned long long)reader->parts.line);
    }
    if (status != SUBX_OK && status != SUBX_NOMEM)
        subx_error__prefix(error, "%s", reader->name);
    return status;
}

void subx_block_reader_progress(const subx_block_reader *reader, uint64_t *bytes_read,
                                uint64_t *size)
{
    *bytes_read = subx_json__offset(&reader->blocks.json);
    *size = reader->stream.size;
}

void subx_block_reader_free(subx_block_reader *reader)
{
    if (reader == NULL)
        return;
    subx_block_json__close(&reader->blocks);
    subx_block_parts__free(&reader->parts);
    subx_input_stream__close(&reader->stream);
    subx_mem__free(reader->name);
    subx_mem__free(reader);
}
