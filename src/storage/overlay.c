/* Changes of a block and their transactions; see overlay.h. */
#include "storage/overlay.h"

#include "util/check.h"
#include "util/mem.h"

static void clear_set(struct subx_change_set *set)
{
    struct subx_map_cursor cursor = subx_ordered_map__seek(&set->map, SUBX_EMPTY);
    for (struct subx_item *item; (item = subx_ordered_map__next(&cursor)) != NULL;)
        subx_change__free((struct subx_change *)item);
    subx_ordered_map__clear(&set->map);
    subx_change_index__clear(&set->index);
}

void subx_overlay__clear(struct subx_overlay *overlay)
{
    clear_set(&overlay->main);
    clear_set(&overlay->offchain);
    struct subx_map_cursor cursor = subx_ordered_map__seek(&overlay->children, SUBX_EMPTY);
    for (struct subx_item *item; (item = subx_ordered_map__next(&cursor)) != NULL;) {
        struct subx_touched_child *const child = (struct subx_touched_child *)item;
        clear_set(&child->set);
        subx_mem__free(child);
    }
    subx_ordered_map__clear(&overlay->children);
    subx_mem__free(overlay->journal);
    subx_mem__free(overlay->starts);
    *overlay = (struct subx_overlay){0};
}

/* ---- Child tries ---- */

struct subx_change_set *subx_overlay__child(const struct subx_overlay *overlay, subx_slice child)
{
    struct subx_item *const item = subx_ordered_map__find(&overlay->children, child);
    return item == NULL ? NULL : &((struct subx_touched_child *)item)->set;
}

struct subx_change_set *subx_overlay__touch_child(struct subx_overlay *overlay, subx_slice child)
{
    struct subx_change_set *const known = subx_overlay__child(overlay, child);
    if (known != NULL)
        return known;
    struct subx_touched_child *const touched = subx_mem__alloc(sizeof *touched + child.len);
    if (touched == NULL)
        return NULL;
    *touched =
        (struct subx_touched_child){.item = {{touched->key, child.len}}, .set = {.is_child = true}};
    if (child.len > 0)
        memcpy(touched->key, child.data, child.len);
    if (!subx_ordered_map__insert(&overlay->children, &touched->item)) {
        subx_mem__free(touched);
        return NULL;
    }
    overlay->empty_children++;
    return &touched->set;
}

void subx_overlay__forget_empty_children(struct subx_overlay *overlay)
{
    struct subx_map_cursor cursor = subx_ordered_map__seek(&overlay->children, SUBX_EMPTY);
    while (overlay->empty_children > 0) {
        struct subx_touched_child *const child =
            (struct subx_touched_child *)subx_ordered_map__next(&cursor);
        if (child->set.map.count > 0)
            continue;
        subx_ordered_map__remove(&overlay->children, &child->item);
        clear_set(&child->set);
        cursor = subx_ordered_map__seek(&overlay->children, child->item.key);
        subx_mem__free(child);
        overlay->empty_children--;
    }
}

/* ---- Keys ---- */

static struct subx_change *find(const struct subx_change_set *set, subx_slice key)
{
    struct subx_change *change = NULL;
    if (subx_change_index__find(&set->index, key, &change))
        return change;
    return (struct subx_change *)subx_ordered_map__find(&set->map, key);
}

enum subx_overlay_answer subx_overlay__get(const struct subx_change_set *set, subx_slice key,
                                           subx_slice *value)
{
    *value = SUBX_EMPTY;
    const struct subx_change *const change = set == NULL ? NULL : find(set, key);
    if (change == NULL)
        return SUBX_OVERLAY_NOTHING;
    return subx_change__value(change, value) ? SUBX_OVERLAY_VALUE : SUBX_OVERLAY_REMOVED;
}

struct subx_map_cursor subx_overlay__seek(const struct subx_change_set *set, subx_slice from)
{
    if (set == NULL)
        return (struct subx_map_cursor){NULL, 0};
    return subx_ordered_map__seek(&set->map, from);
}

/* Room for one more record. */
static bool reserve_record(struct subx_overlay *overlay)
{
    if (overlay->depth == 0 || overlay->journal_len < overlay->journal_capacity)
        return true;
    const size_t capacity =
        overlay->journal_capacity == 0 ? 64 : overlay->journal_capacity + overlay->journal_len / 2;
    struct subx_journal_record *const journal =
        subx_mem__realloc(overlay->journal, capacity, sizeof *journal);
    if (journal == NULL)
        return false;
    overlay->journal = journal;
    overlay->journal_capacity = capacity;
    return true;
}

/* What a write does to a change. */
struct write {
    enum { WRITE_SET, WRITE_REMOVE, WRITE_APPEND } kind;
    subx_slice value; /* to set, or the element to append */
    subx_slice initial;
};

static bool write_change(struct subx_overlay *overlay, struct subx_change_set *set,
                         struct subx_change *change, const struct write *write)
{
    const uint32_t depth = overlay->depth;
    const bool is_new = depth > 0 && subx_change__is_new_at(change, depth);
    bool done = false;
    if (is_new && !reserve_record(overlay))
        return false;
    if (write->kind == WRITE_SET)
        done = subx_change__set(change, depth, write->value);
    else if (write->kind == WRITE_REMOVE)
        done = subx_change__remove(change, depth);
    else
        done = subx_change__append(change, depth, write->initial, write->value);
    if (done && is_new)
        overlay->journal[overlay->journal_len++] = (struct subx_journal_record){set, change};
    return done;
}

/* Write to a key that has no change yet. */
static bool write_first(struct subx_overlay *overlay, struct subx_change_set *set, subx_slice key,
                        const struct write *write)
{
    struct subx_change *const change = subx_change__new(key);
    if (change == NULL)
        return false;
    if (!subx_ordered_map__insert(&set->map, &change->item)) {
        subx_mem__free(change);
        return false;
    }
    if (!write_change(overlay, set, change, write)) {
        subx_ordered_map__remove(&set->map, &change->item);
        subx_mem__free(change);
        return false;
    }
    subx_change_index__add(&set->index, &set->map, change);
    if (set->is_child && set->map.count == 1)
        overlay->empty_children--;
    return true;
}

static bool write_key(struct subx_overlay *overlay, struct subx_change_set *set, subx_slice key,
                      const struct write *write)
{
    struct subx_change *const change = find(set, key);
    return change == NULL ? write_first(overlay, set, key, write)
                          : write_change(overlay, set, change, write);
}

bool subx_overlay__set(struct subx_overlay *overlay, struct subx_change_set *set, subx_slice key,
                       subx_slice value)
{
    return write_key(overlay, set, key, &(struct write){WRITE_SET, value, SUBX_EMPTY});
}

bool subx_overlay__remove(struct subx_overlay *overlay, struct subx_change_set *set, subx_slice key)
{
    return write_key(overlay, set, key, &(struct write){WRITE_REMOVE, SUBX_EMPTY, SUBX_EMPTY});
}

bool subx_overlay__append(struct subx_overlay *overlay, struct subx_change_set *set, subx_slice key,
                          subx_slice initial, subx_slice element)
{
    return write_key(overlay, set, key, &(struct write){WRITE_APPEND, element, initial});
}

bool subx_overlay__remove_prefix(struct subx_overlay *overlay, struct subx_change_set *set,
                                 subx_slice prefix, uint32_t *had_value)
{
    *had_value = 0;
    /* Changes are only written to: the cursor stays valid. */
    struct subx_map_cursor cursor = subx_ordered_map__seek(&set->map, prefix);
    for (struct subx_item *item; (item = subx_ordered_map__next(&cursor)) != NULL;) {
        struct subx_change *const change = (struct subx_change *)item;
        if (!subx_slice__starts_with(item->key, prefix))
            break;
        if (change->top->kind == SUBX_LAYER_REMOVED)
            continue;
        if (!write_change(overlay, set, change, &(struct write){.kind = WRITE_REMOVE}))
            return false;
        ++*had_value;
    }
    return true;
}

/* ---- Transactions ---- */

bool subx_overlay__start(struct subx_overlay *overlay)
{
    if (overlay->depth == UINT32_MAX)
        return false;
    if (overlay->depth == overlay->starts_capacity) {
        const size_t capacity = overlay->starts_capacity + overlay->starts_capacity / 2 + 16;
        size_t *const starts = subx_mem__realloc(overlay->starts, capacity, sizeof *starts);
        if (starts == NULL)
            return false;
        overlay->starts = starts;
        overlay->starts_capacity = capacity;
    }
    overlay->starts[overlay->depth++] = overlay->journal_len;
    return true;
}

void subx_overlay__commit(struct subx_overlay *overlay)
{
    SUBX_CHECK(overlay->depth > 0);
    const size_t start = overlay->starts[overlay->depth - 1];
    size_t kept = start;
    for (size_t i = start; i < overlay->journal_len; i++) {
        const struct subx_journal_record record = overlay->journal[i];
        const bool is_first = subx_change__lower(record.change, overlay->depth);
        if (is_first && overlay->depth > 1)
            overlay->journal[kept++] = record;
    }
    overlay->journal_len = kept;
    overlay->depth--;
}

static void undo(struct subx_overlay *overlay, struct subx_journal_record record)
{
    subx_change__pop(record.change);
    if (record.change->top != NULL)
        return;
    subx_ordered_map__remove(&record.set->map, &record.change->item);
    subx_change_index__remove(&record.set->index, record.change);
    subx_mem__free(record.change);
    if (record.set->is_child && record.set->map.count == 0)
        overlay->empty_children++;
}

void subx_overlay__rollback(struct subx_overlay *overlay)
{
    SUBX_CHECK(overlay->depth > 0);
    const size_t start = overlay->starts[overlay->depth - 1];
    while (overlay->journal_len > start)
        undo(overlay, overlay->journal[--overlay->journal_len]);
    overlay->depth--;
}
