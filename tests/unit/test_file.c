/* Whole files: what is refused, what is read, and that a write is all or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "platform/file.h"

static char folder[] = "test_file.XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    (void)state;
    DIR *entries = opendir(".");
    if (entries == NULL)
        return 1;
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        if (entry->d_name[0] != '.' && unlink(entry->d_name) != 0)
            (void)rmdir(entry->d_name);
    closedir(entries);
    return chdir("..") != 0 || rmdir(folder) != 0;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static void expect_refused(const char *path, size_t max_size, const char *reason)
{
    struct subx_file file = {(const uint8_t *)"x", 1};
    struct subx_file_fault fault;
    assert_false(subx_file__read(path, max_size, &file, &fault));
    assert_null(file.data);
    assert_int_equal(file.len, 0);
    assert_non_null(strstr(fault.reason, reason));
    subx_file__free(&file);
}

static void expect_content(const char *path, const char *text)
{
    struct subx_file file;
    struct subx_file_fault fault;
    assert_true(subx_file__read(path, 1 << 20, &file, &fault));
    assert_int_equal(file.len, strlen(text));
    assert_memory_equal(file.data, text, file.len);
    subx_file__free(&file);
    assert_null(file.data);
}

static size_t count_entries(void)
{
    size_t count = 0;
    DIR *entries = opendir(".");
    assert_non_null(entries);
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

static void reads_a_file(void **state)
{
    (void)state;
    put("read", "some bytes");
    expect_content("read", "some bytes");
    assert_int_equal(symlink("read", "read.link"), 0);
    expect_content("read.link", "some bytes");
}

static void bound_is_inclusive(void **state)
{
    (void)state;
    put("bound", "0123456789");
    struct subx_file file;
    struct subx_file_fault fault;
    assert_true(subx_file__read("bound", 10, &file, &fault));
    subx_file__free(&file);
    assert_false(subx_file__read("bound", 9, &file, &fault));
    assert_true(fault.too_large);
    assert_string_equal(fault.reason, "has 10 bytes; the bound is 9");
}

/* A sparse file of 1 TiB: refused by its size, not read. */
static void huge_file_is_refused(void **state)
{
    (void)state;
    put("huge", "x");
    assert_int_equal(truncate("huge", (off_t)1 << 40), 0);
    expect_refused("huge", (size_t)1 << 30, "has 1099511627776 bytes");
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    expect_refused("missing", 100, "No such file or directory");
    expect_refused("missing/deeper", 100, "No such file or directory");
    expect_refused(".", 100, "is a directory");
    put("empty", "");
    expect_refused("empty", 100, "is empty");
    expect_refused("empty/below", 100, "Not a directory");
    expect_refused("/dev/zero", 100, "is a device");
    assert_int_equal(mkfifo("pipe", 0600), 0);
    expect_refused("pipe", 100, "is a pipe"); /* and does not wait for a writer */
    assert_int_equal(symlink("loop", "loop"), 0);
    expect_refused("loop", 100, "Too many levels of symbolic links");
}

static void socket_is_refused(void **state)
{
    (void)state;
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    expect_refused("socket", 100, "is not a regular file");
    close(fd);
}

static void write_makes_and_replaces(void **state)
{
    (void)state;
    struct subx_file_fault fault;
    const size_t before = count_entries();
    assert_true(subx_file__write("written", "first", 5, SUBX_FILE_MODE, &fault));
    expect_content("written", "first");
    assert_true(subx_file__write("written", "second one", 10, SUBX_FILE_MODE, &fault));
    expect_content("written", "second one");
    assert_true(subx_file__write("./written", "3", 1, SUBX_FILE_MODE, &fault));
    expect_content("written", "3");
    assert_int_equal(count_entries(), before + 1);
}

static void written_file_has_the_usual_mode(void **state)
{
    (void)state;
    struct subx_file_fault fault;
    struct stat status;
    const mode_t old = umask(027);
    const bool good = subx_file__write("mode", "x", 1, SUBX_FILE_MODE, &fault);
    umask(old);
    assert_true(good);
    assert_int_equal(stat("mode", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void guarded_file_is_never_for_others_to_write(void **state)
{
    (void)state;
    struct subx_file_fault fault;
    struct stat status;
    const mode_t old = umask(0);
    const bool open_good = subx_file__write("open", "x", 1, SUBX_FILE_MODE, &fault);
    const bool good = subx_file__write("guarded", "x", 1, SUBX_FILE_MODE_GUARDED, &fault);
    umask(old);
    assert_true(open_good && good);
    assert_int_equal(stat("open", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0666);
    assert_int_equal(stat("guarded", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
}

static void link_stays_a_link(void **state)
{
    (void)state;
    struct subx_file_fault fault;
    struct stat status;
    put("target", "old");
    assert_int_equal(symlink("target", "link"), 0);
    assert_true(subx_file__write("link", "new", 3, SUBX_FILE_MODE, &fault));
    expect_content("target", "new");
    assert_int_equal(lstat("link", &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(symlink("nothing", "dangling"), 0);
    assert_false(subx_file__write("dangling", "new", 3, SUBX_FILE_MODE, &fault));
    assert_string_equal(fault.reason, "symbolic link: No such file or directory");
}

static void write_failures_leave_nothing(void **state)
{
    (void)state;
    struct subx_file_fault fault;
    const size_t before = count_entries();
    assert_false(subx_file__write("nowhere/file", "x", 1, SUBX_FILE_MODE, &fault));
    assert_non_null(strstr(fault.reason, "No such file or directory"));
    assert_false(subx_file__write(".", "x", 1, SUBX_FILE_MODE, &fault));
    assert_non_null(strstr(fault.reason, "is a directory"));
    char long_path[8192];
    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    assert_false(subx_file__write(long_path, "x", 1, SUBX_FILE_MODE, &fault));
    assert_non_null(strstr(fault.reason, "File name too long"));
    assert_int_equal(count_entries(), before);
}

/* A write that the system stops half way: the old file stays, no temporary is left. */
static void full_disk_keeps_the_old_file(void **state)
{
    (void)state;
    struct subx_file_fault fault;
    put("kept", "old");
    const size_t before = count_entries();
    static char data[1 << 16];
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = {4096, old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const bool good = subx_file__write("kept", data, sizeof data, SUBX_FILE_MODE, &fault);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_false(good);
    assert_non_null(strstr(fault.reason, "File too large"));
    expect_content("kept", "old");
    assert_int_equal(count_entries(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_file),
        cmocka_unit_test(bound_is_inclusive),
        cmocka_unit_test(huge_file_is_refused),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(socket_is_refused),
        cmocka_unit_test(write_makes_and_replaces),
        cmocka_unit_test(written_file_has_the_usual_mode),
        cmocka_unit_test(guarded_file_is_never_for_others_to_write),
        cmocka_unit_test(link_stays_a_link),
        cmocka_unit_test(write_failures_leave_nothing),
        cmocka_unit_test(full_disk_keeps_the_old_file),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
