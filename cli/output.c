/* Printing: messages, colours, JSON, untrusted text. */
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_colours(FILE *stream)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return (no_colour == NULL || no_colour[0] == '\0') && isatty(fileno(stream)) == 1 &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

const char *output_colour(FILE *stream, enum colour colour)
{
    static const char *const codes[] = {
        [COLOUR_RED] = "\033[31m", [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
        [COLOUR_DIM] = "\033[2m",  [COLOUR_BOLD] = "\033[1m",
    };
    return has_colours(stream) ? codes[colour] : "";
}

const char *output_plain(FILE *stream)
{
    return has_colours(stream) ? "\033[0m" : "";
}

static subx_slice slice_of(const char *text)
{
    return (subx_slice){(const uint8_t *)text, strlen(text)};
}

/* A message, with a label in front; what it quotes may come from anywhere. */
__attribute__((format(printf, 3, 0))) static void message(const char *label, enum colour colour,
                                                          const char *format, va_list arguments)
{
    char text[SUBX_ERROR_MESSAGE_SIZE + 256];
    vsnprintf(text, sizeof text, format, arguments);
    output_progress_end();
    fprintf(stderr, "%s%s%s ", output_colour(stderr, colour), label, output_plain(stderr));
    output_lines(stderr, slice_of(text), "");
    fputc('\n', stderr);
}

void output_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message("subexec:", COLOUR_RED, format, arguments);
    va_end(arguments);
}

void output_hint(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message("hint:", COLOUR_YELLOW, format, arguments);
    va_end(arguments);
}

/* Failures of what was given in and of the machine, against those of the runtime. */
static enum exit_code exit_code_of(subx_status status)
{
    const bool input = status == SUBX_IO || status == SUBX_INVALID_INPUT ||
                       status == SUBX_TOO_LARGE || status == SUBX_UNSUPPORTED ||
                       status == SUBX_CODE_NOT_FOUND || status == SUBX_CANT_DESERIALIZE_WASM ||
                       status == SUBX_ARTIFACT || status == SUBX_NOMEM || status == SUBX_MISUSE;
    return input ? EXIT_INPUT : EXIT_RUNTIME;
}

static json_t *error_json(const subx_error *error)
{
    json_t *detail = json_object(), *root = json_object();
    output_json_set(detail, "kind", output_json_text(slice_of(subx_status_name(error->status))));
    output_json_set(detail, "message", output_json_text(slice_of(error->message)));
    output_json_set(detail, "backtrace", output_json_text(slice_of(error->backtrace)));
    output_json_set(root, "error", detail);
    return root;
}

enum exit_code output_failure(const subx_error *error, bool json)
{
    if (json)
        output_json(error_json(error));
    output_error("%s: %s", subx_status_name(error->status), error->message);
    const size_t len = strlen(error->backtrace);
    if (len > 0) {
        output_lines(stderr, slice_of(error->backtrace), "");
        fputs(error->backtrace[len - 1] == '\n' ? "" : "\n", stderr);
    }
    return exit_code_of(error->status);
}

enum exit_code output_failure_line(const subx_error *error)
{
    output_json_line(error_json(error));
    return output_failure(error, false);
}

/* Whether the character at `at` is a control character, of ASCII or of Latin-1 (two bytes). */
static bool steers(subx_slice text, size_t at)
{
    const uint8_t byte = text.data[at];
    return byte < 0x20 || byte == 0x7f ||
           (byte == 0xc2 && at + 1 < text.len && text.data[at + 1] < 0xa0);
}

void output_text(FILE *stream, subx_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        const bool bad = steers(text, i);
        fputc(bad ? '?' : text.data[i], stream);
        if (bad && text.data[i] == 0xc2)
            i++;
    }
}

void output_lines(FILE *stream, subx_slice text, const char *indent)
{
    while (text.len > 0) {
        const uint8_t *newline = memchr(text.data, '\n', text.len);
        const size_t len = newline == NULL ? text.len : (size_t)(newline - text.data);
        output_text(stream, (subx_slice){text.data, len});
        if (newline == NULL)
            break;
        fprintf(stream, "\n%s", indent);
        text = (subx_slice){newline + 1, text.len - len - 1};
    }
}

void output_hex(FILE *stream, subx_slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    fputs("0x", stream);
    for (size_t i = 0; i < bytes.len; i++) {
        fputc(digits[bytes.data[i] >> 4], stream);
        fputc(digits[bytes.data[i] & 15], stream);
    }
}

void *output_memory(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);
    if (memory == NULL) {
        output_error("out of memory");
        exit(EXIT_INPUT);
    }
    return memory;
}

json_t *output_json_hex(subx_slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = output_memory(bytes.len + 1, 2);
    text[0] = '0';
    text[1] = 'x';
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 + 2 * i] = digits[bytes.data[i] >> 4];
        text[3 + 2 * i] = digits[bytes.data[i] & 15];
    }
    json_t *value = json_stringn(text, 2 + 2 * bytes.len);
    free(text);
    return value;
}

json_t *output_json_text(subx_slice text)
{
    json_t *value =
        text.len == 0 ? json_string("") : json_stringn((const char *)text.data, text.len);
    return value != NULL ? value : output_json_hex(text);
}

static void must(int outcome)
{
    if (outcome == 0)
        return;
    output_error("out of memory");
    exit(EXIT_INPUT);
}

void output_json_set(json_t *object, const char *name, json_t *value)
{
    must(json_object_set_new(object, name, value));
}

void output_json_append(json_t *array, json_t *value)
{
    must(json_array_append_new(array, value));
}

static void print_json(json_t *value, size_t flags)
{
    must(value == NULL ? -1 : 0);
    json_dumpf(value, stdout, flags | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(value);
}

void output_json(json_t *value)
{
    print_json(value, JSON_INDENT(2));
}

void output_json_line(json_t *value)
{
    print_json(value, JSON_COMPACT);
}

void output_label(const char *label)
{
    printf("%s%-11s%s", output_colour(stdout, COLOUR_DIM), label, output_plain(stdout));
}

static bool shows_progress;

void output_progress(const char *format, ...)
{
    const char *terminal = getenv("TERM");
    if (isatty(fileno(stderr)) != 1 || (terminal != NULL && strcmp(terminal, "dumb") == 0))
        return;
    va_list arguments;
    va_start(arguments, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fflush(stderr);
    shows_progress = true;
}

void output_progress_end(void)
{
    if (shows_progress)
        fputs("\r\033[K", stderr);
    shows_progress = false;
}

static int flush_errno; /* of the first flush that failed */

bool output_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0)
        return true;
    if (flush_errno == 0)
        flush_errno = errno;
    return false;
}

enum exit_code output_finish(enum exit_code code)
{
    const bool flushed = output_flush();
    if (flushed && ferror(stdout) == 0)
        return code;
    output_error("standard output: %s",
                 flush_errno != 0 ? strerror(flush_errno) : "a write failed");
    return EXIT_INPUT;
}
