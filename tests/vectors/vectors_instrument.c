/*
 * Runs the passes over modules and compares what comes out with what the reference makes of them
 * (README.md in this folder).
 *
 *   vectors-instrument [--driver-dir DIR] [--spec-dir DIR] [--case NAME] [--list] FILE...
 *
 * FILE holds small modules, one JSON object a line, or a JSON list of blobs by name with the length
 * and hash of what each pass leaves. Such a blob is the file NAME in DIR, NAME without "-genesis"
 * and with ".json" for a chain specification.
 */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <subexec/code.h>

#include "blob/passes.h"
#include "util/hex.h"

struct options {
    const char *driver_dir, *spec_dir, *only;
    bool list;
};

struct totals {
    unsigned long passed, failed;
};

/* Which passes a member of a case stands for, and which member holds the bytes before them. */
struct pass_member {
    const char *name;
    const char *before; /* NULL: the input */
    struct subx_passes passes;
};

#define LIMITED(limit) .limit_stack = true, .stack_limit = (limit)
#define EXPORTED .export_memory = true

static const struct pass_member small_members[] = {
    {"reserialized", NULL, {.grammar = SUBX_WASM_STRICT}},
    {"limited_1024", "reserialized", {LIMITED(1024)}},
    {"limited_65536", "reserialized", {LIMITED(65536)}},
    {"exported", "reserialized", {EXPORTED}},
    {"limited_1024_exported", "limited_1024", {LIMITED(1024), EXPORTED}},
    {"exported_no_max", "exported", {EXPORTED, .memory_limits = SUBX_LIMITS_NO_MAX}},
    {"exported_static_2048",
     "exported",
     {EXPORTED, .memory_limits = SUBX_LIMITS_STATIC, .memory_pages = 2048}},
    {"exported_dynamic_4096",
     "exported",
     {EXPORTED, .memory_limits = SUBX_LIMITS_DYNAMIC, .memory_pages = 4096}},
    {"exported_dynamic", "exported", {EXPORTED, .memory_limits = SUBX_LIMITS_UNBOUNDED}},
};

/* Members of a blob's "plain" and "limited_65536", which differ in the stack limiter. */
static const struct pass_member blob_members[] = {
    {"blob", NULL, {.grammar = SUBX_WASM_STRICT}},
    {"memory_exported", NULL, {EXPORTED}},
    {"memory_exported_no_max", NULL, {EXPORTED, .memory_limits = SUBX_LIMITS_NO_MAX}},
    {"memory_exported_static_2048",
     NULL,
     {EXPORTED, .memory_limits = SUBX_LIMITS_STATIC, .memory_pages = 2048}},
    {"memory_exported_dynamic_4096",
     NULL,
     {EXPORTED, .memory_limits = SUBX_LIMITS_DYNAMIC, .memory_pages = 4096}},
    {"memory_exported_dynamic", NULL, {EXPORTED, .memory_limits = SUBX_LIMITS_UNBOUNDED}},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct pass_member *find_member(const struct pass_member *members, size_t count,
                                             const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static bool fail(const char *name, const char *member, const char *what)
{
    printf("FAIL %s: %s: %s\n", name, member, what);
    return false;
}

static bool compare_bytes(const char *name, const char *member, subx_bytes got, subx_slice expected)
{
    if (subx_slice__equal(subx_slice__of(got.data, got.len), expected))
        return true;
    size_t at = 0;
    while (at < got.len && at < expected.len && got.data[at] == expected.data[at])
        at++;
    struct subx_buf what = SUBX_BUF_INIT;
    subx_buf__append_format(&what, "%zu bytes, expected %zu; from offset 0x%zx on: ", got.len,
                            expected.len, at);
    const size_t got_rest = got.len - at < 16 ? got.len - at : 16;
    const size_t expected_rest = expected.len - at < 16 ? expected.len - at : 16;
    subx_hex__append(&what, subx_slice__of(got.data + at, got_rest));
    subx_buf__append_text(&what, ", expected ");
    subx_hex__append(&what, subx_slice__of(expected.data + at, expected_rest));
    subx_buf__append_u8(&what, '\0');
    fail(name, member, what.failed ? "bytes differ" : (const char *)what.data);
    subx_buf__free(&what);
    return false;
}

static bool compare_hash(const char *name, const char *member, subx_slice got,
                         const json_t *expected)
{
    const json_int_t length = json_integer_value(json_object_get(expected, "length"));
    const char *const hash = json_string_value(json_object_get(expected, "sha256"));
    unsigned char digest[crypto_hash_sha256_BYTES];
    char text[2 * sizeof digest + 1];
    char what[256];
    crypto_hash_sha256(digest, got.data, got.len);
    sodium_bin2hex(text, sizeof text, digest, sizeof digest);
    if ((json_int_t)got.len == length && hash != NULL && strcmp(hash, text) == 0)
        return true;
    snprintf(what, sizeof what, "%zu bytes with SHA-256 %s, expected %lld with %s", got.len, text,
             (long long)length, hash == NULL ? "(none)" : hash);
    return fail(name, member, what);
}

/* Compare one outcome with what is expected; `before` are the bytes that "same" stands for. */
static bool compare(const char *name, const char *member, subx_status status,
                    const subx_error *error, subx_bytes got, subx_bytes before,
                    const json_t *expected)
{
    if (json_object_get(expected, "error") != NULL) {
        if (status != SUBX_OK && status != SUBX_NOMEM)
            return true;
        return fail(name, member, status == SUBX_OK ? "no error" : error->message);
    }
    if (status != SUBX_OK)
        return fail(name, member, error->message);
    if (json_is_string(expected) && strcmp(json_string_value(expected), "same") == 0)
        return compare_bytes(name, member, got, subx_slice__of(before.data, before.len));
    if (json_object_get(expected, "sha256") != NULL)
        return compare_hash(name, member, subx_slice__of(got.data, got.len), expected);
    const char *const hex = json_string_value(json_object_get(expected, "ok"));
    subx_bytes bytes = SUBX_BYTES_INIT;
    if (hex == NULL || subx_hex__decode(subx_slice__text(hex), &bytes, NULL) != SUBX_OK)
        return fail(name, member, "the file expects something of an unknown form");
    const bool good = compare_bytes(name, member, got, subx_slice__of(bytes.data, bytes.len));
    subx_bytes_free(&bytes);
    return good;
}

static bool check_small_member(const char *name, const char *member_name, subx_slice input,
                               const json_t *expected)
{
    const struct pass_member *const member =
        find_member(small_members, COUNT(small_members), member_name);
    if (member == NULL)
        return fail(name, member_name, "unknown member");
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes got = SUBX_BYTES_INIT, before = SUBX_BYTES_INIT;
    const subx_status status = subx_passes__apply(input, &member->passes, &got, &error);
    bool good = true;
    if (member->before == NULL) {
        const subx_bytes whole = {(uint8_t *)(uintptr_t)input.data, input.len};
        good = compare(name, member_name, status, &error, got, whole, expected);
    } else {
        const struct pass_member *const earlier =
            find_member(small_members, COUNT(small_members), member->before);
        (void)subx_passes__apply(input, &earlier->passes, &before, NULL);
        good = compare(name, member_name, status, &error, got, before, expected);
    }
    subx_bytes_free(&got);
    subx_bytes_free(&before);
    return good;
}

static bool check_small(const char *name, json_t *object)
{
    const char *const hex = json_string_value(json_object_get(object, "input"));
    subx_bytes input = SUBX_BYTES_INIT;
    if (hex == NULL || subx_hex__decode(subx_slice__text(hex), &input, NULL) != SUBX_OK)
        return fail(name, "input", "missing, or no hex");
    bool good = true;
    const char *member = NULL;
    json_t *expected = NULL;
    unsigned checked = 0;
    json_object_foreach(object, member, expected)
    {
        if (strcmp(member, "name") == 0 || strcmp(member, "input") == 0)
            continue;
        checked++;
        good = check_small_member(name, member, subx_slice__of(input.data, input.len), expected) &&
               good;
    }
    subx_bytes_free(&input);
    return (checked > 0 || fail(name, "input", "nothing is expected of it")) && good;
}

static bool check_blob_pass(const char *name, const char *path, subx_slice wasm,
                            const struct subx_passes *passes, const json_t *expected)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes got = SUBX_BYTES_INIT;
    const subx_status status = subx_passes__apply(wasm, passes, &got, &error);
    const subx_bytes none = SUBX_BYTES_INIT;
    const bool good = compare(name, path, status, &error, got, none, expected);
    subx_bytes_free(&got);
    return good;
}

/* The members of "plain" or "limited_65536". */
static bool check_blob_group(const char *name, const char *group, subx_slice wasm, json_t *members)
{
    bool good = true;
    const char *member_name = NULL;
    json_t *expected = NULL;
    json_object_foreach(members, member_name, expected)
    {
        const struct pass_member *const member =
            find_member(blob_members, COUNT(blob_members), member_name);
        char path[128];
        snprintf(path, sizeof path, "%s/%s", group, member_name);
        if (member == NULL) {
            good = fail(name, path, "unknown member");
            continue;
        }
        struct subx_passes passes = member->passes;
        passes.limit_stack = strcmp(group, "plain") != 0;
        passes.stack_limit = 65536;
        good = check_blob_pass(name, path, wasm, &passes, expected) && good;
    }
    return good;
}

static bool check_blob_member(const char *name, const char *member, subx_slice wasm,
                              json_t *expected)
{
    static const struct subx_passes nothing = {.grammar = SUBX_WASM_STRICT};
    static const struct subx_passes limited = {LIMITED(1024)};
    if (strcmp(member, "wasm") == 0)
        return compare_hash(name, member, wasm, expected);
    if (strcmp(member, "reserialized") == 0)
        return check_blob_pass(name, member, wasm, &nothing, expected);
    if (strcmp(member, "limited_1024") == 0)
        return check_blob_pass(name, member, wasm, &limited, expected);
    if (strcmp(member, "plain") == 0 || strcmp(member, "limited_65536") == 0)
        return check_blob_group(name, member, wasm, expected);
    return fail(name, member, "unknown member");
}

/* Where the blob of that name is; false if there is no such file. */
static bool find_blob(const char *name, const struct options *options, char *path, size_t room)
{
    size_t stem = strlen(name);
    static const char genesis[] = "-genesis";
    if (stem > strlen(genesis) && strcmp(name + stem - strlen(genesis), genesis) == 0)
        stem -= strlen(genesis);
    const char *const dirs[] = {options->driver_dir, options->spec_dir};
    for (size_t i = 0; i < COUNT(dirs); i++) {
        if (dirs[i] == NULL)
            continue;
        snprintf(path, room, "%s/%s", dirs[i], name);
        if (access(path, R_OK) == 0)
            return true;
        snprintf(path, room, "%s/%.*s.json", dirs[i], (int)stem, name);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static bool check_blob(const char *name, json_t *object, const struct options *options)
{
    char path[4096];
    subx_error error = SUBX_ERROR_INIT;
    subx_code *code = NULL;
    if (!find_blob(name, options, path, sizeof path))
        return fail(name, "wasm", "no such blob in --driver-dir or --spec-dir");
    if (subx_code_load_file(path, 0, &code, &error) != SUBX_OK)
        return fail(name, "wasm", error.message);
    bool good = true;
    const char *member = NULL;
    json_t *expected = NULL;
    json_object_foreach(object, member, expected) if (strcmp(member, "name") != 0) good =
        check_blob_member(name, member, subx_code_wasm(code), expected) && good;
    subx_code_free(code);
    return good;
}

static void run_case(json_t *object, const struct options *options, struct totals *totals)
{
    const char *const name = json_string_value(json_object_get(object, "name"));
    if (name == NULL) {
        fail("(no name)", "name", "the case has none");
        totals->failed++;
        return;
    }
    if (options->only != NULL && strcmp(options->only, name) != 0)
        return;
    if (options->list) {
        puts(name);
        return;
    }
    const bool is_small = json_object_get(object, "input") != NULL;
    if (is_small ? check_small(name, object) : check_blob(name, object, options))
        totals->passed++;
    else
        totals->failed++;
}

/* Run all JSON values of a file: objects are cases, lists hold cases. */
static bool run_file(const char *path, const struct options *options, struct totals *totals)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    bool good = true;
    for (int next = getc(file); next != EOF; next = getc(file)) {
        if (next == ' ' || next == '\n' || next == '\r' || next == '\t')
            continue;
        ungetc(next, file);
        json_error_t json_error;
        json_t *const value = json_loadf(file, JSON_DISABLE_EOF_CHECK, &json_error);
        if (value == NULL) {
            fprintf(stderr, "%s: %s\n", path, json_error.text);
            good = false;
            break;
        }
        size_t i = 0;
        json_t *element = NULL;
        if (json_is_object(value))
            run_case(value, options, totals);
        json_array_foreach(value, i, element) run_case(element, options, totals);
        json_decref(value);
    }
    fclose(file);
    return good;
}

static int usage(void)
{
    fputs("usage: vectors-instrument [--driver-dir DIR] [--spec-dir DIR] [--case NAME] [--list] "
          "FILE...\n",
          stderr);
    return 2;
}

/* Take an option at `arguments[*at]`; false if it is none or lacks its value. */
static bool take_option(char **arguments, int count, int *at, struct options *options)
{
    const char *const option = arguments[*at];
    if (strcmp(option, "--list") == 0) {
        options->list = true;
        return true;
    }
    const char **value = NULL;
    if (strcmp(option, "--driver-dir") == 0)
        value = &options->driver_dir;
    else if (strcmp(option, "--spec-dir") == 0)
        value = &options->spec_dir;
    else if (strcmp(option, "--case") == 0)
        value = &options->only;
    if (value == NULL || *at + 1 >= count)
        return false;
    *value = arguments[++*at];
    return true;
}

int main(int argc, char **argv)
{
    struct options options = {NULL, NULL, NULL, false};
    struct totals totals = {0, 0};
    int files = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            argv[files++] = argv[i];
        else if (!take_option(argv, argc, &i, &options))
            return usage();
    }
    if (files == 0)
        return usage();
    bool good = true;
    for (int i = 0; i < files; i++)
        good = run_file(argv[i], &options, &totals) && good;
    if (options.list)
        return good ? 0 : 1;
    if (options.only != NULL && totals.passed + totals.failed == 0) {
        fprintf(stderr, "no case is named %s\n", options.only);
        good = false;
    }
    printf("%lu passed, %lu failed\n", totals.passed, totals.failed);
    return good && totals.failed == 0 && totals.passed > 0 ? 0 : 1;
}
