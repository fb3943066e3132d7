/*
 * The changes of the running block, over a back end that nobody changes meanwhile: for the main
 * trie, for each child trie, and for the offchain index; with nested transactions that all of them
 * open and close together (spec/host-api.md sections 3.1 and 3.2).
 *
 * A journal has one record for each key and transaction that wrote it. Starting a transaction notes
 * where the journal stands; rolling back undoes the records from there on; committing leaves those
 * to the transaction around that it has not got already.
 */
#ifndef SUBX_STORAGE_OVERLAY_H
#define SUBX_STORAGE_OVERLAY_H

#include "storage/change_index.h"

/* The changes of one trie. */
struct subx_change_set {
    struct subx_ordered_map map; /* of struct subx_change; each has a layer */
    struct subx_change_index index;
    bool is_child;
};

/* A child trie that was touched, by its unprefixed storage key. It may have no changes: a kill of
 * nothing touches too, and that counts when roots are computed. */
struct subx_touched_child {
    struct subx_item item; /* its key lies behind this struct */
    struct subx_change_set set;
    uint8_t key[];
};

struct subx_journal_record {
    struct subx_change_set *set;
    struct subx_change *change;
};

/* An empty overlay is all zero. */
struct subx_overlay {
    struct subx_change_set main, offchain;
    struct subx_ordered_map children; /* of struct subx_touched_child */
    size_t empty_children;            /* touched, and without changes now */

    struct subx_journal_record *journal;
    size_t journal_len, journal_capacity;
    size_t *starts; /* of the open transactions, in the journal */
    size_t starts_capacity;
    uint32_t depth; /* open transactions */
};

/* What an overlay knows of a key. */
enum subx_overlay_answer { SUBX_OVERLAY_NOTHING, SUBX_OVERLAY_REMOVED, SUBX_OVERLAY_VALUE };

/* Forget everything, open transactions too, and release all memory. */
void subx_overlay__clear(struct subx_overlay *overlay);

/* The changes of a child trie; NULL if it was not touched. Valid until a rollback. */
struct subx_change_set *subx_overlay__child(const struct subx_overlay *overlay, subx_slice child);

/* The same, touching it if it was not. NULL: out of memory. */
struct subx_change_set *subx_overlay__touch_child(struct subx_overlay *overlay, subx_slice child);

/* Look a key up. `value` is borrowed until the overlay changes. `set` may be NULL. */
enum subx_overlay_answer subx_overlay__get(const struct subx_change_set *set, subx_slice key,
                                           subx_slice *value);

/* Write in the innermost open transaction. False: out of memory, nothing changed. */
bool subx_overlay__set(struct subx_overlay *overlay, struct subx_change_set *set, subx_slice key,
                       subx_slice value);
bool subx_overlay__remove(struct subx_overlay *overlay, struct subx_change_set *set,
                          subx_slice key);
/* `initial` stands for the value where the overlay knows nothing of the key. */
bool subx_overlay__append(struct subx_overlay *overlay, struct subx_change_set *set, subx_slice key,
                          subx_slice initial, subx_slice element);

/* Remove every key that has a change and starts with `prefix`; `had_value` counts those that had a
 * value until then. False: out of memory; a part may be done. */
bool subx_overlay__remove_prefix(struct subx_overlay *overlay, struct subx_change_set *set,
                                 subx_slice prefix, uint32_t *had_value);

/* Open a transaction. False: out of memory. */
bool subx_overlay__start(struct subx_overlay *overlay);

/* Close the innermost one, which must be open: into the one around it, or into nothing. */
void subx_overlay__commit(struct subx_overlay *overlay);
void subx_overlay__rollback(struct subx_overlay *overlay);

/* Child tries without changes are not touched any more. */
void subx_overlay__forget_empty_children(struct subx_overlay *overlay);

/* The changes of a set in the order of keys, from the first key that is not less than `from`. */
struct subx_map_cursor subx_overlay__seek(const struct subx_change_set *set, subx_slice from);

/* The change behind the cursor, which moves on; NULL at the end. */
static inline const struct subx_change *subx_overlay__next(struct subx_map_cursor *cursor)
{
    return (const struct subx_change *)subx_ordered_map__next(cursor);
}

#endif
