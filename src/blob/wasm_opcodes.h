/* Which instruction an opcode is: the tables behind wasm_code.h. */
#ifndef SUBX_BLOB_WASM_OPCODES_H
#define SUBX_BLOB_WASM_OPCODES_H

#include <stdint.h>

/* Forms of opcodes of one byte, and of those behind the prefixes 0xfc and 0xfd. */
extern const unsigned char subx_wasm_opcodes[257];
extern const unsigned char subx_wasm_opcodes_fc[33];
extern const unsigned char subx_wasm_opcodes_fd[289];

/*
 * Opcodes of the MVP that most code consists of, for quick looks: '0', '1' and '2' only pop and
 * push and are followed by as many numbers; 'n' has none and 'j' one, and they do more; 'c' is
 * `call`, 'b' has a block type, 'e' is `end`; 'z' are all others.
 */
extern const unsigned char subx_wasm_quick[257];

#define SUBX_OPCODES_FC 32
#define SUBX_OPCODES_FD 288

#endif
