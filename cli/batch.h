/* `batch`: requests, and the runtimes that they are for. */
#ifndef SUBX_CLI_BATCH_H
#define SUBX_CLI_BATCH_H

#include <jansson.h>

#include <subexec/runtime.h>
#include <subexec/state.h>

/* One line. Strings are borrowed from `json`. */
struct batch_request {
    json_t *json;
    char *id; /* JSON text, to be echoed; "null" if there is none */
    const char *code, *method;
    const char *imports; /* file of the import policy; NULL: none */
    uint8_t *input;
    size_t input_len;
    subx_runtime_options options;
    /* What the call finds in storage; NULL: nothing was said about it. */
    subx_state *state;
    uint8_t state_version;
    bool wants_stats, wants_root[2], wants_changes;
};

/*
 * Read a request from a line, which is changed. False: `error` says what is wrong with it, and `id`
 * is there if the line has one. Release with batch_request_free() in either case.
 */
bool batch_request_read(char *line, size_t len, struct batch_request *request, subx_error *error);
void batch_request_free(struct batch_request *request);

/*
 * Make a state of {"top":{KEY:VALUE...},"children":{CHILD:{...}...}}, both objects or not there.
 * False: `error` says what is wrong. Release with subx_state_free().
 */
bool batch_state_read(const json_t *json, uint8_t state_version, subx_state **out,
                      subx_error *error);

/* Set the members of an answer that tell roots and changes, as the request wants; the changes go
 * into its state. */
subx_status batch_state_tell(const struct batch_request *request, subx_changes *changes,
                             json_t *members, subx_error *error);

/* Runtimes that were used last, each for one file and options. */
struct batch_runtimes;

struct batch_runtimes *batch_runtimes_new(subx_executor *executor);
void batch_runtimes_free(struct batch_runtimes *runtimes);

/* The runtime that a request is for, its files as they are now; made if it is not there. Borrowed
 * until the next call. */
subx_status batch_runtimes_get(struct batch_runtimes *runtimes, const struct batch_request *request,
                               subx_runtime **out, subx_error *error);

/* Find, in a line with an object, a number that is the value of its member `id`; false if there is
 * none of that form. The JSON library would not keep all of its digits. */
bool batch_id_number(const char *line, size_t len, size_t *at, size_t *number_len);

#endif
