/* A request of `batch`: JSON, checked member by member. */
#include "batch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "output.h"
#include "runtime_opt.h"

static bool fail(subx_error *error, subx_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(subx_error *error, subx_status status, const char *format, ...)
{
    va_list arguments;
    error->status = status;
    va_start(arguments, format);
    const int len = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    /* Text that was cut ends with a whole character. */
    size_t end = sizeof error->message - 1;
    if (len >= (int)sizeof error->message) {
        while (end > 0 && ((uint8_t)error->message[end - 1] & 0xc0) == 0x80)
            end--;
        error->message[end > 0 ? end - 1 : 0] = '\0';
    }
    return false;
}

/* "a string", for messages. */
static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
    default:
        return "null";
    }
}

static bool wrong_kind(subx_error *error, const char *name, const char *wanted, const json_t *value)
{
    return fail(error, SUBX_INVALID_INPUT, "\"%s\" is %s, not %s", name, wanted, kind_of(value));
}

/* ---- The members ---- */

/* A request, and the value of the member that is read. */
typedef bool (*member_fn)(struct batch_request *request, json_t *value, subx_error *error);

static bool take_id(struct batch_request *request, json_t *value, subx_error *error)
{
    (void)request, (void)value, (void)error; /* read before all others */
    return true;
}

static bool take_code(struct batch_request *request, json_t *value, subx_error *error)
{
    request->code = json_string_value(value);
    return request->code != NULL || wrong_kind(error, "code", "the name of a file", value);
}

static bool take_method(struct batch_request *request, json_t *value, subx_error *error)
{
    request->method = json_string_value(value);
    return request->method != NULL || wrong_kind(error, "method", "a string", value);
}

static bool take_input(struct batch_request *request, json_t *value, subx_error *error)
{
    const char *text = json_string_value(value);
    struct file_bytes bytes = {NULL, 0};
    subx_error reason = SUBX_ERROR_INIT;
    if (text == NULL)
        return wrong_kind(error, "input", "a string of hex digits", value);
    if (!files_decode_hex(text, &bytes, &reason))
        return fail(error, SUBX_INVALID_INPUT, "\"input\": %s", reason.message);
    request->input = bytes.data;
    request->input_len = bytes.len;
    return true;
}

static bool take_state(struct batch_request *request, json_t *value, subx_error *error)
{
    (void)request; /* made of it when all members are known */
    if (!json_is_object(value))
        return wrong_kind(error, "state", "an object", value);
    const json_t *top = json_object_get(value, "top");
    const json_t *children = json_object_get(value, "children");
    const size_t known = (top != NULL ? 1u : 0u) + (children != NULL ? 1u : 0u);
    if (json_object_size(value) != known)
        return fail(error, SUBX_INVALID_INPUT,
                    "\"state\" has the members \"top\" and \"children\", and no others");
    if (top != NULL && !json_is_object(top))
        return wrong_kind(error, "state.top", "an object", top);
    if (children != NULL && !json_is_object(children))
        return wrong_kind(error, "state.children", "an object", children);
    return true;
}

static bool take_state_version(struct batch_request *request, json_t *value, subx_error *error)
{
    const json_int_t version = json_integer_value(value);
    if (!json_is_integer(value) || (version != 0 && version != 1))
        return fail(error, SUBX_INVALID_INPUT, "\"state_version\" is 0 or 1");
    request->state_version = version == 1;
    return true;
}

/* One element of "want". */
static bool *wanted(struct batch_request *request, const char *text)
{
    const struct {
        const char *name;
        bool *wants;
    } known[] = {
        {"stats", &request->wants_stats},
        {"root_v0", &request->wants_root[0]},
        {"root_v1", &request->wants_root[1]},
        {"changes", &request->wants_changes},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(text, known[i].name) == 0)
            return known[i].wants;
    return NULL;
}

static bool take_want(struct batch_request *request, json_t *value, subx_error *error)
{
    if (!json_is_array(value))
        return wrong_kind(error, "want", "an array", value);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        const char *text = json_string_value(element);
        if (text == NULL)
            return wrong_kind(error, "want", "an array of strings", element);
        bool *wants = wanted(request, text);
        if (wants == NULL)
            return fail(error, SUBX_INVALID_INPUT,
                        "\"want\" lists root_v0, root_v1, changes and stats, not %s", text);
        *wants = true;
    }
    return true;
}

/* ---- Options, named as on the command line but for "_" ---- */

/* Elements of a list of strings, separated by commas; false if it is none or too long. */
static bool list_text(const json_t *list, char *room, size_t size)
{
    size_t used = 0;
    room[0] = '\0';
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *element = json_string_value(json_array_get(list, i));
        const int len = element == NULL ? -1
                                        : snprintf(room + used, size - used, "%s%s",
                                                   i == 0 ? "" : ",", element);
        if (len < 0 || (size_t)len >= size - used)
            return false;
        used += (size_t)len;
    }
    return true;
}

/* The value as the command line would have it; false if it can be none. */
static bool option_text(const char *option, const json_t *value, char *room, size_t size)
{
    int len = -1;
    if (json_is_array(value))
        return strcmp(option, "extensions") == 0 && list_text(value, room, size);
    if (json_is_string(value))
        len = snprintf(room, size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        len = snprintf(room, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return len >= 0 && (size_t)len < size;
}

static bool take_option(const char *member, const json_t *value, struct batch_request *request,
                        subx_error *error)
{
    subx_runtime_options *options = &request->options;
    char option[64], text[256];
    if (strcmp(member, "imports") == 0) {
        /* read when a runtime is made */
        request->imports = json_string_value(value);
        return request->imports != NULL ||
               wrong_kind(error, "options.imports", "the name of a file", value);
    }
    snprintf(option, sizeof option, "%s", member);
    /* the command line's names are none here */
    const bool has_dash = strchr(option, '-') != NULL;
    for (char *at = option; *at != '\0'; at++)
        if (*at == '_')
            *at = '-';
    const char *rule = runtime_opt_rule(option);
    const bool is_switch = runtime_opt_is_switch(option);
    if (has_dash || (rule == NULL && !is_switch))
        return fail(error, SUBX_INVALID_INPUT, "unknown member \"options.%s\"", member);
    if (is_switch && !json_is_boolean(value))
        return fail(error, SUBX_INVALID_INPUT, "\"options.%s\" is true or false, not %s", member,
                    kind_of(value));
    if (is_switch)
        return !json_is_true(value) || runtime_opt_take(option, NULL, options);
    if (!option_text(option, value, text, sizeof text))
        return fail(error, SUBX_INVALID_INPUT, "\"options.%s\" is %s, not %s", member, rule,
                    kind_of(value));
    return runtime_opt_take(option, text, options) ||
           fail(error, SUBX_INVALID_INPUT, "\"options.%s\" is %s, not %s", member, rule, text);
}

static bool take_options(struct batch_request *request, json_t *value, subx_error *error)
{
    if (!json_is_object(value))
        return wrong_kind(error, "options", "an object", value);
    const char *member = NULL;
    json_t *option = NULL, *options = request->json;
    options = json_object_get(options, "options");
    json_object_foreach(options, member,
                        option) if (!take_option(member, option, request, error)) return false;
    return true;
}

/* ---- The request ---- */

static const struct {
    const char *name;
    member_fn take;
} members[] = {
    {"id", take_id},           {"code", take_code},   {"method", take_method},
    {"input", take_input},     {"state", take_state}, {"state_version", take_state_version},
    {"options", take_options}, {"want", take_want},
};

static member_fn find_member(const char *name)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].take;
    return NULL;
}

static bool take_members(struct batch_request *request, subx_error *error)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(request->json, name, value)
    {
        const member_fn take = find_member(name);
        if (take == NULL)
            return fail(error, SUBX_INVALID_INPUT, "unknown member \"%s\"", name);
        if (!take(request, value, error))
            return false;
    }
    if (request->code == NULL)
        return fail(error, SUBX_INVALID_INPUT, "member \"code\" is missing");
    if (request->method == NULL)
        return fail(error, SUBX_INVALID_INPUT, "member \"method\" is missing");
    const json_t *state = json_object_get(request->json, "state");
    if (state == NULL && !request->wants_root[0] && !request->wants_root[1] &&
        !request->wants_changes)
        return true;
    return batch_state_read(state, request->state_version, &request->state, error);
}

static char *copy_text(const char *text, size_t len)
{
    char *copy = output_memory(len + 1, 1);
    memcpy(copy, text, len);
    return copy;
}

/* The id of a request that is no number, as JSON. */
static char *id_text(const json_t *json)
{
    const json_t *id = json_object_get(json, "id");
    char *text =
        id == NULL ? NULL : json_dumps(id, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    return text != NULL ? text : copy_text("null", 4);
}

bool batch_request_read(char *line, size_t len, struct batch_request *request, subx_error *error)
{
    *request = (struct batch_request){.options = SUBX_RUNTIME_OPTIONS_INIT, .state_version = 1};
    size_t at = 0, number_len = 0;
    if (batch_id_number(line, len, &at, &number_len)) {
        request->id = copy_text(line + at, number_len);
        /* a number that any parser takes, of the same length */
        memset(line + at, ' ', number_len);
        line[at] = '0';
    }
    json_error_t reason;
    request->json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &reason);
    if (request->id == NULL)
        request->id = id_text(request->json);
    if (request->json == NULL)
        return fail(error, SUBX_INVALID_INPUT, "no JSON: column %d: %s", reason.column,
                    reason.text);
    if (!json_is_object(request->json))
        return fail(error, SUBX_INVALID_INPUT, "a request is an object, not %s",
                    kind_of(request->json));
    return take_members(request, error);
}

void batch_request_free(struct batch_request *request)
{
    json_decref(request->json);
    free(request->id);
    free(request->input);
    subx_state_free(request->state);
}
