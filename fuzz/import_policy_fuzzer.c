/*
 * Import policies (host/import_rules.h) from any text. What must hold: rules or a message with a
 * line; every rule is found under its own name, and its number is of the type or refused.
 */
#include <stdlib.h>

#include "host/import_rules.h"
#include "util/bytes.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* The first word of each line is the name of a rule, if the text is a policy. */
static void look_up(const subx_import_policy *policy, const uint8_t *data, size_t size)
{
    for (size_t start = 0; start < size; start++) {
        size_t end = start;
        while (end < size && data[end] > ' ' && data[end] != '#')
            end++;
        const struct subx_import_rule *const rule = subx_import_rules__find(
            policy, subx_slice__text("env"), subx_slice__of(data + start, end - start));
        uint64_t value = 0;
        if (rule != NULL) {
            demand(rule->line > 0 && rule->line <= size);
            if (subx_import_rules__value(rule, "i", &value) == NULL)
                demand(value <= UINT32_MAX);
            subx_import_rules__value(rule, "I", &value);
            subx_import_rules__value(rule, "", &value);
        }
        start = end;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_import_policy *policy = NULL;
    const subx_status status =
        subx_import_policy_parse(subx_slice__of(data, size), &policy, &error);
    demand((status == SUBX_OK) == (policy != NULL));
    if (policy != NULL)
        look_up(policy, data, size);
    else
        demand(status == SUBX_INVALID_INPUT && error.message[0] != '\0');
    subx_import_policy_free(policy);
    return 0;
}
