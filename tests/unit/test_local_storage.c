/* Local storage in memory: include/subexec/offchain.h. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <subexec/offchain.h>

#include "util/bytes.h"
#include "util/hex.h"
#include "util/mem.h"

static subx_local_storage *new_storage(void)
{
    subx_local_storage *storage = NULL;
    assert_int_equal(subx_local_storage_memory(&storage, NULL), SUBX_OK);
    return storage;
}

static void append_entry(void *to, subx_slice key, subx_slice value)
{
    struct subx_buf *const text = to;
    subx_hex__append(text, key);
    subx_buf__append_u8(text, '=');
    subx_hex__append(text, value);
    subx_buf__append_u8(text, ' ');
}

static void assert_holds(const subx_local_storage *storage, const char *expected)
{
    struct subx_buf text = SUBX_BUF_INIT;
    subx_local_storage_each(storage, append_entry, &text);
    subx_buf__append_u8(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    subx_buf__free(&text);
}

static void take_value(void *to, subx_slice value)
{
    struct subx_buf *const text = to;
    subx_buf__append_u8(text, '=');
    subx_buf__append_slice(text, value);
}

/* NULL: there is none. */
static void assert_value(const subx_local_storage *storage, subx_local_kind kind, const char *key,
                         const char *expected)
{
    struct subx_buf text = SUBX_BUF_INIT;
    assert_int_equal(storage->functions->get(storage->data, kind, subx_slice__text(key), take_value,
                                             &text, NULL),
                     SUBX_OK);
    subx_buf__append_u8(&text, '\0');
    if (expected == NULL) {
        assert_int_equal(text.len, 1);
    } else {
        assert_int_equal(text.data[0], '=');
        assert_string_equal((const char *)text.data + 1, expected);
    }
    subx_buf__free(&text);
}

static void set(const subx_local_storage *storage, subx_local_kind kind, const char *key,
                const char *value)
{
    assert_int_equal(storage->functions->set(storage->data, kind, subx_slice__text(key),
                                             subx_slice__text(value), NULL),
                     SUBX_OK);
}

static void clear(const subx_local_storage *storage, subx_local_kind kind, const char *key)
{
    assert_int_equal(storage->functions->clear(storage->data, kind, subx_slice__text(key), NULL),
                     SUBX_OK);
}

/* `old_value` NULL: none. */
static bool compare_and_set(const subx_local_storage *storage, subx_local_kind kind,
                            const char *key, const char *old_value, const char *new_value)
{
    bool done = true;
    const subx_slice old = subx_slice__text(old_value == NULL ? "" : old_value);
    assert_int_equal(storage->functions->compare_and_set(storage->data, kind, subx_slice__text(key),
                                                         old_value == NULL ? NULL : &old,
                                                         subx_slice__text(new_value), &done, NULL),
                     SUBX_OK);
    return done;
}

static void setting_and_clearing(void **state)
{
    (void)state;
    subx_local_storage *const storage = new_storage();
    assert_holds(storage, "");
    assert_value(storage, SUBX_LOCAL_PERSISTENT, "k", NULL);
    clear(storage, SUBX_LOCAL_PERSISTENT, "k");
    set(storage, SUBX_LOCAL_PERSISTENT, "k", "v");
    set(storage, SUBX_LOCAL_PERSISTENT, "", "empty");
    set(storage, SUBX_LOCAL_PERSISTENT, "ka", "");
    set(storage, SUBX_LOCAL_PERSISTENT, "a", "1");
    assert_holds(storage, "=656d707479 61=31 6b=76 6b61= ");
    assert_value(storage, SUBX_LOCAL_PERSISTENT, "k", "v");
    assert_value(storage, SUBX_LOCAL_PERSISTENT, "ka", "");
    set(storage, SUBX_LOCAL_PERSISTENT, "k", "longer");
    assert_value(storage, SUBX_LOCAL_PERSISTENT, "k", "longer");
    clear(storage, SUBX_LOCAL_PERSISTENT, "k");
    clear(storage, SUBX_LOCAL_PERSISTENT, "");
    assert_holds(storage, "61=31 6b61= ");
    subx_local_storage_free(storage);
    subx_local_storage_free(NULL);
}

static void comparing(void **state)
{
    (void)state;
    subx_local_storage *const storage = new_storage();
    const subx_local_kind kind = SUBX_LOCAL_PERSISTENT;
    assert_false(compare_and_set(storage, kind, "k", "", "v"));
    assert_true(compare_and_set(storage, kind, "k", NULL, ""));
    assert_false(compare_and_set(storage, kind, "k", NULL, "w"));
    assert_false(compare_and_set(storage, kind, "k", "v", "w"));
    assert_true(compare_and_set(storage, kind, "k", "", "w"));
    assert_true(compare_and_set(storage, kind, "k", "w", "x"));
    assert_holds(storage, "6b=78 ");
    subx_local_storage_free(storage);
}

/* Nobody ever implemented this kind. */
static void fork_aware(void **state)
{
    (void)state;
    subx_local_storage *const storage = new_storage();
    set(storage, SUBX_LOCAL_PERSISTENT, "k", "v");
    set(storage, SUBX_LOCAL_FORK_AWARE, "k", "w");
    assert_value(storage, SUBX_LOCAL_FORK_AWARE, "k", NULL);
    assert_false(compare_and_set(storage, SUBX_LOCAL_FORK_AWARE, "n", NULL, "w"));
    clear(storage, SUBX_LOCAL_FORK_AWARE, "k");
    assert_holds(storage, "6b=76 ");
    subx_local_storage_free(storage);
}

/* Random operations against an array that is searched from end to end. */
static void against_a_model(void **state)
{
    (void)state;
    subx_local_storage *const storage = new_storage();
    uint8_t model[64] = {0}; /* value of each one-byte key; 0: none */
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        const uint8_t key = (uint8_t)(rand() % 64), value = (uint8_t)(1 + rand() % 4);
        const uint8_t old = (uint8_t)(rand() % 5);
        const subx_slice at = {&key, 1}, with = {&value, 1}, before = {&old, 1};
        bool done = false;
        switch (rand() % 3) {
        case 0:
            storage->functions->set(storage->data, SUBX_LOCAL_PERSISTENT, at, with, NULL);
            model[key] = value;
            break;
        case 1:
            storage->functions->clear(storage->data, SUBX_LOCAL_PERSISTENT, at, NULL);
            model[key] = 0;
            break;
        default:
            storage->functions->compare_and_set(storage->data, SUBX_LOCAL_PERSISTENT, at,
                                                old == 0 ? NULL : &before, with, &done, NULL);
            assert_int_equal(done, old == model[key]);
            model[key] = done ? value : model[key];
        }
        if (i % 100 == 0) {
            struct subx_buf text = SUBX_BUF_INIT;
            for (uint8_t k = 0; k < 64; k++)
                if (model[k] != 0)
                    append_entry(&text, (subx_slice){&k, 1}, (subx_slice){&model[k], 1});
            subx_buf__append_u8(&text, '\0');
            assert_holds(storage, (const char *)text.data);
            subx_buf__free(&text);
        }
    }
    subx_local_storage_free(storage);
}

/* Threads count with compare-and-set: nothing gets lost. */
static void *count_up(void *data)
{
    const subx_local_storage *const storage = data;
    for (unsigned added = 0; added < 200;) {
        struct subx_buf found = SUBX_BUF_INIT;
        bool done = false;
        storage->functions->get(storage->data, SUBX_LOCAL_PERSISTENT, subx_slice__text("n"),
                                take_value, &found, NULL);
        uint16_t count = 0;
        if (found.len == 3)
            memcpy(&count, found.data + 1, sizeof count);
        const uint16_t next = (uint16_t)(count + 1);
        const subx_slice before = {(const uint8_t *)&count, sizeof count};
        storage->functions->compare_and_set(storage->data, SUBX_LOCAL_PERSISTENT,
                                            subx_slice__text("n"), found.len == 3 ? &before : NULL,
                                            (subx_slice){(const uint8_t *)&next, sizeof next},
                                            &done, NULL);
        added += done;
        subx_buf__free(&found);
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    subx_local_storage *const storage = new_storage();
    pthread_t workers[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, count_up, storage), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(workers[i], NULL), 0);
    assert_holds(storage, "6e=2003 "); /* 800 */
    subx_local_storage_free(storage);
}

#ifdef SUBX_CHECKED
static void failure_sweep(void **state)
{
    (void)state;
    bool done = false;
    for (int64_t n = 0; !done; n++) {
        subx_local_storage *storage = NULL;
        bool was_set = false;
        subx_mem__fail_after(n);
        subx_status status = subx_local_storage_memory(&storage, NULL);
        if (status == SUBX_OK)
            status = storage->functions->set(storage->data, SUBX_LOCAL_PERSISTENT,
                                             subx_slice__text("k"), subx_slice__text("v"), NULL);
        if (status == SUBX_OK)
            status = storage->functions->compare_and_set(
                storage->data, SUBX_LOCAL_PERSISTENT, subx_slice__text("k"),
                &(subx_slice){(const uint8_t *)"v", 1}, subx_slice__text("w"), &was_set, NULL);
        subx_mem__fail_after(-1);
        done = status == SUBX_OK;
        assert_int_equal(done, was_set);
        if (!done)
            assert_int_equal(status, SUBX_NOMEM);
        subx_local_storage_free(storage);
        assert_true(n < 50);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_and_clearing),
        cmocka_unit_test(comparing),
        cmocka_unit_test(fork_aware),
        cmocka_unit_test(against_a_model),
        cmocka_unit_test(threads),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failure_sweep),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
