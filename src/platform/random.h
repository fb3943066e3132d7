/* Randomness of the system, for keys. */
#ifndef SUBX_PLATFORM_RANDOM_H
#define SUBX_PLATFORM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Fill `len` bytes, fit for secrets. False if the system has none to give. */
bool subx_random__fill(void *to, size_t len);

#endif
