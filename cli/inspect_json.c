/* The facts of `inspect` for programs. */
#include <string.h>

#include "api_names.h"
#include "inspect.h"
#include "output.h"

static json_t *text(const char *words)
{
    return output_json_text((subx_slice){(const uint8_t *)words, strlen(words)});
}

static json_t *version_json(const subx_version *version, enum version_source source)
{
    json_t *object = json_object();
    output_json_set(object, "source",
                    text(source == VERSION_EMBEDDED ? "embedded" : "Core_version"));
    output_json_set(object, "spec_name", text(version->spec_name));
    output_json_set(object, "impl_name", text(version->impl_name));
    output_json_set(object, "authoring_version", json_integer(version->authoring_version));
    output_json_set(object, "spec_version", json_integer(version->spec_version));
    output_json_set(object, "impl_version", json_integer(version->impl_version));
    output_json_set(object, "transaction_version", json_integer(version->transaction_version));
    output_json_set(object, "state_version", json_integer(version->state_version));
    json_t *apis = json_array();
    for (size_t i = 0; i < version->api_count; i++) {
        const char *name = api_name(version->apis[i].id);
        json_t *api = json_object();
        output_json_set(
            api, "id",
            output_json_hex((subx_slice){version->apis[i].id, sizeof version->apis[i].id}));
        output_json_set(api, "name", name != NULL ? text(name) : json_null());
        output_json_set(api, "version", json_integer(version->apis[i].version));
        output_json_append(apis, api);
    }
    output_json_set(object, "apis", apis);
    return object;
}

static json_t *imports_json(const subx_code *code)
{
    json_t *array = json_array();
    for (size_t i = 0; i < subx_code_import_count(code); i++) {
        const subx_extern import = subx_code_import(code, i);
        json_t *object = json_object();
        output_json_set(object, "kind", text(inspect_kind_name(import.kind)));
        output_json_set(object, "module", output_json_text(import.module));
        output_json_set(object, "name", output_json_text(import.name));
        output_json_set(object, "type", text(import.type));
        output_json_set(object, "missing", json_boolean(inspect_is_missing(&import)));
        output_json_append(array, object);
    }
    return array;
}

static json_t *exports_json(const subx_code *code)
{
    json_t *array = json_array();
    for (size_t i = 0; i < subx_code_export_count(code); i++) {
        const subx_extern export = subx_code_export(code, i);
        json_t *object = json_object();
        output_json_set(object, "kind", text(inspect_kind_name(export.kind)));
        output_json_set(object, "name", output_json_text(export.name));
        output_json_set(object, "type", text(export.type));
        output_json_append(array, object);
    }
    return array;
}

/* "a, b" as ["a", "b"]. */
static json_t *features_json(const char *features)
{
    json_t *array = json_array();
    while (features[0] != '\0') {
        const size_t len = strcspn(features, ",");
        output_json_append(array, output_json_text((subx_slice){(const uint8_t *)features, len}));
        features += len;
        features += strspn(features, ", ");
    }
    return array;
}

static json_t *artifact_json(const subx_artifact_info *artifact)
{
    json_t *object = json_object();
    output_json_set(object, "size", json_integer((json_int_t)artifact->size));
    output_json_set(object, "compiled_size", json_integer((json_int_t)artifact->compiled_size));
    output_json_set(object, "code_size", json_integer((json_int_t)artifact->code_size));
    output_json_set(object, "engine_version", text(artifact->engine_version));
    output_json_set(object, "fits", json_boolean(artifact->fits));
    output_json_set(object, "reason", artifact->fits ? json_null() : text(artifact->reason));
    return object;
}

void inspect_print_json(const struct inspection *inspection)
{
    static const char *const containers[] = {"plain", "hex", "chain_spec", "artifact"};
    const subx_code_info info = subx_code_info_of(inspection->code);
    const bool has_version = inspection->version_source == VERSION_EMBEDDED ||
                             inspection->version_source == VERSION_CALLED;
    const bool strict = inspection->strict_error.status == SUBX_OK;
    uint32_t heap_base = 0;
    json_t *root = json_object();
    output_json_set(root, "container", text(containers[info.container]));
    output_json_set(root, "artifact",
                    info.container == SUBX_CODE_ARTIFACT ? artifact_json(&inspection->artifact)
                                                         : json_null());
    output_json_set(root, "compressed", json_boolean(info.compressed));
    output_json_set(root, "stored_size", json_integer((json_int_t)info.stored_size));
    output_json_set(root, "wasm_size", json_integer((json_int_t)info.wasm_size));
    output_json_set(root, "code_hash", output_json_hex((subx_slice){info.hash, sizeof info.hash}));
    output_json_set(root, "version",
                    has_version ? version_json(&inspection->version, inspection->version_source)
                                : json_null());
    output_json_set(root, "version_error",
                    inspection->version_source == VERSION_FAILED
                        ? text(inspection->version_error.message)
                        : json_null());
    output_json_set(root, "features", features_json(subx_code_features(inspection->code)));
    output_json_set(root, "strict", json_boolean(strict));
    output_json_set(root, "strict_error",
                    strict ? json_null() : text(inspection->strict_error.message));
    output_json_set(root, "heap_base",
                    subx_code_heap_base(inspection->code, &heap_base) ? json_integer(heap_base)
                                                                      : json_null());
    output_json_set(root, "missing_imports",
                    json_integer((json_int_t)inspect_missing_count(inspection->code)));
    output_json_set(root, "imports", imports_json(inspection->code));
    output_json_set(root, "exports", exports_json(inspection->code));
    output_json(root);
}
