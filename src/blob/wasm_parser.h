/* What the readers of the single sections share. */
#ifndef SUBX_BLOB_WASM_PARSER_H
#define SUBX_BLOB_WASM_PARSER_H

#include "blob/wasm_module.h"
#include "util/reader.h"

struct subx_wasm_parser {
    struct subx_reader reader; /* its offsets count from the start of the module */
    struct subx_wasm_module *module;
    subx_status status; /* of the first failure */
    subx_error *error;
};

/* All of these answer false after recording a failure, which names the offset. */
bool subx_wasm_parser__fail(struct subx_wasm_parser *parser, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool subx_wasm_parser__u8(struct subx_wasm_parser *parser, uint8_t *out);
bool subx_wasm_parser__u32(struct subx_wasm_parser *parser, uint32_t *out);
/* Bytes behind their length. */
bool subx_wasm_parser__bytes(struct subx_wasm_parser *parser, subx_slice *out);
/* The same, valid UTF-8. */
bool subx_wasm_parser__name(struct subx_wasm_parser *parser, subx_slice *out);

/* Read the contents of section `id`; the reader holds exactly its payload. */
bool subx_wasm_parser__section(struct subx_wasm_parser *parser, uint8_t id);

#endif
