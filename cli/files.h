/* Bytes from the command line, and files that they come from and go to. */
#ifndef SUBX_CLI_FILES_H
#define SUBX_CLI_FILES_H

#include <stdbool.h>

#include <subexec/bytes.h>
#include <subexec/status.h>

/* Bytes that the program owns; release with free(). */
struct file_bytes {
    uint8_t *data;
    size_t len;
};

/*
 * Bytes that an option gives: hex digits with or without "0x", or "@FILE" for what a file holds.
 * A pipe will do as FILE. False: `error` says what is wrong.
 */
bool files_bytes_of(const char *text, struct file_bytes *out, subx_error *error);

/* Hex digits with or without "0x". */
bool files_decode_hex(const char *text, struct file_bytes *out, subx_error *error);

/* Write a file: by way of a temporary name and a rename, unless the path is there and no regular
 * file (a device, a pipe, a link) or is where standard output goes. False: `error` says why, and
 * nothing is left behind. */
bool files_write(const char *path, subx_slice bytes, subx_error *error);

#endif
