/* What the host functions of storage share: the state of the call, results in SCALE. */
#ifndef SUBX_HOST_HOST_STATE_H
#define SUBX_HOST_HOST_STATE_H

#include "host/call.h"
#include "host/host_bytes.h"
#include "host/marshal.h"
#include "storage/changes.h"

/* Whether the call has a state; if not it has failed. Every function of storage asks first. */
bool subx_host_state__is_given(struct subx_call *call);

/* End a host function with a status of the storage; its text is in `call->failure` already. */
static inline bool subx_host_state__done(subx_status status)
{
    return status == SUBX_OK;
}

/* Turn a state version as guests give it into 0 or 1: 2 counts as 1 (the vectors' version-2 cases),
 * what is above fails the call. */
bool subx_host_state__take_version(struct subx_call *call, uint8_t *version);

/* Reads of `trie`, as the functions with these names answer. */
bool subx_host_state__get(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                          struct subx_host_bytes *result);
bool subx_host_state__exists(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                             bool *result);
bool subx_host_state__read(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                           struct subx_span out, uint32_t offset, struct subx_host_bytes *result);
bool subx_host_state__read_2(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                             struct subx_span out, uint32_t offset, bool allow_partial,
                             uint64_t *result);
bool subx_host_state__next_key(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                               struct subx_host_bytes *result);
bool subx_host_state__next_key_2(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                                 struct subx_span out, uint32_t *result);

bool subx_host_state__set(struct subx_call *call, struct subx_trie_id trie, subx_slice key,
                          subx_slice value);
bool subx_host_state__clear(struct subx_call *call, struct subx_trie_id trie, subx_slice key);

/* Removals. `limit` and `cursor` are the SCALE bytes that the guest gave; NULL: the function has no
 * such argument. */
bool subx_host_state__remove_prefix(struct subx_call *call, struct subx_trie_id trie,
                                    subx_slice prefix, const subx_slice *limit,
                                    const subx_slice *cursor, struct subx_removal *removal);

/* The result of RFC-145's removals, and their arguments. */
struct subx_removal_exchange {
    uint64_t limit;     /* all ones: none; else a u32 */
    uint64_t cursor_in; /* a pointer-size; all ones: none */
    struct subx_span cursor_out;
    uint8_t *counters; /* 12 bytes */
};
bool subx_host_state__remove_prefix_rfc(struct subx_call *call, struct subx_trie_id trie,
                                        subx_slice prefix,
                                        const struct subx_removal_exchange *exchange,
                                        uint32_t *result);

/* KillStorageResult: whether keys remain, and how many were looked at. */
void subx_host_state__give_kill_result(const struct subx_removal *removal,
                                       struct subx_host_bytes *result);

/* MultiRemovalResults: where to go on, and three counts. */
bool subx_host_state__give_removal(struct subx_call *call, const struct subx_removal *removal,
                                   struct subx_host_bytes *result);

/* A root as its bytes; and as RFC-145's functions write it, with its length in front. */
void subx_host_state__give_root(const uint8_t root[32], struct subx_host_bytes *result);
bool subx_host_state__write_root(struct subx_call *call, const uint8_t root[32],
                                 struct subx_span out);

#endif
