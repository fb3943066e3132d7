/* The abort behind SUBX_CHECK; see check.h. Only checked builds reach it. */
#include "util/check.h"

#ifdef SUBX_CHECKED
#include <stdio.h>
#include <stdlib.h>

_Noreturn void subx_check__failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
    abort();
}
#endif
