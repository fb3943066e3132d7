/*
 * What an author of blocks knows from outside of the chain: time and slot, which go on from block to
 * block, and how the consensus engines want to hear of them.
 */
#ifndef SUBX_CLI_AUTHOR_H
#define SUBX_CLI_AUTHOR_H

#include <subexec/build.h>

#include "opt.h"

enum consensus { CONSENSUS_NONE, CONSENSUS_BABE, CONSENSUS_AURA };

enum { AUTHOR_MAX_INHERENTS = OPT_MAX_REPEATED + 5 };

struct author {
    enum consensus consensus;
    uint32_t authority;            /* index of the author */
    uint64_t slot, time, duration; /* time and the slots' duration in milliseconds */
    uint64_t step;                 /* slots from block to block */
    bool has_slot, has_time, has_duration;

    /* Digest items and inherents of the caller's own; the items take the place of the claim. */
    const subx_slice *digest;
    size_t digest_count;
    const subx_inherent *own;
    size_t own_count;

    /* What the next block is given, from author_prepare() on. */
    uint8_t slot_bytes[8], time_bytes[8], finalized[4], claim[24];
    subx_slice claim_slice;
    subx_inherent inherents[AUTHOR_MAX_INHERENTS];
    size_t inherent_count;
};

/*
 * Find out how the chain authors blocks, by what its runtime can be asked, and fill in slot, time and
 * duration where they were not given: after the time in the state, or from a fixed beginning.
 */
subx_status author_ask(struct author *author, subx_runtime *runtime, subx_state *state,
                       subx_error *error);

/* Slot and time cannot run over in so many blocks. */
bool author_fits(const struct author *author, uint64_t count);

/* Have inherents and digest ready for the block with this number, for `options`. */
void author_prepare(struct author *author, uint64_t number, subx_build_options *options);

/* The next slot. */
void author_advance(struct author *author);

/* The block that a state is after. */
struct author_parent {
    uint64_t number;
    bool number_known, hash_known;
    uint8_t hash[32];
};

/*
 * Find out which block a state is after. What was given (as far as its parts are known) goes before
 * what the state tells; `path` names it in messages.
 *
 * head  what is known of a state that is a copy; NULL: ask the state
 */
subx_status author_find_parent(subx_state *state, const char *path, const subx_block_id *head,
                               const struct author_parent *given, struct author_parent *out,
                               subx_error *error);

#endif
