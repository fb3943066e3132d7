/* `:code` out of a raw chain specification. */
#include "codec/chain_spec.h"

#include <strings.h>

#include <jansson.h>

#include "util/error.h"
#include "util/hex.h"

/* `:code` as raw specifications write it. */
static const char code_key[] = "0x3a636f6465";

/* Most JSON values in one specification. The JSON library spends up to 300 bytes on one of three
 * characters, so without a bound a text of hostile makers takes a hundred times its size. */
#define MAX_VALUES ((size_t)8 * 1024 * 1024)

static subx_status fail(subx_error *error, const char *text)
{
    return subx_error__set(error, SUBX_INVALID_INPUT, "chain specification: %s", text);
}

/* The member `name` of the object `parent`, itself an object, or NULL. */
static const json_t *object_in(const json_t *parent, const char *name)
{
    const json_t *member = json_object_get(parent, name);
    return json_is_object(member) ? member : NULL;
}

/* Why there is no genesis.raw.top. */
static subx_status not_raw(const json_t *root, subx_error *error)
{
    const json_t *genesis = object_in(root, "genesis");
    if (genesis == NULL)
        return fail(error, "it has no object \"genesis\"; is this another kind of JSON?");
    if (json_object_get(genesis, "raw") != NULL)
        return fail(error, "genesis.raw has no object \"top\"");
    if (json_object_get(genesis, "stateRootHash") != NULL)
        return fail(error, "genesis has only a state root (stateRootHash), no storage; the full "
                           "raw specification is needed");
    return fail(error, "genesis is not raw; convert it (build-spec --raw, or "
                       "chain-spec-builder convert-to-raw)");
}

/* Hex digits come in either case and the "0x" may be missing. */
static bool is_code_key(const char *key)
{
    return strcasecmp(key, code_key) == 0 || strcasecmp(key, code_key + 2) == 0;
}

static const json_t *find_code(const json_t *top)
{
    const json_t *found = json_object_get(top, code_key);
    if (found != NULL)
        return found;
    /* jansson iterates over mutable objects only; nothing is changed here */
    union {
        const json_t *borrowed;
        json_t *iterated;
    } object = {top};
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object.iterated, key, value) if (is_code_key(key)) return value;
    return NULL;
}

static subx_status code_in(const json_t *root, subx_bytes *code, subx_error *error)
{
    const json_t *top = object_in(object_in(object_in(root, "genesis"), "raw"), "top");
    if (top == NULL)
        return not_raw(root, error);
    const json_t *value = find_code(top);
    if (value == NULL)
        return subx_error__set(error, SUBX_CODE_NOT_FOUND,
                               "chain specification: genesis.raw.top has no key %s (:code)",
                               code_key);
    if (!json_is_string(value))
        return fail(error, "genesis.raw.top: the value of :code is no string");
    const subx_slice text = subx_slice__of(json_string_value(value), json_string_length(value));
    const subx_status status = subx_hex__decode(text, code, error);
    if (status == SUBX_INVALID_INPUT)
        subx_error__prefix(error, "chain specification: genesis.raw.top: the value of :code");
    return status;
}

/* Not fewer than the values in the text: whatever comes after one of these characters. */
static size_t count_values(subx_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == ',' || text.data[i] == '[' || text.data[i] == '{';
    return count;
}

subx_status subx_chain_spec__code(subx_slice text, subx_bytes *code, subx_error *error)
{
    *code = (subx_bytes)SUBX_BYTES_INIT;
    if (count_values(text) > MAX_VALUES)
        return subx_error__set(error, SUBX_TOO_LARGE,
                               "chain specification: more than %zu JSON values", MAX_VALUES);
    /* jansson bounds the nesting itself (2048 levels). Balances of 128 bits are no integers to it,
     * so let it take numbers as reals: none of them matters here. */
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL;
    json_error_t fault = {0};
    json_t *root = json_loadb((const char *)text.data, text.len, flags, &fault);
    if (root == NULL) {
        if (json_error_code(&fault) == json_error_out_of_memory)
            return subx_error__nomem(error);
        return subx_error__set(error, SUBX_INVALID_INPUT,
                               "chain specification: line %d, column %d: %s", fault.line,
                               fault.column, fault.text);
    }
    const subx_status status = code_in(root, code, error);
    json_decref(root);
    return status;
}
