/* A slow trie: see naive_trie.h. */
#include "naive_trie.h"

#include <stdlib.h>
#include <string.h>

/* A byte vector of this file's own. */
struct vector {
    uint8_t *data;
    size_t len, capacity;
};

static void *checked(void *pointer)
{
    if (pointer == NULL)
        abort();
    return pointer;
}

static uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *const copy = checked(malloc(len == 0 ? 1 : len));
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

static void append(struct vector *to, const uint8_t *data, size_t len)
{
    if (to->len + len > to->capacity) {
        to->capacity = 2 * (to->len + len);
        to->data = checked(realloc(to->data, to->capacity));
    }
    if (len > 0)
        memcpy(to->data + to->len, data, len);
    to->len += len;
}

static void append_byte(struct vector *to, unsigned byte)
{
    const uint8_t value = (uint8_t)byte;
    append(to, &value, 1);
}

static void append_compact(struct vector *to, size_t value)
{
    if (value < 64) {
        append_byte(to, (unsigned)value << 2);
    } else if (value < 16384) {
        append_byte(to, (unsigned)(value << 2 | 1));
        append_byte(to, (unsigned)(value >> 6));
    } else {
        if (value >= (size_t)1 << 30)
            abort();
        append_byte(to, (unsigned)(value << 2 | 2));
        append_byte(to, (unsigned)(value >> 6));
        append_byte(to, (unsigned)(value >> 14));
        append_byte(to, (unsigned)(value >> 22));
    }
}

static unsigned nibble(const struct naive_pair *pair, size_t i)
{
    return i % 2 == 0 ? pair->key[i / 2] / 16u : pair->key[i / 2] % 16u;
}

static size_t nibbles(const struct naive_pair *pair)
{
    return 2 * pair->key_len;
}

void naive_trie_free(struct naive_trie *trie)
{
    for (size_t i = 0; i < trie->count; i++) {
        free(trie->pairs[i].key);
        free(trie->pairs[i].value);
    }
    free(trie->pairs);
    *trie = (struct naive_trie){NULL, 0, 0};
}

struct naive_trie naive_trie_copy(const struct naive_trie *trie)
{
    struct naive_trie copy = {NULL, 0, 0};
    for (size_t i = 0; i < trie->count; i++)
        naive_trie_set(&copy, naive_key(&trie->pairs[i]), naive_value(&trie->pairs[i]),
                       trie->pairs[i].hashed);
    return copy;
}

subx_slice naive_key(const struct naive_pair *pair)
{
    return (subx_slice){pair->key, pair->key_len};
}

subx_slice naive_value(const struct naive_pair *pair)
{
    return (subx_slice){pair->value, pair->value_len};
}

static int order(const struct naive_pair *pair, subx_slice key)
{
    for (size_t i = 0; i < pair->key_len && i < key.len; i++)
        if (pair->key[i] != key.data[i])
            return pair->key[i] < key.data[i] ? -1 : 1;
    return (pair->key_len > key.len) - (pair->key_len < key.len);
}

size_t naive_trie_find(const struct naive_trie *trie, subx_slice key)
{
    size_t low = 0, high = trie->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (order(&trie->pairs[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct naive_pair *naive_trie_get(const struct naive_trie *trie, subx_slice key)
{
    const size_t at = naive_trie_find(trie, key);
    return at < trie->count && order(&trie->pairs[at], key) == 0 ? &trie->pairs[at] : NULL;
}

static void insert(struct naive_trie *trie, size_t at, subx_slice key, subx_slice value,
                   bool hashed)
{
    if (trie->count == trie->capacity) {
        trie->capacity = trie->capacity == 0 ? 16 : 2 * trie->capacity;
        trie->pairs = checked(realloc(trie->pairs, trie->capacity * sizeof *trie->pairs));
    }
    memmove(trie->pairs + at + 1, trie->pairs + at, (trie->count - at) * sizeof *trie->pairs);
    trie->pairs[at] =
        (struct naive_pair){copy_of(key.data, key.len), copy_of(value.data, value.len), key.len,
                            value.len, hashed && value.len > 32};
    trie->count++;
}

void naive_trie_set(struct naive_trie *trie, subx_slice key, subx_slice value, bool hashed)
{
    (void)naive_trie_remove(trie, key);
    insert(trie, naive_trie_find(trie, key), key, value, hashed);
}

void naive_trie_append(struct naive_trie *trie, subx_slice key, subx_slice value, bool hashed)
{
    insert(trie, trie->count, key, value, hashed);
}

static int by_key(const void *left, const void *right)
{
    return order(left, naive_key(right));
}

void naive_trie_sort(struct naive_trie *trie)
{
    qsort(trie->pairs, trie->count, sizeof *trie->pairs, by_key);
}

bool naive_trie_remove(struct naive_trie *trie, subx_slice key)
{
    const size_t at = naive_trie_find(trie, key);
    if (at == trie->count || order(&trie->pairs[at], key) != 0)
        return false;
    free(trie->pairs[at].key);
    free(trie->pairs[at].value);
    trie->count--;
    memmove(trie->pairs + at, trie->pairs + at + 1, (trie->count - at) * sizeof *trie->pairs);
    return true;
}

/* Nibbles that all of these pairs, one or more, have in common. */
static size_t common(const struct naive_pair *pairs, size_t count)
{
    const struct naive_pair *const first = &pairs[0], *const last = &pairs[count - 1];
    size_t i = 0;
    while (i < nibbles(first) && i < nibbles(last) && nibble(first, i) == nibble(last, i))
        i++;
    return i;
}

static void append_header(struct vector *to, unsigned first, size_t most, size_t len)
{
    append_byte(to, first | (unsigned)(len < most ? len : most));
    if (len < most)
        return;
    len -= most;
    while (len >= 255) {
        append_byte(to, 255);
        len -= 255;
    }
    append_byte(to, (unsigned)len);
}

static void append_partial(struct vector *to, const struct naive_pair *pair, size_t from,
                           size_t end)
{
    if ((end - from) % 2 != 0)
        append_byte(to, nibble(pair, from++));
    for (; from < end; from += 2)
        append_byte(to, nibble(pair, from) * 16 + nibble(pair, from + 1));
}

/* How many of the pairs, from the first on, go on with this nibble at `at`. */
static size_t child_of(const struct naive_pair *pairs, size_t left, size_t at, unsigned wanted)
{
    size_t count = 0;
    while (count < left && nibble(&pairs[count], at) == wanted)
        count++;
    return count;
}

static struct vector encode(const struct naive_pair *pairs, size_t count, size_t from,
                            const struct subx_trie_hasher *hasher);

static void append_child(struct vector *to, const struct naive_pair *pairs, size_t count,
                         size_t from, const struct subx_trie_hasher *hasher)
{
    struct vector child = encode(pairs, count, from, hasher);
    if (child.len >= 32) {
        uint8_t hash[32];
        hasher->hash((subx_slice){child.data, child.len}, hash);
        child.len = 0;
        append(&child, hash, 32);
    }
    append_compact(to, child.len);
    append(to, child.data, child.len);
    free(child.data);
}

/* The node of these pairs whose partial key begins at nibble `from`. */
static struct vector encode(const struct naive_pair *pairs, size_t count, size_t from,
                            const struct subx_trie_hasher *hasher)
{
    struct vector out = {NULL, 0, 0};
    const size_t end = common(pairs, count);
    const struct naive_pair *const holder = nibbles(&pairs[0]) == end ? &pairs[0] : NULL;
    const bool is_leaf = holder != NULL && count == 1;
    if (is_leaf)
        append_header(&out, holder->hashed ? 0x20 : 0x40, holder->hashed ? 31 : 63, end - from);
    else if (holder == NULL)
        append_header(&out, 0x80, 63, end - from);
    else
        append_header(&out, holder->hashed ? 0x10 : 0xc0, holder->hashed ? 15 : 63, end - from);
    append_partial(&out, &pairs[0], from, end);
    const struct naive_pair *rest = holder == NULL ? pairs : pairs + 1;
    const size_t rest_count = holder == NULL ? count : count - 1;
    unsigned bitmap = 0;
    for (size_t i = 0; i < rest_count; i++)
        bitmap |= 1u << nibble(&rest[i], end);
    if (!is_leaf) {
        append_byte(&out, bitmap);
        append_byte(&out, bitmap >> 8);
    }
    if (holder != NULL && holder->hashed) {
        uint8_t hash[32];
        hasher->hash(naive_value(holder), hash);
        append(&out, hash, 32);
    } else if (holder != NULL) {
        append_compact(&out, holder->value_len);
        append(&out, holder->value, holder->value_len);
    }
    size_t left = rest_count;
    for (unsigned i = 0; i < 16; i++) {
        const size_t size = child_of(rest, left, end, i);
        if (size > 0)
            append_child(&out, rest, size, end + 1, hasher);
        rest += size;
        left -= size;
    }
    return out;
}

void naive_trie_root(const struct naive_trie *trie, const struct subx_trie_hasher *hasher,
                     uint8_t out[SUBX_TRIE_HASH_SIZE])
{
    struct vector root = {NULL, 0, 0};
    if (trie->count == 0)
        append_byte(&root, 0);
    else
        root = encode(trie->pairs, trie->count, 0, hasher);
    hasher->hash((subx_slice){root.data, root.len}, out);
    free(root.data);
}

size_t naive_trie_depth(const struct naive_trie *trie, subx_slice key)
{
    const struct naive_pair *pairs = trie->pairs;
    size_t count = trie->count, depth = 0;
    const struct naive_pair sought = {(uint8_t *)(uintptr_t)key.data, NULL, key.len, 0, false};
    while (count > 0) {
        const size_t end = common(pairs, count);
        depth++;
        if (end >= nibbles(&sought))
            break;
        const size_t skipped = nibbles(&pairs[0]) == end;
        pairs += skipped;
        count -= skipped;
        while (count > 0 && nibble(pairs, end) != nibble(&sought, end)) {
            pairs++;
            count--;
        }
        count = child_of(pairs, count, end, nibble(&sought, end));
    }
    return depth;
}

static size_t nodes(const struct naive_pair *pairs, size_t count)
{
    if (count == 0)
        return 0;
    const size_t end = common(pairs, count);
    size_t total = 1, left = count;
    if (nibbles(&pairs[0]) == end) {
        pairs++;
        left--;
    }
    for (unsigned i = 0; i < 16; i++) {
        const size_t size = child_of(pairs, left, end, i);
        total += nodes(pairs, size);
        pairs += size;
        left -= size;
    }
    return total;
}

size_t naive_trie_nodes(const struct naive_trie *trie)
{
    return nodes(trie->pairs, trie->count);
}

uint32_t naive_random(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % below);
}
