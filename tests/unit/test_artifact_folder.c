/*
 * The folder of artifacts of an executor: what it keeps, what it refuses, what it survives
 * (include/subexec/cache.h).
 */
#include "guests.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "test_artifact_folder.XXXXXX";

static void clear_folder(const char *path)
{
    DIR *const list = opendir(path);
    if (list == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(list), entry->d_name, 0);
    closedir(list);
}

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    (void)state;
    clear_folder("kept");
    (void)rmdir("kept");
    return chdir("..") != 0 || rmdir(folder) != 0;
}

static int clear(void **state)
{
    (void)state;
    clear_folder("kept");
    return 0;
}

/* What the library had to say. */
static char notices[4096];

static void listen(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    (void)data;
    (void)level;
    (void)target;
    const size_t used = strlen(notices);
    snprintf(notices + used, sizeof notices - used, "%.*s\n", (int)message.len,
             (const char *)message.data);
}

static subx_executor *executor_over(const char *path, uint64_t bytes)
{
    subx_executor_options options = SUBX_EXECUTOR_OPTIONS_INIT;
    subx_executor *executor = NULL;
    subx_error error = SUBX_ERROR_INIT;
    options.parallel_compilation = false;
    options.artifact_folder = path;
    options.artifact_folder_bytes = bytes;
    options.log = listen;
    notices[0] = '\0';
    subx_executor_free(new_executor());
    if (subx_executor_new(&options, &executor, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return executor;
}

/* Make a runtime of the guest and see that it works; counters of that executor. */
static subx_executor_stats use(const char *guest, const subx_runtime_options *options)
{
    subx_executor *const executor = executor_over("kept", UINT64_MAX);
    subx_runtime *const runtime = load_runtime(executor, guest_wasm(guest), options);
    const char *const method = strcmp(guest, "basic") == 0 ? "echo" : "test_echo";
    expect_output(runtime, method, LITERAL("abc"), LITERAL("abc"));
    subx_runtime_free(runtime);
    const subx_executor_stats stats = subx_executor_stats_of(executor);
    subx_executor_free(executor);
    return stats;
}

struct tally {
    unsigned count, usable;
    uint64_t bytes;
    char name[128], reason[200];
};

static subx_status count(void *data, const subx_artifact_file *file)
{
    struct tally *const tally = data;
    tally->count++;
    tally->usable += file->usable;
    tally->bytes += file->size;
    snprintf(tally->name, sizeof tally->name, "%s", file->name);
    snprintf(tally->reason, sizeof tally->reason, "%s", file->reason);
    return SUBX_OK;
}

static struct tally tally_of(const char *path)
{
    struct tally tally = {0};
    assert_int_equal(subx_artifact_folder_list(path, count, &tally, NULL), SUBX_OK);
    return tally;
}

static void test_second_time(void **state)
{
    (void)state;
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    subx_executor_stats stats = use("integration", &options);
    assert_int_equal(stats.compilations, 1);
    assert_int_equal(stats.artifacts_written, 1);
    stats = use("integration", &options);
    assert_int_equal(stats.compilations, 0);
    assert_int_equal(stats.artifacts_loaded, 1);
    /* what does not change the compiled code shares it */
    options.heap.pages = 99;
    options.strategy = SUBX_STRATEGY_POOLING_COW;
    assert_int_equal(use("integration", &options).artifacts_loaded, 1);
    /* what does has a file of its own, beside the other */
    options.strategy = SUBX_STRATEGY_RECREATE;
    assert_int_equal(use("integration", &options).compilations, 1);
    options.canonicalize_nans = true;
    assert_int_equal(use("integration", &options).compilations, 1);
    options.stack_logical_max = 5000;
    assert_int_equal(use("integration", &options).compilations, 1);
    assert_int_equal(use("integration", &options).artifacts_loaded, 1);
    const struct tally tally = tally_of("kept");
    assert_int_equal(tally.count, 4);
    assert_int_equal(tally.usable, 4);
    assert_string_equal(notices, "");
}

/* What an artifact's runtime fails with is its failure: nothing is compiled for it. */
static void test_failures_pass_through(void **state)
{
    (void)state;
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    options.allow_missing_imports = true;
    for (int i = 0; i < 2; i++) {
        subx_executor *const executor = executor_over("kept", UINT64_MAX);
        subx_runtime *runtime = NULL;
        subx_error error = SUBX_ERROR_INIT;
        subx_runtime_free(load_runtime(executor, guest_wasm("missing_imports"), &options));
        options.allow_missing_imports = false;
        assert_int_equal(
            subx_runtime_load(executor, guest_wasm("missing_imports"), &options, &runtime, &error),
            SUBX_MISSING_IMPORTS);
        assert_non_null(strstr(error.message, "imports"));
        options.allow_missing_imports = true;
        assert_int_equal(subx_executor_stats_of(executor).compilations, i == 0 ? 1 : 0);
        subx_executor_free(executor);
    }
}

/* ---- Files that are of no use ---- */

static void read_kept(const char *name, struct subx_buf *bytes)
{
    char path[256], room[4096];
    snprintf(path, sizeof path, "kept/%s", name);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    for (;;) {
        const ssize_t got = read(file, room, sizeof room);
        assert_true(got >= 0);
        if (got == 0)
            break;
        subx_buf__append(bytes, room, (size_t)got);
    }
    assert_false(bytes->failed);
    close(file);
}

static void write_kept(const char *name, subx_slice bytes, unsigned mode)
{
    char path[256];
    snprintf(path, sizeof path, "kept/%s", name);
    (void)unlink(path);
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes.data, bytes.len), bytes.len);
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

static void expect_replaced(const char *part)
{
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    const subx_executor_stats stats = use("integration", &options);
    if (strstr(notices, part) == NULL)
        fail_msg("no \"%s\" in: %s", part, notices);
    assert_int_equal(stats.compilations, 1);
    assert_int_equal(stats.artifacts_replaced, 1);
    assert_int_equal(stats.artifacts_written, 1);
    assert_int_equal(use("integration", &options).artifacts_loaded, 1);
}

static void test_useless_files_are_replaced(void **state)
{
    (void)state;
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    struct subx_buf bytes = SUBX_BUF_INIT;
    (void)use("integration", &options);
    const struct tally tally = tally_of("kept");
    read_kept(tally.name, &bytes);
    /* damaged: in the payload, the code, the trailer; cut; emptied; something else */
    const size_t places[] = {0, bytes.len / 3, bytes.len - 300, bytes.len - 200, bytes.len - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        bytes.data[places[i]] ^= 1;
        write_kept(tally.name, subx_buf__slice(&bytes), 0644);
        expect_replaced("is replaced");
        bytes.data[places[i]] ^= 1;
    }
    for (size_t len = 1; len < bytes.len; len = len * 3 + 1) {
        write_kept(tally.name, subx_slice__of(bytes.data, len), 0644);
        expect_replaced("is replaced");
    }
    write_kept(tally.name, guest_wasm("integration"), 0644);
    expect_replaced("is replaced");
    /* others may have written it */
    write_kept(tally.name, subx_buf__slice(&bytes), 0666);
    expect_replaced("lets others write");
    /* sound, but of other code */
    bytes.len = 0;
    clear_folder("kept");
    (void)use("basic", &options);
    read_kept(tally_of("kept").name, &bytes);
    clear_folder("kept");
    write_kept(tally.name, subx_buf__slice(&bytes), 0644);
    expect_replaced("of other code");
    /* an empty file cannot be mapped: as if it were not there */
    write_kept(tally.name, SUBX_EMPTY, 0644);
    assert_int_equal(use("integration", &options).artifacts_written, 1);
    assert_int_equal(use("integration", &options).artifacts_loaded, 1);
    /* a folder in its place stays, and nothing fails */
    char path[256];
    snprintf(path, sizeof path, "kept/%s", tally.name);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    const subx_executor_stats stats = use("integration", &options);
    assert_int_equal(stats.artifacts_failed, 1);
    assert_non_null(strstr(notices, "is not kept"));
    assert_int_equal(rmdir(path), 0);
    subx_buf__free(&bytes);
}

static void expect_no_executor(const char *path, const char *part)
{
    subx_executor_options options = SUBX_EXECUTOR_OPTIONS_INIT;
    subx_executor *executor = NULL;
    subx_error error = SUBX_ERROR_INIT;
    options.artifact_folder = path;
    assert_int_equal(subx_executor_new(&options, &executor, &error), SUBX_IO);
    assert_null(executor);
    if (strstr(error.message, path) == NULL || strstr(error.message, part) == NULL)
        fail_msg("no \"%s\" in: %s", part, error.message);
}

static void test_folders_that_are_refused(void **state)
{
    (void)state;
    expect_no_executor("nowhere/at/all", "No such file");
    assert_int_equal(mkdir("open", 0700), 0);
    assert_int_equal(chmod("open", 0777), 0);
    expect_no_executor("open", "lets others write");
    assert_int_equal(rmdir("open"), 0);
    const int file = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(file);
    expect_no_executor("file", "Not a directory");
    assert_int_equal(unlink("file"), 0);
}

/* ---- Failing writes ---- */

static void test_full_disk(void **state)
{
    (void)state;
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 3000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const subx_executor_stats stats = use("integration", &options);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(stats.artifacts_failed, 1);
    assert_non_null(strstr(notices, "is not kept"));
    assert_int_equal(tally_of("kept").count, 0);
    assert_int_equal(use("integration", &options).artifacts_written, 1);
}

/* Processes that write into the folder at the same time, and are killed at any moment. */
static void test_processes(void **state)
{
    (void)state;
    const subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    enum { ROUNDS_OF_TWO = ROUNDS(25, 4) };
    uint64_t seed = 88172645463325252u;
    subx_executor_free(new_executor());
    for (int i = 0; i < ROUNDS_OF_TWO; i++) {
        pid_t children[2];
        for (int k = 0; k < 2; k++) {
            children[k] = fork();
            assert_true(children[k] >= 0);
            if (children[k] == 0) {
                for (;;) {
                    subx_runtime_options own = options;
                    subx_executor_options with = SUBX_EXECUTOR_OPTIONS_INIT;
                    subx_executor *executor = NULL;
                    subx_runtime *runtime = NULL;
                    with.parallel_compilation = false;
                    with.artifact_folder = "kept";
                    if (subx_executor_new(&with, &executor, NULL) != SUBX_OK ||
                        subx_runtime_load(executor, guest_wasm("basic"), &own, &runtime, NULL) !=
                            SUBX_OK)
                        _exit(1);
                    subx_runtime_free(runtime);
                    subx_executor_free(executor);
                    (void)subx_artifact_folder_prune("kept", 0, NULL, NULL);
                }
            }
        }
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usleep((useconds_t)(2000 + seed % 40000));
        for (int k = 0; k < 2; k++) {
            int how = 0;
            kill(children[k], SIGKILL);
            assert_int_equal(waitpid(children[k], &how, 0), children[k]);
            assert_true(WIFSIGNALED(how));
        }
        const struct tally tally = tally_of("kept");
        /* whole or not there */
        if (tally.count > 0 && tally.usable < tally.count)
            assert_non_null(strstr(tally.reason, "has not finished"));
        (void)use("basic", &options);
    }
    /* what writers have left behind is removed when it is old */
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    DIR *const list = opendir("kept");
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL)
        (void)utimensat(dirfd(list), entry->d_name, old, 0);
    closedir(list);
    assert_int_equal(subx_artifact_folder_prune("kept", UINT64_MAX, NULL, NULL), SUBX_OK);
    const struct tally tally = tally_of("kept");
    assert_int_equal(tally.count, tally.usable);
}

/* ---- Room ---- */

static void test_room(void **state)
{
    (void)state;
    subx_runtime_options options = options_of(SUBX_STRATEGY_RESET);
    static const char *const guests[] = {"integration", "basic"};
    uint64_t sizes[2];
    for (unsigned i = 0; i < 2; i++) {
        (void)use(guests[i], &options);
        sizes[i] = tally_of("kept").bytes - (i == 0 ? 0 : sizes[0]);
    }
    /* used last: "integration" */
    usleep(20000);
    assert_int_equal(use("integration", &options).artifacts_loaded, 1);
    subx_artifact_removal removal;
    assert_int_equal(subx_artifact_folder_prune("kept", UINT64_MAX, &removal, NULL), SUBX_OK);
    assert_int_equal(removal.removed, 0);
    assert_int_equal(removal.kept, 2);
    assert_int_equal(subx_artifact_folder_prune("kept", sizes[0] + 1, &removal, NULL), SUBX_OK);
    assert_int_equal(removal.removed, 1);
    assert_int_equal(removal.removed_bytes, sizes[1]);
    assert_int_equal(use("integration", &options).artifacts_loaded, 1);
    /* a writer makes room, for itself too */
    subx_executor *const executor = executor_over("kept", sizes[0] + 1);
    subx_runtime_free(load_runtime(executor, guest_wasm("basic"), &options));
    assert_int_equal(tally_of("kept").count, 1);
    subx_executor_free(executor);
    assert_int_equal(use("basic", &options).artifacts_loaded, 1);
    /* files of others stay */
    write_kept("notes.txt", LITERAL("mine"), 0600);
    assert_int_equal(subx_artifact_folder_prune("kept", 0, &removal, NULL), SUBX_OK);
    assert_int_equal(tally_of("kept").count, 0);
    assert_int_equal(access("kept/notes.txt", F_OK), 0);
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_artifact_folder_prune("nowhere", 0, NULL, &error), SUBX_IO);
    assert_non_null(strstr(error.message, "nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_second_time, clear),
        cmocka_unit_test_setup(test_failures_pass_through, clear),
        cmocka_unit_test_setup(test_useless_files_are_replaced, clear),
        cmocka_unit_test_setup(test_folders_that_are_refused, clear),
        cmocka_unit_test_setup(test_full_disk, clear),
        cmocka_unit_test_setup(test_processes, clear),
        cmocka_unit_test_setup(test_room, clear),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
