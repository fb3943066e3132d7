/*
 * A chain whose runtime is tests/guest/chain.wat, and builders on it. For cmocka tests; what cannot be had fails the
 * test.
 */
#ifndef SUBX_TESTS_BUILD_WORLD_H
#define SUBX_TESTS_BUILD_WORLD_H

#include "guests.h"
#include "wrapped_backend.h"

/* A claim of the engine "TEST", of two bytes: the digest that blocks begin with. */
extern const subx_slice test_claim;

/* System.EventCount */
extern const uint8_t test_key_events[32];

static inline subx_slice text(const char *text)
{
    return subx_slice__text(text);
}

struct world {
    subx_executor *executor;
    struct wrapped *wrapper; /* the state's back end */
    subx_state *state;
    subx_chain *chain;
    uint8_t genesis[32]; /* hash of the block that the state is after */
};

struct world new_world(subx_slice code, bool authors);
void free_world(struct world *world);

/* Check a value of the state; NULL data: there must be none. */
void expect_bytes(subx_state *state, const char *key, subx_slice expected);
void expect_stored(subx_state *state, const char *key, const char *expected);

/* An extrinsic as the guest knows them, valid until the next one. */
subx_slice extrinsic(uint8_t op, subx_slice first, subx_slice second);
subx_slice setting(const char *key, const char *value);
subx_slice answering(subx_slice answer);
subx_slice event_count(uint32_t count);

/* For the first block, or any other. */
subx_build_options options_for(const struct world *world);

/* Build, step by step; these must work. */
subx_builder *begin_block(struct world *world);
subx_applied apply(subx_builder *builder, subx_slice bytes);
subx_block *finish_block(subx_builder *builder);

/* These must fail with a message that begins so. */
void apply_fails(subx_builder *builder, subx_slice bytes, subx_status status, const char *message);
void finish_fails(subx_builder *builder, subx_status status, const char *message);

/* A block that sets "a" to this value, says that there are 4 events, and has an extrinsic that fails;
 * one bit of it changed, unless `at` is SIZE_MAX. */
subx_block *built_block(const char *value, size_t at);

#endif
