/*
 * Real blocks on real states: corpus_replay STATE BLOCKS. Every block comes to its header's root.
 * And the check can fail: the first blocks, each with one byte changed, are refused before they are
 * executed as they are, and leave the state alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <subexec/subexec.h>

enum { SPOILED_BLOCKS = 3 };

struct following {
    subx_state *state;
    subx_chain *chain;
    size_t count;
};

static bool complain(const subx_error *error)
{
    fprintf(stderr, "%s: %s\n", subx_status_name(error->status), error->message);
    return false;
}

/* The block with one bit at `at` (from its end, if negative) changed. */
static subx_block *spoiled(const subx_block *block, long at)
{
    const subx_slice bytes = subx_block_encoded(block);
    uint8_t *copy = malloc(bytes.len);
    subx_block *out = NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, bytes.data, bytes.len);
    copy[at >= 0 ? (size_t)at : bytes.len - (size_t)-at] ^= 1;
    (void)subx_block_decode((subx_slice){copy, bytes.len}, &out, NULL);
    free(copy);
    return out;
}

/* The state root lies behind parent hash and number. */
static long state_root_at(const subx_block *block)
{
    const uint64_t number = subx_block_header(block)->number;
    return 32 + (number < 64 ? 1 : number < 16384 ? 2 : number < 1 << 30 ? 4 : 5);
}

static bool is_refused(struct following *following, const subx_block *block, long at,
                       subx_status expected)
{
    subx_error error = SUBX_ERROR_INIT;
    uint8_t before[32], after[32];
    subx_block *wrong = spoiled(block, at);
    if (wrong == NULL)
        return true; /* refused even earlier */
    bool good = subx_state_root(following->state, before, NULL) == SUBX_OK;
    const subx_status status = subx_chain_execute(following->chain, wrong, NULL, &error);
    good = good && status != SUBX_OK && (expected == SUBX_OK || status == expected);
    if (!good)
        fprintf(stderr, "block %llu with a changed byte: %s: %s\n",
                (unsigned long long)subx_block_header(block)->number, subx_status_name(status),
                error.message);
    good = good && subx_state_root(following->state, after, NULL) == SUBX_OK &&
           memcmp(before, after, 32) == 0;
    subx_block_free(wrong);
    return good;
}

static bool execute(struct following *following, const subx_block *block)
{
    subx_error error = SUBX_ERROR_INIT;
    uint8_t root[32];
    if (following->count < SPOILED_BLOCKS) {
        if (!is_refused(following, block, state_root_at(block), SUBX_INVALID_STATE_ROOT) ||
            !is_refused(following, block, -1, SUBX_OK)) {
            fprintf(stderr, "a block that was changed is not refused, or left something behind\n");
            return false;
        }
    }
    following->count++;
    if (subx_chain_execute(following->chain, block, NULL, &error) != SUBX_OK ||
        subx_state_root(following->state, root, &error) != SUBX_OK)
        return complain(&error);
    return memcmp(root, subx_block_header(block)->state_root, 32) == 0;
}

static bool follow(struct following *following, const char *path)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_block_reader *reader = NULL;
    if (subx_block_reader_open(path, &reader, &error) != SUBX_OK)
        return complain(&error);
    bool good = true;
    while (good) {
        subx_block *block = NULL;
        if (subx_block_reader_next(reader, &block, &error) != SUBX_OK)
            good = complain(&error);
        if (block == NULL)
            break;
        good = good && execute(following, block);
        subx_block_free(block);
    }
    subx_block_reader_free(reader);
    printf("%s: %zu blocks\n", path, following->count);
    return good && following->count > 0;
}

int main(int argc, char **argv)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_executor *executor = NULL;
    struct following following = {NULL, NULL, 0};
    if (argc != 3)
        return 2;
    subx_status status = subx_executor_new(NULL, &executor, &error);
    if (status == SUBX_OK)
        status = subx_state_new_memory(&following.state, &error);
    if (status == SUBX_OK)
        status = subx_state_import_file(following.state, argv[1], NULL, NULL, &error);
    if (status == SUBX_OK)
        status = subx_chain_new(executor, following.state, NULL, &following.chain, &error);
    const bool good = status == SUBX_OK ? follow(&following, argv[2]) : complain(&error);
    subx_chain_free(following.chain);
    subx_state_free(following.state);
    subx_executor_free(executor);
    return good ? 0 : 1;
}
