/* Turning Wasmtime's errors and traps into a status and text (spec/executor.md section 1.4). */
#include "exec/wasmtime_error.h"

#include <stdbool.h>
#include <string.h>

#include <subexec_rust_engine.h>

#include "util/bytes.h"
#include "util/error.h"

/* Append the text with every run of white space as one blank, so that a message stays one line. */
static void append_one_line(struct subx_buf *line, const char *text, size_t len)
{
    bool blank = true;
    for (size_t i = 0; i < len; i++) {
        const char character = text[i];
        const bool is_blank = character == '\n' || character == ' ' || character == '\t';
        if (is_blank && blank)
            continue;
        subx_buf__append_u8(line, is_blank ? ' ' : (uint8_t)character);
        blank = is_blank;
    }
}

subx_status subx_engine_error__take(wasmtime_error_t *failure, subx_status status,
                                    const char *context, subx_error *error)
{
    wasm_byte_vec_t text;
    wasmtime_error_message(failure, &text);
    struct subx_buf line = SUBX_BUF_INIT;
    subx_buf__append_text(&line, context);
    subx_buf__append_text(&line, ": ");
    append_one_line(&line, text.data, text.size);
    if (line.failed)
        subx_error__set_text(error, status, context, strlen(context));
    else
        subx_error__set_text(error, status, (const char *)line.data, line.len);
    subx_buf__free(&line);
    wasm_byte_vec_delete(&text);
    wasmtime_error_delete(failure);
    return status;
}

subx_status subx_engine_error__take_call(wasmtime_error_t *failure, wasm_trap_t *trap,
                                         subx_status status, subx_error *error)
{
    const void *cause = failure != NULL ? (const void *)failure : (const void *)trap;
    wasm_byte_vec_t text;
    subx_rust_error_root(cause, &text);
    subx_error__set_text(error, status, text.data, text.size);
    wasm_byte_vec_delete(&text);
    if (subx_rust_error_backtrace(cause, &text)) {
        subx_error__set_backtrace(error, text.data, text.size);
        wasm_byte_vec_delete(&text);
    }
    if (failure != NULL)
        wasmtime_error_delete(failure);
    if (trap != NULL)
        wasm_trap_delete(trap);
    return status;
}
