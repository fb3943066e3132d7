/**
 * \file
 * Compiled runtimes that are kept: in memory for who asks again, and as artifacts in a folder for
 * the next process. What is kept where is an option of the executor.
 */
#ifndef SUBEXEC_CACHE_H
#define SUBEXEC_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subexec/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- In memory ---- */

/**
 * Get the runtime of some code from the executor's cache; it is made if it is not there.
 *
 * Runtimes are told apart by the hash of the code as the chain stores it and by the options that
 * change what a call does. Of all who ask for the same at the same time one makes it, and the
 * others wait; who asks for something else does not. A failure is told to all who waited and is not
 * kept. With host functions of the caller's own or an import policy, a runtime of its own is made
 * each time.
 *
 * \param executor  with `cache_runtimes` 0 it keeps nothing, but still makes each runtime once for
 *                  all who ask at the same time
 * \param code      from subx_code_load(); not needed afterwards
 * \param options   NULL for the defaults
 * \param[out] out  filled on SUBX_OK, release with subx_runtime_free(); NULL otherwise
 * \param[out] error  optional detail
 * \return as subx_runtime_new()
 *
 * Threads: any.
 */
SUBX_API subx_status subx_runtime_get(subx_executor *executor, const subx_code *code,
                                      const subx_runtime_options *options, subx_runtime **out,
                                      subx_error *error);

/** Drop from the cache all runtimes that nobody uses. They are made again when asked for. */
SUBX_API void subx_executor_clear_cache(subx_executor *executor);

/* ---- Ahead of time ---- */

/** A runtime that is being made, or will be, on a thread of the executor. */
typedef struct subx_preparation subx_preparation;

/** How far a preparation is. */
typedef enum subx_preparation_state {
    SUBX_PREPARATION_QUEUED = 0,
    SUBX_PREPARATION_RUNNING = 1,
    /** The runtime is in the cache. */
    SUBX_PREPARATION_DONE = 2,
    SUBX_PREPARATION_FAILED = 3,
    SUBX_PREPARATION_CANCELLED = 4
} subx_preparation_state;

/**
 * Have the runtime of some code made in the background, ahead of a runtime upgrade for instance;
 * subx_runtime_get() finds it then, or waits for it. One after the other, in the order of coming.
 *
 * \param code     not needed afterwards
 * \param options  NULL for the defaults; without host functions of the caller's own and without a
 *                 policy
 * \param[out] out  filled on SUBX_OK, release with subx_preparation_free(), before the executor;
 *                  NULL otherwise. May be NULL for who does not want to know
 * \return SUBX_OK, SUBX_NOMEM, SUBX_MISUSE; SUBX_UNSUPPORTED without threads
 */
SUBX_API subx_status subx_runtime_prepare(subx_executor *executor, const subx_code *code,
                                          const subx_runtime_options *options,
                                          subx_preparation **out, subx_error *error);

/** How far it is. Threads: any. */
SUBX_API subx_preparation_state subx_preparation_state_of(const subx_preparation *preparation);

/**
 * Cancel it while it is queued; nothing interrupts a compilation that runs.
 *
 * \return whether it was cancelled, now or before
 */
SUBX_API bool subx_preparation_cancel(subx_preparation *preparation);

/**
 * Wait until it is neither queued nor running.
 *
 * \param[out] out  the runtime, release with subx_runtime_free(); may be NULL
 * \return as subx_runtime_get(); SUBX_OTHER if it was cancelled
 */
SUBX_API subx_status subx_preparation_wait(subx_preparation *preparation, subx_runtime **out,
                                           subx_error *error);

/** Give up the handle; what is queued or runs goes on. NULL is fine. */
SUBX_API void subx_preparation_free(subx_preparation *preparation);

/* ---- Counters ---- */

/** What an executor did since it was made. */
typedef struct subx_executor_stats {
    /** Runtimes found in memory, and waited for while somebody else made them. */
    uint64_t hits, waits;
    /** Runtimes made of an artifact in the folder, and of code by compiling it; failures count. */
    uint64_t artifacts_loaded, compilations;
    /** Artifacts written to the folder; that could not be written; that were of no use and were
     * replaced. */
    uint64_t artifacts_written, artifacts_failed, artifacts_replaced;
    /** Runtimes dropped from memory to make room. */
    uint64_t evicted;
    /** In memory now: runtimes, and bytes of their compiled code. */
    uint64_t runtimes, bytes;
    /** Preparations that wait or run. */
    uint64_t preparations;
} subx_executor_stats;

/** Read the counters. Threads: any. */
SUBX_API subx_executor_stats subx_executor_stats_of(subx_executor *executor);

/**
 * The counters of an executor as text for Prometheus (exposition format 0.0.4).
 *
 * \param[out] text  release with subx_bytes_free(); not NUL-terminated
 * \return SUBX_OK, SUBX_NOMEM
 */
SUBX_API subx_status subx_executor_metrics(subx_executor *executor, subx_bytes *text,
                                           subx_error *error);

/* ---- Folders of artifacts ---- */

/** A file in a folder of artifacts. */
typedef struct subx_artifact_file {
    /** Name in the folder; borrowed until the visitor returns. */
    const char *name;
    uint64_t size;
    /** When it was used last, in seconds since 1970. */
    int64_t used;
    /** Looked into, sound, of this engine version, and nobody else could have written it. */
    bool usable;
    /** Why not; NUL-terminated. */
    char reason[200];
    /** Of the code it was made from; zeros if it cannot be read. */
    uint8_t code_hash[32];
    /** NUL-terminated; empty if it cannot be read. */
    char engine_version[32];
} subx_artifact_file;

/** Takes a file; SUBX_OK goes on, anything else ends the walk and is returned from it. */
typedef subx_status (*subx_artifact_file_visitor)(void *data, const subx_artifact_file *file);

/**
 * Walk over the artifacts in a folder, those used last first.
 *
 * \param folder  NUL-terminated; what is not named like an artifact of ours is left out
 * \return SUBX_OK; SUBX_IO if the folder cannot be read; SUBX_NOMEM; what the visitor returned
 */
SUBX_API subx_status subx_artifact_folder_list(const char *folder, subx_artifact_file_visitor visit,
                                               void *data, subx_error *error);

/** What a removal of artifacts did. */
typedef struct subx_artifact_removal {
    uint64_t removed, removed_bytes, kept, kept_bytes;
} subx_artifact_removal;

/**
 * Remove artifacts that are of no use, what writers that died have left behind, and, of the rest,
 * those not used for the longest time until at most `max_bytes` are left. Other processes may use
 * the folder meanwhile: who has an artifact loaded keeps it.
 *
 * \param max_bytes  0 removes all of them; UINT64_MAX none that is of use
 * \param[out] removal  may be NULL
 * \return as subx_artifact_folder_list()
 */
SUBX_API subx_status subx_artifact_folder_prune(const char *folder, uint64_t max_bytes,
                                                subx_artifact_removal *removal, subx_error *error);

#ifdef __cplusplus
}
#endif

#endif
