/* Storage, slowly: see storage_model.h. */
#include "storage_model.h"

#include <stdlib.h>

#define OFFCHAIN MODEL_TRIES

static const char *const child_names[MODEL_CHILDREN] = {"a", "a\x10", "a\x10\x11", "a\x10\x22",
                                                        "b"};

subx_slice model_child_name(size_t trie)
{
    return subx_slice__text(child_names[trie - 1]);
}

struct subx_trie_id model_trie_id(size_t trie)
{
    return trie == 0 ? SUBX_MAIN_TRIE : subx_trie_id__child(model_child_name(trie));
}

/* ---- Changes ---- */

static struct model_layer *top(struct model *model)
{
    return &model->layers[model->depth];
}

static void free_layer(struct model_layer *layer)
{
    for (size_t i = 0; i <= MODEL_TRIES; i++)
        naive_trie_free(&layer->changes[i]);
}

static void put(struct model *model, size_t trie, subx_slice key, const subx_slice *value)
{
    const size_t len = value == NULL ? 0 : value->len;
    uint8_t *const marked = malloc(1 + len);
    if (marked == NULL)
        abort();
    marked[0] = value != NULL;
    if (len > 0)
        memcpy(marked + 1, value->data, len);
    naive_trie_set(&top(model)->changes[trie], key, (subx_slice){marked, 1 + len}, false);
    free(marked);
}

static bool is_value(const struct naive_pair *change)
{
    return change->value[0] == 1;
}

static subx_slice value_of(const struct naive_pair *change)
{
    return (subx_slice){change->value + 1, change->value_len - 1};
}

static enum subx_overlay_answer changed(const struct model *model, size_t trie, subx_slice key,
                                        subx_slice *value)
{
    const struct naive_pair *const change =
        naive_trie_get(&model->layers[model->depth].changes[trie], key);
    if (change == NULL)
        return SUBX_OVERLAY_NOTHING;
    *value = value_of(change);
    return is_value(change) ? SUBX_OVERLAY_VALUE : SUBX_OVERLAY_REMOVED;
}

enum subx_overlay_answer model_indexed(const struct model *model, subx_slice key, subx_slice *value)
{
    return changed(model, OFFCHAIN, key, value);
}

void model_forget_root(struct model *model)
{
    for (size_t i = 0; i < MODEL_TRIES; i++)
        naive_trie_free(&model->cached.tries[i]);
    model->cached.is_known = false;
}

void model_drop_changes(struct model *model)
{
    model_forget_root(model);
    for (unsigned i = 0; i <= model->depth; i++)
        free_layer(&model->layers[i]);
    model->depth = 0;
    memset(model->touched, 0, sizeof model->touched);
}

void model_free(struct model *model)
{
    model_drop_changes(model);
    for (size_t i = 0; i < MODEL_TRIES; i++)
        naive_trie_free(&model->base[i]);
}

/* ---- The state ---- */

struct root_key {
    uint8_t bytes[64];
    subx_slice key;
};

static void make_root_key(size_t trie, struct root_key *root_key)
{
    static const char prefix[] = ":child_storage:default:";
    const subx_slice name = model_child_name(trie);
    memcpy(root_key->bytes, prefix, sizeof prefix - 1);
    memcpy(root_key->bytes + sizeof prefix - 1, name.data, name.len);
    root_key->key = (subx_slice){root_key->bytes, sizeof prefix - 1 + name.len};
}

static const struct naive_trie nothing;

/* A trie of the state. A child exists if its root stands in the main trie; what is not its root
 * makes the reference panic. */
static subx_status base_of(const struct model *model, size_t trie, const struct naive_trie **out)
{
    *out = &model->base[trie];
    if (trie == 0)
        return SUBX_OK;
    struct root_key root_key;
    uint8_t root[32];
    make_root_key(trie, &root_key);
    const struct naive_pair *const entry = naive_trie_get(&model->base[0], root_key.key);
    if (entry == NULL) {
        *out = &nothing;
        return SUBX_OK;
    }
    naive_trie_root(&model->base[trie], &subx_trie_blake2b, root);
    return subx_slice__equal(naive_value(entry), (subx_slice){root, 32})
               ? SUBX_OK
               : SUBX_TRIE_REFERENCE_PANICS;
}

subx_status model_get(const struct model *model, size_t trie, subx_slice key, bool *found,
                      subx_slice *value)
{
    const struct naive_trie *base = NULL;
    const enum subx_overlay_answer answer = changed(model, trie, key, value);
    *found = answer == SUBX_OVERLAY_VALUE;
    if (answer != SUBX_OVERLAY_NOTHING)
        return SUBX_OK;
    if (base_of(model, trie, &base) != SUBX_OK)
        return SUBX_TRIE_REFERENCE_PANICS;
    const struct naive_pair *const pair = naive_trie_get(base, key);
    *found = pair != NULL;
    if (pair != NULL)
        *value = naive_value(pair);
    return SUBX_OK;
}

static bool is_less(subx_slice a, subx_slice b)
{
    const size_t shared = a.len < b.len ? a.len : b.len;
    const int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;
    return order != 0 ? order < 0 : a.len < b.len;
}

/* The least key in `trie` that is greater, and for which `skip`, if it has the key, has a value. */
static bool next_in(const struct naive_trie *trie, subx_slice key, const struct naive_trie *skip,
                    subx_slice *next)
{
    for (size_t i = 0; i < trie->count; i++) {
        *next = naive_key(&trie->pairs[i]);
        const struct naive_pair *const change = naive_trie_get(skip, *next);
        if (is_less(key, *next) && (change == NULL || is_value(change)))
            return true;
    }
    return false;
}

subx_status model_next_key(const struct model *model, size_t trie, subx_slice key, bool *found,
                           subx_slice *next)
{
    const struct naive_trie *base = NULL;
    const struct naive_trie *const changes = &model->layers[model->depth].changes[trie];
    if (base_of(model, trie, &base) != SUBX_OK)
        return SUBX_TRIE_REFERENCE_PANICS;
    subx_slice other = SUBX_EMPTY;
    *found = next_in(base, key, changes, next);
    if (next_in(changes, key, changes, &other) && (!*found || is_less(other, *next))) {
        *found = true;
        *next = other;
    }
    return SUBX_OK;
}

/* ---- Writing ---- */

static bool starts_with(subx_slice key, const char *prefix)
{
    return key.len >= strlen(prefix) && memcmp(key.data, prefix, strlen(prefix)) == 0;
}

static void touch(struct model *model, size_t trie)
{
    model_forget_root(model);
    model->touched[trie] = true;
}

void model_set(struct model *model, size_t trie, subx_slice key, subx_slice value)
{
    if (trie == 0 && starts_with(key, ":child_storage:"))
        return;
    touch(model, trie);
    put(model, trie, key, &value);
}

void model_remove(struct model *model, size_t trie, subx_slice key)
{
    if (trie == 0 && starts_with(key, ":child_storage:"))
        return;
    touch(model, trie);
    put(model, trie, key, NULL);
}

void model_index(struct model *model, subx_slice key, const subx_slice *value)
{
    put(model, OFFCHAIN, key, value);
}

/* Length of the count at the beginning of a list, in its shortest form; 0: there is none. */
static size_t read_count(subx_slice bytes, uint64_t *count)
{
    static const uint64_t least[] = {0, 1 << 6, 1 << 14, 1 << 30};
    static const size_t lens[] = {1, 2, 4, 5};
    if (bytes.len == 0)
        return 0;
    const unsigned mode = bytes.data[0] & 3;
    if (bytes.len < lens[mode] || (mode == 3 && bytes.data[0] != 3))
        return 0;
    *count = 0;
    for (size_t i = mode == 3 ? 1 : 0; i < lens[mode]; i++)
        *count |= (uint64_t)bytes.data[i] << 8 * (i - (mode == 3 ? 1 : 0));
    if (mode != 3)
        *count >>= 2;
    return *count >= least[mode] ? lens[mode] : 0;
}

static size_t write_count(uint8_t *to, uint32_t count)
{
    const unsigned mode = count < 64 ? 0 : count < 16384 ? 1 : count < 1u << 30 ? 2 : 3;
    static const size_t lens[] = {1, 2, 4, 5};
    const uint64_t bits = mode == 3 ? (uint64_t)count << 8 | 3 : (uint64_t)count << 2 | mode;
    for (size_t i = 0; i < lens[mode]; i++)
        to[i] = (uint8_t)(bits >> 8 * i);
    return lens[mode];
}

void model_append(struct model *model, subx_slice key, subx_slice element)
{
    bool found = false;
    subx_slice old = SUBX_EMPTY;
    model_get(model, 0, key, &found, &old);
    if (!found)
        old = SUBX_EMPTY;
    uint64_t count = 0;
    const size_t prefix = read_count(old, &count);
    if (prefix == 0)
        old.len = 0, count = 0;
    uint8_t *const bytes = malloc(5 + old.len + element.len);
    if (bytes == NULL)
        abort();
    size_t len = write_count(bytes, (uint32_t)count + 1);
    for (size_t i = prefix; i < old.len; i++)
        bytes[len++] = old.data[i];
    for (size_t i = 0; i < element.len; i++)
        bytes[len++] = element.data[i];
    if (!model->is_faithful)
        model_forget_root(model);
    put(model, 0, key, &(subx_slice){bytes, len});
    free(bytes);
}

static bool has_prefix(subx_slice key, subx_slice prefix)
{
    return key.len >= prefix.len &&
           (prefix.len == 0 || memcmp(key.data, prefix.data, prefix.len) == 0);
}

subx_status model_remove_prefix(struct model *model, size_t trie, subx_slice prefix,
                                const uint32_t *limit, const subx_slice *cursor,
                                struct subx_removal *removal)
{
    const struct naive_trie *base = NULL;
    *removal = (struct subx_removal){0};
    const subx_slice child_keys = subx_slice__text(":child_storage:");
    if (trie == 0 && (has_prefix(prefix, child_keys) || has_prefix(child_keys, prefix)))
        return SUBX_OK;
    touch(model, trie);
    const struct naive_trie before = naive_trie_copy(&top(model)->changes[trie]);
    for (size_t i = 0; i < before.count; i++) {
        const struct naive_pair *const change = &before.pairs[i];
        if (!has_prefix(naive_key(change), prefix))
            continue;
        removal->unique += is_value(change);
        put(model, trie, naive_key(change), NULL);
    }
    struct naive_trie old = before;
    naive_trie_free(&old);
    if (base_of(model, trie, &base) != SUBX_OK)
        return SUBX_TRIE_REFERENCE_PANICS;
    for (size_t i = 0; i < base->count; i++) {
        const subx_slice key = naive_key(&base->pairs[i]);
        subx_slice value = SUBX_EMPTY;
        if (!has_prefix(key, prefix) || (cursor != NULL && is_less(key, *cursor)))
            continue;
        if (limit != NULL && removal->loops == *limit) {
            removal->has_cursor = true;
            removal->cursor = key;
            break;
        }
        if (changed(model, trie, key, &value) != SUBX_OVERLAY_REMOVED) {
            put(model, trie, key, NULL);
            removal->backend++;
            removal->unique++;
        }
        removal->loops++;
    }
    return SUBX_OK;
}

/* ---- Transactions ---- */

void model_start(struct model *model)
{
    struct model_layer *const from = top(model);
    if (++model->depth == MODEL_DEPTH)
        abort();
    for (size_t i = 0; i <= MODEL_TRIES; i++)
        top(model)->changes[i] = naive_trie_copy(&from->changes[i]);
}

static void close_top(struct model *model, bool keep)
{
    struct model_layer *const inner = top(model);
    model->depth--;
    free_layer(keep ? top(model) : inner);
    if (keep)
        *top(model) = *inner;
    *inner = (struct model_layer){0};
}

bool model_commit(struct model *model)
{
    if (model->depth == model->outer_depth)
        return false;
    close_top(model, true);
    return true;
}

bool model_rollback(struct model *model)
{
    if (model->depth == model->outer_depth)
        return false;
    model_forget_root(model);
    close_top(model, false);
    for (size_t i = 1; i < MODEL_TRIES; i++)
        if (top(model)->changes[i].count == 0)
            model->touched[i] = false;
    return true;
}

void model_begin_call(struct model *model)
{
    model->outer_depth = model->depth;
}

void model_end_call(struct model *model)
{
    if (!model->is_faithful && model->depth > model->outer_depth)
        model_forget_root(model);
    while (model->depth > model->outer_depth)
        close_top(model, false);
    model->outer_depth = 0;
}

/* ---- Roots ---- */

static unsigned nibble(subx_slice key, size_t i)
{
    return i % 2 == 0 ? key.data[i / 2] >> 4 : key.data[i / 2] & 15u;
}

static size_t common_nibbles(subx_slice a, subx_slice b)
{
    size_t i = 0;
    while (i < 2 * a.len && i < 2 * b.len && nibble(a, i) == nibble(b, i))
        i++;
    return i;
}

/* Whether removing the absent key meets the fault; `longer` is the key that loses its value, and
 * `children` how many branches there are behind that. */
static bool meets_fault(const struct naive_trie *trie, subx_slice key, subx_slice *longer,
                        unsigned *children)
{
    bool has_sibling = key.len == 0;
    size_t below = 0;
    uint32_t branches = 0;
    for (size_t i = 0; i < trie->count; i++) {
        const subx_slice other = naive_key(&trie->pairs[i]);
        if (key.len > 0 && other.len >= key.len && common_nibbles(other, key) == 2 * key.len - 1)
            has_sibling = true;
        if (!has_prefix(other, key))
            continue;
        if (below == 0)
            *longer = other; /* the first in order is the shortest if it begins the others */
        else if (!has_prefix(other, *longer))
            return false;
        else
            branches |= 1u << nibble(other, 2 * longer->len);
        below++;
    }
    *children = (unsigned)__builtin_popcount(branches);
    return has_sibling && below >= 2;
}

bool model_apply(struct naive_trie *trie, subx_slice key, const subx_slice *value, bool hashed,
                 bool is_faithful)
{
    subx_slice longer = SUBX_EMPTY;
    unsigned children = 0;
    if (value != NULL) {
        naive_trie_set(trie, key, *value, hashed);
    } else if (!naive_trie_remove(trie, key) && is_faithful &&
               meets_fault(trie, key, &longer, &children)) {
        if (children < 2)
            return false;
        naive_trie_remove(trie, longer);
    }
    return true;
}

static bool apply_change(struct naive_trie *trie, const struct naive_pair *change, bool hashed,
                         bool is_faithful)
{
    const subx_slice value = value_of(change);
    return model_apply(trie, naive_key(change), is_value(change) ? &value : NULL, hashed,
                       is_faithful);
}

/* A child with its changes. */
static subx_status make_child(const struct model *model, size_t trie, uint8_t version,
                              struct naive_trie *out)
{
    const struct naive_trie *base = NULL;
    const struct naive_trie *const changes = &model->layers[model->depth].changes[trie];
    *out = (struct naive_trie){0};
    if (base_of(model, trie, &base) != SUBX_OK)
        return SUBX_TRIE_REFERENCE_PANICS;
    *out = naive_trie_copy(base);
    for (size_t i = 0; i < changes->count; i++)
        if (!apply_change(out, &changes->pairs[i], version == 1, model->is_faithful))
            return SUBX_TRIE_REFERENCE_PANICS;
    return SUBX_OK;
}

/* The main trie: its own changes up to each child's key, then the child's root. */
static bool make_main(const struct model *model, uint8_t version, struct naive_trie *tries)
{
    const struct naive_trie *const changes = &model->layers[model->depth].changes[0];
    size_t at = 0;
    for (size_t c = 1; c <= MODEL_TRIES; c++) {
        struct root_key root_key;
        if (c < MODEL_TRIES && !model->touched[c])
            continue;
        if (c < MODEL_TRIES)
            make_root_key(c, &root_key);
        for (; at < changes->count &&
               (c == MODEL_TRIES || !is_less(root_key.key, naive_key(&changes->pairs[at])));
             at++)
            if (!apply_change(&tries[0], &changes->pairs[at], version == 1, model->is_faithful))
                return false;
        if (c == MODEL_TRIES)
            continue;
        uint8_t root[32];
        naive_trie_root(&tries[c], &subx_trie_blake2b, root);
        const subx_slice value = {root, 32};
        if (!model_apply(&tries[0], root_key.key, tries[c].count > 0 ? &value : NULL, false,
                         model->is_faithful))
            return false;
    }
    return true;
}

subx_status model_root(struct model *model, uint8_t state_version, uint8_t root[32])
{
    if (!model->cached.is_known || model->cached.state_version != state_version) {
        struct naive_trie *const tries = model->cached.tries;
        bool good = true;
        model_forget_root(model);
        for (size_t i = 0; i < MODEL_TRIES; i++) {
            if (i > 0 && model->touched[i])
                good = good && make_child(model, i, state_version, &tries[i]) == SUBX_OK;
            else
                tries[i] = naive_trie_copy(&model->base[i]);
        }
        if (!good || !make_main(model, state_version, tries)) {
            model_forget_root(model);
            return SUBX_TRIE_REFERENCE_PANICS;
        }
        naive_trie_root(&tries[0], &subx_trie_blake2b, model->cached.root);
        model->cached.is_known = true;
        model->cached.state_version = state_version;
    }
    memcpy(root, model->cached.root, 32);
    return SUBX_OK;
}

static void read_root(bool found, subx_slice value, uint8_t root[32])
{
    memcpy(root, found && value.len >= 32 ? value.data : subx_trie_blake2b.empty_root, 32);
}

subx_status model_child_root(struct model *model, size_t trie, uint8_t state_version,
                             uint8_t root[32])
{
    struct root_key root_key;
    make_root_key(trie, &root_key);
    bool found = false;
    subx_slice value = SUBX_EMPTY;
    if (model->is_faithful && model->cached.is_known) {
        const subx_status status = model_get(model, 0, root_key.key, &found, &value);
        read_root(found, value, root);
        return status;
    }
    if (!model->touched[trie]) {
        const struct naive_pair *const entry = naive_trie_get(&model->base[0], root_key.key);
        read_root(entry != NULL, entry != NULL ? naive_value(entry) : SUBX_EMPTY, root);
        return SUBX_OK;
    }
    struct naive_trie child;
    const subx_status status = make_child(model, trie, state_version, &child);
    if (status == SUBX_OK) {
        naive_trie_root(&child, &subx_trie_blake2b, root);
        model_forget_root(model);
        put(model, 0, root_key.key, child.count > 0 ? &(subx_slice){root, 32} : NULL);
    }
    naive_trie_free(&child);
    return status;
}

subx_status model_commit_block(struct model *model, uint8_t state_version, uint8_t root[32])
{
    if (!model->cached.is_known) {
        const subx_status status = model_root(model, state_version, root);
        if (status != SUBX_OK)
            return status;
    }
    memcpy(root, model->cached.root, 32);
    for (size_t i = 0; i < MODEL_TRIES; i++) {
        naive_trie_free(&model->base[i]);
        model->base[i] = model->cached.tries[i];
        model->cached.tries[i] = (struct naive_trie){0};
    }
    model_drop_changes(model);
    return SUBX_OK;
}
