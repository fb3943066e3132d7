/*
 * Building a block: what a node does that authors (spec/host-api.md section 5, rows 3 and 5 to 8).
 *
 *   Core_version ─► Core_initialize_block ─► BlockBuilder_inherent_extrinsics (undone)
 *                ─► BlockBuilder_apply_extrinsic, each in a transaction ─► BlockBuilder_finalize_block
 */
#include "chain/builder.h"

#include <stdlib.h>

#include "chain/applied.h"
#include "chain/block.h"
#include "chain/execute.h"
#include "codec/scale.h"
#include "crypto/hash.h"
#include "platform/monotonic.h"
#include "storage/changes.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

/* Identifiers of APIs, of the names Core and BlockBuilder. */
static const uint8_t core_id[8] = {0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b};
static const uint8_t block_builder_id[8] = {0x40, 0xfe, 0x3a, 0xd4, 0x01, 0xf8, 0x95, 0x9a};

/* First version of Core whose initialize_block answers which extrinsics it wants. */
enum { INCLUSION_MODE = 5 };

static subx_slice slice_of(const subx_bytes *bytes)
{
    return (subx_slice){bytes->data, bytes->len};
}

static subx_status bad_answer(const char *method, const subx_bytes *answer, const char *what,
                              subx_error *error)
{
    return subx_error__set(error, SUBX_INVALID_RETURN, "%s: the %zu bytes that it answered are %s",
                           method, answer->len, what);
}

static subx_status name_block(const subx_builder *builder, subx_status status, subx_error *error)
{
    if (status != SUBX_OK)
        subx_error__prefix(error, "block %llu", (unsigned long long)builder->number);
    return status;
}

/* A call on the block's changes; its failure names the method. */
static subx_status call(subx_builder *builder, const char *method, subx_slice input,
                        subx_bytes *output, subx_error *error)
{
    const subx_status status =
        subx_runtime_call(builder->runtime, method, input, &builder->call, output, error);
    if (status != SUBX_OK)
        subx_error__prefix(error, "%s", method);
    return status;
}

subx_status subx_builder__call_and_undo(subx_runtime *runtime, const char *method, subx_slice input,
                                        const subx_call_options *options, subx_bytes *output,
                                        subx_error *error)
{
    *output = (subx_bytes)SUBX_BYTES_INIT;
    subx_status status = subx_changes__start(options->changes, error);
    if (status != SUBX_OK)
        return status;
    status = subx_runtime_call(runtime, method, input, options, output, error);
    (void)subx_changes__rollback(options->changes);
    if (status != SUBX_OK)
        subx_error__prefix(error, "%s", method);
    return status;
}

/* ---- The beginning ---- */

static uint32_t api_version(const subx_version *version, const uint8_t id[8])
{
    for (size_t i = 0; i < version->api_count; i++)
        if (memcmp(version->apis[i].id, id, 8) == 0)
            return version->apis[i].version;
    return 0;
}

static subx_status ask_version(subx_builder *builder, subx_error *error)
{
    subx_bytes answer = SUBX_BYTES_INIT;
    subx_version version = SUBX_VERSION_INIT;
    subx_status status = call(builder, "Core_version", SUBX_EMPTY, &answer, error);
    if (status == SUBX_OK)
        status = subx_version_decode(slice_of(&answer), &version, error);
    if (status == SUBX_OK) {
        builder->core_api = api_version(&version, core_id);
        builder->builder_api = api_version(&version, block_builder_id);
    }
    subx_version_free(&version);
    subx_bytes_free(&answer);
    return status;
}

/* The header that the block begins with: nothing is known of its roots. */
static subx_status append_first_header(const subx_build_options *options, struct subx_buf *buf,
                                       subx_error *error)
{
    struct subx_buf digest = SUBX_BUF_INIT;
    subx_header fields = {.number = options->number};
    subx_status status = SUBX_OK;
    memcpy(fields.parent_hash, options->parent_hash, 32);
    for (size_t i = 0; i < options->digest_count && status == SUBX_OK; i++) {
        struct subx_reader reader = subx_reader__of(options->digest[i]);
        subx_digest_item item;
        status = subx_header__decode_item(&reader, &item, error);
        if (status == SUBX_OK && reader.left > 0)
            status = subx_header__fail(&reader, error, "%zu bytes too many", reader.left);
        if (status != SUBX_OK)
            subx_error__prefix(error, "digest item %zu", i);
        subx_buf__append_slice(&digest, options->digest[i]);
    }
    if (status == SUBX_OK && digest.failed)
        status = subx_error__nomem(error);
    if (status == SUBX_OK)
        subx_header__append(buf, &fields, subx_buf__slice(&digest), options->digest_count);
    subx_buf__free(&digest);
    return status;
}

static subx_status initialize(subx_builder *builder, const subx_build_options *options,
                              subx_error *error)
{
    struct subx_buf header = SUBX_BUF_INIT;
    subx_bytes answer = SUBX_BYTES_INIT;
    subx_status status = append_first_header(options, &header, error);
    if (status == SUBX_OK && header.failed)
        status = subx_error__nomem(error);
    if (status == SUBX_OK)
        status = call(builder, "Core_initialize_block", subx_buf__slice(&header), &answer, error);
    if (status == SUBX_OK && builder->core_api >= INCLUSION_MODE) {
        if (answer.len != 1 || answer.data[0] > 1)
            status = bad_answer("Core_initialize_block", &answer, "no inclusion mode", error);
        else
            builder->only_inherents = answer.data[0] == 1;
    }
    subx_bytes_free(&answer);
    subx_buf__free(&header);
    return status;
}

subx_status subx_builder__begin(subx_runtime *runtime, subx_changes *changes,
                                const subx_build_options *options, subx_builder **out,
                                subx_error *error)
{
    static const subx_call_options call_defaults = SUBX_CALL_OPTIONS_INIT;
    *out = NULL;
    subx_builder *builder = subx_mem__calloc(1, sizeof *builder);
    if (builder == NULL)
        return subx_error__nomem(error);
    builder->runtime = runtime;
    builder->changes = changes;
    builder->call = options->call != NULL ? *options->call : call_defaults;
    builder->call.changes = changes;
    builder->number = options->number;
    memcpy(builder->parent_hash, options->parent_hash, 32);
    subx_status status = ask_version(builder, error);
    if (status == SUBX_OK)
        status = initialize(builder, options, error);
    if (status != SUBX_OK) {
        subx_builder_free(builder);
        return status;
    }
    *out = builder;
    return SUBX_OK;
}

subx_status subx_builder_new(subx_runtime *runtime, subx_changes *changes,
                             const subx_build_options *options, subx_builder **out,
                             subx_error *error)
{
    static const subx_build_options defaults = SUBX_BUILD_OPTIONS_INIT;
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(runtime != NULL && changes != NULL, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    if (options == NULL)
        options = &defaults;
    SUBX_CHECK_ARG(options->call == NULL || options->call->struct_size == sizeof *options->call,
                   error);
    const subx_status status = subx_builder__begin(runtime, changes, options, out, error);
    if (status != SUBX_OK)
        subx_error__prefix(error, "block %llu", (unsigned long long)options->number);
    return status;
}

static void forget_made(subx_builder *builder)
{
    subx_mem__free(builder->made);
    builder->made = NULL;
    builder->made_count = 0;
    subx_bytes_free(&builder->made_bytes);
}

void subx_builder_free(subx_builder *builder)
{
    if (builder == NULL)
        return;
    forget_made(builder);
    subx_buf__free(&builder->body);
    subx_bytes_free(&builder->answer);
    subx_mem__free(builder);
}

bool subx_builder_only_inherents(const subx_builder *builder)
{
    return builder->only_inherents;
}

/* ---- Inherents ---- */

static int by_id(const void *a, const void *b)
{
    const subx_inherent *const *first = a, *const *second = b;
    return memcmp((*first)->id, (*second)->id, sizeof(*first)->id);
}

subx_status subx_builder__append_inherents(struct subx_buf *buf, const subx_inherent *inherents,
                                           size_t count, subx_error *error)
{
    subx_status status = SUBX_OK;
    const subx_inherent **sorted = subx_mem__calloc(count, sizeof *sorted);
    if (sorted == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &inherents[i];
    qsort(sorted, count, sizeof *sorted, by_id);
    subx_scale__append_compact(buf, count);
    for (size_t i = 0; i < count && status == SUBX_OK; i++) {
        if (i > 0 && by_id(&sorted[i - 1], &sorted[i]) == 0)
            status = subx_error__set(error, SUBX_MISUSE, "an inherent's identifier comes twice");
        subx_buf__append(buf, sorted[i]->id, sizeof sorted[i]->id);
        subx_scale__append_bytes(buf, sorted[i]->value);
    }
    subx_mem__free(sorted);
    return status == SUBX_OK && buf->failed ? subx_error__nomem(error) : status;
}

/* List the extrinsics in `made_bytes`. */
static subx_status list_made(subx_builder *builder, subx_error *error)
{
    struct subx_reader reader = subx_reader__of(slice_of(&builder->made_bytes));
    size_t count = 0;
    bool good = subx_scale__count(&reader, 1, &count);
    builder->made = good ? subx_mem__calloc(count, sizeof *builder->made) : NULL;
    if (good && builder->made == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < count && good; i++)
        good = subx_block__take_extrinsic(&reader, &builder->made[i]);
    if (!good || reader.left > 0)
        return bad_answer("BlockBuilder_inherent_extrinsics", &builder->made_bytes,
                          "no list of extrinsics", error);
    builder->made_count = count;
    return SUBX_OK;
}

static subx_status make_inherents(subx_builder *builder, const subx_inherent *inherents,
                                  size_t count, subx_error *error)
{
    struct subx_buf data = SUBX_BUF_INIT;
    if (builder->is_finished)
        return subx_error__set(error, SUBX_MISUSE, "the block is finished");
    subx_status status = subx_builder__append_inherents(&data, inherents, count, error);
    if (status == SUBX_OK)
        status = subx_builder__call_and_undo(builder->runtime, "BlockBuilder_inherent_extrinsics",
                                             subx_buf__slice(&data), &builder->call,
                                             &builder->made_bytes, error);
    if (status == SUBX_OK)
        status = list_made(builder, error);
    subx_buf__free(&data);
    return status;
}

subx_status subx_builder_make_inherents(subx_builder *builder, const subx_inherent *inherents,
                                        size_t count, size_t *made, subx_error *error)
{
    SUBX_CHECK_ARG(made != NULL, error);
    *made = 0;
    SUBX_CHECK_ARG(builder != NULL && (inherents != NULL || count == 0), error);
    forget_made(builder);
    const subx_status status = make_inherents(builder, inherents, count, error);
    if (status != SUBX_OK)
        forget_made(builder);
    *made = builder->made_count;
    return name_block(builder, status, error);
}

subx_slice subx_builder_inherent(const subx_builder *builder, size_t index)
{
    SUBX_CHECK(index < builder->made_count);
    return builder->made[index];
}

/* ---- Extrinsics ---- */

/* System.EventCount: false if the state has no such number. */
static subx_status count_events(subx_builder *builder, bool *known, uint32_t *count,
                                subx_error *error)
{
    uint8_t key[32];
    subx_slice value = SUBX_EMPTY;
    subx_hash__twox_128(subx_slice__text("System"), key);
    subx_hash__twox_128(subx_slice__text("EventCount"), key + 16);
    const subx_status status = subx_changes_get(
        builder->changes, NULL, subx_slice__of(key, sizeof key), known, &value, error);
    *known = status == SUBX_OK && *known && value.len == 4;
    *count = *known ? subx_load_u32(value.data) : 0;
    return status;
}

/* The call, inside of the transaction. */
static subx_status apply_inside(subx_builder *builder, subx_slice extrinsic, subx_applied *applied,
                                subx_error *error)
{
    static const char method[] = "BlockBuilder_apply_extrinsic";
    bool known = false;
    uint32_t before = 0, after = 0;
    subx_status status = count_events(builder, &known, &before, error);
    const uint64_t start = subx_clock__now();
    if (status == SUBX_OK)
        status = call(builder, method, extrinsic, &builder->answer, error);
    applied->time = subx_clock__now() - start;
    if (status != SUBX_OK)
        return status;
    if (!subx_applied__decode(slice_of(&builder->answer), builder->builder_api, applied))
        return bad_answer(method, &builder->answer, "no result of an extrinsic", error);
    /* An extrinsic that is applied leaves one event at least. */
    status = count_events(builder, &applied->events_known, &after, error);
    if (applied->kind != SUBX_APPLIED_INVALID && after >= before)
        applied->events = after - before;
    return status;
}

static subx_status apply(subx_builder *builder, subx_slice extrinsic, subx_applied *applied,
                         subx_error *error)
{
    struct subx_reader reader = subx_reader__of(extrinsic);
    subx_slice whole = SUBX_EMPTY;
    subx_bytes_free(&builder->answer);
    if (!subx_block__take_extrinsic(&reader, &whole) || reader.left > 0)
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "its length in front does not fit its %zu bytes", extrinsic.len);
    /* Room first: what is kept in the changes must be in the block too. */
    if (!subx_buf__reserve(&builder->body, extrinsic.len)) {
        builder->body.failed = false;
        return subx_error__nomem(error);
    }
    subx_status status = subx_changes__start(builder->changes, error);
    if (status != SUBX_OK)
        return status;
    status = apply_inside(builder, extrinsic, applied, error);
    if (status != SUBX_OK || applied->kind == SUBX_APPLIED_INVALID) {
        (void)subx_changes__rollback(builder->changes);
        return status;
    }
    (void)subx_changes__commit(builder->changes);
    subx_buf__append_slice(&builder->body, extrinsic);
    builder->body_count++;
    return SUBX_OK;
}

subx_status subx_builder__apply(subx_builder *builder, subx_slice extrinsic, subx_applied *applied,
                                subx_error *error)
{
    const size_t index = builder->tried++;
    *applied = (subx_applied){.encoded = SUBX_EMPTY};
    const subx_status status = apply(builder, extrinsic, applied, error);
    if (status != SUBX_OK) {
        *applied = (subx_applied){.encoded = SUBX_EMPTY};
        subx_error__prefix(error, "extrinsic %zu", index);
    }
    return status;
}

subx_status subx_builder_apply(subx_builder *builder, subx_slice extrinsic, subx_applied *applied,
                               subx_error *error)
{
    SUBX_CHECK_ARG(applied != NULL, error);
    *applied = (subx_applied){.encoded = SUBX_EMPTY};
    SUBX_CHECK_ARG(builder != NULL && (extrinsic.data != NULL || extrinsic.len == 0), error);
    if (builder->is_finished)
        return subx_error__set(error, SUBX_MISUSE, "block %llu: the block is finished",
                               (unsigned long long)builder->number);
    return name_block(builder, subx_builder__apply(builder, extrinsic, applied, error), error);
}

/* ---- The end ---- */

/* The header that the runtime answered, alone in its bytes and of this block. */
static subx_status check_header(const subx_builder *builder, const subx_bytes *answer,
                                subx_error *error)
{
    static const char method[] = "BlockBuilder_finalize_block";
    struct subx_reader reader = subx_reader__of(slice_of(answer));
    struct subx_header_parts header;
    if (subx_header__decode(&reader, &header, NULL) != SUBX_OK || reader.left > 0)
        return bad_answer(method, answer, "no header", error);
    if (header.fields.number != builder->number ||
        memcmp(header.fields.parent_hash, builder->parent_hash, 32) != 0)
        return bad_answer(method, answer, "the header of another block", error);
    return SUBX_OK;
}

static subx_status put_together(const subx_builder *builder, const subx_bytes *header,
                                subx_block **out, subx_error *error)
{
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_bytes scale = SUBX_BYTES_INIT;
    subx_buf__append_slice(&buf, slice_of(header));
    subx_scale__append_compact(&buf, builder->body_count);
    subx_buf__append_slice(&buf, subx_buf__slice(&builder->body));
    const subx_status status = subx_buf__finish(&buf, &scale, error);
    return status == SUBX_OK ? subx_block__take(&scale, out, error) : status;
}

static subx_status check_root(subx_builder *builder, const subx_block *block, subx_error *error)
{
    const uint8_t *expected = subx_block_header(block)->state_root;
    const subx_status status =
        subx_changes_root(builder->changes, builder->changes->state_version, builder->root, error);
    if (status != SUBX_OK || memcmp(builder->root, expected, 32) == 0)
        return status;
    return subx_error__set(error, SUBX_INVALID_STATE_ROOT,
                           "the state root is %s, the header that the runtime made has %s",
                           subx_chain__hash_text(builder->root).text,
                           subx_chain__hash_text(expected).text);
}

subx_status subx_builder__finish(subx_builder *builder, subx_block **out, subx_error *error)
{
    subx_bytes answer = SUBX_BYTES_INIT;
    subx_block *block = NULL;
    if (builder->is_finished)
        return subx_error__set(error, SUBX_MISUSE, "the block is finished");
    builder->is_finished = true;
    subx_status status = call(builder, "BlockBuilder_finalize_block", SUBX_EMPTY, &answer, error);
    if (status == SUBX_OK)
        status = check_header(builder, &answer, error);
    if (status == SUBX_OK)
        status = put_together(builder, &answer, &block, error);
    if (status == SUBX_OK)
        status = check_root(builder, block, error);
    subx_bytes_free(&answer);
    if (status != SUBX_OK) {
        subx_block_free(block);
        return status;
    }
    builder->header = *subx_block_header(block);
    builder->has_block = true;
    *out = block;
    return SUBX_OK;
}

subx_status subx_builder_finish(subx_builder *builder, subx_block **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(builder != NULL, error);
    return name_block(builder, subx_builder__finish(builder, out, error), error);
}
