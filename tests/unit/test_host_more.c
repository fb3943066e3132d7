/*
 * The smaller interfaces on a byte array as the guest: transaction_index, wasm_tracing,
 * statement_store, storage_proof_size, additional_data, input, and what RFC-145 added to hashing
 * and misc. spec/host-api.md sections 1.4, 1.6 to 1.8 and 10.
 */
#include "guest_memory.h"

#include <stdio.h>

#include "crypto/hash.h"
#include "util/mem.h"

#define NONE number(0) /* for functions without parameters */

/* ---- transaction_index ---- */

static void take_index(void *data, const subx_transaction_index *index)
{
    struct subx_buf *const text = data;
    subx_buf__append_format(text, "%s %u %u %02x%02x; ", index->is_new ? "index" : "renew",
                            index->extrinsic, index->size, index->hash[0], index->hash[31]);
}

static void transaction_index(void **state)
{
    (void)state;
    struct laid_out at;
    struct subx_buf text = SUBX_BUF_INIT;
    lay_out(&at);
    const union subx_value hash =
        pointer_to_hex(&at, "01000000000000000000000000000000000000000000000000000000000000ff");
    /* nobody listens */
    CALL(&at, "ext_transaction_index_index_version_1", number(1), number(2), hash);
    CALL(&at, "ext_transaction_index_renew_version_1", number(1), hash);
    at.guest.call.grants.transaction_index = take_index;
    at.guest.call.grants.transaction_index_data = &text;
    CALL(&at, "ext_transaction_index_index_version_1", number(3), number(100), hash);
    CALL(&at, "ext_transaction_index_renew_version_1", number(UINT32_MAX), hash);
    subx_buf__append_u8(&text, '\0');
    assert_string_equal((const char *)text.data, "index 3 100 01ff; renew 4294967295 0 01ff; ");
    subx_buf__free(&text);
    lay_out_end(&at);
}

/* ---- wasm_tracing ---- */

/* name "n", target "t", level info, file "f", line 1, module path "m" */
#define METADATA "046e047402046601000000046d"

static void tracing(void **state)
{
    (void)state;
    struct laid_out at;
    lay_out(&at);
    static const char enabled[] = "ext_wasm_tracing_enabled_version_1";
    static const char enter[] = "ext_wasm_tracing_enter_span_version_1";
    static const char event[] = "ext_wasm_tracing_event_version_1";
    assert_int_equal(CALL(&at, enabled, put_hex(&at, METADATA "0000")).u64, 0);
    assert_int_equal(CALL(&at, enabled, put_hex(&at, METADATA "010804610462")).u64, 0);
    const char *const spans[] = {
        "00" METADATA "010000", "010900000000000000" METADATA "010000",
        /* a value of each kind: u8, i8, u32, i32, i64, u64, bool, and three of bytes; none */
        "00" METADATA "0100"
        "2c"
        "0461"
        "010001"
        "0461"
        "0101ff"
        "0461"
        "010201000000"
        "0461"
        "0103ffffffff"
        "0461"
        "01040000000000000001"
        "0461"
        "01050000000000000001"
        "0461"
        "010601"
        "0461"
        "01070478"
        "0461"
        "01080478"
        "0461"
        "01090478"
        "0461"
        "00"};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        const union subx_value span = put_hex(&at, spans[i]);
        assert_int_equal(CALL(&at, enter, span).u64, 0xdead);
        CALL(&at, event, span);
    }
    CALL(&at, "ext_wasm_tracing_exit_version_1", number(UINT64_MAX));
    const char *const bad[] = {"",
                               "00",
                               METADATA,
                               METADATA "00",
                               METADATA "0200",
                               METADATA "0004",
                               "046e047405046601000000046d0000",
                               "046e0474020466010000046d0000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CALL_FAILS(&at, "'metadata' does not decode as WasmMetadata", enabled,
                   put_hex(&at, bad[i]));
    const char *const bad_spans[] = {"",
                                     "00",
                                     "02" METADATA "010000",
                                     "0100" METADATA "010000",
                                     "00" METADATA "0100",
                                     "00" METADATA "01000404610102",
                                     "00" METADATA "010004046102",
                                     "00" METADATA "0100040461010602",
                                     "00" METADATA "0100040461010a"};
    for (size_t i = 0; i < sizeof bad_spans / sizeof bad_spans[0]; i++) {
        const union subx_value span = put_hex(&at, bad_spans[i]);
        CALL_FAILS(&at, "'span' does not decode as WasmEntryAttributes", enter, span);
        CALL_FAILS(&at, "'event' does not decode as WasmEntryAttributes", event, span);
    }
    lay_out_end(&at);
}

/* ---- statement_store ---- */

static void statement_store(void **state)
{
    (void)state;
    struct laid_out at;
    lay_out(&at);
    const union subx_value topics =
        put_hex(&at, "040000000000000000000000000000000000000000000000000000000000000001");
    const union subx_value dest = number(topics.u32), cut = put_hex(&at, "0400");
    assert_int_equal(
        CALL(&at, "ext_statement_store_submit_statement_version_1", put_hex(&at, "00")).u64, 3);
    assert_result(&at, CALL(&at, "ext_statement_store_statements_version_1", NONE), "00");
    assert_result(&at, CALL(&at, "ext_statement_store_broadcasts_version_1", topics), "00");
    assert_result(&at, CALL(&at, "ext_statement_store_posted_version_1", topics, dest), "00");
    assert_result(&at, CALL(&at, "ext_statement_store_posted_clear_version_1", topics, dest), "00");
    CALL(&at, "ext_statement_store_remove_version_1", dest);
    static const char text[] = "'match_all_topics' does not decode";
    CALL_FAILS(&at, text, "ext_statement_store_broadcasts_version_1", cut);
    CALL_FAILS(&at, text, "ext_statement_store_posted_version_1", cut, dest);
    CALL_FAILS(&at, text, "ext_statement_store_posted_clear_version_1", cut, dest);
    lay_out_end(&at);
}

/* ---- storage_proof_size ---- */

static uint64_t proof_size(void *data)
{
    return *(const uint64_t *)data;
}

static void storage_proof_size(void **state)
{
    (void)state;
    static const char name[] = "ext_storage_proof_size_storage_proof_size_version_1";
    struct laid_out at;
    uint64_t size = UINT64_C(0x123456789a);
    lay_out(&at);
    assert_true(CALL(&at, name, NONE).u64 == UINT64_MAX);
    at.guest.call.grants.proof_size = proof_size;
    at.guest.call.grants.proof_size_data = &size;
    assert_true(CALL(&at, name, NONE).u64 == size);
    lay_out_end(&at);
}

/* ---- additional_data ---- */

static const char push[] = "ext_additional_data_push_version_1";
static const char finalize[] = "ext_additional_data_finalize_version_1";

static void take_item(void *data, subx_slice item)
{
    struct subx_buf *const text = data;
    subx_buf__append_slice(text, item);
    subx_buf__append_u8(text, ';');
}

static void additional_data(void **state)
{
    (void)state;
    struct laid_out at;
    struct subx_buf text = SUBX_BUF_INIT;
    lay_out(&at);
    CALL_FAILS(&at, "collects no additional data", push, put_text(&at, "a"));
    CALL_FAILS(&at, "collects no additional data", finalize, NONE);
    at.guest.call.grants.additional_data = take_item;
    at.guest.call.grants.additional_data_data = &text;
    CALL(&at, push, put_text(&at, "a"));
    CALL(&at, push, put_text(&at, ""));
    CALL(&at, push, put_text(&at, "bc"));
    subx_buf__append_u8(&text, '\0');
    assert_string_equal((const char *)text.data, "a;;bc;");
    /* of the SCALE sequence of these three */
    static const uint8_t sequence[] = {0x0c, 0x04, 'a', 0x00, 0x08, 'b', 'c'};
    uint8_t hash[32];
    subx_hash__blake2b_256(subx_slice__of(sequence, sizeof sequence), hash);
    const union subx_value result = CALL(&at, finalize, NONE);
    assert_int_equal(result.u64 >> 32, 33);
    assert_int_equal(at.guest.call.guest.base[result.u32], 1);
    assert_memory_equal(at.guest.call.guest.base + result.u32 + 1, hash, 32);
    CALL_FAILS(&at, "final already", push, put_text(&at, "a"));
    CALL_FAILS(&at, "final already", finalize, NONE);
    /* the next call starts anew */
    const struct subx_grants grants = at.guest.call.grants;
    subx_call__begin(&at.guest.call, &grants, SUBX_EMPTY);
    assert_result(&at, CALL(&at, finalize, NONE), "00");
    subx_buf__free(&text);
    lay_out_end(&at);
}

/* ---- input ---- */

static void input(void **state)
{
    (void)state;
    static const char read[] = "ext_input_read_version_1";
    const struct subx_grants none = {0};
    struct laid_out at;
    lay_out(&at);
    const union subx_value out = room(&at, 8);
    subx_call__begin(&at.guest.call, &none, subx_slice__text("input"));
    CALL_FAILS(&at, "'buffer' has 4 bytes, the input 5", read,
               number(host_pointer_size(out.u32, 4)));
    CALL(&at, read, out);
    assert_memory(&at, out, "696e707574eeeeee");
    CALL_FAILS(&at, "the input was read before", read, out);
    subx_call__begin(&at.guest.call, &none, SUBX_EMPTY);
    CALL(&at, read, number(host_pointer_size(out.u32, 0)));
    CALL_FAILS(&at, "the input was read before", read, out);
    lay_out_end(&at);
}

/* ---- hashing and misc of RFC-145 ---- */

static void hashing_into_buffers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t len;
    } hashes[] = {{"blake2_128", 16}, {"blake2_256", 32}, {"keccak_256", 32}, {"keccak_512", 64},
                  {"sha2_256", 32},   {"twox_64", 8},     {"twox_128", 16},   {"twox_256", 32}};
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        char name[64];
        struct laid_out at;
        lay_out(&at);
        const union subx_value data = put_text(&at, "Hello world!");
        const union subx_value out = number(room(&at, 66).u32);
        snprintf(name, sizeof name, "ext_hashing_%s_version_1", hashes[i].name);
        const union subx_value digest = CALL(&at, name, data);
        snprintf(name, sizeof name, "ext_hashing_%s_version_2", hashes[i].name);
        CALL(&at, name, data, out);
        assert_memory_equal(at.guest.call.guest.base + out.u32,
                            at.guest.call.guest.base + digest.u32, hashes[i].len);
        assert_guest_bytes(&at.guest, out.u32 + hashes[i].len, "eeee");
        /* into the very data */
        CALL(&at, name, data, number(data.u32));
        assert_memory_equal(at.guest.call.guest.base + data.u32,
                            at.guest.call.guest.base + digest.u32, hashes[i].len);
        lay_out_end(&at);
    }
}

static bool read_version(void *data, subx_slice code, subx_bytes *version)
{
    (void)data;
    *version = (subx_bytes)SUBX_BYTES_INIT;
    if (code.len == 0)
        return false;
    uint8_t *const copy = subx_mem__copy("version", 7);
    assert_non_null(copy);
    *version = (subx_bytes){copy, 7};
    return true;
}

static void misc(void **state)
{
    (void)state;
    static const char name[] = "ext_misc_runtime_version_version_2";
    struct laid_out at;
    lay_out(&at);
    const union subx_value out = room(&at, 8), code = put_text(&at, "code");
    assert_true(CALL(&at, name, code, out).u64 == UINT64_MAX);
    at.guest.call.read_version = read_version;
    assert_true(CALL(&at, name, put_text(&at, ""), out).u64 == UINT64_MAX);
    assert_int_equal(CALL(&at, name, code, number(host_pointer_size(out.u32, 6))).u64, 7);
    assert_memory(&at, out, "eeeeeeeeeeeeeeee");
    assert_int_equal(CALL(&at, name, code, out).u64, 7);
    assert_memory(&at, out, "76657273696f6eee");
    assert_int_equal(CALL(&at, "ext_misc_chain_id_version_1", NONE).u64, 42);
    lay_out_end(&at);
}

/* ---- The offchain index without a state ---- */

static void offchain_index(void **state)
{
    (void)state;
    struct laid_out at;
    lay_out(&at);
    const union subx_value key = put_text(&at, "k");
    CALL(&at, "ext_offchain_index_set_version_1", key, key);
    CALL(&at, "ext_offchain_index_clear_version_1", key);
    lay_out_end(&at);
}

#ifdef SUBX_CHECKED
/* The host's own memory runs out: the call ends with that status. */
static void fails_without_memory(struct laid_out *at, const char *name, union subx_value a,
                                 union subx_value b)
{
    union subx_value values[2] = {a, b};
    subx_mem__fail_after(0);
    const bool entered = host_enter(&at->guest, name, values);
    subx_mem__fail_after(-1);
    assert_false(entered);
    assert_int_equal(at->guest.failure.status, SUBX_NOMEM);
    assert_non_null(strstr(at->guest.failure.message, name));
}

static bool some_network(void *data, subx_network_state_sink give, void *to)
{
    (void)data;
    give(to, subx_slice__text("peer"), NULL, 0);
    return true;
}

static void no_wait(void *data, const uint16_t *ids, size_t count, const uint64_t *deadline,
                    subx_http_state *states)
{
    (void)data, (void)ids, (void)count, (void)deadline, (void)states;
}

static void one_header(void *data, uint16_t id, subx_http_header_sink give, void *to)
{
    (void)data, (void)id;
    give(to, subx_slice__text("name"), subx_slice__text("value"));
}

static void without_memory(void **state)
{
    (void)state;
    static const subx_offchain_functions functions = {.network_state = some_network,
                                                      .http_response_wait = no_wait,
                                                      .http_response_headers = one_header};
    const subx_offchain offchain = {&functions, NULL};
    struct subx_buf text = SUBX_BUF_INIT;
    subx_keystore *keystore = NULL;
    subx_local_storage *storage = NULL;
    assert_int_equal(subx_keystore_memory(&keystore, NULL), SUBX_OK);
    assert_int_equal(subx_local_storage_memory(&storage, NULL), SUBX_OK);
    struct laid_out at;
    lay_out(&at);
    at.guest.call.grants = (struct subx_grants){.offchain = &offchain,
                                                .keystore = keystore,
                                                .local_storage = storage,
                                                .additional_data = take_item,
                                                .additional_data_data = &text};
    const union subx_value id = pointer_to_text(&at, "type");
    const union subx_value seed = put_hex(&at, "011c2f2f416c696365"), key = put_text(&at, "k");
    fails_without_memory(&at, "ext_crypto_ed25519_generate_version_1", id, seed);
    CALL(&at, "ext_crypto_ed25519_generate_version_1", id, seed);
    fails_without_memory(&at, "ext_crypto_ed25519_public_keys_version_1", id, NONE);
    fails_without_memory(&at, "ext_crypto_ed25519_public_keys_version_2", id, key);
    fails_without_memory(&at, "ext_offchain_network_state_version_1", NONE, NONE);
    fails_without_memory(&at, "ext_offchain_http_response_wait_version_1",
                         put_hex(&at, "080100020000"), put_hex(&at, "00"));
    fails_without_memory(&at, "ext_offchain_http_response_headers_version_1", NONE, NONE);
    CALL(&at, "ext_offchain_local_storage_set_version_1", NONE, key, key);
    fails_without_memory(&at, "ext_offchain_local_storage_get_version_1", NONE, key);
    fails_without_memory(&at, push, key, NONE);
    const struct subx_grants grants = at.guest.call.grants;
    subx_call__begin(&at.guest.call, &grants, SUBX_EMPTY);
    CALL(&at, push, key);
    fails_without_memory(&at, finalize, NONE, NONE);
    subx_buf__free(&text);
    lay_out_end(&at);
    subx_keystore_free(keystore);
    subx_local_storage_free(storage);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transaction_index),    cmocka_unit_test(tracing),
        cmocka_unit_test(statement_store),      cmocka_unit_test(storage_proof_size),
        cmocka_unit_test(additional_data),      cmocka_unit_test(input),
        cmocka_unit_test(hashing_into_buffers), cmocka_unit_test(misc),
        cmocka_unit_test(offchain_index),
#ifdef SUBX_CHECKED
        cmocka_unit_test(without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
