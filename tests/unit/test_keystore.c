/* Keystores in memory and in a folder: include/subexec/keystore.h, spec/host-api.md sections 1.3
 * and 10. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <subexec/keystore.h>

#include "crypto/signature.h"
#include "platform/file.h"
#include "platform/folder.h"
#include "util/bytes.h"
#include "util/hex.h"
#include "util/mem.h"

static const uint8_t babe[4] = "babe", gran[4] = "gran";

#define ALICE "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
#define ALICE_ED "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee"
#define ALICE_EC "020a1091341fe5664bfa1782d5e04779689068c916b04cb365ec3153755684d9a1"
#define BOB "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"

/* ---- Asking a keystore ---- */

static void take_key(void *to, subx_slice key)
{
    struct subx_buf *const text = to;
    if (text->len > 0)
        subx_buf__append_u8(text, ' ');
    subx_hex__append(text, key);
}

/* The keystore's keys of that kind, in hex, with spaces between, are these. */
static void assert_keys(const subx_keystore *keystore, subx_key_scheme scheme,
                        const uint8_t key_type[4], const char *expected)
{
    struct subx_buf text = SUBX_BUF_INIT;
    subx_error error = SUBX_ERROR_INIT;
    if (keystore->functions->public_keys(keystore->data, scheme, key_type, take_key, &text,
                                         &error) != SUBX_OK)
        fail_msg("%s", error.message);
    subx_buf__append_u8(&text, '\0');
    assert_false(text.failed);
    assert_string_equal((const char *)text.data, expected);
    subx_buf__free(&text);
}

static void assert_generates(const subx_keystore *keystore, subx_key_scheme scheme,
                             const uint8_t key_type[4], const char *uri, const char *expected)
{
    const subx_slice seed = subx_slice__text(uri);
    uint8_t key[33];
    subx_error error = SUBX_ERROR_INIT;
    if (keystore->functions->generate(keystore->data, scheme, key_type, &seed, key, &error) !=
        SUBX_OK)
        fail_msg("%s", error.message);
    struct subx_buf text = SUBX_BUF_INIT;
    subx_hex__append(&text, subx_slice__of(key, strlen(expected) / 2));
    subx_buf__append_u8(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    subx_buf__free(&text);
}

static void public_key_of(const char *hex, uint8_t key[33])
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(hex), &bytes, NULL), SUBX_OK);
    assert_true(bytes.len <= 33);
    memcpy(key, bytes.data, bytes.len);
    subx_bytes_free(&bytes);
}

static subx_status sign(const subx_keystore *keystore, subx_key_scheme scheme,
                        const uint8_t key_type[4], const char *public_key, bool *found,
                        uint8_t signature[65], subx_error *error)
{
    uint8_t key[33];
    public_key_of(public_key, key);
    return keystore->functions->sign(keystore->data, scheme, key_type, key,
                                     subx_slice__text("message"), false, found, signature, error);
}

static bool can_sign(const subx_keystore *keystore, subx_key_scheme scheme,
                     const uint8_t key_type[4], const char *public_key)
{
    subx_error error = SUBX_ERROR_INIT;
    uint8_t signature[65], key[33];
    bool found = false;
    if (sign(keystore, scheme, key_type, public_key, &found, signature, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    public_key_of(public_key, key);
    if (found && scheme == SUBX_KEY_SR25519)
        assert_true(subx_signature__sr25519_verify(signature, subx_slice__text("message"), key));
    if (found && scheme == SUBX_KEY_ED25519)
        assert_true(subx_signature__ed25519_verify(signature, subx_slice__text("message"), key));
    return found;
}

static void assert_sign_fails(const subx_keystore *keystore, const char *public_key,
                              subx_status status, const char *text)
{
    subx_error error = SUBX_ERROR_INIT;
    uint8_t signature[65];
    bool found = false;
    assert_int_equal(sign(keystore, SUBX_KEY_SR25519, babe, public_key, &found, signature, &error),
                     status);
    assert_false(found);
    if (strstr(error.message, text) == NULL)
        fail_msg("'%s', expected '%s'", error.message, text);
}

/* ---- Both kinds ---- */

static subx_keystore *new_memory(void)
{
    subx_keystore *keystore = NULL;
    assert_int_equal(subx_keystore_memory(&keystore, NULL), SUBX_OK);
    return keystore;
}

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "keystore.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static subx_keystore *open_folder(void)
{
    subx_keystore *keystore = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_keystore_directory(folder, &keystore, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return keystore;
}

static void seeds_and_signatures(const subx_keystore *keystore)
{
    assert_keys(keystore, SUBX_KEY_SR25519, babe, "");
    assert_generates(keystore, SUBX_KEY_SR25519, babe, "//Alice", ALICE);
    assert_generates(keystore, SUBX_KEY_SR25519, babe, "//Bob", BOB);
    assert_generates(keystore, SUBX_KEY_SR25519, babe, "//Alice", ALICE);
    assert_generates(keystore, SUBX_KEY_ED25519, gran, "//Alice", ALICE_ED);
    assert_generates(keystore, SUBX_KEY_ECDSA, gran, "//Alice", ALICE_EC);
    /* sorted, each once; by type and length */
    assert_keys(keystore, SUBX_KEY_SR25519, babe, BOB " " ALICE);
    assert_keys(keystore, SUBX_KEY_ED25519, gran, ALICE_ED);
    assert_keys(keystore, SUBX_KEY_SR25519, gran, ALICE_ED);
    assert_keys(keystore, SUBX_KEY_ECDSA, gran, ALICE_EC);
    assert_keys(keystore, SUBX_KEY_ECDSA, babe, "");
    assert_true(can_sign(keystore, SUBX_KEY_SR25519, babe, ALICE));
    assert_true(can_sign(keystore, SUBX_KEY_SR25519, babe, BOB));
    assert_true(can_sign(keystore, SUBX_KEY_ED25519, gran, ALICE_ED));
    assert_true(can_sign(keystore, SUBX_KEY_ECDSA, gran, ALICE_EC));
    assert_false(can_sign(keystore, SUBX_KEY_SR25519, gran, ALICE));
    assert_false(can_sign(keystore, SUBX_KEY_SR25519, gran, ALICE_ED));
    assert_false(can_sign(keystore, SUBX_KEY_ED25519, babe, ALICE));
    uint8_t key[33];
    subx_error error = SUBX_ERROR_INIT;
    const subx_slice bad = subx_slice__text("//Alice///secret-words/");
    const subx_slice worse = subx_slice__text("some secret words");
    assert_int_equal(
        keystore->functions->generate(keystore->data, SUBX_KEY_SR25519, babe, &bad, key, &error),
        SUBX_OK);
    assert_int_equal(
        keystore->functions->generate(keystore->data, SUBX_KEY_SR25519, babe, &worse, key, &error),
        SUBX_INVALID_INPUT);
    assert_non_null(strstr(error.message, "the secret URI is wrong"));
    assert_null(strstr(error.message, "some"));
}

static void random_keys(const subx_keystore *keystore)
{
    for (int scheme = SUBX_KEY_SR25519; scheme <= SUBX_KEY_ECDSA; scheme++) {
        uint8_t first[33] = {0}, second[33] = {0};
        const uint8_t key_type[4] = {'r', 'n', 'd', (uint8_t)('0' + scheme)};
        assert_int_equal(keystore->functions->generate(keystore->data, (subx_key_scheme)scheme,
                                                       key_type, NULL, first, NULL),
                         SUBX_OK);
        assert_int_equal(keystore->functions->generate(keystore->data, (subx_key_scheme)scheme,
                                                       key_type, NULL, second, NULL),
                         SUBX_OK);
        assert_memory_not_equal(first, second, 32);
        bool found = false;
        uint8_t signature[65];
        assert_int_equal(keystore->functions->sign(keystore->data, (subx_key_scheme)scheme,
                                                   key_type, first, SUBX_EMPTY, false, &found,
                                                   signature, NULL),
                         SUBX_OK);
        assert_true(found);
    }
}

static void memory(void **state)
{
    (void)state;
    subx_keystore *const keystore = new_memory();
    seeds_and_signatures(keystore);
    random_keys(keystore);
    subx_keystore_free(keystore);
    subx_keystore_free(NULL);
}

/* More keys than the first room holds. */
static void many_keys(void **state)
{
    (void)state;
    subx_keystore *const keystore = new_memory();
    size_t count = 0;
    for (unsigned i = 0; i < 50; i++) {
        char uri[80];
        uint8_t key[33];
        snprintf(uri, sizeof uri,
                 "0x00000000000000000000000000000000000000000000000000000000000000%02x", i + 1);
        const subx_slice seed = subx_slice__text(uri);
        assert_int_equal(
            keystore->functions->generate(keystore->data, SUBX_KEY_ED25519, babe, &seed, key, NULL),
            SUBX_OK);
    }
    struct subx_buf text = SUBX_BUF_INIT;
    assert_int_equal(keystore->functions->public_keys(keystore->data, SUBX_KEY_ED25519, babe,
                                                      take_key, &text, NULL),
                     SUBX_OK);
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == ' ';
    assert_int_equal(count, 49);
    subx_buf__free(&text);
    subx_keystore_free(keystore);
}

/* ---- Threads ---- */

struct worker {
    pthread_t thread;
    const subx_keystore *keystore;
    unsigned first;
    bool good;
};

static void *make_keys(void *data)
{
    struct worker *const worker = data;
    const subx_keystore *const keystore = worker->keystore;
    worker->good = true;
    for (unsigned i = 0; i < 20; i++) {
        char uri[80];
        uint8_t key[33], signature[65];
        bool found = false;
        snprintf(uri, sizeof uri,
                 "0x00000000000000000000000000000000000000000000000000000000000000%02x",
                 worker->first + i);
        const subx_slice seed = subx_slice__text(uri);
        worker->good =
            worker->good &&
            keystore->functions->generate(keystore->data, SUBX_KEY_ED25519, babe, &seed, key,
                                          NULL) == SUBX_OK &&
            keystore->functions->sign(keystore->data, SUBX_KEY_ED25519, babe, key, SUBX_EMPTY,
                                      false, &found, signature, NULL) == SUBX_OK &&
            found;
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    subx_keystore *const keystore = new_memory();
    struct worker workers[4];
    size_t count = 1;
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){.keystore = keystore, .first = 1 + 10 * i}; /* overlapping */
        assert_int_equal(pthread_create(&workers[i].thread, NULL, make_keys, &workers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_true(workers[i].good);
    }
    struct subx_buf text = SUBX_BUF_INIT;
    assert_int_equal(keystore->functions->public_keys(keystore->data, SUBX_KEY_ED25519, babe,
                                                      take_key, &text, NULL),
                     SUBX_OK);
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == ' ';
    assert_int_equal(count, 50);
    subx_buf__free(&text);
    subx_keystore_free(keystore);
}

/* ---- The folder ---- */

static void write_file(const char *name, const char *content, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_file(const char *name, const char *content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct subx_file file;
    struct subx_file_fault fault;
    if (!subx_file__read(path, 1000, &file, &fault))
        fail_msg("%s: %s", path, fault.reason);
    assert_int_equal(file.len, strlen(content));
    assert_memory_equal(file.data, content, file.len);
    subx_file__free(&file);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
}

static bool count_name(void *data, const char *name)
{
    *(size_t *)data += name[0] != '.';
    return true;
}

static size_t count_files(void)
{
    size_t count = 0;
    struct subx_file_fault fault;
    assert_true(subx_folder__list(folder, count_name, &count, &fault));
    return count;
}

/* As in a node, seeds that a runtime gives are not written down; random keys are. */
static void directory(void **state)
{
    (void)state;
    subx_keystore *keystore = open_folder();
    seeds_and_signatures(keystore);
    assert_int_equal(count_files(), 0);
    random_keys(keystore);
    assert_int_equal(count_files(), 6);
    subx_keystore_free(keystore);
    keystore = open_folder();
    assert_keys(keystore, SUBX_KEY_SR25519, babe, "");
    assert_false(can_sign(keystore, SUBX_KEY_SR25519, babe, ALICE));
    subx_keystore_free(keystore);
}

/* What an operator inserts has the node's own format, and is there after opening again. */
static void inserting(void **state)
{
    (void)state;
    uint8_t key[33];
    subx_error error = SUBX_ERROR_INIT;
    subx_keystore *keystore = open_folder();
    const subx_slice alice = subx_slice__text("//Alice");
    assert_int_equal(subx_keystore_insert(keystore, SUBX_KEY_SR25519, babe, alice, key, &error),
                     SUBX_OK);
    assert_file("62616265" ALICE, "\"//Alice\"");
    assert_int_equal(subx_keystore_insert(keystore, SUBX_KEY_ECDSA, gran, alice, key, &error),
                     SUBX_OK);
    assert_file("6772616e" ALICE_EC, "\"//Alice\"");
    assert_int_equal(subx_keystore_insert(keystore, SUBX_KEY_ED25519, gran,
                                          subx_slice__text("//Alice///\"quoted\\"), key, &error),
                     SUBX_OK);
    assert_int_equal(
        subx_keystore_insert(keystore, SUBX_KEY_ED25519, gran, subx_slice__text("/"), key, &error),
        SUBX_INVALID_INPUT);
    assert_int_equal(count_files(), 3);
    subx_keystore_free(keystore);

    keystore = open_folder();
    assert_keys(keystore, SUBX_KEY_SR25519, babe, ALICE);
    assert_keys(keystore, SUBX_KEY_ECDSA, gran, ALICE_EC);
    assert_true(can_sign(keystore, SUBX_KEY_SR25519, babe, ALICE));
    assert_true(can_sign(keystore, SUBX_KEY_ECDSA, gran, ALICE_EC));
    bool found = false;
    uint8_t signature[65];
    assert_int_equal(keystore->functions->sign(keystore->data, SUBX_KEY_ED25519, gran, key,
                                               SUBX_EMPTY, false, &found, signature, NULL),
                     SUBX_OK);
    assert_true(found);
    subx_keystore_free(keystore);
}

/* Files of a node or of somebody else: upper-case names of keys are listed, what is no key is not. */
static void foreign_files(void **state)
{
    (void)state;
    subx_keystore *const keystore = open_folder();
    write_file("62616265" BOB, "\"//Bob\"", 0644);
    write_file("notes.txt", "hello", 0644);
    write_file("62616265", "\"//Bob\"", 0644);
    write_file("62616265ab", "\"//Bob\"", 0644);
    write_file("62616265" BOB "00", "\"//Bob\"", 0644);
    write_file("6261626x" BOB, "\"//Bob\"", 0644);
    write_file("6772616E" ALICE_ED, "\"//Alice\"", 0644);
    char path[128];
    snprintf(path, sizeof path, "%s/folder", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_keys(keystore, SUBX_KEY_SR25519, babe, BOB);
    assert_keys(keystore, SUBX_KEY_ED25519, gran, ALICE_ED);
    assert_keys(keystore, SUBX_KEY_ECDSA, babe, BOB "00");
    assert_true(can_sign(keystore, SUBX_KEY_SR25519, babe, BOB));
    /* the file is of another scheme */
    assert_false(can_sign(keystore, SUBX_KEY_ED25519, babe, BOB));
    /* a key of both places is listed once */
    assert_generates(keystore, SUBX_KEY_SR25519, babe, "//Bob", BOB);
    assert_keys(keystore, SUBX_KEY_SR25519, babe, BOB);
    subx_keystore_free(keystore);
}

static void broken_files(void **state)
{
    (void)state;
    subx_keystore *const keystore = open_folder();
    write_file("62616265" ALICE, "//Alice", 0600);
    assert_sign_fails(keystore, ALICE, SUBX_INVALID_INPUT, "no JSON string");
    write_file("62616265" ALICE, "{\"//Alice\":1}", 0600);
    assert_sign_fails(keystore, ALICE, SUBX_INVALID_INPUT, "no JSON string");
    write_file("62616265" ALICE, "\"nonsense\"", 0600);
    assert_sign_fails(keystore, ALICE, SUBX_INVALID_INPUT, "secret URI is wrong");
    write_file("62616265" ALICE, "", 0600);
    assert_sign_fails(keystore, ALICE, SUBX_IO, ALICE ": is empty");
    write_file("62616265" ALICE, "\"//Alice\"", 0666);
    assert_sign_fails(keystore, ALICE, SUBX_IO, "is not trusted");
    write_file("62616265" ALICE, "\"//Alice\"", 0620);
    assert_sign_fails(keystore, ALICE, SUBX_IO, "is not trusted");
    write_file("62616265" ALICE, "\"//Bob\"", 0600);
    assert_false(can_sign(keystore, SUBX_KEY_SR25519, babe, ALICE));
    write_file("62616265" ALICE, " \"//Alice\"\n", 0400);
    assert_true(can_sign(keystore, SUBX_KEY_SR25519, babe, ALICE));
    struct subx_buf large = SUBX_BUF_INIT;
    for (size_t i = 0; i < 70000; i++)
        subx_buf__append_u8(&large, ' ');
    subx_buf__append_text(&large, "\"//Alice\"");
    subx_buf__append_u8(&large, '\0');
    write_file("62616265" ALICE, (const char *)large.data, 0600);
    subx_buf__free(&large);
    assert_sign_fails(keystore, ALICE, SUBX_TOO_LARGE, "too large");
    subx_keystore_free(keystore);
}

static void open_fails(const char *path, const char *text)
{
    subx_keystore *keystore = (subx_keystore *)folder; /* anything but NULL */
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_keystore_directory(path, &keystore, &error), SUBX_IO);
    assert_null(keystore);
    assert_non_null(strstr(error.message, path));
    if (strstr(error.message, text) == NULL)
        fail_msg("'%s', expected '%s'", error.message, text);
}

static void folders_refused(void **state)
{
    (void)state;
    char path[128];
    write_file("file", "x", 0600);
    snprintf(path, sizeof path, "%s/file", folder);
    open_fails(path, "Not a directory");
    snprintf(path, sizeof path, "%s/missing/keystore", folder);
    open_fails(path, "No such file");
    assert_int_equal(chmod(folder, 0770), 0);
    open_fails(folder, "lets others write");
    assert_int_equal(chmod(folder, 01777), 0);
    open_fails(folder, "lets others write");
    assert_int_equal(chmod(folder, 0755), 0);
    subx_keystore_free(open_folder());
}

static void folder_is_made(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/keystore", folder);
    subx_keystore *keystore = NULL;
    assert_int_equal(subx_keystore_directory(path, &keystore, NULL), SUBX_OK);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
    /* and vanishes: an error, not an empty list */
    assert_int_equal(rmdir(path), 0);
    struct subx_buf text = SUBX_BUF_INIT;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(keystore->functions->public_keys(keystore->data, SUBX_KEY_ECDSA, babe,
                                                      take_key, &text, &error),
                     SUBX_IO);
    assert_non_null(strstr(error.message, "No such file"));
    assert_int_equal(keystore->functions->generate(keystore->data, SUBX_KEY_ECDSA, babe, NULL,
                                                   (uint8_t[33]){0}, NULL),
                     SUBX_IO);
    subx_keystore_free(keystore);
}

/* ---- An embedder's own ---- */

static void without_insert(void **state)
{
    (void)state;
    static const subx_keystore_functions none = {0};
    const subx_keystore keystore = {&none, NULL};
    uint8_t key[33];
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_keystore_insert(&keystore, SUBX_KEY_ECDSA, babe,
                                          subx_slice__text("//Alice"), key, &error),
                     SUBX_UNSUPPORTED);
}

#ifdef SUBX_CHECKED
/* The n-th allocation fails, for every n until none does. */
static void failure_sweep(void **state)
{
    (void)state;
    bool done = false;
    for (int64_t n = 0; !done; n++) {
        subx_keystore *keystore = NULL;
        uint8_t key[33], alice[33], signature[65];
        bool found = false;
        struct subx_buf text = SUBX_BUF_INIT;
        public_key_of(ALICE_ED, alice);
        subx_mem__fail_after(n);
        subx_status status = subx_keystore_directory(folder, &keystore, NULL);
        if (status == SUBX_OK)
            status = subx_keystore_insert(keystore, SUBX_KEY_ED25519, babe,
                                          subx_slice__text("//Alice"), key, NULL);
        if (status == SUBX_OK)
            status = keystore->functions->generate(keystore->data, SUBX_KEY_ED25519, gran,
                                                   &(subx_slice){NULL, 0}, key, NULL);
        if (status == SUBX_OK)
            status = keystore->functions->public_keys(keystore->data, SUBX_KEY_ED25519, babe,
                                                      take_key, &text, NULL);
        if (status == SUBX_OK)
            status = keystore->functions->sign(keystore->data, SUBX_KEY_ED25519, babe, alice,
                                               SUBX_EMPTY, false, &found, signature, NULL);
        const uint64_t asked = subx_mem__fail_after(-1);
        done = status == SUBX_OK && !text.failed;
        if (!done && status != SUBX_OK)
            assert_int_equal(status, SUBX_NOMEM);
        assert_true(done == (asked <= (uint64_t)n) || text.failed);
        subx_buf__free(&text);
        subx_keystore_free(keystore);
        assert_true(n < 100);
    }
}
#endif

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory),  cmocka_unit_test(many_keys),
        cmocka_unit_test(threads), IN_FOLDER(directory),
        IN_FOLDER(inserting),      IN_FOLDER(foreign_files),
        IN_FOLDER(broken_files),   IN_FOLDER(folders_refused),
        IN_FOLDER(folder_is_made), cmocka_unit_test(without_insert),
#ifdef SUBX_CHECKED
        IN_FOLDER(failure_sweep),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
