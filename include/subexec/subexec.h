/**
 * \mainpage subexec
 *
 * Runs the runtimes of Polkadot-SDK chains from C: takes their Wasm code, prepares and compiles it,
 * gives it the Polkadot Host API, and calls it.
 *
 * Rules that hold for the whole library:
 * - Arguments come in the order object, inputs, outputs, `subx_error *`; a length follows its
 * pointer, user data its callback.
 * - What is filled in through a pointer to a pointer or struct belongs to the caller. What is
 * returned as a pointer or slice is borrowed from the object that it came from. Every `_free(NULL)`
 * does nothing.
 * - A function that can fail returns subx_status and fills the caller's subx_error, if there is
 * one. Outputs are set to empty before anything can fail. The library never prints and has no
 * thread-local or global error.
 * - Option structs start from their `_INIT`; NULL means the defaults, and the defaults are what a
 * node would use.
 * - Executors, runtimes and code may be shared between threads.
 */
#ifndef SUBEXEC_SUBEXEC_H
#define SUBEXEC_SUBEXEC_H

#include <subexec/block.h>
#include <subexec/build.h>
#include <subexec/bytes.h>
#include <subexec/cache.h>
#include <subexec/chain.h>
#include <subexec/code.h>
#include <subexec/database.h>
#include <subexec/export.h>
#include <subexec/host.h>
#include <subexec/import_policy.h>
#include <subexec/instrument.h>
#include <subexec/keystore.h>
#include <subexec/offchain.h>
#include <subexec/proof.h>
#include <subexec/runtime.h>
#include <subexec/state.h>
#include <subexec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this library, for instance "0.1.0". */
SUBX_API const char *subx_library_version(void);

/** Exact version of the engine that is linked, for instance "wasmtime 48.0.8". */
SUBX_API const char *subx_engine_version(void);

#ifdef __cplusplus
}
#endif

#endif
