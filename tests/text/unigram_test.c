/* unigram_test.c - the most probable cut against all cuts of a word, unknown segments, and
 * bytes. */
#include "text/unigram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "support/succeeds.h"

typedef struct piece {
    const char *text;
    double score;
} piece;

enum { UNKNOWN = 0, MOST = 16 };
static vocabulary v;
static unigram u;

static void build(const piece *pieces, int count, bool byte_fallback)
{
    bool vacant;
    v = (vocabulary){ 0 };
    u = (unigram){ .vocabulary = &v, .scores = MEM_ARRAY(double, count) };
    for (int i = 0; i < count; i++) {
        succeeds(vocabulary_add(&v, pieces[i].text, strlen(pieces[i].text), i, &vacant));
        u.scores[i] = pieces[i].score;
    }
    succeeds(unigram_build(&u, UNKNOWN, byte_fallback, 1000));
}

static void tear_down(void)
{
    unigram_free(&u);
    vocabulary_free(&v);
}

/* The ids as digits and letters. */
static void cuts(const char *word, const char *expected)
{
    unigram_scratch s = { 0 };
    token_list ids = { 0 };
    char found[64] = "";
    for (int time = 0; time < 2; time++) { /* the scratch of one word is that of the next */
        ids.count = 0;
        succeeds(unigram_encode(&u, &s, (string_view){ word, strlen(word) }, &ids));
    }
    for (size_t i = 0; i < ids.count; i++)
        found[i] = (char)(ids.ids[i] < 10 ? '0' + ids.ids[i] : 'a' + ids.ids[i] - 10);
    found[ids.count] = 0;
    if (strcmp(found, expected)) fail_msg("\"%s\" is %s, expected %s", word, found, expected);
    unigram_scratch_free(&s);
    token_list_free(&ids);
}

static void the_most_probable_cut_is_taken(void **state)
{
    (void)state;
    static const piece pieces[] = { { "<unk>", 0 }, { "a", -1 }, { "b", -1 }, { "ab", -1.5 },
        { "ba", -2.5 }, { "aba", -3 }, { "é", -2 } };
    build(pieces, 7, false);
    cuts("", "");
    cuts("a", "1");
    cuts("ab", "3");   /* -1.5 over -2 */
    cuts("ba", "21");  /* -2 over -2.5 */
    cuts("aba", "31"); /* -2.5 over -3 */
    cuts("abab", "33");
    cuts("béa", "261");
    tear_down();
}

static void of_equals_the_first_found_stays(void **state)
{
    (void)state;
    static const piece pieces[] = { { "<unk>", 0 }, { "a", -1 }, { "b", -1 }, { "ab", -2 } };
    build(pieces, 4, false);
    cuts("ab", "3");
    tear_down();
}

static void neighbours_that_are_unknown_are_one(void **state)
{
    (void)state;
    static const piece pieces[] = { { "<unk>", -20 }, { "a", -1 }, { "xy", -50 }, { "é", -3 } };
    build(pieces, 4, false);
    cuts("q", "0");
    cuts("qqq", "0");
    cuts("qaq", "010");
    cuts("日本a語", "010");
    cuts("xy", "2");
    cuts("axq", "10");
    tear_down();
}

/* An unknown character costs ten more than the least probable piece. */
static void the_cost_of_the_unknown_decides(void **state)
{
    (void)state;
    static const piece cheap[] = { { "<unk>", 0 }, { "ax", -12.9 }, { "a", -1 }, { "b", -2 } },
                       dear[] = { { "<unk>", 0 }, { "a", -1 }, { "b", -1 }, { "ax", -12.1 } };
    build(cheap, 4, false); /* least -12.9: a + unknown is -1 - 22.9 */
    cuts("ax", "1");
    tear_down();
    build(dear, 4, false);
    assert_true(u.least == -12.1);
    cuts("ax", "3");
    cuts("bx", "20");
    tear_down();
}

static void an_unknown_character_costs_ten_more_than_any_piece(void **state)
{
    (void)state;
    static const piece pieces[] = { { "<unk>", 0 }, { "aa", -1 }, { "xa", -12 }, { "a", -5 } },
                       beside[] = { { "<unk>", 0 }, { "ab", -5 }, { "bc", -1 } };
    build(pieces, 4, false);
    cuts("xaa", "23"); /* -17, over -22 - 1 */
    tear_down();
    build(beside, 3, false);
    cuts("abc", "02"); /* -15 - 1, over -5 - 15: a longer piece does not make a character known */
    tear_down();
}

static void unknown_segments_are_bytes_where_all_have_a_piece(void **state)
{
    (void)state;
    static const piece pieces[] = { { "<unk>", 0 }, { "a", -1 }, { "<0xC3>", 0 }, { "<0xA9>", 0 },
        { "<0x71>", 0 } };
    build(pieces, 5, true);
    cuts("é", "23");
    cuts("aéa", "1231");
    cuts("qé", "423");
    cuts("éz", "0"); /* z has no piece: the whole segment is unknown */
    tear_down();
    build(pieces, 5, false);
    cuts("é", "0");
    tear_down();
}

static void a_trie_beyond_its_limit_is_refused(void **state)
{
    (void)state;
    static const char *const words[] = { "<unk>", "abcdef" };
    bool vacant;
    int64_t before = mem_balance();
    for (size_t limit = 11; limit <= 12; limit++) {
        v = (vocabulary){ 0 };
        u = (unigram){ .vocabulary = &v, .scores = MEM_ARRAY(double, 2) };
        for (int i = 0; i < 2; i++)
            succeeds(vocabulary_add(&v, words[i], strlen(words[i]), i, &vacant));
        cadre_status status = unigram_build(&u, UNKNOWN, false, limit); /* 1 + 5 + 6 nodes */
        assert_int_equal(status, limit == 12 ? CADRE_OK : CADRE_EFORMAT);
        if (limit == 11)
            assert_string_equal(cadre_last_error(), "expected pieces with beginnings in common, "
                                                    "found more than 11 different ones");
        tear_down();
    }
    assert_int_equal(mem_balance(), before);
}

/* The best score of word[at..] by trying every cut. */
static double best_of(const char *word, size_t at, size_t size)
{
    if (at == size) return 0;
    double best = -INFINITY;
    for (size_t length = 1; length <= size - at; length++) {
        int32_t id = vocabulary_id(&v, word + at, length);
        if (id > 0) best = fmax(best, u.scores[id] + best_of(word, at + length, size));
    }
    return best;
}

static void no_cut_of_any_word_is_better(void **state)
{
    (void)state;
    static const piece pieces[] = { { "<unk>", -30 }, { "a", -3 }, { "b", -4 }, { "aa", -4.5 },
        { "ab", -5 }, { "bab", -7.25 }, { "abba", -9.5 }, { "aab", -7.75 } };
    unigram_scratch s = { 0 };
    token_list ids = { 0 };
    build(pieces, 8, false);
    for (uint64_t i = 0; i < 500; i++) {
        char word[MOST];
        size_t size = 1 + i % 12;
        double score = 0;
        for (size_t c = 0; c < size; c++)
            word[c] = (char)('a' + random_bits((random_key){ 1, 2 }, i * MOST + c) % 2);
        ids.count = 0;
        succeeds(unigram_encode(&u, &s, (string_view){ word, size }, &ids));
        size_t at = 0;
        for (size_t k = 0; k < ids.count; k++) {
            string_view p = vocabulary_piece(&v, ids.ids[k]);
            assert_memory_equal(p.data, word + at, p.size);
            at += p.size;
            score += u.scores[ids.ids[k]];
        }
        assert_int_equal(at, size);
        assert_true(fabs(score - best_of(word, 0, size)) < 1e-9);
    }
    unigram_scratch_free(&s);
    token_list_free(&ids);
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_probable_cut_is_taken),
        cmocka_unit_test(of_equals_the_first_found_stays),
        cmocka_unit_test(neighbours_that_are_unknown_are_one),
        cmocka_unit_test(the_cost_of_the_unknown_decides),
        cmocka_unit_test(an_unknown_character_costs_ten_more_than_any_piece),
        cmocka_unit_test(unknown_segments_are_bytes_where_all_have_a_piece),
        cmocka_unit_test(a_trie_beyond_its_limit_is_refused),
        cmocka_unit_test(no_cut_of_any_word_is_better),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
