/* Folders and randomness: src/platform/folder.h, src/platform/random.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/folder.h"
#include "platform/random.h"

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "folder.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name)
{
    FILE *const file = fopen(in_folder(name), "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void refuses(const char *at, const char *reason)
{
    struct subx_file_fault fault;
    assert_false(subx_folder__make_private(at, &fault));
    if (strstr(fault.reason, reason) == NULL)
        fail_msg("'%s', expected '%s'", fault.reason, reason);
}

static void making(void **state)
{
    (void)state;
    struct subx_file_fault fault;
    struct stat facts;
    assert_false(subx_folder__has(in_folder("new")));
    assert_true(subx_folder__make_private(in_folder("new"), &fault));
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
    assert_true(subx_folder__has(path));
    assert_true(subx_folder__make_private(path, &fault));
    assert_int_equal(chmod(path, 0720), 0);
    refuses(path, "its mode 720 lets others write to it");
    assert_int_equal(chmod(path, 0702), 0);
    refuses(path, "its mode 702 lets others write to it");
    make_file("file");
    refuses(path, "Not a directory");
    refuses(in_folder("missing/folder"), "No such file or directory");
    refuses("", "No such file or directory");
}

struct names {
    char text[128];
    size_t count, most;
};

static bool take(void *data, const char *name)
{
    struct names *const names = data;
    if (name[0] == '.')
        return true;
    strcat(names->text, name);
    return ++names->count < names->most;
}

static void listing(void **state)
{
    (void)state;
    struct subx_file_fault fault;
    struct names names = {.most = 10};
    make_file("a");
    make_file("bb");
    make_file("ccc");
    assert_true(subx_folder__list(folder, take, &names, &fault));
    assert_int_equal(names.count, 3);
    assert_non_null(strstr(names.text, "ccc"));
    names = (struct names){.most = 2};
    assert_true(subx_folder__list(folder, take, &names, &fault));
    assert_int_equal(names.count, 2);
    assert_false(subx_folder__list(in_folder("a"), take, &names, &fault));
    assert_string_equal(fault.reason, "Not a directory");
}

static void links(void **state)
{
    (void)state;
    assert_int_equal(symlink("nowhere", in_folder("link")), 0);
    assert_true(subx_folder__has(path));
}

static void randomness(void **state)
{
    (void)state;
    uint8_t first[300] = {0}, second[300] = {0};
    assert_true(subx_random__fill(first, sizeof first));
    assert_true(subx_random__fill(second, sizeof second));
    assert_memory_not_equal(first, second, sizeof first);
    assert_memory_not_equal(first + 268, (const uint8_t[32]){0}, 32);
    assert_true(subx_random__fill(NULL, 0));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(making),
        IN_FOLDER(listing),
        IN_FOLDER(links),
        cmocka_unit_test(randomness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
