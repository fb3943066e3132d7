/*
 * Artifacts and code from files and descriptors: who could have written a file, what is no regular file, and
 * what may happen to it while a runtime lives.
 */
#include "guests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "test_artifact_trust.XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    (void)state;
    static const char *const names[] = {
        "artifact", "code", "cut", "link", "new", "empty", "fifo", "inner/artifact", "target"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(names[i]);
    (void)rmdir("inner");
    return chdir("..") != 0 || rmdir(folder) != 0;
}

static void put(const char *path, subx_slice bytes)
{
    (void)unlink(path);
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes.data, bytes.len), bytes.len);
    assert_int_equal(close(file), 0);
}

/* An executor and the artifact of the guest "integration" in the file `artifact`. */
struct trial {
    subx_executor *executor;
    subx_runtime_options options;
    subx_bytes bytes;
};

static struct trial start(void)
{
    struct trial trial = {.executor = new_executor(), .options = options_of(SUBX_STRATEGY_RESET)};
    trial.options.recompile_mismatched = false;
    trial.bytes = prepare(trial.executor, guest_wasm("integration"), &trial.options);
    put("artifact", subx_slice__of(trial.bytes.data, trial.bytes.len));
    return trial;
}

static void finish(struct trial *trial)
{
    subx_bytes_free(&trial->bytes);
    subx_executor_free(trial->executor);
}

static void expect_works(subx_runtime *runtime)
{
    assert_int_equal(subx_runtime_strategy(runtime), SUBX_STRATEGY_RESET);
    for (int i = 0; i < 3; i++) {
        expect_output(runtime, "test_returns_mutable_static", SUBX_EMPTY, LITERAL("\x21\0\0\0"));
        expect_output(runtime, "test_dirty_memory", u32_input(14), SUBX_EMPTY);
    }
}

static void expect_loads(struct trial *trial, const char *path)
{
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_runtime_load_file(trial->executor, path, &trial->options, &runtime, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    expect_works(runtime);
    subx_runtime_free(runtime);
}

static void expect_refused(struct trial *trial, const char *path, subx_status status,
                           const char *part)
{
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status got =
        subx_runtime_load_file(trial->executor, path, &trial->options, &runtime, &error);
    if (got != status || strstr(error.message, part) == NULL || strstr(error.message, path) == NULL)
        fail_msg("%s: %s: %s", path, subx_status_name(got), error.message);
    assert_null(runtime);
}

/* ---- Who could have written it ---- */

static void test_modes(void **state)
{
    (void)state;
    struct trial trial = start();
    static const mode_t good[] = {0400, 0600, 0644, 0755, 0444};
    static const mode_t bad[] = {0666, 0620, 0602, 0777, 0660};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(chmod("artifact", good[i]), 0);
        expect_loads(&trial, "artifact");
        assert_int_equal(chmod("artifact", bad[i]), 0);
        expect_refused(&trial, "artifact", SUBX_ARTIFACT, "lets others write it");
    }
    /* Code is no machine code: anybody may have written it. */
    put("code", guest_wasm("integration"));
    assert_int_equal(chmod("code", 0666), 0);
    expect_loads(&trial, "code");
    finish(&trial);
}

static void test_folders(void **state)
{
    (void)state;
    struct trial trial = start();
    assert_int_equal(mkdir("inner", 0700), 0);
    put("inner/artifact", subx_slice__of(trial.bytes.data, trial.bytes.len));
    expect_loads(&trial, "inner/artifact");
    static const mode_t bad[] = {0777, 0770, 0702};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(chmod("inner", bad[i]), 0);
        expect_refused(&trial, "inner/artifact", SUBX_ARTIFACT, "of its folder");
    }
    /* In a sticky folder only the owner may replace a file. */
    assert_int_equal(chmod("inner", 01777), 0);
    expect_loads(&trial, "inner/artifact");
    finish(&trial);
}

/* Of another user; only root can give files away to see. */
static void test_owners(void **state)
{
    (void)state;
    struct trial trial = start();
    if (geteuid() == 0) {
        assert_int_equal(chown("artifact", 12345, (gid_t)-1), 0);
        expect_refused(&trial, "artifact", SUBX_ARTIFACT, "it belongs to user 12345");
        assert_int_equal(chown("artifact", 0, (gid_t)-1), 0);
        (void)mkdir("inner", 0700);
        assert_int_equal(chmod("inner", 0755), 0);
        put("inner/artifact", subx_slice__of(trial.bytes.data, trial.bytes.len));
        assert_int_equal(chown("inner", 12345, (gid_t)-1), 0);
        expect_refused(&trial, "inner/artifact", SUBX_ARTIFACT, "its folder belongs to user 12345");
        assert_int_equal(chown("inner", 0, (gid_t)-1), 0);
        expect_loads(&trial, "inner/artifact");
    }
    finish(&trial);
}

/* Behind a link it is the file and the folder of the link that count: whoever may change that, decides. */
static void test_links(void **state)
{
    (void)state;
    struct trial trial = start();
    assert_int_equal(symlink("artifact", "link"), 0);
    expect_loads(&trial, "link");
    assert_int_equal(chmod("artifact", 0666), 0);
    expect_refused(&trial, "link", SUBX_ARTIFACT, "lets others write it");
    assert_int_equal(unlink("link"), 0);

    /* A link in a safe folder into one that others may write. */
    (void)mkdir("inner", 0700);
    put("inner/artifact", subx_slice__of(trial.bytes.data, trial.bytes.len));
    assert_int_equal(chmod("inner", 0777), 0);
    assert_int_equal(symlink("inner/artifact", "link"), 0);
    expect_refused(&trial, "link", SUBX_ARTIFACT, "of its folder");
    finish(&trial);
}

/* ---- What is no file with an artifact ---- */

static void test_other_files(void **state)
{
    (void)state;
    struct trial trial = start();
    put("empty", SUBX_EMPTY);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    expect_refused(&trial, "empty", SUBX_IO, "empty");
    expect_refused(&trial, "fifo", SUBX_IO, "not a regular file");
    expect_refused(&trial, ".", SUBX_IO, "is a directory");
    expect_refused(&trial, "/dev/null", SUBX_IO, "not a regular file");
    expect_refused(&trial, "/dev/zero", SUBX_IO, "not a regular file");
    expect_refused(&trial, "missing", SUBX_IO, "No such file");
    expect_refused(&trial, "artifact/below", SUBX_IO, "Not a directory");
    put("cut", subx_slice__of(trial.bytes.data, trial.bytes.len - 1));
    expect_refused(&trial, "cut", SUBX_INVALID_INPUT, "neither Wasm");
    put("cut", subx_slice__of(trial.bytes.data + 1, trial.bytes.len - 1));
    expect_refused(&trial, "cut", SUBX_ARTIFACT, "damaged artifact");
    finish(&trial);
}

/* ---- Descriptors ---- */

static subx_status load_descriptor(struct trial *trial, int descriptor, subx_runtime **runtime,
                                   subx_error *error)
{
    subx_error_clear(error);
    *runtime = NULL;
    return subx_runtime_load_descriptor(trial->executor, descriptor, &trial->options, runtime,
                                        error);
}

static void expect_descriptor_loads(struct trial *trial, int descriptor)
{
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (load_descriptor(trial, descriptor, &runtime, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    /* It stays the caller's, who may close it. */
    assert_int_not_equal(fcntl(descriptor, F_GETFD), -1);
    assert_int_equal(close(descriptor), 0);
    expect_works(runtime);
    subx_runtime_free(runtime);
}

static void expect_descriptor_refused(struct trial *trial, int descriptor, subx_status status,
                                      const char *part)
{
    subx_runtime *runtime = NULL;
    subx_error error = SUBX_ERROR_INIT;
    const bool was_open = fcntl(descriptor, F_GETFD) != -1;
    const subx_status got = load_descriptor(trial, descriptor, &runtime, &error);
    if (got != status || strstr(error.message, part) == NULL)
        fail_msg("descriptor %d: %s: %s", descriptor, subx_status_name(got), error.message);
    assert_null(runtime);
    assert_int_equal(fcntl(descriptor, F_GETFD) != -1, was_open);
    if (was_open)
        assert_int_equal(close(descriptor), 0);
}

static void test_descriptors(void **state)
{
    (void)state;
    struct trial trial = start();
    put("code", guest_wasm("integration"));
    expect_descriptor_loads(&trial, open("artifact", O_RDONLY | O_CLOEXEC));
    expect_descriptor_loads(&trial, open("code", O_RDONLY | O_CLOEXEC));
    /* Where the file was read to does not matter, nor that it has no name any more. */
    const int moved = open("artifact", O_RDWR | O_CLOEXEC);
    assert_int_equal(lseek(moved, 100, SEEK_SET), 100);
    assert_int_equal(unlink("artifact"), 0);
    expect_descriptor_loads(&trial, moved);
    /* A file in memory. */
    const int memory = memfd_create("artifact", MFD_CLOEXEC);
    assert_int_equal(write(memory, trial.bytes.data, trial.bytes.len), trial.bytes.len);
    assert_int_equal(fchmod(memory, 0600), 0);
    expect_descriptor_loads(&trial, memory);
    finish(&trial);
}

static void test_other_descriptors(void **state)
{
    (void)state;
    struct trial trial = start();
    put("empty", SUBX_EMPTY);
    int ends[2], sockets[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    expect_descriptor_refused(&trial, -1, SUBX_IO, "Bad file descriptor");
    expect_descriptor_refused(&trial, 9999, SUBX_IO, "Bad file descriptor");
    expect_descriptor_refused(&trial, ends[0], SUBX_IO, "not a regular file");
    expect_descriptor_refused(&trial, sockets[0], SUBX_IO, "not a regular file");
    expect_descriptor_refused(&trial, open(".", O_RDONLY | O_CLOEXEC), SUBX_IO, "is a directory");
    expect_descriptor_refused(&trial, open("/dev/null", O_RDONLY | O_CLOEXEC), SUBX_IO,
                              "not a regular file");
    expect_descriptor_refused(&trial, open("empty", O_RDONLY | O_CLOEXEC), SUBX_IO, "is empty");
    expect_descriptor_refused(&trial, open("artifact", O_WRONLY | O_CLOEXEC), SUBX_IO,
                              "Permission denied");
    assert_int_equal(chmod("artifact", 0666), 0);
    expect_descriptor_refused(&trial, open("artifact", O_RDONLY | O_CLOEXEC), SUBX_ARTIFACT,
                              "lets others write it");
    close(ends[1]);
    close(sockets[1]);
    finish(&trial);
}

/* ---- While a runtime lives ---- */

static void test_replaced_file(void **state)
{
    (void)state;
    struct trial trial = start();
    subx_runtime *runtime = NULL;
    assert_int_equal(
        subx_runtime_load_file(trial.executor, "artifact", &trial.options, &runtime, NULL),
        SUBX_OK);
    expect_works(runtime);
    /* Another file comes to be under the name; calls have written nothing to the old one. */
    put("new", guest_wasm("basic"));
    assert_int_equal(link("artifact", "target"), 0);
    assert_int_equal(rename("new", "artifact"), 0);
    expect_works(runtime);
    expect_loads(&trial, "target");
    const int file = open("target", O_RDONLY | O_CLOEXEC);
    uint8_t *bytes = test_malloc(trial.bytes.len);
    assert_int_equal(read(file, bytes, trial.bytes.len), trial.bytes.len);
    assert_memory_equal(bytes, trial.bytes.data, trial.bytes.len);
    test_free(bytes);
    close(file);
    assert_int_equal(unlink("target"), 0);
    expect_works(runtime);
    subx_runtime_free(runtime);
    finish(&trial);
}

/* Loading and failing to load leave no descriptor behind. */
static void test_descriptors_are_closed(void **state)
{
    (void)state;
    struct trial trial = start();
    put("empty", SUBX_EMPTY);
    expect_loads(&trial, "artifact");
    const int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    for (int i = 0; i < 20; i++) {
        expect_loads(&trial, "artifact");
        expect_refused(&trial, "empty", SUBX_IO, "empty");
        expect_refused(&trial, ".", SUBX_IO, "is a directory");
        assert_int_equal(chmod("artifact", 0666), 0);
        expect_refused(&trial, "artifact", SUBX_ARTIFACT, "lets others write it");
        assert_int_equal(chmod("artifact", 0600), 0);
        expect_descriptor_loads(&trial, open("artifact", O_RDONLY | O_CLOEXEC));
        expect_descriptor_refused(&trial, -1, SUBX_IO, "Bad file descriptor");
    }
    const int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    assert_int_equal(after, before);
    finish(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_other_descriptors),
        cmocka_unit_test(test_replaced_file),
        cmocka_unit_test(test_descriptors_are_closed),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
