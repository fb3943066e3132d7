/* A module's header and list of sections (WebAssembly core specification, section 5.5). */
#include "blob/wasm_module.h"

#include <stdarg.h>
#include <stdio.h>

#include "blob/wasm_edit.h"
#include "blob/wasm_leb.h"
#include "blob/wasm_parser.h"
#include "util/error.h"
#include "util/mem.h"
#include "util/utf8.h"

bool subx_wasm_parser__fail(struct subx_wasm_parser *parser, size_t offset, const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    parser->status = subx_error__set(parser->error, SUBX_CANT_DESERIALIZE_WASM,
                                     "%s, at offset 0x%zx", what, offset);
    return false;
}

static bool fail_here(struct subx_wasm_parser *parser, const char *what)
{
    return subx_wasm_parser__fail(parser, subx_reader__offset(&parser->reader), "%s", what);
}

bool subx_wasm_parser__u8(struct subx_wasm_parser *parser, uint8_t *out)
{
    return subx_reader__u8(&parser->reader, out) || fail_here(parser, "unexpected end");
}

bool subx_wasm_parser__u32(struct subx_wasm_parser *parser, uint32_t *out)
{
    if (subx_leb__u32(&parser->reader, out))
        return true;
    return fail_here(parser, subx_leb__is_truncated(&parser->reader, SUBX_LEB_MAX_32)
                                 ? "unexpected end"
                                 : "LEB128 number too long or out of range");
}

bool subx_wasm_parser__bytes(struct subx_wasm_parser *parser, subx_slice *out)
{
    const size_t offset = subx_reader__offset(&parser->reader);
    uint32_t len = 0;
    if (!subx_wasm_parser__u32(parser, &len))
        return false;
    return subx_reader__bytes(&parser->reader, len, out) ||
           subx_wasm_parser__fail(parser, offset, "length %u, but only %zu bytes are left", len,
                                  parser->reader.left);
}

bool subx_wasm_parser__name(struct subx_wasm_parser *parser, subx_slice *out)
{
    const size_t offset = subx_reader__offset(&parser->reader);
    if (!subx_wasm_parser__bytes(parser, out))
        return false;
    return subx_utf8__valid(*out) || subx_wasm_parser__fail(parser, offset, "name is not UTF-8");
}

static bool parse_header(struct subx_wasm_parser *parser)
{
    static const uint8_t magic[] = {0, 'a', 's', 'm'};
    subx_slice found;
    uint32_t version = 0;
    if (!subx_reader__bytes(&parser->reader, sizeof magic, &found) ||
        memcmp(found.data, magic, sizeof magic) != 0)
        return subx_wasm_parser__fail(parser, 0, "no Wasm: it does not begin with \"\\0asm\"");
    if (!subx_reader__u32(&parser->reader, &version))
        return fail_here(parser, "unexpected end");
    if (version != 1)
        return subx_wasm_parser__fail(parser, sizeof magic, "unsupported Wasm version %u", version);
    return true;
}

/* Add a section, with room for it growing as sections really come. */
static bool add_section(struct subx_wasm_parser *parser, const struct subx_wasm_section *section)
{
    struct subx_wasm_module *const module = parser->module;
    const size_t count = module->section_count;
    if (count == SUBX_WASM_MAX_ENTRIES)
        return fail_here(parser, "too many sections");
    if ((count & (count - 1)) == 0) { /* powers of two: the room is used up */
        struct subx_wasm_section *const sections =
            subx_mem__realloc(module->sections, count == 0 ? 1 : 2 * count, sizeof *sections);
        if (sections == NULL) {
            parser->status = subx_error__nomem(parser->error);
            return false;
        }
        module->sections = sections;
    }
    module->sections[module->section_count++] = *section;
    return true;
}

/* Known sections come at most once and in this order; `last` is the place of the latest. */
static bool check_order(struct subx_wasm_parser *parser, uint8_t id, size_t offset, int *last)
{
    if (id >= SUBX_SECTION_IDS)
        return subx_wasm_parser__fail(parser, offset, "unknown section %u", id);
    if (id == SUBX_SECTION_CUSTOM)
        return true;
    const int place = subx_wasm_edit__section_place(id);
    if (place <= *last)
        return subx_wasm_parser__fail(parser, offset, "section %u is %s", id,
                                      place == *last ? "there twice" : "out of order");
    *last = place;
    return true;
}

static bool parse_section(struct subx_wasm_parser *parser, int *last)
{
    const size_t start = subx_reader__offset(&parser->reader);
    struct subx_wasm_section section = {0};
    if (!subx_wasm_parser__u8(parser, &section.id) ||
        !check_order(parser, section.id, start, last) ||
        !subx_wasm_parser__bytes(parser, &section.payload))
        return false;

    struct subx_wasm_parser inner = *parser;
    inner.reader.at = section.payload.data;
    inner.reader.left = section.payload.len;
    bool good = true;
    if (section.id == SUBX_SECTION_CUSTOM) {
        good = subx_wasm_parser__name(&inner, &section.name);
        section.payload = subx_slice__of(inner.reader.at, inner.reader.left);
    } else {
        good = subx_wasm_parser__section(&inner, section.id);
        if (good && inner.reader.left > 0)
            good = subx_wasm_parser__fail(&inner, subx_reader__offset(&inner.reader),
                                          "section %u: bytes left after its contents", section.id);
    }
    section.offset = (size_t)(section.payload.data - parser->module->bytes.data);
    parser->status = inner.status;
    return good && add_section(parser, &section);
}

static bool parse_all(struct subx_wasm_parser *parser)
{
    if (!parse_header(parser))
        return false;
    int last = 0;
    while (parser->reader.left > 0)
        if (!parse_section(parser, &last))
            return false;
    const struct subx_wasm_module *const module = parser->module;
    if (module->function_count != module->body_count)
        return subx_wasm_parser__fail(parser, module->bytes.len,
                                      "%u functions are declared, but %u have code",
                                      module->function_count, module->body_count);
    return true;
}

subx_status subx_wasm__parse(subx_slice bytes, enum subx_wasm_grammar grammar,
                             struct subx_wasm_module *module, subx_error *error)
{
    *module = (struct subx_wasm_module){.bytes = bytes, .grammar = grammar};
    struct subx_wasm_parser parser = {subx_reader__of(bytes), module, SUBX_OK, error};
    if (!parse_all(&parser))
        subx_wasm__free(module);
    return parser.status;
}

void subx_wasm__free(struct subx_wasm_module *module)
{
    subx_mem__free(module->sections);
    subx_mem__free(module->types);
    subx_mem__free(module->imports);
    subx_mem__free(module->functions);
    subx_mem__free(module->tables);
    subx_mem__free(module->memories);
    subx_mem__free(module->globals);
    subx_mem__free(module->exports);
    subx_mem__free(module->elements);
    subx_mem__free(module->bodies);
    subx_mem__free(module->data);
    subx_wasm_edit__free_owned(module->owned);
    *module = (struct subx_wasm_module){0};
}

/* Type index of the imported function with this index. */
static bool imported_function_type(const struct subx_wasm_module *module, uint32_t function,
                                   uint32_t *type)
{
    for (uint32_t i = 0, seen = 0; i < module->import_count; i++) {
        if (module->imports[i].kind != SUBX_WASM_FUNCTION || seen++ != function)
            continue;
        *type = module->imports[i].type;
        return true;
    }
    return false;
}

const struct subx_wasm_function_type *
subx_wasm__function_type(const struct subx_wasm_module *module, uint32_t function)
{
    uint32_t type = 0;
    if (function < module->imported_functions) {
        if (!imported_function_type(module, function, &type))
            return NULL;
    } else if (function - module->imported_functions < module->function_count) {
        type = module->functions[function - module->imported_functions];
    } else {
        return NULL;
    }
    return type < module->type_count ? &module->types[type] : NULL;
}

const struct subx_wasm_export *subx_wasm__find_export(const struct subx_wasm_module *module,
                                                      uint8_t kind, const char *name)
{
    const subx_slice wanted = subx_slice__text(name);
    for (uint32_t i = 0; i < module->export_count; i++)
        if (module->exports[i].kind == kind && subx_slice__equal(module->exports[i].name, wanted))
            return &module->exports[i];
    return NULL;
}

bool subx_wasm__custom_section(const struct subx_wasm_module *module, const char *name,
                               subx_slice *contents)
{
    const subx_slice wanted = subx_slice__text(name);
    for (size_t i = 0; i < module->section_count; i++) {
        const struct subx_wasm_section *const section = &module->sections[i];
        if (section->id == SUBX_SECTION_CUSTOM && subx_slice__equal(section->name, wanted)) {
            *contents = section->payload;
            return true;
        }
    }
    return false;
}
