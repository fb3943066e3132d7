/* Randomness on Linux: getrandom(), which waits until the kernel's generator is ready. */
#include "platform/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

bool subx_random__fill(void *to, size_t len)
{
    uint8_t *at = to;
    while (len > 0) {
        const ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}
