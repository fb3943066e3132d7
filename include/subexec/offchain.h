/**
 * \file
 * What offchain workers may reach: the node, the clock, randomness, the network, storage that is not
 * part of the state. A call has none of it unless its options name it; functions of the runtime that
 * ask for what was not granted end the call, with a text that says what would help.
 */
#ifndef SUBEXEC_OFFCHAIN_H
#define SUBEXEC_OFFCHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/export.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Takes the peer id of the node and the addresses under which it can be reached; all borrowed until
 * return. */
typedef void (*subx_network_state_sink)(void *to, subx_slice peer_id, const subx_slice *addresses,
                                        size_t address_count);

/** Takes one header of a response; borrowed until return. */
typedef void (*subx_http_header_sink)(void *to, subx_slice name, subx_slice value);

/** How a step of an HTTP request ended. */
typedef enum subx_http_outcome {
    SUBX_HTTP_OK = 0,
    SUBX_HTTP_DEADLINE_REACHED = 1,
    /** The request is of no use any more. */
    SUBX_HTTP_IO_ERROR = 2,
    /** There is no such request. */
    SUBX_HTTP_INVALID_ID = 3
} subx_http_outcome;

/** Where a request stands. */
typedef struct subx_http_state {
    /** SUBX_HTTP_OK: the response is there. */
    subx_http_outcome outcome;
    /** Its HTTP status code, for instance 200. */
    uint16_t code;
} subx_http_state;

/**
 * What an offchain worker may do. Each function is a grant of its own: one that is NULL is not
 * granted. Slices are borrowed until return; deadlines are milliseconds since 1970 UTC, or NULL for
 * none; request ids are the embedder's.
 *
 * Threads: called on the threads of the calls, concurrently if calls are.
 */
typedef struct subx_offchain_functions {
    /** Whether the node is a validator. */
    bool (*is_validator)(void *data);
    /** Hand an extrinsic to the transaction pool; false if it does not take it. */
    bool (*submit_transaction)(void *data, subx_slice extrinsic);
    /** Call `give` once, with `to`; false, without doing so, if nothing is known. */
    bool (*network_state)(void *data, subx_network_state_sink give, void *to);
    /** Milliseconds since 1970 UTC. */
    uint64_t (*timestamp)(void *data);
    /** Return when that time has come; at once if it has passed. */
    void (*sleep_until)(void *data, uint64_t deadline);
    /** 32 random bytes. */
    void (*random_seed)(void *data, uint8_t seed[32]);
    /** Nodes that may connect: a SCALE sequence of peer ids, well-formed. With `only`, no others. */
    void (*set_authorized_nodes)(void *data, subx_slice nodes, bool only);
    /** Begin a request; false if it cannot be begun. `method` and `uri` are UTF-8. */
    bool (*http_request_start)(void *data, subx_slice method, subx_slice uri, subx_slice meta,
                               uint16_t *id);
    /** Add a header before the body; false if it cannot be. `name` and `value` are UTF-8. */
    bool (*http_request_add_header)(void *data, uint16_t id, subx_slice name, subx_slice value);
    /** Write a piece of the body; an empty one ends it. */
    subx_http_outcome (*http_request_write_body)(void *data, uint16_t id, subx_slice chunk,
                                                 const uint64_t *deadline);
    /** Wait until all these requests have a response, or until the deadline; fill one state each. */
    void (*http_response_wait)(void *data, const uint16_t *ids, size_t count,
                               const uint64_t *deadline, subx_http_state *states);
    /** Call `give`, with `to`, for each header of a response, in order. */
    void (*http_response_headers)(void *data, uint16_t id, subx_http_header_sink give, void *to);
    /** Read the next piece of a response's body, at most `len` bytes; 0 bytes end it. */
    subx_http_outcome (*http_response_read_body)(void *data, uint16_t id, uint8_t *buffer,
                                                 size_t len, const uint64_t *deadline,
                                                 size_t *read);
} subx_offchain_functions;

/** The node around an offchain worker. It must outlive the calls. */
typedef struct subx_offchain {
    const subx_offchain_functions *functions;
    /** Handed to the functions. */
    void *data;
} subx_offchain;

/** Kinds of local storage. */
typedef enum subx_local_kind {
    /** Kept whatever the chain does. */
    SUBX_LOCAL_PERSISTENT = 0,
    /** Follows forks; no node implements it: nothing is ever in it. */
    SUBX_LOCAL_FORK_AWARE = 1
} subx_local_kind;

/** Takes a value; borrowed until return. */
typedef void (*subx_value_sink)(void *to, subx_slice value);

/**
 * Storage of the node that offchain workers share. A failure ends the runtime call that asked, with
 * the text in `error`.
 *
 * Threads: called on the threads of the calls, concurrently if calls are; each function is one step.
 */
typedef struct subx_local_storage_functions {
    /** Call `take` once, with `to`, if there is a value. */
    subx_status (*get)(void *data, subx_local_kind kind, subx_slice key, subx_value_sink take,
                       void *to, subx_error *error);
    subx_status (*set)(void *data, subx_local_kind kind, subx_slice key, subx_slice value,
                       subx_error *error);
    subx_status (*clear)(void *data, subx_local_kind kind, subx_slice key, subx_error *error);
    /** Set the value if the present one is `*old_value`, or if there is none and `old_value` is
     * NULL; `done` tells whether it was set. */
    subx_status (*compare_and_set)(void *data, subx_local_kind kind, subx_slice key,
                                   const subx_slice *old_value, subx_slice new_value, bool *done,
                                   subx_error *error);
    /** Release `data`; called by subx_local_storage_free(). May be NULL. */
    void (*free)(void *data);
} subx_local_storage_functions;

/** Local storage. An embedder's own need not live on the heap; it must outlive the calls. */
typedef struct subx_local_storage {
    const subx_local_storage_functions *functions;
    /** Handed to the functions. */
    void *data;
} subx_local_storage;

/**
 * Make local storage that is kept in memory and starts empty.
 *
 * \param[out] out  filled on SUBX_OK, release with subx_local_storage_free(); NULL otherwise
 * \return SUBX_OK, SUBX_NOMEM
 *
 * Threads: any number of calls may share it.
 */
SUBX_API subx_status subx_local_storage_memory(subx_local_storage **out, subx_error *error);

/**
 * Go through what a storage of subx_local_storage_memory() holds, in the order of keys.
 *
 * \param take  called for each entry, with `to`; must not touch the storage
 */
SUBX_API void subx_local_storage_each(const subx_local_storage *storage,
                                      void (*take)(void *to, subx_slice key, subx_slice value),
                                      void *to);

/**
 * Release a storage of subx_local_storage_memory().
 *
 * \param storage  NULL is fine; no call may be using it
 */
SUBX_API void subx_local_storage_free(subx_local_storage *storage);

/** What a runtime says of transaction data that the node shall keep (Bulletin chain). */
typedef struct subx_transaction_index {
    /** Of the extrinsic in the block. */
    uint32_t extrinsic;
    /** Keep `size` bytes of it; false: keep once more what an older block indexed. */
    bool is_new;
    uint32_t size;
    /** Of the data. */
    uint8_t hash[32];
} subx_transaction_index;

/** Takes one of these, as it is made: rolled-back storage transactions do not undo it. */
typedef void (*subx_transaction_index_fn)(void *data, const subx_transaction_index *index);

/** Takes one item of additional data, as the runtime pushes it; borrowed until return. */
typedef void (*subx_additional_data_fn)(void *data, subx_slice item);

/** Size in bytes of the storage proof that has been recorded so far. */
typedef uint64_t (*subx_proof_size_fn)(void *data);

#ifdef __cplusplus
}
#endif

#endif
