/**
 * \file
 * Executors, runtimes and calls.
 */
#ifndef SUBEXEC_RUNTIME_H
#define SUBEXEC_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/bytes.h>
#include <subexec/code.h>
#include <subexec/export.h>
#include <subexec/host.h>
#include <subexec/import_policy.h>
#include <subexec/keystore.h>
#include <subexec/offchain.h>
#include <subexec/state.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Engines, compiled code and their caches; one per process is enough. Share it between threads. */
typedef struct subx_executor subx_executor;

/** One runtime, compiled: immutable, shared between threads. */
typedef struct subx_runtime subx_runtime;

/** Levels of log lines; a filter admits its own level and everything before it. */
typedef enum subx_log_level {
    SUBX_LOG_OFF = 0,
    SUBX_LOG_ERROR = 1,
    SUBX_LOG_WARN = 2,
    SUBX_LOG_INFO = 3,
    SUBX_LOG_DEBUG = 4,
    SUBX_LOG_TRACE = 5
} subx_log_level;

/**
 * Takes a log line of a runtime.
 *
 * \param data     the pointer given beside the callback
 * \param level    SUBX_LOG_ERROR to SUBX_LOG_TRACE
 * \param target   the part of the runtime that logs; UTF-8, borrowed until return
 * \param message  UTF-8, borrowed until return
 *
 * Threads: called on the thread of the call; it must not call the same instance.
 */
typedef void (*subx_log_fn)(void *data, subx_log_level level, subx_slice target,
                            subx_slice message);

/** How a runtime's linear memory may grow. */
typedef enum subx_heap_kind {
    /** `pages` more than the module asks for, all at once, and no growth afterwards; beyond 65536 in
     * total no instance can be made. */
    SUBX_HEAP_STATIC = 0,
    /** Grow on demand, up to `pages` in total; 0: up to what the address space holds (65536). */
    SUBX_HEAP_DYNAMIC = 1
} subx_heap_kind;

/** Heap strategy; the default of a node is static with 2048 pages (of 64 KiB). */
typedef struct subx_heap {
    subx_heap_kind kind;
    uint32_t pages;
} subx_heap;

/** Options of an executor. Start from SUBX_EXECUTOR_OPTIONS_INIT. */
typedef struct subx_executor_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    /** Compile with all cores (default) or with one, for reproducible compile times. */
    bool parallel_compilation;
    /** Takes what the library itself has to say, for instance that it fell back to another
     *  strategy, with the target "subexec"; NULL drops it. May be called from any thread. */
    subx_log_fn log;
    /** Handed to `log`. */
    void *log_data;
    /** Runtimes that subx_runtime_get() keeps in memory, and bytes of their compiled code; those
     * that are in use count, and stay beyond the bounds. 0 runtimes: none are kept. */
    uint32_t cache_runtimes;
    uint64_t cache_bytes;
    /** Folder where compiled code is kept for the next process; it is made if it is not there, in a
     * parent that is. Artifacts are machine code: a folder that others than this user and root may
     * write to is refused. NULL: none. */
    const char *artifact_folder;
    /** Bytes of artifacts to keep in that folder; those not used for the longest time go first.
     * UINT64_MAX: all. */
    uint64_t artifact_folder_bytes;
} subx_executor_options;

/** Bounds of the caches, where nothing else is said: 64 runtimes, 1 GiB of compiled code in memory,
 * 4 GiB in a folder. */
#define SUBX_CACHE_RUNTIMES 64
#define SUBX_CACHE_BYTES ((uint64_t)1 << 30)
#define SUBX_ARTIFACT_FOLDER_BYTES ((uint64_t)4 << 30)

#define SUBX_EXECUTOR_OPTIONS_INIT                                                              \
    {                                                                                           \
        sizeof(subx_executor_options), true, NULL, NULL, SUBX_CACHE_RUNTIMES, SUBX_CACHE_BYTES, \
            NULL, SUBX_ARTIFACT_FOLDER_BYTES                                                    \
    }

/** How instances come to be. What a call computes is the same under all of them; only time can tell
 * them apart. */
typedef enum subx_strategy {
    /** One instance per concurrent call, put back in place into exactly the state of a fresh one.
       The default. */
    SUBX_STRATEGY_RESET = 0,
    /** A new instance for each call; data segments are copied. */
    SUBX_STRATEGY_RECREATE = 1,
    /** A new instance for each call; data segments are mapped copy-on-write. */
    SUBX_STRATEGY_RECREATE_COW = 2,
    /** A new instance for each call in a slot of a pool; data segments are copied. */
    SUBX_STRATEGY_POOLING = 3,
    /** A new instance for each call in a slot of a pool; data segments are mapped copy-on-write. */
    SUBX_STRATEGY_POOLING_COW = 4
} subx_strategy;

/** Number of strategies; they are 0 up to this. */
#define SUBX_STRATEGY_COUNT 5

/** Wasm beyond the MVP that code may use; a bit set. Chains of today use none. */
enum {
    SUBX_EXTENSION_SIGN_EXTENSION = 1 << 0,
    SUBX_EXTENSION_SATURATING_CONVERSION = 1 << 1,
    SUBX_EXTENSION_BULK_MEMORY = 1 << 2,
    SUBX_EXTENSION_REFERENCE_TYPES = 1 << 3,
    SUBX_EXTENSION_MULTI_VALUE = 1 << 4,
    SUBX_EXTENSION_SIMD = 1 << 5
};

/** Options of a runtime. Start from SUBX_RUNTIME_OPTIONS_INIT; they are what a node uses. */
typedef struct subx_runtime_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    /** Largest code after decompression, in bytes; 0 for SUBX_MAX_CODE_SIZE. */
    size_t max_code_size;
    subx_heap heap;
    /** Unknown function imports become stubs that trap when called, instead of a construction
     * error. */
    bool allow_missing_imports;
    /** Make the bits of every NaN deterministic, as parachain validation demands. */
    bool canonicalize_nans;
    subx_strategy strategy;
    /** Bound on the guest's stack in values, counted by code that is injected, so that every
     * machine traps at the same point; 0: none. Parachain validation uses 65536. */
    uint32_t stack_logical_max;
    /** Bound on the guest's stack in bytes; 0: 1 MiB, or 256 MiB if there is a logical bound. */
    uint64_t stack_native_max;
    /** Extensions that code may use, SUBX_EXTENSION_...; 0: the MVP exactly, checked by a strict
     * parser. */
    uint32_t extensions;
    /** A sound artifact of another engine, target, CPU or configuration is compiled again from the
     *  code inside, which takes as long as compiling does, instead of being refused. */
    bool recompile_mismatched;
    /** Host functions of the caller's own; the texts are copied when the runtime is made. */
    const subx_host_import *imports;
    size_t import_count;
    /** What becomes of some imports, before everything else; not needed once the runtime is made;
     * NULL: nothing special. */
    const subx_import_policy *import_policy;
} subx_runtime_options;

#define SUBX_RUNTIME_OPTIONS_INIT                                                                 \
    {                                                                                             \
        sizeof(subx_runtime_options), SUBX_MAX_CODE_SIZE, {SUBX_HEAP_STATIC, 2048}, false, false, \
            SUBX_STRATEGY_RESET, 0, 0, 0, true, NULL, 0, NULL                                     \
    }

/** What the guest's allocator did during one call, in bytes, headers of 8 bytes included. */
typedef struct subx_call_stats {
    /** Allocated and not freed when the call ended. */
    uint32_t bytes_allocated;
    /** The most that was allocated at one time. */
    uint32_t bytes_allocated_peak;
    /** Sum over all allocations. */
    uint64_t bytes_allocated_sum;
    /** From the start of the heap to the highest byte ever handed out. */
    uint32_t address_space_used;
    /** Size of the linear memory when the call ended, in pages of 64 KiB. */
    uint32_t memory_pages;
    /** How often host functions were called, and nanoseconds spent in them; 0 unless the options
     * ask for it. */
    uint64_t host_function_calls, host_functions_time;
} subx_call_stats;

/** Options of one call. Start from SUBX_CALL_OPTIONS_INIT. */
typedef struct subx_call_options {
    /** sizeof of this struct, set by the initializer. */
    size_t struct_size;
    /** Takes the runtime's log lines; NULL drops them. */
    subx_log_fn log;
    /** Handed to `log`. */
    void *log_data;
    /** The filter that the runtime is told and that is applied. */
    subx_log_level log_level;
    /** Filled when the call ends, in failure too, if the call got as far as an instance; may be
     * NULL. */
    subx_call_stats *stats;
    /** Keys that the runtime may use; NULL: none. Functions that need them end the call then. */
    const subx_keystore *keystore;
    /** The node, time, chance and network that the runtime may reach; NULL: none. Only for offchain
     * workers: it could differ between two nodes. */
    const subx_offchain *offchain;
    /** Storage for offchain workers; NULL: none. */
    const subx_local_storage *local_storage;
    /** Takes what the runtime says of transaction data to keep; NULL drops it. */
    subx_transaction_index_fn transaction_index;
    /** Handed to `transaction_index`. */
    void *transaction_index_data;
    /** Takes items of additional data; NULL: the runtime may not make any. */
    subx_additional_data_fn additional_data;
    /** Handed to `additional_data`. */
    void *additional_data_data;
    /** Tells the size of the storage proof so far; NULL: the size of what `changes` record, if they
     * do, else there is none. */
    subx_proof_size_fn proof_size;
    /** Handed to `proof_size`. */
    void *proof_size_data;
    /** The state that the runtime sees and what it changes of it; one call at a time. NULL: there
     * is none, and functions of storage end the call. After a failed call the changes hold what it
     * had done outside of its own transactions. */
    subx_changes *changes;
    /** Measure for `stats` what host functions take, the caller's own included. Reads the clock
     * twice for each of them, which takes 50 to 400 ns together; of that about half counts as
     * theirs. */
    bool time_host_functions;
} subx_call_options;

#define SUBX_CALL_OPTIONS_INIT                                                                   \
    {                                                                                            \
        sizeof(subx_call_options), NULL, NULL, SUBX_LOG_OFF, NULL, NULL, NULL, NULL, NULL, NULL, \
            NULL, NULL, NULL, NULL, NULL, false                                                  \
    }

/**
 * Make an executor.
 *
 * \param options   NULL for the defaults; borrowed
 * \param[out] out  filled on SUBX_OK, release with subx_executor_free(); NULL otherwise
 * \param[out] error  optional detail
 * \return SUBX_OK, SUBX_NOMEM, SUBX_MISUSE or SUBX_ENGINE; SUBX_IO for a folder of artifacts that
 *         cannot be used, with the reason
 *
 * Threads: an executor may be used from all threads at once.
 */
SUBX_API subx_status subx_executor_new(const subx_executor_options *options, subx_executor **out,
                                       subx_error *error);

/**
 * Release an executor. Runtimes that came from it stay usable, calls on them go on; what they share
 * lives as long as they do. Preparations that wait are cancelled, one that runs is waited for.
 *
 * \param executor  NULL is fine
 */
SUBX_API void subx_executor_free(subx_executor *executor);

/**
 * Prepare and compile the code of a runtime.
 *
 * Runs the passes of the reference over the code, compiles it (0.5 s for a small runtime on two
 * cores, 3 s for a large one) and resolves its imports. If the executor has a folder of artifacts,
 * compiled code comes from there, in milliseconds, or is kept there. See subx_runtime_get() for
 * runtimes that are kept in memory.
 *
 * \param executor  where the runtime belongs
 * \param code      from subx_code_load() or subx_code_load_file(); not needed afterwards
 * \param options   NULL for the defaults
 * \param[out] out  filled on SUBX_OK, release with subx_runtime_free(); NULL otherwise
 * \param[out] error  optional detail
 * \return SUBX_OK; SUBX_CANT_DESERIALIZE_WASM, SUBX_INVALID_MODULE, SUBX_INVALID_MEMORY or
 *         SUBX_HEAP_BASE_NOT_FOUND_OR_INVALID for code that is no runtime; SUBX_MISSING_IMPORTS,
 * with all of them in the message; SUBX_ENGINE, SUBX_NOMEM
 *
 * Threads: any, concurrently; different codes compile in parallel.
 */
SUBX_API subx_status subx_runtime_new(subx_executor *executor, const subx_code *code,
                                      const subx_runtime_options *options, subx_runtime **out,
                                      subx_error *error);

/**
 * Load code from bytes and make a runtime of it: subx_code_load(), then subx_runtime_new().
 *
 * \param bytes  raw or compressed Wasm, hex text or a chain specification; borrowed
 */
SUBX_API subx_status subx_runtime_load(subx_executor *executor, subx_slice bytes,
                                       const subx_runtime_options *options, subx_runtime **out,
                                       subx_error *error);

/**
 * Load code from a file and make a runtime of it: subx_code_load_file(), then subx_runtime_new().
 *
 * \param path  NUL-terminated
 */
SUBX_API subx_status subx_runtime_load_file(subx_executor *executor, const char *path,
                                            const subx_runtime_options *options, subx_runtime **out,
                                            subx_error *error);

/**
 * Make a runtime of an open file, for workers that have a descriptor and no file system.
 *
 * \param descriptor  a regular file with code or an artifact; stays the caller's
 * \param options     NULL for the defaults
 * \param[out] out    filled on SUBX_OK, release with subx_runtime_free(); NULL otherwise
 * \param[out] error  optional detail
 * \return as subx_runtime_load_file()
 */
SUBX_API subx_status subx_runtime_load_descriptor(subx_executor *executor, int descriptor,
                                                  const subx_runtime_options *options,
                                                  subx_runtime **out, subx_error *error);

/**
 * Compile code into an artifact: bytes that the loading functions above take in its place, in
 * milliseconds.
 *
 * The artifact holds the compiled code, the original code and checksums. It fits this version of
 * the engine, this kind of machine and these options; the heap, the bounds on native stack and code
 * size, missing imports, and strategies that agree on copy-on-write may differ. It is machine code:
 * load only artifacts that nobody else could have written.
 *
 * \param executor  compiles
 * \param code      from subx_code_load() or subx_code_load_file()
 * \param options   NULL for the defaults
 * \param[out] artifact  filled on SUBX_OK, release with subx_bytes_free(); empty otherwise
 * \param[out] error     optional detail
 * \return SUBX_OK; as subx_runtime_new() for code that does not compile; imports are not looked at
 */
SUBX_API subx_status subx_artifact_prepare(subx_executor *executor, const subx_code *code,
                                           const subx_runtime_options *options,
                                           subx_bytes *artifact, subx_error *error);

/** What an artifact is made for. */
typedef struct subx_artifact_info {
    /** Bytes of the whole, of what the engine compiled, and of the code it was made from as the
     *  artifact keeps it. */
    size_t size, compiled_size, code_size;
    /** Hash of that code, as in subx_code_info. */
    uint8_t code_hash[32];
    /** Exact version of the engine that compiled it; NUL-terminated. */
    char engine_version[32];
    /** It can be loaded here with the options asked about, without compiling anything. */
    bool fits;
    /** Why not; NUL-terminated, empty if it fits. */
    char reason[200];
} subx_artifact_info;

/**
 * Tell what an artifact is made for.
 *
 * \param executor  whose configuration the artifact should fit
 * \param artifact  all bytes of it; borrowed
 * \param options   what it should fit; NULL for the defaults
 * \param[out] info   filled on SUBX_OK
 * \param[out] error  optional detail
 * \return SUBX_OK, also if it does not fit; SUBX_ARTIFACT for bytes that are no artifact or a
 * damaged one; SUBX_ENGINE, SUBX_NOMEM
 */
SUBX_API subx_status subx_artifact_inspect(subx_executor *executor, subx_slice artifact,
                                           const subx_runtime_options *options,
                                           subx_artifact_info *info, subx_error *error);

/**
 * The same for a file. One that somebody else than this user and root could have written does not
 * fit.
 *
 * \param path  NUL-terminated
 * \return as subx_artifact_inspect(), or SUBX_IO with the file's name and the system's reason
 */
SUBX_API subx_status subx_artifact_inspect_file(subx_executor *executor, const char *path,
                                                const subx_runtime_options *options,
                                                subx_artifact_info *info, subx_error *error);

/**
 * Write an artifact to a file in one step: a reader sees the old file or the whole new one, after a
 * crash too. Nobody but its owner may write the file, whatever the umask, so that the loading
 * functions take it.
 *
 * \param artifact  from subx_artifact_prepare()
 * \param path      NUL-terminated; a regular file that is there is replaced
 * \param[out] error  optional detail
 * \return SUBX_OK; SUBX_IO with the file's name and the system's reason; SUBX_ARTIFACT for other
 * bytes. After a failure the path is as before.
 */
SUBX_API subx_status subx_artifact_write_file(subx_slice artifact, const char *path,
                                              subx_error *error);

/**
 * Release a runtime.
 *
 * \param runtime  NULL is fine; no call may be running on it
 */
SUBX_API void subx_runtime_free(subx_runtime *runtime);

/**
 * Call an exported function and collect its result.
 *
 * The input is placed with the guest's allocator, the function runs until it returns or traps, and
 * the range that it answers is checked against the memory before it is copied out. Nothing of one
 * call reaches another.
 *
 * \param runtime  shared; any number of calls may run at once
 * \param method   export name, NUL-terminated
 * \param input    SCALE bytes, borrowed for the call; may be empty
 * \param options  NULL for the defaults
 * \param[out] output  filled on SUBX_OK, release with subx_bytes_free(); empty otherwise
 * \param[out] error   optional; message, and the guest's backtrace if it trapped
 * \return SUBX_OK; SUBX_METHOD_NOT_FOUND; SUBX_ABORTED_DUE_TO_PANIC (the message is the runtime's
 * own); SUBX_ABORTED_DUE_TO_TRAP (also when a host function gave up); SUBX_OUTPUT_EXCEEDS_BOUNDS;
 *         SUBX_ALLOCATOR if the input does not fit; SUBX_OTHER for an export of another type;
 * SUBX_NOMEM, SUBX_ENGINE
 *
 * Threads: needs about 2 MiB of stack, 1 MiB of it for the guest.
 */
SUBX_API subx_status subx_runtime_call(subx_runtime *runtime, const char *method, subx_slice input,
                                       const subx_call_options *options, subx_bytes *output,
                                       subx_error *error);

/** Which function of the guest a call enters. */
typedef enum subx_method_kind {
    /** An export, by name. */
    SUBX_METHOD_EXPORT = 0,
    /** An element of the table `__indirect_function_table`. */
    SUBX_METHOD_TABLE = 1,
    /** An element of that table that takes the index of another one first: (func, pointer, length).
     */
    SUBX_METHOD_DISPATCHER = 2
} subx_method_kind;

/** A function of the guest. */
typedef struct subx_method {
    subx_method_kind kind;
    /** Of an export; NUL-terminated. */
    const char *name;
    /** Of a table element. */
    uint32_t index;
    /** What a dispatcher is told to call. */
    uint32_t function;
} subx_method;

/**
 * Call a function of the guest that need not be an export.
 *
 * \param method  SUBX_METHOD_EXPORT is subx_runtime_call()
 * \return as subx_runtime_call(); for tables also SUBX_NO_TABLE, SUBX_NO_TABLE_ENTRY_WITH_INDEX,
 *         SUBX_FUNCTION_REF_IS_NULL, SUBX_TABLE_ELEMENT_IS_NOT_A_FUNCTION
 */
SUBX_API subx_status subx_runtime_call_method(subx_runtime *runtime, const subx_method *method,
                                              subx_slice input, const subx_call_options *options,
                                              subx_bytes *output, subx_error *error);

/** The type of a global. */
typedef enum subx_value_kind {
    SUBX_VALUE_I32 = 0,
    SUBX_VALUE_I64 = 1,
    SUBX_VALUE_F32 = 2,
    SUBX_VALUE_F64 = 3
} subx_value_kind;

/**
 * Read an exported global as a fresh instance has it.
 *
 * \param name   export name, NUL-terminated
 * \param[out] found  whether there is such a global
 * \return SUBX_OK, also if there is none; SUBX_OTHER if the export is no global of a number type
 */
SUBX_API subx_status subx_runtime_global(subx_runtime *runtime, const char *name, bool *found,
                                         subx_value_kind *kind, subx_value *value,
                                         subx_error *error);

/** An instance that the caller holds, for calls without any lookup; one thread at a time. */
typedef struct subx_instance subx_instance;

/** A function that can be called, found once by name; belongs to its runtime. */
typedef struct subx_entry subx_entry;

/**
 * Find an entry point.
 *
 * \return borrowed from the runtime; NULL if there is no such export or it is no entry point
 */
SUBX_API const subx_entry *subx_runtime_entry(const subx_runtime *runtime, const char *name);

/**
 * Hold an instance of a runtime. It counts as one that is in use until subx_instance_free().
 *
 * \param[out] out  filled on SUBX_OK; free it before the runtime
 */
SUBX_API subx_status subx_instance_new(subx_runtime *runtime, subx_instance **out,
                                       subx_error *error);

/** Give an instance back. NULL is fine. */
SUBX_API void subx_instance_free(subx_instance *instance);

/**
 * Call on a held instance. Every call finds it in the state of a fresh instance.
 *
 * \param entry  of the same runtime
 * \return as subx_runtime_call()
 */
SUBX_API subx_status subx_instance_call(subx_instance *instance, const subx_entry *entry,
                                        subx_slice input, const subx_call_options *options,
                                        subx_bytes *output, subx_error *error);

/**
 * The instance's linear memory.
 *
 * \return borrowed until the next call on the instance; empty under strategies that keep no memory
 * between calls
 */
SUBX_API subx_slice subx_instance_memory(const subx_instance *instance);

/** The strategy that is in use: the one asked for, or what it had to fall back to. */
SUBX_API subx_strategy subx_runtime_strategy(const subx_runtime *runtime);

/** Name of a strategy, for instance "pooling_cow"; "unknown" for other values. A static string. */
SUBX_API const char *subx_strategy_name(subx_strategy strategy);

/** Counters of a runtime since it was made. */
typedef struct subx_runtime_stats {
    /** Calls that got as far as an instance. */
    uint64_t calls;
    /** Instances made, and those thrown away (after growth, after doubt; each one under the other
     * strategies). */
    uint64_t instances, discarded;
    /** Resets in place, how many of them needed a scan of the page tables, and pages restored by
     * copy. */
    uint64_t resets, scans, restored_pages;
} subx_runtime_stats;

/** Read the counters. Threads: any, while calls run. */
SUBX_API subx_runtime_stats subx_runtime_stats_of(const subx_runtime *runtime);

#ifdef __cplusplus
}
#endif

#endif
