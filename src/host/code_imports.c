/* Imports of code, and which of them this library provides: the blob room does not know the host's
 * functions, so this part of subexec/code.h lives here. */
#include "blob/code.h"
#include "host/host_function.h"

subx_extern subx_code_import(const subx_code *code, size_t index)
{
    subx_extern import = subx_code__import(code, index);
    import.known = import.kind == SUBX_EXTERN_FUNCTION &&
                   subx_slice__equal(import.module, subx_slice__text("env")) &&
                   subx_host__find(import.name) != NULL;
    return import;
}
