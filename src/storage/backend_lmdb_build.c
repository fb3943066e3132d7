/* Building a trie over values in a database; see backend_lmdb_build.h. */
#include "storage/backend_lmdb_build.h"

#include "trie/trie_shape.h"
#include "util/endian.h"

/* A node that was made and waits for its parent. */
struct made {
    struct subx_merkle merkle;
    bool is_branch;
    size_t partial_at, partial_len; /* of a branch: bytes in `partials`, and nibbles */
};

struct building {
    const struct subx_lmdb_build *build;
    uint64_t number;
    struct subx_buf made;     /* a stack of struct made */
    struct subx_buf partials; /* packed partial keys of those */
    /* Values whose node is not made yet, a stack: what the node has (the value, or its hash) and
     * behind it 8 bytes: its length times two, plus 1 for a hash. */
    struct subx_buf values;
    struct subx_buf encoding, record, path;
};

static struct subx_lmdb_space space_of(const struct building *building, enum subx_lmdb_table table)
{
    return subx_lmdb__space(building->build->tables, table, building->number);
}

static void push_value(struct building *building, subx_slice entry)
{
    uint8_t hash[SUBX_TRIE_HASH_SIZE], trailer[8];
    const bool is_hashed = entry.data[0] == SUBX_LMDB_HASHED;
    subx_slice value = {entry.data + 1, entry.len - 1};
    if (is_hashed) {
        subx_trie_blake2b.hash(value, hash);
        value = subx_slice__of(hash, sizeof hash);
    }
    subx_store_u64(trailer, (uint64_t)value.len << 1 | is_hashed);
    subx_buf__append_slice(&building->values, value);
    subx_buf__append(&building->values, trailer, sizeof trailer);
}

/* Valid until the next push. */
static struct subx_trie_value pop_value(struct building *building)
{
    struct subx_buf *const values = &building->values;
    values->len -= 8;
    const uint64_t trailer = subx_load_u64(values->data + values->len);
    values->len -= (size_t)(trailer >> 1);
    return (struct subx_trie_value){
        (trailer & 1) != 0 ? SUBX_TRIE_HASHED : SUBX_TRIE_INLINE,
        subx_slice__of(values->data + values->len, (size_t)(trailer >> 1))};
}

static struct made made_at(const struct building *building, size_t at)
{
    struct made made;
    memcpy(&made, building->made.data + at, sizeof made);
    return made;
}

/* Children of a branch, off the top of the stack, into its encoding and its record. */
static void take_children(struct building *building, const struct subx_shape_node *node,
                          const struct subx_trie_value *value)
{
    const size_t count = subx_node__bits(node->bitmap);
    const size_t start = building->made.len - count * sizeof(struct made);
    size_t partials = building->partials.len;
    unsigned branches = 0;
    size_t at = start;
    for (unsigned left = node->bitmap; left != 0; left &= left - 1, at += sizeof(struct made))
        if (made_at(building, at).is_branch)
            branches |= left & (0u - left);
    building->record.len = 0;
    subx_lmdb_record__append_branch_head(&building->record, node->bitmap, (uint16_t)branches,
                                         value->form, value->bytes.data);
    for (at = start; at < building->made.len; at += sizeof(struct made)) {
        const struct made made = made_at(building, at);
        const subx_slice merkle = subx_slice__of(made.merkle.bytes, made.merkle.len);
        subx_trie_node__append_child(&building->encoding, merkle);
        if (made.is_branch && made.partial_at < partials)
            partials = made.partial_at;
        const struct subx_nibbles partial =
            made.is_branch ? subx_nibbles__of_partial(building->partials.data + made.partial_at,
                                                      made.partial_len)
                           : (struct subx_nibbles){NULL, 0, 0};
        subx_lmdb_record__append_child(&building->record, made.is_branch ? &partial : NULL, merkle);
    }
    building->made.len = start;
    building->partials.len = partials;
}

static void push_made(struct building *building, const struct subx_shape_node *node)
{
    struct subx_buf *const partials = &building->partials;
    struct made made = {
        .merkle = subx_trie_node__merkle(&subx_trie_blake2b, subx_buf__slice(&building->encoding)),
        .is_branch = node->bitmap != 0,
        .partial_at = partials->len,
        .partial_len = node->partial.len};
    const size_t size = made.is_branch ? subx_nibbles__packed_size(made.partial_len) : 0;
    if (size > 0 && subx_buf__reserve(partials, size)) {
        subx_nibbles__pack(partials->data + partials->len, node->partial);
        partials->len += size;
    }
    subx_buf__append(&building->made, &made, sizeof made);
}

static bool has_failed(const struct building *building)
{
    return building->made.failed || building->partials.failed || building->values.failed ||
           building->encoding.failed || building->record.failed || building->path.failed;
}

/* A node, all its children having been told before. */
static subx_status take_node(void *user, const struct subx_shape_node *node, subx_error *error)
{
    struct building *const building = user;
    struct subx_trie_value value = {SUBX_TRIE_NO_VALUE, SUBX_EMPTY};
    if (has_failed(building))
        return subx_error__nomem(error);
    if (node->has_value)
        value = pop_value(building);
    building->encoding.len = 0;
    subx_trie_node__append_head(&building->encoding, value.form, node->partial, node->bitmap);
    subx_trie_node__append_value(&building->encoding, &value);
    if (node->bitmap != 0)
        take_children(building, node, &value);
    if (has_failed(building))
        return subx_error__nomem(error);
    push_made(building, node);
    if (node->bitmap == 0)
        return has_failed(building) ? subx_error__nomem(error) : SUBX_OK;
    /* the partial key is the end of the path */
    building->path.len = 0;
    subx_lmdb_record__append_path(
        &building->path,
        (struct subx_nibbles){node->partial.data, 0, node->partial.at + node->partial.len});
    if (has_failed(building))
        return subx_error__nomem(error);
    return subx_lmdb_keys__put(building->build->writer, space_of(building, SUBX_LMDB_BRANCHES),
                               subx_buf__slice(&building->path), subx_buf__slice(&building->record),
                               error);
}

/* Give the value where the cursor stands the form that it has to have. */
static subx_status set_form(struct building *building, struct subx_lmdb_cursor *cursor,
                            subx_error *error)
{
    const struct subx_lmdb_build *const build = building->build;
    const bool is_hashed = subx_trie__is_hashed(build->state_version, cursor->value.len - 1);
    const uint8_t form = is_hashed ? SUBX_LMDB_HASHED : SUBX_LMDB_INLINE;
    struct subx_buf *const record = &building->record;
    if (!build->sets_form || cursor->value.data[0] == form)
        return SUBX_OK;
    record->len = 0;
    subx_buf__append_u8(record, form);
    subx_buf__append(record, cursor->value.data + 1, cursor->value.len - 1);
    if (record->failed)
        return subx_error__nomem(error);
    const subx_status status =
        subx_lmdb_keys__put(build->writer, space_of(building, SUBX_LMDB_VALUES),
                            subx_buf__slice(&cursor->key), subx_buf__slice(record), error);
    return status == SUBX_OK ? subx_lmdb_cursor__reread(cursor, error) : status;
}

static subx_status open_at(struct building *building, struct subx_lmdb_cursor *cursor,
                           subx_slice from, subx_error *error)
{
    const subx_status status = subx_lmdb_cursor__open(cursor, building->build->writer->txn,
                                                      space_of(building, SUBX_LMDB_VALUES), error);
    return status == SUBX_OK ? subx_lmdb_cursor__seek(cursor, from, error) : status;
}

/* Go to the next key, in another transaction if it is time. */
static subx_status go_on(struct building *building, struct subx_lmdb_cursor *cursor,
                         subx_error *error)
{
    const struct subx_lmdb_build *const build = building->build;
    if (!build->is_full(build->user))
        return subx_lmdb_cursor__next(cursor, error);
    struct subx_buf from = cursor->key;
    cursor->key = (struct subx_buf)SUBX_BUF_INIT;
    subx_lmdb_cursor__close(cursor);
    /* the least that is greater */
    subx_buf__append_u8(&from, 0);
    subx_status status = from.failed ? subx_error__nomem(error) : build->turn(build->user, error);
    if (status == SUBX_OK)
        status = open_at(building, cursor, subx_buf__slice(&from), error);
    subx_buf__free(&from);
    return status;
}

static subx_status tell_keys(struct building *building, struct subx_shape *shape, subx_error *error)
{
    struct subx_lmdb_cursor cursor;
    subx_status status = open_at(building, &cursor, SUBX_EMPTY, error);
    while (status == SUBX_OK && cursor.is_valid) {
        if (cursor.value.len == 0)
            status = subx_lmdb_record__damaged("an empty entry", error);
        /* Pushing a key tells the nodes in front of it: those do not have its value. What they
         * write makes `cursor.value` invalid, so look at it again. */
        if (status == SUBX_OK)
            status = subx_shape__push(shape, subx_buf__slice(&cursor.key), error);
        if (status == SUBX_OK)
            status = subx_lmdb_cursor__reread(&cursor, error);
        if (status == SUBX_OK)
            status = set_form(building, &cursor, error);
        if (status == SUBX_OK) {
            push_value(building, cursor.value);
            status = go_on(building, &cursor, error);
        }
    }
    subx_lmdb_cursor__close(&cursor);
    return status == SUBX_OK ? subx_shape__finish(shape, error) : status;
}

static subx_status write_record(struct building *building, subx_slice record_key,
                                uint8_t root[SUBX_TRIE_HASH_SIZE], subx_error *error)
{
    const struct made made = made_at(building, 0);
    const subx_slice merkle = subx_slice__of(made.merkle.bytes, made.merkle.len);
    if (merkle.len == SUBX_TRIE_HASH_SIZE)
        memcpy(root, merkle.data, SUBX_TRIE_HASH_SIZE);
    else
        subx_trie_blake2b.hash(merkle, root);
    struct subx_nibbles partial = {NULL, 0, 0};
    if (made.partial_len > 0 && made.is_branch)
        partial =
            subx_nibbles__of_partial(building->partials.data + made.partial_at, made.partial_len);
    building->record.len = 0;
    subx_lmdb_record__append_trie_parts(&building->record, building->number, root,
                                        made.is_branch ? &partial : NULL);
    if (has_failed(building))
        return subx_error__nomem(error);
    const struct subx_lmdb_build *const build = building->build;
    return subx_lmdb_keys__put(build->writer, subx_lmdb__space(build->tables, SUBX_LMDB_TRIES, 0),
                               record_key, subx_buf__slice(&building->record), error);
}

subx_status subx_lmdb_build__trie(const struct subx_lmdb_build *build, uint64_t number,
                                  subx_slice record_key, uint8_t root[SUBX_TRIE_HASH_SIZE],
                                  bool *is_empty, subx_error *error)
{
    struct building building = {.build = build, .number = number};
    struct subx_shape shape;
    subx_shape__init(&shape, take_node, &building);
    subx_status status = tell_keys(&building, &shape, error);
    *is_empty = building.made.len == 0;
    if (status == SUBX_OK && *is_empty)
        memcpy(root, subx_trie_blake2b.empty_root, SUBX_TRIE_HASH_SIZE);
    else if (status == SUBX_OK)
        status = write_record(&building, record_key, root, error);
    subx_shape__free(&shape);
    struct subx_buf *const buffers[] = {&building.made,     &building.partials, &building.values,
                                        &building.encoding, &building.record,   &building.path};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        subx_buf__free(buffers[i]);
    return status;
}
