/*
 * `:code` out of chain specifications (codec/chain_spec.h) from any text. What must hold: a status
 * of the few that are documented, bytes only on success, a message on failure.
 */
#include <stdlib.h>

#include "codec/chain_spec.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes code = SUBX_BYTES_INIT;
    const subx_status status = subx_chain_spec__code(subx_slice__of(data, size), &code, &error);
    if (status == SUBX_OK) {
        /* two digits a byte, and the keys around them */
        demand(code.len < size / 2);
        demand(error.message[0] == '\0');
    } else {
        demand(status == SUBX_INVALID_INPUT || status == SUBX_CODE_NOT_FOUND ||
               status == SUBX_TOO_LARGE);
        demand(code.data == NULL && error.message[0] != '\0');
    }
    subx_bytes_free(&code);
    return 0;
}
