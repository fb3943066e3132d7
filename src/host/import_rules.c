/* The policy file for imports; see include/subexec/import_policy.h. */
#include "host/import_rules.h"

#include <stdlib.h>

#include "platform/file.h"
#include "util/bytes.h"
#include "util/check.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"
#include "util/utf8.h"

/* Far above any list of imports; a file is read whole. */
#define POLICY_FILE_MAX ((size_t)16 * 1024 * 1024)

struct subx_import_policy {
    uint8_t *text;                  /* what the rules borrow from */
    struct subx_import_rule *rules; /* sorted by module and name */
    size_t count;
};

/* ---- Lines and words ---- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Take the next line off the text, without its end and without a comment. */
static subx_slice next_line(subx_slice *text)
{
    size_t len = 0;
    while (len < text->len && text->data[len] != '\n')
        len++;
    subx_slice line = {text->data, len};
    const size_t taken = len < text->len ? len + 1 : len;
    *text = subx_slice__of(text->data + taken, text->len - taken);
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] == '#')
            line.len = i;
    return line;
}

/* Take the next word off the line; an empty one if there is none. */
static subx_slice next_word(subx_slice *line)
{
    size_t start = 0;
    while (start < line->len && is_space(line->data[start]))
        start++;
    size_t end = start;
    while (end < line->len && !is_space(line->data[end]))
        end++;
    const subx_slice word = {line->data + start, end - start};
    *line = subx_slice__of(line->data + end, line->len - end);
    return word;
}

static bool is_word(subx_slice word, const char *text)
{
    return subx_slice__equal(word, subx_slice__text(text));
}

/* ---- One rule ---- */

/* A number of up to 64 bits and its sign; `base` is 10 or 16. */
static bool parse_number(subx_slice word, struct subx_import_rule *rule)
{
    if (word.len > 0 && (word.data[0] == '-' || word.data[0] == '+')) {
        rule->is_negative = word.data[0] == '-';
        word = subx_slice__of(word.data + 1, word.len - 1);
    }
    uint64_t base = 10;
    if (subx_slice__starts_with(word, subx_slice__text("0x"))) {
        base = 16;
        word = subx_slice__of(word.data + 2, word.len - 2);
    }
    if (word.len == 0)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        const int digit = subx_hex__digit(word.data[i]);
        if (digit < 0 || (uint64_t)digit >= base ||
            __builtin_mul_overflow(rule->magnitude, base, &rule->magnitude) ||
            __builtin_add_overflow(rule->magnitude, (uint64_t)digit, &rule->magnitude))
            return false;
    }
    rule->has_value = true;
    return true;
}

/* Split "module:name"; without a colon the module is "env". */
static bool parse_name(subx_slice word, struct subx_import_rule *rule)
{
    rule->module = subx_slice__text("env");
    rule->name = word;
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] != ':')
            continue;
        rule->module = subx_slice__of(word.data, i);
        rule->name = subx_slice__of(word.data + i + 1, word.len - i - 1);
        break;
    }
    return rule->name.len > 0 && rule->module.len > 0;
}

/* NULL, or what is wrong with the line after the name. */
static const char *parse_action(subx_slice line, struct subx_import_rule *rule)
{
    const subx_slice action = next_word(&line);
    const subx_slice value = next_word(&line);
    if (action.len == 0)
        return "what shall become of the function is missing: trap, refuse or return";
    if (is_word(action, "return")) {
        rule->action = SUBX_IMPORT_RETURN;
        if (value.len > 0 && !parse_number(value, rule))
            return "what follows `return` is no integer of up to 64 bits";
    } else if (is_word(action, "trap") || is_word(action, "refuse")) {
        rule->action = is_word(action, "trap") ? SUBX_IMPORT_TRAP : SUBX_IMPORT_REFUSE;
        if (value.len > 0)
            return "only `return` takes a number";
    } else {
        return "a function can `trap`, be `refuse`d or `return` a number, nothing else";
    }
    return next_word(&line).len > 0 ? "the line has too many words" : NULL;
}

/* ---- All of them ---- */

static int compare_slices(subx_slice a, subx_slice b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_imports(const struct subx_import_rule *a, const struct subx_import_rule *b)
{
    const int order = compare_slices(a->module, b->module);
    return order != 0 ? order : compare_slices(a->name, b->name);
}

/* By name, and by line where a name stands twice. */
static int compare_rules(const void *a, const void *b)
{
    const struct subx_import_rule *const left = a, *const right = b;
    const int order = compare_imports(left, right);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static subx_status wrong_line(size_t line, const char *fault, subx_error *error)
{
    return subx_error__set(error, SUBX_INVALID_INPUT, "line %zu: %s", line, fault);
}

/* Parse the lines into `rules`, which has room for one each. */
static subx_status parse_lines(subx_import_policy *policy, subx_slice text, subx_error *error)
{
    for (size_t line = 1; text.len > 0; line++) {
        subx_slice rest = next_line(&text);
        const subx_slice name = next_word(&rest);
        if (name.len == 0)
            continue;
        struct subx_import_rule rule = {.line = line};
        if (!parse_name(name, &rule))
            return wrong_line(line, "the name of the function is empty", error);
        const char *const fault = parse_action(rest, &rule);
        if (fault != NULL)
            return wrong_line(line, fault, error);
        policy->rules[policy->count++] = rule;
    }
    return SUBX_OK;
}

static subx_status check_twice(const subx_import_policy *policy, subx_error *error)
{
    for (size_t i = 1; i < policy->count; i++) {
        const struct subx_import_rule *const rule = &policy->rules[i];
        if (compare_imports(rule - 1, rule) == 0)
            return subx_error__set(error, SUBX_INVALID_INPUT,
                                   "line %zu: '%.*s' has a rule in line %zu already", rule->line,
                                   (int)(rule->name.len < 200 ? rule->name.len : 200),
                                   (const char *)rule->name.data, rule[-1].line);
    }
    return SUBX_OK;
}

static size_t count_lines(subx_slice text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

subx_status subx_import_policy_parse(subx_slice text, subx_import_policy **out, subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(text.data != NULL || text.len == 0, error);
    if (!subx_utf8__valid(text))
        return subx_error__set(error, SUBX_INVALID_INPUT, "the import policy is not UTF-8 text");
    subx_import_policy *policy = subx_mem__calloc(1, sizeof *policy);
    if (policy == NULL)
        return subx_error__nomem(error);
    subx_status status = SUBX_OK;
    policy->text = subx_mem__copy(text.data, text.len);
    policy->rules = subx_mem__calloc(count_lines(text), sizeof *policy->rules);
    if (policy->text == NULL || policy->rules == NULL)
        status = subx_error__nomem(error);
    else
        status = parse_lines(policy, subx_slice__of(policy->text, text.len), error);
    if (status == SUBX_OK) {
        qsort(policy->rules, policy->count, sizeof *policy->rules, compare_rules);
        status = check_twice(policy, error);
    }
    if (status == SUBX_OK)
        *out = policy;
    else
        subx_import_policy_free(policy);
    return status;
}

subx_status subx_import_policy_load_file(const char *path, subx_import_policy **out,
                                         subx_error *error)
{
    SUBX_CHECK_ARG(out != NULL, error);
    *out = NULL;
    SUBX_CHECK_ARG(path != NULL, error);
    struct subx_file file;
    struct subx_file_fault fault;
    if (!subx_file__read(path, POLICY_FILE_MAX, &file, &fault))
        return subx_error__set(error, SUBX_IO, "%s: %s", path, fault.reason);
    const subx_status status =
        subx_import_policy_parse(subx_slice__of(file.data, file.len), out, error);
    if (status != SUBX_OK)
        subx_error__prefix(error, "%s", path);
    subx_file__free(&file);
    return status;
}

void subx_import_policy_free(subx_import_policy *policy)
{
    if (policy == NULL)
        return;
    subx_mem__free(policy->rules);
    subx_mem__free(policy->text);
    subx_mem__free(policy);
}

const struct subx_import_rule *subx_import_rules__find(const subx_import_policy *policy,
                                                       subx_slice module, subx_slice name)
{
    const struct subx_import_rule wanted = {.module = module, .name = name};
    size_t low = 0, high = policy == NULL ? 0 : policy->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare_imports(&wanted, &policy->rules[middle]);
        if (order == 0)
            return &policy->rules[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *subx_import_rules__value(const struct subx_import_rule *rule, const char *results,
                                     uint64_t *value)
{
    *value = 0;
    if (results[0] == '\0')
        return rule->has_value ? "it has no result, so no number belongs after `return`" : NULL;
    if ((results[0] != 'i' && results[0] != 'I') || results[1] != '\0')
        return "its result is no integer, so it can only trap or be refused";
    if (!rule->has_value)
        return "it has a result, so a number belongs after `return`";
    const unsigned bits = results[0] == 'i' ? 32 : 64;
    const uint64_t sign = (uint64_t)1 << (bits - 1);
    const uint64_t most = sign - 1 + sign;
    if (rule->magnitude > (rule->is_negative ? sign : most))
        return "the number does not fit its result";
    *value = rule->is_negative ? (0 - rule->magnitude) & most : rule->magnitude;
    return NULL;
}
