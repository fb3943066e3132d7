/*
 * How long a state takes from its pairs to its root, in memory. Usage: state_root FILE [COUNT]
 *
 * FILE is a raw chain specification, or pairs as nodes answer state_getPairs with. Its pairs are
 * read once; what is measured, COUNT times (5), is a new state that takes them and says its root,
 * under state version 0. Prints a line of JSON, as `sc-executor-peer root` does (bench/peers).
 */
#include <subexec/subexec.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char child_prefix[] = ":child_storage:default:";

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void check(subx_status status, const char *what, const subx_error *error)
{
    if (status != SUBX_OK)
        stop(what, error->message);
}

static void *grown(void *memory, size_t count, size_t size)
{
    void *const out = realloc(memory, (count + 1) * size);
    if (out == NULL)
        stop("state_root", "out of memory");
    return out;
}

/* The pairs of one trie, in the order of their keys; they are never given back. */
static subx_trie_pairs read_trie(subx_state *state, const subx_slice *child)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_pair *pairs = NULL;
    size_t count = 0;
    bool found = false;
    subx_bytes key = SUBX_BYTES_INIT, value = SUBX_BYTES_INIT;
    check(subx_state_get(state, child, SUBX_EMPTY, &found, &value, &error), "pairs", &error);
    if (!found)
        check(subx_state_next_key(state, child, SUBX_EMPTY, &found, &key, &error), "pairs", &error);
    while (found) {
        const subx_slice at = {key.data, key.len};
        check(subx_state_get(state, child, at, &found, &value, &error), "pairs", &error);
        pairs = grown(pairs, count, sizeof *pairs);
        pairs[count++] = (subx_pair){at, {value.data, value.len}};
        check(subx_state_next_key(state, child, at, &found, &key, &error), "pairs", &error);
    }
    return (subx_trie_pairs){child, pairs, count};
}

/* The main trie, then the child tries. */
static subx_trie_pairs *read_tries(subx_state *state, size_t *count)
{
    const size_t prefix = sizeof child_prefix - 1;
    subx_trie_pairs *tries = grown(NULL, 0, sizeof *tries);
    tries[0] = read_trie(state, NULL);
    *count = 1;
    for (size_t i = 0; i < tries[0].count; i++) {
        const subx_slice key = tries[0].pairs[i].key;
        if (key.len < prefix || memcmp(key.data, child_prefix, prefix) != 0)
            continue;
        subx_slice *const name = grown(NULL, 0, sizeof *name);
        *name = (subx_slice){key.data + prefix, key.len - prefix};
        tries = grown(tries, *count, sizeof *tries);
        tries[*count] = read_trie(state, name);
        (*count)++;
    }
    return tries;
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_state *state = NULL;
    uint8_t root[32] = {0};
    size_t tries_count = 0;
    const long count = argc == 3 ? strtol(argv[2], NULL, 10) : 5;
    if (argc < 2 || argc > 3 || count < 1 || count > 100000)
        stop("usage", "state_root FILE [COUNT]");
    check(subx_state_new_memory(&state, &error), argv[1], &error);
    check(subx_state_import_file(state, argv[1], NULL, NULL, &error), argv[1], &error);
    const subx_trie_pairs *const tries = read_tries(state, &tries_count);
    subx_state_free(state);
    double *const times = grown(NULL, (size_t)count, sizeof *times);
    for (long i = 0; i < count; i++) {
        const double start = now_ms();
        check(subx_state_new_memory(&state, &error), "state", &error);
        check(subx_state_import(state, tries, tries_count, 0, &error), "state", &error);
        check(subx_state_root(state, root, &error), "root", &error);
        times[i] = now_ms() - start;
        subx_state_free(state);
    }
    qsort(times, (size_t)count, sizeof *times, by_value);
    printf("{\"root\": \"0x");
    for (size_t i = 0; i < sizeof root; i++)
        printf("%02x", root[i]);
    printf("\", \"entries\": %zu, \"repeated\": %ld, \"min_ms\": %.3f, \"median_ms\": %.3f}\n",
           tries[0].count, count, times[0], times[count / 2]);
    return 0;
}
