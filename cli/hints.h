/* What might help after a failure. */
#ifndef SUBX_CLI_HINTS_H
#define SUBX_CLI_HINTS_H

#include <subexec/code.h>

/* Print a hint on stderr, if there is one for `status`. `path` is the code's file, which is looked
 * into; `method` is the function that was asked for, or NULL. */
void hints_print(subx_status status, const char *path, const char *method);

#endif
