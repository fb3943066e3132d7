/* Where two states differ. */
#ifndef SUBX_CLI_STATE_COMPARE_H
#define SUBX_CLI_STATE_COMPARE_H

#include <jansson.h>

#include "state_walk.h"

/* A key whose values differ; NULL: there is none on that side. Borrowed until return. */
struct state_difference {
    const subx_slice *child; /* NULL: the main trie */
    subx_slice key;
    const subx_slice *old, *new;
};

typedef void (*state_difference_fn)(void *data, const struct state_difference *difference);

/*
 * Tell the keys that differ, in order: of the main trie, then of the child tries. Roots of child
 * tries are left out, unless what the child trie holds is unknown on one side.
 */
subx_status state_compare(struct state_view old, struct state_view new, state_difference_fn tell,
                          void *data, subx_error *error);

/* The same as {"top":{KEY:VALUE...},"children":{CHILD:{...}...}} with the new values, null where
 * there is none; child tries that do not differ are left out. NULL on failure. */
json_t *state_compare_json(struct state_view old, struct state_view new, subx_error *error);

/* Such an object without differences, and one difference more in it (a state_difference_fn). */
json_t *state_differences_new(void);
void state_differences_add(void *object, const struct state_difference *difference);

#endif
