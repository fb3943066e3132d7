/* Journals of states in LMDB: torn, damaged, foreign ones, and those that cannot be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "lmdb_state.h"
#include "random_blocks.h"
#include "storage/backend_lmdb_journal.h"

static const struct subx_backend *const lmdb = &subx_backend_lmdb;

/* The one file of the journal in a folder. */
static void journal_path(const char *folder, uint64_t first, char path[4096])
{
    snprintf(path, 4096, "%s/journal.%016llx", folder, (unsigned long long)first);
}

static off_t size_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static void test_torn_journal(void **state)
{
    char *const folder = folder_new();
    char *const copy = folder_new();
    char path[4096], copied[4096];
    off_t ends[4];
    (void)state;
    void *const self = open_at(folder, &slow_options);
    journal_path(folder, 1, path);
    journal_path(copy, 1, copied);
    ends[0] = size_of(path);
    for (unsigned i = 1; i < 4; i++) {
        char text[2] = {(char)('0' + i), '\0'};
        set_one(self, "n", text);
        ends[i] = size_of(path);
    }
    for (off_t cut = 0; cut <= ends[3]; cut++) {
        unsigned whole = 0;
        while (whole < 3 && ends[whole + 1] <= cut)
            whole++;
        folder_copy(folder, copy);
        assert_int_equal(truncate(copied, cut), 0);
        void *const repaired = open_at(copy, &slow_options);
        assert_int_equal(subx_backend_lmdb__sequence(repaired), whole);
        assert_int_equal(number_of(repaired, "n"), whole == 0 ? -1 : (int)whole);
        lmdb->free(repaired);
        folder_clear(copy);
    }
    lmdb->free(self);
    folder_remove(folder);
    folder_remove(copy);
}

static void test_damaged_journal(void **state)
{
    char *const folder = folder_new();
    char *const copy = folder_new();
    char path[4096], copied[4096];
    off_t ends[3];
    (void)state;
    void *const self = open_at(folder, &slow_options);
    journal_path(folder, 1, path);
    journal_path(copy, 1, copied);
    ends[0] = 0;
    for (unsigned i = 1; i < 3; i++) {
        char text[2] = {(char)('0' + i), '\0'};
        set_one(self, "n", text);
        ends[i] = size_of(path);
    }
    for (off_t at = 0; at < ends[2]; at++) {
        folder_copy(folder, copy);
        FILE *const file = fopen(copied, "r+");
        assert_non_null(file);
        fseeko(file, at, SEEK_SET);
        const int byte = fgetc(file);
        fseeko(file, at, SEEK_SET);
        fputc(byte ^ 0x10, file);
        fclose(file);
        void *const repaired = open_at(copy, &slow_options);
        assert_int_equal(subx_backend_lmdb__sequence(repaired), at < ends[1] ? 0 : 1);
        assert_int_equal(number_of(repaired, "n"), at < ends[1] ? -1 : 1);
        lmdb->free(repaired);
        folder_clear(copy);
    }
    lmdb->free(self);
    folder_remove(folder);
    folder_remove(copy);
}

/* A journal of another database, and one whose commits are in LMDB already. */
static void test_foreign_journal(void **state)
{
    char *const first = folder_new();
    char *const second = folder_new();
    char *const copy = folder_new();
    char from[4096], to[4096];
    (void)state;
    void *self = open_at(first, &slow_options);
    set_one(self, "n", "1");
    folder_copy(first, copy);
    lmdb->free(self);
    lmdb->free(open_at(second, &slow_options));
    journal_path(copy, 1, from);
    journal_path(second, 1, to);
    assert_int_equal(rename(from, to), 0);
    self = open_at(second, &slow_options);
    assert_int_equal(subx_backend_lmdb__sequence(self), 0);
    assert_int_equal(number_of(self, "n"), -1);
    lmdb->free(self);
    folder_clear(copy);
    self = open_at(first, &slow_options);
    set_one(self, "n", "2");
    folder_copy(first, copy);
    set_one(self, "n", "3");
    lmdb->free(self);
    journal_path(copy, 2, from);
    journal_path(first, 2, to);
    assert_int_equal(rename(from, to), 0);
    self = open_at(first, &slow_options);
    assert_int_equal(subx_backend_lmdb__sequence(self), 3);
    assert_int_equal(number_of(self, "n"), 3);
    lmdb->free(self);
    folder_remove(first);
    folder_remove(second);
    folder_remove(copy);
}

#ifdef SUBX_CHECKED
/* Let the n-th operation on the journal fail, for all n: what is reported as done is done. */
static void test_failing_file_operations(void **state)
{
    bool has_failed = true;
    (void)state;
    for (int64_t n = 0; has_failed; n++) {
        char *const folder = folder_new();
        int kept = -1;
        void *self = NULL;
        has_failed = false;
        subx_lmdb_journal__fail_after(n);
        if (subx_backend_lmdb__open(folder, &power_options, &self, NULL) == SUBX_OK) {
            for (int i = 1; i < 8; i++) {
                char text[2] = {(char)('0' + i), '\0'};
                subx_error error = SUBX_ERROR_INIT;
                const subx_status status = try_set(self, "n", text, &error);
                if (status == SUBX_OK)
                    kept = i;
                has_failed = has_failed || status != SUBX_OK;
                assert_true(status == SUBX_OK || status == SUBX_IO);
                assert_true(status == SUBX_OK || error.message[0] != '\0');
                if (i == 4)
                    has_failed |= subx_backend_lmdb__flush(self, NULL) != SUBX_OK;
                assert_int_equal(number_of(self, "n"), kept);
            }
            lmdb->free(self);
        } else {
            has_failed = true;
        }
        /* the countdown below 0: it failed somewhere, if only where it does not matter */
        has_failed = has_failed || n < 12;
        subx_lmdb_journal__fail_after(-1);
        self = open_at(folder, &slow_options);
        assert_int_equal(number_of(self, "n"), kept);
        lmdb->free(self);
        folder_remove(folder);
        assert_true(n < 200);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn_journal),
        cmocka_unit_test(test_damaged_journal),
        cmocka_unit_test(test_foreign_journal),
#ifdef SUBX_CHECKED
        cmocka_unit_test(test_failing_file_operations),
#endif
    };
    /* in memory, where there is such a folder: these tests sync thousands of times */
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
