/*
 * A Wasm module as its sections say, over the bytes of its code: nothing is copied, so the bytes
 * must outlive it. Function bodies stay bytes; wasm_code.h iterates over their instructions. Passes
 * change the module (wasm_edit.h); wasm_write.h makes bytes of it again.
 */
#ifndef SUBX_BLOB_WASM_MODULE_H
#define SUBX_BLOB_WASM_MODULE_H

#include <stdbool.h>

#include "util/bytes.h"

/* strict: the Wasm MVP as the reference's parser takes it. relaxed: whatever the engine can be
 * configured for. */
enum subx_wasm_grammar { SUBX_WASM_STRICT, SUBX_WASM_RELAXED };

/* Kinds of imports and exports, as in the binary format. */
enum { SUBX_WASM_FUNCTION = 0, SUBX_WASM_TABLE = 1, SUBX_WASM_MEMORY = 2, SUBX_WASM_GLOBAL = 3 };

/* Value types, as in the binary format. */
enum {
    SUBX_WASM_I32 = 0x7f,
    SUBX_WASM_I64 = 0x7e,
    SUBX_WASM_F32 = 0x7d,
    SUBX_WASM_F64 = 0x7c,
    SUBX_WASM_V128 = 0x7b,
    SUBX_WASM_FUNCREF = 0x70,
    SUBX_WASM_EXTERNREF = 0x6f
};

/* What a module needs beyond the MVP; a bit set. */
enum {
    SUBX_WASM_SIGN_EXTENSION = 1 << 0,
    SUBX_WASM_SATURATING_CONVERSION = 1 << 1,
    SUBX_WASM_BULK_MEMORY = 1 << 2,
    SUBX_WASM_REFERENCE_TYPES = 1 << 3,
    SUBX_WASM_MULTI_VALUE = 1 << 4,
    SUBX_WASM_SIMD = 1 << 5,
    SUBX_WASM_MUTABLE_GLOBAL_IMPORT_EXPORT = 1 << 6
};

struct subx_wasm_function_type {
    subx_slice params, results; /* one value type a byte */
};

struct subx_wasm_limits {
    uint32_t min;
    bool has_max;
    uint32_t max;
};

struct subx_wasm_table {
    uint8_t element_type;
    struct subx_wasm_limits limits;
};

struct subx_wasm_global {
    uint8_t type;
    bool is_mutable;
    subx_slice init; /* the whole expression, its `end` included; empty for imported ones */
};

struct subx_wasm_import {
    subx_slice module, name;
    uint8_t kind;
    uint32_t type;                  /* function: index of its type */
    struct subx_wasm_table table;   /* table */
    struct subx_wasm_limits memory; /* memory */
    struct subx_wasm_global global; /* global */
};

struct subx_wasm_export {
    subx_slice name;
    uint8_t kind;
    uint32_t index;
};

/* In the strict grammar a segment begins with the index of its table or memory, whatever it is, and
 * `flags` is 0; in the relaxed one with its flags. */
struct subx_wasm_element {
    uint32_t flags; /* 0 in the MVP: active, table 0, function indices */
    uint32_t table;
    uint8_t type; /* element kind or type, where `flags` has it in the binary form */
    subx_slice offset;
    uint32_t count;
    subx_slice items; /* function indices in LEB128, or expressions, as `flags` says */
};

/* Bits of the flags of an element segment. */
enum {
    SUBX_WASM_ELEMENT_PASSIVE = 1,     /* or, with EXPLICIT, declarative */
    SUBX_WASM_ELEMENT_EXPLICIT = 2,    /* the table is named */
    SUBX_WASM_ELEMENT_EXPRESSIONS = 4, /* the items are expressions */
    SUBX_WASM_ELEMENT_FLAGS_END = 8
};

struct subx_wasm_data {
    uint32_t flags; /* 0 or 2: active; 1: passive */
    uint32_t memory;
    subx_slice offset;
    subx_slice bytes;
};

enum { SUBX_WASM_DATA_PASSIVE = 1, SUBX_WASM_DATA_EXPLICIT = 2, SUBX_WASM_DATA_FLAGS_END = 3 };

/* Sections, as in the binary format. */
enum {
    SUBX_SECTION_CUSTOM = 0,
    SUBX_SECTION_TYPE = 1,
    SUBX_SECTION_IMPORT = 2,
    SUBX_SECTION_FUNCTION = 3,
    SUBX_SECTION_TABLE = 4,
    SUBX_SECTION_MEMORY = 5,
    SUBX_SECTION_GLOBAL = 6,
    SUBX_SECTION_EXPORT = 7,
    SUBX_SECTION_START = 8,
    SUBX_SECTION_ELEMENT = 9,
    SUBX_SECTION_CODE = 10,
    SUBX_SECTION_DATA = 11,
    SUBX_SECTION_DATA_COUNT = 12, /* before the code section */
    SUBX_SECTION_IDS
};

struct subx_wasm_section {
    uint8_t id;
    size_t offset;      /* of `payload` in the module's bytes; 0 if a pass made the section */
    subx_slice payload; /* for custom sections what follows the name */
    subx_slice name;    /* of a custom section */
};

/* Memory that belongs to a module: bodies and names that a pass made. */
struct subx_wasm_owned;

/* The arrays hold what the module defines; what it imports is in `imports` only, and comes first
 * where indices count. */
struct subx_wasm_module {
    subx_slice bytes;
    enum subx_wasm_grammar grammar;
    uint32_t features; /* beyond the MVP, SUBX_WASM_... */
    /* Code has an instruction after which a new instance differs in more than memory and globals:
     * table.set, grow, init, copy or fill, elem.drop, data.drop, memory.init. */
    bool changes_tables_or_segments;

    struct subx_wasm_section *sections; /* all, in file order */
    size_t section_count;

    struct subx_wasm_function_type *types;
    struct subx_wasm_import *imports;
    uint32_t *functions; /* defined functions: type indices */
    struct subx_wasm_table *tables;
    struct subx_wasm_limits *memories;
    struct subx_wasm_global *globals;
    struct subx_wasm_export *exports;
    struct subx_wasm_element *elements;
    subx_slice *bodies; /* local declarations and instructions, without the size */
    struct subx_wasm_data *data;
    uint32_t type_count, import_count, function_count, table_count, memory_count, global_count;
    uint32_t export_count, element_count, body_count, data_count;
    uint32_t imported_functions, imported_tables, imported_memories, imported_globals;
    bool has_start;
    uint32_t start;
    uint32_t announced_data_count; /* of the data count section, if there is one */
    struct subx_wasm_owned *owned;
};

/* No section may have more entries; the engine has the same bound. */
#define SUBX_WASM_MAX_ENTRIES 1000000

/*
 * Parse `bytes`. On SUBX_OK free `module` with subx_wasm__free(); on failure it is empty. Errors
 * are SUBX_CANT_DESERIALIZE_WASM with the offset and what was found there, or SUBX_NOMEM.
 */
subx_status subx_wasm__parse(subx_slice bytes, enum subx_wasm_grammar grammar,
                             struct subx_wasm_module *module, subx_error *error);
void subx_wasm__free(struct subx_wasm_module *module);

/* Type of the function with this index (imported ones first), or NULL if there is none. */
const struct subx_wasm_function_type *
subx_wasm__function_type(const struct subx_wasm_module *module, uint32_t function);

/* The first export of that kind and name, or NULL. */
const struct subx_wasm_export *subx_wasm__find_export(const struct subx_wasm_module *module,
                                                      uint8_t kind, const char *name);

/* Contents of the first custom section of that name; false if there is none. */
bool subx_wasm__custom_section(const struct subx_wasm_module *module, const char *name,
                               subx_slice *contents);

/* Name of one extension, a single bit of `features`: "sign-extension"; NULL if it is none. */
const char *subx_wasm__feature_name(uint32_t feature);

/* Names of all extensions in `features`, separated by ", "; empty for 0. Release with
 * subx_mem__free(); NULL if memory is short. */
char *subx_wasm__features_text(uint32_t features);

#endif
