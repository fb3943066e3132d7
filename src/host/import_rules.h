/* The rules behind include/subexec/import_policy.h, for those who resolve imports. */
#ifndef SUBX_HOST_IMPORT_RULES_H
#define SUBX_HOST_IMPORT_RULES_H

#include <stdbool.h>

#include <subexec/import_policy.h>

enum subx_import_action { SUBX_IMPORT_TRAP, SUBX_IMPORT_REFUSE, SUBX_IMPORT_RETURN };

struct subx_import_rule {
    subx_slice module, name; /* borrowed from the policy */
    size_t line;             /* from 1 */
    enum subx_import_action action;
    bool has_value; /* of RETURN */
    bool is_negative;
    uint64_t magnitude; /* of the value */
};

/* The rule for an import, or NULL; `policy` may be NULL. Borrowed from the policy. */
const struct subx_import_rule *subx_import_rules__find(const subx_import_policy *policy,
                                                       subx_slice module, subx_slice name);

/*
 * The raw value that a function with these result types ("", "i", "I", as in subx_host_function)
 * answers by a rule of the kind RETURN. NULL on success, else why the rule does not fit it.
 */
const char *subx_import_rules__value(const struct subx_import_rule *rule, const char *results,
                                     uint64_t *value);

#endif
