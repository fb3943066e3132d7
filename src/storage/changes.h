/*
 * What a block changes, over the state before it: the storage that calls see (spec/host-api.md
 * section 3). Reads look into the overlay first, then into the back end; nothing reaches the back
 * end before a commit.
 *
 * The reference keeps the last storage root, with the changes that it describes, until something
 * changes, and commits those; where it forgets that something has changed, it repeats the old root
 * and commits the old changes (section 10, faults 2 to 4). Chains have to agree on that, so this
 * does the same, unless it is told to be clean.
 *
 * Strings are borrowed for the call. What a function hands out is borrowed until the changes are
 * used again. Failures: a status, and the text in `error`, as the back end gave them, or SUBX_NOMEM.
 */
#ifndef SUBX_STORAGE_CHANGES_H
#define SUBX_STORAGE_CHANGES_H

#include <subexec/state.h>

#include "storage/backend.h"
#include "storage/overlay.h"

/* A root that was asked for, and what a commit of it would do. */
struct subx_cached_root {
    void *prepared; /* NULL: there is none */
    uint8_t state_version;
    uint8_t root[32];
};

struct subx_changes {
    subx_state *state;
    const struct subx_backend *backend;
    void *view; /* NULL after a commit: opened again before anything else happens */
    struct subx_overlay overlay;
    struct subx_cached_root cached;
    bool is_faithful;
    uint8_t state_version; /* of the runtime, for functions that are not told one */
    bool records_proof;
    struct subx_proof recorder; /* of what the view reads */
    bool in_call;
    uint32_t outer_depth; /* transactions that were open when the call began */

    uint64_t root_time; /* nanoseconds that computing roots of the state has taken so far */

    /* Where the last limited removal stopped (ext_misc_last_cursor). */
    struct subx_buf cursor;
    bool has_cursor;
};

/* What a removal did (section 3.4). */
struct subx_removal {
    bool has_cursor; /* stopped at the limit: there is more */
    subx_slice cursor;
    uint32_t backend; /* keys of the back end that got removed now */
    uint32_t unique;  /* these, and keys that only the block had set */
    uint32_t loops;   /* keys of the back end that were looked at */
};

/* Open the view if there is none; the functions below need it. */
subx_status subx_changes__see(struct subx_changes *changes, subx_error *error);

/* A call begins: it may only close transactions that it opened. SUBX_MISUSE if one is under way. */
subx_status subx_changes__begin_call(struct subx_changes *changes, subx_error *error);

/* It ends, well or not: transactions that it left open are rolled back. */
void subx_changes__end_call(struct subx_changes *changes);

/* The value of a key; `value` may be NULL for whom it is enough that there is one. */
subx_status subx_changes__get(struct subx_changes *changes, struct subx_trie_id trie,
                              subx_slice key, bool *found, subx_slice *value, subx_error *error);

/* The least key that has a value and is greater than `key`. */
subx_status subx_changes__next_key(struct subx_changes *changes, struct subx_trie_id trie,
                                   subx_slice key, bool *found, subx_slice *next,
                                   subx_error *error);

/* Give a key a value, or none. In the main trie keys that start with ":child_storage:" are left
 * alone. */
subx_status subx_changes__set(struct subx_changes *changes, struct subx_trie_id trie,
                              subx_slice key, subx_slice value, subx_error *error);
subx_status subx_changes__remove(struct subx_changes *changes, struct subx_trie_id trie,
                                 subx_slice key, subx_error *error);

/* Append to a list in the main trie (section 3.3); any key. */
subx_status subx_changes__append(struct subx_changes *changes, subx_slice key, subx_slice element,
                                 subx_error *error);

/*
 * Remove the keys that start with `prefix`, as section 3.4 has it; with an empty prefix, all keys
 * of a child trie. In the main trie prefixes that touch ":child_storage:" remove nothing.
 *
 * limit   most keys of the back end to look at; NULL: all
 * cursor  the key of the back end to begin with; NULL: the first
 */
subx_status subx_changes__remove_prefix(struct subx_changes *changes, struct subx_trie_id trie,
                                        subx_slice prefix, const uint32_t *limit,
                                        const subx_slice *cursor, struct subx_removal *removal,
                                        subx_error *error);

/* Transactions. Closing one that is not open, or that a call did not open itself, is refused with
 * false. */
subx_status subx_changes__start(struct subx_changes *changes, subx_error *error);
bool subx_changes__commit(struct subx_changes *changes);
bool subx_changes__rollback(struct subx_changes *changes);

/* Root of the state with the changes, in the form of `state_version` (0 or 1). */
subx_status subx_changes__root(struct subx_changes *changes, uint8_t state_version,
                               uint8_t root[32], subx_error *error);

/* Root of a child trie; writes it into the main trie's changes if the child was touched. */
subx_status subx_changes__child_root(struct subx_changes *changes, subx_slice child,
                                     uint8_t state_version, uint8_t root[32], subx_error *error);

/* The offchain index: transactional like storage, in no trie. */
subx_status subx_changes__index_set(struct subx_changes *changes, subx_slice key, subx_slice value,
                                    subx_error *error);
subx_status subx_changes__index_clear(struct subx_changes *changes, subx_slice key,
                                      subx_error *error);

/* Forget the root that is cached. */
void subx_changes__forget_root(struct subx_changes *changes);

/* Key of a child trie's root in the main trie: ":child_storage:default:" and the storage key,
 * appended to `buf`. */
void subx_changes__append_root_key(struct subx_buf *buf, subx_slice child);

#endif
