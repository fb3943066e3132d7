/* Log lines of runtimes and of the library, on standard error. */
#ifndef SUBX_CLI_LOG_H
#define SUBX_CLI_LOG_H

#include <stdbool.h>

#include <subexec/runtime.h>

/* "off", "error", "warn", "info", "debug" or "trace" as a level; false if it is none of these. */
bool log_level_of(const char *text, subx_log_level *out);

/* Print a line: a subx_log_fn. */
void log_print(void *data, subx_log_level level, subx_slice target, subx_slice message);

/* subx_executor_new() with the library's notices printed. */
subx_status log_new_executor(subx_executor **out, subx_error *error);

#endif
