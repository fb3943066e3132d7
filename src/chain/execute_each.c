/* Blocks that are there, in the steps of their authors: inherents checked, extrinsic by extrinsic. */
#include "chain/block.h"
#include "chain/builder.h"
#include "chain/execute.h"
#include "codec/scale.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mem.h"

static const subx_call_options default_call = SUBX_CALL_OPTIONS_INIT;

/* ---- Inherents ---- */

/* okay ‖ fatal ‖ map of errors */
static subx_status take_check(subx_bytes *answer, subx_inherent_check *check, subx_error *error)
{
    if (answer->len < 3 || answer->data[0] > 1 || answer->data[1] > 1)
        return subx_error__set(
            error, SUBX_INVALID_RETURN,
            "BlockBuilder_check_inherents: the %zu bytes that it answered are no "
            "result of a check",
            answer->len);
    check->errors.data = subx_mem__copy(answer->data + 2, answer->len - 2);
    if (check->errors.data == NULL)
        return subx_error__nomem(error);
    check->errors.len = answer->len - 2;
    check->okay = answer->data[0] == 1;
    check->fatal = answer->data[1] == 1;
    return SUBX_OK;
}

static subx_status check_inherents(subx_runtime *runtime, const subx_block *block,
                                   const subx_inherent *inherents, size_t count,
                                   const subx_call_options *options, subx_inherent_check *check,
                                   subx_error *error)
{
    struct subx_buf input = SUBX_BUF_INIT;
    subx_bytes unsealed = SUBX_BYTES_INIT, answer = SUBX_BYTES_INIT;
    subx_status status = subx_block_unsealed(block, &unsealed, error);
    subx_buf__append(&input, unsealed.data, unsealed.len);
    if (status == SUBX_OK)
        status = subx_builder__append_inherents(&input, inherents, count, error);
    if (status == SUBX_OK)
        status = subx_builder__call_and_undo(runtime, "BlockBuilder_check_inherents",
                                             subx_buf__slice(&input), options, &answer, error);
    if (status == SUBX_OK)
        status = take_check(&answer, check, error);
    subx_bytes_free(&answer);
    subx_bytes_free(&unsealed);
    subx_buf__free(&input);
    return status;
}

subx_status subx_block_check_inherents(subx_runtime *runtime, subx_changes *changes,
                                       const subx_block *block, const subx_inherent *inherents,
                                       size_t count, const subx_call_options *options,
                                       subx_inherent_check *check, subx_error *error)
{
    SUBX_CHECK_ARG(check != NULL, error);
    *check = (subx_inherent_check){false, false, SUBX_BYTES_INIT};
    SUBX_CHECK_ARG(runtime != NULL && changes != NULL && block != NULL, error);
    SUBX_CHECK_ARG(inherents != NULL || count == 0, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    subx_call_options own = options != NULL ? *options : default_call;
    own.changes = changes;
    const subx_status status =
        check_inherents(runtime, block, inherents, count, &own, check, error);
    return status == SUBX_OK ? SUBX_OK : subx_chain__name_block(block, status, error);
}

/* ---- Execution ---- */

/* The items that an author begins with: the runtime adds the others itself. */
static subx_status begin(subx_runtime *runtime, subx_changes *changes, const subx_block *block,
                         const subx_call_options *call, subx_builder **out, subx_error *error)
{
    const subx_header *header = subx_block_header(block);
    subx_build_options options = SUBX_BUILD_OPTIONS_INIT;
    subx_slice *digest = subx_mem__calloc(header->digest_count, sizeof *digest);
    if (digest == NULL)
        return subx_error__nomem(error);
    for (size_t i = 0; i < header->digest_count; i++)
        if (block->items[i].kind == SUBX_DIGEST_PRE_RUNTIME)
            digest[options.digest_count++] = block->items[i].encoded;
    memcpy(options.parent_hash, header->parent_hash, 32);
    options.number = header->number;
    options.digest = digest;
    options.call = call;
    const subx_status status = subx_builder__begin(runtime, changes, &options, out, error);
    subx_mem__free(digest);
    return status;
}

static subx_status apply_all(subx_builder *builder, const subx_block *block,
                             subx_applied_visitor visit, void *data, subx_error *error)
{
    for (size_t i = 0; i < block->extrinsic_count; i++) {
        subx_applied applied;
        subx_status status = subx_builder__apply(builder, block->extrinsics[i], &applied, error);
        if (status == SUBX_OK && visit != NULL)
            status = visit(data, i, &applied);
        if (status == SUBX_OK && applied.kind == SUBX_APPLIED_INVALID)
            status = subx_error__set(error, SUBX_OTHER, "extrinsic %zu: not valid: %s", i,
                                     applied.reason);
        if (status != SUBX_OK)
            return status;
    }
    return SUBX_OK;
}

static subx_status different_hash(subx_status status, const char *what, const uint8_t found[32],
                                  const uint8_t expected[32], subx_error *error)
{
    return subx_error__set(error, status, "the %s is %s, the header has %s", what,
                           subx_chain__hash_text(found).text, subx_chain__hash_text(expected).text);
}

/* The block that was built against the one that there is, without its seals. */
static subx_status compare(const subx_block *built, const subx_block *block, subx_error *error)
{
    const subx_header *found = &built->header.fields, *expected = &block->header.fields;
    const size_t count = expected->digest_count - expected->seal_count;
    if (memcmp(found->extrinsics_root, expected->extrinsics_root, 32) != 0)
        return different_hash(SUBX_OTHER, "extrinsics root", found->extrinsics_root,
                              expected->extrinsics_root, error);
    for (size_t i = 0; i < found->digest_count && i < count; i++)
        if (!subx_slice__equal(built->items[i].encoded, block->items[i].encoded))
            return subx_error__set(error, SUBX_OTHER, "the header has another digest item %zu", i);
    if (found->digest_count != count)
        return subx_error__set(error, SUBX_OTHER,
                               "there are %zu digest items, the header has %zu besides its seals",
                               found->digest_count, count);
    if (memcmp(found->state_root, expected->state_root, 32) != 0)
        return different_hash(SUBX_INVALID_STATE_ROOT, "state root", found->state_root,
                              expected->state_root, error);
    return SUBX_OK;
}

subx_status subx_chain__execute_each(subx_runtime *runtime, subx_changes *changes,
                                     const subx_block *block, const subx_call_options *options,
                                     subx_applied_visitor visit, void *data, uint8_t root[32],
                                     subx_error *error)
{
    subx_builder *builder = NULL;
    subx_block *built = NULL;
    subx_status status = begin(runtime, changes, block, options, &builder, error);
    if (status == SUBX_OK)
        status = apply_all(builder, block, visit, data, error);
    if (status == SUBX_OK)
        status = subx_builder__finish(builder, &built, error);
    if (status == SUBX_OK)
        status = compare(built, block, error);
    if (status == SUBX_OK)
        memcpy(root, builder->root, 32);
    subx_block_free(built);
    subx_builder_free(builder);
    return status;
}

subx_status subx_block_execute_each(subx_runtime *runtime, subx_changes *changes,
                                    const subx_block *block, const subx_call_options *options,
                                    subx_applied_visitor visit, void *data, uint8_t *root,
                                    subx_error *error)
{
    SUBX_CHECK_ARG(runtime != NULL && changes != NULL && block != NULL, error);
    SUBX_CHECK_ARG(options == NULL || options->struct_size == sizeof *options, error);
    uint8_t own_root[32] = {0};
    const subx_status status =
        subx_chain__execute_each(runtime, changes, block, options != NULL ? options : &default_call,
                                 visit, data, own_root, error);
    if (status != SUBX_OK)
        return subx_chain__name_block(block, status, error);
    if (root != NULL)
        memcpy(root, own_root, sizeof own_root);
    return SUBX_OK;
}
