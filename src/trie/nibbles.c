/* Nibbles: compare, copy, pack (spec/host-api.md section 4.1). */
#include "trie/nibbles.h"

#include "util/endian.h"

/* Bytes that are equal from the beginning, of `len`. */
static size_t common_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
    size_t i = 0;
    while (len - i >= 8) {
        const uint64_t differing = subx_load_u64(a + i) ^ subx_load_u64(b + i);
        if (differing != 0)
            return i + (size_t)__builtin_ctzll(differing) / 8;
        i += 8;
    }
    while (i < len && a[i] == b[i])
        i++;
    return i;
}

static size_t common_by_nibble(struct subx_nibbles a, struct subx_nibbles b, size_t from,
                               size_t len)
{
    while (from < len && subx_nibbles__get(a, from) == subx_nibbles__get(b, from))
        from++;
    return from;
}

size_t subx_nibbles__common(struct subx_nibbles a, struct subx_nibbles b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    if (((a.at ^ b.at) & 1) != 0 || len < 2)
        return common_by_nibble(a, b, 0, len);
    const size_t lead = a.at & 1;
    if (lead != 0 && subx_nibbles__get(a, 0) != subx_nibbles__get(b, 0))
        return 0;
    const size_t whole = (len - lead) / 2;
    const size_t equal =
        common_bytes(a.data + (a.at + lead) / 2, b.data + (b.at + lead) / 2, whole);
    /* one nibble of the differing byte may still be equal, or one is left at the end */
    return common_by_nibble(a, b, lead + 2 * equal, len);
}

static void put(uint8_t *packed, size_t at, uint8_t nibble)
{
    uint8_t *const byte = packed + at / 2;
    *byte = (uint8_t)((at & 1) != 0 ? (*byte & 0xf0) | nibble : (*byte & 0x0f) | nibble << 4);
}

void subx_nibbles__copy(uint8_t *packed, size_t at, struct subx_nibbles nibbles)
{
    if (nibbles.len > 0 && (at & 1) != 0) {
        put(packed, at++, subx_nibbles__get(nibbles, 0));
        nibbles = subx_nibbles__skip(nibbles, 1);
    }
    const size_t whole = nibbles.len / 2;
    if (whole > 0) {
        uint8_t *const to = packed + at / 2;
        const uint8_t *const from = nibbles.data + nibbles.at / 2;
        if ((nibbles.at & 1) == 0) {
            memcpy(to, from, whole);
        } else {
            for (size_t i = 0; i < whole; i++)
                to[i] = (uint8_t)(from[i] << 4 | from[i + 1] >> 4);
        }
    }
    if ((nibbles.len & 1) != 0)
        put(packed, at + nibbles.len - 1, subx_nibbles__get(nibbles, nibbles.len - 1));
}

void subx_nibbles__pack(uint8_t *packed, struct subx_nibbles nibbles)
{
    if ((nibbles.len & 1) != 0)
        packed[0] = 0;
    subx_nibbles__copy(packed, nibbles.len & 1, nibbles);
}

/* Make room for `count` more nibbles, zeroed; false if that failed. */
static bool grow(struct subx_nibble_path *path, size_t count)
{
    const size_t size = subx_nibbles__packed_size(path->len + count);
    const size_t added = size - path->bytes.len;
    if (!subx_buf__reserve(&path->bytes, added))
        return false;
    if (added > 0)
        path->bytes.data[size - 1] = 0;
    path->bytes.len = size;
    return true;
}

void subx_nibble_path__append(struct subx_nibble_path *path, struct subx_nibbles nibbles)
{
    if (nibbles.len == 0 || !grow(path, nibbles.len))
        return;
    subx_nibbles__copy(path->bytes.data, path->len, nibbles);
    path->len += nibbles.len;
}

void subx_nibble_path__append_one(struct subx_nibble_path *path, uint8_t nibble)
{
    if (!grow(path, 1))
        return;
    put(path->bytes.data, path->len, nibble);
    path->len++;
}

void subx_nibble_path__cut(struct subx_nibble_path *path, size_t len)
{
    path->len = len;
    path->bytes.len = subx_nibbles__packed_size(len);
    if ((len & 1) != 0)
        path->bytes.data[path->bytes.len - 1] &= 0xf0;
}

void subx_nibble_path__free(struct subx_nibble_path *path)
{
    subx_buf__free(&path->bytes);
    path->len = 0;
}
