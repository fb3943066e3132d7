/*
 * The storage of a whole state as JSON, read entry by entry, so that its size does not matter:
 *
 *   raw chain specification   {"genesis":{"raw":{"top":{KEY:VALUE…},"childrenDefault":{CHILD:{…}…}}}}
 *   pairs (state_getPairs)    [[KEY,VALUE]…], alone or as an answer's "result"
 *   plain                     {"top":{KEY:VALUE…},"children":{CHILD:{…}…}}
 *   fixtures                  {"parentStorage":{"mainTrie":{…},"childTries":{…}}}
 *
 * KEY, VALUE, CHILD are hex strings; CHILD is the unprefixed storage key of a child trie. In pairs
 * the entries come in the order of the text, which may be any. What else there is is read past.
 */
#ifndef SUBX_CODEC_STATE_JSON_H
#define SUBX_CODEC_STATE_JSON_H

#include "codec/json.h"

/* Longest text of one value: 128 MiB of bytes in digits. */
#define SUBX_STATE_JSON_MAX_TEXT ((size_t)256 * 1024 * 1024 + 2)

/* Takes an entry. `child` is NULL for the main trie. All of it is borrowed until return. A status
 * other than SUBX_OK ends the reading and is returned from it, with the place in the message. */
typedef subx_status subx_state_json_entry(void *data, const subx_slice *child, subx_slice key,
                                          subx_slice value, subx_error *error);

struct subx_state_json_sink {
    subx_state_json_entry *take;
    void *data;
    /* Optional: set to whether the text is a chain specification, once it has been read. */
    bool *is_genesis;
};

/*
 * Read one state, up to the end of its JSON value. SUBX_INVALID_INPUT with line and column for text
 * that is no JSON, no hex, none of the forms above; a message of its own for a specification that
 * is not raw. A member that is given twice is refused, an entry that is given twice is the sink's
 * matter. SUBX_TOO_LARGE, SUBX_IO, SUBX_NOMEM.
 */
subx_status subx_state_json__read(struct subx_json *json, const struct subx_state_json_sink *sink,
                                  subx_error *error);

#endif
