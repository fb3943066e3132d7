/* Storage of a whole state as JSON. */
#include "codec/state_json.h"

#include "codec/json_hex.h"
#include "util/error.h"

struct reading {
    struct subx_json *json;
    const struct subx_state_json_sink *sink;
    struct subx_buf child, key, value;
    bool in_child;
    bool found_genesis; /* the storage lies in "genesis" */
    unsigned seen;
};

/* What was met. */
enum {
    SEEN_MAIN = 1 << 0,
    SEEN_CHILDREN = 1 << 1,
    SEEN_GENESIS = 1 << 2,
    SEEN_STATE_ROOT = 1 << 3
};

static subx_status invalid(const struct reading *reading, subx_error *error, const char *text)
{
    return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT, "%s", text);
}

static subx_status expect(struct reading *reading, enum subx_json_token wanted, const char *what,
                          subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    const subx_status status = subx_json__next(reading->json, &token, error);
    if (status == SUBX_OK && token != wanted)
        return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT, "%s: %s instead of %s",
                               what, subx_json__kind(token), subx_json__kind(wanted));
    return status;
}

/* The next token must be a hex string; its bytes replace those of `buf`. */
static subx_status take_hex(struct reading *reading, const char *what, struct subx_buf *buf,
                            subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    const subx_status status = subx_json__next(reading->json, &token, error);
    buf->len = 0;
    return status != SUBX_OK ? status
                             : subx_json__append_hex(reading->json, token, what, buf, error);
}

/* A member's name, already read, as bytes. */
static subx_status name_hex(struct reading *reading, const char *what, struct subx_buf *buf,
                            subx_error *error)
{
    buf->len = 0;
    return subx_json__append_hex(reading->json, SUBX_JSON_STRING, what, buf, error);
}

static subx_status deliver(struct reading *reading, subx_error *error)
{
    const subx_slice child = subx_buf__slice(&reading->child);
    const subx_status status = reading->sink->take(
        reading->sink->data, reading->in_child ? &child : NULL, subx_buf__slice(&reading->key),
        subx_buf__slice(&reading->value), error);
    if (status == SUBX_INVALID_INPUT || status == SUBX_TOO_LARGE)
        return subx_json__locate(reading->json, error, status);
    return status;
}

/* Whether another member comes; its name is read then. */
static subx_status next_member(struct reading *reading, bool *more, subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    const subx_status status = subx_json__next(reading->json, &token, error);
    *more = status == SUBX_OK && token == SUBX_JSON_NAME;
    return status;
}

/* {KEY:VALUE…}, after its opening brace. */
static subx_status take_entries(struct reading *reading, subx_error *error)
{
    for (;;) {
        bool more = false;
        subx_status status = next_member(reading, &more, error);
        if (status != SUBX_OK || !more)
            return status;
        status = name_hex(reading, "key", &reading->key, error);
        if (status == SUBX_OK)
            status = take_hex(reading, "value", &reading->value, error);
        if (status == SUBX_OK)
            status = deliver(reading, error);
        if (status != SUBX_OK)
            return status;
    }
}

/* {CHILD:{KEY:VALUE…}…}, the value of a member whose name was read. */
static subx_status take_children(struct reading *reading, subx_error *error)
{
    subx_status status = expect(reading, SUBX_JSON_OBJECT, "child tries", error);
    reading->in_child = true;
    while (status == SUBX_OK) {
        bool more = false;
        status = next_member(reading, &more, error);
        if (status != SUBX_OK || !more)
            break;
        status = name_hex(reading, "child trie", &reading->child, error);
        if (status == SUBX_OK)
            status = expect(reading, SUBX_JSON_OBJECT, "child trie", error);
        if (status == SUBX_OK)
            status = take_entries(reading, error);
    }
    reading->in_child = false;
    return status;
}

static subx_status take_main(struct reading *reading, subx_error *error)
{
    const subx_status status = expect(reading, SUBX_JSON_OBJECT, "storage", error);
    return status == SUBX_OK ? take_entries(reading, error) : status;
}

static subx_status once(struct reading *reading, unsigned member, subx_error *error)
{
    if ((reading->seen & member) != 0)
        return invalid(reading, error, "the storage is given twice");
    reading->seen |= member;
    return SUBX_OK;
}

/* [KEY,VALUE], after its opening bracket. */
static subx_status take_pair(struct reading *reading, subx_error *error)
{
    subx_status status = take_hex(reading, "key", &reading->key, error);
    if (status == SUBX_OK)
        status = take_hex(reading, "value", &reading->value, error);
    if (status == SUBX_OK)
        status = expect(reading, SUBX_JSON_ARRAY_END, "pair of key and value", error);
    return status == SUBX_OK ? deliver(reading, error) : status;
}

/* [[KEY,VALUE]…], after its opening bracket. */
static subx_status take_pairs(struct reading *reading, subx_error *error)
{
    subx_status status = once(reading, SEEN_MAIN, error);
    while (status == SUBX_OK) {
        enum subx_json_token token = SUBX_JSON_END;
        status = subx_json__next(reading->json, &token, error);
        if (status != SUBX_OK || token == SUBX_JSON_ARRAY_END)
            break;
        if (token != SUBX_JSON_ARRAY)
            return subx_json__fail(reading->json, error, SUBX_INVALID_INPUT,
                                   "%s instead of a pair [KEY, VALUE]", subx_json__kind(token));
        status = take_pair(reading, error);
    }
    return status;
}

/* ---- Objects around the storage ---- */

/* What the member `name` in an object of the given kind holds. */
enum place { AT_TOP, IN_GENESIS, IN_STORAGE };

enum meaning { OTHER, MAIN_ENTRIES, CHILD_ENTRIES, PAIRS, GENESIS, STORAGE, STATE_ROOT };

static enum meaning meaning_of(const struct subx_json *json, enum place place)
{
    static const struct {
        enum place place;
        const char *name;
        enum meaning meaning;
    } members[] = {
        {AT_TOP, "genesis", GENESIS},
        {AT_TOP, "result", PAIRS},
        {AT_TOP, "parentStorage", STORAGE},
        {AT_TOP, "top", MAIN_ENTRIES},
        {AT_TOP, "children", CHILD_ENTRIES},
        {AT_TOP, "mainTrie", MAIN_ENTRIES},
        {AT_TOP, "childTries", CHILD_ENTRIES},
        {IN_GENESIS, "raw", STORAGE},
        {IN_GENESIS, "stateRootHash", STATE_ROOT},
        {IN_STORAGE, "top", MAIN_ENTRIES},
        {IN_STORAGE, "childrenDefault", CHILD_ENTRIES},
        {IN_STORAGE, "mainTrie", MAIN_ENTRIES},
        {IN_STORAGE, "childTries", CHILD_ENTRIES},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (members[i].place == place && subx_json__is(json, members[i].name))
            return members[i].meaning;
    return OTHER;
}

/* Pairs as the value of a member; another answer than an array is none of ours. */
static subx_status take_result(struct reading *reading, subx_error *error)
{
    enum subx_json_token token = SUBX_JSON_END;
    const subx_status status = subx_json__next(reading->json, &token, error);
    if (status != SUBX_OK)
        return status;
    return token == SUBX_JSON_ARRAY ? take_pairs(reading, error)
                                    : subx_json__skip_rest(reading->json, token, error);
}

/* The value of a member that holds storage; objects to go into are told by `inner`. */
static subx_status take_member(struct reading *reading, enum meaning meaning, bool *inner,
                               subx_error *error)
{
    subx_status status = SUBX_OK;
    switch (meaning) {
    case MAIN_ENTRIES:
        status = once(reading, SEEN_MAIN, error);
        return status == SUBX_OK ? take_main(reading, error) : status;
    case CHILD_ENTRIES:
        status = once(reading, SEEN_CHILDREN, error);
        return status == SUBX_OK ? take_children(reading, error) : status;
    case PAIRS:
        return take_result(reading, error);
    case GENESIS:
    case STORAGE:
        if (meaning == GENESIS)
            status = once(reading, SEEN_GENESIS, error);
        *inner = true;
        return status == SUBX_OK ? expect(reading, SUBX_JSON_OBJECT,
                                          meaning == GENESIS ? "genesis" : "storage", error)
                                 : status;
    case STATE_ROOT:
        reading->seen |= SEEN_STATE_ROOT;
        return subx_json__skip(reading->json, error);
    case OTHER:
    default:
        return subx_json__skip(reading->json, error);
    }
}

/* The outermost object, after its opening brace: at most genesis, raw and top lie in each other. */
static subx_status take_object(struct reading *reading, subx_error *error)
{
    enum place places[3] = {AT_TOP};
    unsigned open = 1;
    subx_status status = SUBX_OK;
    while (status == SUBX_OK && open > 0) {
        bool more = false, inner = false;
        status = next_member(reading, &more, error);
        if (status != SUBX_OK)
            break;
        if (!more) {
            open--;
            continue;
        }
        const enum meaning meaning = meaning_of(reading->json, places[open - 1]);
        if (meaning == MAIN_ENTRIES) /* only genesis.raw lies that deep */
            reading->found_genesis = open == sizeof places / sizeof places[0];
        status = take_member(reading, meaning, &inner, error);
        if (inner)
            places[open++] = meaning == GENESIS ? IN_GENESIS : IN_STORAGE;
    }
    return status;
}

/* Why no storage was found. */
static subx_status nothing_found(const struct reading *reading, subx_error *error)
{
    if ((reading->seen & SEEN_STATE_ROOT) != 0)
        return invalid(reading, error,
                       "genesis has only a state root (stateRootHash), no storage; the full raw "
                       "specification is needed");
    if ((reading->seen & SEEN_GENESIS) != 0)
        return invalid(reading, error,
                       "genesis is not raw; convert it (build-spec --raw, or chain-spec-builder "
                       "convert-to-raw)");
    return invalid(reading, error,
                   "no storage is in it: a raw chain specification, pairs as of state_getPairs, or "
                   "an object with \"top\" is expected");
}

subx_status subx_state_json__read(struct subx_json *json, const struct subx_state_json_sink *sink,
                                  subx_error *error)
{
    struct reading reading = {.json = json, .sink = sink};
    enum subx_json_token token = SUBX_JSON_END;
    subx_status status = subx_json__next(json, &token, error);
    if (status == SUBX_OK && token == SUBX_JSON_ARRAY)
        status = take_pairs(&reading, error);
    else if (status == SUBX_OK && token == SUBX_JSON_OBJECT)
        status = take_object(&reading, error);
    if (status == SUBX_OK && (reading.seen & (SEEN_MAIN | SEEN_CHILDREN)) == 0)
        status = nothing_found(&reading, error);
    if (sink->is_genesis != NULL)
        *sink->is_genesis = reading.found_genesis;
    subx_buf__free(&reading.child);
    subx_buf__free(&reading.key);
    subx_buf__free(&reading.value);
    return status;
}
