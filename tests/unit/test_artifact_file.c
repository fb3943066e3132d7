/* Artifacts that are looked at and written as files, and the code that is found in them. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "blob/artifact.h"
#include "blob/code.h"
#include "guests.h"
#include "util/mem.h"

static char folder[] = "test_artifact_file.XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    (void)state;
    (void)unlink("written");
    (void)unlink("open");
    return chdir("..") != 0 || rmdir(folder) != 0;
}

static subx_slice slice(const subx_bytes *bytes)
{
    return subx_slice__of(bytes->data, bytes->len);
}

/* ---- Code from artifacts ---- */

static void code_inside_is_found(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("basic"), &options);
    subx_code *plain = NULL, *inside = NULL;
    assert_int_equal(subx_code_load(guest_wasm("basic"), 0, &plain, NULL), SUBX_OK);
    assert_int_equal(subx_code_load(slice(&artifact), 0, &inside, NULL), SUBX_OK);
    const subx_code_info a = subx_code_info_of(plain), b = subx_code_info_of(inside);
    assert_int_equal(a.container, SUBX_CODE_PLAIN);
    assert_int_equal(b.container, SUBX_CODE_ARTIFACT);
    assert_int_equal(a.stored_size, b.stored_size);
    assert_int_equal(a.wasm_size, b.wasm_size);
    assert_false(b.compressed);
    assert_memory_equal(a.hash, b.hash, sizeof a.hash);
    assert_true(subx_slice__equal(subx_code_wasm(plain), subx_code_wasm(inside)));
    subx_code_free(plain);
    subx_code_free(inside);
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

/* The guest as chains have it: the prefix and a zstd frame. */
static subx_bytes compressed_guest(const char *name)
{
    static const uint8_t prefix[8] = {0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05};
    const subx_slice wasm = guest_wasm(name);
    const size_t bound = ZSTD_compressBound(wasm.len);
    subx_bytes out = {subx_mem__alloc(sizeof prefix + bound), 0};
    assert_non_null(out.data);
    memcpy(out.data, prefix, sizeof prefix);
    const size_t len = ZSTD_compress(out.data + sizeof prefix, bound, wasm.data, wasm.len, 1);
    assert_false(ZSTD_isError(len));
    out.len = sizeof prefix + len;
    return out;
}

static void compressed_code_inside_keeps_its_hash(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_bytes stored = compressed_guest("basic");
    subx_bytes artifact = prepare(executor, slice(&stored), &options);
    subx_code *before = NULL, *inside = NULL;
    assert_int_equal(subx_code_load(slice(&stored), 0, &before, NULL), SUBX_OK);
    assert_int_equal(subx_code_load(slice(&artifact), 0, &inside, NULL), SUBX_OK);
    const subx_code_info a = subx_code_info_of(before), b = subx_code_info_of(inside);
    assert_true(b.compressed);
    assert_int_equal(b.stored_size, stored.len);
    assert_memory_equal(a.hash, b.hash, sizeof a.hash);
    assert_true(subx_slice__equal(subx_code__stored(inside), slice(&stored)));
    subx_code_free(before);
    subx_code_free(inside);
    subx_bytes_free(&artifact);
    subx_bytes_free(&stored);
    subx_executor_free(executor);
}

static void expect_no_code(subx_slice bytes, size_t max_size, subx_status status, const char *part)
{
    subx_code *code = NULL;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status got = subx_code_load(bytes, max_size, &code, &error);
    if (got != status || strstr(error.message, part) == NULL)
        fail_msg("%s: %s, where %s with '%s' is expected", subx_status_name(got), error.message,
                 subx_status_name(status), part);
    assert_null(code);
}

static void damage_is_found(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("basic"), &options);
    const struct {
        size_t at;
        const char *message;
    } places[] = {
        {0, "checksum of the compiled code"},
        {artifact.len - SUBX_ARTIFACT_TRAILER_SIZE - 1, "checksum of the original code"},
        {artifact.len - SUBX_ARTIFACT_TRAILER_SIZE + 20, "trailer's checksum"},
        {artifact.len - 1, "trailer's checksum"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        artifact.data[places[i].at] ^= 0x10;
        expect_no_code(slice(&artifact), 0, SUBX_ARTIFACT, places[i].message);
        artifact.data[places[i].at] ^= 0x10;
    }
    /* cut off at the front, and too large for the caller */
    expect_no_code(subx_slice__of(artifact.data + 1, artifact.len - 1), 0, SUBX_ARTIFACT,
                   "damaged artifact");
    expect_no_code(slice(&artifact), 100, SUBX_TOO_LARGE, "the bound is 100");
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

/* An artifact with sound checksums around anything. */
static subx_bytes forge(subx_slice stored, bool right_hash)
{
    struct subx_artifact artifact = {.payload = LITERAL("compiled"), .engine_version = "none"};
    if (right_hash) {
        subx_code *code = NULL;
        if (subx_code_load(stored, 0, &code, NULL) == SUBX_OK)
            memcpy(artifact.code_hash, subx_code_info_of(code).hash, sizeof artifact.code_hash);
        subx_code_free(code);
    }
    subx_bytes file = SUBX_BYTES_INIT;
    assert_int_equal(subx_artifact__write(&artifact, stored, &file, NULL), SUBX_OK);
    return file;
}

static void forged_contents_are_refused(void **state)
{
    (void)state;
    const subx_slice wasm = guest_wasm("basic");
    subx_bytes good = forge(wasm, true), wrong_hash = forge(wasm, false);
    subx_code *code = NULL;
    assert_int_equal(subx_code_load(slice(&good), 0, &code, NULL), SUBX_OK);
    subx_code_free(code);
    expect_no_code(slice(&wrong_hash), 0, SUBX_ARTIFACT, "not the one that its hash says");
    /* an artifact in an artifact is no code */
    subx_bytes twice = forge(slice(&good), false);
    expect_no_code(slice(&twice), 0, SUBX_ARTIFACT, "not the one that its hash says");
    subx_bytes_free(&good);
    subx_bytes_free(&wrong_hash);
    subx_bytes_free(&twice);
}

static void failed_allocations_leave_nothing(void **state)
{
    (void)state;
    subx_bytes artifact = forge(guest_wasm("basic"), true);
    subx_code *code = NULL;
    subx_status status = SUBX_NOMEM;
    for (int64_t i = 0; status != SUBX_OK; i++) {
        assert_true(i < 1000);
        subx_mem__fail_after(i);
        status = subx_code_load(slice(&artifact), 0, &code, NULL);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || (status == SUBX_NOMEM && code == NULL));
    }
    subx_code_free(code);
    subx_bytes_free(&artifact);
}

/* ---- What they are made for ---- */

static void expect_fit(subx_executor *executor, subx_slice artifact,
                       const subx_runtime_options *options, const char *reason)
{
    subx_artifact_info info;
    assert_int_equal(subx_artifact_inspect(executor, artifact, options, &info, NULL), SUBX_OK);
    assert_int_equal(info.fits, reason == NULL);
    if (reason == NULL)
        assert_string_equal(info.reason, "");
    else if (strstr(info.reason, reason) == NULL)
        fail_msg("'%s' lacks '%s'", info.reason, reason);
}

static void facts_are_told(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RECREATE_COW);
    subx_bytes artifact = prepare(executor, guest_wasm("basic"), &options);
    subx_code *code = NULL;
    assert_int_equal(subx_code_load(guest_wasm("basic"), 0, &code, NULL), SUBX_OK);
    subx_artifact_info info;
    assert_int_equal(subx_artifact_inspect(executor, slice(&artifact), NULL, &info, NULL), SUBX_OK);
    assert_int_equal(info.size, artifact.len);
    assert_int_equal(info.size, info.compiled_size + info.code_size + SUBX_ARTIFACT_TRAILER_SIZE);
    assert_memory_equal(info.code_hash, subx_code_info_of(code).hash, 32);
    assert_string_equal(info.engine_version, subx_engine_version());
    assert_true(info.fits);
    subx_code_free(code);
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

static void fit_depends_on_options(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("basic"), &options);
    const subx_slice bytes = slice(&artifact);
    expect_fit(executor, bytes, &options, NULL);
    options.strategy = SUBX_STRATEGY_POOLING_COW;
    options.heap = (subx_heap){SUBX_HEAP_DYNAMIC, 0};
    expect_fit(executor, bytes, &options, NULL);
    options.canonicalize_nans = true;
    expect_fit(executor, bytes, &options, "it was made for other options");
    options.canonicalize_nans = false;
    options.stack_logical_max = 65536;
    expect_fit(executor, bytes, &options, "it was made for other options");
    options.stack_logical_max = 0;
    options.strategy = SUBX_STRATEGY_RECREATE;
    expect_fit(executor, bytes, &options, "it was made for other options");
    subx_bytes_free(&artifact);

    subx_bytes foreign = forge(guest_wasm("basic"), true);
    expect_fit(executor, slice(&foreign), NULL, "another version of the engine");
    subx_bytes_free(&foreign);
    subx_executor_free(executor);
}

static void what_is_no_artifact_is_refused(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_artifact_info info;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_artifact_inspect(executor, guest_wasm("basic"), NULL, &info, &error),
                     SUBX_ARTIFACT);
    assert_int_equal(subx_artifact_inspect(executor, SUBX_EMPTY, NULL, &info, NULL), SUBX_ARTIFACT);
    assert_int_equal(subx_artifact_write_file(guest_wasm("basic"), "no-artifact", NULL),
                     SUBX_ARTIFACT);
    assert_int_equal(access("no-artifact", F_OK), -1);
    subx_executor_free(executor);
}

/* ---- Files ---- */

static void expect_file_fit(subx_executor *executor, const char *path, const char *reason)
{
    subx_artifact_info info;
    assert_int_equal(subx_artifact_inspect_file(executor, path, NULL, &info, NULL), SUBX_OK);
    assert_int_equal(info.fits, reason == NULL);
    if (reason != NULL && strstr(info.reason, reason) == NULL)
        fail_msg("'%s' lacks '%s'", info.reason, reason);
}

static void written_file_is_trusted_whatever_the_umask(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("basic"), &options);
    static const mode_t masks[] = {0, 022, 077};
    static const mode_t modes[] = {0644, 0644, 0600};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        const mode_t old = umask(masks[i]);
        const subx_status status = subx_artifact_write_file(slice(&artifact), "written", NULL);
        umask(old);
        struct stat facts;
        assert_int_equal(status, SUBX_OK);
        assert_int_equal(stat("written", &facts), 0);
        assert_int_equal(facts.st_mode & 07777, modes[i]);
        expect_file_fit(executor, "written", NULL);
    }
    subx_runtime *runtime = NULL;
    assert_int_equal(subx_runtime_load_file(executor, "written", &options, &runtime, NULL),
                     SUBX_OK);
    expect_output(runtime, "echo", LITERAL("abc"), LITERAL("abc"));
    subx_runtime_free(runtime);
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

static void file_for_others_to_write_is_not_trusted(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_bytes artifact = prepare(executor, guest_wasm("basic"), &options);
    assert_int_equal(subx_artifact_write_file(slice(&artifact), "open", NULL), SUBX_OK);
    assert_int_equal(chmod("open", 0666), 0);
    expect_file_fit(executor, "open", "it cannot be trusted: its mode 666 lets others write it");
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_runtime_load_file(executor, "open", &options, &runtime, &error),
                     SUBX_ARTIFACT);
    assert_non_null(strstr(error.message, "its mode 666 lets others write it"));
    /* the code inside is Wasm like any other */
    subx_code *code = NULL;
    assert_int_equal(subx_code_load_file("open", 0, &code, NULL), SUBX_OK);
    subx_code_free(code);
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

static void files_that_cannot_be_had(void **state)
{
    (void)state;
    subx_executor *executor = new_executor();
    subx_bytes artifact = forge(guest_wasm("basic"), true);
    subx_artifact_info info;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_artifact_inspect_file(executor, "nowhere", NULL, &info, &error), SUBX_IO);
    assert_string_equal(error.message, "nowhere: No such file or directory");
    subx_error_clear(&error);
    assert_int_equal(subx_artifact_write_file(slice(&artifact), "no/where", &error), SUBX_IO);
    assert_string_equal(error.message, "no/where: No such file or directory");
    subx_error_clear(&error);
    assert_int_equal(subx_artifact_write_file(slice(&artifact), ".", &error), SUBX_IO);
    assert_string_equal(error.message, ".: is a directory");
    subx_bytes_free(&artifact);
    subx_executor_free(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_inside_is_found),
        cmocka_unit_test(compressed_code_inside_keeps_its_hash),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(forged_contents_are_refused),
        cmocka_unit_test(failed_allocations_leave_nothing),
        cmocka_unit_test(facts_are_told),
        cmocka_unit_test(fit_depends_on_options),
        cmocka_unit_test(what_is_no_artifact_is_refused),
        cmocka_unit_test(written_file_is_trusted_whatever_the_umask),
        cmocka_unit_test(file_for_others_to_write_is_not_trusted),
        cmocka_unit_test(files_that_cannot_be_had),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
