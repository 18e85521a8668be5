/* vocabulary_test.c - pieces and ids both ways, with gaps and shared spellings; the trie that finds
 * pieces at a place of a text. */
#include "text/vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"
#include "text/trie.h"

static bool put(vocabulary *v, const char *piece, int32_t id)
{
    bool vacant;
    succeeds(vocabulary_add(v, piece, strlen(piece), id, &vacant));
    return vacant;
}

static int32_t id_of(const vocabulary *v, const char *piece)
{
    return vocabulary_id(v, piece, strlen(piece));
}

static void ids_may_have_gaps(void **state)
{
    (void)state;
    vocabulary v = { 0 };
    assert_true(put(&v, "c", 7) && put(&v, "a", 0) && put(&v, "long", 3));
    assert_int_equal(v.size, 8);
    assert_int_equal(v.longest, 4);
    for (int32_t id = -1; id < 20; id++) {
        const char *const piece = id == 0 ? "a" : id == 3 ? "long" : id == 7 ? "c" : "";
        assert_int_equal(vocabulary_has(&v, id), *piece != 0);
        assert_true(string_view_is(vocabulary_piece(&v, id), piece));
        if (*piece) assert_int_equal(id_of(&v, piece), id);
    }
    assert_int_equal(id_of(&v, "lon"), -1);
    assert_int_equal(id_of(&v, ""), -1);
    vocabulary_free(&v);
    assert_int_equal(id_of(&v, "a"), -1);
}

static void ids_may_come_one_after_another(void **state)
{
    (void)state;
    vocabulary v = { 0 };
    assert_true(put(&v, "a", 0) && put(&v, "b", 1) && put(&v, "c", 2));
    assert_int_equal(v.size, 3);
    assert_true(string_view_is(vocabulary_piece(&v, 0), "a"));
    assert_true(string_view_is(vocabulary_piece(&v, 2), "c"));
    vocabulary_free(&v);
}

static void an_id_keeps_its_first_piece(void **state)
{
    (void)state;
    vocabulary v = { 0 };
    assert_true(put(&v, "a", 1));
    assert_false(put(&v, "longer", 1));
    assert_true(string_view_is(vocabulary_piece(&v, 1), "a"));
    assert_int_equal(id_of(&v, "longer"), -1);
    assert_int_equal(v.longest, 1);
    vocabulary_free(&v);
}

static void a_shared_spelling_means_the_later_id(void **state)
{
    (void)state;
    vocabulary v = { 0 };
    assert_true(put(&v, "a", 5) && put(&v, "a", 2));
    assert_int_equal(id_of(&v, "a"), 2);
    assert_true(string_view_is(vocabulary_piece(&v, 5), "a"));
    assert_true(string_view_is(vocabulary_piece(&v, 2), "a"));
    assert_int_equal(v.pieces.count, 1);
    vocabulary_free(&v);
}

static void many_pieces_are_found_with_room_and_without(void **state)
{
    (void)state;
    enum { PIECES = 3000 };
    for (int reserved = 0; reserved < 2; reserved++) {
        int64_t before = mem_balance();
        vocabulary v = { 0 };
        char piece[16];
        if (reserved) succeeds(vocabulary_reserve(&v, PIECES));
        for (int i = 0; i < PIECES; i++) {
            snprintf(piece, sizeof piece, "p%d", i);
            assert_true(put(&v, piece, PIECES - 1 - i));
        }
        for (int i = 0; i < PIECES; i++) {
            snprintf(piece, sizeof piece, "p%d", i);
            assert_int_equal(id_of(&v, piece), PIECES - 1 - i);
            assert_true(string_view_is(vocabulary_piece(&v, PIECES - 1 - i), piece));
        }
        vocabulary_free(&v);
        assert_int_equal(mem_balance(), before);
    }
}

static void pieces_of_bytes_are_known_by_their_form(void **state)
{
    (void)state;
    static const char *const others[] = { "<0x4>", "<0x411>", "<0xG1>", "<0x1G>", "<0X41>", "<0x41",
        "(0x41>", "<0x41)", "", "<0x@1>", "<0x`1>" };
    for (int byte = 0; byte < 256; byte++) {
        char upper[8], lower[8];
        snprintf(upper, sizeof upper, "<0x%02X>", byte);
        snprintf(lower, sizeof lower, "<0x%02x>", byte);
        assert_int_equal(vocabulary_byte_of((string_view){ upper, 6 }), byte);
        assert_int_equal(vocabulary_byte_of((string_view){ lower, 6 }), byte);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(vocabulary_byte_of((string_view){ others[i], strlen(others[i]) }), -1);
    assert_int_equal(vocabulary_byte_of((string_view){ "<0x4\0>", 6 }), -1);
}

static void ids_of_bytes_are_those_in_capitals(void **state)
{
    (void)state;
    vocabulary v = { 0 };
    int32_t ids[256];
    assert_true(put(&v, "<0x00>", 9) && put(&v, "<0xAF>", 4) && put(&v, "<0xfe>", 5) &&
                put(&v, "<0xFF>", 6));
    vocabulary_byte_ids(&v, ids);
    for (int byte = 0; byte < 256; byte++)
        assert_int_equal(ids[byte], byte == 0 ? 9 : byte == 0xaf ? 4 : byte == 0xff ? 6 : -1);
    vocabulary_free(&v);
}

/* ---- the trie ---- */

/* The values of all strings that begin the text, by their length; '.' where none ends. */
static void walks(const trie *t, const char *text, const char *expected)
{
    char found[20] = "";
    uint32_t node = 0;
    size_t at = 0;
    for (; text[at] && trie_step(t, &node, text[at]); at++) {
        int32_t value = trie_value(t, node);
        found[at] = (char)(value < 0 ? '.' : '0' + value);
    }
    found[at] = 0;
    assert_string_equal(found, expected);
}

static void strings_are_found_by_their_beginnings(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    trie t = { 0 };
    succeeds(trie_add(&t, "ab", 2, 1));
    succeeds(trie_add(&t, "abcd", 4, 2));
    succeeds(trie_add(&t, "b", 1, 0));
    succeeds(trie_add(&t, "\xff\0x", 3, 3));
    assert_int_equal(t.nodes, 9);
    walks(&t, "abcde", ".1.2");
    walks(&t, "abx", ".1");
    walks(&t, "bab", "0");
    walks(&t, "x", "");
    succeeds(trie_add(&t, "ab", 2, 7)); /* the later one counts */
    walks(&t, "ab", ".7");
    succeeds(trie_add(&t, "", 0, 5));
    assert_int_equal(trie_value(&t, 0), 5);
    uint32_t node = 0;
    assert_true(trie_step(&t, &node, '\xff') && trie_step(&t, &node, 0));
    assert_int_equal(trie_value(&t, node), -1);
    assert_true(trie_step(&t, &node, 'x'));
    assert_int_equal(trie_value(&t, node), 3);
    trie_free(&t);
    walks(&t, "ab", "");
    assert_int_equal(mem_balance(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_may_have_gaps),
        cmocka_unit_test(ids_may_come_one_after_another),
        cmocka_unit_test(an_id_keeps_its_first_piece),
        cmocka_unit_test(a_shared_spelling_means_the_later_id),
        cmocka_unit_test(many_pieces_are_found_with_room_and_without),
        cmocka_unit_test(pieces_of_bytes_are_known_by_their_form),
        cmocka_unit_test(ids_of_bytes_are_those_in_capitals),
        cmocka_unit_test(strings_are_found_by_their_beginnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
