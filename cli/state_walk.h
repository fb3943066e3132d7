/* Keys and values of a state, one after another. */
#ifndef SUBX_CLI_STATE_WALK_H
#define SUBX_CLI_STATE_WALK_H

#include <subexec/state.h>

#include "files.h"

/* What the keys of roots of child tries in the main trie begin with. */
extern const subx_slice state_child_prefix;

bool state_is_child_root(subx_slice key);

/* Storage key of the child trie whose root has this key in the main trie. */
subx_slice state_child_name(subx_slice key);

/* A state as it is; or, with a snapshot (changes without anything in them), as it was when that was
 * made. */
struct state_view {
    subx_state *state;
    subx_changes *snapshot;
};

/* Read a value; release it with free(), found or not. */
subx_status state_view_get(struct state_view view, const subx_slice *child, subx_slice key,
                           bool *found, struct file_bytes *value, subx_error *error);

/* Whether what a child trie holds is known: pairs of a main trie alone have only its root. */
bool state_view_has_child(struct state_view view, subx_slice child);

/* The keys of one trie that begin with a prefix. Set the first three; the rest starts as zeros. */
struct state_walk {
    struct state_view view;
    const subx_slice *child; /* NULL: the main trie */
    subx_slice prefix;
    subx_slice key; /* where the walk is; valid until the next step */
    struct file_bytes owned;
    bool has_begun;
};

/* Go to the next key; `more` is false if there is none. */
subx_status state_walk_next(struct state_walk *walk, bool *more, subx_error *error);

/* Release what a walk holds, ended or not. */
void state_walk_close(struct state_walk *walk);

#endif
