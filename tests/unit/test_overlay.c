/*
 * The overlay: layers of one key, lists, the journal of transactions. That it does what it shall is
 * tested against a model in test_changes_property.c; here are the corners, what things cost, and
 * memory that runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "storage/overlay.h"
#include "storage_model.h"
#include "util/hex.h"
#include "util/mem.h"

static subx_slice text(const char *string)
{
    return subx_slice__text(string);
}

static void assert_value(const struct subx_overlay *overlay, const char *key, const char *hex)
{
    subx_slice value = SUBX_EMPTY;
    struct subx_buf digits = SUBX_BUF_INIT;
    assert_int_equal(subx_overlay__get(&overlay->main, text(key), &value), SUBX_OVERLAY_VALUE);
    subx_hex__append(&digits, value);
    subx_buf__append_u8(&digits, '\0');
    assert_string_equal((const char *)digits.data, hex);
    subx_buf__free(&digits);
}

static void assert_answer(const struct subx_overlay *overlay, const char *key,
                          enum subx_overlay_answer answer)
{
    subx_slice value = SUBX_EMPTY;
    assert_int_equal(subx_overlay__get(&overlay->main, text(key), &value), answer);
}

static void set(struct subx_overlay *overlay, const char *key, const char *value)
{
    assert_true(subx_overlay__set(overlay, &overlay->main, text(key), text(value)));
}

static void append(struct subx_overlay *overlay, const char *key, const char *element)
{
    assert_true(
        subx_overlay__append(overlay, &overlay->main, text(key), SUBX_EMPTY, text(element)));
}

/* ---- Lists ---- */

/* What is there, the element, what comes of it; all in hex. */
static const struct {
    const char *before, *element, *after;
} appends[] = {
    {"", "05", "0405"},                   /* nothing: a list of one */
    {"00", "05", "0405"},                 /* an empty list */
    {"0401", "05", "080105"},             /* one more */
    {"04", "05", "0805"},                 /* elements are not looked at */
    {"f8aabb", "05", "fcaabb05"},         /* 62 to 63 */
    {"fcaabb", "05", "0101aabb05"},       /* 63 to 64: the count grows to two bytes */
    {"0101", "05", "050105"},             /* 64 to 65 */
    {"fdff", "05", "0200010005"},         /* 16383 to 16384: four bytes */
    {"02000100", "05", "0600010005"},     /* 16384 to 16385 */
    {"feffffff", "05", "030000004005"},   /* 2^30 - 1 to 2^30: five bytes */
    {"0300000040", "05", "030100004005"}, /* 2^30 to 2^30 + 1 */
    {"03feffffff", "05", "03ffffffff05"}, /* to 2^32 - 1 */
    {"03ffffffffaa", "05", "00aa05"},     /* it wraps */
    {"0100", "05", "0405"},               /* not the shortest form: no list */
    {"01", "05", "0405"},                 /* cut short */
    {"02000000", "05", "0405"},
    {"0200", "05", "0405"},
    {"03ffffff3f", "05", "0405"},   /* not the shortest */
    {"030000", "05", "0405"},       /* cut short */
    {"070000000001", "05", "0405"}, /* too large for 32 bits */
    {"0b00000000000001", "05", "0405"},
    {"0401", "", "0801"}, /* an element of no bytes */
};

static void append_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof appends / sizeof appends[0]; i++) {
        subx_bytes before, element;
        assert_int_equal(subx_hex__decode(text(appends[i].before), &before, NULL), SUBX_OK);
        assert_int_equal(subx_hex__decode(text(appends[i].element), &element, NULL), SUBX_OK);
        const subx_slice value = {before.data, before.len};
        const subx_slice more = {element.data, element.len};
        /* of the back end, of this transaction, of the one around */
        for (unsigned way = 0; way < 3; way++) {
            struct subx_overlay overlay = {0};
            if (way > 0)
                assert_true(subx_overlay__set(&overlay, &overlay.main, text("k"), value));
            if (way > 1)
                assert_true(subx_overlay__start(&overlay));
            assert_true(subx_overlay__append(&overlay, &overlay.main, text("k"), value, more));
            assert_value(&overlay, "k", appends[i].after);
            if (way > 1) {
                subx_overlay__rollback(&overlay);
                assert_value(&overlay, "k", appends[i].before);
            }
            subx_overlay__clear(&overlay);
        }
        subx_bytes_free(&before);
        subx_bytes_free(&element);
    }
}

/* A removed value is none, whatever the back end has. */
static void append_after_removal(void **state)
{
    (void)state;
    struct subx_overlay overlay = {0};
    assert_true(subx_overlay__remove(&overlay, &overlay.main, text("k")));
    const uint8_t list[] = {4, 1};
    assert_true(subx_overlay__append(&overlay, &overlay.main, text("k"),
                                     (subx_slice){list, sizeof list}, text("\x05")));
    assert_value(&overlay, "k", "0405");
    subx_overlay__clear(&overlay);
}

/* One buffer goes up and down through transactions. */
static void append_in_transactions(void **state)
{
    (void)state;
    struct subx_overlay overlay = {0};
    append(&overlay, "k", "1");
    assert_true(subx_overlay__start(&overlay));
    append(&overlay, "k", "2");
    assert_true(subx_overlay__start(&overlay));
    assert_true(subx_overlay__start(&overlay));
    append(&overlay, "k", "3");
    append(&overlay, "k", "4");
    assert_value(&overlay, "k", "1031323334");
    subx_overlay__rollback(&overlay);
    assert_value(&overlay, "k", "083132");
    append(&overlay, "k", "5");
    assert_value(&overlay, "k", "0c313235");
    subx_overlay__commit(&overlay);
    assert_value(&overlay, "k", "0c313235");
    /* what was borrowed goes back when something else takes its place */
    set(&overlay, "k", "plain");
    assert_value(&overlay, "k", "706c61696e");
    subx_overlay__rollback(&overlay);
    assert_value(&overlay, "k", "0431");
    assert_true(subx_overlay__start(&overlay));
    append(&overlay, "k", "6");
    assert_true(subx_overlay__start(&overlay));
    append(&overlay, "k", "7");
    assert_true(subx_overlay__remove(&overlay, &overlay.main, text("k")));
    append(&overlay, "k", "8");
    assert_value(&overlay, "k", "0438");
    subx_overlay__commit(&overlay);
    assert_value(&overlay, "k", "0438");
    subx_overlay__rollback(&overlay);
    assert_value(&overlay, "k", "0431");
    subx_overlay__clear(&overlay);
}

/* Committing over a layer that borrows itself. */
static void commit_over_a_borrower(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        struct subx_overlay overlay = {0};
        append(&overlay, "k", "1");
        assert_true(subx_overlay__start(&overlay));
        append(&overlay, "k", "2");
        assert_true(subx_overlay__start(&overlay));
        if (way == 0)
            append(&overlay, "k", "3");
        else if (way == 1)
            set(&overlay, "k", "x");
        else
            assert_true(subx_overlay__remove(&overlay, &overlay.main, text("k")));
        subx_overlay__commit(&overlay);
        if (way == 0)
            assert_value(&overlay, "k", "0c313233");
        else if (way == 1)
            assert_value(&overlay, "k", "78");
        else
            assert_answer(&overlay, "k", SUBX_OVERLAY_REMOVED);
        subx_overlay__rollback(&overlay);
        assert_value(&overlay, "k", "0431");
        append(&overlay, "k", "4");
        assert_value(&overlay, "k", "083134");
        subx_overlay__clear(&overlay);
    }
}

/* ---- Transactions ---- */

static void nested_transactions(void **state)
{
    (void)state;
    struct subx_overlay overlay = {0};
    set(&overlay, "a", "0");
    assert_true(subx_overlay__start(&overlay));
    set(&overlay, "a", "1");
    set(&overlay, "b", "1");
    assert_true(subx_overlay__start(&overlay));
    set(&overlay, "a", "2");
    set(&overlay, "c", "2");
    assert_true(subx_overlay__remove(&overlay, &overlay.main, text("b")));
    subx_overlay__commit(&overlay);
    assert_value(&overlay, "a", "32");
    assert_answer(&overlay, "b", SUBX_OVERLAY_REMOVED);
    subx_overlay__rollback(&overlay);
    assert_value(&overlay, "a", "30");
    assert_answer(&overlay, "b", SUBX_OVERLAY_NOTHING);
    assert_answer(&overlay, "c", SUBX_OVERLAY_NOTHING);
    assert_int_equal(overlay.main.map.count, 1);
    assert_int_equal(overlay.journal_len, 0);
    subx_overlay__clear(&overlay);
}

static void touched_children(void **state)
{
    (void)state;
    struct subx_overlay overlay = {0};
    assert_null(subx_overlay__child(&overlay, text("x")));
    struct subx_change_set *const x = subx_overlay__touch_child(&overlay, text("x"));
    assert_non_null(x);
    assert_ptr_equal(subx_overlay__child(&overlay, text("x")), x);
    assert_ptr_equal(subx_overlay__touch_child(&overlay, text("x")), x);
    assert_true(subx_overlay__start(&overlay));
    struct subx_change_set *const y = subx_overlay__touch_child(&overlay, text(""));
    assert_true(subx_overlay__set(&overlay, y, text("k"), text("v")));
    assert_true(subx_overlay__set(&overlay, x, text("k"), text("v")));
    assert_int_equal(overlay.empty_children, 0);
    subx_overlay__rollback(&overlay);
    assert_int_equal(overlay.empty_children, 2);
    assert_ptr_equal(subx_overlay__child(&overlay, text("x")), x);
    assert_true(subx_overlay__set(&overlay, x, text("k"), text("v")));
    subx_overlay__forget_empty_children(&overlay);
    assert_null(subx_overlay__child(&overlay, text("")));
    assert_ptr_equal(subx_overlay__child(&overlay, text("x")), x);
    subx_overlay__clear(&overlay);
    assert_null(subx_overlay__child(&overlay, text("x")));
}

/* Keys that all have the same home in the index: most find no room there. */
static void keys_that_collide(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    static uint32_t keys[COUNT];
    uint32_t found = 0;
    for (uint32_t i = 0; found < COUNT; i++) {
        uint8_t hash[8];
        subx_hash__twox_64((subx_slice){(const uint8_t *)&i, 4}, hash);
        if (hash[7] == 0 && hash[6] < 8) /* the upper 13 bits, of at most 10 that count */
            keys[found++] = i;
    }
    struct subx_overlay overlay = {0};
    bool is_set[COUNT] = {false};
    uint64_t random = 11;
    for (unsigned round = 0; round < 300; round++) {
        bool before[COUNT];
        memcpy(before, is_set, sizeof before);
        assert_true(subx_overlay__start(&overlay));
        for (unsigned i = naive_random(&random, 40); i > 0; i--) {
            const uint32_t which = naive_random(&random, COUNT);
            const subx_slice key = {(const uint8_t *)&keys[which], 4};
            assert_true(subx_overlay__set(&overlay, &overlay.main, key, key));
            is_set[which] = true;
        }
        if (naive_random(&random, 3) == 0) {
            subx_overlay__commit(&overlay);
        } else {
            subx_overlay__rollback(&overlay);
            memcpy(is_set, before, sizeof before);
        }
        size_t count = 0;
        for (uint32_t i = 0; i < COUNT; i++) {
            const subx_slice key = {(const uint8_t *)&keys[i], 4};
            subx_slice value = SUBX_EMPTY;
            assert_int_equal(subx_overlay__get(&overlay.main, key, &value),
                             is_set[i] ? SUBX_OVERLAY_VALUE : SUBX_OVERLAY_NOTHING);
            assert_true(!is_set[i] || subx_slice__equal(value, key));
            count += is_set[i];
        }
        assert_int_equal(overlay.main.map.count, count);
        if (count == COUNT)
            subx_overlay__clear(&overlay), memset(is_set, 0, sizeof is_set);
    }
    subx_overlay__clear(&overlay);
}

/* ---- What it costs ---- */

/* Appending through a transaction of its own, as a block does with its events. */
static void appending_is_cheap(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    struct subx_overlay overlay = {0};
    append(&overlay, "events", "....");
    subx_mem__fail_after(-1);
    for (unsigned i = 1; i < COUNT; i++) {
        assert_true(subx_overlay__start(&overlay));
        append(&overlay, "events", "....");
        subx_overlay__commit(&overlay);
    }
    /* one layer each, and the buffer as often as a growing one moves */
    assert_true(subx_mem__fail_after(-1) < COUNT + 100);
    subx_slice value = SUBX_EMPTY;
    assert_int_equal(subx_overlay__get(&overlay.main, text("events"), &value), SUBX_OVERLAY_VALUE);
    assert_int_equal(value.len, 4 + 4 * (size_t)COUNT);
    for (unsigned i = 1; i < COUNT; i++) {
        assert_true(subx_overlay__start(&overlay));
        append(&overlay, "events", "....");
        subx_overlay__rollback(&overlay);
    }
    assert_int_equal(subx_overlay__get(&overlay.main, text("events"), &value), SUBX_OVERLAY_VALUE);
    assert_int_equal(value.len, 4 + 4 * (size_t)COUNT);
    subx_overlay__clear(&overlay);
}

static void many_keys(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct subx_overlay overlay = {0};
    uint8_t key[40] = {0};
    uint32_t had_value = 0;
    for (unsigned depth = 0; depth < 3; depth++)
        assert_true(subx_overlay__start(&overlay));
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint32_t mixed = i * 2654435761u;
        memcpy(key + 32, &mixed, 4);
        assert_true(subx_overlay__set(&overlay, &overlay.main, (subx_slice){key, 40}, text("v")));
    }
    assert_int_equal(overlay.main.map.count, COUNT);
    for (unsigned depth = 0; depth < 2; depth++)
        subx_overlay__commit(&overlay);
    assert_true(subx_overlay__start(&overlay));
    assert_true(subx_overlay__remove_prefix(&overlay, &overlay.main, SUBX_EMPTY, &had_value));
    assert_int_equal(had_value, COUNT);
    subx_overlay__rollback(&overlay);
    struct subx_map_cursor cursor = subx_overlay__seek(&overlay.main, SUBX_EMPTY);
    uint32_t walked = 0;
    for (const struct subx_change *change; (change = subx_overlay__next(&cursor)) != NULL;)
        walked += change->top->kind == SUBX_LAYER_SET;
    assert_int_equal(walked, COUNT);
    subx_overlay__rollback(&overlay);
    assert_int_equal(overlay.main.map.count, 0);
    subx_overlay__clear(&overlay);
}

/* ---- Memory runs out ---- */

#ifdef SUBX_CHECKED
/* An operation on both sides: a digit says which. */
static bool operate(struct subx_overlay *overlay, unsigned kind, subx_slice key, subx_slice value)
{
    switch (kind) {
    case 0:
    case 1:
        return subx_overlay__set(overlay, &overlay->main, key, value);
    case 2:
        return subx_overlay__remove(overlay, &overlay->main, key);
    case 3:
    case 4:
        return subx_overlay__append(overlay, &overlay->main, key, SUBX_EMPTY, value);
    case 5:
        return subx_overlay__start(overlay);
    default: {
        struct subx_change_set *const child = subx_overlay__touch_child(overlay, key);
        return child != NULL && subx_overlay__set(overlay, child, key, value);
    }
    }
}

static void operate_model(struct model *model, unsigned kind, subx_slice key, subx_slice value)
{
    if (kind < 2)
        model_set(model, 0, key, value);
    else if (kind == 2)
        model_remove(model, 0, key);
    else if (kind < 5)
        model_append(model, key, value);
    else if (kind == 5)
        model_start(model);
}

static void check_main(const struct subx_overlay *overlay, const struct model *model)
{
    const struct naive_trie *const expected = &model->layers[model->depth].changes[0];
    struct subx_map_cursor cursor = subx_overlay__seek(&overlay->main, SUBX_EMPTY);
    assert_int_equal(overlay->main.map.count, expected->count);
    assert_int_equal(overlay->depth, model->depth);
    for (size_t i = 0; i < expected->count; i++) {
        const struct subx_change *const change = subx_overlay__next(&cursor);
        const struct naive_pair *const pair = &expected->pairs[i];
        subx_slice value = SUBX_EMPTY;
        assert_true(subx_slice__equal(change->item.key, naive_key(pair)));
        assert_int_equal(subx_change__value(change, &value), pair->value[0]);
        assert_true(subx_slice__equal(value, (subx_slice){pair->value + 1, pair->value_len - 1}));
    }
}

/* Every allocation of every operation fails once; then nothing has changed. */
static void without_memory(void **state)
{
    (void)state;
    struct subx_overlay overlay = {0};
    struct model model = {0};
    uint64_t random = 3;
    unsigned failures = 0;
    for (unsigned i = 0; i < 4000; i++) {
        const uint32_t kind = naive_random(&random, 8);
        uint8_t key[2] = {(uint8_t)naive_random(&random, 4), (uint8_t)naive_random(&random, 30)};
        uint8_t value[100] = {4};
        const subx_slice key_slice = {key, 2};
        const subx_slice value_slice = {value, naive_random(&random, sizeof value)};
        if (kind == 7 || (kind == 5 && model.depth + 1 == MODEL_DEPTH)) {
            if (model.depth == 0)
                continue;
            if (naive_random(&random, 2) == 0) {
                subx_overlay__commit(&overlay);
                model_commit(&model);
            } else {
                subx_overlay__rollback(&overlay);
                subx_overlay__forget_empty_children(&overlay);
                model_rollback(&model);
            }
            check_main(&overlay, &model);
            continue;
        }
        for (int64_t n = 0;; n++) {
            subx_mem__fail_after(n);
            const bool done = operate(&overlay, kind, key_slice, value_slice);
            subx_mem__fail_after(-1);
            if (done)
                break;
            failures++;
            check_main(&overlay, &model);
            assert_true(n < 12);
        }
        operate_model(&model, kind, key_slice, value_slice);
        check_main(&overlay, &model);
    }
    assert_true(failures > 4000);
    subx_overlay__clear(&overlay);
    model_free(&model);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_rows),
        cmocka_unit_test(append_after_removal),
        cmocka_unit_test(append_in_transactions),
        cmocka_unit_test(commit_over_a_borrower),
        cmocka_unit_test(nested_transactions),
        cmocka_unit_test(touched_children),
        cmocka_unit_test(keys_that_collide),
        cmocka_unit_test(appending_is_cheap),
        cmocka_unit_test(many_keys),
#ifdef SUBX_CHECKED
        cmocka_unit_test(without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
