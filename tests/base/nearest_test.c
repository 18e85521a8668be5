/* nearest_test.c - which candidate a mistyped word is taken for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cadre.h"

static const char *const commands[] = { "train", "eval", "generate", "chat", "logits", "tokenize",
    "inspect", "init", "report" };

static const char *near(const char *word)
{
    return cadre_nearest(word, commands, (int)(sizeof commands / sizeof *commands));
}

static void one_slip_is_recognised(void **state)
{
    (void)state;
    assert_string_equal(near("trian"), "train");  /* two swapped */
    assert_string_equal(near("tran"), "train");   /* one left out */
    assert_string_equal(near("traain"), "train"); /* one too many */
    assert_string_equal(near("trqin"), "train");  /* another one */
    assert_string_equal(near("tokenise"), "tokenize");
}

static void a_beginning_is_recognised(void **state)
{
    (void)state;
    assert_string_equal(near("gen"), "generate");
    assert_string_equal(near("rep"), "report");
    static const char *const longer_first[] = { "chatml-bos", "chatml", "chatty" };
    assert_string_equal(cadre_nearest("chatm", longer_first, 3), "chatml");
}

static void the_nearest_wins(void **state)
{
    (void)state;
    assert_string_equal(near("inir"), "init");
    assert_string_equal(near("inspekt"), "inspect");
}

static void far_words_have_no_neighbour(void **state)
{
    (void)state;
    assert_null(near("xyzzy"));
    assert_null(near(""));
    assert_null(near("t"));
    char endless[1000];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    assert_null(near(endless));
    assert_null(cadre_nearest("train", NULL, 0));
    static const char *const four_of_six[] = { "abwxyz" };
    assert_null(cadre_nearest("abcdef", four_of_six, 1));
}

/* In a word of `length` letters at most `most` may be wrong: a third, rounded up. */
static void a_third_of_the_letters_may_be_wrong(void **state)
{
    (void)state;
    static const struct {
        size_t length, most;
    } words[] = { { 2, 1 }, { 3, 1 }, { 4, 2 }, { 6, 2 }, { 7, 3 }, { 9, 3 }, { 10, 4 } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t wrong = 1; wrong <= words[i].length; wrong++) {
            char word[] = "abcdefghij", other[] = "abcdefghij";
            const char *const candidate[] = { other };
            word[words[i].length] = other[words[i].length] = 0;
            memset(other, 'x', wrong);
            const char *found = cadre_nearest(word, candidate, 1);
            assert_true(wrong <= words[i].most ? found == other : !found);
        }
}

static void of_equals_the_first_is_taken(void **state)
{
    (void)state;
    static const char *const alike[] = { "cat", "bat", "rat" }, *const ends[] = { "abcd", "abce" };
    assert_string_equal(cadre_nearest("mat", alike, 3), "cat");
    assert_string_equal(cadre_nearest("abc", ends, 2), "abcd");
}

static void a_word_that_is_there_is_itself(void **state)
{
    (void)state;
    static const char *const words[] = { "report", "reports", "repor" };
    assert_string_equal(cadre_nearest("report", words, 3), "report");
    assert_string_equal(cadre_nearest("report", words + 1, 2), "reports");
}

static void two_neighbours_swapped_are_one_slip(void **state)
{
    (void)state;
    static const char *const one[] = { "trxix", "trian" }, *const split[] = { "ca" };
    assert_string_equal(cadre_nearest("train", one, 2), "trian"); /* the other has two */
    assert_null(cadre_nearest("abc", split, 1)); /* swapped letters are not written between */
}

static void long_words_are_compared_up_to_63_letters(void **state)
{
    (void)state;
    char word[70], other[70];
    const char *const candidate[] = { other };
    for (int length = 62; length <= 65; length++) {
        memset(word, 'a', sizeof word);
        memset(other, 'a', sizeof other);
        word[length] = other[length] = 0;
        other[3] = 'b';
        const char *found = cadre_nearest(word, candidate, 1);
        assert_true(length <= 63 ? found == other : !found);
    }
    memset(word, 'a', sizeof word);
    word[63] = 0; /* a candidate of 65 is not looked at */
    assert_null(cadre_nearest(word, candidate, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slip_is_recognised),
        cmocka_unit_test(a_beginning_is_recognised),
        cmocka_unit_test(the_nearest_wins),
        cmocka_unit_test(far_words_have_no_neighbour),
        cmocka_unit_test(a_third_of_the_letters_may_be_wrong),
        cmocka_unit_test(of_equals_the_first_is_taken),
        cmocka_unit_test(a_word_that_is_there_is_itself),
        cmocka_unit_test(two_neighbours_swapped_are_one_slip),
        cmocka_unit_test(long_words_are_compared_up_to_63_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
