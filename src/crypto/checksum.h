/* Checksums against damage, not against forgery: XXH3, at the speed of memory. */
#ifndef SUBX_CRYPTO_CHECKSUM_H
#define SUBX_CRYPTO_CHECKSUM_H

#include "util/bytes.h"

uint64_t subx_checksum__64(subx_slice bytes);
void subx_checksum__128(subx_slice bytes, uint8_t out[16]);

#endif
