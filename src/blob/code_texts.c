/* Readable types of imports and exports, for `inspect` and for messages. */
#include "blob/code.h"
#include "util/error.h"
#include "util/mem.h"

enum { KINDS = 4 };

/* While the texts are written. */
struct writer {
    const struct subx_wasm_module *module;
    struct subx_buf text;
    size_t *types;         /* per function type: offset of its text */
    size_t *spaces[KINDS]; /* per kind and index, imported ones first: offset of its text */
    size_t counts[KINDS];
    size_t invalid; /* text for an index that leads nowhere */
};

static const char *type_name(uint8_t type)
{
    switch (type) {
    case SUBX_WASM_I32:
        return "i32";
    case SUBX_WASM_I64:
        return "i64";
    case SUBX_WASM_F32:
        return "f32";
    case SUBX_WASM_F64:
        return "f64";
    case SUBX_WASM_V128:
        return "v128";
    case SUBX_WASM_FUNCREF:
        return "funcref";
    case SUBX_WASM_EXTERNREF:
        return "externref";
    default:
        return "?";
    }
}

static void write_list(struct subx_buf *text, subx_slice types)
{
    for (size_t i = 0; i < types.len; i++) {
        if (i > 0)
            subx_buf__append_text(text, ", ");
        subx_buf__append_text(text, type_name(types.data[i]));
    }
}

/* "(i32, i64) -> i64"; no result: "(i32, i64)"; several: "(i32) -> (i32, i32)". */
static void write_function(struct subx_buf *text, const struct subx_wasm_function_type *type)
{
    const bool several = type->results.len > 1;
    subx_buf__append_text(text, "(");
    write_list(text, type->params);
    subx_buf__append_text(text, ")");
    if (type->results.len > 0)
        subx_buf__append_text(text, several ? " -> (" : " -> ");
    write_list(text, type->results);
    if (several)
        subx_buf__append_text(text, ")");
}

static void write_limits(struct subx_buf *text, const struct subx_wasm_limits *limits)
{
    subx_buf__append_format(text, "%u", limits->min);
    if (limits->has_max)
        subx_buf__append_format(text, "..%u", limits->max);
}

static void end_text(struct writer *writer)
{
    subx_buf__append_u8(&writer->text, 0);
}

static size_t table_text(struct writer *writer, const struct subx_wasm_table *table)
{
    const size_t offset = writer->text.len;
    write_limits(&writer->text, &table->limits);
    subx_buf__append_format(&writer->text, " %s", type_name(table->element_type));
    end_text(writer);
    return offset;
}

static size_t memory_text(struct writer *writer, const struct subx_wasm_limits *limits)
{
    const size_t offset = writer->text.len;
    write_limits(&writer->text, limits);
    subx_buf__append_text(&writer->text, limits->min == 1 && !limits->has_max ? " page" : " pages");
    end_text(writer);
    return offset;
}

static size_t global_text(struct writer *writer, const struct subx_wasm_global *global)
{
    const size_t offset = writer->text.len;
    subx_buf__append_format(&writer->text, "%s%s", global->is_mutable ? "mut " : "",
                            type_name(global->type));
    end_text(writer);
    return offset;
}

static size_t function_text(const struct writer *writer, uint32_t type)
{
    return type < writer->module->type_count ? writer->types[type] : writer->invalid;
}

static size_t import_text(struct writer *writer, const struct subx_wasm_import *import)
{
    switch (import->kind) {
    case SUBX_WASM_FUNCTION:
        return function_text(writer, import->type);
    case SUBX_WASM_TABLE:
        return table_text(writer, &import->table);
    case SUBX_WASM_MEMORY:
        return memory_text(writer, &import->memory);
    case SUBX_WASM_GLOBAL:
        return global_text(writer, &import->global);
    default:
        return writer->invalid;
    }
}

static void add(struct writer *writer, uint8_t kind, size_t offset)
{
    if (kind < KINDS)
        writer->spaces[kind][writer->counts[kind]++] = offset;
}

/* Texts of everything that an index can name: what is imported first, then what is defined. */
static void write_spaces(struct writer *writer, size_t *imports)
{
    const struct subx_wasm_module *module = writer->module;
    writer->invalid = writer->text.len;
    subx_buf__append_text(&writer->text, "?");
    end_text(writer);
    for (uint32_t i = 0; i < module->type_count; i++) {
        writer->types[i] = writer->text.len;
        write_function(&writer->text, &module->types[i]);
        end_text(writer);
    }
    for (uint32_t i = 0; i < module->import_count; i++) {
        imports[i] = import_text(writer, &module->imports[i]);
        add(writer, module->imports[i].kind, imports[i]);
    }
    for (uint32_t i = 0; i < module->function_count; i++)
        add(writer, SUBX_WASM_FUNCTION, function_text(writer, module->functions[i]));
    for (uint32_t i = 0; i < module->table_count; i++)
        add(writer, SUBX_WASM_TABLE, table_text(writer, &module->tables[i]));
    for (uint32_t i = 0; i < module->memory_count; i++)
        add(writer, SUBX_WASM_MEMORY, memory_text(writer, &module->memories[i]));
    for (uint32_t i = 0; i < module->global_count; i++)
        add(writer, SUBX_WASM_GLOBAL, global_text(writer, &module->globals[i]));
}

static size_t export_text(const struct writer *writer, const struct subx_wasm_export *export)
{
    if (export->kind >= KINDS || export->index >= writer->counts[export->kind])
        return writer->invalid;
    return writer->spaces[export->kind][export->index];
}

static bool make_room(struct writer *writer)
{
    const struct subx_wasm_module *module = writer->module;
    const size_t defined[KINDS] = {module->function_count, module->table_count,
                                   module->memory_count, module->global_count};
    bool good = true;
    for (int kind = 0; kind < KINDS; kind++) {
        const size_t count = module->import_count + defined[kind];
        writer->spaces[kind] = subx_mem__calloc(count, sizeof *writer->spaces[kind]);
        good = good && writer->spaces[kind] != NULL;
    }
    writer->types = subx_mem__calloc(module->type_count, sizeof *writer->types);
    return good && writer->types != NULL;
}

subx_status subx_code_texts__make(const struct subx_wasm_module *module,
                                  struct subx_code_texts *texts, subx_error *error)
{
    *texts = (struct subx_code_texts){SUBX_BYTES_INIT, NULL, NULL};
    struct writer writer = {.module = module, .text = SUBX_BUF_INIT};
    size_t *imports = subx_mem__calloc(module->import_count, sizeof *imports);
    size_t *exports = subx_mem__calloc(module->export_count, sizeof *exports);
    subx_status status = SUBX_OK;
    if (!make_room(&writer) || imports == NULL || exports == NULL) {
        status = subx_error__nomem(error);
    } else {
        write_spaces(&writer, imports);
        for (uint32_t i = 0; i < module->export_count; i++)
            exports[i] = export_text(&writer, &module->exports[i]);
        status = subx_buf__finish(&writer.text, &texts->text, error);
    }
    if (status == SUBX_OK) {
        texts->imports = imports;
        texts->exports = exports;
        imports = exports = NULL;
    }
    subx_mem__free(imports);
    subx_mem__free(exports);
    subx_mem__free(writer.types);
    for (int kind = 0; kind < KINDS; kind++)
        subx_mem__free(writer.spaces[kind]);
    subx_buf__free(&writer.text);
    return status;
}

void subx_code_texts__free(struct subx_code_texts *texts)
{
    subx_bytes_free(&texts->text);
    subx_mem__free(texts->imports);
    subx_mem__free(texts->exports);
    *texts = (struct subx_code_texts){SUBX_BYTES_INIT, NULL, NULL};
}
