/*
 * What ext_misc_runtime_version answers (spec/host-api.md sections 1.6 and 10): the version that
 * the code embeds, else the bytes of its own `Core_version`, called over a state without keys;
 * nothing where either fails.
 */
#include "blob/decompress.h"
#include "blob/version_section.h"
#include "exec/runtime_internal.h"
#include "util/mem.h"

static subx_status ask_the_code(subx_executor *executor, subx_slice wasm, subx_bytes *version)
{
    subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
    options.allow_missing_imports = true;
    options.strategy =
        SUBX_STRATEGY_RECREATE_COW; /* never waits for a slot that this very call may hold */
    subx_call_options call_options = SUBX_CALL_OPTIONS_INIT;
    subx_runtime *runtime = NULL;
    subx_state *state = NULL;
    subx_status status = subx_runtime__new(executor, wasm, &options, &runtime, NULL);
    if (status == SUBX_OK)
        status = subx_state_new_memory(&state, NULL);
    if (status == SUBX_OK)
        status = subx_changes_new(state, NULL, &call_options.changes, NULL);
    if (status == SUBX_OK)
        status = subx_runtime__call(runtime, "Core_version", SUBX_EMPTY, &call_options, true,
                                    version, NULL);
    subx_changes_free(call_options.changes);
    subx_state_free(state);
    subx_runtime_free(runtime);
    return status;
}

static subx_status read_version(subx_executor *executor, subx_slice wasm, subx_bytes *version)
{
    struct subx_wasm_module module;
    subx_status status = subx_wasm__parse(wasm, SUBX_WASM_STRICT, &module, NULL);
    if (status != SUBX_OK)
        return status;
    struct subx_version_fields fields;
    bool embedded = false;
    status = subx_version_section__read(&module, &fields, &embedded, NULL);
    if (status == SUBX_OK && embedded) {
        struct subx_buf encoded = SUBX_BUF_INIT;
        subx_version_section__encode(&fields, &encoded);
        status = subx_buf__finish(&encoded, version, NULL);
    } else if (status == SUBX_OK) {
        status = ask_the_code(executor, wasm, version);
    }
    subx_wasm__free(&module);
    return status;
}

subx_status subx_version_reader__of_code(subx_executor *executor, subx_slice code,
                                         subx_bytes *version)
{
    *version = (subx_bytes)SUBX_BYTES_INIT;
    if (!subx_decompress__has_prefix(code))
        return read_version(executor, code, version);
    subx_bytes wasm = SUBX_BYTES_INIT;
    subx_status status = subx_decompress__code(code, SUBX_MAX_CODE_SIZE, &wasm, NULL);
    if (status == SUBX_OK)
        status = read_version(executor, subx_slice__of(wasm.data, wasm.len), version);
    subx_bytes_free(&wasm);
    return status;
}

bool subx_version_reader__read(void *data, subx_slice code, subx_bytes *version)
{
    struct subx_guest_instance *instance = data;
    const subx_status status =
        subx_version_reader__of_code(instance->runtime->executor, code, version);
    /* The guest must not take a lack of memory here for an answer. */
    if (status == SUBX_NOMEM)
        subx_call__fail_nomem(&instance->call);
    return status == SUBX_OK;
}
