/* What an author of blocks knows. */
#include "author.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <subexec/chain.h>

/* Time of the first block where nothing tells another: September 2020, in milliseconds. */
#define FIRST_TIME UINT64_C(1600000000000)
#define DEFAULT_DURATION 6000

/* twox128 of a pallet's name and of an item's: System and Timestamp. */
static const uint8_t key_number[32] = {
    0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae, 0x0c, 0x95, 0x58, 0xce, 0xf7,
    0x02, 0xa5, 0xc1, 0xb1, 0x9a, 0xb7, 0xa0, 0x4f, 0x53, 0x6c, 0x51, 0x9a, 0xca, 0x49, 0x83, 0xac};
static const uint8_t key_parent_hash[32] = {
    0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae, 0x0c, 0x95, 0x58, 0xce, 0xf7,
    0x8a, 0x42, 0xf3, 0x33, 0x23, 0xcb, 0x5c, 0xed, 0x3b, 0x44, 0xdd, 0x82, 0x5f, 0xda, 0x9f, 0xcc};
static const uint8_t key_now[32] = {
    0xf0, 0xc3, 0x65, 0xc3, 0xcf, 0x59, 0xd6, 0x71, 0xeb, 0x72, 0xda, 0x0e, 0x7a, 0x41, 0x13, 0xc4,
    0x9f, 0x1f, 0x05, 0x15, 0xf4, 0x62, 0xcd, 0xcf, 0x84, 0xe0, 0xf1, 0xd6, 0x04, 0x5d, 0xfc, 0xbb};

static uint64_t number_of(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = len; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static void store(uint8_t *out, size_t len, uint64_t value)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

/* A number of `len` bytes in the state; 0 if it is not there. */
static subx_status read_number(subx_state *state, const uint8_t key[32], size_t len,
                               uint64_t *number, subx_error *error)
{
    bool found = false;
    subx_bytes value = SUBX_BYTES_INIT;
    const subx_status status =
        subx_state_get(state, NULL, (subx_slice){key, 32}, &found, &value, error);
    *number = found && value.len == len ? number_of(value.data, len) : 0;
    subx_bytes_free(&value);
    return status;
}

/* Genesis states have no parent, or 69 in all of its bytes; some have the number 1 already. */
static bool is_hash_of_block(const subx_bytes *value)
{
    size_t i = 0;
    while (i < value->len && value->data[i] == 69)
        i++;
    return value->len == 32 && i < value->len;
}

/* What a state tells: the block that it names, or the genesis block if nothing in it comes from a later
 * one, else at best the number, since a block's hash is not in its own state. */
static subx_status ask_state(subx_state *state, struct author_parent *out, subx_error *error)
{
    uint8_t root[32];
    uint64_t now = 0;
    bool found = false;
    subx_block_id head;
    subx_bytes grandparent = SUBX_BYTES_INIT;
    *out = (struct author_parent){.number = 0};
    subx_status status = subx_state_head(state, &found, &head, error);
    if (status == SUBX_OK && found) {
        *out = (struct author_parent){head.number, true, true, {0}};
        memcpy(out->hash, head.hash, sizeof out->hash);
        return SUBX_OK;
    }
    if (status == SUBX_OK)
        status = read_number(state, key_number, 4, &out->number, error);
    if (status == SUBX_OK)
        status = read_number(state, key_now, 8, &now, error);
    if (status == SUBX_OK)
        status = subx_state_get(state, NULL, (subx_slice){key_parent_hash, 32}, &found,
                                &grandparent, error);
    if (status == SUBX_OK)
        status = subx_state_root(state, root, error);
    const bool is_later = is_hash_of_block(&grandparent);
    subx_bytes_free(&grandparent);
    if (status != SUBX_OK)
        return status;
    /* Old runtimes leave nothing of a block's header in the state, but its time. */
    out->number_known = is_later || now == 0;
    out->hash_known = !is_later && now == 0;
    if (out->hash_known) {
        out->number = 0;
        subx_genesis_hash(root, out->hash);
    }
    return SUBX_OK;
}

subx_status author_find_parent(subx_state *state, const char *path, const subx_block_id *head,
                               const struct author_parent *given, struct author_parent *out,
                               subx_error *error)
{
    subx_status status = SUBX_OK;
    if (head != NULL) {
        *out = (struct author_parent){head->number, true, true, {0}};
        memcpy(out->hash, head->hash, sizeof out->hash);
    } else {
        status = ask_state(state, out, error);
    }
    if (status != SUBX_OK)
        return status;
    if (given->hash_known)
        memcpy(out->hash, given->hash, sizeof out->hash);
    if (given->number_known)
        out->number = given->number;
    out->hash_known |= given->hash_known;
    out->number_known |= given->number_known;
    if (out->number_known && out->hash_known && out->number < UINT64_MAX)
        return SUBX_OK;
    if (out->number_known)
        snprintf(error->message, sizeof error->message,
                 "%s: the state is the one after block %" PRIu64
                 ", whose hash is not in it: --parent HASH is needed",
                 path, out->number);
    else
        snprintf(error->message, sizeof error->message,
                 "%s: the state does not tell which block it is after: --parent NUMBER:HASH is "
                 "needed",
                 path);
    return error->status = SUBX_INVALID_INPUT;
}

/* ---- How the chain authors ---- */

/* The first eight bytes that a method answers: both engines' APIs begin with the slots' duration. */
static subx_status ask_duration(struct author *author, subx_runtime *runtime, subx_state *state,
                                const char *method, subx_error *error)
{
    subx_call_options options = SUBX_CALL_OPTIONS_INIT;
    subx_bytes answer = SUBX_BYTES_INIT;
    subx_status status = subx_changes_new(state, NULL, &options.changes, error);
    if (status == SUBX_OK)
        status = subx_runtime_call(runtime, method, SUBX_EMPTY, &options, &answer, error);
    if (status == SUBX_OK && !author->has_duration && answer.len >= 8 &&
        number_of(answer.data, 8) > 0 && number_of(answer.data, 8) <= UINT32_MAX)
        author->duration = number_of(answer.data, 8);
    subx_changes_free(options.changes);
    subx_bytes_free(&answer);
    return status;
}

subx_status author_ask(struct author *author, subx_runtime *runtime, subx_state *state,
                       subx_error *error)
{
    static const struct {
        const char *method;
        enum consensus consensus;
    } engines[] = {{"BabeApi_configuration", CONSENSUS_BABE},
                   {"AuraApi_slot_duration", CONSENSUS_AURA}};
    uint64_t now = 0;
    subx_status status = read_number(state, key_now, 8, &now, error);
    if (!author->has_duration)
        author->duration = DEFAULT_DURATION;
    for (size_t i = 0; status == SUBX_OK && i < sizeof engines / sizeof engines[0]; i++)
        if (author->consensus == CONSENSUS_NONE &&
            subx_runtime_entry(runtime, engines[i].method) != NULL) {
            author->consensus = engines[i].consensus;
            status = ask_duration(author, runtime, state, engines[i].method, error);
        }
    if (!author->has_slot) {
        const uint64_t last = now > 0 ? now / author->duration + 1 : FIRST_TIME / author->duration;
        author->slot = author->has_time ? author->time / author->duration : last;
    }
    /* one that runs over is found by author_fits() */
    if (!author->has_time && __builtin_mul_overflow(author->slot, author->duration, &author->time))
        author->time = UINT64_MAX;
    return status;
}

bool author_fits(const struct author *author, uint64_t count)
{
    uint64_t slots = 0, span = 0, end = 0;
    return !__builtin_mul_overflow(count, author->step, &slots) &&
           !__builtin_mul_overflow(slots, author->duration, &span) &&
           !__builtin_add_overflow(author->time, span, &end) &&
           !__builtin_add_overflow(author->slot, slots, &end);
}

/* ---- A block ---- */

/* What the engine says before execution; the signature that goes with it is a seal's. */
static size_t claim_slot(const struct author *author, uint8_t claim[24])
{
    /* PreRuntime, engine, length; BABE: secondary slot without a VRF, authority, slot */
    static const uint8_t babe[] = {6, 'B', 'A', 'B', 'E', 13 << 2, 2};
    static const uint8_t aura[] = {6, 'a', 'u', 'r', 'a', 8 << 2};
    if (author->consensus == CONSENSUS_BABE) {
        memcpy(claim, babe, sizeof babe);
        store(claim + sizeof babe, 4, author->authority);
        store(claim + sizeof babe + 4, 8, author->slot);
        return sizeof babe + 12;
    }
    memcpy(claim, aura, sizeof aura);
    store(claim + sizeof aura, 8, author->slot);
    return sizeof aura + 8;
}

/* Add an inherent, or replace the one that is there. */
static void know(struct author *author, const subx_inherent *inherent)
{
    size_t i = 0;
    while (i < author->inherent_count &&
           memcmp(author->inherents[i].id, inherent->id, sizeof inherent->id) != 0)
        i++;
    author->inherents[i] = *inherent;
    author->inherent_count += i == author->inherent_count;
}

static void know_bytes(struct author *author, const char *id, const uint8_t *bytes, size_t len)
{
    subx_inherent inherent = {{0}, {bytes, len}};
    memcpy(inherent.id, id, sizeof inherent.id);
    know(author, &inherent);
}

void author_prepare(struct author *author, uint64_t number, subx_build_options *options)
{
    static const uint8_t no_heads[1] = {0};
    store(author->slot_bytes, 8, author->slot);
    store(author->time_bytes, 8, author->time);
    store(author->finalized, 4, number - 1);
    author->inherent_count = 0;
    know_bytes(author, "timstap0", author->time_bytes, 8);
    know_bytes(author, author->consensus == CONSENSUS_AURA ? "auraslot" : "babeslot",
               author->slot_bytes, 8);
    know_bytes(author, "finalnum", author->finalized, 4);
    know_bytes(author, "newheads", no_heads, 1);
    for (size_t i = 0; i < author->own_count; i++)
        know(author, &author->own[i]);
    options->digest = author->digest;
    options->digest_count = author->digest_count;
    if (author->digest_count > 0 || author->consensus == CONSENSUS_NONE)
        return;
    author->claim_slice = (subx_slice){author->claim, claim_slot(author, author->claim)};
    options->digest = &author->claim_slice;
    options->digest_count = 1;
}

void author_advance(struct author *author)
{
    author->slot += author->step;
    author->time += author->step * author->duration;
}
