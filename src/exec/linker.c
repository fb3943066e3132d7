/*
 * Resolving a module's imports: every one is a function that the import policy has a rule for, one
 * of the caller's own, one of the host table, or missing. Only what the module imports is defined,
 * once per runtime, so nothing is looked up by name afterwards.
 */
#include <stdio.h>
#include <string.h>

#include "exec/runtime_internal.h"
#include "exec/wasmtime_error.h"
#include "host/host_function.h"
#include "host/import_rules.h"
#include "platform/monotonic.h"
#include "util/error.h"
#include "util/mem.h"

_Static_assert(sizeof(union subx_value) == sizeof(wasmtime_val_raw_t),
               "raw values share one layout");
_Static_assert(_Alignof(union subx_value) <= _Alignof(wasmtime_val_raw_t),
               "raw values share one layout");

static wasm_trap_t *new_trap(const char *message)
{
    return wasmtime_trap_new(message, strlen(message));
}

/* The trap for a host function that gave up, in the reference's words. */
static wasm_trap_t *host_gave_up(struct subx_call *call)
{
    subx_error__prefix(call->failure, "host code panicked while being called by the runtime");
    return new_trap(call->failure->message);
}

static const char outside_call[] =
    "host functions cannot be called while the instance is being made";

/* For the way from the guest into a host function, which is hot. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Count a host function that began at `start`. */
static void count_host_function(struct subx_guest_instance *instance, uint64_t start)
{
    instance->host_functions_time += subx_clock__now() - start;
    instance->host_function_calls++;
}

static ALWAYS_INLINE wasm_trap_t *run_host(const void *env, struct subx_guest_instance *instance,
                                           wasmtime_val_raw_t *values)
{
    const struct subx_host_function *function = env;
    subx_instance__refresh_if_growing(instance);
    if (function->entry(&instance->call, (union subx_value *)values))
        return NULL;
    return host_gave_up(&instance->call);
}

/* What is not the rule: a call that is timed, or none at all. */
__attribute__((noinline)) static wasm_trap_t *
run_host_specially(const void *env, struct subx_guest_instance *instance,
                   wasmtime_val_raw_t *values)
{
    if (instance->phase == SUBX_OUTSIDE_CALL)
        return new_trap(outside_call);
    const uint64_t start = subx_clock__now();
    wasm_trap_t *trap = run_host(env, instance, values);
    count_host_function(instance, start);
    return trap;
}

/* The way from the guest into a host function. */
static wasm_trap_t *enter_host(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                               size_t count)
{
    (void)count;
    struct subx_guest_instance *instance =
        wasmtime_context_get_data(wasmtime_caller_context(caller));
    return instance->phase == SUBX_IN_CALL ? run_host(env, instance, values)
                                           : run_host_specially(env, instance, values);
}

/* A host function of the caller's own; the texts are not needed once it is defined. */
struct custom {
    subx_host_fn run;
    void *user;
    char name[];
};

static ALWAYS_INLINE wasm_trap_t *run_custom(const void *env, struct subx_guest_instance *instance,
                                             wasmtime_val_raw_t *values)
{
    const struct custom *custom = env;
    subx_instance__refresh_if_growing(instance);
    if (custom->run(custom->user, &instance->call, (union subx_value *)values)) {
        /* What it said and did not mean must not become the text of a later failure. */
        if (instance->call.failure->status != SUBX_OK)
            subx_error_clear(instance->call.failure);
        return NULL;
    }
    subx_call__fail(&instance->call, "the host function failed without saying why");
    subx_error__prefix(instance->call.failure, "%s", custom->name);
    return host_gave_up(&instance->call);
}

__attribute__((noinline)) static wasm_trap_t *
run_custom_specially(const void *env, struct subx_guest_instance *instance,
                     wasmtime_val_raw_t *values)
{
    if (instance->phase == SUBX_OUTSIDE_CALL)
        return new_trap(outside_call);
    const uint64_t start = subx_clock__now();
    wasm_trap_t *trap = run_custom(env, instance, values);
    count_host_function(instance, start);
    return trap;
}

static wasm_trap_t *enter_custom(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                 size_t count)
{
    (void)count;
    struct subx_guest_instance *instance =
        wasmtime_context_get_data(wasmtime_caller_context(caller));
    return instance->phase == SUBX_IN_CALL ? run_custom(env, instance, values)
                                           : run_custom_specially(env, instance, values);
}

/* Stands in for a function that the host does not have. */
static wasm_trap_t *enter_missing(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                  size_t count)
{
    (void)caller, (void)values, (void)count;
    return new_trap(env);
}

static subx_slice name_of(const wasm_name_t *name)
{
    return subx_slice__of(name->data, name->size);
}

/* The character of a value type, as the host table writes it; '?' for what it never uses. */
static char type_letter(wasm_valkind_t kind)
{
    switch (kind) {
    case WASM_I32:
        return 'i';
    case WASM_I64:
        return 'I';
    case WASM_F32:
        return 'f';
    case WASM_F64:
        return 'F';
    default:
        return '?';
    }
}

static bool same_types(const wasm_valtype_vec_t *types, const char *letters)
{
    if (strlen(letters) != types->size)
        return false;
    for (size_t i = 0; i < types->size; i++)
        if (type_letter(wasm_valtype_kind(types->data[i])) != letters[i])
            return false;
    return true;
}

static bool same_type(const wasm_functype_t *type, const char *params, const char *results)
{
    return same_types(wasm_functype_params(type), params) &&
           same_types(wasm_functype_results(type), results);
}

struct resolution {
    wasmtime_linker_t *linker;
    const subx_runtime_options *options;
    bool host_allocates;     /* as the runtime has it */
    struct subx_buf missing; /* text: 'env:a' (i32) -> i64, 'env:b' () */
    struct subx_buf refused; /* the same for those that a rule refuses */
};

/* A function with a constant for an answer. */
static wasm_trap_t *enter_constant(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                   size_t count)
{
    (void)caller;
    if (count > 0)
        values[0].i64 = *(const int64_t *)env;
    return NULL;
}

static void append_types(struct subx_buf *text, const wasm_valtype_vec_t *types)
{
    for (size_t i = 0; i < types->size; i++) {
        if (i > 0)
            subx_buf__append_text(text, ", ");
        switch (wasm_valtype_kind(types->data[i])) {
        case WASM_I32:
            subx_buf__append_text(text, "i32");
            break;
        case WASM_I64:
            subx_buf__append_text(text, "i64");
            break;
        case WASM_F32:
            subx_buf__append_text(text, "f32");
            break;
        case WASM_F64:
            subx_buf__append_text(text, "f64");
            break;
        default:
            subx_buf__append_text(text, "?");
        }
    }
}

/* "(i32, i64) -> i64", as the host table writes types. */
static void append_type(struct subx_buf *text, const wasm_functype_t *type)
{
    subx_buf__append_u8(text, '(');
    append_types(text, wasm_functype_params(type));
    subx_buf__append_u8(text, ')');
    if (wasm_functype_results(type)->size > 0)
        subx_buf__append_text(text, " -> ");
    append_types(text, wasm_functype_results(type));
}

/* Add an import to a list of them. */
static void append_listed(struct subx_buf *list, const wasm_importtype_t *import,
                          const wasm_functype_t *type)
{
    subx_buf__append_text(list, list->len == 0 ? "'" : ", '");
    subx_buf__append_slice(list, name_of(wasm_importtype_module(import)));
    subx_buf__append_u8(list, ':');
    subx_buf__append_slice(list, name_of(wasm_importtype_name(import)));
    subx_buf__append_text(list, "' ");
    append_type(list, type);
}

static subx_status define(struct resolution *resolution, const wasm_importtype_t *import,
                          const wasm_functype_t *type, wasmtime_func_unchecked_callback_t callback,
                          void *env, void (*finalizer)(void *), subx_error *error)
{
    const wasm_name_t *module = wasm_importtype_module(import);
    const wasm_name_t *name = wasm_importtype_name(import);
    wasmtime_error_t *failure = wasmtime_linker_define_func_unchecked(
        resolution->linker, module->data, module->size, name->data, name->size, type, callback, env,
        finalizer);
    if (failure != NULL)
        return subx_engine_error__take(failure, SUBX_ENGINE, "defining a host function", error);
    return SUBX_OK;
}

/* Define an import that traps with "call to BEFORE MODULE:NAME TYPE: REASON". */
static subx_status define_trap(struct resolution *resolution, const wasm_importtype_t *import,
                               const wasm_functype_t *type, const char *before, const char *reason,
                               subx_error *error)
{
    struct subx_buf text = SUBX_BUF_INIT;
    subx_buf__append_format(&text, "call to %s ", before);
    subx_buf__append_slice(&text, name_of(wasm_importtype_module(import)));
    subx_buf__append_u8(&text, ':');
    subx_buf__append_slice(&text, name_of(wasm_importtype_name(import)));
    subx_buf__append_u8(&text, ' ');
    append_type(&text, type);
    subx_buf__append_format(&text, ": %s", reason);
    subx_buf__append_u8(&text, '\0');
    if (text.failed) {
        subx_buf__free(&text);
        return subx_error__nomem(error);
    }
    /* The linker owns the text from here on, in failure too. */
    return define(resolution, import, type, enter_missing, text.data, subx_mem__free, error);
}

static subx_status define_missing(struct resolution *resolution, const wasm_importtype_t *import,
                                  const wasm_functype_t *type, subx_error *error)
{
    if (resolution->options->allow_missing_imports)
        return define_trap(resolution, import, type, "a missing function",
                           "this host does not have it; an import policy can let it return a "
                           "constant",
                           error);
    append_listed(&resolution->missing, import, type);
    return SUBX_OK;
}

static subx_status wrong_type(subx_slice name, const wasm_functype_t *type, const char *provided,
                              subx_error *error)
{
    struct subx_buf imported = SUBX_BUF_INIT;
    append_type(&imported, type);
    const subx_status status = subx_error__set(
        error, SUBX_INVALID_MODULE,
        "the runtime imports '%.*s' with another type than the host function has: %.*s, not %s",
        (int)name.len, (const char *)name.data, (int)imported.len, (const char *)imported.data,
        provided);
    subx_buf__free(&imported);
    return status;
}

/* Do with an import what its rule says. */
static subx_status follow_rule(struct resolution *resolution, const wasm_importtype_t *import,
                               const wasm_functype_t *type, const struct subx_import_rule *rule,
                               subx_error *error)
{
    if (rule->action == SUBX_IMPORT_REFUSE) {
        append_listed(&resolution->refused, import, type);
        return SUBX_OK;
    }
    if (rule->action == SUBX_IMPORT_TRAP)
        return define_trap(resolution, import, type, "the function",
                           "the import policy lets it trap", error);
    const wasm_valtype_vec_t *results = wasm_functype_results(type);
    char letters[3] = "";
    for (size_t i = 0; i < results->size && i < 2; i++)
        letters[i] = type_letter(wasm_valtype_kind(results->data[i]));
    uint64_t number = 0;
    const char *const fault = subx_import_rules__value(rule, letters, &number);
    if (fault != NULL) {
        struct subx_buf listed = SUBX_BUF_INIT;
        append_listed(&listed, import, type);
        const subx_status status = subx_error__set(
            error, SUBX_INVALID_INPUT, "the import policy, line %zu, does not fit %.*s: %s",
            rule->line, (int)listed.len, (const char *)listed.data, fault);
        subx_buf__free(&listed);
        return status;
    }
    uint64_t *const value = subx_mem__copy(&number, sizeof number);
    if (value == NULL)
        return subx_error__nomem(error);
    /* The linker owns it from here on, in failure too. */
    return define(resolution, import, type, enter_constant, value, subx_mem__free, error);
}

static const subx_host_import *find_custom(const subx_runtime_options *options, subx_slice module,
                                           subx_slice name)
{
    for (size_t i = 0; i < options->import_count; i++) {
        const subx_host_import *import = &options->imports[i];
        if (subx_slice__equal(name, subx_slice__text(import->name)) &&
            subx_slice__equal(module, subx_slice__text(import->module)))
            return import;
    }
    return NULL;
}

static subx_status define_custom(struct resolution *resolution, const wasm_importtype_t *import,
                                 const wasm_functype_t *type, const subx_host_import *provided,
                                 subx_error *error)
{
    if (!same_type(type, provided->params, provided->results)) {
        char letters[64];
        snprintf(letters, sizeof letters, "(%s) -> (%s) in letters", provided->params,
                 provided->results);
        return wrong_type(subx_slice__text(provided->name), type, letters, error);
    }
    const size_t name_size = strlen(provided->name) + 1;
    struct custom *custom = subx_mem__alloc(sizeof *custom + name_size);
    if (custom == NULL)
        return subx_error__nomem(error);
    custom->run = provided->run;
    custom->user = provided->user;
    memcpy(custom->name, provided->name, name_size);
    /* The linker owns it from here on, in failure too. */
    return define(resolution, import, type, enter_custom, custom, subx_mem__free, error);
}

static subx_status define_import(struct resolution *resolution, const wasm_importtype_t *import,
                                 subx_error *error)
{
    const subx_slice module = name_of(wasm_importtype_module(import));
    const subx_slice name = name_of(wasm_importtype_name(import));
    const wasm_functype_t *type = wasm_externtype_as_functype_const(wasm_importtype_type(import));
    if (type == NULL)
        return subx_error__set(
            error, SUBX_INVALID_MODULE,
            "the runtime imports '%.*s:%.*s', which is no function; only functions can be imported",
            (int)module.len, (const char *)module.data, (int)name.len, (const char *)name.data);
    const struct subx_import_rule *rule =
        subx_import_rules__find(resolution->options->import_policy, module, name);
    if (rule != NULL)
        return follow_rule(resolution, import, type, rule, error);
    const subx_host_import *provided = find_custom(resolution->options, module, name);
    if (provided != NULL)
        return define_custom(resolution, import, type, provided, error);
    const struct subx_host_function *function =
        subx_slice__equal(module, subx_slice__text("env")) ? subx_host__find(name) : NULL;
    if (function == NULL)
        return define_missing(resolution, import, type, error);
    if (!same_type(type, function->params, function->results))
        return wrong_type(name, type, function->type, error);
    resolution->host_allocates = resolution->host_allocates || function->allocates;
    /* The table is constant; the engine hands the pointer back and never writes through it. */
    union {
        const struct subx_host_function *function;
        void *env;
    } constant = {function};
    return define(resolution, import, type, enter_host, constant.env, NULL, error);
}

subx_status subx_linker__resolve(subx_runtime *runtime, subx_error *error)
{
    struct resolution resolution = {
        .linker = wasmtime_linker_new(runtime->engine->engine),
        .options = &runtime->options,
        .missing = SUBX_BUF_INIT,
        .refused = SUBX_BUF_INIT,
    };
    wasm_importtype_vec_t imports;
    wasmtime_module_imports(runtime->module, &imports);
    /* A name may be imported more than once; it is then defined again, to the same effect. */
    wasmtime_linker_allow_shadowing(resolution.linker, true);

    subx_status status = SUBX_OK;
    for (size_t i = 0; i < imports.size && status == SUBX_OK; i++)
        status = define_import(&resolution, imports.data[i], error);
    if (status == SUBX_OK && (resolution.missing.failed || resolution.refused.failed))
        status = subx_error__nomem(error);
    if (status == SUBX_OK && resolution.refused.len > 0)
        status = subx_error__set(
            error, SUBX_MISSING_IMPORTS, "the import policy refuses code that imports %.*s",
            (int)resolution.refused.len, (const char *)resolution.refused.data);
    if (status == SUBX_OK && resolution.missing.len > 0)
        status = subx_error__set(
            error, SUBX_MISSING_IMPORTS,
            "runtime requires function imports which are not present on the host: %.*s; an import "
            "policy, or allow_missing_imports in the options, lets such code be loaded",
            (int)resolution.missing.len, (const char *)resolution.missing.data);
    if (status == SUBX_OK) {
        runtime->host_allocates = resolution.host_allocates;
        wasmtime_error_t *failure = wasmtime_linker_instantiate_pre(
            resolution.linker, runtime->module, &runtime->instance_pre);
        if (failure != NULL)
            status =
                subx_engine_error__take(failure, SUBX_INSTANTIATION, "resolving imports", error);
    }

    wasm_importtype_vec_delete(&imports);
    wasmtime_linker_delete(resolution.linker);
    subx_buf__free(&resolution.missing);
    subx_buf__free(&resolution.refused);
    return status;
}
