/* Keys of any length in LMDB; see backend_lmdb_keys.h. */
#include "storage/backend_lmdb_keys.h"

#include <errno.h>

#include "util/endian.h"
#include "util/error.h"

#define PAGE_SIZE 4096
#define SPACE_SIZE 8
#define LINK_SIZE (SPACE_SIZE + SUBX_LMDB_CHUNK + 1)

/* A key as one entry has it. */
struct entry_key {
    size_t len;
    uint8_t bytes[LINK_SIZE];
};

subx_status subx_lmdb__fail(int code, const char *what, subx_error *error)
{
    char room[96] = "";
    if (code == ENOMEM)
        return subx_error__nomem(error);
    const char *const words = code > 0 ? strerror_r(code, room, sizeof room) : mdb_strerror(code);
    return subx_error__set(error, SUBX_IO, "state database: %s: %s", what, words);
}

MDB_val subx_lmdb__val(subx_slice bytes)
{
    MDB_val value = {.mv_size = bytes.len};
    memcpy(&value.mv_data, &bytes.data, sizeof value.mv_data);
    return value;
}

static MDB_val val_of(const struct entry_key *key)
{
    return subx_lmdb__val(subx_slice__of(key->bytes, key->len));
}

static void store_space(uint8_t *to, uint64_t space)
{
    for (int i = 0; i < SPACE_SIZE; i++)
        to[i] = (uint8_t)(space >> (56 - 8 * i));
}

static bool is_of_space(MDB_val key, uint64_t space)
{
    uint8_t bytes[SPACE_SIZE];
    store_space(bytes, space);
    return key.mv_size >= SPACE_SIZE && memcmp(key.mv_data, bytes, SPACE_SIZE) == 0;
}

static bool is_link(MDB_val key)
{
    return key.mv_size == LINK_SIZE;
}

/* The entry for the rest of a key: its own, or the link to what follows. */
static struct entry_key entry_of(uint64_t space, subx_slice rest)
{
    struct entry_key key;
    const size_t len = rest.len > SUBX_LMDB_CHUNK ? SUBX_LMDB_CHUNK : rest.len;
    store_space(key.bytes, space);
    if (len > 0)
        memcpy(key.bytes + SPACE_SIZE, rest.data, len);
    key.len = SPACE_SIZE + len;
    if (rest.len > SUBX_LMDB_CHUNK)
        key.bytes[key.len++] = 0;
    return key;
}

static subx_slice rest_of(subx_slice key, size_t level)
{
    return level == 0 ? key
                      : subx_slice__of(key.data + level * SUBX_LMDB_CHUNK,
                                       key.len - level * SUBX_LMDB_CHUNK);
}

static subx_status read_link(MDB_val value, uint64_t *space, subx_error *error)
{
    if (value.mv_size != sizeof *space)
        return subx_error__set(error, SUBX_IO,
                               "state database: damaged: the link of a long key has %zu bytes",
                               value.mv_size);
    *space = subx_load_u64(value.mv_data);
    return SUBX_OK;
}

/* ---- One key ---- */

subx_status subx_lmdb_keys__get(MDB_txn *txn, struct subx_lmdb_space space, subx_slice key,
                                bool *found, subx_slice *value, subx_error *error)
{
    uint64_t number = space.number;
    *found = false;
    for (size_t level = 0;; level++) {
        const subx_slice rest = rest_of(key, level);
        const struct entry_key entry = entry_of(number, rest);
        MDB_val at = val_of(&entry), got;
        const int code = mdb_get(txn, level == 0 ? space.table : space.longs, &at, &got);
        if (code == MDB_NOTFOUND)
            return SUBX_OK;
        if (code != 0)
            return subx_lmdb__fail(code, "reading a key", error);
        if (rest.len <= SUBX_LMDB_CHUNK) {
            *found = true;
            *value = subx_lmdb__slice(got);
            return SUBX_OK;
        }
        const subx_status status = read_link(got, &number, error);
        if (status != SUBX_OK)
            return status;
    }
}

/* Put one entry, at the end of its table as long as that works. */
static subx_status put_entry(struct subx_lmdb_writer *writer, MDB_dbi table,
                             const struct entry_key *key, subx_slice value, subx_error *error)
{
    bool *const appends = table < 8 ? &writer->appends[table] : NULL;
    MDB_val at = val_of(key), given = subx_lmdb__val(value);
    int code = MDB_KEYEXIST;
    if (appends != NULL && *appends)
        code = mdb_put(writer->txn, table, &at, &given, MDB_APPEND);
    if (code == MDB_KEYEXIST) {
        if (appends != NULL)
            *appends = false;
        at = val_of(key);
        given = subx_lmdb__val(value);
        code = mdb_put(writer->txn, table, &at, &given, 0);
        writer->held += PAGE_SIZE; /* the one it is on */
    }
    writer->held += key->len + value.len;
    return code == 0 ? SUBX_OK : subx_lmdb__fail(code, "writing a key", error);
}

/* The space that the link at an entry leads to, a new one if there is none. */
static subx_status follow(struct subx_lmdb_writer *writer, MDB_dbi table,
                          const struct entry_key *key, uint64_t *number, subx_error *error)
{
    MDB_val at = val_of(key), got;
    const int code = mdb_get(writer->txn, table, &at, &got);
    if (code == 0)
        return read_link(got, number, error);
    if (code != MDB_NOTFOUND)
        return subx_lmdb__fail(code, "reading a link", error);
    uint8_t bytes[sizeof *number];
    *number = writer->next_link++;
    subx_store_u64(bytes, *number);
    return put_entry(writer, table, key, subx_slice__of(bytes, sizeof bytes), error);
}

subx_status subx_lmdb_keys__put(struct subx_lmdb_writer *writer, struct subx_lmdb_space space,
                                subx_slice key, subx_slice value, subx_error *error)
{
    uint64_t number = space.number;
    for (size_t level = 0;; level++) {
        const subx_slice rest = rest_of(key, level);
        const MDB_dbi table = level == 0 ? space.table : space.longs;
        const struct entry_key entry = entry_of(number, rest);
        if (rest.len <= SUBX_LMDB_CHUNK)
            return put_entry(writer, table, &entry, value, error);
        const subx_status status = follow(writer, table, &entry, &number, error);
        if (status != SUBX_OK)
            return status;
    }
}

static subx_status is_space_empty(MDB_txn *txn, MDB_dbi table, uint64_t number, bool *is_empty,
                                  subx_error *error)
{
    MDB_cursor *cursor = NULL;
    const struct entry_key first = entry_of(number, SUBX_EMPTY);
    MDB_val at = val_of(&first), got;
    int code = mdb_cursor_open(txn, table, &cursor);
    if (code == 0) {
        code = mdb_cursor_get(cursor, &at, &got, MDB_SET_RANGE);
        mdb_cursor_close(cursor);
    }
    *is_empty = code == MDB_NOTFOUND || (code == 0 && !is_of_space(at, number));
    return code == 0 || code == MDB_NOTFOUND ? SUBX_OK
                                             : subx_lmdb__fail(code, "looking for keys", error);
}

static subx_status remove_entry(struct subx_lmdb_writer *writer, MDB_dbi table,
                                const struct entry_key *key, subx_error *error)
{
    MDB_val at = val_of(key);
    const int code = mdb_del(writer->txn, table, &at, NULL);
    return code == 0 || code == MDB_NOTFOUND ? SUBX_OK
                                             : subx_lmdb__fail(code, "removing a key", error);
}

/* Numbers of the spaces that a key leads through, 8 bytes each; `*found`: all links are there. */
static subx_status trace(MDB_txn *txn, struct subx_lmdb_space space, subx_slice key,
                         struct subx_buf *numbers, bool *found, subx_error *error)
{
    uint64_t number = space.number;
    *found = true;
    for (size_t level = 0;; level++) {
        const subx_slice rest = rest_of(key, level);
        const struct entry_key entry = entry_of(number, rest);
        subx_buf__append(numbers, &number, sizeof number);
        if (numbers->failed)
            return subx_error__nomem(error);
        if (rest.len <= SUBX_LMDB_CHUNK)
            return SUBX_OK;
        MDB_val at = val_of(&entry), got;
        const int code = mdb_get(txn, level == 0 ? space.table : space.longs, &at, &got);
        *found = code == 0;
        if (code == MDB_NOTFOUND)
            return SUBX_OK;
        const subx_status status = code != 0 ? subx_lmdb__fail(code, "reading a link", error)
                                             : read_link(got, &number, error);
        if (status != SUBX_OK)
            return status;
    }
}

subx_status subx_lmdb_keys__remove(struct subx_lmdb_writer *writer, struct subx_lmdb_space space,
                                   subx_slice key, subx_error *error)
{
    struct subx_buf numbers = SUBX_BUF_INIT;
    bool found = false, is_empty = true;
    subx_status status = trace(writer->txn, space, key, &numbers, &found, error);
    const size_t levels = numbers.len / 8;
    for (size_t level = levels; found && is_empty && status == SUBX_OK && level-- > 0;) {
        const uint64_t number = subx_load_u64(numbers.data + 8 * level);
        const struct entry_key entry = entry_of(number, rest_of(key, level));
        status = remove_entry(writer, level == 0 ? space.table : space.longs, &entry, error);
        if (status == SUBX_OK && level > 0)
            status = is_space_empty(writer->txn, space.longs, number, &is_empty, error);
    }
    subx_buf__free(&numbers);
    return status;
}

/* Remove the entries of a space; the spaces that its links lead to are put on a stack. */
static subx_status clear_one(MDB_txn *txn, MDB_dbi table, uint64_t number, struct subx_buf *stack,
                             subx_error *error)
{
    MDB_cursor *cursor = NULL;
    const struct entry_key first = entry_of(number, SUBX_EMPTY);
    MDB_val at = val_of(&first), got;
    subx_status status = SUBX_OK;
    int code = mdb_cursor_open(txn, table, &cursor);
    if (code == 0)
        code = mdb_cursor_get(cursor, &at, &got, MDB_SET_RANGE);
    while (code == 0 && status == SUBX_OK && is_of_space(at, number)) {
        uint64_t linked = 0;
        if (is_link(at)) {
            status = read_link(got, &linked, error);
            subx_buf__append(stack, &linked, sizeof linked);
        }
        code = mdb_cursor_del(cursor, 0);
        if (code == 0)
            code = mdb_cursor_get(cursor, &at, &got, MDB_NEXT);
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    if (status == SUBX_OK && stack->failed)
        status = subx_error__nomem(error);
    if (status == SUBX_OK && code != 0 && code != MDB_NOTFOUND)
        status = subx_lmdb__fail(code, "removing keys", error);
    return status;
}

subx_status subx_lmdb_keys__clear(struct subx_lmdb_writer *writer, struct subx_lmdb_space space,
                                  subx_error *error)
{
    struct subx_buf stack = SUBX_BUF_INIT;
    subx_status status = clear_one(writer->txn, space.table, space.number, &stack, error);
    while (status == SUBX_OK && stack.len > 0) {
        stack.len -= 8;
        const uint64_t number = subx_load_u64(stack.data + stack.len);
        status = clear_one(writer->txn, space.longs, number, &stack, error);
    }
    subx_buf__free(&stack);
    return status;
}

/* ---- Cursors ---- */

subx_status subx_lmdb_cursor__open(struct subx_lmdb_cursor *cursor, MDB_txn *txn,
                                   struct subx_lmdb_space space, subx_error *error)
{
    *cursor = (struct subx_lmdb_cursor){
        .txn = txn, .space = space, .spaces = SUBX_BUF_INIT, .key = SUBX_BUF_INIT};
    const int code = mdb_cursor_open(txn, space.table, &cursor->top);
    return code == 0 ? SUBX_OK : subx_lmdb__fail(code, "opening a cursor", error);
}

void subx_lmdb_cursor__close(struct subx_lmdb_cursor *cursor)
{
    if (cursor->top != NULL)
        mdb_cursor_close(cursor->top);
    if (cursor->deep != NULL)
        mdb_cursor_close(cursor->deep);
    subx_buf__free(&cursor->spaces);
    subx_buf__free(&cursor->key);
    *cursor = (struct subx_lmdb_cursor){.is_valid = false};
}

static size_t level_of(const struct subx_lmdb_cursor *cursor)
{
    return cursor->spaces.len / 8;
}

static uint64_t number_of(const struct subx_lmdb_cursor *cursor)
{
    const struct subx_buf *const spaces = &cursor->spaces;
    return spaces->len == 0 ? cursor->space.number : subx_load_u64(spaces->data + spaces->len - 8);
}

static MDB_cursor *handle_of(const struct subx_lmdb_cursor *cursor)
{
    return level_of(cursor) == 0 ? cursor->top : cursor->deep;
}

/* Go one level down, to the space that a link leads to. */
static subx_status go_down(struct subx_lmdb_cursor *cursor, MDB_val value, subx_error *error)
{
    uint64_t number = 0;
    subx_status status = read_link(value, &number, error);
    if (status == SUBX_OK && cursor->deep == NULL) {
        const int code = mdb_cursor_open(cursor->txn, cursor->space.longs, &cursor->deep);
        if (code != 0)
            status = subx_lmdb__fail(code, "opening a cursor", error);
    }
    subx_buf__append(&cursor->spaces, &number, sizeof number);
    return status == SUBX_OK && cursor->spaces.failed ? subx_error__nomem(error) : status;
}

/* Go one level up, behind the link that led here. */
static int go_up(struct subx_lmdb_cursor *cursor, MDB_val *at, MDB_val *value)
{
    cursor->spaces.len -= 8;
    const size_t start = level_of(cursor) * SUBX_LMDB_CHUNK;
    /* one byte more than a chunk makes it the link */
    struct entry_key link =
        entry_of(number_of(cursor), subx_slice__of(cursor->key.data + start, SUBX_LMDB_CHUNK));
    link.bytes[link.len++] = 0;
    MDB_val key = val_of(&link);
    const int code = mdb_cursor_get(handle_of(cursor), &key, value, MDB_SET);
    return code != 0 ? code : mdb_cursor_get(handle_of(cursor), at, value, MDB_NEXT);
}

/* From an entry, or from the end of a table, to the key that follows. */
static subx_status settle(struct subx_lmdb_cursor *cursor, int code, MDB_val at, MDB_val value,
                          subx_error *error)
{
    struct subx_buf *const key = &cursor->key;
    cursor->is_valid = false;
    for (;;) {
        if (code != 0 && code != MDB_NOTFOUND)
            return subx_lmdb__fail(code, "going through keys", error);
        if (code == MDB_NOTFOUND || !is_of_space(at, number_of(cursor))) {
            if (level_of(cursor) == 0)
                return SUBX_OK;
            code = go_up(cursor, &at, &value);
            continue;
        }
        const subx_slice rest = {(const uint8_t *)at.mv_data + SPACE_SIZE, at.mv_size - SPACE_SIZE};
        key->len = level_of(cursor) * SUBX_LMDB_CHUNK;
        if (!is_link(at)) {
            subx_buf__append_slice(key, rest);
            cursor->value = subx_lmdb__slice(value);
            cursor->is_valid = true;
            return key->failed ? subx_error__nomem(error) : SUBX_OK;
        }
        subx_buf__append(key, rest.data, SUBX_LMDB_CHUNK);
        const subx_status status =
            key->failed ? subx_error__nomem(error) : go_down(cursor, value, error);
        if (status != SUBX_OK)
            return status;
        const struct entry_key first = entry_of(number_of(cursor), SUBX_EMPTY);
        at = val_of(&first);
        code = mdb_cursor_get(cursor->deep, &at, &value, MDB_SET_RANGE);
    }
}

subx_status subx_lmdb_cursor__seek(struct subx_lmdb_cursor *cursor, subx_slice from,
                                   subx_error *error)
{
    cursor->spaces.len = 0;
    cursor->key.len = 0;
    for (;;) {
        const subx_slice rest = rest_of(from, level_of(cursor));
        const struct entry_key entry = entry_of(number_of(cursor), rest);
        MDB_val at = val_of(&entry), value = {0};
        const int code = mdb_cursor_get(handle_of(cursor), &at, &value, MDB_SET_RANGE);
        const bool goes_on = rest.len > SUBX_LMDB_CHUNK && code == 0 && at.mv_size == entry.len &&
                             memcmp(at.mv_data, entry.bytes, entry.len) == 0;
        if (!goes_on)
            return settle(cursor, code, at, value, error);
        subx_buf__append(&cursor->key, rest.data, SUBX_LMDB_CHUNK);
        const subx_status status =
            cursor->key.failed ? subx_error__nomem(error) : go_down(cursor, value, error);
        if (status != SUBX_OK)
            return status;
    }
}

subx_status subx_lmdb_cursor__next(struct subx_lmdb_cursor *cursor, subx_error *error)
{
    MDB_val at = {0}, value = {0};
    const int code = mdb_cursor_get(handle_of(cursor), &at, &value, MDB_NEXT);
    return settle(cursor, code, at, value, error);
}

subx_status subx_lmdb_cursor__reread(struct subx_lmdb_cursor *cursor, subx_error *error)
{
    MDB_val at = {0}, value = {0};
    const int code = mdb_cursor_get(handle_of(cursor), &at, &value, MDB_GET_CURRENT);
    if (code != 0)
        return subx_lmdb__fail(code, "going through keys", error);
    cursor->value = subx_lmdb__slice(value);
    return SUBX_OK;
}
