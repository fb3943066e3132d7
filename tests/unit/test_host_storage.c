/*
 * The interfaces storage and default_child_storage: spec/host-api.md sections 1.1, 1.2, 3 and 10.
 * What they compute is tested in test_changes_property.c and by the vectors; here are arguments and
 * results, limits, and the functions that no vector has.
 */
#include <stdio.h>
#include <stdlib.h>

#include "storage_world.h"

/* ---- Without a state ---- */

static bool needs_state(const char *name)
{
    return strncmp(name, "ext_storage_proof_size", 22) != 0 &&
           (strncmp(name, "ext_storage_", 12) == 0 ||
            strncmp(name, "ext_default_child_storage_", 26) == 0 ||
            strcmp(name, "ext_misc_last_cursor_version_1") == 0);
}

static void without_a_state(void **state)
{
    (void)state;
    unsigned count = 0;
    for (size_t i = 0; i < subx_host__function_count; i++) {
        struct laid_out at;
        union subx_value values[8];
        const struct subx_host_function *const function = &subx_host__functions[i];
        if (!needs_state(function->name))
            continue;
        lay_out(&at);
        for (size_t p = 0; function->params[p] != '\0'; p++)
            values[p] = function->params[p] == 'I' ? put_hex(&at, "00") : number(0);
        host_enter_fails(&at.guest, function->name, values, "no state was given to this call");
        lay_out_end(&at);
        count++;
    }
    assert_int_equal(count, 50);
}

/* ---- Reading ---- */

static void get_and_exists(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    GIVES("01a06d6f7265207468616e207468697274792d74776f2062797465732c2077686963682061206861"
          "7368",
          S("get_version_1"), T("k1"));
    GIVES("00", S("get_version_1"), T("k"));
    ANSWERS(1, S("exists_version_1"), T("k1"));
    ANSWERS(0, S("exists_version_1"), T("k"));
    ANSWERS(1, C("exists_version_1"), T("c"), T("k1"));
    ANSWERS(0, C("exists_version_1"), T("d"), T("k1"));
    DO(S("set_version_1"), T("new"), T(""));
    DO(C("set_version_1"), T("c"), T("new"), T("x"));
    GIVES("0100", S("get_version_1"), T("new"));
    GIVES("010478", C("get_version_1"), T("c"), T("new"));
    GIVES("00", C("get_version_1"), T("d"), T("new"));
    DO(S("clear_version_1"), T("k1"));
    DO(C("clear_version_1"), T("c"), T("k1"));
    ANSWERS(0, S("exists_version_1"), T("k1"));
    GIVES("00", C("get_version_1"), T("c"), T("k1"));
    end(w);
}

static const struct {
    const char *key;
    uint32_t room, offset;
    const char *result;   /* of version 1 */
    const char *buffer;   /* afterwards */
    uint64_t length;      /* of version 2 */
    const char *or_whole; /* the buffer, where only all or nothing is wanted */
} reads[] = {
    {"absent", 4, 0, "00", "eeeeeeee", UINT64_MAX, "eeeeeeee"},
    {"k1", 4, 0, "0128000000", "6d6f7265", 40, "eeeeeeee"},
    {"k1", 0, 0, "0128000000", "", 40, ""},
    {"k1", 4, 36, "0104000000", "68617368", 4, "68617368"},
    {"k1", 6, 36, "0104000000", "68617368eeee", 4, "68617368eeee"},
    {"k1", 3, 36, "0104000000", "686173", 4, "eeeeee"},
    {"k1", 4, 40, "0100000000", "eeeeeeee", 0, "eeeeeeee"},
    {"k1", 4, 41, "0100000000", "eeeeeeee", 0, "eeeeeeee"},
    {"k1", 4, UINT32_MAX, "0100000000", "eeeeeeee", 0, "eeeeeeee"},
};

static void read_rows(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        const union subx_value offset = number(reads[i].offset);
        start_over(w);
        union subx_value out = room(&w->at, reads[i].room);
        GIVES(reads[i].result, S("read_version_1"), T(reads[i].key), out, offset);
        assert_memory(&w->at, out, reads[i].buffer);
        out = room(&w->at, reads[i].room);
        GIVES(reads[i].result, C("read_version_1"), T("c"), T(reads[i].key), out, offset);
        assert_memory(&w->at, out, reads[i].buffer);
        out = room(&w->at, reads[i].room);
        GIVES(reads[i].result, S("child_read_version_1"), T(":child_storage:default:c"), T(""),
              number(1), T(reads[i].key), out, offset);
        assert_memory(&w->at, out, reads[i].buffer);
        out = room(&w->at, reads[i].room);
        ANSWERS(reads[i].length, S("read_version_2"), T(reads[i].key), out, offset, number(0));
        assert_memory(&w->at, out, reads[i].or_whole);
        out = room(&w->at, reads[i].room);
        ANSWERS(reads[i].length, C("read_version_2"), T("c"), T(reads[i].key), out, offset,
                number(256));
        assert_memory(&w->at, out, reads[i].buffer);
    }
    end(w);
}

static void next_keys(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    GIVES("01086b32", S("next_key_version_1"), T("k1"));
    GIVES("00", S("next_key_version_1"), T("k3"));
    /* the root of a child is a key like others */
    GIVES("01603a6368696c645f73746f726167653a64656661756c743a63", S("next_key_version_1"), T(""));
    DO(S("set_version_1"), T("k11"), T("x"));
    DO(S("clear_version_1"), T("k2"));
    GIVES("010c6b3131", S("next_key_version_1"), T("k1"));
    GIVES("01086b33", S("next_key_version_1"), T("k11"));
    GIVES("01086b31", C("next_key_version_1"), T("c"), T(""));
    GIVES("00", C("next_key_version_1"), T("c"), T("k3"));
    GIVES("00", C("next_key_version_1"), T("d"), T(""));
    start_over(w);
    union subx_value out = room(&w->at, 3);
    ANSWERS(3, S("next_key_version_2"), T("k1"), out);
    assert_memory(&w->at, out, "6b3131");
    out = room(&w->at, 2);
    ANSWERS(3, S("next_key_version_2"), T("k1"), out);
    assert_memory(&w->at, out, "eeee");
    ANSWERS(0, S("next_key_version_2"), T("k3"), out);
    out = room(&w->at, 4);
    ANSWERS(2, C("next_key_version_2"), T("c"), T("k1"), out);
    assert_memory(&w->at, out, "6b32eeee");
    end(w);
}

/* ---- Removal with limits ---- */

/* State: k1, k2, k3. The block sets k0, k2 and k4 and removes k3. */
static const struct {
    const char *limit, *cursor; /* SCALE */
    const char *kill;           /* KillStorageResult; NULL: there is no such function with cursor */
    const char *removal;        /* MultiRemovalResults */
} limits[] = {
    {"00", "00", "0003000000", "00010000000400000003000000"},
    {"01ffffffff", "00", "0003000000", "00010000000400000003000000"},
    {"0103000000", "00", "0003000000", "00010000000400000003000000"},
    {"0102000000", "00", "0102000000", "01086b33010000000400000002000000"},
    {"0101000000", "00", "0101000000", "01086b32010000000400000001000000"},
    {"0100000000", "00", "0100000000", "01086b31000000000300000000000000"},
    {"00", "01086b32", NULL, "00000000000300000002000000"},
    {"0101000000", "01086b32", NULL, "01086b33000000000300000001000000"},
    {"0101000000", "01046a", NULL, "01086b32010000000400000001000000"},
    {"0101000000", "0104ff", NULL, "00000000000300000000000000"},
    {"0100000000", "0104ff", NULL, "00000000000300000000000000"},
    /* what follows a SCALE argument is not looked at */
    {"01000000009999", "01086b3377", NULL, "01086b33000000000300000000000000"},
};

static void prepare_limits(struct world *w)
{
    begin(w);
    static const char *const names[] = {"k0", "k2", "k4"};
    for (size_t i = 0; i < 3; i++) {
        DO(S("set_version_1"), T(names[i]), T("x"));
        DO(C("set_version_1"), T("c"), T(names[i]), T("x"));
    }
    DO(S("clear_version_1"), T("k3"));
    DO(C("clear_version_1"), T("c"), T("k3"));
    start_over(w);
}

static void check_kill_row(const char *limit, const char *result)
{
    struct world world, *const w = &world;
    prepare_limits(w);
    GIVES(result, S("clear_prefix_version_2"), T("k"), H(limit));
    GIVES(result, C("clear_prefix_version_2"), T("c"), T("k"), H(limit));
    end(w);
    prepare_limits(w);
    GIVES(result, C("storage_kill_version_3"), T("c"), H(limit));
    end(w);
    prepare_limits(w);
    ANSWERS(result[1] == '0', C("storage_kill_version_2"), T("c"), H(limit));
    end(w);
}

/* RFC-145: the cursor goes to a buffer, the counts to another one. */
static void check_exchange(struct world *w, const char *name, bool has_prefix, size_t row)
{
    const bool has_limit = limits[row].limit[1] == '1', has_cursor = limits[row].cursor[1] == '1';
    uint64_t limit = UINT64_MAX;
    if (has_limit)
        limit = (uint32_t)strtoul(limits[row].limit + 2, NULL, 16) >> 24; /* one small byte */
    if (strncmp(limits[row].limit, "01ffffffff", 10) == 0)
        limit = UINT32_MAX;
    char digits[16] = {0};
    if (has_cursor) /* after the tag and the length */
        snprintf(digits, sizeof digits, "%.*s", limits[row].cursor[3] == '8' ? 4 : 2,
                 limits[row].cursor + 4);
    const union subx_value in = has_cursor ? H(digits) : number(UINT64_MAX);
    const union subx_value out = room(&w->at, 2), counters = room(&w->at, 12);
    const bool is_main = strncmp(name, "ext_storage_", 12) == 0;
    union subx_value values[6];
    size_t count = 0;
    if (!is_main)
        values[count++] = T("c");
    if (has_prefix)
        values[count++] = T("k");
    values[count++] = number(limit);
    values[count++] = in;
    values[count++] = out;
    values[count++] = number(counters.u32);
    host_enter_works(&w->at.guest, name, values);
    const char *const expected = limits[row].removal;
    const bool stops = expected[1] == '1';
    assert_int_equal(values[0].u64, stops ? 2 : 0);
    char cursor[5] = "eeee";
    if (stops)
        memcpy(cursor, expected + 4, 4);
    assert_memory(&w->at, out, cursor);
    assert_memory(&w->at, counters, expected + (stops ? 8 : 2));
    /* the cursor is told once more, once */
    const union subx_value last = room(&w->at, 2);
    ANSWERS(stops ? 2 : UINT64_MAX, "ext_misc_last_cursor_version_1", last);
    assert_memory(&w->at, last, cursor);
    ANSWERS(UINT64_MAX, "ext_misc_last_cursor_version_1", last);
}

static void limit_rows(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof limits / sizeof limits[0]; row++) {
        struct world world, *const w = &world;
        const char *const limit = limits[row].limit, *const cursor = limits[row].cursor;
        if (limits[row].kill != NULL)
            check_kill_row(limit, limits[row].kill);
        prepare_limits(w);
        GIVES(limits[row].removal, S("clear_prefix_version_3"), T("k"), H(limit), H(cursor));
        GIVES(limits[row].removal, C("clear_prefix_version_3"), T("c"), T("k"), H(limit),
              H(cursor));
        end(w);
        prepare_limits(w);
        GIVES(limits[row].removal, C("storage_kill_version_4"), T("c"), H(limit), H(cursor));
        end(w);
        if (strlen(limit) > 10)
            continue;
        prepare_limits(w);
        check_exchange(w, S("clear_prefix_version_4"), true, row);
        check_exchange(w, C("clear_prefix_version_4"), true, row);
        end(w);
        prepare_limits(w);
        check_exchange(w, C("storage_kill_version_5"), false, row);
        end(w);
    }
}

static void removal_without_limit(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    prepare_limits(w);
    DO(S("clear_prefix_version_1"), T("k"));
    GIVES("00", S("next_key_version_1"), T("k"));
    DO(C("clear_prefix_version_1"), T("c"), T("k1"));
    GIVES("01086b30", C("next_key_version_1"), T("c"), T(""));
    DO(C("storage_kill_version_1"), T("c"));
    GIVES("00", C("next_key_version_1"), T("c"), T(""));
    GIVES("0000000000", S("clear_prefix_version_2"), T(""), H("00")); /* refused */
    GIVES("0000000000", S("clear_prefix_version_2"), T(":"), H("00"));
    /* once more: what was removed already counts as looked at */
    GIVES("0003000000", S("clear_prefix_version_2"), T("k"), H("0103000000"));
    GIVES("0102000000", S("clear_prefix_version_2"), T("k"), H("0102000000"));
    end(w);
}

static void limits_that_do_not_decode(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "01", "01000000", "02", "ff00000000"};
    static const char *const bad_cursors[] = {"", "01", "0108", "02", "010861"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world world, *const w = &world;
        begin(w);
        FAILS("'limit' does not decode as Option<u32>", S("clear_prefix_version_2"), T("k"),
              H(bad[i]));
        FAILS("'limit' does not decode as Option<u32>", C("storage_kill_version_2"), T("c"),
              H(bad[i]));
        FAILS("'limit' does not decode as Option<u32>", C("storage_kill_version_3"), T("c"),
              H(bad[i]));
        FAILS("'limit' does not decode as Option<u32>", C("clear_prefix_version_3"), T("c"), T("k"),
              H(bad[i]), H("00"));
        FAILS("'cursor' does not decode as Option<Vec<u8>>", S("clear_prefix_version_3"), T("k"),
              H("00"), H(bad_cursors[i]));
        ANSWERS(1, S("exists_version_1"), T("k1"));
        FAILS("'limit' is neither a u32 nor all ones", S("clear_prefix_version_4"), T("k"),
              number(UINT64_C(1) << 32), number(UINT64_MAX), room(&w->at, 2), number(16));
        FAILS("'cursor_in'", S("clear_prefix_version_4"), T("k"), number(0),
              number(host_pointer_size(131072, 1)), room(&w->at, 2), number(16));
        end(w);
    }
}

/* ---- Append, roots, transactions ---- */

static void append_and_old_roots(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    DO(S("append_version_1"), T("list"), T("x"));
    DO(S("append_version_1"), T("list"), T("yz"));
    GIVES("01100878797a", S("get_version_1"), T("list"));
    GIVES("00", S("changes_root_version_1"), H("00"));
    end(w);
}

static void roots(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    DO(S("set_version_1"), T("new"), T(value));
    DO(C("set_version_1"), T("c"), T("new"), T(value));
    uint8_t expected[2][32];
    char texts[2][65], lists[2][67];
    const subx_slice child = subx_slice__text("c");
    for (unsigned way = 0; way < 2; way++) { /* the main trie, the child */
        for (uint8_t version = 0; version < 2; version++) {
            subx_changes__forget_root(w->changes);
            const subx_status status =
                way == 0
                    ? subx_changes__root(w->changes, version, expected[version], NULL)
                    : subx_changes__child_root(w->changes, child, version, expected[version], NULL);
            assert_int_equal(status, SUBX_OK);
            for (size_t i = 0; i < 32; i++)
                snprintf(texts[version] + 2 * i, 3, "%02x", expected[version][i]);
            memcpy(lists[version], "80", 2);
            memcpy(lists[version] + 2, texts[version], sizeof texts[version]);
        }
        assert_memory_not_equal(expected[0], expected[1], 32);
        subx_changes__forget_root(w->changes);
        for (unsigned i = 0; i < 8; i++) {
            static const struct {
                uint64_t argument;
                unsigned version;
            } versions[] = {{0, 0}, {1, 1}, {256, 0}, {257, 1}, {2, 1}, {258, 1}, {512, 0}, {1, 1}};
            start_over(w);
            if (way == 0)
                GIVES(texts[versions[i].version], S("root_version_2"),
                      number(versions[i].argument));
            else
                GIVES(texts[versions[i].version], C("root_version_2"), T("c"),
                      number(versions[i].argument));
            if (way == 0)
                GIVES(texts[0], S("root_version_1"), number(0));
            else
                GIVES(texts[0], C("root_version_1"), T("c"));
            subx_changes__forget_root(w->changes);
        }
        const union subx_value out = room(&w->at, 40);
        if (way == 0)
            DO(S("root_version_3"), out);
        else
            DO(C("root_version_3"), T("c"), out);
        assert_memory(&w->at, out, lists[1]);
        const union subx_value small = room(&w->at, 32);
        if (way == 0)
            FAILS("'out' has 32 bytes, the root needs 33", S("root_version_3"), small);
        else
            FAILS("'out' has 32 bytes, the root needs 33", C("root_version_3"), T("c"), small);
        subx_changes__forget_root(w->changes);
    }
    static const uint64_t bad[] = {3, 255, 256 + 3, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start_over(w);
        FAILS("no state version", S("root_version_2"), number(bad[i]));
        FAILS("no state version", C("root_version_2"), T("c"), number(bad[i]));
    }
    end(w);
}

static void transactions(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
    FAILS("no open transaction", S("commit_transaction_version_1"), number(0));
    FAILS("no open transaction", S("rollback_transaction_version_1"), number(0));
    DO(S("start_transaction_version_1"), number(0));
    DO(S("set_version_1"), T("k1"), T("x"));
    DO(S("start_transaction_version_1"), number(0));
    DO(S("clear_version_1"), T("k1"));
    DO("ext_offchain_index_set_version_1", T("i"), T("1"));
    DO(S("rollback_transaction_version_1"), number(0));
    GIVES("010478", S("get_version_1"), T("k1"));
    DO("ext_offchain_index_set_version_1", T("j"), T("1"));
    DO("ext_offchain_index_clear_version_1", T("l"));
    DO(S("commit_transaction_version_1"), number(0));
    GIVES("010478", S("get_version_1"), T("k1"));
    FAILS("no open transaction", S("commit_transaction_version_1"), number(0));
    assert_int_equal(w->changes->overlay.offchain.map.count, 2);
    end(w);
}

/* ---- Child tries as early runtimes name them ---- */

static void old_child_functions(void **state)
{
    (void)state;
    struct world world, *const w = &world;
    begin(w);
#define OLD(name, ...)                                                                      \
    S("child_" name "_version_1"), T(":child_storage:default:c"), T("anything"), number(1), \
        __VA_ARGS__
    ANSWERS(1, OLD("exists", T("k1")));
    DO(OLD("set", T("k4"), T("x")));
    GIVES("010478", OLD("get", T("k4")));
    GIVES("010478", C("get_version_1"), T("c"), T("k4"));
    DO(OLD("clear", T("k1")));
    GIVES("01086b32", OLD("next_key", T("")));
    start_over(w);
    const union subx_value root = DO(S("child_root_version_1"), T(":child_storage:default:c"));
    const union subx_value same = DO(C("root_version_1"), T("c"));
    const uint8_t *const base = w->at.guest.call.guest.base;
    assert_memory_equal(base + root.u32, base + same.u32, 32);
    DO(OLD("clear_prefix", T("k2")));
    GIVES("01086b33", OLD("next_key", T("")));
    DO(S("child_storage_kill_version_1"), T(":child_storage:default:c"), T(""), number(1));
    GIVES("00", OLD("next_key", T("")));
#undef OLD
    start_over(w);
    static const char *const keys[] = {"", "c", ":child_storage:default", ":child_storage:other:c"};
    for (size_t i = 0; i < 4; i++)
        FAILS("'storage_key' does not start with", S("child_get_version_1"), T(keys[i]), T(""),
              number(1), T("k"));
    FAILS("'storage_key' does not start with", S("child_root_version_1"), T("c"));
    FAILS("no type of child trie", S("child_get_version_1"), T(":child_storage:default:c"), T(""),
          number(2), T("k"));
    FAILS("no type of child trie", S("child_storage_kill_version_1"), T(":child_storage:default:c"),
          T(""), number(0));
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_state),
        cmocka_unit_test(get_and_exists),
        cmocka_unit_test(read_rows),
        cmocka_unit_test(next_keys),
        cmocka_unit_test(limit_rows),
        cmocka_unit_test(removal_without_limit),
        cmocka_unit_test(limits_that_do_not_decode),
        cmocka_unit_test(append_and_old_roots),
        cmocka_unit_test(roots),
        cmocka_unit_test(transactions),
        cmocka_unit_test(old_child_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
