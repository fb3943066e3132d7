/*
 * The options that say how a runtime is made. Several commands have them, and `batch` takes them as
 * members of a JSON object, with "_" for "-".
 */
#ifndef SUBX_CLI_RUNTIME_OPT_H
#define SUBX_CLI_RUNTIME_OPT_H

#include <subexec/runtime.h>

#include "opt.h"

/* How their values look, for messages: "--heap is ..., not ...". */
#define RULE_HEAP "static:PAGES, dynamic or dynamic:MAXIMUM, with 1 to 65536 pages"
#define RULE_STRATEGY "reset, recreate, recreate_cow, pooling or pooling_cow"
#define RULE_STACK_LIMIT \
    "LOGICAL or LOGICAL:NATIVE, with 1 to 4294967295 values and 65536 to 268435456 bytes"
#define RULE_EXTENSIONS                                                               \
    "a list of sign-extension, saturating-conversion, bulk-memory, reference-types, " \
    "multi-value and simd"

/* Their specifications, for the tables of commands. */
#define SPEC_HEAP                                                \
    {                                                            \
        "heap", "STRATEGY",                                      \
            "static:PAGES (default: static:2048), dynamic, or\n" \
            "dynamic:MAXIMUM, in pages of 64 KiB"                \
    }
#define SPEC_STRATEGY                                                \
    {                                                                \
        "strategy", "STRATEGY",                                      \
            "how instances come to be: reset (default), recreate,\n" \
            "recreate_cow, pooling or pooling_cow"                   \
    }
#define SPEC_STACK_LIMIT                                                 \
    {                                                                    \
        "stack-limit", "LOGICAL[:NATIVE]",                               \
            "deterministic bound on the guest's stack, in values, and\n" \
            "bound in bytes (default: 268435456)"                        \
    }
#define SPEC_EXTENSIONS                                                    \
    {                                                                      \
        "extensions", "LIST",                                              \
            "Wasm beyond the MVP that the code may use: sign-extension,\n" \
            "saturating-conversion, bulk-memory, reference-types,\n"       \
            "multi-value, simd; separated by commas"                       \
    }
#define SPEC_CANONICALIZE                                                                       \
    {                                                                                           \
        "canonicalize-nans", NULL, "make the bits of NaNs deterministic, as for parachain code" \
    }
#define SPEC_ALLOW_MISSING                                                             \
    {                                                                                  \
        "allow-missing-imports", NULL, "let unknown imports trap when they are called" \
    }
#define SPEC_IMPORTS                                                     \
    {                                                                    \
        "imports", "FILE",                                               \
            "rules for imports, one a line: NAME trap, NAME refuse or\n" \
            "NAME return NUMBER; they go before everything else"         \
    }

/* Read the value of one option; false if it is none. */
bool runtime_opt_heap(const char *text, subx_heap *out);
bool runtime_opt_strategy(const char *text, subx_strategy *out);

/* Take one option by its name, for instance "heap". `text` is NULL for switches. False: there is no
 * such option, or `text` is wrong. */
bool runtime_opt_take(const char *name, const char *text, subx_runtime_options *out);

/* How the values of that option look; NULL for switches and if there is no such option. */
const char *runtime_opt_rule(const char *name);

bool runtime_opt_is_switch(const char *name);

/* Take those of a command's options that were given and that are named above. EXIT_USAGE, with a
 * message, if a value is wrong. */
enum exit_code runtime_opt_read(const struct arguments *given, subx_runtime_options *out);

/*
 * Read the import policy of --imports and put it into options. It is the caller's to free, when no
 * more runtimes are made with them. `path` NULL: there is none.
 */
subx_status runtime_opt_load_imports(const char *path, subx_runtime_options *options,
                                     subx_import_policy **out, subx_error *error);

#endif
