/* What the files of the interface `offchain` share. */
#ifndef SUBX_HOST_HOST_OFFCHAIN_H
#define SUBX_HOST_HOST_OFFCHAIN_H

#include "host/call.h"

/* End the call because the caller has not granted what a function needs; `function` is a member of
 * subx_offchain_functions. Returns false. */
bool subx_host_offchain__not_granted(struct subx_call *call, const char *function)
    __attribute__((cold));

/*
 * Call a function of the node that must have been granted; the host function returns false
 * otherwise. Used as
 *
 *     SUBX_OFFCHAIN_NEEDS(call, timestamp);
 *     *result = call->grants.offchain->functions->timestamp(call->grants.offchain->data);
 */
#define SUBX_OFFCHAIN_NEEDS(call, function)                            \
    do {                                                               \
        if ((call)->grants.offchain == NULL ||                         \
            (call)->grants.offchain->functions->function == NULL)      \
            return subx_host_offchain__not_granted((call), #function); \
    } while (0)

#endif
