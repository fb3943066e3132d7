/* What might help after a failure. */
#ifndef SUBX_CLI_HINTS_H
#define SUBX_CLI_HINTS_H

#include <subexec/code.h>

/* Print a hint on stderr, if there is one for `status`. `method` is the function that was asked
 * for. */
void hints_print(subx_status status, const subx_code *code, const char *method);

#endif
