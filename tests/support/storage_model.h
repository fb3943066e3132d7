/*
 * A model of storage to compare with: whole copies of sorted arrays, one for each transaction, and
 * the reference's faults as sentences of spec/host-api.md section 10 say them. It shares nothing
 * with src/storage but types. Aborts when memory runs out.
 */
#ifndef SUBX_TEST_STORAGE_MODEL_H
#define SUBX_TEST_STORAGE_MODEL_H

#include "naive_trie.h"
#include "storage/changes.h"

/* The main trie is trie 0; then come the child tries with these names, in order. Removing the root
 * of the first one, if it does not exist, is what the reference gets wrong. */
#define MODEL_CHILDREN 5
#define MODEL_TRIES (1 + MODEL_CHILDREN)
#define MODEL_DEPTH 12

subx_slice model_child_name(size_t trie);
struct subx_trie_id model_trie_id(size_t trie);

/* Changes of all tries and of the offchain index, which is the last; the first byte of a value
 * tells whether the key is removed. */
struct model_layer {
    struct naive_trie changes[MODEL_TRIES + 1];
};

struct model {
    bool is_faithful;
    struct naive_trie base[MODEL_TRIES]; /* the state */
    struct model_layer layers[MODEL_DEPTH];
    unsigned depth;
    unsigned outer_depth;
    bool touched[MODEL_TRIES];
    struct {
        bool is_known;
        uint8_t state_version;
        uint8_t root[32];
        struct naive_trie tries[MODEL_TRIES];
    } cached;
};

/* All zero, but for `is_faithful`, is an empty state without changes. */
void model_free(struct model *model);

/* What the functions with these names in storage/changes.h must do. A status is SUBX_OK or
 * SUBX_TRIE_REFERENCE_PANICS. Slices are borrowed until the model changes. */
subx_status model_get(const struct model *model, size_t trie, subx_slice key, bool *found,
                      subx_slice *value);
subx_status model_next_key(const struct model *model, size_t trie, subx_slice key, bool *found,
                           subx_slice *next);
void model_set(struct model *model, size_t trie, subx_slice key, subx_slice value);
void model_remove(struct model *model, size_t trie, subx_slice key);
void model_append(struct model *model, subx_slice key, subx_slice element);
subx_status model_remove_prefix(struct model *model, size_t trie, subx_slice prefix,
                                const uint32_t *limit, const subx_slice *cursor,
                                struct subx_removal *removal);
void model_index(struct model *model, subx_slice key, const subx_slice *value);
void model_start(struct model *model);
bool model_commit(struct model *model);
bool model_rollback(struct model *model);
void model_begin_call(struct model *model);
void model_end_call(struct model *model);
subx_status model_root(struct model *model, uint8_t state_version, uint8_t root[32]);
subx_status model_child_root(struct model *model, size_t trie, uint8_t state_version,
                             uint8_t root[32]);
void model_forget_root(struct model *model);

/* Make the changes the state. */
subx_status model_commit_block(struct model *model, uint8_t state_version, uint8_t root[32]);

/* Drop the changes. */
void model_drop_changes(struct model *model);

/* The change of a key in the offchain index: none, a removal, or a value. */
enum subx_overlay_answer model_indexed(const struct model *model, subx_slice key,
                                       subx_slice *value);

/* Apply one operation to a trie as the reference does. False: it panics. */
bool model_apply(struct naive_trie *trie, subx_slice key, const subx_slice *value, bool hashed,
                 bool is_faithful);

#endif
