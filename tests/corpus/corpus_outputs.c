/*
 * A real runtime gives the same bytes however it is run: with each strategy, from code and from an artifact, with and
 * without the stack limiter.
 *
 *     corpus_outputs CODE [METHOD HASH]...
 *
 * calls Core_version and Metadata_metadata; HASH, if the reference's is known, is the BLAKE2b-256 of METHOD's output.
 * The exit status is 1 for the first difference.
 */
#include <subexec/subexec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

enum { METHODS = 2 };

static const char *const methods[METHODS] = {"Core_version", "Metadata_metadata"};

/* BLAKE2b-256 of the outputs, as hex. */
struct outputs {
    char hashes[METHODS][65];
    size_t sizes[METHODS];
    bool known[METHODS];
};

static void stop(const char *where, const char *what)
{
    fprintf(stderr, "%s: %s\n", where, what);
    exit(1);
}

static void must(subx_status status, const char *where, const subx_error *error)
{
    if (status != SUBX_OK)
        stop(where, error->message);
}

static void hash_text(subx_slice bytes, char text[65])
{
    uint8_t hash[32];
    subx_hash__blake2b_256(bytes, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

/* Call each method twice, the second time on an instance that was used if there is one. */
static void check_calls(subx_runtime *runtime, const char *where, struct outputs *expected)
{
    for (int i = 0; i < 2 * METHODS; i++) {
        const int method = i % METHODS;
        subx_bytes output = SUBX_BYTES_INIT;
        subx_error error = SUBX_ERROR_INIT;
        char text[65];
        must(subx_runtime_call(runtime, methods[method], SUBX_EMPTY, NULL, &output, &error), where,
             &error);
        hash_text((subx_slice){output.data, output.len}, text);
        if (!expected->known[method]) {
            memcpy(expected->hashes[method], text, sizeof text);
            expected->known[method] = true;
        }
        expected->sizes[method] = output.len;
        subx_bytes_free(&output);
        if (strcmp(text, expected->hashes[method]) != 0) {
            fprintf(stderr, "%s: %s: the output's hash is %s, not %s\n", where, methods[method],
                    text, expected->hashes[method]);
            exit(1);
        }
    }
}

static void check_runtime(subx_runtime *runtime, const subx_runtime_options *options,
                          const char *origin, struct outputs *expected)
{
    char where[100];
    snprintf(where, sizeof where, "%s from %s, %s the limiter",
             subx_strategy_name(options->strategy), origin,
             options->stack_logical_max == 0 ? "without" : "with");
    if (subx_runtime_strategy(runtime) != options->strategy)
        stop(where, "another strategy is used");
    check_calls(runtime, where, expected);
    subx_runtime_free(runtime);
}

/* From code and from an artifact; one artifact serves all strategies that agree on copy-on-write. */
static void check_strategy(subx_executor *executor, const subx_code *code,
                           const subx_runtime_options *options, subx_bytes *artifact,
                           struct outputs *expected)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_runtime *runtime = NULL;
    must(subx_runtime_new(executor, code, options, &runtime, &error), "code", &error);
    check_runtime(runtime, options, "code", expected);
    if (artifact->data == NULL)
        must(subx_artifact_prepare(executor, code, options, artifact, &error), "artifact", &error);
    must(subx_runtime_load(executor, (subx_slice){artifact->data, artifact->len}, options, &runtime,
                           &error),
         "artifact", &error);
    check_runtime(runtime, options, "an artifact", expected);
}

static void check_code(const subx_code *code, struct outputs *expected)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    must(subx_executor_new(NULL, &executor, &error), "executor", &error);
    for (int limited = 0; limited < 2; limited++) {
        subx_bytes artifacts[2] = {SUBX_BYTES_INIT, SUBX_BYTES_INIT};
        for (int i = 0; i < SUBX_STRATEGY_COUNT; i++) {
            subx_runtime_options options = SUBX_RUNTIME_OPTIONS_INIT;
            options.allow_missing_imports = true;
            options.recompile_mismatched = false;
            options.strategy = (subx_strategy)i;
            options.stack_logical_max = limited ? 65536 : 0;
            const bool copies = i == SUBX_STRATEGY_RECREATE || i == SUBX_STRATEGY_POOLING;
            check_strategy(executor, code, &options, &artifacts[copies], expected);
        }
        subx_bytes_free(&artifacts[0]);
        subx_bytes_free(&artifacts[1]);
    }
    subx_executor_free(executor);
}

static void read_known(int argc, char **argv, struct outputs *expected)
{
    for (int i = 2; i + 1 < argc; i += 2)
        for (int method = 0; method < METHODS; method++)
            if (strcmp(argv[i], methods[method]) == 0) {
                snprintf(expected->hashes[method], sizeof expected->hashes[method], "%s",
                         argv[i + 1]);
                expected->known[method] = true;
            }
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc % 2 != 0) {
        fputs("usage: corpus_outputs CODE [METHOD HASH]...\n", stderr);
        return 2;
    }
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    struct outputs expected = {.known = {false}};
    read_known(argc, argv, &expected);
    must(subx_code_load_file(argv[1], 0, &code, &error), argv[1], &error);
    check_code(code, &expected);
    subx_code_free(code);
    for (int i = 0; i < METHODS; i++)
        printf("%s: %zu bytes, %s\n", methods[i], expected.sizes[i], expected.hashes[i]);
    return 0;
}
