/* bpe_scores_test.c - random lists of rules, and the scores made of them, over every text of a
 * small alphabet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "text/bpe_scores.h"

enum { LISTS = 300, LETTERS = 3, RULES = 8, PIECE = 5, TEXT = 8 };

static string_view piece_of(const vocabulary *v, uint32_t draw)
{
    return vocabulary_piece(v, (int32_t)(draw % (uint32_t)v->size));
}

/* Letters, pieces that some rule makes, and a few that none does. */
static void draw_rules(bpe *b, vocabulary *v, random_key key)
{
    bool vacant, known;
    *b = (bpe){ .vocabulary = v, .unknown = -1 };
    for (int i = 0; i < LETTERS; i++)
        assert_int_equal(vocabulary_add(v, &"abc"[i], 1, i, &vacant), CADRE_OK);
    for (uint64_t i = 0; i < RULES; i++) {
        char text[2 * PIECE];
        string_view left = piece_of(v, random_bits(key, 3 * i)),
                    right = piece_of(v, random_bits(key, 3 * i + 1));
        size_t size = left.size + right.size;
        if (size > PIECE) continue;
        memcpy(text, left.data, left.size);
        memcpy(text + left.size, right.data, right.size);
        if (vocabulary_id(v, text, size) < 0)
            assert_int_equal(vocabulary_add(v, text, size, v->size, &vacant), CADRE_OK);
        left = (string_view){ text, left.size }; /* adding may have moved the pieces */
        right = (string_view){ text + left.size, right.size };
        if (random_bits(key, 3 * i + 2) % 8)
            assert_int_equal(bpe_add_merge(b, left, right, &known), CADRE_OK);
    }
}

static bool same_ids(const bpe *a, const bpe *b, string_view text)
{
    bpe_scratch scratch = { 0 };
    token_list x = { 0 }, y = { 0 };
    assert_int_equal(bpe_encode(a, &scratch, text, &x), CADRE_OK);
    assert_int_equal(bpe_encode(b, &scratch, text, &y), CADRE_OK);
    bool same = x.count == y.count && !memcmp(x.ids, y.ids, x.count * sizeof *x.ids);
    bpe_scratch_free(&scratch);
    token_list_free(&x);
    token_list_free(&y);
    return same;
}

static bool same_everywhere(const bpe *a, const bpe *b)
{
    bool same = true;
    for (size_t size = 1, count = LETTERS; size <= TEXT; size++, count *= LETTERS)
        for (size_t number = 0; number < count && same; number++) {
            char text[TEXT];
            for (size_t i = 0, rest = number; i < size; i++, rest /= LETTERS)
                text[i] = "abc"[rest % LETTERS];
            same = same_ids(a, b, (string_view){ text, size });
        }
    return same;
}

/* What is said of a list is so, both ways. */
static void test_random_lists(void **state)
{
    (void)state;
    int seen[2] = { 0 };
    for (uint64_t list = 0; list < LISTS; list++) {
        vocabulary v = { 0 };
        bpe rules, scored;
        bool same;
        draw_rules(&rules, &v, random_key_of(5, "rules", list, 0));
        float *scores = MEM_ARRAY(float, v.size);
        assert_non_null(scores);
        assert_int_equal(bpe_scores(&rules, scores, &same), CADRE_OK);
        scored = (bpe){ .vocabulary = &v, .unknown = -1 };
        assert_int_equal(bpe_rank_by_score(&scored, scores), CADRE_OK);
        assert_int_equal(same_everywhere(&rules, &scored), same);
        seen[same]++;
        mem_free(scores);
        bpe_free(&rules);
        bpe_free(&scored);
        vocabulary_free(&v);
    }
    assert_true(seen[0] > LISTS / 10 && seen[1] > LISTS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_lists) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
