/**
 * \file
 * What becomes of functions that a runtime imports, by a file that says so for each.
 *
 *     # comment
 *     ext_foo_version_1            trap          the guest traps when it calls the function
 *     ext_bar_version_1            return 0      the function does nothing and answers this number
 *     ext_baz_version_1            return        the same for a function without a result
 *     other_module:function        refuse        code that imports the function is not loaded
 *
 * A name without a module is one of "env". A rule goes before everything else: before functions of
 * this library and of the caller's own, and before `allow_missing_imports`.
 */
#ifndef SUBEXEC_IMPORT_POLICY_H
#define SUBEXEC_IMPORT_POLICY_H

#include <subexec/bytes.h>
#include <subexec/export.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Rules for imports; immutable, shared between threads. */
typedef struct subx_import_policy subx_import_policy;

/**
 * Read rules from text: one a line, see above. Numbers are decimal or hexadecimal (0x), maybe with a
 * sign; whether one fits the function's result shows when code is loaded.
 *
 * \param text  UTF-8, borrowed; not needed afterwards
 * \param[out] out  filled on SUBX_OK, release with subx_import_policy_free(); NULL otherwise
 * \param[out] error  optional; the line and what is wrong with it
 * \return SUBX_OK, SUBX_INVALID_INPUT, SUBX_NOMEM
 */
SUBX_API subx_status subx_import_policy_parse(subx_slice text, subx_import_policy **out,
                                              subx_error *error);

/**
 * The same from a file.
 *
 * \param path  NUL-terminated
 * \return as subx_import_policy_parse(), or SUBX_IO; the message has the file's name
 */
SUBX_API subx_status subx_import_policy_load_file(const char *path, subx_import_policy **out,
                                                  subx_error *error);

/**
 * Release rules. Runtimes that were made with them stay as they are.
 *
 * \param policy  NULL is fine
 */
SUBX_API void subx_import_policy_free(subx_import_policy *policy);

#ifdef __cplusplus
}
#endif

#endif
