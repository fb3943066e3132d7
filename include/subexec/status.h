/**
 * \file
 * What every call of the library answers: a status, and on failure one place with the detail.
 */
#ifndef SUBEXEC_STATUS_H
#define SUBEXEC_STATUS_H

#include <subexec/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The closed list of statuses: X(enumerator, number, kind). `kind` is the name under which the Rust
 * executor reports the same condition where it has one; programs may store and compare it. Numbers
 * are part of the ABI.
 */
/* clang-format off */
#define SUBX_STATUS_LIST(X) \
    X(SUBX_OK, 0, "Ok") \
    /* the caller, the machine, the input */ \
    X(SUBX_MISUSE, 1, "Misuse") /* an argument breaks the documented contract */ \
    X(SUBX_NOMEM, 2, "OutOfMemory") /* an allocation of the host failed */ \
    X(SUBX_IO, 3, "Io") /* a file could not be read or written */ \
    X(SUBX_INVALID_INPUT, 4, "InvalidInput") /* malformed hex, JSON, SCALE, chain specification */ \
    X(SUBX_TOO_LARGE, 5, "TooLarge") /* beyond a configured bound, as decompressed code may be */ \
    X(SUBX_UNSUPPORTED, 6, "Unsupported") /* recognised, and not supported (PolkaVM code) */ \
    X(SUBX_ENGINE, 7, "Engine") /* the engine refused its configuration or lacks resources */ \
    /* making a runtime */ \
    X(SUBX_CODE_NOT_FOUND, 16, "CodeNotFound") /* no `:code` where code was asked for */ \
    X(SUBX_INVALID_MODULE, 17, "InvalidModule") /* parsed, refused by validation or a pass */ \
    X(SUBX_CANT_DESERIALIZE_WASM, 18, "CantDeserializeWasm") /* no Wasm module */ \
    X(SUBX_INVALID_MEMORY, 19, "InvalidMemory") \
    X(SUBX_INVALID_HEAP_PAGES, 20, "InvalidHeapPages") \
    X(SUBX_INSTANTIATION, 21, "Instantiation") \
    X(SUBX_MISSING_IMPORTS, 22, "MissingImports") /* the message lists all of them */ \
    X(SUBX_ARTIFACT, 23, "Artifact") /* damaged, or of another engine, target, configuration */ \
    /* calling it */ \
    X(SUBX_METHOD_NOT_FOUND, 32, "MethodNotFound") \
    X(SUBX_VERSION_INVALID, 33, "VersionInvalid") \
    X(SUBX_EXTERNALITIES, 34, "Externalities") \
    X(SUBX_INVALID_INDEX, 35, "InvalidIndex") \
    X(SUBX_INVALID_RETURN, 36, "InvalidReturn") \
    X(SUBX_RUNTIME_PANICKED, 37, "RuntimePanicked") \
    X(SUBX_INVALID_MEMORY_REFERENCE, 38, "InvalidMemoryReference") \
    X(SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID, 39, "HeapBaseNotFoundOrInvalid") \
    X(SUBX_RUNTIME_HAS_START_FN, 40, "RuntimeHasStartFn") \
    X(SUBX_OTHER, 41, "Other") \
    X(SUBX_ALLOCATOR, 42, "Allocator") \
    X(SUBX_FUNCTION_EXECUTION, 43, "FunctionExecution") \
    X(SUBX_NO_TABLE, 44, "NoTable") \
    X(SUBX_NO_TABLE_ENTRY_WITH_INDEX, 45, "NoTableEntryWithIndex") \
    X(SUBX_TABLE_ELEMENT_IS_NOT_A_FUNCTION, 46, "TableElementIsNotAFunction") \
    X(SUBX_FUNCTION_REF_IS_NULL, 47, "FunctionRefIsNull") \
    X(SUBX_SHARED_MEM_UNSUPPORTED, 48, "SharedMemUnsupported") \
    X(SUBX_IMPORTED_GLOBALS_UNSUPPORTED, 49, "ImportedGlobalsUnsupported") \
    X(SUBX_INITIALIZER_HAS_TOO_MANY_EXPRESSIONS, 50, "InitializerHasTooManyExpressions") \
    X(SUBX_INVALID_INITIALIZER_EXPRESSION, 51, "InvalidInitializerExpression") \
    X(SUBX_ABORTED_DUE_TO_PANIC, 52, "AbortedDueToPanic") \
    X(SUBX_ABORTED_DUE_TO_TRAP, 53, "AbortedDueToTrap") \
    X(SUBX_OUTPUT_EXCEEDS_BOUNDS, 54, "OutputExceedsBounds") \
    X(SUBX_EXECUTION_TIMEOUT, 55, "ExecutionTimeout") \
    /* executing blocks */ \
    X(SUBX_INVALID_STATE_ROOT, 64, "InvalidStateRoot") /* another root than the header has */ \
    X(SUBX_INCOMPLETE_PROOF, 65, "IncompleteProof") /* more is needed than a storage proof holds */
/* clang-format on */

/** Outcome of a call; SUBX_OK is 0. */
typedef enum subx_status {
#define SUBX_STATUS_ENUM(name, number, kind) name = (number),
    SUBX_STATUS_LIST(SUBX_STATUS_ENUM)
#undef SUBX_STATUS_ENUM
} subx_status;

/** Room for one line of detail, the terminating NUL included. Longer text is cut at a character and
 * marked. */
#define SUBX_ERROR_MESSAGE_SIZE 8192
/** Room for the rendered frames of a guest backtrace. */
#define SUBX_ERROR_BACKTRACE_SIZE 4096

/**
 * Detail of a failure, in the caller's own memory: nothing to free.
 *
 * Start from SUBX_ERROR_INIT. The first failure fills it and later ones leave it;
 * subx_error_clear() makes it usable again. Every function of the library accepts NULL in its
 * place.
 */
typedef struct subx_error {
    subx_status status;
    /** What went wrong and where; NUL-terminated UTF-8, empty on success. */
    char message[SUBX_ERROR_MESSAGE_SIZE];
    /** Guest frames, one a line, innermost first; empty where there is none. */
    char backtrace[SUBX_ERROR_BACKTRACE_SIZE];
} subx_error;

#ifdef __cplusplus
#define SUBX_ERROR_INIT \
    {                   \
    }
#else
/** Initializer of an empty subx_error. */
#define SUBX_ERROR_INIT \
    {                   \
        SUBX_OK, {0},   \
        {               \
            0           \
        }               \
    }
#endif

/**
 * Name of a status as the Rust executor spells it, for instance "AbortedDueToTrap".
 *
 * \param status  any value; an unknown one gives "Unknown"
 * \return a static string
 */
SUBX_API const char *subx_status_name(subx_status status);

/**
 * Forget a failure, so that the struct can take the next one.
 *
 * \param error  may be NULL
 */
SUBX_API void subx_error_clear(subx_error *error);

#ifdef __cplusplus
}
#endif

#endif
