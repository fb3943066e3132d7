/* Finding what a call enters: exports, and elements of the function table (spec/executor.md
 * sections 1.2 and 1.4). */
#include "exec/method.h"

#include "util/error.h"

subx_status subx_method__find_entry(const subx_runtime *runtime, const char *name,
                                    const struct subx_entry **out, subx_error *error)
{
    const struct subx_entry *entry = subx_runtime__find_entry(runtime, name);
    *out = entry;
    if (entry == NULL)
        return subx_error__set(error, SUBX_METHOD_NOT_FOUND, "Exported method %s is not found",
                               name);
    if (!entry->is_function)
        return subx_error__set(error, SUBX_OTHER, "Export %s is not a function", name);
    /* Two allocators would hand out the same memory: where the host allocates, only the type that
     * goes with it is an entry point's, as in the reference. */
    if (entry->input == SUBX_INPUT_NONE ||
        (entry->input == SUBX_INPUT_READ && runtime->host_allocates))
        return subx_error__set(error, SUBX_OTHER, "Exported function '%s' has invalid signature.",
                               name);
    return SUBX_OK;
}

subx_status subx_method__of_entry(struct subx_guest_instance *instance,
                                  const struct subx_entry *entry, struct subx_target *out,
                                  subx_error *error)
{
    out->input = entry->input;
    out->dispatches = false;
    out->dispatched = 0;
    wasmtime_func_t *known = instance->functions == NULL
                                 ? NULL
                                 : &instance->functions[entry - instance->runtime->entries];
    if (known != NULL && known->store_id != 0) {
        out->function = *known;
        return SUBX_OK;
    }
    wasmtime_extern_t item;
    if (!wasmtime_instance_export_get(instance->context, &instance->handle, entry->name,
                                      entry->name_len, &item))
        return subx_error__set(error, SUBX_METHOD_NOT_FOUND, "Exported method %s is not found",
                               entry->name);
    out->function = item.of.func;
    wasmtime_extern_delete(&item);
    if (known != NULL)
        *known = out->function;
    return SUBX_OK;
}

/* Whether a function takes `params` values of i32 and gives one i64. */
static bool has_type(const struct subx_guest_instance *instance, const wasmtime_func_t *function,
                     size_t params)
{
    wasm_functype_t *type = wasmtime_func_type(instance->context, function);
    const wasm_valtype_vec_t *takes = wasm_functype_params(type);
    const wasm_valtype_vec_t *gives = wasm_functype_results(type);
    bool same =
        takes->size == params && gives->size == 1 && wasm_valtype_kind(gives->data[0]) == WASM_I64;
    for (size_t i = 0; i < takes->size; i++)
        same = same && wasm_valtype_kind(takes->data[i]) == WASM_I32;
    wasm_functype_delete(type);
    return same;
}

static subx_status find_table(struct subx_guest_instance *instance, wasmtime_table_t *table,
                              subx_error *error)
{
    static const char name[] = "__indirect_function_table";
    wasmtime_extern_t item;
    if (!wasmtime_instance_export_get(instance->context, &instance->handle, name, sizeof name - 1,
                                      &item))
        return subx_error__set(error, SUBX_NO_TABLE, "Runtime doesn't have an exported table '%s'",
                               name);
    const bool is_table = item.kind == WASMTIME_EXTERN_TABLE;
    if (is_table)
        *table = item.of.table;
    wasmtime_extern_delete(&item);
    if (!is_table)
        return subx_error__set(error, SUBX_NO_TABLE, "export '%s' is not a table", name);
    return SUBX_OK;
}

static subx_status find_element(struct subx_guest_instance *instance, uint32_t index,
                                wasmtime_func_t *out, subx_error *error)
{
    wasmtime_table_t table;
    const subx_status status = find_table(instance, &table, error);
    if (status != SUBX_OK)
        return status;
    wasmtime_val_t value;
    if (!wasmtime_table_get(instance->context, &table, index, &value))
        return subx_error__set(error, SUBX_NO_TABLE_ENTRY_WITH_INDEX,
                               "No table entry with index %u", index);
    const bool is_function = value.kind == WASMTIME_FUNCREF;
    const wasmtime_func_t function = is_function ? value.of.funcref : (wasmtime_func_t){0};
    wasmtime_val_unroot(&value);
    if (!is_function)
        return subx_error__set(error, SUBX_TABLE_ELEMENT_IS_NOT_A_FUNCTION,
                               "Table element with index %u is not a function", index);
    if (function.store_id == 0)
        return subx_error__set(error, SUBX_FUNCTION_REF_IS_NULL,
                               "Table entry with index %u is null", index);
    *out = function;
    return SUBX_OK;
}

subx_status subx_method__of_table(struct subx_guest_instance *instance, const subx_method *method,
                                  struct subx_target *out, subx_error *error)
{
    const subx_status status = find_element(instance, method->index, &out->function, error);
    if (status != SUBX_OK)
        return status;
    out->input = SUBX_INPUT_PLACED;
    out->dispatches = method->kind == SUBX_METHOD_DISPATCHER;
    out->dispatched = method->function;
    if (!has_type(instance, &out->function, out->dispatches ? 3 : 2))
        return subx_error__set(error, SUBX_OTHER,
                               "Function at table index %u has invalid signature.", method->index);
    return SUBX_OK;
}
