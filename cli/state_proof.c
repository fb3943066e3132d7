/* Storage proofs: made of a state, read without one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <subexec/proof.h>

#include "opt.h"
#include "output.h"
#include "state_actions.h"

static const subx_slice *child_of(const struct state_request *request)
{
    return request->has_child ? &request->child : NULL;
}

static subx_slice slice_of(const subx_bytes *bytes)
{
    return (subx_slice){bytes->data, bytes->len};
}

/* ---- Keys ---- */

struct key_list {
    struct file_bytes *owned;
    subx_slice *keys;
    size_t count;
};

static void free_keys(struct key_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->owned[i].data);
    free(list->owned);
    free(list->keys);
}

static bool read_keys(const struct state_request *request, struct key_list *out,
                      enum exit_code *outcome)
{
    *out = (struct key_list){output_memory(request->key_count, sizeof *out->owned),
                             output_memory(request->key_count, sizeof *out->keys), 0};
    for (size_t i = 0; i < request->key_count; i++) {
        struct file_bytes *const key = &out->owned[i];
        if (!state_key_of(request->command, "KEY", request->keys[i], key, outcome))
            return false;
        out->keys[i] = (subx_slice){key->data, key->len};
        out->count++;
    }
    return true;
}

/* ---- prove ---- */

static void print_proof_json(const struct state_request *request, const subx_proof *proof,
                             subx_slice root, subx_slice encoded)
{
    json_t *object = json_object(), *nodes = json_array();
    for (size_t i = 0; i < subx_proof_count(proof); i++)
        output_json_append(nodes, output_json_hex(subx_proof_item(proof, i)));
    output_json_set(object, "state_root", output_json_hex(root));
    output_json_set(object, "bytes", json_integer((json_int_t)encoded.len));
    if (request->output_path == NULL)
        output_json_set(object, request->compact ? "compact" : "proof", output_json_hex(encoded));
    output_json_set(object, "nodes", nodes);
    output_json(object);
}

static void print_proof(const struct state_request *request, const subx_proof *proof,
                        subx_slice root, subx_slice encoded)
{
    output_label("state root");
    output_hex(stdout, root);
    putchar('\n');
    output_label("proof");
    if (request->output_path != NULL)
        printf("%zu nodes and values, %zu bytes", subx_proof_count(proof), encoded.len);
    else
        output_hex(stdout, encoded);
    putchar('\n');
}

static enum exit_code tell_proof(const struct state_request *request, const subx_proof *proof,
                                 const uint8_t root[32])
{
    subx_error error = SUBX_ERROR_INIT;
    subx_bytes encoded = SUBX_BYTES_INIT;
    const subx_status status = request->compact
                                   ? subx_proof_encode_compact(proof, root, &encoded, &error)
                                   : subx_proof_encode(proof, &encoded, &error);
    const subx_slice root_bytes = {root, 32};
    enum exit_code outcome = EXIT_DONE;
    if (status != SUBX_OK || (request->output_path != NULL &&
                              !files_write(request->output_path, slice_of(&encoded), &error)))
        outcome = output_failure(&error, request->json);
    else if (request->json)
        print_proof_json(request, proof, root_bytes, slice_of(&encoded));
    else
        print_proof(request, proof, root_bytes, slice_of(&encoded));
    subx_bytes_free(&encoded);
    return outcome;
}

/* Without keys the proof has the root's node: it proves what nobody asks. */
static subx_status prove(const struct state_request *request, const struct key_list *list,
                         subx_proof *proof, uint8_t root[32], subx_error *error)
{
    const subx_slice nothing = SUBX_EMPTY;
    const bool asks = list->count > 0;
    return subx_state_prove(request->state, child_of(request), asks ? list->keys : &nothing,
                            asks ? list->count : 1, proof, root, error);
}

enum exit_code state_action_prove(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_proof *proof = NULL;
    struct key_list list = {NULL, NULL, 0};
    enum exit_code outcome = EXIT_DONE;
    uint8_t root[32];
    if (read_keys(request, &list, &outcome)) {
        subx_status status = subx_proof_new(&proof, &error);
        if (status == SUBX_OK)
            status = prove(request, &list, proof, root, &error);
        outcome = status == SUBX_OK ? tell_proof(request, proof, root)
                                    : output_failure(&error, request->json);
    }
    subx_proof_free(proof);
    free_keys(&list);
    return outcome;
}

/* ---- verify ---- */

/* What a file holds, if that is hex text. */
static bool is_hex_text(const struct file_bytes *bytes)
{
    size_t len = bytes->len;
    while (len > 0 && strchr(" \r\n\t", bytes->data[len - 1]) != NULL && bytes->data[len - 1] != 0)
        len--;
    if (len < 2 || bytes->data[0] != '0' || bytes->data[1] != 'x')
        return false;
    for (size_t i = 2; i < len; i++)
        if (bytes->data[i] == 0 || strchr("0123456789abcdefABCDEF", bytes->data[i]) == NULL)
            return false;
    return true;
}

static bool decode_text(struct file_bytes *bytes, subx_error *error)
{
    char *text = output_memory(bytes->len + 1, 1);
    memcpy(text, bytes->data, bytes->len);
    text[bytes->len] = '\0';
    text[strcspn(text, " \r\n\t")] = '\0';
    free(bytes->data);
    const bool good = files_decode_hex(text, bytes, error);
    free(text);
    return good;
}

/* The proof's bytes: hex from "0x" on, "@FILE", or a file; files have bytes or hex text. */
static bool read_proof(const char *text, struct file_bytes *out, subx_error *error)
{
    if (strncmp(text, "0x", 2) == 0)
        return files_decode_hex(text, out, error);
    const size_t len = strlen(text);
    char *path = output_memory(len + 2, 1);
    memcpy(path + 1, text, len + 1);
    path[0] = '@';
    const bool good = files_bytes_of(text[0] == '@' ? text : path, out, error);
    free(path);
    return good && (!is_hex_text(out) || decode_text(out, error));
}

static subx_status decode_proof(const struct state_request *request, const uint8_t root[32],
                                subx_proof **proof, subx_error *error)
{
    struct file_bytes bytes = {NULL, 0};
    uint8_t found_root[32];
    subx_status status = SUBX_OK;
    if (!read_proof(request->path, &bytes, error)) {
        status = error->status;
    } else if (!request->compact) {
        status = subx_proof_decode((subx_slice){bytes.data, bytes.len}, proof, error);
    } else {
        status = subx_proof_decode_compact((subx_slice){bytes.data, bytes.len}, NULL, proof,
                                           found_root, error);
        if (status == SUBX_OK && memcmp(root, found_root, sizeof found_root) != 0) {
            error->status = status = SUBX_INCOMPLETE_PROOF;
            int at = snprintf(error->message, sizeof error->message,
                              "the proof is of another state; its root is 0x");
            for (size_t i = 0; i < sizeof found_root; i++)
                at += snprintf(error->message + at, 3, "%02x", found_root[i]);
        }
    }
    free(bytes.data);
    return status;
}

/* Put the file's name in front of what is wrong with its bytes. */
static void name_file(const char *path, subx_error *error)
{
    char message[sizeof error->message];
    const int len = snprintf(message, sizeof message, "%s: %s", path, error->message);
    if (len > 0 && (size_t)len < sizeof message)
        memcpy(error->message, message, (size_t)len + 1);
}

/* Tell what the proof has of one key. */
static subx_status tell_key(const struct state_request *request, subx_state *state, subx_slice key,
                            json_t *values, subx_error *error)
{
    subx_bytes value = SUBX_BYTES_INIT;
    bool found = false;
    const subx_status status = subx_state_get(state, child_of(request), key, &found, &value, error);
    if (status == SUBX_OK && values != NULL) {
        json_t *object = json_object();
        output_json_set(object, "key", output_json_hex(key));
        output_json_set(object, "value", found ? output_json_hex(slice_of(&value)) : json_null());
        output_json_append(values, object);
    } else if (status == SUBX_OK) {
        output_hex(stdout, key);
        putchar(' ');
        if (found)
            output_hex(stdout, slice_of(&value));
        else
            fputs("absent", stdout);
        putchar('\n');
    }
    subx_bytes_free(&value);
    return status;
}

static enum exit_code verify(const struct state_request *request, const struct key_list *list,
                             const uint8_t root[32])
{
    subx_error error = SUBX_ERROR_INIT;
    subx_proof *proof = NULL;
    subx_state *state = NULL;
    json_t *values = request->json ? json_array() : NULL;
    subx_status status = decode_proof(request, root, &proof, &error);
    if (status == SUBX_INVALID_INPUT && strncmp(request->path, "0x", 2) != 0)
        name_file(request->path, &error);
    if (status == SUBX_OK)
        status = subx_state_from_proof(proof, root, &state, &error);
    for (size_t i = 0; i < list->count && status == SUBX_OK; i++)
        status = tell_key(request, state, list->keys[i], values, &error);
    if (status == SUBX_OK && request->json) {
        json_t *object = json_object();
        output_json_set(object, "nodes", json_integer((json_int_t)subx_proof_count(proof)));
        output_json_set(object, "values", values);
        output_json(object);
    } else {
        json_decref(values);
    }
    subx_state_free(state);
    subx_proof_free(proof);
    return status == SUBX_OK ? EXIT_DONE : output_failure(&error, request->json);
}

enum exit_code state_action_verify(const struct state_request *request)
{
    subx_error error = SUBX_ERROR_INIT;
    struct file_bytes root = {NULL, 0};
    struct key_list list = {NULL, NULL, 0};
    enum exit_code outcome = EXIT_DONE;
    if (request->root == NULL)
        return opt_wrong(request->command, "state: verify needs --root HASH");
    if (request->key_count == 0)
        return opt_wrong(request->command, "state: verify takes at least one key");
    if (!files_decode_hex(request->root, &root, &error) || root.len != 32)
        outcome =
            opt_wrong(request->command, "state: --root is 32 bytes in hex, not %s", request->root);
    else if (read_keys(request, &list, &outcome))
        outcome = verify(request, &list, root.data);
    free_keys(&list);
    free(root.data);
    return outcome;
}
