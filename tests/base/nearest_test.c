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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slip_is_recognised),
        cmocka_unit_test(a_beginning_is_recognised),
        cmocka_unit_test(the_nearest_wins),
        cmocka_unit_test(far_words_have_no_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
