/* layout_test.c - layouts that are read, refused, written, and cut into places. */
#include "base/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cadre/status.h"

static rank_layout parsed(const char *text, int ranks)
{
    rank_layout l = { 0 };
    assert_int_equal(layout_parse(text, ranks, &l), CADRE_OK);
    return l;
}

static void test_what_is_read(void **state)
{
    (void)state;
    char text[LAYOUT_TEXT];
    rank_layout l = parsed("tensor=2,expert=3", 6);
    assert_int_equal(l.expert, 3);
    assert_int_equal(l.tensor, 2);
    assert_int_equal(l.data * l.pipeline, 1);
    layout_text(&l, text);
    assert_string_equal(text, "expert=3,tensor=2");
    l = parsed("virtual=3,pipeline=2", 2);
    assert_true(layout_chunks(&l) == 3 && layout_ranks(&l) == 2);
    layout_text(&l, text);
    assert_string_equal(text, "pipeline=2,virtual=3");
    l = layout_single();
    layout_text(&l, text);
    assert_string_equal(text, "");
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int ranks;
        const char *sentence;
    } cases[] = { { "experts=2", 2, "did you mean 'expert'?" }, { "tensor=0", 2, "tensor" },
        { "expert=4", 2, "the number of ranks, 2, found 4" }, { "expert=5,data=2", 2, "found 10" },
        { "expert=2,expert=2", 4, "once" }, { "expert", 2, "found 'expert'" },
        { "expert=2x", 2, "found '2x'" }, { "", 1, "found ''" },
        { "data=65536,expert=65536,tensor=65536", 4, "found more" },
        { "pipeline=2,virtual=17", 2, "blocks of layers from 1 to 16, found '17'" },
        { "tensor=2,virtual=2", 2, "virtual=2: expected pipeline=P" },
        { "data=2", 1, "mpirun -n 2" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rank_layout l = layout_single();
        assert_int_equal(layout_parse(cases[i].text, cases[i].ranks, &l), CADRE_EARGUMENT);
        if (!strstr(cadre_last_error(), cases[i].sentence)) fail_msg("%s", cadre_last_error());
        assert_int_equal(layout_ranks(&l), 1);
    }
    /* Nobody starts so many, and they are not counted. */
    rank_layout l = layout_single();
    assert_int_equal(layout_parse("data=65536,expert=65536", 1, &l), CADRE_EARGUMENT);
    assert_null(strstr(cadre_last_error(), "mpirun"));
}

static void test_places(void **state)
{
    (void)state;
    rank_layout l = parsed("expert=2,data=3,pipeline=2,tensor=2", 24);
    for (int rank = 0; rank < layout_ranks(&l); rank++) {
        rank_layout place = layout_place(&l, rank);
        assert_int_equal(layout_rank(&l, &place), rank);
    }
    rank_layout at = layout_place(&l, 1);
    assert_int_equal(at.tensor, 1); /* neighbours in tensor are neighbouring ranks */
    at = layout_place(&l, 2);
    assert_int_equal(at.expert, 1);
    at = layout_place(&l, 23);
    assert_true(at.pipeline == 1 && at.data == 2 && at.expert == 1 && at.tensor == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
