/*
 * Back ends: where the state of a chain lies between blocks. A back end is a table of functions over
 * a database of its own; the rest of this room reads through it and gives it what a block changed.
 *
 * A state is a main trie and child tries. To everything here a child trie is a trie of its own,
 * named by its unprefixed storage key; that its root stands in the main trie, under
 * ":child_storage:default:" and that key, is the business of the caller, who writes it there
 * (spec/host-api.md section 3.6).
 *
 * Two kinds of handles come from a back end:
 *
 *   view      the state as it was when the view was opened, whatever is committed meanwhile. One
 *             thread at a time uses a view; different views, any number of threads.
 *   prepared  a view's state with changes applied, and the roots that result; nobody else sees
 *             it. Nothing happens to the state until it is committed, and it may be dropped
 *             instead. It owns what it needs: the view and the changes it was made from may go
 *             before it.
 *
 * Statuses: SUBX_TRIE_REFERENCE_PANICS for what makes the reference panic: inside a call the guest
 * traps then. Anything else, for instance SUBX_NOMEM or SUBX_IO, is a failure of the machine and
 * says nothing about the guest.
 */
#ifndef SUBX_STORAGE_BACKEND_H
#define SUBX_STORAGE_BACKEND_H

#include <subexec/state.h>

#include "trie/tree.h"

/* One trie of a state. */
struct subx_trie_id {
    bool is_child;
    subx_slice child; /* the unprefixed storage key of a child trie; may be empty */
};

#define SUBX_MAIN_TRIE ((struct subx_trie_id){false, SUBX_EMPTY})

static inline struct subx_trie_id subx_trie_id__child(subx_slice child)
{
    return (struct subx_trie_id){true, child};
}

/* Takes a key, borrowed for the call; sets `*stop` to end the walk. A status other than SUBX_OK
 * ends it too and is returned from it. */
typedef subx_status subx_backend_visitor(void *user, subx_slice key, bool *stop, subx_error *error);

struct subx_backend {
    /* For messages. */
    const char *name;

    /* Release the back end; all handles are gone. */
    void (*free)(void *self);

    /* Open a view of the state as it is now. Threads: any. */
    subx_status (*open)(void *self, void **view, subx_error *error);
    void (*close)(void *view);

    /*
     * Record what the view reads of the state's tries from now on, and what is read for changes that
     * are prepared from it: all nodes, and values in hashed form that are handed out, are added to
     * `recorder`. With them, and nothing else, a state that was made from the proof answers the
     * same. Called once at most for a view, before anything else is asked of it; the recorder
     * outlives the view and what is prepared from it. Failures of recording are those of whatever
     * is asked. NULL: this back end makes no proofs.
     */
    void (*record)(void *view, struct subx_proof *recorder);

    /* The value of a key, borrowed from the view until it is closed; `value` may be NULL for whom
     * it is enough that there is one. A trie that does not exist has no keys; one whose recorded
     * root is not the root of a trie that the back end knows is SUBX_TRIE_REFERENCE_PANICS, in the
     * functions below too (section 10, fault 5). */
    subx_status (*get)(void *view, struct subx_trie_id trie, subx_slice key, bool *found,
                       subx_slice *value, subx_error *error);

    /* The least key that is greater than `key`. `*next` is borrowed until the view is used again.
     */
    subx_status (*next_key)(void *view, struct subx_trie_id trie, subx_slice key, bool *found,
                            subx_slice *next, subx_error *error);

    /* Give `visit` the keys that start with `prefix` and are not less than `from`, in order. The
     * visitor does not use the view. */
    subx_status (*walk)(void *view, struct subx_trie_id trie, subx_slice prefix, subx_slice from,
                        subx_backend_visitor *visit, void *user, subx_error *error);

    /*
     * Begin to change a view's state. Values are written in the form of `state_version` (0: inline;
     * 1: hashed from 33 bytes on); what is not written keeps its form. `is_faithful`: with the
     * reference's fault in removing absent keys (section 10, fault 1), else without.
     */
    subx_status (*prepare)(void *view, uint8_t state_version, bool is_faithful, void **prepared,
                           subx_error *error);

    /*
     * Apply changes to one trie, one after the other: keys ascend, and equal keys follow each other.
     * Each trie at most once for a `prepared`: child tries in ascending order of their keys, then
     * the main trie. The changes are borrowed until return. After a failure the handle may only be
     * dropped.
     *
     * root      root of the trie afterwards
     * is_empty  it has no keys
     */
    subx_status (*apply)(void *prepared, struct subx_trie_id trie,
                         const struct subx_tree_change *list, size_t count, uint8_t root[32],
                         bool *is_empty, subx_error *error);

    /*
     * Make the changes the state, as a whole or not at all; views that are open do not see them.
     * Releases the handle on SUBX_OK; after a failure it may be committed again or dropped.
     * SUBX_EXTERNALITIES if something else was committed since the view was opened.
     */
    subx_status (*commit)(void *prepared, subx_error *error);
    void (*drop)(void *prepared);

    /*
     * Which block the state is after. `set_head` says so for what a commit makes, and is part of
     * that; without it, or with NULL, it is not known afterwards. Both NULL: nobody keeps it.
     */
    subx_status (*head)(void *view, bool *known, subx_block_id *head, subx_error *error);
    void (*set_head)(void *prepared, const subx_block_id *head);

    /*
     * Fill a state without keys pair by pair, with memory that does not grow with it. All of these
     * are NULL where there is no such way. One thread does all of it, commits of others wait, and
     * nobody sees any of it before the commit; each failure leaves the state as it was.
     *
     * begin   `likely_version`: the state version, if it is known yet. `*import` is NULL on
     *         SUBX_OK if the state has keys
     * add     a pair, the last of equal ones counts; best in ascending order. The pairs of a child
     *         trie come one after the other: SUBX_INVALID_INPUT if it comes again. What the main
     *         trie has at the keys of child tries' roots is replaced
     * finish  build the tries in the form of `state_version`, and tell the root; only commit or
     *         drop come behind it, and only drop behind a failure
     * commit  make it the state, after the block `head` unless that is NULL. Releases the import,
     *         whatever it returns
     * drop    forget all of it
     */
    subx_status (*import_begin)(void *self, uint8_t likely_version, void **import,
                                subx_error *error);
    subx_status (*import_add)(void *import, struct subx_trie_id trie, subx_slice key,
                              subx_slice value, subx_error *error);
    subx_status (*import_finish)(void *import, uint8_t state_version, uint8_t root[32],
                                 subx_error *error);
    subx_status (*import_commit)(void *import, const subx_block_id *head, subx_error *error);
    void (*import_drop)(void *import);
};

#endif
