/* Proofs from a tree in memory, and partial trees from proofs: spec/host-api.md section 4.3. */
#include "trie/tree_node.h"

#include "util/mem.h"

subx_status subx_tree__record_node(struct subx_proof *recorder, const struct subx_tree_node *node,
                                   bool is_root, subx_error *error)
{
    uint8_t hash[SUBX_TRIE_HASH_SIZE];
    const subx_slice merkle = subx_node__merkle(node);
    if (merkle.len == 0)
        return subx_error__set(error, SUBX_MISUSE,
                               "trie: a tree is recorded whose root was not computed");
    if (merkle.len < SUBX_TRIE_HASH_SIZE) {
        /* its parent's encoding has it, and it is its own encoding */
        if (!is_root)
            return SUBX_OK;
        recorder->hasher->hash(merkle, hash);
        return subx_proof__add_hashed(recorder, hash, merkle, error);
    }
    if (subx_proof__find(recorder, node->merkle) != NULL)
        return SUBX_OK;
    struct subx_buf encoding = SUBX_BUF_INIT;
    subx_tree__encode_node(node, &encoding);
    const subx_status status =
        encoding.failed
            ? subx_error__nomem(error)
            : subx_proof__add_hashed(recorder, node->merkle, subx_buf__slice(&encoding), error);
    subx_buf__free(&encoding);
    return status;
}

subx_status subx_tree__record_value(struct subx_proof *recorder, const struct subx_tree_node *node,
                                    subx_error *error)
{
    const struct subx_node_value value = subx_node__value(node);
    if (value.hash == NULL || value.bytes == NULL)
        return SUBX_OK;
    return subx_proof__add_hashed(recorder, value.hash, subx_slice__of(value.bytes, value.len),
                                  error);
}

subx_status subx_tree__record_empty(struct subx_proof *recorder, subx_error *error)
{
    static const uint8_t encoding[1] = {0};
    return subx_proof__add_hashed(recorder, recorder->hasher->empty_root,
                                  subx_slice__of(encoding, sizeof encoding), error);
}

/* An entry of the proof on the work stack. */
struct task {
    uint32_t entry;
    /* the entries it refers to are made */
    bool is_ready;
};

struct subx_tree_loader {
    const struct subx_proof *proof;
    struct subx_tree_stats stats;
    /* the node of each entry once it is made, each with a reference */
    struct subx_tree_node **nodes;
    /* the same for short ones that are the root of a tree */
    struct subx_tree_node **roots;
    struct task *tasks;
    size_t count, capacity;
};

static bool push_task(struct subx_tree_loader *loader, const struct subx_proof_entry *entry,
                      bool is_ready)
{
    if (loader->count == loader->capacity) {
        const size_t capacity = loader->capacity == 0 ? 64 : 2 * loader->capacity;
        struct task *const tasks = subx_mem__realloc(loader->tasks, capacity, sizeof *tasks);
        if (tasks == NULL)
            return false;
        loader->tasks = tasks;
        loader->capacity = capacity;
    }
    loader->tasks[loader->count++] =
        (struct task){(uint32_t)(entry - loader->proof->entries), is_ready};
    return true;
}

static struct subx_tree_node *new_stub(struct subx_tree_loader *loader, subx_slice merkle)
{
    static const struct subx_node_value no_value = {.marks = 0};
    struct subx_tree_node *const stub = subx_node__new(&loader->stats, 0, 0, &no_value);
    if (stub != NULL) {
        memcpy(stub->merkle, merkle.data, merkle.len);
        stub->merkle_len = (uint8_t)merkle.len;
    }
    return stub;
}

static struct subx_tree_node *new_node(struct subx_tree_loader *loader,
                                       const struct subx_trie_node *parts, subx_slice merkle);

/* A node that may be one in a tree. */
static bool decode(subx_slice encoding, struct subx_trie_node *parts)
{
    return subx_trie_node__decode(encoding, SUBX_TRIE_PLAIN, parts, NULL) == SUBX_OK &&
           !parts->is_empty && parts->partial.len <= UINT32_MAX &&
           parts->value.bytes.len < SUBX_NODE_ABSENT;
}

/* The child that a parent knows by this Merkle value, as a new reference. NULL: out of memory. */
static struct subx_tree_node *new_child(struct subx_tree_loader *loader, subx_slice merkle)
{
    if (merkle.len == SUBX_TRIE_HASH_SIZE) {
        const struct subx_proof_entry *const entry = subx_proof__find(loader->proof, merkle.data);
        if (entry == NULL)
            return new_stub(loader, merkle);
        struct subx_tree_node *const node = loader->nodes[entry - loader->proof->entries];
        subx_node__take(node);
        return node;
    }
    /* Nested as deep as 31 bytes allow: a branch takes four besides its only child. */
    struct subx_trie_node parts;
    return decode(merkle, &parts) ? new_node(loader, &parts, merkle) : new_stub(loader, merkle);
}

static subx_status make_value(const struct subx_proof *proof, const struct subx_trie_value *parts,
                              struct subx_node_value *out)
{
    *out = (struct subx_node_value){.marks = 0};
    if (parts->form == SUBX_TRIE_NO_VALUE)
        return SUBX_OK;
    if (parts->form == SUBX_TRIE_INLINE)
        return subx_node_value__make(parts->bytes, NULL, out, NULL);
    const struct subx_proof_entry *const entry = subx_proof__find(proof, parts->bytes.data);
    if (entry != NULL && entry->len < SUBX_NODE_ABSENT)
        return subx_node_value__make(subx_proof__blob(proof, entry), parts->bytes.data, out, NULL);
    out->marks = SUBX_NODE_VALUE | SUBX_NODE_HASHED;
    out->hash = parts->bytes.data;
    return SUBX_OK;
}

/* A node of its parts; the entries it refers to are made. NULL: out of memory. */
static struct subx_tree_node *new_node(struct subx_tree_loader *loader,
                                       const struct subx_trie_node *parts, subx_slice merkle)
{
    struct subx_node_value value;
    if (make_value(loader->proof, &parts->value, &value) != SUBX_OK)
        return NULL;
    struct subx_tree_node *const node =
        subx_node__new(&loader->stats, parts->partial.len, parts->bitmap, &value);
    subx_node_value__release(&value);
    if (node == NULL)
        return NULL;
    subx_node__write_partial(node, 0, parts->partial);
    memcpy(node->merkle, merkle.data, merkle.len);
    node->merkle_len = (uint8_t)merkle.len;
    size_t made = 0;
    for (unsigned left = parts->bitmap; left != 0; left &= left - 1) {
        node->children[made] = new_child(loader, parts->children[__builtin_ctz(left)]);
        if (node->children[made] == NULL) {
            while (made-- > 0)
                subx_node__release(node->children[made]);
            subx_node__free_shell(node);
            return NULL;
        }
        made++;
    }
    return node;
}

/* Push what an entry refers to and is not made yet, behind the entry itself. */
static subx_status push_references(struct subx_tree_loader *loader,
                                   const struct subx_proof_entry *entry,
                                   const struct subx_trie_node *parts)
{
    if (!push_task(loader, entry, true))
        return SUBX_NOMEM;
    for (unsigned left = parts->bitmap; left != 0; left &= left - 1) {
        const subx_slice child = parts->children[__builtin_ctz(left)];
        if (child.len != SUBX_TRIE_HASH_SIZE)
            continue;
        const struct subx_proof_entry *const found = subx_proof__find(loader->proof, child.data);
        if (found != NULL && loader->nodes[found - loader->proof->entries] == NULL &&
            !push_task(loader, found, false))
            return SUBX_NOMEM;
    }
    return SUBX_OK;
}

/* Make the node of an entry after those it refers to. What refers to itself would need a hash with
 * a cycle. */
static subx_status load(struct subx_tree_loader *loader, const struct subx_proof_entry *first)
{
    if (!push_task(loader, first, false))
        return SUBX_NOMEM;
    while (loader->count > 0) {
        const struct task task = loader->tasks[--loader->count];
        const struct subx_proof_entry *const entry = &loader->proof->entries[task.entry];
        struct subx_tree_node **const node = &loader->nodes[task.entry];
        const subx_slice merkle = subx_slice__of(entry->hash, SUBX_TRIE_HASH_SIZE);
        struct subx_trie_node parts;
        if (*node != NULL)
            continue;
        if (!decode(subx_proof__blob(loader->proof, entry), &parts)) {
            *node = new_stub(loader, merkle);
        } else if (task.is_ready) {
            *node = new_node(loader, &parts, merkle);
        } else {
            if (push_references(loader, entry, &parts) != SUBX_OK)
                return SUBX_NOMEM;
            continue;
        }
        if (*node == NULL)
            return SUBX_NOMEM;
    }
    return SUBX_OK;
}

/* The root of a tree, as a new reference. NULL: out of memory. */
static struct subx_tree_node *load_root(struct subx_tree_loader *loader,
                                        const struct subx_proof_entry *entry)
{
    const struct subx_proof *const proof = loader->proof;
    struct subx_tree_node *node = loader->nodes[entry - proof->entries];
    if (entry->len < SUBX_TRIE_HASH_SIZE && !subx_node__is_stub(node)) {
        /* The root is found by its hash, however short it is; no parent does that. */
        struct subx_tree_node **const root = &loader->roots[entry - proof->entries];
        if (*root == NULL) {
            *root = subx_node__copy(&loader->stats, node);
            if (*root == NULL)
                return NULL;
            (*root)->merkle_len = (uint8_t)entry->len;
            memcpy((*root)->merkle, subx_proof__blob(proof, entry).data, entry->len);
        }
        node = *root;
    }
    subx_node__take(node);
    return node;
}

static void release_all(struct subx_tree_node **nodes, size_t count)
{
    for (size_t i = 0; nodes != NULL && i < count; i++)
        subx_node__release(nodes[i]);
    subx_mem__free(nodes);
}

struct subx_tree_loader *subx_tree_loader__new(const struct subx_proof *proof)
{
    struct subx_tree_loader *const loader = subx_mem__calloc(1, sizeof *loader);
    if (loader == NULL)
        return NULL;
    loader->proof = proof;
    loader->nodes = subx_mem__calloc(proof->count, sizeof(struct subx_tree_node *));
    loader->roots = subx_mem__calloc(proof->count, sizeof(struct subx_tree_node *));
    if (loader->nodes != NULL && loader->roots != NULL)
        return loader;
    subx_tree_loader__free(loader);
    return NULL;
}

void subx_tree_loader__free(struct subx_tree_loader *loader)
{
    if (loader == NULL)
        return;
    release_all(loader->nodes, loader->proof->count);
    release_all(loader->roots, loader->proof->count);
    subx_mem__free(loader->tasks);
    subx_mem__free(loader);
}

subx_status subx_tree_loader__load(struct subx_tree_loader *loader,
                                   const uint8_t root[SUBX_TRIE_HASH_SIZE], struct subx_tree *out,
                                   subx_error *error)
{
    const struct subx_proof *const proof = loader->proof;
    subx_tree__init(out, proof->hasher);
    if (memcmp(root, proof->hasher->empty_root, SUBX_TRIE_HASH_SIZE) == 0)
        return SUBX_OK;
    const struct subx_proof_entry *const entry = subx_proof__find(proof, root);
    loader->stats = (struct subx_tree_stats){0};
    if (entry == NULL)
        out->root = new_stub(loader, subx_slice__of(root, SUBX_TRIE_HASH_SIZE));
    else if (load(loader, entry) == SUBX_OK)
        out->root = load_root(loader, entry);
    loader->count = 0;
    out->stats = loader->stats;
    return out->root != NULL ? SUBX_OK : subx_error__nomem(error);
}

subx_status subx_tree__from_proof(const struct subx_proof *proof,
                                  const uint8_t root[SUBX_TRIE_HASH_SIZE], struct subx_tree *out,
                                  subx_error *error)
{
    struct subx_tree_loader *const loader = subx_tree_loader__new(proof);
    subx_tree__init(out, proof->hasher);
    if (loader == NULL)
        return subx_error__nomem(error);
    const subx_status status = subx_tree_loader__load(loader, root, out, error);
    subx_tree_loader__free(loader);
    return status;
}
