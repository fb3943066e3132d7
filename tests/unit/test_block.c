/* Blocks: headers, digests and extrinsics in SCALE, the JSON of nodes, and what is wrong with either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <subexec/block.h>

#include "util/bytes.h"
#include "util/error.h"
#include "util/hex.h"
#include "util/mem.h"

/* A block as a node would give it: the genesis block of Polkadot, of which everybody knows the hash. */
static const char polkadot_0[] =
    "{\"block\":{\"header\":{"
    "\"parentHash\":\"0x0000000000000000000000000000000000000000000000000000000000000000\","
    "\"number\":\"0x0\","
    "\"stateRoot\":\"0x29d0d972cd27cbc511e9589fcb7a4506d5eb6a9e8df205f00472e5ab354a4e17\","
    "\"extrinsicsRoot\":\"0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314\","
    "\"digest\":{\"logs\":[]}},\"extrinsics\":[]},\"justifications\":null}";
static const char polkadot_0_hash[] =
    "91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3";

/* Three roots of a small header. */
#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222222222222222222222222222"
#define H3 "3333333333333333333333333333333333333333333333333333333333333333"
#define HEAD H1 "08" H2 H3

static subx_bytes bytes_of(const char *hex)
{
    subx_bytes bytes = SUBX_BYTES_INIT;
    assert_int_equal(subx_hex__decode(subx_slice__text(hex), &bytes, NULL), SUBX_OK);
    return bytes;
}

static void expect_hex(subx_slice found, const char *hex)
{
    struct subx_buf buf = SUBX_BUF_INIT;
    subx_hex__append(&buf, found);
    subx_buf__append_u8(&buf, 0);
    assert_string_equal((const char *)buf.data, hex);
    subx_buf__free(&buf);
}

static subx_block *block_of(const char *hex)
{
    subx_bytes bytes = bytes_of(hex);
    subx_block *block = NULL;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status =
        subx_block_decode((subx_slice){bytes.data, bytes.len}, &block, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, SUBX_OK);
    expect_hex(subx_block_encoded(block), hex);
    subx_bytes_free(&bytes);
    return block;
}

static void expect_fault(const char *hex, const char *message)
{
    subx_bytes bytes = bytes_of(hex);
    subx_block *block = NULL;
    subx_error error = SUBX_ERROR_INIT;
    const subx_status status =
        subx_block_decode((subx_slice){bytes.data, bytes.len}, &block, &error);
    assert_string_equal(error.message, message);
    assert_int_equal(status, SUBX_INVALID_INPUT);
    assert_null(block);
    subx_bytes_free(&bytes);
}

/* ---- SCALE ---- */

static void fields(void **state)
{
    (void)state;
    subx_block *block = block_of(HEAD "00"
                                      "08" /* two extrinsics, one of them empty */
                                      "0c010203"
                                      "00");
    const subx_header *header = subx_block_header(block);
    assert_int_equal(header->number, 2);
    expect_hex(subx_slice__of(header->parent_hash, 32), H1);
    expect_hex(subx_slice__of(header->state_root, 32), H2);
    expect_hex(subx_slice__of(header->extrinsics_root, 32), H3);
    assert_int_equal(header->digest_count, 0);
    assert_int_equal(subx_block_extrinsic_count(block), 2);
    expect_hex(subx_block_extrinsic(block, 0), "0c010203");
    expect_hex(subx_block_extrinsic(block, 1), "00");
    subx_block_free(block);
    block = block_of(H1 "1300ffffffffffffff" H2 H3 "0000"); /* the largest number that fits 64 bits
                                                               but for its low byte */
    assert_int_equal(subx_block_header(block)->number, 0xffffffffffffff00u);
    assert_int_equal(subx_block_extrinsic_count(block), 0);
    subx_block_free(block);
    subx_block_free(NULL);
}

static void digest_items(void **state)
{
    (void)state;
    static const struct {
        const char *item;
        subx_digest_kind kind;
        const char *engine, *payload;
    } items[] = {
        {"000801ff", SUBX_DIGEST_OTHER, "00000000", "01ff"},
        {"02" H1, SUBX_DIGEST_CHANGES_TRIE_ROOT, "00000000", H1},
        {"0446524e4b0c010203", SUBX_DIGEST_CONSENSUS, "46524e4b", "010203"},
        {"0642414245"
         "00",
         SUBX_DIGEST_PRE_RUNTIME, "42414245", ""},
        {"070000", SUBX_DIGEST_CHANGES_TRIE_SIGNAL, "00000000", "0000"},
        {"0700010200000003000000", SUBX_DIGEST_CHANGES_TRIE_SIGNAL, "00000000",
         "00010200000003000000"},
        {"08", SUBX_DIGEST_RUNTIME_ENVIRONMENT_UPDATED, "00000000", ""},
        {"0542414245040a", SUBX_DIGEST_SEAL, "42414245", "0a"},
    };
    enum { COUNT = sizeof items / sizeof items[0] };
    char hex[2000] = HEAD "20";
    for (size_t i = 0; i < COUNT; i++)
        strcat(hex, items[i].item);
    strcat(hex, "00");
    subx_block *block = block_of(hex);
    assert_int_equal(subx_block_header(block)->digest_count, COUNT);
    assert_int_equal(subx_block_header(block)->seal_count, 1);
    for (size_t i = 0; i < COUNT; i++) {
        const subx_digest_item item = subx_block_digest_item(block, i);
        assert_int_equal(item.kind, items[i].kind);
        expect_hex(subx_slice__of(item.engine, 4), items[i].engine);
        expect_hex(item.payload, items[i].payload);
        expect_hex(item.encoded, items[i].item);
    }
    subx_block_free(block);
}

static void expect_unsealed(const char *hex, const char *expected)
{
    subx_block *block = block_of(hex);
    subx_bytes unsealed = SUBX_BYTES_INIT;
    assert_int_equal(subx_block_unsealed(block, &unsealed, NULL), SUBX_OK);
    expect_hex((subx_slice){unsealed.data, unsealed.len}, expected);
    subx_bytes_free(&unsealed);
    subx_block_free(block);
}

/* Only seals at the end are left out. */
static void seals(void **state)
{
    (void)state;
#define SEAL "0542414245040a"
    expect_unsealed(HEAD "00"
                         "040401",
                    HEAD "00"
                         "040401");
    expect_unsealed(HEAD "04" SEAL "040401", HEAD "00"
                                                  "040401");
    expect_unsealed(HEAD "0808" SEAL "00", HEAD "040800");
    expect_unsealed(HEAD "0808"
                         "08"
                         "00",
                    HEAD "0808"
                         "0800");
    expect_unsealed(HEAD "0c" SEAL "08" SEAL "00", HEAD "08" SEAL "0800");
    expect_unsealed(HEAD "0c08" SEAL SEAL "00", HEAD "040800");
    expect_unsealed(HEAD "08" SEAL "0800", HEAD "08" SEAL "0800");
#undef SEAL
}

static void faults(void **state)
{
    (void)state;
    expect_fault("", "block: offset 0: parent hash: fewer than 32 bytes are left");
    expect_fault("00", "block: offset 0: parent hash: fewer than 32 bytes are left");
    expect_fault(H1, "block: offset 32: number: malformed");
    expect_fault(H1 "0100" H2, "block: offset 32: number: malformed"); /* not the shortest form */
    expect_fault(H1 "17000000000000000001" H2, "block: offset 32: number: malformed");
    expect_fault(H1 "08" H2, "block: offset 65: extrinsics root: fewer than 32 bytes are left");
    expect_fault(HEAD, "block: offset 97: digest: its count is malformed or too large");
    expect_fault(HEAD "04", "block: offset 97: digest: its count is malformed or too large");
    expect_fault(HEAD "02093d00", "block: offset 97: digest: its count is malformed or too large");
    expect_fault(HEAD "0401", "block: digest item 0: offset 99: kind 1 is unknown");
    expect_fault(HEAD "0403", "block: digest item 0: offset 99: kind 3 is unknown");
    expect_fault(HEAD "0409", "block: digest item 0: offset 99: kind 9 is unknown");
    expect_fault(HEAD "0808"
                      "04424142",
                 "block: digest item 1: offset 100: engine id: fewer than 4 bytes");
    expect_fault(HEAD "04"
                      "0642414245080a",
                 "block: digest item 0: offset 103: payload: cut, or its length is malformed");
    expect_fault(HEAD "04"
                      "00080a",
                 "block: digest item 0: offset 99: payload: cut, or its length is malformed");
    expect_fault(HEAD "04"
                      "0211",
                 "block: digest item 0: offset 99: changes trie root: fewer than 32 bytes");
    expect_fault(HEAD "04"
                      "070002",
                 "block: digest item 0: offset 101: changes trie signal: malformed");
    expect_fault(HEAD "04"
                      "070100",
                 "block: digest item 0: offset 101: changes trie signal: malformed");
    expect_fault(HEAD "04"
                      "07000101020304050607",
                 "block: digest item 0: offset 101: changes trie signal: cut");
    expect_fault(HEAD "00", "block: offset 98: extrinsics: their count is malformed or too large");
    expect_fault(HEAD "0008"
                      "00",
                 "block: offset 98: extrinsics: their count is malformed or too large");
    expect_fault(HEAD "0008"
                      "040108",
                 "block: offset 101: extrinsic 1: cut, or its length is malformed");
    expect_fault(HEAD "000000", "block: offset 99: 1 bytes too many");
    expect_fault(HEAD "00fe"
                      "ffffff"
                      "00",
                 "block: offset 98: extrinsics: their count is malformed or too large");
}

#ifdef SUBX_CHECKED
/* Whichever allocation fails: SUBX_NOMEM, nothing lost. */
static void failing_allocations(void **state)
{
    (void)state;
    subx_bytes bytes = bytes_of(HEAD "04080404ff");
    for (int64_t n = 0;; n++) {
        subx_block *block = NULL;
        subx_bytes text = SUBX_BYTES_INIT;
        subx_mem__fail_after(n);
        subx_status status = subx_block_decode((subx_slice){bytes.data, bytes.len}, &block, NULL);
        if (status == SUBX_OK)
            status = subx_block_to_json(block, &text, NULL);
        subx_mem__fail_after(-1);
        subx_bytes_free(&text);
        subx_block_free(block);
        if (status == SUBX_OK) {
            assert_true(n > 3);
            break;
        }
        assert_int_equal(status, SUBX_NOMEM);
    }
    subx_bytes_free(&bytes);
}
#endif

/* ---- Text ---- */

/* A reader of text by way of a pipe or, for longer text, a file without a name. */
static subx_block_reader *reader_of(subx_slice text, int *descriptor)
{
    char path[] = "/tmp/subexec-test-block-XXXXXX";
    *descriptor = mkstemp(path);
    assert_true(*descriptor >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(*descriptor, text.data, text.len), text.len);
    assert_int_equal(lseek(*descriptor, 0, SEEK_SET), 0);
    subx_block_reader *reader = NULL;
    assert_int_equal(subx_block_reader_open_descriptor(*descriptor, "blocks", &reader, NULL),
                     SUBX_OK);
    return reader;
}

/* Read all blocks: their number, and the error that ends it. */
static size_t read_all(const char *text, subx_block **first, subx_error *error)
{
    int descriptor = -1;
    size_t count = 0;
    subx_block_reader *reader = reader_of(subx_slice__text(text), &descriptor);
    for (;;) {
        subx_block *block = NULL;
        if (subx_block_reader_next(reader, &block, error) != SUBX_OK || block == NULL)
            break;
        if (count++ == 0 && first != NULL)
            *first = block;
        else
            subx_block_free(block);
    }
    uint64_t bytes_read = 0, size = 0;
    subx_block_reader_progress(reader, &bytes_read, &size);
    assert_int_equal(size, strlen(text));
    assert_true(bytes_read <= size);
    if (error->status == SUBX_OK)
        assert_int_equal(bytes_read, size);
    subx_block_reader_free(reader);
    close(descriptor);
    return count;
}

static void expect_text_fault(const char *text, const char *message)
{
    subx_error error = SUBX_ERROR_INIT;
    read_all(text, NULL, &error);
    assert_string_equal(error.message, message);
    assert_int_equal(error.status, SUBX_INVALID_INPUT);
}

static void hash_of_a_block(void **state)
{
    (void)state;
    subx_error error = SUBX_ERROR_INIT;
    subx_block *block = NULL;
    assert_int_equal(read_all(polkadot_0, &block, &error), 1);
    expect_hex(subx_slice__of(subx_block_header(block)->hash, 32), polkadot_0_hash);
    subx_bytes text = SUBX_BYTES_INIT;
    assert_int_equal(subx_block_to_json(block, &text, &error), SUBX_OK);
    assert_int_equal(text.len, strlen(polkadot_0));
    assert_memory_equal(text.data, polkadot_0, text.len);
    subx_bytes_free(&text);
    subx_block_free(block);
}

#define J1 "\"0x" H1 "\""
#define J2 "\"0x" H2 "\""
#define J3 "\"0x" H3 "\""
#define JSON_HEADER                                                                         \
    "{\"parentHash\":" J1 ",\"number\":\"0x2\",\"stateRoot\":" J2 ",\"extrinsicsRoot\":" J3 \
    ",\"digest\":{\"logs\":[\"0x08\"]}}"
#define INNER "{\"header\":" JSON_HEADER ",\"extrinsics\":[\"0x0401\"]}"
#define SCALE_BLOCK HEAD "0408040401"

static void expect_forms(const char *text, size_t count)
{
    subx_error error = SUBX_ERROR_INIT;
    subx_block *block = NULL;
    assert_int_equal(read_all(text, &block, &error), count);
    assert_string_equal(error.message, "");
    expect_hex(subx_block_encoded(block), SCALE_BLOCK);
    subx_block_free(block);
}

/* What is written reads as the same block, and is written the same again. */
static void there_and_back(void **state)
{
    (void)state;
    static const char text[] =
        "{\"block\":{\"header\":{\"parentHash\":" J1 ",\"number\":\"0x123456789\",\"stateRoot\":" J2
        ",\"extrinsicsRoot\":" J3
        ",\"digest\":{\"logs\":[\"0x064241424500\",\"0x08\",\"0x0542414245040a\"]}},"
        "\"extrinsics\":[\"0x0c010203\",\"0x00\"]},\"justifications\":null}";
    subx_error error = SUBX_ERROR_INIT;
    subx_block *block = NULL, *again = NULL;
    assert_int_equal(read_all(text, &block, &error), 1);
    const subx_header *header = subx_block_header(block);
    assert_int_equal(header->number, 0x123456789);
    assert_int_equal(header->digest_count, 3);
    assert_int_equal(header->seal_count, 1);
    assert_memory_equal(subx_block_digest_item(block, 2).engine, "BABE", 4);
    expect_hex(subx_block_digest_item(block, 2).payload, "0a");
    expect_hex(subx_block_extrinsic(block, 0), "0c010203");
    subx_bytes written = SUBX_BYTES_INIT;
    assert_int_equal(subx_block_to_json(block, &written, &error), SUBX_OK);
    assert_int_equal(written.len, strlen(text));
    assert_memory_equal(written.data, text, written.len);
    subx_bytes_free(&written);
    assert_int_equal(subx_block_decode(subx_block_encoded(block), &again, &error), SUBX_OK);
    assert_memory_equal(subx_block_header(again), header, sizeof *header);
    subx_block_free(again);
    subx_block_free(block);
}

static void forms(void **state)
{
    (void)state;
    expect_forms(INNER, 1);
    expect_forms("{\"block\":" INNER "}", 1);
    expect_forms("{\"justification\":[1,2,[3]],\"block\":" INNER ",\"x\":{\"y\":[null]}}", 1);
    expect_forms("{\"block\":" INNER ",\"justifications\":[[[70,82,78,75],[1,2,3]]]}", 1);
    expect_forms("{\"jsonrpc\":\"2.0\",\"result\":{\"block\":" INNER
                 ",\"justifications\":null},\"id\":1}",
                 1);
    expect_forms(INNER "\n" INNER "\n\n{\"block\":\n" INNER "\n}\n", 3);
    expect_forms("[" INNER ",\n{\"block\":" INNER "}]", 2);
    expect_forms("[" INNER "]\n[]\n[" INNER "," INNER "]" INNER "\n", 4);
    expect_forms(SCALE_BLOCK, 1);
    expect_forms("0x" SCALE_BLOCK "\r\n  0x" SCALE_BLOCK " \n\n" INNER "\n" SCALE_BLOCK, 4);
    expect_forms("\"0x" SCALE_BLOCK "\"", 1);
    expect_forms("{\"header\":\"0x" HEAD "0408"
                 "\",\"body\":[\"0x0401\"]}",
                 1);
    /* members in another order, numbers in other forms, hex without its mark, unknown members */
    expect_forms("{\"extrinsics\":[\"0401\"],\"header\":{\"digest\":{\"logs\":[\"08\"],\"a\":[]},"
                 "\"hash\":\"0x00\",\"extrinsicsRoot\":" J3 ",\"number\":2,\"stateRoot\":" J2
                 ",\"parentHash\":" J1 "}}",
                 1);
    expect_forms("{\"extrinsics\":[\"0401\"],\"header\":{\"digest\":{\"logs\":[\"08\"],\"a\":[]},"
                 "\"extrinsicsRoot\":" J3 ",\"number\":\"2\",\"stateRoot\":" J2
                 ",\"parentHash\":" J1 "}}",
                 1);
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(read_all("", NULL, &error), 0);
    assert_int_equal(read_all(" \n\n", NULL, &error), 0);
    assert_int_equal(read_all("[]", NULL, &error), 0);
    assert_string_equal(error.message, "");
}

static void text_faults(void **state)
{
    (void)state;
    expect_text_fault("{}", "blocks: line 1, column 2: the block has no header");
    expect_text_fault("7", "blocks: line 1, column 1: block: an odd number of hex digits");
    expect_text_fault("[7]", "blocks: line 1, column 2: a number instead of a block");
    expect_text_fault("[[]]", "blocks: line 1, column 2: an array instead of a block");
    expect_text_fault("null", "blocks: line 1, column 1: null instead of a block");
    expect_text_fault("\"\"", "blocks: line 1, column 1: block: no bytes");
    expect_text_fault("0x12\n0x12", "blocks: line 1: block: offset 0: parent hash: fewer than 32 "
                                    "bytes are left");
    expect_text_fault("0x" SCALE_BLOCK "\n\n0x" HEAD "0409\n",
                      "blocks: line 3: block: digest item 0: offset 99: kind 9 is unknown");
    expect_text_fault("0x12 x",
                      "blocks: line 1, column 1: block: character 5 of the string is no hex digit");
    expect_text_fault("{\"result\":null}",
                      "blocks: line 1, column 11: block: null instead of an object");
    expect_text_fault("{\"block\":{\"block\":{\"block\":{\"block\":{}}}}}",
                      "blocks: line 1, column 37: too many objects around the block");
    expect_text_fault("{\"header\":" JSON_HEADER "}",
                      "blocks: line 1, column 303: the block has no extrinsics");
    expect_text_fault("{\"header\":1}",
                      "blocks: line 1, column 11: header: a number instead of an object");
    expect_text_fault(
        "{\"header\":{\"number\":\"0x\"}}",
        "blocks: line 1, column 21: number: a number in hex or decimal digits is expected");
    expect_text_fault(
        "{\"header\":{\"number\":-1}}",
        "blocks: line 1, column 21: number: a number in hex or decimal digits is expected");
    expect_text_fault(
        "{\"header\":{\"number\":\"1f\"}}",
        "blocks: line 1, column 21: number: a number in hex or decimal digits is expected");
    expect_text_fault(
        "{\"header\":{\"number\":\"0x10000000000000000\"}}",
        "blocks: line 1, column 21: number: a number in hex or decimal digits is expected");
    expect_text_fault("{\"header\":{\"number\":1,\"number\":2}}",
                      "blocks: line 1, column 23: number is given twice");
    expect_text_fault("{\"header\":{\n\"stateRoot\":\"0x11\"}}",
                      "blocks: line 2, column 13: stateRoot: 1 bytes instead of 32");
    expect_text_fault(
        "{\"header\":{\"parentHash\":\"0xzz\"}}",
        "blocks: line 1, column 25: parentHash: character 3 of the string is no hex digit");
    expect_text_fault("{\"header\":{\"parentHash\":7}}",
                      "blocks: line 1, column 25: parentHash: a number instead of a hex string");
    expect_text_fault("{\"header\":{\"digest\":[]}}",
                      "blocks: line 1, column 21: digest: an array instead of an object");
    expect_text_fault("{\"header\":{\"digest\":{}}}",
                      "blocks: line 1, column 22: the block has no digest.logs");
    expect_text_fault("{\"header\":{\"digest\":{\"logs\":{}}}}",
                      "blocks: line 1, column 29: digest.logs: an object instead of a list");
    expect_text_fault("{\"header\":{\"digest\":{\"logs\":[]}}}",
                      "blocks: line 1, column 32: the block has no header.parentHash");
    expect_text_fault(
        "{\"extrinsics\":[\"0x0401\",{}]}",
        "blocks: line 1, column 25: extrinsics[1]: an object instead of a hex string");
    expect_text_fault("{\"extrinsics\":[\"0x\"]}",
                      "blocks: line 1, column 16: extrinsics[0]: no bytes");
    expect_text_fault("{\"extrinsics\":[],\"body\":[]}",
                      "blocks: line 1, column 18: extrinsics is given twice");
    expect_text_fault(
        "{\"header\":" JSON_HEADER ",\"extrinsics\":[\"0x0801\"]}",
        "blocks: line 1: extrinsics[0]: its length in front does not fit its 2 bytes");
    expect_text_fault(
        "{\"header\":" JSON_HEADER ",\"extrinsics\":[\"0x040101\"]}",
        "blocks: line 1: extrinsics[0]: its length in front does not fit its 3 bytes");
    expect_text_fault("\n{\"header\":\"0x" HEAD "000000\",\"extrinsics\":[]}",
                      "blocks: line 2: header: offset 98: 2 bytes too many");
    expect_text_fault(INNER "\n{\"header\":",
                      "blocks: line 2, column 11: the text ends inside a value");
    expect_text_fault("[" INNER, "blocks: line 1, column 329: the text ends inside a value");
}

/* Each log is one digest item, neither less nor more. */
static void logs_are_items(void **state)
{
    (void)state;
#define WITH_LOGS(logs)                                                       \
    "{\"header\":{\"parentHash\":" J1 ",\"number\":\"0x2\",\"stateRoot\":" J2 \
    ",\"extrinsicsRoot\":" J3 ",\"digest\":{\"logs\":[" logs "]}},\"extrinsics\":[]}"
    expect_text_fault(WITH_LOGS("\"0x08\",\"0x0808\""),
                      "blocks: line 1: digest.logs[1]: offset 1: 1 bytes too many");
    expect_text_fault(
        WITH_LOGS("\"0x00\",\"0x0401\""),
        "blocks: line 1: digest.logs[0]: offset 1: payload: cut, or its length is malformed");
    expect_text_fault(WITH_LOGS("\"0xff\""),
                      "blocks: line 1: digest.logs[0]: offset 1: kind 255 is unknown");
#undef WITH_LOGS
}

static void files(void **state)
{
    (void)state;
    subx_block_reader *reader = NULL;
    subx_error error = SUBX_ERROR_INIT;
    assert_int_equal(subx_block_reader_open("/tmp/subexec-no-such-file", &reader, &error), SUBX_IO);
    assert_null(reader);
    assert_string_equal(error.message, "/tmp/subexec-no-such-file: No such file or directory");
    subx_error_clear(&error);
    assert_int_equal(subx_block_reader_open("/tmp", &reader, &error), SUBX_IO);
    assert_string_equal(error.message, "/tmp: Is a directory");
    subx_error_clear(&error);
    assert_int_equal(subx_block_reader_open_descriptor(-1, "x", &reader, &error), SUBX_IO);
    subx_block_reader_free(NULL);

    /* a pipe, of which the size is not known */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], INNER, strlen(INNER)), strlen(INNER));
    close(ends[1]);
    assert_int_equal(subx_block_reader_open_descriptor(ends[0], "pipe", &reader, NULL), SUBX_OK);
    subx_block *block = NULL;
    assert_int_equal(subx_block_reader_next(reader, &block, NULL), SUBX_OK);
    assert_non_null(block);
    subx_block_free(block);
    uint64_t bytes_read = 0, size = 1;
    subx_block_reader_progress(reader, &bytes_read, &size);
    assert_int_equal(size, 0);
    assert_int_equal(subx_block_reader_next(reader, &block, NULL), SUBX_OK);
    assert_null(block);
    subx_block_reader_free(reader);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(digest_items),
        cmocka_unit_test(seals),
        cmocka_unit_test(faults),
        cmocka_unit_test(hash_of_a_block),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(forms),
        cmocka_unit_test(text_faults),
        cmocka_unit_test(logs_are_items),
        cmocka_unit_test(files),
#ifdef SUBX_CHECKED
        cmocka_unit_test(failing_allocations),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
