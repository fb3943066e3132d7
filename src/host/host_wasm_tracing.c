/*
 * Interface `wasm_tracing`: spec/host-api.md section 1.8. Runtimes on chains are built without it.
 * Nothing listens to these spans; the arguments must decode all the same. A span that nobody wants
 * has the id that the reference gives it.
 */
#include "host/host_functions.h"
#include "host/host_scale.h"

#define NO_SPAN UINT64_C(0xdead)

/* Levels are error, warn, info, debug, trace. */
#define LEVELS 5u

static bool read_flag(struct subx_reader *reader)
{
    uint8_t flag = 0;
    return subx_reader__u8(reader, &flag) && flag <= 1;
}

/* WasmMetadata: name, target, level, file, line, module path, whether it is a span, field names. */
static bool read_metadata(struct subx_reader *reader)
{
    subx_slice text;
    uint8_t level = 0;
    uint32_t line = 0;
    size_t fields = 0;
    bool good = subx_scale__bytes(reader, &text) && subx_scale__bytes(reader, &text) &&
                subx_reader__u8(reader, &level) && level < LEVELS &&
                subx_scale__bytes(reader, &text) && subx_reader__u32(reader, &line) &&
                subx_scale__bytes(reader, &text) && read_flag(reader) &&
                subx_scale__count(reader, 1, &fields);
    for (size_t i = 0; good && i < fields; i++)
        good = subx_scale__bytes(reader, &text);
    return good;
}

/* WasmValue: integers of several sizes, a flag, or bytes of three kinds. */
static bool read_value(struct subx_reader *reader)
{
    uint8_t kind = 0;
    subx_slice bytes;
    if (!subx_reader__u8(reader, &kind))
        return false;
    switch (kind) {
    case 0: /* u8, i8 */
    case 1:
        return subx_reader__bytes(reader, 1, &bytes);
    case 2: /* u32, i32 */
    case 3:
        return subx_reader__bytes(reader, 4, &bytes);
    case 4: /* i64, u64 */
    case 5:
        return subx_reader__bytes(reader, 8, &bytes);
    case 6:
        return read_flag(reader);
    case 7: /* text, formatted, encoded */
    case 8:
    case 9:
        return subx_scale__bytes(reader, &bytes);
    default:
        return false;
    }
}

/* WasmValuesSet: pairs of a field's name and, maybe, its value. */
static bool read_values(struct subx_reader *reader)
{
    size_t count = 0;
    bool good = subx_scale__count(reader, 2, &count);
    for (size_t i = 0; good && i < count; i++) {
        subx_slice name;
        uint8_t is_some = 0;
        good = subx_scale__bytes(reader, &name) && subx_reader__u8(reader, &is_some) &&
               is_some <= 1 && (is_some == 0 || read_value(reader));
    }
    return good;
}

/* WasmEntryAttributes: id of the span around it, if any, metadata, values. */
static bool check_attributes(struct subx_call *call, const char *argument, subx_slice scale)
{
    struct subx_reader reader = subx_reader__of(scale);
    uint8_t has_parent = 0;
    uint64_t parent = 0;
    const bool good = subx_reader__u8(&reader, &has_parent) && has_parent <= 1 &&
                      (has_parent == 0 || subx_reader__u64(&reader, &parent)) &&
                      read_metadata(&reader) && read_values(&reader);
    return good || subx_host_scale__undecodable(call, argument, "WasmEntryAttributes");
}

bool subx_host_wasm_tracing__enabled(struct subx_call *call, subx_slice metadata, bool *result)
{
    struct subx_reader reader = subx_reader__of(metadata);
    *result = false;
    return read_metadata(&reader) || subx_host_scale__undecodable(call, "metadata", "WasmMetadata");
}

bool subx_host_wasm_tracing__enter_span(struct subx_call *call, subx_slice span, uint64_t *result)
{
    *result = NO_SPAN;
    return check_attributes(call, "span", span);
}

bool subx_host_wasm_tracing__event(struct subx_call *call, subx_slice event)
{
    return check_attributes(call, "event", event);
}

bool subx_host_wasm_tracing__exit(struct subx_call *call, uint64_t span)
{
    (void)call, (void)span;
    return true;
}
