/* The facts of `inspect` for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api_names.h"
#include "inspect.h"
#include "output.h"

/* Widest name that still has its type in the common column. */
enum { MAX_COLUMN = 64 };

static void heading(const char *text, size_t count)
{
    printf("\n%s%s%s (%zu", output_colour(stdout, COLOUR_BOLD), text, output_plain(stdout), count);
}

static void print_error(const subx_error *error)
{
    output_text(stdout, (subx_slice){(const uint8_t *)error->message, strlen(error->message)});
}

static const char *container_name(subx_code_container container)
{
    switch (container) {
    case SUBX_CODE_HEX:
        return "hex text";
    case SUBX_CODE_CHAIN_SPEC:
        return "chain specification";
    case SUBX_CODE_ARTIFACT:
        return "artifact";
    case SUBX_CODE_PLAIN:
    default:
        return "none, plain bytes";
    }
}

static void print_artifact(const subx_artifact_info *artifact)
{
    output_label("artifact");
    printf("%zu bytes: %zu compiled, %zu for the code inside\n", artifact->size,
           artifact->compiled_size, artifact->code_size);
    output_label("engine");
    output_text(stdout, (subx_slice){(const uint8_t *)artifact->engine_version,
                                     strlen(artifact->engine_version)});
    putchar('\n');
    output_label("fits");
    if (artifact->fits) {
        puts("yes: this machine, this engine, the default options");
        return;
    }
    printf("%sno%s: ", output_colour(stdout, COLOUR_YELLOW), output_plain(stdout));
    output_text(stdout, (subx_slice){(const uint8_t *)artifact->reason, strlen(artifact->reason)});
    putchar('\n');
}

static void print_sizes(const struct inspection *found)
{
    const subx_code_info info = subx_code_info_of(found->code);
    output_label("code");
    output_text(stdout, (subx_slice){(const uint8_t *)found->path, strlen(found->path)});
    putchar('\n');
    output_label("container");
    printf("%s\n", container_name(info.container));
    if (info.container == SUBX_CODE_ARTIFACT)
        print_artifact(&found->artifact);
    output_label("size");
    if (info.compressed)
        printf("%zu bytes compressed with zstd, %zu bytes of Wasm\n", info.stored_size,
               info.wasm_size);
    else
        printf("%zu bytes of Wasm, not compressed\n", info.wasm_size);
    output_label("code hash");
    output_hex(stdout, (subx_slice){info.hash, sizeof info.hash});
    putchar('\n');
}

static void print_grammar(const struct inspection *found)
{
    const char *features = subx_code_features(found->code);
    output_label("features");
    printf("%s\n", features[0] == '\0' ? "none beyond the Wasm MVP" : features);
    output_label("strict");
    if (found->strict_error.status == SUBX_OK) {
        puts("accepted by the reference's parser");
        return;
    }
    printf("%srefused%s by the reference's parser: ", output_colour(stdout, COLOUR_YELLOW),
           output_plain(stdout));
    print_error(&found->strict_error);
    putchar('\n');
}

static void print_version(const struct inspection *found)
{
    const subx_version *version = &found->version;
    output_label("version");
    if (found->version_source == VERSION_NOT_RUN) {
        puts("not embedded; Core_version has to be called, which --no-run forbids");
        return;
    }
    if (found->version_source == VERSION_FAILED) {
        printf("%snone%s: ", output_colour(stdout, COLOUR_YELLOW), output_plain(stdout));
        print_error(&found->version_error);
        putchar('\n');
        return;
    }
    output_text(stdout,
                (subx_slice){(const uint8_t *)version->spec_name, strlen(version->spec_name)});
    printf(" %" PRIu32 ", implementation ", version->spec_version);
    output_text(stdout,
                (subx_slice){(const uint8_t *)version->impl_name, strlen(version->impl_name)});
    printf(" %" PRIu32 ", authoring %" PRIu32 ", transaction %" PRIu32 ", state %u (%s)\n",
           version->impl_version, version->authoring_version, version->transaction_version,
           version->state_version,
           found->version_source == VERSION_EMBEDDED ? "embedded" : "from Core_version");
}

static void print_apis(const subx_version *version)
{
    if (version->api_count == 0)
        return;
    heading("APIs", version->api_count);
    puts(")");
    for (size_t i = 0; i < version->api_count; i++) {
        const char *name = api_name(version->apis[i].id);
        fputs("  ", stdout);
        output_hex(stdout, (subx_slice){version->apis[i].id, sizeof version->apis[i].id});
        printf("  %3" PRIu32 "%s%s\n", version->apis[i].version, name != NULL ? "  " : "",
               name != NULL ? name : "");
    }
}

/* Rows of one kind of export or import, for what matters before anything is called. */
static void print_kind(const subx_code *code, subx_extern_kind kind, const char *label)
{
    bool any = false;
    for (size_t i = 0; i < subx_code_import_count(code); i++) {
        const subx_extern import = subx_code_import(code, i);
        if (import.kind != kind)
            continue;
        output_label(any ? "" : label);
        printf("%s, imported as ", import.type);
        output_text(stdout, import.module);
        putchar('.');
        output_text(stdout, import.name);
        putchar('\n');
        any = true;
    }
    for (size_t i = 0; i < subx_code_export_count(code); i++) {
        const subx_extern export = subx_code_export(code, i);
        if (export.kind != kind)
            continue;
        output_label(any ? "" : label);
        printf("%s, exported as ", export.type);
        output_text(stdout, export.name);
        putchar('\n');
        any = true;
    }
    if (!any) {
        output_label(label);
        puts("none imported or exported");
    }
}

static void print_heap_base(const subx_code *code)
{
    uint32_t address = 0;
    output_label("heap base");
    if (subx_code_heap_base(code, &address))
        printf("%" PRIu32 " (0x%" PRIx32 ")\n", address, address);
    else
        puts("none: no constant i32 is exported as __heap_base");
}

static void print_padded(subx_slice name, size_t column)
{
    output_text(stdout, name);
    for (size_t at = name.len; at < column; at++)
        putchar(' ');
}

static void widen(size_t *column, size_t len)
{
    if (len > *column && len <= MAX_COLUMN)
        *column = len;
}

static void print_imports(const subx_code *code)
{
    const size_t count = subx_code_import_count(code);
    size_t modules = 0, names = 0;
    for (size_t i = 0; i < count; i++) {
        const subx_extern import = subx_code_import(code, i);
        widen(&modules, import.module.len);
        widen(&names, import.name.len);
    }
    heading("imports", count);
    printf(", %zu missing)\n", inspect_missing_count(code));
    for (size_t i = 0; i < count; i++) {
        const subx_extern import = subx_code_import(code, i);
        const bool missing = inspect_is_missing(&import);
        printf("  %-8s  ", inspect_kind_name(import.kind));
        print_padded(import.module, modules);
        putchar(' ');
        print_padded(import.name, names);
        printf("  %s", import.type);
        if (missing)
            printf("  %smissing%s", output_colour(stdout, COLOUR_RED), output_plain(stdout));
        putchar('\n');
    }
}

static void print_exports(const subx_code *code)
{
    const size_t count = subx_code_export_count(code);
    size_t names = 0;
    for (size_t i = 0; i < count; i++)
        widen(&names, subx_code_export(code, i).name.len);
    heading("exports", count);
    puts(")");
    for (size_t i = 0; i < count; i++) {
        const subx_extern export = subx_code_export(code, i);
        printf("  %-8s  ", inspect_kind_name(export.kind));
        print_padded(export.name, names);
        printf("  %s\n", export.type);
    }
}

void inspect_print_text(const struct inspection *inspection)
{
    print_sizes(inspection);
    print_version(inspection);
    print_grammar(inspection);
    print_kind(inspection->code, SUBX_EXTERN_MEMORY, "memory");
    print_kind(inspection->code, SUBX_EXTERN_GLOBAL, "globals");
    print_heap_base(inspection->code);
    print_apis(&inspection->version);
    print_imports(inspection->code);
    print_exports(inspection->code);
}
