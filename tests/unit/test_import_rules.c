/* The policy file for imports: include/subexec/import_policy.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/import_rules.h"
#include "util/bytes.h"
#include "util/mem.h"

static subx_import_policy *parse(const char *text)
{
    subx_import_policy *policy = NULL;
    subx_error error = SUBX_ERROR_INIT;
    if (subx_import_policy_parse(subx_slice__text(text), &policy, &error) != SUBX_OK)
        fail_msg("%s", error.message);
    return policy;
}

static void refuses(const char *text, const char *message)
{
    subx_import_policy *policy = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_import_policy_parse(subx_slice__text(text), &policy, &error),
                     SUBX_INVALID_INPUT);
    assert_null(policy);
    if (strstr(error.message, message) == NULL)
        fail_msg("'%s', expected '%s'", error.message, message);
}

static const struct subx_import_rule *find(const subx_import_policy *policy, const char *module,
                                           const char *name)
{
    return subx_import_rules__find(policy, subx_slice__text(module), subx_slice__text(name));
}

static void rules(void **state)
{
    (void)state;
    subx_import_policy *const policy = parse("# what this chain lacks\n"
                                             "\n"
                                             "ext_b_version_1 trap\r\n"
                                             "  \text_a_version_1\t return   0 # nothing\n"
                                             "other:f refuse\n"
                                             "ext_c return\n"
                                             "a:b:c return -1");
    const struct subx_import_rule *rule = find(policy, "env", "ext_b_version_1");
    assert_non_null(rule);
    assert_int_equal(rule->action, SUBX_IMPORT_TRAP);
    assert_int_equal(rule->line, 3);
    rule = find(policy, "env", "ext_a_version_1");
    assert_non_null(rule);
    assert_int_equal(rule->action, SUBX_IMPORT_RETURN);
    assert_true(rule->has_value && !rule->is_negative && rule->magnitude == 0);
    assert_int_equal(rule->line, 4);
    rule = find(policy, "other", "f");
    assert_non_null(rule);
    assert_int_equal(rule->action, SUBX_IMPORT_REFUSE);
    rule = find(policy, "env", "ext_c");
    assert_non_null(rule);
    assert_false(rule->has_value);
    rule = find(policy, "a", "b:c");
    assert_non_null(rule);
    assert_true(rule->is_negative && rule->magnitude == 1);
    assert_int_equal(rule->line, 7);
    assert_null(find(policy, "env", "f"));
    assert_null(find(policy, "other", "ext_c"));
    assert_null(find(policy, "env", "ext_a_version_"));
    assert_null(find(policy, "env", "ext_a_version_11"));
    assert_null(find(policy, "env", ""));
    assert_null(find(NULL, "env", "ext_c"));
    subx_import_policy_free(policy);
    subx_import_policy_free(NULL);
}

static void no_rules(void **state)
{
    (void)state;
    const char *const texts[] = {"", "\n", "# nothing", "  \n\t\n#\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        subx_import_policy *const policy = parse(texts[i]);
        assert_null(find(policy, "env", "ext_c"));
        subx_import_policy_free(policy);
    }
}

static void wrong_lines(void **state)
{
    (void)state;
    refuses("a trap\n\nb", "line 3: what shall become of the function is missing");
    refuses("a stub", "line 1: a function can");
    refuses("a TRAP", "line 1: a function can");
    refuses("a trap 1", "line 1: only `return` takes a number");
    refuses("a refuse 0", "line 1: only `return` takes a number");
    refuses("a return 0 0", "line 1: the line has too many words");
    refuses("a return x", "line 1: what follows `return`");
    refuses("a return 0x", "line 1: what follows `return`");
    refuses("a return -", "line 1: what follows `return`");
    refuses("a return 1f", "line 1: what follows `return`");
    refuses("a return 1.0", "line 1: what follows `return`");
    refuses("a return 18446744073709551616", "line 1: what follows `return`");
    refuses("a return 0x10000000000000000", "line 1: what follows `return`");
    refuses(": trap", "line 1: the name of the function is empty");
    refuses("env: trap", "line 1: the name of the function is empty");
    refuses(":a trap", "line 1: the name of the function is empty");
    refuses("a trap\nb trap\n# c\nenv:a return 0", "line 4: 'a' has a rule in line 1 already");
    refuses("a trap\n\xff trap", "not UTF-8");
}

static void value_is(const char *number, const char *results, uint64_t expected)
{
    char text[64];
    uint64_t value = 1;
    snprintf(text, sizeof text, "f return %s", number);
    subx_import_policy *const policy = parse(text);
    const char *const fault = subx_import_rules__value(find(policy, "env", "f"), results, &value);
    if (fault != NULL)
        fail_msg("%s: %s", number, fault);
    if (value != expected)
        fail_msg("%s: %llx", number, (unsigned long long)value);
    subx_import_policy_free(policy);
}

static void value_fails(const char *number, const char *results, const char *reason)
{
    char text[64];
    uint64_t value = 0;
    snprintf(text, sizeof text, "f return %s", number);
    subx_import_policy *const policy = parse(text);
    const char *const fault = subx_import_rules__value(find(policy, "env", "f"), results, &value);
    if (fault == NULL || strstr(fault, reason) == NULL)
        fail_msg("%s: '%s', expected '%s'", number, fault == NULL ? "" : fault, reason);
    subx_import_policy_free(policy);
}

static void values(void **state)
{
    (void)state;
    value_is("", "", 0);
    value_is("0", "i", 0);
    value_is("+7", "i", 7);
    value_is("0xFFffFFff", "i", UINT32_MAX);
    value_is("4294967295", "i", UINT32_MAX);
    value_is("-1", "i", UINT32_MAX);
    value_is("-2147483648", "i", UINT32_C(0x80000000));
    value_is("-0x80000000", "i", UINT32_C(0x80000000));
    value_is("-0", "I", 0);
    value_is("-1", "I", UINT64_MAX);
    value_is("18446744073709551615", "I", UINT64_MAX);
    value_is("-9223372036854775808", "I", UINT64_C(1) << 63);
    value_fails("4294967296", "i", "does not fit");
    value_fails("-2147483649", "i", "does not fit");
    value_fails("-9223372036854775809", "I", "does not fit");
    value_fails("0", "", "no result");
    value_fails("", "i", "a number belongs");
    value_fails("0", "f", "no integer");
    value_fails("0", "F", "no integer");
    value_fails("0", "II", "no integer");
}

static void files(void **state)
{
    (void)state;
    static const char name[] = "imports.policy";
    subx_import_policy *policy = NULL;
    subx_error error = SUBX_ERROR_INIT;
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs("f trap\ng\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(subx_import_policy_load_file(name, &policy, &error), SUBX_INVALID_INPUT);
    assert_non_null(strstr(error.message, "imports.policy: line 2: "));
    file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs("f trap\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(subx_import_policy_load_file(name, &policy, NULL), SUBX_OK);
    assert_non_null(find(policy, "env", "f"));
    subx_import_policy_free(policy);
    assert_int_equal(unlink(name), 0);
    subx_error_clear(&error);
    assert_int_equal(subx_import_policy_load_file(name, &policy, &error), SUBX_IO);
    assert_null(policy);
    assert_non_null(strstr(error.message, "imports.policy: No such file"));
}

#ifdef SUBX_CHECKED
static void failure_sweep(void **state)
{
    (void)state;
    subx_status status = SUBX_NOMEM;
    for (int64_t n = 0; status != SUBX_OK; n++) {
        subx_import_policy *policy = NULL;
        subx_mem__fail_after(n);
        status = subx_import_policy_parse(subx_slice__text("f trap\ng return 1"), &policy, NULL);
        subx_mem__fail_after(-1);
        assert_true(status == SUBX_OK || (status == SUBX_NOMEM && policy == NULL));
        subx_import_policy_free(policy);
        assert_true(n < 10);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules),         cmocka_unit_test(no_rules), cmocka_unit_test(wrong_lines),
        cmocka_unit_test(values),        cmocka_unit_test(files),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failure_sweep),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
