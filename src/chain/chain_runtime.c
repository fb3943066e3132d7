/* The runtime that a state holds. */
#include "chain/chain_runtime.h"

#include "util/bytes.h"
#include "util/endian.h"
#include "util/error.h"

static const char key_pending_code[] = ":pending_code", key_code[] = ":code",
                  key_heap_pages[] = ":heappages";

/* Largest heap there can be, in pages. */
#define MAX_PAGES 65536u

void subx_chain_runtime__init(struct subx_chain_runtime *runtime, subx_executor *executor,
                              const subx_runtime_options *options, bool authors)
{
    *runtime = (struct subx_chain_runtime){
        .executor = executor,
        .options = *options,
        .authors = authors,
        .code = SUBX_BYTES_INIT,
    };
}

void subx_chain_runtime__free(struct subx_chain_runtime *runtime)
{
    subx_runtime_free(runtime->runtime);
    runtime->runtime = NULL;
    subx_bytes_free(&runtime->code);
}

bool subx_chain_runtime__is_key(subx_slice key)
{
    return subx_slice__equal(key, subx_slice__text(key_code)) ||
           subx_slice__equal(key, subx_slice__text(key_pending_code)) ||
           subx_slice__equal(key, subx_slice__text(key_heap_pages));
}

/* ---- What the state says ---- */

static subx_status read_code(subx_state *state, subx_bytes *code, subx_error *error)
{
    bool found = false;
    subx_status status =
        subx_state_get(state, NULL, subx_slice__text(key_pending_code), &found, code, error);
    if (status == SUBX_OK && !found)
        status = subx_state_get(state, NULL, subx_slice__text(key_code), &found, code, error);
    if (status == SUBX_OK && !found)
        return subx_error__set(error, SUBX_CODE_NOT_FOUND, "the state has no key :code");
    return status;
}

/* A node runs a block that it imports with twice the heap of other calls. */
static subx_heap doubled(subx_heap heap)
{
    const bool unlimited = heap.kind == SUBX_HEAP_DYNAMIC && heap.pages == 0;
    if (!unlimited)
        heap.pages = heap.pages < MAX_PAGES / 2 ? 2 * heap.pages : MAX_PAGES;
    return heap;
}

/* The heap for blocks. `:heappages` counts if it holds a u64; more bytes after it do no harm. */
static subx_status read_heap(subx_state *state, subx_heap on_chain, bool authors, subx_heap *heap,
                             subx_error *error)
{
    bool found = false;
    subx_bytes value = SUBX_BYTES_INIT;
    const subx_status status =
        subx_state_get(state, NULL, subx_slice__text(key_heap_pages), &found, &value, error);
    if (status == SUBX_OK && found && value.len >= sizeof(uint64_t))
        on_chain = (subx_heap){SUBX_HEAP_STATIC, (uint32_t)subx_load_u64(value.data)};
    subx_bytes_free(&value);
    *heap = authors ? on_chain : doubled(on_chain);
    return status;
}

/* ---- Making it ---- */

/* Whether the code computes state roots of a version that it chooses: without that it is version 0,
 * which all runtimes were before there were versions. */
static bool chooses_version(const subx_code *code)
{
    const subx_slice prefix = subx_slice__text("ext_storage_root_version_");
    const subx_slice first = subx_slice__text("ext_storage_root_version_1");
    for (size_t i = 0; i < subx_code_import_count(code); i++) {
        const subx_slice name = subx_code_import(code, i).name;
        if (subx_slice__starts_with(name, prefix) && !subx_slice__equal(name, first))
            return true;
    }
    return false;
}

static subx_status ask(subx_runtime *runtime, subx_version *version, subx_error *error)
{
    subx_bytes scale = SUBX_BYTES_INIT;
    subx_status status =
        subx_runtime_call(runtime, "Core_version", SUBX_EMPTY, NULL, &scale, error);
    if (status == SUBX_OK)
        status = subx_version_decode((subx_slice){scale.data, scale.len}, version, error);
    subx_bytes_free(&scale);
    return status;
}

/* `runtime` may be NULL: one is made if there is no other way. */
static subx_status state_version_of(subx_executor *executor, const subx_code *code,
                                    subx_runtime *runtime, const subx_runtime_options *options,
                                    uint8_t *state_version, subx_error *error)
{
    subx_version version = SUBX_VERSION_INIT;
    subx_runtime *own = NULL;
    bool found = false;
    *state_version = 0;
    subx_status status = subx_code_version(code, &version, &found, error);
    if (status == SUBX_OK && !found && chooses_version(code)) {
        if (runtime == NULL)
            status = subx_runtime_get(executor, code, options, &own, error);
        if (status == SUBX_OK)
            status = ask(runtime != NULL ? runtime : own, &version, error);
    }
    if (status == SUBX_OK)
        *state_version = version.state_version > 0 ? 1 : 0;
    subx_version_free(&version);
    subx_runtime_free(own);
    return status;
}

subx_status subx_chain_runtime__state_version(subx_executor *executor, const subx_code *code,
                                              const subx_runtime_options *options,
                                              uint8_t *state_version, subx_error *error)
{
    return state_version_of(executor, code, NULL, options, state_version, error);
}

static subx_status make(struct subx_chain_runtime *runtime, subx_slice bytes, subx_error *error)
{
    subx_code *code = NULL;
    subx_runtime_options options = runtime->options;
    options.heap = runtime->heap;
    subx_status status = subx_code_load(bytes, options.max_code_size, &code, error);
    if (status == SUBX_OK)
        status = subx_runtime_get(runtime->executor, code, &options, &runtime->runtime, error);
    if (status == SUBX_OK)
        status = state_version_of(runtime->executor, code, runtime->runtime, &options,
                                  &runtime->state_version, error);
    subx_code_free(code);
    return status;
}

static bool is_same(const struct subx_chain_runtime *runtime, const subx_bytes *code,
                    subx_heap heap)
{
    return runtime->runtime != NULL && heap.kind == runtime->heap.kind &&
           heap.pages == runtime->heap.pages &&
           subx_slice__equal((subx_slice){code->data, code->len},
                             (subx_slice){runtime->code.data, runtime->code.len});
}

/* Load the runtime of a state into `next`, unless `current` is made of the same. */
static subx_status load_next(const struct subx_chain_runtime *current, subx_state *state,
                             struct subx_chain_runtime *next, bool *same, subx_error *error)
{
    subx_chain_runtime__init(next, current->executor, &current->options, current->authors);
    subx_status status = read_code(state, &next->code, error);
    if (status == SUBX_OK)
        status = read_heap(state, current->options.heap, current->authors, &next->heap, error);
    *same = status == SUBX_OK && is_same(current, &next->code, next->heap);
    if (status == SUBX_OK && !*same)
        status = make(next, (subx_slice){next->code.data, next->code.len}, error);
    if (status != SUBX_OK || *same)
        subx_chain_runtime__free(next);
    return status;
}

static void run(struct subx_chain_load *load)
{
    subx_error_clear(&load->error);
    load->status = load_next(load->current, load->state, &load->next, &load->is_same, &load->error);
}

static void *run_on_thread(void *load)
{
    run(load);
    return NULL;
}

bool subx_chain_load__start(struct subx_chain_load *load, const struct subx_chain_runtime *current,
                            subx_state *state)
{
    load->current = current;
    load->state = state;
    load->runs = pthread_create(&load->thread, NULL, run_on_thread, load) == 0;
    return load->runs;
}

static void wait_for(struct subx_chain_load *load)
{
    (void)pthread_join(load->thread, NULL);
    load->runs = false;
}

subx_status subx_chain_load__finish(struct subx_chain_load *load,
                                    struct subx_chain_runtime *runtime, subx_state *state,
                                    subx_error *error)
{
    if (load->runs) {
        wait_for(load);
    } else {
        load->current = runtime;
        load->state = state;
        run(load);
    }
    if (load->status == SUBX_OK && load->is_same)
        return SUBX_OK;
    subx_chain_runtime__free(runtime);
    if (load->status == SUBX_OK) {
        *runtime = load->next;
        return SUBX_OK;
    }
    if (error != NULL && error->status == SUBX_OK)
        *error = load->error;
    return load->status;
}

void subx_chain_load__drop(struct subx_chain_load *load)
{
    if (!load->runs)
        return;
    wait_for(load);
    if (load->status == SUBX_OK && !load->is_same)
        subx_chain_runtime__free(&load->next);
}
