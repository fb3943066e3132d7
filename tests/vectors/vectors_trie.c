/*
 * Computes roots and proofs of tries and compares them with what the reference makes of them
 * (README.md in this folder).
 *
 *   vectors-trie [--case NAME] [--list] FILE...
 *
 * FILE holds one case, a JSON object, a line. Every root is computed in three ways: from the pairs
 * alone, by a tree that is built at once, and by one that grows key by key in another order and
 * loses keys that do not belong to it. Every proof is made, decoded, read from and made compact.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/scale.h"
#include "trie/tree.h"
#include "trie/trie_root.h"
#include "util/hex.h"

/* Pairs of a trie, and a key or a list of values where only one half is used. */
struct pairs {
    struct subx_trie_pair *items;
    size_t count;
};

struct child {
    subx_slice key;
    struct pairs entries;
    /* keys that are read */
    struct pairs reads;
    bool is_read;
};

/* A case, taken apart. */
struct trie_case {
    const char *name;
    const json_t *json;
    struct pairs entries, values, reads;
    struct child *children;
    size_t child_count;
    /* what failed, and how; the first counts */
    const char *member;
    char what[512];
};

/* Owner of all bytes of the running case. */
static struct {
    void **blocks;
    size_t count;
} pool;

static void *keep(void *block)
{
    void **const blocks = realloc(pool.blocks, (pool.count + 1) * sizeof *blocks);
    if (block == NULL || blocks == NULL)
        abort();
    pool.blocks = blocks;
    pool.blocks[pool.count++] = block;
    return block;
}

static void release_pool(void)
{
    for (size_t i = 0; i < pool.count; i++)
        free(pool.blocks[i]);
    free(pool.blocks);
    pool.blocks = NULL;
    pool.count = 0;
}

static bool fail(struct trie_case *self, const char *member, const char *what)
{
    if (self->member == NULL) {
        self->member = member;
        snprintf(self->what, sizeof self->what, "%s", what);
    }
    return false;
}

static bool fail_status(struct trie_case *self, const char *member, const char *doing,
                        const subx_error *error)
{
    char text[sizeof self->what];
    snprintf(text, sizeof text, "%s: %.400s", doing, error->message);
    return fail(self, member, text);
}

/* Compare two byte strings; the message shows where they part. */
static bool compare(struct trie_case *self, const char *member, const char *how, subx_slice got,
                    subx_slice expected)
{
    if (subx_slice__equal(got, expected))
        return true;
    size_t at = 0;
    while (at < got.len && at < expected.len && got.data[at] == expected.data[at])
        at++;
    struct subx_buf text = SUBX_BUF_INIT;
    subx_buf__append_format(&text, "%s: %zu bytes, expected %zu; from offset %zu on ", how, got.len,
                            expected.len, at);
    subx_hex__append(&text, subx_slice__of(got.data + at, got.len - at < 16 ? got.len - at : 16));
    subx_buf__append_text(&text, ", expected ");
    subx_hex__append(
        &text, subx_slice__of(expected.data + at, expected.len - at < 16 ? expected.len - at : 16));
    subx_buf__append_u8(&text, '\0');
    fail(self, member, text.failed ? "bytes differ" : (const char *)text.data);
    subx_buf__free(&text);
    return false;
}

/* Reading a case. */

static bool bytes_of(const char *hex, subx_slice *out)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    if (hex == NULL || subx_hex__decode(subx_slice__text(hex), &bytes, NULL) != SUBX_OK)
        return false;
    /* an allocation of its own, of exactly this size, so that a read beyond it is seen */
    uint8_t *const copy = keep(malloc(bytes.len == 0 ? 1 : bytes.len));
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    *out = subx_slice__of(copy, bytes.len);
    subx_bytes_free(&bytes);
    return true;
}

/* Pairs: a list of lists of two, an object, or a list of strings, which are keys. */
static bool read_pairs(const json_t *json, struct pairs *out)
{
    const bool is_object = json_is_object(json);
    const size_t count = is_object ? json_object_size(json) : json_array_size(json);
    *out = (struct pairs){keep(calloc(count + 1, sizeof *out->items)), count};
    if (!is_object && !json_is_array(json))
        return json == NULL;
    if (is_object) {
        size_t i = 0;
        const char *key = NULL;
        json_t *value = NULL;
        json_object_foreach((json_t *)(uintptr_t)json, key, value)
        {
            struct subx_trie_pair *const pair = &out->items[i++];
            if (!bytes_of(key, &pair->key) || !bytes_of(json_string_value(value), &pair->value))
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *const item = json_array_get(json, i);
        const bool is_pair = json_is_array(item) && json_array_size(item) == 2;
        const json_t *const key = is_pair ? json_array_get(item, 0) : item;
        if (!bytes_of(json_string_value(key), &out->items[i].key) ||
            (is_pair &&
             !bytes_of(json_string_value(json_array_get(item, 1)), &out->items[i].value)))
            return false;
    }
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct subx_trie_pair *const left = a, *const right = b;
    return subx_trie__compare(left->key, right->key);
}

static bool read_children(struct trie_case *self)
{
    json_t *const children = json_object_get(self->json, "children");
    json_t *const reads = json_object_get(self->json, "proof_child_keys");
    const char *key = NULL;
    json_t *entries = NULL;
    self->children = keep(calloc(json_object_size(children) + 1, sizeof *self->children));
    json_object_foreach(children, key, entries)
    {
        struct child *const child = &self->children[self->child_count++];
        const json_t *const child_reads = json_object_get(reads, key);
        child->is_read = child_reads != NULL;
        if (!bytes_of(key, &child->key) || !read_pairs(entries, &child->entries) ||
            !read_pairs(child_reads, &child->reads))
            return fail(self, "children", "not of the form this program knows");
        qsort(child->entries.items, child->entries.count, sizeof *child->entries.items, by_key);
    }
    json_object_foreach(reads, key, entries)
    {
        if (json_object_get(children, key) == NULL)
            return fail(self, "proof_child_keys", "a child trie that is not there");
    }
    return true;
}

static bool read_case(struct trie_case *self)
{
    if (!read_pairs(json_object_get(self->json, "entries"), &self->entries))
        return fail(self, "entries", "not of the form this program knows");
    if (!read_pairs(json_object_get(self->json, "values"), &self->values))
        return fail(self, "values", "not of the form this program knows");
    if (!read_pairs(json_object_get(self->json, "proof_keys"), &self->reads))
        return fail(self, "proof_keys", "not of the form this program knows");
    return read_children(self);
}

/* Trees. */

static bool build_tree(struct trie_case *self, const char *member,
                       const struct subx_trie_hasher *hasher, unsigned version,
                       const struct pairs *pairs, struct subx_tree *out)
{
    subx_error error = SUBX_ERROR_INIT;
    struct subx_tree_builder *const builder = subx_tree_builder__new(hasher);
    subx_status status = builder == NULL ? SUBX_NOMEM : SUBX_OK;
    subx_tree__init(out, hasher);
    for (size_t i = 0; i < pairs->count && status == SUBX_OK; i++) {
        const struct subx_trie_pair *const pair = &pairs->items[i];
        status = subx_tree_builder__push(builder, pair->key, pair->value,
                                         subx_trie__is_hashed(version, pair->value.len), &error);
    }
    if (status == SUBX_OK)
        status = subx_tree_builder__finish(builder, out, &error);
    subx_tree_builder__free(builder);
    return status == SUBX_OK || fail_status(self, member, "building a tree", &error);
}

/* Grow a tree in another order; after each pair, a key that does not belong to it is added, and it
 * goes again in the end. */
static subx_status grow_tree(const struct pairs *pairs, unsigned version, struct subx_tree *tree,
                             subx_error *error)
{
    subx_status status = SUBX_OK;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t n = 0; n < pairs->count && status == SUBX_OK; n++) {
            const size_t i = pairs->count % 7 != 0 ? n * 7 % pairs->count : n;
            const struct subx_trie_pair *const pair = &pairs->items[i];
            uint8_t *const other = keep(malloc(pair->key.len + 1));
            if (pair->key.len > 0)
                memcpy(other, pair->key.data, pair->key.len);
            other[pair->key.len] = (uint8_t)(7 * i);
            const struct subx_trie_pair guest = {{other, pair->key.len + 1}, {other, 1}};
            if (bsearch(&guest, pairs->items, pairs->count, sizeof guest, by_key) != NULL)
                continue;
            if (pass == 0)
                status = subx_tree__set(tree, guest.key, guest.value, false, error);
            else
                status = subx_tree__remove(tree, guest.key, NULL, error);
            /* the form is the last one that was written */
            if (pass == 0 && status == SUBX_OK && n % 2 == 0)
                status = subx_tree__set(tree, pair->key, pair->value, version == 0, error);
        }
    for (size_t i = pairs->count; i-- > 0 && status == SUBX_OK;)
        status =
            subx_tree__set(tree, pairs->items[i].key, pairs->items[i].value, version != 0, error);
    return status;
}

static bool check_root(struct trie_case *self, const char *member,
                       const struct subx_trie_hasher *hasher, unsigned version,
                       const struct pairs *pairs)
{
    subx_error error = SUBX_ERROR_INIT;
    uint8_t root[SUBX_TRIE_HASH_SIZE] = {0};
    const subx_slice got = subx_slice__of(root, sizeof root);
    subx_slice expected;
    struct subx_tree tree;
    if (!bytes_of(json_string_value(json_object_get(self->json, member)), &expected))
        return fail(self, member, "missing");
    if (subx_trie__root(hasher, version, pairs->items, pairs->count, root, &error) != SUBX_OK)
        return fail_status(self, member, "from pairs", &error);
    bool good = compare(self, member, "from pairs", got, expected);
    good = build_tree(self, member, hasher, version, pairs, &tree) && good;
    if (subx_tree__root(&tree, root, &error) != SUBX_OK)
        good = fail_status(self, member, "root of a tree", &error);
    good = compare(self, member, "from a tree", got, expected) && good;
    subx_tree__free(&tree);
    if (grow_tree(pairs, version, &tree, &error) != SUBX_OK ||
        subx_tree__root(&tree, root, &error) != SUBX_OK)
        good = fail_status(self, member, "growing a tree", &error);
    good = compare(self, member, "from a tree that grew", got, expected) && good;
    subx_tree__free(&tree);
    return good;
}

static bool check_ordered(struct trie_case *self, const char *member,
                          const struct subx_trie_hasher *hasher, unsigned version)
{
    subx_error error = SUBX_ERROR_INIT;
    uint8_t root[SUBX_TRIE_HASH_SIZE];
    subx_slice expected;
    if (!bytes_of(json_string_value(json_object_get(self->json, member)), &expected))
        return fail(self, member, "missing");
    subx_slice *const values = keep(calloc(self->values.count + 1, sizeof *values));
    for (size_t i = 0; i < self->values.count; i++)
        values[i] = self->values.items[i].key;
    if (subx_trie__ordered_root(hasher, version, values, self->values.count, root, &error) !=
        SUBX_OK)
        return fail_status(self, member, "ordered root", &error);
    return compare(self, member, "ordered root", subx_slice__of(root, sizeof root), expected);
}

/* The state: main trie and child tries. */
struct state {
    struct subx_tree main;
    struct subx_tree *children;
    uint8_t root[SUBX_TRIE_HASH_SIZE];
};

static subx_slice child_root_key(const struct child *child)
{
    const size_t prefix = strlen(SUBX_TRIE_CHILD_PREFIX);
    uint8_t *const key = keep(malloc(prefix + child->key.len));
    memcpy(key, SUBX_TRIE_CHILD_PREFIX, prefix);
    if (child->key.len > 0)
        memcpy(key + prefix, child->key.data, child->key.len);
    return subx_slice__of(key, prefix + child->key.len);
}

static bool build_state(struct trie_case *self, const char *member, unsigned version,
                        struct state *state)
{
    subx_error error = SUBX_ERROR_INIT;
    state->children = keep(calloc(self->child_count + 1, sizeof *state->children));
    bool good = build_tree(self, member, &subx_trie_blake2b, version, &self->entries, &state->main);
    subx_status status = SUBX_OK;
    for (size_t i = 0; i < self->child_count; i++) {
        const struct child *const child = &self->children[i];
        uint8_t root[SUBX_TRIE_HASH_SIZE];
        good = build_tree(self, member, &subx_trie_blake2b, version, &child->entries,
                          &state->children[i]) &&
               good;
        status = subx_tree__root(&state->children[i], root, &error);
        if (status == SUBX_OK && child->entries.count > 0)
            status = subx_tree__set(&state->main, child_root_key(child),
                                    subx_slice__of(root, sizeof root), version != 0, &error);
        if (status != SUBX_OK)
            good = fail_status(self, member, "a child trie", &error);
    }
    if (subx_tree__root(&state->main, state->root, &error) != SUBX_OK)
        good = fail_status(self, member, "root of the state", &error);
    return good;
}

static void free_state(const struct trie_case *self, struct state *state)
{
    for (size_t i = 0; i < self->child_count; i++)
        subx_tree__free(&state->children[i]);
    subx_tree__free(&state->main);
}

/* Proofs. */

static bool read_list(const json_t *json, struct subx_buf *scale, size_t *count)
{
    subx_slice item;
    *count = json_array_size(json);
    if (!json_is_array(json))
        return false;
    subx_scale__append_compact(scale, *count);
    for (size_t i = 0; i < *count; i++) {
        if (!bytes_of(json_string_value(json_array_get(json, i)), &item))
            return false;
        subx_scale__append_bytes(scale, item);
    }
    return !scale->failed;
}

/* Read keys of a trie and compare with its entries. */
static bool read_keys(struct trie_case *self, const char *member, const struct subx_tree *tree,
                      const struct pairs *keys, const struct pairs *entries,
                      struct subx_proof *recorder)
{
    subx_error error = SUBX_ERROR_INIT;
    for (size_t i = 0; i < keys->count; i++) {
        const struct subx_trie_pair *const pair = bsearch(
            &keys->items[i], entries->items, entries->count, sizeof *entries->items, by_key);
        struct subx_tree_entry entry;
        if (subx_tree__get(tree, keys->items[i].key, recorder, &entry, &error) != SUBX_OK)
            return fail_status(self, member, "reading", &error);
        /* the roots of child tries are not among the entries */
        if (pair == NULL && entry.found &&
            subx_slice__starts_with(keys->items[i].key, subx_slice__text(SUBX_TRIE_CHILD_PREFIX)))
            continue;
        if (entry.found != (pair != NULL))
            return fail(self, member, entry.found ? "a key too much" : "a key is missing");
        if (entry.found && !compare(self, member, "value of a key", entry.value, pair->value))
            return false;
    }
    return true;
}

static bool read_state(struct trie_case *self, const char *member, const struct state *state,
                       struct subx_proof *recorder)
{
    subx_error error = SUBX_ERROR_INIT;
    bool good = read_keys(self, member, &state->main, &self->reads, &self->entries, recorder);
    for (size_t i = 0; i < self->child_count && good; i++) {
        const struct child *const child = &self->children[i];
        struct subx_tree_entry root;
        if (!child->is_read)
            continue;
        if (subx_tree__get(&state->main, child_root_key(child), recorder, &root, &error) != SUBX_OK)
            return fail_status(self, member, "reading a child's root", &error);
        good =
            read_keys(self, member, &state->children[i], &child->reads, &child->entries, recorder);
    }
    return good;
}

/* Make partial tries of a proof and read from them; record it, too. */
static bool use_proof(struct trie_case *self, const char *member, const struct state *whole,
                      const struct subx_proof *proof, struct subx_proof *recorder)
{
    subx_error error = SUBX_ERROR_INIT;
    struct state state;
    bool good = true;
    state.children = keep(calloc(self->child_count + 1, sizeof *state.children));
    if (subx_tree__from_proof(proof, whole->root, &state.main, &error) != SUBX_OK)
        good = fail_status(self, member, "a partial trie", &error);
    for (size_t i = 0; i < self->child_count; i++) {
        uint8_t root[SUBX_TRIE_HASH_SIZE];
        struct subx_tree child;
        subx_tree__snapshot(&whole->children[i], &child);
        if (subx_tree__root(&child, root, &error) != SUBX_OK ||
            subx_tree__from_proof(proof, root, &state.children[i], &error) != SUBX_OK)
            good = fail_status(self, member, "a partial child trie", &error);
        subx_tree__free(&child);
    }
    good = good && read_state(self, member, &state, recorder);
    free_state(self, &state);
    return good;
}

static bool check_proof(struct trie_case *self, const char *member, const struct state *state,
                        struct subx_proof *recorded)
{
    subx_error error = SUBX_ERROR_INIT;
    struct subx_buf expected = SUBX_BUF_INIT, got = SUBX_BUF_INIT, again = SUBX_BUF_INIT;
    struct subx_proof decoded, second;
    size_t count = 0;
    bool good = read_state(self, member, state, recorded);
    subx_proof__init(&decoded, &subx_trie_blake2b);
    subx_proof__init(&second, &subx_trie_blake2b);
    if (!read_list(json_object_get(self->json, member), &expected, &count))
        good = fail(self, member, "missing, or no list of hex");
    if (subx_proof__encode(recorded, &got, &error) != SUBX_OK)
        good = fail_status(self, member, "encoding", &error);
    good = compare(self, member, "recorded", subx_buf__slice(&got), subx_buf__slice(&expected)) &&
           good;
    if (subx_proof__decode(&decoded, subx_buf__slice(&expected), &error) != SUBX_OK)
        good = fail_status(self, member, "decoding", &error);
    else if (good)
        good = use_proof(self, member, state, &decoded, &second);
    if (good && subx_proof__encode(&second, &again, &error) != SUBX_OK)
        good = fail_status(self, member, "encoding", &error);
    if (good)
        good = compare(self, member, "recorded from itself", subx_buf__slice(&again),
                       subx_buf__slice(&expected));
    subx_proof__free(&decoded);
    subx_proof__free(&second);
    subx_buf__free(&expected);
    subx_buf__free(&got);
    subx_buf__free(&again);
    return good;
}

static bool check_compact(struct trie_case *self, const char *member, const struct state *state,
                          const struct subx_proof *recorded)
{
    subx_error error = SUBX_ERROR_INIT;
    struct subx_buf expected = SUBX_BUF_INIT, got = SUBX_BUF_INIT;
    struct subx_buf back = SUBX_BUF_INIT, before = SUBX_BUF_INIT;
    struct subx_proof decoded;
    size_t count = 0;
    bool good = true;
    subx_proof__init(&decoded, &subx_trie_blake2b);
    if (!read_list(json_object_get(self->json, member), &expected, &count))
        good = fail(self, member, "missing, or no list of hex");
    if (subx_proof__encode_compact(recorded, state->root, SIZE_MAX, &got, &error) != SUBX_OK)
        good = fail_status(self, member, "encoding", &error);
    good =
        compare(self, member, "encoded", subx_buf__slice(&got), subx_buf__slice(&expected)) && good;
    const subx_status status =
        subx_proof__decode_compact(&decoded, subx_buf__slice(&expected), state->root, NULL, &error);
    if (count == 0)
        good =
            (status == SUBX_INVALID_INPUT || fail(self, member, "no nodes were accepted")) && good;
    else if (status != SUBX_OK)
        good = fail_status(self, member, "decoding", &error);
    if (subx_proof__encode(&decoded, &back, &error) != SUBX_OK ||
        subx_proof__encode(recorded, &before, &error) != SUBX_OK)
        good = fail_status(self, member, "encoding", &error);
    good =
        compare(self, member, "decoded", subx_buf__slice(&back), subx_buf__slice(&before)) && good;
    subx_proof__free(&decoded);
    subx_buf__free(&expected);
    subx_buf__free(&got);
    subx_buf__free(&back);
    subx_buf__free(&before);
    return good;
}

static bool check_state(struct trie_case *self, unsigned version)
{
    static const char *const members[][3] = {{"state_root_v0", "proof_v0", "compact_v0"},
                                             {"state_root_v1", "proof_v1", "compact_v1"}};
    const char *const *const member = members[version];
    struct state state;
    struct subx_proof recorded;
    subx_slice expected;
    subx_proof__init(&recorded, &subx_trie_blake2b);
    bool good = build_state(self, member[0], version, &state);
    if (!bytes_of(json_string_value(json_object_get(self->json, member[0])), &expected))
        good = fail(self, member[0], "missing");
    else
        good = compare(self, member[0], "root of the state",
                       subx_slice__of(state.root, sizeof state.root), expected) &&
               good;
    if (good)
        good = check_proof(self, member[1], &state, &recorded) &&
               check_compact(self, member[2], &state, &recorded);
    subx_proof__free(&recorded);
    free_state(self, &state);
    return good;
}

static bool check_members(struct trie_case *self)
{
    static const char *const known[] = {"name",
                                        "entries",
                                        "values",
                                        "children",
                                        "proof_keys",
                                        "proof_v0",
                                        "proof_v1",
                                        "proof_child_keys",
                                        "compact_v0",
                                        "compact_v1",
                                        "blake2_root_v0",
                                        "blake2_root_v1",
                                        "keccak_root_v0",
                                        "keccak_root_v1",
                                        "ordered_root_v0",
                                        "ordered_root_v1",
                                        "state_root_v0",
                                        "state_root_v1",
                                        "keccak_ordered_root_v1"};
    const char *member = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)self->json, member, value)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(known[i], member) != 0)
            i++;
        if (i == sizeof known / sizeof *known)
            return fail(self, member, "unknown member");
    }
    return true;
}

static bool check_case(struct trie_case *self)
{
    if (!check_members(self) || !read_case(self))
        return false;
    bool good = check_root(self, "blake2_root_v0", &subx_trie_blake2b, 0, &self->entries);
    good = check_root(self, "blake2_root_v1", &subx_trie_blake2b, 1, &self->entries) && good;
    good = check_root(self, "keccak_root_v0", &subx_trie_keccak, 0, &self->entries) && good;
    good = check_root(self, "keccak_root_v1", &subx_trie_keccak, 1, &self->entries) && good;
    good = check_ordered(self, "ordered_root_v0", &subx_trie_blake2b, 0) && good;
    good = check_ordered(self, "ordered_root_v1", &subx_trie_blake2b, 1) && good;
    good = check_ordered(self, "keccak_ordered_root_v1", &subx_trie_keccak, 1) && good;
    good = check_state(self, 0) && good;
    return check_state(self, 1) && good;
}

/* The program. */

struct options {
    const char *only;
    bool list;
};

struct totals {
    unsigned long passed, failed;
};

static void run_case(const json_t *json, const struct options *options, struct totals *totals)
{
    struct trie_case self = {.name = json_string_value(json_object_get(json, "name")),
                             .json = json};
    if (self.name == NULL)
        self.name = "(no name)";
    if (options->only != NULL && strcmp(options->only, self.name) != 0)
        return;
    if (options->list) {
        puts(self.name);
        return;
    }
    if (check_case(&self)) {
        totals->passed++;
    } else {
        printf("FAIL %s: %s: %s\n", self.name, self.member, self.what);
        totals->failed++;
    }
    release_pool();
}

static bool run_file(const char *path, const struct options *options, struct totals *totals)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    bool good = true;
    for (int next = getc(file); next != EOF && good; next = getc(file)) {
        if (next == ' ' || next == '\n' || next == '\r' || next == '\t')
            continue;
        ungetc(next, file);
        json_error_t json_error;
        json_t *const value = json_loadf(file, JSON_DISABLE_EOF_CHECK, &json_error);
        good = json_is_object(value);
        if (good)
            run_case(value, options, totals);
        else
            fprintf(stderr, "%s: %s\n", path, value == NULL ? json_error.text : "no object");
        json_decref(value);
    }
    fclose(file);
    return good;
}

static int usage(void)
{
    fputs("usage: vectors-trie [--case NAME] [--list] FILE...\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct options options = {NULL, false};
    struct totals totals = {0, 0};
    int files = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            argv[files++] = argv[i];
        else if (strcmp(argv[i], "--list") == 0)
            options.list = true;
        else if (strcmp(argv[i], "--case") == 0 && i + 1 < argc)
            options.only = argv[++i];
        else
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
