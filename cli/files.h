/* Bytes from the command line, and files that they come from and go to. */
#ifndef SUBX_CLI_FILES_H
#define SUBX_CLI_FILES_H

#include <stdbool.h>
#include <stdio.h>

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

/* A file on its way: under a temporary name, or in place where a rename would do harm. */
struct file_writer {
    FILE *stream;           /* to write to; NULL: closed */
    char *path, *temporary; /* `temporary` is NULL in place */
    bool is_standard_output;
};

/* Have interruptions (SIGINT, SIGTERM, SIGHUP) remove the file that is not finished. */
void files_handle_signals(void);

/* Begin a file, as files_write() does. False: `error` says why, and there is nothing to close. */
bool files_create(const char *path, struct file_writer *out, subx_error *error);

/* End it: under its name, or, if it is not to be kept, as if it had never been (what was written in
 * place stays). False: `error` says why, it is not kept. */
bool files_close(struct file_writer *writer, bool keep, subx_error *error);

/* Write a file: by way of a temporary name and a rename, unless the path is there and no regular
 * file (a device, a pipe, a link) or is where standard output goes. False: `error` says why, and
 * nothing is left behind. */
bool files_write(const char *path, subx_slice bytes, subx_error *error);

#endif
