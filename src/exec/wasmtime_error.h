/* Turning Wasmtime's errors and traps into a status and text; nothing else in the project touches
 * them. */
#ifndef SUBX_EXEC_WASMTIME_ERROR_H
#define SUBX_EXEC_WASMTIME_ERROR_H

#include <wasmtime.h>

#include <subexec/status.h>

/* Take `failure` (not NULL) and record it as `status`, with `context` in front of its whole text on
 * one line. */
subx_status subx_engine_error__take(wasmtime_error_t *failure, subx_status status,
                                    const char *context, subx_error *error);

/*
 * What ended a call: the engine hands back an error (a host function gave up) or a trap, never
 * both. Records the root cause and the guest's frames as `status`. Takes both.
 */
subx_status subx_engine_error__take_call(wasmtime_error_t *failure, wasm_trap_t *trap,
                                         subx_status status, subx_error *error);

#endif
