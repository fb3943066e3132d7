/* How a runtime is made, as options say it. */
#include "runtime_opt.h"

#include <stdio.h>
#include <string.h>

/* Bytes of native stack. */
enum { MIN_NATIVE = 65536, MAX_NATIVE = 268435456 };

bool runtime_opt_heap(const char *text, subx_heap *out)
{
    uint64_t pages = 0;
    if (strcmp(text, "dynamic") == 0) {
        *out = (subx_heap){SUBX_HEAP_DYNAMIC, 0};
        return true;
    }
    const bool is_static = strncmp(text, "static:", 7) == 0;
    if (!is_static && strncmp(text, "dynamic:", 8) != 0)
        return false;
    if (!opt_number(text + (is_static ? 7 : 8), is_static ? 0 : 1, 65536, &pages))
        return false;
    *out = (subx_heap){is_static ? SUBX_HEAP_STATIC : SUBX_HEAP_DYNAMIC, (uint32_t)pages};
    return true;
}

bool runtime_opt_strategy(const char *text, subx_strategy *out)
{
    for (int i = 0; i < SUBX_STRATEGY_COUNT; i++)
        if (strcmp(text, subx_strategy_name((subx_strategy)i)) == 0) {
            *out = (subx_strategy)i;
            return true;
        }
    return false;
}

static bool take_heap(const char *text, subx_runtime_options *out)
{
    return runtime_opt_heap(text, &out->heap);
}

static bool take_strategy(const char *text, subx_runtime_options *out)
{
    return runtime_opt_strategy(text, &out->strategy);
}

static bool take_stack_limit(const char *text, subx_runtime_options *out)
{
    char logical[32];
    uint64_t values = 0, bytes = 0;
    const char *colon = strchr(text, ':');
    const size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (len >= sizeof logical)
        return false;
    memcpy(logical, text, len);
    logical[len] = '\0';
    if (!opt_number(logical, 1, UINT32_MAX, &values) ||
        (colon != NULL && !opt_number(colon + 1, MIN_NATIVE, MAX_NATIVE, &bytes)))
        return false;
    out->stack_logical_max = (uint32_t)values;
    out->stack_native_max = bytes;
    return true;
}

static uint32_t extension_of(const char *name, size_t len)
{
    static const struct {
        const char *name;
        uint32_t extension;
    } extensions[] = {
        {"sign-extension", SUBX_EXTENSION_SIGN_EXTENSION},
        {"saturating-conversion", SUBX_EXTENSION_SATURATING_CONVERSION},
        /* as `inspect` and the proposal call it */
        {"saturating-conversions", SUBX_EXTENSION_SATURATING_CONVERSION},
        {"bulk-memory", SUBX_EXTENSION_BULK_MEMORY},
        {"reference-types", SUBX_EXTENSION_REFERENCE_TYPES},
        {"multi-value", SUBX_EXTENSION_MULTI_VALUE},
        {"simd", SUBX_EXTENSION_SIMD},
    };
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (strlen(extensions[i].name) == len && memcmp(extensions[i].name, name, len) == 0)
            return extensions[i].extension;
    return 0;
}

static bool take_extensions(const char *text, subx_runtime_options *out)
{
    if (text[0] == '\0')
        return true;
    for (;;) {
        const size_t len = strcspn(text, ",");
        const uint32_t extension = extension_of(text, len);
        if (extension == 0)
            return false;
        out->extensions |= extension;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
}

static bool take_canonicalize(const char *text, subx_runtime_options *out)
{
    (void)text;
    out->canonicalize_nans = true;
    return true;
}

static bool take_allow_missing(const char *text, subx_runtime_options *out)
{
    (void)text;
    out->allow_missing_imports = true;
    return true;
}

static const struct taken {
    const char *name;
    bool (*take)(const char *text, subx_runtime_options *out);
    const char *rule; /* NULL for switches */
} all_taken[] = {
    {"heap", take_heap, RULE_HEAP},
    {"strategy", take_strategy, RULE_STRATEGY},
    {"stack-limit", take_stack_limit, RULE_STACK_LIMIT},
    {"extensions", take_extensions, RULE_EXTENSIONS},
    {"canonicalize-nans", take_canonicalize, NULL},
    {"allow-missing-imports", take_allow_missing, NULL},
};

static const struct taken *find(const char *name)
{
    for (size_t i = 0; i < sizeof all_taken / sizeof all_taken[0]; i++)
        if (strcmp(all_taken[i].name, name) == 0)
            return &all_taken[i];
    return NULL;
}

bool runtime_opt_take(const char *name, const char *text, subx_runtime_options *out)
{
    const struct taken *taken = find(name);
    return taken != NULL && taken->take(text, out);
}

const char *runtime_opt_rule(const char *name)
{
    const struct taken *taken = find(name);
    return taken != NULL ? taken->rule : NULL;
}

bool runtime_opt_is_switch(const char *name)
{
    const struct taken *taken = find(name);
    return taken != NULL && taken->rule == NULL;
}

enum exit_code runtime_opt_read(const struct arguments *given, subx_runtime_options *out)
{
    const struct command *command = given->command;
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_spec *spec = &command->options[i];
        const char *text = given->values[i], *rule = runtime_opt_rule(spec->name);
        /* One that repeats is the command's own matter. */
        if (!given->given[i] || (spec->value != NULL && text == NULL))
            continue;
        if (!runtime_opt_take(spec->name, text, out) && rule != NULL)
            return opt_wrong(command, "%s: --%s is %s, not %s", command->name, spec->name, rule,
                             text);
    }
    return EXIT_DONE;
}

subx_status runtime_opt_load_imports(const char *path, subx_runtime_options *options,
                                     subx_import_policy **out, subx_error *error)
{
    *out = NULL;
    const subx_status status =
        path == NULL ? SUBX_OK : subx_import_policy_load_file(path, out, error);
    options->import_policy = *out;
    return status;
}
