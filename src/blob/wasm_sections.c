/*
 * Readers of the known sections (WebAssembly core specification, sections 5.3 and 5.5). No count is
 * believed before there are bytes for as many entries.
 */
#include "blob/wasm_code.h"
#include "blob/wasm_parser.h"
#include "util/error.h"
#include "util/mem.h"

#define FUNCTION_TYPE 0x60

static bool is_strict(const struct subx_wasm_parser *parser)
{
    return parser->module->grammar == SUBX_WASM_STRICT;
}

static void note_feature(struct subx_wasm_parser *parser, uint32_t features)
{
    parser->module->features |= features;
}

static size_t offset_of(const struct subx_wasm_parser *parser)
{
    return subx_reader__offset(&parser->reader);
}

/* A count of entries that take at least `least` bytes each, and zeroed room for them; NULL after a
 * failure. */
static void *read_count(struct subx_wasm_parser *parser, size_t least, size_t entry_size,
                        uint32_t *count)
{
    const size_t offset = offset_of(parser);
    uint32_t n = 0;
    if (!subx_wasm_parser__u32(parser, &n))
        return NULL;
    if (n > SUBX_WASM_MAX_ENTRIES || n > parser->reader.left / least) {
        subx_wasm_parser__fail(parser, offset, "count of %u, but only %zu bytes are left", n,
                               parser->reader.left);
        return NULL;
    }
    void *const entries = subx_mem__calloc(n, entry_size);
    if (entries == NULL)
        parser->status = subx_error__nomem(parser->error);
    else
        *count = n;
    return entries;
}

static bool read_value_type(struct subx_wasm_parser *parser, uint8_t *type)
{
    const size_t offset = offset_of(parser);
    return subx_wasm_parser__u8(parser, type) &&
           (subx_wasm__is_value_type(*type, parser->module->grammar, &parser->module->features) ||
            subx_wasm_parser__fail(parser, offset, "unknown value type 0x%02x", *type));
}

static bool read_value_types(struct subx_wasm_parser *parser, subx_slice *types)
{
    if (!subx_wasm_parser__bytes(parser, types))
        return false;
    for (size_t i = 0; i < types->len; i++)
        if (!subx_wasm__is_value_type(types->data[i], parser->module->grammar,
                                      &parser->module->features))
            return subx_wasm_parser__fail(parser, offset_of(parser) - types->len + i,
                                          "unknown value type 0x%02x", types->data[i]);
    return true;
}

static bool read_type(struct subx_wasm_parser *parser, struct subx_wasm_function_type *type)
{
    const size_t offset = offset_of(parser);
    uint8_t form = 0;
    if (!subx_wasm_parser__u8(parser, &form))
        return false;
    if (form != FUNCTION_TYPE)
        return subx_wasm_parser__fail(parser, offset, "unknown form of type 0x%02x", form);
    if (!read_value_types(parser, &type->params) || !read_value_types(parser, &type->results))
        return false;
    if (type->results.len > 1) {
        if (is_strict(parser))
            return subx_wasm_parser__fail(parser, offset,
                                          "function type with %zu results: only the Wasm MVP is "
                                          "allowed",
                                          type->results.len);
        note_feature(parser, SUBX_WASM_MULTI_VALUE);
    }
    return true;
}

static bool read_limits(struct subx_wasm_parser *parser, struct subx_wasm_limits *limits)
{
    const size_t offset = offset_of(parser);
    uint8_t flags = 0;
    if (!subx_wasm_parser__u8(parser, &flags))
        return false;
    if (flags > 1)
        return subx_wasm_parser__fail(parser, offset, "unknown flags of limits 0x%02x", flags);
    limits->has_max = flags == 1;
    return subx_wasm_parser__u32(parser, &limits->min) &&
           (!limits->has_max || subx_wasm_parser__u32(parser, &limits->max));
}

static bool read_reference_type(struct subx_wasm_parser *parser, uint8_t *type)
{
    const size_t offset = offset_of(parser);
    if (!subx_wasm_parser__u8(parser, type))
        return false;
    if (*type == SUBX_WASM_FUNCREF)
        return true;
    if (is_strict(parser) || *type != SUBX_WASM_EXTERNREF)
        return subx_wasm_parser__fail(parser, offset, "unknown element type 0x%02x", *type);
    note_feature(parser, SUBX_WASM_REFERENCE_TYPES);
    return true;
}

static bool read_table(struct subx_wasm_parser *parser, struct subx_wasm_table *table)
{
    return read_reference_type(parser, &table->element_type) && read_limits(parser, &table->limits);
}

static bool read_global_type(struct subx_wasm_parser *parser, struct subx_wasm_global *global)
{
    uint8_t is_mutable = 0;
    if (!read_value_type(parser, &global->type))
        return false;
    const size_t offset = offset_of(parser);
    if (!subx_wasm_parser__u8(parser, &is_mutable))
        return false;
    if (is_mutable > 1)
        return subx_wasm_parser__fail(parser, offset, "unknown mutability 0x%02x", is_mutable);
    global->is_mutable = is_mutable == 1;
    return true;
}

/* Instructions that change what neither memory nor globals show. */
static bool is_lasting_change(uint8_t form)
{
    switch (form) {
    case SUBX_FORM_TABLE_SET:
    case SUBX_FORM_TABLE_GROW:
    case SUBX_FORM_TABLE_INIT:
    case SUBX_FORM_TABLE_COPY:
    case SUBX_FORM_TABLE_FILL:
    case SUBX_FORM_SEGMENT_DROP:
    case SUBX_FORM_MEMORY_INIT:
        return true;
    default:
        return false;
    }
}

/* Look at all instructions of code that was opened; what they need goes into the module. */
static bool scan_code(struct subx_wasm_parser *parser, struct subx_wasm_code *code, size_t base)
{
    struct subx_wasm_instruction instruction;
    do {
        subx_wasm_code__skip(code, true);
        if (!subx_wasm_code__next(code, &instruction))
            break;
        if (is_lasting_change(instruction.form))
            parser->module->changes_tables_or_segments = true;
    } while (true);
    if (code->fault != SUBX_FAULT_NONE) {
        parser->status = subx_wasm_code__report(code, base, parser->error);
        return false;
    }
    note_feature(parser, code->features);
    return true;
}

static bool read_expression(struct subx_wasm_parser *parser, subx_slice *out)
{
    struct subx_reader *const reader = &parser->reader;
    struct subx_wasm_code code;
    subx_wasm_code__open_expression(&code, subx_slice__of(reader->at, reader->left),
                                    parser->module->grammar);
    return scan_code(parser, &code, offset_of(parser)) &&
           subx_reader__bytes(reader, subx_reader__offset(&code.reader), out);
}

static bool read_types(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->types = read_count(parser, 3, sizeof *module->types, &module->type_count);
    if (module->types == NULL)
        return false;
    for (uint32_t i = 0; i < module->type_count; i++)
        if (!read_type(parser, &module->types[i]))
            return false;
    return true;
}

static bool read_import(struct subx_wasm_parser *parser, struct subx_wasm_import *import)
{
    struct subx_wasm_module *const module = parser->module;
    if (!subx_wasm_parser__name(parser, &import->module) ||
        !subx_wasm_parser__name(parser, &import->name))
        return false;
    const size_t offset = offset_of(parser);
    if (!subx_wasm_parser__u8(parser, &import->kind))
        return false;
    switch (import->kind) {
    case SUBX_WASM_FUNCTION:
        module->imported_functions++;
        return subx_wasm_parser__u32(parser, &import->type);
    case SUBX_WASM_TABLE:
        module->imported_tables++;
        return read_table(parser, &import->table);
    case SUBX_WASM_MEMORY:
        module->imported_memories++;
        return read_limits(parser, &import->memory);
    case SUBX_WASM_GLOBAL:
        module->imported_globals++;
        if (!read_global_type(parser, &import->global))
            return false;
        if (import->global.is_mutable)
            note_feature(parser, SUBX_WASM_MUTABLE_GLOBAL_IMPORT_EXPORT);
        return true;
    default:
        return subx_wasm_parser__fail(parser, offset, "unknown kind of import 0x%02x",
                                      import->kind);
    }
}

static bool read_imports(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->imports = read_count(parser, 4, sizeof *module->imports, &module->import_count);
    if (module->imports == NULL)
        return false;
    for (uint32_t i = 0; i < module->import_count; i++)
        if (!read_import(parser, &module->imports[i]))
            return false;
    return true;
}

static bool read_functions(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->functions = read_count(parser, 1, sizeof *module->functions, &module->function_count);
    if (module->functions == NULL)
        return false;
    for (uint32_t i = 0; i < module->function_count; i++)
        if (!subx_wasm_parser__u32(parser, &module->functions[i]))
            return false;
    return true;
}

static bool read_tables(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->tables = read_count(parser, 3, sizeof *module->tables, &module->table_count);
    if (module->tables == NULL)
        return false;
    for (uint32_t i = 0; i < module->table_count; i++)
        if (!read_table(parser, &module->tables[i]))
            return false;
    return true;
}

static bool read_memories(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->memories = read_count(parser, 2, sizeof *module->memories, &module->memory_count);
    if (module->memories == NULL)
        return false;
    for (uint32_t i = 0; i < module->memory_count; i++)
        if (!read_limits(parser, &module->memories[i]))
            return false;
    return true;
}

static bool read_globals(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->globals = read_count(parser, 3, sizeof *module->globals, &module->global_count);
    if (module->globals == NULL)
        return false;
    for (uint32_t i = 0; i < module->global_count; i++) {
        struct subx_wasm_global *const global = &module->globals[i];
        if (!read_global_type(parser, global) || !read_expression(parser, &global->init))
            return false;
    }
    return true;
}

static bool is_mutable_global(const struct subx_wasm_module *module, uint32_t index)
{
    if (index >= module->imported_globals) {
        index -= module->imported_globals;
        return index < module->global_count && module->globals[index].is_mutable;
    }
    return false; /* a mutable import has been noted already */
}

static bool read_exports(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->exports = read_count(parser, 3, sizeof *module->exports, &module->export_count);
    if (module->exports == NULL)
        return false;
    for (uint32_t i = 0; i < module->export_count; i++) {
        struct subx_wasm_export *const export = &module->exports[i];
        if (!subx_wasm_parser__name(parser, &export->name))
            return false;
        const size_t offset = offset_of(parser);
        if (!subx_wasm_parser__u8(parser, &export->kind) ||
            !subx_wasm_parser__u32(parser, &export->index))
            return false;
        if (export->kind > SUBX_WASM_GLOBAL)
            return subx_wasm_parser__fail(parser, offset, "unknown kind of export 0x%02x",
                                          export->kind);
        if (export->kind == SUBX_WASM_GLOBAL && is_mutable_global(module, export->index))
            note_feature(parser, SUBX_WASM_MUTABLE_GLOBAL_IMPORT_EXPORT);
    }
    return true;
}

static bool read_start(struct subx_wasm_parser *parser)
{
    parser->module->has_start = true;
    return subx_wasm_parser__u32(parser, &parser->module->start);
}

/* The head of a segment in the relaxed grammar: flags, and the table and offset they announce. */
static bool read_element_head(struct subx_wasm_parser *parser, struct subx_wasm_element *element)
{
    const size_t offset = offset_of(parser);
    if (!subx_wasm_parser__u32(parser, &element->flags))
        return false;
    const uint32_t flags = element->flags;
    if (flags >= SUBX_WASM_ELEMENT_FLAGS_END)
        return subx_wasm_parser__fail(parser, offset, "unknown flags of a segment %u", flags);
    if ((flags & SUBX_WASM_ELEMENT_EXPRESSIONS) != 0)
        note_feature(parser, SUBX_WASM_REFERENCE_TYPES);
    else if (flags != 0)
        note_feature(parser, SUBX_WASM_BULK_MEMORY);

    const bool is_active = (flags & SUBX_WASM_ELEMENT_PASSIVE) == 0;
    if (is_active && (flags & SUBX_WASM_ELEMENT_EXPLICIT) != 0 &&
        !subx_wasm_parser__u32(parser, &element->table))
        return false;
    if (is_active && !read_expression(parser, &element->offset))
        return false;
    if ((flags & (SUBX_WASM_ELEMENT_PASSIVE | SUBX_WASM_ELEMENT_EXPLICIT)) == 0)
        return true;
    if ((flags & SUBX_WASM_ELEMENT_EXPRESSIONS) != 0)
        return read_reference_type(parser, &element->type);
    const size_t kind_offset = offset_of(parser);
    if (!subx_wasm_parser__u8(parser, &element->type))
        return false;
    return element->type == 0 ||
           subx_wasm_parser__fail(parser, kind_offset, "unknown kind of elements 0x%02x",
                                  element->type);
}

static bool read_items(struct subx_wasm_parser *parser, struct subx_wasm_element *element)
{
    if (!subx_wasm_parser__u32(parser, &element->count))
        return false;
    const bool expressions = (element->flags & SUBX_WASM_ELEMENT_EXPRESSIONS) != 0;
    const uint8_t *const start = parser->reader.at;
    for (uint32_t i = 0, function = 0; i < element->count; i++)
        if (expressions ? !read_expression(parser, &(subx_slice){0})
                        : !subx_wasm_parser__u32(parser, &function))
            return false;
    element->items = subx_slice__of(start, (size_t)(parser->reader.at - start));
    return true;
}

static bool read_elements(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->elements = read_count(parser, 3, sizeof *module->elements, &module->element_count);
    if (module->elements == NULL)
        return false;
    for (uint32_t i = 0; i < module->element_count; i++) {
        struct subx_wasm_element *const element = &module->elements[i];
        if (is_strict(parser) ? !subx_wasm_parser__u32(parser, &element->table) ||
                                    !read_expression(parser, &element->offset)
                              : !read_element_head(parser, element))
            return false;
        if (!read_items(parser, element))
            return false;
    }
    return true;
}

static bool read_bodies(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->bodies = read_count(parser, 3, sizeof *module->bodies, &module->body_count);
    if (module->bodies == NULL)
        return false;
    for (uint32_t i = 0; i < module->body_count; i++) {
        if (!subx_wasm_parser__bytes(parser, &module->bodies[i]))
            return false;
        struct subx_wasm_code code;
        struct subx_wasm_locals locals;
        subx_wasm_code__open_body(&code, module->bodies[i], module->grammar, &locals);
        if (!scan_code(parser, &code, offset_of(parser) - module->bodies[i].len))
            return false;
    }
    return true;
}

static bool read_data_head(struct subx_wasm_parser *parser, struct subx_wasm_data *data)
{
    const size_t offset = offset_of(parser);
    if (!subx_wasm_parser__u32(parser, &data->flags))
        return false;
    if (data->flags >= SUBX_WASM_DATA_FLAGS_END)
        return subx_wasm_parser__fail(parser, offset, "unknown flags of a segment %u", data->flags);
    if (data->flags != 0)
        note_feature(parser, SUBX_WASM_BULK_MEMORY);
    if (data->flags == SUBX_WASM_DATA_EXPLICIT && !subx_wasm_parser__u32(parser, &data->memory))
        return false;
    return data->flags == SUBX_WASM_DATA_PASSIVE || read_expression(parser, &data->offset);
}

static bool read_data(struct subx_wasm_parser *parser)
{
    struct subx_wasm_module *const module = parser->module;
    module->data = read_count(parser, 2, sizeof *module->data, &module->data_count);
    if (module->data == NULL)
        return false;
    for (uint32_t i = 0; i < module->data_count; i++) {
        struct subx_wasm_data *const data = &module->data[i];
        if (is_strict(parser) ? !subx_wasm_parser__u32(parser, &data->memory) ||
                                    !read_expression(parser, &data->offset)
                              : !read_data_head(parser, data))
            return false;
        if (!subx_wasm_parser__bytes(parser, &data->bytes))
            return false;
    }
    return true;
}

/* The reference's parser takes this section too, though no instruction that needs it. */
static bool read_data_count(struct subx_wasm_parser *parser)
{
    note_feature(parser, SUBX_WASM_BULK_MEMORY);
    return subx_wasm_parser__u32(parser, &parser->module->announced_data_count);
}

bool subx_wasm_parser__section(struct subx_wasm_parser *parser, uint8_t id)
{
    static bool (*const readers[SUBX_SECTION_IDS])(struct subx_wasm_parser *) = {
        [SUBX_SECTION_TYPE] = read_types,         [SUBX_SECTION_IMPORT] = read_imports,
        [SUBX_SECTION_FUNCTION] = read_functions, [SUBX_SECTION_TABLE] = read_tables,
        [SUBX_SECTION_MEMORY] = read_memories,    [SUBX_SECTION_GLOBAL] = read_globals,
        [SUBX_SECTION_EXPORT] = read_exports,     [SUBX_SECTION_START] = read_start,
        [SUBX_SECTION_ELEMENT] = read_elements,   [SUBX_SECTION_CODE] = read_bodies,
        [SUBX_SECTION_DATA] = read_data,          [SUBX_SECTION_DATA_COUNT] = read_data_count,
    };
    return readers[id](parser);
}
