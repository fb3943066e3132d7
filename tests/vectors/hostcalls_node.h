/*
 * The node around the guest of the host-call vectors ("The node around the guest" in
 * hostcalls/README.md): everything that a call may reach beside the state, and a record of what
 * reached it.
 */
#ifndef SUBX_TESTS_HOSTCALLS_NODE_H
#define SUBX_TESTS_HOSTCALLS_NODE_H

#include <jansson.h>

#include <subexec/subexec.h>

struct node {
    subx_keystore *keystore;
    subx_local_storage *local_storage;
    subx_offchain offchain;
    uint64_t now;              /* milliseconds */
    json_t *submitted;         /* list of hex strings */
    json_t *transaction_index; /* list of texts */
    json_t *logs;              /* list of [level, target, text] */
};

/* Make a node; false: out of memory. */
bool node_make(struct node *node);
void node_drop(struct node *node);

/* Let a call reach the node: all of it, or what the execution of a block may reach. */
void node_grant(struct node *node, bool is_offchain, subx_call_options *options);

/* What the offchain database holds, hex keys to hex values; the caller's. */
json_t *node_local_storage(const struct node *node);

/* A JSON string of hex digits. */
json_t *hex_string(subx_slice bytes);

#endif
