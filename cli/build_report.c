/* Blocks and extrinsics as JSON. */
#include "build_report.h"

#include <string.h>

#include "output.h"

static json_t *text_json(const char *text)
{
    return output_json_text((subx_slice){(const uint8_t *)text, strlen(text)});
}

const char *build_report_result(subx_applied_kind kind)
{
    static const char *const names[] = {[SUBX_APPLIED_OK] = "ok",
                                        [SUBX_APPLIED_FAILED] = "failed",
                                        [SUBX_APPLIED_INVALID] = "invalid"};
    return names[kind];
}

json_t *build_report_extrinsic(size_t index, const subx_applied *applied)
{
    json_t *object = json_object();
    output_json_set(object, "index", json_integer((json_int_t)index));
    output_json_set(object, "result", text_json(build_report_result(applied->kind)));
    if (applied->kind != SUBX_APPLIED_OK)
        output_json_set(object, "reason", text_json(applied->reason));
    if (applied->has_module) {
        json_t *module = json_object();
        output_json_set(module, "index", json_integer(applied->module));
        output_json_set(module, "error", output_json_hex((subx_slice){applied->module_error, 4}));
        output_json_set(object, "module", module);
    }
    output_json_set(object, "events",
                    applied->events_known ? json_integer(applied->events) : json_null());
    output_json_set(object, "time_ns", json_integer((json_int_t)applied->time));
    return object;
}

json_t *build_report_error(size_t index, const subx_error *error)
{
    json_t *object = json_object();
    output_json_set(object, "index", json_integer((json_int_t)index));
    output_json_set(object, "result", json_string("error"));
    output_json_set(object, "kind", text_json(subx_status_name(error->status)));
    output_json_set(object, "reason", text_json(error->message));
    return object;
}

json_t *build_report_block(const subx_header *header)
{
    json_t *object = json_object();
    output_json_set(object, "number", json_integer((json_int_t)header->number));
    output_json_set(object, "hash", output_json_hex((subx_slice){header->hash, 32}));
    output_json_set(object, "parent_hash", output_json_hex((subx_slice){header->parent_hash, 32}));
    output_json_set(object, "state_root", output_json_hex((subx_slice){header->state_root, 32}));
    output_json_set(object, "extrinsics_root",
                    output_json_hex((subx_slice){header->extrinsics_root, 32}));
    return object;
}
