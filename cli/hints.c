/* Hints: functions with a name near the one that is missing; options that help. */
#include "hints.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

enum {
    MAX_NAME = 96,       /* longer names are not compared */
    MAX_EXPORTS = 10000, /* nor are more than these */
    MAX_SHOWN = 4
};

struct candidate {
    subx_slice name;
    size_t distance;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters of either case count as the same. */
static bool same(uint8_t a, uint8_t b)
{
    return tolower(a) == tolower(b);
}

/* Number of insertions, deletions and replacements between two names of up to MAX_NAME. */
static size_t edit_distance(subx_slice a, subx_slice b)
{
    size_t row[MAX_NAME + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            const size_t replaced = diagonal + (same(a.data[i], b.data[j]) ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = smaller(replaced, smaller(diagonal, row[j]) + 1);
        }
    }
    return row[b.len];
}

static bool contains(subx_slice text, subx_slice part)
{
    for (size_t at = 0; at + part.len <= text.len; at++) {
        size_t i = 0;
        while (i < part.len && same(text.data[at + i], part.data[i]))
            i++;
        if (i == part.len)
            return true;
    }
    return false;
}

/* Keep the nearest, nearest first. */
static void offer(struct candidate *best, size_t *count, struct candidate candidate)
{
    size_t at = *count < MAX_SHOWN ? (*count)++ : MAX_SHOWN;
    while (at > 0 && best[at - 1].distance > candidate.distance) {
        if (at < MAX_SHOWN)
            best[at] = best[at - 1];
        at--;
    }
    if (at < MAX_SHOWN)
        best[at] = candidate;
}

static void near_names(const subx_code *code, const char *method)
{
    const subx_slice wanted = {(const uint8_t *)method, strlen(method)};
    struct candidate best[MAX_SHOWN];
    size_t count = 0;
    if (wanted.len == 0 || wanted.len > MAX_NAME)
        return;
    for (size_t i = 0; i < subx_code_export_count(code) && i < MAX_EXPORTS; i++) {
        const subx_extern export = subx_code_export(code, i);
        if (export.kind != SUBX_EXTERN_FUNCTION || export.name.len == 0 ||
            export.name.len > MAX_NAME)
            continue;
        const size_t distance = edit_distance(wanted, export.name);
        const bool part = contains(export.name, wanted) || contains(wanted, export.name);
        if (part || distance <= smaller(wanted.len, export.name.len) / 3)
            offer(best, &count, (struct candidate){export.name, distance});
    }
    if (count == 0) {
        output_hint("\"subexec inspect\" lists the functions");
        return;
    }
    fprintf(stderr, "%shint:%s did you mean", output_colour(stderr, COLOUR_YELLOW),
            output_plain(stderr));
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? " " : ", ", stderr);
        output_text(stderr, best[i].name);
    }
    fputs("?\n", stderr);
}

/* Whether the code is beyond the MVP: then another grammar reads what the strict one refuses. */
static void extensions_needed(const subx_code *code)
{
    if (subx_code_features(code)[0] != '\0')
        output_hint(
            "\"subexec inspect\" tells which Wasm extensions the code needs; where there is "
            "an option --extensions it allows them");
}

void hints_print(subx_status status, const char *path, const char *method)
{
    if (status == SUBX_MISSING_IMPORTS)
        output_hint("--allow-missing-imports lets the code run until it calls one of them; "
                    "--imports FILE lets single ones trap or return a constant");
    if (status != SUBX_METHOD_NOT_FOUND && status != SUBX_CANT_DESERIALIZE_WASM)
        return;
    subx_code *code = NULL;
    if (subx_code_load_file(path, 0, &code, NULL) != SUBX_OK)
        return;
    if (status == SUBX_METHOD_NOT_FOUND && method != NULL)
        near_names(code, method);
    else if (status == SUBX_CANT_DESERIALIZE_WASM)
        extensions_needed(code);
    subx_code_free(code);
}
