/* Random blocks; see random_blocks.h. */
#include "random_blocks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "trie/trie_shape.h"
#include "util/mem.h"

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test: %s\n", what);
    abort();
}

uint64_t random_next(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *seed;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static subx_slice child_name(size_t i)
{
    static const char *const names[BLOCK_CHILDREN] = {"", "a", "a\x10", "b"};
    static char long_name[700];
    if (i == 3) {
        memset(long_name, 'b', sizeof long_name);
        return subx_slice__of(long_name, sizeof long_name);
    }
    return subx_slice__text(names[i]);
}

static struct subx_trie_id trie_at(size_t i)
{
    return i < BLOCK_CHILDREN ? subx_trie_id__child(child_name(i)) : SUBX_MAIN_TRIE;
}

/* Append random bytes of a small alphabet, in which keys begin each other. */
static void append_key(struct subx_buf *out, uint64_t *seed, enum key_sizes sizes)
{
    static const uint8_t alphabet[] = {0x00, 0x01, 0x0f, 0x10, 0x11, 0x1f, 0x61, 0xf0, 0xff};
    static const size_t lead_sizes[] = {495, 502, 503, 504, 512, 600, 1004, 1005, 2000, 70000};
    size_t len = random_next(seed) % 5;
    if (sizes == LONG_KEYS && random_next(seed) % 3 == 0) {
        const size_t lead = lead_sizes[random_next(seed) % 10];
        require(subx_buf__reserve(out, lead), "memory");
        memset(out->data + out->len, 0xab, lead);
        out->len += lead;
    }
    for (; len > 0; len--)
        subx_buf__append_u8(out, alphabet[random_next(seed) % sizeof alphabet]);
}

static void append_value(struct subx_buf *out, uint64_t *seed)
{
    static const size_t lens[] = {0, 1, 4, 31, 32, 33, 40, 600, 5000};
    const size_t len = lens[random_next(seed) % 9];
    const uint8_t byte = (uint8_t)random_next(seed) & 3;
    for (size_t i = 0; i < len; i++)
        subx_buf__append_u8(out, byte);
}

static int compare(const void *a, const void *b)
{
    const struct subx_tree_change *const left = a;
    const struct subx_tree_change *const right = b;
    const int order = subx_trie__compare(left->key, right->key);
    return order != 0 ? order
                      : (left->key.data > right->key.data) - (left->key.data < right->key.data);
}

void block_fill(struct block *block, uint64_t seed, enum key_sizes sizes)
{
    *block = (struct block){.state_version = random_next(&seed) & 1,
                            .is_faithful = (random_next(&seed) & 3) != 0,
                            .is_dropped = random_next(&seed) % 8 == 0};
    /* room at once, so that the bytes do not move */
    require(subx_buf__reserve(&block->bytes, BLOCK_TRIES * BLOCK_CHANGES * 76000), "memory");
    const uint64_t removals = random_next(&seed) % 10; /* of ten */
    for (size_t t = 0; t < BLOCK_TRIES; t++) {
        block->touches[t] = t == BLOCK_CHILDREN || random_next(&seed) % 4 == 0;
        if (!block->touches[t])
            continue;
        block->counts[t] = random_next(&seed) % BLOCK_CHANGES;
        for (size_t i = 0; i < block->counts[t]; i++) {
            struct subx_tree_change *const change = &block->changes[t][i];
            size_t at = block->bytes.len;
            append_key(&block->bytes, &seed, sizes);
            change->key = subx_slice__of(block->bytes.data + at, block->bytes.len - at);
            change->remove = random_next(&seed) % 10 < removals;
            at = block->bytes.len;
            if (!change->remove)
                append_value(&block->bytes, &seed);
            change->value = subx_slice__of(block->bytes.data + at, block->bytes.len - at);
        }
        qsort(block->changes[t], block->counts[t], sizeof block->changes[t][0], compare);
    }
}

void block_free(struct block *block)
{
    subx_buf__free(&block->bytes);
}

/* The changes of the main trie and the roots of the touched child tries behind them, sorted. */
static size_t merge_main(const struct block *block, const struct block_outcome *out,
                         struct subx_buf keys[BLOCK_CHILDREN],
                         struct subx_tree_change list[BLOCK_CHANGES + BLOCK_CHILDREN])
{
    struct subx_tree_change roots[BLOCK_CHILDREN];
    size_t root_count = 0, count = 0, i = 0;
    for (size_t t = 0; t < BLOCK_CHILDREN; t++) {
        if (!block->touches[t])
            continue;
        subx_buf__append_text(&keys[t], SUBX_TRIE_CHILD_PREFIX);
        subx_buf__append_slice(&keys[t], child_name(t));
        roots[root_count++] = (struct subx_tree_change){
            subx_buf__slice(&keys[t]), subx_slice__of(out->roots[t], 32), out->is_empty[t]};
    }
    for (size_t r = 0; r < root_count; r++) {
        for (; i < block->counts[BLOCK_CHILDREN] &&
               subx_trie__compare(block->changes[BLOCK_CHILDREN][i].key, roots[r].key) <= 0;
             i++)
            list[count++] = block->changes[BLOCK_CHILDREN][i];
        list[count++] = roots[r];
    }
    for (; i < block->counts[BLOCK_CHILDREN]; i++)
        list[count++] = block->changes[BLOCK_CHILDREN][i];
    return count;
}

void block_run(const struct block *block, const struct subx_backend *backend, void *self,
               struct block_outcome *out, subx_error *error)
{
    struct subx_tree_change list[BLOCK_CHANGES + BLOCK_CHILDREN];
    struct subx_buf keys[BLOCK_CHILDREN] = {SUBX_BUF_INIT};
    void *view = NULL, *prepared = NULL;
    memset(out, 0, sizeof *out);
    out->status = backend->open(self, &view, error);
    if (out->status == SUBX_OK)
        out->status =
            backend->prepare(view, block->state_version, block->is_faithful, &prepared, error);
    for (size_t t = 0; t < BLOCK_TRIES && out->status == SUBX_OK; t++) {
        const bool is_main = t == BLOCK_CHILDREN;
        if (!block->touches[t])
            continue;
        const size_t count = is_main ? merge_main(block, out, keys, list) : block->counts[t];
        for (size_t i = 0; i < BLOCK_CHILDREN; i++)
            if (keys[i].failed)
                out->status = SUBX_NOMEM;
        if (out->status != SUBX_OK)
            break;
        out->status = backend->apply(prepared, trie_at(t), is_main ? list : block->changes[t],
                                     count, out->roots[t], &out->is_empty[t], error);
    }
    if (view != NULL)
        backend->close(view);
    if (out->status == SUBX_OK && !block->is_dropped)
        out->status = backend->commit(prepared, error);
    if (prepared != NULL && (out->status != SUBX_OK || block->is_dropped))
        backend->drop(prepared);
    for (size_t t = 0; t < BLOCK_CHILDREN; t++)
        subx_buf__free(&keys[t]);
}

struct listing {
    struct subx_buf keys; /* each with a byte behind it */
    uint64_t count;
};

static subx_status list_key(void *user, subx_slice key, bool *stop, subx_error *error)
{
    struct listing *const listing = user;
    (void)stop;
    (void)error;
    subx_buf__append_slice(&listing->keys, key);
    subx_buf__append_u8(&listing->keys, '|');
    listing->count++;
    return SUBX_OK;
}

/* Add a key and its value to what is hashed, and the key to a listing. */
static void add_key(const struct subx_backend *backend, void *view, struct subx_trie_id trie,
                    subx_slice key, struct subx_buf *all, struct listing *stepped)
{
    bool found = false, stop = false;
    subx_slice value = SUBX_EMPTY;
    require(backend->get(view, trie, key, &found, &value, NULL) == SUBX_OK && found,
            "a key that was told has no value");
    list_key(stepped, key, &stop, NULL);
    subx_buf__append_slice(all, key);
    subx_buf__append_u8(all, '=');
    subx_buf__append_slice(all, value);
    subx_buf__append_u8(all, '\n');
}

void state_hash(const struct subx_backend *backend, void *self, uint8_t out[32])
{
    struct subx_buf all = SUBX_BUF_INIT;
    void *view = NULL;
    require(backend->open(self, &view, NULL) == SUBX_OK, "a view cannot be opened");
    for (size_t t = 0; t < BLOCK_TRIES; t++) {
        const struct subx_trie_id trie = trie_at(t);
        struct listing walked = {SUBX_BUF_INIT, 0}, stepped = {SUBX_BUF_INIT, 0};
        bool found = false;
        const subx_status status =
            backend->walk(view, trie, SUBX_EMPTY, SUBX_EMPTY, list_key, &walked, NULL);
        subx_buf__append_format(&all, "trie %zu: %d\n", t, (int)status);
        if (status != SUBX_OK) {
            require(backend->get(view, trie, SUBX_EMPTY, &found, NULL, NULL) == status,
                    "get and walk differ");
            subx_buf__free(&walked.keys);
            continue;
        }
        require(backend->get(view, trie, SUBX_EMPTY, &found, NULL, NULL) == SUBX_OK, "get");
        if (found)
            add_key(backend, view, trie, SUBX_EMPTY, &all, &stepped);
        struct subx_buf key = SUBX_BUF_INIT;
        for (found = true; found;) {
            subx_slice next = SUBX_EMPTY;
            require(backend->next_key(view, trie, subx_buf__slice(&key), &found, &next, NULL) ==
                        SUBX_OK,
                    "next_key");
            if (!found)
                break;
            key.len = 0;
            subx_buf__append_slice(&key, next);
            add_key(backend, view, trie, subx_buf__slice(&key), &all, &stepped);
        }
        require(walked.count == stepped.count && subx_slice__equal(subx_buf__slice(&walked.keys),
                                                                   subx_buf__slice(&stepped.keys)),
                "walk and next_key differ");
        subx_buf__free(&key);
        subx_buf__free(&walked.keys);
        subx_buf__free(&stepped.keys);
    }
    backend->close(view);
    require(!all.failed, "memory");
    subx_hash__blake2b_256(subx_buf__slice(&all), out);
    subx_buf__free(&all);
}

/* Let a visitor have all keys of a trie. */
static void visit_all(const struct subx_backend *backend, void *view, size_t trie,
                      subx_backend_visitor *visit, void *user)
{
    require(backend->walk(view, trie_at(trie), SUBX_EMPTY, SUBX_EMPTY, visit, user, NULL) ==
                SUBX_OK,
            "the keys of a trie cannot be listed");
}

struct removals {
    struct subx_tree_change *list;
    size_t count;
};

static subx_status remove_key(void *user, subx_slice key, bool *stop, subx_error *error)
{
    struct removals *const removals = user;
    (void)stop;
    (void)error;
    removals->list = subx_mem__realloc(removals->list, removals->count + 1, sizeof *removals->list);
    require(removals->list != NULL, "memory");
    removals->list[removals->count++] =
        (struct subx_tree_change){{subx_mem__copy(key.data, key.len), key.len}, SUBX_EMPTY, true};
    return SUBX_OK;
}

void state_empty(const struct subx_backend *backend, void *self)
{
    void *view = NULL, *prepared = NULL;
    require(backend->open(self, &view, NULL) == SUBX_OK &&
                backend->prepare(view, 0, false, &prepared, NULL) == SUBX_OK,
            "no view");
    for (size_t t = 0; t < BLOCK_TRIES; t++) {
        struct removals removals = {NULL, 0};
        uint8_t root[32];
        bool is_empty = false;
        visit_all(backend, view, t, remove_key, &removals);
        require(backend->apply(prepared, trie_at(t), removals.list, removals.count, root, &is_empty,
                               NULL) == SUBX_OK &&
                    is_empty,
                "a trie does not get empty");
        for (size_t i = 0; i < removals.count; i++) {
            void *copy = NULL;
            memcpy(&copy, &removals.list[i].key.data, sizeof copy);
            subx_mem__free(copy);
        }
        subx_mem__free(removals.list);
    }
    backend->close(view);
    require(backend->commit(prepared, NULL) == SUBX_OK, "a commit fails");
}

static subx_status count_branch(void *user, const struct subx_shape_node *node, subx_error *error)
{
    (void)error;
    *(size_t *)user += node->bitmap != 0;
    return SUBX_OK;
}

static subx_status push_key(void *user, subx_slice key, bool *stop, subx_error *error)
{
    (void)stop;
    return subx_shape__push(user, key, error);
}

size_t state_branches(const struct subx_backend *backend, void *self, size_t trie)
{
    void *view = NULL;
    size_t count = 0;
    struct subx_shape shape;
    subx_shape__init(&shape, count_branch, &count);
    require(backend->open(self, &view, NULL) == SUBX_OK, "no view");
    visit_all(backend, view, trie, push_key, &shape);
    require(subx_shape__finish(&shape, NULL) == SUBX_OK, "no shape");
    subx_shape__free(&shape);
    backend->close(view);
    return count;
}

void state_root(const struct subx_backend *backend, void *self, uint8_t out[32])
{
    void *view = NULL, *prepared = NULL;
    bool is_empty = false;
    require(backend->open(self, &view, NULL) == SUBX_OK &&
                backend->prepare(view, 0, false, &prepared, NULL) == SUBX_OK &&
                backend->apply(prepared, SUBX_MAIN_TRIE, NULL, 0, out, &is_empty, NULL) == SUBX_OK,
            "no root");
    backend->drop(prepared);
    backend->close(view);
}

/* ---- Folders ---- */

char *folder_new(void)
{
    const char *const parent = getenv("TMPDIR");
    struct subx_buf path = SUBX_BUF_INIT;
    subx_buf__append_format(&path, "%s/subexec-test-state-XXXXXX",
                            parent != NULL ? parent : P_tmpdir);
    subx_buf__append_u8(&path, '\0');
    require(!path.failed && mkdtemp((char *)path.data) != NULL, "no folder");
    return (char *)path.data;
}

static void for_each_file(const char *folder, void (*use)(const char *path, const char *other),
                          const char *other)
{
    DIR *const files = opendir(folder);
    require(files != NULL, "a folder cannot be read");
    for (const struct dirent *file; (file = readdir(files)) != NULL;) {
        char path[4096], target[4096] = "";
        if (file->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        if (other != NULL)
            snprintf(target, sizeof target, "%s/%s", other, file->d_name);
        use(path, target);
    }
    closedir(files);
}

static void remove_one(const char *path, const char *other)
{
    (void)other;
    unlink(path);
}

/* Holes stay holes: the files of LMDB are small, but need not be. */
static void copy_one(const char *path, const char *target)
{
    static uint8_t room[1 << 16];
    const int from = open(path, O_RDONLY), to = open(target, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ssize_t got = 0;
    require(from >= 0 && to >= 0, "a file cannot be copied");
    while ((got = read(from, room, sizeof room)) > 0)
        require(write(to, room, (size_t)got) == got, "a file cannot be copied");
    require(got == 0, "a file cannot be copied");
    close(from);
    close(to);
}

void folder_copy(const char *from, const char *to)
{
    for_each_file(from, copy_one, to);
}

void folder_clear(const char *folder)
{
    for_each_file(folder, remove_one, NULL);
}

void folder_remove(char *folder)
{
    folder_clear(folder);
    require(rmdir(folder) == 0, "a folder cannot be removed");
    subx_mem__free(folder);
}
